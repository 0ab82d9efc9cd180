"""What operators cost, found without running them: a mode under which torch's meta device adds up elements and work."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

_LAST = {"mm": 0, "bmm": 0, "addmm": 1, "baddbmm": 1, "_cdist_forward": 0, "mv": 0, "addmv": 1}
"""Operators that multiply along a dimension that their result lacks: where the operand is that has it last."""
_POOLS = frozenset({"avg_pool2d", "avg_pool3d", "max_pool2d_with_indices", "max_pool3d_with_indices"})
_SMALL = 20480
"""Elements up to which torch may convolve a batch at once; above, a sample at most."""


class Cost(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch gives it no types
    """Adds up what operators cost, those inside of other operators too.

    Args:
        check: called after each operator; may raise to stop before the rest is looked at.

    Attributes:
        elements: that operators make; views make none.
        touched: that they make or read, whichever is more of each.
        work: multiplications of matrix products and convolutions, and elements that pools look at.
        beside: the most elements that one operator may need beyond its result.
    """

    def __init__(self, check: Callable[[Cost], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch gives it no types
        self.elements = 0
        self.touched = 0
        self.work = 0
        self.beside = 0
        self._check = check

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            made = sum(tensor.numel() for tensor in tensors_in((result,)))
            name = func._schema.name.removeprefix("aten::")
            self.elements += made
            self.touched += max([made, *(tensor.numel() for tensor in tensors_in(args))])
            self.work += multiplications(name, args, made)
            self.beside = max(self.beside, unfolded(name, args, result))
            self._check(self)
        return result


def multiplications(name: str, args: Any, made: int) -> int:
    """Those of an operator that made as many elements, an element that a window looks at counting as one."""
    if name == "_trilinear":
        return made * int(args[0].shape[-1]) * int(args[2].shape[-1])
    if name in _LAST:
        return made * int((args[_LAST[name]].shape or (1,))[-1])
    if name == "convolution":
        input_, weight, transposed = args[0], args[1], args[6]
        return int((input_.numel() if transposed else made) * math.prod(weight.shape[1:]))
    if name in _POOLS:
        kernel = list(args[1])
        return int(made * (math.prod(kernel) if len(kernel) > 1 else kernel[0] ** (args[0].dim() - 2)))
    return 0


def unfolded(name: str, args: Any, result: Any) -> int:
    """Elements that torch may lay out beside the result: a convolution's windows, of a batch or of one sample."""
    if name != "convolution":
        return 0
    input_, weight, transposed = args[0], args[1], args[6]
    outer = input_ if transposed else result
    rows = outer.numel() // max(outer.shape[1], 1)
    groups = 1 if transposed else max(input_.shape[1] // weight.shape[1], 1)
    together = int(rows * math.prod(weight.shape[1:]) * groups)
    return together // max(int(input_.shape[0]), 1) if input_.numel() > _SMALL else together


def tensors_in(values: Iterable[Any]) -> Iterator[Tensor]:
    """The tensors in arguments or results, however nested."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from tensors_in(value)
