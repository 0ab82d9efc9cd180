"""What diagnostics of an evaluation cost: `python -m benchmarks.diagnostics`.

First the bare evaluations in this process, off, cheap and full in turn, and the medians of their times; then calls of
a client to a server in this process, off and cheap in turn, which is what a caller sees.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator

import lossd
import torch
from lossd_server.judge.diagnostics.evaluation import diagnose
from lossd_server.judge.diagnostics.findings import Level
from lossd_server.losses import catalogue
from lossd_server.losses.binding import BoundEntry
from lossd_server.losses.evaluation import evaluate
from rich.console import Console
from rich.table import Table
from torch import Tensor

SHAPES = ((1, 10), (32, 10), (1024, 4096))


def cases(shape: tuple[int, int]) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """The losses measured, and healthy inputs."""
    generator = torch.Generator().manual_seed(0)
    x, noise = torch.randn(2, *shape, generator=generator)
    yield "cross_entropy_loss", {"input": x, "target": torch.randint(shape[1], shape[:1], generator=generator)}
    yield "bce_with_logits_loss", {"input": x, "target": (noise > 0).float()}
    yield "mse_loss", {"input": x, "target": x + noise / 2}


def measure(name: str, inputs: dict[str, Tensor], gradients: tuple[str, ...], rounds: int) -> dict[Level, list[float]]:
    """Seconds of evaluations, with what diagnostics add, by level."""
    entry = catalogue.find(name)
    assert isinstance(entry, BoundEntry)
    loss = entry.build({}, path="loss", allow_broadcast=False)
    times: dict[Level, list[float]] = {level: [] for level in Level}
    for turn in range(rounds + 2):
        for level in Level if turn % 3 == 0 or inputs["input"].numel() < 1000 else (Level.OFF, Level.CHEAP):
            tensors = {key: tensor.detach() for key, tensor in inputs.items()}
            begun = time.perf_counter()
            result = evaluate(loss, tensors, gradients)
            if level is not Level.OFF:
                diagnose(loss, tensors, result, level)
            if turn > 1:
                times[level].append(time.perf_counter() - begun)
    return times


def added(inputs: dict[str, Tensor], name: str, gradients: tuple[str, ...], rounds: int) -> float:
    """Seconds of `cheap` right after an evaluation, which leaves little of it in the processor's caches."""
    entry = catalogue.find(name)
    assert isinstance(entry, BoundEntry)
    loss, times = entry.build({}, path="loss", allow_broadcast=False), []
    for _ in range(rounds):
        tensors = {key: tensor.detach() for key, tensor in inputs.items()}
        result = evaluate(loss, tensors, gradients)
        begun = time.perf_counter()
        diagnose(loss, tensors, result, Level.CHEAP)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def served(rounds: int) -> Table:
    """Calls of a client of a server on this machine."""
    table = Table("loss", "gradients", "off", "cheap", "more", title="a call of 1024×4096 to an embedded server")
    with lossd.local() as client:
        for name, inputs in cases((1024, 4096)):
            arrays = {key: tensor.numpy() for key, tensor in inputs.items()}
            loss = {"cross": lossd.CrossEntropyLoss, "bce_w": lossd.BCEWithLogitsLoss, "mse_l": lossd.MSELoss}[
                name[:5]
            ]()
            for gradients in (False, True):
                times: dict[str, list[float]] = {"off": [], "cheap": []}
                for turn in range(rounds + 2):
                    for level in ("off", "cheap") if turn % 2 else ("cheap", "off"):
                        begun = time.perf_counter()
                        client.evaluate(loss, gradients=gradients, diagnostics=level, **arrays)
                        if turn > 1:
                            times[level].append(time.perf_counter() - begun)
                off, cheap = (statistics.median(of) for of in times.values())
                table.add_row(name, "yes" if gradients else "no", f"{off * 1e3:.1f} ms", f"{cheap * 1e3:.1f} ms",
                              f"{cheap / off - 1:+.1%}")  # fmt: skip
    return table


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    table = Table("loss", "elements", "gradients", "off", "cheap", "cheap itself", "of off", "full")
    for shape in SHAPES:
        for name, inputs in cases(shape):
            for gradients in ((), ("input",)):
                many = rounds if shape[0] > 100 else 20 * rounds
                times = {level: statistics.median(of) for level, of in measure(name, inputs, gradients, many).items()}
                alone = added(inputs, name, gradients, many)
                table.add_row(
                    name,
                    f"{shape[0]}×{shape[1]}",
                    "yes" if gradients else "no",
                    *(f"{times[level] * 1e6:,.0f} µs" for level in (Level.OFF, Level.CHEAP)),
                    f"{alone * 1e6:,.0f} µs",
                    f"{alone / times[Level.OFF]:.1%}",
                    f"{times[Level.FULL] * 1e6:,.0f} µs",
                )
    Console(width=120).print(table)
    Console(width=120).print(served(rounds))


if __name__ == "__main__":
    main()
