"""How far a `fit` is, of arrays on the server or of batches from here; knows neither channel nor clock's waiting."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lossd import changing
from lossd import training_results as outcomes
from lossd.calls import Call
from lossd.changing import Change, FitRequest, Plan
from lossd.diagnostics import Diagnostic, Level, worst
from lossd.errors import DeadlineExceeded, LossdError, SequenceConflict, SessionLost, Unavailable
from lossd.history import History
from lossd.loss import Loss
from lossd.sequence import check_own
from lossd.settings import EarlyStopping
from lossd.tensors import ArrayLike
from lossd.training_results import Epoch, MicroBatch, Progress, Score, Step
from lossd.v1 import training_service_pb2 as pb

_STOPPED = {pb.STOP_REASON_EPOCHS: "epochs", pb.STOP_REASON_EARLY_STOPPING: "early_stopping"}


def stopping(given: EarlyStopping | int | None) -> EarlyStopping | None:
    """Early stopping, of which a number is the patience.

    Raises:
        TypeError: for what is neither.
    """
    if isinstance(given, int):
        return EarlyStopping(given)
    if given is not None and not isinstance(given, EarlyStopping):
        raise TypeError(f"early_stopping is {given!r:.80}; expected epochs, or a lossd.EarlyStopping")
    return given


class Course:
    """A Fit on the server, over as many streams as it takes.

    Args:
        request: what was asked for.
        first: the same with its number, as it is sent first.
        seq: that number.
        epochs: how many were asked for.
        again: whether it may have been sent before.
    """

    def __init__(self, request: FitRequest, first: Call[pb.FitResponse], seq: int, epochs: int, again: bool) -> None:
        self._request, self._first, self._seq = request, first, seq
        self._asked, self._again = epochs, again
        self._epochs: list[Epoch] = []
        self._held = False  # whether the server holds its data
        self._last: pb.FitResponse | None = None

    @property
    def done(self) -> bool:
        """Whether the last answer has come."""
        return self._last is not None and (bool(self._last.stop_reason) or self._last.replayed)

    def call(self) -> Call[pb.FitResponse]:
        """What the next stream begins with."""
        self._sent_before, self._again = self._again, True
        after = self._epochs[-1].epoch if self._epochs else 0
        if self._held:
            return self._request.resumed(self._seq, after)
        return self._request.whole(self._seq, after) if after else self._first

    def told(self, answer: pb.FitResponse) -> Progress:
        """Takes an answer in.

        Raises:
            SequenceConflict: if it is somebody else's.
        """
        check_own(answer.replayed, self._sent_before)
        self._held, self._last = True, answer
        ended = tuple(outcomes.epoch(epoch) for epoch in answer.epochs)
        self._epochs += ended
        return Progress(answer.epoch, self._asked, answer.step, answer.progress, answer.value, ended)

    def ended(self) -> None:
        """Takes the end of a stream in.

        Raises:
            Unavailable: if it came too early.
        """
        if not self.done:
            raise Unavailable("the server ended the stream before the last epoch")

    def forgotten(self, error: LossdError) -> bool:
        """Whether the server may only lack the data, after it refused to go on; then they are sent again, once."""
        final = isinstance(error, Unavailable | DeadlineExceeded | SessionLost | SequenceConflict)
        held, self._held = self._held, self._held and final
        return held and not final

    def history(self) -> History:
        """What became of it."""
        assert self._last is not None, "it is done"
        stopped = _STOPPED.get(self._last.stop_reason, "another call")
        return History(self._epochs, self._last.best_epoch, stopped, self._last.restored_best)


def check_batches(plan: Plan, batches: Any) -> None:
    """Refuses what cannot be had of batches that come one after another.

    Raises:
        TypeError, ValueError: in words.
    """
    array = isinstance(batches, Mapping | str | bytes) or hasattr(batches, "__array__")
    if array or not isinstance(batches, Iterable | AsyncIterable):
        raise TypeError(
            "without targets, fit takes an iterable of pairs (inputs, targets), and with them arrays of all examples; "
            f"given {type(batches).__name__} alone"
        )
    if plan.epochs > 1 and isinstance(batches, Iterator | AsyncIterator):
        raise ValueError(
            f"a {type(batches).__name__} can be read once, epochs is {plan.epochs}; give a list or a DataLoader, "
            "something that can be read again, or epochs=1"
        )
    of_arrays = {
        "batch_size": plan.batch_size,
        "shuffle": plan.shuffle,
        "drop_last": plan.drop_last,
        "validation_split": plan.validation_split,
        "restore_best": plan.restore_best,
    }
    for name, value in of_arrays.items():
        if value:
            raise ValueError(f"{name} is for arrays of all examples; an iterable makes its batches itself")
    if plan.metrics and plan.validation_data is None:
        raise ValueError("metrics of an iterable need validation_data, on which they are computed")
    if plan.early_stopping is not None and plan.early_stopping.monitor != "loss":
        raise ValueError("with an iterable, early stopping monitors the loss alone")
    if plan.epochs < 1 or plan.accumulate < 1:
        raise ValueError(f"epochs is {plan.epochs} and accumulate is {plan.accumulate}; both are at least 1")


def pair(number: int, batch: Any) -> tuple[ArrayLike, ArrayLike]:
    """A batch as the pair that it must be.

    Raises:
        TypeError: if it is none.
    """
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        what = f"{len(batch)} parts" if isinstance(batch, tuple | list) else type(batch).__name__
        raise TypeError(f"batch {number} has {what}; expected a pair (inputs, targets)")
    return batch[0], batch[1]


@dataclass
class Changes:
    """Makes the calls of a session's batches."""

    session_id: str
    loss: Loss | None
    accumulate: int = 1
    overrides: Mapping[str, float] = field(default_factory=dict)
    diagnostics: Level | bool = False
    _waiting: int = 0

    def of(self, inputs: ArrayLike, targets: ArrayLike) -> Iterator[Change]:
        """The calls of the next batch."""
        if self.accumulate == 1:
            yield changing.train_step(
                self.session_id, self.loss, inputs, targets, self.overrides, diagnostics=self.diagnostics
            )
            return
        yield changing.forward_backward(self.session_id, self.loss, inputs, targets, diagnostics=self.diagnostics)
        self._waiting += 1
        if self._waiting == self.accumulate:
            yield from self.rest()

    def all(self, batches: Iterable[Any]) -> Iterator[Change]:
        """The calls of all batches."""
        for number, batch in enumerate(batches, 1):
            yield from self.of(*pair(number, batch))
        yield from self.rest()

    def rest(self) -> Iterator[Change]:
        """What is to be called after the last batch."""
        if self._waiting:
            self._waiting = 0
            yield changing.optim_step(self.session_id, self.overrides, diagnostics=self.diagnostics)


class Tally:
    """Adds up what batches became, epoch by epoch, and tells when to stop.

    Args:
        plan: what was asked for.
        batches: of an epoch, or None if nobody knows.
    """

    def __init__(self, plan: Plan, batches: int | None) -> None:
        self._plan, self._batches = plan, batches
        self._epochs: list[Epoch] = []
        self._best: tuple[float, int] = (float("inf"), 0)
        self._begin()

    def _begin(self) -> None:
        self._values: list[tuple[int, float, dict[str, float]]] = []  # examples, loss, terms
        self._steps: list[Step] = []
        self._found: list[Diagnostic] = []
        self._begun = time.monotonic()

    def took(self, change: Change, outcome: Step | MicroBatch) -> Progress | None:
        """Takes what became of a call in; None after one that is no batch."""
        if isinstance(outcome, Step):
            self._steps.append(outcome)
        self._found += outcome.diagnostics
        if change.kind == "optim_step":
            return None
        self._values.append((change.examples, outcome.value, outcome.terms))
        done = None
        if self._batches:
            part = min(len(self._values) / self._batches, 1.0)
            done = (len(self._epochs) + part) / self._plan.epochs
        step = self._steps[-1].step if self._steps else 0
        return Progress(len(self._epochs) + 1, self._plan.epochs, step, done, outcome.value, ())

    def end_epoch(self, score: Score | None) -> Progress:
        """Ends an epoch, whose validation came to `score`.

        Raises:
            ValueError: if there was no batch.
        """
        if not self._values:
            raise ValueError(f"epoch {len(self._epochs) + 1} had no batches")
        number, last = len(self._epochs) + 1, self._steps[-1]
        ended = Epoch(
            number,
            last.step,
            _mean([(weight, value) for weight, value, _ in self._values]),
            None if score is None else score.value,
            {
                label: _mean([(weight, terms[label]) for weight, _, terms in self._values])
                for label in self._values[0][2]
            },
            {} if score is None else score.metrics,
            _mean([(1, step.grad_norm) for step in self._steps]),
            last.lr,
            time.monotonic() - self._begun,
            worst(self._found),
        )
        self._epochs.append(ended)
        judged = ended.value if score is None else score.value
        margin = self._plan.early_stopping.min_delta if self._plan.early_stopping else 0.0
        if self._best[1] == 0 or judged < self._best[0] - margin:
            self._best = (judged, number)
        self._begin()
        return Progress(
            number, self._plan.epochs, last.step, number / self._plan.epochs, self._epochs[-1].value, (ended,)
        )

    @property
    def stopped(self) -> str:
        """Why no further epoch follows; "" if one does."""
        number, early = len(self._epochs), self._plan.early_stopping
        if early is not None and number and number - self._best[1] >= early.patience:
            return "early_stopping"
        return "epochs" if number >= self._plan.epochs else ""

    def history(self) -> History:
        """What became of it."""
        return History(self._epochs, self._best[1], self.stopped)


def _mean(weighted: Sequence[tuple[int, float]]) -> float:
    total = sum(weight for weight, _ in weighted)
    return sum(weight * value for weight, value in weighted) / total
