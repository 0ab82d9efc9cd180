"""What a diagnostic is, and what one found; knows no rule and no tensor."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How much is looked for; the numbers are the contract's."""

    OFF = 1
    CHEAP = 2
    FULL = 3


class Severity(IntEnum):
    """How bad it is; the numbers are the contract's."""

    INFO = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True)
class Diagnostic:
    """A line of the table of diagnostics.

    Args:
        code: what callers and dashboards know it by; never changes.
        level: the least at which it is looked for.
        summary: what was found, in one line.
        rule: by which numbers, with their bounds.
        remedy: what to do.
        losses: those that it is looked for in, by name; empty for all, and for diagnostics of training.
        evidence: names of the numbers, and what they count.
    """

    code: str
    severity: Severity
    level: Level
    summary: str
    rule: str
    remedy: str
    losses: tuple[str, ...] = ()
    evidence: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """What one diagnostic found.

    Args:
        message: one sentence with the numbers in it.
        field: path of the field that it is about, for example "inputs.input"; empty if it is about all.
        evidence: the numbers by name.
        term: label of the term of a weighted sum that it is about.
    """

    diagnostic: Diagnostic
    message: str
    field: str = ""
    evidence: Mapping[str, float] = dataclasses.field(default_factory=dict)
    term: str = ""


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """The same by falling severity; those of one severity stay in their order."""
    return sorted(findings, key=lambda finding: -finding.diagnostic.severity)
