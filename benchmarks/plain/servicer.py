"""The servicer, for `grpc.server` and for `grpc.aio`: decode, run torch, encode."""

from __future__ import annotations

import warnings

import grpc
import torch
from lossd.v1 import evaluation_service_pb2 as pb
from lossd.v1 import evaluation_service_pb2_grpc as rpc
from lossd.v1 import tensor_pb2
from torch import Tensor
from torch.nn import functional

warnings.filterwarnings("ignore", "The given buffer is not writable")  # nothing here writes into a request

_DTYPES = {tensor_pb2.DATA_TYPE_FLOAT32: torch.float32, tensor_pb2.DATA_TYPE_INT64: torch.int64}
_NUMBERS = {dtype: number for number, dtype in _DTYPES.items()}
_LOSSES = {"cross_entropy_loss": functional.cross_entropy, "mse_loss": functional.mse_loss}


def evaluate(request: pb.EvaluateLossRequest) -> pb.EvaluateLossResponse:
    """The whole service."""
    loss = _LOSSES[request.loss.WhichOneof("loss")]
    input_, target = decode(request.inputs["input"]), decode(request.inputs["target"])
    if not request.gradients:
        with torch.no_grad():
            return pb.EvaluateLossResponse(value=loss(input_, target).item())
    value = loss(input_.requires_grad_(), target)
    value.backward()
    return pb.EvaluateLossResponse(value=value.item(), gradients={"input": encode(input_.grad)})


def decode(message: tensor_pb2.Tensor) -> Tensor:
    """A tensor over the received bytes."""
    return torch.frombuffer(message.raw, dtype=_DTYPES[message.dtype]).reshape(tuple(message.shape))


def encode(tensor: Tensor) -> tensor_pb2.Tensor:
    """A tensor as a message."""
    return tensor_pb2.Tensor(dtype=_NUMBERS[tensor.dtype], shape=tensor.shape, raw=tensor.numpy().tobytes())


class Servicer(rpc.EvaluationServiceServicer):
    """For `grpc.server`."""

    def EvaluateLoss(self, request: pb.EvaluateLossRequest, context: grpc.ServicerContext) -> pb.EvaluateLossResponse:  # noqa: N802  # gRPC's name
        return evaluate(request)


class AsyncServicer(rpc.EvaluationServiceServicer):
    """For `grpc.aio`: torch runs on the event loop's thread."""

    async def EvaluateLoss(  # noqa: N802  # gRPC's name
        self, request: pb.EvaluateLossRequest, context: grpc.aio.ServicerContext
    ) -> pb.EvaluateLossResponse:
        return evaluate(request)
