"""The losses of the ranking family, written by proto/catalogue.py from the server's catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from lossd.loss import Loss, Reduction


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ApproxNDCGLoss(Loss):
    """Negative NDCG with ranks smoothed by sigmoids: from -1, the best, to 0.

    Formula: -Σ (2^label_i - 1) / log2(1 + rank_i) / DCG of the ideal order, rank_i = 1 + Σ_{j≠i} sigmoid((s_j - s_i) /
        temperature), per list

    Args:
        temperature: smoothness of ranks; small is close to NDCG; above 0; default 0.1.
        reduction: "mean" (default: lists), "none" or "sum".

    Inputs:
        scores: what the model gives each item of N lists; floating, (N,L).
        labels: relevance, larger is better; the type of scores, or whole numbers; any type, (N,L).
        mask: items that exist; lists are padded with others; bool, or numbers of which 0 means off, (N,L), optional.

    Traps:
        - the loss is -NDCG, hence negative
        - a temperature far below the differences of scores leaves no gradient, one far above them no ranks
        - a list without an item, or without what the formula sums over, counts in the mean with 0

    Example:
        >>> ApproxNDCGLoss()
        ApproxNDCGLoss()

        client.evaluate(lossd.ApproxNDCGLoss(), [[2.0, 1.0, 0.0]], [[2.0, 0.0, 1.0]]).value   # -0.9639145731925964

    Reference: https://www.tensorflow.org/ranking/api_docs/python/tfr/keras/losses/ApproxNDCGLoss
    """

    temperature: float | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"scores": True, "labels": False, "mask": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("approx_ndcg", "ndcg")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["mask"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class BradleyTerryLoss(Loss):
    """Negative log-likelihood that the chosen answer beats the rejected one: the loss of reward models.

    Formula: -log sigmoid(rewards_chosen - rewards_rejected) + center_rewards_coefficient (rewards_chosen +
        rewards_rejected)^2

    Args:
        center_rewards_coefficient: pull of each pair's rewards towards 0; at least 0; default 0.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        rewards_chosen: scores of the answers that were preferred; floating, (*).
        rewards_rejected: scores of those they were preferred to; floating, of the shape of rewards_chosen.

    Traps:
        - only differences count unless rewards are centred: scores of different prompts do not compare
        - swapping the inputs trains the model to prefer what was rejected, with no sign of it in the loss at first

    Example:
        >>> BradleyTerryLoss()
        BradleyTerryLoss()

        client.evaluate(lossd.BradleyTerryLoss(), [1.0, 0.5], [0.0, 1.0]).value   # 0.6436693668365479

    Reference: https://huggingface.co/docs/trl/reward_trainer
    """

    center_rewards_coefficient: float | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"rewards_chosen": True, "rewards_rejected": True}
    ALIASES: ClassVar[tuple[str, ...]] = ("bradley_terry", "reward_modeling", "reward_model_loss")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ListMLELoss(Loss):
    """Negative log-likelihood of the true order under Plackett and Luce's model.

    Formula: Σ_i (log Σ_{j≥i} exp(s_j) - s_i), scores s in the order of falling labels, per list

    Args:
        reduction: "mean" (default: lists), "none" or "sum".

    Inputs:
        scores: what the model gives each item of N lists; floating, (N,L).
        labels: relevance, larger is better; the type of scores, or whole numbers; any type, (N,L).
        mask: items that exist; lists are padded with others; bool, or numbers of which 0 means off, (N,L), optional.

    Traps:
        - items of equal label count as ranked in the order given; shuffle lists if ties are common
        - a sum over the items of a list: longer lists weigh more
        - a list without an item, or without what the formula sums over, counts in the mean with 0

    Example:
        >>> ListMLELoss()
        ListMLELoss()

        client.evaluate(lossd.ListMLELoss(), [[2.0, 1.0, 0.0]], [[2.0, 0.0, 1.0]]).value   # 1.7208675146102905

    Reference: https://icml.cc/Conferences/2008/papers/167.pdf
    """

    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"scores": True, "labels": False, "mask": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("list_mle", "listmle", "plackett_luce")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["mask"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ListNetLoss(Loss):
    """Listwise cross-entropy between the chances of each item to be on top.

    Formula: -Σ softmax(labels)_i log softmax(scores)_i, per list

    Args:
        reduction: "mean" (default: lists), "none" or "sum".

    Inputs:
        scores: what the model gives each item of N lists; floating, (N,L).
        labels: relevance, larger is better; the type of scores, or whole numbers; any type, (N,L).
        mask: items that exist; lists are padded with others; bool, or numbers of which 0 means off, (N,L), optional.

    Traps:
        - labels pass through a softmax: 0 and 1 are nearly alike to it, so scale them up if one item should win
        - a list without an item, or without what the formula sums over, counts in the mean with 0

    Example:
        >>> ListNetLoss()
        ListNetLoss()

        client.evaluate(lossd.ListNetLoss(), [[2.0, 1.0, 0.0]], [[2.0, 0.0, 1.0]]).value   # 0.9870933294296265

    Reference: https://www.microsoft.com/en-us/research/wp-content/uploads/2016/02/tr-2007-40.pdf
    """

    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"scores": True, "labels": False, "mask": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("listnet", "list_net")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["mask"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PairwiseLogisticLoss(Loss):
    """RankNet: logistic loss of each pair of items whose labels differ.

    Formula: Σ log(1 + exp(-sigma (s_i - s_j))) over pairs with labels_i > labels_j, per list

    Args:
        sigma: steepness of the sigmoid; above 0; default 1.
        reduction: "mean" (default: lists), "none" or "sum".

    Inputs:
        scores: what the model gives each item of N lists; floating, (N,L).
        labels: relevance, larger is better; the type of scores, or whole numbers; any type, (N,L).
        mask: items that exist; lists are padded with others; bool, or numbers of which 0 means off, (N,L), optional.

    Traps:
        - a sum over the pairs of a list: longer lists weigh more; other libraries take the mean over all pairs
        - items of equal label form no pair
        - a list without an item, or without what the formula sums over, counts in the mean with 0

    Example:
        >>> PairwiseLogisticLoss()
        PairwiseLogisticLoss()

        client.evaluate(lossd.PairwiseLogisticLoss(), [[2.0, 1.0, 0.0]], [[2.0, 0.0, 1.0]]).value   # 1.7534514665603638

    Reference: https://icml.cc/Conferences/2015/wp-content/uploads/2015/06/icml_ranking.pdf
    """

    sigma: float | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"scores": True, "labels": False, "mask": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("pairwise_logistic", "ranknet")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["mask"])
