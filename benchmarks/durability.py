"""What durability costs a step, and how long recovery takes: `python -m benchmarks.durability`.

The same steps in sessions of each durability on one worker in this process, rounds interleaved, medians reported; then
journals of several lengths, each brought back by a worker that has seen nothing of it. No network is in between.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from lossd.v1 import loss_pb2, model_pb2, optimizer_pb2, tensor_pb2
from lossd.v1 import training_service_pb2 as pb
from lossd_server.worker.worker import Worker
from rich.console import Console
from rich.table import Table

DURABILITIES = {"memory": pb.DURABILITY_MEMORY, "checkpoint": pb.DURABILITY_CHECKPOINT, "step": pb.DURABILITY_STEP}


class Training:
    """A session of a two-layer model on a worker, and its next step."""

    def __init__(self, worker: Worker, durability: int, width: int, rows: int) -> None:
        self._worker = worker
        layers = [
            model_pb2.ModelSpec(linear=model_pb2.Linear(in_features=width, out_features=width)),
            model_pb2.ModelSpec(relu=model_pb2.ReLU()),
            model_pb2.ModelSpec(linear=model_pb2.Linear(in_features=width, out_features=1)),
        ]
        request = pb.CreateSessionRequest(
            model=model_pb2.ModelSpec(sequential=model_pb2.Sequential(modules=layers)),
            loss=loss_pb2.LossSpec(mse_loss=loss_pb2.MSELoss()),
            optimizer=optimizer_pb2.OptimizerSpec(adam=optimizer_pb2.Adam()),
            durability=durability,  # type: ignore[arg-type]  # enums are ints
        )
        self.session_id = call(worker, "CreateSession", request, pb.CreateSessionResponse).session.session_id
        random = np.random.default_rng(0)
        self._step = pb.TrainStepRequest(session_id=self.session_id)
        self._step.inputs["input"].CopyFrom(floats(random.standard_normal((rows, width), np.float32)))
        self._step.targets["target"].CopyFrom(floats(random.standard_normal((rows, 1), np.float32)))

    def step(self) -> float:
        """Seconds that a step takes."""
        begun = time.perf_counter()
        call(self._worker, "TrainStep", self._step, pb.TrainStepResponse)
        return time.perf_counter() - begun


def floats(array: np.ndarray) -> tensor_pb2.Tensor:
    return tensor_pb2.Tensor(dtype=tensor_pb2.DATA_TYPE_FLOAT32, shape=array.shape, raw=array.tobytes())


def call(worker: Worker, verb: str, request: Any, response: Any) -> Any:
    answer = worker.run(verb, [memoryview(request.SerializeToString())], time.monotonic())
    assert not answer.failed, bytes(answer.segments[0])
    return response.FromString(answer.segments[0])


def steps(state_dir: Path, width: int, rows: int, rounds: int) -> Table:
    """The cost of a step, by durability."""
    worker = Worker("cpu:0", "w0-1", max_sessions=10, state_dir=str(state_dir))
    trainings = {name: Training(worker, durability, width, rows) for name, durability in DURABILITIES.items()}
    seconds: dict[str, list[float]] = {name: [] for name in trainings}
    for _ in range(rounds):
        for name, training in trainings.items():
            seconds[name].append(training.step())
    worker.close()
    usual = statistics.median(seconds["memory"])
    table = Table("durability", "median ms", "mean ms", "× memory", title=f"a step of {rows} × {width} float32")
    for name, taken in seconds.items():
        median = statistics.median(taken)
        table.add_row(name, f"{median * 1e3:.3f}", f"{statistics.mean(taken) * 1e3:.3f}", f"{median / usual:.2f}")
    return table


def recoveries(folder: Path, width: int, rows: int, lengths: list[int]) -> Table:
    """The time of the first call of a stored session, by the length of its journal."""
    table = Table("records", "journal MB", "recovery ms", title="the first call of a stored session")
    for length in lengths:
        state_dir = folder / f"journal-{length}"
        worker = Worker("cpu:0", "w0-1", max_sessions=10, state_dir=str(state_dir))
        training = Training(worker, pb.DURABILITY_STEP, width, rows)
        for _ in range(length):
            training.step()
        size = max(path.stat().st_size for path in state_dir.rglob("journal-*.log"))
        shutil.copytree(state_dir, image := folder / f"image-{length}")
        other = Worker("cpu:0", "w0-2", max_sessions=10, state_dir=str(image))
        begun = time.perf_counter()
        request = pb.GetSessionRequest(session_id=training.session_id)
        assert call(other, "GetSession", request, pb.GetSessionResponse).session.step == length
        table.add_row(str(length), f"{size / 1e6:.2f}", f"{(time.perf_counter() - begun) * 1e3:.1f}")
        worker.close()
        other.close()
    return table


def main() -> None:
    """Prints two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--folder", help="where to write; the disk decides what a step costs")
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="lossd-", dir=options.folder) as folder:
        console.print(steps(Path(folder) / "steps", options.width, options.rows, options.rounds))
        console.print(recoveries(Path(folder), options.width, options.rows, [10, 100, 999]))


if __name__ == "__main__":
    main()
