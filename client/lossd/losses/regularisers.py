"""The losses of the regularisers family, written by proto/catalogue.py from the server's catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from lossd.loss import Loss, Reduction


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ElasticNet(Loss):
    """Absolute values and squares in one penalty: some elements go to 0, correlated ones stay together.

    Formula: l1_ratio·|input| + (1 - l1_ratio)/2·input²

    Args:
        l1_ratio: share of the absolute values; at least 0 and at most 1; default 0.5.
        reduction: "sum" (default), "mean" or "none".

    Inputs:
        input: what to keep small: parameters, activations, errors; floating, (*).

    Traps:
        - squares count half, as in scikit-learn; its alpha is the weight of the term

    Example:
        >>> ElasticNet()
        ElasticNet()

        client.evaluate(lossd.ElasticNet(), [3.0, -4.0]).value   # 9.75

    Reference: https://scikit-learn.org/stable/modules/generated/sklearn.linear_model.ElasticNet.html
    """

    l1_ratio: float | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True}
    ALIASES: ClassVar[tuple[str, ...]] = ("elastic_net_penalty", "elasticnet")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Entropy(Loss):
    """Entropy of a distribution over classes: small where it is sure of one, at most log C.

    Formula: -Σ p·log p over the classes, p = softmax(input), or input unless from_logits

    Args:
        from_logits: whether input holds logits; default true.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: logits of the classes, or their probabilities; floating, (C,) or (N,C,d…).

    Traps:
        - it is positive: a positive weight makes predictions sure, a negative one is a bonus for unsure ones
        - probabilities that do not add up to 1 go unnoticed; at 0 their gradient is infinite

    Example:
        >>> Entropy()
        Entropy()

        client.evaluate(lossd.Entropy(), [[0.0, 0.0], [1.0, -1.0]]).value   # 0.5292404890060425

    Reference: https://arxiv.org/abs/1701.06548
    """

    from_logits: bool | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True}
    ALIASES: ClassVar[tuple[str, ...]] = (
        "entropy_regularisation",
        "entropy_regularization",
        "entropy_minimization",
        "confidence_penalty",
    )


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class L1Norm(Loss):
    """Sum of absolute values: a penalty that drives small elements to 0.

    Formula: |input|

    Args:
        reduction: "sum" (default), "mean" or "none".

    Inputs:
        input: what to keep small: parameters, activations, errors; floating, (*).

    Traps:
        - its default is the sum: its weight in a weighted sum depends on the number of elements

    Example:
        >>> L1Norm()
        L1Norm()

        client.evaluate(lossd.L1Norm(), [3.0, -4.0]).value   # 7.0

    Reference: https://doi.org/10.1111/j.2517-6161.1996.tb02080.x
    """

    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True}
    ALIASES: ClassVar[tuple[str, ...]] = ("lasso", "l1_regularisation", "l1_regularization")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class L2Norm(Loss):
    """Euclidean norm, or its square: a penalty that keeps all elements small.

    Formula: √Σ input², or Σ input² if squared

    Args:
        squared: whether to leave out the root, as weight decay does; default false.

    Inputs:
        input: what to keep small: parameters, activations, errors; floating, (*).

    Traps:
        - weight decay is squared, with half its weight: the gradient of λ/2·Σx² is λ·x
        - the norm is one of all elements, which those of chunks do not add up to

    Example:
        >>> L2Norm()
        L2Norm()

        client.evaluate(lossd.L2Norm(), [3.0, -4.0]).value   # 5.0

    Reference: https://docs.pytorch.org/docs/stable/generated/torch.linalg.vector_norm.html
    """

    squared: bool | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True}
    ALIASES: ClassVar[tuple[str, ...]] = (
        "l2",
        "ridge",
        "weight_decay",
        "tikhonov",
        "l2_regularisation",
        "l2_regularization",
    )


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TotalVariation(Loss):
    """Sum of absolute differences between neighbours in an image: a penalty of noise that spares edges.

    Formula: Σ |x[i+1] - x[i]| of each image, over its channels and along each spatial axis

    Args:
        reduction: "sum" (default), "mean" or "none".

    Inputs:
        input: images of one, two or three dimensions; floating, (N,C,d…).

    Traps:
        - mean is over images, not over pixels: the size of an image counts
        - it adds the axes up (anisotropic), and does not take the root of their squares

    Example:
        >>> TotalVariation()
        TotalVariation()

        client.evaluate(lossd.TotalVariation(), [[[[1.0, 2.0], [4.0, 0.0]]]]).value   # 10.0

    Reference: https://lightning.ai/docs/torchmetrics/stable/image/total_variation.html
    """

    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True}
    ALIASES: ClassVar[tuple[str, ...]] = ("tv", "tv_loss", "total_variation_loss")
