"""Reads a Plugin message: JSON values become the arguments that the plugin's own entry says; knows no single plugin."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import torch
from google.protobuf import struct_pb2
from lossd.v1 import loss_pb2, tensor_pb2
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.losses import catalogue
from lossd_server.losses.contract import Argument, Loss
from lossd_server.losses.formula import FormulaEntry
from lossd_server.worker import tensors
from lossd_server.worker.tensors import Attachments

_KINDS = {
    float: ("number_value", "a number"),
    int: ("number_value", "a whole number"),
    bool: ("bool_value", "true or false"),
    str: ("string_value", "a string"),
    list: ("list_value", "a list of whole numbers"),
    Tensor: ("list_value", "numbers in equally long lists"),
    dict: ("struct_value", "an object"),
}
"""How JSON writes an argument of each type, and what to call it."""


def read(message: loss_pb2.Plugin, path: str, allow_broadcast: bool, device: torch.device) -> Loss:
    """The loss that `message` names, its arguments checked against the plugin's schema."""
    entry = _find(message.name, f"{path}.name")
    path = f"{path}.arguments"
    schema = entry.arguments
    if entry.reductions:
        schema += (Argument("reduction", str, entry.reductions[0], ""),)
    arguments = _arguments(entry.name, schema, message.arguments, path, device)
    return entry.build(arguments, path=path, allow_broadcast=allow_broadcast)


def _find(name: str, path: str) -> FormulaEntry:
    if name in catalogue.plugins():
        return catalogue.plugins()[name]
    if name in catalogue.ENTRIES:
        raise Fault("LOSS_NOT_FOUND", f"{name} is no plugin but a field of LossSpec: set that", field=path)
    hint = _nearest(name, catalogue.plugins()) or "ListLosses tells the names"
    raise Fault("LOSS_NOT_FOUND", f"no plugin {name[:64]!r} is installed on this server; {hint}", field=path)


def _arguments(
    owner: str, schema: Iterable[Argument], given: struct_pb2.Struct, path: str, device: torch.device
) -> dict[str, Any]:
    """The arguments by name; null stands for one that is not given."""
    known = {argument.name: argument for argument in schema}
    found = {}
    for name, value in given.fields.items():
        if name not in known:
            hint = _nearest(name, known) or f"it has {', '.join(known) or 'none'}"
            raise Fault("UNKNOWN_NAME", f"{owner} has no argument {name[:64]!r}; {hint}", field=f"{path}.{name[:64]}")
        if value.WhichOneof("kind") != "null_value":
            found[name] = _value(known[name], value, f"{path}.{name}", device)
    return found


def _value(argument: Argument, value: struct_pb2.Value, path: str, device: torch.device) -> Any:
    kind, _ = _KINDS[argument.type]
    if value.WhichOneof("kind") != kind:
        raise _wrong(argument, value, path)
    given = getattr(value, kind)
    if argument.type is Tensor:
        return tensors.decode(tensor_pb2.Tensor(values=given), Attachments(()), path, device)
    if argument.type is dict:
        return _arguments(argument.name, argument.fields, given, path, device)
    if argument.type is int and not given.is_integer():
        raise _wrong(argument, value, path)
    if argument.type is list:
        inner = Argument(argument.name, int, None, argument.meaning)
        return [_value(inner, item, f"{path}[{index}]", device) for index, item in enumerate(given.values)]
    return argument.type(given)


def _wrong(argument: Argument, value: struct_pb2.Value, path: str) -> Fault:
    kind = value.WhichOneof("kind") or "nothing"
    given = f"{value.number_value:g}" if kind == "number_value" else f"a {kind.removesuffix('_value')}"
    message = f"{argument.name} is {given}; expected {_KINDS[argument.type][1]}"
    return Fault("ARGUMENT_OUT_OF_RANGE", message, field=path)


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name[:64], [*known], n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else ""
