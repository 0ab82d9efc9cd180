"""How many elements one evaluation may still produce; asked before each operation that makes some.

Whoever knows the size of the work also says how many threads it is worth.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from lossd_server.faults import Fault, shape_text
from lossd_server.limits import MAX_PRODUCED_ELEMENTS
from lossd_server.losses import threads

_PER_INPUT_ELEMENT = 64


class Budget:
    """The elements that an evaluation of `inputs` may produce: `MAX_PRODUCED_ELEMENTS`, or 64 times those given."""

    def __init__(self, inputs: Iterable[Tensor]) -> None:
        given = sum(tensor.numel() for tensor in inputs)
        threads.fit(given)
        self._left = max(MAX_PRODUCED_ELEMENTS, _PER_INPUT_ELEMENT * given)

    def spend(self, *operands: Tensor | float) -> None:
        """Takes off what an elementwise operation on `operands` produces; refuses shapes that do not broadcast."""
        shapes = [operand.shape for operand in operands if isinstance(operand, Tensor)]
        try:
            shape = broadcast_shapes(*shapes) if len(shapes) != 1 else shapes[0]
        except RuntimeError:
            texts = " and ".join(map(shape_text, shapes))
            raise Fault("SHAPE_MISMATCH", f"shapes {texts} do not broadcast", field="loss") from None
        self.take(shape.numel())

    def take(self, elements: int) -> None:
        """Takes off as many elements; refuses more than are left."""
        if elements > threads.SERIAL_ELEMENTS:
            threads.fit(elements)
        self._left -= elements
        if self._left < 0:
            raise Fault(
                "LIMIT_EXCEEDED",
                f"the evaluation makes more than {MAX_PRODUCED_ELEMENTS} elements; reduce its terms, or split it",
                field="loss",
            )


def broadcast_shapes(*shapes: torch.Size) -> torch.Size:
    """The shape that `shapes` broadcast to; RuntimeError if they do not.

    torch.broadcast_shapes would load sympy, for a third of a second of somebody's first call.

    >>> broadcast_shapes(torch.Size([3, 1]), torch.Size([2]))
    torch.Size([3, 2])
    """
    result = [1] * max(map(len, shapes), default=0)
    for shape in shapes:
        for axis, size in enumerate(reversed(shape), start=1):
            if size != 1 and result[-axis] not in (1, size):
                raise RuntimeError(f"{tuple(shape)} does not broadcast to {tuple(result)}")
            if size != 1:
                result[-axis] = size
    return torch.Size(result)
