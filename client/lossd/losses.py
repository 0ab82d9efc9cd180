"""The losses of torch.nn as data, named and parametrised as there; knows nothing of how they are computed or sent.

Every argument is by keyword, and None means torch's default. Inputs go to `Client.evaluate` in the order given
under Inputs, or by keyword. Shapes are in torch's notation: N examples, C classes, `*` any dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from lossd.loss import Loss, Reduction
from lossd.tensors import ArrayLike


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class L1Loss(Loss):
    """Mean absolute error.

    Formula: |input − target|

    Args:
        reduction: "none", "mean" (default) or "sum".

    Inputs: `input`, floating (*); `target`, floating, of the shape of `input`.

    Example:
        >>> L1Loss(reduction="sum")
        L1Loss(reduction='sum')

        client.evaluate(lossd.L1Loss(), [78, 85, 92], [80, 87, 90]).value   # 2.0

    Reference: torch.nn.L1Loss
    """

    reduction: Reduction | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MSELoss(Loss):
    """Mean squared error.

    Formula: (input − target)²

    Args:
        reduction: "none", "mean" (default) or "sum".

    Inputs: `input`, floating (*); `target`, floating, of the shape of `input`.

    Example:
        >>> MSELoss()
        MSELoss()

        client.evaluate(lossd.MSELoss(), [78, 85, 92], [80, 87, 90]).value   # 4.0

    Reference: torch.nn.MSELoss
    """

    reduction: Reduction | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SmoothL1Loss(Loss):
    """Squared error below `beta`, absolute error above.

    Formula: ½(input − target)²/beta where |input − target| < beta, else |input − target| − ½beta

    Args:
        beta: where the square turns into the absolute value; at least 0, default 1.
        reduction: "none", "mean" (default) or "sum".

    Inputs: `input`, floating (*); `target`, floating, of the shape of `input`.

    Example:
        >>> SmoothL1Loss(beta=0.5)
        SmoothL1Loss(beta=0.5)

    Reference: torch.nn.SmoothL1Loss
    """

    beta: float | None = None
    reduction: Reduction | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class HuberLoss(Loss):
    """Squared error below `delta`, absolute error scaled by `delta` above: outliers pull less than in MSELoss.

    Formula: ½(input − target)² where |input − target| < delta, else delta(|input − target| − ½delta)

    Args:
        delta: where the square turns into the absolute value; above 0, default 1.
        reduction: "none", "mean" (default) or "sum".

    Inputs: `input`, floating (*); `target`, floating, of the shape of `input`.

    Example:
        >>> HuberLoss(delta=2.0)
        HuberLoss(delta=2.0)

    Reference: torch.nn.HuberLoss
    """

    delta: float | None = None
    reduction: Reduction | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CrossEntropyLoss(Loss):
    """Softmax cross entropy of raw logits.

    Formula: −weight[y] · log softmax(input)[y]

    Args:
        weight: weight of each class, (C,), of the type of `input`; default 1 each.
        ignore_index: index that adds nothing to loss or gradient; default −100. Index targets only.
        label_smoothing: share of the target spread evenly over the classes; 0 to 1, default 0.
        reduction: "none", "mean" (default: divided by the total weight of the targets not ignored) or "sum".

    Inputs: `input`, raw logits (softmax is applied here), floating (C,), (N,C) or (N,C,d…); `target`, class indices
    (), (N,) or (N,d…) of int64 or uint8, or probabilities of the shape and type of `input`.

    Example:
        >>> CrossEntropyLoss(label_smoothing=0.1)
        CrossEntropyLoss(label_smoothing=0.1)

        client.evaluate(lossd.CrossEntropyLoss(), [[4.0, 1.0, 0.1]], [0]).value   # 0.06768565624952316

    Reference: torch.nn.CrossEntropyLoss
    """

    weight: ArrayLike | None = None
    ignore_index: int | None = None
    label_smoothing: float | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True, "target": False}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class NLLLoss(Loss):
    """Negative log likelihood of log-probabilities.

    Formula: −weight[y] · input[y]

    Args:
        weight: weight of each class, (C,), of the type of `input`; default 1 each.
        ignore_index: index that adds nothing to loss or gradient; default −100.
        reduction: "none", "mean" (default: divided by the total weight of the targets not ignored) or "sum".

    Inputs: `input`, log-probabilities (the output of log_softmax, never above 0), floating (C,), (N,C) or (N,C,d…);
    `target`, class indices (), (N,) or (N,d…) of int64 or uint8.

    Example:
        >>> NLLLoss(ignore_index=0)
        NLLLoss(ignore_index=0)

    Reference: torch.nn.NLLLoss
    """

    weight: ArrayLike | None = None
    ignore_index: int | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True, "target": False}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PoissonNLLLoss(Loss):
    """Negative log likelihood of counts under a Poisson distribution.

    Formula: exp(input) − target · input; without log_input: input − target · log(input + eps)

    Args:
        log_input: whether `input` is the logarithm of the rate; default True.
        full: whether to add Stirling's term target·log target − target + ½log(2π·target); default False.
        eps: keeps log(input) finite without log_input; at least 0, default 1e-8.
        reduction: "none", "mean" (default) or "sum".

    Inputs: `input`, floating (*); `target`, floating, of the shape of `input`.

    Example:
        >>> PoissonNLLLoss(log_input=False, full=True)
        PoissonNLLLoss(log_input=False, full=True)

    Reference: torch.nn.PoissonNLLLoss
    """

    log_input: bool | None = None
    full: bool | None = None
    eps: float | None = None
    reduction: Reduction | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class KLDivLoss(Loss):
    """Kullback–Leibler divergence of `target` from `input`.

    Formula: target · (log target − input)

    Args:
        log_target: whether `target` is given as logarithms; default False.
        reduction: "none", "mean" (default, which is not the divergence), "sum" or "batchmean" (which is: the sum
            divided by the size of the first dimension).

    Inputs: `input`, log-probabilities, floating (*); `target`, probabilities or, with log_target, log-probabilities,
    floating, of the shape of `input`.

    Example:
        >>> KLDivLoss(reduction="batchmean")
        KLDivLoss(reduction='batchmean')

    Reference: torch.nn.KLDivLoss
    """

    log_target: bool | None = None
    reduction: Literal["none", "mean", "sum", "batchmean"] | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class BCELoss(Loss):
    """Binary cross entropy of probabilities; for raw logits there is BCEWithLogitsLoss, which is the stabler one.

    Formula: −weight · (target · log input + (1 − target) · log(1 − input))

    Args:
        weight: rescales each element; broadcast to the shape of `input`.
        reduction: "none", "mean" (default) or "sum".

    Inputs: `input`, probabilities in [0, 1], floating (*); `target`, probabilities in [0, 1], floating, of the shape of
    `input`.

    Example:
        >>> BCELoss(reduction="none")
        BCELoss(reduction='none')

    Reference: torch.nn.BCELoss
    """

    weight: ArrayLike | None = None
    reduction: Reduction | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class BCEWithLogitsLoss(Loss):
    """Binary cross entropy of raw logits, one per label.

    Formula: −weight · (pos_weight · target · log σ(input) + (1 − target) · log(1 − σ(input)))

    Args:
        weight: rescales each element; broadcast to the shape of `input`.
        pos_weight: weight of the positive examples of each class; broadcast to the shape of `input`.
        reduction: "none", "mean" (default) or "sum".

    Inputs: `input`, raw logits (the sigmoid is applied here), floating (*); `target`, probabilities, floating, of the
    shape of `input`.

    Example:
        >>> BCEWithLogitsLoss(pos_weight=[1.0, 3.0])
        BCEWithLogitsLoss(pos_weight=[1.0, 3.0])

        client.evaluate(lossd.BCEWithLogitsLoss(), [0.8, -1.2], [1, 0]).value   # 0.31719154119491577

    Reference: torch.nn.BCEWithLogitsLoss
    """

    weight: ArrayLike | None = None
    pos_weight: ArrayLike | None = None
    reduction: Reduction | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CTCLoss(Loss):
    """Connectionist temporal classification: sequences without an alignment.

    Formula: −log Σ over alignments of `targets` to `log_probs` of the alignment's probability

    Args:
        blank: class that stands for "no label"; 0 ≤ blank < C, default 0.
        zero_infinity: whether impossible alignments count as 0, with gradient 0, rather than infinity; default False.
        reduction: "none", "mean" (default: each loss divided by its target length, then the mean) or "sum".

    Inputs: `log_probs`, log-probabilities, float32 or float64 (T,N,C) or (T,C); `targets`, class indices (N,S)
    padded, (S,), or flat (sum of target_lengths,); `input_lengths`, steps of each example, (N,) or (), integers;
    `target_lengths`, labels of each example, (N,) or (), integers.

    Example:
        >>> list(CTCLoss(zero_infinity=True).inputs)
        ['log_probs', 'targets', 'input_lengths', 'target_lengths']

    Reference: torch.nn.CTCLoss
    """

    blank: int | None = None
    zero_infinity: bool | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {
        "log_probs": True, "targets": False, "input_lengths": False, "target_lengths": False,
    }  # fmt: skip
