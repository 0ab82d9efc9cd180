"""A model of the caller's own: an exported module's tensors under its names, run as the program that it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from lossd_server.faults import Fault
from lossd_server.limits import MAX_PRODUCED_ELEMENTS
from lossd_server.losses.programs.cost import counted
from lossd_server.losses.programs.fields import bad
from lossd_server.losses.programs.program import Program
from lossd_server.losses.programs.shapes import check_sizes, check_type
from lossd_server.losses.refusal import torch_refusals

_NAME = re.compile(r"[A-Za-z0-9_]{1,64}(\.[A-Za-z0-9_]{1,64}){0,31}")
_META = torch.device("meta")
_MOST_PLANS = 256
_PER_INPUT_ELEMENT = 64


class ProgramModel:
    """A program as a model; see `contract.Model`.

    Args:
        program: an archive that was read as a model's; it stays as it is, the model trains copies.
        path: of the model in the request.
    """

    def __init__(self, program: Program, path: str) -> None:
        self._path = path
        self._program = program
        with self._faults():
            self.module = _module(program)
        types = program.graph.inputs
        self.input_names = tuple(type_.name for type_ in types)
        self.indices = frozenset(type_.name for type_ in types if not type_.dtype.is_floating_point)
        self._dry = program.on(_META)
        self._plans: dict[tuple[bool, tuple[torch.Size, ...]], Tensor] = {}

    def check(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Refuses what the program cannot take, by a run in this mode without elements; the result has none either."""
        with self._faults():
            for name in inputs.keys() ^ set(self.input_names):
                raise Fault(
                    "MISSING_FIELD" if name in self.input_names else "UNKNOWN_NAME",
                    f"the model takes the inputs {', '.join(self.input_names)}, each once",
                    field=f"inputs.{name[:64]}",
                )
            for type_ in self._program.graph.inputs:
                check_type(type_, inputs[type_.name])
            shapes = tuple(inputs[name].shape for name in self.input_names)
            known = (self.module.training, shapes)
            if known not in self._plans:
                check_sizes(self._program.graph, shapes)
                planned = self._planned(inputs)
                if len(self._plans) >= _MOST_PLANS:
                    self._plans.clear()
                self._plans[known] = planned
            return self._plans[known]

    def run(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """The output of checked inputs in the module's present mode."""
        device = inputs[self.input_names[0]].device
        if any(constant.device != device for constant in self._program.constants.values()):
            self._program = self._program.on(device)
        parameters = dict(self.module.named_parameters(remove_duplicate=False))
        buffers = dict(self.module.named_buffers(remove_duplicate=False))
        with self._faults():
            return self._program.run(inputs, parameters, buffers, self.module.training)

    def _planned(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """What comes out of inputs of these types and shapes; refuses what would cost too much."""
        training, dry = self.module.training, self._dry
        empty = {
            name: torch.empty(inputs[name].shape, dtype=inputs[name].dtype, device=_META) for name in self.input_names
        }
        leaves = {name: parameter.detach().requires_grad_() for name, parameter in dry.parameters.items()}
        cost = counted()
        with torch_refusals(self._path), torch.enable_grad(), cost:
            result = dry.run(empty, leaves, dry.buffers, training)
        if not result.is_floating_point():
            raise bad("the model's result is not a floating tensor")
        if training and not result.requires_grad:
            raise bad("no parameter has a part in the model's result that could be trained")
        if cost.elements > max(
            MAX_PRODUCED_ELEMENTS, _PER_INPUT_ELEMENT * sum(map(torch.Tensor.numel, empty.values()))
        ):
            raise Fault(
                "LIMIT_EXCEEDED",
                f"the model would make {cost.elements} elements of these inputs; at most {MAX_PRODUCED_ELEMENTS}: send "
                "a smaller batch",
                field="inputs",
            )
        return result.detach()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Inside, what a loss would be blamed for is the model's."""
        try:
            yield
        except Fault as fault:
            if fault.field.split(".")[0] == "loss":
                fault.field = self._path
            raise


def _module(program: Program) -> nn.Module:
    """A module with copies of the program's parameters and buffers, those that were one tensor still one."""
    root, copies = nn.Module(), dict[int, Tensor]()
    if not program.parameters:
        raise Fault("MISSING_FIELD", "the model has no parameters to train", field="loss")
    for name, tensor in program.parameters.items():
        if not tensor.is_floating_point():
            raise bad("a parameter is not a floating tensor")
        parameter = copies.setdefault(id(tensor), nn.Parameter(tensor.clone()))
        _register(root, name, parameter)
    for name, tensor in program.buffers.items():
        buffer = copies.setdefault(id(tensor), tensor.clone())
        if isinstance(buffer, nn.Parameter):
            raise bad("a parameter and a buffer are one tensor")
        _register(root, name, buffer, name in program.graph.persistent)
    return root


def _register(root: nn.Module, name: str, tensor: Tensor, persistent: bool = True) -> None:
    """Puts a tensor where its dotted name says, in modules that are made on the way."""
    if not _NAME.fullmatch(name):
        raise bad("a parameter's or buffer's name is not of up to 32 names, joined by dots")
    *places, last = name.split(".")
    module = root
    try:
        for place in places:
            if place not in module._modules:
                module.add_module(place, nn.Module())
            module = module.get_submodule(place)
        if isinstance(tensor, nn.Parameter):
            module.register_parameter(last, tensor)
        else:
            module.register_buffer(last, tensor, persistent)
    except (KeyError, AttributeError):
        raise bad("a parameter's or buffer's name is taken: by a module, another tensor or an attribute") from None
