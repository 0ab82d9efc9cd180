"""What `lossd train` shows while it runs: a bar, the losses as lines of blocks, the numbers; knows no call."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lossd.progress import line
from lossd.training_results import Epoch, Progress

BLOCKS = "▁▂▃▄▅▆▇█"
_LINES = 10
"""Lines that are printed at most where there is no terminal."""


@contextmanager
def showing(epochs: int, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """Gives what is to be called with each progress; it draws on a terminal, and else prints a line now and then."""
    console = Console(stderr=True)
    if quiet:
        yield lambda progress: None
        return
    if not console.is_terminal:
        yield lambda progress: _print(progress, epochs)
        return
    ended: list[Epoch] = []
    with Live(console=console, refresh_per_second=8) as live:

        def show(progress: Progress) -> None:
            ended.extend(progress.ended)
            live.update(_picture(progress, ended, max(console.width - 34, 10)))

        yield show


def sparkline(values: Sequence[float], width: int, low: float, high: float) -> str:
    """Values as blocks from `low` to `high`, the last of each group where there are more than `width`.

    >>> sparkline([4.0, 2.0, 1.0, 0.5], 10, 0.5, 4.0)
    '█▄▂▁'
    """
    if len(values) > width:
        values = [values[(index + 1) * len(values) // width - 1] for index in range(width)]
    span = high - low or 1.0
    parts = (min(max((value - low) / span, 0.0), 1.0) if math.isfinite(value) else 1.0 for value in values)
    return "".join(BLOCKS[round(part * (len(BLOCKS) - 1))] for part in parts)


def _picture(progress: Progress, ended: Sequence[Epoch], width: int) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=1.0, completed=progress.fraction or 0.0, width=min(width, 40))
    table.add_row(f"epoch {progress.epoch}/{progress.epochs}", bar, "")
    curves = {"loss": [epoch.value for epoch in ended]}
    if ended and ended[0].validation_value is not None:
        curves["validation"] = [epoch.validation_value or 0.0 for epoch in ended]
    losses = [value for values in curves.values() for value in values]
    for name, values in curves.items() if ended else ():
        style = "cyan" if name == "loss" else "yellow"
        table.add_row(name, Text(_drawn(values, width, losses), style=style), f"{values[-1]:.4g}")
    for name in ended[-1].metrics if ended else ():
        values = [epoch.metrics[name] for epoch in ended]
        table.add_row(name, Text(_drawn(values, width, values), style="green"), f"{values[-1]:.4g}")
    return Group(table)


def _drawn(values: Sequence[float], width: int, among: Sequence[float]) -> str:
    """Values as blocks between the least and the greatest finite one `among` some."""
    finite = [value for value in among if math.isfinite(value)] or [0.0]
    return sparkline(values, width, min(finite), max(finite))


def _print(progress: Progress, epochs: int) -> None:
    every = math.ceil(epochs / _LINES)
    for epoch in progress.ended:
        if epoch.epoch % every == 0 or epoch.epoch in (1, epochs):
            print(f"epoch {epoch.epoch}/{epochs}  {line(epoch)}", file=sys.stderr, flush=True)
