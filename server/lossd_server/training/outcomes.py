"""What calls that change a session come to, and who judges them on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from torch import Tensor

Judge: TypeAlias = "Callable[[Tensor, Mapping[str, Tensor]], Mapping[str, float]]"
"""Metrics of a model's output and the loss's other inputs."""


class Step(NamedTuple):
    """The outcome of an optimizer step; times in seconds."""

    value: float
    step: int
    grad_norm: float
    lr: list[float]
    terms: dict[str, float]
    forward: float = 0.0
    backward: float = 0.0
    micro_batches: int = 1
    metrics: Mapping[str, float] = {}


class MicroBatch(NamedTuple):
    """The outcome of one forward and backward whose gradients wait; times in seconds."""

    value: float
    pending: int
    weight_sum: float | None
    terms: dict[str, float]
    metrics: Mapping[str, float] = {}
    forward: float = 0.0
    backward: float = 0.0
