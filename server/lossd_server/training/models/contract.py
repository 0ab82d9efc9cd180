"""What a model is to a session, and the neutral form of what describes one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from torch import Tensor, nn


class Spec(NamedTuple):
    """A class of torch.nn or torch.optim by name, the arguments given, and its path in the request."""

    class_name: str
    arguments: Mapping[str, Any]
    path: str


class Model(Protocol):
    """A module with what it takes.

    Attributes:
        module: parameters and buffers under their public names; its mode is the model's.
        input_names: of all inputs, in the order in which they are read.
        indices: those of them that are indices, int64 where nothing else is said.
    """

    module: nn.Module
    input_names: tuple[str, ...]
    indices: frozenset[str]

    def check(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Refuses types, shapes, cost and indices before any kernel runs; an empty meta tensor like the output."""

    def run(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """The output of checked inputs in the module's present mode; random numbers come from torch's generator."""
