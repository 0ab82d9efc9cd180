"""Takes back what a forward changes when what follows fails: buffers, and weights that it renormalises."""

from __future__ import annotations

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

    def remember(self) -> list[Tensor]:
        """Copies of the watched tensors as they are now."""
        return [tensor.detach().clone() for tensor in self._watched]

    def undo(self, before: list[Tensor]) -> None:
        """Makes the watched tensors what they were."""
        with torch.no_grad():
            for tensor, value in zip(self._watched, before, strict=True):
                tensor.copy_(value)
