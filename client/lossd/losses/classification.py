"""The losses of the classification family, written by proto/catalogue.py from the server's catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from lossd.loss import Loss, Reduction
from lossd.tensors import ArrayLike


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class AsymmetricLoss(Loss):
    """Multi-label cross entropy of raw logits, for labels that are mostly absent.

    Formula: -target (1 - p)^gamma_pos log p - (1 - target) p_m^gamma_neg log(1 - p_m), p = sigmoid(input), p_m = max(p
        - clip, 0)

    Args:
        gamma_neg: how fast easy negatives fade; at least 0; default 4.
        gamma_pos: how fast easy positives fade; at least 0; default 1.
        clip: probability up to which a negative costs nothing; at least 0 and below 1; default 0.05.
        eps: least probability that the logarithm sees; above 0 and below 1; default 1e-08.
        disable_torch_grad_focal_loss: whether the focal powers are held constant in gradients; default true.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: raw logits: no sigmoid before; floating, (*).
        target: 1 or 0, or probabilities; floating, of the shape of input.

    Traps:
        - the reference sums over labels and examples; here the mean is the default
        - by default the focal powers have no gradient, so numerical differences disagree with it

    Example:
        >>> AsymmetricLoss()
        AsymmetricLoss()

        client.evaluate(lossd.AsymmetricLoss(), [0.8, -1.2], [1.0, 0.0]).value   # 0.057633932679891586

    Reference: https://arxiv.org/abs/2009.14119
    """

    gamma_neg: float | None = None
    gamma_pos: float | None = None
    clip: float | None = None
    eps: float | None = None
    disable_torch_grad_focal_loss: bool | None = None
    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("asymmetric", "asl")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GeneralizedCrossEntropyLoss(Loss):
    """Between cross entropy and absolute error, for labels of which some are wrong.

    Formula: (1 - p_t^q) / q, p_t = softmax(input)[target]

    Args:
        q: towards 0 cross entropy, 1 the mean absolute error; above 0 and at most 1; default 0.7.
        ignore_index: target index that adds nothing to loss, gradient or mean; default -100.
        reduction: "mean" (default: the targets that are not ignored), "none" or "sum".

    Inputs:
        input: raw logits: no softmax before; floating, (C,), (N,C) or (N,C,d…).
        target: class indices; int64 or uint8, (), (N,) or (N,d…).

    Traps:
        - robust to wrong labels, but slow to start where classes are many
        - softmax applied before is applied twice

    Example:
        >>> GeneralizedCrossEntropyLoss()
        GeneralizedCrossEntropyLoss()

        client.evaluate(lossd.GeneralizedCrossEntropyLoss(), [[4.0, 1.0, 0.1]], [0]).value   # 0.06610721349716187

    Reference: https://arxiv.org/abs/1805.07836
    """

    q: float | None = None
    ignore_index: int | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True, "target": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("generalized_cross_entropy", "gce")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class HingeLoss(Loss):
    """The loss of support vector machines: nothing beyond the margin, linear within.

    Formula: max(0, 1 - input target)

    Args:
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: scores; floating, (*).
        target: 1 or -1; floating, of the shape of input.

    Traps:
        - labels are 1 and -1, not 1 and 0
        - hinge_embedding_loss is another loss, of distances

    Example:
        >>> HingeLoss()
        HingeLoss()

        client.evaluate(lossd.HingeLoss(), [0.5, -2.0], [1.0, 1.0]).value   # 1.75

    Reference: https://optax.readthedocs.io/en/latest/api/losses.html#optax.losses.hinge_loss
    """

    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("hinge", "svm")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MulticlassHingeLoss(Loss):
    """Hinge loss of the worst class against the true one (Crammer and Singer).

    Formula: max_c(input[c] + [c != target]) - input[target]

    Args:
        ignore_index: target index that adds nothing to loss, gradient or mean; default -100.
        reduction: "mean" (default: the targets that are not ignored), "none" or "sum".

    Inputs:
        input: scores; floating, (C,), (N,C) or (N,C,d…).
        target: class indices; int64 or uint8, (), (N,) or (N,d…).

    Traps:
        - multi_margin_loss sums over all wrong classes, this takes the worst

    Example:
        >>> MulticlassHingeLoss()
        MulticlassHingeLoss()

        client.evaluate(lossd.MulticlassHingeLoss(), [[2.0, 1.5, 0.0]], [0]).value   # 0.5

    Reference: https://optax.readthedocs.io/en/latest/api/losses.html#optax.losses.multiclass_hinge_loss
    """

    ignore_index: int | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True, "target": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("multiclass_hinge", "crammer_singer")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Poly1CrossEntropyLoss(Loss):
    """Cross entropy with the first coefficient of its polynomial expansion set at will.

    Formula: CE(input, q) + epsilon Σ q (1 - softmax(input)), q = (1 - label_smoothing) target + label_smoothing / C

    Args:
        epsilon: added to the first coefficient; 0 is cross_entropy_loss; at least -1; default 2.
        label_smoothing: share of the target spread over all classes; at least 0 and at most 1; default 0.
        ignore_index: target index that adds nothing to loss, gradient or mean; default -100.
        reduction: "mean" (default: the targets that are not ignored), "none" or "sum".

    Inputs:
        input: raw logits: no softmax before; floating, (C,), (N,C) or (N,C,d…).
        target: class indices, or class probabilities of the type of input; int64 or uint8, or floating, (), (N,) or
            (N,d…); or as input.

    Traps:
        - softmax applied before is applied twice
        - values compare only at the same epsilon

    Example:
        >>> Poly1CrossEntropyLoss()
        Poly1CrossEntropyLoss()

        client.evaluate(lossd.Poly1CrossEntropyLoss(), [[4.0, 1.0, 0.1]], [0]).value   # 0.19857725501060486

    Reference: https://arxiv.org/abs/2204.12511
    """

    epsilon: float | None = None
    label_smoothing: float | None = None
    ignore_index: int | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True, "target": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("poly1_cross_entropy", "poly_loss", "poly_loss_cross_entropy")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SigmoidFocalLoss(Loss):
    """Binary cross entropy of raw logits in which easy examples count little.

    Formula: -alpha_t (1 - p_t)^gamma log p_t, where p_t is the probability of the target and alpha_t = alpha target +
        (1 - alpha)(1 - target)

    Args:
        alpha: weight of positives, 1 - alpha that of negatives; below 0: none; at most 1; default 0.25.
        gamma: how fast easy examples fade; 0 is cross entropy; at least 0; default 2.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: raw logits: no sigmoid before; floating, (*).
        target: 1 or 0, or probabilities; floating, of the shape of input.

    Traps:
        - probabilities given as logits go unnoticed
        - the default alpha weighs positives less than negatives
        - in detection it is summed and divided by the positives, not by all anchors

    Example:
        >>> SigmoidFocalLoss()
        SigmoidFocalLoss()

        client.evaluate(lossd.SigmoidFocalLoss(), [0.8, -1.2], [1.0, 0.0]).value   # 0.009748660027980804

    Reference: https://docs.pytorch.org/vision/stable/generated/torchvision.ops.sigmoid_focal_loss.html
    """

    alpha: float | None = None
    gamma: float | None = None
    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("sigmoid_focal", "focal_loss", "focal")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SoftmaxFocalLoss(Loss):
    """Softmax cross entropy of raw logits in which easy examples count little.

    Formula: -weight[target] (1 - p_t)^gamma log p_t, p_t = softmax(input)[target]

    Args:
        gamma: how fast easy examples fade; 0 is cross_entropy_loss; at least 0; default 2.
        weight: weight of each class, (C,), of the type of input.
        ignore_index: target index that adds nothing to loss, gradient or mean; default -100.
        reduction: "mean" (default: the total weight of the targets that are not ignored), "none" or "sum".

    Inputs:
        input: raw logits: no softmax before; floating, (C,), (N,C) or (N,C,d…).
        target: class indices; int64 or uint8, (), (N,) or (N,d…).

    Traps:
        - softmax applied before is applied twice
        - the mean divides by the total weight, as cross_entropy_loss does; some libraries divide by the count

    Example:
        >>> SoftmaxFocalLoss()
        SoftmaxFocalLoss()

        client.evaluate(lossd.SoftmaxFocalLoss(), [[4.0, 1.0, 0.1]], [0]).value   # 0.0002899080282077193

    Reference: https://arxiv.org/abs/1708.02002
    """

    gamma: float | None = None
    weight: ArrayLike | None = None
    ignore_index: int | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True, "target": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("softmax_focal", "multiclass_focal")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SymmetricCrossEntropyLoss(Loss):
    """Cross entropy plus the reverse one, for labels of which some are wrong.

    Formula: -alpha log p_t - beta log_zero (1 - p_t), p_t = softmax(input)[target]

    Args:
        alpha: weight of the cross entropy; at least 0; default 0.1.
        beta: weight of the reverse cross entropy; at least 0; default 1.
        log_zero: what log 0 of the one-hot target is taken for, A in the paper; at most 0; default -4.
        ignore_index: target index that adds nothing to loss, gradient or mean; default -100.
        reduction: "mean" (default: the targets that are not ignored), "none" or "sum".

    Inputs:
        input: raw logits: no softmax before; floating, (C,), (N,C) or (N,C,d…).
        target: class indices; int64 or uint8, (), (N,) or (N,d…).

    Traps:
        - the paper says log_zero = -4, its code clamps at 1e-4, which is log_zero = -9.2103
        - alpha is to grow with the number of classes: 0.1 for ten of them, 6 for a hundred

    Example:
        >>> SymmetricCrossEntropyLoss()
        SymmetricCrossEntropyLoss()

        client.evaluate(lossd.SymmetricCrossEntropyLoss(), [[4.0, 1.0, 0.1]], [0]).value   # 0.268551766872406

    Reference: https://arxiv.org/abs/1908.06112
    """

    alpha: float | None = None
    beta: float | None = None
    log_zero: float | None = None
    ignore_index: int | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True, "target": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("symmetric_cross_entropy", "sce")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ZLoss(Loss):
    """Squared log-partition of the softmax: a term that keeps logits from drifting.

    Formula: (log Σ exp(input))², over the classes

    Args:
        reduction: "mean" (default: the positions), "none" or "sum".

    Inputs:
        input: raw logits: no softmax before; floating, (C,), (N,C) or (N,C,d…).

    Traps:
        - a term beside a cross entropy, with a weight near 1e-4: alone it teaches nothing

    Example:
        >>> ZLoss()
        ZLoss()

        client.evaluate(lossd.ZLoss(), [[4.0, 1.0, 0.1]]).value   # 16.546066284179688

    Reference: https://arxiv.org/abs/2204.02311
    """

    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True}
    ALIASES: ClassVar[tuple[str, ...]] = ("router_z_loss",)
