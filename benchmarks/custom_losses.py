"""A loss said in three ways, measured in one run: `python -m benchmarks.custom_losses`.

The squared error as the built-in MSELoss, and MSE + 0.1 Σ|e| as a weighted sum of built-ins, each beside the same as an
expression and as a program.

Calls are interleaved, each way in turn, and what is reported is the median, so that a noisy neighbour hits all alike.
"""

from __future__ import annotations

import argparse
import statistics
import time

import lossd
import numpy as np
import torch
from lossd.torch import export_loss
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

SHAPES = {"[32,10]": (32, 10), "[1024,1024]": (1024, 1024)}


class Squared(nn.Module):
    """The squared error as a module."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002  # torch's name
        return ((input - target) ** 2).mean()


class MSEAndAbsolute(nn.Module):
    """The loss as a module."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002  # torch's name
        error = input - target
        return (error**2).mean() + 0.1 * error.abs().sum()


def ways(shape: tuple[int, int]) -> dict[str, lossd.Loss]:
    """Each loss three times, the built-in first."""
    example = [torch.zeros(shape), torch.zeros(shape)]
    return {
        "MSE, built in": lossd.MSELoss(),
        "MSE, expression": lossd.Expression("mean((input - target)**2)"),
        "MSE, program": export_loss(Squared(), example),
        "MSE + 0.1 Σ|e|, built in": lossd.MSELoss() + 0.1 * lossd.L1Loss(reduction="sum"),
        "MSE + 0.1 Σ|e|, expression": lossd.Expression("mean((input - target)**2) + 0.1*sum(abs(input - target))"),
        "MSE + 0.1 Σ|e|, program": export_loss(MSEAndAbsolute(), example),
    }


def measure(client: lossd.Client, shape: tuple[int, int], rounds: int) -> dict[str, float]:
    """Median milliseconds of a call with both gradients, by way."""
    random = np.random.default_rng(0)
    x, y = (random.standard_normal(shape, np.float32) for _ in range(2))
    losses, seconds = ways(shape), dict[str, list[float]]()
    for round_ in range(rounds + 3):  # the first few warm up
        for name, loss in losses.items():
            begun = time.perf_counter()
            client.evaluate(loss, x, y, gradients=True)
            if round_ >= 3:
                seconds.setdefault(name, []).append(time.perf_counter() - begun)
    return {name: 1000 * statistics.median(each) for name, each in seconds.items()}


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", help="HOST:PORT; default one inside this process")
    parser.add_argument("--rounds", type=int, default=300)
    options = parser.parse_args()
    table = Table("loss", *(f"{name}\nms (ratio)" for name in SHAPES))
    with lossd.Client(options.server) if options.server else lossd.local() as client:
        found = {
            name: measure(client, shape, options.rounds if shape[0] < 1000 else max(options.rounds // 10, 5))
            for name, shape in SHAPES.items()
        }
    for way in next(iter(found.values())):
        first = way.rpartition(",")[0] + ", built in"
        table.add_row(way, *(f"{each[way]:.3f} ({each[way] / each[first]:.2f})" for each in found.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
