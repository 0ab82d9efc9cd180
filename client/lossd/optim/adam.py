"""Adam and its kin, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lossd.optim.optimizer import Optimizer
from lossd.spec import Spec


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
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


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
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


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
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


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
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


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
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


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SparseAdam(Optimizer):
    """Adam for the sparse gradients of Embedding and EmbeddingBag: rows without gradients stay, and so do their means.

    Formula: as Adam, for the rows that have gradients

    Args:
        lr: learning rate; above 0, default 0.001.
        betas: decays of the means of the gradient and of its square; each at least 0, below 1. Default (0.9, 0.999).
        eps: added to the denominator; above 0, default 1e-8.
        maximize: whether to maximise; default False.

    >>> SparseAdam(lr=0.01)
    SparseAdam(lr=0.01)

    Reference: torch.optim.SparseAdam
    """

    lr: float | None = None
    betas: tuple[float, float] | None = None
    eps: float | None = None
    maximize: bool | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
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


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class AdafactorEps(Spec):
    """Adafactor's eps as the contract has it: a pair whose first may be missing. Callers write a tuple."""

    eps1: float | None = None
    eps2: float | None = None
