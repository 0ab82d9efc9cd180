"""Takes back what a forward changes when what follows fails: buffers, and weights that it renormalises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Undo:
    """Watches the tensors of a module that running it in training mode changes."""

    def __init__(self, module: nn.Module) -> None:
        renormalised = [
            part.weight
            for part in module.modules()
            if isinstance(part, nn.Embedding | nn.EmbeddingBag) and part.max_norm is not None
        ]
        self._watched: list[Tensor] = [*module.buffers(), *renormalised]

    @contextmanager
    def on_failure(self) -> Iterator[None]:
        """Inside, the module runs; if anything raises, its tensors are what they were."""
        before = [tensor.detach().clone() for tensor in self._watched]
        try:
            yield
        except BaseException:
            with torch.no_grad():
                for tensor, value in zip(self._watched, before, strict=True):
                    tensor.copy_(value)
            raise
