"""Writes the two dashboards from a table of their panels: `python deploy/grafana/dashboards.py`.

A panel is a line: what it is called, how it is drawn, where it stands, and its queries with their legends. A test holds
the JSON to this file, and every name in a query to what the server exports or the rules record.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
OF_SERIES = 'namespace=~"$namespace", job=~"$job", series=~"$series"'
OF_SERVICE = 'namespace=~"$namespace", job=~"$job"'
GREEN, YELLOW, RED = "green", "yellow", "red"


@dataclass(frozen=True)
class Panel:
    """One panel.

    Args:
        kind: "timeseries" or "stat".
        width: of 24 columns.
        queries: pairs of an expression and a legend.
        unit: as Grafana calls it.
        steps: colours from a value on, the first from anywhere.
        height: in rows.
        band: legends of the lower and the upper edge of an area to fill.
        dashed: legends that are drawn as dashed lines.
        right: regular expression of the legends that have the axis on the right.
        bars: whether to stack bars in place of lines.
        note: what to say of it when asked.
    """

    title: str
    kind: str
    width: int
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    steps: tuple[tuple[str, float], ...] = ()
    height: int = 8
    band: tuple[str, str] = ("", "")
    dashed: tuple[str, ...] = ()
    right: str = ""
    bars: bool = False
    note: str = ""

    def json(self, number: int, x: int, y: int) -> dict[str, Any]:
        """As Grafana reads it."""
        steps = [{"color": GREEN, "value": None}]
        steps += [{"color": color, "value": value} for color, value in self.steps]
        defaults: dict[str, Any] = {
            "unit": self.unit,
            "color": {"mode": "thresholds" if self.kind == "stat" else "palette-classic"},
            "thresholds": {"mode": "absolute", "steps": steps},
        }
        if self.kind == "timeseries":
            defaults["custom"] = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 0, "showPoints": "never"}
        if self.bars:
            defaults["custom"] |= {"drawStyle": "bars", "fillOpacity": 60, "stacking": {"mode": "normal"}}
        return {
            "id": number,
            "title": self.title,
            "description": self.note,
            "type": self.kind,
            "datasource": DATASOURCE,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "targets": [
                {
                    "refId": chr(ord("A") + place),
                    "datasource": DATASOURCE,
                    "expr": expression,
                    "legendFormat": legend,
                    "instant": self.kind == "stat",
                    "range": self.kind != "stat",
                }
                for place, (expression, legend) in enumerate(self.queries)
            ],
            "fieldConfig": {"defaults": defaults, "overrides": list(self._overrides())},
            "options": self._options(),
        }

    def _options(self) -> dict[str, Any]:
        if self.kind == "stat":
            return {"reduceOptions": {"calcs": ["lastNotNull"]}, "textMode": "value_and_name", "colorMode": "value"}
        legend = {"displayMode": "list", "placement": "bottom", "showLegend": True}
        return {"legend": legend, "tooltip": {"mode": "multi", "sort": "none"}}

    def _overrides(self) -> list[dict[str, Any]]:
        lower, upper = self.band
        styles: list[tuple[str, list[dict[str, Any]]]] = []
        if upper:
            faint = {"id": "custom.lineWidth", "value": 0}
            filled = [{"id": "custom.fillBelowTo", "value": lower}, {"id": "custom.fillOpacity", "value": 15}]
            styles += [(upper, [faint, *filled]), (lower, [faint])]
        dash = {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 8]}}
        styles += [(legend, [dash]) for legend in self.dashed]
        made = [{"matcher": {"id": "byName", "options": legend}, "properties": own} for legend, own in styles]
        if self.right:
            axis = [{"id": "custom.axisPlacement", "value": "right"}]
            made.append({"matcher": {"id": "byRegexp", "options": self.right}, "properties": axis})
        return made


def _of(name: str) -> str:
    return f"{name}{{{OF_SERIES}}}"


def _rate(name: str, by: str, among: str = OF_SERVICE) -> str:
    return f"sum by ({by}) (rate({name}{{{among}}}[$__rate_interval]))"


def _quantile(share: str, name: str, by: str) -> str:
    return f"histogram_quantile({share}, {_rate(name + '_bucket', by + ', le' if by else 'le')})"


_MEAN, _STDDEV = _of("series:lossd_loss:reference_mean"), _of("series:lossd_loss:reference_stddev")

QUALITY: tuple[tuple[Panel, ...], ...] = (
    (
        Panel(
            "Loss, last hour",
            "stat",
            6,
            ((_of("series:lossd_loss:mean1h"), "{{series}}"),),
            unit="none",
            height=5,
            note="Mean over the last hour by weight, over all pods.",
        ),
        Panel(
            "Against the day before",
            "stat",
            6,
            ((_of("series:lossd_loss:drift_ratio"), "{{series}}"),),
            unit="percentunit",
            steps=((YELLOW, 0.1), (RED, 0.2)),
            height=5,
            note="Relative difference of the last hour from the reference window; LossdLossDrift fires above 20 %.",
        ),
        Panel(
            "Above the objective, last hour",
            "stat",
            6,
            ((f"avg_over_time({_of('series:lossd_loss:above_objective')}[1h])", "{{series}}"),),
            unit="percentunit",
            steps=((YELLOW, 0.01), (RED, 0.144)),
            height=5,
            note="Share of the time with evaluations; only series that objectives.yaml names.",
        ),
        Panel(
            "Last evaluated",
            "stat",
            6,
            ((f"time() - max by (series) ({_of('lossd_series_last_timestamp_seconds')})", "{{series}}"),),
            unit="s",
            steps=((YELLOW, 3600), (RED, 6 * 3600)),
            height=5,
        ),
    ),
    (
        Panel(
            "Loss, and what it was the day before",
            "timeseries",
            16,
            (
                (_of("series:lossd_loss:mean5m"), "{{series}}"),
                (_MEAN, "{{series}} reference"),
                (f"{_MEAN} - 2 * {_STDDEV}", "reference - 2 sd"),
                (f"{_MEAN} + 2 * {_STDDEV}", "reference + 2 sd"),
                ('series:lossd_loss:objective{series=~"$series"}', "objective"),
            ),
            unit="none",
            height=10,
            band=("reference - 2 sd", "reference + 2 sd"),
            dashed=("objective",),
            note="Choose one series: the band is drawn for one.",
        ),
        Panel(
            "Drift",
            "timeseries",
            8,
            (
                (_of("series:lossd_loss:drift_ratio"), "{{series}} relative"),
                (_of("series:lossd_loss:drift_zscore"), "{{series}} standard deviations"),
            ),
            unit="none",
            height=10,
            right="/standard deviations/",
            note="LossdLossDrift fires where the first is above 0.2 and the second above 4.",
        ),
    ),
    (
        Panel(
            "Metrics",
            "timeseries",
            12,
            (
                (_of("series_metric:lossd_metric:mean5m"), "{{series}} {{metric}}"),
                (_of("series_metric:lossd_metric:reference_mean"), "{{series}} {{metric}} reference"),
            ),
            unit="none",
            note="Means of what single evaluations told, by examples.",
        ),
        Panel(
            "Do loss and metrics agree?",
            "timeseries",
            12,
            (
                (_of("series:lossd_loss:drift_ratio"), "{{series}} loss"),
                (_of("series_metric:lossd_metric:worsening"), "{{series}} {{metric}} worse by"),
            ),
            unit="percentunit",
            note="A loss below zero and a metric above it: the loss falls and the model gets worse.",
        ),
    ),
    (
        Panel(
            "Diagnostics",
            "timeseries",
            12,
            (
                (
                    f"sum by (code, severity) (increase({_of('lossd_series_diagnostics_total')}[$__rate_interval]))",
                    "{{code}} ({{severity}})",
                ),
            ),
            bars=True,
        ),
        Panel(
            "Losses that are not finite",
            "timeseries",
            12,
            ((f"sum by (series) (increase({_of('lossd_series_nonfinite_total')}[$__rate_interval]))", "{{series}}"),),
            bars=True,
        ),
    ),
    (
        Panel(
            "Evaluations",
            "timeseries",
            8,
            ((_rate("lossd_series_evaluations_total", "series", OF_SERIES), "{{series}}"),),
            unit="reqps",
        ),
        Panel(
            "Examples",
            "timeseries",
            8,
            ((_rate("lossd_series_examples_total", "series", OF_SERIES), "{{series}} per second"),),
            unit="short",
        ),
        Panel(
            "Rolling values as each pod tells them",
            "timeseries",
            8,
            (
                (_of("lossd_loss_value"), "{{series}} {{instance}}"),
                (_of("lossd_metric_value"), "{{series}} {{metric}} {{instance}}"),
            ),
            unit="none",
            note="Over series_window_seconds; what the rules make of counters is right over pods and restarts.",
        ),
    ),
    (
        Panel(
            "Left uncounted for want of room",
            "timeseries",
            12,
            ((_rate("lossd_series_dropped_total", "full"), "{{full}}"),),
            unit="short",
        ),
        Panel(
            "Diagnostics of all evaluations, in a series or not",
            "timeseries",
            12,
            ((_rate("lossd_diagnostics_total", "code"), "{{code}}"),),
            unit="short",
        ),
    ),
)

_UNARY = f'rate(grpc_server_handled_total{{{OF_SERVICE}, grpc_type="unary"}}[$__rate_interval])'
_MESSAGES = f"rate(grpc_server_msg_received_total{{{OF_SERVICE}}}[$__rate_interval])"

SERVICE: tuple[tuple[Panel, ...], ...] = (
    (
        Panel(
            "Devices that answer",
            "stat",
            6,
            ((f"lossd_device_healthy{{{OF_SERVICE}}}", "{{instance}} {{device}}"),),
            unit="none",
            height=5,
        ),
        Panel(
            "Failed by the server's fault, last hour",
            "stat",
            6,
            ((f"job:lossd_errors:ratio1h{{{OF_SERVICE}}}", "{{job}}"),),
            unit="percentunit",
            steps=((YELLOW, 0.001), (RED, 0.0144)),
            height=5,
        ),
        Panel(
            "Wait for a device, 99 %",
            "stat",
            6,
            ((f"job:lossd_queue_seconds:p99_5m{{{OF_SERVICE}}}", "{{job}}"),),
            unit="s",
            steps=((YELLOW, 0.1), (RED, 1)),
            height=5,
        ),
        Panel(
            "Versions",
            "stat",
            6,
            ((f"count by (version) (lossd_build_info{{{OF_SERVICE}}})", "{{version}}"),),
            unit="none",
            height=5,
        ),
    ),
    (
        Panel(
            "Calls by method",
            "timeseries",
            8,
            (
                (
                    f"sum by (grpc_method) ({_UNARY} or {_MESSAGES})",
                    "{{grpc_method}}",
                ),
            ),
            unit="reqps",
            note="Unary calls, and messages of streams: the SDK's evaluations travel on one stream.",
        ),
        Panel(
            "Ended calls and streams by outcome",
            "timeseries",
            8,
            ((_rate("grpc_server_handled_total", "grpc_code"), "{{grpc_code}}"),),
            unit="reqps",
        ),
        Panel(
            "Refusals by reason",
            "timeseries",
            8,
            ((_rate("lossd_rejected_total", "reason"), "{{reason}}"),),
            unit="reqps",
        ),
    ),
    (
        Panel(
            "Duration of calls and whole streams, 50 % and 99 %",
            "timeseries",
            8,
            (
                (_quantile("0.5", "grpc_server_handling_seconds", "grpc_method"), "{{grpc_method}} 50 %"),
                (_quantile("0.99", "grpc_server_handling_seconds", "grpc_method"), "{{grpc_method}} 99 %"),
            ),
            unit="s",
        ),
        Panel(
            "Wait for a device",
            "timeseries",
            8,
            (
                (_quantile("0.5", "lossd_queue_seconds", ""), "50 %"),
                (_quantile("0.99", "lossd_queue_seconds", ""), "99 %"),
            ),
            unit="s",
        ),
        Panel(
            "Work itself, 99 %",
            "timeseries",
            8,
            ((_quantile("0.99", "lossd_compute_seconds", "loss, phase"), "{{loss}} {{phase}}"),),
            unit="s",
        ),
    ),
    (
        Panel(
            "Bytes of requests held",
            "timeseries",
            8,
            ((f"lossd_inflight_bytes{{{OF_SERVICE}}}", "{{instance}}"),),
            unit="bytes",
        ),
        Panel(
            "Bytes of messages",
            "timeseries",
            8,
            ((_rate("lossd_payload_bytes_total", "direction"), "{{direction}}"),),
            unit="Bps",
        ),
        Panel(
            "Memory of devices",
            "timeseries",
            8,
            ((f"lossd_device_memory_bytes{{{OF_SERVICE}}}", "{{instance}} {{device}} {{kind}}"),),
            unit="bytes",
        ),
    ),
    (
        Panel(
            "Training sessions",
            "timeseries",
            8,
            ((f"sum by (state) (lossd_sessions{{{OF_SERVICE}}})", "{{state}}"),),
        ),
        Panel("Training steps", "timeseries", 8, ((_rate("lossd_session_steps_total", "job"), "{{job}}"),), unit="ops"),
        Panel(
            "Workers replaced",
            "timeseries",
            8,
            ((_rate("lossd_worker_restarts_total", "instance, device"), "{{instance}} {{device}} per second"),),
            bars=True,
        ),
    ),
    (
        Panel(
            "Event loop late by",
            "timeseries",
            8,
            ((f"lossd_event_loop_lag_seconds{{{OF_SERVICE}}}", "{{instance}}"),),
            unit="s",
        ),
        Panel(
            "Processor of the front",
            "timeseries",
            8,
            ((_rate("process_cpu_seconds_total", "instance"), "{{instance}}"),),
            unit="none",
            note="The server's own process; workers have their own.",
        ),
        Panel(
            "Memory of the front",
            "timeseries",
            8,
            ((f"process_resident_memory_bytes{{{OF_SERVICE}}}", "{{instance}}"),),
            unit="bytes",
        ),
    ),
)


def dashboard(uid: str, title: str, rows: tuple[tuple[Panel, ...], ...], variables: list[dict[str, Any]]) -> str:
    """The JSON of a dashboard."""
    panels: list[dict[str, Any]] = []
    y = 0
    for row in rows:
        x = 0
        for panel in row:
            panels.append(panel.json(len(panels) + 1, x, y))
            x += panel.width
        y += max(panel.height for panel in row)
    whole = {
        "uid": uid,
        "title": title,
        "tags": ["lossd"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_DATASOURCE_VARIABLE, *variables]},
        "annotations": {"list": [_ALERTS]},
        "panels": panels,
    }
    return json.dumps(whole, indent=2) + "\n"


def variable(name: str, query: str) -> dict[str, Any]:
    """A choice of label values, all at first."""
    return {
        "name": name,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


_DATASOURCE_VARIABLE = {"name": "datasource", "type": "datasource", "query": "prometheus", "refresh": 1}
_ALERTS = {
    "name": "Alerts",
    "enable": True,
    "iconColor": "red",
    "datasource": DATASOURCE,
    "expr": 'ALERTS{alertname=~"Lossd.*", alertstate="firing"}',
    "titleFormat": "{{alertname}} {{series}}",
    "step": "60s",
}
_NAMESPACE = variable("namespace", "label_values(lossd_build_info, namespace)")
_JOB = variable("job", 'label_values(lossd_build_info{namespace=~"$namespace"}, job)')
_SERIES = variable("series", f"label_values(lossd_series_evaluations_total{{{OF_SERVICE}}}, series)")

DASHBOARDS = {
    "lossd-quality.json": dashboard(
        "lossd-quality", "lossd: loss as a service-level indicator", QUALITY, [_NAMESPACE, _JOB, _SERIES]
    ),
    "lossd-service.json": dashboard("lossd-service", "lossd: service", SERVICE, [_NAMESPACE, _JOB]),
}

if __name__ == "__main__":
    for name, text in DASHBOARDS.items():
        (HERE / name).write_text(text)
