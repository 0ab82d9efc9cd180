"""Writes the tables of docs/diagnostics.md: `python docs/diagnostics.py`. A test holds the page to the catalogue."""

from __future__ import annotations

from pathlib import Path

from lossd_server.judge.diagnostics.catalogue import DIAGNOSTICS
from lossd_server.judge.diagnostics.evaluation import EVALUATION
from lossd_server.judge.diagnostics.findings import Diagnostic

PAGE = Path(__file__).with_name("diagnostics.md")
MARK = "<!-- from here on written by docs/diagnostics.py -->\n"


def page() -> str:
    """The page as it stands, with fresh tables."""
    head = PAGE.read_text().partition(MARK)[0]
    own = {one.code for one in EVALUATION}
    parts = [head, MARK]
    for title, chosen in (
        ("Of evaluations", [one for code, one in DIAGNOSTICS.items() if code in own]),
        ("Of training", [one for code, one in DIAGNOSTICS.items() if code not in own]),
    ):
        parts += [f"\n## {title}\n\n| code | severity | level | what |\n|---|---|---|---|\n"]
        parts += [f"| [`{one.code}`](#{one.code.lower()}) | {_word(one)} | {one.level.name.lower()} | {one.summary} |\n"
                  for one in chosen]  # fmt: skip
        for one in chosen:
            parts.append(_entry(one))
    return "".join(parts)


def _word(one: Diagnostic) -> str:
    return one.severity.name.lower()


def _entry(one: Diagnostic) -> str:
    losses = ", ".join(f"`{name}`" for name in one.losses) or "all"
    evidence = "; ".join(f"`{name}` {what}" for name, what in one.evidence.items()) or "none"
    return (
        f"\n### {one.code}\n\n{one.summary}\n\n- Found by: {one.rule}\n- What to do: {one.remedy}\n"
        f"- Losses: {losses}\n- Evidence: {evidence}\n"
    )


if __name__ == "__main__":
    PAGE.write_text(page())
