"""Small evaluations that follow one another go by a standing stream, and nobody can tell but by the clock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import lossd
import numpy as np
import pytest
from running import RunningServer

MESSAGES = (
    'grpc_server_msg_received_total{grpc_method="StreamEvaluateLoss",'
    'grpc_service="lossd.v1.EvaluationService",grpc_type="bidi_stream"}'
)


def streamed(server: RunningServer) -> float:
    return server.metric(MESSAGES)


def test_the_first_call_is_unary_and_those_that_follow_are_streamed(server: RunningServer) -> None:
    """Values and gradients are bit-equal either way; errors have the same field and reason."""
    x, y = np.random.default_rng(0).standard_normal((4, 5)).astype(np.float32), np.array([0, 1, 2, 3])
    before = streamed(server)
    with lossd.Client(server.target) as client:
        results = [client.evaluate(lossd.CrossEntropyLoss(), x, y, gradients=True) for _ in range(5)]
        with pytest.raises(lossd.InvalidArgument) as caught:
            client.evaluate(lossd.CrossEntropyLoss(), x, y + 4)
        after = client.evaluate(lossd.MSELoss(), [1.0], [3.0]).value
    assert streamed(server) - before == 6
    assert len({(r.value, r.gradients["input"].tobytes()) for r in results}) == 1
    assert (caught.value.field, caught.value.reason) == ("inputs.target", "VALUE_OUT_OF_RANGE")
    assert after == 4.0


def test_refusals_on_the_stream_are_counted(server: RunningServer) -> None:
    """A refused member moves lossd_rejected_total as a refused call does."""
    sample = 'lossd_rejected_total{reason="UNKNOWN_NAME"}'
    with lossd.Client(server.target) as client:
        with pytest.raises(lossd.InvalidArgument):
            client.evaluate(lossd.MSELoss(), [1.0], [3.0], other=[1.0])
        before = server.metric(sample), streamed(server)
        with pytest.raises(lossd.InvalidArgument):
            client.evaluate(lossd.MSELoss(), [1.0], [3.0], other=[1.0])
    assert (server.metric(sample) - before[0], streamed(server) - before[1]) == (1, 1)


def test_a_dead_worker_is_waited_for(server: RunningServer) -> None:
    """kill -9 of the worker between and during calls: each call still ends with the right value, by a unary retry."""
    with RunningServer() as own, lossd.Client(own.target) as client:
        for _ in range(3):
            client.evaluate(lossd.MSELoss(), [2.0], [0.0])
        killer = threading.Timer(0.5, lambda: os.kill(own.workers()[0], signal.SIGKILL))
        killer.start()
        until = time.monotonic() + 4.0
        count = 0
        while time.monotonic() < until:
            assert client.evaluate(lossd.MSELoss(), [2.0], [0.0]).value == 4.0
            count += 1
        assert count > 100
        assert own.metric('lossd_worker_restarts_total{device="cpu:0"}') == 1.0


def test_a_server_that_goes_ends_the_stream_in_good_order() -> None:
    """SIGTERM under a caller who never pauses: exit code 0 at once, and the caller learns Unavailable."""
    own = RunningServer()
    with lossd.Client(own.target, timeout=5.0) as client:
        ended: list[BaseException] = []

        def hammer() -> None:
            try:
                while True:
                    client.evaluate(lossd.MSELoss(), [1.0], [0.0])
            except lossd.LossdError as error:
                ended.append(error)

        thread = threading.Thread(target=hammer)
        thread.start()
        time.sleep(0.5)
        begun = time.monotonic()
        assert own.stop() == 0
        assert time.monotonic() - begun < 5.0
        thread.join(20)
    assert isinstance(ended[0], lossd.Unavailable)


def test_an_idle_stream_does_not_hold_up_the_end_of_the_server() -> None:
    """SIGTERM with a stream open and nothing on it: exit code 0 well before the drain time of 30 s."""
    own = RunningServer()
    with lossd.Client(own.target) as client:
        for _ in range(3):
            client.evaluate(lossd.MSELoss(), [1.0], [0.0])
        begun = time.monotonic()
        assert own.stop() == 0
        assert time.monotonic() - begun < 5.0


def test_a_stopped_server_does_not_hold_its_caller() -> None:
    """SIGSTOP: a call on the stream ends by its deadline plus a second; after SIGCONT the next one answers."""
    with RunningServer() as own, lossd.Client(own.target) as client:
        for _ in range(3):
            client.evaluate(lossd.MSELoss(), [1.0], [0.0])
        os.kill(own.process.pid, signal.SIGSTOP)
        try:
            begun = time.monotonic()
            with pytest.raises((lossd.DeadlineExceeded, lossd.Unavailable)):
                client.evaluate(lossd.MSELoss(), [1.0], [0.0], timeout=1.5)
            assert time.monotonic() - begun < 2.5
        finally:
            os.kill(own.process.pid, signal.SIGCONT)
        assert client.evaluate(lossd.MSELoss(), [1.0], [0.0]).value == 1.0


def test_a_program_that_forgets_to_close_ends(server: RunningServer) -> None:
    """The standing stream's threads keep no interpreter alive."""
    program = (
        "import sys, lossd; client = lossd.Client(sys.argv[1]);"
        "print([client.evaluate(lossd.MSELoss(), [2.0], [0.0]).value for _ in range(5)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, server.target], capture_output=True, text=True, timeout=20, check=True
    )
    assert done.stdout == "[4.0, 4.0, 4.0, 4.0, 4.0]\n"
    assert done.stderr == ""
