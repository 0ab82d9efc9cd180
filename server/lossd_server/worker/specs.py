"""Turns specifications into losses, models, optimizers and schedulers: one reflection serves every message.

A message is named as its torch class and its fields as the constructor's arguments, so that reading the set
fields by name is all there is to do.
"""

from __future__ import annotations

import re
from typing import Any

import torch
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from lossd.v1 import loss_pb2, model_pb2, optimizer_pb2, tensor_pb2

from lossd_server.faults import Fault
from lossd_server.limits import MAX_ALL_TERMS, MAX_NESTING, MAX_TERMS
from lossd_server.losses import catalogue, composite, expression
from lossd_server.losses.binding import BoundEntry
from lossd_server.losses.contract import Loss
from lossd_server.training.models import Spec
from lossd_server.worker import plugins, tensors
from lossd_server.worker.programs import Programs
from lossd_server.worker.tensors import Attachments

_LABEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_OF_SCHEDULERS = (optimizer_pb2.SequentialLR, optimizer_pb2.ChainedScheduler)


class Reader:
    """Reads the specifications of one request, whose tensors may lie in its attachments.

    Args:
        programs: those that the worker holds, which a specification may name or add to.
    """

    def __init__(self, attachments: Attachments, device: torch.device, programs: Programs) -> None:
        self._attachments = attachments
        self._device = device
        self._terms = 0
        self._programs = programs

    def loss(self, spec: loss_pb2.LossSpec, path: str = "loss", depth: int = 0, allow_broadcast: bool = False) -> Loss:
        """The loss that `spec` names, its arguments checked; a sum that allows broadcasting allows its terms to."""
        refuse_unknown_fields(spec, path)
        allow_broadcast = allow_broadcast or spec.allow_broadcast
        name = spec.WhichOneof("loss")
        if name is None:
            raise Fault("MISSING_FIELD", "no loss is given; set one of LossSpec, ListLosses tells which", field=path)
        if name == "expression":
            refuse_unknown_fields(spec.expression, f"{path}.expression")
            return expression.build(spec.expression.source)
        path = f"{path}.{name}"
        if name == "weighted_sum":
            return self._weighted_sum(spec.weighted_sum, path, depth, allow_broadcast)
        if name == "program":
            refuse_unknown_fields(spec.program, path)
            return self._programs.find(spec.program, path, self._device)
        if name == "plugin":
            refuse_unknown_fields(spec.plugin, path)
            return plugins.read(spec.plugin, path, allow_broadcast, self._device)
        entry = catalogue.ENTRIES[name]
        assert isinstance(entry, BoundEntry), "every other field of LossSpec is a loss of the catalogue"
        arguments = self.arguments(getattr(spec, name), path)
        return entry.build(arguments, path=path, allow_broadcast=allow_broadcast)

    def module(
        self,
        spec: model_pb2.ModelSpec | optimizer_pb2.OptimizerSpec | optimizer_pb2.SchedulerSpec,
        path: str,
        depth: int = 0,
    ) -> Spec:
        """The class and arguments that `spec` names."""
        if depth > MAX_NESTING:
            raise Fault("LIMIT_EXCEEDED", f"nested over {MAX_NESTING} levels deep", field=path)
        refuse_unknown_fields(spec, path)
        name = spec.WhichOneof(spec.DESCRIPTOR.oneofs[0].name)
        if name is None:
            raise Fault("MISSING_FIELD", f"nothing is given; set one of {spec.DESCRIPTOR.name}", field=path)
        outer, message, path = path, getattr(spec, name), f"{path}.{name}"
        if isinstance(spec, optimizer_pb2.OptimizerSpec) and spec.groups:
            return Spec(message.DESCRIPTOR.name, self._grouped(spec, message, outer, path, depth), path)
        if isinstance(message, _OF_SCHEDULERS):
            return Spec(message.DESCRIPTOR.name, self._schedulers(message, path, depth), path)
        if isinstance(message, model_pb2.ProgramModel):
            return self._program(message, path, depth)
        if isinstance(spec, model_pb2.ModelSpec):
            return self._part(message, path, depth)
        return Spec(message.DESCRIPTOR.name, self.arguments(message, path), path)

    def _program(self, message: model_pb2.ProgramModel, path: str, depth: int) -> Spec:
        """A model of the caller's own, its archive read."""
        refuse_unknown_fields(message, path)
        if depth:
            raise Fault("UNSUPPORTED", "a program is a whole model: export all of it as one module", field=path)
        return Spec("Program", {"program": self._programs.model(message, path)}, path)

    def _part(self, message: Message, path: str, depth: int) -> Spec:
        """A module, or a part of one: messages of the contract of models inside it become specifications too."""
        if isinstance(message, model_pb2.ModelSpec):
            return self.module(message, path, depth + 1)
        refuse_unknown_fields(message, path)
        arguments: dict[str, Any] = {}
        for field, value in message.ListFields():
            place = f"{path}.{field.name}"
            if field.message_type is None or field.message_type.file.name != model_pb2.DESCRIPTOR.name:
                arguments[field.name] = self._value(field, value, place)
            elif field.is_repeated:
                arguments[field.name] = [
                    self._part(item, f"{place}[{index}]", depth) for index, item in enumerate(value)
                ]
            else:
                arguments[field.name] = self._part(value, place, depth)
        return Spec(message.DESCRIPTOR.name, arguments, path)

    def _grouped(
        self, spec: optimizer_pb2.OptimizerSpec, message: Message, outer: str, path: str, depth: int
    ) -> dict[str, Any]:
        """An optimizer's arguments, and its groups as `groups`."""
        groups = []
        for index, group in enumerate(spec.groups):
            place = f"{outer}.groups[{index}]"
            refuse_unknown_fields(group, place)
            optimizer = self.module(group.optimizer, f"{place}.optimizer", depth + 1)
            groups.append(Spec("ParameterGroup", {"parameters": list(group.parameters), "optimizer": optimizer}, place))
        return self.arguments(message, path) | {"groups": groups}

    def _schedulers(
        self, message: optimizer_pb2.SequentialLR | optimizer_pb2.ChainedScheduler, path: str, depth: int
    ) -> dict[str, Any]:
        """The arguments of a scheduler that is made of others."""
        for index, part in enumerate(message.schedulers):
            if part.interval:
                where = f"{path}.schedulers[{index}].interval"
                raise Fault("ARGUMENT_OUT_OF_RANGE", "interval belongs to the outermost scheduler alone", field=where)
        parts = [
            self.module(part, f"{path}.schedulers[{index}]", depth + 1) for index, part in enumerate(message.schedulers)
        ]
        return self.arguments(message, path) | {"schedulers": parts}

    def arguments(self, message: Message, path: str) -> dict[str, Any]:
        """The fields that are set, by name, as torch's constructors take them."""
        refuse_unknown_fields(message, path)
        return {field.name: self._value(field, value, f"{path}.{field.name}") for field, value in message.ListFields()}

    def _value(self, field: FieldDescriptor, value: Any, path: str) -> Any:
        if isinstance(value, tensor_pb2.Tensor):
            return tensors.decode(value, self._attachments, path, self._device)
        if field.is_repeated:
            return list(value)
        if isinstance(value, Message):
            return self.arguments(value, path)
        if field.enum_type is None:
            return value
        if value not in field.enum_type.values_by_number:
            raise Fault(
                "ARGUMENT_OUT_OF_RANGE", f"{field.name} is {value}, which {field.enum_type.name} lacks", field=path
            )
        prefix = str(field.enum_type.values[0].name).removesuffix("UNSPECIFIED")
        return str(field.enum_type.values_by_number[value].name).removeprefix(prefix).lower()

    def _weighted_sum(self, message: loss_pb2.WeightedSum, path: str, depth: int, allow_broadcast: bool) -> Loss:
        refuse_unknown_fields(message, path)
        if depth >= MAX_NESTING:
            raise Fault("LIMIT_EXCEEDED", f"weighted sums nest over {MAX_NESTING} deep", field=path)
        if len(message.terms) > MAX_TERMS:
            raise Fault("LIMIT_EXCEEDED", f"{len(message.terms)} terms; at most {MAX_TERMS}", field=f"{path}.terms")
        self._terms += len(message.terms)
        if self._terms > MAX_ALL_TERMS:
            raise Fault("LIMIT_EXCEEDED", f"over {MAX_ALL_TERMS} terms in sums inside one another", field=path)
        terms = [
            self._term(term, f"{path}.terms[{index}]", depth, allow_broadcast)
            for index, term in enumerate(message.terms)
        ]
        return composite.WeightedSum(tuple(terms), path)

    def _term(self, term: loss_pb2.WeightedTerm, path: str, depth: int, allow_broadcast: bool) -> composite.Term:
        refuse_unknown_fields(term, path)
        loss = self.loss(term.loss, f"{path}.loss", depth + 1, allow_broadcast)
        if term.label and not _LABEL.fullmatch(term.label):
            raise Fault(
                "ARGUMENT_OUT_OF_RANGE",
                f"label has {len(term.label)} characters or one outside [a-z0-9._-]; expected {_LABEL.pattern}",
                field=f"{path}.label",
            )
        weight = term.weight if term.HasField("weight") else 1.0
        return composite.Term(term.label or loss.name, weight, loss, dict(term.inputs))


def refuse_unknown_fields(message: Message, path: str = "") -> None:
    """Refuses fields of a newer contract: what is not understood must not be left out silently."""
    unknown = UnknownFieldSet(message)
    if len(unknown):
        what = f"{message.DESCRIPTOR.name} has a field {unknown[0].field_number} that this server does not know"
        raise Fault("UNKNOWN_NAME", f"{what}; leave it out, or ask a newer server", field=path)
