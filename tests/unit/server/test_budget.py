"""The rule by which shapes broadcast is torch's own."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis.extra import numpy as hnp
from lossd_server.losses.budget import broadcast_shapes


@given(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=4, min_side=0))
def test_shapes_broadcast_as_in_torch(shapes: hnp.BroadcastableShapes) -> None:
    """The same result, zero sizes and scalars included."""
    sizes = [torch.Size(shape) for shape in shapes.input_shapes]
    assert broadcast_shapes(*sizes) == torch.broadcast_shapes(*sizes)


@pytest.mark.parametrize("pair", [((2,), (3,)), ((0,), (2,)), ((2, 3), (3, 2)), ((4, 1, 2), (3, 3, 2))])
def test_shapes_that_do_not_broadcast(pair: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    """What torch refuses is refused."""
    for rule in (broadcast_shapes, torch.broadcast_shapes):
        with pytest.raises(RuntimeError):
            rule(*(torch.Size(shape) for shape in pair))
