"""Reads CreateSession: what to build, from the contract's messages."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import safetensors.torch
import torch
from lossd.v1 import tensor_pb2
from lossd.v1 import training_service_pb2 as pb
from safetensors import SafetensorError
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.training.clipping import Clipping
from lossd_server.training.plan import Plan
from lossd_server.worker import tensors
from lossd_server.worker.programs import Programs
from lossd_server.worker.specs import Reader
from lossd_server.worker.tensors import Attachments

_AUTOCAST = {
    tensor_pb2.DATA_TYPE_UNSPECIFIED: None,
    tensor_pb2.DATA_TYPE_BFLOAT16: torch.bfloat16,
    tensor_pb2.DATA_TYPE_FLOAT16: torch.float16,
}
_DESCRIBED = (
    "model",
    "loss",
    "optimizer",
    "clip_grad_norm",
    "clip_grad_value",
    "scheduler",
    "averaging",
    "autocast",
    "nonfinite",
    "durability",
    "checkpoint",
    "ttl",
    "weight_schedules",
)
"""Fields that CreateSessionRequest and Session share."""


def plan(
    request: pb.CreateSessionRequest, buffers: Sequence[memoryview], device: torch.device, programs: Programs
) -> Plan:
    """What a request asks to build; nothing of it refers to `buffers` any more."""
    if request.seed >= 2**63:
        raise Fault("ARGUMENT_OUT_OF_RANGE", f"seed is {request.seed}; expected below 2^63", field="seed")
    attachments = Attachments([buffer.toreadonly() for buffer in buffers])  # what is kept must be a copy
    reader = Reader(attachments, device, programs)
    read = Plan(
        model=reader.module(request.model, "model"),
        loss=reader.loss(request.loss),
        optimizer=reader.module(request.optimizer, "optimizer"),
        seed=request.seed,
        state_dict=_state(request, attachments, device),
        clipping=_clipping(reader, request),
        scheduler=reader.module(request.scheduler, "scheduler") if request.HasField("scheduler") else None,
        interval=_choice(request.scheduler, "interval", "step", "scheduler."),
        averaging=reader.arguments(request.averaging, "averaging") if request.HasField("averaging") else None,
        autocast=_autocast(request.autocast),
        nonfinite=_choice(request, "nonfinite", "allow"),
        weight_schedules=_schedules(reader, request),
    )
    attachments.check_all_used()
    return read


def describe(request: pb.CreateSessionRequest, buffers: Sequence[memoryview]) -> pb.Session:
    """A session of what a request asked to build, its tensors inside of it."""
    described = pb.Session()
    for field, value in request.ListFields():
        if field.name not in _DESCRIBED:
            continue
        if field.message_type is None:
            setattr(described, field.name, value)
        elif field.is_repeated:
            for label in value:
                described.weight_schedules[label].CopyFrom(value[label])
        else:
            getattr(described, field.name).CopyFrom(value)
    described.nonfinite = request.nonfinite or pb.NONFINITE_ALLOW
    described.durability = request.durability or pb.DURABILITY_MEMORY
    described.create_time.GetCurrentTime()
    tensors.inline(described.loss, buffers)
    _name_programs(described.loss)
    _name_programs(described.model)
    return described


def _name_programs(spec: Any) -> None:
    """Leaves of programs their hashes: a description is told again and again, and an archive may have megabytes."""
    if spec.DESCRIPTOR.name in ("Program", "ProgramModel"):
        if spec.archive:
            spec.sha256 = hashlib.sha256(spec.archive).hexdigest()
            spec.ClearField("archive")
        return
    for field, value in spec.ListFields():
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for part in value if field.is_repeated else (value,):
                _name_programs(part)


def _state(request: pb.CreateSessionRequest, attachments: Attachments, device: torch.device) -> Mapping[str, Tensor]:
    if not request.safetensors:
        return {
            name: tensors.decode(tensor, attachments, f"state_dict.{name[:64]}", device)
            for name, tensor in request.state_dict.items()
        }
    if request.state_dict:
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE", "state_dict and safetensors are both given; send one of them", field="safetensors"
        )
    try:
        loaded = safetensors.torch.load(request.safetensors)
    except (SafetensorError, ValueError, KeyError) as error:
        raise Fault(
            "MALFORMED_MESSAGE", f"this is no safetensors file: {str(error)[:100]}", field="safetensors"
        ) from None
    return {name: tensor.to(device) for name, tensor in loaded.items()}


def _clipping(reader: Reader, request: pb.CreateSessionRequest) -> Clipping:
    norm = reader.arguments(request.clip_grad_norm, "clip_grad_norm") if request.HasField("clip_grad_norm") else None
    return Clipping(norm, request.clip_grad_value if request.HasField("clip_grad_value") else None)


def _autocast(given: tensor_pb2.DataType) -> torch.dtype | None:
    if given not in _AUTOCAST:
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE", "expected BFLOAT16 or FLOAT16, or none for float32 throughout", field="autocast"
        )
    return _AUTOCAST[given]


def _choice(message: Any, name: str, default: str, above: str = "") -> str:
    """An enum's value in lower case, `default` where it is not set; `above` is where the message is in the request."""
    number = getattr(message, name)
    enum = message.DESCRIPTOR.fields_by_name[name].enum_type
    if number not in enum.values_by_number:
        raise Fault("ARGUMENT_OUT_OF_RANGE", f"{name} is {number}, which {enum.name} lacks", field=above + name)
    prefix = str(enum.values[0].name).removesuffix("UNSPECIFIED")
    chosen = str(enum.values_by_number[number].name).removeprefix(prefix).lower()
    return chosen if number else default


def _schedules(reader: Reader, request: pb.CreateSessionRequest) -> dict[str, dict[str, Any]]:
    """Each schedule as its points, pairs of step and weight, and its interpolation."""
    schedules = {}
    for label in sorted(request.weight_schedules):
        schedule = request.weight_schedules[label]
        schedules[label] = {
            "points": [(point.step, point.weight) for point in schedule.points],
            "interpolation": _choice(schedule, "interpolation", "linear", f"weight_schedules.{label[:64]}."),
        }
    return schedules
