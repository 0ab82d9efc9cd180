"""Averages of the weights, as data."""

from __future__ import annotations

from dataclasses import dataclass

from lossd.spec import Spec

__all__ = ["Averaging"]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Averaging(Spec):
    """Keeps an average of the weights beside them.

    Formula: a ← a + (1 - decay)·(p - a), or without decay a ← a + (p - a)/n, with n the times so far

    Args:
        decay: of an exponential moving average, 0 to 1; None for all weights alike (SWA). Default None.
        start_step: the step after which weights are taken first; at least 1, default 1.
        every_steps: steps from one time to the next; at least 1, default 1.
        use_buffers: whether buffers are averaged as well, instead of copied; default False.

    >>> Averaging(decay=0.999)
    Averaging(decay=0.999)

    Reference: torch.optim.swa_utils.AveragedModel
    """

    decay: float | None = None
    start_step: int | None = None
    every_steps: int | None = None
    use_buffers: bool | None = None


def __dir__() -> list[str]:
    """The public names, without what they are made of."""
    return sorted(__all__)
