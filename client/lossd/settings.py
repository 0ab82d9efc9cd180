"""How a session is kept and trained beyond its model, loss and optimizer, as data; knows no message and no call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Durability: TypeAlias = Literal["memory", "checkpoint", "step"]
"""What survives the end of worker or server: nothing, the newest checkpoint, every answered call."""
Nonfinite: TypeAlias = Literal["allow", "error"]
Autocast: TypeAlias = Literal["bfloat16", "float16"]
Interpolation: TypeAlias = Literal["linear", "cosine", "constant"]


@dataclass(frozen=True, kw_only=True)
class CheckpointPolicy:
    """When checkpoints are made: after whichever comes first.

    Args:
        every_steps: steps since the last one; at least 1, default 100.
        every_seconds: seconds since the last one, looked at after each step; above 0, default none.

    >>> CheckpointPolicy(every_steps=500)
    CheckpointPolicy(every_steps=500, every_seconds=None)
    """

    every_steps: int | None = None
    every_seconds: float | None = None


@dataclass(frozen=True)
class WeightSchedule:
    """A weight of a term of a weighted sum over the steps of training.

    Args:
        points: pairs of completed steps, ascending, and the weight there; before the first and after the last it stays.
        interpolation: what it is between them: "linear" (default), "cosine" or "constant", as at the point before.

    >>> WeightSchedule([(0, 0.0), (100, 1.0)], "cosine")
    WeightSchedule(points=((0, 0.0), (100, 1.0)), interpolation='cosine')
    """

    points: tuple[tuple[int, float], ...]
    interpolation: Interpolation

    def __init__(self, points: Iterable[tuple[int, float]], interpolation: Interpolation = "linear") -> None:
        object.__setattr__(self, "points", tuple((step, weight) for step, weight in points))
        object.__setattr__(self, "interpolation", interpolation)


@dataclass(frozen=True)
class EarlyStopping:
    """Ends a `fit` before its last epoch once it no longer gets better.

    Args:
        patience: epochs in a row that are not better than the best; at least 1.
        min_delta: how much better an epoch must be to count; at least 0.
        monitor: "loss" or one of the metrics asked for; of the validation examples, if there are any.

    >>> EarlyStopping(5)
    EarlyStopping(patience=5, min_delta=0.0, monitor='loss')
    """

    patience: int
    min_delta: float = 0.0
    monitor: str = "loss"
