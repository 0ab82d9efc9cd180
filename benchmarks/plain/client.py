"""The client: a stock stub, messages built the usual way."""

from __future__ import annotations

import grpc
import numpy as np
from lossd.v1 import evaluation_service_pb2 as pb
from lossd.v1 import evaluation_service_pb2_grpc as rpc
from lossd.v1 import loss_pb2, tensor_pb2

_NUMBERS = {"float32": tensor_pb2.DATA_TYPE_FLOAT32, "int64": tensor_pb2.DATA_TYPE_INT64}
OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


class PlainClient:
    """Cross entropy over a stock stub."""

    def __init__(self, target: str) -> None:
        self._channel = grpc.insecure_channel(target, options=OPTIONS)
        self._stub = rpc.EvaluationServiceStub(self._channel)

    def evaluate(self, logits: np.ndarray, target: np.ndarray, gradient: bool) -> tuple[float, np.ndarray | None]:
        """The loss, and its gradient if asked."""
        request = pb.EvaluateLossRequest(
            loss=loss_pb2.LossSpec(cross_entropy_loss=loss_pb2.CrossEntropyLoss()),
            inputs={"input": encode(logits), "target": encode(target)},
            gradients=["input"] if gradient else [],
        )
        response = self._stub.EvaluateLoss(request, timeout=60)
        return response.value, decode(response.gradients["input"]) if gradient else None


def encode(array: np.ndarray) -> tensor_pb2.Tensor:
    """An array as a message."""
    return tensor_pb2.Tensor(dtype=_NUMBERS[array.dtype.name], shape=array.shape, raw=array.tobytes())


def decode(message: tensor_pb2.Tensor) -> np.ndarray:
    """The float32 array of a message."""
    return np.frombuffer(message.raw, np.float32).reshape(tuple(message.shape))
