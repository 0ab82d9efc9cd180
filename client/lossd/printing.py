"""What the `lossd` command shows: results, tables and JSON; knows the SDK's public names and no option."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.text import Text

import lossd
from lossd.options import command
from lossd.plain import plain

SHOWN = 1000
"""Elements up to which an array is printed in full without --json."""


def print_result(result: lossd.Result) -> None:
    """A result for people: the value with all its digits, then whatever else there is, a line each."""
    if result.value is not None:
        click.echo(repr(result.value))
    if result.losses is not None:
        click.echo(f"losses: {array_text(result.losses)}")
    for label, value in result.terms.items():
        click.echo(f"term {label}: {value!r}")
    for name, gradient in result.gradients.items():
        click.echo(f"gradient of {name}: {array_text(gradient)}")
    for name, value in result.metrics.items():
        click.echo(f"{name}: {value!r}")
    for name, array in result.metric_arrays.items():
        click.echo(f"{name}: {array_text(array)}")
    for finding in result.diagnostics:
        click.echo(str(finding))


def array_text(array: Any) -> str:
    """Nested lists with all digits, or what it is if it is long."""
    if array.size > SHOWN:
        return f"{array.dtype} {list(array.shape)}; --json prints it"
    return json.dumps(plain_json(array))


def print_losses(losses: Sequence[lossd.LossInfo]) -> None:
    """On a terminal by family, with what each is; elsewhere lines of name, family, tasks and summary."""
    if not _console().is_terminal:
        for loss in losses:
            click.echo("\t".join([loss.name, loss.family, ", ".join(loss.tasks), loss.summary]))
        return
    families: dict[str, list[lossd.LossInfo]] = {}
    for loss in losses:
        families.setdefault(loss.family, []).append(loss)
    indent = max((len(loss.name) for loss in losses), default=0) + 2
    for family in sorted(families):
        click.secho(family.replace("_", " "), fg="cyan")
        print_table(((loss.name, loss.summary) for loss in families[family]), indent)
        click.echo()


def print_loss(loss: lossd.LossInfo) -> None:
    """All there is to know about a loss."""
    about = [
        ("loss", loss.name),
        ("class", f"lossd.{loss.class_name}" if hasattr(lossd, loss.class_name) else f'lossd.Plugin("{loss.name}")'),
        ("family", loss.family),
        ("tasks", ", ".join(loss.tasks)),
        ("aliases", ", ".join(loss.aliases)),
        ("summary", loss.summary),
        ("formula", loss.formula),
    ]
    inputs = [(f"input {given.name}", _input_text(given)) for given in loss.inputs]
    arguments = [(f"--{argument.name.replace('_', '-')}", argument_text(argument)) for argument in loss.arguments]
    rest = [("reduction", reduction_text(loss)), *(("trap", trap) for trap in loss.traps)]
    example = []
    if loss.example is not None:
        example = [
            ("example", command(loss, loss.example)),
            ("in Python", loss.example.python),
            ("value", repr(loss.example.value)),
        ]
    groups = [about, inputs, arguments, rest, [("reference", loss.reference)], example]
    shown = [[(name, text) for name, text in rows if text] for rows in groups]
    indent = max(len(name) for rows in shown for name, _ in rows) + 2
    for number, rows in enumerate(rows for rows in shown if rows):
        if number and _console().is_terminal:
            click.echo()
        print_table(rows, indent, wrap=rows != example)  # what is to be copied stays in one piece


def print_diagnostics(found: Sequence[lossd.DiagnosticInfo]) -> None:
    """On a terminal a table of codes; elsewhere lines of code, severity, level and summary."""
    if not _console().is_terminal:
        for one in found:
            click.echo("\t".join([one.code, one.severity, one.level, one.summary]))
        return
    print_table((one.code, f"{one.severity}: {one.summary}") for one in found)


def print_diagnostic(found: lossd.DiagnosticInfo) -> None:
    """All there is to know about a diagnostic."""
    about = [
        ("code", found.code),
        ("severity", found.severity),
        ("level", found.level),
        ("summary", found.summary),
        ("rule", found.rule),
        ("remedy", found.remedy),
        ("losses", ", ".join(found.losses) or "all"),
    ]
    print_table([*about, *((f"evidence {name}", what) for name, what in found.evidence.items())])


def print_metrics(found: Sequence[lossd.MetricInfo]) -> None:
    """On a terminal a table; elsewhere lines of name, which way is better, tasks and summary."""
    if not _console().is_terminal:
        for one in found:
            click.echo("\t".join([one.name, one.direction, ", ".join(one.tasks), one.summary]))
        return
    print_table((one.name, f"{one.summary} ({', '.join(one.tasks)})") for one in found)


def print_metric(found: lossd.MetricInfo) -> None:
    """All there is to know about a metric, and how it is asked for with each of its arguments."""
    classes = zip(found.tasks, found.class_names, strict=True)
    about = [
        ("metric", found.name),
        ("summary", found.summary),
        ("formula", found.formula),
        ("better", found.direction),
        ("answer", "several numbers" if found.array else "a number"),
        *((f"task {task}", f"torchmetrics.{name}") for task, name in classes),
    ]
    print_table([*about, *((f"{found.name}({one.name}=…)", argument_text(one)) for one in found.arguments)])


def _input_text(given: lossd.LossInput) -> str:
    kinds = [given.shape, ", ".join(given.dtypes), "optional" if given.optional else ""]
    return f"{given.description}; {'; '.join(filter(None, kinds))}"


def argument_text(argument: lossd.LossArgument) -> str:
    """Meaning, type, range, choices and default of an argument."""
    parts = [argument.description, argument.type, argument.range]
    if argument.choices:
        parts.append(f"one of {', '.join(argument.choices)}")
    if argument.fields:
        inner = (f"{field.name} ({argument_text(field)})" for field in argument.fields)
        parts.append(f"of {', '.join(inner)}")
    parts.append("required" if argument.required else "" if argument.default == "null" else default_text(argument))
    return "; ".join(filter(None, parts))


def default_text(argument: lossd.LossArgument) -> str:
    """The default in words."""
    default = json.loads(argument.default)
    return f"default {default if isinstance(default, str) else json.dumps(default)}"


def reduction_text(loss: lossd.LossInfo) -> str:
    """The reductions, the default marked, and what the mean divides by."""
    names = [f"{name} (default)" if number == 0 else name for number, name in enumerate(loss.reductions)]
    return "; ".join(filter(None, [", ".join(names), f"mean: {loss.mean}" if loss.mean and names else ""]))


def print_table(rows: Iterable[tuple[str, Any]], indent: int = 0, *, wrap: bool = True) -> None:
    """Two columns, wrapped between words on a terminal; elsewhere lines with a tab, which other programs read.

    Args:
        rows: name and value each.
        indent: width of the first column; 0 is as narrow as the names allow.
        wrap: whether to wrap at all.
    """
    rows = [(name, str(value)) for name, value in rows]
    console = _console()
    if not console.is_terminal:
        for name, value in rows:
            click.echo(f"{name}\t{value}")
        return
    indent = indent or max((len(name) for name, _ in rows), default=0) + 2
    width = max(console.width - indent, 20) if wrap else sys.maxsize
    for name, value in rows:
        lines = textwrap.wrap(value, width, break_long_words=False, break_on_hyphens=False)
        text = f"\n{' ' * indent}".join(lines)
        console.print(Text.assemble((name.ljust(indent), "bold"), text), soft_wrap=True)


def _console() -> Console:
    return Console(highlight=False, markup=False)


def print_json(value: object) -> None:
    """Anything of `lossd.results` as one JSON document."""
    click.echo(json.dumps(plain_json(value), ensure_ascii=False, indent=2))


def plain_json(value: Any) -> Any:
    """The same in lists, dicts and numbers; NaN and infinities as strings, as protobuf's JSON writes them."""
    if isinstance(value, lossd.Result):
        return {name: plain_json(getattr(value, name)) for name in value.PARTS}
    return plain(value)
