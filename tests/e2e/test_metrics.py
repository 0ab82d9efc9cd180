"""What Prometheus gets: the real endpoint, checked by promtool and scraped by a real Prometheus where there is one."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

import lossd
import pytest
from running import RunningServer

FIXED = {
    "grpc_server_started_total",
    "grpc_server_handled_total",
    "grpc_server_handling_seconds",
    "lossd_queue_seconds",
    "lossd_compute_seconds",
    "lossd_rejected_total",
    "lossd_inflight_bytes",
    "lossd_payload_bytes_total",
    "lossd_device_healthy",
    "lossd_device_memory_bytes",
    "lossd_worker_restarts_total",
    "lossd_sessions",
    "lossd_session_steps_total",
    "lossd_event_loop_lag_seconds",
    "lossd_loss_value",
    "lossd_metric_value",
    "lossd_diagnostics_total",
    "lossd_build_info",
}
"""Names that dashboards and alerts rely on."""


def use(server: RunningServer) -> None:
    """One call of each outcome."""
    with lossd.Client(server.target) as client:
        client.evaluate(lossd.MSELoss(), [1.0, 2.0], [1.0, 3.0], gradients=True)
    with lossd.Client(server.target) as client, pytest.raises(lossd.InvalidArgument):
        client.evaluate(lossd.MSELoss(), [1.0], [1.0, 3.0])


def test_every_fixed_name_is_exported(server: RunningServer) -> None:
    """After one use, each name has a TYPE line and a sample."""
    use(server)
    text = server.metrics()
    exported = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    missing = {name for name in FIXED if name not in exported and name.removesuffix("_total") not in exported}
    assert not missing


def test_calls_are_counted_by_method_and_code(server: RunningServer) -> None:
    """A good call and a refused one each move their counters by one."""
    labels = 'grpc_method="EvaluateLoss",grpc_service="lossd.v1.EvaluationService",grpc_type="unary"'
    names = [
        f'grpc_server_handled_total{{grpc_code="OK",{labels}}}',
        f'grpc_server_handled_total{{grpc_code="INVALID_ARGUMENT",{labels}}}',
        f"grpc_server_started_total{{{labels}}}",
        'lossd_rejected_total{reason="SHAPE_MISMATCH"}',
        'lossd_compute_seconds_count{device="cpu:0",loss="mse_loss",phase="backward"}',
    ]
    use(server)
    before = [server.metric(name) for name in names]
    use(server)
    assert [server.metric(name) - was for name, was in zip(names, before, strict=True)] == [1, 1, 2, 1, 1]
    assert server.metric("lossd_inflight_bytes") == 0


def test_promtool_accepts_the_exposition(server: RunningServer) -> None:
    """promtool's linter finds nothing wrong with names, units and help texts of ours."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed; `make tools` brings it")
    use(server)
    done = subprocess.run([promtool, "check", "metrics"], input=server.metrics(), text=True, capture_output=True)
    assert done.returncode == 0, done.stderr + done.stdout


def test_a_real_prometheus_scrapes_it(server: RunningServer, tmp_path: Path) -> None:
    """Prometheus says the target is up, and answers a query over lossd's own metric."""
    prometheus = shutil.which("prometheus")
    if prometheus is None:
        pytest.skip("prometheus is not installed; `make tools` brings it")
    use(server)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    target = server.metrics_url.removeprefix("http://").removesuffix("/metrics")
    config = tmp_path / "prometheus.yml"
    config.write_text(
        f"scrape_configs: [{{job_name: lossd, scrape_interval: 1s, static_configs: [{{targets: ['{target}']}}]}}]"
    )
    process = subprocess.Popen(
        [
            prometheus,
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        assert _query(port, 'lossd_device_healthy{job="lossd"}') == "1"
        assert _query(port, 'up{job="lossd"}') == "1"
    finally:
        process.terminate()
        process.wait(20)


def _query(port: int, expression: str) -> str:
    until = time.monotonic() + 30
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=2) as response:
                found = json.load(response)["data"]["result"]
        except OSError:
            found = []
        if found:
            return str(found[0]["value"][1])
        time.sleep(0.3)
    raise AssertionError(f"{expression} has no value after 30 s")
