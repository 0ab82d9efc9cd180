"""A real Prometheus on a free port, for tests that ask one; they are skipped by name where there is none."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest


class RunningPrometheus:
    """Scrapes one target five times a second.

    Args:
        folder: for its data and configuration.
        target: HOST:PORT.
        rules: files of rules.
    """

    def __init__(self, folder: Path, target: str, *rules: Path) -> None:
        binary = shutil.which("prometheus")
        if binary is None:
            pytest.skip("prometheus is not installed; `make tools` brings it")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        configuration = {
            "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms", "evaluation_interval": "100ms"},
            "rule_files": [str(path) for path in rules],
            "scrape_configs": [{"job_name": "lossd", "static_configs": [{"targets": [target]}]}],
        }
        config = folder / "prometheus.yml"
        config.write_text(json.dumps(configuration))  # JSON is YAML
        flags = [
            f"--config.file={config}",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        self._process = subprocess.Popen([binary, *flags], stderr=subprocess.DEVNULL)
        self._url = f"http://127.0.0.1:{port}/api/v1/"

    def ask(self, path: str, **parameters: str) -> Any:
        """`data` of an answer of the HTTP API; None while it does not answer."""
        try:
            with urllib.request.urlopen(f"{self._url}{path}?{urllib.parse.urlencode(parameters)}", timeout=5) as answer:
                return json.load(answer)["data"]
        except OSError:
            return None

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each sample of an instant query."""
        found = self.ask("query", query=expression)
        return [(one["metric"], float(one["value"][1])) for one in found["result"]] if found else []

    def wait_for(self, expression: str, seconds: float = 60.0) -> list[tuple[dict[str, str], float]]:
        """What a query answers as soon as it answers something."""
        until = time.monotonic() + seconds
        while not (found := self.query(expression)):
            assert time.monotonic() < until, f"{expression} has no value after {seconds} s"
            time.sleep(0.1)
        return found

    def __enter__(self) -> RunningPrometheus:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(20)
