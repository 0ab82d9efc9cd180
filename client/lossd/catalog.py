"""What a server says of losses and metrics, as plain frozen objects; knows how to read them from messages, no more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lossd import spec, tensors
from lossd.v1 import catalog_service_pb2, loss_pb2


@dataclass(frozen=True, slots=True)
class LossArgument:
    """A constructor argument.

    Attributes:
        name: torch's own.
        type: "float", "int", "bool", "str", "tensor", "list", "object" or "terms".
        default: as JSON; "" if required.
        description: its meaning.
        required: whether it must be given.
        choices: what a "str" may be; () for anything.
        range: where a number must lie, for example "above 0"; "" for anywhere.
        fields: what is in an "object".
    """

    name: str
    type: str
    default: str
    description: str
    required: bool
    choices: tuple[str, ...]
    range: str
    fields: tuple[LossArgument, ...]


@dataclass(frozen=True, slots=True)
class LossInput:
    """A forward argument.

    Attributes:
        name: torch's own.
        dtypes: element types accepted.
        shape: shapes in torch's notation.
        description: its meaning.
        differentiable: whether a gradient can be asked for.
        optional: whether it may be left out.
    """

    name: str
    dtypes: tuple[str, ...]
    shape: str
    description: str
    differentiable: bool
    optional: bool


@dataclass(frozen=True, slots=True)
class LossExample:
    """A call that anyone can repeat: arguments and inputs by name, its value, and the same in Python."""

    arguments: Mapping[str, Any]
    inputs: Mapping[str, Any]
    value: float
    python: str


@dataclass(frozen=True, slots=True)
class LossInfo:
    """What there is to know about a loss.

    Attributes:
        name: for example "huber_loss".
        class_name: in torch.nn and here, for example "HuberLoss".
        summary: one line.
        formula: the unreduced formula.
        arguments: constructor arguments.
        inputs: forward arguments, in torch's order.
        reductions: those it takes; the first is the default.
        traps: mistakes that torch does not report.
        tasks: what it is for.
        reference: where the definition comes from.
        family: the page of the catalogue that it stands on, for example "segmentation".
        aliases: other names by which `Client.loss` finds it.
        mean: what the mean divides by, where that is not the number of elements.
        example: a call and its value; None for losses that the caller writes.
    """

    name: str
    class_name: str
    summary: str
    formula: str
    arguments: tuple[LossArgument, ...]
    inputs: tuple[LossInput, ...]
    reductions: tuple[str, ...]
    traps: tuple[str, ...]
    tasks: tuple[str, ...]
    reference: str
    family: str
    aliases: tuple[str, ...]
    mean: str
    example: LossExample | None


def read(message: catalog_service_pb2.LossInfo) -> LossInfo:
    """Reads a line of the catalogue."""
    inputs = (
        LossInput(given.name, tuple(tensors.dtype_name(dtype) for dtype in given.dtypes), given.shape,
                  given.description, given.differentiable, given.optional)
        for given in message.inputs
    )  # fmt: skip
    return LossInfo(
        message.name,
        message.class_name,
        message.summary,
        message.formula,
        tuple(_argument(argument) for argument in message.arguments),
        tuple(inputs),
        tuple(spec.enum_name(loss_pb2.Reduction.DESCRIPTOR, number) for number in message.reductions),
        tuple(message.traps),
        tuple(message.tasks),
        message.reference,
        message.family,
        tuple(message.aliases),
        message.mean,
        _example(message.example) if message.HasField("example") else None,
    )


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """What there is to know about a metric, which evaluations and sessions compute by its name.

    Attributes:
        name: for example "f1".
        class_names: classes of torchmetrics that compute it, one for each of `tasks`, for example "BinaryF1Score".
        tasks: what it applies to: "binary", "multiclass", "multilabel", "regression", "segmentation", "retrieval",
            "sequence", "boxes" or "distribution"; the loss and the tensors decide.
        summary: one line.
        formula: in plain text; it says how classes are averaged.
        direction: "higher" or "lower": which is better.
        arguments: what may stand in brackets after the name, such as "threshold" in "precision(threshold=0.3)".
        array: whether it is always several numbers, which answers hold in `metric_arrays`; with average=none, others
            are too.
    """

    name: str
    class_names: tuple[str, ...]
    tasks: tuple[str, ...]
    summary: str
    formula: str
    direction: str
    arguments: tuple[LossArgument, ...]
    array: bool


def metric(message: catalog_service_pb2.MetricInfo) -> MetricInfo:
    """Reads a metric."""
    direction = spec.enum_name(catalog_service_pb2.MetricDirection.DESCRIPTOR, message.direction)
    return MetricInfo(
        message.name,
        tuple(message.class_names),
        tuple(message.tasks),
        message.summary,
        message.formula,
        direction,
        tuple(_argument(argument) for argument in message.arguments),
        message.array,
    )


def _argument(message: catalog_service_pb2.LossArgument) -> LossArgument:
    return LossArgument(
        message.name,
        message.type,
        message.default,
        message.description,
        message.required,
        tuple(message.choices),
        message.range,
        tuple(_argument(field) for field in message.fields),
    )


def _example(message: catalog_service_pb2.LossExample) -> LossExample:
    return LossExample(json.loads(message.arguments), json.loads(message.inputs), message.value, message.python)
