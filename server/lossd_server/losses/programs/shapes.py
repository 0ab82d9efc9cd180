"""Whether inputs have the types and shapes that a program was exported for; knows no operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from lossd_server.faults import Fault, shape_text
from lossd_server.losses.programs import graph, symbols
from lossd_server.losses.programs.graph import Type
from lossd_server.losses.programs.symbols import Size


def check_type(type_: Type, given: Tensor) -> None:
    """The element type and the number of dimensions exported."""
    if given.dtype != type_.dtype:
        raise Fault(
            "DTYPE_MISMATCH",
            f"{type_.name} is {_dtype(given.dtype)}; the program was exported for {_dtype(type_.dtype)}: convert it "
            "before sending, or export the module for its type",
            field=f"inputs.{type_.name}",
        )
    if given.dim() != len(type_.sizes):
        raise Fault(
            "SHAPE_MISMATCH",
            f"{type_.name} has shape {shape_text(given.shape)}; the program was exported for "
            f"{len(type_.sizes)} dimensions",
            field=f"inputs.{type_.name}",
        )


def check_sizes(read: graph.Graph, shapes: Sequence[torch.Size]) -> None:
    """The sizes exported, those that were left open within their ranges and the same wherever they are named."""
    pairs = [
        (size, given, type_, axis)
        for type_, shape in zip(read.inputs, shapes, strict=True)
        for axis, (size, given) in enumerate(zip(type_.sizes, shape, strict=True))
    ]
    known: dict[str, int] = {}
    givers: dict[str, str] = {}
    for size, given, type_, axis in sorted(pairs, key=lambda pair: pair[0].function != "Symbol"):
        if not size.solve(known, given):
            raise Fault(
                "SHAPE_MISMATCH",
                f"{type_.name} has size {given} in dimension {axis}; {_expected(size, known, givers)}",
                field=f"inputs.{type_.name}",
            )
        for symbol in size.symbols:
            givers.setdefault(symbol, f"{type_.name} has in dimension {axis}")
            least, most = read.ranges.get(symbol, (0, symbols.MOST))
            if not least <= known[symbol] <= most:
                raise Fault(
                    "SHAPE_MISMATCH",
                    f"{type_.name} has size {given} in dimension {axis}; the program takes {least} to {most} there",
                    field=f"inputs.{type_.name}",
                )


def _expected(size: Size, known: Mapping[str, int], givers: Mapping[str, str]) -> str:
    """What a dimension should have been, and who says so."""
    if size.function == "Integer":
        return f"the program was exported for {size.value}: export the dimension as dynamic to leave it open"
    if size.symbols - givers.keys():
        return "no open size of the program makes that"
    reason = " and ".join(givers[symbol] for symbol in sorted(size.symbols))
    if size.function == "Symbol":
        return f"expected {size.at(known)}, as {reason}"
    return f"expected {size.at(known)}, which follows from what {reason}"


def _dtype(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
