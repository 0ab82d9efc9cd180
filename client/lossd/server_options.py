"""Options that say which server a command calls, and how it answers; knows no loss and no model."""

from __future__ import annotations

import click

import lossd
from lossd.options import options

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
