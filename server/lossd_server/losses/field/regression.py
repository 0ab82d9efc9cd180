"""Losses between numbers that torch.nn lacks: smooth absolute errors, quantiles, relative errors, deviances."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, softplus

from lossd_server.faults import Fault
from lossd_server.losses import checks, weights
from lossd_server.losses.contract import Argument, Arguments, Example, Input, Kind, Tensors
from lossd_server.losses.formula import FormulaEntry

_PAIR = (
    Input("input", Kind.FLOAT, "(*)", "predictions"),
    Input("target", Kind.FLOAT, "(*), as input", "true values"),
)
_EPSILON = Argument(
    "epsilon", float, 1.17e-06, "least denominator, which keeps targets near 0 from a division by 0", above=0
)
_TORCHMETRICS = "https://lightning.ai/docs/torchmetrics/stable/regression"


def log_cosh(input: Tensor, target: Tensor) -> Tensor:
    """log cosh(input − target), as |e| + softplus(−2|e|) − log 2, which does not overflow."""
    error = (input - target).abs()
    return error + softplus(-2 * error) - math.log(2)


def quantile(input: Tensor, target: Tensor, *, quantile: float) -> Tensor:
    """max(q e, (q − 1) e) with e = target − input: at its least, a share q of the targets lies below input."""
    error = target - input
    return torch.maximum(quantile * error, (quantile - 1) * error)


def charbonnier(input: Tensor, target: Tensor, *, eps: float) -> Tensor:
    """sqrt((input − target)² + eps²), as a hypotenuse, which neither overflows nor loses a small eps."""
    error = input - target
    return torch.hypot(error, torch.full_like(error, eps))


def mape(input: Tensor, target: Tensor, *, epsilon: float) -> Tensor:
    """|input − target| / max(|target|, epsilon)."""
    return (input - target).abs() / target.abs().clamp_min(epsilon)


def smape(input: Tensor, target: Tensor, *, epsilon: float) -> Tensor:
    """2 |input − target| / max(|input| + |target|, epsilon)."""
    return 2 * (input - target).abs() / (input.abs() + target.abs()).clamp_min(epsilon)


def msle(input: Tensor, target: Tensor) -> Tensor:
    """(log(1 + input) − log(1 + target))²."""
    return (input.log1p() - target.log1p()).square()


def rmse(input: Tensor, target: Tensor) -> Tensor:
    """sqrt(mean (input − target)²), as a norm: its gradient is 0, not nan, where every error is 0."""
    error = input - target
    norm: Tensor = torch.linalg.vector_norm(error)
    return norm / math.sqrt(error.numel())


def tweedie(input: Tensor, target: Tensor, *, power: float) -> Tensor:
    """The unit deviance of target from input in the Tweedie family of this variance power."""
    if power == 0:
        return (input - target).square()
    if power == 1:
        return 2 * (torch.xlogy(target, target) - target * input.log() - target + input)
    if power == 2:
        return 2 * (input.log() - target.log() + target / input - 1)
    saturated = target.clamp_min(0) ** (2 - power) / ((1 - power) * (2 - power))
    return 2 * (saturated - target * input ** (1 - power) / (1 - power) + input ** (2 - power) / (2 - power))


def cosine_distance(input: Tensor, target: Tensor, *, eps: float) -> Tensor:
    """1 − cosine of the angle between vectors, which are the last dimension."""
    wide = torch.promote_types(input.dtype, torch.float32)  # float16 has no eps this small
    return (1 - cosine_similarity(input.to(wide), target.to(wide), dim=-1, eps=eps)).to(input.dtype)


def _tweedie_shapes(tensors: Tensors, arguments: Arguments) -> None:
    checks.elementwise(tensors, arguments)
    if 0 < arguments["power"] < 1:
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            f"power is {arguments['power']}; no distribution has one between 0 and 1: "
            "expected at most 0, or at least 1",
            field=f"{arguments['path']}.power",
        )


def _tweedie_elements(tensors: Tensors, arguments: Arguments) -> None:
    """Where the deviance is defined: any at 0, else input above 0, and targets as the distribution makes them."""
    power, input_, target = arguments["power"], tensors["input"], tensors["target"]
    if power == 0:
        return
    checks.refuse(
        ~(input_ > 0), input_, "inputs.input", "input", f"expected a mean above 0, as power {power:g} has them"
    )
    if power >= 1:
        bad = ~(target > 0) if power >= 2 else ~(target >= 0)
        expected = "above 0" if power >= 2 else "at least 0"
        checks.refuse(bad, target, "inputs.target", "target", f"expected a value {expected} at power {power:g}")


def _above_minus_one(tensors: Tensors, arguments: Arguments) -> None:
    for name in ("input", "target"):
        tensor = tensors[name]
        checks.refuse(~(tensor > -1), tensor, f"inputs.{name}", name, "expected a value above -1 for log(1 + value)")


def _vectors(tensors: Tensors, arguments: Arguments) -> None:
    checks.elementwise(tensors, arguments)
    for name in ("input", "target"):
        if tensors[name].dim() == 0:
            raise checks.wrong_shape(name, tensors[name], "vectors: (D,), (N, D) or (…, D)")


def _per_vector(tensors: Tensors, arguments: Arguments) -> float:
    """The vectors of the broadcast shape."""
    size = max(tensors["input"].shape[-1], tensors["target"].shape[-1])
    return weights.count(tensors, arguments) / max(size, 1)


ENTRIES: tuple[FormulaEntry, ...] = (
    FormulaEntry(
        name="log_cosh_loss",
        class_name="LogCoshLoss",
        summary="Logarithm of the hyperbolic cosine of the error: squared when small, absolute when large.",
        formula="log cosh(input - target)",
        inputs=_PAIR,
        function=log_cosh,
        traps=("differs from huber_loss in having no delta to set: scale the data instead",),
        tasks=("regression",),
        aliases=("log_cosh",),
        example=Example({"input": [0.0, 2.0], "target": [1.0, 0.0]}, 0.8793917298316956),
        source="https://optax.readthedocs.io/en/latest/api/losses.html#optax.losses.log_cosh",
    ),
    FormulaEntry(
        name="quantile_loss",
        class_name="QuantileLoss",
        summary="Pinball loss: predicts a quantile of the target in place of its mean.",
        formula="max(quantile e, (quantile - 1) e) with e = target - input",
        inputs=_PAIR,
        arguments=(Argument("quantile", float, 0.5, "share of targets that are to lie below input", least=0, most=1),),
        function=quantile,
        traps=(
            "at quantile 0.5 it is half of l1_loss",
            "quantiles predicted one by one may cross: 0.9 below 0.5",
        ),
        tasks=("regression",),
        aliases=("quantile", "pinball", "pinball_loss"),
        example=Example({"input": [1.0, 4.0], "target": [3.0, 3.0]}, 0.949999988079071, {"quantile": 0.9}),
        source="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.mean_pinball_loss.html",
    ),
    FormulaEntry(
        name="charbonnier_loss",
        class_name="CharbonnierLoss",
        summary="Absolute error that is smooth at 0.",
        formula="sqrt((input - target)² + eps²)",
        inputs=_PAIR,
        arguments=(Argument("eps", float, 1e-3, "error at which it turns from squared to absolute", above=0),),
        function=charbonnier,
        traps=("a perfect prediction costs eps, not 0", "some libraries add eps and not eps² under the root"),
        tasks=("regression",),
        aliases=("charbonnier",),
        example=Example({"input": [0.0, 3.0], "target": [0.0, 7.0]}, 4.0, {"eps": 3.0}),
        source="https://arxiv.org/abs/1710.01992",
    ),
    FormulaEntry(
        name="mape_loss",
        class_name="MAPELoss",
        summary="Absolute error relative to the target, as a fraction.",
        formula="|input - target| / max(|target|, epsilon)",
        inputs=_PAIR,
        arguments=(_EPSILON,),
        function=mape,
        traps=(
            "a fraction: per cent is 100 times it",
            "targets near 0 outweigh all others",
            "of predictions at least 0 too low a one costs at most 1, too high a one without bound",
        ),
        tasks=("regression",),
        aliases=("mape", "mean_absolute_percentage_error"),
        example=Example({"input": [1.0, 5.0], "target": [2.0, 4.0]}, 0.375),
        source=f"{_TORCHMETRICS}/mean_absolute_percentage_error.html",
    ),
    FormulaEntry(
        name="smape_loss",
        class_name="SMAPELoss",
        summary="Absolute error relative to the mean size of prediction and target, a fraction from 0 to 2.",
        formula="2 |input - target| / max(|input| + |target|, epsilon)",
        inputs=_PAIR,
        arguments=(_EPSILON,),
        function=smape,
        traps=(
            "some leave the 2 out, and then it ends at 1",
            "where the target is 0 every prediction costs 2, and no gradient says which way is better",
        ),
        tasks=("regression",),
        aliases=("smape", "symmetric_mean_absolute_percentage_error"),
        example=Example({"input": [1.0, 5.0], "target": [3.0, 5.0]}, 0.5),
        source=f"{_TORCHMETRICS}/symmetric_mean_absolute_percentage_error.html",
    ),
    FormulaEntry(
        name="msle_loss",
        class_name="MSLELoss",
        summary="Squared error of logarithms: ratios count, not differences.",
        formula="(log(1 + input) - log(1 + target))²",
        inputs=_PAIR,
        function=msle,
        elements=_above_minus_one,
        traps=("too low a prediction costs more than one as much too high",),
        tasks=("regression", "counts"),
        aliases=("msle", "mean_squared_log_error"),
        example=Example({"input": [1.0, 0.0], "target": [3.0, 0.0]}, 0.24022650718688965),
        source=f"{_TORCHMETRICS}/mean_squared_log_error.html",
    ),
    FormulaEntry(
        name="rmse_loss",
        class_name="RMSELoss",
        summary="Root of the mean squared error, in the unit of the target.",
        formula="sqrt(mean((input - target)²))",
        inputs=_PAIR,
        function=rmse,
        reductions=(),
        weight=weights.none,
        traps=(
            "the mean of the roots of batches is not the root of the mean: merge mse_loss and take the root",
            "the gradient has the same length however small the error is",
        ),
        tasks=("regression",),
        aliases=("rmse", "root_mean_squared_error"),
        example=Example({"input": [1.0, 2.0], "target": [4.0, 6.0]}, 3.535533905029297),
        source=f"{_TORCHMETRICS}/mean_squared_error.html",
    ),
    FormulaEntry(
        name="tweedie_loss",
        class_name="TweedieLoss",
        summary="Tweedie deviance: squared error, Poisson, gamma and what lies between, by the variance power.",
        formula="2 (max(target, 0)^(2-power) / ((1-power)(2-power)) - target input^(1-power) / (1-power) "
        "+ input^(2-power) / (2-power)); its limits at power 1 and 2",
        inputs=(
            Input("input", Kind.FLOAT, "(*)", "predicted means, above 0 unless power is 0"),
            Input("target", Kind.FLOAT, "(*), as input", "true values, at least 0 from power 1, above 0 from power 2"),
        ),
        arguments=(
            Argument(
                "power",
                float,
                1.5,
                "the variance is mean^power: 0 normal, 1 Poisson, 1 to 2 compound Poisson with zeros, 2 gamma, "
                "3 inverse Gaussian; never between 0 and 1",
            ),
        ),
        function=tweedie,
        shapes=_tweedie_shapes,
        elements=_tweedie_elements,
        traps=(
            "input is the mean itself: exponentiate the output of a log link first",
            "the default power is that of the boosting libraries; scikit-learn's is 0",
        ),
        tasks=("regression", "counts"),
        aliases=("tweedie", "tweedie_deviance", "gamma_deviance"),
        example=Example({"input": [1.0, 4.0], "target": [0.0, 4.0]}, 2.0),
        source="https://scikit-learn.org/stable/modules/model_evaluation.html#mean-tweedie-deviance",
    ),
    FormulaEntry(
        name="cosine_distance_loss",
        class_name="CosineDistanceLoss",
        summary="One minus the cosine of the angle between prediction and target: direction counts, length does not.",
        formula="1 - input · target / (max(‖input‖, eps) max(‖target‖, eps)), over the last dimension",
        inputs=(
            Input("input", Kind.FLOAT, "(…,D)", "predicted vectors"),
            Input("target", Kind.FLOAT, "(…,D), as input", "true vectors"),
        ),
        arguments=(Argument("eps", float, 1e-8, "least length of a vector", above=0),),
        function=cosine_distance,
        shapes=_vectors,
        weight=_per_vector,
        mean="the vectors",
        traps=("a vector of zeros is at distance 1 from all", "for pairs that must not agree: cosine_embedding_loss"),
        tasks=("regression", "metric-learning"),
        aliases=("cosine_distance", "cosine_similarity"),
        example=Example({"input": [[3.0, 4.0], [1.0, 0.0]], "target": [[4.0, 3.0], [0.0, 2.0]]}, 0.5199999809265137),
        source="https://optax.readthedocs.io/en/latest/api/losses.html#optax.losses.cosine_distance",
    ),
)
