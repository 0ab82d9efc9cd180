"""How a process of the server holds its memory; knows nothing of what it holds."""

from __future__ import annotations

import ctypes
import gc
import sys

_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_THRESHOLD = -3
_KEEP = 128 * 2**20


def keep_freed_memory() -> None:
    """Serves blocks up to 128 MiB from the heap and keeps as much of it when freed. Does nothing off glibc.

    Faulting in fresh pages is most of the cost of a large message.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(_M_MMAP_THRESHOLD, _KEEP)
    mallopt(_M_TRIM_THRESHOLD, _KEEP)
    mallopt(_M_TOP_PAD, 2**20)


def settle() -> None:
    """Spares what has been loaded so far, a million objects of torch's, from being looked at by each collection."""
    gc.collect()
    gc.freeze()
