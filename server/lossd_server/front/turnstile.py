"""Keeps calls of a session that came before their turn until the call before them is answered."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from lossd import framing

from lossd_server.engine.contract import Call, Reply
from lossd_server.front.routes import ROUTES

Submit: TypeAlias = Callable[[Call], Awaitable[Reply]]

_PATIENCE_SECONDS = 2.0
_KEPT = {route.method: route.request for route in ROUTES if route.changes_a_session and not route.streaming}
_ANSWERED = {
    route.method: route.response
    for route in ROUTES
    if route.session_field is not None and (route.changes_a_session or route.streaming)
}


class Turnstile:
    """Submits calls, those that overtook others a second time, when it is their turn.

    The worker decides whose turn it is: it refuses a call that comes too early with SEQ_GAP. Of unary calls that
    refusal is kept back, until the seq before was answered or two seconds have passed. Nothing is known of a session
    that has no call under way.

    Args:
        submit: where calls go, for example an engine's.
    """

    def __init__(self, submit: Submit) -> None:
        self._submit = submit
        self._lines: dict[str, _Line] = {}

    def __len__(self) -> int:
        return len(self._lines)

    async def submit(self, call: Call) -> Reply:
        """The reply to a call."""
        if call.session_id is None or call.verb not in _ANSWERED:
            return await self._submit(call)
        line = self._lines.setdefault(call.session_id, _Line())
        line.calls += 1
        try:
            reply = await self._submit(call)
            if reply.failed and call.verb in _KEPT and _came_early(reply):
                await line.wait(_seq(_KEPT[call.verb], call.request) - 1, _until(call))
                reply = await self._submit(call)
            if line.calls > 1 and not reply.failed:
                line.pass_on(_seq(_ANSWERED[call.verb], reply.message))
            return reply
        finally:
            line.calls -= 1
            if not line.calls:
                del self._lines[call.session_id]


class _Line:
    """The calls of one session that are under way."""

    def __init__(self) -> None:
        self.calls = 0
        self._last = 0
        self._turns: defaultdict[int, asyncio.Event] = defaultdict(asyncio.Event)

    async def wait(self, seq: int, until: float) -> None:
        """Waits for the answer to the call of `seq`, or until time is over: its caller may have left before it came."""
        if seq > self._last:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._turns[seq].wait(), until - time.monotonic())

    def pass_on(self, seq: int) -> None:
        """The call of `seq` was answered."""
        self._last = max(self._last, seq)
        for due in [waiting for waiting in self._turns if waiting <= seq]:
            self._turns.pop(due).set()


def _until(call: Call) -> float:
    return min(time.monotonic() + _PATIENCE_SECONDS, call.deadline)


def _came_early(reply: Reply) -> bool:
    info = error_details_pb2.ErrorInfo()
    details = status_pb2.Status.FromString(reply.message).details
    return any(detail.Unpack(info) and info.reason == "SEQ_GAP" for detail in details)


def _seq(kind: type[Message], message: bytes) -> int:
    """The seq of a request or a response, or of what a stream's response holds; 0 if there is none."""
    decoded: Any = kind.FromString(bytes(framing.split(message).header))
    if "seq" not in decoded.DESCRIPTOR.fields_by_name:
        result = decoded.WhichOneof("result")
        return int(getattr(decoded, result).seq) if result is not None else 0
    return int(decoded.seq)
