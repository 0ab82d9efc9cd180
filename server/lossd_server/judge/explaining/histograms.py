"""How often values lie where, in few bins of equal width; knows no loss."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_BINS = (30, 20, 10, 5)
"""Bins that there may be: numbers of which narrow places draw every second or third edge."""


@dataclass(frozen=True)
class Histogram:
    """Values in bins.

    Args:
        edges: bounds, one more than there are bins; a bin holds its lower bound, and the last its upper one, too.
        nonfinite: values that are NaN or infinite, and so in no bin.
    """

    name: str
    title: str
    edges: Sequence[float]
    counts: Sequence[int]
    nonfinite: int


def histogram(name: str, title: str, values: Tensor, low: float | None = None, high: float | None = None) -> Histogram:
    """The histogram of `values`, whatever their shape: 5, 10, 20 or 30 bins between the extremes, about √n.

    Args:
        low, high: where the bins begin and end, for values that can lie nowhere else.

    >>> found = histogram("loss", "", torch.tensor([0.0, 5.0, 5.0, torch.nan]))
    >>> found.edges, found.counts, found.nonfinite
    ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [1, 0, 0, 0, 2], 1)
    """
    flat = values.detach().reshape(-1).double()
    finite = flat[flat.isfinite()]
    count = int(finite.numel())
    nonfinite = int(flat.numel()) - count
    if not count:
        return Histogram(name, title, [], [], nonfinite)
    low = float(finite.min()) if low is None else low
    high = float(finite.max()) if high is None else high
    if low == high:  # one value alone stands in the middle of one bin
        room = abs(low) / 2 or 0.5
        edges = [max(low - room, -sys.float_info.max), min(high + room, sys.float_info.max)]
        return Histogram(name, title, edges, [count], nonfinite)
    bins = next((bins for bins in _BINS if bins <= math.isqrt(count)), _BINS[-1])
    edges = sorted({_between(low, high, index / bins) for index in range(bins + 1)})
    inner = torch.tensor(edges[1:-1], dtype=torch.float64, device=finite.device)
    counts = torch.bincount(torch.bucketize(finite, inner, right=True), minlength=len(edges) - 1)
    return Histogram(name, title, edges, counts.tolist(), nonfinite)


def _between(low: float, high: float, share: float) -> float:
    """The number at `share` of the way, whose two halves cannot overflow; exactly the ends at 0 and 1."""
    return high if share == 1 else low + share * high - share * low
