"""The quality of named production series: rolling over a window of time, and since each began; knows no Prometheus.

Memory is bounded whatever callers name: at most `most` series, each of a fixed size; names beyond are counted and left.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from lossd_server.telemetry.observation import MAX_METRICS, Named, Observation, Share, merged

log = logging.getLogger(__name__)

CELLS = 30
"""Parts of the window, which moves on by one of them at a time."""
_LOSS = 0
_LOOK_SECONDS = 1.0
"""How often, at most, series that were idle for long are looked for."""


class Total(NamedTuple):
    """What a mean is made of since its series began; two sums, so that both only ever grow."""

    positive: float = 0.0
    negative: float = 0.0
    weight: float = 0.0

    def with_(self, share: Share) -> Total:
        """With what some evaluations add."""
        return Total(
            self.positive + max(share.amount, 0.0), self.negative + max(-share.amount, 0.0), self.weight + share.weight
        )


@dataclass
class Record:
    """A series as it is now.

    Args:
        name: of the series.
        seen: when it was last observed, by the clock of the wall.
        loss: the mean loss of the window; None if nothing was observed in it.
        metrics: the mean of each metric that was observed in the window.
        total: of the losses since the series began.
        metric_totals: of each metric.
        evaluations: since it began.
        nonfinite: those with a loss that is not finite.
        examples: of all of them.
        codes: diagnostics found, by code and severity.
        loss_changes: how often an evaluation was of another loss than the one before it.
    """

    name: str
    seen: float
    loss: float | None
    metrics: dict[str, float]
    total: Total
    metric_totals: dict[str, Total]
    evaluations: int
    nonfinite: int
    examples: int
    codes: dict[tuple[str, str], int]
    loss_changes: int = 0


@dataclass
class State:
    """All series as they are now.

    Args:
        records: one for each series.
        higher: of the metrics in them, whether more is better.
        codes: diagnostics found in any evaluation, of a series or not.
        dropped: what was not recorded, by what was full: evaluations for "series", single values for "metrics".
    """

    records: list[Record]
    higher: dict[str, bool]
    codes: dict[str, int]
    dropped: dict[str, int]


@dataclass
class _Series:
    """One series. Row `tick % CELLS` of `ring` holds the sums of that part of the window, two columns for each mean."""

    name: str
    idle_since: float
    seen: float
    tick: int
    ring: np.ndarray[tuple[int, int], np.dtype[np.float64]] = field(
        default_factory=lambda: np.zeros((CELLS, 2 * (1 + MAX_METRICS)))
    )
    columns: dict[str, int] = field(default_factory=dict)
    total: Total = field(default_factory=Total)
    metric_totals: dict[str, Total] = field(default_factory=dict)
    evaluations: int = 0
    nonfinite: int = 0
    examples: int = 0
    codes: dict[tuple[str, str], int] = field(default_factory=dict)
    losses: Named = field(default_factory=Named)

    def move_to(self, tick: int) -> None:
        """Empties the parts that have left the window."""
        for passed in range(max(self.tick + 1, tick - CELLS + 1), tick + 1):
            self.ring[passed % CELLS] = 0.0
        self.tick = max(self.tick, tick)

    def add(self, column: int, share: Share) -> None:
        self.ring[self.tick % CELLS, 2 * column : 2 * column + 2] += (share.amount, share.weight)


class Series:
    """Every series of a server. May be fed and read by several threads.

    Args:
        most: series that are kept at once; 0 for none.
        window: seconds that the rolling means look back.
        idle: seconds after which a series that was not observed leaves.
        clock: seconds that only grow.

    >>> series = Series(clock=lambda: 0.0)
    >>> series.take([Observation("eta", 1, 0, 4, Share(2.0, 4.0))])
    >>> series.state().records[0].loss
    0.5
    """

    def __init__(
        self,
        most: int = 100,
        window: float = 300.0,
        idle: float = 86_400.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._cell = window / CELLS
        self._idle = idle
        self._clock = clock
        self._lock = threading.Lock()
        self._all: dict[str, _Series] = {}
        self._higher: dict[str, bool] = {}
        self._codes: dict[str, int] = {}
        self._dropped = {"series": 0, "metrics": 0}
        self._looked = -_LOOK_SECONDS
        self._said_full = False

    def take(self, observations: Iterable[Observation]) -> None:
        """Counts what was observed."""
        with self._lock:
            now = self._clock()
            self._let_go(now)
            for observation in merged(observations):
                for (code, _), count in observation.codes.items():
                    self._codes[code] = self._codes.get(code, 0) + count
                if observation.series:
                    self._record(observation, now)

    def state(self) -> State:
        """All as it is now."""
        with self._lock:
            now = self._clock()
            self._let_go(now)
            records = [self._read(one, now) for one in self._all.values()]
            labels = {label for one in self._all.values() for label in one.columns}
            higher = {label: self._higher[label] for label in sorted(labels & self._higher.keys())}
            return State(records, higher, dict(self._codes), dict(self._dropped))

    def _record(self, observation: Observation, now: float) -> None:
        tick = int(now // self._cell)
        one = self._all.get(observation.series)
        if one is None:
            if len(self._all) >= self._most:
                self._drop(observation)
                return
            one = self._all[observation.series] = _Series(observation.series, now, time.time(), tick)
        one.move_to(tick)
        one.idle_since, one.seen = now, time.time()
        one.evaluations += observation.evaluations
        one.nonfinite += observation.nonfinite
        one.examples += observation.examples
        one.total = one.total.with_(observation.loss)
        one.add(_LOSS, observation.loss)
        self._record_losses(one, observation.losses)
        for which, count in observation.codes.items():
            one.codes[which] = one.codes.get(which, 0) + count
        self._record_metrics(one, observation)

    def _record_losses(self, one: _Series, losses: Named) -> None:
        before, one.losses = one.losses, one.losses.with_(losses)
        if one.losses.changes and not before.changes:
            log.warning(
                "a series is evaluated with two losses; its means mix them",
                extra={"series": one.name, "losses": [one.losses.first, one.losses.other]},
            )

    def _record_metrics(self, one: _Series, observation: Observation) -> None:
        self._dropped["metrics"] += observation.left_out
        for label, share in observation.metrics.items():
            if label not in one.columns:
                if len(one.columns) >= MAX_METRICS:
                    self._dropped["metrics"] += 1
                    continue
                one.columns[label] = len(one.columns) + 1
            if share.higher is not None:
                self._higher[label] = share.higher
            one.metric_totals[label] = one.metric_totals.get(label, Total()).with_(share)
            one.add(one.columns[label], share)

    def _drop(self, observation: Observation) -> None:
        self._dropped["series"] += observation.evaluations
        if not self._said_full and self._most:
            self._said_full = True
            log.warning(
                "no room for another series; its evaluations are answered and not counted in one",
                extra={"series": observation.series, "max_series": self._most},
            )

    def _let_go(self, now: float) -> None:
        """Forgets series that were idle for too long, and the directions of metrics that nobody has any more."""
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        idle = [one.name for one in self._all.values() if now - one.idle_since > self._idle]
        for name in idle:
            del self._all[name]
        if idle:
            self._said_full = False
            kept = {label for one in self._all.values() for label in one.columns}
            self._higher = {label: higher for label, higher in self._higher.items() if label in kept}

    def _read(self, one: _Series, now: float) -> Record:
        one.move_to(int(now // self._cell))
        sums = one.ring.sum(axis=0)
        means = {label: _mean(sums, column) for label, column in one.columns.items()}
        return Record(
            one.name,
            one.seen,
            _mean(sums, _LOSS),
            {label: mean for label, mean in means.items() if mean is not None},
            one.total,
            dict(one.metric_totals),
            one.evaluations,
            one.nonfinite,
            one.examples,
            dict(one.codes),
            one.losses.changes,
        )


def _mean(sums: np.ndarray[tuple[int], np.dtype[np.float64]], column: int) -> float | None:
    amount, weight = sums[2 * column : 2 * column + 2]
    return float(amount / weight) if weight > 0 else None
