"""Programs against a real server: uploaded once, named by their hash after that, and sent again where they are gone."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import signal
import time
import zipfile
from collections.abc import Iterator

import lossd
import numpy as np
import pytest
import torch
from lossd.torch import export_loss
from lossd_server.limits import MAX_PROGRAMS
from running import RunningServer
from torch import Tensor, nn

GUIDE = ([78.0, 85.0, 92.0], [80.0, 87.0, 90.0])
"""MSE 4 and three absolute errors of 2: 4 + 0.1 × 6."""


class Own(nn.Module):
    def __init__(self, factor: float = 0.1) -> None:
        super().__init__()
        self.register_buffer("factor", torch.tensor(factor))

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        error = input - target
        return (error**2).mean() + self.factor * error.abs().sum()


def own(factor: float = 0.1) -> lossd.Program:
    example = {"input": torch.zeros(3), "target": torch.zeros(3)}
    return export_loss(Own(factor), example, dynamic={"input": {0: "n"}, "target": {0: "n"}})


@pytest.fixture(scope="module")
def running() -> Iterator[RunningServer]:
    with RunningServer() as server:
        yield server


def received(server: RunningServer) -> float:
    """Bytes that the server has received in requests."""
    return server.metric('lossd_payload_bytes_total{direction="in",transport="grpc"}')


def test_every_way_of_evaluating_a_program(running: RunningServer) -> None:
    """Alone, in a sum, a batch, a stream, a dry run and by the asynchronous client, each with a program of its own."""
    with lossd.Client(running.target) as client:
        for again in range(3):
            result = client.evaluate(own(), *GUIDE, gradients=True)
            assert result.value == pytest.approx(4.6, abs=1e-6), again
        summed = client.evaluate(own(0.2) + 2 * lossd.L1Loss(), *GUIDE)
        assert summed.terms["program"] == pytest.approx(5.2, abs=1e-6)
        batch = client.evaluate_batch([lossd.Evaluation(own(0.3), *GUIDE), lossd.Evaluation(own(0.3), *GUIDE)])
        assert [outcome.value for outcome in batch] == pytest.approx([5.8, 5.8], abs=1e-5)
        several = [own(0.4), lossd.MSELoss(), own(0.4)]
        stream = list(client.evaluate_stream(lossd.Evaluation(loss, *GUIDE) for loss in several))
        assert [outcome.value for outcome in stream] == pytest.approx([6.4, 4.0, 6.4], abs=1e-5)
        checked = client.validate(own(0.5), input=("float32", (7,)), target=("float32", (7,)))
        assert tuple(checked.result.shape) == ()

    async def asynchronous() -> list[float]:
        async with lossd.AsyncClient(running.target) as client:
            values = await asyncio.gather(*(client.evaluate(own(0.6), *GUIDE) for _ in range(8)))
            streamed = [o async for o in client.evaluate_stream([lossd.Evaluation(own(0.7), *GUIDE)])]
            return [value.value for value in (*values, *streamed)]

    assert asyncio.run(asynchronous()) == pytest.approx([7.6] * 8 + [8.2], abs=1e-5)


def test_a_program_is_uploaded_once(running: RunningServer) -> None:
    """After the first call only the hash travels: requests are smaller than the archive."""

    class Big(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("weight", torch.ones(3, 5000))

        def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
            return ((input - target) @ self.weight).square().mean()

    loss = export_loss(Big(), [torch.zeros(3), torch.zeros(3)])
    assert len(loss.archive) > 60_000
    with lossd.Client(running.target) as client:
        client.evaluate(loss, *GUIDE)
        before = received(running)
        for _ in range(5):
            client.evaluate(loss, *GUIDE)
        assert received(running) - before < 5 * 1000


def test_an_evicted_program_is_sent_again(running: RunningServer) -> None:
    """A worker keeps so many; the first, long gone, is evaluated again and nobody notices."""
    first = own(1.0)
    other = own(2.0)
    with lossd.Client(running.target) as client:
        assert client.evaluate(first, *GUIDE).value == pytest.approx(10.0, abs=1e-5)
        for number in range(MAX_PROGRAMS + 2):
            client.evaluate(variant(other, number), *GUIDE)
        with pytest.raises(lossd.NotFound) as gone:
            client.evaluate(lossd.Program(sha256=first.sha256), *GUIDE)
        assert gone.value.reason == "PROGRAM_NOT_FOUND"
        assert client.evaluate(first, *GUIDE).value == pytest.approx(10.0, abs=1e-5)


def variant(program: lossd.Program, number: int) -> lossd.Program:
    """Another program: the buffer has another value, written into the archive's bytes and checksum."""
    with zipfile.ZipFile(io.BytesIO(program.archive)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in files if name.endswith("tensor_0"))
    files[name] = np.float32(number).tobytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return lossd.Program(archive=packed.getvalue())


def test_a_program_outlives_the_worker_that_held_it(running: RunningServer) -> None:
    """kill -9 of the worker: the next call reaches one that holds nothing, and answers."""
    loss = own(1.5)
    with lossd.Client(running.target) as client:
        expected = client.evaluate(loss, *GUIDE).value
        (worker,) = running.workers()
        os.kill(worker, signal.SIGKILL)
        time.sleep(0.5)
        running.wait_healthy()
        assert client.evaluate(loss, *GUIDE).value == expected


def test_a_session_trains_on_a_program(running: RunningServer) -> None:
    """A program is a session's loss as any other."""

    class Squared(nn.Module):
        def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
            return (input - target).square().mean()

    example = [torch.zeros(3, 1), torch.zeros(3, 1)]
    model = lossd.nn.Linear(1, 1)
    x, y = np.float32([[1], [2], [3]]), np.float32([[2], [4], [6]])
    with lossd.Client(running.target) as client:
        values = []
        for loss in (export_loss(Squared(), example), lossd.MSELoss()):
            with client.create_session(model=model, loss=loss, optimizer=lossd.optim.SGD(lr=0.01)) as session:
                values.append([session.step(x, y).value for _ in range(3)])
    assert values[0] == values[1]


def test_an_operator_can_switch_programs_off() -> None:
    """programs=off: INVALID_ARGUMENT, UNSUPPORTED, and what to do instead; GetServerInfo says so."""
    with RunningServer("--programs", "off") as server, lossd.Client(server.target) as client:
        with pytest.raises(lossd.InvalidArgument, match="operator") as refused:
            client.evaluate(own(), *GUIDE)
        assert refused.value.reason == "UNSUPPORTED"
        assert client.server_info().policies["programs"] == "off"


def test_grpcurl_sends_an_archive(running: RunningServer) -> None:
    """Any client can: the archive is base64 in JSON, and the hash may be left out."""
    request = {
        "loss": {"program": {"archive": base64.b64encode(own().archive).decode()}},
        "inputs": {"input": {"values": GUIDE[0]}, "target": {"values": GUIDE[1]}},
        "gradients": ["input"],
    }
    answer = running.grpcurl("lossd.v1.EvaluationService/EvaluateLoss", json.dumps(request))
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["value"] == pytest.approx(4.6, abs=1e-6)
    named = request | {"loss": {"program": {"sha256": own().sha256}}}
    answer = running.grpcurl("lossd.v1.EvaluationService/EvaluateLoss", json.dumps(named))
    assert json.loads(answer.stdout)["value"] == pytest.approx(4.6, abs=1e-6)
