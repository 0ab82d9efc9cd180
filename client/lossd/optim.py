"""Optimizers of torch.optim as data, and clipping, for sessions; knows nothing of how they step or are sent.

Of each constructor's arguments those are left out that only choose an implementation: foreach, fused, capturable and
differentiable. torch chooses on the server, as it does where they are not given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lossd.spec import Spec


@dataclass(frozen=True, kw_only=True, repr=False)
class Optimizer(Spec):
    """Turns gradients into a step."""

    def __post_init__(self) -> None:
        for name, value in list(vars(self).items()):
            if isinstance(value, list | tuple):
                if not value:
                    raise ValueError(f"{name} is empty; leave it out for torch's default")
                object.__setattr__(self, name, tuple(value))


@dataclass(frozen=True)
class ClipGradNorm:
    """Scales the gradients of all parameters down where their norm is too great, between backward and step.

    Formula: g · min(1, max_norm / (norm + 1e-6))

    Args:
        max_norm: the greatest norm; finite, at least 0.
        norm_type: the p of the norm; above 0, infinity included. Default 2.
        error_if_nonfinite: whether a step is refused whose norm is not finite; default False.

    >>> ClipGradNorm(1.0, norm_type=float("inf"))
    ClipGradNorm(max_norm=1.0, norm_type=inf, error_if_nonfinite=None)

    Reference: torch.nn.utils.clip_grad_norm_
    """

    max_norm: float
    norm_type: float | None = None
    error_if_nonfinite: bool | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
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


@dataclass(frozen=True, kw_only=True, repr=False)
class Adam(Optimizer):
    """Means of the gradient over the root of means of its square.

    Formula: m ← β₁·m + (1 - β₁)·g;  v ← β₂·v + (1 - β₂)·g²;  p ← p - lr·m̂ / (√v̂ + eps), m̂ and v̂ freed of their
        start at 0

    Args:
        lr: learning rate; at least 0, default 0.001.
        betas: decays of the means of the gradient and of its square; each at least 0, below 1. Default (0.9, 0.999).
        eps: added to the denominator; at least 0, default 1e-8.
        weight_decay: L2 penalty; at least 0, default 0.
        amsgrad: whether to divide by the greatest of the past means of squares; default False.
        maximize: whether to maximise; default False.
        decoupled_weight_decay: whether weights decay apart from the gradient, as in AdamW; default False.

    >>> Adam(lr=0.01, betas=(0.9, 0.99))
    Adam(lr=0.01, betas=(0.9, 0.99))

    Reference: torch.optim.Adam
    """

    lr: float | None = None
    betas: tuple[float, float] | None = None
    eps: float | None = None
    weight_decay: float | None = None
    amsgrad: bool | None = None
    maximize: bool | None = None
    decoupled_weight_decay: bool | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class AdamW(Optimizer):
    """Adam with decoupled weight decay.

    Formula: p ← (1 - lr·weight_decay)·p, then as Adam

    Args:
        lr: learning rate; at least 0, default 0.001.
        betas: decays of the means of the gradient and of its square; each at least 0, below 1. Default (0.9, 0.999).
        eps: added to the denominator; at least 0, default 1e-8.
        weight_decay: decay of the weights, apart from the gradient; at least 0, default 0.01.
        amsgrad: whether to divide by the greatest of the past means of squares; default False.
        maximize: whether to maximise; default False.

    >>> AdamW(lr=3e-4, weight_decay=0.1)
    AdamW(lr=0.0003, weight_decay=0.1)

    Reference: torch.optim.AdamW
    """

    lr: float | None = None
    betas: tuple[float, float] | None = None
    eps: float | None = None
    weight_decay: float | None = None
    amsgrad: bool | None = None
    maximize: bool | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
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


@dataclass(frozen=True, kw_only=True, repr=False)
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


@dataclass(frozen=True, kw_only=True, repr=False)
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


@dataclass(frozen=True, kw_only=True, repr=False)
class Adamax(Optimizer):
    """Adam by the infinity norm.

    Formula: m ← β₁·m + (1 - β₁)·g;  u ← max(β₂·u, |g| + eps);  p ← p - lr/(1 - β₁^step) · m / u

    Args:
        lr: learning rate; at least 0, default 0.002.
        betas: decays of the means of the gradient and of its square; each at least 0, below 1. Default (0.9, 0.999).
        eps: added to the denominator; at least 0, default 1e-8.
        weight_decay: L2 penalty; at least 0, default 0.
        maximize: whether to maximise; default False.

    >>> Adamax(lr=0.01)
    Adamax(lr=0.01)

    Reference: torch.optim.Adamax
    """

    lr: float | None = None
    betas: tuple[float, float] | None = None
    eps: float | None = None
    weight_decay: float | None = None
    maximize: bool | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class NAdam(Optimizer):
    """Adam with Nesterov momentum.

    Formula: as Adam, the mean looked at one step ahead, by a momentum μ = β₁·(1 - ½·0.96^(step·momentum_decay))

    Args:
        lr: learning rate; at least 0, default 0.002.
        betas: decays of the means of the gradient and of its square; each at least 0, below 1. Default (0.9, 0.999).
        eps: added to the denominator; at least 0, default 1e-8.
        weight_decay: L2 penalty; at least 0, default 0.
        momentum_decay: decay of the momentum's schedule; at least 0, default 0.004.
        decoupled_weight_decay: whether weights decay apart from the gradient, as in AdamW; default False.
        maximize: whether to maximise; default False.

    >>> NAdam(momentum_decay=0.01)
    NAdam(momentum_decay=0.01)

    Reference: torch.optim.NAdam
    """

    lr: float | None = None
    betas: tuple[float, float] | None = None
    eps: float | None = None
    weight_decay: float | None = None
    momentum_decay: float | None = None
    decoupled_weight_decay: bool | None = None
    maximize: bool | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class RAdam(Optimizer):
    """Adam with a rectified variance.

    Formula: as Adam times r(step, β₂); without the denominator while the variance of v̂ is unbounded

    Args:
        lr: learning rate; at least 0, default 0.001.
        betas: decays of the means of the gradient and of its square; each at least 0, below 1. Default (0.9, 0.999).
        eps: added to the denominator; at least 0, default 1e-8.
        weight_decay: L2 penalty; at least 0, default 0.
        decoupled_weight_decay: whether weights decay apart from the gradient, as in AdamW; default False.
        maximize: whether to maximise; default False.

    >>> RAdam(lr=0.01)
    RAdam(lr=0.01)

    Reference: torch.optim.RAdam
    """

    lr: float | None = None
    betas: tuple[float, float] | None = None
    eps: float | None = None
    weight_decay: float | None = None
    decoupled_weight_decay: bool | None = None
    maximize: bool | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
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


@dataclass(frozen=True, kw_only=True, repr=False)
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


@dataclass(frozen=True, kw_only=True, repr=False)
class Adafactor(Optimizer):
    """Adam's denominator in sublinear memory: a matrix of squares kept as a row and a column.

    Formula: β = 1 - step^beta2_decay;  u = g / √v̂, scaled to a root mean square of at most d;  p ← p - max(eps₂,
        rms(p))·min(lr, 1/√step)·u

    Args:
        lr: greatest relative step, and factor of the weight decay; at least 0, default 0.01.
        beta2_decay: power of the step by which the mean of squares decays; at most 0, default -0.8.
        eps: least root of the mean of squares, None for the type's machine epsilon, and least root mean square of a
            parameter; at least 0. Default (None, 1e-3).
        d: root mean square over which a step is scaled down; at least 1, default 1.
        weight_decay: decay of the weights, apart from the gradient; at least 0, default 0.
        maximize: whether to maximise; default False.

    >>> Adafactor(eps=(None, 0.01))
    Adafactor(eps=(None, 0.01))

    Reference: torch.optim.Adafactor
    """

    lr: float | None = None
    beta2_decay: float | None = None
    eps: tuple[float | None, float] | None = None
    d: float | None = None
    weight_decay: float | None = None
    maximize: bool | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.eps is not None and len(self.eps) != 2:
            raise ValueError(f"eps is {self.eps}; expected two numbers, the first of which may be None")

    def arguments(self) -> dict[str, Any]:
        given = super().arguments()
        return given if self.eps is None else given | {"eps": AdafactorEps(eps1=self.eps[0], eps2=self.eps[1])}

    @classmethod
    def of(cls, arguments: dict[str, Any]) -> Adafactor:
        given = arguments.get("eps")
        return cls(**arguments if given is None else arguments | {"eps": (given.eps1, given.eps2)})


@dataclass(frozen=True, kw_only=True, repr=False)
class AdafactorEps(Spec):
    """Adafactor's eps as the contract has it: a pair whose first may be missing. Callers write a tuple."""

    eps1: float | None = None
    eps2: float | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Muon(Optimizer):
    """Orthogonalised momentum, for models of matrices alone: Linear layers with bias=False.

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
