"""The losses of the metric learning family, written by proto/catalogue.py from the server's catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from lossd.loss import Loss, Reduction


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class BarlowTwinsLoss(Loss):
    """Two views: their dimensions correlate with themselves, and with no other.

    Formula: Σ_i (1 - C_ii)² + lambda_param Σ_{i≠j} C_ij², C = correlation over the batch of the views' dimensions

    Args:
        lambda_param: factor of the redundancy; at least 0; default 0.005.

    Inputs:
        z_a: one view; floating, (N,D).
        z_b: the other view of the same items; floating, (N,D).

    Traps:
        - depends on the whole batch: the mean of two halves is not the value of both together
        - a sum over D² correlations: wider embeddings weigh more
        - a batch of one row answers D

    Example:
        >>> BarlowTwinsLoss()
        BarlowTwinsLoss()

        client.evaluate(
            lossd.BarlowTwinsLoss(),
            [[1.0, 0.0], [0.0, 1.0]],
            [[0.8, 0.6], [0.6, 0.8]],
        ).value   # 0.009990150108933449

    Reference: https://arxiv.org/abs/2103.03230
    """

    lambda_param: float | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"z_a": True, "z_b": True}
    ALIASES: ClassVar[tuple[str, ...]] = ("barlow_twins", "barlow")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CircleLoss(Loss):
    """Weighs each similarity by how far it is from its optimum, so that the boundary is a circle.

    Formula: log(1 + Σ_n exp(gamma [s_n + m]+ (s_n - m)) Σ_p exp(-gamma [1 + m - s_p]+ (s_p - 1 + m))), per row, mean
        over rows above 0, s = cosine similarity; [·]+ are weights without gradient

    Args:
        m: relaxation: positives aim above 1 - m, negatives below m; default 0.4.
        gamma: scale of the similarities; above 0; default 80.

    Inputs:
        embeddings: one embedding per item; floating, (N,D).
        labels: kinds: equal labels belong together; needed without ref_emb; int32 or int64, (N,), optional.
        ref_emb: another view of the same items; needed without labels; floating, (N,D), optional.

    Traps:
        - the weights are held constant: its gradient is not that of the formula
        - embeddings are scaled to length 1 inside: their length is never learned
        - the mean is over the losses that are not 0, so it does not fall as more pairs are solved
        - a batch without two rows of one label, or of one label only, has nothing to compare and answers 0
        - depends on the whole batch: the mean of two halves is not the value of both together

    Example:
        >>> CircleLoss()
        CircleLoss()

        client.evaluate(
            lossd.CircleLoss(),
            [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, 0.8]],
            [0, 0, 1, 1],
        ).value   # 28.864837646484375

    Reference: https://kevinmusgrave.github.io/pytorch-metric-learning/losses/#circleloss
    """

    m: float | None = None
    gamma: float | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"embeddings": True, "labels": False, "ref_emb": True}
    ALIASES: ClassVar[tuple[str, ...]] = ("circle",)
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["labels", "ref_emb"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CLIPLoss(Loss):
    """CLIP: each image matched with its text among all texts, and each text with its image.

    Formula: ½ (log Σ_j exp(l_ij) + log Σ_j exp(l_ji)) - l_ii, l = logit_scale · image_features @ text_features.T, per
        pair

    Args:
        temperature: 1 / logit_scale, where that input is not given; above 0; default 0.07.
        normalize: scale features to length 1 first; those that are so already keep; default true.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        image_features: embeddings of one side; floating, (N,D).
        text_features: those that belong to them, row by row; floating, (N,D).
        logit_scale: factor of the similarities, for models that learn it; floating, (), optional.

    Traps:
        - logit_scale is the factor itself: models that learn its logarithm pass the exponential
        - duplicates in a batch count as each other's negatives
        - its size is that of the batch: random features give log N

    Example:
        >>> CLIPLoss()
        CLIPLoss()

        client.evaluate(
            lossd.CLIPLoss(),
            [[1.0, 0.0], [0.0, 1.0]],
            [[0.8, 0.6], [0.6, 0.8]],
        ).value   # 0.05584430694580078

    Reference: https://arxiv.org/abs/2103.00020
    """

    temperature: float | None = None
    normalize: bool | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"image_features": True, "text_features": True, "logit_scale": True}
    ALIASES: ClassVar[tuple[str, ...]] = ("clip", "open_clip")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["logit_scale"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ContrastiveLoss(Loss):
    """Pulls embeddings of one label within a margin of each other and pushes others beyond one.

    Formula: mean of max(d_p - pos_margin, 0) over positive pairs + mean of max(neg_margin - d_n, 0) over negative
        pairs, of those above 0, d = Euclidean distance of embeddings of length 1

    Args:
        pos_margin: distance up to which a positive pair costs nothing; default 0.
        neg_margin: distance from which on a negative pair costs nothing; default 1.

    Inputs:
        embeddings: one embedding per item; float32 or float64, (N,D).
        labels: kinds: equal labels belong together; needed without ref_emb; int32 or int64, (N,), optional.
        ref_emb: another view of the same items; needed without labels; float32 or float64, (N,D), optional.

    Traps:
        - the mean is over the losses that are not 0, so it does not fall as more pairs are solved
        - embeddings are scaled to length 1 inside: their length is never learned
        - distances are not squared, unlike in the first paper
        - depends on the whole batch: the mean of two halves is not the value of both together

    Example:
        >>> ContrastiveLoss()
        ContrastiveLoss()

        client.evaluate(
            lossd.ContrastiveLoss(),
            [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, 0.8]],
            [0, 0, 1, 1],
        ).value   # 0.9418898820877075

    Reference: https://kevinmusgrave.github.io/pytorch-metric-learning/losses/#contrastiveloss
    """

    pos_margin: float | None = None
    neg_margin: float | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"embeddings": True, "labels": False, "ref_emb": True}
    ALIASES: ClassVar[tuple[str, ...]] = ("contrastive",)
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["labels", "ref_emb"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class InfoNCELoss(Loss):
    """Cross-entropy of each query's positive key among negative keys, or among the keys of all queries.

    Formula: -log(exp(s_positive) / (exp(s_positive) + Σ exp(s_negative))), s = cosine similarity / temperature

    Args:
        temperature: similarities are divided by it; above 0; default 0.1.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        query: embeddings to match; floating, (N,D).
        positive_key: the embedding that belongs to each query; floating, (N,D).
        negative_keys: negatives of all queries, or of each; left out, those are the other queries' positive keys;
            floating, (M,D) or (N,M,D), optional.

    Traps:
        - embeddings are scaled to length 1 inside: their length is never learned
        - duplicates in a batch count as each other's negatives
        - one way only: the keys are not matched with the queries; clip_loss does both
        - where negatives come from the batch its size changes the loss

    Example:
        >>> InfoNCELoss()
        InfoNCELoss()

        client.evaluate(
            lossd.InfoNCELoss(),
            [[1.0, 0.0], [0.0, 1.0]],
            [[0.8, 0.6], [0.6, 0.8]],
        ).value   # 0.12692832946777344

    Reference: https://arxiv.org/abs/1807.03748
    """

    temperature: float | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"query": True, "positive_key": True, "negative_keys": True}
    ALIASES: ClassVar[tuple[str, ...]] = ("info_nce", "infonce", "cpc", "moco")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["negative_keys"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MultiSimilarityLoss(Loss):
    """Weighs each pair by its similarity and by how it compares with the other pairs of its row.

    Formula: log(1 + Σ_p exp(-alpha (s_ip - base))) / alpha + log(1 + Σ_n exp(beta (s_in - base))) / beta, mean over
        rows, s = cosine similarity

    Args:
        alpha: steepness for positive pairs; above 0; default 2.
        beta: steepness for negative pairs; above 0; default 50.
        base: similarity from which both are counted; default 0.5.

    Inputs:
        embeddings: one embedding per item; floating, (N,D).
        labels: kinds: equal labels belong together; needed without ref_emb; int32 or int64, (N,), optional.
        ref_emb: another view of the same items; needed without labels; floating, (N,D), optional.

    Traps:
        - embeddings are scaled to length 1 inside: their length is never learned
        - the paper's miner of pairs is not part of it: all pairs count
        - depends on the whole batch: the mean of two halves is not the value of both together

    Example:
        >>> MultiSimilarityLoss()
        MultiSimilarityLoss()

        client.evaluate(
            lossd.MultiSimilarityLoss(),
            [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, 0.8]],
            [0, 0, 1, 1],
        ).value   # 0.49881118535995483

    Reference: https://kevinmusgrave.github.io/pytorch-metric-learning/losses/#multisimilarityloss
    """

    alpha: float | None = None
    beta: float | None = None
    base: float | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"embeddings": True, "labels": False, "ref_emb": True}
    ALIASES: ClassVar[tuple[str, ...]] = ("multi_similarity", "ms_loss")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["labels", "ref_emb"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class NTXentLoss(Loss):
    """SimCLR's loss: cross-entropy of each positive pair against the negatives of its first item.

    Formula: mean over positive pairs (i,p) of -log(exp(s_ip) / (exp(s_ip) + Σ_n exp(s_in))), s = cosine similarity /
        temperature

    Args:
        temperature: similarities are divided by it; above 0; default 0.07.

    Inputs:
        embeddings: one embedding per item; floating, (N,D).
        labels: kinds: equal labels belong together; needed without ref_emb; int32 or int64, (N,), optional.
        ref_emb: another view of the same items; needed without labels; floating, (N,D), optional.

    Traps:
        - without ref_emb, labels say what belongs together; with ref_emb alone, each row and its other view do
        - embeddings are scaled to length 1 inside: their length is never learned
        - more rows are more negatives: depends on the whole batch: the mean of two halves is not the value of both
              together
        - a batch without two rows of one label, or of one label only, has nothing to compare and answers 0

    Example:
        >>> NTXentLoss(temperature=0.5)
        NTXentLoss(temperature=0.5)

        client.evaluate(
            lossd.NTXentLoss(temperature=0.5),
            [[1.0, 0.0], [0.0, 1.0]],
            ref_emb=[[0.8, 0.6], [0.6, 0.8]],
        ).value   # 0.8707138299942017

    Reference: https://kevinmusgrave.github.io/pytorch-metric-learning/losses/#ntxentloss
    """

    temperature: float | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"embeddings": True, "labels": False, "ref_emb": True}
    ALIASES: ClassVar[tuple[str, ...]] = ("nt_xent", "ntxent", "simclr")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["labels", "ref_emb"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SupConLoss(Loss):
    """Supervised contrastive: log-softmax of the similarity to rows of one label, averaged for each row.

    Formula: -mean over positives p of log(exp(s_ip) / Σ_{a≠i} exp(s_ia)), per row, mean over rows above 0, s = cosine
        similarity / temperature

    Args:
        temperature: similarities are divided by it; above 0; default 0.1.

    Inputs:
        embeddings: one embedding per item; floating, (N,D).
        labels: kinds: equal labels belong together; needed without ref_emb; int32 or int64, (N,), optional.
        ref_emb: another view of the same items; needed without labels; floating, (N,D), optional.

    Traps:
        - embeddings are scaled to length 1 inside: their length is never learned
        - the mean is over the losses that are not 0, so it does not fall as more pairs are solved
        - a batch without two rows of one label, or of one label only, has nothing to compare and answers 0
        - depends on the whole batch: the mean of two halves is not the value of both together
        - for the two views of the paper give labels and ref_emb

    Example:
        >>> SupConLoss()
        SupConLoss()

        client.evaluate(
            lossd.SupConLoss(),
            [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, 0.8]],
            [0, 0, 1, 1],
        ).value   # 0.9668018817901611

    Reference: https://kevinmusgrave.github.io/pytorch-metric-learning/losses/#supconloss
    """

    temperature: float | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"embeddings": True, "labels": False, "ref_emb": True}
    ALIASES: ClassVar[tuple[str, ...]] = ("sup_con", "supcon")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["labels", "ref_emb"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class VICRegLoss(Loss):
    """Two views: alike (invariance), each dimension spread (variance), none redundant (covariance).

    Formula: invariance_lambda mean (a - b)² + variance_mu ½ Σ_views mean_d max(1 - sqrt(var_d + eps), 0) + covariance_v
        Σ_views Σ_{d≠e} cov_de² / D

    Args:
        invariance_lambda: factor of the distance of both views; at least 0; default 25.
        variance_mu: factor of the lack of spread; at least 0; default 25.
        covariance_v: factor of the redundancy; at least 0; default 1.
        eps: added to variances before the square root; above 0; default 0.0001.

    Inputs:
        embeddings: one view, N at least 2; floating, (N,D).
        ref_emb: the other view of the same items; floating, (N,D).

    Traps:
        - depends on the whole batch: the mean of two halves is not the value of both together
        - statistics of few rows are poor: the paper takes 2048
        - embeddings are not scaled to length 1

    Example:
        >>> VICRegLoss()
        VICRegLoss()

        client.evaluate(
            lossd.VICRegLoss(),
            [[1.0, 0.0], [0.0, 1.0]],
            [[0.8, 0.6], [0.6, 0.8]],
        ).value   # 19.638500213623047

    Reference: https://kevinmusgrave.github.io/pytorch-metric-learning/losses/#vicregloss
    """

    invariance_lambda: float | None = None
    variance_mu: float | None = None
    covariance_v: float | None = None
    eps: float | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"embeddings": True, "ref_emb": True}
    ALIASES: ClassVar[tuple[str, ...]] = ("vicreg", "vic_reg")
