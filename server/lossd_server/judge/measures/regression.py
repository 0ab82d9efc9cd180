"""Metrics of numbers, as torchmetrics computes them; knows no loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lossd_server.judge.measures.contract import AS_IT_IS, OUTPUTS, Call, Given, Metric, all_of_it, averaged
from lossd_server.judge.views import REGRESSION, Pair
from lossd_server.losses.contract import Argument

_MEAN = "of several outputs, their mean"


def _number(name: str, apart: tuple[str, Any] | None = None, **options: Any) -> dict[str, Call]:
    arguments = {"average": ""} if apart else {}
    return {REGRESSION: Call(name, options, apart=apart, arguments=arguments)}


def _columns(name: str) -> dict[str, Call]:
    """What torchmetrics always computes for each output by itself."""
    return {REGRESSION: Call(name, {}, "num_outputs", arguments={"average": ""})}


def ranks(numbers: Tensor) -> Tensor:
    """Of each column, from 1, in float64; equal numbers share the mean of theirs.

    >>> ranks(torch.tensor([30.0, 10.0, 30.0]))
    tensor([2.5000, 1.0000, 2.5000], dtype=torch.float64)
    """
    if numbers.dim() == 2:
        return torch.stack([ranks(column) for column in numbers.T], 1)
    _, places, counts = torch.unique(numbers, sorted=True, return_inverse=True, return_counts=True)
    return torch.take(counts.cumsum(0).double() - (counts - 1) / 2, places)


def _rank_correlation(held: Any) -> Tensor:
    """Pearson's of the ranks; torchmetrics adds up ranks in int32, where the ties of a large data set overflow."""
    from torchmetrics.functional.regression import pearson_corrcoef
    from torchmetrics.utilities import dim_zero_cat

    return torch.as_tensor(pearson_corrcoef(ranks(dim_zero_cat(held.preds)), ranks(dim_zero_cat(held.target))))


_APART = ("num_outputs", None)
_RAW = ("multioutput", "raw_values")


def _error(pair: Pair, given: Given) -> tuple[Tensor, ...]:
    return ((pair.predictions - pair.truth).abs(),)


def _rows(pair: Pair, given: Given) -> tuple[Tensor, ...]:
    rows = (len(pair.truth), -1) if len(pair.truth) else (0, 1)
    return pair.predictions.reshape(rows), pair.truth.reshape(rows)


def _deviance(pair: Pair, given: Given) -> Tensor:
    """torchmetrics raises of numbers out of the range, of which this is nan."""
    power, mine, true = given["power"], pair.predictions, pair.truth
    if power == 1:
        found = torch.xlogy(true, true / mine) + mine - true
    elif power == 2:
        found = (mine / true).log() + true / mine - 1
    else:
        first = true ** (2 - power) / ((1 - power) * (2 - power))
        found = first - true * mine ** (1 - power) / (1 - power) + mine ** (2 - power) / (2 - power)
    inside = (mine > 0) & ((true > 0) if power >= 2 else (true >= 0))
    return (2 * found).masked_fill(~inside, torch.nan)


_POWER = Argument(
    "power", float, 1.5, "of the variance: 1 Poisson, 2 gamma, between them both, 3 inverse Gaussian", least=1, most=10
)
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
        {REGRESSION: Call("MaxMetric", AS_IT_IS, prepare=_error)},
    ),
    Metric(
        "relative_squared_error",
        "Squared errors relative to those of the mean of the targets.",
        f"sum((prediction - target)^2) / sum((target - mean(target))^2); {_MEAN}",
        False,
        {REGRESSION: Call("RelativeSquaredError", {}, "num_outputs")},
        least=2,
    ),
    Metric(
        "tweedie_deviance",
        "Mean deviance of a Tweedie distribution, of counts, sums of claims and the like; nan of numbers out of range.",
        "power 1: mean(2 (target log(target / prediction) + prediction - target)); "
        "2: mean(2 (log(prediction / target) + target / prediction - 1)); "
        "p: mean(2 (target^(2 - p) / ((1 - p)(2 - p)) - target prediction^(1 - p) / (1 - p) "
        "+ prediction^(2 - p) / (2 - p)))",
        False,
        averaged(REGRESSION, _deviance, power=""),
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
        {
            REGRESSION: Call(
                "SpearmanCorrCoef",
                {},
                "num_outputs",
                arguments={"average": ""},
                keeps=all_of_it,
                compute=_rank_correlation,
            )
        },
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
        f"2 cov(prediction, target) / (var(prediction) + var(target) + (difference of the means)^2), "
        f"variances over n - 1; {_MEAN}",
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
