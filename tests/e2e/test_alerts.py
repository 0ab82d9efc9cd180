"""The whole way of an alert: evaluations, the server's metrics, a real Prometheus with our rules, its alerts."""

from __future__ import annotations

import json
import math
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import lossd
import pytest
from prometheus import RunningPrometheus
from running import RunningServer

DEPLOY = Path(__file__).parents[2] / "deploy"
SHORT = {"1d": "6s", "6h": "6s", "1h": "1s", "30m": "2s", "15m": "4s", "10m": "4s", "5m": "1s"}
PATIENCE = {"2m": "300ms", "5m": "300ms", "15m": "300ms", "30m": "300ms"}
"""The windows of the rules, and for how long an alert waits, as short as a test; nothing else of them is changed but
the points of a reference."""


def shortened(folder: Path) -> Path:
    """rules.yaml in another time."""
    text = (DEPLOY / "prometheus" / "rules.yaml").read_text()
    text = re.sub(r"(?<=\[)\w+(?=\])|(?<=offset )\w+", lambda found: SHORT[found[0]], text)
    text = re.sub(r"(?<=for: )\w+", lambda found: PATIENCE.get(found[0], found[0]), text)
    text = text.replace(">= 60", ">= 10")
    path = folder / "rules.yaml"
    path.write_text(text)
    return path


class Traffic(threading.Thread):
    """Evaluates series over and over; `error` is what the predictions of each are off by, and can be changed."""

    def __init__(self, target: str) -> None:
        super().__init__(daemon=True)
        self.error = {"steady": 0.1, "eta-model": 0.1}
        self.ended = threading.Event()
        self._client = lossd.Client(target)

    def run(self) -> None:
        turn = 0
        while not self.ended.wait(0.03):
            turn += 1
            for series, error in self.error.items():
                off = error * (1 + 0.05 * (-1) ** turn)
                self._client.evaluate(lossd.L1Loss(), [off] * 4, [0.0] * 4, metrics=["mae"], series=series)

    def stop(self) -> None:
        self.ended.set()
        self.join(10)
        self._client.close()


@pytest.fixture(scope="module")
def small() -> Iterator[RunningServer]:
    """A server with room for three series: those of the tests before the last."""
    with RunningServer("--max-series", "3") as running:
        yield running


@pytest.fixture(scope="module")
def watched(
    small: RunningServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningServer, RunningPrometheus, Traffic]]:
    """A server with traffic, and a Prometheus with the shortened rules that has seen a while of it."""
    folder = tmp_path_factory.mktemp("prometheus")
    target = small.metrics_url.removeprefix("http://").removesuffix("/metrics")
    rules = (shortened(folder), DEPLOY / "prometheus" / "objectives.yaml")
    with RunningPrometheus(folder, target, *rules) as prometheus:
        traffic = Traffic(small.target)
        traffic.start()
        try:
            prometheus.wait_for("series:lossd_loss:drift_zscore")
            yield small, prometheus, traffic
        finally:
            traffic.stop()


def alerts(prometheus: RunningPrometheus, state: str) -> set[tuple[str, str]]:
    """Name and series of the alerts that have been in a state."""
    found = prometheus.query(f'last_over_time(ALERTS{{alertstate="{state}"}}[5m])')
    return {(labels["alertname"], labels.get("series", "")) for labels, _ in found}


def wait_for_firing(prometheus: RunningPrometheus, wanted: set[tuple[str, str]]) -> None:
    until = time.monotonic() + 30
    while not wanted <= alerts(prometheus, "firing"):
        assert time.monotonic() < until, alerts(prometheus, "firing")
        time.sleep(0.05)


def test_a_drifting_loss_fires(watched: tuple[RunningServer, RunningPrometheus, Traffic]) -> None:
    """Drift and objective go from pending to firing, for the series that drifts and no other."""
    _, prometheus, traffic = watched
    wanted = {("LossdLossDrift", "eta-model"), ("LossdLossAboveObjective", "eta-model")}
    assert not wanted & alerts(prometheus, "pending")
    traffic.error["eta-model"] = 0.9
    wait_for_firing(prometheus, wanted)
    assert wanted <= alerts(prometheus, "pending")
    assert "steady" not in {series for _, series in alerts(prometheus, "pending") | alerts(prometheus, "firing")}


def test_what_is_wrong_at_once_fires_at_once(watched: tuple[RunningServer, RunningPrometheus, Traffic]) -> None:
    """A loss that is not finite, and a diagnostic of severity ERROR, in their very first evaluation."""
    server, prometheus, _ = watched
    with lossd.Client(server.target) as client:
        ignored = client.evaluate(
            lossd.CrossEntropyLoss(), [[1.0, 2.0]], [-100], diagnostics="cheap", series="all-ignored"
        )
    assert math.isnan(ignored.value)
    assert ignored.diagnostics[0].severity == "error"
    wait_for_firing(prometheus, {("LossdNonFiniteLoss", "all-ignored"), ("LossdDiagnosticErrors", "all-ignored")})


def panels() -> Iterator[tuple[str, str]]:
    """Title and expression of each query of the dashboards, with what Grafana would put in for its variables."""
    for path in sorted((DEPLOY / "grafana").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                expression = re.sub(r"\$(namespace|job|series)\b", ".*", target["expr"])
                yield f"{path.stem}: {panel['title']}", expression.replace("$__rate_interval", "2s")


def test_every_panel_shows_something(watched: tuple[RunningServer, RunningPrometheus, Traffic]) -> None:
    """Each query of each dashboard is understood by Prometheus, and answers from what a server in use exports."""
    server, prometheus, _ = watched
    with lossd.Client(server.target) as client, pytest.raises(lossd.InvalidArgument):
        client.evaluate(lossd.L1Loss(), [1.0], [1.0, 2.0])
    for title, expression in panels():
        assert prometheus.ask("query", query=expression) is not None, f"{title}: {expression}"
        assert prometheus.wait_for(expression), title  # a scrape that was late leaves a hole


def test_a_flood_of_names_is_answered_and_left(watched: tuple[RunningServer, RunningPrometheus, Traffic]) -> None:
    """4,096 names in one batch: all answered, none kept, all counted; the log has one line, and an alert fires."""
    server, prometheus, traffic = watched
    assert server.metrics().count("\nlossd_series_evaluations_total{") == 3
    flood = [lossd.Evaluation(lossd.MSELoss(), [1.0], [0.0], series=f"s{number}") for number in range(4096)]
    with lossd.Client(server.target) as client:
        assert {result.value for result in client.evaluate_batch(flood)} == {1.0}
        client.evaluate(lossd.MSELoss(), [1.0], [0.0], series="later")
    assert server.metric('lossd_series_dropped_total{full="series"}') == 4097
    assert server.metrics().count("\nlossd_series_evaluations_total{") == 3
    said = [record for record in server.records() if "no room for another series" in record.get("event", "")]
    assert [record["series"] for record in said] == ["s0"]
    assert traffic.is_alive(), "the three go on"
    wait_for_firing(prometheus, {("LossdSeriesDropped", "")})
