"""A client with a server of its own inside this process; knows where to get one and what to say if it is missing."""

from __future__ import annotations

import atexit
from typing import Protocol

from lossd.client import Client

EXTRA = "this needs the server as well: pip install 'lossd[server]', in a checkout pip install '.[server]'"
ELSEWHERE = 'or name one that runs elsewhere: --server HOST:PORT, LOSSD_SERVER or lossd.Client("HOST:PORT")'


class Embedded(Protocol):
    """A running server of this process."""

    target: str

    def close(self) -> None:
        """Ends it."""


class LocalClient(Client):
    """A `Client` that ends its server when it is closed; made by `local()`."""

    def __init__(self, server: Embedded, *, timeout: float = 60.0) -> None:
        super().__init__(server.target, timeout=timeout)
        self._server = server
        atexit.register(self.close)  # an interpreter that ends under a running server can crash

    def close(self) -> None:
        """Ends the connection and the server."""
        atexit.unregister(self.close)
        super().close()
        self._server.close()


def local(*, timeout: float = 60.0) -> LocalClient:
    """Starts a server in this process and returns a client of it; closing the client ends the server.

    Args:
        timeout: as for `Client`.

    Raises:
        ImportError: if the server's dependencies are not installed.

        with lossd.local() as client:
            client.evaluate(lossd.MSELoss(), [78, 85, 92], [80, 87, 90]).value   # 4.0
    """
    try:
        # Here alone, and late: the client works without the server and torch.
        from lossd_server.app import embed  # type: ignore[import-untyped,import-not-found,unused-ignore]  # optional
    except ModuleNotFoundError as error:
        raise ImportError(f"{EXTRA}; {ELSEWHERE}", name=error.name) from None
    return LocalClient(embed(), timeout=timeout)
