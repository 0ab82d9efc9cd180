"""The processes of a comparison: servers, and a client each, told over a pipe what to time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_ROOT = Path(__file__).parents[1]
_TICK = os.sysconf("SC_CLK_TCK")


class ServerProcess:
    """A server of its own; `target` is its address. It ends with the `with` block.

    Args:
        command: starts it. It says its address on stdout, or as lossd does in its log on stderr.
    """

    def __init__(self, command: Sequence[str]) -> None:
        begun = time.monotonic()
        self._process = subprocess.Popen(
            command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.target = ""
        for line in self._process.stdout:
            if line.startswith("127."):
                self.target = line.strip()
            elif line.startswith("{") and (record := json.loads(line)).get("event") == "serving":
                self.target = record["address"]
                _wait_healthy(self.target)
            if self.target:
                break
        else:
            raise RuntimeError(f"{' '.join(command)} ended with {self._process.wait()}")
        self.start_seconds = time.monotonic() - begun
        threading.Thread(target=self._process.stdout.read, daemon=True).start()

    def cpu_seconds(self) -> float:
        """Processor time so far, workers included."""
        fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split() for pid in self._pids()]
        return sum(int(parts[11]) + int(parts[12]) for parts in fields) / _TICK

    def resident_bytes(self) -> int:
        """Bytes resident now, workers included; what several processes share counts once."""
        rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines() for pid in self._pids()]
        return sum(int(line.split()[1]) * 1024 for rollup in rollups for line in rollup if line.startswith("Pss:"))

    def peak_bytes(self) -> int:
        """Most bytes that were resident at once since the last `forget_peak`, of the process that used most."""
        statuses = [Path(f"/proc/{pid}/status").read_text().splitlines() for pid in self._pids()]
        return max(int(line.split()[1]) * 1024 for status in statuses for line in status if line.startswith("VmHWM:"))

    def forget_peak(self) -> None:
        """Makes the peak what is resident now."""
        for pid in self._pids():
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def _pids(self) -> list[int]:
        pid = self._process.pid
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.stdin.close()
        self._process.terminate()
        self._process.wait(30)


class ClientProcess:
    """One contender's client, in a process of its own so that no other's memory is warm or fragmented for it."""

    def __init__(self, contender: str, target: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.caller", contender, target],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **order: Any) -> dict[str, Any]:
        """Sends an order, see `benchmarks.caller`, and waits for what came of it."""
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a client ended with {self._process.wait()}")
        return json.loads(line)

    def __enter__(self) -> ClientProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.stdin.close()
        self._process.wait(30)


def _wait_healthy(target: str) -> None:
    until = time.monotonic() + 60
    with grpc.insecure_channel(target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service="lossd.v1.EvaluationService")
        while stub.Check(request, timeout=10, wait_for_ready=True).status != health_pb2.HealthCheckResponse.SERVING:
            if time.monotonic() > until:
                raise RuntimeError("the server does not become healthy")
            time.sleep(0.02)
