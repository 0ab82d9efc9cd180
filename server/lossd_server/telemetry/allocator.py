"""Tells glibc to keep the memory it has: faulting in fresh pages is most of the cost of a large message."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_THRESHOLD = -3
_KEEP = 128 * 2**20


def keep_freed_memory() -> None:
    """Serves blocks up to 128 MiB from the heap and keeps as much of it when freed. Does nothing off glibc."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(_M_MMAP_THRESHOLD, _KEEP)
    mallopt(_M_TRIM_THRESHOLD, _KEEP)
    mallopt(_M_TOP_PAD, 2**20)
