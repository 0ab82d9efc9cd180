"""Commands that take any loss: one of each, with an option for each of its inputs and arguments; knows no call.

What is done with the loss and its inputs is for the group's owner to say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import click

import lossd
from lossd.loss import Loss
from lossd.options import (
    KINDS,
    argument_option,
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
from lossd.server_options import connect, connection

_FREE = {"ignore_unknown_options": True, "allow_extra_args": True}


Act: TypeAlias = Callable[..., None]
"""What a group of commands does: `act(client, loss, inputs, **asked)`, with what its own options were given."""


class Losses(click.Group):
    """One command per loss, made from its class, and one each for plugins and programs.

    Args:
        asked: the options that each command has beyond those of its loss and of the connection.
        act: what a command does.
    """

    def __init__(self, *arguments: Any, asked: Callable[[Any], Any], act: Act, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._asked = asked
        self._act = act
        self._open = {"plugin": self._of_plugins, "program": self._of_programs}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all losses."""
        return sorted([*KINDS, *self._open])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """The command of a loss, whatever `resolve` takes for its name."""
        folded = fold(cmd_name)
        here = f"lossd {self.name}"
        if folded in ("weighted_sum", "weightedsum"):
            ctx.fail(f"write a weighted sum as an expression, for example {here} expression --source "
                     "'mean((input - target)**2) + 0.1*sum(abs(input - target))'")  # fmt: skip
        if folded in self._open:
            return self._open[folded]()
        name = resolve(cmd_name)
        if name is None:
            plugin = f"a plugin of the server's is called by `{here} plugin {cmd_name}`"
            ctx.fail(f"no loss is called {cmd_name!r}; {nearest(cmd_name)} ({plugin})")
        return self.loss_command(name, KINDS[name])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The losses by family, each with all that it says first of itself."""
        own = {name: summary(lossd.Plugin if name == "plugin" else lossd.Program) for name in self._open}
        for family, said in (*families().items(), ("your own", own)):
            with formatter.section(family.replace("_", " ").capitalize()):
                formatter.write_dl(list(said.items()))

    def loss_command(self, name: str, kind: type[Loss]) -> click.Command:
        """The command of one loss: an option for each input and each argument of the loss."""

        @of_loss(kind)
        @options(self._asked, connection)
        @click.pass_context
        def command(
            ctx: click.Context, /, server: str | None, token: str | None, tls: bool, ca: str | None, **given: Any
        ) -> None:
            asked = self._taken(given)
            loss, inputs = bind(kind, given, ctx.args)
            with connect(server, token, tls, ca, embed=True) as client:
                self._act(client, loss, inputs, **asked)

        free = open_ended(kind)
        text = f"{summary(kind)}\n\nArrays are nested JSON, or paths of .npy, .csv or .safetensors files."
        if kind is lossd.Expression:
            text += " Any other input that the formula names is an option of its name."
        settings = {"ignore_unknown_options": free, "allow_extra_args": free}
        return click.command(name, help=text, context_settings=settings)(command)

    def _of_plugins(self) -> click.Command:
        broadcast = "lets an elementwise loss take inputs whose shapes differ but broadcast."

        @click.command("plugin", context_settings=_FREE)
        @click.argument("name")
        @options(argument_option("allow_broadcast", bool, broadcast), self._asked, connection)
        @click.pass_context
        def command(ctx: click.Context, /, name: str, allow_broadcast: bool | None, **given: Any) -> None:
            """A loss that the server's operator installed; `lossd losses NAME` tells its arguments and inputs.

            Each is an option of its name. Arguments are JSON or words, arrays nested JSON or paths.
            """
            words, asked = extra_words(ctx.args), self._taken(given)
            with connect(**given, embed=True) as client:
                known = {"reduction", *(argument.name for argument in described(client, name).arguments)}
                arguments = {key: json_or_word(text) for key, text in words.items() if key in known}
                loss = lossd.Plugin(name, allow_broadcast=bool(allow_broadcast), **arguments)
                inputs = parsed({key: text for key, text in words.items() if key not in known})
                self._act(client, loss, inputs, **asked)

        return command

    def _of_programs(self) -> click.Command:
        @click.command("program", context_settings=_FREE)
        @click.argument("archive", type=click.Path(exists=True, dir_okay=False))
        @options(self._asked, connection)
        @click.pass_context
        def command(ctx: click.Context, /, archive: str, **given: Any) -> None:
            """A loss of your own: the ARCHIVE that lossd.torch.export_loss or torch.export.save wrote.

            Each of its inputs is an option of its name; arrays are nested JSON or paths.
            """
            try:
                loss = lossd.Program.read(archive)
            except ValueError as error:
                raise click.UsageError(f"{archive}: {error}") from error
            inputs, asked = parsed(extra_words(ctx.args)), self._taken(given)
            with connect(**given, embed=True) as client:
                self._act(client, loss, inputs, **asked)

        return command

    def _taken(self, given: dict[str, Any]) -> dict[str, Any]:
        """Takes out of what was given what the group's own options are called."""

        @self._asked
        def bare() -> None:
            """Has those options alone."""

        names = [option.name for option in getattr(bare, "__click_params__", ())]
        return {name: given.pop(name) for name in names}


def described(client: lossd.Client, name: str) -> lossd.LossInfo:
    """The loss of this name; a refusal says where names are listed."""
    try:
        return client.loss(name)
    except lossd.NotFound as error:
        hint = error.message.partition("; ")[2]
        also = f"{hint} " if hint.startswith("did you mean") else ""
        raise lossd.NotFound(f"no loss is called {name!r}; {also}`lossd losses` lists them") from error
