"""Schedulers of torch.optim.lr_scheduler as data; knows nothing of how they run or are sent.

Their constructors' arguments but `optimizer` and `last_epoch`. LambdaLR and MultiplicativeLR are not here, since what
they take is code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from lossd.spec import Spec

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "Scheduler",
    "SequentialLR",
    "StepLR",
]

_PER_GROUP = ("base_lr", "max_lr", "base_momentum", "max_momentum", "min_lr")

PerGroup: TypeAlias = float | Sequence[float]
"""A number for all parameter groups, or one for each, in the order of the session's `lr`."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Scheduler(Spec):
    """Changes the learning rate as training goes on.

    Args:
        interval: "step" to go on after each optimizer step, "epoch" after each epoch of a fit; not for schedulers
            inside of another. Default "step".
    """

    interval: Literal["step", "epoch"] | None = None

    def __post_init__(self) -> None:
        for name, value in list(vars(self).items()):
            if isinstance(value, list | tuple):
                one = name in _PER_GROUP and len(value) == 1
                object.__setattr__(self, name, value[0] if one else tuple(value))

    def arguments(self) -> dict[str, Any]:
        """What is sent: numbers for each group as lists, also where there is one."""
        return {
            name: (value,) if name in _PER_GROUP and value is not None and not isinstance(value, tuple) else value
            for name, value in super().arguments().items()
        }


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class StepLR(Scheduler):
    """Decays the learning rate again and again.

    Formula: lr ← gamma·lr every step_size intervals

    Args:
        step_size: intervals between changes; at least 1.
        gamma: factor; default 0.1.

    >>> StepLR(step_size=30)
    StepLR(step_size=30)

    Reference: torch.optim.lr_scheduler.StepLR
    """

    step_size: int
    gamma: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MultiStepLR(Scheduler):
    """Decays the learning rate at milestones.

    Formula: lr ← gamma·lr at each milestone

    Args:
        milestones: intervals after which it changes; at least one.
        gamma: factor; default 0.1.

    >>> MultiStepLR(milestones=[30, 80])
    MultiStepLR(milestones=(30, 80))

    Reference: torch.optim.lr_scheduler.MultiStepLR
    """

    milestones: Sequence[int]
    gamma: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ConstantLR(Scheduler):
    """Lowers the learning rate for a while.

    Formula: factor·lr for total_iters intervals, then lr

    Args:
        factor: above 0, at most 1, default 1/3.
        total_iters: intervals for which it holds; default 5.

    >>> ConstantLR(factor=0.5)
    ConstantLR(factor=0.5)

    Reference: torch.optim.lr_scheduler.ConstantLR
    """

    factor: float | None = None
    total_iters: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LinearLR(Scheduler):
    """Changes the learning rate linearly for a while: a warm-up.

    Formula: lr·(start_factor + (end_factor - start_factor)·min(t / total_iters, 1)) after t intervals

    Args:
        start_factor: factor at the beginning; above 0, at most 1, default 1/3.
        end_factor: factor at the end; 0 to 1, default 1.
        total_iters: intervals between them; default 5.

    >>> LinearLR(start_factor=0.01, total_iters=100)
    LinearLR(start_factor=0.01, total_iters=100)

    Reference: torch.optim.lr_scheduler.LinearLR
    """

    start_factor: float | None = None
    end_factor: float | None = None
    total_iters: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ExponentialLR(Scheduler):
    """Decays the learning rate each interval.

    Formula: lr ← gamma·lr

    Args:
        gamma: factor.

    >>> ExponentialLR(gamma=0.99)
    ExponentialLR(gamma=0.99)

    Reference: torch.optim.lr_scheduler.ExponentialLR
    """

    gamma: float


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PolynomialLR(Scheduler):
    """Decays the learning rate to 0.

    Formula: lr·(1 - min(t / total_iters, 1))^power after t intervals

    Args:
        total_iters: intervals until it is 0; default 5.
        power: of the polynomial; default 1.

    >>> PolynomialLR(total_iters=1000, power=0.9)
    PolynomialLR(total_iters=1000, power=0.9)

    Reference: torch.optim.lr_scheduler.PolynomialLR
    """

    total_iters: int | None = None
    power: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CosineAnnealingLR(Scheduler):
    """Lowers the learning rate by half a cosine wave, and raises it by the next.

    Formula: eta_min + (lr - eta_min)·(1 + cos(π·t / T_max)) / 2 after t intervals

    Args:
        T_max: intervals of half a wave; at least 1.
        eta_min: least learning rate; default 0.

    >>> CosineAnnealingLR(T_max=1000)
    CosineAnnealingLR(T_max=1000)

    Reference: torch.optim.lr_scheduler.CosineAnnealingLR
    """

    T_max: int
    eta_min: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CosineAnnealingWarmRestarts(Scheduler):
    """Lowers the learning rate by half a cosine wave, again and again.

    Formula: eta_min + (lr - eta_min)·(1 + cos(π·t / T)) / 2, t intervals after the last restart, of T = T_0·T_mult^n

    Args:
        T_0: intervals of the first half wave; at least 1.
        T_mult: factor of the intervals from one to the next; at least 1, default 1.
        eta_min: least learning rate; default 0.

    >>> CosineAnnealingWarmRestarts(T_0=10, T_mult=2)
    CosineAnnealingWarmRestarts(T_0=10, T_mult=2)

    Reference: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts
    """

    T_0: int
    T_mult: int | None = None
    eta_min: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class OneCycleLR(Scheduler):
    """Raises the learning rate once and lowers it far, with the momentum against it; steps beyond its end are refused.

    Formula: max_lr / div_factor → max_lr → max_lr / (div_factor·final_div_factor)

    Args:
        max_lr: greatest learning rate, one for all groups or one each.
        total_steps: intervals of the cycle; at least 1, epochs·steps_per_epoch if None. Default None.
        epochs: of the cycle; at least 1, default None.
        steps_per_epoch: intervals in an epoch; at least 1, default None.
        pct_start: share of the cycle in which it rises; 0 to 1, default 0.3.
        anneal_strategy: "cos" for half a cosine wave, "linear" for a straight line; default "cos".
        cycle_momentum: whether momentum, or the first of betas, moves; default True.
        base_momentum: least momentum, one for all groups or one each; default 0.85.
        max_momentum: greatest momentum, one for all groups or one each; default 0.95.
        div_factor: max_lr over the first learning rate; default 25.
        final_div_factor: the first learning rate over the last; default 1e4.
        three_phase: whether it falls to the first before it falls further; default False.

    >>> OneCycleLR(max_lr=0.1, total_steps=500)
    OneCycleLR(max_lr=0.1, total_steps=500)

    Reference: torch.optim.lr_scheduler.OneCycleLR
    """

    max_lr: PerGroup
    total_steps: int | None = None
    epochs: int | None = None
    steps_per_epoch: int | None = None
    pct_start: float | None = None
    anneal_strategy: Literal["cos", "linear"] | None = None
    cycle_momentum: bool | None = None
    base_momentum: PerGroup | None = None
    max_momentum: PerGroup | None = None
    div_factor: float | None = None
    final_div_factor: float | None = None
    three_phase: bool | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CyclicLR(Scheduler):
    """Raises and lowers the learning rate again and again, with the momentum against it.

    Formula: base_lr + (max_lr - base_lr)·height·triangle, height by mode 1, 1/2^(cycle - 1) or gamma^t

    Args:
        base_lr: least learning rate, one for all groups or one each.
        max_lr: greatest learning rate, one for all groups or one each.
        step_size_up: intervals in which it rises; at least 1, default 2000.
        step_size_down: intervals in which it falls, as it rises if None; at least 0, default None.
        mode: "triangular" for one height, "triangular2" for half of it with each cycle, "exp_range" for gamma with each
            interval; default "triangular".
        gamma: factor of the height in mode "exp_range"; default 1.
        cycle_momentum: whether momentum, or the first of betas, moves; default True.
        base_momentum: least momentum, one for all groups or one each; default 0.8.
        max_momentum: greatest momentum, one for all groups or one each; default 0.9.

    >>> CyclicLR(base_lr=0.001, max_lr=0.1, mode="exp_range", gamma=0.999)
    CyclicLR(base_lr=0.001, max_lr=0.1, mode='exp_range', gamma=0.999)

    Reference: torch.optim.lr_scheduler.CyclicLR
    """

    base_lr: PerGroup
    max_lr: PerGroup
    step_size_up: int | None = None
    step_size_down: int | None = None
    mode: Literal["triangular", "triangular2", "exp_range"] | None = None
    gamma: float | None = None
    cycle_momentum: bool | None = None
    base_momentum: PerGroup | None = None
    max_momentum: PerGroup | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ReduceLROnPlateau(Scheduler):
    """Lowers the learning rate where the loss of the step or epoch stops to improve.

    Formula: lr ← max(factor·lr, min_lr) after more than patience intervals without improvement

    Args:
        mode: "min" where falling improves, "max" where rising does; default "min".
        factor: below 1, default 0.1.
        patience: intervals without improvement that are borne; default 10.
        threshold: least change that improves; default 1e-4.
        threshold_mode: "rel" for a share of the best, "abs" for a difference from it; default "rel".
        cooldown: intervals after a change in which nothing is counted; default 0.
        min_lr: least learning rate, one for all groups or one each; default 0.
        eps: least change of the learning rate that is made; default 1e-8.

    >>> ReduceLROnPlateau(patience=3, interval="epoch")
    ReduceLROnPlateau(interval='epoch', patience=3)

    Reference: torch.optim.lr_scheduler.ReduceLROnPlateau
    """

    mode: Literal["min", "max"] | None = None
    factor: float | None = None
    patience: int | None = None
    threshold: float | None = None
    threshold_mode: Literal["rel", "abs"] | None = None
    cooldown: int | None = None
    min_lr: PerGroup | None = None
    eps: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SequentialLR(Scheduler):
    """Schedulers one after another.

    Args:
        schedulers: in order; at least one. No ReduceLROnPlateau, and none made of others but the first.
        milestones: intervals after which the next one takes over, ascending; one fewer than schedulers.

    >>> SequentialLR(schedulers=[LinearLR(), ExponentialLR(gamma=0.9)], milestones=[5])
    SequentialLR(schedulers=(LinearLR(), ExponentialLR(gamma=0.9)), milestones=(5,))

    Reference: torch.optim.lr_scheduler.SequentialLR
    """

    schedulers: Sequence[Scheduler]
    milestones: Sequence[int]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ChainedScheduler(Scheduler):
    """Schedulers at once.

    Args:
        schedulers: at least one, no ReduceLROnPlateau.

    >>> ChainedScheduler(schedulers=[ConstantLR(), ExponentialLR(gamma=0.9)])
    ChainedScheduler(schedulers=(ConstantLR(), ExponentialLR(gamma=0.9)))

    Reference: torch.optim.lr_scheduler.ChainedScheduler
    """

    schedulers: Sequence[Scheduler]


def __dir__() -> list[str]:
    """The public names, without what they are made of."""
    return sorted(__all__)
