"""What a server found wrong, and what it looks for, as plain frozen objects; knows how to read them from messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from lossd.errors import InvalidArgument
from lossd.v1 import diagnostic_pb2

Level: TypeAlias = Literal["off", "cheap", "full"]
"""How much to look for: "cheap" is a few passes over the inputs, "full" looks at all and computes what it needs."""

Severity: TypeAlias = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    Attributes:
        code: what was found, for example "PROBABILITIES_AS_LOGITS"; codes never change.
        severity: "info", which healthy data may show, "warning", probably a mistake, or "error".
        message: one sentence with the numbers in it.
        remedy: what to do.
        field: path of what it is about, for example "inputs.input"; "" if it is about all.
        evidence: the numbers by which it was found, by name.
        term: label of the term of a weighted sum that it is about; "" otherwise.
    """

    code: str
    severity: Severity
    message: str
    remedy: str
    field: str
    evidence: dict[str, float]
    term: str

    def __str__(self) -> str:
        told = f"{self.severity.upper()} {self.code}: {self.message}; {self.remedy}"
        if not self.field or self.field.rpartition(".")[2] in self.message:
            return told
        return told.replace(": ", f": {self.field}: ", 1)


@dataclass(frozen=True, slots=True)
class DiagnosticInfo:
    """What there is to know about a diagnostic.

    Attributes:
        code: what findings call it.
        severity: "info", "warning" or "error".
        level: "cheap" or "full", the least at which it is looked for.
        summary: what was found, in one line.
        rule: by which numbers, with their bounds.
        remedy: what to do.
        losses: those that it is looked for in, by name; () for all, and for diagnostics of training.
        evidence: names of the numbers, and what they count.
    """

    code: str
    severity: Severity
    level: Level
    summary: str
    rule: str
    remedy: str
    losses: tuple[str, ...]
    evidence: dict[str, str]


_ORDER: tuple[Severity, ...] = ("error", "warning", "info")

_LEVELS: dict[Level, diagnostic_pb2.DiagnosticsLevel] = {
    "off": diagnostic_pb2.DIAGNOSTICS_LEVEL_OFF,
    "cheap": diagnostic_pb2.DIAGNOSTICS_LEVEL_CHEAP,
    "full": diagnostic_pb2.DIAGNOSTICS_LEVEL_FULL,
}


def level(given: Level | bool | None) -> diagnostic_pb2.DiagnosticsLevel:
    """What the contract says for it; True is "full", False and None leave it to the server.

    Raises:
        InvalidArgument: for what is no level.

    >>> level("cheap") == level(False)
    False
    """
    if given is None or isinstance(given, bool):
        return diagnostic_pb2.DIAGNOSTICS_LEVEL_FULL if given else diagnostic_pb2.DIAGNOSTICS_LEVEL_UNSPECIFIED
    if not isinstance(given, str) or given not in _LEVELS:
        raise InvalidArgument(
            f"diagnostics is {given!r:.80}; expected True, False, {', '.join(map(repr, _LEVELS))}",
            reason="ARGUMENT_OUT_OF_RANGE",
            field="diagnostics",
        )
    return _LEVELS[given]


def read(messages: Iterable[diagnostic_pb2.Diagnostic]) -> tuple[Diagnostic, ...]:
    """Reads findings, in the server's order: the worst first."""
    return tuple(
        Diagnostic(
            one.code,
            _severity(one.severity),
            one.message,
            one.remedy,
            one.field,
            {name: one.evidence[name] for name in sorted(one.evidence)},
            one.term,
        )
        for one in messages
    )


def info(message: diagnostic_pb2.DiagnosticInfo) -> DiagnosticInfo:
    """Reads a line of the table of diagnostics."""
    return DiagnosticInfo(
        message.code,
        _severity(message.severity),
        next((name for name, number in _LEVELS.items() if number == message.level), "full"),
        message.summary,
        message.rule,
        message.remedy,
        tuple(message.losses),
        {name: message.evidence[name] for name in sorted(message.evidence)},
    )


def worst(findings: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Each finding once, by what it is and what it is about, as it was last; the worst first."""
    last = {(one.code, one.field, one.term): one for one in findings}
    return tuple(sorted(last.values(), key=lambda one: _ORDER.index(one.severity)))


def _severity(number: int) -> Severity:
    named: dict[int, Severity] = {
        diagnostic_pb2.SEVERITY_INFO: "info",
        diagnostic_pb2.SEVERITY_WARNING: "warning",
        diagnostic_pb2.SEVERITY_ERROR: "error",
    }
    return named.get(number, "info")
