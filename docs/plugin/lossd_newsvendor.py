"""The newsvendor loss: what a forecast costs that orders too little or too much."""

from __future__ import annotations

from lossd_server.losses.contract import Argument, Example, Input, Kind
from lossd_server.losses.formula import FormulaEntry
from torch import Tensor


def newsvendor(input: Tensor, target: Tensor, under: float, over: float) -> Tensor:  # noqa: A002  # the input's name
    """The cost of each order; lossd reduces it."""
    missing = target - input
    return under * missing.clamp_min(0) + over * (-missing).clamp_min(0)


NEWSVENDOR = FormulaEntry(
    name="newsvendor_loss",
    class_name="NewsvendorLoss",
    summary="Cost of ordering too little or too much.",
    formula="under max(target - input, 0) + over max(input - target, 0)",
    inputs=(
        Input("input", Kind.FLOAT, "(*)", "quantities ordered"),
        Input("target", Kind.FLOAT, "(*), as input", "quantities asked for"),
    ),
    arguments=(
        Argument("under", float, 3.0, "cost of each piece that was missing", least=0),
        Argument("over", float, 1.0, "cost of each piece that was left over", least=0),
    ),
    function=newsvendor,
    traps=("its minimum is the under / (under + over) quantile of the demand, not the mean",),
    tasks=("regression", "forecasting"),
    example=Example({"input": [8.0, 12.0], "target": [10.0, 10.0]}, 4.0),
    source="https://en.wikipedia.org/wiki/Newsvendor_model",
)
