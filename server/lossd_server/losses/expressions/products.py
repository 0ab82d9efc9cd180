"""Matrix products of formulas: what must agree, and what they cost; multiplies nothing itself."""

from __future__ import annotations

import torch
from torch import Tensor

from lossd_server.faults import Fault, shape_text
from lossd_server.losses import checks, threads
from lossd_server.losses.budget import broadcast_shapes

_FAST = (torch.float32, torch.float64)


def cost(left: Tensor, right: Tensor) -> int:
    """Elements of a matrix product, and its multiplications at the speed of elementwise work.

    >>> cost(torch.ones(2, 64), torch.ones(64, 3))
    12
    """
    _check(left, right)
    threads.use_all()
    batch = _batch(left, right).numel()
    rows = left.shape[-2] if left.dim() > 1 else 1
    made = batch * rows * (right.shape[-1] if right.dim() > 1 else 1)
    return made + made * left.shape[-1] // (64 if left.dtype in _FAST else 1)


def _check(left: Tensor, right: Tensor) -> None:
    """Refuses operands without an axis, of two types, or whose inner axes differ."""
    shapes = f"{shape_text(left.shape)} @ {shape_text(right.shape)}"
    if not left.dim() or not right.dim():
        raise Fault("SHAPE_MISMATCH", f"{shapes}: each side of a matrix product needs an axis; write * for numbers")
    if left.dtype != right.dtype:
        types = f"{checks.dtype_text(left)} @ {checks.dtype_text(right)}"
        remedy = "" if left.is_floating_point() and right.is_floating_point() else "; multiply whole numbers by 1.0"
        raise Fault("DTYPE_MISMATCH", f"{types}: both sides of a matrix product must have one element type{remedy}")
    inner = right.shape[-2] if right.dim() > 1 else right.shape[0]
    if left.shape[-1] != inner:
        which = "last axis but one" if right.dim() > 1 else "axis"
        raise Fault(
            "SHAPE_MISMATCH",
            f"{shapes}: the last axis of the left side, {left.shape[-1]}, must be as long as the {which} of the right "
            f"side, {inner}",
        )


def _batch(left: Tensor, right: Tensor) -> torch.Size:
    try:
        return broadcast_shapes(left.shape[:-2], right.shape[:-2])
    except RuntimeError:
        shapes = f"{shape_text(left.shape)} @ {shape_text(right.shape)}"
        raise Fault("SHAPE_MISMATCH", f"{shapes}: the axes before the last two do not broadcast") from None
