"""A real lossd server process on a real socket, for tests that need one of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from types import TracebackType

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

GRPCURL = str(Path(sys.executable).with_name("grpcurl"))


class RunningServer:
    """Starts `python -m lossd_server` with the flags given and waits until it serves.

    Args:
        flags: beyond the addresses, which are picked free.
        ready: whether to wait until a device is healthy, not only until the port is open.
        env: environment variables to add.
    """

    def __init__(self, *flags: str, ready: bool = True, env: dict[str, str] | None = None) -> None:
        addresses = [] if "--address" in flags else ["--address", "127.0.0.1:0"]
        addresses += [] if "--metrics-address" in flags else ["--metrics-address", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lossd_server", *addresses, *flags],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(env or {})},
        )
        self.lines: list[str] = []
        self._announced = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._announced.wait(30):
            self.process.kill()
            raise AssertionError("the server did not come up:\n" + "\n".join(self.lines))
        if not any('"event": "serving"' in line for line in self.lines):
            self.process.kill()
            self.process.wait()
            raise AssertionError("the server ended:\n" + "\n".join(self.lines))
        self.target: str = self.announced["address"]
        self.metrics_url = f"http://{self.announced['metrics_address']}/metrics"
        if ready:
            self.wait_healthy()

    @property
    def announced(self) -> dict[str, str]:
        return next(record for record in self.records() if record.get("event") == "serving")

    def records(self) -> list[dict[str, str]]:
        """The log so far, a dict a line."""
        return [json.loads(line) for line in list(self.lines) if line.startswith("{")]

    def wait_healthy(self, service: str = "lossd.v1.EvaluationService", seconds: float = 60.0) -> None:
        until = time.monotonic() + seconds
        while self.health(service) != health_pb2.HealthCheckResponse.SERVING:
            assert time.monotonic() < until, f"{service} is not healthy after {seconds} s:\n" + "\n".join(self.lines)
            time.sleep(0.05)

    def health(self, service: str = "") -> int:
        with grpc.insecure_channel(self.target) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            return stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=10, wait_for_ready=True).status

    def metrics(self) -> str:
        with urllib.request.urlopen(self.metrics_url, timeout=10) as response:
            return str(response.read().decode())

    def metric(self, sample: str) -> float:
        """The value of one sample, named as it stands in the exposition."""
        for line in self.metrics().splitlines():
            if line.startswith(sample + " "):
                return float(line.rpartition(" ")[2])
        raise AssertionError(f"no sample {sample}")

    def workers(self) -> list[int]:
        """Process ids of the worker processes that this server has now."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in children]

    def resident(self) -> int:
        """Bytes resident in the server and its workers together."""
        page = os.sysconf("SC_PAGESIZE")
        pids = [self.process.pid, *self.workers()]
        return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page for pid in pids)

    def grpcurl(self, method: str, data: str | None = None, *flags: str) -> subprocess.CompletedProcess[str]:
        """Calls `method` ("list" and "describe …" too) with the real grpcurl."""
        body = ["-d", data] if data is not None else []
        command = [GRPCURL, "-plaintext", *flags, *body, self.target, *method.split(" ")]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()
            self._reader.join(5)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())
            if '"event": "serving"' in line:
                self._announced.set()
        self._announced.set()
        self.process.stderr.close()

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
