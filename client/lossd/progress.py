"""Shows how far a `fit` or an aggregation is, live on a terminal or in a notebook, else a line an epoch; knows no call.

rich is imported only when something is shown.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from lossd.diagnostics import Diagnostic
from lossd.training_results import Epoch, Progress

Report: TypeAlias = "Callable[[Progress | None], None]"

Counted: TypeAlias = Callable[[int, int], object]
"""Is called with the examples, and the chunks, that were sent so far."""


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


@contextmanager
def counting(wanted: bool | int | Counted) -> Iterator[Counted]:
    """Gives what is to be called with the examples and chunks of a data set that were sent.

    Args:
        wanted: True for a live line on a terminal, the number of examples for a bar, or a function to be called.
    """
    if callable(wanted):
        yield wanted
        return
    if not wanted:
        yield lambda examples, chunks: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    if not (console.is_terminal or console.is_jupyter):
        yield lambda examples, chunks: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(24), TimeElapsedColumn())
    with Bar(*columns, console=console) as bar:
        total = None if wanted is True else wanted
        task = bar.add_task("0 examples", total=total)
        yield lambda examples, chunks: bar.update(
            task, completed=examples, description=f"{examples:,} examples in {chunks:,} chunks"
        )


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


class Warned:
    """Passes on each finding that is more than information once."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str, str]] = set()

    def new(self, progress: Progress) -> Iterator[Diagnostic]:
        """Those of the epochs that have ended which were not passed on before."""
        for finding in (finding for epoch in progress.ended for finding in epoch.diagnostics):
            what = finding.code, finding.field, finding.term
            if finding.severity != "info" and what not in self._told:
                self._told.add(what)
                yield finding


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
        said, warned = "", Warned()

        def report(progress: Progress | None) -> None:
            nonlocal said
            if progress is None:
                return
            if progress.ended:
                said = line(progress.ended[-1])
            for finding in warned.new(progress):
                bar.console.print(str(finding), style="yellow", markup=False, highlight=False)
            bar.update(
                task,
                description=f"epoch {progress.epoch}/{epochs}",
                total=None if progress.fraction is None else 1.0,
                completed=progress.fraction or 0.0,
                said=said or f"loss {progress.value:.4g}",
            )

        yield report


def _lines(epochs: int) -> Report:
    warned = Warned()

    def report(progress: Progress | None) -> None:
        if progress is None:
            return
        for epoch in progress.ended:
            print(f"epoch {epoch.epoch}/{epochs}  {line(epoch)}", file=sys.stderr, flush=True)
        for finding in warned.new(progress):
            print(finding, file=sys.stderr, flush=True)

    return report
