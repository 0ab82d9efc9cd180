"""A formula as a whole: perhaps axes(…), then names for parts, then the loss itself; knows no single function."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.losses.budget import Budget
from lossd_server.losses.expressions import constants
from lossd_server.losses.expressions.compiler import Compiler, Run, Value
from lossd_server.losses.expressions.source import FIELD, Source

Part: TypeAlias = "tuple[str, Run]"


class Formula(NamedTuple):
    """A compiled formula: its inputs, by where it reads them first, its parts in order, its loss and where that is."""

    inputs: Mapping[str, str]
    axes: Mapping[str, tuple[str, ...]]
    parts: tuple[Part, ...]
    loss: Run
    place: str

    def run(self, tensors: Mapping[str, Tensor], budget: Budget) -> Value:
        if not self.parts:
            return self.loss(tensors, budget)
        scope = dict(tensors)
        for name, part in self.parts:
            scope[name] = part(scope, budget)
        return self.loss(scope, budget)


def read(text: str) -> Formula:
    """Compiles a formula.

    >>> formula = read('axes(x="N C"); e = x - mean(x, dim="C", keepdim=True); mean(e**2)')
    >>> formula.inputs, formula.axes
    ({'x': 'column 20'}, {'x': ('N', 'C')})
    """
    source = Source(text)
    statements = source.statements()
    declared: dict[str, tuple[str, ...]] = {}
    if statements and isinstance(first := statements[0], ast.Expr):
        match first.value:
            case ast.Call(func=ast.Name(id="axes")) as call:
                declared = constants.declarations(call, source)
                del statements[0]
    if not statements:
        raise Fault("BAD_EXPRESSION", "there is no loss in the formula; its last statement is the loss", field=FIELD)
    compiler = Compiler(source, declared)
    parts: list[Part] = []
    for statement in statements[:-1]:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                parts.append((name, compiler.part(name, value, statement).run))
            case _:
                raise source.bad(
                    "each statement before the last gives a part its name, as in e = input - target", statement
                )
    last = statements[-1]
    if not isinstance(last, ast.Expr):
        raise source.bad("the last statement is the loss itself, an expression without a name", last)
    loss = compiler.compile(last.value).run
    if not compiler.inputs:
        raise source.bad("the formula names no input", last)
    for name in declared:
        if name not in compiler.inputs:
            text = f"axes names {name[:64]!r}, which the formula does not use"
            raise Fault("BAD_EXPRESSION", text, field=FIELD)
    return Formula(compiler.inputs, declared, tuple(parts), loss, source.where(last))
