"""Metrics of numbers, as torchmetrics computes them; knows no loss."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from lossd_server.judge.measures.contract import OUTPUTS, Call, Given, Metric, all_of_it
from lossd_server.judge.views import REGRESSION, Pair
from lossd_server.losses.contract import Argument

_MEAN = "of several outputs, their mean"


def _number(name: str, apart: tuple[str, Any] | None = None, **options: Any) -> dict[str, Call]:
    arguments = {"average": ""} if apart else {}
    return {REGRESSION: Call(name, options, apart=apart, arguments=arguments)}


def _columns(name: str, keeps: bool = False, **options: Any) -> dict[str, Call]:
    """What torchmetrics always computes for each output by itself."""
    kept = all_of_it if keeps else None
    return {REGRESSION: Call(name, options, "num_outputs", arguments={"average": ""}, keeps=kept)}


_APART = ("num_outputs", None)
_RAW = ("multioutput", "raw_values")


def _error(pair: Pair, given: Given) -> tuple[Tensor, ...]:
    return ((pair.predictions - pair.truth).abs(),)


def _rows(pair: Pair, given: Given) -> tuple[Tensor, ...]:
    rows = (len(pair.truth), -1) if len(pair.truth) else (0, 1)
    return pair.predictions.reshape(rows), pair.truth.reshape(rows)


_POWER = Argument("power", float, 0.0, "of the variance: 0 normal, 1 Poisson, 2 gamma, between 1 and 2 both")
_VARIANT = Argument("variant", str, "b", "how ties count", choices=("a", "b", "c"))

NUMBERS: tuple[Metric, ...] = (
    Metric(
        "mae",
        "Mean absolute error.",
        "mean(|prediction - target|)",
        False,
        _number("MeanAbsoluteError", _APART),
        arguments=(OUTPUTS,),
    ),
    Metric(
        "mse",
        "Mean squared error.",
        "mean((prediction - target)^2)",
        False,
        _number("MeanSquaredError", _APART),
        arguments=(OUTPUTS,),
    ),
    Metric(
        "rmse",
        "Root of the mean squared error.",
        "sqrt(mean((prediction - target)^2))",
        False,
        _number("MeanSquaredError", _APART, squared=False),
        arguments=(OUTPUTS,),
    ),
    Metric(
        "mape",
        "Mean absolute error relative to the target.",
        "mean(|prediction - target| / max(|target|, 1.17e-6))",
        False,
        _number("MeanAbsolutePercentageError"),
    ),
    Metric(
        "smape",
        "Mean absolute error relative to prediction and target.",
        "mean(2 |prediction - target| / max(|prediction| + |target|, 1.17e-6))",
        False,
        _number("SymmetricMeanAbsolutePercentageError"),
    ),
    Metric(
        "wmape",
        "Sum of absolute errors relative to the sum of the targets.",
        "sum(|prediction - target|) / max(sum(|target|), 1.17e-6)",
        False,
        _number("WeightedMeanAbsolutePercentageError"),
    ),
    Metric(
        "msle",
        "Mean squared error of the logarithms of 1 + number; nan of numbers below -1.",
        "mean((log(1 + prediction) - log(1 + target))^2)",
        False,
        _number("MeanSquaredLogError"),
    ),
    Metric(
        "max_error",
        "Largest absolute error.",
        "max(|prediction - target|)",
        False,
        {REGRESSION: Call("MaxMetric", prepare=_error)},
    ),
    Metric(
        "relative_squared_error",
        "Squared errors relative to those of the mean of the targets.",
        "sum((prediction - target)^2) / sum((target - mean(target))^2)",
        False,
        _columns("RelativeSquaredError"),
        arguments=(OUTPUTS,),
        least=2,
    ),
    Metric(
        "tweedie_deviance",
        "Mean deviance of a Tweedie distribution, of counts, sums of claims and the like; nan outside its range.",
        "power 0: mean((prediction - target)^2); 1: mean(2 (target log(target / prediction) + prediction - target)); …",
        False,
        {REGRESSION: Call("TweedieDevianceScore", arguments={"power": "power"})},
        arguments=(_POWER,),
    ),
    Metric(
        "r2",
        "Share of the target's variance that is explained, bias counted against it.",
        f"1 - sum((target - prediction)^2) / sum((target - mean(target))^2); {_MEAN}",
        True,
        _number("R2Score", _RAW),
        arguments=(OUTPUTS,),
        least=2,
    ),
    Metric(
        "explained_variance",
        "Share of the target's variance that is explained, whatever the bias.",
        f"1 - var(target - prediction) / var(target); {_MEAN}",
        True,
        _number("ExplainedVariance", _RAW),
        arguments=(OUTPUTS,),
        least=2,
    ),
    Metric(
        "pearson",
        "Linear correlation of predictions and targets.",
        f"cov(prediction, target) / (std(prediction) std(target)); {_MEAN}",
        True,
        _columns("PearsonCorrCoef"),
        arguments=(OUTPUTS,),
        least=2,
    ),
    Metric(
        "spearman",
        "Correlation of the ranks of predictions and targets.",
        f"pearson(rank(prediction), rank(target)); {_MEAN}",
        True,
        _columns("SpearmanCorrCoef", keeps=True),
        arguments=(OUTPUTS,),
        least=2,
    ),
    Metric(
        "kendall",
        "Pairs in the right order less pairs in the wrong one, of all pairs; of at most 10,000 examples.",
        f"variant a: (concordant - discordant) / pairs; b and c correct for ties; {_MEAN}",
        True,
        {
            REGRESSION: Call(
                "KendallRankCorrCoef",
                {},
                "num_outputs",
                arguments={"average": "", "variant": "variant"},
                keeps=all_of_it,
                most=10_000,
            )
        },
        arguments=(_VARIANT, OUTPUTS),
        least=2,
    ),
    Metric(
        "concordance",
        "How near predictions and targets are to being the same, by correlation, scale and bias.",
        f"2 cov(prediction, target) / (var(prediction) + var(target) + (difference of the means)^2); {_MEAN}",
        True,
        _columns("ConcordanceCorrCoef"),
        arguments=(OUTPUTS,),
        least=2,
    ),
    Metric(
        "cosine_similarity",
        "Mean cosine of the angle between prediction and target, an example's numbers taken as a vector.",
        "mean over examples of (prediction · target) / (‖prediction‖ ‖target‖)",
        True,
        {REGRESSION: Call("CosineSimilarity", {"reduction": "mean"}, prepare=_rows, keeps=all_of_it)},
    ),
)
