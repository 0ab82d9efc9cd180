"""Fit over a real server's socket: streams that break, resume, drain and end, as raw stubs and grpcurl see them."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest
import torch
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from lossd.v1 import evaluation_service_pb2, evaluation_service_pb2_grpc, training_service_pb2_grpc
from lossd.v1 import training_service_pb2 as pb
from running import RunningServer
from torch import nn

INPUT = torch.linspace(-1, 1, 12).reshape(12, 1)
TARGET = 3 * INPUT + 0.5
LONG = 100_000
"""Epochs of a Fit that a test means to break."""


@pytest.fixture
def stub(server: RunningServer) -> Iterator[training_service_pb2_grpc.TrainingServiceStub]:
    with grpc.insecure_channel(server.target) as channel:
        yield training_service_pb2_grpc.TrainingServiceStub(channel)


def create(stub: Any, **more: Any) -> str:
    request = json_format.ParseDict(
        {
            "model": {"linear": {"in_features": 1, "out_features": 1}},
            "loss": {"mse_loss": {}},
            "optimizer": {"sgd": {"lr": 0.01}},
            "seed": 3,
            **more,
        },
        pb.CreateSessionRequest(),
    )
    return str(stub.CreateSession(request, timeout=60).session.session_id)


def fit(session_id: str, **more: Any) -> pb.FitRequest:
    request = json_format.ParseDict({"session_id": session_id, **more}, pb.FitRequest())
    for field, given in ((request.inputs["input"], INPUT), (request.targets["target"], TARGET)):
        field.dtype = 1
        field.shape.extend(given.shape)
        field.raw = given.numpy().tobytes()
    return request


def step(session_id: str, seq: int) -> pb.TrainStepRequest:
    request = pb.TrainStepRequest(session_id=session_id, seq=seq)
    asked = fit(session_id)
    request.inputs["input"].CopyFrom(asked.inputs["input"])
    request.targets["target"].CopyFrom(asked.targets["target"])
    return request


def session(stub: Any, session_id: str) -> pb.Session:
    return stub.GetSession(pb.GetSessionRequest(session_id=session_id), timeout=60).session


def weights(stub: Any, session_id: str) -> dict[str, bytes]:
    request = pb.GetSessionStateRequest(session_id=session_id, response_encoding=2)
    return {name: t.raw for name, t in stub.GetSessionState(request, timeout=60).state_dict.items()}


def reason(error: grpc.RpcError) -> str:
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    info = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(info) for detail in status_pb2.Status.FromString(details).details)
    return info.reason


def test_the_loop_that_one_would_write(stub: Any) -> None:
    """Of 100 epochs the losses and the weights are a local loop's, bit for bit."""
    session_id = create(stub)
    answers = list(stub.Fit(fit(session_id, epochs=100, seq=1), timeout=60))
    torch.manual_seed(3)
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    values = []
    for _ in range(100):
        optimizer.zero_grad()
        value = nn.MSELoss()(model(INPUT), TARGET)
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert [epoch.value for answer in answers for epoch in answer.epochs] == values
    assert answers[-1].stop_reason == pb.STOP_REASON_EPOCHS
    expected = {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}
    assert weights(stub, session_id) == expected
    assert {answer.seq for answer in answers} == {1}


def test_a_broken_stream_goes_on_by_its_seq(stub: Any) -> None:
    """Cancelled after its first answer it stops; the same call again ends as one that was never broken."""
    epochs = 12_000
    whole, broken = create(stub), create(stub)
    expected = [epoch.value for answer in stub.Fit(fit(whole, epochs=epochs), timeout=120) for epoch in answer.epochs]
    assert len(expected) == epochs
    call = stub.Fit(fit(broken, epochs=epochs, seq=1), timeout=120)
    values = [epoch.value for epoch in next(call).epochs]
    call.cancel()
    assert 0 < len(values) < epochs
    stood = _standing(stub, broken)
    assert stood < epochs
    again = list(stub.Fit(fit(broken, epochs=epochs, seq=1, after_epoch=len(values)), timeout=120))
    values += [epoch.value for answer in again for epoch in answer.epochs]
    assert values == expected
    assert weights(stub, broken) == weights(stub, whole)
    assert again[-1].step == epochs


def _standing(stub: Any, session_id: str) -> int:
    """Steps of a session that has stopped to change; it must within a few seconds."""
    until, before = time.monotonic() + 10, -1
    while time.monotonic() < until:
        now = session(stub, session_id).step
        if now == before:
            return now
        before = now
        time.sleep(0.7)
    raise AssertionError("the Fit goes on without a caller")


def test_a_caller_who_does_not_read_is_not_trained_for(stub: Any) -> None:
    """A stream whose deadline passes stops where it is; its steps stay, the next seq goes on from them."""
    session_id = create(stub)
    with pytest.raises(grpc.RpcError) as broken:
        list(stub.Fit(fit(session_id, epochs=LONG, seq=1), timeout=1.0))
    assert broken.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    stood = _standing(stub, session_id)
    assert 0 < stood < LONG
    assert stub.TrainStep(step(session_id, 2), timeout=60).step == stood + 1
    with pytest.raises(grpc.RpcError) as closed:
        list(stub.Fit(pb.FitRequest(session_id=session_id, seq=3, resume=True), timeout=60))
    assert reason(closed.value) == "SESSION_STATE"


def test_others_are_served_in_between(server: RunningServer, stub: Any) -> None:
    """While a Fit runs, evaluations are answered between its slices."""
    call = stub.Fit(fit(create(stub), epochs=LONG, seq=1), timeout=120)
    next(call)
    request = evaluation_service_pb2.EvaluateLossRequest()
    request.loss.mse_loss.SetInParent()
    request.inputs["input"].values.extend([1.0])  # type: ignore[arg-type]  # a ListValue takes plain numbers
    request.inputs["target"].values.extend([3.0])  # type: ignore[arg-type]  # a ListValue takes plain numbers
    with grpc.insecure_channel(server.target) as channel:
        evaluations = evaluation_service_pb2_grpc.EvaluationServiceStub(channel)
        assert [evaluations.EvaluateLoss(request, timeout=20).value for _ in range(3)] == [4.0] * 3
    call.cancel()


def test_grpcurl_gets_epochs(server: RunningServer, stub: Any) -> None:
    """A Fit typed by hand answers epochs as JSON, with metrics and the best epoch."""
    asked = {
        "session_id": create(stub),
        "inputs": {"input": {"values": [[1.0], [2.0], [3.0], [4.0]]}},
        "targets": {"target": {"values": [[2.0], [4.0], [6.0], [8.0]]}},
        "epochs": 3,
        "validation_split": 0.25,
        "metrics": ["mae"],
    }
    done = server.grpcurl("lossd.v1.TrainingService/Fit", json.dumps(asked))
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert [epoch["epoch"] for epoch in answer["epochs"]] == ["1", "2", "3"]
    assert all(epoch["validation_value"] > 0 and epoch["metrics"]["mae"] > 0 for epoch in answer["epochs"])
    assert (answer["stop_reason"], answer["step"], answer["seq"]) == ("STOP_REASON_EPOCHS", "3", "1")


def test_a_refusal_is_the_streams_error(server: RunningServer, stub: Any) -> None:
    """With its reason, field and request id; nothing is sent before it."""
    call = stub.Fit(fit(create(stub), epochs=0), timeout=60, metadata=[("x-request-id", "fit-7")])
    with pytest.raises(grpc.RpcError) as refused:
        next(call)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert reason(refused.value) == "ARGUMENT_OUT_OF_RANGE"
    assert dict(refused.value.trailing_metadata())["x-request-id"] == "fit-7"
    with grpc.insecure_channel(server.target) as channel, pytest.raises(grpc.RpcError) as malformed:
        next(channel.unary_stream("/lossd.v1.TrainingService/Fit")(b"\xff\xff", timeout=60))
    assert reason(malformed.value) == "MALFORMED_MESSAGE"


def test_streams_and_steps_are_counted(server: RunningServer, stub: Any) -> None:
    """A Fit is one server_stream of several messages; its steps count once, told again they do not."""
    labels = 'grpc_method="Fit",grpc_service="lossd.v1.TrainingService",grpc_type="server_stream"'
    names = [
        f'grpc_server_handled_total{{grpc_code="OK",{labels}}}',
        f"grpc_server_started_total{{{labels}}}",
        f"grpc_server_msg_received_total{{{labels}}}",
        "lossd_session_steps_total",
    ]
    session_id = create(stub)
    list(stub.Fit(fit(session_id, epochs=1, seq=1), timeout=60))
    before = [server.metric(name) for name in names]
    answers = list(stub.Fit(fit(session_id, epochs=3000, seq=2), timeout=60))
    again = list(stub.Fit(fit(session_id, epochs=3000, seq=2, after_epoch=2999), timeout=60))
    assert (again[-1].replayed, len(again[-1].epochs)) == (True, 1)
    assert len(answers) > 1
    assert [server.metric(name) - was for name, was in zip(names, before, strict=True)] == [2, 2, 2, 3000]


def test_a_killed_worker_ends_the_stream_and_the_session() -> None:
    """UNAVAILABLE, so that a caller asks again; the session was in memory alone, and then it is SESSION_LOST."""
    with RunningServer() as running, grpc.insecure_channel(running.target) as channel:
        stub = training_service_pb2_grpc.TrainingServiceStub(channel)
        session_id = create(stub)
        call = stub.Fit(fit(session_id, epochs=LONG, seq=1), timeout=120)
        next(call)
        os.kill(running.workers()[0], signal.SIGKILL)
        with pytest.raises(grpc.RpcError) as broken:
            list(call)
        assert (broken.value.code(), reason(broken.value)) == (grpc.StatusCode.UNAVAILABLE, "DEVICE_UNAVAILABLE")
        running.wait_healthy()
        with pytest.raises(grpc.RpcError) as lost:
            list(stub.Fit(fit(session_id, epochs=LONG, seq=1), timeout=60))
        assert reason(lost.value) == "SESSION_LOST"


def test_a_fit_outlives_any_calls_deadline_and_drains() -> None:
    """Its slices are short, so the longest time of a call does not end it; the end of the server does, and says so."""
    flags = ["--default-deadline-seconds", "3", "--max-deadline-seconds", "3"]
    with RunningServer(*flags) as running, grpc.insecure_channel(running.target) as channel:
        stub = training_service_pb2_grpc.TrainingServiceStub(channel)
        call = stub.Fit(fit(create(stub), epochs=1_000_000, seq=1))
        begun = time.monotonic()
        while time.monotonic() - begun < 4:
            assert not next(call).stop_reason
        running.process.send_signal(signal.SIGTERM)
        with pytest.raises(grpc.RpcError) as drained:
            list(call)
        assert (drained.value.code(), reason(drained.value)) == (grpc.StatusCode.UNAVAILABLE, "DRAINING")
        assert running.process.wait(30) == 0


def test_data_may_travel_as_attachments(stub: Any) -> None:
    """Attachments of the request, validation's too, train as raw tensors do."""
    one, other = create(stub), create(stub)
    split = list(stub.Fit(fit(one, epochs=5, validation_split=0.25, batch_size=4), timeout=60))
    request = pb.FitRequest(session_id=other, epochs=5, batch_size=4)
    parts = {
        "inputs": INPUT[:9],
        "targets": TARGET[:9],
        "validation_inputs": INPUT[9:],
        "validation_targets": TARGET[9:],
    }
    for index, (name, given) in enumerate(parts.items()):
        field = getattr(request, name)["target" if "targets" in name else "input"]
        field.dtype, field.attachment = 1, index
        field.shape.extend(given.shape)
        request.attachments.append(np.ascontiguousarray(given.numpy()).tobytes())
    own = list(stub.Fit(request, timeout=60))
    for left, right in zip(split[-1].epochs, own[-1].epochs, strict=True):
        assert (left.value, left.validation_value) == (right.value, right.validation_value)
    assert weights(stub, one) == weights(stub, other)
