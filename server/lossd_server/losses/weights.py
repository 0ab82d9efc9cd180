"""The denominators of means: what `weight_sum` is, so that anyone can merge chunks exactly."""

from __future__ import annotations

import torch

from lossd_server.losses import checks
from lossd_server.losses.budget import broadcast_shapes
from lossd_server.losses.contract import Arguments, Tensors


def count(tensors: Tensors, arguments: Arguments) -> float:
    """Elements of the (broadcast) result."""
    return float(broadcast_shapes(tensors["input"].shape, tensors["target"].shape).numel())


def rows(tensors: Tensors, arguments: Arguments) -> float:
    """One for each row of the first input, or one where it has no batch."""
    first = next(iter(tensors.values()))
    return float(first.shape[0] if first.dim() else 1)


def positions(tensors: Tensors, arguments: Arguments) -> float:
    """One for each position of (C,) or (N,C,d…): every element but for the class dimension."""
    input_ = tensors["input"]
    return float(input_.numel() // max(checks.classes(input_), 1))


def none(tensors: Tensors, arguments: Arguments) -> None:
    """No denominator: the loss is one number of the whole batch, and chunks of it do not merge."""


def batch_or_count(tensors: Tensors, arguments: Arguments) -> float:
    """The batch for batchmean, every element otherwise."""
    return rows(tensors, arguments) if arguments["reduction"] == "batchmean" else count(tensors, arguments)


def classes(tensors: Tensors, arguments: Arguments) -> float:
    """Total weight of the targets that are not ignored; soft targets count one per position."""
    target, weight = tensors["target"], arguments["weight"]
    ignored = -100 if arguments["ignore_index"] is None else arguments["ignore_index"]
    if target.is_floating_point():
        return float(target.numel() // max(checks.classes(target), 1))
    if weight is None and target.numel() <= checks.FEW and target.is_cpu:
        return float(target.numel() - target.reshape(-1).tolist().count(ignored))
    kept = target.long() != ignored  # uint8 would wrap it
    if weight is None:
        return float(torch.count_nonzero(kept))
    return float(weight.double()[target[kept].long()].sum())


def tokens(tensors: Tensors, arguments: Arguments) -> float | None:
    """Tokens that the mask keeps, or sequences for the aggregations that average over those."""
    mask = tensors.get("mask")
    first = next(iter(tensors.values()))
    if arguments["aggregation"].startswith("seq_mean"):
        every = first.shape[0] if first.numel() else 0  # sequences without tokens are in no mean
        return float(every if mask is None else mask.bool().any(-1).sum())
    return float(first.shape[:2].numel() if mask is None else mask.bool().sum())
