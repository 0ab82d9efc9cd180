"""A Fit: whole epochs over examples in memory, as an object that goes on step by step, and can be put away between any
two; it knows nothing of calls, slices and callers.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.losses.composite import WeightedSum
from lossd_server.losses.merging import Merged, tells_weight, unmerged
from lossd_server.training import state
from lossd_server.training.blame import blamed, of_field
from lossd_server.training.evaluating import Judging, evaluate
from lossd_server.training.examples import Examples
from lossd_server.training.options import LOSS, Options
from lossd_server.training.outcomes import MicroBatch, Step, Watch
from lossd_server.training.session import Session

_MOST_NUMBERS = 65_536
_MOST_TOLD = 1024
_NUMBERS_OF_FINDINGS = 256
"""Numbers that take about the room of an epoch's findings in an answer."""
_TELLINGS = 8
"""Answers' worth of epochs that are kept for callers who come back; earlier ones are forgotten."""


class Epoch(NamedTuple):
    """One epoch's outcome."""

    epoch: int
    step: int
    value: float
    validation_value: float | None
    terms: dict[str, float]
    metrics: dict[str, float]
    grad_norm: float
    lr: list[float]
    seconds: float
    findings: Sequence[Mapping[str, Any]] = ()
    """What an `Observer` said of it, as plain values."""


class Observer(Protocol):
    """Looks at the steps and epochs of a Fit, and says what it thinks of each epoch."""

    def watch(self, steps: int, batch: int) -> Watch | None:
        """Who watches the next step, which has so many before it, and so many in its epoch; None: nobody."""

    def stepped(self, step: Step, watch: Watch | None) -> None:
        """The step is made."""

    def ended(self, training: float, validation: float | None) -> Sequence[Mapping[str, Any]]:
        """An epoch has ended; what is to be said of it, as plain values."""


@dataclass
class _Running:
    """What is known of the epoch under way."""

    merged: Merged = field(default_factory=Merged)
    grad_norms: float = 0.0
    lr: list[float] = field(default_factory=list)
    seconds: float = 0.0
    batch: int = 0


class Fit:
    """Trains a session on examples, step by step. All that is random depends on the seeds alone.

    Args:
        session: to train; nothing else may train it meanwhile.
        examples: to train on.
        validation: to judge each epoch by; None without.
        options: how.
        judging: makes what computes `options.metrics`.
        observer: looks at its steps and epochs; nothing of it depends on that.

    Raises:
        Fault: before any step, if something does not fit.
    """

    def __init__(
        self,
        session: Session,
        examples: Examples,
        validation: Examples | None,
        options: Options,
        judging: Judging | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._session = session
        self._judging = judging
        self._observer = observer
        self._examples = examples
        self._validation = validation
        self._options = options
        self._size = min(options.batch_size or len(examples), len(examples))
        whole, rest = divmod(len(examples), options.batch_size or len(examples))
        self._batches = whole + (rest > 0 and not options.drop_last)
        self._outputs: dict[int, Tensor] = {}
        self._check()
        self._generator = torch.Generator().manual_seed(options.shuffle_seed)
        self._order_state = self._generator.get_state()
        self._order: Tensor | None = None
        self._running = _Running()
        self._best: dict[str, Tensor] = {}
        self._best_value: float | None = None
        self._stale = 0
        self._ended = 0
        self._last = math.nan
        self.steps = 0
        self.forward = self.backward = 0.0
        """Seconds of its steps, since it was made or restored."""
        self.best_epoch = 0
        self.stopped_early = False
        self.restored_best = False
        numbers = 8 + len(options.metrics) + len(session.optimization.lr) + _terms(session)
        numbers += _NUMBERS_OF_FINDINGS if observer is not None else 0
        self.most_told = max(1, min(_MOST_NUMBERS // numbers, _MOST_TOLD))
        self._epochs: deque[Epoch] = deque(maxlen=_TELLINGS * self.most_told)

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self.stopped_early or self._ended >= self._options.epochs

    @property
    def epoch(self) -> int:
        """Epochs begun."""
        return self._ended + (self._running.batch > 0)

    @property
    def progress(self) -> float:
        """Part of it that is done, 0 to 1."""
        return 1.0 if self.done else (self._ended + self._running.batch / self._batches) / self._options.epochs

    @property
    def value(self) -> float:
        """The loss of the last batch."""
        return self._last

    def backlog(self, after: int) -> int:
        """Epochs that have ended since the epoch `after`."""
        return self._ended - after

    def told(self, after: int) -> list[Epoch]:
        """The epochs after `after`, the first of them, as many as an answer takes."""
        oldest = self._ended - len(self._epochs)
        skipped = max(after - oldest, 0)
        return [self._epochs[index] for index in range(skipped, min(skipped + self.most_told, len(self._epochs)))]

    def go_on(self) -> None:
        """One step, and what ends with it. A step that raises is not made; an end that raises is made later."""
        started = time.perf_counter()
        if self._running.batch < self._batches:
            self._step()
        self._running.seconds += time.perf_counter() - started
        if self._running.batch == self._batches:
            self._end_epoch()

    def advance(self, steps: int) -> None:
        """Goes on until so many steps are made, counted from its beginning; an end that is refused is made later."""
        while self.steps < steps and not self.done:
            before = self.steps
            try:
                self.go_on()
            except Fault as fault:
                if self.steps == before or fault.retry_after is not None:
                    raise

    def capture(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that it is beyond its arguments: tensors, and facts as plain values."""
        tensors = {f"best.{name}": tensor for name, tensor in self._best.items()} | {"order": self._order_state}
        facts = {
            "running": asdict(self._running),
            "best_value": self._best_value,
            "best_epoch": self.best_epoch,
            "stale": self._stale,
            "ended": self._ended,
            "last": self._last,
            "steps": self.steps,
            "stopped_early": self.stopped_early,
            "restored_best": self.restored_best,
            "epochs": [list(epoch) for epoch in self._epochs],
        }
        return tensors, facts

    def restore(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Becomes what `capture` described; its arguments must be the same."""
        self._best = {
            name.removeprefix("best."): tensor for name, tensor in tensors.items() if name.startswith("best.")
        }
        self._order_state, self._order = tensors["order"].cpu(), None
        self._generator.set_state(self._order_state)
        running = dict(facts["running"])
        self._running = _Running(**{**running, "merged": Merged(**running["merged"])})
        self._best_value, self.best_epoch = facts["best_value"], facts["best_epoch"]
        self._stale, self._ended = facts["stale"], facts["ended"]
        self._last, self.steps = facts["last"], facts["steps"]
        self.stopped_early, self.restored_best = facts["stopped_early"], facts["restored_best"]
        self._epochs.clear()
        self._epochs.extend(Epoch(*epoch) for epoch in facts["epochs"])

    def _check(self) -> None:
        options, session = self._options, self._session
        session.refuse_pending()
        if not self._batches:
            raise Fault(
                "ARGUMENT_OUT_OF_RANGE",
                f"{len(self._examples)} examples are no whole batch of {options.batch_size}, and drop_last leaves the "
                "rest out",
                field="batch_size",
            )
        judged, output = self._examples, _check_fits(session, self._examples, self._size, "")
        self._check_batches()
        with session.evaluating():
            if self._validation is not None:
                judged, output = self._validation, _check_fits(session, self._validation, self._size, "validation_")
            if self._judging is not None:
                self._judging(session.loss, output, judged.targets)
        first, loss = self._known(self._batch(0, None)), session.loss
        self._exact = tells_weight(loss, first)
        if options.accumulate > 1 and loss.reduction != "sum" and loss.weight_sum(first) is None:
            raise unmerged(loss, "accumulate")

    def _check_batches(self) -> None:
        """Refuses now what a later batch, or a part of one, would be refused for: how few examples it has."""
        examples, size = self._examples, self._size
        lengths = [size] if self._options.drop_last else [size, len(examples) - (self._batches - 1) * size]
        for share in sorted({share for length in lengths for share in _shares(length, self._options.accumulate)}):
            self._session.model.check(examples.between(0, share).inputs)

    def _step(self) -> None:
        running = self._running
        if self._options.shuffle and self._order is None:
            self._order_state = self._generator.get_state()
            self._order = torch.randperm(len(self._examples), generator=self._generator)
        batch = self._batch(running.batch, self._order)
        loss = self._session.loss
        watch = self._observer.watch(self.steps, running.batch) if self._observer is not None else None
        done = self._train(batch, watch)
        if self._observer is not None:
            self._observer.stepped(done, watch)
        if self._batches == 1:
            running.merged.alone(done.value, done.terms)
        else:
            running.merged.add(loss, done.value, done.terms, self._known(batch), len(batch))
        running.grad_norms += done.grad_norm
        running.lr = done.lr
        running.batch += 1
        self.forward, self.backward = self.forward + done.forward, self.backward + done.backward
        self._last = done.value
        self.steps += 1

    def _batch(self, index: int, order: Tensor | None) -> Examples:
        start = index * self._size
        end = min(start + self._size, len(self._examples))
        return self._examples.between(start, end) if order is None else self._examples.at(order[start:end])

    def _train(self, batch: Examples, watch: Watch | None) -> Step:
        session = self._session
        if self._options.accumulate == 1:
            return session.step(batch.inputs, batch.targets, watch=watch)
        merged, start = Merged(), 0
        with session.as_one():
            for share in _shares(len(batch), self._options.accumulate):
                part = batch.between(start, start + share)
                done: MicroBatch = session.forward_backward(part.inputs, part.targets, watch=watch)
                merged.add(session.loss, done.value, done.terms, self._known(part), len(part))
                start += share
            return session.optim_step(watch=watch)._replace(terms=merged.terms)

    def _known(self, batch: Examples) -> dict[str, Tensor]:
        """The loss's inputs of a batch, of the model's output its shape."""
        output = self._outputs.get(len(batch))
        if output is None:
            output = self._outputs[len(batch)] = self._session.model.check(batch.inputs)
        return {self._session.bound_input: output, **batch.targets}

    def _end_epoch(self) -> None:
        started = time.perf_counter()
        running, merged = self._running, self._running.merged
        validation, metrics = self._judge()
        judged = merged.value if validation is None else validation
        self._session.optimization.after_epoch(judged)
        self._ended += 1
        self._compare(judged if self._options.monitor == LOSS else metrics[self._options.monitor])
        self._epochs.append(
            Epoch(
                self._ended,
                self._session.step_count,
                merged.value,
                validation,
                merged.terms,
                metrics,
                running.grad_norms / self._batches,
                running.lr,
                running.seconds + time.perf_counter() - started,
                self._observer.ended(merged.value, validation) if self._observer is not None else (),
            )
        )
        self._running, self._order = _Running(), None
        if self._options.shuffle:
            self._order_state = self._generator.get_state()
        if self.done and self._options.restore_best and self.best_epoch not in (0, self._ended):
            state.load(self._session.module, self._best)
            self.restored_best = True
        if self.done:
            self._best = {}

    def _judge(self) -> tuple[float | None, dict[str, float]]:
        """The validation loss, and the metrics."""
        judged = self._validation
        if judged is None and self._judging is None:
            return None, {}
        examples = self._examples if judged is None else judged
        found = evaluate(self._session, examples, self._judged_at_once(), self._judging)
        return None if judged is None else found.value, found.metrics

    def _judged_at_once(self) -> int:
        """Examples that are judged at once: those of a batch, or all where batches do not make one number."""
        return self._size if self._exact else 0

    def _compare(self, value: float) -> None:
        """Whether the epoch that has just ended is the best; it stops when none has been for long enough."""
        best, least = self._best_value, self._options.min_delta
        gain = math.inf if best is None else value - best if self._options.higher else best - value
        if not math.isnan(value) and gain > least:
            self._best_value, self.best_epoch, self._stale = value, self._ended, 0
            if self._options.restore_best:
                self._best = {name: tensor.clone() for name, tensor in self._session.state_dict().items()}
            return
        self._stale += 1
        self.stopped_early = self._options.patience is not None and self._stale >= self._options.patience


def _terms(session: Session) -> int:
    return len(session.loss.labels) if isinstance(session.loss, WeightedSum) else 0


def _shares(examples: int, parts: int) -> list[int]:
    """`examples` in as many parts, or as there are examples, as even as can be, the larger ones first.

    >>> _shares(10, 4)
    [3, 3, 2, 2]
    """
    parts = min(parts, examples)
    return [examples // parts + (index < examples % parts) for index in range(parts)]


def _check_fits(session: Session, examples: Examples, size: int, prefix: str) -> Tensor:
    """Refuses examples that the session could not be trained on, as far as their targets show it.

    Returns:
        A tensor of the shape of the model's output of all of them, in the memory of one number.
    """
    examples.check(f"{prefix}inputs")
    bound = session.bound_input
    size = min(size, len(examples))
    batch = examples.between(0, size)
    with of_field(prefix):
        output = session.model.check(batch.inputs)
        for end in [*range(2 * size, len(examples), size), len(examples)]:  # which look up other indices
            session.model.check(examples.between(end - size, end).inputs)
    shape = (len(examples), *output.shape[1:]) if output.dim() and len(output) == len(batch) else output.shape
    probe = torch.full((), 0.5, dtype=output.dtype, device=next(iter(examples.inputs.values())).device).expand(shape)
    try:
        session.loss.check({bound: probe, **examples.targets})
    except Fault as fault:
        about = blamed(fault, bound, prefix)
        if about.field != f"{prefix}inputs":  # of an output nothing is known yet but its shape
            raise about from None
    return probe
