"""A data set in chunks through a real server: from the SDK, the command and grpcurl, and when things break."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import lossd
import numpy as np
import pytest
from click.testing import CliRunner, Result
from google.rpc import error_details_pb2, status_pb2
from lossd import cli
from lossd.v1 import evaluation_service_pb2 as pb
from running import RunningServer

METHOD = "/lossd.v1.EvaluationService/AggregateLoss"
GRPCURL = "lossd.v1.EvaluationService/AggregateLoss"
RANDOM = np.random.default_rng(7)
X, Y = RANDOM.normal(size=(2, 3000)).astype(np.float32)
LOGITS = RANDOM.normal(size=(3000, 4)).astype(np.float32)
LABELS = RANDOM.integers(0, 4, 3000)


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[lossd.Client]:
    with lossd.Client(server.target) as client:
        yield client


def total_of(client: lossd.Client, loss: lossd.Loss, chunks: int, *arrays: np.ndarray, **asked: object) -> object:
    with client.aggregate(loss, **asked) as total:
        for piece in zip(*(np.array_split(array, chunks) for array in arrays), strict=True):
            total.update(*piece)
        assert (total.chunks, total.examples) == (chunks, len(arrays[0]))
        return total.result()


def parts(result: lossd.Aggregate) -> str:
    """All of an answer but what depends on the clock and the cut."""
    told = {name: getattr(result, name) for name in result.PARTS if name not in ("chunks", "execution")}
    told["metric_arrays"] = {name: array.tobytes() for name, array in result.metric_arrays.items()}
    return repr(told)


def test_one_answer_whatever_the_chunks_and_the_client(client: lossd.Client, server: RunningServer) -> None:
    """Sync, async and embedded: the same bits, and the value of one evaluation."""
    answers = [total_of(client, lossd.MSELoss(), number, X, Y) for number in (1, 7, 1000)]

    async def asynchronous() -> lossd.Aggregate:
        async with lossd.AsyncClient(server.target) as other, other.aggregate(lossd.MSELoss()) as total:
            for x, y in zip(np.array_split(X, 13), np.array_split(Y, 13), strict=True):
                await total.update(input=x, target=y)
            assert (total.chunks, total.examples) == (13, 3000)
            return await total.result()

    answers.append(asyncio.run(asynchronous()))
    with lossd.local() as inline:
        answers.append(total_of(inline, lossd.MSELoss(), 5, X, Y))
    assert len({parts(answer) for answer in answers}) == 1
    exact = client.evaluate(lossd.MSELoss(), X.astype(np.float64), Y.astype(np.float64))
    assert answers[0].value == float(np.float32(exact.value))
    assert answers[0].loss_sum == pytest.approx(exact.loss_sum, rel=1e-13)
    assert [answer.chunks for answer in answers] == [1, 7, 1000, 13, 5]
    assert answers[0].execution.device == "cpu:0"


@pytest.mark.parametrize(
    ("loss", "arrays", "metrics"),
    [
        (lossd.MSELoss(), (X, Y), ["mae", "r2", "pearson", "spearman"]),
        (lossd.CrossEntropyLoss(), (LOGITS, LABELS), ["accuracy", "f1", "auroc", "confusion_matrix"]),
    ],
)
def test_metrics_are_those_of_all_examples(
    client: lossd.Client, loss: lossd.Loss, arrays: tuple[np.ndarray, ...], metrics: list[str]
) -> None:
    """The same bits whatever the chunks, and those of one evaluation to rounding."""
    answers = [total_of(client, loss, number, *arrays, metrics=metrics) for number in (1, 7, 1000)]
    assert len({parts(answer) for answer in answers}) == 1
    one = client.evaluate(loss, *arrays, metrics=metrics)
    assert {*answers[0].metrics, *answers[0].metric_arrays} == set(metrics)
    assert answers[0].metrics == pytest.approx(one.metrics, rel=1e-12)
    for name, array in one.metric_arrays.items():
        np.testing.assert_allclose(answers[0].metric_arrays[name], array, rtol=1e-12)


def test_an_error_ends_it_early_and_says_how_far_it_came(client: lossd.Client) -> None:
    """The chunk at fault, and what was taken before; what comes after raises the same, nobody else notices."""
    with client.aggregate(lossd.MSELoss()) as total, client.aggregate(lossd.MSELoss()) as other:
        other.update(X, Y)
        total.update(X[:10], Y[:10])
        total.update(X[:10], Y[:9])

        def many() -> None:
            for _ in range(100_000):
                total.update(X[:10], Y[:10])

        with pytest.raises(lossd.InvalidArgument) as refused:
            many()
        assert refused.value.field == "chunks[1].inputs.target"
        assert (refused.value.chunks, refused.value.examples) == (1, 10)
        for late in (lambda: total.update(X, Y), total.result):
            with pytest.raises(lossd.InvalidArgument):
                late()
        assert other.result().examples == 3000
        with pytest.raises(RuntimeError, match="has given its result"):
            other.update(X, Y)

    async def asynchronous() -> lossd.LossdError:
        async with lossd.AsyncClient(client.target) as third, third.aggregate(lossd.MSELoss()) as total:
            await total.update(X[:10], Y[:10])

            async def many() -> None:
                for _ in range(100_000):
                    await total.update(X[:10], Y[:9])

            with pytest.raises(lossd.InvalidArgument) as refused:
                await many()
            with pytest.raises(lossd.InvalidArgument):
                await total.result()
            return refused.value

    error = asyncio.run(asynchronous())
    assert (error.field, error.chunks, error.examples) == ("chunks[1].inputs.target", 1, 10)


def test_what_is_no_array_is_refused_here_and_the_rest_goes_on(client: lossd.Client) -> None:
    """A mistake on this side was never sent, so it ends nothing."""
    with client.aggregate(lossd.MSELoss(), request_id="mine") as total:
        total.update([1, 2], [1, 4])
        with pytest.raises(lossd.InvalidArgument) as refused:
            total.update([[1, 2], [3]], [0, 0])
        assert refused.value.field == "chunks[1].inputs.input"
        total.update([5], [2])
        result = total.result()
    assert (result.value, result.chunks, result.request_id) == (float(np.float32(13 / 3)), 2, "mine")


def test_no_chunk_at_all_is_refused(client: lossd.Client, server: RunningServer) -> None:
    """There is nothing to answer about."""
    with client.aggregate(lossd.MSELoss()) as total, pytest.raises(lossd.InvalidArgument) as refused:
        total.result()
    assert refused.value.field == "chunks[0].loss"
    done = server.grpcurl(GRPCURL, "")
    assert "MISSING_FIELD" in done.stderr


def test_those_who_leave_make_room(client: lossd.Client, server: RunningServer) -> None:
    """More data sets are begun and left than may be under way; no place stays taken, and none of them counts."""
    for number in range(80):
        with client.aggregate(lossd.MSELoss(), series="left-alone") as total:
            total.update(X, Y)
            time.sleep(0.002 * (number % 3))
    vanishing = (
        f"import lossd, os, time; total = lossd.Client({server.target!r}).aggregate(lossd.MSELoss(), "
        "series='left-alone'); total.update([1.0], [2.0]); time.sleep(0.2); os._exit(1)"
    )
    assert subprocess.run([sys.executable, "-c", vanishing], timeout=60).returncode == 1
    assert total_of(client, lossd.MSELoss(), 3, X, Y).examples == 3000
    assert 'series="left-alone"' not in server.metrics()


def test_a_place_for_so_many_at_once(client: lossd.Client) -> None:
    """Beyond 64 on a device the next is refused with when to come back; those under way answer."""
    totals = [client.aggregate(lossd.MSELoss()) for _ in range(70)]
    for total in totals:
        total.update(X, Y)
    outcomes: list[object] = []
    for total in totals:
        try:
            outcomes.append(total.result().examples)
        except lossd.Overloaded as error:
            outcomes.append(error.retry_after)
    assert sorted(map(str, set(outcomes))) == ["1.0", "3000"]
    assert outcomes.count(3000) >= 64


def test_a_deadline_is_the_whole_streams(client: lossd.Client) -> None:
    with client.aggregate(lossd.MSELoss(), timeout=0.3) as total:
        total.update(X, Y)
        time.sleep(0.5)
        with pytest.raises(lossd.DeadlineExceeded, match="1 chunks with 3000 examples had been sent"):
            total.result()


def test_many_examples_take_little_memory(client: lossd.Client, server: RunningServer) -> None:
    """10 million examples, 80 MB, pass through a server that grows by far less."""
    x, y = np.zeros((2, 100_000), np.float32)
    y += 3
    before = most = server.resident()
    with client.aggregate(lossd.MSELoss()) as total:
        for number in range(100):
            total.update(x, y)
            if number % 10 == 0:
                most = max(most, server.resident())
        result = total.result()
    assert (result.value, result.examples) == (9.0, 10_000_000)
    assert most - before < 48 << 20


def test_grpcurl_sends_chunks_one_after_the_other(server: RunningServer) -> None:
    """Several JSON messages are one stream."""
    chunks = [
        {"loss": {"mse_loss": {}}, "inputs": {"input": {"values": [1, 2]}, "target": {"values": [1, 4]}}},
        {"inputs": {"input": {"values": []}, "target": {"values": []}}},
        {"inputs": {"input": {"values": [5]}, "target": {"values": [2]}}},
    ]
    done = server.grpcurl(GRPCURL, "\n".join(map(json.dumps, chunks)))
    answer = json.loads(done.stdout)
    assert (answer["loss_sum"], answer["weight_sum"], answer["chunks"], answer["examples"]) == (13, 3, "3", "3")
    chunks[2]["inputs"]["target"]["values"] = [2, 3]
    done = server.grpcurl(GRPCURL, "\n".join(map(json.dumps, chunks)))
    assert '"metadata":{"chunks":"2","examples":"2"}' in done.stderr
    assert "chunks[2].inputs.target" in done.stderr


def test_the_command_cuts_files(server: RunningServer, tmp_path: Path) -> None:
    """The answer does not depend on --chunk; arrays of different lengths are refused, not cut short."""
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    np.save(tmp_path / "long.npy", np.append(Y, Y))

    def run(target: str, chunk: int, *words: str) -> Result:
        files = ["--input", str(tmp_path / "x.npy"), "--target", str(tmp_path / target)]
        return CliRunner().invoke(
            cli.cli, ["aggregate", "mse_loss", *files, "--chunk", str(chunk), "--server", server.target, *words]
        )

    first, second = (json.loads(run("y.npy", chunk, "--json").stdout) for chunk in (1000, 7))
    assert (first["chunks"], second["chunks"]) == (3, 429)
    assert (first["value"], first["loss_sum"]) == (second["value"], second["loss_sum"])
    plain = run("y.npy", 65536)
    assert (plain.stdout, plain.stderr) == (f"{first['value']!r}\n", "3000 examples in 1 chunk\n")
    wrong = run("long.npy", 3000)
    assert wrong.exit_code == 2
    assert "input has 3,000, target has 6,000 examples" in " ".join(wrong.output.split()), "before any is sent"
    whole = run("long.npy", 6000)
    assert isinstance(whole.exception, lossd.InvalidArgument)
    assert whole.exception.field == "chunks[0].inputs.target"


def messages(count: int, pause: threading.Event) -> Iterator[bytes]:
    """Chunks as any language sends them; after the third one `pause` is waited for."""
    for number in range(count):
        request = pb.AggregateLossRequest()
        if not number:
            request.loss.mse_loss.SetInParent()
        for name, given in (("input", X), ("target", Y)):
            request.inputs[name].dtype = 1
            request.inputs[name].shape.append(3000)
            request.inputs[name].raw = given.tobytes()
        yield request.SerializeToString()
        if number == 2:
            assert pause.wait(60)


def broken(server: RunningServer, breaking: object) -> tuple[str, status_pb2.Status]:
    """The code and the status of a stream of six chunks in whose middle `breaking` happens."""
    pause = threading.Event()
    with grpc.insecure_channel(server.target) as channel:
        call = channel.stream_unary(METHOD).future(messages(6, pause))
        time.sleep(0.5)
        breaking()  # type: ignore[operator]
        pause.set()
        with pytest.raises(grpc.RpcError) as raised:
            call.result(timeout=60)
    trailer = dict(raised.value.trailing_metadata())
    return raised.value.code().name, status_pb2.Status.FromString(trailer["grpc-status-details-bin"])


def told(status: status_pb2.Status) -> dict[str, str]:
    info = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(info) for detail in status.details)
    return {"reason": info.reason, **info.metadata}


def test_a_killed_worker_and_a_server_that_stops_say_how_far_it_came() -> None:
    """UNAVAILABLE with what had been taken; the SDK, which has kept what it sent, sends it again by itself."""
    with RunningServer() as server:
        with lossd.Client(server.target) as client, client.aggregate(lossd.MSELoss()) as total:
            total.update(X, Y)
            code, status = broken(server, lambda: os.kill(server.workers()[0], signal.SIGKILL))
            total.update(X, Y)
            assert total.result().examples == 6000
        assert code == "UNAVAILABLE"
        assert told(status) == {"reason": "DEVICE_UNAVAILABLE", "chunks": "3", "examples": "9000"}
        assert "3 chunks with 9000 examples had been taken" in status.message
        server.wait_healthy()
        code, status = broken(server, lambda: server.process.send_signal(signal.SIGTERM))
        assert (code, told(status)) == ("UNAVAILABLE", {"reason": "DRAINING", "chunks": "3", "examples": "9000"})
        assert server.stop() == 0


def test_whoever_closes_the_client_hears_so(server: RunningServer) -> None:
    """Closing ends what is under way with Cancelled, in threads and in tasks; a task's own cancellation stays one."""
    large = np.zeros(2_000_000, np.float32)

    def send(total: lossd.Aggregation) -> None:
        for _ in range(10_000):
            total.update(large, large)

    with lossd.Client(server.target) as client:
        threading.Timer(0.2, client.close).start()
        with pytest.raises(lossd.Cancelled, match="had been sent"):
            send(client.aggregate(lossd.MSELoss()))

    async def asynchronous() -> None:
        async def send(total: lossd.AsyncAggregation) -> None:
            for _ in range(10_000):
                await total.update(large, large)

        client = lossd.AsyncClient(server.target)
        sending = [asyncio.create_task(send(client.aggregate(lossd.MSELoss()))) for _ in range(2)]
        await asyncio.sleep(0.1)
        sending[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending[0]
        await client.close()
        with pytest.raises(lossd.Cancelled):
            await sending[1]

    asyncio.run(asynchronous())
