"""`lossd explain`: what one evaluation is made of, as text, JSON or a page; knows the SDK's public names alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import click
from rich.console import Console

import lossd
from lossd.explanation import check_path
from lossd.loss import Loss
from lossd.loss_commands import Losses
from lossd.options import asked_metrics, options, writable, written
from lossd.outline import outline, text
from lossd.server_options import as_json


def _explain(
    client: lossd.Client,
    loss: Loss,
    inputs: Mapping[str, Any],
    /,
    *,
    metrics: tuple[str, ...],
    limit: int,
    html: str | None,
    as_json: bool,
) -> None:
    explanation = client.explain(loss, metrics=metrics, limit=limit, **inputs)
    if html is not None:
        with written(html):
            explanation.save(html)
    if as_json:
        click.echo(explanation.to_json())
    elif html is not None:
        click.echo(html)
    elif sys.stdout.isatty():
        Console(highlight=False, markup=False).print(outline(explanation))
    else:
        click.echo(text(explanation, _columns()))


def _columns() -> int:
    """How wide text is that goes into a file or a pipe: COLUMNS, as shells export it, else 80."""
    asked = os.environ.get("COLUMNS", "")
    return max(int(asked), 40) if asked.isdecimal() and int(asked) else 80


def _html(ctx: click.Context, option: click.Parameter, path: str | None) -> str | None:
    """Refuses a file of another kind before anything is computed."""
    try:
        if path is not None and check_path(path) != ".html":
            raise click.BadParameter(f"{path!r} is no .html file")
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    if path is not None:
        writable(path, "--html")
    return path


asked = options(
    asked_metrics,
    click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True,
                 help="Most examples to tell of, the worst first."),
    click.option("--html", callback=_html, type=click.Path(dir_okay=False, writable=True),
                 help="Write a page with pictures here."),
    as_json,
)  # fmt: skip


@click.group(cls=Losses, asked=asked, act=_explain)
def explain() -> None:
    """Explain an evaluation: its terms, worst examples, gradients, and what looks wrong.

    On --server or, without one, in a server of this process.
    """
