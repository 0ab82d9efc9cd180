"""The `lossd` command: what people type; knows the SDK's public names and no wire format.

click and rich are imported here and in the modules that only this one uses, so that `import lossd` stays light.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import sys
from typing import Any

import click

import lossd
from lossd.local import EXTRA
from lossd.loss import Loss
from lossd.options import (
    KINDS,
    argument_option,
    array_option,
    bind,
    extra_words,
    families,
    fold,
    json_or_word,
    nearest,
    of_loss,
    open_ended,
    options,
    parsed,
    resolve,
    summary,
)
from lossd.printing import print_json, print_loss, print_losses, print_result, print_table
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


class Losses(click.Group):
    """One command per loss, made from its class."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all losses."""
        return sorted([*KINDS, *_OPEN])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """The command of a loss, whatever `resolve` takes for its name."""
        folded = fold(cmd_name)
        if folded in ("weighted_sum", "weightedsum"):
            ctx.fail("write a weighted sum as an expression, for example lossd eval expression --source "
                     "'mean((input - target)**2) + 0.1*sum(abs(input - target))'")  # fmt: skip
        if folded in _OPEN:
            return _OPEN[folded]
        name = resolve(cmd_name)
        if name is None:
            plugin = f"a plugin of the server's is called by `lossd eval plugin {cmd_name}`"
            ctx.fail(f"no loss is called {cmd_name!r}; {nearest(cmd_name)} ({plugin})")
        return loss_command(name, KINDS[name])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The losses by family, each with all that it says first of itself."""
        own = {name: summary(lossd.Plugin if name == "plugin" else lossd.Program) for name in _OPEN}
        for family, said in (*families().items(), ("your own", own)):
            with formatter.section(family.replace("_", " ").capitalize()):
                formatter.write_dl(list(said.items()))


@cli.command("eval", cls=Losses)
def evaluate() -> None:
    """Evaluate a loss, on --server or, without one, in a server of this process."""


asked = options(
    click.option("--gradients", is_flag=True, help="Gradients of every input that torch differentiates."),
    array_option("grad_output", "Vector of the vector–Jacobian product, for unreduced losses.", False),
    click.option("--metrics", multiple=True, metavar="NAME", help="A metric to compute beside the loss, such as f1 or "
                 "'precision(threshold=0.3)'; may be repeated."),
    click.option("--diagnostics", type=click.Choice(["off", "cheap", "full"]), default="off", show_default=True,
                 help="How much to look for that is wrong."),
    click.option("--series", default="", help="Name of the production series that this evaluation counts in."),
)  # fmt: skip
ASKED = ("gradients", "grad_output", "metrics", "diagnostics", "series")
"""What an evaluation is asked for beside its loss, as the options above."""


def loss_command(name: str, kind: type[Loss]) -> click.Command:
    """`lossd eval NAME`: an option for each input and each argument of the loss."""

    @of_loss(kind)
    @options(asked, connection, as_json)
    @click.pass_context
    def command(
        ctx: click.Context,
        /,
        as_json: bool,
        server: str | None,
        token: str | None,
        tls: bool,
        ca: str | None,
        **given: Any,
    ) -> None:
        wanted = {name: given.pop(name) for name in ASKED}
        loss, inputs = bind(kind, given, ctx.args)
        with connect(server, token, tls, ca, embed=True) as client:
            result = client.evaluate(loss, **wanted, **inputs)
        print_json(result) if as_json else print_result(result)

    free = open_ended(kind)
    text = f"{summary(kind)}\n\nArrays are nested JSON, or paths of .npy, .csv or .safetensors files."
    if kind is lossd.Expression:
        text += " Any other input that the formula names is an option of its name."
    return click.command(name, help=text, context_settings={"ignore_unknown_options": free, "allow_extra_args": free})(
        command
    )


@click.command("plugin", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("name")
@options(
    argument_option("allow_broadcast", bool, "lets an elementwise loss take inputs whose shapes differ but broadcast."),
    asked,
    connection,
    as_json,
)
@click.pass_context
def plugin_command(
    ctx: click.Context,
    /,
    name: str,
    allow_broadcast: bool | None,
    as_json: bool,
    **given: Any,
) -> None:
    """A loss that the server's operator installed; `lossd losses NAME` tells its arguments and inputs.

    Each is an option of its name. Arguments are JSON or words, arrays nested JSON or paths.
    """
    words = extra_words(ctx.args)
    wanted = {name: given.pop(name) for name in ASKED}
    with connect(**given, embed=True) as client:
        known = {"reduction", *(argument.name for argument in _described(client, name).arguments)}
        arguments = {key: json_or_word(text) for key, text in words.items() if key in known}
        loss = lossd.Plugin(name, allow_broadcast=bool(allow_broadcast), **arguments)
        inputs = parsed({key: text for key, text in words.items() if key not in known})
        result = client.evaluate(loss, **wanted, **inputs)
    print_json(result) if as_json else print_result(result)


@click.command("program", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("archive", type=click.Path(exists=True, dir_okay=False))
@options(asked, connection, as_json)
@click.pass_context
def program_command(ctx: click.Context, /, archive: str, as_json: bool, **given: Any) -> None:
    """A loss of your own: the ARCHIVE that lossd.torch.export_loss or torch.export.save wrote.

    Each of its inputs is an option of its name; arrays are nested JSON or paths.
    """
    try:
        loss = lossd.Program.read(archive)
    except ValueError as error:
        raise click.UsageError(f"{archive}: {error}") from error
    inputs = parsed(extra_words(ctx.args))
    wanted = {name: given.pop(name) for name in ASKED}
    with connect(**given, embed=True) as client:
        result = client.evaluate(loss, **wanted, **inputs)
    print_json(result) if as_json else print_result(result)


_OPEN = {"plugin": plugin_command, "program": program_command}
"""Losses whose options only the server or their archive knows."""


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
        found = _listed(client, task, family) if name is None else [_described(client, name)]
    if as_json:
        print_json(found if name is None else found[0])
    elif name is None:
        print_losses(found)
    else:
        print_loss(found[0])


def _listed(client: lossd.Client, task: str | None, family: str | None) -> list[lossd.LossInfo]:
    """The losses of a task and family, whose words may be joined in any way."""
    return client.losses(task=task and fold(task, "-"), family=family and fold(family))


def _described(client: lossd.Client, name: str) -> lossd.LossInfo:
    """The loss of this name; a refusal says where names are listed."""
    try:
        return client.loss(name)
    except lossd.NotFound as error:
        hint = error.message.partition("; ")[2]
        also = f"{hint} " if hint.startswith("did you mean") else ""
        raise lossd.NotFound(f"no loss is called {name!r}; {also}`lossd losses` lists them") from error


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


def main() -> None:
    """Entry point: errors of a call are one line on stderr and exit code 1, mistakes in the options exit code 2."""
    try:
        cli(prog_name="lossd")
    except (lossd.LossdError, ImportError) as error:
        request = f" {error.request_id}" if isinstance(error, lossd.Internal) and error.request_id else ""
        click.echo(f"lossd: {error}{request}", err=True)
        sys.exit(1)
