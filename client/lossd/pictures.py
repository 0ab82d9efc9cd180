"""Draws histograms and curves as SVG inside a page, in the page's own colours, with matplotlib; knows no page.

Text stays text, so that it can be read, searched and scaled; no picture names a file, a font or an address.
"""

from __future__ import annotations

import io
import re
from typing import Any, NamedTuple

from lossd.explained import Curve, Explained, Histogram
from lossd.outline import lowest, number, sentence

EXTRA = "reports need matplotlib and jinja2: pip install 'lossd[plot]', or pip install matplotlib jinja2"

_INK, _LINE, _ACCENT, _WARM = "#010203", "#010204", "#010205", "#010206"
"""Colours that no picture has, for the page's variables to take the place of."""
_VARIABLES = {_INK: "var(--muted)", _LINE: "var(--line)", _ACCENT: "var(--accent)", _WARM: "var(--warm)"}
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "lossd",
    "font.size": 9,
    "text.color": _INK,
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "axes.formatter.limits": (-3, 4),
    "axes.formatter.use_mathtext": False,
}
_AXES = {
    "loss": "loss", "gradient_norm": "norm", "residual": "prediction − target", "shift": "added", "scale": "factor",
    "true_class_probability": "probability", "true_label_probability": "probability", "temperature": "temperature",
}  # fmt: skip
_UNEVEN = 200
"""How much more the fullest bin may hold than the emptiest for the axis to stay linear."""


class Picture(NamedTuple):
    """One picture: a heading, SVG that is safe to put in a page, and a line that says the same in words."""

    title: str
    svg: str
    words: str


def pictures(explanation: Explained) -> list[Picture]:
    """Every histogram and curve; the loss along the residual has the residuals behind it.

    Raises:
        ImportError: if matplotlib is not there.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise ImportError(EXTRA, name=error.name) from None
    found = []
    with mpl.rc_context(_STYLE):
        for one in explanation.histograms.values():
            if one.counts:
                found.append(_bars(one))
        for curve in explanation.curves.values():
            behind = explanation.histograms.get("residual") if curve.name == "residual" else None
            found.append(_line(curve, behind))
    return found


def _figure() -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(4.6, 2.7), layout="constrained")


def _bars(one: Histogram) -> Picture:
    figure = _figure()
    axis = figure.subplots()
    filled = [count for count in one.counts if count]
    log = max(filled) > _UNEVEN * min(filled)
    widths = [high - low for low, high in zip(one.edges, one.edges[1:], strict=False)]
    axis.bar(one.edges[:-1], one.counts, widths, align="edge", color=_ACCENT, linewidth=0, log=log)
    if not log:
        axis.yaxis.get_major_locator().set_params(integer=True)
    _finish(axis, _AXES.get(one.name, one.name), "count, logarithmic" if log else "count")
    return Picture(sentence(one.title), _svg(figure, one.name), histogram_words(one))


def histogram_words(one: Histogram) -> str:
    """A histogram in a line.

    >>> histogram_words(Histogram("loss", "", (0.0, 1.0, 2.0), (3, 9), 1))
    '12 values from 0 to 2; fullest from 1 to 2: 9; 1 is NaN or infinite'
    """
    rest = f"; {one.nonfinite:,} {'is' if one.nonfinite == 1 else 'are'} NaN or infinite" if one.nonfinite else ""
    if not one.counts:
        return f"no finite value{rest}"
    fullest = max(range(len(one.counts)), key=lambda index: one.counts[index])
    low, high = one.edges[fullest : fullest + 2]
    most = (
        f"; fullest from {number(low, 4)} to {number(high, 4)}: {one.counts[fullest]:,}" if len(one.counts) > 1 else ""
    )
    return f"{sum(one.counts):,} values from {number(one.edges[0], 4)} to {number(one.edges[-1], 4)}{most}{rest}"


def _line(curve: Curve, behind: Histogram | None) -> Picture:
    figure = _figure()
    axis = figure.subplots()
    if behind is not None and behind.counts:
        _residuals(axis, behind)
    axis.plot(curve.x, curve.loss, color=_ACCENT, linewidth=2)
    if curve.name == "temperature":
        axis.set_xscale("log")
        axis.set_xticks([0.1, 0.2, 0.5, 1, 2, 5, 10], ["0.1", "0.2", "0.5", "1", "2", "5", "10"], minor=False)
        axis.set_xticks([], minor=True)
    if curve.at is not None:
        axis.axvline(curve.at, color=_WARM, linewidth=1.2, linestyle=(0, (4, 3)))
        if curve.at in curve.x:
            axis.plot([curve.at], [curve.loss[curve.x.index(curve.at)]], "o", color=_WARM, markersize=5)
    _finish(axis, _AXES.get(curve.name, curve.name), "loss")
    words = f"{sentence(lowest(curve))}{'; pale: the residuals there are' if behind is not None else ''}"
    return Picture(sentence(curve.title), _svg(figure, f"curve-{curve.name}"), words)


def _residuals(axis: Any, behind: Histogram) -> None:
    """The data's residuals as pale bars, against no scale of their own."""
    beside = axis.twinx()
    widths = [high - low for low, high in zip(behind.edges, behind.edges[1:], strict=False)]
    beside.bar(behind.edges[:-1], behind.counts, widths, align="edge", color=_WARM, alpha=0.25, linewidth=0)
    beside.set_axis_off()
    axis.set_zorder(beside.get_zorder() + 1)
    axis.patch.set_visible(False)


def _finish(axis: Any, along: str, up: str) -> None:
    axis.set(xlabel=along, ylabel=up)
    axis.grid(visible=True, axis="y", color=_LINE, linewidth=0.6)
    axis.set_axisbelow(True)
    axis.margins(x=0.02)


def _svg(figure: Any, name: str) -> str:
    """The figure as one element of a page: no prologue, no metadata, and no identifier that another has, too."""
    written = io.StringIO()
    figure.savefig(
        written, format="svg", transparent=True, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
    )
    found = re.search(r"<svg.*</svg>", written.getvalue(), re.DOTALL)
    assert found is not None, "matplotlib writes an svg element"
    svg = re.sub(r"<metadata>.*?</metadata>", "", found[0], flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    view = re.search(r'viewBox="[^"]*"', svg)
    assert view is not None, "matplotlib writes a viewBox"
    svg = re.sub(r"<svg[^>]*>", f'<svg {view[0]} aria-hidden="true">', svg, count=1)
    svg = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", svg).replace("xlink:href", "href")
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    for placeholder, variable in _VARIABLES.items():
        svg = svg.replace(placeholder, variable)
    return svg
