"""A data set in chunks of every size, beside one evaluation of it all: `python -m benchmarks.aggregate`.

Every way gives the same loss to the last bit. What is measured is a client and a server on one machine; ways are
interleaved, and what is reported is the median, so that a noisy neighbour hits all alike.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import lossd
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.processes import ServerProcess

SERVE = (sys.executable, "-m", "lossd_server", "--address", "127.0.0.1:0", "--metrics-address", "127.0.0.1:0")


def data(examples: int, classes: int) -> tuple[lossd.Loss, tuple[np.ndarray, np.ndarray]]:
    """A loss and its inputs: numbers, or logits of classes."""
    draw = np.random.default_rng(0)
    if not classes:
        return lossd.MSELoss(), tuple(draw.normal(size=(2, examples)).astype(np.float32))
    logits = draw.normal(size=(examples, classes)).astype(np.float32)
    return lossd.CrossEntropyLoss(), (logits, draw.integers(0, classes, examples))


def in_chunks(client: lossd.Client, loss: lossd.Loss, arrays: tuple[np.ndarray, ...], size: int, **asked: str) -> float:
    with client.aggregate(loss, **asked) as total:
        for start in range(0, len(arrays[0]), size):
            total.update(*(array[start : start + size] for array in arrays))
        return total.result().value


def measured(ways: dict[str, Callable[[], float]], rounds: int) -> dict[str, tuple[float, float]]:
    """Median seconds of each way, and what it answered."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    answers: dict[str, float] = {}
    for _ in range(rounds):
        for name, way in ways.items():
            begun = time.perf_counter()
            answers[name] = way()
            seconds[name].append(time.perf_counter() - begun)
    return {name: (statistics.median(found), answers[name]) for name, found in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=1_000_000)
    parser.add_argument("--classes", type=int, default=0, help="0 for numbers and MSELoss")
    parser.add_argument("--chunks", type=int, nargs="+", default=[100, 1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    loss, arrays = data(options.examples, options.classes)
    size = sum(array.nbytes for array in arrays)
    with ServerProcess(SERVE) as server, lossd.Client(server.target) as client:
        ways: dict[str, Callable[[], float]] = {
            f"chunks of {chunk:,}": lambda chunk=chunk: in_chunks(client, loss, arrays, chunk)
            for chunk in options.chunks
        }
        most = max(options.chunks)
        ways |= {
            f"chunks of {most:,}, diagnostics {level}": lambda level=level: in_chunks(
                client, loss, arrays, most, diagnostics=level
            )
            for level in ("cheap", "full")
        }
        ways["one EvaluateLoss"] = lambda: float(client.evaluate(loss, *arrays).value or 0.0)
        found = measured(ways, options.rounds)
    table = Table("way", "seconds", "examples/s", "MB/s", "loss")
    for name, (seconds, value) in found.items():
        rates = f"{options.examples / seconds:,.0f}", f"{size / seconds / 1e6:,.0f}"
        table.add_row(name, f"{seconds:.3f}", *rates, repr(value))
    Console(width=None if sys.stdout.isatty() else 120).print(table)


if __name__ == "__main__":
    main()
