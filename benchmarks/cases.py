"""The cases that every contender runs: cross entropy, small and large, with and without its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np


@dataclass(frozen=True)
class Case:
    """One evaluation, the same in every process.

    Args:
        rows: samples.
        classes: logits of each.
        gradient: whether the gradient of the logits is asked for.
    """

    rows: int
    classes: int
    gradient: bool

    @property
    def large(self) -> bool:
        """Whether it is measured by itself only."""
        return self.rows * self.classes > 2**20

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Logits and class indices."""
        return _arrays(self.rows, self.classes)


CASES = {
    "S": Case(32, 10, gradient=False),
    "SG": Case(32, 10, gradient=True),
    "L": Case(1024, 4096, gradient=False),
    "LG": Case(1024, 4096, gradient=True),
}


@cache
def _arrays(rows: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.standard_normal((rows, classes), np.float32), random.integers(classes, size=rows)
