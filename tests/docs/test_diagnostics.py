"""The page of diagnostics says what the catalogue says."""

from __future__ import annotations

import runpy
from pathlib import Path

from lossd_server.judge.diagnostics.catalogue import DIAGNOSTICS
from lossd_server.judge.diagnostics.findings import Diagnostic
from lossd_server.losses import catalogue

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_fresh() -> None:
    """docs/diagnostics.md holds what docs/diagnostics.py writes."""
    written = runpy.run_path(str(DOCS / "diagnostics.py"))["page"]()
    assert (DOCS / "diagnostics.md").read_text() == written, "run `python docs/diagnostics.py`"


def test_a_diagnostic_says_everything() -> None:
    """Codes are upper case and in order; each has a summary, a rule, a remedy and losses that there are."""
    assert list(DIAGNOSTICS) == sorted(DIAGNOSTICS)
    for code, one in DIAGNOSTICS.items():
        assert isinstance(one, Diagnostic)
        assert code == one.code == code.upper()
        assert one.summary
        assert one.rule
        assert one.remedy
        assert "|" not in one.summary, "it would break the table"
        assert set(one.losses) <= set(catalogue.ENTRIES)
        assert len(set(one.losses)) == len(one.losses)
