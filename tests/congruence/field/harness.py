"""A loss of the field by class name: as a request to a real worker, and as the server builds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from congruence import oracle
from google.protobuf.descriptor import FieldDescriptor
from lossd.v1 import evaluation_service_pb2 as evaluation
from lossd.v1 import loss_pb2
from lossd_server.losses import catalogue
from lossd_server.losses.binding import BoundEntry, BoundLoss
from lossd_server.losses.evaluation import evaluate as evaluate_loss
from lossd_server.losses.evaluation import infer
from lossd_server.worker.worker import Worker
from torch import Tensor


def evaluate(
    worker: Worker,
    class_name: str,
    arguments: Mapping[str, Any],
    inputs: Mapping[str, Tensor],
    gradients: Sequence[str] = ("*",),
    grad_output: Tensor | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The worker's result, a scalar as float64, and gradients; `oracle.Refused` if it refuses."""
    request = evaluation.EvaluateLossRequest(loss=spec(class_name, arguments), gradients=gradients)
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(oracle.tensor(value, "raw", []))
    if grad_output is not None:
        request.grad_output.CopyFrom(oracle.tensor(grad_output, "raw", []))
    answer, returned = oracle.run(worker, "EvaluateLoss", request, answer=evaluation.EvaluateLossResponse)
    if answer.HasField("losses"):
        result = oracle.read(answer.losses, returned)
    else:
        result = torch.tensor(answer.value, dtype=torch.float64)
    return result, {name: oracle.read(message, returned) for name, message in answer.gradients.items()}


def spec(class_name: str, arguments: Mapping[str, Any]) -> loss_pb2.LossSpec:
    """The loss as the contract writes it; strings are values of an enum."""
    message = loss_pb2.LossSpec()
    inner = getattr(message, catalogue.find(class_name).name)
    inner.SetInParent()
    for name, value in arguments.items():
        field = inner.DESCRIPTOR.fields_by_name[name]
        if isinstance(value, Tensor):
            getattr(inner, name).CopyFrom(oracle.tensor(value, "raw", []))
        elif field.type == FieldDescriptor.TYPE_ENUM:
            lead = field.enum_type.values[0].name.removesuffix("UNSPECIFIED")
            setattr(inner, name, field.enum_type.values_by_name[f"{lead}{value.upper()}"].number)
        elif isinstance(value, list):
            getattr(inner, name).extend(value)
        elif value is not None:
            setattr(inner, name, value)
    return message


def build(class_name: str, arguments: Mapping[str, Any] | None = None) -> BoundLoss:
    """The loss as the server builds it, without a message."""
    entry = catalogue.find(class_name)
    assert isinstance(entry, BoundEntry)
    return entry.build(dict(arguments or {}), path=f"loss.{entry.name}", allow_broadcast=False)


def outcome(
    class_name: str,
    arguments: Mapping[str, Any],
    inputs: Mapping[str, Tensor],
    gradients: Sequence[str] = ("*",),
    grad_output: Tensor | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """What the server's losses make of fresh copies of the inputs, checks included."""
    fresh = {name: value.detach().clone() for name, value in inputs.items()}
    result = evaluate_loss(build(class_name, arguments), fresh, gradients, grad_output)
    return result.value, result.gradients


def check_example(entry: BoundEntry) -> None:
    """The entry's example gives its value to the last bit, and on the meta device a result of the same type."""
    assert entry.example is not None
    loss = build(entry.class_name, entry.example.arguments)
    given = {}
    for name, listed in entry.example.inputs.items():
        described = loss.input(name)
        assert described is not None
        given[name] = torch.tensor(listed, dtype=described.kind.default)
    value = evaluate_loss(loss, given).value
    assert value.item() == entry.example.value, entry.name
    dry = infer(loss, {name: tensor.detach().to("meta") for name, tensor in given.items()}, ["*"])[0]
    assert (dry.shape, dry.dtype, dry.is_meta) == (value.shape, value.dtype, True), entry.name
