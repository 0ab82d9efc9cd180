"""A sum without rounding errors, whatever the order of its terms; knows no loss."""

from __future__ import annotations

import math


class ExactSum:
    """Adds float64 numbers exactly, and rounds once, when it is read.

    Partial sums that do not overlap hold every bit (Shewchuk 1997, as in math.fsum): a few dozen of them at most.

    >>> total = ExactSum()
    >>> for number in (1e16, 1.0, -1e16, 2.0**-60):
    ...     total.add(number)
    >>> float(total)
    1.0
    """

    __slots__ = ("_partials", "_special")

    def __init__(self) -> None:
        self._partials: list[float] = []
        self._special = 0.0  # infinities and nan, which have no bits to keep

    def add(self, number: float) -> None:
        """Adds one number; infinities and nan add up as float64's do."""
        if not math.isfinite(number):
            self._special += number
            return
        kept = 0
        for partial in self._partials:
            if abs(number) < abs(partial):
                number, partial = partial, number
            high = number + partial
            if math.isinf(high):  # the sum itself is beyond float64
                self._special += high
                self._partials.clear()
                return
            low = partial - (high - number)
            if low:
                self._partials[kept] = low
                kept += 1
            number = high
        self._partials[kept:] = [number]

    def __float__(self) -> float:
        return math.fsum(self._partials) if self._special == 0 else self._special
