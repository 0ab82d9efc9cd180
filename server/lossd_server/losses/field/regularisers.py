"""Penalties of one tensor, as terms of weighted sums: of its size, its roughness, its spread; they have no target."""

from __future__ import annotations

import torch
from torch import Tensor

from lossd_server.faults import Fault, shape_text
from lossd_server.losses import checks, weights
from lossd_server.losses.contract import Argument, Arguments, Example, Input, Kind, Tensors
from lossd_server.losses.formula import FormulaEntry


def l1_norm(input: Tensor) -> Tensor:
    """|x|."""
    return input.abs()


def l2_norm(input: Tensor, *, squared: bool) -> Tensor:
    """√Σx² of all elements, whose gradient at 0 is 0, or Σx²."""
    return input.square().sum() if squared else torch.linalg.vector_norm(input)


def elastic_net(input: Tensor, *, l1_ratio: float) -> Tensor:
    """l1_ratio·|x| + (1 − l1_ratio)/2·x²."""
    return l1_ratio * input.abs() + 0.5 * (1 - l1_ratio) * input.square()


def total_variation(input: Tensor) -> Tensor:
    """Σ|xᵢ₊₁ − xᵢ| of each image, over its channels and along every spatial axis."""
    total = input.new_zeros(input.shape[0])
    for axis in range(2, input.dim()):
        total = total + input.diff(dim=axis).abs().flatten(1).sum(1)
    return total


def entropy(input: Tensor, *, from_logits: bool) -> Tensor:
    """−Σ p·log p over the classes of (C,) or (N,C,d…)."""
    axis = 0 if input.dim() == 1 else 1
    return entropy_of_logits(input, axis) if from_logits else torch.special.entr(input).sum(axis)


def entropy_of_logits(logits: Tensor, axis: int) -> Tensor:
    """−Σ p·log p of p = softmax(logits): classes of logit −∞ add nothing, and have the gradient 0."""
    probabilities = logits.softmax(axis)
    logarithms = logits.log_softmax(axis).masked_fill(probabilities == 0, 0)
    return -(probabilities * logarithms).sum(axis)


def _any_shape(tensors: Tensors, arguments: Arguments) -> None:
    """Every shape will do."""


def _images(tensors: Tensors, arguments: Arguments) -> None:
    input_ = tensors["input"]
    if input_.dim() not in (3, 4, 5):
        raise Fault(
            "SHAPE_MISMATCH",
            f"input has shape {shape_text(input_.shape)}; expected (N, C, L), (N, C, H, W) or (N, C, D, H, W)",
            field="inputs.input",
        )


def _classes(tensors: Tensors, arguments: Arguments) -> None:
    input_ = tensors["input"]
    if input_.dim() == 0 or checks.classes(input_) == 0:
        raise Fault(
            "SHAPE_MISMATCH",
            f"input has shape {shape_text(input_.shape)}; expected (C,), (N, C) or (N, C, d1, …), with C at least 1",
            field="inputs.input",
        )


def _probabilities(tensors: Tensors, arguments: Arguments) -> None:
    if not arguments["from_logits"]:
        given = tensors["input"]
        bad = ~((given >= 0) & (given <= 1))
        checks.refuse(bad, given, "inputs.input", "input", "expected probabilities from 0 to 1, or from_logits")


def _elements(tensors: Tensors, arguments: Arguments) -> float:
    return float(tensors["input"].numel())


_INPUT = (Input("input", Kind.FLOAT, "(*)", "what to keep small: parameters, activations, errors"),)
_SUM = ("sum", "mean", "none")

ENTRIES: tuple[FormulaEntry, ...] = (
    FormulaEntry(
        name="l1_norm",
        class_name="L1Norm",
        summary="Sum of absolute values: a penalty that drives small elements to 0.",
        formula="|input|",
        inputs=_INPUT,
        reductions=_SUM,
        function=l1_norm,
        shapes=_any_shape,
        weight=_elements,
        spans=("input",),
        traps=("its default is the sum: its weight in a weighted sum depends on the number of elements",),
        tasks=("regularisation",),
        aliases=("lasso", "l1_regularisation", "l1_regularization"),
        example=Example({"input": [3.0, -4.0]}, 7.0),
        source="https://doi.org/10.1111/j.2517-6161.1996.tb02080.x",
    ),
    FormulaEntry(
        name="l2_norm",
        class_name="L2Norm",
        summary="Euclidean norm, or its square: a penalty that keeps all elements small.",
        formula="√Σ input², or Σ input² if squared",
        inputs=_INPUT,
        arguments=(Argument("squared", bool, False, "whether to leave out the root, as weight decay does"),),
        reductions=(),
        function=l2_norm,
        shapes=_any_shape,
        weight=weights.none,
        spans=("input",),
        traps=(
            "weight decay is squared, with half its weight: the gradient of λ/2·Σx² is λ·x",
            "the norm is one of all elements, which those of chunks do not add up to",
        ),
        tasks=("regularisation",),
        aliases=("l2", "ridge", "weight_decay", "tikhonov", "l2_regularisation", "l2_regularization"),
        example=Example({"input": [3.0, -4.0]}, 5.0),
        source="https://docs.pytorch.org/docs/stable/generated/torch.linalg.vector_norm.html",
    ),
    FormulaEntry(
        name="elastic_net",
        class_name="ElasticNet",
        summary="Absolute values and squares in one penalty: some elements go to 0, correlated ones stay together.",
        formula="l1_ratio·|input| + (1 - l1_ratio)/2·input²",
        inputs=_INPUT,
        arguments=(Argument("l1_ratio", float, 0.5, "share of the absolute values", least=0, most=1),),
        reductions=_SUM,
        function=elastic_net,
        shapes=_any_shape,
        weight=_elements,
        spans=("input",),
        traps=("squares count half, as in scikit-learn; its alpha is the weight of the term",),
        tasks=("regularisation",),
        aliases=("elastic_net_penalty", "elasticnet"),
        example=Example({"input": [3.0, -4.0]}, 9.75),
        source="https://scikit-learn.org/stable/modules/generated/sklearn.linear_model.ElasticNet.html",
    ),
    FormulaEntry(
        name="total_variation",
        class_name="TotalVariation",
        summary="Sum of absolute differences between neighbours in an image: a penalty of noise that spares edges.",
        formula="Σ |x[i+1] - x[i]| of each image, over its channels and along each spatial axis",
        inputs=(Input("input", Kind.FLOAT, "(N,C,d…)", "images of one, two or three dimensions"),),
        reductions=_SUM,
        function=total_variation,
        shapes=_images,
        weight=weights.rows,
        spans=("input",),
        traps=(
            "mean is over images, not over pixels: the size of an image counts",
            "it adds the axes up (anisotropic), and does not take the root of their squares",
        ),
        tasks=("regularisation",),
        aliases=("tv", "tv_loss", "total_variation_loss"),
        example=Example({"input": [[[[1.0, 2.0], [4.0, 0.0]]]]}, 10.0),
        source="https://lightning.ai/docs/torchmetrics/stable/image/total_variation.html",
    ),
    FormulaEntry(
        name="entropy",
        class_name="Entropy",
        summary="Entropy of a distribution over classes: small where it is sure of one, at most log C.",
        formula="-Σ p·log p over the classes, p = softmax(input), or input unless from_logits",
        inputs=(Input("input", Kind.FLOAT, "(C,) or (N,C,d…)", "logits of the classes, or their probabilities"),),
        arguments=(Argument("from_logits", bool, True, "whether input holds logits"),),
        function=entropy,
        shapes=_classes,
        elements=_probabilities,
        weight=weights.positions,
        spans=("input",),
        traps=(
            "it is positive: a positive weight makes predictions sure, a negative one is a bonus for unsure ones",
            "probabilities that do not add up to 1 go unnoticed; at 0 their gradient is infinite",
        ),
        tasks=("regularisation",),
        aliases=("entropy_regularisation", "entropy_regularization", "entropy_minimization", "confidence_penalty"),
        example=Example({"input": [[0.0, 0.0], [1.0, -1.0]]}, 0.5292404890060425),
        source="https://arxiv.org/abs/1701.06548",
    ),
)
