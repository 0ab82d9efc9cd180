"""The loss of who predicts the same for every example, and of who knows nothing; knows no session and no model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from lossd_server.losses.budget import Budget
from lossd_server.losses.contract import Loss

_MOST = 1 << 20
"""Elements of an output up to which a baseline is computed."""
_EVERY = 10
"""Batches between two of which one is computed, after as many first ones."""
_LEAST = 1e-6


@dataclass
class Baselines:
    """Computes the loss of a constant prediction, the mean or the class shares of the targets of all batches so far.

    Args:
        total: of the targets' means, or of their class shares, by batches.
        batches: counted in it.
        asked: batches that it was asked for.
    """

    total: Tensor | None = None
    batches: int = 0
    asked: int = 0

    @property
    def due(self) -> bool:
        """Whether the next batch is one of those for which it is computed."""
        return self.asked < _EVERY or (self.asked + 1) % _EVERY == 0

    def of(self, loss: Loss, tensors: Mapping[str, Tensor], bound: str) -> tuple[float, float]:
        """The loss of a constant prediction of one batch, and of a model that knows nothing; nan where it is not known.

        >>> from lossd_server.losses import catalogue
        >>> loss = catalogue.find("mse_loss").build({}, path="loss", allow_broadcast=False)
        >>> Baselines().of(loss, {"input": torch.zeros(2, 1), "target": torch.tensor([[1.0], [3.0]])}, "input")
        (1.0, nan)
        """
        due, self.asked = self.due, self.asked + 1
        if not due:
            return math.nan, math.nan
        output, target = tensors[bound], tensors.get("target")
        reading = _READINGS.get(loss.name)
        if reading is None or target is None or output.numel() > _MOST or not output.numel():
            return math.nan, math.nan
        share, predict = reading
        found = share(output, target)
        if found is None or not bool(found.isfinite().all()):
            return math.nan, math.nan
        if self.total is None or self.total.shape != found.shape:
            self.total, self.batches = torch.zeros_like(found), 0
        self.total, self.batches = self.total + found, self.batches + 1
        constant = predict(self.total / self.batches, output)
        zeros = _ZEROS.get(loss.name)
        untrained = math.nan if zeros is None else _value(loss, tensors, bound, zeros(output))
        return _value(loss, tensors, bound, constant), untrained


def _value(loss: Loss, tensors: Mapping[str, Tensor], bound: str, prediction: Tensor) -> float:
    given = {**tensors, bound: prediction.to(tensors[bound].dtype)}
    return float(loss.compute(given, Budget(given.values())).value)


def _class_shares(output: Tensor, target: Tensor) -> Tensor | None:
    """(C,); None for outputs without a dimension of examples."""
    if output.dim() < 2:
        return None
    classes = output.shape[1]
    if target.is_floating_point():
        return target.double().mean([dim for dim in range(target.dim()) if dim != 1])
    flat = target.reshape(-1)
    flat = flat[(flat >= 0) & (flat < classes)]
    return torch.bincount(flat.long(), minlength=classes).double() / max(len(flat), 1)


def _log_shares(shares: Tensor, output: Tensor) -> Tensor:
    shape = [1, -1, *[1] * (output.dim() - 2)]
    return shares.clamp(min=_LEAST).log().reshape(shape).expand(output.shape)


def _mean(output: Tensor, target: Tensor) -> Tensor | None:
    """Of each column, or of all; None if the targets have another shape."""
    if target.shape != output.shape or not output.dim():
        return None
    return target.double().mean(0)


def _as_it_is(mean: Tensor, output: Tensor) -> Tensor:
    return mean.expand(output.shape)


def _logits(mean: Tensor, output: Tensor) -> Tensor:
    return torch.logit(mean.clamp(_LEAST, 1 - _LEAST)).expand(output.shape)


_Share = Callable[[Tensor, Tensor], "Tensor | None"]
_Predict = Callable[[Tensor, Tensor], Tensor]
_CLASSES: tuple[_Share, _Predict] = (_class_shares, _log_shares)
_LABELS: tuple[_Share, _Predict] = (_mean, _logits)
_NUMBERS: tuple[_Share, _Predict] = (_mean, _as_it_is)
_ZEROS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "cross_entropy_loss": torch.zeros_like,
    "bce_with_logits_loss": torch.zeros_like,
    "nll_loss": lambda output: torch.zeros_like(output) - math.log(output.shape[1]),
}
"""Of a loss by name: what a model puts out that knows nothing, and finds everything as likely."""
_READINGS: Mapping[str, tuple[_Share, _Predict]] = {
    "cross_entropy_loss": _CLASSES,
    "nll_loss": _CLASSES,
    "bce_with_logits_loss": _LABELS,
    "mse_loss": _NUMBERS,
    "l1_loss": _NUMBERS,
    "smooth_l1_loss": _NUMBERS,
    "huber_loss": _NUMBERS,
}
"""Of a loss by name: what of the targets of a batch a constant prediction needs, and what it is then."""
