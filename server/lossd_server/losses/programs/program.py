"""A program that can be run: a graph with its weights on a device, and the loss that it is.

Before the first kernel of a shape runs, the whole graph runs on torch's meta device, where tensors have shapes and
no elements. What does not fit shows there, and what it would cost is known before anything is allocated.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.limits import MAX_PROGRAM_SECONDS
from lossd_server.losses import threads
from lossd_server.losses.budget import Budget
from lossd_server.losses.contract import Argument, Computed, Entry, Input, Kind, Tensors
from lossd_server.losses.programs import archive, graph, symbols
from lossd_server.losses.programs.cost import counted
from lossd_server.losses.programs.fields import bad
from lossd_server.losses.programs.graph import DEVICE, Node
from lossd_server.losses.programs.modes import Mode
from lossd_server.losses.programs.operators import refuse_mutation
from lossd_server.losses.programs.shapes import check_sizes, check_type
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
    def of(cls, data: bytes, model: bool = False) -> Program:
        """Reads an archive, of a loss or of a model; the tensors are on the CPU."""
        held = archive.read(data)
        read = graph.read(held.graph, model)
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
        self,
        inputs: Mapping[str, Tensor],
        parameters: Mapping[str, Tensor],
        buffers: Mapping[str, Tensor],
        training: bool | None = None,
    ) -> Tensor:
        """The result of inputs whose shapes were planned; of what is given, only statistics in training change.

        Args:
            inputs: by name.
            parameters, buffers: by their names in the module; they may be others than the program's own.
            training: the mode of a model; None for a loss, which has no modes.
        """
        read = self.graph
        values: dict[str, Any] = dict(inputs)
        values |= {node: parameters[name] for node, name in read.parameters.items()}
        values |= {node: buffers[name] for node, name in read.buffers.items()}
        values |= {node: self.constants[name] for node, name in read.constants.items()}
        kept = {tensor.untyped_storage()._cdata for tensor in values.values()}
        values[DEVICE] = next(iter(inputs.values())).device
        mode = None if training is None else Mode(training, (buffers[name] for name in read.persistent))
        until = time.monotonic() + MAX_PROGRAM_SECONDS
        for node in read.nodes:
            if time.monotonic() > until:
                raise Fault(
                    "LIMIT_EXCEEDED", f"the program ran longer than {MAX_PROGRAM_SECONDS:g} s; send less", field="loss"
                )
            _step(node, values, kept, mode)
        result: Tensor = values[read.output]
        shared = mode is not None and result.untyped_storage()._cdata in kept
        return result.clone() if shared else result  # what a model gives out stays as it is when the model goes on


def _named(name: str, *places: Mapping[str, Tensor]) -> Tensor:
    for place in places:
        if name in place:
            return place[name]
    raise bad("the graph uses a parameter or buffer that the archive does not hold")


def _step(node: Node, values: dict[str, Any], kept: set[int], mode: Mode | None) -> None:
    given = {name: source(values) for name, source in node.arguments.items()}
    operator = node.operator
    if operator is None:
        values[node.outputs[0]] = symbols.compute(node.compute, list(given.values()))
        return
    if mode is not None:
        given = mode.arguments(operator, given)
    operator.rule(given)
    if mode is not None and mode.is_counter(operator, given):
        if not mode.training:
            values[node.outputs[0]] = given["self"]
            return
    elif operator.mutates:
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
            check_type(type_, tensors[type_.name])
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
            check_sizes(self._program.graph, shapes)
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
        cost = counted()
        with torch_refusals("loss.program"), torch.no_grad(), cost:
            result = dry.run(inputs, dry.parameters, dry.buffers)
        if not result.is_floating_point():
            raise bad("the program's result is not a floating tensor")
        return cost.touched
