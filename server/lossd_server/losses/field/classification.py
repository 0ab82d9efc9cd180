"""Losses between scores and classes that torch.nn lacks: focal, polynomial, noise-robust, asymmetric, hinge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, softplus

from lossd_server.losses import checks, weights
from lossd_server.losses.binding import Forward
from lossd_server.losses.contract import Argument, Arguments, Check, Example, Input, Kind, Tensors
from lossd_server.losses.formula import FormulaEntry, reduce

# Binary and multi-label


def sigmoid_focal(input: Tensor, target: Tensor, *, alpha: float, gamma: float) -> Tensor:
    """α_t (1 − p_t)^γ times the binary cross entropy; a negative α leaves the weight α_t out."""
    wrong = input.sigmoid() * (1 - target) + (-input).sigmoid() * target
    loss = (softplus(-input) * target + softplus(input) * (1 - target)) * _power(wrong, gamma)
    return loss if alpha < 0 else loss * (alpha * target + (1 - alpha) * (1 - target))


def asymmetric(
    input: Tensor,
    target: Tensor,
    *,
    gamma_neg: float,
    gamma_pos: float,
    clip: float,
    eps: float,
    disable_torch_grad_focal_loss: bool,
) -> Tensor:
    """Binary cross entropy with a focal power of its own for each side, and easy negatives cut off."""
    least = max(eps, torch.finfo(input.dtype).tiny)  # the reference's eps is 0 in half types
    positive = input.sigmoid()
    negative = ((-input).sigmoid() + clip).clamp_max(1)
    log_likelihood = target * positive.clamp_min(least).log() + (1 - target) * negative.clamp_min(least).log()
    focus = _power(1 - positive * target - negative * (1 - target), gamma_pos * target + gamma_neg * (1 - target))
    return -log_likelihood * (focus.detach() if disable_torch_grad_focal_loss else focus)


def hinge(input: Tensor, target: Tensor) -> Tensor:
    """max(0, 1 − input target)."""
    return (1 - input * target).clamp_min(0)


# One class of many


def softmax_focal(input: Tensor, target: Tensor, *, gamma: float, weight: Tensor | None, ignore_index: int) -> Tensor:
    """−w_t (1 − p_t)^γ log p_t."""
    chosen, kept = _log_likelihood(input, target, ignore_index)
    loss = -chosen * _power(-chosen.expm1(), gamma)
    if weight is not None:
        loss = loss * weight[target.long().masked_fill(~kept, 0)]
    return loss.masked_fill(~kept, 0)


def poly1_cross_entropy(
    input: Tensor, target: Tensor, *, epsilon: float, label_smoothing: float, ignore_index: int
) -> Tensor:
    """Cross entropy + epsilon Σ q (1 − p), q the smoothed target."""
    if target.is_floating_point():
        dim = _class_dim(input)
        entropy = cross_entropy(input, target, reduction="none", label_smoothing=label_smoothing)
        wrong, kept = (target * (1 - input.softmax(dim))).sum(dim), None
    else:
        index = target.long()
        entropy = cross_entropy(
            input, index, reduction="none", ignore_index=ignore_index, label_smoothing=label_smoothing
        )
        chosen, kept = _log_likelihood(input, target, ignore_index)
        wrong = -chosen.expm1()
    wrong = (1 - label_smoothing) * wrong + label_smoothing * (1 - 1 / checks.classes(input))
    loss = entropy + epsilon * wrong
    return loss if kept is None else loss.masked_fill(~kept, 0)


def generalized_cross_entropy(input: Tensor, target: Tensor, *, q: float, ignore_index: int) -> Tensor:
    """(1 − p_t^q) / q."""
    chosen, kept = _log_likelihood(input, target, ignore_index)
    return (-(q * chosen).expm1() / q).masked_fill(~kept, 0)


def symmetric_cross_entropy(
    input: Tensor, target: Tensor, *, alpha: float, beta: float, log_zero: float, ignore_index: int
) -> Tensor:
    """alpha times the cross entropy, −log p_t, + beta times the reverse one, −log_zero (1 − p_t)."""
    chosen, kept = _log_likelihood(input, target, ignore_index)
    return (-alpha * chosen + beta * log_zero * chosen.expm1()).masked_fill(~kept, 0)


def multiclass_hinge(input: Tensor, target: Tensor, *, ignore_index: int) -> Tensor:
    """max over classes of (input + 1 − one-hot), less the target's input."""
    dim = _class_dim(input)
    index, kept = _index(target, ignore_index)
    index = index.unsqueeze(dim)
    own = input.gather(dim, index)
    ahead = (input + 1).scatter(dim, index, own)  # adding 1 and taking it off again would round
    return (ahead.amax(dim) - own.squeeze(dim)).masked_fill(~kept, 0)


def z(input: Tensor) -> Tensor:
    """(log Σ exp input)², over the classes."""
    return input.logsumexp(_class_dim(input)).square()


def _power(base: Tensor, exponent: float | Tensor) -> Tensor:
    """base^exponent for a base of at least 0, with gradient 0 in place of infinity at 0."""
    return base.clamp_min(torch.finfo(base.dtype).tiny) ** exponent


def _class_dim(input_: Tensor) -> int:
    return min(input_.dim() - 1, 1)


def _index(target: Tensor, ignore_index: int) -> tuple[Tensor, Tensor]:
    """Indices that are safe to gather by, and which of them count."""
    index = target.long()  # uint8 would wrap ignore_index
    kept = index != ignore_index
    return index.masked_fill(~kept, 0), kept


def _log_likelihood(input_: Tensor, target: Tensor, ignore_index: int) -> tuple[Tensor, Tensor]:
    """log p_t of each position, and which positions count."""
    dim = _class_dim(input_)
    index, kept = _index(target, ignore_index)
    return input_.log_softmax(dim).gather(dim, index.unsqueeze(dim)).squeeze(dim), kept


# Checks and lines of the catalogue


@dataclass(frozen=True, kw_only=True)
class _ClassEntry(FormulaEntry):
    """A loss of class targets, whose mean is torch's: over the total weight of the targets that are not ignored."""

    def forward(self, given: dict[str, Any], arguments: Arguments) -> Forward:
        how = arguments["reduction"]
        unreduced = super().forward(given, {**arguments, "reduction": "none"})
        if how != "mean":
            return lambda input_, target: reduce(unreduced(input_, target), how)

        def mean(input_: Tensor, target: Tensor) -> Tensor:
            losses = unreduced(input_, target)
            if target.is_floating_point():
                return losses.mean()
            index, kept = _index(target, arguments["ignore_index"])
            weight = arguments.get("weight")
            counted = kept if weight is None else weight[index].masked_fill(~kept, 0)
            wide = torch.promote_types(losses.dtype, torch.float32)  # float16 counts to 65504 only
            return (losses.sum(dtype=wide) / counted.sum(dtype=wide)).to(losses.dtype)

        return mean


def _unweighted(check: Check) -> Check:
    """A check of class targets, for losses that have no class weights."""
    return lambda tensors, arguments: check(tensors, {"weight": None, **arguments})


def _kept(tensors: Tensors, arguments: Arguments) -> float:
    return weights.classes(tensors, {"weight": None, **arguments})


def _binary_target(tensors: Tensors, arguments: Arguments) -> None:
    target = tensors["target"]
    bad = ~((target >= 0) & (target <= 1))
    checks.refuse(bad, target, "inputs.target", "target", "expected 0 or 1, or a probability between")


def _signs(tensors: Tensors, arguments: Arguments) -> None:
    target = tensors["target"]
    checks.refuse(
        target.abs() != 1, target, "inputs.target", "target", "expected -1 or 1; for 0 and 1 send 2 * target - 1"
    )


def _scores(tensors: Tensors, arguments: Arguments) -> None:
    input_ = tensors["input"]
    if input_.dim() == 0 or checks.classes(input_) == 0:
        raise checks.wrong_shape("input", input_, "(C,), (N, C) or (N, C, d1, …), with C at least 1")


_LOGITS = Input("input", Kind.FLOAT, "(C,), (N,C) or (N,C,d…)", "raw logits: no softmax before")
_CLASSES = (_LOGITS, Input("target", Kind.INDEX, "(), (N,) or (N,d…)", "class indices"))
_LABELS = (
    Input("input", Kind.FLOAT, "(*)", "raw logits: no sigmoid before"),
    Input("target", Kind.FLOAT, "(*), as input", "1 or 0, or probabilities"),
)
_IGNORE = Argument("ignore_index", int, -100, "target index that adds nothing to loss, gradient or mean")
_NOISY = "robust to wrong labels, but slow to start where classes are many"
_MEAN = "the targets that are not ignored"

ENTRIES: tuple[FormulaEntry, ...] = (
    FormulaEntry(
        name="sigmoid_focal_loss",
        class_name="SigmoidFocalLoss",
        summary="Binary cross entropy of raw logits in which easy examples count little.",
        formula="-alpha_t (1 - p_t)^gamma log p_t, where p_t is the probability of the target "
        "and alpha_t = alpha target + (1 - alpha)(1 - target)",
        inputs=_LABELS,
        arguments=(
            Argument("alpha", float, 0.25, "weight of positives, 1 - alpha that of negatives; below 0: none", most=1),
            Argument("gamma", float, 2.0, "how fast easy examples fade; 0 is cross entropy", least=0),
        ),
        function=sigmoid_focal,
        elements=_binary_target,
        traps=(
            "probabilities given as logits go unnoticed",
            "the default alpha weighs positives less than negatives",
            "in detection it is summed and divided by the positives, not by all anchors",
        ),
        tasks=("classification", "multi-label", "detection"),
        aliases=("sigmoid_focal", "focal_loss", "focal"),
        example=Example({"input": [0.8, -1.2], "target": [1.0, 0.0]}, 0.009748660027980804),
        source="https://docs.pytorch.org/vision/stable/generated/torchvision.ops.sigmoid_focal_loss.html",
    ),
    _ClassEntry(
        name="softmax_focal_loss",
        class_name="SoftmaxFocalLoss",
        summary="Softmax cross entropy of raw logits in which easy examples count little.",
        formula="-weight[target] (1 - p_t)^gamma log p_t, p_t = softmax(input)[target]",
        inputs=_CLASSES,
        arguments=(
            Argument("gamma", float, 2.0, "how fast easy examples fade; 0 is cross_entropy_loss", least=0),
            Argument("weight", Tensor, None, "weight of each class, (C,), of the type of input"),
            _IGNORE,
        ),
        function=softmax_focal,
        shapes=checks.class_shapes,
        elements=checks.class_indices,
        weight=weights.classes,
        mean="the total weight of the targets that are not ignored",
        spans=("input",),
        traps=(
            "softmax applied before is applied twice",
            "the mean divides by the total weight, as cross_entropy_loss does; some libraries divide by the count",
        ),
        tasks=("classification", "segmentation"),
        aliases=("softmax_focal", "multiclass_focal"),
        example=Example({"input": [[4.0, 1.0, 0.1]], "target": [0]}, 0.0002899080282077193),
        source="https://arxiv.org/abs/1708.02002",
    ),
    _ClassEntry(
        name="poly1_cross_entropy_loss",
        class_name="Poly1CrossEntropyLoss",
        summary="Cross entropy with the first coefficient of its polynomial expansion set at will.",
        formula="CE(input, q) + epsilon Σ q (1 - softmax(input)), "
        "q = (1 - label_smoothing) target + label_smoothing / C",
        inputs=(
            _LOGITS,
            Input(
                "target",
                Kind.INDEX_OR_PROBABILITIES,
                "(), (N,) or (N,d…); or as input",
                "class indices, or class probabilities of the type of input",
            ),
        ),
        arguments=(
            Argument("epsilon", float, 2.0, "added to the first coefficient; 0 is cross_entropy_loss", least=-1),
            Argument("label_smoothing", float, 0.0, "share of the target spread over all classes", least=0, most=1),
            _IGNORE,
        ),
        function=poly1_cross_entropy,
        shapes=_unweighted(checks.cross_entropy_shapes),
        elements=checks.cross_entropy_elements,
        weight=_kept,
        mean=_MEAN,
        spans=("input",),
        traps=("softmax applied before is applied twice", "values compare only at the same epsilon"),
        tasks=("classification",),
        aliases=("poly1_cross_entropy", "poly_loss", "poly_loss_cross_entropy"),
        example=Example({"input": [[4.0, 1.0, 0.1]], "target": [0]}, 0.19857725501060486),
        source="https://arxiv.org/abs/2204.12511",
    ),
    _ClassEntry(
        name="generalized_cross_entropy_loss",
        class_name="GeneralizedCrossEntropyLoss",
        summary="Between cross entropy and absolute error, for labels of which some are wrong.",
        formula="(1 - p_t^q) / q, p_t = softmax(input)[target]",
        inputs=_CLASSES,
        arguments=(
            Argument("q", float, 0.7, "towards 0 cross entropy, 1 the mean absolute error", above=0, most=1),
            _IGNORE,
        ),
        function=generalized_cross_entropy,
        shapes=_unweighted(checks.class_shapes),
        elements=checks.class_indices,
        weight=_kept,
        mean=_MEAN,
        spans=("input",),
        traps=(_NOISY, "softmax applied before is applied twice"),
        tasks=("classification",),
        aliases=("generalized_cross_entropy", "gce"),
        example=Example({"input": [[4.0, 1.0, 0.1]], "target": [0]}, 0.06610721349716187),
        source="https://arxiv.org/abs/1805.07836",
    ),
    _ClassEntry(
        name="symmetric_cross_entropy_loss",
        class_name="SymmetricCrossEntropyLoss",
        summary="Cross entropy plus the reverse one, for labels of which some are wrong.",
        formula="-alpha log p_t - beta log_zero (1 - p_t), p_t = softmax(input)[target]",
        inputs=_CLASSES,
        arguments=(
            Argument("alpha", float, 0.1, "weight of the cross entropy", least=0),
            Argument("beta", float, 1.0, "weight of the reverse cross entropy", least=0),
            Argument("log_zero", float, -4.0, "what log 0 of the one-hot target is taken for, A in the paper", most=0),
            _IGNORE,
        ),
        function=symmetric_cross_entropy,
        shapes=_unweighted(checks.class_shapes),
        elements=checks.class_indices,
        weight=_kept,
        mean=_MEAN,
        spans=("input",),
        traps=(
            "the paper says log_zero = -4, its code clamps at 1e-4, which is log_zero = -9.2103",
            "alpha is to grow with the number of classes: 0.1 for ten of them, 6 for a hundred",
        ),
        tasks=("classification",),
        aliases=("symmetric_cross_entropy", "sce"),
        example=Example({"input": [[4.0, 1.0, 0.1]], "target": [0]}, 0.268551766872406),
        source="https://arxiv.org/abs/1908.06112",
    ),
    FormulaEntry(
        name="asymmetric_loss",
        class_name="AsymmetricLoss",
        summary="Multi-label cross entropy of raw logits, for labels that are mostly absent.",
        formula="-target (1 - p)^gamma_pos log p - (1 - target) p_m^gamma_neg log(1 - p_m), "
        "p = sigmoid(input), p_m = max(p - clip, 0)",
        inputs=_LABELS,
        arguments=(
            Argument("gamma_neg", float, 4.0, "how fast easy negatives fade", least=0),
            Argument("gamma_pos", float, 1.0, "how fast easy positives fade", least=0),
            Argument("clip", float, 0.05, "probability up to which a negative costs nothing", least=0, below=1),
            Argument("eps", float, 1e-8, "least probability that the logarithm sees", above=0, below=1),
            Argument(
                "disable_torch_grad_focal_loss", bool, True, "whether the focal powers are held constant in gradients"
            ),
        ),
        function=asymmetric,
        elements=_binary_target,
        traps=(
            "the reference sums over labels and examples; here the mean is the default",
            "by default the focal powers have no gradient, so numerical differences disagree with it",
        ),
        tasks=("multi-label",),
        aliases=("asymmetric", "asl"),
        example=Example({"input": [0.8, -1.2], "target": [1.0, 0.0]}, 0.057633932679891586),
        source="https://arxiv.org/abs/2009.14119",
    ),
    FormulaEntry(
        name="hinge_loss",
        class_name="HingeLoss",
        summary="The loss of support vector machines: nothing beyond the margin, linear within.",
        formula="max(0, 1 - input target)",
        inputs=(
            Input("input", Kind.FLOAT, "(*)", "scores"),
            Input("target", Kind.FLOAT, "(*), as input", "1 or -1"),
        ),
        function=hinge,
        elements=_signs,
        traps=("labels are 1 and -1, not 1 and 0", "hinge_embedding_loss is another loss, of distances"),
        tasks=("classification",),
        aliases=("hinge", "svm"),
        example=Example({"input": [0.5, -2.0], "target": [1.0, 1.0]}, 1.75),
        source="https://optax.readthedocs.io/en/latest/api/losses.html#optax.losses.hinge_loss",
    ),
    _ClassEntry(
        name="multiclass_hinge_loss",
        class_name="MulticlassHingeLoss",
        summary="Hinge loss of the worst class against the true one (Crammer and Singer).",
        formula="max_c(input[c] + [c != target]) - input[target]",
        inputs=(Input("input", Kind.FLOAT, _LOGITS.shape, "scores"), _CLASSES[1]),
        arguments=(_IGNORE,),
        function=multiclass_hinge,
        shapes=_unweighted(checks.class_shapes),
        elements=checks.class_indices,
        weight=_kept,
        mean=_MEAN,
        spans=("input",),
        traps=("multi_margin_loss sums over all wrong classes, this takes the worst",),
        tasks=("classification",),
        aliases=("multiclass_hinge", "crammer_singer"),
        example=Example({"input": [[2.0, 1.5, 0.0]], "target": [0]}, 0.5),
        source="https://optax.readthedocs.io/en/latest/api/losses.html#optax.losses.multiclass_hinge_loss",
    ),
    FormulaEntry(
        name="z_loss",
        class_name="ZLoss",
        summary="Squared log-partition of the softmax: a term that keeps logits from drifting.",
        formula="(log Σ exp(input))², over the classes",
        inputs=(_LOGITS,),
        function=z,
        shapes=_scores,
        weight=weights.positions,
        mean="the positions",
        spans=("input",),
        traps=("a term beside a cross entropy, with a weight near 1e-4: alone it teaches nothing",),
        tasks=("regularisation", "classification"),
        aliases=("router_z_loss",),
        example=Example({"input": [[4.0, 1.0, 0.1]]}, 16.546066284179688),
        source="https://arxiv.org/abs/2204.02311",
    ),
)
