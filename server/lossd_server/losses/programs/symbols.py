"""Sizes that are not known before the inputs are: expressions over whole numbers, read and computed by these lines.

torch writes them as sympy writes itself, `Mul(Integer(2), Symbol('s0', positive=True, integer=True))`. Here they
are text: a grammar of nine functions, bounded in length and depth; sympy is not asked.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from lossd_server.faults import Fault
from lossd_server.losses.programs.fields import bad

Number: TypeAlias = "int | float"

MOST = 2**62
"""Sizes and what is computed of them stay within ± this."""

_LONGEST, _DEEPEST = 1024, 16
_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*|-?\d{1,19}(?!\d)|'[A-Za-z0-9_]{1,64}'|[(),=])")
_NAME = re.compile(r"'[A-Za-z_][A-Za-z0-9_]*'")


def bounded(value: Number) -> Number:
    """The value, if it is within bounds."""
    if not -MOST <= value <= MOST:  # NaN too
        raise Fault("LIMIT_EXCEEDED", "a size of the program is beyond 2 to the power 62", field="loss.program")
    return value


def _power(base: Number, exponent: Number) -> Number:
    if not 0 <= exponent <= 64:
        raise Fault("LIMIT_EXCEEDED", "a size of the program has an exponent outside 0 to 64", field="loss.program")
    result: Number = operator.pow(base, exponent)
    return result


ARITHMETIC: dict[str, tuple[Callable[..., Number], int]] = {
    "_operator.add": (operator.add, 2),
    "_operator.sub": (operator.sub, 2),
    "_operator.mul": (operator.mul, 2),
    "_operator.floordiv": (operator.floordiv, 2),
    "_operator.truediv": (operator.truediv, 2),
    "_operator.mod": (operator.mod, 2),
    "_operator.pow": (_power, 2),
    "_operator.neg": (operator.neg, 1),
    "_operator.pos": (operator.pos, 1),
    "math.trunc": (math.trunc, 1),
    "torch.sym_int": (math.trunc, 1),
    "torch.sym_float": (float, 1),
    "torch.sym_max": (max, 2),
    "torch.sym_min": (min, 2),
    "torch.sym_sqrt": (lambda value: math.sqrt(value) if value >= 0 else math.nan, 1),
}
"""What a graph may do with sizes, by the name it has there: a function and how many numbers it takes."""


def compute(function: Callable[..., Number], values: Sequence[Number]) -> Number:
    """A function of sizes, within bounds."""
    try:
        return bounded(function(*values))
    except (ArithmeticError, IndexError, TypeError, ValueError):
        raise Fault(
            "SHAPE_MISMATCH",
            "a size of the program cannot be computed for inputs of these shapes",
            field="loss.program",
        ) from None


class Size(NamedTuple):
    """A size: a constant, a symbol, or a function of sizes."""

    function: str
    parts: tuple[Size, ...] = ()
    value: int = 0
    symbol: str = ""

    @property
    def symbols(self) -> frozenset[str]:
        """The symbols in it."""
        own = frozenset({self.symbol}) if self.symbol else frozenset()
        return own.union(*(part.symbols for part in self.parts))

    def at(self, known: Mapping[str, int]) -> int:
        """Its value where the symbols have these."""
        if self.function == "Symbol":
            return known[self.symbol]
        if self.function == "Integer":
            return self.value
        values = [part.at(known) for part in self.parts]
        return int(compute(_FUNCTIONS[self.function], values))

    def solve(self, known: dict[str, int], size: int) -> bool:
        """Whether it can be `size`; finds the value of a symbol that it depends on linearly and that is not known."""
        unknown = [symbol for symbol in self.symbols if symbol not in known]
        if len(unknown) > 1:
            return False
        if unknown:
            start = self.at(known | {unknown[0]: 0})
            slope = self.at(known | {unknown[0]: 1}) - start
            if slope == 0 or (size - start) % slope:
                return False
            known[unknown[0]] = (size - start) // slope
        return self.at(known) == size


_FUNCTIONS: dict[str, Callable[..., Number]] = {
    "Add": lambda *values: sum(values),
    "Mul": lambda *values: math.prod(values),
    "Max": max,
    "Min": min,
    "FloorDiv": operator.floordiv,
    "Mod": operator.mod,
    "PythonMod": operator.mod,
}
_BINARY = {"FloorDiv", "Mod", "PythonMod"}


def read(text: str, where: str) -> Size:
    """The size that sympy's text says.

    >>> size = read("Add(Mul(Integer(2), Symbol('s0', positive=True, integer=True)), Integer(1))", "here")
    >>> known = {}
    >>> size.solve(known, 9), known, size.at({"s0": 3})
    (True, {'s0': 4}, 7)
    """
    if len(text) > _LONGEST:
        raise bad(f"a size is written in more than {_LONGEST} characters", where)
    tokens, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unreadable(where)
        tokens.append(match[1])
        position = match.end()
    tokens.append("")
    size, rest = _size(tokens, 0, where, 0)
    if tokens[rest]:
        raise _unreadable(where)
    return size


def _size(tokens: list[str], at: int, where: str, depth: int) -> tuple[Size, int]:
    name = tokens[at]
    if depth > _DEEPEST or not name or at + 2 >= len(tokens) or tokens[at + 1] != "(":
        raise _unreadable(where)
    if name == "Integer":
        return _integer(tokens, at + 2, where)
    if name == "Symbol":
        return _symbol(tokens, at + 2, where)
    if name not in _FUNCTIONS:
        raise _unreadable(where)
    parts, at = [], at + 2
    while True:
        part, at = _size(tokens, at, where, depth + 1)
        parts.append(part)
        if tokens[at] == ")":
            break
        if tokens[at] != ",":
            raise _unreadable(where)
        at += 1
    if name in _BINARY and len(parts) != 2:
        raise _unreadable(where)
    return Size(name, tuple(parts)), at + 1


def _integer(tokens: list[str], at: int, where: str) -> tuple[Size, int]:
    if not tokens[at].removeprefix("-").isdecimal() or tokens[at + 1] != ")" or abs(int(tokens[at])) > MOST:
        raise _unreadable(where)
    return Size("Integer", value=int(tokens[at])), at + 2


def _symbol(tokens: list[str], at: int, where: str) -> tuple[Size, int]:
    """A name, then assumptions of sympy's, which say nothing that range_constraints does not."""
    if not _NAME.fullmatch(tokens[at]):
        raise _unreadable(where)
    symbol, at = tokens[at].strip("'"), at + 1
    while tokens[at : at + 1] == [","]:
        name, equals, value = (*tokens[at + 1 : at + 4], "", "", "")[:3]
        if name not in ("positive", "integer", "nonnegative") or equals != "=" or value != "True":
            raise _unreadable(where)
        at += 4
    if tokens[at] != ")":
        raise _unreadable(where)
    return Size("Symbol", symbol=symbol), at + 1


def _unreadable(where: str) -> Fault:
    return bad("a size is none that can be read: whole numbers, symbols, sums, products, quotients", where)
