"""The synchronous client: what can be asked; `lossd.calls` knows how, `lossd.connection` sends it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from lossd import advice, calls, channel, training_calls
from lossd.advice import Advice, Facts
from lossd.aggregation import Aggregation, Chunks
from lossd.calls import Outcome, TypeLike
from lossd.catalog import LossInfo, MetricInfo
from lossd.connection import Connection
from lossd.diagnostics import DiagnosticInfo, Level
from lossd.errors import LossdError
from lossd.evaluation import Evaluation
from lossd.explanation import Explanation
from lossd.loss import Loss
from lossd.nn import Module
from lossd.optim import Averaging, ClipGradNorm, Optimizer, Scheduler
from lossd.results import Device, Result, ServerInfo, Validation
from lossd.session import Session
from lossd.settings import Autocast, CheckpointPolicy, Durability, Nonfinite, WeightSchedule
from lossd.tensors import ArrayLike
from lossd.training_calls import Parts
from lossd.training_results import SessionInfo

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack  # for the type checker alone: no dependency


class Client:
    """A connection to a lossd server; safe to share between threads.

    It connects at the first call and again by itself whenever the connection was lost. Calls that change nothing
    are repeated, a few times and with growing pauses, when a server goes away. Those that change a session are numbered
    and repeated until their timeout: each runs exactly once.

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
        metrics: str | Iterable[str] = (),
        diagnostics: Level | bool = False,
        series: str = "",
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
            metrics: a name or names of metrics to compute beside the loss, such as "accuracy" or
                "precision(threshold=0.3)"; `Client.metrics` tells them.
            diagnostics: "off", "cheap" or "full" (True): how much to look for that is wrong.
            series: name of the production series that this evaluation counts in: the server's Prometheus metrics get
                its rolling loss, metrics and diagnostics. Letters, digits, `.`, `_` and `-`, at most 64.
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
            metrics=metrics,
            diagnostics=diagnostics,
            series=series,
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

    def explain(
        self,
        loss: Loss,
        /,
        *inputs: ArrayLike,
        metrics: str | Iterable[str] = (),
        limit: int = 20,
        timeout: float | None = None,
        **named_inputs: ArrayLike,
    ) -> Explanation:
        """Explains one evaluation: its terms and worst examples, what pulls at them, and what looks wrong.

        Args:
            loss: the loss.
            *inputs: arrays, as `evaluate` takes them.
            metrics: a name or names of metrics to compute beside the loss.
            limit: most examples to tell of, the worst first; at most 1,000.
            timeout: seconds; default the client's.
            **named_inputs: arrays by torch's forward argument names.

        Raises:
            InvalidArgument: as `evaluate`.

            explanation = client.explain(lossd.MSELoss(), [78.0, 85.0, 99.0], [80.0, 87.0, 90.0])
            print(explanation)
            explanation.worst[0].index, explanation.worst[0].share   # 2, 0.91
            explanation.save("report.html")
        """
        return self._connection.call(calls.explain(loss, inputs, named_inputs, metrics, limit), timeout)

    def aggregate(
        self,
        loss: Loss,
        /,
        *,
        metrics: str | Iterable[str] = (),
        diagnostics: Level | bool = False,
        series: str = "",
        request_id: str = "",
        progress: bool | int | Callable[[int, int], object] = False,
        timeout: float = math.inf,
    ) -> Aggregation:
        """Begins a data set that comes in chunks: one loss, its metrics and diagnostics of all of it.

        The answer is that of one evaluation of all examples, to the last bit whatever the chunks: what is added is
        added exactly, in float64. The server holds a few megabytes of it at a time.

        Args:
            loss: a mean or a sum over its examples. Losses that compare them with each other are refused.
            metrics: as in `evaluate`.
            diagnostics: as in `evaluate`; looks at a sample of all examples, and for what is grave at all.
            series: as in `evaluate`; the whole data set counts once.
            request_id: as in `evaluate`.
            progress: True shows how much was sent, the number of all examples a bar; a function is called with
                examples and chunks so far.
            timeout: seconds for all of it; default as long as it takes.

            with client.aggregate(lossd.MSELoss(), metrics=["mae", "r2"]) as total:
                for x, y in batches:
                    total.update(x, y)
                result = total.result()   # .value, .metrics, .examples
        """
        chunks = Chunks(loss, metrics, diagnostics, series, request_id)
        return Aggregation(self._connection, chunks, timeout, progress)

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

    def metrics(self, *, task: str | None = None, timeout: float | None = None) -> list[MetricInfo]:
        """Describes the metrics that evaluations and sessions compute, sorted by name.

        Args:
            task: only those for "binary", "multiclass", "multilabel" or "regression".
            timeout: seconds; default the client's.

        Raises:
            InvalidArgument: if there is no such task; the message lists those that there are.

            [metric.name for metric in client.metrics(task="regression")]   # ['explained_variance', 'mae', …]
        """
        return self._connection.call(calls.metrics(task), timeout)

    def diagnostics(self, *, timeout: float | None = None) -> list[DiagnosticInfo]:
        """Describes what evaluations and sessions look for that is wrong, sorted by code."""
        return self._connection.call(calls.diagnostics(), timeout)

    def recommend(
        self,
        *,
        target: ArrayLike | None = None,
        input: ArrayLike | None = None,  # noqa: A002  # torch's name
        limit: int = 5,
        timeout: float | None = None,
        **facts: Unpack[Facts],
    ) -> Advice:
        """Advises on the loss for a task, from what is said of it and from samples of its data.

        Args:
            target: a sample of targets, which is measured.
            input: the model's outputs for the same examples, which are measured too.
            limit: most recommendations of lossd's own losses, at most 100; plugins of the task follow them.
            timeout: seconds; default the client's.
            **facts: what is known, such as task="regression", outliers=True; what is said wins over what is measured.

        Raises:
            TypeError: for a keyword that there is not; the message names the nearest.
            InvalidArgument: for an answer that there is not, or a sample without a finite number.

            advice = client.recommend(task="regression", outliers=True, target=y, input=predictions)
            advice.recommendations[0].loss      # HuberLoss(delta=2.3), with the reasons in .reasons
            advice.open_questions[0].text       # what to answer next
        """
        return self._connection.call(advice.recommend(facts, target, input, limit), timeout)

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
        state_dict: Mapping[str, ArrayLike] | str | os.PathLike[str] | None = None,
        clip_grad_norm: float | ClipGradNorm | None = None,
        clip_grad_value: float | None = None,
        scheduler: Scheduler | None = None,
        averaging: Averaging | None = None,
        autocast: Autocast | None = None,
        nonfinite: Nonfinite = "allow",
        durability: Durability = "memory",
        checkpoint: CheckpointPolicy | None = None,
        ttl: float | None = None,
        weight_schedules: Mapping[str, WeightSchedule | Sequence[tuple[int, float]]] | None = None,
        timeout: float | None = None,
    ) -> Session:
        """Builds a model, its loss and its optimizer on one device of the server, to train there.

        Args:
            model: for example `lossd.nn.Sequential(lossd.nn.Linear(1, 1))`.
            loss: reduced to a scalar; its first input is bound to the model's output.
            optimizer: for example `lossd.optim.SGD(lr=0.01)`.
            seed: of the initial parameters and of all that is random later, as torch.manual_seed takes it.
            state_dict: initial parameters and buffers, all of them, instead of torch's initialisation: by name, or
                the path of a .safetensors file.
            clip_grad_norm: the norm that each step's gradients are scaled down to, or a `lossd.optim.ClipGradNorm`.
            clip_grad_value: what each element of the gradients is clamped to, ±; after clip_grad_norm.
            scheduler: changes the learning rate, for example `lossd.optim.lr_scheduler.StepLR(step_size=30)`.
            averaging: keeps an average of the weights, a `lossd.optim.Averaging`.
            autocast: "bfloat16" or "float16": the model's forward runs in torch.autocast of that type.
            nonfinite: "allow" uses a loss or gradients that are not finite, as torch does; "error" refuses the step.
            durability: what survives the end of worker or server: "memory" nothing, "checkpoint" the newest
                checkpoint, "step" every answered call. The last two need a server with a state directory.
            checkpoint: when checkpoints are made, for durability "checkpoint" alone.
            ttl: seconds it stays in memory after the last call that named it; default the server's setting.
            weight_schedules: by label of a weighted sum's term, a `lossd.WeightSchedule`, or its points for a linear
                one: {"l1_loss": [(0, 0.0), (1000, 1.0)]}.
            timeout: seconds; default the client's.

        Raises:
            InvalidArgument: if the parts do not fit.
            ResourceExhausted: if the server holds as many sessions as it may.
        """
        parts = Parts(
            model,
            loss,
            optimizer,
            seed,
            state_dict,
            clip_grad_norm,
            clip_grad_value,
            scheduler,
            averaging,
            autocast,
            nonfinite,
            durability,
            checkpoint,
            ttl,
            weight_schedules,
        )
        info = self._connection.call(training_calls.create_session(parts), timeout)
        return Session(self, info.session_id, loss, info.seq)

    def session(self, session_id: str, *, timeout: float | None = None) -> Session:
        """A session that exists already, by its identifier; one that is stored comes back.

        Raises:
            NotFound: if there is none; `SessionLost` if it ended with its worker or its time.
        """
        info = self._connection.call(training_calls.get_session(session_id), timeout)
        return Session(self, info.session_id, info.loss, info.seq)

    def sessions(self, *, timeout: float | None = None) -> Iterator[SessionInfo]:
        """All sessions of the server, in memory and stored, by identifier; without the tensors of their losses.

        Args:
            timeout: seconds for each page of 100; default the client's.
        """
        token = ""
        while True:
            page = self._connection.call(training_calls.list_sessions(token), timeout)
            yield from page.sessions
            token = page.next_page_token
            if not token:
                return

    def restore_session(self, session_id: str, *, timeout: float | None = None) -> Session:
        """Brings a session back from the server's state directory; one that is in memory stays as it is.

        `info().step` says where to go on.

        Raises:
            NotFound: if none is stored.
            DataLoss: if what is stored is damaged.
        """
        call = training_calls.restore_session(session_id)
        info = self._connection.repeat(call, self._connection.retry(timeout))
        return Session(self, info.session_id, info.loss, info.seq)

    def close(self) -> None:
        """Ends the connection and every call under way; calls after it raise RuntimeError."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.target!r})"
