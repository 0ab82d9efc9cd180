"""Joins small evaluations that are under way together into one batch; knows them as calls, and no channel.

Most of the cost of a small call is the call. So while one evaluation is on its way, those that other threads or
tasks begin wait, and travel together once it is back. An evaluation that finds nobody on the way is sent alone and
at once: a single caller pays nothing. Evaluations are pure and fail alone in a batch, so nobody can tell but by
the clock.
"""

from __future__ import annotations

import copy
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from lossd import calls
from lossd.calls import Call, Outcome
from lossd.errors import DeadlineExceeded, LossdError, Overloaded
from lossd.results import Result

LARGEST = 32 * 1024
"""Bytes of a request up to which it may share its way."""
PATIENCE = 0.05
"""Seconds that an evaluation waits for the one on its way; then it goes past it, as that one may be a long one."""
_MEMBERS = 256
_BYTES = 1 << 20


class Post(Protocol):
    """Sends a call without waiting, within `timeout` seconds, and calls `done` with its answer or its error."""

    def __call__(self, call: Call[Any], timeout: float | None, done: Callable[[Any], None]) -> None: ...


class Waiting:
    """An evaluation that may have to wait.

    Args:
        call: made by `calls.evaluate`, without attachments.
        timeout: seconds that its caller allows; None is for ever.
        settle: called once with what became of it, unless it was sent alone.
    """

    def __init__(self, call: Call[Result], timeout: float | None, settle: Callable[[Outcome], None]) -> None:
        self.call = call
        self.until = math.inf if timeout is None else time.monotonic() + timeout
        self.settle = settle

    def left(self) -> float | None:
        """Seconds that are left; None is for ever."""
        return None if self.until == math.inf else max(self.until - time.monotonic(), 0.0)


class Lane:
    """Lets one evaluation at a time travel alone, and the others together. Safe to use from many threads."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._lock = threading.Lock()
        self._taken = False
        self._queue: deque[Waiting] = deque()

    def enter(self) -> bool:
        """Takes the lane if it is free: the caller sends alone, and calls `leave` after."""
        with self._lock:
            alone, self._taken = not self._taken, True
            return alone

    def wait(self, waiting: Waiting) -> bool:
        """Queues `waiting`; False if the lane has become free meanwhile, which then is as if entered."""
        with self._lock:
            queued, self._taken = self._taken, True
            if queued:
                self._queue.append(waiting)
            return queued

    def withdraw(self, waiting: Waiting) -> bool:
        """Takes back what still waits: it is then the caller's to send, past the lane."""
        with self._lock:
            if waiting not in self._queue:
                return False
            self._queue.remove(waiting)
            return True

    def leave(self) -> None:
        """Sends those who wait, together; frees the lane if there are none."""
        together = self._next()
        if together:
            latest = max(waiting.until for waiting in together)
            left = None if latest == math.inf else max(latest - time.monotonic(), 0.0)
            call = calls.evaluate_together([waiting.call.request for waiting in together])
            self._post(call, left, partial(self._arrived, together))

    def _next(self) -> list[Waiting]:
        together: list[Waiting] = []
        size = 0
        with self._lock:
            while self._queue and len(together) < _MEMBERS and size < _BYTES:
                size += len(self._queue[0].call.request)
                together.append(self._queue.popleft())
            self._taken = bool(together)
        return together

    def _arrived(self, together: Sequence[Waiting], answer: Sequence[Outcome] | LossdError) -> None:
        self.leave()
        alone = isinstance(answer, LossdError) and not isinstance(answer, DeadlineExceeded | Overloaded)
        if alone and len(together) > 1:
            for waiting in together:  # one of them may be the cause: the others must not suffer for it
                self._post(waiting.call, waiting.left(), waiting.settle)
        elif isinstance(answer, LossdError):
            for waiting in together:
                waiting.settle(copy.copy(answer))  # raised in several threads, each with a traceback of its own
        else:
            for waiting, outcome in zip(together, answer, strict=True):
                waiting.settle(outcome)


class Answer:
    """A place for one outcome, which a thread waits for."""

    def __init__(self) -> None:
        self._outcome: Outcome | None = None
        self._there = threading.Lock()  # the cheapest thing to wait for
        self._there.acquire()

    def put(self, outcome: Outcome) -> None:
        """Puts the outcome there; once."""
        self._outcome = outcome
        self._there.release()

    def comes(self, timeout: float) -> bool:
        """Whether there is an outcome within `timeout` seconds."""
        there = self._there.acquire(timeout=timeout)
        if there:
            self._there.release()
        return there

    def wait(self, timeout: float | None) -> Result:
        """The result, within `timeout` seconds.

        Raises:
            LossdError: what the evaluation failed with; DeadlineExceeded if the time runs out first.
        """
        if not self._there.acquire(timeout=-1 if timeout is None else timeout):
            raise DeadlineExceeded(f"no answer within {timeout:g} seconds; give the call a longer `timeout`")
        assert self._outcome is not None, "there is one once the lock is free"
        if isinstance(self._outcome, LossdError):
            raise self._outcome
        return self._outcome
