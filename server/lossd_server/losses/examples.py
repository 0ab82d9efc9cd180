"""Which dimension of a loss's inputs counts the examples, read off the loss's own contract; knows no single loss.

The only place that does: whoever cuts a batch into examples, or joins chunks of them, asks here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from lossd_server.losses.contract import Input, Loss, Tensors

_SHAPE = re.compile(r"\(([^()]*)\)")
_LIKE = re.compile(r"\bas (\w+)")
_SILENT = ("expression", "program")
"""Losses whose contract has no word for examples: the first dimension counts them, as everywhere in torch."""


def dimension(input_: Input, rank: int) -> int | None:
    """The dimension that counts the examples in an input of `rank` dimensions; None where there is none.

    Of a shape in torch's notation it is the one called N, or the first of "(*)" and "(…,D)".

    >>> from lossd_server.losses.contract import Kind
    >>> ctc = Input("log_probs", Kind.FLOAT, "(T,N,C) or (T,C)", "")
    >>> dimension(ctc, 3), dimension(ctc, 2)
    (1, None)
    >>> boxes = Input("input", Kind.FLOAT, "(…,4)", "")
    >>> dimension(boxes, 2), dimension(boxes, 1)
    (0, None)
    """
    return _counting(input_.shape, rank)


@lru_cache(maxsize=4096)
def _counting(shape: str, rank: int) -> int | None:
    for written in _SHAPE.findall(shape):
        parts = [part.strip() for part in written.split(",") if part.strip()]
        if parts == ["*"] and rank:
            return 0
        if parts[:1] == ["…"] and rank >= len(parts):
            return 0
        any_more = any(part.endswith("…") or part.startswith("*") for part in parts)
        fits = rank >= len(parts) - 1 if any_more else rank == len(parts)
        if fits and "N" in parts:
            return parts.index("N")
    return None


@dataclass(frozen=True)
class Layout:
    """Where the examples of some inputs lie.

    Args:
        count: of examples; 1 where the inputs are one without a batch.
        dimensions: that which counts them, by name of the input; inputs that belong to all examples have none.
        batched: whether any dimension counts them.
    """

    count: int
    dimensions: Mapping[str, int]
    batched: bool

    def at(self, tensors: Tensors, indices: Tensor) -> dict[str, Tensor]:
        """A copy of the examples at `indices`, in that order; what belongs to all goes along whole."""
        return {
            name: given.index_select(self.dimensions[name], indices.to(given.device))
            if name in self.dimensions
            else given
            for name, given in tensors.items()
        }

    def one(self, tensors: Tensors, index: int) -> dict[str, Tensor]:
        """A view of one example, as a batch of it alone."""
        return {
            name: given.narrow(self.dimensions[name], index, 1) if name in self.dimensions else given
            for name, given in tensors.items()
        }

    def spread(self, most: int) -> Tensor:
        """Indices of at most as many examples, evenly chosen."""
        if self.count <= most:
            return torch.arange(self.count)
        return torch.linspace(0, self.count - 1, most, dtype=torch.float64).round().long()


def rows(given: Tensor, at: int = 0) -> Tensor:
    """The elements of each example in a row, (N,M); `at` is the dimension that counts them.

    >>> rows(torch.zeros(3, 2, 4), at=1).shape, rows(torch.zeros(0, 2)).shape
    (torch.Size([2, 12]), torch.Size([0, 2]))
    """
    moved = given.movedim(at, 0)
    return moved.reshape(moved.shape[0], moved.shape[1:].numel())


def lay_out(loss: Loss, tensors: Tensors) -> Layout:
    """Where the examples are in checked inputs of `loss`; the first input tells their number.

    >>> from lossd_server.losses import catalogue
    >>> entry = catalogue.find("cross_entropy_loss")
    >>> loss = entry.build({}, path="loss", allow_broadcast=False)
    >>> lay_out(loss, {"input": torch.zeros(5, 3), "target": torch.zeros(5, dtype=torch.int64)})
    Layout(count=5, dimensions={'input': 0, 'target': 0}, batched=True)
    >>> lay_out(loss, {"input": torch.zeros(3), "target": torch.tensor(0)})
    Layout(count=1, dimensions={}, batched=False)
    """
    names = [name for name in loss.input_names if name in tensors]
    found = {name: at for name in names if (at := dimension_of(loss, name, tensors[name])) is not None}
    if not names or names[0] not in found:
        return Layout(1, {}, batched=False)
    count = tensors[names[0]].shape[found[names[0]]]
    return Layout(count, {name: at for name, at in found.items() if tensors[name].shape[at] == count}, batched=True)


def dimension_of(loss: Loss, name: str, given: Tensor) -> int | None:
    """The dimension that counts the examples in one input of `loss`, whose shape may be that of another one."""
    input_ = loss.input(name)
    if input_ is None or not given.dim():
        return None
    if loss.name in _SILENT:
        return 0
    found = dimension(input_, given.dim())
    like = _LIKE.search(input_.shape)
    other = loss.input(like[1]) if found is None and like is not None else None
    return dimension(other, given.dim()) if other is not None else found
