"""The `lossd` command: what people type; knows the SDK's public names and no wire format.

click and rich are imported here and in the modules that only this one uses, so that `import lossd` stays light.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import sys
from collections.abc import Mapping
from typing import Any

import click

import lossd
from lossd.aggregate import aggregate
from lossd.explain import explain
from lossd.local import EXTRA
from lossd.loss import Loss
from lossd.loss_commands import Losses, described
from lossd.options import array_option, asked_metrics, fold, options
from lossd.printing import (
    print_diagnostic,
    print_diagnostics,
    print_json,
    print_loss,
    print_losses,
    print_metric,
    print_metrics,
    print_result,
    print_table,
)
from lossd.recommend import recommend
from lossd.server_options import as_json, connect, connection
from lossd.train import train


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(lossd.__version__, prog_name="lossd")
def cli() -> None:
    """Exact PyTorch losses, gradients and training steps as a service."""


@cli.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def serve(arguments: tuple[str, ...]) -> None:
    """Run a server; `lossd serve --help` lists its options."""
    needed = ("lossd_server", "torch", "prometheus_client", "pydantic_settings", "structlog", "grpc_health")
    for module in needed:
        if importlib.util.find_spec(module) is None:
            raise click.ClickException(EXTRA)
    os.execv(sys.executable, [sys.executable, "-m", "lossd_server", *arguments])  # noqa: S606  # no shell is the point


def _evaluate(client: lossd.Client, loss: Loss, inputs: Mapping[str, Any], /, *, as_json: bool, **asked: Any) -> None:
    result = client.evaluate(loss, **asked, **inputs)
    print_json(result) if as_json else print_result(result)


asked = options(
    click.option("--gradients", is_flag=True, help="Gradients of every input that torch differentiates."),
    array_option("grad_output", "Vector of the vector–Jacobian product, for unreduced losses.", False),
    asked_metrics,
    click.option("--diagnostics", type=click.Choice(["off", "cheap", "full"]), default="off", show_default=True,
                 help="How much to look for that is wrong."),
    click.option("--series", default="", help="Name of the production series that this evaluation counts in."),
    as_json,
)  # fmt: skip


evaluate = Losses(
    "eval",
    asked=asked,
    act=_evaluate,
    help="Evaluate a loss, on --server or, without one, in a server of this process.",
)
cli.add_command(evaluate)
loss_command = evaluate.loss_command


@cli.command()
@click.argument("name", required=False)
@click.option("--task", help="Only losses for this task, such as segmentation.")
@click.option("--family", help="Only losses of this family, such as torch_nn.")
@connection
@as_json
def losses(name: str | None, task: str | None, family: str | None, as_json: bool, **server: Any) -> None:
    """List the losses of a server, or describe the one called NAME."""
    if name and (task or family):
        raise click.UsageError("--task and --family choose from the list; leave out NAME or them")
    with connect(**server, embed=True) as client:
        found = _listed(client, task, family) if name is None else [described(client, name)]
    if as_json:
        print_json(found if name is None else found[0])
    elif name is None:
        print_losses(found)
    else:
        print_loss(found[0])


def _listed(client: lossd.Client, task: str | None, family: str | None) -> list[lossd.LossInfo]:
    """The losses of a task and family, whose words may be joined in any way."""
    return client.losses(task=task and fold(task, "-"), family=family and fold(family))


@cli.command()
@click.argument("code", required=False)
@connection
@as_json
def diagnostics(code: str | None, as_json: bool, **server: Any) -> None:
    """List what a server can find wrong about an evaluation or a session, or describe the one called CODE."""
    with connect(**server, embed=True) as client:
        found = client.diagnostics()
    if code is not None:
        found = [one for one in found if one.code == fold(code).upper()]
        if not found:
            raise click.UsageError(f"there is no diagnostic {code!r}; `lossd diagnostics` lists them")
    if as_json:
        print_json(found if code is None else found[0])
    elif code is None:
        print_diagnostics(found)
    else:
        print_diagnostic(found[0])


@cli.command()
@click.argument("name", required=False)
@click.option("--task", help="Only metrics of this task, such as segmentation.")
@connection
@as_json
def metrics(name: str | None, task: str | None, as_json: bool, **server: Any) -> None:
    """List the metrics that a server computes beside losses, or describe the one called NAME with its arguments."""
    if name and task:
        raise click.UsageError("--task chooses from the list; leave out NAME or it")
    with connect(**server, embed=True) as client:
        found = client.metrics(task=task and fold(task))
    if name is not None:
        found = [one for one in found if one.name == fold(name.partition("(")[0])]
        if not found:
            raise click.UsageError(f"there is no metric {name!r}; `lossd metrics` lists them")
    if as_json:
        print_json(found if name is None else found[0])
    elif name is None:
        print_metrics(found)
    else:
        print_metric(found[0])


@cli.command()
@connection
@as_json
def info(as_json: bool, **server: Any) -> None:
    """Show a server's versions, limits and devices."""
    with connect(**server, embed=False) as client:
        about, devices = client.server_info(), client.devices()
    if as_json:
        print_json(dataclasses.asdict(about) | {"devices": [dataclasses.asdict(device) for device in devices]})
        return
    plain = dataclasses.asdict(about)
    limits = plain.pop("limits")
    print_table((("server", client.target), *(plain | limits).items()))
    for device in devices:
        click.echo()
        print_table(("device" if name == "name" else name, value) for name, value in dataclasses.asdict(device).items())


cli.add_command(train)
cli.add_command(aggregate)
cli.add_command(explain)
cli.add_command(recommend)


def main() -> None:
    """Entry point: errors of a call are one line on stderr and exit code 1, mistakes in the options exit code 2."""
    try:
        cli(prog_name="lossd")
    except (lossd.LossdError, ImportError) as error:
        request = f" {error.request_id}" if isinstance(error, lossd.Internal) and error.request_id else ""
        click.echo(f"lossd: {error}{request}", err=True)
        sys.exit(1)
