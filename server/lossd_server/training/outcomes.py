"""What calls that change a session come to, and who judges and watches them on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol, TypeAlias

from torch import Tensor, nn

from lossd_server.losses.contract import Loss

Judge: TypeAlias = "Callable[[Tensor, Mapping[str, Tensor]], Mapping[str, float]]"
"""Metrics of a model's output and the loss's other inputs."""


class Watch(Protocol):
    """Looks at a step while it is made; changes nothing of it, draws no random numbers, and raises nothing."""

    def forwarding(self, module: nn.Module) -> AbstractContextManager[None]:
        """Inside, the model runs."""

    def passed(
        self,
        loss: Loss,
        tensors: Mapping[str, Tensor],
        bound: str,
        value: Tensor,
        terms: Mapping[str, Tensor],
        inputs: Mapping[str, Tensor],
    ) -> None:
        """A forward came to `value`, which is not differentiated yet; `tensors[bound]` is the model's output."""

    def differentiated(self, parameters: Mapping[str, nn.Parameter]) -> None:
        """The parameters have their gradients, which are not clipped yet."""


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
