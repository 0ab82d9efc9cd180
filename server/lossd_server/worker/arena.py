"""A stretch of anonymous shared memory between an engine and its worker, and who has which part of it.

The engine owns it: it reserves a region for each large call, the worker reads the request there and writes
the answer over it, and the engine frees the region once it has copied the answer out. Its size is only
address space; pages come with use and are given back when the last large call ends. It has no name and no
path: whoever was not handed the descriptor cannot open it.
"""

from __future__ import annotations

import mmap
import os
from bisect import insort
from typing import NamedTuple

ALIGNMENT = 64
KEPT = 64 * 2**20
"""Bytes that stay resident after large calls, so that the next need not fault them in anew."""
_FLAGS = 64
"""Bytes behind the regions, each a flag of one of the calls that a worker has in its hands."""


class Region(NamedTuple):
    """A part of an arena: bytes from `offset`, `size` of them."""

    offset: int
    size: int


class Arena:
    """Shared memory of `size` bytes; `descriptor` opens the same memory in the worker."""

    def __init__(self, size: int, descriptor: int | None = None) -> None:
        self.size = size
        self.descriptor = os.memfd_create("lossd") if descriptor is None else descriptor
        if descriptor is None:
            os.ftruncate(self.descriptor, size + _FLAGS)
        self._memory = mmap.mmap(self.descriptor, size + _FLAGS)
        self._view = memoryview(self._memory)
        self._taken: list[Region] = []
        self._touched = 0

    def reserve(self, size: int) -> Region | None:
        """A free region of at least `size` bytes, or None while there is none; first fit."""
        size = -(-size // ALIGNMENT) * ALIGNMENT
        start = 0
        for region in self._taken:
            if region.offset - start >= size:
                break
            start = region.offset + region.size
        if start + size > self.size:
            return None
        region = Region(start, size)
        insort(self._taken, region)
        self._touched = max(self._touched, start + size)
        return region

    def free(self, region: Region) -> None:
        """Gives a region back, and the pages beyond `KEPT` with the last one."""
        self._taken.remove(region)
        if not self._taken and self._touched > KEPT:
            self._memory.madvise(mmap.MADV_REMOVE, KEPT, self._touched - KEPT)
            self._touched = KEPT

    def abandon(self, call: int, gone: bool) -> None:
        """Flags a call, by its number, as one whose caller is gone; the worker looks between the parts of its work."""
        self._view[self.size + call % _FLAGS] = gone

    def is_abandoned(self, call: int) -> bool:
        """Whether a call is flagged so. Calls in a worker's hands at once are fewer than flags."""
        return bool(self._view[self.size + call % _FLAGS])

    def view(self, region: Region) -> memoryview:
        """The bytes of a region, writable."""
        return self._view[region.offset : region.offset + region.size]

    def close(self) -> None:
        """Ends the mapping; views taken before must be gone."""
        self._view.release()
        self._memory.close()
        os.close(self.descriptor)
