"""The text of a formula: how Python's parser takes it apart and where in it things stand; runs nothing."""

from __future__ import annotations

import ast
import re
import warnings

from lossd_server.faults import Fault
from lossd_server.limits import MAX_EXPRESSION_LENGTH, MAX_EXPRESSION_NODES

FIELD = "loss.expression.source"


class Source:
    """A formula's text. Lines may be indented as the caller likes: statements have no blocks.

    >>> source = Source("e = input - target; mean(e**2)")
    >>> first, last = source.statements()
    >>> source.where(last)
    'column 21'
    """

    def __init__(self, text: str) -> None:
        if len(text) > MAX_EXPRESSION_LENGTH:
            raise too_large(f"the formula has {len(text)} characters; at most {MAX_EXPRESSION_LENGTH} are read")
        given = re.split(r"\r\n|\r|\n", text)
        self._lines = [line.lstrip(" \t") for line in given]
        self._indents = [len(line) - len(own) for line, own in zip(given, self._lines, strict=True)]

    def statements(self) -> list[ast.stmt]:
        """The formula's statements, at most `MAX_EXPRESSION_NODES` nodes of them."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)  # the parser's advice to Python programmers
                tree = ast.parse("\n".join(self._lines), mode="exec")
        except SyntaxError as error:
            where = self._where(error.lineno or 1, max(error.offset or 1, 1))
            raise Fault("BAD_EXPRESSION", f"{where}: {error.msg}", field=FIELD) from None
        except (ValueError, RecursionError, MemoryError):
            text = "the formula cannot be read: it holds a NUL or is nested too deeply"
            raise Fault("BAD_EXPRESSION", text, field=FIELD) from None
        if sum(1 for _ in ast.walk(tree)) > MAX_EXPRESSION_NODES:
            raise too_large(f"the formula has more than {MAX_EXPRESSION_NODES} nodes")
        return tree.body

    def bad(self, what: str, tree: ast.expr | ast.stmt | ast.keyword, reason: str = "BAD_EXPRESSION") -> Fault:
        """A refusal that points at `tree`."""
        return Fault(reason, f"{self.where(tree)}: {what}", field=FIELD)

    def where(self, tree: ast.expr | ast.stmt | ast.keyword) -> str:
        """Column of a node in characters, and line where there are several; both count from 1."""
        before = self._lines[tree.lineno - 1].encode()[: tree.col_offset]  # the parser counts bytes
        return self._where(tree.lineno, len(before.decode(errors="ignore")) + 1)

    def _where(self, line: int, column: int) -> str:
        line = min(line, len(self._lines))
        column += self._indents[line - 1]
        return f"line {line}, column {column}" if len(self._lines) > 1 else f"column {column}"


def too_large(what: str) -> Fault:
    """A refusal of a formula beyond its limits."""
    return Fault("LIMIT_EXCEEDED", what, field=FIELD)
