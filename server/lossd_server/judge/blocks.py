"""Cuts a data set anew: chunks of any size into blocks whose bounds depend on nothing but the data; knows no loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from lossd_server.judge.chunks import Chunk, Place, stretched

BLOCK_ELEMENTS = 2**18
"""Elements of a block, of all inputs together, unless one example has more."""
BLOCK_WORK = 2**24
"""Elements that a loss may make of a block beyond those, unless it makes more of one example."""
STEPS = 128
"""What a sequence counts for where its length differs from example to example."""

_GOLDEN = -7046029254386353131
"""2^64 divided by the golden ratio, as int64: its multiples are spread evenly, and follow no period of the data."""
_HASHES = 2**62


def block_size(tensors: Mapping[str, Tensor], places: Mapping[str, Place], work: int) -> int:
    """Examples in a block, of the sizes of one example alone.

    Args:
        tensors: the inputs of one group, examples first.
        places: of these.
        work: elements that the loss makes of one example.
    """
    elements = 0
    for name, given in tensors.items():
        shape = given.shape[2:] if places[name].lengths else given.shape[1:]
        elements += shape.numel() * (STEPS if places[name].lengths else 1)
    return max(min(BLOCK_ELEMENTS // max(elements, 1), BLOCK_WORK // max(work, 1)), 1)


class Blocks:
    """The examples of one group, in blocks counted from the first one.

    Args:
        tensors: the first chunk's, examples first: they tell types and sizes.
        size: examples in a block.

    >>> blocks = Blocks({"x": torch.zeros(0)}, 3)
    >>> cut = [block["x"].tolist() for piece in torch.arange(7.0).split(2) for block in blocks.add({"x": piece})]
    >>> cut, blocks.rest()["x"].tolist()
    ([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], [6.0])
    """

    def __init__(self, tensors: Mapping[str, Tensor], size: int) -> None:
        self.size = size
        self._empty = {name: given[:0].clone() for name, given in tensors.items()}
        self._waiting: dict[str, Tensor] = {}
        self._filled = 0

    def add(self, tensors: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
        """Takes examples, and gives the blocks that are full: copies, so that all see the same memory."""
        count = len(next(iter(tensors.values())))
        start = 0
        while start < count:
            taken = min(self.size - self._filled, count - start)
            piece = {name: given[start : start + taken] for name, given in tensors.items()}
            start += taken
            if taken == self.size:
                yield {name: given.clone(memory_format=torch.contiguous_format) for name, given in piece.items()}
                continue
            self._keep(piece, taken)
            if self._filled == self.size:
                yield self.rest()

    def rest(self) -> dict[str, Tensor]:
        """The examples of the block under way, which then is empty."""
        block = {name: given[: self._filled] for name, given in (self._waiting or self._empty).items()}
        self._waiting, self._filled = {}, 0
        return block

    @property
    def waiting(self) -> int:
        """Examples of the block under way."""
        return self._filled

    @property
    def empty(self) -> dict[str, Tensor]:
        """No examples, of the right types and sizes."""
        return self._empty

    @property
    def bytes(self) -> int:
        """Memory that it holds."""
        return sum(given.nbytes for given in self._waiting.values())

    def _keep(self, piece: Mapping[str, Tensor], taken: int) -> None:
        for name, given in piece.items():
            buffer = self._waiting.get(name)
            if buffer is None:
                buffer = given.new_zeros((self.size, *given.shape[1:]))
            if given.dim() > 1 and given.shape[1] != buffer.shape[1]:  # sequences, of which each chunk pads its own
                buffer, given = stretched(buffer, given.shape[1]), stretched(given, buffer.shape[1])
            buffer[self._filled : self._filled + taken] = given
            self._waiting[name] = buffer
        self._filled += taken


class Sample:
    """Some of the examples of one group, evenly chosen by their place: all of them while there are few.

    Args:
        most: examples that are kept.

    >>> sample = Sample(4)
    >>> for block in torch.arange(1000).split(10):
    ...     sample.add({"x": block})
    >>> len(sample.examples()["x"]) in (2, 3, 4), sample.seen
    (True, 1000)
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._bound = _HASHES
        self._kept: dict[str, Tensor] = {}
        self._hashes = torch.empty(0, dtype=torch.int64)
        self.seen = 0

    def add(self, block: Mapping[str, Tensor]) -> None:
        """Takes the next examples."""
        count = len(next(iter(block.values())))
        hashes = (torch.arange(self.seen, self.seen + count) * _GOLDEN) & (_HASHES - 1)
        self.seen += count
        self._append(block, hashes)
        while len(self._hashes) > self._most:
            self._bound //= 2
            self._select(self._hashes < self._bound)

    def examples(self) -> dict[str, Tensor]:
        """Those that are kept, in their order."""
        return dict(self._kept)

    @property
    def bytes(self) -> int:
        """Memory that it holds."""
        return sum(given.nbytes for given in self._kept.values()) + self._hashes.nbytes

    def _append(self, block: Mapping[str, Tensor], hashes: Tensor) -> None:
        chosen = hashes < self._bound
        self._hashes = torch.cat((self._hashes, hashes[chosen]))
        for name, given in block.items():
            new = given[chosen.to(given.device)]
            kept = self._kept.get(name)
            if kept is not None and new.dim() > 1 and new.shape[1] != kept.shape[1]:
                kept, new = stretched(kept, new.shape[1]), stretched(new, kept.shape[1])
            self._kept[name] = new if kept is None else torch.cat((kept, new))

    def _select(self, chosen: Tensor) -> None:
        self._hashes = self._hashes[chosen]
        self._kept = {name: given[chosen.to(given.device)] for name, given in self._kept.items()}


def by_group(chunk: Chunk, places: Mapping[str, Place]) -> dict[str, dict[str, Tensor]]:
    """The tensors of each group."""
    groups: dict[str, dict[str, Tensor]] = {}
    for name, given in chunk.tensors.items():
        groups.setdefault(places[name].group, {})[name] = given
    return groups
