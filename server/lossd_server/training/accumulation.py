"""Gradients that wait for an optimizer step: those of several micro-batches, as those of one batch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.losses.contract import Loss, Tensors
from lossd_server.training import plain


@dataclass(frozen=True)
class Waiting:
    """What the micro-batches since the last optimizer step left; each new one makes a new object.

    Args:
        gradients: sums by the parameters' names.
        count: micro-batches.
        divisor: what the sums are divided by in the step: the total of the sums of weights, 1 without.
        value: the loss of all of them, before that division.
        mode: how they are weighted: "weight" by the caller, "mean" or "sum" as one batch, "" before the first.
    """

    gradients: Mapping[str, Tensor] = field(default_factory=dict)
    count: int = 0
    divisor: float = 1.0
    value: float = 0.0
    mode: str = ""

    def plus(self, gradients: Mapping[str, Tensor], value: float, share: Share) -> Waiting:
        """With one more micro-batch, whose gradients and value were computed by `share`."""
        summed = {name: self.gradients.get(name, None) for name in self.gradients.keys() | gradients.keys()}
        for name, gradient in gradients.items():
            before = summed[name]
            summed[name] = gradient if before is None else before + gradient
        divisor = share.scale if share.mode == "mean" else 1.0
        return replace(
            self,
            gradients={name: gradient for name, gradient in summed.items() if gradient is not None},
            count=self.count + 1,
            divisor=divisor + (self.divisor if self.count and share.mode == "mean" else 0.0),
            value=self.value + (0.0 if share.empty else value * share.scale),
            mode=share.mode,
        )

    @property
    def mean(self) -> float:
        """The loss of all micro-batches together."""
        return self.value / self.divisor if self.divisor else math.nan

    def capture(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All of it: the gradients' tensors, of sparse ones their parts, and facts as plain values."""
        tensors: dict[str, Tensor] = {}
        gradients = {name: plain.flatten(gradient, name, tensors) for name, gradient in self.gradients.items()}
        facts = {"count": self.count, "divisor": self.divisor, "value": self.value, "mode": self.mode}
        return tensors, {**facts, "gradients": gradients}

    @staticmethod
    def of(tensors: Mapping[str, Tensor], facts: Mapping[str, Any], device: torch.device) -> Waiting:
        """What `capture` took apart, its gradients on `device`."""
        gradients = {name: plain.rebuild(held, tensors, device) for name, held in facts["gradients"].items()}
        return Waiting(**{**facts, "gradients": gradients})


@dataclass(frozen=True)
class Share:
    """How one micro-batch counts: `scale` times its loss is differentiated."""

    mode: str
    scale: float
    weight_sum: float | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing of the micro-batch counts, as where every target is ignored: its own mean is 0/0."""
        return self.mode == "mean" and self.scale == 0


def share(loss: Loss, tensors: Tensors, weight: float | None, waiting: Waiting) -> Share:
    """How a micro-batch counts among those that wait.

    Args:
        loss: as it is trained on.
        tensors: its checked inputs.
        weight: the caller's, None to count all micro-batches as one batch.
        waiting: those before.
    """
    chosen = _share(loss, tensors, weight)
    if waiting.mode not in ("", chosen.mode):
        raise Fault(
            "SESSION_STATE",
            "of the micro-batches that wait some were given a weight and some not; give one to each of a step, or to "
            "none, or let OptimStep discard them",
            field="weight",
        )
    return chosen


def _share(loss: Loss, tensors: Tensors, weight: float | None) -> Share:
    if weight is not None:
        if not abs(weight) < float("inf"):
            raise Fault("ARGUMENT_OUT_OF_RANGE", f"weight is {weight}; expected a finite number", field="weight")
        return Share("weight", weight)
    if loss.reduction == "sum":
        return Share("sum", 1.0)
    weight_sum = loss.weight_sum(tensors)
    if weight_sum is None:
        raise Fault(
            "MISSING_FIELD",
            f"{loss.name} does not say what its mean divides by, so micro-batches cannot be made one batch; give "
            "weight, for example 1 / their number",
            field="weight",
        )
    return Share("mean", weight_sum, weight_sum)
