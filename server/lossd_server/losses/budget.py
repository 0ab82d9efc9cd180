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
        elements = shape.numel()
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
    """The shape that `shapes` broadcast to; RuntimeError if they do not."""
    return torch.Size(torch.broadcast_shapes(*shapes))  # type: ignore[no-untyped-call]  # torch leaves it untyped
