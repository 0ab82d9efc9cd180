"""Affine maps."""

from __future__ import annotations

from dataclasses import dataclass

from lossd.nn.module import Module


@dataclass(frozen=True, eq=False, repr=False)
class Linear(Module):
    """Affine map x·Wᵀ + b: input (…, in_features), output (…, out_features).

    Args:
        in_features: size of the last dimension of the input; 1 to 1,048,576.
        out_features: size of the last dimension of the output; 1 to 1,048,576.
        bias: whether to add a bias; default True.

    Reference: torch.nn.Linear
    """

    in_features: int
    out_features: int
    bias: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Identity(Module):
    """x. Reference: torch.nn.Identity"""
