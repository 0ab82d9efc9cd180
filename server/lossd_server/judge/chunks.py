"""What the chunks of a data set have in common: which dimension counts their examples, what is of all; no values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from lossd_server.faults import Fault, shape_text
from lossd_server.limits import MAX_PRODUCED_ELEMENTS
from lossd_server.losses.binding import BoundLoss
from lossd_server.losses.contract import Loss, Tensors
from lossd_server.losses.examples import dimension_of
from lossd_server.losses.merging import parts

EXAMPLES = "N"
"""What losses call the number of their examples; some count a second kind, such as (M,)."""
_OTHER = re.compile(r"\(([A-Z]),\)")
_STRETCHES = re.compile(r"\(\*\)(, as \w+)?")
"""Shapes of inputs that broadcast against one another, where that is allowed."""
_LENGTHS = {"log_probs": "input_lengths", "targets": "target_lengths"}
"""Of losses of sequences: the input that says how much of another one's second dimension counts."""


class Place(NamedTuple):
    """Where an input's examples lie.

    Args:
        group: the kind of examples, "N" but for losses that count several.
        dimension: that counts them.
        lengths: name of the input that says how much of each example counts; "" where all of it does.
    """

    group: str
    dimension: int
    lengths: str = ""


class Chunk(NamedTuple):
    """The examples of one chunk, the first dimension of each input counting them, and how many of each group."""

    tensors: dict[str, Tensor]
    counts: Mapping[str, int]

    @property
    def examples(self) -> int:
        """All of them."""
        return sum(self.counts.values())


class Form:
    """What the first chunk of a data set says of all of them.

    Args:
        loss: with its arguments bound.
        tensors: the inputs of the first chunk.

    Raises:
        Fault: SHAPE_MISMATCH if no dimension counts examples, UNSUPPORTED if an argument has a value for each.
    """

    def __init__(self, loss: Loss, tensors: Tensors) -> None:
        self.places = {name: place for name in tensors if (place := _place(loss, name, tensors)) is not None}
        if next(iter(tensors)) not in self.places:
            raise _unbatched(loss, next(iter(tensors)), tensors)
        self.shared = {name: given.clone() for name, given in tensors.items() if name not in self.places}
        self._types = {name: given.dtype for name, given in tensors.items()}
        self._shapes = {name: given.shape for name, given in tensors.items()}
        _refuse_weights_of_examples(loss, tensors)

    def check(self, tensors: Tensors) -> None:
        """Refuses a chunk that is not like the first: other inputs, types or sizes.

        Args:
            tensors: the inputs of a later chunk, those of all examples filled in where they were left out.
        """
        for name in sorted(self._types.keys() ^ tensors.keys()):
            has, had = ("has", "had none") if name in tensors else ("has no", "had one")
            raise Fault("MISSING_FIELD", f"this chunk {has} {name}, the first {had}", field=f"inputs.{name}")
        for name, given in tensors.items():
            if given.dtype != self._types[name]:
                raise Fault(
                    "DTYPE_MISMATCH",
                    f"{name} is {_text(given.dtype)}, in the first chunk it was {_text(self._types[name])}; "
                    "chunks must have one type: convert it",
                    field=f"inputs.{name}",
                )
            if name in self.shared:
                self._check_shared(name, given)
            elif self._fixed(name, given.shape) != self._fixed(name, self._shapes[name]):
                raise Fault(
                    "SHAPE_MISMATCH",
                    f"{name} has shape {shape_text(given.shape)}, in the first chunk {shape_text(self._shapes[name])}; "
                    f"only dimension {self.places[name].dimension}, which counts the examples, may differ",
                    field=f"inputs.{name}",
                )

    def is_empty(self, tensors: Tensors) -> bool:
        """Whether a chunk has no examples at all."""
        return all(tensors[name].shape[place.dimension] == 0 for name, place in self.places.items())

    def examples(self, tensors: Tensors) -> Chunk:
        """The examples of a checked chunk, each input by itself and their dimension first; views where that does."""
        counts: dict[str, int] = {}
        laid: dict[str, Tensor] = {}
        for name, place in self.places.items():
            given = tensors[name]
            if place.lengths and given.dim() == 1:
                laid[name] = _unflattened(given, tensors[place.lengths], name)
            elif place.lengths:
                laid[name] = _without_padding(given.movedim(place.dimension, 0), tensors[place.lengths])
            else:
                laid[name] = given.movedim(place.dimension, 0)
            count = counts.setdefault(place.group, len(laid[name]))
            if len(laid[name]) != count:
                first = next(other for other, own in self.places.items() if own.group == place.group)
                raise Fault(
                    "SHAPE_MISMATCH",
                    f"{name} has {len(laid[name])} examples, {first} has {count}; each example needs its own, and what "
                    "is for all of them has a dimension less",
                    field=f"inputs.{name}",
                )
        return Chunk(laid, counts)

    def joined(self, laid: Tensors) -> dict[str, Tensor]:
        """The inputs of the loss again, made of examples; what is of all of them beside."""
        inputs: dict[str, Tensor] = {}
        for name in self._types:
            place = self.places.get(name)
            if place is None:
                inputs[name] = self.shared[name]
                continue
            given = laid[name]
            if place.lengths:
                given = narrowed(given, laid[place.lengths])
            inputs[name] = given.movedim(0, place.dimension).contiguous()
        return inputs

    def _check_shared(self, name: str, given: Tensor) -> None:
        if not torch.equal(given, self.shared[name]):
            raise Fault(
                "SHAPE_MISMATCH" if given.shape != self.shared[name].shape else "VALUE_OUT_OF_RANGE",
                f"{name} {shape_text(given.shape)} is for all examples and differs from the first chunk's; leave it "
                "out of later chunks",
                field=f"inputs.{name}",
            )

    def _fixed(self, name: str, shape: torch.Size) -> tuple[int, ...]:
        """The sizes that all chunks share."""
        place = self.places[name]
        if place.lengths:
            return tuple(shape[2:])
        return tuple(shape[: place.dimension]) + tuple(shape[place.dimension + 1 :])


def _place(loss: Loss, name: str, tensors: Tensors) -> Place | None:
    """Where the examples of an input are in all losses inside of `loss` that take it; None if it is for all of them."""
    found = []
    for part in parts(loss, tensors, "", {}):
        for own, given in part.tensors.items():
            if given is tensors[name]:
                found.append(_place_of(part.loss, own, part.tensors))
    named = {place._replace(lengths="") if place is not None else None for place in found}
    if len(named) > 1:
        raise Fault(
            "UNSUPPORTED",
            f"the terms count examples along different dimensions of {name}; send them as evaluations of their own",
            field=f"inputs.{name}",
        )
    place = next((place for place in found if place is not None and place.lengths), found[0])
    return place if place is None or not place.lengths else place._replace(lengths=_outer(loss, name, tensors))


def _outer(loss: Loss, name: str, tensors: Tensors) -> str:
    """What the request calls the input that tells the lengths of `name`."""
    for part in parts(loss, tensors, "", {}):
        for own, lengths in _LENGTHS.items():
            if part.tensors.get(own) is tensors[name] and lengths in part.tensors:
                return next(given for given, tensor in tensors.items() if tensor is part.tensors[lengths])
    return ""


def _place_of(loss: Loss, name: str, tensors: Tensors) -> Place | None:
    input_, given = loss.input(name), tensors[name]
    if input_ is None or not given.dim():
        return None
    lengths = _LENGTHS.get(name, "") if _LENGTHS.get(name) in tensors else ""
    if lengths and name == "targets" and given.dim() == 1:
        return Place(EXAMPLES, 0, lengths)  # labels of all sequences in a row
    stretches = isinstance(loss, BoundLoss) and loss.allows_broadcast and _STRETCHES.fullmatch(input_.shape)
    if stretches and given.dim() < max(other.dim() for other in tensors.values()):
        return None  # over the examples
    at = dimension_of(loss, name, given)
    if at is not None:
        return Place(EXAMPLES, at, lengths)
    other = _OTHER.fullmatch(input_.shape)
    return Place(other[1], 0) if other is not None else None


def stretched(given: Tensor, width: int) -> Tensor:
    """The same with its second dimension at least so wide, by zeros behind."""
    if given.shape[1] >= width:
        return given
    return torch.cat((given, given.new_zeros((len(given), width - given.shape[1], *given.shape[2:]))), 1)


def _without_padding(given: Tensor, lengths: Tensor) -> Tensor:
    """The same with zeros behind the length of each example: what stands there counts nowhere."""
    beyond = torch.arange(given.shape[1], device=given.device) >= lengths.unsqueeze(1)
    return given.masked_fill(beyond.reshape(*beyond.shape, *[1] * (given.dim() - 2)), 0)


def narrowed(given: Tensor, lengths: Tensor) -> Tensor:
    """The same as wide as the longest example, at least 1: padding depends on how the chunks were cut.

    >>> narrowed(torch.ones(2, 5), torch.tensor([1, 3])).shape
    torch.Size([2, 3])
    """
    width = max(int(lengths.max()) if len(lengths) else 0, 1)
    return stretched(given[:, :width], width)


def _unflattened(labels: Tensor, lengths: Tensor, name: str) -> Tensor:
    """Labels of all sequences in a row as (N,S), padded."""
    counts = lengths.tolist()
    width = max(counts, default=0)
    if len(counts) * width > MAX_PRODUCED_ELEMENTS:
        raise Fault(
            "LIMIT_EXCEEDED",
            f"{name} has {len(counts)} sequences in a row, the longest of {width}: padded to one length they have more "
            f"than {MAX_PRODUCED_ELEMENTS} elements; send the long ones in a chunk of their own",
            field=f"inputs.{name}",
        )
    padded = labels.new_zeros((len(counts), width))
    start = 0
    for row, count in zip(padded, counts, strict=True):
        row[:count] = labels[start : start + count]
        start += count
    return padded


def _unbatched(loss: Loss, name: str, tensors: Tensors) -> Fault:
    written = next((found.shape for part in parts(loss, tensors, "", {}) if (found := part.loss.input(name))), "(N,…)")
    return Fault(
        "SHAPE_MISMATCH",
        f"{name} has shape {shape_text(tensors[name].shape)}, in which no dimension counts examples; a chunk holds a "
        f"batch of them, of {written}",
        field=f"inputs.{name}",
    )


def _refuse_weights_of_examples(loss: Loss, tensors: Tensors) -> None:
    """An argument of the loss is one for all chunks, so it cannot weigh each example."""
    for part in parts(loss, tensors, "", {}):
        for name, weight in _elementwise_weights(part.loss):
            over = part.tensors[part.loss.input_names[0]].dim()
            if weight.dim() >= over and weight.shape[-over] != 1:
                raise Fault(
                    "UNSUPPORTED",
                    f"{name} of {part.loss.name} has shape {shape_text(weight.shape)}: a value for each example, "
                    "which an argument cannot have where examples come in chunks; give it a first dimension of 1, or "
                    "evaluate the examples by EvaluateLoss",
                    field="loss",
                )


def _elementwise_weights(loss: Loss) -> Iterator[tuple[str, Tensor]]:
    """Arguments that broadcast against an input of any shape."""
    if isinstance(loss, BoundLoss):
        first = loss.input(loss.input_names[0])
        if first is not None and first.shape.startswith("(*)"):
            yield from loss.tensors.items()


def _text(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
