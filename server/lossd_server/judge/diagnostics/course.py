"""How a session's last steps went, as a bounded number of numbers; knows no tensor, no rule and no model."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

WINDOW = 200
"""Steps whose loss and gradient norm are kept."""
WATCHED = 20
"""Watched steps whose update and gradients by parameter are kept."""
LOOK = 10
"""Steps between two looks at the whole window."""
BEGINNING = 20
"""First steps of a session, which are kept for good."""
FIRST = 5
"""Steps whose spread tells what is usual at the beginning."""
LAST = 10
"""Steps whose median is the present level, and that of the beginning."""


class Watched(NamedTuple):
    """What a step tells when it is watched.

    Args:
        ratio: norm of the change of the weights by their norm; nan where it is not known.
        finite: whether all weights that were looked at are finite after it.
        gradients: root mean square of each parameter's gradient, by name in the model's order; 0 where there is none.
        matrices: names of those that are weights of layers, not biases or scales.
        baseline: the loss of this batch if the same was predicted of every example; nan where that is not known.
        untrained: the loss of this batch of a model that knows nothing, such as log C; nan where that is not known.
        silent: share of the units of each rectifier that have put out nothing but 0 for long enough.
        saturated: share of the outputs of each sigmoid or tanh that are at its ends.
        examples: in the batch.
        normalised: names of layers that normalise by the batch.
        identical: examples whose inputs are all the same while their targets are not; 0 if they differ.
        greatest: absolute number of the inputs; nan where they were not looked at.
    """

    ratio: float = math.nan
    finite: bool = True
    gradients: Mapping[str, float] = {}
    matrices: frozenset[str] = frozenset()
    baseline: float = math.nan
    untrained: float = math.nan
    silent: Mapping[str, float] = {}
    saturated: Mapping[str, float] = {}
    examples: int = 0
    normalised: Sequence[str] = ()
    identical: int = 0
    greatest: float = math.nan


@dataclass
class Course:
    """The last steps of a session. It lives in memory alone: a session that is brought back begins another one.

    Args:
        step: completed steps, as of the last one told.
        begun: whether it has seen the session's first step, so that there is a beginning to compare with.
        start: losses of the first steps.
        start_norms: norms of their gradients.
        values: losses of the last steps without a gap.
        norms: norms of their gradients before clipping.
        lrs: their learning rates, of the first group.
        ratios: of the last watched steps.
        baselines: of the last watched steps that have one.
        untrained: of the first step.
        streaks: watched steps in a row in which a parameter's gradient was exactly 0, by name.
        gradients: of the last watched steps.
        now: the last step if it was watched.
        micro_batches: the most that one step has used.
        pending: that wait.
        due: whether rules over the whole window are to be looked at: at most once in `LOOK` steps.
        clip: the norm to which gradients are clipped; infinity without.
    """

    clip: float = math.inf
    step: int = 0
    begun: bool = False
    start: list[float] = field(default_factory=list)
    start_norms: list[float] = field(default_factory=list)
    values: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW))
    norms: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW))
    lrs: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW))
    ratios: deque[float] = field(default_factory=lambda: deque(maxlen=WATCHED))
    baselines: deque[float] = field(default_factory=lambda: deque(maxlen=WATCHED))
    untrained: float = math.nan
    streaks: dict[str, int] = field(default_factory=dict)
    gradients: deque[Watched] = field(default_factory=lambda: deque(maxlen=5))
    now: Watched | None = None
    micro_batches: int = 0
    pending: int = 0
    due: bool = False
    _looked: int = -LOOK

    def stepped(
        self,
        step: int,
        value: float,
        norm: float,
        lr: Sequence[float],
        micro_batches: int = 1,
        watched: Watched | None = None,
    ) -> None:
        """Takes a completed step in; steps that it was not told of leave a gap, before which nothing counts.

        >>> course = Course()
        >>> course.stepped(1, 2.0, 0.5, [0.1])
        >>> course.stepped(2, 1.0, 0.4, [0.1])
        >>> course.begun, course.start, course.level
        (True, [2.0, 1.0], 1.5)
        """
        if step != self.step + 1 or (self.step == 0 and not self.values and step != 1):
            self._forget()
        if step == 1:
            self.begun, self.start, self.start_norms = True, [], []
        self.step, self.now = step, watched
        self.values.append(value)
        self.norms.append(norm)
        self.lrs.append(lr[0] if lr else math.nan)
        if self.begun and step <= BEGINNING:
            self.start.append(value)
            self.start_norms.append(norm)
        self.micro_batches = max(self.micro_batches, micro_batches)
        self.pending = 0
        if watched is not None:
            self._watched(watched)

    def waits(self, pending: int, watched: Watched | None = None) -> None:
        """Takes a micro-batch in whose gradients wait."""
        self.pending, self.now = pending, watched

    @property
    def level(self) -> float:
        """The median loss of the last steps; nan before the first."""
        return median(list(self.values)[-LAST:]) if self.values else math.nan

    @property
    def beginning(self) -> float:
        """The median loss of the first steps; nan if they are not known."""
        return median(self.start[:LAST]) if self.start else math.nan

    @property
    def scale(self) -> float:
        """How large a difference of losses is large: by the beginning's own size and spread."""
        finite = [value for value in self.start[:FIRST] if math.isfinite(value)]
        return max(abs(median(finite)), max(finite) - min(finite)) if finite else math.nan

    @property
    def baseline(self) -> float:
        """The median loss of predicting the same for every example; nan where it is not known."""
        return median(self.baselines) if self.baselines else math.nan

    def ratio(self, last: int) -> float:
        """The median update ratio of the last watched steps; nan with fewer of them."""
        return median(list(self.ratios)[-last:]) if len(self.ratios) >= last else math.nan

    def _watched(self, watched: Watched) -> None:
        self.due = self.step >= self._looked + LOOK
        self._looked = self.step if self.due else self._looked
        if not math.isnan(watched.ratio):
            self.ratios.append(watched.ratio)
        if not math.isnan(watched.baseline):
            self.baselines.append(watched.baseline)
        if self.step == 1:
            self.untrained = watched.untrained
        if watched.gradients:
            self.gradients.append(watched)
            told = watched.gradients.items()
            self.streaks = {name: self.streaks.get(name, 0) + 1 if gradient == 0 else 0 for name, gradient in told}

    def _forget(self) -> None:
        for window in (self.values, self.norms, self.lrs, self.ratios, self.baselines, self.gradients):
            window.clear()
        self.streaks = {}
        self._looked = -LOOK


@dataclass
class Epochs:
    """How the epochs of one Fit went: the losses on what is trained on and on what is held out.

    Args:
        first: the first epoch's.
        best: those of the epoch whose validation loss was least.
        last: the last epoch's.
        since: epochs since the best.
        count: epochs told.
    """

    first: tuple[float, float] = (math.nan, math.nan)
    best: tuple[float, float] = (math.nan, math.nan)
    last: tuple[float, float] = (math.nan, math.nan)
    since: int = 0
    count: int = 0

    def ended(self, training: float, validation: float) -> None:
        """Takes an epoch in.

        >>> epochs = Epochs()
        >>> for validation in (1.0, 0.5, 0.6):
        ...     epochs.ended(0.4, validation)
        >>> epochs.best, epochs.since
        ((0.4, 0.5), 1)
        """
        self.last = (training, validation)
        self.count += 1
        if self.count == 1:
            self.first = self.last
        self.since += 1
        if not self.best[1] <= validation:
            self.best, self.since = self.last, 0
