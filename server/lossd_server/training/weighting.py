"""Schedules of the weights in a weighted sum over the steps of training; knows no model and no optimizer."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from lossd_server.faults import Fault
from lossd_server.limits import MAX_POINTS
from lossd_server.losses.composite import WeightedSum
from lossd_server.losses.contract import Loss

_PATH = "weight_schedules"


class _Schedule(NamedTuple):
    """The weights at some steps, and what lies between: "linear", "cosine" or "constant"."""

    steps: Sequence[int]
    weights: Sequence[float]
    interpolation: str

    def at(self, step: int) -> float:
        """The weight after so many steps; before the first and after the last point it stays as there."""
        after = bisect_right(self.steps, step)
        if after in (0, len(self.steps)):
            return self.weights[max(after - 1, 0)]
        first, last = self.weights[after - 1 : after + 1]
        share = (step - self.steps[after - 1]) / (self.steps[after] - self.steps[after - 1])
        if self.interpolation == "constant" or not share:
            return first
        if self.interpolation == "cosine":
            share = (1 - math.cos(math.pi * share)) / 2
        return (1 - share) * first + share * last


class WeightSchedules:
    """Schedules of the weights of some terms of a weighted sum.

    Args:
        schedules: by label, "outer/inner" for a term of a sum inside; each has `points`, pairs of a step and a weight,
            and `interpolation`.
        loss: the weighted sum, whose other terms keep their weights.
    """

    def __init__(self, schedules: Mapping[str, Mapping[str, Any]], loss: Loss) -> None:
        if not isinstance(loss, WeightedSum):
            raise Fault(
                "ARGUMENT_OUT_OF_RANGE", f"{loss.name} has no weights; only a weighted sum's follow steps", field=_PATH
            )
        for label in schedules:
            if label not in loss.labels:
                raise Fault(
                    "UNKNOWN_NAME",
                    f"the loss has no term {label[:64]!r}; it has {', '.join(loss.labels)}",
                    field=f"{_PATH}.{label[:64]}",
                )
        self._schedules = {label: _schedule(given, f"{_PATH}.{label}") for label, given in schedules.items()}
        self._weights: dict[str, float] = {}
        self._loss = loss

    def at(self, step: int) -> Loss:
        """The loss with the weights that hold after `step` steps."""
        weights = {label: schedule.at(step) for label, schedule in self._schedules.items()}
        if weights != self._weights:
            self._loss, self._weights = self._loss.reweighted(weights), weights
        return self._loss


def _schedule(given: Mapping[str, Any], path: str) -> _Schedule:
    points = list(given["points"])
    path = f"{path}.points"
    if not 1 <= len(points) <= MAX_POINTS:
        raise Fault("LIMIT_EXCEEDED", f"{len(points)} points; a schedule has 1 to {MAX_POINTS}", field=path)
    for index, (step, weight) in enumerate(points):
        if step < 0:
            raise Fault("ARGUMENT_OUT_OF_RANGE", f"step is {step}; expected at least 0", field=f"{path}[{index}].step")
        if not math.isfinite(weight):
            raise Fault(
                "ARGUMENT_OUT_OF_RANGE",
                f"weight is {weight}; expected a finite number",
                field=f"{path}[{index}].weight",
            )
    for index, ((before, _), (step, _)) in enumerate(pairwise(points), 1):
        if step <= before:
            raise Fault(
                "ARGUMENT_OUT_OF_RANGE",
                f"step is {step} after {before}; expected steps that ascend",
                field=f"{path}[{index}].step",
            )
    steps, weights = zip(*points, strict=True)
    return _Schedule(steps, weights, given.get("interpolation", "linear"))
