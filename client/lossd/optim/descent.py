"""Optimizers of torch.optim other than Adam's kin, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lossd.optim.optimizer import Optimizer


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SGD(Optimizer):
    """Stochastic gradient descent.

    Formula: b ← momentum·b + (1 - dampening)·g;  p ← p - lr·b

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


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ASGD(Optimizer):
    """Averaged stochastic gradient descent; the averages stay on the server.

    Formula: p ← (1 - lambd·η)·p - η·g;  η = lr / (1 + lambd·lr·step)^alpha

    Args:
        lr: learning rate; at least 0, default 0.01.
        lambd: decay of the weights, and of the learning rate with the steps; default 1e-4.
        alpha: power by which the learning rate decays; default 0.75.
        t0: step after which parameters are averaged; default 1e6.
        weight_decay: L2 penalty; at least 0, default 0.
        maximize: whether to maximise; default False.

    >>> ASGD(lr=0.1, t0=100.0)
    ASGD(lr=0.1, t0=100.0)

    Reference: torch.optim.ASGD
    """

    lr: float | None = None
    lambd: float | None = None
    alpha: float | None = None
    t0: float | None = None
    weight_decay: float | None = None
    maximize: bool | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RMSprop(Optimizer):
    """Gradients over the root of a mean of their squares.

    Formula: v ← alpha·v + (1 - alpha)·g²;  p ← p - lr·g / (√v + eps)

    Args:
        lr: learning rate; at least 0, default 0.01.
        alpha: decay of the mean of squares; at least 0, default 0.99.
        eps: added to the denominator; at least 0, default 1e-8.
        weight_decay: L2 penalty; at least 0, default 0.
        momentum: momentum factor; at least 0, default 0.
        centered: whether to divide by an estimate of the standard deviation; default False.
        maximize: whether to maximise; default False.

    >>> RMSprop(alpha=0.9, centered=True)
    RMSprop(alpha=0.9, centered=True)

    Reference: torch.optim.RMSprop
    """

    lr: float | None = None
    alpha: float | None = None
    eps: float | None = None
    weight_decay: float | None = None
    momentum: float | None = None
    centered: bool | None = None
    maximize: bool | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Adagrad(Optimizer):
    """Gradients over the root of the sum of their squares.

    Formula: v ← v + g²;  p ← p - lr/(1 + (step - 1)·lr_decay) · g / (√v + eps)

    Args:
        lr: learning rate; at least 0, default 0.01.
        lr_decay: decay of the learning rate; at least 0, default 0.
        weight_decay: L2 penalty; at least 0, default 0.
        initial_accumulator_value: what the sums start from; at least 0, default 0.
        eps: added to the denominator; at least 0, default 1e-10.
        maximize: whether to maximise; default False.

    >>> Adagrad(lr_decay=0.01)
    Adagrad(lr_decay=0.01)

    Reference: torch.optim.Adagrad
    """

    lr: float | None = None
    lr_decay: float | None = None
    weight_decay: float | None = None
    initial_accumulator_value: float | None = None
    eps: float | None = None
    maximize: bool | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Adadelta(Optimizer):
    """Steps in the units of the parameters.

    Formula: v ← rho·v + (1 - rho)·g²;  d = √(u + eps) / √(v + eps) · g;  u ← rho·u + (1 - rho)·d²;  p ← p - lr·d

    Args:
        lr: learning rate; at least 0, default 1.
        rho: decay of the means of squares; 0 to 1, default 0.9.
        eps: added to the denominator; at least 0, default 1e-6.
        weight_decay: L2 penalty; at least 0, default 0.
        maximize: whether to maximise; default False.

    >>> Adadelta(rho=0.95)
    Adadelta(rho=0.95)

    Reference: torch.optim.Adadelta
    """

    lr: float | None = None
    rho: float | None = None
    eps: float | None = None
    weight_decay: float | None = None
    maximize: bool | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Rprop(Optimizer):
    """Steps by the sign of the gradient alone.

    Formula: s ← s·etas[1] where the sign stayed, s·etas[0] where it changed;  p ← p - sign(g)·s

    Args:
        lr: first step of every parameter; at least 0, default 0.01.
        etas: factors by which a step shrinks and grows; 0 < etas[0] < 1 < etas[1]. Default (0.5, 1.2).
        step_sizes: least and greatest step; default (1e-6, 50).
        maximize: whether to maximise; default False.

    >>> Rprop(etas=(0.5, 1.1))
    Rprop(etas=(0.5, 1.1))

    Reference: torch.optim.Rprop
    """

    lr: float | None = None
    etas: tuple[float, float] | None = None
    step_sizes: tuple[float, float] | None = None
    maximize: bool | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Muon(Optimizer):
    """Orthogonalised momentum, for matrices alone: leave out biases, or give them a group of another optimizer.

    Formula: b ← momentum·b + (1 - momentum)·g;  p ← (1 - lr·weight_decay)·p - lr'·NewtonSchulz(b)

    Args:
        lr: learning rate; at least 0, default 0.001.
        weight_decay: decay of the weights, apart from the gradient; at least 0, default 0.1.
        momentum: momentum factor; at least 0, default 0.95.
        nesterov: Nesterov momentum; default True.
        ns_coefficients: of the Newton-Schulz polynomial; default (3.4445, -4.775, 2.0315).
        eps: least norm that a gradient is divided by; default 1e-7.
        ns_steps: Newton-Schulz iterations; 0 to 99, default 5.
        adjust_lr_fn: how lr follows the shape (A, B) of a matrix: "original" (default), by √max(1, A/B), or
            "match_rms_adamw", by 0.2·√max(A, B).

    >>> Muon(lr=0.02, adjust_lr_fn="original")
    Muon(lr=0.02, adjust_lr_fn='original')

    Reference: torch.optim.Muon
    """

    lr: float | None = None
    weight_decay: float | None = None
    momentum: float | None = None
    nesterov: bool | None = None
    ns_coefficients: tuple[float, float, float] | None = None
    eps: float | None = None
    ns_steps: int | None = None
    adjust_lr_fn: Literal["original", "match_rms_adamw"] | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LBFGS(Optimizer):
    """Quasi-Newton steps, by the gradients of the last ones; each evaluates the loss several times on its batch.

    Formula: p ← p - t·H·g, H made of the last history_size differences of parameters and gradients

    Args:
        lr: learning rate, the length t of steps unless line_search_fn finds it; at least 0, default 1.
        max_iter: iterations in a step; 1 to 1000, default 20.
        max_eval: evaluations of the loss in a step; 1 to 1000, 5/4 of max_iter if None. Default None.
        tolerance_grad: greatest gradient that ends a step; default 1e-7.
        tolerance_change: change of loss or parameters that ends a step; default 1e-9.
        history_size: differences that are remembered; at least 1, default 100.
        line_search_fn: "strong_wolfe" for a search along each step; default None.

    >>> LBFGS(max_iter=10, line_search_fn="strong_wolfe")
    LBFGS(max_iter=10, line_search_fn='strong_wolfe')

    Reference: torch.optim.LBFGS
    """

    lr: float | None = None
    max_iter: int | None = None
    max_eval: int | None = None
    tolerance_grad: float | None = None
    tolerance_change: float | None = None
    history_size: int | None = None
    line_search_fn: Literal["strong_wolfe"] | None = None
