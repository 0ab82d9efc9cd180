"""The `lossd` command: what people type; knows the SDK's public names and no wire format.

click and rich are imported here and in `lossd.printing` and nowhere else, so that `import lossd` stays light.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import click

import lossd
from lossd import literals, spec
from lossd.local import EXTRA
from lossd.loss import Loss
from lossd.printing import print_json, print_loss, print_result, print_table
from lossd.v1 import loss_pb2

F = TypeVar("F", bound=Callable[..., Any])

KINDS: dict[str, type[Loss]] = {
    name: getattr(lossd, class_name)
    for class_name, name in spec.members(loss_pb2.LossSpec.DESCRIPTOR).items()
    if name != "weighted_sum"  # an expression says the same in one argument
}
"""The losses that `eval` takes, by name."""


class ArrayType(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic in newer versions of click alone
    """The value of an option that is an array."""

    name = "array"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Reads JSON or a file."""
        try:
            return literals.parse(value, str(param.name)) if param and isinstance(value, str) else value
        except ValueError as error:
            self.fail(str(error), param, ctx)


ARRAY = ArrayType()


def options(*added: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, shown in this order."""

    def decorate(command: F) -> F:
        for option in reversed(added):
            command = option(command)
        return command

    return decorate


connection = options(
    click.option("--server", envvar="LOSSD_SERVER", show_envvar=True, help="HOST:PORT of the server."),
    click.option("--token", envvar="LOSSD_TOKEN", show_envvar=True, help="Bearer token."),
    click.option("--tls", is_flag=True, help="Encrypt, and check the server's certificate."),
    click.option("--ca", type=click.Path(exists=True), help="PEM file of the authorities to trust; implies --tls."),
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")


def connect(server: str | None, token: str | None, tls: bool, ca: str | None, *, embed: bool) -> lossd.Client:
    """A client of the server given, else of an embedded one, else of the default address."""
    if server is None and embed:
        return lossd.local()
    try:
        return lossd.Client(server, token=token, tls=lossd.TLS(ca=ca) if tls or ca else None)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


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
        return sorted(KINDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """The command of a loss; its name may be written as field, class or with dashes."""
        classes = {kind.__name__: name for name, kind in KINDS.items()}
        name = classes.get(cmd_name, cmd_name.replace("-", "_"))
        if name in ("weighted_sum", "WeightedSum"):
            ctx.fail("write a weighted sum as an expression, for example lossd eval expression --source "
                     "'mean((input - target)**2) + 0.1*sum(abs(input - target))'")  # fmt: skip
        if name not in KINDS:
            near = get_close_matches(name, KINDS, 1, cutoff=0.4)
            ctx.fail(f"no loss is called {cmd_name!r}" + (f"; did you mean {near[0]}?" if near else ""))
        return loss_command(name, KINDS[name])


@cli.command("eval", cls=Losses)
def evaluate() -> None:
    """Evaluate a loss, on --server or, without one, in a server of this process."""


def loss_command(name: str, kind: type[Loss]) -> click.Command:
    """`lossd eval NAME`: an option for each input and each argument of the loss."""
    open_ended = kind is lossd.Expression  # it takes any inputs
    elementwise = not open_ended and kind.INPUTS == Loss.INPUTS
    arguments = [field.name for field in dataclasses.fields(kind) if elementwise or field.name != "allow_broadcast"]
    described, about = described_arguments(Loss) | described_arguments(kind), described_inputs(kind)
    hints = get_type_hints(kind)

    @options(
        *(array_option(field, about[field], required=not open_ended) for field in kind.INPUTS),
        *(argument_option(field, hints[field], described.get(field, "")) for field in arguments),
        click.option("--gradients", is_flag=True, help="Gradients of every input that torch differentiates."),
        array_option("grad_output", "Vector of the vector–Jacobian product, for unreduced losses.", required=False),
        connection,
        as_json,
    )
    @click.pass_context
    def command(
        ctx: click.Context,
        /,
        gradients: bool,
        grad_output: Any,
        as_json: bool,
        server: str | None,
        token: str | None,
        tls: bool,
        ca: str | None,
        **given: Any,
    ) -> None:
        given = {key: value for key, value in given.items() if value is not None}
        try:
            loss = kind(**{key: value for key, value in given.items() if key in arguments})
        except (TypeError, ValueError) as error:
            raise click.UsageError(str(error)) from error
        inputs = {key: value for key, value in given.items() if key not in arguments} | extra_inputs(ctx.args)
        with connect(server, token, tls, ca, embed=True) as client:
            result = client.evaluate(loss, gradients=gradients, grad_output=grad_output, **inputs)
        print_json(result) if as_json else print_result(result)

    settings = {"ignore_unknown_options": open_ended, "allow_extra_args": open_ended}
    summary = (inspect.getdoc(kind) or "").partition("\n\n")[0]
    text = f"{summary}\n\nArrays are nested JSON, or paths of .npy, .csv or .safetensors files."
    if open_ended:
        text += " Any other input that the formula names is an option of its name."
    return click.command(name, help=text, context_settings=settings)(command)


def described_arguments(kind: type[Loss]) -> dict[str, str]:
    """What the class says of its arguments, by name."""
    return dict(re.findall(r"^    (\w+): (.+(?:\n {8}.+)*)", inspect.getdoc(kind) or "", re.MULTILINE))


def described_inputs(kind: type[Loss]) -> dict[str, str]:
    """What the class says of its inputs, by name: what stands between the first mention of one and of the next."""
    section = re.search(r"^Inputs: (.+(?:\n.+)*)", inspect.getdoc(kind) or "", re.MULTILINE)
    text = " ".join(section[1].split()) if section else ""
    found = dict.fromkeys(kind.INPUTS, "Input of the loss.")
    for name, after in zip(kind.INPUTS, [*kind.INPUTS, ""][1:], strict=True):
        said, _, text = text.partition(f"`{name}`, ")[2].partition(f"; `{after}`")
        text = f"`{after}`{text}"
        if said:
            found[name] = sentence(said)
    return found


def sentence(text: str) -> str:
    """The same on one line, from a capital letter to a full stop."""
    text = " ".join(text.split()).rstrip(".").replace("`", "")
    return f"{text[:1].upper()}{text[1:]}."


def array_option(name: str, text: str, *, required: bool) -> Callable[[F], F]:
    """An option for an array, with dashes or underscores."""
    return click.option(*spellings(name), name, type=ARRAY, required=required, help=text)


def argument_option(name: str, hint: Any, text: str) -> Callable[[F], F]:
    """An option for a constructor argument, of the type that its annotation says."""
    text = sentence(text)
    kind: Any = next((kind for kind in get_args(hint) if kind is not type(None)), hint)
    if kind is bool:
        return click.option(f"--{name.replace('_', '-')}/--no-{name.replace('_', '-')}", name, default=None, help=text)
    if get_origin(kind) is Literal:
        kind = click.Choice(get_args(kind))
    return click.option(
        *spellings(name), name, type=ARRAY if kind is Any else kind, required=name == "source", help=text
    )


def spellings(name: str) -> tuple[str, ...]:
    """The option of this name with dashes and, where that differs, with underscores."""
    return tuple(dict.fromkeys((f"--{name.replace('_', '-')}", f"--{name}")))


def extra_inputs(words: Iterable[str]) -> dict[str, Any]:
    """Inputs given as `--name VALUE` or `--name=VALUE` that no option was declared for."""
    found, rest = {}, iter(words)
    for word in rest:
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not name.replace("-", "_").isidentifier():
            raise click.UsageError(f"expected an option such as --weights, given {word!r}")
        name = name.replace("-", "_")
        try:
            found[name] = literals.parse(value if equals else next(rest), name)
        except StopIteration:
            raise click.UsageError(f"{word} needs a value") from None
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint=word) from error
    return found


@cli.command()
@click.argument("name", required=False)
@connection
@as_json
def losses(name: str | None, as_json: bool, **server: Any) -> None:
    """List the losses of a server, or describe the one called NAME."""
    with connect(**server, embed=True) as client:
        found = client.losses() if name is None else [client.loss(name)]
    if as_json:
        print_json(found if name is None else found[0])
    elif name is None:
        print_table((loss.name, loss.summary) for loss in found)
    else:
        print_loss(found[0])


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


def main() -> None:
    """Entry point: errors of a call are one line on stderr and exit code 1, mistakes in the options exit code 2."""
    try:
        cli(prog_name="lossd")
    except (lossd.LossdError, ImportError) as error:
        request = f" {error.request_id}" if isinstance(error, lossd.Internal) and error.request_id else ""
        click.echo(f"lossd: {error}{request}", err=True)
        sys.exit(1)
