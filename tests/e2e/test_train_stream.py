"""TrainStream over a real server's socket: pipelined steps are those of unary calls, and a failing one ends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
import torch
from google.protobuf import json_format
from google.rpc import error_details_pb2
from lossd.v1 import training_service_pb2 as pb
from lossd.v1 import training_service_pb2_grpc
from running import RunningServer

STEPS = 500
BATCHES = torch.randn(STEPS, 4, 3, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def stub(server: RunningServer) -> Iterator[training_service_pb2_grpc.TrainingServiceStub]:
    with grpc.insecure_channel(server.target) as channel:
        yield training_service_pb2_grpc.TrainingServiceStub(channel)


def create(stub: Any) -> str:
    linear = {"linear": {"in_features": 3, "out_features": 3}}
    request = {"model": linear, "loss": {"mse_loss": {}}, "optimizer": {"adam": {"lr": 0.01}}, "seed": 3}
    asked = json_format.ParseDict(request, pb.CreateSessionRequest())
    return str(stub.CreateSession(asked, timeout=60).session.session_id)


def fill(request: Any, index: int, rows: int = 4) -> Any:
    for field in (request.inputs["input"], request.targets["target"]):
        field.dtype = 1
        field.shape.extend((rows, 3))
        field.raw = BATCHES[index][:rows].numpy().tobytes()
    return request


def member(session_id: str, seq: int, index: int, bad: bool = False) -> pb.TrainStreamRequest:
    step = fill(pb.TrainStepRequest(seq=seq), index)
    if bad:
        step.targets["target"].shape[0] = 5
    return pb.TrainStreamRequest(session_id=session_id, train_step=step)


def state(stub: Any, session_id: str) -> tuple[int, dict[str, bytes]]:
    answer = stub.GetSessionState(pb.GetSessionStateRequest(session_id=session_id, response_encoding=2), timeout=60)
    return answer.step, {name: given.raw for name, given in answer.state_dict.items()}


def reason(answer: pb.TrainStreamResponse) -> tuple[str, dict[str, str]]:
    info = error_details_pb2.ErrorInfo()
    for detail in answer.error.details:
        if detail.Unpack(info):
            return info.reason, dict(info.metadata)
    raise AssertionError("no ErrorInfo")


def test_a_stream_of_steps_is_as_many_calls(stub: Any) -> None:
    """500 pipelined steps give the losses and the weights of 500 calls, in order."""
    piped, single = create(stub), create(stub)
    answers = list(stub.TrainStream((member(piped, seq + 1, seq) for seq in range(STEPS)), timeout=120))
    expected = [
        stub.TrainStep(fill(pb.TrainStepRequest(session_id=single, seq=seq + 1), seq), timeout=60)
        for seq in range(STEPS)
    ]
    assert [answer.train_step.value for answer in answers] == [answer.value for answer in expected]
    assert [answer.train_step.seq for answer in answers] == list(range(1, STEPS + 1))
    assert state(stub, piped) == state(stub, single)


def test_a_failing_member_does_not_end_the_stream(stub: Any) -> None:
    """It carries its status and uses up no seq; those behind it that assumed it ran are refused with the seq due."""
    session_id = create(stub)
    requests = [
        member(session_id, 1, 0),
        member(session_id, 2, 1, bad=True),
        member(session_id, 3, 2),
        member(session_id, 2, 1),
        pb.TrainStreamRequest(session_id=session_id),
        pb.TrainStreamRequest(session_id=session_id, train_step=pb.TrainStepRequest(session_id="w0-1-other")),
        member(session_id, 3, 2),
    ]
    answers = list(stub.TrainStream(iter(requests), timeout=60))
    kinds = [answer.WhichOneof("result") for answer in answers]
    assert kinds == ["train_step", "error", "error", "train_step", "error", "error", "train_step"]
    assert answers[1].error.code == 3
    assert reason(answers[1])[0] == "LENGTH_MISMATCH"
    assert reason(answers[2]) == ("SEQ_GAP", {"expected": "2"})
    assert reason(answers[4])[0] == "MISSING_FIELD"
    assert reason(answers[5])[0] == "ARGUMENT_OUT_OF_RANGE"
    assert answers[-1].train_step.step == 3


def test_micro_batches_and_attachments(stub: Any) -> None:
    """ForwardBackward and OptimStep go through it too; attachments count in the outer message."""
    session_id, plain = create(stub), create(stub)
    requests = []
    for rows in (slice(0, 2), slice(2, 4)):
        request = pb.TrainStreamRequest(session_id=session_id)
        for index, field in enumerate(
            (request.forward_backward.inputs["input"], request.forward_backward.targets["target"])
        ):
            field.dtype, field.attachment = 1, index
            field.shape.extend((2, 3))
            request.attachments.append((BATCHES[0][rows] + index).numpy().tobytes())
        requests.append(request)
    requests.append(pb.TrainStreamRequest(session_id=session_id, optim_step=pb.OptimStepRequest()))
    answers = list(stub.TrainStream(iter(requests), timeout=60))
    assert [answer.forward_backward.pending_micro_batches for answer in answers[:2]] == [1, 2]
    assert (answers[2].optim_step.micro_batches, answers[2].optim_step.seq) == (2, 3)
    request = fill(pb.TrainStepRequest(session_id=plain), 0)
    request.targets["target"].raw = (BATCHES[0] + 1).numpy().tobytes()
    whole = stub.TrainStep(request, timeout=60)
    assert answers[2].optim_step.value == pytest.approx(whole.value, rel=1e-6)


def test_steps_are_counted_once(server: RunningServer, stub: Any) -> None:
    """A repetition in a stream is answered again, and is no step; nor is one that fails, nor one micro-batch."""
    session_id = create(stub)
    name = "lossd_session_steps_total"
    before = server.metric(name)
    requests = [member(session_id, seq, 0) for seq in (1, 2, 2, 1, 3)]
    requests.insert(3, member(session_id, 3, 0, bad=True))
    request = pb.TrainStreamRequest(session_id=session_id)
    fill(request.forward_backward, 0)
    requests += [request, pb.TrainStreamRequest(session_id=session_id, optim_step=pb.OptimStepRequest())]
    answers = list(stub.TrainStream(iter(requests), timeout=60))
    assert [answer.train_step.replayed for answer in answers[:6]] == [False, False, True, False, True, False]
    assert server.metric(name) - before == 4
    stub.TrainStep(fill(pb.TrainStepRequest(session_id=session_id, seq=6), 0), timeout=60)
    stub.TrainStep(fill(pb.TrainStepRequest(session_id=session_id, seq=6), 0), timeout=60)
    assert server.metric(name) - before == 5
    labels = 'grpc_method="TrainStream",grpc_service="lossd.v1.TrainingService",grpc_type="bidi_stream"'
    assert server.metric(f'grpc_server_handled_total{{grpc_code="OK",{labels}}}') >= 1


def test_a_session_that_is_not_there_is_refused_member_by_member(stub: Any) -> None:
    """Each member names its session; one stream may serve several."""
    one, other = create(stub), create(stub)
    requests = [member(one, 1, 0), member("w0-1-0000000000000000", 1, 0), member(other, 1, 0)]
    answers = list(stub.TrainStream(iter(requests), timeout=60))
    assert [answer.WhichOneof("result") for answer in answers] == ["train_step", "error", "train_step"]
    assert answers[1].error.code == 5


def test_unary_calls_that_overtake_one_another_all_run(stub: Any) -> None:
    """16 callers at once with the seqs 1 to 16 in any order: the server puts them in order."""
    session_id = create(stub)
    order = torch.randperm(16, generator=torch.Generator().manual_seed(5)).tolist()
    futures = {
        seq: stub.TrainStep.future(fill(pb.TrainStepRequest(session_id=session_id, seq=seq + 1), seq), timeout=60)
        for seq in order
    }
    assert [futures[seq].result().step for seq in range(16)] == list(range(1, 17))
