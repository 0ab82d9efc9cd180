"""The pieces of a call inside one process: `python -m pytest -o addopts= benchmarks`."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import lossd
import pytest
from lossd import calls, framing
from lossd.evaluation import Evaluation
from lossd_server.worker import frames
from lossd_server.worker.arena import Arena
from lossd_server.worker.frames import Frame, Kind
from lossd_server.worker.worker import Worker

from benchmarks.cases import CASES

Benchmark = Callable[..., Any]


def request(case: str) -> bytes:
    """The bytes that the SDK sends for a case."""
    evaluation = Evaluation(lossd.CrossEntropyLoss(), *CASES[case].arrays(), gradients=CASES[case].gradient)
    return calls.evaluate(evaluation).request


@pytest.fixture(scope="module")
def worker() -> Worker:
    """A worker in this process."""
    return Worker("cpu:0", "w0-1", max_sessions=1)


@pytest.mark.parametrize("case", CASES)
def test_sdk_writes_a_request(benchmark: Benchmark, case: str) -> None:
    """What a call costs the caller before anything is sent; one copy of a large array."""
    assert benchmark(request, case)


@pytest.mark.parametrize("case", CASES)
def test_framing_splits_a_request(benchmark: Benchmark, case: str) -> None:
    """Without a copy, so that the size does not matter."""
    assert benchmark(framing.split, request(case))


@pytest.mark.parametrize("case", CASES)
def test_worker_runs_a_request(benchmark: Benchmark, case: str, worker: Worker) -> None:
    """Decode, check, torch, encode."""
    header, attachments = framing.split(request(case))
    buffers = [memoryview(bytearray(attachment)) for attachment in attachments]

    def run() -> Any:
        return worker.run("EvaluateLoss", [memoryview(header), *buffers], time.monotonic())

    assert not benchmark(run).failed


@pytest.mark.parametrize("case", ["S", "L"])
def test_frame_crosses_to_a_worker(benchmark: Benchmark, case: str) -> None:
    """One way over the link: inside the datagram if small, through the arena if large."""
    header, attachments = framing.split(request(case))
    segments = [header, *attachments]
    size = frames.payload_size(segments)
    arena = Arena(size + (1 << 20))
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with near, far:
        for end in (near, far):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        region = arena.reserve(size) if size > frames.INLINE else None
        frame = Frame(Kind.CALL, 1, "EvaluateLoss", (0.0, 0.0, 0.0), segments, region)

        def cross() -> Frame | None:
            frames.send(near, frame, arena)
            return frames.receive(far, arena)

        received = benchmark(cross)
        assert received is not None
        assert len(received.segments) == len(segments)
