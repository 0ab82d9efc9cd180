"""Reads JSON strictly: exactly the keys expected, exactly the types expected; knows no meaning of any of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from lossd_server.faults import Fault

ARCHIVE = "loss.program.archive"

_QUOTED = 64


def bad(what: str, where: str = "") -> Fault:
    """The fault of a program that cannot be read; `where` says which part of it."""
    return Fault("BAD_PROGRAM", f"{where}: {what}" if where else what, field=ARCHIVE)


def quoted(text: str) -> str:
    """A caller's own words, not too many of them, in quotes of one kind.

    >>> quoted("it's")
    "'it s'"
    """
    return "'" + "".join(c if c.isprintable() and c not in "'\"\\" else " " for c in text[:_QUOTED]) + "'"


def parse(data: bytes, where: str) -> Any:
    """JSON without what JSON lacks (NaN, Infinity) and without repeated keys."""
    try:
        return json.loads(data, object_pairs_hook=_distinct, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise bad("not JSON, nested too deeply, or with a key given twice", where) from None


def fields(value: Any, where: str, **kinds: type) -> tuple[Any, ...]:
    """The values of an object that has exactly these keys, each of its type; a bool is no int."""
    if type(value) is not dict or value.keys() != kinds.keys():
        raise bad(f"expected an object with {', '.join(kinds)} and nothing else", where)
    for name, kind in kinds.items():
        if kind is not object and type(value[name]) is not kind:
            raise bad(f"{name} is no {kind.__name__}", where)
    return tuple(value[name] for name in kinds)


def union(value: Any, where: str, kinds: Iterable[str]) -> tuple[str, Any]:
    """The one key of an object, and its value."""
    if type(value) is not dict or len(value) != 1:
        raise bad("expected an object with one key", where)
    (kind, inner), *_ = value.items()
    if kind not in kinds:
        raise bad(f"{quoted(kind)} is not among {', '.join(kinds)}", where)
    return kind, inner


def items(value: Any, kind: type, where: str, most: int) -> list[Any]:
    """A list of at most so many values of one type."""
    if type(value) is not list or len(value) > most or any(type(item) is not kind for item in value):
        raise bad(f"expected a list of at most {most} of type {kind.__name__}", where)
    return value


def whole(value: Any, where: str) -> int:
    """A whole number that torch can hold."""
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise bad("expected a whole number of 64 bits", where)
    return value


def identifier(value: Any, where: str) -> str:
    """A name that a node or an input may have."""
    if type(value) is not str or not (value.isascii() and value.isidentifier() and len(value) <= 256):
        raise bad("expected a name of at most 256 letters, digits and _", where)
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
