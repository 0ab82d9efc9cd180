"""A program that can be run: a graph with its weights on a device, and the loss that it is.

Before the first kernel of a shape runs, the whole graph runs on torch's meta device, where tensors have shapes and
no elements. What does not fit shows there, and what it would cost is known before anything is allocated.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from lossd_server.faults import Fault, shape_text
from lossd_server.limits import MAX_PROGRAM_SECONDS, MAX_PROGRAM_WORK
from lossd_server.losses import threads
from lossd_server.losses.budget import Budget
from lossd_server.losses.contract import Argument, Computed, Entry, Input, Kind, Tensors
from lossd_server.losses.programs import archive, graph, symbols
from lossd_server.losses.programs.fields import bad
from lossd_server.losses.programs.graph import DEVICE, Node, Type
from lossd_server.losses.programs.operators import refuse_mutation
from lossd_server.losses.programs.symbols import Size
from lossd_server.losses.refusal import torch_refusals

ENTRY = Entry(
    name="program",
    class_name="Program",
    summary="A loss of one's own, exported from an nn.Module by lossd.torch.export_loss.",
    formula="forward(inputs)",
    inputs=(),
    arguments=(
        Argument("sha256", str, None, "hexadecimal SHA-256 of the archive; alone it names one that the server holds"),
        Argument("archive", bytes, None, "the graph and its weights, where the server does not hold it"),
    ),
    reductions=(),
    traps=("sizes are fixed unless exported as dynamic", "a program that does not reduce returns one loss per element"),
    tasks=("custom",),
    source="docs/programs.md",
)

_META = torch.device("meta")
_MOST_PLANS = 256
_PRODUCTS = {"mm": 0, "bmm": 0, "addmm": 1, "baddbmm": 1, "_cdist_forward": 0, "mv": 0, "addmv": 1, "_trilinear": 0}
"""Operators that multiply along a dimension that their result lacks: where the operand is that has it last."""


class Program:
    """A graph with the tensors that it brings, on one device.

    Args:
        read: the graph.
        parameters, buffers, constants: tensors by their names in the module.
    """

    def __init__(
        self,
        read: graph.Graph,
        parameters: Mapping[str, Tensor],
        buffers: Mapping[str, Tensor],
        constants: Mapping[str, Tensor],
    ) -> None:
        self.graph = read
        self.parameters = parameters
        self.buffers = buffers
        self.constants = constants

    @classmethod
    def of(cls, data: bytes) -> Program:
        """Reads an archive; the tensors are on the CPU."""
        held = archive.read(data)
        read = graph.read(held.graph)
        weights = held.weights
        buffers = {name: _named(name, weights, held.constants) for name in read.buffers.values()}
        parameters = {name: _named(name, weights) for name in read.parameters.values()}
        constants = {name: _named(name, held.constants, weights) for name in read.constants.values()}
        for unused in (weights.keys() | held.constants.keys()) - buffers.keys() - parameters.keys() - constants.keys():
            raise bad(f"the archive holds a tensor of {len(unused)} letters that the graph does not use")
        return cls(read, parameters, buffers, constants)

    def on(self, device: torch.device) -> Program:
        """The same program on a device."""
        moved = (
            {name: tensor.to(device) for name, tensor in tensors.items()}
            for tensors in (self.parameters, self.buffers, self.constants)
        )
        return Program(self.graph, *moved)

    def run(
        self, inputs: Mapping[str, Tensor], parameters: Mapping[str, Tensor], buffers: Mapping[str, Tensor]
    ) -> Tensor:
        """The result of inputs whose shapes were planned; nothing given is changed.

        Args:
            inputs: by name.
            parameters, buffers: by their names in the module; `parameters` may be others than the program's own.
        """
        read = self.graph
        values: dict[str, Any] = dict(inputs)
        values |= {node: parameters[name] for node, name in read.parameters.items()}
        values |= {node: buffers[name] for node, name in read.buffers.items()}
        values |= {node: self.constants[name] for node, name in read.constants.items()}
        kept = {tensor.untyped_storage()._cdata for tensor in values.values()}
        values[DEVICE] = next(iter(inputs.values())).device
        until = time.monotonic() + MAX_PROGRAM_SECONDS
        for node in read.nodes:
            if time.monotonic() > until:
                raise Fault(
                    "LIMIT_EXCEEDED", f"the program ran longer than {MAX_PROGRAM_SECONDS:g} s; send less", field="loss"
                )
            _step(node, values, kept)
        result: Tensor = values[read.output]
        return result


def _named(name: str, *places: Mapping[str, Tensor]) -> Tensor:
    for place in places:
        if name in place:
            return place[name]
    raise bad("the graph uses a parameter or buffer that the archive does not hold")


def _step(node: Node, values: dict[str, Any], kept: set[int]) -> None:
    given = {name: source(values) for name, source in node.arguments.items()}
    operator = node.operator
    if operator is None:
        values[node.outputs[0]] = symbols.compute(node.compute, list(given.values()))
        return
    operator.rule(given)
    if operator.mutates:
        refuse_mutation(operator, given[next(iter(given))], kept)
    listed = list(given.values())[: node.positional]
    result = node.compute(*listed, **dict(list(given.items())[node.positional :]))
    if operator.results == 1:
        values[node.outputs[0]] = result
        return
    if len(result) != len(node.outputs):
        raise Fault(
            "SHAPE_MISMATCH",
            f"{operator.name} gives {len(result)} tensors for inputs of these shapes; the program was exported for "
            f"{len(node.outputs)}",
            field="loss.program",
        )
    values.update(zip(node.outputs, result, strict=True))


class _Cost(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch gives it no types
    """Adds up what operators cost, those inside of other operators too."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch gives it no types
        self.elements = 0
        self.work = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.is_view:
            return result
        made = sum(tensor.numel() for tensor in _tensors((result,)))
        self.elements += max([made, *(tensor.numel() for tensor in _tensors(args))])
        name = func._schema.name.removeprefix("aten::")
        if name in _PRODUCTS:
            self.work += made * (args[_PRODUCTS[name]].shape or (1,))[-1]
            if self.work > MAX_PROGRAM_WORK:
                raise Fault(
                    "LIMIT_EXCEEDED",
                    f"matrix products of over {MAX_PROGRAM_WORK} multiplications; send less at once",
                    field="loss.program",
                )
        return result


def _tensors(values: Iterable[Any]) -> Iterable[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


class ProgramLoss:
    """A program as a loss; see `contract.Loss`. Serves all calls on its device.

    Args:
        program: on that device.
    """

    name = ENTRY.name
    reduction = None

    def __init__(self, program: Program) -> None:
        self._program = program
        self._dry = program.on(_META)
        self._types = {type_.name: type_ for type_ in program.graph.inputs}
        self.input_names = tuple(self._types)
        self._costs: dict[tuple[torch.Size, ...], int] = {}

    def input(self, name: str) -> Input | None:
        type_ = self._types.get(name)
        if type_ is None:
            return None
        kind = Kind.FLOAT if type_.dtype.is_floating_point else Kind.INDEX
        return Input(name, kind, f"{len(type_.sizes)} dimensions", "as the program uses it")

    def check(self, tensors: Tensors, data: bool = True) -> None:
        for type_ in self._types.values():
            _check_type(type_, tensors[type_.name])
        self._planned(tensors)

    def compute(self, tensors: Tensors, budget: Budget) -> Computed:
        budget.take(self._planned(tensors))
        threads.use_all()
        program = self._dry if tensors[self.input_names[0]].is_meta else self._program
        inputs = {name: tensors[name] for name in self.input_names}
        return Computed(program.run(inputs, program.parameters, program.buffers))

    def weight_sum(self, tensors: Tensors) -> float | None:
        return None

    def _planned(self, tensors: Tensors) -> int:
        """What inputs of these shapes cost; looked at once, and again where others took the place."""
        shapes = tuple(tensors[name].shape for name in self.input_names)
        if shapes not in self._costs:
            _check_sizes(self._program.graph, shapes)
            cost = self._cost(tensors)
            if len(self._costs) >= _MOST_PLANS:
                self._costs.clear()
            self._costs[shapes] = cost
        return self._costs[shapes]

    def _cost(self, tensors: Tensors) -> int:
        """Elements that inputs of these types and shapes make; refuses those for which the program cannot run."""
        dry = self._dry
        inputs = {
            name: torch.empty(tensors[name].shape, dtype=tensors[name].dtype, device=_META) for name in self.input_names
        }
        cost = _Cost()
        with torch_refusals("loss.program"), torch.no_grad(), cost:
            result = dry.run(inputs, dry.parameters, dry.buffers)
        if not result.is_floating_point():
            raise bad("the program's result is not a floating tensor")
        return cost.elements


def _check_type(type_: Type, given: Tensor) -> None:
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


def _check_sizes(read: graph.Graph, shapes: Sequence[torch.Size]) -> None:
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
