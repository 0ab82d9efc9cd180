"""A session as its synchronous caller sees it: what can be asked, and in whose turn; `lossd.sequence` counts."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from lossd import changing, fitting, training_calls
from lossd.calls import Call
from lossd.changing import STREAM, Change, FitRequest, Plan, overridden
from lossd.connection import Connection
from lossd.diagnostics import Level
from lossd.errors import DeadlineExceeded, LossdError, NotFound
from lossd.evaluation import metric_names
from lossd.fitting import Changes, Course, Tally
from lossd.history import History
from lossd.pipeline import UNDER_WAY, Broken, Pipeline
from lossd.progress import Report, reporting
from lossd.sequence import Numbered, Retry
from lossd.sequence import Sequence as Numbers
from lossd.settings import EarlyStopping
from lossd.tensors import Array, ArrayLike
from lossd.training_results import MicroBatch, Progress, Saved, Score, SessionInfo, Step

if TYPE_CHECKING:
    from typing_extensions import Self  # for the type checker alone: no dependency

    from lossd.loss import Loss

T = TypeVar("T")
R = TypeVar("R", Step, MicroBatch)


class Connected(Protocol):
    """A client."""

    _connection: Connection


class Session:
    """A model in training on the server; made by `create_session`, `session` and `restore_session` of `Client`.

    As a context manager it deletes itself at the end. Safe to share between threads: calls that change it go one
    after the other. Each has a number, and is sent again as it was while the server is not there, until its timeout:
    it runs exactly once. A call that fails changes nothing and uses up no number. Of one that ended with
    `Unavailable` or `DeadlineExceeded` nobody knows whether it ran: the same call again asks for its answer, and any
    other call first asks the session how far it is.

        with client.create_session(model=lossd.nn.Linear(1, 1), loss=lossd.MSELoss(),
                                   optimizer=lossd.optim.SGD(lr=0.01)) as session:
            for _ in range(100):
                step = session.step([[2], [4], [6]], [[4], [8], [12]])
            session.predict([[5.0]])
    """

    def __init__(self, client: Connected, session_id: str, loss: Loss | None, seq: int = 0) -> None:
        self.session_id = session_id
        self._connection = client._connection
        self._loss = loss
        self._numbers = Numbers(seq)
        self._turn = threading.Lock()
        self._holder: int | None = None  # the thread whose turn it is

    def step(
        self,
        inputs: ArrayLike,
        targets: ArrayLike,
        *,
        lr: float | None = None,
        overrides: Mapping[str, float] = {},
        metrics: Sequence[str] = (),
        diagnostics: Level | bool = False,
        timeout: float | None = None,
    ) -> Step:
        """zero_grad, forward, loss, backward, clipping and optimizer step, in one trip.

        Args:
            inputs: the model's input, or a dict of them by name.
            targets: the loss's other input, or a dict of them by name.
            lr: the learning rate of this step alone; default the optimizer's, or its scheduler's.
            overrides: other numbers of the optimizer for this step alone, such as {"weight_decay": 0.0}.
            metrics: names of metrics of this batch, of the model before the step; `Client.metrics` tells them.
            diagnostics: "off", "cheap" or "full" (True): how much to look for that is wrong with the batch and with how
                the training goes, by its last 200 steps; nothing of the training depends on it.
            timeout: seconds, repetitions included; default the client's.

        Raises:
            InvalidArgument: if they do not fit; the session is unchanged.
            SequenceConflict: if somebody else changed the session, or it came back from a checkpoint; see `resync`.
        """
        numbers = overridden(lr, overrides)
        change = changing.train_step(self.session_id, self._loss, inputs, targets, numbers, metrics, diagnostics)
        return self._change(changing.step_call(change), timeout)

    def forward_backward(
        self,
        inputs: ArrayLike,
        targets: ArrayLike,
        *,
        weight: float | None = None,
        metrics: Sequence[str] = (),
        diagnostics: Level | bool = False,
        timeout: float | None = None,
    ) -> MicroBatch:
        """Forward, loss and backward; the gradients are added to those that wait for `optim_step`.

        Args:
            inputs, targets: as in `step`.
            weight: adds weight × gradient, as `(weight * loss).backward()` does; default None: the micro-batches of a
                step count as one batch, a mean's by their sums of weights. All micro-batches of a step the same way.
            metrics, diagnostics, timeout: as in `step`.
        """
        change = changing.forward_backward(self.session_id, self._loss, inputs, targets, weight, metrics, diagnostics)
        return self._change(changing.micro_batch_call(change), timeout)

    def optim_step(
        self,
        *,
        lr: float | None = None,
        overrides: Mapping[str, float] = {},
        discard: bool = False,
        diagnostics: Level | bool = False,
        timeout: float | None = None,
    ) -> Step:
        """Clipping, optimizer step and zero_grad, with the gradients of the `forward_backward` calls before it.

        Args:
            lr, overrides, diagnostics, timeout: as in `step`.
            discard: forgets the gradients instead of using them.

        Raises:
            FailedPrecondition: if no gradients wait.
        """
        change = changing.optim_step(self.session_id, overridden(lr, overrides), discard, diagnostics)
        return self._change(changing.step_call(change), timeout)

    def step_stream(
        self,
        batches: Iterable[tuple[ArrayLike, ArrayLike]],
        *,
        overrides: Mapping[str, float] = {},
        diagnostics: Level | bool = False,
        timeout: float | None = None,
    ) -> Iterator[Step]:
        """Steps without waiting for each answer: up to 16 batches, or 64 MiB of them, are under way at once.

        A broken stream is opened again and goes on where it was. A step that fails ends it; those behind it did not
        run. Until it ends, or is closed, other calls that change the session wait.

        Args:
            batches: pairs of inputs and targets; read ahead of the results.
            overrides, diagnostics: as in `step`.
            timeout: seconds without an answer, after which it fails; default the client's.

        Yields:
            The outcome of each step, in order.

            for step in session.step_stream(loader): ...
        """
        changes = Changes(self.session_id, self._loss, 1, overrides, diagnostics)
        with self._in_turn(timeout) as retry:
            self._settle(retry)
            with closing(self._stream(changes, batches, timeout)) as outcomes:
                for _, outcome in outcomes:
                    if isinstance(outcome, Step):
                        yield outcome

    def fit(
        self,
        inputs: ArrayLike | Iterable[tuple[ArrayLike, ArrayLike]],
        targets: ArrayLike | None = None,
        *,
        epochs: int = 1,
        batch_size: int | None = None,
        shuffle: bool = False,
        shuffle_seed: int = 0,
        drop_last: bool = False,
        validation_split: float = 0.0,
        validation_data: tuple[ArrayLike, ArrayLike] | None = None,
        early_stopping: EarlyStopping | int | None = None,
        restore_best: bool = False,
        metrics: Sequence[str] | str = (),
        accumulate: int = 1,
        diagnostics: Level | bool = False,
        progress: bool | Callable[[Progress], object] = False,
        timeout: float | None = None,
    ) -> History:
        """Trains for whole epochs: on arrays of all examples, which travel once, or on batches as they come.

        A broken connection is taken up again where it was. What ends `fit` early leaves the steps made.

        Args:
            inputs: the model's input of all examples, or a dict of them by name. Without `targets`: an iterable of
                pairs (inputs, targets), such as a DataLoader, read again in each epoch; a generator for epochs=1.
            targets: the loss's other input, or a dict of them by name.
            epochs: passes over the examples; at least 1.
            batch_size: examples of a step; None takes all at once.
            shuffle: another order in each epoch, torch.randperm by a generator of `shuffle_seed`.
            shuffle_seed: as torch.Generator.manual_seed takes it.
            drop_last: leaves out an epoch's last batch where it has fewer examples.
            validation_split: part of the examples, the last ones, kept for validation; 0 to below 1.
            validation_data: pair of inputs and targets for validation, instead of validation_split.
            early_stopping: epochs in a row without improvement after which it ends, or a `lossd.EarlyStopping`.
            restore_best: at the end takes the weights of the best epoch.
            metrics: a name or names of metrics, such as "accuracy"; of the validation examples, or without any of all.
            accumulate: micro-batches of a step: each batch is cut into as many, or so many of an iterable's make one.
            diagnostics: as in `step`; "cheap" looks at the first ten steps, then once an epoch, "full" at every step.
                Findings are in `.diagnostics` of the history and of its epochs; with progress=True those that are
                more than information are printed once each.
            progress: True shows a live bar; a function is called with a `lossd.Progress` again and again, and what it
                raises ends the training.
            timeout: seconds without a sign of progress, after which it fails; default the client's.

        With an iterable, the epoch's loss is the mean of its batches' by their numbers of examples, and what needs
        all examples at once (batch_size, shuffle, drop_last, validation_split, restore_best) is refused.

        Returns:
            The epochs, with `.value`, `.validation_value`, `.metrics` … as lists, and `.plot("file.png")`.

            history = session.fit(x, y, epochs=20, batch_size=32, validation_split=0.2, metrics=["accuracy"])
        """
        plan = Plan(
            epochs,
            batch_size,
            shuffle,
            shuffle_seed,
            drop_last,
            validation_split,
            validation_data,
            fitting.stopping(early_stopping),
            restore_best,
            metric_names(metrics),
            accumulate,
            diagnostics,
        )
        if targets is None:
            fitting.check_batches(plan, inputs)
            with reporting(progress, epochs) as report:
                return self._fit_batches(plan, inputs, report, timeout)
        request = FitRequest(self.session_id, self._loss, inputs, targets, plan)
        with reporting(progress, epochs) as report:
            return self._fit_arrays(request, epochs, report, timeout)

    def predict(self, inputs: ArrayLike, *, averaged: bool = False, timeout: float | None = None) -> Array:
        """The model's output, as a read-only array; trains nothing.

        Args:
            inputs: as in `step`.
            averaged: uses the averaged weights.
            timeout: seconds; default the client's.
        """
        return self._connection.call(training_calls.forward(self.session_id, inputs, averaged), timeout)

    def evaluate(
        self,
        inputs: ArrayLike,
        targets: ArrayLike,
        *,
        metrics: Sequence[str] | str = (),
        batch_size: int | None = None,
        averaged: bool = False,
        diagnostics: Level | bool = False,
        series: str = "",
        timeout: float | None = None,
    ) -> Score:
        """The loss and metrics of a data set; trains nothing.

        Args:
            inputs, targets: as in `step`.
            metrics: by name, one or more, such as "accuracy", "f1", "mae"; `Client.metrics` tells them.
            batch_size: examples that run at once; None takes all. The result is the same.
            averaged: uses the averaged weights.
            diagnostics: as in `step`; of the first batch, with "full" of all.
            series: name of the production series that this counts in, for the server's Prometheus metrics.
            timeout: seconds; default the client's.
        """
        call = training_calls.evaluate_session(
            self.session_id,
            self._loss,
            inputs,
            targets,
            metric_names(metrics),
            batch_size,
            averaged,
            diagnostics,
            series,
        )
        return self._connection.call(call, timeout)

    def state_dict(self, *, averaged: bool = False, timeout: float | None = None) -> dict[str, Array]:
        """Parameters and buffers by torch's names, as read-only arrays; the averaged ones if asked."""
        return self._connection.call(training_calls.get_session_state(self.session_id, averaged), timeout)

    def save(self, *, timeout: float | None = None) -> Saved:
        """Writes the session to the server's state directory, whatever its durability.

        Raises:
            FailedPrecondition: if the server has none.
        """
        call = training_calls.save_session(self.session_id)
        return self._connection.repeat(call, self._connection.retry(timeout))

    def info(self, *, timeout: float | None = None) -> SessionInfo:
        """The session as it stands."""
        return self._connection.call(training_calls.get_session(self.session_id), timeout)

    def heartbeat(self, *, timeout: float | None = None) -> None:
        """Renews the session's lease, as every call that names it does."""
        self.info(timeout=timeout)

    def resync(self, *, timeout: float | None = None) -> int:
        """Takes the session as it stands: after a `SequenceConflict`, or when somebody else trained it.

        Returns:
            Its completed steps: where to go on.

            batches[session.resync():]   # what it has not seen
        """
        with self._in_turn(timeout) as retry:
            info = self._connection.repeat(training_calls.get_session(self.session_id), retry)
            self._numbers.reset(info.seq)
            return info.step

    def delete(self, *, timeout: float | None = None) -> None:
        """Ends the session and frees what it holds, its stored state too."""
        self._connection.call(training_calls.delete_session(self.session_id), timeout)

    def _change(self, numbered: Numbered[R], timeout: float | None) -> R:
        """Every unary call that changes the session goes through here."""
        with self._in_turn(timeout) as retry:
            again = self._numbers.repeats(numbered)
            call = self._begin(numbered, retry)
            with self._settling():
                answer = self._connection.repeat(call, retry)
                self._numbers.answered(answer.replayed, again or retry.failed)
            return answer

    def _begin(self, numbered: Numbered[T], retry: Retry) -> Call[T]:
        """The call with its number; before it, the session is asked how far it is where that is not known."""
        if not self._numbers.repeats(numbered):
            self._settle(retry)
        return self._numbers.begin(numbered)

    def _settle(self, retry: Retry) -> None:
        if not self._numbers.sure:
            self._numbers.learn(self._connection.repeat(training_calls.get_session(self.session_id), retry).seq)

    @contextmanager
    def _settling(self, in_parts: bool = False) -> Iterator[None]:
        try:
            yield
        except LossdError as error:
            self._numbers.settle(error, in_parts)
            raise

    def _fit_arrays(self, request: FitRequest, epochs: int, report: Report, timeout: float | None) -> History:
        with self._in_turn(timeout) as retry:
            again = self._numbers.repeats(request.numbered)
            first = self._begin(request.numbered, retry)
            course = Course(request, first, self._numbers.sent, epochs, again)
            with self._settling(in_parts=True), closing(self._course(course, retry)) as told:
                for progress in told:
                    report(progress)
            self._numbers.answered(replayed=False, again=True)
            return course.history()

    def _course(self, course: Course, retry: Retry) -> Generator[Progress, None, None]:
        """What a Fit tells, by one stream after another if they break."""
        while not course.done:
            try:
                for answer in self._connection.listen(course.call(), retry.timeout()):
                    retry.progress()
                    yield course.told(answer)
                course.ended()
            except LossdError as error:
                if not course.forgotten(error):
                    time.sleep(retry.pause(error))

    def _fit_batches(self, plan: Plan, batches: Any, report: Report, timeout: float | None) -> History:
        tally = Tally(plan, len(batches) if isinstance(batches, Sized) else None)
        changes = Changes(self.session_id, self._loss, plan.accumulate, diagnostics=plan.diagnostics)
        with self._in_turn(timeout) as retry:
            self._settle(retry)
            while not tally.stopped:
                with closing(self._stream(changes, batches, timeout)) as outcomes:
                    for change, outcome in outcomes:
                        report(tally.took(change, outcome))
                score = None
                if plan.validation_data is not None:
                    score = self.evaluate(*plan.validation_data, metrics=plan.metrics, timeout=timeout)
                report(tally.end_epoch(score))
            return tally.history()

    def _stream(
        self, changes: Changes, batches: Iterable[Any], timeout: float | None
    ) -> Generator[tuple[Change, Step | MicroBatch], None, None]:
        """Sends changes ahead of their answers, by one stream after another if they break."""
        pipeline, retry = Pipeline(self._numbers), self._connection.retry(timeout)
        source = changes.all(batches)
        while True:
            try:
                yield from self._one_stream(pipeline, source, retry)
                return
            except Broken as broken:
                time.sleep(retry.pause(broken.error))

    def _one_stream(
        self, pipeline: Pipeline, source: Iterator[Change], retry: Retry
    ) -> Iterator[tuple[Change, Step | MicroBatch]]:
        requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        for message in pipeline.unanswered():
            requests.put(message)
        with closing(self._connection.stream(STREAM, iter(requests.get, None), retry.timeout())) as answers:
            try:
                while True:
                    while not pipeline.full and (change := next(source, None)) is not None:
                        requests.put(pipeline.add(change))
                    if not pipeline:
                        return
                    with pipeline.breaking():
                        outcome = pipeline.answered(next(answers, None))
                    retry.progress()
                    yield outcome
            finally:
                requests.put(None)  # lets grpc's thread go

    @contextmanager
    def _in_turn(self, timeout: float | None) -> Iterator[Retry]:
        """Waits until no other thread changes the session; gives what is left of the time."""
        retry = self._connection.retry(timeout)
        if self._holder == threading.get_ident():
            raise RuntimeError(UNDER_WAY)
        left = retry.left()
        if not self._turn.acquire(timeout=-1 if left is None else left):
            raise DeadlineExceeded(f"other calls changed this session for {left:g} seconds; allow a longer `timeout`")
        self._holder = threading.get_ident()
        try:
            yield retry
        finally:
            self._holder = None
            self._turn.release()

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
