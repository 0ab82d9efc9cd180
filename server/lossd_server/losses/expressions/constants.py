"""What a formula writes as a constant: dimensions, flags, indices and the declaration of axes; computes nothing."""

from __future__ import annotations

import ast
import math
import re
from types import EllipsisType
from typing import Any, TypeAlias

from lossd_server.limits import MAX_RANK
from lossd_server.losses.expressions import axes
from lossd_server.losses.expressions.axes import Axes
from lossd_server.losses.expressions.functions import INT64, Kind, Parameter
from lossd_server.losses.expressions.source import Source

Place: TypeAlias = "int | slice | EllipsisType | None"

_AXIS = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
_LARGEST_DIM = 2**31


def read(parameter: Parameter, tree: ast.expr, over: Axes, source: Source) -> Any:
    """The constant given for a parameter, names of axes as their numbers among `over`."""
    if parameter.kind is Kind.AXES and isinstance(tree, ast.Tuple | ast.List) and tree.elts:
        return tuple(_axis(parameter.name, part, over, source) for part in tree.elts)
    if parameter.kind in (Kind.AXIS, Kind.AXES):
        return _axis(parameter.name, tree, over, source)
    number = _number(tree)
    if parameter.kind is Kind.FLAG:
        if isinstance(number, bool):
            return number
        raise source.bad(f"{parameter.name} must be True or False", tree)
    if number is None or isinstance(number, bool) or not math.isfinite(number) or abs(number) > 2**53:
        raise source.bad(f"{parameter.name} must be a number", tree)
    return number


def index(tree: ast.expr, source: Source) -> tuple[Place, ...]:
    """The constants of an index: whole numbers, slices, None and one ellipsis."""
    places = tuple(_place(part, source) for part in (tree.elts if isinstance(tree, ast.Tuple) else [tree]))
    if places.count(...) > 1:
        raise source.bad("an index has at most one ellipsis", tree)
    return places


def declarations(call: ast.Call, source: Source) -> dict[str, tuple[str, ...]]:
    """The axes that axes(input="N C H W", …) declares.

    >>> source = Source('axes(input="N C", weight="C")')
    >>> declarations(source.statements()[0].value, source)
    {'input': ('N', 'C'), 'weight': ('C',)}
    """
    if call.args or not call.keywords:
        raise source.bad('axes takes inputs by name, as in axes(input="N C H W")', call)
    declared: dict[str, tuple[str, ...]] = {}
    for keyword in call.keywords:
        if keyword.arg in declared:
            raise source.bad(f"the axes of {keyword.arg[:64]} are given twice", keyword)
        match keyword:
            case ast.keyword(arg=str() as name, value=ast.Constant(value=str() as text)):
                declared[name] = _names(text, keyword, source)
            case _:
                raise source.bad('axes of an input are a string of names, as in axes(input="N C H W")', keyword)
    return declared


def _names(text: str, tree: ast.keyword, source: Source) -> tuple[str, ...]:
    names = tuple(text.replace(",", " ").split())
    if len(names) > MAX_RANK:
        raise source.bad(f"{len(names)} axes; at most {MAX_RANK}", tree, "LIMIT_EXCEEDED")
    for name in names:
        if not _AXIS.fullmatch(name):
            raise source.bad(
                f"{name[:64]!r} is no name of an axis; a letter comes first, then letters and digits", tree
            )
        if names.count(name) > 1:
            raise source.bad(f"axis {name!r} is there twice; give each its own name", tree)
    return names


def _axis(parameter: str, tree: ast.expr, over: Axes, source: Source) -> int:
    if isinstance(tree, ast.Constant) and isinstance(tree.value, str):
        try:
            return axes.find(tree.value[:64], over)
        except ValueError as error:
            raise source.bad(str(error), tree) from None
    number = _number(tree)
    if isinstance(number, int) and not isinstance(number, bool) and abs(number) < _LARGEST_DIM:
        return number
    raise source.bad(f"{parameter} must be a whole number, or the name of an axis", tree)


def _place(tree: ast.expr, source: Source) -> Place:
    match tree:
        case ast.Constant(value=None):
            return None
        case ast.Constant(value=value) if value is ...:
            return ...
        case ast.Slice(lower=lower, upper=upper, step=step):
            return slice(*(None if part is None else _whole(part, source) for part in (lower, upper, step)))
    return _whole(tree, source)


def _whole(tree: ast.expr, source: Source) -> int:
    number = _number(tree)
    if isinstance(number, int) and not isinstance(number, bool) and number in INT64:
        return number
    raise source.bad("an index must be a whole number, a slice of whole numbers, None or ...", tree)


def _number(tree: ast.expr) -> int | float | bool | None:
    """A number with its sign, True or False; None for anything else."""
    negative = isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub)
    inner = tree.operand if isinstance(tree, ast.UnaryOp) and negative else tree
    if not isinstance(inner, ast.Constant) or not isinstance(inner.value, int | float):
        return None
    if negative:
        return None if isinstance(inner.value, bool) else -inner.value
    return inner.value
