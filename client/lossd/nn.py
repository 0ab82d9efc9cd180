"""Modules of torch.nn as data, for the model of a session; knows nothing of how they are computed or sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lossd.spec import Spec


@dataclass(frozen=True, repr=False)
class Module(Spec):
    """A part of a model."""


@dataclass(frozen=True, init=False, repr=False)
class Sequential(Module):
    """Modules in a row; parameters are named "0.weight", "1.bias", … as in torch.

    >>> Sequential(Linear(2, 8), ReLU(), Linear(8, 1)).modules[1]
    ReLU()

    Reference: torch.nn.Sequential
    """

    modules: tuple[Module, ...]

    def __init__(self, *modules: Module) -> None:
        object.__setattr__(self, "modules", modules)

    @classmethod
    def of(cls, arguments: dict[str, Any]) -> Sequential:
        """The object that `arguments` came from."""
        return cls(*arguments.get("modules", ()))


@dataclass(frozen=True, repr=False)
class Linear(Module):
    """Affine map x·Wᵀ + b: input (…, in_features), output (…, out_features).

    Args:
        in_features: size of the last dimension of the input; 1 to 1,048,576.
        out_features: size of the last dimension of the output; 1 to 1,048,576.
        bias: whether to add b; default True.

    Reference: torch.nn.Linear
    """

    in_features: int
    out_features: int
    bias: bool | None = None


@dataclass(frozen=True, repr=False)
class ReLU(Module):
    """max(0, x). Reference: torch.nn.ReLU"""


@dataclass(frozen=True, repr=False)
class Tanh(Module):
    """Hyperbolic tangent. Reference: torch.nn.Tanh"""


@dataclass(frozen=True, repr=False)
class Sigmoid(Module):
    """1/(1 + exp(−x)). Reference: torch.nn.Sigmoid"""
