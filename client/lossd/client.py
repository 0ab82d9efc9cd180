"""The synchronous client and its sessions: what can be asked; `lossd.calls` knows how, `lossd.connection` sends it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from lossd import calls, channel
from lossd.calls import Outcome, TypeLike
from lossd.catalog import LossInfo
from lossd.connection import Connection
from lossd.errors import LossdError, NotFound
from lossd.evaluation import Evaluation
from lossd.loss import Loss
from lossd.nn import Module
from lossd.optim import ClipGradNorm, Optimizer
from lossd.results import Device, Result, ServerInfo, SessionInfo, Step, Validation
from lossd.tensors import Array, ArrayLike

if TYPE_CHECKING:
    from typing_extensions import Self  # for the type checker alone: no dependency


class Client:
    """A connection to a lossd server; safe to share between threads.

    It connects at the first call and again by itself whenever the connection was lost. Calls that change nothing
    are repeated, a few times and with growing pauses, when a server goes away; training steps never are.

    Args:
        target: HOST:PORT (all addresses of the name are used in turn), "unix:PATH" or any target of gRPC's;
            default the environment's LOSSD_SERVER, else localhost:50051.
        token: sent with every call as `authorization: Bearer …`. Without `tls` it travels in plain text.
        tls: True to check the server against the system's authorities, or a `TLS` with files; default plain text.
        timeout: seconds that a call may take unless it says otherwise; math.inf leaves it to the server.

    Every method that calls the server raises `LossdError`s, drawn in `lossd.errors`, and takes `timeout`.

        with lossd.Client("localhost:50051") as client:
            client.evaluate(lossd.CrossEntropyLoss(), [[4.0, 1.0, 0.1]], [0]).value   # 0.06768565624952316
    """

    def __init__(
        self,
        target: str | None = None,
        *,
        token: str | None = None,
        tls: bool | channel.TLS | None = None,
        timeout: float = 60.0,
    ) -> None:
        self._connection = Connection(target, token=token, tls=tls, timeout=timeout)
        self.target = self._connection.target

    def evaluate(
        self,
        loss: Loss,
        /,
        *inputs: ArrayLike,
        gradients: bool | str | Iterable[str] = False,
        grad_output: ArrayLike | None = None,
        term_gradients: bool = False,
        request_id: str = "",
        validate_only: bool = False,
        timeout: float | None = None,
        **named_inputs: ArrayLike,
    ) -> Result:
        """Evaluates a loss, and its gradients if asked.

        Args:
            loss: the loss, for example `lossd.MSELoss()`.
            *inputs: arrays in torch's forward order: numpy, nested lists, torch or jax tensors, numbers.
            gradients: True for the gradient of every input that torch differentiates, or names of inputs.
            grad_output: the vector of the vector–Jacobian product, of the shape of the result; needed for gradients
                of an unreduced loss, 1 otherwise.
            term_gradients: also return the gradient of each term of a weighted sum by itself, unweighted, for the
                inputs in `gradients`.
            request_id: your own name for this evaluation, echoed in the result; at most 128 characters.
            validate_only: check everything, the elements included, and compute nothing.
            timeout: seconds; default the client's.
            **named_inputs: arrays by torch's forward argument names.

        Raises:
            InvalidArgument: `.field` says which input or argument is wrong, the message what was expected.

            r = client.evaluate(lossd.CrossEntropyLoss(), [[4.0, 1.0, 0.1]], [0], gradients=True)
            r.value, r.gradients["input"]   # 0.06768565624952316, a float32 array (1, 3)
        """
        evaluation = Evaluation(
            loss,
            *inputs,
            gradients=gradients,
            grad_output=grad_output,
            term_gradients=term_gradients,
            request_id=request_id,
            validate_only=validate_only,
            **named_inputs,
        )
        return self._connection.evaluate(calls.evaluate(evaluation), timeout)

    def evaluate_batch(self, evaluations: Iterable[Evaluation], *, timeout: float | None = None) -> list[Outcome]:
        """Evaluates many independent losses in one trip, at most 4,096.

        Returns:
            A `Result` for each evaluation, or the `LossdError` it failed with, in order: one failing fails no other.

            losses = [lossd.MSELoss(), lossd.L1Loss()]
            a, b = client.evaluate_batch([lossd.Evaluation(loss, x, y) for loss in losses])
        """
        return self._connection.call(calls.evaluate_batch(evaluations), timeout)

    def evaluate_stream(self, evaluations: Iterable[Evaluation], *, timeout: float | None = None) -> Iterator[Outcome]:
        """Evaluates losses as they come, several under way at once.

        Args:
            evaluations: read in another thread, ahead of the results; what it raises ends the stream and is raised
                here after the results of what it had yielded.
            timeout: seconds for the whole stream; default the client's.

        Yields:
            A `Result` for each evaluation, or the `LossdError` it failed with, in order.

            for outcome in client.evaluate_stream(lossd.Evaluation(loss, x, y) for x, y in batches): ...
        """
        stream = calls.Stream()
        raised: list[BaseException] = []

        def requests() -> Iterator[bytes]:
            try:
                for evaluation in evaluations:
                    request = stream.request(evaluation)
                    if request is not None:
                        yield request
            except Exception as error:  # noqa: BLE001  # raised in grpc's thread, which would only log it
                raised.append(error)

        for answer in self._connection.stream(calls.Stream.METHOD, requests(), timeout):
            for outcome in stream.outcomes(answer):
                yield self._made(outcome, timeout) if isinstance(outcome, calls.Call) else outcome
        yield from stream.rest()
        for error in raised:
            raise error

    def _made(self, call: calls.Call[Result], timeout: float | None) -> Outcome:
        """The outcome of a member of a stream that has to be asked again."""
        try:
            return self._connection.call(call, timeout)
        except LossdError as error:
            return error

    def losses(
        self, *, task: str | None = None, family: str | None = None, timeout: float | None = None
    ) -> list[LossInfo]:
        """Describes the losses of the server, sorted by name.

        Args:
            task: only those for this task, for example "segmentation"; see `LossInfo.tasks`.
            family: only those of this family, for example "torch_nn"; see `LossInfo.family`.
            timeout: seconds; default the client's.

        Raises:
            InvalidArgument: if there is no such task or family; the message lists those that there are.
        """
        return self._connection.call(calls.losses(task, family), timeout)

    def loss(self, name: str, *, timeout: float | None = None) -> LossInfo:
        """Describes one loss, by its name ("huber_loss"), class name ("HuberLoss") or alias ("focal_loss").

        Raises:
            NotFound: the message names the nearest spelling.
        """
        return self._connection.call(calls.loss(name), timeout)

    def validate(
        self,
        loss: Loss,
        /,
        *,
        gradients: bool | str | Iterable[str] = False,
        timeout: float | None = None,
        **types: TypeLike,
    ) -> Validation:
        """Checks a loss against the types and shapes of its inputs, without data, and tells the types of the results.

        Args:
            loss: the loss.
            gradients: as in `evaluate`.
            timeout: seconds; default the client's.
            **types: for each input a pair of element type and shape, or anything that has `dtype` and `shape`.

        Raises:
            InvalidArgument: as `evaluate` would, but for the ranges of elements.

            client.validate(lossd.CrossEntropyLoss(), input=("float32", (32, 10)), target=("int64", (32,)))
        """
        return self._connection.call(calls.validate(loss, types, gradients), timeout)

    def server_info(self, *, timeout: float | None = None) -> ServerInfo:
        """Versions and limits of the server."""
        return self._connection.call(calls.server_info(), timeout)

    def devices(self, *, timeout: float | None = None) -> list[Device]:
        """The server's devices and how they are."""
        return self._connection.call(calls.devices(), timeout)

    def create_session(
        self,
        *,
        model: Module,
        loss: Loss,
        optimizer: Optimizer,
        seed: int = 0,
        state_dict: Mapping[str, ArrayLike] | None = None,
        clip_grad_norm: float | ClipGradNorm | None = None,
        clip_grad_value: float | None = None,
        timeout: float | None = None,
    ) -> Session:
        """Builds a model, its loss and its optimizer on one device of the server, to train there.

        Args:
            model: for example `lossd.nn.Sequential(lossd.nn.Linear(1, 1))`.
            loss: reduced to a scalar; its first input is bound to the model's output.
            optimizer: for example `lossd.optim.SGD(lr=0.01)`.
            seed: of the initial parameters, as torch.manual_seed takes it.
            state_dict: initial parameters and buffers, all of them, instead of torch's initialisation.
            clip_grad_norm: the norm that each step's gradients are scaled down to, or a `lossd.optim.ClipGradNorm`.
            clip_grad_value: what each element of the gradients is clamped to, ±; after clip_grad_norm.
            timeout: seconds; default the client's.

        Raises:
            InvalidArgument: if the parts do not fit.
            ResourceExhausted: if the server holds as many sessions as it may.
        """
        call = calls.create_session(model, loss, optimizer, seed, state_dict, clip_grad_norm, clip_grad_value)
        info = self._connection.call(call, timeout)
        return Session(self, info.session_id, loss)

    def session(self, session_id: str, *, timeout: float | None = None) -> Session:
        """A session that exists already, by its identifier.

        Raises:
            NotFound: if there is none; `SessionLost` if it ended with its worker.
        """
        info = self._connection.call(calls.get_session(session_id), timeout)
        return Session(self, session_id, info.loss)

    def close(self) -> None:
        """Ends the connection and every call under way; calls after it raise RuntimeError."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.target!r})"


class Session:
    """A model in training on the server; made by `Client.create_session` and `Client.session`.

    As a context manager it deletes itself at the end. It lives in the memory of one worker and ends with it: calls
    then raise `SessionLost`.

        with client.create_session(model=lossd.nn.Linear(1, 1), loss=lossd.MSELoss(),
                                   optimizer=lossd.optim.SGD(lr=0.01)) as session:
            for _ in range(100):
                step = session.step([[2], [4], [6]], [[4], [8], [12]])
            session.predict([[5.0]])
    """

    def __init__(self, client: Client, session_id: str, loss: Loss | None) -> None:
        self.session_id = session_id
        self._connection = client._connection
        self._loss = loss

    def step(self, inputs: ArrayLike, targets: ArrayLike, *, timeout: float | None = None) -> Step:
        """zero_grad, forward, loss, backward and optimizer step, in one trip.

        Never repeated by itself: after `Unavailable` or `DeadlineExceeded`, `info().step` tells whether it ran.

        Args:
            inputs: the model's input, or a dict of them by name.
            targets: the loss's other input, or a dict of them by name.
            timeout: seconds; default the client's.

        Raises:
            InvalidArgument: if they do not fit; the session is unchanged.
        """
        return self._connection.call(calls.train_step(self.session_id, self._loss, inputs, targets), timeout)

    def predict(self, inputs: ArrayLike, *, timeout: float | None = None) -> Array:
        """The model's output, as a read-only array; trains nothing."""
        return self._connection.call(calls.forward(self.session_id, inputs), timeout)

    def state_dict(self, *, timeout: float | None = None) -> dict[str, Array]:
        """Parameters and buffers by torch's names, as read-only arrays."""
        return self._connection.call(calls.get_session_state(self.session_id), timeout)

    def info(self, *, timeout: float | None = None) -> SessionInfo:
        """The session as it stands."""
        return self._connection.call(calls.get_session(self.session_id), timeout)

    def delete(self, *, timeout: float | None = None) -> None:
        """Ends the session and frees what it holds."""
        self._connection.call(calls.delete_session(self.session_id), timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.delete()
        except NotFound:
            pass  # gone already
        except LossdError:
            if kind is None:  # else the first error is the one to see
                raise

    def __repr__(self) -> str:
        return f"Session({self.session_id!r})"
