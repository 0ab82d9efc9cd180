"""Losses between predicted and true regions: how much of them overlaps, not how many positions are right."""

from __future__ import annotations

import torch
from torch import Tensor

from lossd_server.losses.contract import Argument, Example, Input, Kind, Tensors
from lossd_server.losses.field import masks
from lossd_server.losses.formula import FormulaEntry


def dice(
    input: Tensor,
    target: Tensor,
    *,
    mode: str,
    from_logits: bool,
    log_loss: bool,
    smooth: float,
    eps: float,
    ignore_index: int,
    include_background: bool,
    per_image: bool,
) -> Tensor:
    """1 − (2 TP + smooth) / (2 TP + FP + FN + smooth) of each class."""
    sums = _sums(input, target, mode, from_logits, ignore_index, include_background, per_image)
    both, mine, true = sums
    score = (2 * both + smooth) / (mine + true + smooth).clamp_min(eps)
    return _shaped(_unlikeness(score, log_loss, eps), true, per_image, input.dtype)


def jaccard(
    input: Tensor,
    target: Tensor,
    *,
    mode: str,
    from_logits: bool,
    log_loss: bool,
    smooth: float,
    eps: float,
    ignore_index: int,
    include_background: bool,
    per_image: bool,
) -> Tensor:
    """1 − (TP + smooth) / (TP + FP + FN + smooth) of each class."""
    both, mine, true = _sums(input, target, mode, from_logits, ignore_index, include_background, per_image)
    score = (both + smooth) / (mine + true - both + smooth).clamp_min(eps)
    return _shaped(_unlikeness(score, log_loss, eps), true, per_image, input.dtype)


def tversky(
    input: Tensor,
    target: Tensor,
    *,
    mode: str,
    from_logits: bool,
    log_loss: bool,
    alpha: float,
    beta: float,
    smooth: float,
    eps: float,
    ignore_index: int,
    include_background: bool,
    per_image: bool,
) -> Tensor:
    """1 − (TP + smooth) / (TP + alpha FP + beta FN + smooth) of each class."""
    both, mine, true = _sums(input, target, mode, from_logits, ignore_index, include_background, per_image)
    score = _tversky_index(both, mine, true, alpha, beta, smooth, eps)
    return _shaped(_unlikeness(score, log_loss, eps), true, per_image, input.dtype)


def focal_tversky(
    input: Tensor,
    target: Tensor,
    *,
    mode: str,
    from_logits: bool,
    alpha: float,
    beta: float,
    gamma: float,
    smooth: float,
    eps: float,
    ignore_index: int,
    include_background: bool,
    per_image: bool,
) -> Tensor:
    """(1 − Tversky index)^(1 / gamma) of each class; its gradient is 0, not infinite, where the index is 1."""
    both, mine, true = _sums(input, target, mode, from_logits, ignore_index, include_background, per_image)
    unlike = 1 - _tversky_index(both, mine, true, alpha, beta, smooth, eps)
    loss = unlike.clamp_min(torch.finfo(unlike.dtype).tiny) ** (1 / gamma)
    return _shaped(loss, true, per_image, input.dtype)


def generalized_dice(
    input: Tensor,
    target: Tensor,
    *,
    mode: str,
    from_logits: bool,
    w_type: str,
    smooth: float,
    ignore_index: int,
    include_background: bool,
    per_image: bool,
) -> Tensor:
    """1 − (2 Σ w TP + smooth) / (Σ w (2 TP + FP + FN) + smooth) over the classes, w falling with their size."""
    both, mine, true = _sums(input, target, mode, from_logits, ignore_index, include_background, per_image)
    absent = _class_weights(true.detach(), w_type).isinf()
    weight = _class_weights(true.masked_fill(absent, 1), w_type).masked_fill(absent, 0)  # a gradient of 1/0 is NaN
    weight = torch.where(absent, weight.amax(-1, keepdim=True), weight)
    score = (2 * (weight * both).sum(-1) + smooth) / ((weight * (mine + true)).sum(-1) + smooth)
    loss = (1 - score).to(input.dtype)
    return loss if per_image else loss.squeeze(0)


def _class_weights(true: Tensor, w_type: str) -> Tensor:
    return {"square": 1 / true.square(), "simple": 1 / true, "uniform": torch.ones_like(true)}[w_type]


def lovasz_softmax(
    input: Tensor, target: Tensor, *, classes: str, from_logits: bool, ignore_index: int, per_image: bool
) -> Tensor:
    """The Lovász extension of the Jaccard loss of each class at the errors |mask − p|, averaged over classes."""
    scores, true, kept = masks.lay_out(input, target, mode="multiclass", ignore_index=ignore_index, per_image=per_image)
    chances = masks.probabilities(scores, mode="multiclass", from_logits=from_logits)
    losses = _lovasz((true - chances).abs().masked_fill(~kept, -1), true)
    counted = true.any(-1) if classes == "present" else torch.ones_like(losses, dtype=torch.bool)
    loss = losses.masked_fill(~counted, 0).sum(-1) / counted.sum(-1).clamp_min(1)
    return (loss if per_image else loss.squeeze(0)).to(input.dtype)


def lovasz_hinge(input: Tensor, target: Tensor, *, ignore_index: int, per_image: bool) -> Tensor:
    """The Lovász extension of the Jaccard loss at the hinge errors 1 − sign × logit."""
    scores, true, kept = masks.lay_out(input, target, mode="binary", ignore_index=ignore_index, per_image=per_image)
    losses = _lovasz((1 - scores * (2 * true - 1)).masked_fill(~kept, -1), true).squeeze(-1)
    return (losses if per_image else losses.squeeze(0)).to(input.dtype)


def _sums(
    input_: Tensor, target: Tensor, mode: str, from_logits: bool, ignore_index: int, background: bool, per_image: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Sums over positions of p t, of p and of t, each (G,C)."""
    scores, true, kept = masks.lay_out(input_, target, mode=mode, ignore_index=ignore_index, per_image=per_image)
    mine = masks.probabilities(scores, mode=mode, from_logits=from_logits).masked_fill(~kept, 0)
    both, mine, true = (mine * true).sum(-1), mine.sum(-1), true.sum(-1)
    return (both, mine, true) if background else (both[:, 1:], mine[:, 1:], true[:, 1:])


def _tversky_index(
    both: Tensor, mine: Tensor, true: Tensor, alpha: float, beta: float, smooth: float, eps: float
) -> Tensor:
    return (both + smooth) / (both + alpha * (mine - both) + beta * (true - both) + smooth).clamp_min(eps)


def _unlikeness(score: Tensor, log_loss: bool, eps: float) -> Tensor:
    return -score.clamp_min(eps).log() if log_loss else 1 - score


def _shaped(losses: Tensor, true: Tensor, per_image: bool, dtype: torch.dtype) -> Tensor:
    """(G,C) losses as (N,C) or (C,), 0 for classes that the target lacks."""
    losses = losses.masked_fill(true == 0, 0).to(dtype)
    return losses if per_image else losses.squeeze(0)


def _lovasz(errors: Tensor, true: Tensor) -> Tensor:
    """Σ max(error, 0) × how much the Jaccard loss grows as errors are let in, the largest first; over positions."""
    errors, order = errors.sort(dim=-1, descending=True, stable=True)
    true = true.detach().gather(-1, order)  # the growth is held constant
    size = true.sum(-1, keepdim=True)
    hit = true.cumsum(-1)
    jaccard = 1 - (size - hit) / (size + (1 - true).cumsum(-1))
    growth = torch.cat((jaccard[..., :1], jaccard[..., 1:] - jaccard[..., :-1]), -1)
    return (errors.clamp_min(0) * growth).sum(-1)


def _sorted(tensors: Tensors) -> int:
    """Elements that sorting and counting make."""
    return 8 * tensors["input"].numel()


_LOG = Argument("log_loss", bool, False, "whether the loss is -log of the score in place of 1 - score")
_SMOOTH = Argument("smooth", float, 0.0, "added to numerator and denominator of the score", least=0)
_EPS = Argument("eps", float, 1e-7, "least denominator, and least score under a logarithm", above=0)
_PER_IMAGE = Argument("per_image", bool, False, "whether each image has a score; otherwise the batch has, as one image")
_ALPHA = "weight of false positives"
_BETA = "weight of false negatives"
_HEAD = (masks.MODE, masks.FROM_LOGITS)
_TAIL = (_SMOOTH, _EPS, masks.IGNORE, masks.BACKGROUND, _PER_IMAGE)
_ABSENT = "a class that the target lacks costs 0, whatever is predicted for it"
_CHUNKS = "scores of batches do not average to that of all, unless per_image is set"
_PIXELS = {"input": [[[2.0, -1.0]], [[0.5, 0.0]]], "target": [[1.0, 0.0], [1.0, 1.0]]}
_SMP = "https://smp.readthedocs.io/en/latest/losses.html"
_LOVASZ = "https://arxiv.org/abs/1705.08790"
_TERMS = "TP = Σ p t, FP = Σ p (1 - t), FN = Σ (1 - p) t over the positions"
_BINARY = {"mode": "binary"}


def _overlap(class_name: str, formula: str, value: float, *traps: str, **others: object) -> FormulaEntry:
    """A line of the catalogue for a score of each class."""
    return FormulaEntry(
        class_name=class_name,
        formula=f"{formula}; {_TERMS}",
        inputs=(masks.LOGITS, masks.MASKS),
        shapes=masks.shapes,
        elements=masks.elements,
        weight=masks.per_class,
        mean="classes, and images with per_image",
        spans=("input",),
        traps=(*traps, _ABSENT, _CHUNKS),
        tasks=("segmentation",),
        example=Example(_PIXELS, value, _BINARY),
        **others,  # type: ignore[arg-type]  # the rest of FormulaEntry, by name
    )


ENTRIES: tuple[FormulaEntry, ...] = (
    _overlap(
        "DiceLoss",
        "1 - (2 TP + smooth) / (2 TP + FP + FN + smooth)",
        0.24006783962249756,
        "segmentation-models-pytorch counts its smooth twice: give twice that value here",
        name="dice_loss",
        summary="One minus twice the overlap over the sum of sizes, for each class.",
        arguments=(*_HEAD, _LOG, *_TAIL),
        function=dice,
        aliases=("dice", "soft_dice"),
        source=_SMP,
    ),
    _overlap(
        "JaccardLoss",
        "1 - (TP + smooth) / (TP + FP + FN + smooth)",
        0.3871849775314331,
        "for boxes by their corners: iou_loss",
        name="jaccard_loss",
        summary="One minus the intersection over union of soft masks, for each class.",
        arguments=(*_HEAD, _LOG, *_TAIL),
        function=jaccard,
        aliases=("jaccard", "soft_iou"),
        source=_SMP,
    ),
    _overlap(
        "TverskyLoss",
        "1 - (TP + smooth) / (TP + alpha FP + beta FN + smooth)",
        0.24006783962249756,
        "0.5 and 0.5 is dice_loss (smooth apart), 1 and 1 is jaccard_loss",
        name="tversky_loss",
        summary="One minus an overlap in which false positives and false negatives have weights of their own.",
        arguments=(
            *_HEAD,
            _LOG,
            Argument("alpha", float, 0.5, _ALPHA, least=0),
            Argument("beta", float, 0.5, _BETA, least=0),
            *_TAIL,
        ),
        function=tversky,
        aliases=("tversky",),
        source="https://arxiv.org/abs/1706.05721",
    ),
    _overlap(
        "FocalTverskyLoss",
        "(1 - (TP + smooth) / (TP + alpha FP + beta FN + smooth))^(1/gamma)",
        0.3847472071647644,
        "alpha weighs false positives, as in tversky_loss; its paper has them the other way round",
        "some libraries raise to gamma, not to 1/gamma",
        name="focal_tversky_loss",
        summary="Tversky loss to a power, which turns to classes that overlap badly or well.",
        arguments=(
            *_HEAD,
            Argument("alpha", float, 0.3, _ALPHA, least=0),
            Argument("beta", float, 0.7, _BETA, least=0),
            Argument("gamma", float, 4 / 3, "the loss is raised to 1 / gamma", above=0),
            *_TAIL,
        ),
        function=focal_tversky,
        aliases=("focal_tversky",),
        source="https://arxiv.org/abs/1810.07842",
    ),
    FormulaEntry(
        name="generalized_dice_loss",
        class_name="GeneralizedDiceLoss",
        summary="Dice loss of all classes together, in which small classes weigh as much as large ones.",
        formula="1 - (2 Σ w TP + smooth) / (Σ w (2 TP + FP + FN) + smooth) over the classes, "
        f"w = 1/(Σ t)² (square), 1/Σ t (simple) or 1; {_TERMS}",
        inputs=(masks.LOGITS, masks.MASKS),
        arguments=(
            *_HEAD,
            Argument(
                "w_type",
                str,
                "square",
                "how the weight of a class falls with its size",
                choices=("square", "simple", "uniform"),
                enum="GeneralizedDiceWeight",
                explained={"square": "1 / size²", "simple": "1 / size", "uniform": "1"},
            ),
            Argument("smooth", float, 1e-5, _SMOOTH.meaning, least=0),
            masks.IGNORE,
            masks.BACKGROUND,
            Argument("per_image", bool, True, _PER_IMAGE.meaning),
        ),
        function=generalized_dice,
        shapes=masks.shapes,
        elements=masks.elements,
        weight=masks.per_picture,
        mean="the images",
        spans=("input",),
        traps=("a class that the target lacks has the weight of the smallest that it has", _CHUNKS),
        tasks=("segmentation",),
        aliases=("generalized_dice",),
        example=Example(_PIXELS, 0.23079559206962585, _BINARY),
        source="https://arxiv.org/abs/1707.03237",
    ),
    FormulaEntry(
        name="lovasz_softmax_loss",
        class_name="LovaszSoftmaxLoss",
        summary="Jaccard loss of hard masks, extended to probabilities for the sake of gradients.",
        formula="mean over classes of Σ error_i (J_i - J_(i-1)), errors |t - p| from the largest, "
        "J_i the Jaccard loss if the first i are wrong",
        inputs=(masks.LOGITS, Input("target", Kind.INDEX, "(N,d…)", "class indices")),
        arguments=(
            Argument(
                "classes",
                str,
                "present",
                "which classes are averaged",
                choices=("present", "all"),
                enum="LovaszClasses",
                explained={"present": "those that the target has", "all": "every class"},
            ),
            masks.FROM_LOGITS,
            masks.IGNORE,
            _PER_IMAGE,
        ),
        function=lovasz_softmax,
        shapes=masks.shapes,
        elements=masks.elements,
        weight=masks.per_picture,
        mean="the images",
        spans=("input",),
        work=_sorted,
        traps=("it is 0 where every target is ignored", _CHUNKS),
        tasks=("segmentation",),
        aliases=("lovasz_softmax", "lovasz"),
        example=Example({"input": [[[2.0, -1.0], [0.5, 0.0]]], "target": [[0, 1]]}, 0.24731245636940002),
        source=_LOVASZ,
    ),
    FormulaEntry(
        name="lovasz_hinge_loss",
        class_name="LovaszHingeLoss",
        summary="Jaccard loss of hard masks, extended to logits for the sake of gradients.",
        formula="Σ max(error_i, 0) (J_i - J_(i-1)), errors 1 - (2t - 1) input from the largest, "
        "J_i the Jaccard loss if the first i are wrong",
        inputs=(
            Input("input", Kind.FLOAT, "(N,d…) or (N,1,d…)", "raw logits: no sigmoid before"),
            Input("target", Kind.INDEX_OR_PROBABILITIES, "as input, or (N,d…)", "masks of 0 and 1"),
        ),
        arguments=(masks.IGNORE, _PER_IMAGE),
        function=lovasz_hinge,
        shapes=lambda tensors, arguments: masks.shapes(tensors, {**arguments, "mode": "binary"}),
        elements=masks.hard,
        weight=masks.per_picture,
        mean="the images",
        spans=("input",),
        work=_sorted,
        traps=("masks are 0 and 1, never between", _CHUNKS),
        tasks=("segmentation",),
        aliases=("lovasz_hinge",),
        example=Example(_PIXELS, 0.4999999701976776),
        source=_LOVASZ,
    ),
)
