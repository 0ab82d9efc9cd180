"""Turns a formula's expressions into torch calls: a list of what is allowed, each a closure; the rest it refuses.

Nothing is ever run as Python. Each node becomes a call of one torch function, so that gradients are autograd's of
the same torch code.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.limits import MAX_EXPRESSION_DEPTH, MAX_RANK
from lossd_server.losses.budget import Budget
from lossd_server.losses.expressions import axes, constants, hints
from lossd_server.losses.expressions.axes import Axes
from lossd_server.losses.expressions.functions import FUNCTIONS, INT64, Function, Kind, Parameter, on_tensors, power
from lossd_server.losses.expressions.source import Source, too_large

Value: TypeAlias = Any
"""A tensor or a number; among operands also a list of tensors, a shape, or None for what was left out."""

Scope: TypeAlias = Mapping[str, Value]


Run: TypeAlias = "Callable[[Scope, Budget], Value]"


class Node(NamedTuple):
    """A part of a formula: what computes it, and its axes as far as they are known."""

    run: Run
    axes: Axes


_BINARY: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: power,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.And: on_tensors(torch.logical_and),
    ast.Or: on_tensors(torch.logical_or),
}
_UNARY: dict[type[ast.AST], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
    ast.Not: on_tensors(torch.logical_not),
}
_ALLOWED = "only numbers, names, operators, comparisons, constant indices and calls of functions are allowed"
_REFUSALS = (ArithmeticError, TypeError, RuntimeError, ValueError, IndexError)


class Compiler:
    """Compiles the expressions of one formula, and learns its inputs, and where it reads them first, as it goes.

    Args:
        declared: axes of inputs by name.
    """

    def __init__(self, source: Source, declared: Mapping[str, tuple[str, ...]]) -> None:
        self._source = source
        self._declared = declared
        self._parts: dict[str, Axes] = {}
        self.inputs: dict[str, str] = {}

    def part(self, name: str, tree: ast.expr, at: ast.stmt) -> Node:
        """Compiles a part and names it for what follows."""
        node = self.compile(tree)
        if name in FUNCTIONS or name == "axes":
            raise self._source.bad(f"{name} is a function; choose another name for this part", at)
        if name in self._parts or name in self.inputs:
            has = "already names a part" if name in self._parts else "was read as an input before"
            raise self._source.bad(f"{name} {has}; choose another name", at)
        self._parts[name] = node.axes
        return node

    def compile(self, tree: ast.expr, depth: int = 0) -> Node:
        """Compiles an expression."""
        if depth > MAX_EXPRESSION_DEPTH:
            raise too_large(f"the formula is nested over {MAX_EXPRESSION_DEPTH} levels deep")
        match tree:
            case ast.Constant(value=bool()):
                raise self._source.bad("True and False are not numbers", tree)
            case ast.Constant(value=int() | float() as number):
                return self._constant(number, tree)
            case ast.Name(id=name):
                return self._name(name, tree)
            case ast.Call(func=ast.Name(id=name)):
                return self._call(name, tree, depth)
            case ast.Subscript(value=value, slice=index):
                return self._subscript(value, index, tree, depth)
            case ast.BoolOp(op=operation, values=values):
                return self._chain(_BINARY[type(operation)], [self.compile(own, depth + 1) for own in values], tree)
        function, operands = self._operation(tree)
        return self._operate(function, [self.compile(operand, depth + 1) for operand in operands], tree)

    def _constant(self, number: float, tree: ast.expr) -> Node:
        if number not in INT64 if isinstance(number, int) else not math.isfinite(number):
            raise self._source.bad("the number is too large; whole ones are int64, others float64, as 1e30", tree)
        return Node(lambda scope, budget: number, ())

    def _name(self, name: str, tree: ast.expr) -> Node:
        if name not in self._parts and name not in self.inputs:
            self.inputs[name] = self._source.where(tree)
        known = self._parts[name] if name in self._parts else self._declared.get(name)
        return Node(lambda scope, budget: scope[name], known)

    def _operation(self, tree: ast.expr) -> tuple[Callable[..., Any], list[ast.expr]]:
        match tree:
            case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _UNARY:
                return _UNARY[type(sign)], [operand]
            case ast.BinOp(op=ast.MatMult(), left=left, right=right):
                return torch.matmul, [left, right]
            case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _BINARY:
                return _BINARY[type(operation)], [left, right]
            case ast.Compare(left=left, ops=[comparison], comparators=[right]) if type(comparison) in _BINARY:
                return _BINARY[type(comparison)], [left, right]
            case ast.Compare(ops=[_, _, *_]):
                raise self._source.bad("one comparison at a time; write (a < b) and (b < c)", tree)
            case ast.IfExp():
                raise self._source.bad("write where(condition, a, b) for a choice", tree)
            case ast.Attribute():
                raise self._source.bad(hints.attribute(tree), tree)
            case ast.Call(func=ast.Attribute() as method):
                raise self._source.bad(hints.attribute(method, bool(tree.args or tree.keywords)), tree)
        raise self._source.bad(_ALLOWED, tree)

    def _operate(self, function: Callable[..., Any], operands: list[Node], tree: ast.expr) -> Node:
        if function is torch.matmul:
            product = FUNCTIONS["matmul"]
            return self._apply(product.call, operands, tree, product.axes, {}, product.cost)
        return self._apply(function, operands, tree, axes.merged, {})

    def _chain(self, function: Callable[..., Any], operands: list[Node], tree: ast.expr) -> Node:
        result = operands[0]
        for operand in operands[1:]:
            result = self._operate(function, [result, operand], tree)
        return result

    def _call(self, name: str, call: ast.Call, depth: int) -> Node:
        function = FUNCTIONS.get(name)
        if name == "axes":
            raise self._source.bad("axes(…) goes first, as a statement of its own", call)
        if function is None:
            raise self._source.bad(hints.function(name), call)
        given = self._bind(name, function, call)
        operands = [
            self._operand(parameter, given.get(parameter.name), depth)
            for parameter in function.parameters
            if not parameter.kind.constant
        ]
        over = operands[0].axes if len(operands) < 2 or name == "gather" else axes_of(operands)
        options = {
            parameter.name: constants.read(parameter, given[parameter.name], over, self._source)
            for parameter in function.parameters
            if parameter.kind.constant and parameter.name in given
        }
        if "keepdim" in options and "dim" not in options:
            raise self._source.bad("keepdim goes with dim", call)
        bound = partial(function.call, **options) if options else function.call
        return self._apply(bound, operands, call, function.axes, options, function.cost)

    def _bind(self, name: str, function: Function, call: ast.Call) -> dict[str, ast.expr]:
        """The arguments by parameter, as Python binds them."""
        signature, parameters = function.signature(name), function.parameters
        if len(call.args) > len(parameters):
            raise self._source.bad(f"{len(call.args)} arguments; there are those of {signature}", call)
        given = {parameter.name: tree for parameter, tree in zip(parameters, call.args, strict=False)}
        for keyword in call.keywords:
            if keyword.arg not in {parameter.name for parameter in parameters}:
                raise self._source.bad(
                    f"no argument {str(keyword.arg)[:64]!r}; there are those of {signature}", keyword
                )
            if keyword.arg in given:
                raise self._source.bad(f"{keyword.arg} is given twice", keyword)
            given[keyword.arg] = keyword.value
        for parameter in parameters:
            if parameter.required and parameter.name not in given:
                raise self._source.bad(f"{name} needs {parameter.name}; it is {signature}", call)
        return given

    def _operand(self, parameter: Parameter, tree: ast.expr | None, depth: int) -> Node:
        if tree is None:
            return Node(lambda scope, budget: None, ())
        if parameter.kind not in (Kind.TENSORS, Kind.SHAPE):
            return self.compile(tree, depth + 1)
        if not isinstance(tree, ast.List | ast.Tuple) or not tree.elts:
            what = "tensors, as in [a, b]" if parameter.kind is Kind.TENSORS else "sizes, as in (2, -1)"
            raise self._source.bad(f"{parameter.name} must be a list of {what}", tree)
        runs = [self.compile(part, depth + 1).run for part in tree.elts]
        return Node(lambda scope, budget: [run(scope, budget) for run in runs], None)

    def _subscript(self, value: ast.expr, index: ast.expr, tree: ast.expr, depth: int) -> Node:
        place = constants.index(index, self._source)
        own = self.compile(value, depth + 1)
        try:
            rule = axes.indexed(own.axes, place)
        except ValueError as error:
            raise self._source.bad(str(error), tree) from None
        return self._apply(
            lambda tensor: operator.getitem(tensor, place), [own], tree, lambda *_: rule, {}, lambda own: own.numel()
        )

    def _apply(
        self,
        function: Callable[..., Any],
        operands: Sequence[Node],
        tree: ast.expr,
        rule: axes.Rule,
        options: Mapping[str, Any],
        cost: Callable[..., int] | None = None,
    ) -> Node:
        try:
            result_axes = rule([operand.axes for operand in operands], options)
        except ValueError as error:
            raise self._source.bad(str(error), tree) from None
        runs, bad = [operand.run for operand in operands], self._source.bad

        def run(scope: Scope, budget: Budget) -> Value:
            values = [operand(scope, budget) for operand in runs]
            try:
                if cost is None:
                    budget.spend(*values)
                else:
                    budget.take(cost(*values))
                result = function(*values)
                return result if isinstance(result, Tensor) and result.dim() <= MAX_RANK else _number(result)
            except Fault as fault:
                raise bad(fault.message, tree, fault.reason) from None
            except AttributeError:
                raise bad("a number stands here where a tensor is expected", tree) from None
            except _REFUSALS as error:
                if _is_memory(error):
                    raise
                raise bad(_first_line(error), tree) from None

        return Node(run, result_axes)


def axes_of(operands: Sequence[Node]) -> Axes:
    """Those that the operands have together; an error in them is for the function's own rule to find."""
    try:
        return axes.merged([operand.axes for operand in operands])
    except ValueError:
        return None


def _number(result: Any) -> float:
    """A result that is no tensor of a rank that torch takes: a real number, or refused."""
    if isinstance(result, Tensor):
        raise Fault("LIMIT_EXCEEDED", f"this has {result.dim()} dimensions; at most {MAX_RANK}")
    if isinstance(result, bool) or not isinstance(result, int | float):
        raise TypeError("these numbers alone give neither a tensor nor a real number")
    if isinstance(result, int) and result not in INT64:
        raise OverflowError("the whole number is too large for int64; write a float, as in 1e30")
    return result


def _is_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _first_line(error: Exception) -> str:
    text = str(error.args[-1]) if error.args else ""
    return text.splitlines()[0][:300] if text else type(error).__name__
