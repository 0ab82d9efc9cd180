"""A stream that stands ready for small evaluations which follow one another; knows them as bytes, and no message.

A unary call is set up and torn down on both sides each time, which takes longer than a small evaluation itself. So
a caller who evaluates again and again keeps one StreamEvaluateLoss open and sends one message after the other on
it. Whatever goes wrong with the stream is no error of the evaluation: it is then sent as a unary call, which has
its deadline, its retries and its choice of server.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol, TypeAlias
from uuid import uuid4

import grpc


class Answers(Protocol):
    """The receiving half of a stream, as grpc has it."""

    def __next__(self) -> bytes: ...
    def cancel(self) -> object: ...


Open: TypeAlias = Callable[[Iterator[bytes], str], Answers]
"""Opens a stream that sends what the iterator yields, under a request id."""

_FOLLOWS_WITHIN = 1.0
"""Seconds within which the next evaluation must come for a stream to be worth its while."""
_IDLE = 2.0
_OLDEST = 30.0
"""Seconds after which another stream is opened, perhaps to another server."""
_LOOK = 0.2
_SHORTEST = 1.0
"""Seconds that an evaluation must be allowed, since deadlines are only looked after every now and then."""


class StandingStream:
    """Asks one question at a time, each answered before the next; used by one thread at a time.

    Args:
        open_stream: opens the stream.
    """

    def __init__(self, open_stream: Open) -> None:
        self._open = open_stream
        self._call: Answers | None = None
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._opened = 0.0
        self.request_id = ""
        """What the server's log calls the stream that answered last."""
        self._asked = -math.inf
        self._until: float | None = None
        """When the present question has to be answered; None while there is none."""
        self._lock = threading.Lock()

    def ask(self, request: bytes, seconds: float | None) -> bytes | None:
        """The answer, or None if it did not come this way and the caller has to ask otherwise.

        Args:
            request: the next message of the stream.
            seconds: that the answer may take; None is for ever.
        """
        now = time.monotonic()
        follows, self._asked = now - self._asked < _FOLLOWS_WITHIN, now
        if not follows or (seconds is not None and seconds < _SHORTEST):
            return None
        with self._lock:
            call = self._call
            if call is None or now - self._opened > _OLDEST:
                call = self._renew(now)
            if call is None:
                return None
            self._until = math.inf if seconds is None else now + seconds
        try:
            self._requests.put(request)
            return next(call)
        except (grpc.RpcError, StopIteration):
            self.drop()
            return None
        finally:
            self._until = None

    def drop(self) -> None:
        """Ends the stream; the next question opens another."""
        call, self._call = self._call, None
        if call is not None:
            self._requests.put(None)
            call.cancel()

    def _renew(self, now: float) -> Answers | None:
        self.drop()
        self._requests = queue.SimpleQueue()
        self.request_id = uuid4().hex
        try:
            call = self._call = self._open(iter(self._requests.get, None), self.request_id)
        except ValueError:  # grpc's word for a closed channel
            return None
        self._opened = now
        threading.Thread(target=self._look_after, args=(call,), name="lossd-standing", daemon=True).start()
        return call

    def _look_after(self, call: Answers) -> None:
        """Ends a stream that nobody uses, and an answer that does not come in time."""
        while True:
            time.sleep(_LOOK)
            with self._lock:
                if self._call is not call:
                    return
                now = time.monotonic()
                if self._until is None and now - self._asked > _IDLE:
                    self._call = None
                    self._requests.put(None)  # in good order
                    return
                late = self._until is not None and now > self._until
            if late:
                call.cancel()
