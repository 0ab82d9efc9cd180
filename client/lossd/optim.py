"""Optimizers of torch.optim as data, for sessions; knows nothing of how they step or are sent."""

from __future__ import annotations

from dataclasses import dataclass

from lossd.spec import Spec


@dataclass(frozen=True, kw_only=True, repr=False)
class Optimizer(Spec):
    """Turns gradients into a step."""


@dataclass(frozen=True, kw_only=True, repr=False)
class SGD(Optimizer):
    """Stochastic gradient descent.

    Args:
        lr: learning rate; at least 0, default 0.001.
        momentum: momentum factor; at least 0, default 0.
        dampening: dampening of the momentum; default 0.
        weight_decay: L2 penalty; at least 0, default 0.
        nesterov: Nesterov momentum; needs momentum > 0 and dampening 0. Default False.
        maximize: whether to maximise; default False.

    >>> SGD(lr=0.01, momentum=0.9)
    SGD(lr=0.01, momentum=0.9)

    Reference: torch.optim.SGD
    """

    lr: float | None = None
    momentum: float | None = None
    dampening: float | None = None
    weight_decay: float | None = None
    nesterov: bool | None = None
    maximize: bool | None = None
