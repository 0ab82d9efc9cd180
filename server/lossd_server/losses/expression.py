"""Losses written as formulas over the named inputs; how a formula is read is for `expressions` to know."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

import torch
from torch import Tensor

from lossd_server.faults import Fault, shape_text
from lossd_server.limits import MAX_EXPRESSION_LENGTH, MAX_EXPRESSION_NODES
from lossd_server.losses import checks
from lossd_server.losses.budget import Budget
from lossd_server.losses.contract import Argument, Computed, Entry, Input, Kind, Tensors
from lossd_server.losses.expressions import functions, hints
from lossd_server.losses.expressions.formula import Formula, read
from lossd_server.losses.expressions.source import FIELD

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
            required=True,
        ),
    ),
    reductions=(),
    traps=("a formula that does not reduce returns one loss per element", "(N,1) against (N,) broadcasts to (N,N)"),
    tasks=("custom",),
)

FUNCTIONS = tuple(functions.FUNCTIONS)


class Expression:
    """A compiled formula; see `contract.Loss`. Holds no tensor, so one serves all calls."""

    name = ENTRY.name
    reduction = None

    def __init__(self, formula: Formula) -> None:
        self._formula = formula
        self.input_names = tuple(formula.inputs)

    def input(self, name: str) -> Input | None:
        if name not in self.input_names:
            return None
        axes = self._formula.axes.get(name)
        return Input(name, Kind.ANY, "(*)" if axes is None else f"({', '.join(axes)})", "as the formula uses it")

    def missing(self, name: str, spare: Collection[str], path: str) -> Fault:
        """The refusal of a call that lacks the input `name`: the formula is at fault where another was meant.

        Args:
            spare: names of inputs that are given and that the formula does not read.
            path: the request's field of inputs.

        >>> fault = build("mean(input - targe)").missing("targe", ["target"], "inputs")
        >>> fault.message
        "the formula reads 'targe' at column 14, which is not given; did you mean 'target'?"
        """
        own = name[: hints.LONGEST]
        text = f"the formula reads {own!r} at {self._formula.inputs[name]}, which is not given"
        if close := hints.near(name, [*spare, *dict(self._formula.parts)]):
            return Fault("UNKNOWN_NAME", f"{text}; did you mean {close!r}?", field=FIELD)
        if spare:
            other = min(spare)[: hints.LONGEST]
            return Fault("UNKNOWN_NAME", f"{text}, and not {other!r}, which is given; rename either", field=FIELD)
        return Fault("MISSING_FIELD", f"{text}; give it, or leave it out of the formula", field=f"{path}.{own}")

    def check(self, tensors: Tensors, data: bool = True) -> None:
        for name in self.input_names:
            if tensors[name].dtype not in Kind.ANY.dtypes:
                raise Fault(
                    "DTYPE_MISMATCH",
                    f"{name} is {checks.dtype_text(tensors[name])}; formulas take float, int32, int64, "
                    "uint8 and bool tensors",
                    field=f"inputs.{name}",
                )
        if self._formula.axes:
            _check_axes(self._formula, tensors)

    def compute(self, tensors: Tensors, budget: Budget) -> Computed:
        value = self._formula.run(tensors, budget)
        if not isinstance(value, Tensor) or not value.is_floating_point():
            raise Fault("BAD_EXPRESSION", f"{self._formula.place}: {_not_a_loss(value)}", field=FIELD)
        return Computed(value)

    def weight_sum(self, tensors: Tensors) -> float | None:
        return None


def _not_a_loss(value: Tensor | float) -> str:
    """What a formula came to that has no gradient, and what makes a loss of it."""
    if not isinstance(value, Tensor):
        return "the formula's result is a number; a loss is a floating tensor, computed from the inputs"
    remedy = "write where(condition, 1.0, 0.0)" if value.dtype == torch.bool else "multiply it by 1.0"
    return f"the formula's result is {checks.dtype_text(value)}; a loss is a floating tensor: {remedy}"


def _check_axes(formula: Formula, tensors: Tensors) -> None:
    """Each input with as many axes as declared, and axes of one name with one size."""
    sizes: dict[str, tuple[int, str]] = {}
    for name, axes in formula.axes.items():
        shape = tensors[name].shape
        if len(shape) != len(axes):
            raise Fault(
                "SHAPE_MISMATCH",
                f"{name} has shape {shape_text(shape)}; the formula declares its axes as ({', '.join(axes)})",
                field=f"inputs.{name}",
            )
        for axis, size in zip(axes, shape, strict=True):
            expected, first = sizes.setdefault(axis, (size, name))
            if size != expected:
                raise Fault(
                    "SHAPE_MISMATCH",
                    f"axis {axis} has size {size} in {name}, but {expected} in {first}",
                    field=f"inputs.{name}",
                )


@lru_cache(maxsize=1024)
def build(source: str) -> Expression:
    """Compiles a formula, once for each source.

    >>> build("mean((input - target)**2)").input_names
    ('input', 'target')
    """
    return Expression(read(source))
