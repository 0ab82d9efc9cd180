"""What a model's output means under its loss: probabilities of classes, of labels, or numbers; knows no metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from lossd_server.faults import Fault, shape_text
from lossd_server.losses.composite import WeightedSum
from lossd_server.losses.contract import Loss, Tensors

BINARY, MULTICLASS, MULTILABEL, REGRESSION = "binary", "multiclass", "multilabel", "regression"

_Activation = Callable[[Tensor], Tensor]


def _softmax(scores: Tensor) -> Tensor:
    return scores.softmax(-1)


def _exp(scores: Tensor) -> Tensor:
    return scores.exp().clamp(max=1)  # rounding may leave a log-probability just above 0


def _as_is(scores: Tensor) -> Tensor:
    return scores


class _Meaning(NamedTuple):
    """Of a loss's input: what it tells, how it becomes probabilities, and whether those are more than an order."""

    of: str
    activation: _Activation = _as_is
    probabilities: bool = True


_CLASSES, _LABELS, _NUMBERS = "classes", "labels", "numbers"
_LOGITS = _Meaning(_CLASSES, _softmax)
_SCORES = _Meaning(_CLASSES, _softmax, probabilities=False)
_LABEL_LOGITS = _Meaning(_LABELS, torch.sigmoid)
_PREDICTIONS = _Meaning(_NUMBERS)

_MEANINGS: Mapping[str, _Meaning] = {
    "cross_entropy_loss": _LOGITS,
    "poly1_cross_entropy_loss": _LOGITS,
    "symmetric_cross_entropy_loss": _LOGITS,
    "generalized_cross_entropy_loss": _LOGITS,
    "softmax_focal_loss": _LOGITS,
    "nll_loss": _Meaning(_CLASSES, _exp),
    "multi_margin_loss": _SCORES,
    "multiclass_hinge_loss": _SCORES,
    "bce_with_logits_loss": _LABEL_LOGITS,
    "sigmoid_focal_loss": _LABEL_LOGITS,
    "asymmetric_loss": _LABEL_LOGITS,
    "multi_label_soft_margin_loss": _LABEL_LOGITS,
    "bce_loss": _Meaning(_LABELS),
    "mse_loss": _PREDICTIONS,
    "l1_loss": _PREDICTIONS,
    "smooth_l1_loss": _PREDICTIONS,
    "huber_loss": _PREDICTIONS,
    "charbonnier_loss": _PREDICTIONS,
    "log_cosh_loss": _PREDICTIONS,
    "quantile_loss": _PREDICTIONS,
    "rmse_loss": _PREDICTIONS,
    "msle_loss": _PREDICTIONS,
    "mape_loss": _PREDICTIONS,
    "smape_loss": _PREDICTIONS,
    "tweedie_loss": _PREDICTIONS,
    "gaussian_nll_loss": _PREDICTIONS,
}
_OPEN = ("expression", "program", "plugin")
"""Losses that say nothing of their inputs: numbers, where output and target are numbers of one shape."""


class Pair(NamedTuple):
    """Predictions and what is true, laid out as metrics take them, (M,) or (M,K)."""

    predictions: Tensor
    truth: Tensor


class Reading(Protocol):
    """How outputs and targets become pairs."""

    task: str
    size: int
    probabilities: bool

    def read(self, output: Tensor, targets: Tensors) -> Pair:
        """The pair of one batch; floating numbers are float64."""


def read(loss: Loss, output: Tensor, targets: Tensors) -> Reading:
    """How to read a model under `loss`.

    Args:
        output: the model's, or an empty one of its shape on the meta device.
        targets: the loss's other inputs.

    Raises:
        Fault: UNSUPPORTED if no metric can be told from these.
    """
    meaning = _meaning(loss)
    target = targets.get("target")
    if meaning is None:
        target = next(iter(targets.values())) if len(targets) == 1 else None
        if target is None or not target.is_floating_point() or target.shape != output.shape:
            raise _unknown(loss)
        meaning = _PREDICTIONS
    if target is None:
        raise _unknown(loss)
    if meaning.of == _CLASSES:
        return _Classes(loss, meaning, output, target)
    if target.shape != output.shape:
        raise Fault(
            "UNSUPPORTED",
            f"output {shape_text(output.shape)} and target {shape_text(target.shape)} differ; metrics need one shape",
            field="metrics",
        )
    return _Labels(meaning, output, target) if meaning.of == _LABELS else _Numbers(output, target, targets)


def _meaning(loss: Loss) -> _Meaning | None:
    """That of a loss by its name; of a weighted sum, that of its terms which have one, if they agree."""
    if isinstance(loss, WeightedSum):
        found = {meaning for term in loss.terms if (meaning := _meaning(term.loss)) is not None}
        if len(found) > 1:
            raise Fault(
                "UNSUPPORTED",
                "the terms of this weighted sum read the model's output in different ways, so metrics cannot",
                field="metrics",
            )
        return found.pop() if found else None
    if loss.name not in _MEANINGS and loss.name not in _OPEN:
        raise _unknown(loss)
    return _MEANINGS.get(loss.name)


def _unknown(loss: Loss) -> Fault:
    return Fault(
        "UNSUPPORTED",
        f"no metrics are known for {loss.name} of these tensors: they need classes, labels or numbers to compare with "
        "a target; leave metrics out",
        field="metrics",
    )


class _Classes:
    """Scores of classes (C,), (N,C), (N,C,d…) and class indices without the class dimension."""

    task = MULTICLASS

    def __init__(self, loss: Loss, meaning: _Meaning, output: Tensor, target: Tensor) -> None:
        if target.is_floating_point():
            raise Fault(
                "UNSUPPORTED",
                "the targets are class probabilities; metrics need class indices: send those, or leave metrics out",
                field="metrics",
            )
        self._dim = 0 if output.dim() == 1 else 1
        self.size = output.shape[self._dim]
        self.probabilities = meaning.probabilities
        self._activation = meaning.activation
        self._ignored = getattr(loss, "ignored", None)

    def read(self, output: Tensor, targets: Tensors) -> Pair:
        scores = output.detach().movedim(self._dim, -1).reshape(-1, self.size).double()
        truth = targets["target"].reshape(-1).long()
        kept = (truth >= 0) & (truth < self.size)
        if self._ignored is not None:
            kept &= truth != self._ignored
        return Pair(self._activation(scores)[kept], truth[kept])


class _Labels:
    """One score per example (), (N,), (N,1): binary; several (N,L), (N,L,d…): labels that go together."""

    def __init__(self, meaning: _Meaning, output: Tensor, target: Tensor) -> None:
        _check_hard(target)
        self.size = output.shape[1] if output.dim() > 1 else 1
        self.task = MULTILABEL if self.size > 1 else BINARY
        self.probabilities = True
        self._activation = meaning.activation

    def read(self, output: Tensor, targets: Tensors) -> Pair:
        _check_hard(targets["target"])
        truth = self._lay_out(targets["target"])
        return Pair(self._activation(self._lay_out(output).double()), truth.long())

    def _lay_out(self, given: Tensor) -> Tensor:
        given = given.detach()
        return given.reshape(-1) if self.size == 1 else given.movedim(1, -1).reshape(-1, self.size)


def _check_hard(target: Tensor) -> None:
    if not bool(((target == 0) | (target == 1)).all()):
        raise Fault(
            "VALUE_OUT_OF_RANGE",
            "metrics of labels need targets of 0 and 1, and some are between; leave metrics out, or harden them",
            field="targets.target",
        )


class _Numbers:
    """Numbers of one shape: (N,) or (N,1), or several to an example, then (N,K)."""

    task = REGRESSION
    probabilities = False

    def __init__(self, output: Tensor, target: Tensor, targets: Tensors) -> None:
        self.size = output.shape[1:].numel() if output.dim() else 1
        self._target = next(name for name, given in targets.items() if given is target)

    def read(self, output: Tensor, targets: Tensors) -> Pair:
        return Pair(self._lay_out(output), self._lay_out(targets[self._target]))

    def _lay_out(self, given: Tensor) -> Tensor:
        given = given.detach().double()
        return given.reshape(-1) if self.size <= 1 else given.reshape(-1, self.size)
