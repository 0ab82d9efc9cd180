"""Python objects ↔ the contract's specification messages, by names alone; knows no particular loss, model or optimizer.

A class that derives from `Spec` is sent as the message of its own name, each attribute as the field of its own
name, and None not at all, which means torch's default. So a new loss needs a message and a dataclass, no glue.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar, cast

from google.protobuf import struct_pb2
from google.protobuf.message import Message

from lossd import tensors
from lossd.v1 import tensor_pb2

M = TypeVar("M", bound=Message)

Descriptor: TypeAlias = Any
"""protobuf's descriptor of a field or enum; its two runtimes disagree about the types."""


class Spec:
    """Base of everything that is sent as a message of its class's name."""

    def arguments(self) -> dict[str, Any]:
        """What is sent, by field name; None is left out."""
        return {field.name: getattr(self, field.name) for field in fields(cast(Any, self))}  # always a dataclass

    @classmethod
    def of(cls, arguments: dict[str, Any]) -> Spec:
        """The object that `arguments` came from."""
        return cls(**arguments)

    def __eq__(self, other: object) -> bool:  # here, as one for each class takes a quarter of the time of the import
        if type(other) is not type(self):
            return NotImplemented
        return vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        defaults = {field.name: field.default for field in fields(cast(Any, self))}
        given = (f"{name}={value!r}" for name, value in vars(self).items() if value is not defaults.get(name, value))
        return f"{type(self).__name__}({', '.join(given)})"


def write(spec: Spec, union: M) -> M:
    """Fills a message whose oneof has a member named as the spec's class: LossSpec, ModelSpec or OptimizerSpec.

    Raises:
        TypeError: if the contract has no such member, or an argument is of the wrong kind.
        ValueError: if a string is not one of the values that the contract has for it.

    >>> from lossd.losses import HuberLoss
    >>> from lossd.v1 import loss_pb2
    >>> write(HuberLoss(delta=2.0, reduction="sum"), loss_pb2.LossSpec()).huber_loss.delta
    2.0
    """
    known = members(_descriptor(union))
    name = known.get(type(spec).__name__) if isinstance(spec, Spec) else None
    if name is None:
        raise TypeError(f"given {spec!r:.80}; expected one of lossd's {', '.join(known)}")
    arguments = spec.arguments()
    for field in _descriptor(union).fields:
        if field.containing_oneof is None and arguments.get(field.name):
            _set(union, field, arguments[field.name])
    message = getattr(union, name)
    message.SetInParent()
    _fill(message, arguments)
    return union


def read(union: Message) -> Spec | None:
    """The object that a LossSpec, ModelSpec or OptimizerSpec stands for; None if this package has no such class.

    Tensors come back as numpy arrays.

    >>> from lossd.v1 import loss_pb2
    >>> read(loss_pb2.LossSpec(huber_loss=loss_pb2.HuberLoss(delta=2)))
    HuberLoss(delta=2.0)
    """
    name = union.WhichOneof(_descriptor(union).oneofs[0].name)
    if name is None:
        return None
    outer = _arguments(union, without=name)
    message = getattr(union, name)
    kind = next((kind for kind in _kinds(Spec) if kind.__name__ == _descriptor(message).name), None)
    return kind.of(_arguments(message) | outer) if kind else None


def fill(spec: Spec, message: M) -> M:
    """Fills a message of the spec's own name, which is in no oneof.

    Raises:
        TypeError: if it has another name, or an argument is of the wrong kind.
    """
    name = _descriptor(message).name
    if not isinstance(spec, Spec) or type(spec).__name__ != name:
        raise TypeError(f"expected lossd's {name}; given {spec!r}")
    message.SetInParent()
    _fill(message, spec.arguments())
    return message


def of(message: Message) -> Spec | None:
    """The object that such a message stands for; None if this package has no class of its name."""
    kind = next((kind for kind in _kinds(Spec) if kind.__name__ == _descriptor(message).name), None)
    return kind.of(_arguments(message)) if kind else None


@cache
def members(union: Descriptor) -> Mapping[str, str]:
    """Class name → field name of everything that a LossSpec, ModelSpec or OptimizerSpec can be.

    >>> from lossd.v1 import optimizer_pb2
    >>> members(optimizer_pb2.OptimizerSpec.DESCRIPTOR)["AdamW"]
    'adamw'
    """
    return MappingProxyType({field.message_type.name: field.name for field in union.oneofs[0].fields})


def enum_name(enum: Descriptor, number: int) -> str:
    """An enum's value as the SDK writes it: "mean" for REDUCTION_MEAN; one of a newer contract as its number."""
    value = enum.values_by_number.get(number)
    return str(value.name.removeprefix(_prefix(enum)).lower() if value else number)


def _fill(message: Message, arguments: Mapping[str, Any]) -> None:
    for field in _descriptor(message).fields:
        value = arguments.get(field.name)
        if value is None:
            continue
        try:
            _set(message, field, value)
        except TypeError as error:
            owner = _descriptor(message).name
            raise TypeError(f"{owner}: {field.name} cannot be {value!r} ({error})") from error


def _set(message: Message, field: Descriptor, value: Any) -> None:
    kind = field.message_type
    if field.enum_type is not None:
        setattr(message, field.name, enum_number(field, value))
    elif kind is None and field.is_repeated:
        getattr(message, field.name).extend(value)
    elif kind is None:
        setattr(message, field.name, value)
    elif kind.GetOptions().map_entry:
        getattr(message, field.name).update(value)
    elif field.is_repeated:
        for item in value:
            _write_any(getattr(message, field.name).add(), item, field.name)
    else:
        getattr(message, field.name).SetInParent()  # an object without arguments is not no object
        _write_any(getattr(message, field.name), value, field.name)


def _write_any(message: Message, value: Any, name: str) -> None:
    if isinstance(message, tensor_pb2.Tensor):
        tensors.write(message, value, None, field=name)
    elif isinstance(message, struct_pb2.Struct):
        message.update(value)
    elif _descriptor(message).oneofs and _descriptor(message).oneofs[0].fields[0].message_type:
        write(value, message)
    else:
        _fill(message, value.arguments())


def _arguments(message: Message, without: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field, value in message.ListFields():
        if field.name == without:
            continue
        if field.enum_type is not None:
            found[field.name] = enum_name(field.enum_type, value)
        elif field.message_type is None:
            found[field.name] = tuple(value) if field.is_repeated else value
        elif field.message_type.GetOptions().map_entry:
            found[field.name] = dict(value)
        elif field.is_repeated:
            found[field.name] = tuple(_read_any(item) for item in value)
        else:
            found[field.name] = _read_any(value)
    return found


def _read_any(message: Message) -> Any:
    if isinstance(message, tensor_pb2.Tensor):
        return tensors.read(message, ())
    if isinstance(message, struct_pb2.Struct):
        return _json(message)
    if _descriptor(message).oneofs and _descriptor(message).oneofs[0].fields[0].message_type:
        return read(message)
    kind = next(kind for kind in _kinds(Spec) if kind.__name__ == _descriptor(message).name)
    return kind.of(_arguments(message))


def _json(value: Any) -> Any:
    if isinstance(value, struct_pb2.Struct):
        return {name: _json(item) for name, item in value.items()}
    return [_json(item) for item in value] if isinstance(value, struct_pb2.ListValue) else value


def enum_number(field: Descriptor, value: object) -> int:
    """The number of an enum's value, written as the SDK does, for a field of that enum.

    Raises:
        ValueError: if it has no such value.
    """
    prefix = _prefix(field.enum_type)
    known = {name.removeprefix(prefix).lower(): entry.number for name, entry in field.enum_type.values_by_name.items()}
    del known["unspecified"]
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{field.name} is {value!r}; expected one of {', '.join(map(repr, known))}")
    return int(known[value])


def _prefix(enum: Descriptor) -> str:
    """`REDUCTION_` for Reduction: the contract prefixes each value with the enum's name."""
    return str(enum.values[0].name.removesuffix("UNSPECIFIED"))


def _descriptor(message: Message) -> Descriptor:
    return message.DESCRIPTOR


def _kinds(kind: type[Spec]) -> Iterator[type[Spec]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _kinds(child)
