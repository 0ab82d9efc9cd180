"""One device's place in the pool: the calls that wait for its worker, those in its hands, and who replaces it."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lossd import framing

from lossd_server.engine.contract import CREATE_SESSION, DELETE_SESSION, Call, Device, Reply, late, malformed
from lossd_server.engine.life import Launch, Life
from lossd_server.faults import Fault
from lossd_server.worker import frames
from lossd_server.worker.arena import Region
from lossd_server.worker.frames import Frame, Kind

log = logging.getLogger(__name__)

_WINDOW = 4
"""Calls in a worker's hands at once: one runs, the next lie ready, the rest can still be cancelled."""
_SHORT_LIFE_SECONDS = 10.0
"""A life that is shorter and answered no call counts as a failure to come up."""
_LONGEST_BACKOFF_SECONDS = 30.0
_PATIENCE = 3
"""Short lives in a row after which calls no longer wait for the next."""
_STATE_CALL = 0


@dataclass(eq=False, slots=True)
class _Pending:
    call: Call
    segments: list[framing.Buffer]
    future: asyncio.Future[Reply]
    region: Region | None = None
    sent: float = 0.0
    number: int = 0
    expected: float = 0.0


class Slot:
    """Supervises one worker. Everything here runs on the event loop's thread.

    Args:
        index: position in the pool; session identifiers begin with it.
        devices: size of the pool.
        device: name of the device.
        launch: how to start the worker.
        on_change: called when health changes.
    """

    def __init__(self, index: int, devices: int, device: str, launch: Launch, on_change: Callable[[], None]) -> None:
        self.device = Device(device)
        self.torch_version = ""
        self._index = index
        self._devices = devices
        self._launch = launch
        self._on_change = on_change
        self._queue: deque[_Pending] = deque()
        self._sent: dict[int, _Pending] = {}
        self._numbers = itertools.count(_STATE_CALL + 1)
        self._short_lives = 0
        self._answered = False
        self._seconds: dict[str, float] = {}
        self._state_asked: float | None = None
        self._life: Life | None = None

    async def supervise(self) -> None:
        """Keeps a worker alive until cancelled."""
        while True:
            self._answered = False
            lived = await self._live()
            was_short = lived < _SHORT_LIFE_SECONDS and not self._answered
            self._short_lives = self._short_lives + 1 if was_short else 0
            if self._short_lives >= _PATIENCE:
                self._fail_queue("does not come up")
            if self._short_lives > 1:
                await asyncio.sleep(min(2.0 ** (self._short_lives - 2), _LONGEST_BACKOFF_SECONDS))

    async def _live(self) -> float:
        """One life of the worker; returns the seconds that it lasted."""
        try:
            life = self._life = Life(self._index, self._devices, self.device.name, self._launch, self._take, self._pump)
        except OSError as error:
            log.error("worker cannot be started", extra={"device": self.device.name, "error": error.strerror})
            return 0.0
        await life.ended.wait()
        log.warning("worker ended unasked", extra={"device": self.device.name})
        await self._bury()
        self.device.restarts += 1
        return time.monotonic() - life.born

    async def stop(self) -> None:
        """Ends the worker; the calls in its hands and in the queue fail."""
        self._fail_queue("is shutting down")
        await self._bury()

    async def submit(self, call: Call) -> Reply:
        """Queues a call and waits for its reply."""
        self._admit(call)
        try:
            header, attachments = framing.split(call.request)
        except framing.MalformedMessage as error:
            raise malformed(error) from None
        segments = [header, *attachments]
        if not frames.is_inline(segments) and frames.payload_size(segments) > self._launch.arena_bytes:
            raise Fault("MESSAGE_TOO_LARGE", "the request and its attachments do not fit the shared memory of a worker")
        loop = asyncio.get_running_loop()
        pending = _Pending(call, segments, loop.create_future(), expected=self._seconds.get(call.verb, 0.0))
        self._queue.append(pending)
        try:
            self._pump()
            timer = loop.call_later(call.deadline - time.monotonic(), _expire, pending)
            try:
                return await pending.future
            finally:
                timer.cancel()
        finally:
            if not pending.sent and pending in self._queue:
                self._queue.remove(pending)
            if self._life is not None and self._sent.get(pending.number) is pending:
                self._life.abandon(pending.number, gone=True)
            self._count()

    def ask_state(self) -> None:
        """Sends the worker a question about its memory and sessions, unless one is under way."""
        may = self.device.healthy and self._state_asked is None
        if may and self._life is not None and self._life.send(Frame(Kind.STATE, _STATE_CALL, "")):
            self._state_asked = time.monotonic()

    def silent(self) -> float:
        """Seconds for which a worker without work has not answered how it is."""
        return 0.0 if self._sent or self._state_asked is None else time.monotonic() - self._state_asked

    def overdue(self) -> float:
        """Seconds by which the oldest call in the worker's hands has outlived its deadline."""
        oldest = next(iter(self._sent.values()), None)
        return time.monotonic() - oldest.call.deadline if oldest is not None else 0.0

    def kill(self) -> None:
        """Ends the worker at once; it will be replaced."""
        if self._life is not None:
            self._life.kill()

    def _admit(self, call: Call) -> None:
        if self._short_lives >= _PATIENCE and not self.device.healthy:
            raise self._unavailable("does not come up")
        wait = sum(pending.expected for pending in (*self._queue, *self._sent.values()))
        left = call.deadline - time.monotonic()
        if left <= 0:
            raise late(call)
        if wait > left:
            raise Fault(
                "OVERLOADED",
                f"{self.device.pending} calls wait for {self.device.name}, about {wait:.2f} s of work, and this call "
                f"has {max(left, 0):.2f} s left; retry later or allow more time",
                retry_after=wait,
            )

    def _take(self, frame: Frame) -> None:
        match frame.kind:
            case Kind.HELLO:
                self.torch_version = frame.text
                self._set_healthy(True)
            case Kind.STATE:
                self._state_asked = None
                self.device.memory, self.device.sessions, self.device.stored_sessions = map(int, frame.times)
            case _:
                self._answer(frame)
        self._pump()

    def _answer(self, frame: Frame) -> None:
        pending = self._sent.pop(frame.call)
        self._answered = True
        self._state_asked = None  # it lives; what it has to say of its state may have been long in coming
        now = time.monotonic()
        usual = self._seconds.get(pending.call.verb, 0.0)
        self._seconds[pending.call.verb] = usual + (now - pending.sent - usual) / 8
        for sibling in self._sent.values():
            sibling.sent = now  # those behind it begin only now
        if frame.kind is Kind.ANSWER:  # the worker's own count comes later, with its state
            verb = pending.call.verb
            self.device.sessions += (verb == CREATE_SESSION) - (verb == DELETE_SESSION)
        if not pending.future.done():
            message = framing.join(frame.segments[0], frame.segments[1:])
            failed = frame.kind is Kind.REFUSAL
            forward, backward, queue = frame.times
            counted = (frame.steps, frame.note)
            reply = Reply(message, failed, self.device.name, frame.text, queue, forward, backward, *counted)
            pending.future.set_result(reply)
        self._release(pending)

    def _pump(self) -> None:
        """Hands the worker calls until its window, its link or the shared memory is full."""
        while self.device.healthy and self._queue and len(self._sent) < _WINDOW:
            pending = self._queue[0]
            if not pending.future.done() and not self._send(pending):
                break
            self._queue.popleft()
        self._count()

    def _send(self, pending: _Pending) -> bool:
        life, call = self._life, pending.call
        assert life is not None, "a healthy device has a worker"
        if not frames.is_inline(pending.segments):
            pending.region = life.reserve(frames.payload_size(pending.segments))
            if pending.region is None:
                return False
        number = pending.number = next(self._numbers)
        life.abandon(number, gone=False)
        times = (call.admitted, call.deadline, 0.0)
        frame = Frame(Kind.CALL, number, f"{call.verb} {call.request_id}", times, pending.segments, pending.region)
        if not life.send(frame):
            self._release(pending)
            return False
        pending.sent = time.monotonic()
        pending.segments = []
        self._sent[number] = pending
        return True

    def _release(self, pending: _Pending) -> None:
        if pending.region is not None and self._life is not None:
            self._life.free(pending.region)
            pending.region = None

    async def _bury(self) -> None:
        """Fails the calls that the worker had, and waits until it is gone."""
        self._set_healthy(False)
        self._state_asked = None
        life, self._life = self._life, None
        self._fail(self._sent.values(), "ended with the call in its hands")
        self._sent.clear()
        self._count()
        if life is not None:
            await life.end()

    def _fail_queue(self, what: str) -> None:
        self._fail(self._queue, what)
        self._queue.clear()

    def _fail(self, pendings: Iterable[_Pending], what: str) -> None:
        for pending in pendings:
            if not pending.future.done():
                pending.future.set_exception(self._unavailable(what))

    def _unavailable(self, what: str) -> Fault:
        return Fault("DEVICE_UNAVAILABLE", f"the worker of {self.device.name} {what}; retry", retry_after=1.0)

    def _set_healthy(self, healthy: bool) -> None:
        self.device.healthy = healthy
        self._on_change()

    def _count(self) -> None:
        self.device.pending = len(self._queue) + len(self._sent)


def _expire(pending: _Pending) -> None:
    if not pending.future.done():
        pending.future.set_exception(late(pending.call))
