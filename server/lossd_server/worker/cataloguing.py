"""The catalogue's verbs: the entries of the catalogue as messages."""

from __future__ import annotations

import json
from collections.abc import Sequence

from lossd.v1 import catalog_service_pb2 as pb
from torch import Tensor

from lossd_server.losses import catalogue
from lossd_server.losses.contract import Argument, Entry
from lossd_server.worker.evaluating import Timing, Trip
from lossd_server.worker.tensors import NUMBERS

_TYPES = {float: "float", int: "int", bool: "bool", str: "str", Tensor: "tensor", tuple: "terms"}


def list_losses(
    request: pb.ListLossesRequest, buffers: Sequence[memoryview], trip: Trip
) -> tuple[pb.ListLossesResponse, list[memoryview], Timing]:
    """ListLosses."""
    return pb.ListLossesResponse(losses=[_describe(entry) for entry in catalogue.ENTRIES.values()]), [], Timing()


def get_loss(
    request: pb.GetLossRequest, buffers: Sequence[memoryview], trip: Trip
) -> tuple[pb.GetLossResponse, list[memoryview], Timing]:
    """GetLoss."""
    return pb.GetLossResponse(loss=_describe(catalogue.find(request.name))), [], Timing()


def _describe(entry: Entry) -> pb.LossInfo:
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
            )
            for input_ in entry.inputs
        ],
        reductions=[f"REDUCTION_{name.upper()}" for name in entry.reductions],
        traps=entry.traps,
        tasks=entry.tasks,
        reference=entry.reference,
    )


def _argument(argument: Argument) -> pb.LossArgument:
    required = argument.default is None and argument.type is not Tensor
    return pb.LossArgument(
        name=argument.name,
        type=_TYPES[argument.type],
        default="" if required else json.dumps(argument.default),
        description=argument.meaning,
    )
