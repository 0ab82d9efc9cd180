"""The losses of the segmentation family, written by proto/catalogue.py from the server's catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from lossd.loss import Loss, Reduction


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class DiceLoss(Loss):
    """One minus twice the overlap over the sum of sizes, for each class.

    Formula: 1 - (2 TP + smooth) / (2 TP + FP + FN + smooth); TP = Σ p t, FP = Σ p (1 - t), FN = Σ (1 - p) t over the
        positions

    Args:
        mode: what classes are to each other; multiclass (each position has one class: softmax), multilabel (classes
            overlap: sigmoid), binary (one class, (N,d…) or (N,1,d…): sigmoid); default multiclass.
        from_logits: whether input is logits; otherwise it is probabilities; default true.
        log_loss: whether the loss is -log of the score in place of 1 - score; default false.
        smooth: added to numerator and denominator of the score; at least 0; default 0.
        eps: least denominator, and least score under a logarithm; above 0; default 1e-07.
        ignore_index: value of target at positions that count nowhere; default -100.
        include_background: whether class 0 counts; binary masks have no other; default true.
        per_image: whether each image has a score; otherwise the batch has, as one image; default false.
        reduction: "mean" (default: classes, and images with per_image), "none" or "sum".

    Inputs:
        input: raw logits, or probabilities where from_logits is false; floating, (N,C,d…).
        target: class indices (multiclass), or masks from 0 to 1 of each class; int64 or uint8, or floating, (N,d…); or
            as input.

    Traps:
        - segmentation-models-pytorch counts its smooth twice: give twice that value here
        - a class that the target lacks costs 0, whatever is predicted for it
        - scores of batches do not average to that of all, unless per_image is set

    Example:
        >>> DiceLoss(mode='binary')
        DiceLoss(mode='binary')

        client.evaluate(
            lossd.DiceLoss(mode='binary'),
            [[[2.0, -1.0]], [[0.5, 0.0]]],
            [[1.0, 0.0], [1.0, 1.0]],
        ).value   # 0.24006783962249756

    Reference: https://smp.readthedocs.io/en/latest/losses.html
    """

    mode: Literal["multiclass", "multilabel", "binary"] | None = None
    from_logits: bool | None = None
    log_loss: bool | None = None
    smooth: float | None = None
    eps: float | None = None
    ignore_index: int | None = None
    include_background: bool | None = None
    per_image: bool | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True, "target": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("dice", "soft_dice")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class FocalTverskyLoss(Loss):
    """Tversky loss to a power, which turns to classes that overlap badly or well.

    Formula: (1 - (TP + smooth) / (TP + alpha FP + beta FN + smooth))^(1/gamma); TP = Σ p t, FP = Σ p (1 - t), FN = Σ (1
        - p) t over the positions

    Args:
        mode: what classes are to each other; multiclass (each position has one class: softmax), multilabel (classes
            overlap: sigmoid), binary (one class, (N,d…) or (N,1,d…): sigmoid); default multiclass.
        from_logits: whether input is logits; otherwise it is probabilities; default true.
        alpha: weight of false positives; at least 0; default 0.3.
        beta: weight of false negatives; at least 0; default 0.7.
        gamma: the loss is raised to 1 / gamma; above 0; default 1.33333.
        smooth: added to numerator and denominator of the score; at least 0; default 0.
        eps: least denominator, and least score under a logarithm; above 0; default 1e-07.
        ignore_index: value of target at positions that count nowhere; default -100.
        include_background: whether class 0 counts; binary masks have no other; default true.
        per_image: whether each image has a score; otherwise the batch has, as one image; default false.
        reduction: "mean" (default: classes, and images with per_image), "none" or "sum".

    Inputs:
        input: raw logits, or probabilities where from_logits is false; floating, (N,C,d…).
        target: class indices (multiclass), or masks from 0 to 1 of each class; int64 or uint8, or floating, (N,d…); or
            as input.

    Traps:
        - alpha weighs false positives, as in tversky_loss; its paper has them the other way round
        - some libraries raise to gamma, not to 1/gamma
        - a class that the target lacks costs 0, whatever is predicted for it
        - scores of batches do not average to that of all, unless per_image is set

    Example:
        >>> FocalTverskyLoss(mode='binary')
        FocalTverskyLoss(mode='binary')

        client.evaluate(
            lossd.FocalTverskyLoss(mode='binary'),
            [[[2.0, -1.0]], [[0.5, 0.0]]],
            [[1.0, 0.0], [1.0, 1.0]],
        ).value   # 0.3847472071647644

    Reference: https://arxiv.org/abs/1810.07842
    """

    mode: Literal["multiclass", "multilabel", "binary"] | None = None
    from_logits: bool | None = None
    alpha: float | None = None
    beta: float | None = None
    gamma: float | None = None
    smooth: float | None = None
    eps: float | None = None
    ignore_index: int | None = None
    include_background: bool | None = None
    per_image: bool | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True, "target": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("focal_tversky",)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GeneralizedDiceLoss(Loss):
    """Dice loss of all classes together, in which small classes weigh as much as large ones.

    Formula: 1 - (2 Σ w TP + smooth) / (Σ w (2 TP + FP + FN) + smooth) over the classes, w = 1/(Σ t)² (square), 1/Σ t
        (simple) or 1; TP = Σ p t, FP = Σ p (1 - t), FN = Σ (1 - p) t over the positions

    Args:
        mode: what classes are to each other; multiclass (each position has one class: softmax), multilabel (classes
            overlap: sigmoid), binary (one class, (N,d…) or (N,1,d…): sigmoid); default multiclass.
        from_logits: whether input is logits; otherwise it is probabilities; default true.
        w_type: how the weight of a class falls with its size; square (1 / size²), simple (1 / size), uniform (1);
            default square.
        smooth: added to numerator and denominator of the score; at least 0; default 1e-05.
        ignore_index: value of target at positions that count nowhere; default -100.
        include_background: whether class 0 counts; binary masks have no other; default true.
        per_image: whether each image has a score; otherwise the batch has, as one image; default true.
        reduction: "mean" (default: the images), "none" or "sum".

    Inputs:
        input: raw logits, or probabilities where from_logits is false; floating, (N,C,d…).
        target: class indices (multiclass), or masks from 0 to 1 of each class; int64 or uint8, or floating, (N,d…); or
            as input.

    Traps:
        - a class that the target lacks has the weight of the smallest that it has
        - scores of batches do not average to that of all, unless per_image is set

    Example:
        >>> GeneralizedDiceLoss(mode='binary')
        GeneralizedDiceLoss(mode='binary')

        client.evaluate(
            lossd.GeneralizedDiceLoss(mode='binary'),
            [[[2.0, -1.0]], [[0.5, 0.0]]],
            [[1.0, 0.0], [1.0, 1.0]],
        ).value   # 0.23079559206962585

    Reference: https://arxiv.org/abs/1707.03237
    """

    mode: Literal["multiclass", "multilabel", "binary"] | None = None
    from_logits: bool | None = None
    w_type: Literal["square", "simple", "uniform"] | None = None
    smooth: float | None = None
    ignore_index: int | None = None
    include_background: bool | None = None
    per_image: bool | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True, "target": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("generalized_dice",)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class JaccardLoss(Loss):
    """One minus the intersection over union of soft masks, for each class.

    Formula: 1 - (TP + smooth) / (TP + FP + FN + smooth); TP = Σ p t, FP = Σ p (1 - t), FN = Σ (1 - p) t over the
        positions

    Args:
        mode: what classes are to each other; multiclass (each position has one class: softmax), multilabel (classes
            overlap: sigmoid), binary (one class, (N,d…) or (N,1,d…): sigmoid); default multiclass.
        from_logits: whether input is logits; otherwise it is probabilities; default true.
        log_loss: whether the loss is -log of the score in place of 1 - score; default false.
        smooth: added to numerator and denominator of the score; at least 0; default 0.
        eps: least denominator, and least score under a logarithm; above 0; default 1e-07.
        ignore_index: value of target at positions that count nowhere; default -100.
        include_background: whether class 0 counts; binary masks have no other; default true.
        per_image: whether each image has a score; otherwise the batch has, as one image; default false.
        reduction: "mean" (default: classes, and images with per_image), "none" or "sum".

    Inputs:
        input: raw logits, or probabilities where from_logits is false; floating, (N,C,d…).
        target: class indices (multiclass), or masks from 0 to 1 of each class; int64 or uint8, or floating, (N,d…); or
            as input.

    Traps:
        - for boxes by their corners: iou_loss
        - a class that the target lacks costs 0, whatever is predicted for it
        - scores of batches do not average to that of all, unless per_image is set

    Example:
        >>> JaccardLoss(mode='binary')
        JaccardLoss(mode='binary')

        client.evaluate(
            lossd.JaccardLoss(mode='binary'),
            [[[2.0, -1.0]], [[0.5, 0.0]]],
            [[1.0, 0.0], [1.0, 1.0]],
        ).value   # 0.3871849775314331

    Reference: https://smp.readthedocs.io/en/latest/losses.html
    """

    mode: Literal["multiclass", "multilabel", "binary"] | None = None
    from_logits: bool | None = None
    log_loss: bool | None = None
    smooth: float | None = None
    eps: float | None = None
    ignore_index: int | None = None
    include_background: bool | None = None
    per_image: bool | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True, "target": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("jaccard", "soft_iou")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LovaszHingeLoss(Loss):
    """Jaccard loss of hard masks, extended to logits for the sake of gradients.

    Formula: Σ max(error_i, 0) (J_i - J_(i-1)), errors 1 - (2t - 1) input from the largest, J_i the Jaccard loss if the
        first i are wrong

    Args:
        ignore_index: value of target at positions that count nowhere; default -100.
        per_image: whether each image has a score; otherwise the batch has, as one image; default false.
        reduction: "mean" (default: the images), "none" or "sum".

    Inputs:
        input: raw logits: no sigmoid before; floating, (N,d…) or (N,1,d…).
        target: masks of 0 and 1; int64 or uint8, or floating, as input, or (N,d…).

    Traps:
        - masks are 0 and 1, never between
        - scores of batches do not average to that of all, unless per_image is set

    Example:
        >>> LovaszHingeLoss()
        LovaszHingeLoss()

        client.evaluate(
            lossd.LovaszHingeLoss(),
            [[[2.0, -1.0]], [[0.5, 0.0]]],
            [[1.0, 0.0], [1.0, 1.0]],
        ).value   # 0.4999999701976776

    Reference: https://arxiv.org/abs/1705.08790
    """

    ignore_index: int | None = None
    per_image: bool | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True, "target": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("lovasz_hinge",)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LovaszSoftmaxLoss(Loss):
    """Jaccard loss of hard masks, extended to probabilities for the sake of gradients.

    Formula: mean over classes of Σ error_i (J_i - J_(i-1)), errors |t - p| from the largest, J_i the Jaccard loss if
        the first i are wrong

    Args:
        classes: which classes are averaged; present (those that the target has), all (every class); default present.
        from_logits: whether input is logits; otherwise it is probabilities; default true.
        ignore_index: value of target at positions that count nowhere; default -100.
        per_image: whether each image has a score; otherwise the batch has, as one image; default false.
        reduction: "mean" (default: the images), "none" or "sum".

    Inputs:
        input: raw logits, or probabilities where from_logits is false; floating, (N,C,d…).
        target: class indices; int64 or uint8, (N,d…).

    Traps:
        - it is 0 where every target is ignored
        - scores of batches do not average to that of all, unless per_image is set

    Example:
        >>> LovaszSoftmaxLoss()
        LovaszSoftmaxLoss()

        client.evaluate(lossd.LovaszSoftmaxLoss(), [[[2.0, -1.0], [0.5, 0.0]]], [[0, 1]]).value   # 0.24731245636940002

    Reference: https://arxiv.org/abs/1705.08790
    """

    classes: Literal["present", "all"] | None = None
    from_logits: bool | None = None
    ignore_index: int | None = None
    per_image: bool | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True, "target": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("lovasz_softmax", "lovasz")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TverskyLoss(Loss):
    """One minus an overlap in which false positives and false negatives have weights of their own.

    Formula: 1 - (TP + smooth) / (TP + alpha FP + beta FN + smooth); TP = Σ p t, FP = Σ p (1 - t), FN = Σ (1 - p) t over
        the positions

    Args:
        mode: what classes are to each other; multiclass (each position has one class: softmax), multilabel (classes
            overlap: sigmoid), binary (one class, (N,d…) or (N,1,d…): sigmoid); default multiclass.
        from_logits: whether input is logits; otherwise it is probabilities; default true.
        log_loss: whether the loss is -log of the score in place of 1 - score; default false.
        alpha: weight of false positives; at least 0; default 0.5.
        beta: weight of false negatives; at least 0; default 0.5.
        smooth: added to numerator and denominator of the score; at least 0; default 0.
        eps: least denominator, and least score under a logarithm; above 0; default 1e-07.
        ignore_index: value of target at positions that count nowhere; default -100.
        include_background: whether class 0 counts; binary masks have no other; default true.
        per_image: whether each image has a score; otherwise the batch has, as one image; default false.
        reduction: "mean" (default: classes, and images with per_image), "none" or "sum".

    Inputs:
        input: raw logits, or probabilities where from_logits is false; floating, (N,C,d…).
        target: class indices (multiclass), or masks from 0 to 1 of each class; int64 or uint8, or floating, (N,d…); or
            as input.

    Traps:
        - 0.5 and 0.5 is dice_loss (smooth apart), 1 and 1 is jaccard_loss
        - a class that the target lacks costs 0, whatever is predicted for it
        - scores of batches do not average to that of all, unless per_image is set

    Example:
        >>> TverskyLoss(mode='binary')
        TverskyLoss(mode='binary')

        client.evaluate(
            lossd.TverskyLoss(mode='binary'),
            [[[2.0, -1.0]], [[0.5, 0.0]]],
            [[1.0, 0.0], [1.0, 1.0]],
        ).value   # 0.24006783962249756

    Reference: https://arxiv.org/abs/1706.05721
    """

    mode: Literal["multiclass", "multilabel", "binary"] | None = None
    from_logits: bool | None = None
    log_loss: bool | None = None
    alpha: float | None = None
    beta: float | None = None
    smooth: float | None = None
    eps: float | None = None
    ignore_index: int | None = None
    include_background: bool | None = None
    per_image: bool | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True, "target": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("tversky",)
