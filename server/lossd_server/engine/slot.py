"""One device's place in the pool: its worker process, the calls it has and those that wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lossd import framing

from lossd_server.engine.contract import Call, Device, Reply, late, malformed
from lossd_server.faults import Fault
from lossd_server.worker import frames
from lossd_server.worker.arena import Arena, Region
from lossd_server.worker.frames import Frame, Kind

log = logging.getLogger(__name__)

_WINDOW = 4
"""Calls in a worker's hands at once: one runs, the next lie ready, the rest can still be cancelled."""
_GRACE_SECONDS = 5.0
_SHORT_LIFE_SECONDS = 10.0
_LONGEST_BACKOFF_SECONDS = 30.0
_PATIENCE = 3
"""Short lives in a row after which calls no longer wait for the next."""
_BUFFER_BYTES = 1 << 20
_STATE_CALL = 0


@dataclass(frozen=True)
class Launch:
    """How to start a worker."""

    arena_bytes: int
    max_sessions: int
    threads: int
    log_level: str
    log_format: str


@dataclass(eq=False, slots=True)
class _Pending:
    call: Call
    segments: list[framing.Buffer]
    future: asyncio.Future[Reply]
    region: Region | None = None
    sent: float = 0.0


class Slot:
    """Supervises one worker. Everything here runs on the event loop's thread.

    Args:
        index: position in the pool; session identifiers begin with it.
        device: name of the device.
        launch: how to start the worker.
        on_change: called when health changes.
    """

    def __init__(self, index: int, device: str, launch: Launch, on_change: Callable[[], None]) -> None:
        self.device = Device(device)
        self.torch_version = ""
        self._index = index
        self._launch = launch
        self._on_change = on_change
        self._queue: deque[_Pending] = deque()
        self._sent: dict[int, _Pending] = {}
        self._numbers = itertools.count(_STATE_CALL + 1)
        self._short_lives = 0
        self._service_seconds = 0.0
        self._state_asked = False
        self._process: subprocess.Popen[bytes] | None = None
        self._link: socket.socket | None = None
        self._arena: Arena | None = None
        self._ended = asyncio.Event()

    async def supervise(self) -> None:
        """Keeps a worker alive until cancelled."""
        while True:
            born = time.monotonic()
            self._spawn()
            await self._ended.wait()
            await self._bury()
            self.device.restarts += 1
            lived = time.monotonic() - born
            self._short_lives = self._short_lives + 1 if lived < _SHORT_LIFE_SECONDS else 0
            if self._short_lives >= _PATIENCE:
                self._fail(self._queue, "does not come up")
                self._queue.clear()
            if self._short_lives > 1:
                await asyncio.sleep(min(2.0 ** (self._short_lives - 2), _LONGEST_BACKOFF_SECONDS))

    async def stop(self) -> None:
        """Ends the worker; the calls in its hands and in the queue fail."""
        self._fail(self._queue, "is shutting down")
        self._queue.clear()
        if self._link is not None:
            await self._bury()

    async def submit(self, call: Call) -> Reply:
        """Queues a call and waits for its reply."""
        self._admit(call)
        try:
            header, attachments = framing.split(call.request)
        except framing.MalformedMessage as error:
            raise malformed(error) from None
        loop = asyncio.get_running_loop()
        pending = _Pending(call, [header, *attachments], loop.create_future())
        timer = loop.call_later(call.deadline - time.monotonic(), _expire, pending)
        self._queue.append(pending)
        self._count()
        self._pump()
        try:
            return await pending.future
        finally:
            timer.cancel()
            if not pending.sent and pending in self._queue:
                self._queue.remove(pending)
            self._count()

    def ask_state(self) -> None:
        """Sends the worker a question about its memory and sessions, unless one is under way."""
        if self.device.healthy and not self._state_asked and self._link is not None and self._arena is not None:
            with contextlib.suppress(BlockingIOError, OSError):
                frames.send(self._link, Frame(Kind.STATE, _STATE_CALL, ""), self._arena)
                self._state_asked = True

    def overdue(self) -> float:
        """Seconds by which the oldest call in the worker's hands has outlived its deadline."""
        oldest = next(iter(self._sent.values()), None)
        return time.monotonic() - oldest.call.deadline if oldest is not None else 0.0

    def kill(self) -> None:
        """Ends the worker at once; it will be replaced."""
        if self._process is not None:
            self._process.kill()

    def _admit(self, call: Call) -> None:
        if self._short_lives >= _PATIENCE and not self.device.healthy:
            raise self._unavailable("does not come up")
        wait = self.device.pending * self._service_seconds
        left = call.deadline - time.monotonic()
        if wait > left:
            raise Fault(
                "OVERLOADED",
                f"{self.device.pending} calls wait for {self.device.name}, about {wait:.2f} s of work, and this call "
                f"has {max(left, 0):.2f} s left; retry later or allow more time",
                retry_after=wait,
            )

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        ours.setblocking(False)
        self._arena = Arena(self._launch.arena_bytes)
        self._link = ours
        self._ended = asyncio.Event()
        options = {
            "--link": theirs.fileno(),
            "--arena": self._arena.descriptor,
            "--arena-size": self._arena.size,
            "--device": self.device.name,
            "--owner": f"w{self._index}-{time.time_ns() // 1_000_000:x}",
            "--max-sessions": self._launch.max_sessions,
            "--threads": self._launch.threads,
            "--log-level": self._launch.log_level,
            "--log-format": self._launch.log_format,
        }
        command = [sys.executable, "-m", "lossd_server.worker"]
        command += [str(part) for option in options.items() for part in option]
        with theirs:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), self._arena.descriptor),
                start_new_session=True,  # a Ctrl-C in the terminal is the front's to handle
                env={**os.environ, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
            )
        asyncio.get_running_loop().add_reader(ours, self._read)

    def _read(self) -> None:
        assert self._link is not None and self._arena is not None, "readers are removed before the link is"
        while True:
            try:
                frame = frames.receive(self._link, self._arena)
            except BlockingIOError:
                break
            except OSError:
                frame = None
            if frame is None:
                asyncio.get_running_loop().remove_reader(self._link)
                self._ended.set()
                break
            self._take(frame)
        self._pump()

    def _take(self, frame: Frame) -> None:
        match frame.kind:
            case Kind.HELLO:
                self.torch_version = frame.text
                self._set_healthy(True)
            case Kind.STATE:
                self._state_asked = False
                self.device.memory, self.device.sessions = int(frame.times[0]), int(frame.times[1])
            case _:
                self._answer(frame)

    def _answer(self, frame: Frame) -> None:
        assert self._arena is not None, "the worker lives"
        pending = self._sent.pop(frame.call)
        now = time.monotonic()
        served = now - pending.sent
        self._service_seconds += (served / (len(self._sent) + 1) - self._service_seconds) / 8
        if not pending.future.done():
            message = framing.join(frame.segments[0], frame.segments[1:])
            failed = frame.kind is Kind.REFUSAL
            forward, backward, queue = frame.times
            pending.future.set_result(
                Reply(message, failed, self.device.name, frame.text, queue, forward, backward)
            )
        if pending.region is not None:
            self._arena.free(pending.region)
        for sibling in itertools.islice(self._sent.values(), 1):
            sibling.sent = now

    def _pump(self) -> None:
        """Hands the worker calls until its window or the arena is full."""
        while self.device.healthy and self._queue and len(self._sent) < _WINDOW:
            pending = self._queue[0]
            if not pending.future.done() and not self._send(pending):
                break
            self._queue.popleft()

    def _send(self, pending: _Pending) -> bool:
        assert self._link is not None and self._arena is not None, "the worker lives"
        size = frames.payload_size(pending.segments)
        if size > frames.INLINE:
            pending.region = self._arena.reserve(size)
            if pending.region is None:
                return False
        number = next(self._numbers)
        call = pending.call
        text = f"{call.verb} {call.request_id}"
        frame = Frame(Kind.CALL, number, text, (call.admitted, 0.0, 0.0), pending.segments, pending.region)
        try:
            frames.send(self._link, frame, self._arena)
        except OSError as error:
            if pending.region is not None:
                self._arena.free(pending.region)
                pending.region = None
            if isinstance(error, BlockingIOError):
                asyncio.get_running_loop().add_writer(self._link, self._writable)
            return False
        pending.sent = time.monotonic()
        pending.segments = []
        self._sent[number] = pending
        return True

    def _writable(self) -> None:
        assert self._link is not None, "writers are removed before the link is"
        asyncio.get_running_loop().remove_writer(self._link)
        self._pump()

    async def _bury(self) -> None:
        """Fails the calls that the worker had, waits for its end and frees what it held."""
        assert self._link is not None and self._arena is not None and self._process is not None, "it was born"
        self._set_healthy(False)
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._link)
        loop.remove_writer(self._link)
        self._link.close()
        self._link = None
        self._fail(self._sent.values(), "ended with the call in its hands")
        self._sent.clear()
        self._state_asked = False
        process = self._process
        try:
            await loop.run_in_executor(None, process.wait, _GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            await loop.run_in_executor(None, process.wait)
        log.warning("worker ended", extra={"device": self.device.name, "code": process.returncode})
        self._arena.close()
        self._arena = None

    def _fail(self, pendings: Iterable[_Pending], what: str) -> None:
        for pending in list(pendings):
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
