"""Losses of torch.nn between numbers: regression, counts and distributions."""

from __future__ import annotations

from torch import Tensor

from lossd_server.faults import Fault, shape_text
from lossd_server.losses import checks, weights
from lossd_server.losses.contract import Argument, Arguments, Example, Input, Kind, Tensors
from lossd_server.losses.torch_nn.entry import (
    BROADCAST_TRAP,
    EMPTY_TRAP,
    TorchEntry,
    pair,
)


def gaussian_shapes(tensors: Tensors, arguments: Arguments) -> None:
    """`var` as `input`, or with one variance for the whole last dimension, or for one other dimension."""
    checks.elementwise(tensors, arguments)
    checks.same_dtype(tensors, "input", "var")
    input_, var = tensors["input"].shape, tensors["var"].shape
    mismatched = [size for size, own in zip(var, input_, strict=False) if size != own]
    if var in (input_, input_[:-1]) or (len(var) == len(input_) and mismatched == [1]):
        return
    raise Fault(
        "SHAPE_MISMATCH",
        f"var has shape {shape_text(var)}; expected {shape_text(input_)} as input, {shape_text(input_[:-1])}, or one "
        "dimension of input as 1",
        field="inputs.var",
    )


def gaussian_result(tensors: Tensors, arguments: Arguments) -> Tensor:
    """The result without its elements: torch looks at the variances first."""
    losses = tensors["input"] - tensors["target"] + tensors["var"].sum()
    return losses if arguments["reduction"] == "none" else losses.sum()


def variances(tensors: Tensors, arguments: Arguments) -> None:
    """No variance below 0."""
    var = tensors["var"]
    checks.refuse(var < 0, var, "inputs.var", "var", "expected a variance, at least 0; is it a logarithm? send its exp")


_REGRESSION = pair("predictions", "true values")

ENTRIES: tuple[TorchEntry, ...] = (
    TorchEntry(
        name="l1_loss",
        class_name="L1Loss",
        summary="Mean absolute error.",
        formula="|input - target|",
        inputs=_REGRESSION,
        traps=(BROADCAST_TRAP, EMPTY_TRAP),
        tasks=("regression",),
        aliases=("l1", "mae", "mean_absolute_error"),
        example=Example({"input": [78, 85, 92], "target": [80, 87, 90]}, 2.0),
    ),
    TorchEntry(
        name="mse_loss",
        class_name="MSELoss",
        summary="Mean squared error.",
        formula="(input - target)^2",
        inputs=_REGRESSION,
        traps=(BROADCAST_TRAP, "one outlier can carry most of the loss: see huber_loss", EMPTY_TRAP),
        tasks=("regression",),
        aliases=("mse", "mean_squared_error"),
        example=Example({"input": [78, 85, 92], "target": [80, 87, 90]}, 4.0),
    ),
    TorchEntry(
        name="smooth_l1_loss",
        class_name="SmoothL1Loss",
        summary="Squared below beta, absolute above.",
        formula="0.5 (input - target)^2 / beta if |input - target| < beta else |input - target| - 0.5 beta",
        inputs=_REGRESSION,
        arguments=(Argument("beta", float, 1.0, "where the square turns into the absolute value", least=0),),
        traps=(BROADCAST_TRAP, "as beta shrinks this tends to l1_loss, huber_loss tends to 0", EMPTY_TRAP),
        tasks=("regression",),
        aliases=("smooth_l1",),
        example=Example({"input": [0.0, 3.0], "target": [0.5, 0.0]}, 1.03125, {"beta": 2.0}),
    ),
    TorchEntry(
        name="huber_loss",
        class_name="HuberLoss",
        summary="Squared below delta, absolute above, scaled by delta.",
        formula="0.5 (input - target)^2 if |input - target| < delta else delta (|input - target| - 0.5 delta)",
        inputs=_REGRESSION,
        arguments=(Argument("delta", float, 1.0, "where the square turns into the absolute value", above=0),),
        traps=(BROADCAST_TRAP, "delta is in the units of the target", EMPTY_TRAP),
        tasks=("regression",),
        aliases=("huber",),
        example=Example({"input": [0.0, 3.0], "target": [0.5, 0.0]}, 2.0625, {"delta": 2.0}),
    ),
    TorchEntry(
        name="poisson_nll_loss",
        class_name="PoissonNLLLoss",
        summary="Negative log likelihood of a Poisson count.",
        formula="exp(input) - target input if log_input else input - target log(input + eps)",
        inputs=pair("log of the rate, or the rate without log_input", "observed counts"),
        arguments=(
            Argument("log_input", bool, True, "whether input is the logarithm of the rate"),
            Argument("full", bool, False, "whether to add target log target - target + 0.5 log(2 pi target)"),
            Argument("eps", float, 1e-8, "keeps log(input) finite without log_input", least=0),
        ),
        traps=(BROADCAST_TRAP, "log_input defaults to true", "without log_input a negative input gives nan"),
        tasks=("counts", "regression"),
        aliases=("poisson_nll", "poisson"),
        example=Example({"input": [0.0, 1.0], "target": [1.0, 3.0]}, 0.35914087295532227),
    ),
    TorchEntry(
        name="kl_div_loss",
        class_name="KLDivLoss",
        summary="Kullback-Leibler divergence of target from input.",
        formula="target (log target - input)",
        inputs=pair("log-probabilities", "probabilities, or log-probabilities with log_target"),
        arguments=(Argument("log_target", bool, False, "whether target is given as logarithms"),),
        reductions=("mean", "none", "sum", "batchmean"),
        weight=weights.batch_or_count,
        mean="divided by every element, which is not the divergence: batchmean is",
        traps=(
            "mean divides by every element and is not the divergence; batchmean is",
            "input must be log-probabilities, target probabilities",
            "a negative target gives nan",
        ),
        tasks=("distribution",),
        aliases=("kl", "kl_div", "kullback_leibler"),
        example=Example(
            {"input": [[-1.0, -0.5]], "target": [[0.4, 0.6]]}, 0.026988357305526733, {"reduction": "batchmean"}
        ),
    ),
    TorchEntry(
        name="gaussian_nll_loss",
        class_name="GaussianNLLLoss",
        summary="Negative log likelihood of a normal distribution whose variance is predicted too.",
        formula="0.5 (log max(var, eps) + (input - target)^2 / max(var, eps)), plus 0.5 log(2 pi) if full",
        inputs=(
            *pair("expected values", "samples"),
            Input("var", Kind.FLOAT, "(*), as input, or its last dimension 1 or left out", "variances, at least 0"),
        ),
        arguments=(
            Argument("full", bool, False, "whether to add the constant 0.5 log(2 pi)"),
            Argument("eps", float, 1e-6, "least variance; smaller ones are raised to it, above 0", above=0),
        ),
        shapes=gaussian_shapes,
        elements=variances,
        infer=gaussian_result,
        traps=(
            "var is the variance, not the standard deviation nor its logarithm",
            "a variance below eps is raised to it, yet gets the gradient of eps",
            EMPTY_TRAP,
        ),
        tasks=("regression", "distribution"),
        aliases=("gaussian_nll",),
        example=Example({"input": [0.0, 1.0], "target": [0.5, 0.0], "var": [1.0, 2.0]}, 0.3607867956161499),
    ),
)
