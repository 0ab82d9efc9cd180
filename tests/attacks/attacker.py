"""A caller who means harm: raw bytes to any method, and what the server made of them."""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2
from lossd.v1 import evaluation_service_pb2 as evaluation
from lossd.v1 import loss_pb2, tensor_pb2
from running import RunningServer

OPTIONS = (("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1), ("grpc.enable_retries", 0))
SERVICES = {
    "EvaluateLoss": "EvaluationService",
    "BatchEvaluateLoss": "EvaluationService",
    "ListLosses": "CatalogService",
    "GetLoss": "CatalogService",
    "ValidateLoss": "CatalogService",
    "CreateSession": "TrainingService",
    "GetSession": "TrainingService",
    "DeleteSession": "TrainingService",
    "TrainStep": "TrainingService",
    "Forward": "TrainingService",
    "GetSessionState": "TrainingService",
    "GetServerInfo": "ServerService",
    "ListDevices": "ServerService",
}
"""Every unary method of the contract and its service."""
STREAM = "/lossd.v1.EvaluationService/StreamEvaluateLoss"
LEAKS = ("Traceback", "0x", ".py", "/", "site-packages", "lossd_server", "object at", "<class")
"""What no error may say by itself: stacks, addresses, paths. One sentence names the operator "/"."""
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
"""The caller's own words, given back."""


@dataclass
class Verdict:
    """What came of a request: the code's name, and what its details say."""

    code: str
    message: str = ""
    reason: str = ""
    field: str = ""
    retry: float | None = None
    response: bytes = b""
    seconds: float = 0.0
    trailers: dict[str, str | bytes] | None = None


def path(method: str) -> str:
    return f"/lossd.v1.{SERVICES[method]}/{method}"


def verdict(error: grpc.RpcError, seconds: float = 0.0) -> Verdict:
    """An RPC's error, its details read."""
    trailers = dict(error.trailing_metadata() or ())  # type: ignore[attr-defined]
    status = status_pb2.Status.FromString(bytes(trailers.get("grpc-status-details-bin", b"")))
    found = of_status(status)
    found.code, found.message = error.code().name, error.details() or ""  # type: ignore[attr-defined]
    found.seconds, found.trailers = seconds, trailers
    return found


def of_status(status: Any) -> Verdict:
    found = Verdict({code.value[0]: code.name for code in grpc.StatusCode}[status.code], status.message)
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail in status.details:
        if detail.Unpack(info):
            assert not found.reason, "exactly one ErrorInfo"
            assert info.domain == "lossd.v1"
            found.reason = info.reason
        elif detail.Unpack(bad):
            found.field = bad.field_violations[0].field
        elif detail.Unpack(retry):
            found.retry = retry.retry_delay.ToNanoseconds() / 1e9
    return found


class Attacker:
    """Sends whatever bytes it is given, one at a time or down a stream."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.channel = grpc.insecure_channel(server.target, OPTIONS)

    def call(
        self, method: str, message: Any, timeout: float = 30.0, metadata: Sequence[tuple[str, str]] = ()
    ) -> Verdict:
        data = message if isinstance(message, bytes) else message.SerializeToString()
        begun = time.monotonic()
        try:
            response = self.channel.unary_unary(path(method))(data, timeout=timeout, metadata=metadata)
        except grpc.RpcError as error:
            return verdict(error, time.monotonic() - begun)
        return Verdict("OK", response=response, seconds=time.monotonic() - begun)

    def stream(self, messages: Iterable[bytes], timeout: float = 120.0) -> list[Verdict]:
        """Down one StreamEvaluateLoss; a verdict for each."""
        verdicts = []
        for answer in self.channel.stream_stream(STREAM)(iter(messages), timeout=timeout):
            result = evaluation.StreamEvaluateLossResponse.FromString(answer).result
            error = result.WhichOneof("result") == "error"
            status = status_pb2.Status.FromString(result.error.SerializeToString())
            verdicts.append(of_status(status) if error else Verdict("OK", response=result.response.SerializeToString()))
        return verdicts

    def refused(self, method: str, message: Any, *reasons: str, field: str | None = None) -> Verdict:
        """Asserts a refusal of the caller's fault, with one of the reasons, said in words, at once."""
        given = self.call(method, message)
        assert_refused(given, *reasons, field=field)
        assert given.seconds < 5, f"a refusal took {given.seconds:.1f} s"
        return given

    def honest(self) -> None:
        """Asserts that the server answers an honest request, and rightly."""
        given = self.call("EvaluateLoss", HONEST)
        assert given.code == "OK", given
        assert evaluation.EvaluateLossResponse.FromString(given.response).value == 4.0

    def close(self) -> None:
        self.channel.close()


def assert_refused(given: Verdict, *reasons: str, field: str | None = None) -> None:
    assert given.code == "INVALID_ARGUMENT", given
    assert given.reason in reasons, given
    if field is not None:
        assert given.field == field, given
    assert len(given.message) > 15, "a refusal says what is wrong"
    assert_tells_nothing(given)


def assert_tells_nothing(given: Verdict) -> None:
    """No stack, address or path in an error's text, and no more of it than any client can read."""
    text = QUOTED.sub("", given.message.replace("+ - * / **", ""))
    assert not [leak for leak in LEAKS if leak in text], given.message
    assert len(given.message.encode()) <= 2048, "an error that outgrows a client's metadata limit is not read at all"


def raw(dtype: int, shape: Iterable[int], data: bytes) -> tensor_pb2.Tensor:
    return tensor_pb2.Tensor(dtype=dtype, shape=shape, raw=data)  # type: ignore[arg-type]


def floats(*numbers: float, shape: Iterable[int] | None = None) -> tensor_pb2.Tensor:
    return raw(1, [len(numbers)] if shape is None else shape, struct.pack(f"<{len(numbers)}f", *numbers))


def longs(*numbers: int, shape: Iterable[int] | None = None) -> tensor_pb2.Tensor:
    return raw(7, [len(numbers)] if shape is None else shape, struct.pack(f"<{len(numbers)}q", *numbers))


def evaluate(
    loss: loss_pb2.LossSpec, gradients: Iterable[str] = (), **inputs: tensor_pb2.Tensor
) -> evaluation.EvaluateLossRequest:
    return evaluation.EvaluateLossRequest(loss=loss, gradients=gradients, inputs=inputs)


def formula(source: str, **inputs: tensor_pb2.Tensor) -> evaluation.EvaluateLossRequest:
    return evaluate(loss_pb2.LossSpec(expression=loss_pb2.Expression(source=source)), **inputs)


MSE = loss_pb2.LossSpec(mse_loss=loss_pb2.MSELoss())
HONEST = evaluate(MSE, input=floats(78, 85, 92), target=floats(80, 87, 90)).SerializeToString()


def long_batch(members: int, elements: int = 2**20) -> bytes:
    """A request of 4 MiB that keeps a worker busy for some tenths of a second a member."""
    source = "sum(" + "sin(" * 60 + "input" + ")" * 60 + ")"
    shared = tensor_pb2.Tensor(dtype=1, shape=[elements], attachment=0)  # type: ignore[arg-type]
    batch = evaluation.BatchEvaluateLossRequest(evaluations=[formula(source, input=shared)] * members)
    batch.attachments.append(bytes(4 * elements))
    return batch.SerializeToString()
