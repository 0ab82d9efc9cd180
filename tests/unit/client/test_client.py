"""The two clients against a small server that records: deadlines, metadata, errors, streams, and what close means."""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent import futures

import grpc
import lossd
import numpy as np
import pytest
from google.protobuf import empty_pb2
from google.rpc import error_details_pb2, status_pb2
from lossd import channel
from lossd.v1 import catalog_service_pb2, evaluation_service_pb2, training_service_pb2

SERVICES = (catalog_service_pb2, evaluation_service_pb2, training_service_pb2)


class Recorder(grpc.GenericRpcHandler):
    """Answers every evaluation with a value, every other call with a refusal, and keeps what it saw."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str], float | None]] = []
        self.cancelled = False

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        def record(context: grpc.ServicerContext) -> None:
            self.calls.append((details.method, dict(context.invocation_metadata()), context.time_remaining()))

        def unary(request: bytes, context: grpc.ServicerContext) -> bytes:
            record(context)
            if details.method.endswith("/EvaluateLoss"):
                return evaluation_service_pb2.EvaluateLossResponse(value=0.5).SerializeToString()
            if details.method.endswith("/BatchEvaluateLoss"):
                batch = evaluation_service_pb2.BatchEvaluateLossRequest.FromString(request)
                member = {"response": {"value": 0.5}}
                results = [member for _ in batch.evaluations]
                return evaluation_service_pb2.BatchEvaluateLossResponse(results=results).SerializeToString()
            if details.method.endswith("/ListLosses"):
                time.sleep(0.3)
                return empty_pb2.Empty().SerializeToString()
            status = status_pb2.Status(code=5, message="gone")
            status.details.add().Pack(error_details_pb2.ErrorInfo(reason="SESSION_LOST", domain="lossd.v1"))
            context.set_trailing_metadata((
                ("grpc-status-details-bin", status.SerializeToString()), ("x-request-id", "r-1"),
            ))  # fmt: skip
            context.abort(grpc.StatusCode.NOT_FOUND, "gone")
            raise AssertionError

        def stream(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            record(context)
            context.add_callback(lambda: setattr(self, "cancelled", not context.is_active()))
            for index, _ in enumerate(requests):
                response = evaluation_service_pb2.EvaluateLossResponse(value=index)
                result = evaluation_service_pb2.EvaluationResult(response=response)
                yield evaluation_service_pb2.StreamEvaluateLossResponse(result=result).SerializeToString()

        if "Stream" in details.method:
            return grpc.stream_stream_rpc_method_handler(stream)
        return grpc.unary_unary_rpc_method_handler(unary)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    server = grpc.server(futures.ThreadPoolExecutor(4))
    handler = Recorder()
    server.add_generic_rpc_handlers((handler,))
    handler.target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield handler
    server.stop(None).wait()


def evaluations(count: int = 3) -> Iterator[lossd.Evaluation]:
    for index in range(count):
        yield lossd.Evaluation(lossd.MSELoss(), index, 0)


def test_every_call_carries_deadline_and_token(recorder: Recorder) -> None:
    one, three = evaluations(1), evaluations(3)
    with lossd.Client(recorder.target, token="secret", timeout=7.0) as client:
        assert client.evaluate_batch(one)[0].value == 0.5
        client.evaluate_batch(evaluations(1), timeout=3.0)
        client.evaluate_batch(evaluations(1), timeout=math.inf)
        list(client.evaluate_stream(three))
    assert [metadata["authorization"] for _, metadata, _ in recorder.calls] == ["Bearer secret"] * 4
    left = [remaining for _, _, remaining in recorder.calls]
    assert [left[index] for index in (0, 1, 3)] == pytest.approx([7.0, 3.0, 7.0], abs=0.9)
    assert left[2] is None or left[2] > 1e6


def test_refusals_become_lossd_errors(recorder: Recorder) -> None:
    """And no trace of grpc's own shows in the traceback."""
    with lossd.Client(recorder.target) as client:
        with pytest.raises(lossd.SessionLost) as caught:
            client.session("s")
        assert (caught.value.reason, caught.value.request_id) == ("SESSION_LOST", "r-1")
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
        with pytest.raises(lossd.DeadlineExceeded, match=r"within 0\.1 seconds"):
            client.losses(timeout=0.1)


def test_nobody_there() -> None:
    with lossd.Client("127.0.0.1:1") as client, pytest.raises(lossd.Unavailable, match="lossd serve"):
        client.evaluate(lossd.MSELoss(), 1, 2, timeout=20)
    with lossd.Client("localhost:1") as client, pytest.raises(lossd.Unavailable) as raised:
        client.evaluate(lossd.MSELoss(), 1, 2, timeout=20)
    assert "no answer from localhost:1 (" in raised.value.message
    assert not re.search(r"ipv[46]:|%5B", raised.value.message), "the target is named as it was given, and nothing else"


@pytest.mark.parametrize(
    "target",
    ["http://localhost:50051", "localhost", "localhost:", ":50051", "localhost:0", "localhost:65536", "::1", "[::1]",
     "[1]", "localhost:50051/", "a b:1"],
)  # fmt: skip
def test_what_says_no_server_is_refused(target: str) -> None:
    for kind in (lossd.Client, lossd.AsyncClient):
        with pytest.raises(ValueError, match="expected HOST:PORT"):
            kind(target)


@pytest.mark.parametrize("target", ["localhost:1", "[::1]:65535", "unix:/run/lossd.sock", "dns:///example.org:443"])
def test_what_says_a_server(target: str) -> None:
    assert channel.resolve(target) == target


def test_targets_are_strings_and_timeouts_numbers() -> None:
    with pytest.raises(TypeError, match="expected a string such as"):
        lossd.Client(50051)
    with lossd.Client("localhost:1") as client:
        with pytest.raises(TypeError, match="timeout is 'a'; expected seconds"):
            client.evaluate(lossd.MSELoss(), 1, 2, timeout="a")
        for timeout in (-1, math.nan):
            with pytest.raises(ValueError, match="0 or more"):
                client.evaluate(lossd.MSELoss(), 1, 2, timeout=timeout)
    assert channel.seconds(np.float32(2)) == 2


class Flaky(grpc.GenericRpcHandler):
    """Is shutting down for the first calls of every method, and counts them."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.attempts: Counter[str] = Counter()
        self.steps: set[bytes] = set()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        def unary(request: bytes, context: grpc.ServicerContext) -> bytes:
            self.attempts[details.method.rpartition("/")[2]] += 1
            if details.method.endswith("/TrainStep"):
                self.steps.add(request)
            if self.attempts[details.method.rpartition("/")[2]] <= self.failures:
                context.abort(grpc.StatusCode.UNAVAILABLE, "shutting down")
            if details.method.endswith("/TrainStep"):
                return training_service_pb2.TrainStepResponse(value=0.5, seq=1).SerializeToString()
            return evaluation_service_pb2.EvaluateLossResponse(value=0.5).SerializeToString()

        return grpc.unary_unary_rpc_method_handler(unary)


def test_calls_are_repeated_steps_as_the_very_same_bytes() -> None:
    """Large ones too, which grpc by default would silently not repeat; at the end of its time a step gives up."""
    flaky = Flaky(failures=2)
    server = grpc.server(futures.ThreadPoolExecutor(2), options=channel.OPTIONS[:2])
    server.add_generic_rpc_handlers((flaky,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    large = np.ones(1 << 20, np.float32)
    with lossd.Client(f"127.0.0.1:{port}") as client:
        assert client.evaluate(lossd.MSELoss(), large, large).value == 0.5
        session = lossd.Session(client, "s", lossd.MSELoss())
        with pytest.raises((lossd.Unavailable, lossd.DeadlineExceeded)):
            session.step(large, 2, timeout=0.01)
        assert session.step(large, 2).value == 0.5
    server.stop(None).wait()
    assert flaky.attempts == {"EvaluateLoss": 3, "TrainStep": 3}
    assert [training_service_pb2.TrainStepRequest.FromString(step).seq for step in flaky.steps] == [1]


def test_a_closed_client_says_so(recorder: Recorder) -> None:
    client = lossd.Client(recorder.target)
    client.evaluate(lossd.MSELoss(), 1, 2)
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.evaluate(lossd.MSELoss(), 1, 2)
    with pytest.raises(RuntimeError, match="closed"):
        list(client.evaluate_stream(evaluations()))


def test_what_the_callers_iterable_raises_is_raised_after_the_results(recorder: Recorder) -> None:
    def failing() -> Iterator[lossd.Evaluation]:
        yield from evaluations(2)
        raise ZeroDivisionError

    seen = []
    with lossd.Client(recorder.target) as client, pytest.raises(ZeroDivisionError):
        seen.extend(client.evaluate_stream(failing()))
    assert [outcome.value for outcome in seen if isinstance(outcome, lossd.Result)] == [0, 1]


def test_a_reader_that_stops_early_ends_the_stream(recorder: Recorder) -> None:
    def endless() -> Iterator[lossd.Evaluation]:
        while True:
            yield lossd.Evaluation(lossd.MSELoss(), 1, 2)

    with lossd.Client(recorder.target) as client:
        stream = client.evaluate_stream(endless())
        next(stream)
        stream.close()
        until = time.monotonic() + 5
        while not recorder.cancelled and time.monotonic() < until:
            time.sleep(0.01)
    assert recorder.cancelled


def test_leaving_a_session_that_is_gone_is_no_error(recorder: Recorder) -> None:
    with lossd.Client(recorder.target) as client, lossd.Session(client, "s", None) as session:
        assert repr(session) == "Session('s')"
    assert [method for method, _, _ in recorder.calls] == ["/lossd.v1.TrainingService/DeleteSession"]


def test_leaving_a_session_does_not_hide_an_error() -> None:
    with lossd.Client("127.0.0.1:1", timeout=0.2) as client:
        with pytest.raises(ZeroDivisionError), lossd.Session(client, "s", None):
            raise ZeroDivisionError
        with pytest.raises(lossd.LossdError), lossd.Session(client, "s", None):
            pass


def test_the_asynchronous_client_does_the_same(recorder: Recorder) -> None:
    async def some() -> AsyncIterator[lossd.Evaluation]:
        for evaluation in evaluations(2):
            yield evaluation
        raise ZeroDivisionError

    async def scenario() -> None:
        client = lossd.AsyncClient(recorder.target, token="secret", timeout=7.0)
        async with client:
            values = await asyncio.gather(*(client.evaluate(lossd.MSELoss(), 1, 2) for _ in range(8)))
            assert [result.value for result in values] == [0.5] * 8
            assert [outcome.value async for outcome in client.evaluate_stream(evaluations())] == [0, 1, 2]
            with pytest.raises(ZeroDivisionError):
                [outcome async for outcome in client.evaluate_stream(some())]
            with pytest.raises(lossd.SessionLost) as caught:
                await client.session("s")
            assert caught.value.request_id == "r-1"
            with pytest.raises(lossd.DeadlineExceeded):
                await client.losses(timeout=0.1)
            async with lossd.AsyncSession(client, "s", None):
                pass
        with pytest.raises(RuntimeError, match="closed"):
            await client.losses()

    asyncio.run(scenario())
    assert all(metadata["authorization"] == "Bearer secret" for _, metadata, _ in recorder.calls)


def test_pure_calls_are_those_that_the_contract_calls_pure() -> None:
    """The retry policy names them all, and no call that changes anything."""
    from lossd.v1 import server_service_pb2

    pure = {
        (service.full_name, method.name)
        for module in (*SERVICES, server_service_pb2)
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if method.GetOptions().idempotency_level == method.GetOptions().NO_SIDE_EFFECTS
    }
    retried = {(name["service"], name["method"]) for name in channel.SERVICE_CONFIG["methodConfig"][0]["name"]}
    assert retried == pure
    assert ("lossd.v1.TrainingService", "TrainStep") not in retried


def test_the_target_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOSSD_SERVER", "there:1")
    assert lossd.Client().target == "there:1"
    monkeypatch.delenv("LOSSD_SERVER")
    assert lossd.Client().target == "localhost:50051"
    assert repr(lossd.Client("here:1")) == "Client('here:1')"
