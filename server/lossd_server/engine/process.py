"""Runs one worker process for each device, each supervised: a worker that ends is replaced."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from lossd_server.engine.contract import CREATE_SESSION, Call, Device, Reply
from lossd_server.engine.life import Launch
from lossd_server.engine.slot import Slot

log = logging.getLogger(__name__)

_POLL_SECONDS = 2.0
_STUCK_SECONDS = 60.0
_SILENT_SECONDS = 10.0


class ProcessEngine:
    """A pool of worker processes; see `contract.Engine`.

    Args:
        devices: their names, in order.
        launch: how to start a worker.
        on_change: called when a device becomes healthy or ceases to be.
    """

    name = "process"

    def __init__(self, devices: list[str], launch: Launch, on_change: Callable[[], None]) -> None:
        self._slots = [Slot(index, len(devices), device, launch, on_change) for index, device in enumerate(devices)]
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def torch_version(self) -> str:
        return next((slot.torch_version for slot in self._slots if slot.torch_version), "")

    async def start(self) -> None:
        self._tasks = [asyncio.create_task(slot.supervise()) for slot in self._slots]
        self._tasks.append(asyncio.create_task(self._poll()))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(slot.stop() for slot in self._slots))

    def submit(self, call: Call) -> Awaitable[Reply]:
        return self._slot(call).submit(call)

    def devices(self) -> list[Device]:
        return [slot.device for slot in self._slots]

    def _slot(self, call: Call) -> Slot:
        if call.slot is not None:  # a stored session may be of a server that had more devices
            return self._slots[call.slot % len(self._slots)]
        creates = call.verb == CREATE_SESSION  # a session stays where it begins, so sessions are spread too

        def load(slot: Slot) -> tuple[bool, int, int]:
            return not slot.device.healthy, slot.device.sessions if creates else 0, slot.device.pending

        return min(self._slots, key=load)

    async def _poll(self) -> None:
        """Asks workers how they are, and ends those that hang: in a call that nobody waits for, or in none."""
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            for slot in self._slots:
                slot.ask_state()
                if slot.overdue() > _STUCK_SECONDS or slot.silent() > _SILENT_SECONDS:
                    log.error("worker hangs", extra={"device": slot.device.name})
                    slot.kill()
