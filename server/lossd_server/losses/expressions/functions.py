"""The functions of formulas: for each, the torch call, its parameters, its axes and what it costs; knows no syntax."""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # as torch's own documentation writes it

from lossd_server.losses import checks
from lossd_server.losses.budget import broadcast_shapes
from lossd_server.losses.expressions import axes, products
from lossd_server.losses.expressions.source import FIELD

INT64 = range(-(2**63), 2**63)


class Kind(Enum):
    """What a parameter takes: parts of the formula down to SHAPE, then constants."""

    TENSOR = auto()
    TENSORS = auto()
    WHOLE = auto()
    SHAPE = auto()
    AXIS = auto()
    AXES = auto()
    FLAG = auto()
    NUMBER = auto()

    @property
    def constant(self) -> bool:
        return self in (Kind.AXIS, Kind.AXES, Kind.FLAG, Kind.NUMBER)


@dataclass(frozen=True)
class Parameter:
    """A parameter by torch's name."""

    name: str
    kind: Kind = Kind.TENSOR
    required: bool = True

    def __str__(self) -> str:
        return self.name if self.required else f"{self.name}="


@dataclass(frozen=True)
class Function:
    """A function: `call` takes the operands by position and the constants by name.

    Args:
        cost: elements that the operands make it produce; by default those of their broadcast shape.
    """

    call: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    axes: axes.Rule
    cost: Callable[..., int] | None = None

    def signature(self, name: str) -> str:
        """How it is written.

        >>> FUNCTIONS["mean"].signature("mean")
        'mean(input, dim=, keepdim=)'
        """
        return f"{name}({', '.join(map(str, self.parameters))})"


def power(base: Any, exponent: Any) -> Any:
    """base ** exponent, where whole numbers must not grow beyond reason first."""
    if isinstance(base, int) and isinstance(exponent, int) and (abs(base).bit_length() - 1) * exponent > 64:
        raise OverflowError("the whole number is too large for int64; write a float, as in 1e30")
    return operator.pow(base, exponent)


def on_tensors(function: Callable[..., Tensor]) -> Callable[..., Any]:
    """A function of tensors that takes numbers too; of numbers alone it makes a number."""

    def call(*values: Any, **options: Any) -> Any:
        if all(isinstance(value, Tensor) for value in values):
            return function(*values, **options)
        result = function(*_as_tensors(values), **options)
        return result if any(isinstance(value, Tensor) for value in values) else result.item()

    return call


def _as_tensors(values: Sequence[Any]) -> list[Tensor]:
    """Numbers take the type that arithmetic with the first tensor would give them; alone, float64."""
    like = next((value for value in values if isinstance(value, Tensor)), None)
    if like is None:
        return [torch.tensor(value, dtype=torch.float64) for value in values]
    return [
        value
        if isinstance(value, Tensor)
        else torch.tensor(value, dtype=torch.result_type(like, value), device=like.device)
        for value in values
    ]


def _clamp(value: Any, low: Any, high: Any) -> Any:
    if isinstance(value, Tensor) and not isinstance(low, Tensor) and not isinstance(high, Tensor):
        return torch.clamp(value, low, high)
    bounds = {key: bound for key, bound in (("min", low), ("max", high)) if bound is not None}
    return on_tensors(lambda own, *given: torch.clamp(own, **dict(zip(bounds, given, strict=True))))(
        value, *bounds.values()
    )


def _where(condition: Any, left: Any, right: Any) -> Tensor:
    if not isinstance(condition, Tensor) or condition.dtype != torch.bool:
        given = str(condition.dtype).removeprefix("torch.") if isinstance(condition, Tensor) else "a number"
        raise TypeError(f"the condition of where is {given}; expected a comparison, as in where(x > 0, a, b)")
    return torch.where(condition, left, right)


def _spread(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def call(value: Tensor, **options: Any) -> Tensor:
        if value.numel() > 1 and not options:
            return function(value)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of too few elements: the result is NaN, as torch says
            return function(value, **options)

    return call


def _values(function: Callable[..., Any]) -> Callable[..., Tensor]:
    def call(value: Tensor, **options: Any) -> Tensor:
        result: Any = function(value, **options)
        chosen: Tensor = result.values if options else result  # along a dimension torch gives the indices too
        return chosen

    return call


def _one_hot(index: Tensor, num_classes: int) -> Tensor:
    _check_indices(index, num_classes, f"a class from 0 to {num_classes - 1}")
    return F.one_hot(index, num_classes)


def _gather(value: Tensor, index: Tensor, dim: int) -> Tensor:
    size = value.size(dim) if value.dim() else 1
    _check_indices(index, size, f"an index from 0 to {size - 1}")
    return torch.gather(value, dim, index)


def _check_indices(index: Tensor, count: int, expected: str) -> None:
    """Each index in [0, count), before a kernel trusts it."""
    if not index.is_meta:
        checks.refuse((index < 0) | (index >= count), index, FIELD, "index", f"expected {expected}")


def _reshape(value: Tensor, shape: tuple[int, ...]) -> Tensor:
    if math.prod(size or 1 for size in shape if size != -1) not in INT64:
        raise ValueError(f"no tensor has the shape {shape}")
    return torch.reshape(value, shape)


def _transpose(value: Tensor, dim0: int = -2, dim1: int = -1) -> Tensor:
    return torch.transpose(value, dim0, dim1)


def _size(value: Tensor, dim: int) -> int:
    return value.size(dim)


def _norm(value: Tensor, p: float = 2, **options: Any) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(value, p, **options)
    return length


def _given(*tensors: Tensor) -> int:
    return sum(tensor.numel() for tensor in tensors)


def _extent(*tensors: Tensor) -> int:
    """Elements as if no size were 0: reducing an axis of size 0 makes as many as the other axes have."""
    return math.prod(size or 1 for size in broadcast_shapes(*(tensor.shape for tensor in tensors)))


def _classes(index: Tensor, num_classes: int) -> int:
    if not isinstance(num_classes, int) or num_classes < 1:
        raise TypeError(
            "one_hot needs the number of classes, a whole number of at least 1, such as 10 or size(input, 1)"
        )
    return index.numel() * num_classes


_X = Parameter("input")
_DIM = Parameter("dim", Kind.AXIS)
_A_DIM = Parameter("dim", Kind.AXIS, required=False)
_DIMS = Parameter("dim", Kind.AXES, required=False)
_KEEPDIM = Parameter("keepdim", Kind.FLAG, required=False)


def _number(name: str) -> Parameter:
    return Parameter(name, Kind.NUMBER, required=False)


def _elementwise(function: Callable[..., Tensor], *names: str) -> Function:
    return Function(on_tensors(function), tuple(map(Parameter, names or ("input",))), axes.merged)


def _reduction(function: Callable[..., Tensor], *parameters: Parameter) -> Function:
    return Function(function, (_X, *(parameters or (_DIMS, _KEEPDIM))), axes.reduced, _extent)


def _along(function: Callable[..., Tensor]) -> Function:
    return Function(function, (_X, _DIM), axes.same)


def _view(function: Callable[..., Any], rule: axes.Rule, *parameters: Parameter) -> Function:
    return Function(function, (_X, *parameters), rule, lambda value, *_: value.numel())


FUNCTIONS: dict[str, Function] = {
    "abs": _elementwise(torch.abs),
    "amax": _reduction(torch.amax),
    "amin": _reduction(torch.amin),
    "cat": Function(
        torch.cat, (Parameter("tensors", Kind.TENSORS), _A_DIM), axes.unknown, lambda tensors: _given(*tensors)
    ),
    "clamp": Function(_clamp, (_X, Parameter("min", required=False), Parameter("max", required=False)), axes.merged),
    "cos": _elementwise(torch.cos),
    "cosine_similarity": Function(
        F.cosine_similarity,
        (Parameter("x1"), Parameter("x2"), _A_DIM, _number("eps")),
        axes.reduced_dim_1,
        _extent,
    ),
    "cumsum": _along(torch.cumsum),
    "detach": Function(torch.detach, (_X,), axes.same, lambda value: 0),
    "diagonal": _view(torch.diagonal, axes.unknown, Parameter("offset", Kind.AXIS, required=False)),
    "erf": _elementwise(torch.erf),
    "exp": _elementwise(torch.exp),
    "expm1": _elementwise(torch.expm1),
    "flatten": _view(
        torch.flatten,
        axes.unknown,
        Parameter("start_dim", Kind.AXIS, required=False),
        Parameter("end_dim", Kind.AXIS, required=False),
    ),
    "gather": Function(_gather, (_X, _DIM, Parameter("index")), axes.gathered, _given),
    "lgamma": _elementwise(torch.lgamma),
    "log": _elementwise(torch.log),
    "log1p": _elementwise(torch.log1p),
    "log2": _elementwise(torch.log2),
    "log_softmax": _along(torch.log_softmax),
    "logsigmoid": _elementwise(F.logsigmoid),
    "logsumexp": _reduction(torch.logsumexp, Parameter("dim", Kind.AXES), _KEEPDIM),
    "matmul": Function(torch.matmul, (_X, Parameter("other")), axes.multiplied, products.cost),
    "max": _reduction(_values(torch.max), _A_DIM, _KEEPDIM),
    "maximum": _elementwise(torch.maximum, "input", "other"),
    "mean": _reduction(torch.mean),
    "min": _reduction(_values(torch.min), _A_DIM, _KEEPDIM),
    "minimum": _elementwise(torch.minimum, "input", "other"),
    "norm": _reduction(_norm, _number("p"), _DIMS, _KEEPDIM),
    "normalize": Function(F.normalize, (_X, _number("p"), _A_DIM, _number("eps")), axes.same, _extent),
    "one_hot": Function(_one_hot, (_X, Parameter("num_classes", Kind.WHOLE)), axes.with_last, _classes),
    "pow": Function(power, (_X, Parameter("exponent")), axes.merged),
    "prod": _reduction(torch.prod, _A_DIM, _KEEPDIM),
    "relu": _elementwise(torch.relu),
    "reshape": _view(_reshape, axes.unknown, Parameter("shape", Kind.SHAPE)),
    "rsqrt": _elementwise(torch.rsqrt),
    "sigmoid": _elementwise(torch.sigmoid),
    "sign": _elementwise(torch.sign),
    "sin": _elementwise(torch.sin),
    "size": Function(_size, (_X, _DIM), axes.none, lambda value: 0),
    "softmax": _along(torch.softmax),
    "softplus": Function(on_tensors(F.softplus), (_X, _number("beta"), _number("threshold")), axes.merged),
    "sqrt": _elementwise(torch.sqrt),
    "square": _elementwise(torch.square),
    "squeeze": _view(torch.squeeze, axes.unknown, _DIM),
    "stack": Function(
        torch.stack, (Parameter("tensors", Kind.TENSORS), _A_DIM), axes.unknown, lambda tensors: _given(*tensors)
    ),
    "std": _reduction(_spread(torch.std), _DIMS, _number("correction"), _KEEPDIM),
    "sum": _reduction(torch.sum),
    "tanh": _elementwise(torch.tanh),
    "transpose": _view(
        _transpose,
        axes.transposed,
        Parameter("dim0", Kind.AXIS, required=False),
        Parameter("dim1", Kind.AXIS, required=False),
    ),
    "unsqueeze": _view(torch.unsqueeze, axes.unsqueezed, _DIM),
    "var": _reduction(_spread(torch.var), _DIMS, _number("correction"), _KEEPDIM),
    "where": Function(_where, (Parameter("condition"), _X, Parameter("other")), axes.merged),
    "xlogy": _elementwise(torch.xlogy, "input", "other"),
}
"""Every function by its name in formulas; each is torch's of that name (norm is torch.linalg.vector_norm)."""
