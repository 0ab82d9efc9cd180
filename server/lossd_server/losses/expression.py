"""Losses written as formulas: a small arithmetic language over the named inputs, read by Python's own parser.

The parser only builds a tree; nothing of it is ever run as Python. Each node must be on the list below, and
becomes a call of one torch function, so that gradients are autograd's of the same torch code.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, TypeAlias

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.limits import (
    MAX_EXPRESSION_DEPTH,
    MAX_EXPRESSION_LENGTH,
    MAX_EXPRESSION_NODES,
)
from lossd_server.losses.budget import Budget
from lossd_server.losses.contract import Argument, Computed, Entry, Input, Kind, Tensors

ENTRY = Entry(
    name="expression",
    class_name="Expression",
    summary="A formula over the named inputs, such as mean((input - target)**2) + 0.1*sum(abs(input - target)).",
    formula="source",
    inputs=(),
    arguments=(
        Argument(
            "source",
            str,
            None,
            f"the formula; at most {MAX_EXPRESSION_LENGTH} characters, {MAX_EXPRESSION_NODES} nodes",
        ),
    ),
    reductions=(),
    traps=("a formula that does not reduce returns one loss per element", "(N,1) against (N,) broadcasts to (N,N)"),
    tasks=("custom",),
)

Value: TypeAlias = "Tensor | float"


Node: TypeAlias = "Callable[[Tensors, Budget], Value]"

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}

# Elementwise functions by number of arguments, then functions over all elements or over dim=…
_ELEMENTWISE: dict[str, tuple[Callable[..., Tensor], int]] = {
    "abs": (torch.abs, 1),
    "exp": (torch.exp, 1),
    "expm1": (torch.expm1, 1),
    "log": (torch.log, 1),
    "log1p": (torch.log1p, 1),
    "sqrt": (torch.sqrt, 1),
    "square": (torch.square, 1),
    "sin": (torch.sin, 1),
    "cos": (torch.cos, 1),
    "tanh": (torch.tanh, 1),
    "sigmoid": (torch.sigmoid, 1),
    "logsigmoid": (torch.nn.functional.logsigmoid, 1),
    "softplus": (torch.nn.functional.softplus, 1),
    "relu": (torch.relu, 1),
    "sign": (torch.sign, 1),
    "maximum": (torch.maximum, 2),
    "minimum": (torch.minimum, 2),
    "pow": (operator.pow, 2),
    "clamp": (torch.clamp, 3),
    "where": (torch.where, 3),
}
_OVER_DIMENSIONS: dict[str, Callable[..., Tensor]] = {
    "mean": torch.mean,
    "sum": torch.sum,
    "amax": torch.amax,
    "amin": torch.amin,
    "logsumexp": torch.logsumexp,
    "softmax": torch.softmax,
    "log_softmax": torch.log_softmax,
}
_TAKES_NUMBERS = {"clamp", "pow", "where"}
_NEEDS_DIM = {"logsumexp", "softmax", "log_softmax"}
_KEEPS_SHAPE = {"softmax", "log_softmax"}

FUNCTIONS = tuple(sorted({*_ELEMENTWISE, *_OVER_DIMENSIONS}))


class Expression:
    """A compiled formula; see `contract.Loss`. Holds no tensor, so one serves all calls."""

    name = ENTRY.name
    reduction = None

    def __init__(self, node: Node, input_names: tuple[str, ...]) -> None:
        self._node = node
        self.input_names = input_names

    def input(self, name: str) -> Input | None:
        return Input(name, Kind.ANY, "(*)", "as the formula uses it") if name in self.input_names else None

    def check(self, tensors: Tensors, data: bool = True) -> None:
        for name in self.input_names:
            if tensors[name].dtype not in Kind.ANY.dtypes:
                raise Fault(
                    "DTYPE_MISMATCH",
                    f"{name} is {str(tensors[name].dtype).removeprefix('torch.')}; formulas take float, int32, int64, "
                    "uint8 and bool tensors",
                    field=f"inputs.{name}",
                )

    def compute(self, tensors: Tensors, budget: Budget) -> Computed:
        value = self._node(tensors, budget)
        if not isinstance(value, Tensor) or not value.is_floating_point():
            raise Fault(
                "BAD_EXPRESSION", "the formula's result is not a floating tensor", field="loss.expression.source"
            )
        return Computed(value)

    def weight_sum(self, tensors: Tensors) -> float | None:
        return None


@lru_cache(maxsize=1024)
def build(source: str) -> Expression:
    """Compiles a formula, once for each source.

    >>> build("mean((input - target)**2)").input_names
    ('input', 'target')
    """
    if len(source) > MAX_EXPRESSION_LENGTH:
        raise Fault(
            "LIMIT_EXCEEDED",
            f"the formula has {len(source)} characters; at most {MAX_EXPRESSION_LENGTH} are read",
            field="loss.expression.source",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # the parser's advice to Python programmers
            tree = ast.parse(source.strip(), mode="eval").body
    except SyntaxError as error:
        raise _bad(f"{error.msg} at column {max(error.offset or 1, 1)}") from None
    except (ValueError, RecursionError, MemoryError):
        raise _bad("the formula cannot be read: it holds a NUL or is nested too deeply") from None
    if sum(1 for _ in ast.walk(tree)) > MAX_EXPRESSION_NODES:
        raise Fault(
            "LIMIT_EXCEEDED", f"the formula has more than {MAX_EXPRESSION_NODES} nodes", field="loss.expression.source"
        )
    node = _compile(tree, 0)
    names = tuple(dict.fromkeys(_input_names(tree)))
    if not names:
        raise _bad("the formula names no input")
    return Expression(node, names)


def _input_names(tree: ast.AST) -> Iterator[str]:
    """Names used as inputs, in the order in which the formula mentions them."""
    if isinstance(tree, ast.Call):
        for argument in tree.args:
            yield from _input_names(argument)
    elif isinstance(tree, ast.Name):
        yield tree.id
    else:
        for child in ast.iter_child_nodes(tree):
            yield from _input_names(child)


def _compile(tree: ast.expr, depth: int) -> Node:
    if depth > MAX_EXPRESSION_DEPTH:
        raise Fault(
            "LIMIT_EXCEEDED",
            f"the formula is nested over {MAX_EXPRESSION_DEPTH} levels deep",
            field="loss.expression.source",
        )
    match tree:
        case ast.Constant(value=bool()):
            raise _bad("True and False are not numbers", tree)
        case ast.Constant(value=int() | float() as number):
            constant = _float(number, tree)
            return lambda tensors, budget: constant
        case ast.Name(id=name):
            return lambda tensors, budget: tensors[name]
        case ast.Call(func=ast.Name(id=name)) if name in _ELEMENTWISE:
            return _elementwise(name, tree, depth)
        case ast.Call(func=ast.Name(id=name)) if name in _OVER_DIMENSIONS:
            return _over_dimensions(name, tree, depth)
        case ast.Call(func=ast.Name(id=name)):
            raise _bad(f"there is no function {name!r}; there are {', '.join(FUNCTIONS)}", tree)
    function, operands = _operation(tree)
    return _apply(function, [_compile(operand, depth + 1) for operand in operands], tree)


def _operation(tree: ast.expr) -> tuple[Callable[..., Any], list[ast.expr]]:
    match tree:
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _UNARY:
            return _UNARY[type(sign)], [operand]
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _BINARY:
            return _BINARY[type(operation)], [left, right]
        case ast.Compare(left=left, ops=[comparison], comparators=[right]) if type(comparison) in _COMPARE:
            return _COMPARE[type(comparison)], [left, right]
    raise _bad("only numbers, input names, + - * / **, one comparison at a time and function calls are allowed", tree)


def _apply(function: Callable[..., Any], operands: list[Node], tree: ast.expr) -> Node:
    def run(tensors: Tensors, budget: Budget) -> Value:
        values = [operand(tensors, budget) for operand in operands]
        budget.spend(*values)
        try:
            result = function(*values)
        except (ArithmeticError, TypeError, RuntimeError, ValueError, IndexError) as error:
            raise _bad(f"{_first_line(error)}", tree) from None
        if isinstance(result, Tensor | float):
            return result
        raise _bad("these numbers alone give neither a tensor nor a real number", tree)

    return run


def _elementwise(name: str, call: ast.Call, depth: int) -> Node:
    function, count = _ELEMENTWISE[name]
    if len(call.args) != count or call.keywords:
        raise _bad(f"{name} takes {count} argument{'s' * (count > 1)} and no keywords", call)
    operands = [_compile(argument, depth + 1) for argument in call.args]
    if name in _TAKES_NUMBERS:
        return _apply(function, operands, call)
    return _apply(lambda *values: function(*_as_tensors(values)), operands, call)


def _as_tensors(values: tuple[Value, ...]) -> list[Tensor]:
    """The operands of a function that takes tensors only: numbers take the type that arithmetic would give them."""
    like = next((value for value in values if isinstance(value, Tensor)), torch.tensor(0.0, dtype=torch.float64))
    return [
        value
        if isinstance(value, Tensor)
        else torch.tensor(value, dtype=torch.result_type(like, value), device=like.device)
        for value in values
    ]


def _over_dimensions(name: str, call: ast.Call, depth: int) -> Node:
    function = _OVER_DIMENSIONS[name]
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    unknown = keywords.keys() - ({"dim"} if name in _KEEPS_SHAPE else {"dim", "keepdim"})
    if len(call.args) != 1 or unknown:
        raise _bad(f"{name} takes one tensor and dim=…{'' if name in _KEEPS_SHAPE else ', keepdim=True'}", call)
    if name in _NEEDS_DIM and "dim" not in keywords:
        raise _bad(f"{name} needs dim=…, for example {name}(input, dim=1)", call)
    if "keepdim" in keywords and "dim" not in keywords:
        raise _bad("keepdim goes with dim", call)
    options = {str(key): _option(str(key), value) for key, value in keywords.items()}
    return _apply(lambda value: function(_tensor(value, call), **options), [_compile(call.args[0], depth + 1)], call)


def _option(name: str, tree: ast.expr) -> int | bool:
    """The constant value of dim= or keepdim=."""
    sign = 1
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        sign, tree = -1, tree.operand
    value = tree.value if isinstance(tree, ast.Constant) else None
    if name == "keepdim" and isinstance(value, bool):
        return value
    if name == "dim" and isinstance(value, int) and not isinstance(value, bool) and value < 2**31:
        return sign * value
    raise _bad(f"{name} must be {'True or False' if name == 'keepdim' else 'a whole number'}", tree)


def _tensor(value: Value, tree: ast.expr) -> Tensor:
    if isinstance(value, Tensor):
        return value
    raise _bad("a number has no elements to reduce", tree)


def _float(number: int | float, tree: ast.expr) -> float:
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise _bad("the number is too large for float64", tree)
    return value


def _bad(what: str, tree: ast.expr | None = None) -> Fault:
    where = f" at column {tree.col_offset + 1}" if tree is not None else ""
    return Fault("BAD_EXPRESSION", f"{what}{where}", field="loss.expression.source")


def _first_line(error: Exception) -> str:
    text = str(error.args[-1]) if error.args else ""
    return text.splitlines()[0] if text else type(error).__name__
