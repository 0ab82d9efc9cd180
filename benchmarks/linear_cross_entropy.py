"""Memory and time of cross entropy over a large vocabulary: `python -m benchmarks.linear_cross_entropy`.

LinearCrossEntropyLoss, all logits at once and in chunks, beside the logits made by the caller and sent to
CrossEntropyLoss. Each way has a server of its own; what is reported is how far the peak of the process that used most
rose over what it held before, and the median time, rounds interleaved.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack

import lossd
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.processes import ServerProcess

SERVE = [
    sys.executable,
    "-m",
    "lossd_server",
    "--address",
    "127.0.0.1:0",
    "--metrics-address",
    "",
    "--devices",
    "cpu:0",
]


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2048)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--classes", type=int, default=32000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    x = random.standard_normal((options.rows, options.width), np.float32)
    weight = random.standard_normal((options.classes, options.width), np.float32) / 16
    target = random.integers(0, options.classes, options.rows)
    shape = {"in_features": options.width, "num_classes": options.classes}
    chunks = lossd.losses.LinearCrossEntropyOptions()

    def linear(chunked: bool) -> Callable[[lossd.Client], float]:
        loss = lossd.LinearCrossEntropyLoss(**shape, options=chunks if chunked else None)
        return lambda client: float(
            client.evaluate(loss, x, target, gradients=True, **{"linear.weight": weight}).value or 0
        )

    def logits(client: lossd.Client) -> float:
        return float(client.evaluate(lossd.CrossEntropyLoss(), x @ weight.T, target, gradients=True).value or 0)

    ways = {"linear, at once": linear(False), "linear, in chunks": linear(True), "logits sent": logits}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    peaks, values = dict[str, int](), dict[str, float]()
    with ExitStack() as stack:
        servers = {name: stack.enter_context(ServerProcess(SERVE)) for name in ways}
        clients = {name: stack.enter_context(lossd.Client(servers[name].target)) for name in ways}
        for name in ways:
            clients[name].evaluate(lossd.MSELoss(), [1.0], [2.0], gradients=True)
            before = servers[name].resident_bytes()
            servers[name].forget_peak()
            values[name] = ways[name](clients[name])
            peaks[name] = servers[name].peak_bytes() - min(before, servers[name].peak_bytes())
        for _ in range(options.rounds):
            for name, call in ways.items():
                begun = time.perf_counter()
                call(clients[name])
                seconds[name].append(time.perf_counter() - begun)
    table = Table(f"N={options.rows} D={options.width} V={options.classes}", "value", "peak MiB", "ms")
    for name in ways:
        table.add_row(
            name, f"{values[name]:.6f}", f"{peaks[name] / 2**20:.0f}", f"{1000 * statistics.median(seconds[name]):.0f}"
        )
    Console().print(table)


if __name__ == "__main__":
    main()
