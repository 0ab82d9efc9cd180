"""Alert rules and dashboards: well-formed, tested, documented, and about nothing that the server does not export."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from lossd_server.telemetry.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS, GRAFANA = ROOT / "deploy" / "prometheus", ROOT / "deploy" / "grafana"
BOARDS = sorted(GRAFANA.glob("*.json"))
WORDS = {"and", "or", "unless", "bool", "offset"}
"""What stands in an expression between names; functions are known by their bracket."""


def rules(name: str = "rules.yaml") -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / name).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def board(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def queries() -> Iterator[tuple[str, str]]:
    """Where each expression stands, and the expression."""
    for rule in rules():
        yield rule.get("alert") or rule["record"], rule["expr"]
    for path in BOARDS:
        for panel in board(path)["panels"]:
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']}", target["expr"]


def names_in(expression: str) -> set[str]:
    """The series that an expression is about.

    >>> sorted(names_in('sum by (a, le) (rate(x_total{b="y_total"}[5m])) / on (c) group_left () (z offset 1h > 2)'))
    ['x_total', 'z']
    """
    bare = re.sub(
        r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\b(by|on|without|ignoring|group_left|group_right) \([^)]*\)', " ", expression
    )
    bare = re.sub(r"\boffset \w+", " ", bare)
    return {name for name in re.findall(r"\b[a-zA-Z_][a-zA-Z0-9_:]*\b(?!\s*\()", bare) if name not in WORDS}


def exported() -> set[str]:
    """Every name that the server's registry has."""
    parts = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
    server = Metrics("0")
    server.watch_devices(lambda: ())
    return {family.name + part for family in server.registry.collect() for part in parts.get(family.type, [""])}


def test_no_name_is_dead() -> None:
    """Each name in a rule or a panel is exported by the server, scraped by Prometheus, or recorded by a rule."""
    known = exported() | {rule["record"] for rule in (*rules(), *rules("objectives.yaml")) if "record" in rule}
    dead = {(where, name) for where, text in queries() for name in names_in(text) if name not in known | {"up"}}
    assert not dead
    assert "lossd_queue_seconds_bucket" in {name for _, text in queries() for name in names_in(text)}, "it reads names"


def test_every_record_is_used() -> None:
    """A recorded series that no alert and no panel asks for is computed for nobody."""
    used = {name for _, text in queries() for name in names_in(text)}
    assert {rule["record"] for rule in rules() if "record" in rule} <= used


def test_every_quality_metric_is_shown() -> None:
    """Each name of a series is in a panel or a rule: what is exported is there to be looked at."""
    used = {name for _, text in queries() for name in names_in(text)}
    ours = {name for name in exported() if re.match("lossd_(loss|metric|series|diagnostics)", name)}
    assert ours - used == set()


@pytest.mark.parametrize("name", sorted(alerts()))
def test_every_alert_is_documented_and_tested(name: str) -> None:
    """It has a severity, a summary, a heading in its runbook, and a promtool test in which it fires."""
    alert = alerts()[name]
    assert alert["labels"]["severity"] in {"warning", "critical"}
    assert alert["annotations"]["summary"]
    assert "runbook_url" not in alert["annotations"], "tools open it, and this project has no address of its own"
    page, _, anchor = alert["annotations"]["runbook"].partition("#")
    assert anchor == name.lower()
    assert f"\n## {name}\n" in (ROOT / page).read_text()
    tests = "".join(path.read_text() for path in PROMETHEUS.glob("tests-*.yaml"))
    assert re.search(rf'alertname(="|: ){name}\b', tests)


def test_promtool_accepts_the_rules_and_their_tests() -> None:
    """The real promtool: the rules are well-formed; in its simulations exactly the right alerts fire."""
    promtool(["check", "rules", "rules.yaml", "objectives.yaml"])
    promtool(["test", "rules", *sorted(path.name for path in PROMETHEUS.glob("tests-*.yaml"))])


def test_promtool_accepts_every_panel(tmp_path: Path) -> None:
    """Each query of each dashboard is PromQL once Grafana's variables are filled in."""
    every = [re.sub(r"\$__rate_interval", "5m", text) for _, text in queries()]
    made = {
        "groups": [{"name": "panels", "rules": [{"record": f"p{i}", "expr": text} for i, text in enumerate(every)]}]
    }
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump(made))
    promtool(["check", "rules", str(tmp_path / "panels.yaml")])
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump(made).replace("rate(", "rate(("))
    with pytest.raises(AssertionError, match="parse error"):
        promtool(["check", "rules", str(tmp_path / "panels.yaml")])


def test_what_is_written_is_fresh() -> None:
    """The rules for the operator and the dashboards are what their scripts write."""
    wrapped = runpy.run_path(str(PROMETHEUS / "wrap.py"))["wrapped"]()
    assert (PROMETHEUS / "prometheusrule.yaml").read_text() == wrapped, "run `python deploy/prometheus/wrap.py`"
    boards = runpy.run_path(str(GRAFANA / "dashboards.py"))["DASHBOARDS"]
    written = {path.name: path.read_text() for path in BOARDS}
    assert written == boards, "run `python deploy/grafana/dashboards.py`"


def test_the_operator_gets_the_same_rules() -> None:
    """prometheusrule.yaml is a valid PrometheusRule, and its groups are those of rules.yaml."""
    made = yaml.safe_load((PROMETHEUS / "prometheusrule.yaml").read_text())
    schema = json.loads((Path(__file__).parent / "prometheusrule.schema.json").read_text())
    jsonschema.validate(made, schema)
    assert made["spec"] == yaml.safe_load((PROMETHEUS / "rules.yaml").read_text())
    made["spec"]["groups"][0]["rules"][0]["form"] = "5m"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(made, schema)


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_dashboards_are_importable(path: Path) -> None:
    """Panels have their own ids and do not overlap; uid, variables and datasource are what imports rely on."""
    made = board(path)
    assert made["uid"] == path.stem
    panels = made["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(x + place["x"], y + place["y"]) for x in range(place["w"]) for y in range(place["h"])}
        assert not taken & cells, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    variables = {one["name"] for one in made["templating"]["list"]}
    asked = set(re.findall(r"\$\{?([a-z]+)\}?", json.dumps(made)))
    assert asked == variables, "every variable is asked for, and no other"


@pytest.mark.parametrize("folder", [PROMETHEUS, GRAFANA], ids=lambda folder: folder.name)
def test_kustomize_takes_them(folder: Path) -> None:
    """Rules and dashboards as an overlay adds them: a PrometheusRule; a ConfigMap with the label of the sidecar."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed: how kustomize renders it is not checked here")
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, timeout=60, check=True)
    (made,) = yaml.safe_load_all(done.stdout)
    if folder == GRAFANA:
        assert made["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert {name: json.loads(text) for name, text in made["data"].items()} == {
            one.name: board(one) for one in BOARDS
        }
    else:
        assert made["kind"] == "PrometheusRule"


def promtool(arguments: list[str]) -> None:
    binary = shutil.which("promtool")
    if binary is None:
        pytest.skip("promtool is not installed; `make tools` brings it")
    done = subprocess.run([binary, *arguments], cwd=PROMETHEUS, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
