"""What a metric is asked for by, such as "precision(average=micro, threshold=0.3)"; knows no metric and no tensor."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lossd_server.faults import Fault
from lossd_server.losses.contract import Argument

MAX_LENGTH = 96
"""Characters that may ask for one metric."""

_ASKED = re.compile(r"\s*([A-Za-z0-9_ -]+?)\s*(?:\(([^()]*)\))?\s*")
_GIVEN = re.compile(r"\s*([a-z_]\w*)\s*=\s*([^\s=,]+)\s*")
_WORDS = {"true": True, "false": False}


def split(text: str) -> tuple[str, dict[str, str]]:
    """Name and arguments, as they were written.

    Raises:
        Fault: UNKNOWN_NAME if it is none of both.

    >>> split("precision(average=micro, threshold=0.3)")
    ('precision', {'average': 'micro', 'threshold': '0.3'})
    """
    found = _ASKED.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if found is None:
        raise _unread(text)
    name, inner = found[1], found[2]
    given: dict[str, str] = {}
    for part in inner.split(",") if inner and inner.strip() else ():
        one = _GIVEN.fullmatch(part)
        if one is None or one[1] in given:
            raise _unread(text)
        given[one[1]] = one[2].strip("'\"")
    return name, given


def read(text: str, written: Mapping[str, str], arguments: tuple[Argument, ...]) -> dict[str, Any]:
    """The arguments of a metric, those left out at their defaults.

    Args:
        text: as asked, for the words of a refusal.
        written: names and values.
        arguments: those that it has.

    Raises:
        Fault: UNKNOWN_NAME for an argument that it has not, ARGUMENT_OUT_OF_RANGE for a value that it may not have.
    """
    known = {argument.name: argument for argument in arguments}
    for name in written:
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise Fault("UNKNOWN_NAME", f"{text!r:.120}: {name} is no argument of this metric; {has}", field="metrics")
    given = {name: argument.default for name, argument in known.items()}
    for name, value in written.items():
        given[name] = _value(text, known[name], value)
    return given


def _value(text: str, argument: Argument, written: str) -> Any:
    value: Any = _number(written) if argument.type in (int, float) else written
    value = _WORDS.get(written) if argument.type is bool else value
    expected = argument.type
    fits = isinstance(value, expected) or (expected is float and isinstance(value, int) and not isinstance(value, bool))
    if not fits or (expected is int and isinstance(value, bool)):
        what = {int: "a whole number", float: "a number", bool: "true or false"}.get(expected, "a word")
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE", f"{text!r:.120}: {argument.name} is {written}; expected {what}", field="metrics"
        )
    try:
        argument.check(value)
    except Fault as fault:
        raise Fault(fault.reason, f"{text!r:.120}: {fault.message}", field="metrics") from None
    return float(value) if expected is float else value


def _number(written: str) -> int | float | None:
    try:
        return int(written)
    except ValueError:
        try:
            return float(written)
        except ValueError:
            return None


def _unread(text: str) -> Fault:
    return Fault(
        "UNKNOWN_NAME",
        f"{text[:64]!r} is no metric; expected a name, or one with arguments such as precision(average=micro)",
        field="metrics",
    )
