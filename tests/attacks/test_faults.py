"""Kill, stop, deadline, cancel, overload: each accepted call ends with one status in time, and the server lives on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import grpc
import pytest
from attacks.attacker import HONEST, MSE, OPTIONS, Attacker, evaluate, floats, long_batch, path, raw, verdict
from grpc_health.v1 import health_pb2, health_pb2_grpc
from lossd.v1 import evaluation_service_pb2 as evaluation
from lossd.v1 import model_pb2, optimizer_pb2, server_service_pb2
from lossd.v1 import training_service_pb2 as training
from running import RunningServer

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
BATCH = path("BatchEvaluateLoss")


@pytest.fixture(scope="module")
def own() -> Iterator[Attacker]:
    """An attacker of a server whose worker is killed, once, and which all of these tests find well afterwards."""
    with RunningServer() as running:
        attacking = Attacker(running)
        attacking.honest()
        yield attacking
        attacking.close()


def pending(attacker: Attacker) -> int:
    answer = attacker.call("ListDevices", server_service_pb2.ListDevicesRequest()).response
    return server_service_pb2.ListDevicesResponse.FromString(answer).devices[0].pending


def wait_until_pending(attacker: Attacker, least: int = 0, most: int = 10**6, seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not least <= (now := pending(attacker)) <= most:
        assert time.monotonic() < until, f"{now} calls pending"
        time.sleep(0.02)


def test_a_killed_worker_costs_its_calls_and_its_sessions_only(own: Attacker) -> None:
    """kill -9 in the middle of a call: UNAVAILABLE with RetryInfo, the device NOT_SERVING until the next worker is up,
    that within seconds, its sessions SESSION_LOST, one restart counted."""
    model = model_pb2.ModelSpec(linear=model_pb2.Linear(in_features=1, out_features=1))
    request = training.CreateSessionRequest(
        model=model, loss=MSE, optimizer=optimizer_pb2.OptimizerSpec(sgd=optimizer_pb2.SGD())
    )
    created = training.CreateSessionResponse.FromString(own.call("CreateSession", request).response)
    statuses: list[int] = []
    with grpc.insecure_channel(own.server.target) as channel:
        watched = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest(service="device/cpu:0"), timeout=60
        )
        watcher = threading.Thread(target=_collect, args=(watched, statuses))
        watcher.start()
        call = own.channel.unary_unary(BATCH).future(long_batch(100), timeout=60)
        wait_until_pending(own, least=1)
        time.sleep(0.5)
        (worker,) = own.server.workers()
        killed = time.monotonic()
        os.kill(worker, signal.SIGKILL)
        error = call.exception()
        assert error is not None
        given = verdict(error)
        assert (given.code, given.reason) == ("UNAVAILABLE", "DEVICE_UNAVAILABLE"), given
        assert given.retry
        assert given.trailers is not None
        assert int(given.trailers["grpc-retry-pushback-ms"]) == pytest.approx(given.retry * 1000)
        assert time.monotonic() - killed < 5, "the caller learns of it at once"
        own.honest()
        assert time.monotonic() - killed < 30
        assert own.server.workers() != [worker]
        own.server.wait_healthy("device/cpu:0")
        watched.cancel()
        watcher.join(10)
    assert statuses[:3] == [SERVING, NOT_SERVING, SERVING]
    assert own.server.metric('lossd_worker_restarts_total{device="cpu:0"}') == 1.0
    assert own.server.metric('lossd_device_healthy{device="cpu:0"}') == 1.0
    for method in ("GetSession", "GetSessionState", "DeleteSession", "TrainStep", "Forward"):
        lost = own.call(method, training.GetSessionRequest(session_id=created.session.session_id))
        assert (lost.code, lost.reason, lost.field) == ("NOT_FOUND", "SESSION_LOST", "session_id"), method


def _collect(watched: grpc.Call, statuses: list[int]) -> None:
    try:
        for answer in watched:  # type: ignore[attr-defined]
            statuses.append(answer.status)
    except grpc.RpcError:
        return  # cancelled, when the test has seen enough


def test_sigterm_loses_no_accepted_call() -> None:
    """SIGTERM with calls running and queued: NOT_SERVING first, calls of the drain delay still taken, every accepted
    call answered OK, exit code 0."""
    with RunningServer("--drain-delay-seconds", "1.5", "--drain-seconds", "60") as running:
        attacking = Attacker(running)
        attacking.honest()
        calls = [attacking.channel.unary_unary(BATCH).future(long_batch(3), timeout=60) for _ in range(6)]
        wait_until_pending(attacking, least=6)
        running.process.send_signal(signal.SIGTERM)
        stub = health_pb2_grpc.HealthStub(attacking.channel)
        until = time.monotonic() + 1.0
        while stub.Check(health_pb2.HealthCheckRequest(service=""), timeout=5).status != NOT_SERVING:
            assert time.monotonic() < until, "health does not say that the server is going"
        late = attacking.channel.unary_unary(path("EvaluateLoss")).future(HONEST, timeout=60)
        for call in [*calls, late]:
            assert call.exception() is None, call.exception()
        assert len(evaluation.BatchEvaluateLossResponse.FromString(calls[0].result()).results) == 3
        assert running.process.wait(60) == 0
        attacking.close()


def test_a_deadline_ends_a_call(own: Attacker) -> None:
    """A long call with a short deadline, and those queued behind it: DEADLINE_EXCEEDED no more than a second late, told
    by server or client; the worker then serves again."""
    calls = []
    for _ in range(3):
        begun = time.monotonic()
        calls.append((begun, own.channel.unary_unary(BATCH).future(long_batch(400), timeout=1.0)))
    for begun, call in calls:
        error = call.exception()
        assert error is not None
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED, error
        assert time.monotonic() - begun < 2.0
    wait_until_pending(own, most=0)
    own.honest()


def test_the_server_itself_ends_calls_that_set_no_deadline() -> None:
    """Without a deadline the server's own applies, and its refusal says what to do."""
    with RunningServer("--default-deadline-seconds", "1") as running:
        attacking = Attacker(running)
        attacking.honest()
        begun = time.monotonic()
        error = attacking.channel.unary_unary(BATCH).future(long_batch(600)).exception()
        assert time.monotonic() - begun < 2.5
        assert error is not None
        given = verdict(error)
        assert (given.code, given.reason) == ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"), given
        attacking.close()


def test_cancelled_calls_leave_the_queue(own: Attacker) -> None:
    """500 calls of half a second each, cancelled: nothing stays pending, and what they would have computed is not."""
    message = long_batch(2, 2**19)
    blocker = own.channel.unary_unary(BATCH).future(long_batch(4), timeout=60)
    wait_until_pending(own, least=1)
    calls = [own.channel.unary_unary(BATCH).future(message, timeout=120) for _ in range(200)]
    calls += [own.channel.unary_unary(path("EvaluateLoss")).future(HONEST, timeout=120) for _ in range(300)]
    wait_until_pending(own, least=20)
    cancelled = time.monotonic()
    for call in calls:
        call.cancel()
    assert blocker.exception() is None
    wait_until_pending(own, most=0)
    own.honest()
    assert time.monotonic() - cancelled < 15, "200 such calls take more than half a minute"
    assert own.server.metric("lossd_inflight_bytes") == 0


def test_overload_is_refused_at_once_and_admitted_calls_are_answered() -> None:
    """Over the budget of bytes: RESOURCE_EXHAUSTED with RetryInfo and a pushback; the calls within it are unharmed, and
    a message as large as the budget is taken."""
    with RunningServer("--max-inflight-bytes", str(2**20)) as running:
        attacking = Attacker(running)
        attacking.honest()
        part = raw(1, [2**16], bytes(2**18))
        message = evaluate(MSE, ["*"], input=part, target=part).SerializeToString()
        bound = attacking.channel.unary_unary(path("EvaluateLoss"))
        verdicts = []
        for _ in range(40):
            calls = [bound.future(message, timeout=30) for _ in range(8)]
            verdicts += [verdict(error) if (error := call.exception()) else None for call in calls]
        refused = [given for given in verdicts if given is not None]
        assert refused, "eight calls of half the budget at once"
        assert len(refused) < len(verdicts), "the first of them fit"
        for given in refused:
            assert (given.code, given.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED"), given
            assert given.retry
            assert given.trailers is not None
            assert int(given.trailers["grpc-retry-pushback-ms"]) == pytest.approx(given.retry * 1000)
        assert 'lossd_rejected_total{reason="OVERLOADED"}' in running.metrics()
        attacking.honest()
        large = evaluate(MSE, input=raw(1, [2**17 + 10**4], bytes(4 * (2**17 + 10**4))), target=floats(1))
        size = len(large.SerializeToString())
        rest = (2**20 - size - 40) // 4
        fitting = evaluate(MSE, input=large.inputs["input"], target=raw(1, [rest], bytes(4 * rest)))
        assert 2**20 - 64 < fitting.ByteSize() <= 2**20
        attacking.refused("EvaluateLoss", fitting, "SHAPE_MISMATCH")
        over = attacking.call("EvaluateLoss", evaluate(MSE, input=raw(1, [2**18], bytes(2**20)), target=floats(1)))
        assert (over.code, over.reason, over.retry) == ("RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE", None)
        attacking.close()


def test_a_reader_that_stops_reading_holds_up_nobody(own: Attacker) -> None:
    """A stream whose answers are never read: others are answered meanwhile, and once it is gone nothing is held."""
    member = evaluate(MSE, ["*"], input=raw(1, [2**16], bytes(2**18)), target=raw(1, [2**16], bytes(2**18)))
    message = evaluation.StreamEvaluateLossRequest(evaluation=member).SerializeToString()
    with grpc.insecure_channel(own.server.target, OPTIONS) as channel:
        stream = channel.stream_stream("/lossd.v1.EvaluationService/StreamEvaluateLoss")(
            iter([message] * 300), timeout=60
        )
        next(iter(stream))
        for _ in range(20):
            own.honest()
        stream.cancel()
    wait_until_pending(own, most=0)
    until = time.monotonic() + 10
    while own.server.metric("lossd_inflight_bytes"):
        assert time.monotonic() < until
        time.sleep(0.05)
