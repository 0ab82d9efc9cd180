"""Runs the worker inside this process, on a thread of its own: for tests and for `lossd.local()`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from lossd import framing

from lossd_server.engine.contract import Call, Device, Reply, late, malformed
from lossd_server.telemetry import observation
from lossd_server.worker.worker import Worker


class InlineEngine:
    """One device, one thread, no protection from a kernel that ends the process; see `contract.Engine`."""

    name = "inline"

    def __init__(self, device: str, make_worker: Callable[[str, str], Worker], on_change: Callable[[], None]) -> None:
        self._device = Device(device)
        self._make_worker = make_worker
        self._on_change = on_change
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lossd-worker")
        self._worker: Worker | None = None

    @property
    def torch_version(self) -> str:
        return self._worker.torch_version if self._worker is not None else ""

    async def start(self) -> None:
        owner = f"w0-{time.time_ns() // 1_000_000:x}"
        loop = asyncio.get_running_loop()
        self._worker = await loop.run_in_executor(self._thread, self._make_worker, self._device.name, owner)
        self._device.healthy = True
        self._on_change()

    async def stop(self) -> None:
        self._device.healthy = False
        self._thread.shutdown(wait=True, cancel_futures=True)
        if self._worker is not None:
            self._worker.close()

    async def submit(self, call: Call) -> Reply:
        self._device.pending += 1
        try:
            running = asyncio.get_running_loop().run_in_executor(self._thread, self._run, call)
            return await asyncio.wait_for(running, call.deadline - time.monotonic())
        except asyncio.TimeoutError:
            raise late(call) from None
        finally:
            self._device.pending -= 1

    def devices(self) -> list[Device]:
        if self._worker is not None:
            self._device.memory, self._device.sessions = self._worker.memory, self._worker.sessions
            self._device.stored_sessions = self._worker.stored_sessions
        return [self._device]

    def _run(self, call: Call) -> Reply:
        """All of a call, the copy of its answer too: the next one may change what this one's views show."""
        assert self._worker is not None, "start comes first"
        try:
            header, attachments = framing.split(call.request)
        except framing.MalformedMessage as error:
            raise malformed(error) from None
        segments = [memoryview(header), *attachments]
        answer = self._worker.run(call.verb, segments, call.admitted, call.deadline, call.request_id)
        message = framing.join(answer.segments[0], answer.segments[1:])
        timing = answer.timing
        return Reply(
            message,
            answer.failed,
            self._device.name,
            timing.loss,
            answer.queued,
            timing.forward,
            timing.backward,
            timing.steps,
            observation.encode(timing.observed),
        )
