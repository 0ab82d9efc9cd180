"""Who may come in: known callers, and as many bytes as the server will hold."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lossd_server.faults import Fault
from lossd_server.telemetry.metrics import Metrics

log = logging.getLogger(__name__)


class Admission:
    """Counts the bytes of requests in flight and refuses those over the budget.

    Args:
        budget: bytes that may be in flight at once.
        tokens: file of bearer tokens, one a line, or None to let everybody in; read again when it changes.
    """

    def __init__(self, budget: int, tokens: Path | None, metrics: Metrics) -> None:
        self._budget = budget
        self._tokens = _Tokens(tokens) if tokens is not None else None
        self._held = 0
        metrics.inflight_bytes.set_function(lambda: self._held)
        self.draining = False
        self.calls = 0
        """Calls of lossd's own services under way."""
        self.readers: set[asyncio.Task[Any]] = set()
        """Those that read the requests of streams."""

    @property
    def full(self) -> bool:
        """Whether as many bytes are held as may be."""
        return self._held >= self._budget

    def is_full_for(self, size: int) -> bool:
        """Whether so many bytes do not fit now, but may later."""
        return not self.draining and size <= self._budget < self._held + size

    def keep(self, size: int) -> None:
        """Counts the bytes of an answer that waits for its caller to read; a negative size gives them back."""
        self._held += size

    def end(self) -> None:
        """Lets nobody in any more; streams end when what they have asked is answered."""
        self.draining = True
        for reader in self.readers:
            reader.cancel()

    def check_caller(self, authorization: str) -> None:
        """Refuses callers without a known token, where tokens are asked for."""
        if self._tokens is not None and not self._tokens.know(authorization):
            raise Fault("UNAUTHENTICATED", "no bearer token, or an unknown one; send authorization: Bearer TOKEN")

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Holds `size` bytes of the budget while inside."""
        if self.draining:
            raise draining()
        if size > self._budget:
            raise Fault("MESSAGE_TOO_LARGE", f"the request has {size} bytes; this server takes at most {self._budget}")
        if self._held + size > self._budget:
            raise Fault(
                "OVERLOADED",
                f"{self._held} bytes of requests are in flight; {size} more do not fit in {self._budget}; retry later",
                retry_after=0.5,
            )
        self._held += size
        try:
            yield
        finally:
            self._held -= size


def draining() -> Fault:
    """The fault of whoever comes, or still waits, when the server ends."""
    return Fault("DRAINING", "the server is shutting down; retry elsewhere", retry_after=1.0)


class _Tokens:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._modified = -1
        self._known: list[bytes] = []
        self._read_if_changed()
        if not self._known:
            raise OSError(f"the token file {path} holds no token, so nobody could come in")

    def know(self, authorization: str) -> bool:
        try:
            self._read_if_changed()
        except OSError as error:
            log.error("the token file cannot be read; the earlier tokens stay", extra={"error": error.strerror})
        given = authorization.encode()
        matches = [hmac.compare_digest(given, token) for token in self._known]  # all of them: no early way out
        return any(matches)

    def _read_if_changed(self) -> None:
        modified = self._path.stat().st_mtime_ns
        if modified != self._modified:
            lines = self._path.read_bytes().splitlines()
            self._known = [b"Bearer " + line.strip() for line in lines if line.strip()]
            self._modified = modified
