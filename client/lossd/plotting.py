"""Draws a training history with matplotlib, which is imported here and in `pictures` alone; knows no call."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lossd.training_results import Epoch

EXTRA = "plots need matplotlib: pip install 'lossd[plot]', or pip install matplotlib"
SUFFIXES = (".png", ".svg", ".pdf")
"""Of files that it draws into."""

_LOSSES, _BEST = ("#1f5fa8", "#d1662b"), "#555555"
_SCALES = {
    "mae": "error", "rmse": "error", "max_error": "error", "mse": "squared error", "mape": "relative error",
    "true_positives": "count", "true_negatives": "count", "false_positives": "count", "false_negatives": "count",
}  # fmt: skip
"""What a metric measures, where it may be above 1; a panel has one such scale, and one holds all the others."""
_METRICS = ("#2b8a5a", "#8a4fb0", "#b03a5b", "#5c6b2f", "#3a8fa0")


def draw(epochs: Sequence[Epoch], best: int, path: str | os.PathLike[str] | None, *, log: bool, title: str) -> Any:
    """Draws epochs, into a file if there is a path, and returns the axes.

    Raises:
        ImportError: if matplotlib is not there.
        ValueError: if there is no epoch, or the path has another suffix.
    """
    check_path(path)
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError as error:
        raise ImportError(EXTRA, name=error.name) from None
    if not epochs:
        raise ValueError("no epoch has ended: there is nothing to draw")
    panels = _alike({name: [epoch.metrics[name] for epoch in epochs] for name in epochs[0].metrics})
    figure = _shown() if path is None else Figure()
    figure.set_size_inches(8, 4.2 + 2.2 * len(panels))
    axes: Any = figure.subplots(1 + len(panels), 1, sharex=True, squeeze=False)[:, 0]
    numbers = [epoch.epoch for epoch in epochs]
    losses = {"training": [epoch.value for epoch in epochs]}
    if epochs[0].validation_value is not None:
        losses["validation"] = [epoch.validation_value or 0.0 for epoch in epochs]
    _panel(axes[0], numbers, losses, _LOSSES, best, f"best epoch ({best})")
    axes[0].set(ylabel="loss", title=title, yscale="log" if log else "linear")
    for axis, metrics in zip(axes[1:], panels, strict=True):
        _panel(axis, numbers, metrics, _METRICS, best)
        first = next(iter(metrics))
        axis.set_ylabel(_SCALES.get(first, "metric") if len(metrics) > 1 else first)
    axes[-1].set_xlabel("epoch")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.set_layout_engine("tight")
    if path is not None:
        figure.savefig(path, dpi=150)
    return axes


def check_path(path: str | os.PathLike[str] | None) -> None:
    """Refuses a file that it cannot draw into.

    Raises:
        ValueError: with what it can.
    """
    if path is not None and Path(path).suffix.lower() not in SUFFIXES:
        raise ValueError(f"{os.fspath(path)!r} is no file for a plot; expected {', '.join(SUFFIXES)}")


def _alike(metrics: dict[str, list[float]]) -> list[dict[str, list[float]]]:
    """Those of one scale together, in the order of the first of each."""
    panels: dict[str, dict[str, list[float]]] = {}
    for name, values in metrics.items():
        panels.setdefault(_SCALES.get(name, ""), {})[name] = values
    return list(panels.values())


def _shown() -> Any:
    """A figure that a notebook or a window shows; a file alone needs neither."""
    from matplotlib import pyplot

    return pyplot.figure()


def _panel(
    axis: Any,
    numbers: Sequence[int],
    columns: dict[str, list[float]],
    colours: Sequence[str],
    best: int,
    label: str | None = None,
) -> None:
    marker = "o" if len(numbers) == 1 else None  # a line of one point is not seen
    for index, (name, values) in enumerate(columns.items()):
        axis.plot(numbers, values, color=colours[index % len(colours)], linewidth=1.8, marker=marker, label=name)
    if best:
        axis.axvline(best, color=_BEST, linestyle=":", linewidth=1.2, label=label, zorder=1)
    axis.grid(visible=True, color="#e4e4e4", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
    axis.margins(x=0.02)
