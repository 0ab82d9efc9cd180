"""One evaluation as the rules see it: samples of its tensors, on the host if few are looked at; knows no rule."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lossd_server.judge.diagnostics.findings import Diagnostic, Finding, Level
from lossd_server.losses import checks
from lossd_server.losses.contract import Evaluated, Tensors

SAMPLED = 8_192
"""Elements of an input that `cheap` looks at: a few microseconds for a kernel in one thread."""
SAMPLED_ROWS = 16
"""Rows that `cheap` looks at where they are wider than SAMPLED allows, up to SAMPLED_WIDE elements."""
SAMPLED_WIDE = 65_536
MOST = 2**24
"""Elements of an input that `full` looks at; of larger ones it samples as many."""
FEW = 2 * SAMPLED
"""Elements up to which numpy counts them."""
_SEEN = (torch.float32, torch.float64, torch.bool)
_BLOCK = 1024
"""Elements that are sampled in one piece of an input without rows."""


class Classes(NamedTuple):
    """Rows of classes that count: scores (M,C), and their class indices (M,) or distributions (M,C)."""

    scores: Tensor
    target: Tensor | None
    soft: Tensor | None


class Agreement(NamedTuple):
    """Two samples: means, standard deviations, mean product around the means, mean squared difference."""

    number: int
    mean: float
    own: float
    middle: float
    other: float
    together: float

    @property
    def error(self) -> float:
        """Mean squared difference; rounded to a millionth of the variances."""
        return max(self.own**2 + self.other**2 - 2 * self.together, 0.0) + (self.mean - self.middle) ** 2

    @property
    def correlation(self) -> float:
        """Between -1 and 1; nan if one is constant."""
        return self.together / (self.own * self.other) if self.own and self.other else math.nan


@dataclass
class Case:
    """One evaluation of one loss that is no sum.

    Args:
        name: of the loss.
        arguments: those it was built with.
        tensors: its inputs, by its own names.
        result: what came of it; None for a term of a sum.
        value: the loss, summed up if it is not reduced.
        gradients: of `value` by input, as far as they are known.
        names: what the request calls an input, where that differs.
        term: label of the term that it is.
        ignored: target index that adds nothing.
    """

    name: str
    arguments: Mapping[str, Any]
    tensors: Tensors
    level: Level
    value: float
    result: Evaluated | None = None
    gradients: Mapping[str, Tensor] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    term: str = ""
    ignored: int | None = None

    def found(self, diagnostic: Diagnostic, message: str, about: str = "", /, **evidence: float) -> Finding:
        """A finding about an input, or about all."""
        path = f"inputs.{self.names.get(about, about)}" if about else ""
        return Finding(diagnostic, message, path, evidence, self.term)

    @property
    def full(self) -> bool:
        return self.level is Level.FULL

    def given(self, name: str) -> Tensor | None:
        """An input without its graph; None if it is absent."""
        tensor = self.tensors.get(name)
        return None if tensor is None else tensor.detach()

    def elements(self, name: str) -> Tensor:
        """Elements of an input (M,), floating ones float32 at least; those of inputs of one shape go together."""
        return self._flat(self.tensors[name])

    def _flat(self, given: Tensor) -> Tensor:
        return wide(self.host(spread(given.detach(), self._elements))).reshape(-1)

    def rows(self, name: str, dim: int = -1) -> Tensor:
        """Rows (M,D) of an input whose dimension `dim` is in one piece."""
        given = self.tensors[name].detach()
        if not given.dim():
            given = given.reshape(1)
        return self._rows(given.movedim(dim, -1))

    def tolerance(self, name: str) -> float:
        """How far a sum of probabilities may be from 1 by rounding of this input's type."""
        return 1e-3 if self.tensors[name].dtype in (torch.float32, torch.float64) else 0.02

    def host(self, tensor: Tensor) -> Tensor:
        """Few elements are looked at where no kernel has to be launched and waited for."""
        return tensor if self.full or tensor.is_cpu else tensor.cpu()

    @property
    def _elements(self) -> int:
        return MOST if self.full else SAMPLED

    def _kept(self, width: int) -> int:
        if self.full:
            return max(1, MOST // max(width, 1))
        return max(1, SAMPLED // max(width, 1), min(SAMPLED_ROWS, SAMPLED_WIDE // max(width, 1)))

    def _rows(self, given: Tensor, where: tuple[slice, ...] | None = None) -> Tensor:
        width = given.shape[-1]
        chosen = given[picks(given.shape[:-1], self._kept(width)) if where is None else where]
        return wide(self.host(chosen)).reshape(-1 if width else 0, width)

    @cached_property
    def numbers(self) -> tuple[Tensor, Tensor]:
        """Elements of `input` and `target` that belong together; none if they broadcast."""
        given, target = self.tensors["input"], self.tensors["target"]
        if given.shape != target.shape:
            if given.dim() < 3 or given.shape[1] != 1 or given.numel() != target.numel():
                nothing = torch.empty(0)
                return nothing, nothing
            target = target.reshape(given.shape)  # the mask of a binary segmentation
        return self._flat(given), self._flat(target)

    @cached_property
    def errors(self) -> Tensor:
        """`numbers`' input less target."""
        given, target = self.numbers
        return given - target

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """Least and largest of `numbers`' input; nan where there is none."""
        return bounds(self.numbers[0])

    @cached_property
    def target_bounds(self) -> tuple[float, float]:
        """Least and largest of `numbers`' target."""
        return bounds(self.numbers[1])

    @cached_property
    def agreement(self) -> Agreement:
        """How `numbers` agree."""
        return agreement(*self.numbers)

    @cached_property
    def classes(self) -> Classes:
        """Rows of `input` (C,), (N,C) or (N,C,d…) and of `target`, without those that are ignored."""
        input_, target = self.tensors["input"].detach(), self.tensors["target"].detach()
        if input_.dim() < 2:
            input_, target = input_.reshape(1, -1), target.reshape(1, *target.shape)
        scores = input_.movedim(1, -1)
        where = picks(scores.shape[:-1], self._kept(scores.shape[-1]))
        rows = self._rows(scores, where)
        if target.is_floating_point():
            return Classes(rows, None, self._rows(target.movedim(1, -1)) if target.shape == input_.shape else None)
        index = self.host(target[where]).reshape(-1).long()
        few = index.numel() <= checks.FEW and (self.ignored is None or self.ignored < 0)
        if few and all(0 <= one < rows.shape[-1] for one in index.tolist()):
            return Classes(rows, index, None)  # Python is faster than kernels at a few
        return self._without_ignored(rows, index)

    def _without_ignored(self, rows: Tensor, index: Tensor) -> Classes:
        kept = (index >= 0) & (index < rows.shape[-1])
        if self.ignored is not None:
            kept &= index != self.ignored
        if not bool(kept.all()):
            rows, index = rows[kept], index[kept]
        return Classes(rows, index, None)

    @cached_property
    def class_bounds(self) -> tuple[float, float]:
        """Least and largest of `classes`' scores."""
        return bounds(self.classes.scores)

    @cached_property
    def kept(self) -> Tensor | None:
        """Which elements of inputs (N,T) the mask keeps, (M,); None if all."""
        mask = self.tensors.get("mask")
        return None if mask is None else self.host(spread(mask.detach(), self._elements)).reshape(-1) != 0

    def tokens(self, name: str) -> Tensor:
        """Elements of an input (N,T) that the mask keeps, (M,)."""
        found, kept = self.elements(name), self.kept
        return found if kept is None or kept.shape != found.shape else found[kept]


def picks(shape: Sequence[int], keep: int) -> tuple[slice, ...]:
    """Evenly spaced slices of leading dimensions that leave about `keep` of them.

    Long dimensions are thinned first, and none to fewer than 16 while another is longer: not one image of many.

    >>> [one.step for one in picks((1024,), 16)], [one.step for one in picks((2, 512, 512), 1024)]
    ([64], [1, 32, 16])
    """
    step = -(-math.prod(shape) // max(keep, 1))
    if step <= 1:
        return (slice(None, None, 1),) * len(shape)
    strides = [1] * len(shape)
    for least in (16, 1):
        for dim in sorted(range(len(shape)), key=lambda one: -shape[one]):
            own = max(1, min(step, shape[dim] // (least * strides[dim])))
            strides[dim] *= own
            step = -(-step // own)
    return tuple(slice(None, None, stride) for stride in strides)


def spread(given: Tensor, most: int) -> Tensor:
    """About `most` elements of a tensor, whole rows or blocks where it has them."""
    count = given.numel()
    if count <= most:
        return given
    if given.dim() == 1:
        blocks = count // _BLOCK
        given = given[: blocks * _BLOCK].reshape(blocks, _BLOCK)
    chosen = given[picks(given.shape[:-1], max(1, most // given.shape[-1]))]
    return chosen if chosen.numel() <= 2 * most else chosen[..., :: -(-chosen.numel() // most)]


def wide(tensor: Tensor) -> Tensor:
    """Floating types that cannot count become float32; others stay."""
    return tensor.float() if tensor.dtype not in (torch.float32, torch.float64) else tensor


def _few(tensor: Tensor) -> NDArray[Any] | None:
    """The same elements for numpy, whose kernels begin 5 times sooner; None of many, or where numpy cannot see them."""
    if tensor.numel() > FEW or not tensor.is_cpu or tensor.requires_grad or tensor.dtype not in _SEEN:
        return None
    return tensor.numpy()


def bounds(tensor: Tensor) -> tuple[float, float]:
    """Least and largest; nan where there is none, or any."""
    if not tensor.numel():
        return float("nan"), float("nan")
    least, most = torch.aminmax(tensor)
    return float(least), float(most)


def moments(sample: Tensor) -> tuple[float, float]:
    """Mean and standard deviation; by two plain passes, which are 20 times faster than torch's one.

    >>> moments(torch.tensor([1.0, 3.0]))
    (2.0, 1.0)
    """
    mean = float(sample.mean())
    centred = sample - mean
    return mean, math.sqrt(float(centred.square_().mean()))


def agreement(given: Tensor, target: Tensor) -> Agreement:
    """How two samples (M,) agree.

    >>> found = agreement(torch.tensor([1.0, 3.0]), torch.tensor([2.0, 6.0]))
    >>> found.own, found.other, found.correlation, found.error
    (1.0, 2.0, 1.0, 5.0)
    """
    count = given.numel()
    if given.dtype != target.dtype:
        given, target = given.double(), target.double()
    few, others = _few(given), _few(target)
    sums: tuple[Any, ...]
    if few is not None and others is not None:
        mean, middle = float(np.add.reduce(few)) / count, float(np.add.reduce(others)) / count
        first, second = few - few.dtype.type(mean), others - others.dtype.type(middle)
        sums = first.dot(first), second.dot(second), first.dot(second)
    else:
        mean, middle = float(given.mean()), float(target.mean())
        one, two = given - mean, target - middle
        sums = torch.dot(one, one), torch.dot(two, two), torch.dot(one, two)
    own, other, together = (float(one) / count for one in sums)
    return Agreement(count, mean, math.sqrt(own), middle, math.sqrt(other), together)


def share(where: Tensor) -> float:
    """Of elements where it holds."""
    few = _few(where)
    if few is not None:
        return int(np.count_nonzero(few)) / max(few.size, 1)
    return float(torch.count_nonzero(where)) / max(where.numel(), 1)


def class_count(tensor: Tensor) -> int:
    """The size of the class dimension of (C,) or (N,C,d…)."""
    return checks.classes(tensor) if tensor.dim() else 1
