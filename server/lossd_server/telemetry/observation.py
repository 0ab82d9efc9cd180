"""What telemetry is told of the quality of an evaluation, and its way from a worker: numbers and names, no tensors."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

MAX_METRICS = 20
"""Metrics that are kept of a series."""
MAX_LABEL = 96
"""Characters of a metric's name with its arguments."""

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LABEL = re.compile(rf"[ -~]{{1,{MAX_LABEL}}}")
_LARGEST = 1e300
"""Numbers beyond are not added up: a few of them would make the sum infinite, and keep it so."""


class Share(NamedTuple):
    """What some evaluations add to a mean: the sum of value × weight, and the sum of the weights."""

    amount: float
    weight: float
    higher: bool | None = None  # whether more of it is better; None where that is not known

    def with_(self, other: Share) -> Share:
        """Both together."""
        return Share(self.amount + other.amount, self.weight + other.weight, other.higher)


class Named(NamedTuple):
    """Names of the losses of some evaluations in their order: first, last, how often another one came, and which."""

    first: str = ""
    last: str = ""
    changes: int = 0
    other: str = ""  # the first that is not `first`

    def with_(self, later: Named) -> Named:
        """Both one after the other; empty names are of evaluations that tell none.

        >>> Named("a", "a").with_(Named("b", "b")).with_(Named()).with_(Named("b", "b"))
        Named(first='a', last='b', changes=1, other='b')
        """
        if not (self.first and later.first):
            return self if self.first else later
        changes = self.changes + later.changes + (self.last != later.first)
        other = self.other or (later.other if later.first == self.first else later.first)
        return Named(self.first, later.last, changes, other)


class Observation(NamedTuple):
    """What telemetry is told of some evaluations of one series; all of it adds up.

    Args:
        series: name of the series; empty for evaluations of none, of which only `codes` count.
        evaluations: how many.
        nonfinite: how many of them had a loss that is not finite, which is in no sum.
        examples: how many, of all of them.
        loss: their losses.
        metrics: their metrics by name, each weighted by examples.
        codes: diagnostics found, by code and severity ("info", "warning", "error").
        left_out: metrics for which there was no room, or whose name is too long.
        losses: what the losses are called.
    """

    series: str = ""
    evaluations: int = 0
    nonfinite: int = 0
    examples: int = 0
    loss: Share = Share(0.0, 0.0)
    metrics: Mapping[str, Share] = {}
    codes: Mapping[tuple[str, str], int] = {}
    left_out: int = 0
    losses: Named = Named()

    def with_(self, other: Observation) -> Observation:
        """Both together, of the same series."""
        metrics, codes, left_out = dict(self.metrics), dict(self.codes), self.left_out + other.left_out
        for label, share in other.metrics.items():
            if label in metrics or len(metrics) < MAX_METRICS:
                metrics[label] = metrics[label].with_(share) if label in metrics else share
            else:
                left_out += 1
        for code, count in other.codes.items():
            codes[code] = codes.get(code, 0) + count
        return Observation(
            self.series,
            self.evaluations + other.evaluations,
            self.nonfinite + other.nonfinite,
            self.examples + other.examples,
            self.loss.with_(other.loss),
            metrics,
            codes,
            left_out,
            self.losses.with_(other.losses),
        )


def is_name(text: str) -> bool:
    """Whether a series may be called so.

    >>> is_name("eta-model.v2"), is_name("eta model"), is_name("x" * 65), is_name("")
    (True, False, False, False)
    """
    return _NAME.fullmatch(text) is not None


def of_evaluation(
    series: str,
    value: float,
    sums: tuple[float, float] | None,
    examples: int,
    metrics: Mapping[str, tuple[float, bool | None]],
    codes: Mapping[tuple[str, str], int],
    loss: str = "",
) -> Observation:
    """One evaluation of a series.

    Args:
        value: the loss.
        sums: numerator and denominator of its mean; None where it has none, and then it counts by its examples.
        examples: how many.
        metrics: by name: the value, and whether more of it is better.
        codes: as in `Observation`.
        loss: what the loss is called.

    >>> of_evaluation("eta", 0.5, (2.0, 4.0), 4, {"mae": (0.25, False)}, {}).loss
    Share(amount=2.0, weight=4.0, higher=None)
    >>> of_evaluation("eta", float("nan"), None, 4, {}, {}).nonfinite
    1
    """
    amount, weight = (value * examples, float(examples)) if sums is None else sums
    finite = math.isfinite(value) and abs(amount) < _LARGEST and 0 <= weight < _LARGEST  # a counter takes none below 0
    shares: dict[str, Share] = {}
    left_out = 0
    for text, (number, higher) in metrics.items():
        label, told = "".join(text.split()), Share(number * examples, float(examples), higher)
        if not abs(told.amount) < _LARGEST:  # nan where the metric is not defined
            continue
        if len(shares) < MAX_METRICS and _LABEL.fullmatch(label):
            shares[label] = told
        else:
            left_out += 1
    share = Share(amount, weight) if finite else Share(0.0, 0.0)
    return Observation(series, 1, int(not finite), examples, share, shares, codes, left_out, Named(loss, loss))


def merged(observations: Iterable[Observation]) -> tuple[Observation, ...]:
    """The same with one for each series."""
    found: dict[str, Observation] = {}
    for observation in observations:
        name = observation.series
        found[name] = found[name].with_(observation) if name in found else observation
    return tuple(found.values())


def encode(observations: Iterable[Observation]) -> bytes:
    """Observations as they travel between processes; nothing for none."""
    rows = [
        [*row[:5], dict(row.metrics), [[*which, count] for which, count in row.codes.items()], *row[7:]]
        for row in observations
    ]
    return json.dumps(rows, separators=(",", ":")).encode() if rows else b""


def decode(data: bytes) -> tuple[Observation, ...]:
    """What `encode` wrote.

    >>> decode(encode([Observation("eta", 1, codes={("ALL_IGNORED", "error"): 1})]))[0].codes
    {('ALL_IGNORED', 'error'): 1}
    """
    rows = json.loads(data) if data else ()
    return tuple(
        Observation(
            series,
            evaluations,
            nonfinite,
            examples,
            Share(*loss),
            {label: Share(*share) for label, share in metrics.items()},
            {(code, severity): count for code, severity, count in codes},
            left_out,
            Named(*losses),
        )
        for series, evaluations, nonfinite, examples, loss, metrics, codes, left_out, losses in rows
    )
