"""The losses of torch.nn, written by proto/catalogue.py from the server's catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from lossd.loss import Loss, Reduction
from lossd.spec import Spec
from lossd.tensors import ArrayLike


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LinearCrossEntropyOptions(Spec):
    """Computes chunk by chunk, in less memory; left out, all logits at once.

    Args:
        allow_retain_graph: whether gradients are kept for a second backward pass; default false.
        batch_chunk_size: rows of a chunk, in place of chunking_method; at least 1 and at most 1099511627776.
        chunking_method: auto, aspect_ratio, or aspect_ratio:N for chunks N times smaller; default auto.
        acc_policy: what is accumulated in a wider type; auto, accurate, balanced, compact; default auto.
    """

    allow_retain_graph: bool | None = None
    batch_chunk_size: int | None = None
    chunking_method: str | None = None
    acc_policy: Literal["auto", "accurate", "balanced", "compact"] | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class L1Loss(Loss):
    """Mean absolute error.

    Formula: |input - target|

    Args:
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: predictions; floating, (*).
        target: true values; floating, of the shape of input.

    Traps:
        - torch broadcasts (N,1) against (N,) to (N,N); lossd refuses it unless allow_broadcast is set
        - the mean over no elements is nan

    Example:
        >>> L1Loss()
        L1Loss()

        client.evaluate(lossd.L1Loss(), [78, 85, 92], [80, 87, 90]).value   # 2.0

    Reference: torch.nn.L1Loss
    """

    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("l1", "mae", "mean_absolute_error")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MSELoss(Loss):
    """Mean squared error.

    Formula: (input - target)^2

    Args:
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: predictions; floating, (*).
        target: true values; floating, of the shape of input.

    Traps:
        - torch broadcasts (N,1) against (N,) to (N,N); lossd refuses it unless allow_broadcast is set
        - one outlier can carry most of the loss: see huber_loss
        - the mean over no elements is nan

    Example:
        >>> MSELoss()
        MSELoss()

        client.evaluate(lossd.MSELoss(), [78, 85, 92], [80, 87, 90]).value   # 4.0

    Reference: torch.nn.MSELoss
    """

    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("mse", "mean_squared_error")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SmoothL1Loss(Loss):
    """Squared below beta, absolute above.

    Formula: 0.5 (input - target)^2 / beta if |input - target| < beta else |input - target| - 0.5 beta

    Args:
        beta: where the square turns into the absolute value; at least 0; default 1.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: predictions; floating, (*).
        target: true values; floating, of the shape of input.

    Traps:
        - torch broadcasts (N,1) against (N,) to (N,N); lossd refuses it unless allow_broadcast is set
        - as beta shrinks this tends to l1_loss, huber_loss tends to 0
        - the mean over no elements is nan

    Example:
        >>> SmoothL1Loss(beta=2.0)
        SmoothL1Loss(beta=2.0)

        client.evaluate(lossd.SmoothL1Loss(beta=2.0), [0.0, 3.0], [0.5, 0.0]).value   # 1.03125

    Reference: torch.nn.SmoothL1Loss
    """

    beta: float | None = None
    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("smooth_l1",)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class HuberLoss(Loss):
    """Squared below delta, absolute above, scaled by delta.

    Formula: 0.5 (input - target)^2 if |input - target| < delta else delta (|input - target| - 0.5 delta)

    Args:
        delta: where the square turns into the absolute value; above 0; default 1.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: predictions; floating, (*).
        target: true values; floating, of the shape of input.

    Traps:
        - torch broadcasts (N,1) against (N,) to (N,N); lossd refuses it unless allow_broadcast is set
        - delta is in the units of the target
        - the mean over no elements is nan

    Example:
        >>> HuberLoss(delta=2.0)
        HuberLoss(delta=2.0)

        client.evaluate(lossd.HuberLoss(delta=2.0), [0.0, 3.0], [0.5, 0.0]).value   # 2.0625

    Reference: torch.nn.HuberLoss
    """

    delta: float | None = None
    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("huber",)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CrossEntropyLoss(Loss):
    """Softmax cross entropy of raw logits.

    Formula: -weight[target] log softmax(input)[target]; of probabilities, the sum over classes, each by its own

    Args:
        weight: weight of each class, (C,), of the type of input.
        ignore_index: target index that adds nothing to loss or gradient; default -100.
        label_smoothing: share of the target spread over all classes; at least 0 and at most 1; default 0.
        reduction: "mean" (default: divided by the total weight of the targets that are not ignored), "none" or "sum".

    Inputs:
        input: raw logits: no softmax before; floating, (C,), (N,C) or (N,C,d…).
        target: class indices, or class probabilities of the type of input; int64 or uint8, or floating, (), (N,) or
            (N,d…); or as input.

    Traps:
        - softmax applied before is applied twice
        - int32 targets are refused by torch
        - the mean is nan if every target is ignored
        - class probabilities that do not add up to 1 are accepted

    Example:
        >>> CrossEntropyLoss()
        CrossEntropyLoss()

        client.evaluate(lossd.CrossEntropyLoss(), [[4.0, 1.0, 0.1]], [0]).value   # 0.06768565624952316

    Reference: torch.nn.CrossEntropyLoss
    """

    weight: ArrayLike | None = None
    ignore_index: int | None = None
    label_smoothing: float | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True, "target": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("ce", "cross_entropy", "softmax_cross_entropy")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class NLLLoss(Loss):
    """Negative log likelihood of log-probabilities.

    Formula: -weight[target] input[target]

    Args:
        weight: weight of each class, (C,), of the type of input.
        ignore_index: target index that adds nothing to loss or gradient; default -100.
        reduction: "mean" (default: divided by the total weight of the targets that are not ignored), "none" or "sum".

    Inputs:
        input: log-probabilities, as log_softmax gives them; floating, (C,), (N,C) or (N,C,d…).
        target: class indices; int64 or uint8, (), (N,) or (N,d…).

    Traps:
        - input above 0 means that log_softmax was forgotten
        - the mean is nan if every target is ignored

    Example:
        >>> NLLLoss()
        NLLLoss()

        client.evaluate(lossd.NLLLoss(), [[-0.1, -2.5, -4.0]], [1]).value   # 2.5

    Reference: torch.nn.NLLLoss
    """

    weight: ArrayLike | None = None
    ignore_index: int | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True, "target": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("nll",)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PoissonNLLLoss(Loss):
    """Negative log likelihood of a Poisson count.

    Formula: exp(input) - target input if log_input else input - target log(input + eps)

    Args:
        log_input: whether input is the logarithm of the rate; default true.
        full: whether to add target log target - target + 0.5 log(2 pi target); default false.
        eps: keeps log(input) finite without log_input; at least 0; default 1e-08.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: log of the rate, or the rate without log_input; floating, (*).
        target: observed counts; floating, of the shape of input.

    Traps:
        - torch broadcasts (N,1) against (N,) to (N,N); lossd refuses it unless allow_broadcast is set
        - log_input defaults to true
        - without log_input a negative input gives nan

    Example:
        >>> PoissonNLLLoss()
        PoissonNLLLoss()

        client.evaluate(lossd.PoissonNLLLoss(), [0.0, 1.0], [1.0, 3.0]).value   # 0.35914087295532227

    Reference: torch.nn.PoissonNLLLoss
    """

    log_input: bool | None = None
    full: bool | None = None
    eps: float | None = None
    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("poisson_nll", "poisson")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class KLDivLoss(Loss):
    """Kullback-Leibler divergence of target from input.

    Formula: target (log target - input)

    Args:
        log_target: whether target is given as logarithms; default false.
        reduction: "mean" (default: divided by every element, which is not the divergence: batchmean is), "none", "sum"
            or "batchmean".

    Inputs:
        input: log-probabilities; floating, (*).
        target: probabilities, or log-probabilities with log_target; floating, of the shape of input.

    Traps:
        - mean divides by every element and is not the divergence; batchmean is
        - input must be log-probabilities, target probabilities
        - a negative target gives nan

    Example:
        >>> KLDivLoss(reduction='batchmean')
        KLDivLoss(reduction='batchmean')

        client.evaluate(
            lossd.KLDivLoss(reduction='batchmean'),
            [[-1.0, -0.5]],
            [[0.4, 0.6]],
        ).value   # 0.026988357305526733

    Reference: torch.nn.KLDivLoss
    """

    log_target: bool | None = None
    reduction: Literal["none", "mean", "sum", "batchmean"] | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("kl", "kl_div", "kullback_leibler")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class BCELoss(Loss):
    """Binary cross entropy of probabilities.

    Formula: -weight (target log input + (1 - target) log(1 - input))

    Args:
        weight: rescales each element; broadcast to the shape of input.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: probabilities from 0 to 1; floating, (*).
        target: probabilities from 0 to 1; floating, of the shape of input.

    Traps:
        - log is clamped at -100
        - raw logits belong to bce_with_logits_loss
        - the mean over no elements is nan

    Example:
        >>> BCELoss()
        BCELoss()

        client.evaluate(lossd.BCELoss(), [0.8, 0.3], [1, 0]).value   # 0.2899092435836792

    Reference: torch.nn.BCELoss
    """

    weight: ArrayLike | None = None
    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("bce", "binary_cross_entropy")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class BCEWithLogitsLoss(Loss):
    """Binary cross entropy of raw logits.

    Formula: -weight (pos_weight target log sigmoid(input) + (1 - target) log(1 - sigmoid(input)))

    Args:
        weight: rescales each element; broadcast to the shape of input.
        pos_weight: weight of positive examples; broadcast to the shape of input.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: raw logits: no sigmoid before; floating, (*).
        target: probabilities, 0 or 1 for hard labels; floating, of the shape of input.

    Traps:
        - probabilities given as logits go unnoticed
        - int targets are refused: send floats
        - the mean over no elements is nan

    Example:
        >>> BCEWithLogitsLoss()
        BCEWithLogitsLoss()

        client.evaluate(lossd.BCEWithLogitsLoss(), [0.8, -1.2], [1, 0]).value   # 0.31719154119491577

    Reference: torch.nn.BCEWithLogitsLoss
    """

    weight: ArrayLike | None = None
    pos_weight: ArrayLike | None = None
    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = (
        "bce_with_logits",
        "sigmoid_cross_entropy",
        "binary_cross_entropy_with_logits",
    )


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CTCLoss(Loss):
    """Connectionist temporal classification: sequences without alignment.

    Formula: -log sum over alignments of prod_t exp(log_probs[t, label_t])

    Args:
        blank: class that stands for no label, 0 to C - 1; at least 0; default 0.
        zero_infinity: whether impossible alignments count as 0; default false.
        reduction: "mean" (default: each loss divided by its target's length, then by the batch), "none" or "sum".

    Inputs:
        log_probs: log-probabilities, as log_softmax gives them; float32 or float64, (T,N,C) or (T,C).
        targets: class indices, none of them blank; int32 or int64, (N,S), (S,) or flat.
        input_lengths: steps of log_probs that count, 0 to T; int32 or int64, (N,) or ().
        target_lengths: labels of targets that count, 0 to S; int32 or int64, (N,) or ().

    Traps:
        - targets longer than the input allows give inf unless zero_infinity is set
        - torch reads foreign memory for labels or lengths out of range; lossd refuses them
        - mean divides each loss by its target length first

    Example:
        >>> CTCLoss()
        CTCLoss()

        client.evaluate(
            lossd.CTCLoss(),
            [[-0.5, -1.0, -3.0], [-1.5, -0.4, -2.5]],
            [1],
            [2],
            [1],
        ).value   # 0.3075425326824188

    Reference: torch.nn.CTCLoss
    """

    blank: int | None = None
    zero_infinity: bool | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {
        "log_probs": True,
        "targets": False,
        "input_lengths": False,
        "target_lengths": False,
    }
    ALIASES: ClassVar[tuple[str, ...]] = ("ctc",)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class AdaptiveLogSoftmaxWithLoss(Loss):
    """Softmax cross entropy over very many classes, the rare ones in clusters of their own.

    Formula: -log p(target), p of a class in a cluster being p(cluster) p(class | cluster)

    Args:
        in_features: width of input; at least 1 and at most 1048576; required.
        n_classes: classes; at least 2 and at most 1048576; required.
        cutoffs: first class of each cluster; rising, below n_classes; at least 1 and at most 1048576; required.
        div_value: how much narrower each cluster's projection is; above 0; default 4.
        head_bias: whether the head has a bias; default false.

    Inputs:
        input: what the head takes; floating, (N,in_features) or (in_features,).
        target: class indices, frequent classes first; int64, (N,) or ().
        head.weight: weight of the head; floating, (cutoffs[0]+clusters,in_features).
        head.bias: its bias, with head_bias=True; floating, (cutoffs[0]+clusters,), optional.
        tail.0.0.weight: projection of the first cluster; tail.i.0.weight is ⌊in_features/div_value^(i+1)⌋ high;
            floating, (⌊in_features/div_value⌋,in_features).
        tail.0.1.weight: scores of its classes; tail.i.1.weight is as wide as that projection is high; floating,
            (cutoffs[1]-cutoffs[0],⌊in_features/div_value⌋).

    Traps:
        - classes must be sorted by frequency
        - the mean is all there is: it has no reduction
        - a late cluster's projection may be 0 high: all its classes then score alike

    Example:
        >>> AdaptiveLogSoftmaxWithLoss(in_features=2, n_classes=3, cutoffs=[1], div_value=2.0)
        AdaptiveLogSoftmaxWithLoss(in_features=2, n_classes=3, cutoffs=[1], div_value=2.0)

        client.evaluate(
            lossd.AdaptiveLogSoftmaxWithLoss(in_features=2, n_classes=3, cutoffs=[1], div_value=2.0),
            [[1.0, 2.0]],
            [2],
            [[1.0, 0.0], [0.0, 1.0]],
            **{'tail.0.0.weight': [[1.0, 1.0]], 'tail.0.1.weight': [[0.0], [1.0]]},
        ).value   # 0.36184898018836975

    Reference: torch.nn.AdaptiveLogSoftmaxWithLoss
    """

    in_features: int
    n_classes: int
    cutoffs: Sequence[int]
    div_value: float | None = None
    head_bias: bool | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {
        "input": True,
        "target": False,
        "head.weight": True,
        "head.bias": True,
        "tail.0.0.weight": True,
        "tail.0.1.weight": True,
    }
    ALIASES: ClassVar[tuple[str, ...]] = ("adaptive_softmax", "adaptive_log_softmax")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["head.bias"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CosineEmbeddingLoss(Loss):
    """One minus the cosine of similar pairs, and a hinge on that of dissimilar ones.

    Formula: 1 - cos(input1, input2) if target = 1, max(0, cos(input1, input2) - margin) if target = -1

    Args:
        margin: cosine below which dissimilar pairs cost nothing; default 0.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input1: vectors; floating, (N,D) or (D,).
        input2: vectors to compare with; floating, of the shape of input1.
        target: 1 for similar pairs, -1 for dissimilar ones; floating, int32 or int64, (N,) or ().

    Traps:
        - torch takes any target and computes something else; lossd refuses all but 1 and -1
        - the mean over no elements is nan

    Example:
        >>> CosineEmbeddingLoss()
        CosineEmbeddingLoss()

        client.evaluate(lossd.CosineEmbeddingLoss(), [[1.0, 0.0]], [[0.6, 0.8]], [1]).value   # 0.3999999761581421

    Reference: torch.nn.CosineEmbeddingLoss
    """

    margin: float | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input1": True, "input2": True, "target": True}
    ALIASES: ClassVar[tuple[str, ...]] = ("cosine_embedding",)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GaussianNLLLoss(Loss):
    """Negative log likelihood of a normal distribution whose variance is predicted too.

    Formula: 0.5 (log max(var, eps) + (input - target)^2 / max(var, eps)), plus 0.5 log(2 pi) if full

    Args:
        full: whether to add the constant 0.5 log(2 pi); default false.
        eps: least variance; smaller ones are raised to it, above 0; above 0; default 1e-06.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: expected values; floating, (*).
        target: samples; floating, of the shape of input.
        var: variances, at least 0; floating, (*), as input, or its last dimension 1 or left out.

    Traps:
        - var is the variance, not the standard deviation nor its logarithm
        - a variance below eps is raised to it, yet gets the gradient of eps
        - the mean over no elements is nan

    Example:
        >>> GaussianNLLLoss()
        GaussianNLLLoss()

        client.evaluate(lossd.GaussianNLLLoss(), [0.0, 1.0], [0.5, 0.0], [1.0, 2.0]).value   # 0.3607867956161499

    Reference: torch.nn.GaussianNLLLoss
    """

    full: bool | None = None
    eps: float | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True, "target": True, "var": True}
    ALIASES: ClassVar[tuple[str, ...]] = ("gaussian_nll",)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class HingeEmbeddingLoss(Loss):
    """The distance of similar pairs, and a hinge on that of dissimilar ones.

    Formula: input if target = 1, max(0, margin - input) if target = -1

    Args:
        margin: how far apart dissimilar pairs should be; default 1.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: distances; floating, (*).
        target: 1 for similar pairs, -1 for dissimilar ones; floating, int32 or int64, of the shape of input.

    Traps:
        - torch takes any target and computes something else; lossd refuses all but 1 and -1
        - input is a distance, not a score
        - the mean over no elements is nan

    Example:
        >>> HingeEmbeddingLoss()
        HingeEmbeddingLoss()

        client.evaluate(lossd.HingeEmbeddingLoss(), [0.3, 0.4], [1, -1]).value   # 0.45000001788139343

    Reference: torch.nn.HingeEmbeddingLoss
    """

    margin: float | None = None
    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("hinge_embedding",)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LinearCrossEntropyLoss(Loss):
    """Softmax cross entropy of logits that a linear layer makes, in one step.

    Formula: -weight[target] log softmax(linear.weight input + linear.bias)[target]

    Args:
        in_features: width of input; at least 1 and at most 1048576; required.
        num_classes: classes, C; at least 1 and at most 1048576; required.
        out_features: further dimensions of the target; at least 1 and at most 1048576.
        bias: whether the linear layer has a bias; default false.
        weight: weight of each class, (C,), of the type of input.
        ignore_index: target index that adds nothing to loss or gradient; -100 if left out.
        label_smoothing: share of the target spread over all classes; at least 0 and at most 1; default 0.
        options: computes chunk by chunk, in less memory; left out, all logits at once.
        reduction: "mean" (default: divided by the total weight of the targets that are not ignored), "none" or "sum".

    Inputs:
        input: what the linear layer takes; floating, (N,in_features) or (in_features,).
        target: class indices, or class probabilities of the type of input; int64 or uint8, or floating,
            (N,*out_features) or (); or (N,C,*out_features).
        linear.weight: weight of the linear layer; floating, (C·Πout_features,in_features).
        linear.bias: its bias, with bias=True; floating, (C·Πout_features,), optional.

    Traps:
        - chunks trade time for memory: on a CPU they are several times slower

    Example:
        >>> LinearCrossEntropyLoss(in_features=2, num_classes=3)
        LinearCrossEntropyLoss(in_features=2, num_classes=3)

        client.evaluate(
            lossd.LinearCrossEntropyLoss(in_features=2, num_classes=3),
            [[1.0, 2.0]],
            [0],
            [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]],
        ).value   # 2.4076058864593506

    Reference: torch.nn.LinearCrossEntropyLoss
    """

    in_features: int
    num_classes: int
    out_features: Sequence[int] | None = None
    bias: bool | None = None
    weight: ArrayLike | None = None
    ignore_index: int | None = None
    label_smoothing: float | None = None
    options: LinearCrossEntropyOptions | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True, "target": False, "linear.weight": True, "linear.bias": True}
    ALIASES: ClassVar[tuple[str, ...]] = ("linear_cross_entropy", "fused_linear_cross_entropy")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["linear.bias"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MarginRankingLoss(Loss):
    """Hinge on the difference of two scores, of which target says the higher.

    Formula: max(0, -target (input1 - input2) + margin)

    Args:
        margin: how far apart the scores should be; default 0.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input1: scores; floating, (*).
        input2: scores to compare with; floating, of the shape of input1.
        target: 1 where input1 should be higher, -1 where input2; floating, int32 or int64, of the shape of input1.

    Traps:
        - torch takes any target and computes something else; lossd refuses all but 1 and -1
        - with the default margin of 0 equal scores cost nothing
        - the mean over no elements is nan

    Example:
        >>> MarginRankingLoss(margin=0.1)
        MarginRankingLoss(margin=0.1)

        client.evaluate(
            lossd.MarginRankingLoss(margin=0.1),
            [0.2, 0.9],
            [0.5, 0.1],
            [1, 1],
        ).value   # 0.20000000298023224

    Reference: torch.nn.MarginRankingLoss
    """

    margin: float | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input1": True, "input2": True, "target": True}
    ALIASES: ClassVar[tuple[str, ...]] = ("margin_ranking",)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MultiLabelMarginLoss(Loss):
    """Hinge on the score of every class that is not a target over every one that is.

    Formula: sum_{j in targets} sum_{i not in targets} max(0, 1 - (input[j] - input[i])) / C

    Args:
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: scores of each class; float32 or float64, (N,C) or (C,).
        target: class indices from the left, then -1; int64, of the shape of input.

    Traps:
        - what follows the first -1 is not read
        - multi-hot targets belong to multi_label_soft_margin_loss
        - of no examples torch answers whatever its memory held; lossd refuses them

    Example:
        >>> MultiLabelMarginLoss()
        MultiLabelMarginLoss()

        client.evaluate(
            lossd.MultiLabelMarginLoss(),
            [[0.1, 0.2, 0.4, 0.8]],
            [[3, 0, -1, 1]],
        ).value   # 0.8500000238418579

    Reference: torch.nn.MultiLabelMarginLoss
    """

    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True, "target": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("multi_label_margin", "multilabel_margin")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MultiLabelSoftMarginLoss(Loss):
    """Binary cross entropy of raw logits, averaged over the classes.

    Formula: -sum_c weight[c] (target[c] log sigmoid(input[c]) + (1 - target[c]) log sigmoid(-input[c])) / C

    Args:
        weight: rescales each element; broadcast to the shape of input.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: raw logits; floating, (*).
        target: 0 or 1 for each class; floating, of the shape of input.

    Traps:
        - the last dimension is the classes, averaged away even without reduction
        - the mean over no elements is nan

    Example:
        >>> MultiLabelSoftMarginLoss()
        MultiLabelSoftMarginLoss()

        client.evaluate(lossd.MultiLabelSoftMarginLoss(), [[0.5, -1.0, 2.0]], [[1, 0, 1]]).value   # 0.3047555685043335

    Reference: torch.nn.MultiLabelSoftMarginLoss
    """

    weight: ArrayLike | None = None
    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("multi_label_soft_margin", "multilabel_soft_margin")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MultiMarginLoss(Loss):
    """Hinge on every other class's score over the target's.

    Formula: sum_{i != target} max(0, margin - input[target] + input[i])^p / C, times weight[target]

    Args:
        p: power of the hinge, 1 or 2; at least 1 and at most 2; default 1.
        margin: how far ahead the target should be; default 1.
        weight: weight of each class, (C,), of the type of input.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: scores of each class; float32 or float64, (N,C) or (C,).
        target: class indices; int64, (N,) or ().

    Traps:
        - the sum is divided by the number of classes
        - the mean divides by N, whatever the weights
        - the mean over no elements is nan

    Example:
        >>> MultiMarginLoss()
        MultiMarginLoss()

        client.evaluate(lossd.MultiMarginLoss(), [[0.1, 0.2, 0.4, 0.8]], [3]).value   # 0.32499998807907104

    Reference: torch.nn.MultiMarginLoss
    """

    p: int | None = None
    margin: float | None = None
    weight: ArrayLike | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True, "target": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("multi_margin",)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SoftMarginLoss(Loss):
    """Logistic loss of scores against signs.

    Formula: log(1 + exp(-target input))

    Args:
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: scores; floating, (*).
        target: 1 or -1; floating, int32 or int64, of the shape of input.

    Traps:
        - torch takes any target and computes something else; lossd refuses all but 1 and -1
        - for targets of 0 and 1 there is bce_with_logits_loss
        - the mean over no elements is nan

    Example:
        >>> SoftMarginLoss()
        SoftMarginLoss()

        client.evaluate(lossd.SoftMarginLoss(), [0.5, -2.0], [1, -1]).value   # 0.3005025088787079

    Reference: torch.nn.SoftMarginLoss
    """

    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("soft_margin",)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TripletMarginLoss(Loss):
    """Hinge on how much nearer the positive is to the anchor than the negative.

    Formula: max(0, |anchor - positive|_p - |anchor - negative|_p + margin)

    Args:
        margin: how much further negative should be than positive; above 0; default 1.
        p: norm of the distance; inf is the largest difference; at least 0; default 2.
        eps: added to every difference; at least 0; default 1e-06.
        swap: whether the nearer of anchor and positive stands against negative; default false.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        anchor: vectors; floating, (N,D) or (D,).
        positive: vectors that should be near to anchor; floating, of the shape of anchor.
        negative: vectors that should be far from anchor; floating, of the shape of anchor.

    Traps:
        - eps is added to the differences, so equal vectors are not quite 0 apart
        - the mean over no elements is nan

    Example:
        >>> TripletMarginLoss()
        TripletMarginLoss()

        client.evaluate(lossd.TripletMarginLoss(), [[0.0, 0.0]], [[1.0, 0.0]], [[0.0, 1.5]]).value   # 0.5

    Reference: torch.nn.TripletMarginLoss
    """

    margin: float | None = None
    p: float | None = None
    eps: float | None = None
    swap: bool | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"anchor": True, "positive": True, "negative": True}
    ALIASES: ClassVar[tuple[str, ...]] = ("triplet", "triplet_margin")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TripletMarginWithDistanceLoss(Loss):
    """Triplet margin loss by a distance of choice.

    Formula: max(0, d(anchor, positive) - d(anchor, negative) + margin)

    Args:
        distance_function: the distance of two vectors; pairwise (torch.nn.functional.pairwise_distance, the default),
            manhattan (pairwise_distance with p=1), chebyshev (pairwise_distance with p=inf), squared_euclidean (sum of
            squared differences), cosine (one minus cosine similarity).
        margin: how much further negative should be than positive; above 0; default 1.
        swap: whether the nearer of anchor and positive stands against negative; default false.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        anchor: vectors; floating, (N,D) or (D,).
        positive: vectors that should be near to anchor; floating, of the shape of anchor.
        negative: vectors that should be far from anchor; floating, of the shape of anchor.

    Traps:
        - distances differ in scale, so margin means something else with each

    Example:
        >>> TripletMarginWithDistanceLoss(distance_function='cosine')
        TripletMarginWithDistanceLoss(distance_function='cosine')

        client.evaluate(
            lossd.TripletMarginWithDistanceLoss(distance_function='cosine'),
            [[1.0, 0.0]],
            [[0.6, 0.8]],
            [[0.0, 1.0]],
        ).value   # 0.3999999761581421

    Reference: torch.nn.TripletMarginWithDistanceLoss
    """

    distance_function: Literal["pairwise", "manhattan", "chebyshev", "squared_euclidean", "cosine"] | None = None
    margin: float | None = None
    swap: bool | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"anchor": True, "positive": True, "negative": True}
    ALIASES: ClassVar[tuple[str, ...]] = ("triplet_margin_with_distance",)
