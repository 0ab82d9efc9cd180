"""Puts the server together: settings → engine → edge, and metrics beside them."""

from __future__ import annotations

import asyncio
import glob
import logging
import os
import re
import signal
import tempfile
import threading
from collections.abc import Callable, Coroutine
from importlib.metadata import version
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import uvloop
from prometheus_client import start_http_server

from lossd_server.engine.contract import Engine
from lossd_server.engine.life import Launch
from lossd_server.engine.process import ProcessEngine
from lossd_server.front.edge import Edge
from lossd_server.settings import Settings, numbered
from lossd_server.telemetry import allocator, logs
from lossd_server.telemetry.metrics import Metrics
from lossd_server.telemetry.series import Series

log = logging.getLogger(__name__)

_LAG_SECONDS = 0.5
_ARENA_SLACK = 4 * 2**20  # for the lengths and the alignment of segments, beyond their bytes

T = TypeVar("T")


class Server:
    """A lossd server on the running event loop.

    Args:
        settings: its settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        _make_folder(settings.state_dir)
        series = Series(settings.max_series, settings.series_window_seconds, settings.series_idle_seconds)
        self._metrics = Metrics(version("lossd"), series)
        self._tasks: set[asyncio.Task[None]] = set()
        self._engine = _engine(settings, self._on_change)
        self._metrics.watch_devices(self._engine.devices)
        self._edge = Edge(settings, version("lossd"), self._engine, self._metrics)
        self.address = self._edge.address
        self.metrics_address = ""

    async def start(self) -> None:
        """Serves; devices come up by and by."""
        self.metrics_address = self._serve_metrics()
        await self._edge.start()
        await self._engine.start()
        self._keep(self._watch_lag())
        log.info("serving", extra={"address": self.address, "metrics_address": self.metrics_address})

    async def stop(self) -> None:
        """Drains, then ends the workers."""
        log.info("draining")
        await self._edge.drain()
        await self._engine.stop()
        for task in self._tasks:
            task.cancel()
        log.info("stopped")

    def _on_change(self) -> None:
        self._keep(self._edge.update_health())

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch_lag(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _LAG_SECONDS
            await asyncio.sleep(_LAG_SECONDS)
            self._metrics.event_loop_lag.set(max(loop.time() - due, 0.0))

    def _serve_metrics(self) -> str:
        host, _, port = self._settings.metrics_address.rpartition(":")
        if not port:
            return ""
        try:
            server, _ = start_http_server(int(port), host.strip("[]"), registry=self._metrics.registry)
        except OSError as error:
            raise OSError(f"cannot listen on {self._settings.metrics_address} for metrics: {error.strerror}") from None
        return f"{host}:{server.server_port}"


async def serve(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT, then drains and returns."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    server = Server(settings)
    await server.start()
    await stopping.wait()
    await server.stop()


def run(settings: Settings) -> None:
    """Runs a server in this process until it is told to stop."""
    logs.configure(settings.log_level, settings.log_format)
    allocator.keep_freed_memory()
    allocator.settle()
    uvloop.run(serve(settings))


def embed() -> Embedded:
    """Starts a server inside this process, for `lossd.local()`; close it when done."""
    return Embedded()


class Embedded:
    """A server with an inline engine on a thread of its own; `target` is what a client dials."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="lossd-")
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lossd", daemon=True)
        self._thread.start()
        settings = Settings(
            address=f"unix:{self._folder.name}/socket", metrics_address="", engine="inline", drain_seconds=1.0
        )
        self._server = self._run(self._start(settings))
        self.target = self._server.address

    def close(self) -> None:
        """Drains the server and ends its thread."""
        if self._loop.is_closed():
            return
        self._run(self._server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._folder.cleanup()

    def __enter__(self) -> Embedded:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, work: Coroutine[None, None, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    @staticmethod
    async def _start(settings: Settings) -> Server:
        server = Server(settings)
        await server.start()
        return server


def _engine(settings: Settings, on_change: Callable[[], None]) -> Engine:
    devices = _devices(settings.devices)
    if settings.engine == "inline":
        from lossd_server.engine.inline import InlineEngine  # brings torch, which the process engine leaves to workers
        from lossd_server.worker.worker import Worker

        def make_worker(device: str, owner: str) -> Worker:
            return Worker(
                device,
                owner,
                max_sessions=settings.max_sessions_per_device,
                threads=settings.threads,
                programs=settings.programs == "on",
                state_dir=settings.state_dir,
                session_ttl=settings.session_ttl_seconds,
            )

        return InlineEngine(devices[0], make_worker, on_change)
    launch = Launch(
        arena_bytes=settings.max_inflight_bytes + _ARENA_SLACK,
        max_sessions=settings.max_sessions_per_device,
        threads=settings.threads,
        programs=settings.programs,
        state_dir=settings.state_dir,
        session_ttl=settings.session_ttl_seconds,
        log_level=settings.log_level,
        log_format=settings.log_format,
    )
    return ProcessEngine(devices, launch, on_change)


def _make_folder(state_dir: str) -> None:
    """A state directory on a disk must be there before anybody relies on it."""
    if not state_dir or ("://" in state_dir and not state_dir.startswith("file://")):
        return
    path = Path(state_dir.removeprefix("file://"))
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        usable = os.access(path, os.R_OK | os.W_OK | os.X_OK)
    except OSError as error:
        raise OSError(f"the state directory {path} cannot be made: {error.strerror}") from None
    if not usable:
        raise OSError(f"the state directory {path} cannot be read and written")


def _devices(setting: str) -> list[str]:
    """Device names, each with its number; "auto" is every GPU that the driver shows, else one CPU worker."""
    if setting != "auto":
        return numbered(setting)
    count = len(glob.glob("/dev/nvidia[0-9]*"))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:  # CUDA itself shows those up to the first that is none, so that -1 hides all
        shown = takewhile(re.compile(r"\d+|(GPU|MIG)-.+").fullmatch, (part.strip() for part in visible.split(",")))
        count = min(count, len(list(shown)))
    return [f"cuda:{index}" for index in range(count)] or ["cpu:0"]
