"""The page of metrics says what the catalogue says, and what it says to type is read."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from lossd_server.judge.catalogue import METRICS, ask
from lossd_server.judge.metrics import MAX_CLASSES, MAX_KEPT, MAX_METRICS
from lossd_server.judge.views import TASKS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_fresh() -> None:
    """docs/metrics.md holds what docs/metrics.py writes."""
    written = runpy.run_path(str(DOCS / "metrics.py"))["page"]()
    assert (DOCS / "metrics.md").read_text() == written, "run `python docs/metrics.py`"


def test_what_the_page_asks_for_is_there() -> None:
    """Names with arguments anywhere on it, and the limits."""
    page = (DOCS / "metrics.md").read_text()
    asked = {
        text for text in re.findall(r"\b([a-z_0-9]+\([a-z_]+=[^)…]*\))", page) if text.partition("(")[0] in METRICS
    }
    assert len(asked) >= 8
    for text in asked:
        ask(text)
    assert all(f"{limit:,}" in page for limit in (MAX_CLASSES, MAX_KEPT, MAX_METRICS))
    assert all(f"## {task.capitalize()}\n" in page for task in TASKS)
