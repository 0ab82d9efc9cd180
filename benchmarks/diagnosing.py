"""What diagnostics of a training cost: `python -m benchmarks.diagnosing`.

The same steps in sessions of one worker in this process, off, cheap and full in turn, medians reported: TrainStep call
by call, and Fit of many epochs. No network is in between, which would make the differences look smaller. Counted is
processor time of one thread, which noisy neighbours lengthen least.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

from lossd.v1 import training_service_pb2 as pb
from lossd_server.worker.worker import Worker
from rich.console import Console
from rich.table import Table

from benchmarks.durability import call
from benchmarks.training import TASKS, Task

LEVELS = {"off": 1, "cheap": 2, "full": 3}
LARGE = {"256-1024-1024-10, 256 rows": Task([256, 1024, 1024, 10], 256)}


def steps(worker: Worker, session_id: str, request: Any, count: int) -> float:
    """Seconds of a TrainStep, of so many one after another."""
    begun = time.process_time()
    for _ in range(count):
        call(worker, "TrainStep", request, pb.TrainStepResponse)
    return (time.process_time() - begun) / count


def fit(worker: Worker, session_id: str, request: Any, count: int) -> float:
    """Seconds of a step of a Fit of so many, each an epoch."""
    begun, after, answer = time.process_time(), 0, None
    while answer is None or not answer.stop_reason:
        asked = request
        if answer is not None:
            after = answer.epochs[-1].epoch if answer.epochs else after
            asked = pb.FitRequest(session_id=session_id, seq=answer.seq, resume=True, after_epoch=after)
        answer = call(worker, "Fit", asked, pb.FitResponse)
    return (time.process_time() - begun) / count


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.diagnosing", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=100)
    options = parser.parse_args()
    worker = Worker("cpu:0", "w", max_sessions=100, threads=1)
    table = Table("", *LEVELS, title="microseconds a step, and what is added to off")
    for name, task in (TASKS | LARGE).items():
        for verb, run, kind in (("TrainStep", steps, pb.TrainStepRequest), ("Fit", fit, pb.FitRequest)):
            count = options.steps if name in TASKS else max(options.steps // 10, 10)
            count *= 10 if verb == "Fit" else 1
            requests = {}
            for level, number in LEVELS.items():
                session_id = call(worker, "CreateSession", task.request(), pb.CreateSessionResponse).session.session_id
                request = task.fill(kind(session_id=session_id, diagnostics=number))
                if verb == "Fit":
                    request.epochs, request.batch_size = count, 0
                requests[level] = session_id, request
            times: dict[str, list[float]] = {level: [] for level in LEVELS}
            for turn in range(options.rounds + 1):
                for level, (session_id, request) in requests.items():
                    seconds = run(worker, session_id, request, count)
                    if turn:  # the first warms up
                        times[level].append(seconds)
            medians = {level: statistics.median(own) for level, own in times.items()}
            cells = [f"{own * 1e6:.0f} (+{own / medians['off'] - 1:.0%})" for own in medians.values()]
            table.add_row(f"{verb}, {name}", *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
