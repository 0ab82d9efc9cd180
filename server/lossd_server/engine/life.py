"""One life of a worker process: its birth, the link and the memory it shares with this process, its end."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lossd_server.worker import frames
from lossd_server.worker.arena import Arena, Region
from lossd_server.worker.frames import Frame

log = logging.getLogger(__name__)

_GRACE_SECONDS = 5.0
_SOCKET_BYTES = 1 << 20


@dataclass(frozen=True)
class Launch:
    """How to start a worker."""

    arena_bytes: int
    max_sessions: int
    threads: int
    programs: str
    state_dir: str
    session_ttl: float
    log_level: str
    log_format: str


class Life:
    """A worker process that runs from construction until it ends or is ended.

    Args:
        index: position of its device in the pool; identifiers of its sessions begin with it.
        devices: number of devices in the pool.
        device: name of the device.
        launch: how to start it.
        on_frame: called with what the worker says, as it comes.
        on_writable: called when a link that was full has room again.
    """

    def __init__(
        self,
        index: int,
        devices: int,
        device: str,
        launch: Launch,
        on_frame: Callable[[Frame], None],
        on_writable: Callable[[], None],
    ) -> None:
        self._device = device
        self._on_frame = on_frame
        self._on_writable = on_writable
        self._loop = asyncio.get_running_loop()
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._link, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
        self._link.setblocking(False)
        self._arena = Arena(launch.arena_bytes)
        self.born = time.monotonic()
        self.ended = asyncio.Event()
        with theirs, self._closed_if_unborn():
            owner = f"w{index}-{time.time_ns() // 1_000_000:x}"
            self._process = _spawn(owner, (index, devices), device, launch, theirs, self._arena)
        self._loop.add_reader(self._link, self._read)

    @contextmanager
    def _closed_if_unborn(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            self._link.close()
            self._arena.close()
            raise

    def reserve(self, size: int) -> Region | None:
        """Shared memory for a large call, or None while there is none."""
        return self._arena.reserve(size)

    def free(self, region: Region) -> None:
        """Gives a call's shared memory back."""
        self._arena.free(region)

    def abandon(self, call: int, gone: bool) -> None:
        """Tells the worker whether a call's caller is gone."""
        self._arena.abandon(call, gone)

    def send(self, frame: Frame) -> bool:
        """Sends a frame; False if the link is full, or the worker gone: its end is then about to be told."""
        try:
            frames.send(self._link, frame, self._arena)
        except BlockingIOError:
            self._loop.add_writer(self._link, self._writable)
            return False
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """Ends the process at once."""
        self._process.kill()

    async def end(self) -> None:
        """Closes the link, which tells the worker to go, waits for it, and frees what was shared."""
        self._loop.remove_reader(self._link)
        self._loop.remove_writer(self._link)
        self._link.close()
        try:
            await self._loop.run_in_executor(None, self._process.wait, _GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await self._loop.run_in_executor(None, self._process.wait)
        self._arena.close()
        log.info("worker ended", extra={"device": self._device, "code": self._process.returncode})

    def _read(self) -> None:
        """Takes one frame; the loop calls again at once if there are more."""
        try:
            frame = frames.receive(self._link, self._arena)
        except BlockingIOError:
            return
        except Exception as error:  # an answer that cannot be taken would be waited for for ever
            if not isinstance(error, ConnectionError):
                log.error("worker cannot be understood", exc_info=error, extra={"device": self._device})
            frame = None
        if frame is not None:
            self._on_frame(frame)
        else:
            self._loop.remove_reader(self._link)
            self._process.kill()
            self.ended.set()

    def _writable(self) -> None:
        self._loop.remove_writer(self._link)
        self._on_writable()


def _spawn(
    owner: str, share: tuple[int, int], device: str, launch: Launch, link: socket.socket, arena: Arena
) -> subprocess.Popen[bytes]:
    options = {
        "--link": link.fileno(),
        "--arena": arena.descriptor,
        "--arena-size": arena.size,
        "--device": device,
        "--owner": owner,
        "--max-sessions": launch.max_sessions,
        "--threads": launch.threads,
        "--programs": launch.programs,
        "--state-dir": launch.state_dir,
        "--session-ttl": launch.session_ttl,
        "--share": "{}/{}".format(*share),
        "--log-level": launch.log_level,
        "--log-format": launch.log_format,
    }
    command = [sys.executable, "-m", "lossd_server.worker"]
    command += [str(part) for option in options.items() for part in option]
    return subprocess.Popen(  # noqa: S603  # our own module, by our own interpreter
        command,
        stdin=subprocess.DEVNULL,
        pass_fds=(link.fileno(), arena.descriptor),
        start_new_session=True,  # a Ctrl-C in the terminal is the front's to handle
        # threads of a kernel that spin while they are idle take the core that the gRPC loop needs: what takes
        # 50 microseconds then takes 10 milliseconds; the policy must be set before torch is loaded
        env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
    )
