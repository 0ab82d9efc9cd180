"""What a caller may have meant: remedies for refusals, in words; compiles and computes nothing."""

from __future__ import annotations

import ast
from collections.abc import Collection
from difflib import get_close_matches

from lossd_server.losses.expressions.functions import FUNCTIONS

LONGEST = 64
"""Characters of a caller's name that a text repeats."""

_MODULES = ("torch", "F", "nn", "np", "math")
_ELSEWHERE = {"T": "transpose", "mT": "transpose", "t": "transpose", "shape": "size", "view": "reshape"}


def near(name: str, candidates: Collection[str]) -> str:
    """The candidate that `name` most resembles, or "".

    >>> near("targe", ["input", "target"]), near("x", ["input"])
    ('target', '')
    """
    return next(iter(get_close_matches(name[:LONGEST], [own[:LONGEST] for own in candidates], n=1)), "")


def function(name: str) -> str:
    """For a name that no function has.

    >>> function("mena")
    "there is no function 'mena'; did you mean mean?"
    """
    close = near(name, FUNCTIONS)
    remedy = f"did you mean {close}?" if close else f"there are {', '.join(FUNCTIONS)}"
    return f"there is no function {name[:LONGEST]!r}; {remedy}"


def attribute(tree: ast.Attribute, arguments: bool = False) -> str:
    """For an attribute or method, which formulas write as a function, if at all.

    >>> attribute(ast.parse("x.mean").body[0].value)
    'there are no attributes and methods; write mean(x)'
    >>> attribute(ast.parse("x.grad").body[0].value)
    'there are no attributes and methods; write functions as in mean(x)'
    """
    name = _ELSEWHERE.get(tree.attr, tree.attr)
    owner = tree.value.id[:LONGEST] if isinstance(tree.value, ast.Name) else ""
    remedy = "write functions as in mean(x)"
    if name in FUNCTIONS:
        more = arguments or any(parameter.required for parameter in FUNCTIONS[name].parameters[1:])
        operands = "…" if owner in (*_MODULES, "") else f"{owner}, …" if more else owner
        remedy = f"write {name}({operands})"
    return f"there are no attributes and methods; {remedy}"
