"""Draws a training history with matplotlib, which is imported here and nowhere else; knows no call."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from lossd.training_results import Epoch

EXTRA = "plots need matplotlib: pip install 'lossd[plot]', or pip install matplotlib"

_LOSSES, _BEST = ("#1f5fa8", "#d1662b"), "#555555"
_METRICS = ("#2b8a5a", "#8a4fb0", "#b03a5b", "#5c6b2f", "#3a8fa0")


def draw(epochs: Sequence[Epoch], best: int, path: str | os.PathLike[str] | None, *, log: bool, title: str) -> Any:
    """Draws epochs, into a file if there is a path, and returns the axes.

    Raises:
        ImportError: if matplotlib is not there.
        ValueError: if there is no epoch.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError as error:
        raise ImportError(EXTRA, name=error.name) from None
    if not epochs:
        raise ValueError("no epoch has ended: there is nothing to draw")
    metrics = {name: [epoch.metrics[name] for epoch in epochs] for name in epochs[0].metrics}
    figure = _shown() if path is None else Figure()
    figure.set_size_inches(8, 6.4 if metrics else 4.2)
    axes: Any = figure.subplots(1 + bool(metrics), 1, sharex=True, squeeze=False)[:, 0]
    numbers = [epoch.epoch for epoch in epochs]
    losses = {"training": [epoch.value for epoch in epochs]}
    if epochs[0].validation_value is not None:
        losses["validation"] = [epoch.validation_value or 0.0 for epoch in epochs]
    _panel(axes[0], numbers, losses, _LOSSES, best, f"best epoch ({best})")
    axes[0].set(ylabel="loss", title=title, yscale="log" if log else "linear")
    if metrics:
        _panel(axes[1], numbers, metrics, _METRICS, best)
        axes[1].set_ylabel("metric" if len(metrics) > 1 else next(iter(metrics)))
    axes[-1].set_xlabel("epoch")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.set_layout_engine("tight")
    if path is not None:
        figure.savefig(path, dpi=150)
    return axes


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
