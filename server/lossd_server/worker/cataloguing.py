"""The catalogue's verbs: the entries of the catalogue as messages."""

from __future__ import annotations

import json
from collections.abc import Sequence

from lossd.v1 import catalog_service_pb2 as pb
from lossd.v1 import diagnostic_pb2
from torch import Tensor

from lossd_server.judge import catalogue as judge
from lossd_server.judge.diagnostics.catalogue import DIAGNOSTICS
from lossd_server.losses import catalogue
from lossd_server.losses.contract import Argument, Entry
from lossd_server.worker import examples
from lossd_server.worker.evaluating import Timing, Trip
from lossd_server.worker.tensors import NUMBERS

TYPES = {
    float: "float",
    int: "int",
    bool: "bool",
    str: "str",
    bytes: "bytes",
    Tensor: "tensor",
    list: "list",
    tuple: "terms",
    dict: "object",
}
"""What the contract calls the type of an argument."""


def list_losses(
    request: pb.ListLossesRequest, buffers: Sequence[memoryview], trip: Trip
) -> tuple[pb.ListLossesResponse, list[memoryview], Timing]:
    """ListLosses."""
    found = catalogue.select(request.task, request.family)
    return pb.ListLossesResponse(losses=[describe(entry) for entry in found]), [], Timing()


def get_loss(
    request: pb.GetLossRequest, buffers: Sequence[memoryview], trip: Trip
) -> tuple[pb.GetLossResponse, list[memoryview], Timing]:
    """GetLoss."""
    return pb.GetLossResponse(loss=describe(catalogue.find(request.name))), [], Timing()


def list_metrics(
    request: pb.ListMetricsRequest, buffers: Sequence[memoryview], trip: Trip
) -> tuple[pb.ListMetricsResponse, list[memoryview], Timing]:
    """ListMetrics."""
    metrics = [
        pb.MetricInfo(
            name=metric.name,
            class_names=metric.class_names,
            tasks=metric.tasks,
            summary=metric.summary,
            formula=metric.formula,
            direction=pb.METRIC_DIRECTION_HIGHER if metric.higher else pb.METRIC_DIRECTION_LOWER,
            arguments=[_argument(argument) for argument in metric.arguments],
            array=metric.array,
        )
        for metric in judge.select(request.task)
    ]
    return pb.ListMetricsResponse(metrics=metrics), [], Timing()


def list_diagnostics(
    request: diagnostic_pb2.ListDiagnosticsRequest, buffers: Sequence[memoryview], trip: Trip
) -> tuple[diagnostic_pb2.ListDiagnosticsResponse, list[memoryview], Timing]:
    """ListDiagnostics."""
    found = [
        diagnostic_pb2.DiagnosticInfo(
            code=one.code,
            severity=diagnostic_pb2.Severity.Name(one.severity),
            level=diagnostic_pb2.DiagnosticsLevel.Name(one.level),
            summary=one.summary,
            rule=one.rule,
            remedy=one.remedy,
            losses=one.losses,
            evidence=one.evidence,
        )
        for one in DIAGNOSTICS.values()
    ]
    return diagnostic_pb2.ListDiagnosticsResponse(diagnostics=found), [], Timing()


def describe(entry: Entry) -> pb.LossInfo:
    """All that the contract says of an entry."""
    return pb.LossInfo(
        name=entry.name,
        class_name=entry.class_name,
        summary=entry.summary,
        formula=entry.formula,
        arguments=[_argument(argument) for argument in entry.arguments],
        inputs=[
            pb.LossInput(
                name=input_.name,
                dtypes=[NUMBERS[dtype] for dtype in input_.kind.dtypes],
                shape=input_.shape,
                description=input_.meaning,
                differentiable=input_.differentiable,
                optional=input_.optional,
            )
            for input_ in entry.inputs
        ],
        reductions=[f"REDUCTION_{name.upper()}" for name in entry.reductions],
        traps=entry.traps,
        tasks=entry.tasks,
        reference=entry.reference,
        family=entry.family,
        aliases=entry.aliases,
        mean=entry.mean,
        example=_example(entry),
    )


def _argument(argument: Argument) -> pb.LossArgument:
    explained = "; ".join(f"{choice}: {what}" for choice, what in argument.explained.items())
    return pb.LossArgument(
        name=argument.name,
        type=TYPES[argument.type],
        default="" if argument.required else json.dumps(argument.default),
        description=f"{argument.meaning} ({explained})" if explained else argument.meaning,
        required=argument.required,
        choices=argument.choices,
        range=argument.range.removeprefix("a finite number").strip(),
        fields=[_argument(inner) for inner in argument.fields],
    )


def _example(entry: Entry) -> pb.LossExample | None:
    if entry.example is None:
        return None
    return pb.LossExample(
        arguments=json.dumps(dict(entry.example.arguments)),
        inputs=json.dumps(dict(entry.example.inputs)),
        value=entry.example.value,
        python=examples.call(entry, entry.example),
    )
