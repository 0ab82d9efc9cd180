"""What the `lossd` command shows: results, tables and JSON; knows the SDK's public names and no option."""

from __future__ import annotations

import dataclasses
import json
import math
import textwrap
from collections.abc import Iterable
from typing import Any

import click
from rich.console import Console
from rich.text import Text

import lossd

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


def array_text(array: Any) -> str:
    """Nested lists with all digits, or what it is if it is long."""
    if array.size > SHOWN:
        return f"{array.dtype} {list(array.shape)}; --json prints it"
    return json.dumps(plain_json(array))


def print_loss(loss: lossd.LossInfo) -> None:
    """All there is to know about a loss."""
    inputs = [(f"input {given.name}", f"{given.shape} {given.description}") for given in loss.inputs]
    arguments = [
        (
            f"--{argument.name.replace('_', '-')}",
            f"{argument.description}; " + (f"default {argument.default}" if argument.default else "required"),
        )
        for argument in loss.arguments
    ]
    rest = [
        ("reduction", ", ".join(loss.reductions)),
        *(("trap", trap) for trap in loss.traps),
        ("tasks", ", ".join(loss.tasks)),
        ("reference", loss.reference),
    ]
    rows = [("loss", loss.name), ("summary", loss.summary), ("formula", loss.formula), *inputs, *arguments, *rest]
    print_table((name, text) for name, text in rows if text)


def print_table(rows: Iterable[tuple[str, Any]]) -> None:
    """Two columns, wrapped between words on a terminal; elsewhere lines with a tab, which other programs read."""
    rows = [(name, str(value)) for name, value in rows]
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        for name, value in rows:
            click.echo(f"{name}\t{value}")
        return
    indent = max((len(name) for name, _ in rows), default=0) + 2
    width = max(console.width - indent, 20)
    for name, value in rows:
        lines = textwrap.wrap(value, width, break_long_words=False, break_on_hyphens=False)
        text = f"\n{' ' * indent}".join(lines)
        console.print(Text.assemble((name.ljust(indent), "bold"), text), soft_wrap=True)


def print_json(value: object) -> None:
    """Anything of `lossd.results` as one JSON document."""
    click.echo(json.dumps(plain_json(value), ensure_ascii=False, indent=2))


def plain_json(value: Any) -> Any:
    """The same in lists, dicts and numbers; NaN and infinities as strings, as protobuf's JSON writes them."""
    if isinstance(value, lossd.Result):
        return {name: plain_json(getattr(value, name)) for name in value.PARTS}
    if dataclasses.is_dataclass(value):
        return {field.name: plain_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    if hasattr(value, "tolist"):
        return plain_json(value.astype("float32").tolist() if value.dtype.kind == "V" else value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
