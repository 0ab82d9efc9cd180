"""Losses written as formulas over the named inputs; how a formula is read is for `expressions` to know."""

from __future__ import annotations

from functools import lru_cache

from torch import Tensor

from lossd_server.faults import Fault, shape_text
from lossd_server.limits import MAX_EXPRESSION_LENGTH, MAX_EXPRESSION_NODES
from lossd_server.losses.budget import Budget
from lossd_server.losses.contract import Argument, Computed, Entry, Input, Kind, Tensors
from lossd_server.losses.expressions import functions
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
        self.input_names = formula.inputs

    def input(self, name: str) -> Input | None:
        if name not in self.input_names:
            return None
        axes = self._formula.axes.get(name)
        return Input(name, Kind.ANY, "(*)" if axes is None else f"({', '.join(axes)})", "as the formula uses it")

    def check(self, tensors: Tensors, data: bool = True) -> None:
        for name in self.input_names:
            if tensors[name].dtype not in Kind.ANY.dtypes:
                raise Fault(
                    "DTYPE_MISMATCH",
                    f"{name} is {str(tensors[name].dtype).removeprefix('torch.')}; formulas take float, int32, int64, "
                    "uint8 and bool tensors",
                    field=f"inputs.{name}",
                )
        if self._formula.axes:
            _check_axes(self._formula, tensors)

    def compute(self, tensors: Tensors, budget: Budget) -> Computed:
        value = self._formula.run(tensors, budget)
        if not isinstance(value, Tensor) or not value.is_floating_point():
            raise Fault("BAD_EXPRESSION", "the formula's result is not a floating tensor", field=FIELD)
        return Computed(value)

    def weight_sum(self, tensors: Tensors) -> float | None:
        return None


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
