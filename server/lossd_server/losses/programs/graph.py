"""The graph of a program: torch's JSON becomes nodes that are checked, in a straight line; knows no weights' bytes.

Every name is given once and before it is used, every operator is on the list, every argument is of a kind that the
operator takes. What is left then has no control flow, no call of Python and no name that is looked up in anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.limits import MAX_PROGRAM_NODES, MAX_RANK
from lossd_server.losses.programs import operators, symbols
from lossd_server.losses.programs.archive import DTYPES
from lossd_server.losses.programs.fields import ARCHIVE, bad, fields, identifier, items, quoted, union, whole
from lossd_server.losses.programs.operators import Operator, Parameter
from lossd_server.losses.programs.symbols import Size

Values: TypeAlias = "dict[str, Any]"
"""What is known so far, by name: tensors, sizes, and the device under `DEVICE`."""
Source: TypeAlias = "Callable[[Values], Any]"
"""Where an argument comes from."""

DEVICE = "the device"
_MOST_INPUTS = 256
_MOST_LISTED = 1024
_MOST_TEXT = 256
_MAJOR = 8
_CONTIGUOUS = {1: torch.contiguous_format, 4: torch.preserve_format}
_STRIDED = 7
_INFINITE = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


class Type(NamedTuple):
    """What an input of the caller's must be."""

    name: str
    dtype: torch.dtype
    sizes: tuple[Size, ...]


class Node(NamedTuple):
    """One step: an operator or, where there is none, arithmetic with sizes."""

    operator: Operator | None
    compute: Callable[..., Any]
    arguments: Mapping[str, Source]
    positional: int
    outputs: tuple[str, ...]


class Graph(NamedTuple):
    """A program without its weights: names of inputs, of parameters and of buffers by node, steps, and the result.

    `persistent` are the buffers that are part of a state_dict; `ranges` are the least and the greatest value of each
    symbol.
    """

    inputs: tuple[Type, ...]
    parameters: Mapping[str, str]
    buffers: Mapping[str, str]
    constants: Mapping[str, str]
    nodes: tuple[Node, ...]
    output: str
    persistent: frozenset[str]
    ranges: Mapping[str, tuple[int, int]]


def read(json: Any, model: bool = False) -> Graph:
    """The graph that an archive's JSON describes, of a loss or of a model."""
    version, module, ranges = fields(json, "the graph", schema_version=dict, graph_module=dict, range_constraints=dict)
    major, _ = fields(version, "schema_version", major=int, minor=int)
    if major != _MAJOR:
        raise bad(f"the graph is of torch's export schema {major}; this server reads {_MAJOR}, which torch 2.13 writes")
    graph, signature = fields(module, "graph_module", graph=dict, signature=dict)
    nodes, values = fields(graph, "graph", nodes=list, tensor_values=dict)
    ins, outs = fields(signature, "signature", input_specs=list, output_specs=list)
    if len(nodes) > MAX_PROGRAM_NODES:
        raise Fault(
            "LIMIT_EXCEEDED", f"the graph has {len(nodes)} nodes; at most {MAX_PROGRAM_NODES} are read", field=ARCHIVE
        )
    given = _Inputs(ins, values)
    scope = _Scope(given.names, model)
    steps = [scope.node(node, f"node {index}") for index, node in enumerate(nodes)]
    return Graph(
        inputs=tuple(given.types),
        parameters=given.parameters,
        buffers=given.buffers,
        constants=given.constants,
        nodes=tuple(step for step in steps if step is not None),
        output=_output(outs, scope),
        persistent=frozenset(given.persistent),
        ranges=_ranges(ranges),
    )


class _Inputs:
    """The placeholders: what the caller sends, and what the program brings."""

    def __init__(self, specs: list[Any], values: dict[str, Any]) -> None:
        self.names: list[str] = []
        self.types: list[Type] = []
        self.parameters: dict[str, str] = {}
        self.buffers: dict[str, str] = {}
        self.constants: dict[str, str] = {}
        self.persistent: set[str] = set()
        for index, spec in enumerate(items(specs, dict, "input_specs", _MOST_LISTED)):
            self._read(spec, f"input {index}", values)
        if not 1 <= len(self.types) <= _MOST_INPUTS:
            raise bad(f"the program takes {len(self.types)} inputs; 1 to {_MOST_INPUTS} are possible")
        if values.keys() != {type_.name for type_ in self.types}:
            raise bad("tensor_values describes something else than the inputs")

    def _read(self, spec: Any, where: str, values: dict[str, Any]) -> None:
        kind, inner = union(spec, where, ("user_input", "parameter", "buffer", "tensor_constant"))
        if kind == "user_input":
            (argument,) = fields(inner, where, arg=dict)
            _, argument = union(argument, where, ("as_tensor",))
            name = self._name(argument, where)
            if name not in values:
                raise bad(f"tensor_values lacks {quoted(name)}", where)
            self.types.append(_type(name, values[name], where))
            return
        if kind == "buffer":
            argument, target, persistent = fields(inner, where, arg=dict, buffer_name=str, persistent=bool)
            self.buffers[self._name(argument, where)] = target
            self.persistent.update([target] if persistent else [])
        elif kind == "parameter":
            argument, target = fields(inner, where, arg=dict, parameter_name=str)
            self.parameters[self._name(argument, where)] = target
        else:
            argument, target = fields(inner, where, arg=dict, tensor_constant_name=str)
            self.constants[self._name(argument, where)] = target

    def _name(self, argument: Any, where: str) -> str:
        (name,) = fields(argument, where, name=str)
        if identifier(name, where) in self.names:
            raise bad(f"{quoted(name)} is given twice", where)
        self.names.append(name)
        return str(name)


def _type(name: str, meta: Any, where: str) -> Type:
    number, sizes = fields(meta, where, dtype=int, sizes=list)
    if number not in DTYPES:
        raise bad(f"element type {number} is none of those that programs may use", where)
    return Type(name, DTYPES[number], tuple(_size(size, where) for size in items(sizes, dict, where, MAX_RANK)))


def _size(size: Any, where: str) -> Size:
    kind, inner = union(size, where, ("as_int", "as_expr"))
    if kind == "as_int":
        if whole(inner, where) < 0:
            raise bad("a size is negative", where)
        return Size("Integer", value=inner)
    (text,) = fields(inner, where, expr_str=str)
    return symbols.read(text, where)


def _ranges(given: dict[str, Any]) -> dict[str, tuple[int, int]]:
    found = {}
    for name, limits in items(list(given.items()), tuple, "range_constraints", _MOST_INPUTS):
        where = f"range_constraints of {quoted(name)}"
        least, most = fields(limits, where, min_val=object, max_val=object)
        identifier(name, where)
        found[name] = (
            -symbols.MOST if least is None else whole(least, where),
            symbols.MOST if most is None else whole(most, where),
        )
    return found


def _output(specs: list[Any], scope: _Scope) -> str:
    if len(specs) != 1:
        raise bad(f"the program returns {len(specs)} values; return one tensor, and change no buffer")
    _, inner = union(specs[0], "the output", ("user_output",))
    (argument,) = fields(inner, "the output", arg=dict)
    _, argument = union(argument, "the output", ("as_tensor",))
    (name,) = fields(argument, "the output", name=str)
    scope.check(name, Tensor, "the output")
    return str(name)


class _Scope:
    """The names that nodes have given so far, and what each stands for: a tensor or a number."""

    def __init__(self, tensors: Sequence[str], model: bool) -> None:
        self._model = model
        self._known: dict[str, type] = dict.fromkeys(tensors, Tensor)

    def check(self, name: Any, kind: type, where: str) -> None:
        """Refuses a name that stands for nothing yet, or for something else."""
        if self._known.get(identifier(name, where)) is not kind:
            what = "tensor" if kind is Tensor else "size"
            raise bad(f"{quoted(name)} is no {what} at this point", where)

    def node(self, json: Any, where: str) -> Node | None:
        """The next node; None for one that computes nothing."""
        target, inputs, outputs = fields(json, where, target=str, inputs=list, outputs=list)
        if target in operators.SKIPPED and not outputs:
            return None
        named = f"{where}, {quoted(target)}"
        if target in symbols.ARITHMETIC:
            return self._arithmetic(target, inputs, outputs, named)
        if target in _SIZES:
            return self._size_of(target, inputs, outputs, named)
        operator, where = operators.find(target, where, self._model), named
        arguments, positional = self._arguments(operator, inputs, where)
        return Node(operator, operator.run, arguments, positional, self._outputs(operator, outputs, where))

    def _arithmetic(self, target: str, inputs: list[Any], outputs: list[Any], where: str) -> Node:
        function, count = symbols.ARITHMETIC[target]
        given = [fields(each, where, name=str, arg=dict, kind=int) for each in items(inputs, dict, where, 2)]
        if len(given) != count or len(outputs) != 1:
            raise bad(f"takes {count} sizes and gives one", where)
        sources = [self._source(_NUMBER, argument, where) for _, argument, _ in given]
        named = {str(index): source for index, source in enumerate(sources)}
        return Node(None, function, named, count, (self._give_size(outputs[0], where),))

    def _size_of(self, target: str, inputs: list[Any], outputs: list[Any], where: str) -> Node:
        """The length of a dimension of a tensor, or the number of its elements."""
        function, kinds = _SIZES[target]
        given = [fields(each, where, name=str, arg=dict, kind=int) for each in items(inputs, dict, where, 2)]
        if [name for name, _, _ in given] != list(kinds) or len(outputs) != 1:
            raise bad(f"takes {' and '.join(kinds)} and gives one size", where)
        sources = {name: self._source(kinds[name], argument, where) for name, argument, _ in given}
        return Node(None, function, sources, len(sources), (self._give_size(outputs[0], where),))

    def _give_size(self, output: Any, where: str) -> str:
        _, inner = union(output, where, ("as_sym_int", "as_sym_float"))
        _, name = union(inner, where, ("as_name",))
        self._give(name, int, where)
        return str(name)

    def _give(self, name: Any, kind: type, where: str) -> None:
        if identifier(name, where) in self._known:
            raise bad(f"{quoted(name)} is given twice", where)
        self._known[name] = kind

    def _arguments(self, operator: Operator, inputs: list[Any], where: str) -> tuple[dict[str, Source], int]:
        """Sources by parameter in the operator's order, and how many of them go by position."""
        given: dict[str, Source] = {}
        for each in items(inputs, dict, where, len(operator.parameters)):
            name, argument, _ = fields(each, where, name=str, arg=dict, kind=int)
            parameter = operator.parameters.get(name)
            if parameter is None or name in given:
                raise bad(f"has no argument {quoted(name)}, or has it already", where)
            given[name] = self._source(parameter, argument, where)
        sources: dict[str, Source] = {}
        positional, in_order = 0, True
        for parameter in operator.parameters.values():
            if parameter.name == "device":  # always that of the worker, whatever the exporting machine had
                sources["device"] = lambda values: values[DEVICE]
            elif parameter.name in given:
                sources[parameter.name] = given[parameter.name]
            elif parameter.required:
                raise bad(f"needs {parameter.name}", where)
            in_order = in_order and parameter.name in sources and not parameter.by_name
            positional += in_order  # behind one that is left out, arguments go by name
        return sources, positional

    def _outputs(self, operator: Operator, outputs: list[Any], where: str) -> tuple[str, ...]:
        names: list[str] = []
        if operator.results is None:
            if len(outputs) != 1:
                raise bad("gives a list", where)
            _, listed = union(outputs[0], where, ("as_tensors",))
            listed = items(listed, dict, where, _MOST_LISTED)
        elif len(outputs) != operator.results:
            raise bad(f"gives {operator.results} tensors, the graph names {len(outputs)}", where)
        else:
            listed = [union(output, where, ("as_tensor",))[1] for output in outputs]
        for each in listed:
            (name,) = fields(each, where, name=str)
            self._give(name, Tensor, where)
            names.append(name)
        return tuple(names)

    def _source(self, parameter: Parameter, argument: Any, where: str) -> Source:
        """Where an argument comes from, if it is of a kind that the parameter takes."""
        accepted = _ACCEPTED.get(parameter.type, ())
        if parameter.type == "Tensor" and parameter.name == "other":
            accepted += _ACCEPTED["number"]  # torch makes a tensor of it
        kind, inner = union(argument, where, (*accepted, "as_none") if parameter.optional else accepted)
        if kind == "as_none":
            return _constant(None)
        if kind in _CONSTANTS:
            return _constant(_CONSTANTS[kind](inner, where))
        if kind == "as_device":
            return lambda values: values[DEVICE]
        if kind in ("as_tensor", "as_optional_tensor", "as_sym_int", "as_sym_float"):
            return self._reference(kind, inner, where)
        parts = [self._reference(kind, part, where) for part in items(inner, dict, where, _MOST_LISTED)]
        if kind == "as_sym_ints" and len(parts) > MAX_RANK:
            raise bad("more sizes than a tensor has", where)
        return lambda values: [part(values) for part in parts]

    def _reference(self, kind: str, json: Any, where: str) -> Source:
        """A name of a tensor or size, or what may stand in its place in a list."""
        if kind in ("as_optional_tensor", "as_optional_tensors"):
            inner_kind, json = union(json, where, ("as_tensor", "as_none"))
            if inner_kind == "as_none":
                return _constant(None)
        if kind.startswith("as_sym"):
            inner_kind, inner = union(json, where, ("as_name", "as_int", "as_float"))
            if inner_kind != "as_name":
                return _constant(_CONSTANTS[inner_kind](inner, where))
            self.check(inner, int, where)
            return lambda values: values[inner]
        (name,) = fields(json, where, name=str)
        self.check(name, Tensor, where)
        return lambda values: values[name]


_NUMBER = Parameter("", "number", optional=False, required=True, by_name=False)
_TENSOR = Parameter("", "Tensor", optional=False, required=True, by_name=False)
_SIZES: dict[str, tuple[Callable[..., int], dict[str, Parameter]]] = {
    "torch.ops.aten.sym_size.int": (lambda tensor, dim: tensor.shape[dim], {"self": _TENSOR, "dim": _NUMBER}),
    "torch.ops.aten.sym_numel.default": (lambda tensor: tensor.numel(), {"self": _TENSOR}),
}
"""Questions about the shape of a tensor: a function, and what it takes."""


def _constant(value: Any) -> Source:
    return lambda values: value


def _floating(value: Any, where: str) -> float:
    if type(value) is str and value in _INFINITE:
        return _INFINITE[value]
    if type(value) not in (int, float) or not math.isfinite(value):
        raise bad("expected a finite number, or Infinity, -Infinity or NaN in quotes", where)
    return float(whole(value, where) if type(value) is int else value)


def _choice(table: Mapping[Any, Any]) -> Callable[[Any, str], Any]:
    def read(value: Any, where: str) -> Any:
        if type(value) is not int or value not in table:
            raise bad(
                "expected a number of torch's for an element type, layout or memory format that is allowed", where
            )
        return table[value]

    return read


def _exactly(kind: type) -> Callable[[Any, str], Any]:
    def read(value: Any, where: str) -> Any:
        if type(value) is not kind or (isinstance(value, str) and len(value) > _MOST_TEXT):
            raise bad(f"expected a {kind.__name__}, not too long", where)
        return value

    return read


_CONSTANTS: dict[str, Callable[[Any, str], Any]] = {
    "as_int": whole,
    "as_float": _floating,
    "as_bool": _exactly(bool),
    "as_string": _exactly(str),
    "as_ints": lambda value, where: [whole(item, where) for item in items(value, int, where, 2 * MAX_RANK)],
    "as_floats": lambda value, where: [_floating(item, where) for item in items(value, float, where, MAX_RANK)],
    "as_scalar_type": _choice(DTYPES),
    "as_layout": _choice({_STRIDED: torch.strided}),
    "as_memory_format": _choice(_CONTIGUOUS),
}
_ACCEPTED: dict[str, tuple[str, ...]] = {
    "Tensor": ("as_tensor", "as_optional_tensor"),
    "List[Tensor]": ("as_tensors",),
    "List[Optional[Tensor]]": ("as_optional_tensors", "as_tensors"),
    "int": ("as_int", "as_sym_int"),
    "SymInt": ("as_int", "as_sym_int"),
    "List[int]": ("as_ints", "as_sym_ints"),
    "List[SymInt]": ("as_ints", "as_sym_ints"),
    "float": ("as_float", "as_int", "as_sym_float"),
    "List[float]": ("as_floats",),
    "number": ("as_float", "as_int", "as_bool", "as_sym_int", "as_sym_float"),
    "bool": ("as_bool",),
    "str": ("as_string",),
    "ScalarType": ("as_scalar_type",),
    "Layout": ("as_layout",),
    "MemoryFormat": ("as_memory_format",),
    "Device": ("as_device",),
}
"""Which kinds of JSON arguments go with which of torch's types."""
