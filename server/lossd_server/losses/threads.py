"""How many threads a kernel uses: one for small work, where waking the others costs more than the work itself.

Below torch's grain size its reductions run in one thread anyhow, and other kernels split by rows, so that the
number of threads changes no bit of the result.
"""

from __future__ import annotations

import torch

SERIAL_ELEMENTS = 16_384
"""Elements up to which one thread serves; torch's own grain size is twice that."""

_all = torch.get_num_threads()


def use_at_most(count: int) -> None:
    """Sets the number of threads of large work."""
    global _all  # the setting of a process, as torch's own is
    _all = count
    torch.set_num_threads(count)


def fit(elements: int) -> None:
    """Makes the kernels that follow use the threads that work of this size is worth."""
    torch.set_num_threads(1 if elements <= SERIAL_ELEMENTS else _all)


def use_all() -> None:
    """Makes the kernels that follow use all threads, on which the bits of products and norms depend, as torch does."""
    torch.set_num_threads(_all)
