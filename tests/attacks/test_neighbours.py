"""What one caller does must not reach another: neither its bytes, nor its slowness, nor its leaving."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
import lossd
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from lossd import framing
from lossd.v1 import catalog_service_pb2, loss_pb2, tensor_pb2, training_service_pb2
from lossd.v1 import evaluation_service_pb2 as pb
from running import RunningServer

SLOW = "mean(" + "+".join(f"mean(exp(input*{i}))" for i in range(60)) + "+input)"


@pytest.fixture
def channel(server: RunningServer) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.target, [("grpc.max_send_message_length", -1)]) as open_channel:
        yield open_channel


def evaluation(channel: grpc.Channel, request: bytes, timeout: float = 30) -> bytes:
    return channel.unary_unary("/lossd.v1.EvaluationService/EvaluateLoss")(request, timeout=timeout)


def array(values: np.ndarray, number: tensor_pb2.DataType) -> tensor_pb2.Tensor:
    return tensor_pb2.Tensor(dtype=number, shape=values.shape, raw=values.tobytes())


def test_what_a_session_keeps_is_its_own(server: RunningServer, channel: grpc.Channel) -> None:
    """A class weight sent as an attachment is not written over by the next caller's attachment."""
    request = training_service_pb2.CreateSessionRequest()
    request.model.linear.in_features, request.model.linear.out_features = 1, 40_000
    weight = np.ones(40_000, np.float32)
    request.loss.cross_entropy_loss.weight.CopyFrom(tensor_pb2.Tensor(dtype=1, shape=[40_000], attachment=0))
    request.optimizer.sgd.lr = 0.0
    create = channel.unary_unary("/lossd.v1.TrainingService/CreateSession")
    made = create(framing.join(request.SerializeToString(), [weight.tobytes()]))
    session_id = training_service_pb2.CreateSessionResponse.FromString(made).session.session_id
    with lossd.Client(server.target) as client:
        session = client.session(session_id)
        assert session.info().loss == lossd.CrossEntropyLoss(weight=weight)
        before = session.step([[1.0]], [3]).value
        foreign = np.full((4, 40_000), 7.0, np.float32)
        client.evaluate(lossd.MSELoss(), foreign, foreign)
        assert session.step([[1.0]], [3]).value == before
        session.delete()


def test_a_message_of_tiny_fields_is_refused_at_once(channel: grpc.Channel) -> None:
    """Ten million two-byte fields take no time to refuse."""
    begun = time.monotonic()
    with pytest.raises(grpc.RpcError) as caught:
        evaluation(channel, b"\x48\x01" * 10_000_000)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert time.monotonic() - begun < 5.0


def test_a_small_batch_cannot_ask_for_a_gigabyte(server: RunningServer) -> None:
    """What a model makes of its input is bounded before it is made."""
    with (
        lossd.Client(server.target) as client,
        client.create_session(
            model=lossd.nn.Linear(1, 2**17), loss=lossd.MSELoss(), optimizer=lossd.optim.SGD(lr=0.1)
        ) as session,
    ):
        with pytest.raises(lossd.InvalidArgument, match="smaller batch") as caught:
            session.predict(np.ones((2048, 1), np.float32))
        assert caught.value.reason == "LIMIT_EXCEEDED"
        assert session.predict([[1.0]]).shape == (1, 2**17)


def test_abandoned_work_stops() -> None:
    """A batch whose caller cancels leaves the device long before it would be done."""
    with (
        RunningServer() as own,
        grpc.insecure_channel(own.target, [("grpc.max_send_message_length", -1)]) as opened,
        lossd.Client(own.target) as client,
    ):
        member = pb.EvaluateLossRequest(loss=loss_pb2.LossSpec(expression=loss_pb2.Expression(source=SLOW)))
        member.inputs["input"].CopyFrom(array(np.zeros((256, 256), np.float32), tensor_pb2.DATA_TYPE_FLOAT32))
        one = pb.EvaluateLossResponse.FromString(evaluation(opened, member.SerializeToString()))
        count = round(10 / one.execution.compute)  # ten seconds of work
        batch = pb.BatchEvaluateLossRequest(evaluations=[member] * min(count, 2000)).SerializeToString()
        sent = opened.unary_unary("/lossd.v1.EvaluationService/BatchEvaluateLoss").future(batch, timeout=60)
        time.sleep(1.0)
        sent.cancel()
        begun = time.monotonic()
        assert client.evaluate(lossd.MSELoss(), [1.0], [0.0]).value == 1.0
        assert time.monotonic() - begun < 2.0


def test_sessions_are_spread_over_the_devices() -> None:
    """An idle pool of two takes two sessions each, and is full only when both are."""
    with RunningServer("--devices", "cpu:0,cpu:1", "--max-sessions-per-device", "2") as own:
        own.wait_healthy("device/cpu:0")
        own.wait_healthy("device/cpu:1")
        with lossd.Client(own.target) as client:
            parts = {"model": lossd.nn.Linear(1, 1), "loss": lossd.MSELoss(), "optimizer": lossd.optim.SGD(lr=0.1)}
            devices = sorted(client.create_session(**parts).info().device for _ in range(4))
            assert devices == ["cpu:0", "cpu:0", "cpu:1", "cpu:1"]
            with pytest.raises(lossd.ResourceExhausted):
                client.create_session(**parts)


def test_a_stream_cut_off_by_the_end_of_the_server_says_so() -> None:
    """SIGTERM in the middle of a stream: answers for what was answered, then Unavailable; never a silent end."""
    own = RunningServer()
    outcomes: list[lossd.Result | lossd.LossdError] = []

    def requests() -> Iterator[lossd.Evaluation]:
        for _ in range(400):
            time.sleep(0.005)
            yield lossd.Evaluation(lossd.MSELoss(), [1.0], [0.0])

    threading.Timer(0.5, lambda: own.process.send_signal(signal.SIGTERM)).start()
    with lossd.Client(own.target) as client, pytest.raises(lossd.Unavailable):
        outcomes.extend(client.evaluate_stream(requests()))
    assert own.stop() == 0


def test_a_slow_neighbour_is_gone_past(server: RunningServer) -> None:
    """Threads of one client: a quick evaluation with little time does not wait for a long one."""
    with lossd.Client(server.target) as client, lossd.Client(server.target) as other:
        values = np.zeros((32, 32), np.float32)
        long = lossd.Expression(SLOW)
        client.evaluate(long, values)
        thread = threading.Thread(target=lambda: [client.evaluate(long, values) for _ in range(20)])
        thread.start()
        for _ in range(20):
            assert client.evaluate(lossd.MSELoss(), [1.0], [0.0], timeout=5.0).value == 1.0
            assert other.evaluate(lossd.MSELoss(), [2.0], [0.0], timeout=5.0).value == 4.0
        thread.join()


def test_a_stopped_server_does_not_hold_a_caller_who_had_paused() -> None:
    """SIGSTOP after the standing stream has gone idle: a call still ends by its deadline plus a second."""
    with RunningServer() as own, lossd.Client(own.target) as client:
        for _ in range(3):
            client.evaluate(lossd.MSELoss(), [1.0], [0.0])
        os.kill(own.process.pid, signal.SIGSTOP)
        try:
            time.sleep(2.0)
            for timeout in (0.5, 2.0):
                begun = time.monotonic()
                with pytest.raises((lossd.DeadlineExceeded, lossd.Unavailable)):
                    client.evaluate(lossd.MSELoss(), [1.0], [0.0], timeout=timeout)
                assert time.monotonic() - begun < timeout + 1.0
        finally:
            os.kill(own.process.pid, signal.SIGCONT)


WRONG_LATE = {
    "terms of two shapes": ({"weighted_sum": {"terms": [
        {"loss": {"mse_loss": {}}}, {"loss": {"l1_loss": {"reduction": "REDUCTION_NONE"}}}]}}, ()),
    "a formula of no number": ({"expression": {"source": "input > target"}}, ()),
    "a VJP without its vector": ({"mse_loss": {"reduction": "REDUCTION_NONE"}}, ("input",)),
    "a name beside the star": ({"mse_loss": {}}, ("*", "bogus")),
}  # fmt: skip


@pytest.mark.parametrize("validate_only", [False, True], ids=["computed", "validated"])
@pytest.mark.parametrize("case", WRONG_LATE)
def test_a_dry_run_refuses_what_a_run_does(channel: grpc.Channel, case: str, validate_only: bool) -> None:
    """validate_only answers as the evaluation itself would, mistakes that only the result shows included."""
    spec, gradients = WRONG_LATE[case]
    request = pb.EvaluateLossRequest(loss=spec, gradients=gradients, validate_only=validate_only)
    for name in ("input", "target"):
        request.inputs[name].CopyFrom(array(np.ones(3, np.float32), tensor_pb2.DATA_TYPE_FLOAT32))
    with pytest.raises(grpc.RpcError) as caught:
        evaluation(channel, request.SerializeToString())
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("validate_only", [False, True], ids=["computed", "validated"])
@pytest.mark.parametrize(
    "words",
    [{"metrics": ["nope"]}, {"metrics": ["f1"]}, {"diagnostics": 9}, {"response_encoding": 77}, {"series": "a b"}],
    ids=lambda words: next(iter(words)),
)
def test_a_dry_run_reads_every_word(channel: grpc.Channel, words: dict[str, Any], validate_only: bool) -> None:
    """What a run refuses of metrics, diagnostics, series and encoding, a dry run refuses."""
    request = pb.EvaluateLossRequest(loss={"mse_loss": {}}, validate_only=validate_only, **words)
    for name in ("input", "target"):
        request.inputs[name].CopyFrom(array(np.ones(3, np.float32), tensor_pb2.DATA_TYPE_FLOAT32))
    with pytest.raises(grpc.RpcError) as caught:
        evaluation(channel, request.SerializeToString())
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    named = dict(caught.value.trailing_metadata())["grpc-status-details-bin"]
    assert next(iter(words)).encode() in named, "the field"


def test_metrics_see_nothing_that_the_loss_refuses(channel: grpc.Channel) -> None:
    """Four rows of scores and three classes: the caller's mistake, in a batch too, where the others answer."""
    request = pb.EvaluateLossRequest(loss={"cross_entropy_loss": {}}, metrics=["accuracy", "confusion_matrix"])
    request.inputs["input"].CopyFrom(array(np.zeros((4, 3), np.float32), tensor_pb2.DATA_TYPE_FLOAT32))
    request.inputs["target"].CopyFrom(array(np.array([0, 1, 2, 0]), tensor_pb2.DATA_TYPE_INT64))
    wrong = pb.EvaluateLossRequest()
    wrong.CopyFrom(request)
    wrong.inputs["target"].CopyFrom(array(np.array([0, 1, 2]), tensor_pb2.DATA_TYPE_INT64))
    with pytest.raises(grpc.RpcError) as caught:
        evaluation(channel, wrong.SerializeToString())
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    batch = pb.BatchEvaluateLossRequest(evaluations=[request, wrong, request])
    answer = channel.unary_unary("/lossd.v1.EvaluationService/BatchEvaluateLoss")(batch.SerializeToString(), timeout=30)
    good, bad, other = pb.BatchEvaluateLossResponse.FromString(framing.split(answer).header).results
    assert (bad.error.code, good.response.metrics["accuracy"]) == (3, 0.5)
    assert good.response.value == other.response.value


def test_a_field_of_a_newer_contract_is_not_left_out_silently(channel: grpc.Channel) -> None:
    """An argument that this server does not know is refused, in a request and in a loss."""
    request = catalog_service_pb2.GetLossRequest(name="mse_loss").SerializeToString()
    get_loss = channel.unary_unary("/lossd.v1.CatalogService/GetLoss")
    assert get_loss(request)
    with pytest.raises(grpc.RpcError, match="does not know"):
        get_loss(request + b"\x98\x06\x01")  # field 99
    huber = loss_pb2.LossSpec(huber_loss=loss_pb2.HuberLoss.FromString(b"\x51" + bytes(8)))  # field 10, a double
    spec = pb.EvaluateLossRequest(loss=huber)
    for name in ("input", "target"):
        spec.inputs[name].CopyFrom(array(np.ones(3, np.float32), tensor_pb2.DATA_TYPE_FLOAT32))
    with pytest.raises(grpc.RpcError, match="HuberLoss has a field 10"):
        evaluation(channel, spec.SerializeToString())


def test_a_worker_that_hangs_in_nothing_is_replaced() -> None:
    """SIGSTOP of an idle worker: within half a minute it is another, and calls are answered."""
    with RunningServer() as own:
        stopped = own.workers()[0]
        os.kill(stopped, signal.SIGSTOP)
        until = time.monotonic() + 30
        while own.metric('lossd_worker_restarts_total{device="cpu:0"}') == 0:
            assert time.monotonic() < until
            time.sleep(0.2)
        own.wait_healthy()
        assert own.workers() != [stopped]
        with lossd.Client(own.target) as client:
            assert client.evaluate(lossd.MSELoss(), [1.0], [0.0]).value == 1.0


def test_a_watcher_of_health_does_not_hold_up_the_end() -> None:
    """An open grpc.health.v1 Watch learns NOT_SERVING, and the server ends without waiting for it."""
    own = RunningServer("--drain-delay-seconds", "1")
    with grpc.insecure_channel(own.target) as opened:
        stub = health_pb2_grpc.HealthStub(opened)
        watched = stub.Watch(health_pb2.HealthCheckRequest(service="lossd.v1.EvaluationService"))
        assert next(watched).status == health_pb2.HealthCheckResponse.SERVING
        begun = time.monotonic()
        assert own.stop() == 0
        assert time.monotonic() - begun < 8.0
        assert next(watched).status == health_pb2.HealthCheckResponse.NOT_SERVING


def test_a_formula_trains_whichever_name_it_mentions_first(server: RunningServer) -> None:
    """A session binds the model's output to `input`, not to what stands first in the formula."""
    with (
        lossd.Client(server.target) as client,
        client.create_session(
            model=lossd.nn.Linear(1, 1),
            loss=lossd.Expression("mean((target - input)**2)"),
            optimizer=lossd.optim.SGD(lr=0.01),
        ) as session,
    ):
        assert session.step([[2.0]], [[4.0]]).value > session.step([[2.0]], [[4.0]]).value
