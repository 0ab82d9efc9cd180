"""One AggregateLoss: the chunks of a stream on their way to the worker that holds their data set; decodes none.

The first chunk goes to any worker, whose answer names the data set; the others follow it there, a few at once. Nobody
but this knows those calls: on the wire there is one stream and one answer.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol

from google.protobuf import any_pb2
from lossd import framing
from lossd.v1 import evaluation_service_pb2 as pb

from lossd_server.engine.contract import malformed
from lossd_server.faults import Fault
from lossd_server.front.admission import Admission, draining
from lossd_server.front.refused import Refused

OPEN, CHUNK, END, DROP = "AggregateLoss", "AggregateChunk", "AggregateEnd", "AggregateDrop"
"""The verbs that workers know for it."""

_WINDOW = 4
"""Chunks that may be under way at once."""
_FULL_SECONDS = 0.02
_LAST_SECONDS = 0.002
"""A stream whose caller vanished ends as if that had no more to say, and is cancelled a moment later."""
_dropping: set[asyncio.Task[bytes]] = set()  # the loop itself holds tasks weakly


class Submit(Protocol):
    """Makes one call to a worker and gives the serialized answer; raises what it was refused with."""

    async def __call__(self, verb: str, request: bytes, session_id: str | None) -> bytes: ...


class Gathering:
    """Reads a stream and answers it once.

    Args:
        requests: the caller's messages.
        submit: makes calls.
        admission: where bytes are counted, and what ends streams with the server.
        idle: seconds that the caller may leave between chunks.
    """

    def __init__(self, requests: AsyncIterator[bytes], submit: Submit, admission: Admission, idle: float) -> None:
        self._requests = requests
        self._submit = submit
        self._admission = admission
        self._idle = idle
        self._name = ""
        self._opening: asyncio.Task[bytes] | None = None
        self._taken = pb.AggregateLossResponse()
        self._under_way: deque[asyncio.Task[bytes]] = deque()
        self._reading: asyncio.Task[bytes | None] | None = None

    async def answer(self) -> bytes:
        """The answer to the whole stream.

        Raises:
            Fault: which says how far it came, as the refusals of workers do by themselves.
        """
        try:
            return await self._gather()
        except (Fault, Refused) as error:
            chunks, examples = self._taken.chunks, self._taken.examples
            lost = f"; {chunks} chunks with {examples} examples had been taken" if chunks else ""
            raise error.telling(lost, chunks=chunks, examples=examples) from None
        finally:
            self._end()

    async def _gather(self) -> bytes:
        first = await self._next()
        if first is None:
            text = "the stream ended without a chunk; the first one names the loss and may have no examples"
            raise Fault("MISSING_FIELD", text, field="chunks[0].loss")
        self._opening = asyncio.create_task(self._call(OPEN, first, None))
        self._take(await asyncio.shield(self._opening))
        self._name = self._taken.request_id
        sent = 1
        while (chunk := await self._next()) is not None:
            if len(self._under_way) >= _WINDOW:
                self._take(await self._under_way.popleft())
            request = _envelope(self._name, chunk, sent)
            sent += 1
            while self._admission.is_full_for(len(request)):
                await asyncio.sleep(_FULL_SECONDS)
            self._under_way.append(self._send(request))
        while self._under_way:
            self._take(await self._under_way.popleft())
        answer = await self._call(END, _envelope(self._name), self._name)
        self._opening = None
        return answer

    async def _next(self) -> bytes | None:
        """The next chunk, None at the end; raises what an earlier one failed with as soon as that is known."""
        reading = self._reading = asyncio.create_task(self._read())
        self._admission.readers.add(reading)
        reading.add_done_callback(self._admission.readers.discard)
        while True:
            awaited = {reading, *list(self._under_way)[:1]}
            done, _ = await asyncio.wait(awaited, timeout=self._idle, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                raise Fault("DEADLINE_EXCEEDED", f"no chunk came for {self._idle:g} seconds")
            while self._under_way and self._under_way[0].done():
                self._take(self._under_way.popleft().result())
            if reading.cancelled():
                raise draining()
            if reading.done():
                return reading.result()

    async def _read(self) -> bytes | None:
        message = await anext(self._requests, None)
        if message is None:
            await asyncio.sleep(_LAST_SECONDS)
        return message

    def _send(self, request: bytes) -> asyncio.Task[bytes]:
        """Lets a chunk in now, before another stream takes its room, and sends it on its way."""
        held = contextlib.ExitStack()
        held.enter_context(self._admission.hold(len(request)))
        task = asyncio.create_task(self._call(CHUNK, request, self._name))
        task.add_done_callback(lambda _: held.close())  # a task that is cancelled at once never begins
        return task

    async def _call(self, verb: str, request: bytes, name: str | None) -> bytes:
        return await self._submit(verb, request, name)

    def _take(self, answer: bytes) -> None:
        self._taken = pb.AggregateLossResponse.FromString(answer)

    def _end(self) -> None:
        """Lets go of what is under way, and has the worker forget the data set if it has not answered."""
        for task in (self._reading, *self._under_way):
            if task is not None:
                task.cancel()
                task.add_done_callback(_heard)
        if self._opening is not None:
            dropping = asyncio.create_task(self._drop(self._opening))
            _dropping.add(dropping)
            dropping.add_done_callback(_dropping.discard)
            dropping.add_done_callback(_heard)

    async def _drop(self, opening: asyncio.Task[bytes]) -> bytes:
        """Has the worker forget the data set, once it has told its name."""
        name = pb.AggregateLossResponse.FromString(await opening).request_id
        return await self._call(DROP, _envelope(name), name)


def _envelope(name: str, chunk: bytes = b"", number: int = 0) -> bytes:
    """A chunk under the name of its data set, its attachments still outermost; `number` is what refusals call it.

    >>> any_pb2.Any.FromString(_envelope("w0-1", b"")).type_url
    'w0-1'
    """
    try:
        header, attachments = framing.split(chunk)
    except framing.MalformedMessage as error:
        raise malformed(error).within(f"chunks[{number}]") from None
    return framing.join(any_pb2.Any(type_url=name, value=bytes(header)).SerializeToString(), attachments)


def _heard(task: asyncio.Task[bytes] | asyncio.Task[bytes | None]) -> None:
    """Nobody waits for it any more: its failure is no news."""
    with contextlib.suppress(asyncio.CancelledError):
        task.exception()
