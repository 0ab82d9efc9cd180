"""Streams of chunks that nobody honest sends: each is refused as its caller's mistake, at the chunk that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import grpc
import pytest
import torch
from attacks.attacker import Attacker
from congruence import oracle
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from lossd import framing
from lossd.v1 import evaluation_service_pb2 as pb
from running import RunningServer
from torch import Tensor

SERVICE = "/lossd.v1.EvaluationService"
LABELS = torch.tensor([0, 2, 1, 2])
SEQUENCES = {
    "log_probs": torch.randn(6, 2, 4).log_softmax(-1),
    "targets": torch.tensor([[1, 2], [3, 1]]),
    "input_lengths": torch.tensor([6, 5]),
    "target_lengths": torch.tensor([2, 1]),
}


def chunk(loss: str = "", **inputs: Tensor) -> pb.AggregateLossRequest:
    request = pb.AggregateLossRequest()
    if loss:
        getattr(request.loss, loss).SetInParent()
    for name, given in inputs.items():
        request.inputs[name].CopyFrom(oracle.tensor(given, "raw", []))
    return request


def classes(loss: str = "", **others: Tensor) -> pb.AggregateLossRequest:
    return chunk(loss, **{"input": torch.zeros(4, 3), "target": LABELS, **others})


def refusal(server: RunningServer, messages: Iterable[bytes], method: str = "AggregateLoss") -> grpc.RpcError:
    with grpc.insecure_channel(server.target) as channel:
        call = channel.stream_unary(f"{SERVICE}/{method}")
        with pytest.raises(grpc.RpcError) as raised:
            call(iter(messages), timeout=30)
    return raised.value


def field_of(error: Any) -> str:
    status = status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    bad = error_details_pb2.BadRequest()
    return next((bad.field_violations[0].field for detail in status.details if detail.Unpack(bad)), "")


def _unknown_field() -> bytes:
    return classes().SerializeToString() + b"\xf8\x03\x01"


def _attachment(index: int) -> Callable[[], bytes]:
    def make() -> bytes:
        request = classes()
        request.inputs["input"].ClearField("raw")
        request.inputs["input"].attachment = index
        return framing.join(request.SerializeToString(), [bytes(48)])

    return make


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: b"\xff\xff\xff", ""),
        (lambda: b"\x12\x05\x0a\x80", ""),
        (_unknown_field, "chunks[1]"),
        (lambda: classes(target=torch.tensor([0, 1, 2, 3])).SerializeToString(), "chunks[1].inputs.target"),
        (lambda: classes(target=torch.tensor([0, 1, 2, -1])).SerializeToString(), "chunks[1].inputs.target"),
        (lambda: classes(target=LABELS.double()).SerializeToString(), "chunks[1].inputs.target"),
        (lambda: classes(input=torch.zeros(4, 0)).SerializeToString(), "chunks[1].inputs.input"),
        (lambda: classes(input=torch.zeros(0, 3)).SerializeToString(), "chunks[1].inputs.target"),
        (lambda: classes(input=torch.zeros(2**20, 0, 3)).SerializeToString(), "chunks[1].inputs.input"),
        (_attachment(1), "chunks[1].inputs.input.attachment"),
        (_attachment(-1), "chunks[1].inputs.input.attachment"),
        (lambda: framing.join(classes().SerializeToString(), [b"unused"]), "chunks[1].attachments[0]"),
        (lambda: any_pb2.Any(type_url="w0-1", value=b"x").SerializeToString(), ""),
        (lambda: b"\xa2\x06\x00" * 70_000, ""),
    ],
)
def test_a_bad_chunk_behind_a_good_one_is_refused(
    attacker: Attacker, server: RunningServer, make: Callable[[], bytes], field: str
) -> None:
    """Bytes that are no message, indices beyond the classes, sizes that do not agree, attachments amiss."""
    error: Any = refusal(server, [classes("cross_entropy_loss").SerializeToString(), make()])
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, error.details()
    assert not field or field_of(error) == field


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("targets", torch.tensor([[1, 2], [9, 1]])),
        ("targets", torch.tensor([[1, 2], [0, 1]])),
        ("targets", torch.tensor([1, 2, 3, 1])),
        ("input_lengths", torch.tensor([7, 5])),
        ("input_lengths", torch.tensor([-1, 5])),
        ("target_lengths", torch.tensor([3, 1])),
        ("target_lengths", torch.tensor([2, -1])),
        ("target_lengths", torch.tensor([2])),
    ],
)
def test_labels_and_lengths_never_reach_the_kernel_unchecked(
    attacker: Attacker, server: RunningServer, name: str, bad: Tensor
) -> None:
    """CTC's kernel trusts them with memory: those of later chunks are looked at as those of the first."""
    good = chunk("ctc_loss", **SEQUENCES).SerializeToString()
    for messages in ([chunk("ctc_loss", **SEQUENCES | {name: bad})], [None, chunk(**SEQUENCES | {name: bad})]):
        sent = [good if message is None else message.SerializeToString() for message in messages]
        error: Any = refusal(server, sent)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, error.details()
        assert field_of(error).startswith(f"chunks[{len(messages) - 1}].inputs.")


@pytest.mark.parametrize("verb", ["AggregateChunk", "AggregateEnd", "AggregateDrop"])
def test_the_calls_inside_are_no_methods(attacker: Attacker, server: RunningServer, verb: str) -> None:
    """Nobody reaches another caller's data set by its identifier."""
    error: Any = refusal(server, [any_pb2.Any(type_url="w0-1").SerializeToString()], verb)
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    "words",
    [
        {"request_id": "x" * 129},
        {"series": "a b"},
        {"diagnostics": 9},
        {"metrics": ["nope"]},
        {"response_encoding": 77},
    ],
)
def test_words_that_mean_nothing_are_refused(attacker: Attacker, server: RunningServer, words: dict[str, Any]) -> None:
    request = chunk("mse_loss", input=torch.zeros(2), target=torch.zeros(2))
    request.MergeFrom(pb.AggregateLossRequest(**words))
    error: Any = refusal(server, [request.SerializeToString()])
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, error.details()
    assert field_of(error) == f"chunks[0].{next(iter(words))}"
