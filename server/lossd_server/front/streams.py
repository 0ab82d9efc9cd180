"""The members of one stream: read as they come, several under way at once, answered in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from lossd_server.front.admission import Admission

_WINDOW = 64
"""Members that may be under way at once."""
_FULL_SECONDS = 0.02


class Stream:
    """Answers requests in order; what waits for a caller who does not read counts as bytes in flight.

    Args:
        requests: the caller's messages.
        answer: answers one of them; raises nothing.
        admission: where bytes are counted, and what ends streams with the server.
    """

    def __init__(
        self, requests: AsyncIterator[bytes], answer: Callable[[bytes], Awaitable[bytes]], admission: Admission
    ) -> None:
        self._requests = requests
        self._answer = answer
        self._admission = admission
        self._members: asyncio.Queue[asyncio.Task[bytes] | None] = asyncio.Queue(_WINDOW)
        self._unread = 0
        self.cut_off = False
        """Whether the end of the server ended it, so that some requests may not have been answered."""

    async def answers(self) -> AsyncIterator[bytes]:
        """The answers, until the caller or the server ends the stream."""
        reader = asyncio.create_task(self._read())
        self._admission.readers.add(reader)
        reader.add_done_callback(self._admission.readers.discard)
        try:
            while (member := await self._members.get()) is not None:
                message = await member
                yield message
                self._keep(-len(message))
            self.cut_off = reader.cancelled()
            if not self.cut_off:
                await reader
        finally:
            reader.cancel()
            while not self._members.empty():
                if (waiting := self._members.get_nowait()) is not None:
                    waiting.cancel()
            self._keep(-self._unread)

    async def _read(self) -> None:
        try:
            async for request in self._requests:
                while self._admission.full:
                    await asyncio.sleep(_FULL_SECONDS)
                await self._members.put(asyncio.create_task(self._member(request)))
        finally:
            await self._members.put(None)

    async def _member(self, request: bytes) -> bytes:
        message = await self._answer(request)
        self._keep(len(message))
        return message

    def _keep(self, size: int) -> None:
        self._unread += size
        self._admission.keep(size)
