"""Writes prometheusrule.yaml, which is rules.yaml for the Prometheus operator: `python deploy/prometheus/wrap.py`."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
WRAPPED = HERE / "prometheusrule.yaml"

HEAD = """# Written by wrap.py from rules.yaml; change that.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: lossd
  labels:
    app.kubernetes.io/name: lossd
    app.kubernetes.io/instance: lossd
    app.kubernetes.io/part-of: lossd
spec:
"""


def wrapped() -> str:
    """The whole file."""
    rules = (HERE / "rules.yaml").read_text()
    lines = rules[rules.index("groups:") :].splitlines()
    return HEAD + "".join(f"  {line}\n" if line else "\n" for line in lines)


if __name__ == "__main__":
    WRAPPED.write_text(wrapped())
