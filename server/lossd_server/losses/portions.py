"""What each example adds to a loss, and what its own loss is; knows the reductions, and one oddity of one loss.

The portions of all examples add up to the loss: of `mean` Σ elements of the example / weight_sum, of `sum` Σ elements,
of a weighted sum Σ weight × portion of the term. The oddity: ctc_loss's mean divides each loss by its target's length.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.losses import examples
from lossd_server.losses.binding import BoundLoss
from lossd_server.losses.composite import WeightedSum
from lossd_server.losses.contract import Loss, Tensors
from lossd_server.losses.evaluation import value_of
from lossd_server.losses.examples import Layout

MAX_ALONE = 256
"""Examples up to which each is evaluated alone, where a loss has no values of elements."""
_SUMS = ("sum", "batchmean")
_SUMMED_TOKENS = ("token_sum", "seq_mean_token_sum")
_NEAR = 1e-4

TOGETHER = "the loss compares the examples of a batch with each other, so none has a loss of its own"
WHOLE = "the loss is one number of the whole batch"
ALONE = (
    "the loss is one number of the whole batch: the losses are those of each example evaluated alone, which do not add "
    "up to it"
)


@dataclass(frozen=True)
class Portions:
    """Of every example, in their order, float64 on the loss's device.

    Args:
        losses: its own loss, (N,): the mean of its elements that count, or their sum where the reduction does not
            divide by their number; None where it has none.
        parts: what it adds to the loss, (N,); None where the loss is not made of parts.
        unexplained: why either is missing; "" where none is.
        ignored: whether no element of it counts, (N,): its loss and part are 0 then; None where all count.
    """

    losses: Tensor | None
    parts: Tensor | None
    unexplained: str = ""
    ignored: Tensor | None = None


def portions(loss: Loss, tensors: Tensors, value: float, layout: Layout, pause: Callable[[], bool]) -> Portions:
    """The portions of checked inputs, by one more evaluation, or by one of each example where that is bounded.

    Args:
        value: the loss, of an unreduced one the mean of its elements.
        pause: called between evaluations: raises for a caller who is gone, and tells whether time is up.
    """
    found = _by_elements(loss, tensors, layout)
    if found is not None:
        return found
    if _compares(loss):
        return Portions(None, None, TOGETHER)
    if not layout.batched:
        whole = torch.tensor([value], dtype=torch.float64)
        return Portions(whole, whole)
    if layout.count > MAX_ALONE:
        more = f"; each example is evaluated alone for at most {MAX_ALONE}, and there are {layout.count}"
        return Portions(None, None, WHOLE + more)
    return _alone(loss, tensors, value, layout, pause)


def _by_elements(loss: Loss, tensors: Tensors, layout: Layout) -> Portions | None:
    """From the unreduced loss; None where it is not made of elements that belong to one example each."""
    if isinstance(loss, WeightedSum):
        return _of_terms(loss, tensors, layout)
    if isinstance(loss, BoundLoss):
        return _of_bound(loss, tensors, layout)
    elements = value_of(loss, tensors)
    if elements.dim() and elements.shape[0] == layout.count and layout.batched:
        rows = examples.rows(elements)
        count = max(rows.shape[1], 1)
        ignored = torch.full((len(rows),), not rows.shape[1], device=rows.device)
        return Portions(rows.sum(1) / count, rows.sum(1) / max(rows.numel(), 1), ignored=ignored)
    return None


def _of_terms(loss: WeightedSum, tensors: Tensors, layout: Layout) -> Portions | None:
    losses, parts, ignored = torch.tensor(0.0), torch.tensor(0.0), torch.tensor(True)
    for term in loss.terms:
        inner = {name: term.request_name(name) for name in term.loss.input_names}
        dimensions = {own: layout.dimensions[name] for own, name in inner.items() if name in layout.dimensions}
        own = _by_elements(term.loss, term.inputs(tensors), Layout(layout.count, dimensions, layout.batched))
        if own is None or own.losses is None or own.parts is None or len(own.losses) != layout.count:
            return None
        assert own.ignored is not None, "what is made of elements knows which count"
        losses, parts = losses.to(own.losses) + term.weight * own.losses, parts.to(own.parts) + term.weight * own.parts
        ignored = own.ignored & ignored.to(own.ignored)
    return Portions(losses, parts, ignored=ignored)


def _of_bound(loss: BoundLoss, tensors: Tensors, layout: Layout) -> Portions | None:
    unreduced = loss.unreduced()
    weight = None if unreduced is None else _denominator(loss, tensors, layout)
    if unreduced is None or weight is None:
        return None
    elements = value_of(unreduced, tensors)
    rows = examples.rows(elements) if layout.batched and elements.dim() else elements.reshape(1, elements.numel())
    counts = _counted(loss, tensors, elements, rows)
    sums = rows.sum(1)
    if loss.name == "ctc_loss" and loss.reduction == "mean":
        sums = sums / tensors["target_lengths"].reshape(-1).clamp_min(1)
    if loss.aggregation == "seq_mean_token_mean":
        sums = sums / counts.clamp_min(1)
        return Portions(sums, sums / (weight or math.nan), ignored=counts == 0)
    summed = loss.reduction in _SUMS or loss.aggregation in _SUMMED_TOKENS
    losses = sums if summed else sums / counts.clamp_min(1)
    divisor = {"none": max(rows.numel(), 1), "sum": 1}.get(str(loss.reduction), weight or math.nan)
    return Portions(losses, sums / divisor, ignored=counts == 0)


def _denominator(loss: BoundLoss, tensors: Tensors, layout: Layout) -> float | None:
    """What the mean divides by; None where elements belong to no example, as a class's dice over a batch does."""
    if loss.name == "ctc_loss":
        return float(tensors["target_lengths"].numel())
    if loss.family == "metric_learning":  # one for each example beside the others: chunks do not merge, rows do add up
        return float(layout.count)
    return loss.weight_sum(tensors)


def _counted(loss: BoundLoss, tensors: Tensors, elements: Tensor, rows: Tensor) -> Tensor:
    """Elements of each example that count, (N,): those that a mask or `ignore_index` leaves out do not."""
    every = torch.full((rows.shape[0],), float(rows.shape[1]), dtype=torch.float64, device=rows.device)
    mask, target = tensors.get("mask"), tensors.get("target")
    if loss.aggregation is not None:
        return every if mask is None else mask.bool().reshape(rows.shape).sum(1).double()
    if loss.ignored is None or target is None or target.is_floating_point() or target.shape != elements.shape:
        return every
    return (target.long() != loss.ignored).reshape(rows.shape).sum(1).double()


def _compares(loss: Loss) -> bool:
    """Whether an example alone means nothing to it: losses of pairs within the batch."""
    if isinstance(loss, WeightedSum):
        return any(_compares(term.loss) for term in loss.terms)
    return isinstance(loss, BoundLoss) and loss.family in ("metric_learning", "preference")


def _alone(loss: Loss, tensors: Tensors, value: float, layout: Layout, pause: Callable[[], bool]) -> Portions:
    found: list[float] = []
    for index in range(layout.count):
        if pause():
            return Portions(None, None, f"{WHOLE}, and evaluating each example alone takes too long")
        one = layout.one(tensors, index)
        try:
            loss.check(one)
            found.append(float(value_of(loss, one).mean()))
        except Fault as fault:
            return Portions(None, None, f"{WHOLE}, and an example alone is refused: {fault.message}")
    losses = torch.tensor(found, dtype=torch.float64)
    for parts in (losses / max(layout.count, 1), losses):
        scale = float(parts.abs().sum())
        if abs(float(parts.sum()) - value) <= _NEAR * scale:
            return Portions(losses, parts)
    return Portions(losses, None, ALONE)
