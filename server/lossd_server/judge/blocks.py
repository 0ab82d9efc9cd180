"""Cuts a data set anew: chunks of any size into blocks whose bounds depend on nothing but the data; knows no loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from lossd_server.judge.chunks import Chunk, Place, narrowed, stretched

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


def sequences(tensors: Mapping[str, Tensor], places: Mapping[str, Place]) -> dict[str, str]:
    """Of the inputs of one group whose second dimension is a sequence: the input that tells the lengths."""
    return {name: places[name].lengths for name in tensors if places[name].lengths}


def _fit(tensors: Mapping[str, Tensor], longest: Mapping[str, Tensor], counts: Tensor) -> Tensor:
    """Whether so many examples make a block once they are padded to one length.

    Args:
        tensors: these examples, or others of the same sizes.
        longest: the longest length among them, by name of the sequence.
        counts: how many they are.
    """
    elements, pairs = torch.zeros_like(counts), counts
    for name, length in longest.items():
        elements = elements + counts * length * tensors[name].shape[2:].numel()
        pairs = pairs * length  # a loss of two sequences makes a number for each two of their places
    return (elements <= BLOCK_ELEMENTS) & (pairs <= BLOCK_WORK)


class Blocks:
    """The examples of one group, in blocks counted from the first one.

    Args:
        tensors: the first chunk's, examples first: they tell types and sizes.
        size: examples in a block; there are fewer where sequences are long, so that padding cannot fill the memory.
        lengths: of its sequences, as `sequences` tells them.

    >>> blocks = Blocks({"x": torch.zeros(0)}, 3)
    >>> cut = [block["x"].tolist() for piece in torch.arange(7.0).split(2) for block in blocks.add({"x": piece})]
    >>> cut, blocks.rest()["x"].tolist()
    ([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], [6.0])
    """

    def __init__(self, tensors: Mapping[str, Tensor], size: int, lengths: Mapping[str, str] | None = None) -> None:
        self.size = size
        self._lengths = lengths or {}
        self._longest = dict.fromkeys(self._lengths, 1.0)
        self._empty = {name: given[:0].clone() for name, given in tensors.items()}
        self._waiting: dict[str, Tensor] = {}
        self._filled = 0

    def add(self, tensors: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
        """Takes examples, and gives the blocks that are full: copies, so that all see the same memory."""
        count = len(next(iter(tensors.values())))
        start = 0
        while start < count:
            piece = {name: given[start : start + self.size - self._filled] for name, given in tensors.items()}
            taken = self._fitting(piece)
            start += taken
            if taken == self.size:
                yield {name: given.clone(memory_format=torch.contiguous_format) for name, given in piece.items()}
                continue
            if taken:
                self._keep({name: given[:taken] for name, given in piece.items()}, taken)
            if not taken or self._filled == self.size:
                yield self.rest()

    def rest(self) -> dict[str, Tensor]:
        """The examples of the block under way, which then is empty."""
        block = {name: given[: self._filled] for name, given in (self._waiting or self._empty).items()}
        self._waiting, self._filled = {}, 0
        self._longest = dict.fromkeys(self._longest, 1.0)
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

    def _fitting(self, piece: Mapping[str, Tensor]) -> int:
        """How many examples of `piece` go into the block under way; a block without any takes at least one."""
        count = len(next(iter(piece.values())))
        if not self._lengths:
            return count
        longest = {
            name: piece[own].double().cummax(0).values.clamp_min(self._longest[name]).cpu()
            for name, own in self._lengths.items()
        }
        counts = self._filled + torch.arange(1, count + 1, dtype=torch.float64)
        fitting = int(_fit(piece, longest, counts).sum())
        return fitting if self._filled else max(fitting, 1)

    def _keep(self, piece: Mapping[str, Tensor], taken: int) -> None:
        filled = self._filled + taken
        for name, given in piece.items():
            if name in self._lengths:
                lengths = piece[self._lengths[name]]
                given = narrowed(given, lengths)
                self._longest[name] = max(self._longest[name], float(lengths.max()))
            buffer = self._waiting.get(name)
            if buffer is None:
                buffer = given.new_zeros((0, *given.shape[1:]))
            if filled > len(buffer):
                rows = min(max(filled, 2 * len(buffer)), self.size)
                buffer = torch.cat((buffer, buffer.new_zeros((rows - len(buffer), *buffer.shape[1:]))))
            if name in self._lengths:
                buffer, given = stretched(buffer, given.shape[1]), stretched(given, buffer.shape[1])
            buffer[self._filled : filled] = given
            self._waiting[name] = buffer
        self._filled = filled


class Sample:
    """Some of the examples of one group, evenly chosen by their place: all of them while there are few.

    Args:
        most: examples that are kept; fewer where sequences are long: padded they have room in two blocks.
        lengths: of its sequences, as `sequences` tells them.

    >>> sample = Sample(4)
    >>> for block in torch.arange(1000).split(10):
    ...     sample.add({"x": block})
    >>> len(sample.examples()["x"]) in (2, 3, 4), sample.seen
    (True, 1000)
    """

    def __init__(self, most: int, lengths: Mapping[str, str] | None = None) -> None:
        self._most = most
        self._lengths = lengths or {}
        self._bound = _HASHES
        self._kept: dict[str, Tensor] = {}
        self._hashes = torch.empty(0, dtype=torch.int64)
        self.seen = 0

    def add(self, block: Mapping[str, Tensor]) -> None:
        """Takes the next examples."""
        count = len(next(iter(block.values())))
        hashes = (torch.arange(self.seen, self.seen + count) * _GOLDEN) & (_HASHES - 1)
        self.seen += count
        while not self._has_room(block, hashes):
            self._bound //= 2
        if int((self._hashes >= self._bound).sum()):
            self._hashes, self._kept = self._chosen(self._kept, self._hashes)
        hashes, new = self._chosen(block, hashes)
        self._hashes = torch.cat((self._hashes, hashes))
        self._kept = {name: self._joined(name, given) for name, given in new.items()}

    def examples(self) -> dict[str, Tensor]:
        """Those that are kept, in their order."""
        return dict(self._kept)

    @property
    def bytes(self) -> int:
        """Memory that it holds."""
        return sum(given.nbytes for given in self._kept.values()) + self._hashes.nbytes

    def _has_room(self, block: Mapping[str, Tensor], hashes: Tensor) -> bool:
        """Whether those that the bound chooses may all be kept."""
        chosen = torch.cat((self._hashes, hashes)) < self._bound
        count = int(chosen.sum())
        if count <= 1 or not self._lengths:
            return count <= self._most
        longest = {}
        for name, own in self._lengths.items():
            lengths = torch.cat((self._kept[own], block[own])) if self._kept else block[own]
            longest[name] = lengths.cpu()[chosen].double().max()
        return count <= self._most and bool(_fit(block, longest, torch.tensor(count / 2, dtype=torch.float64)))

    def _chosen(self, tensors: Mapping[str, Tensor], hashes: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Those that the bound chooses, sequences as wide as the longest of them."""
        chosen = hashes < self._bound
        found = {name: given[chosen.to(given.device)] for name, given in tensors.items()}
        for name, own in self._lengths.items():
            if name in found:
                found[name] = narrowed(found[name], found[own])
        return hashes[chosen], found

    def _joined(self, name: str, new: Tensor) -> Tensor:
        """What is kept of one input, and more of it behind."""
        if name not in self._kept:
            return new
        kept = self._kept[name]
        if name in self._lengths:
            kept, new = stretched(kept, new.shape[1]), stretched(new, kept.shape[1])
        return torch.cat((kept, new))


def by_group(chunk: Chunk, places: Mapping[str, Place]) -> dict[str, dict[str, Tensor]]:
    """The tensors of each group."""
    groups: dict[str, dict[str, Tensor]] = {}
    for name, given in chunk.tensors.items():
        groups.setdefault(places[name].group, {})[name] = given
    return groups
