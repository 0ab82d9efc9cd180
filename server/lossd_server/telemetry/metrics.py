"""Every Prometheus name that the server exports.

Label values come from the contract and the configuration, and names of series, whose number is bounded, from callers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from lossd_server.telemetry.observation import MAX_METRICS
from lossd_server.telemetry.series import Series, State, Total

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_COMPUTE_SECONDS = (1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 10)
_RPC = ("grpc_type", "grpc_service", "grpc_method")


class DeviceState(Protocol):
    """What is exported of a device."""

    name: str
    healthy: bool
    restarts: int
    memory: int
    sessions: int
    stored_sessions: int


class Metrics:
    """The metrics of one server, on a registry of their own."""

    def __init__(self, version: str, series: Series | None = None) -> None:
        self.series = series or Series()
        disable_created_metrics()  # type: ignore[no-untyped-call]  # no second series for each, which nobody asks for
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.started = Counter("grpc_server_started", "RPCs begun.", _RPC, registry=registry)
        self.handled = Counter("grpc_server_handled", "RPCs ended.", (*_RPC, "grpc_code"), registry=registry)
        self.handling_seconds = Histogram(
            "grpc_server_handling_seconds",
            "Time from begin to end of an RPC.",
            _RPC,
            buckets=_SECONDS,
            registry=registry,
        )
        self.received = Counter("grpc_server_msg_received", "Messages received on streams.", _RPC, registry=registry)
        self.sent = Counter("grpc_server_msg_sent", "Messages sent on streams.", _RPC, registry=registry)
        self.queue_seconds = Histogram(
            "lossd_queue_seconds", "Time from admission to the begin of the work.", buckets=_SECONDS, registry=registry
        )
        self.compute_seconds = Histogram(
            "lossd_compute_seconds",
            "Time of the work itself, by phase (forward, backward).",
            ("loss", "device", "phase"),
            buckets=_COMPUTE_SECONDS,
            registry=registry,
        )
        self.rejected = Counter("lossd_rejected", "Calls refused, by reason.", ("reason",), registry=registry)
        self.inflight_bytes = Gauge("lossd_inflight_bytes", "Bytes of requests held.", registry=registry)
        self.payload_bytes = Counter(
            "lossd_payload_bytes",
            "Bytes of messages, by direction (in, out).",
            ("direction", "transport"),
            registry=registry,
        )
        self.session_steps = Counter("lossd_session_steps", "Training steps completed.", registry=registry)
        self.event_loop_lag = Gauge(
            "lossd_event_loop_lag_seconds", "How late the event loop last woke from a sleep.", registry=registry
        )
        self.build_info = Gauge("lossd_build_info", "1, labelled by version.", ("version",), registry=registry)
        self.build_info.labels(version).set(1)
        registry.register(_Quality(self.series))

    def watch_devices(self, devices: Callable[[], Iterable[DeviceState]]) -> None:
        """Exports the state of the devices as it is at each scrape."""
        self.registry.register(_Devices(devices))


class _Devices(Collector):
    def __init__(self, devices: Callable[[], Iterable[DeviceState]]) -> None:
        self._devices = devices

    def collect(self) -> Iterator[Metric]:
        healthy = GaugeMetricFamily("lossd_device_healthy", "1 if the device's worker answers.", labels=["device"])
        memory = GaugeMetricFamily(
            "lossd_device_memory_bytes",
            "Memory in use: resident of a CPU worker, allocated on an accelerator.",
            labels=["device", "kind"],
        )
        restarts = CounterMetricFamily(
            "lossd_worker_restarts", "Times a worker was replaced after it ended unasked.", labels=["device"]
        )
        sessions = GaugeMetricFamily(
            "lossd_sessions", "Training sessions, in memory (live) or in the state directory alone.", labels=["state"]
        )
        live = stored = 0
        for device in self._devices():
            healthy.add_metric([device.name], device.healthy)
            memory.add_metric([device.name, "used"], device.memory)
            restarts.add_metric([device.name], device.restarts)
            live += device.sessions
            stored += device.stored_sessions
        sessions.add_metric(["live"], live)
        sessions.add_metric(["stored"], stored)
        yield from (healthy, memory, restarts, sessions)


class _Quality(Collector):
    """The quality of the series at each scrape. What had no observation in the window has no rolling value."""

    def __init__(self, series: Series) -> None:
        self._series = series

    def collect(self) -> Iterator[Metric]:
        state = self._series.state()
        yield from _rolling(state)
        yield from _totals(state)
        yield from _found(state)


def _rolling(state: State) -> Iterator[Metric]:
    loss = GaugeMetricFamily(
        "lossd_loss_value", "Mean loss of a series over series_window_seconds, by weight.", labels=["series"]
    )
    metric = GaugeMetricFamily(
        "lossd_metric_value",
        "Mean over series_window_seconds of the evaluations' values of a metric, by examples.",
        labels=["series", "metric"],
    )
    higher = GaugeMetricFamily(
        "lossd_metric_higher_is_better", "1 if more of a metric is better, 0 if less is.", labels=["metric"]
    )
    for record in state.records:
        if record.loss is not None:
            loss.add_metric([record.name], record.loss)
        for label, value in record.metrics.items():
            metric.add_metric([record.name, label], value)
    for label, is_better in state.higher.items():
        higher.add_metric([label], is_better)
    yield from (loss, metric, higher)


def _totals(state: State) -> Iterator[Metric]:
    """Sums that only grow, of which any window's mean can be made: losses may be negative, so each has two of them."""
    loss = CounterMetricFamily(
        "lossd_series_loss",
        "Losses × weight, positive and negative ones apart; their difference by the weight is the mean.",
        labels=["series", "sign"],
    )
    weight = CounterMetricFamily(
        "lossd_series_weight", "What the losses of a series weigh, for example their elements.", labels=["series"]
    )
    metric = CounterMetricFamily(
        "lossd_series_metric",
        "Values of a metric × examples, positive and negative ones apart.",
        labels=["series", "metric", "sign"],
    )
    metric_weight = CounterMetricFamily(
        "lossd_series_metric_weight", "Examples of the evaluations that told a metric.", labels=["series", "metric"]
    )
    for record in state.records:
        _signed(loss, [record.name], record.total)
        weight.add_metric([record.name], record.total.weight)
        for label, total in record.metric_totals.items():
            _signed(metric, [record.name, label], total)
            metric_weight.add_metric([record.name, label], total.weight)
    yield from (loss, weight, metric, metric_weight)


def _signed(family: CounterMetricFamily, labels: list[str], total: Total) -> None:
    family.add_metric([*labels, "positive"], total.positive)
    family.add_metric([*labels, "negative"], total.negative)


def _found(state: State) -> Iterator[Metric]:
    evaluations = CounterMetricFamily("lossd_series_evaluations", "Evaluations of a series.", labels=["series"])
    examples = CounterMetricFamily("lossd_series_examples", "Examples of these evaluations.", labels=["series"])
    nonfinite = CounterMetricFamily(
        "lossd_series_nonfinite", "Evaluations with a loss that is not finite; it is in no mean.", labels=["series"]
    )
    seen = GaugeMetricFamily(
        "lossd_series_last_timestamp_seconds", "When a series was last evaluated.", labels=["series"]
    )
    changes = CounterMetricFamily(
        "lossd_series_loss_changes",
        "How often an evaluation of a series was of another loss than the one before it; its means mix them.",
        labels=["series"],
    )
    codes = CounterMetricFamily(
        "lossd_series_diagnostics",
        "Diagnostics found in a series, by severity (info, warning, error).",
        labels=["series", "code", "severity"],
    )
    for record in state.records:
        evaluations.add_metric([record.name], record.evaluations)
        examples.add_metric([record.name], record.examples)
        nonfinite.add_metric([record.name], record.nonfinite)
        seen.add_metric([record.name], record.seen)
        changes.add_metric([record.name], record.loss_changes)
        for (code, severity), count in record.codes.items():
            codes.add_metric([record.name, code, severity], count)
    every = CounterMetricFamily("lossd_diagnostics", "Diagnostics found, in a series or not.", labels=["code"])
    for code, count in state.codes.items():
        every.add_metric([code], count)
    dropped = CounterMetricFamily(
        "lossd_series_dropped",
        "What no series had room for: evaluations where there are max_series already, values of a metric beyond "
        f"{MAX_METRICS}.",
        labels=["full"],
    )
    for full, count in state.dropped.items():
        dropped.add_metric([full], count)
    yield from (evaluations, examples, nonfinite, seen, changes, codes, every, dropped)
