"""Small evaluations that are under way together share their way, and nobody can tell but by the clock."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import lossd
import numpy as np
import pytest
from running import RunningServer

CALLS = 400
HANDLED = (
    'grpc_server_handled_total{{grpc_code="OK",grpc_method="{}",'
    'grpc_service="lossd.v1.EvaluationService",grpc_type="unary"}}'
)


def handled(server: RunningServer, method: str) -> float:
    try:
        return server.metric(HANDLED.format(method))
    except AssertionError:
        return 0.0


def case(index: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(index)
    return generator.standard_normal((4, 5)).astype(np.float32), generator.integers(0, 5, 4)


def check(client: lossd.Client, index: int, expected: dict[int, lossd.Result]) -> None:
    if index % 10 == 9:  # a target out of range fails alone, and reads as if it had gone alone
        with pytest.raises(lossd.InvalidArgument) as caught:
            client.evaluate(lossd.NLLLoss(), case(index)[0], [7, 0, 0, 0])
        assert caught.value.field == "inputs.target"
        assert caught.value.reason == "VALUE_OUT_OF_RANGE"
        return
    result = client.evaluate(lossd.CrossEntropyLoss(), *case(index), gradients=True)
    assert result.value == expected[index].value
    assert result.gradients["input"].tobytes() == expected[index].gradients["input"].tobytes()


def test_threads_share_batches_and_get_their_own_answers(server: RunningServer) -> None:
    """32 threads: every answer is bit-equal to that of a lone call, in far fewer trips than calls."""
    with lossd.Client(server.target) as client, ThreadPoolExecutor(32) as pool:
        loss = lossd.CrossEntropyLoss()
        expected = {index: client.evaluate(loss, *case(index), gradients=True) for index in range(CALLS)}
        before = handled(server, "EvaluateLoss"), handled(server, "BatchEvaluateLoss")
        list(pool.map(lambda index: check(client, index, expected), range(CALLS)))
        alone = handled(server, "EvaluateLoss") - before[0]
        together = handled(server, "BatchEvaluateLoss") - before[1]
    assert together >= 1
    assert alone + together < CALLS / 2


def test_tasks_share_batches_too(server: RunningServer) -> None:
    """The same for 200 tasks of one event loop, one of them cancelled and some of them wrong."""

    async def scenario() -> None:
        async with lossd.AsyncClient(server.target) as client:
            loss = lossd.MSELoss()
            tasks = [asyncio.create_task(client.evaluate(loss, [float(i)], [0.0])) for i in range(200)]
            wrong = [asyncio.create_task(client.evaluate(loss, [1.0], [1.0, 2.0])) for _ in range(5)]
            await asyncio.sleep(0)
            tasks[100].cancel()
            results = await asyncio.gather(*tasks, *wrong, return_exceptions=True)
            assert isinstance(results[100], asyncio.CancelledError)
            assert all(results[i].value == i * i for i in range(200) if i != 100)
            assert all(isinstance(e, lossd.InvalidArgument) and e.field == "inputs.target" for e in results[200:])

    before = handled(server, "BatchEvaluateLoss")
    asyncio.run(scenario())
    assert handled(server, "BatchEvaluateLoss") > before


def test_one_caller_is_never_batched(server: RunningServer) -> None:
    """Calls one after the other travel alone."""
    before = handled(server, "BatchEvaluateLoss")
    with lossd.Client(server.target) as client:
        for _ in range(20):
            client.evaluate(lossd.MSELoss(), [1.0], [2.0])
    assert handled(server, "BatchEvaluateLoss") == before


def test_nobody_is_left_waiting_when_the_worker_dies() -> None:
    """kill -9 of the worker under 16 threads: every call ends with the right value or with Unavailable."""
    with RunningServer() as server, lossd.Client(server.target, timeout=30) as client:
        stop = time.monotonic() + 4.0
        outcomes: list[object] = []

        def hammer(seed: int) -> None:
            while time.monotonic() < stop:
                try:
                    outcomes.append(client.evaluate(lossd.MSELoss(), [float(seed)], [0.0]).value == seed * seed)
                except lossd.Unavailable:
                    outcomes.append("unavailable")

        threads = [threading.Thread(target=hammer, args=(seed,)) for seed in range(16)]
        for thread in threads:
            thread.start()
        time.sleep(1.0)
        os.kill(server.workers()[0], signal.SIGKILL)
        for thread in threads:
            thread.join(40)
            assert not thread.is_alive()
        assert False not in outcomes
        assert outcomes.count(True) > 100
        assert client.evaluate(lossd.MSELoss(), [3.0], [0.0]).value == 9.0


def test_closing_ends_what_waits(server: RunningServer) -> None:
    """Calls under way when the client is closed end with an error, soon, and none hangs."""
    client = lossd.Client(server.target)
    ended: list[str] = []

    def hammer() -> None:
        try:
            while True:
                client.evaluate(lossd.MSELoss(), [1.0], [2.0])
        except (lossd.LossdError, RuntimeError, ValueError) as error:
            ended.append(type(error).__name__)

    threads = [threading.Thread(target=hammer) for _ in range(16)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    client.close()
    for thread in threads:
        thread.join(10)
    assert len(ended) == 16
