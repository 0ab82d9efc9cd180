"""Training over the socket beside a local torch loop, measured in one run: `python -m benchmarks.training`.

The guide's loop, a linear layer of one weight on three examples, as a local loop, as one Fit, as calls of TrainStep one
after another, and as a TrainStream with many under way; and the same for a small network. Ways are interleaved, each in
turn, and what is reported is the median, so that a noisy neighbour hits all alike.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import grpc
import torch
from google.protobuf import json_format
from lossd.v1 import training_service_pb2 as pb
from lossd.v1 import training_service_pb2_grpc
from rich.console import Console
from rich.table import Table
from torch import nn

from benchmarks.processes import ServerProcess


class Task:
    """A model, as torch and as the contract say it, and its examples.

    Args:
        sizes: of the layers, with ReLU between them.
        rows: examples.
    """

    def __init__(self, sizes: list[int], rows: int) -> None:
        self.sizes = sizes
        self.inputs = torch.randn(rows, sizes[0])
        self.targets = torch.randn(rows, sizes[-1])

    def module(self) -> nn.Sequential:
        parts: list[nn.Module] = []
        for before, after in zip(self.sizes, self.sizes[1:], strict=False):
            parts += [nn.Linear(before, after), nn.ReLU()]
        return nn.Sequential(*parts[:-1])

    def request(self) -> pb.CreateSessionRequest:
        parts: list[dict[str, Any]] = []
        for before, after in zip(self.sizes, self.sizes[1:], strict=False):
            parts += [{"linear": {"in_features": before, "out_features": after}}, {"relu": {}}]
        model = {"sequential": {"modules": parts[:-1]}}
        asked = {"model": model, "loss": {"mse_loss": {}}, "optimizer": {"sgd": {"lr": 0.01}}}
        return json_format.ParseDict(asked, pb.CreateSessionRequest())

    def fill(self, request: Any) -> Any:
        for field, given in ((request.inputs["input"], self.inputs), (request.targets["target"], self.targets)):
            field.dtype = 1
            field.shape.extend(given.shape)
            field.raw = given.numpy().tobytes()
        return request


TASKS = {"Linear(1,1), 3 rows": Task([1, 1], 3), "64-256-10, 32 rows": Task([64, 256, 10], 32)}


def local(task: Task, steps: int) -> Callable[[], None]:
    """The loop that one would write."""
    model, loss = task.module(), nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def run() -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            value = loss(model(task.inputs), task.targets)
            value.backward()
            optimizer.step()
            value.item()

    return run


def remote(stub: Any, task: Task, steps: int) -> dict[str, Callable[[], None]]:
    """The ways over the socket."""
    session_id = stub.CreateSession(task.request(), timeout=60).session.session_id
    fit = task.fill(pb.FitRequest(session_id=session_id, epochs=steps))
    single = task.fill(pb.TrainStepRequest(session_id=session_id))
    member = pb.TrainStreamRequest(session_id=session_id, train_step=task.fill(pb.TrainStepRequest()))

    def run_fit() -> None:
        answers = list(stub.Fit(fit, timeout=60))
        assert sum(len(answer.epochs) for answer in answers) == steps

    def run_calls() -> None:
        for _ in range(steps):
            stub.TrainStep(single, timeout=60)

    def run_stream() -> None:
        for answer in stub.TrainStream(itertools.repeat(member, steps), timeout=60):
            assert answer.HasField("train_step"), answer

    return {"Fit": run_fit, "TrainStream": run_stream, "TrainStep": run_calls}


def measure(ways: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Median seconds of each way."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, run in ways.items():
            begun = time.perf_counter()
            run()
            if turn:  # the first warms up
                times[name].append(time.perf_counter() - begun)
    return {name: statistics.median(own) for name, own in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=100)
    options = parser.parse_args()
    table = Table("", *TASKS, title=f"{options.steps} steps: milliseconds, and times the local loop")
    command = [sys.executable, "-m", "lossd_server", "--address", "127.0.0.1:0", "--metrics-address", ""]
    found: dict[str, list[str]] = {}
    with ServerProcess(command) as server, grpc.insecure_channel(server.target) as channel:
        stub = training_service_pb2_grpc.TrainingServiceStub(channel)
        for task in TASKS.values():
            medians = measure(
                {"local": local(task, options.steps), **remote(stub, task, options.steps)}, options.rounds
            )
            for name, seconds in medians.items():
                text = f"{seconds * 1e3:.1f} ms, {seconds / medians['local']:.2f}×"
                found.setdefault(name, []).append(text)
    for name, cells in found.items():
        table.add_row(name, *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
