"""An explanation as text: tables, and bars of characters, for 80 columns and more; knows no call and no file."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lossd.diagnostics import Diagnostic
from lossd.explained import Curve, Explained, ExplainedExample, Histogram

_Cell: TypeAlias = "str | Text"

_WIDTH = 80
_BAR = 24
_SHARE = 6
_ROWS = 10
"""Of a histogram: finer bins are joined."""
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEVELS = "▁▂▃▄▅▆▇█"
_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}
_INK = "blue"


def text(explanation: Explained, width: int = _WIDTH) -> str:
    """The page without colour, so many columns wide; no line ends in blanks."""
    written = io.StringIO()
    Console(file=written, width=width, highlight=False, markup=False, color_system=None).print(outline(explanation))
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines())


def outline(explanation: Explained) -> RenderableType:
    """The page, for a console to print."""
    sections: tuple[Callable[[Explained], Iterable[RenderableType]], ...] = (
        _head,
        _diagnostics,
        _terms,
        _worst,
        _histograms,
        _curves,
    )
    return Group(*(part for section in sections for part in section(explanation)))


def _head(explanation: Explained) -> Iterator[RenderableType]:
    yield Text(printable(explanation.loss), style="bold")
    table = _table()
    table.add_column(style="dim", overflow="fold")
    table.add_column(overflow="fold")
    for name, value in facts(explanation):
        table.add_row(printable(name), printable(value))
    yield Padding(table, (0, 0, 0, 2))


def facts(explanation: Explained) -> list[tuple[str, str]]:
    """What there is to say in a line each: name and value."""
    sums = "" if explanation.loss_sum is None else f"{explanation.loss_sum:.6g} / {explanation.weight_sum:.6g}"
    device, seconds = explanation.execution.device, explanation.execution.compute
    rows = [
        ("value", repr(explanation.value)),
        ("sum / weight", sums),
        ("examples", f"{explanation.examples:,}"),
        *((name, number(value)) for name, value in explanation.metrics.items()),
        *((name, f"{list(array.shape)}, as JSON shows") for name, array in explanation.metric_arrays.items()),
        ("computed", f"on {device} in {seconds * 1e3:.3g} ms"),
    ]
    return [(name, value) for name, value in rows if value]


def _diagnostics(explanation: Explained) -> Iterator[RenderableType]:
    yield _title("What looks wrong")
    if not explanation.diagnostics:
        yield Text("  nothing was found")
    for finding in explanation.diagnostics:
        yield _finding(finding)


def _finding(finding: Diagnostic) -> RenderableType:
    about = " · ".join(filter(None, [finding.field, f"term {finding.term}" if finding.term else ""]))
    head = Text.assemble(
        (finding.severity.upper().ljust(8), _STYLES[finding.severity]), (printable(finding.code), "bold")
    )
    if about:
        head.append(f"  {printable(about)}", style="dim")
    said = Group(Text(printable(finding.message)), Text(f"→ {printable(finding.remedy)}", style="green"))
    return Padding(Group(head, Padding(said, (0, 0, 0, 2))), (0, 0, 0, 2))


def _terms(explanation: Explained) -> Iterator[RenderableType]:
    if not explanation.terms:
        return
    yield _title("Terms")
    table = _table()
    for name in ("term", "weight", "value", "adds", ""):
        table.add_column(name, justify="left" if name in ("term", "") else "right", overflow="fold")
    most = max((abs(term.contribution) for term in explanation.terms if math.isfinite(term.contribution)), default=0.0)
    for term in explanation.terms:
        bar = _bar(abs(term.contribution), most, _BAR // 2)
        table.add_row(
            printable(term.label), number(term.weight), number(term.value), number(term.contribution), Text(bar, _INK)
        )
    yield Padding(table, (0, 0, 0, 2))


def _worst(explanation: Explained) -> Iterator[RenderableType]:
    if not explanation.worst and not explanation.unexplained:
        return
    with_losses = any(example.loss is not None for example in explanation.worst)
    more = f", {len(explanation.worst)} of {explanation.examples:,}"
    yield _title(("Highest losses" if with_losses else "Longest gradients") + more * (len(explanation.worst) > 0))
    if explanation.unexplained:
        yield Padding(Text(printable(explanation.unexplained), style="italic"), (0, 0, 0, 2))
    columns = _columns(explanation, with_losses)
    table = _table()
    for name, numeric, _ in columns:
        table.add_column(name, justify="right" if numeric else "left", overflow="fold", no_wrap=numeric)
    for example in explanation.worst:
        table.add_row(*(cell(example) for _, _, cell in columns))
    yield Padding(table, (0, 0, 0, 2))


def _columns(explanation: Explained, with_losses: bool) -> list[tuple[str, bool, Callable[[ExplainedExample], _Cell]]]:
    """Of the table of examples: name, whether it holds numbers, and what stands there for one."""
    most = max((example.share or 0.0 for example in explanation.worst), default=0.0)
    columns: list[tuple[str, bool, Callable[[ExplainedExample], _Cell]]] = [
        ("example", True, lambda one: str(one.index))
    ]
    if with_losses:
        columns.append(("loss", True, lambda one: number(one.loss, 4)))
    if most:
        columns.append(("share", True, lambda one: "" if one.share is None else percent(one.share)))
        columns.append(("", False, lambda one: Text(_bar(one.share or 0.0, most, _SHARE), _INK)))
    columns.append(("gradient", True, lambda one: number(one.gradient_norm, 4)))
    columns.append(("prediction", False, lambda one: printable(one.prediction)))
    columns.append(("target", False, lambda one: printable(one.target)))
    return columns


def _histograms(explanation: Explained) -> Iterator[RenderableType]:
    for one in explanation.histograms.values():
        yield _title(sentence(one.title))
        yield Padding(_bins(one), (0, 0, 0, 2))


def _bins(one: Histogram) -> RenderableType:
    table = _table(header=False)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    edges, counts = joined(one, _ROWS)
    most = max(counts, default=0)
    for (low, high), count in zip(pairwise(edges), counts, strict=True):
        table.add_row(
            f"{number(low, 4)} … {number(high, 4)}", Text(_bar(count, most, _BAR), _INK), f"{count:,}" if count else ""
        )
    if one.nonfinite:
        table.add_row("NaN or infinite", "", Text(f"{one.nonfinite:,}", style="bold red"))
    return table


def joined(one: Histogram, most: int) -> tuple[list[float], list[int]]:
    """Edges and counts with neighbours joined until there are at most as many bins.

    >>> joined(Histogram("loss", "", (0.0, 1.0, 2.0, 3.0), (4, 5, 6), 0), 2)
    ([0.0, 2.0, 3.0], [9, 6])
    """
    width = max(-(-len(one.counts) // most), 1)
    counts = [sum(one.counts[start : start + width]) for start in range(0, len(one.counts), width)]
    edges = [*one.edges[: len(one.counts) : width], *one.edges[-1:]]
    return edges, counts


def _curves(explanation: Explained) -> Iterator[RenderableType]:
    for curve in explanation.curves.values():
        yield _title(sentence(curve.title))
        line = Text(f"{number(curve.x[0], 4)} ")
        line.append(_spark(curve.loss), style=_INK)
        line.append(f" {number(curve.x[-1], 4)}")
        yield Padding(Group(line, Text(lowest(curve), style="dim")), (0, 0, 0, 2))


def lowest(curve: Curve) -> str:
    """Where the curve is lowest, and what the loss is where the prediction stands."""
    losses = dict(zip(curve.x, curve.loss, strict=True))
    finite = {x: loss for x, loss in losses.items() if math.isfinite(loss)}
    if not finite:
        return "nowhere finite"
    best = min(finite, key=lambda x: finite[x])
    words = f"lowest at {number(best, 4)}: {number(finite[best], 4)}"
    if best == curve.at:
        words = f"lowest here, at {number(best, 4)}: {number(finite[best], 4)}"
    elif curve.at is not None and curve.at in losses:
        words += f"; here, at {number(curve.at, 4)}: {number(losses[curve.at], 4)}"
    return f"{words}; of {curve.examples:,} examples" if curve.examples else words


def _spark(losses: Sequence[float]) -> str:
    finite = [loss for loss in losses if math.isfinite(loss)]
    low, room = min(finite, default=0.0), max(finite, default=0.0) - min(finite, default=0.0)
    steps = len(_LEVELS) - 1
    return "".join(
        _LEVELS[round((loss - low) / room * steps) if room else 0] if math.isfinite(loss) else "×" for loss in losses
    )


def _bar(value: float, most: float, width: int) -> str:
    """A bar of eighths of characters; whatever is not 0 is seen."""
    if not (math.isfinite(value) and most > 0):
        return ""
    eighths = max(round(value / most * width * 8), 1 if value else 0)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _title(words: str) -> RenderableType:
    return Padding(Text(words, style="bold"), (1, 0, 0, 0))


def _table(header: bool = True) -> Table:
    return Table(box=None, show_header=header, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)


def sentence(words: str) -> str:
    """The same from a capital letter."""
    return printable(words[:1].upper() + words[1:])


def number(value: float | None, digits: int = 5) -> str:
    """So many digits at most; "" for None."""
    return "" if value is None else f"{value:.{digits}g}".replace("-", "−")


def percent(share: float) -> str:
    """A share in percent.

    >>> percent(0.5), percent(0.0004)
    ('50.0 %', '<0.1 %')
    """
    return "<0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"


def printable(words: str) -> str:
    """The same with characters that would steer a terminal, or turn the direction of text, made visible.

    >>> printable("mse\\x1b[31m")
    'mse�[31m'
    """
    return "".join(letter if letter.isprintable() else "�" for letter in words)
