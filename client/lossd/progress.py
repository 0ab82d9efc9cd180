"""Shows how far a `fit` is: a live bar on a terminal or in a notebook, a line an epoch elsewhere; knows no call.

rich is imported only when something is shown.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from lossd.training_results import Epoch, Progress

Report: TypeAlias = "Callable[[Progress | None], None]"


@contextmanager
def reporting(wanted: bool | Callable[[Progress], object], epochs: int) -> Iterator[Report]:
    """Gives what is to be called with each progress; None is passed over.

    Args:
        wanted: True for a live bar, or a function to be called.
        epochs: how many there are to be.
    """
    if callable(wanted):
        call = wanted
        yield lambda progress: None if progress is None else (call(progress), None)[1]
    elif wanted:
        with _bar(epochs) as report:
            yield report
    else:
        yield lambda progress: None


def line(epoch: Epoch) -> str:
    """An epoch in one line.

    >>> line(Epoch(3, 30, 0.25, 0.5, {}, {"accuracy": 0.875}, 1.0, (0.01,), 0.1))
    'loss 0.25  validation 0.5  accuracy 0.875  lr 0.01'
    """
    parts = [f"loss {epoch.value:.4g}"]
    if epoch.validation_value is not None:
        parts.append(f"validation {epoch.validation_value:.4g}")
    parts += [f"{name} {value:.4g}" for name, value in epoch.metrics.items()]
    parts += [f"lr {epoch.lr[0]:.3g}"] if epoch.lr else []
    return "  ".join(parts)


@contextmanager
def _bar(epochs: int) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    if not (console.is_terminal or console.is_jupyter):
        yield _lines(epochs)
        return
    columns = (TextColumn("{task.description}"), BarColumn(24), TimeElapsedColumn(), TextColumn("left"),
               TimeRemainingColumn(), TextColumn("{task.fields[said]}", markup=False))  # fmt: skip
    with Bar(*columns, console=console) as bar:
        task = bar.add_task(f"epoch 0/{epochs}", total=1.0, said="")
        said = ""

        def report(progress: Progress | None) -> None:
            nonlocal said
            if progress is None:
                return
            if progress.ended:
                said = line(progress.ended[-1])
            bar.update(
                task,
                description=f"epoch {progress.epoch}/{epochs}",
                total=None if progress.fraction is None else 1.0,
                completed=progress.fraction or 0.0,
                said=said or f"loss {progress.value:.4g}",
            )

        yield report


def _lines(epochs: int) -> Report:
    def report(progress: Progress | None) -> None:
        for epoch in progress.ended if progress is not None else ():
            print(f"epoch {epoch.epoch}/{epochs}  {line(epoch)}", file=sys.stderr, flush=True)

    return report
