"""Losses over lists of items and their relevance, and over pairs of which one was preferred."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from lossd_server.faults import shape_text
from lossd_server.losses import checks
from lossd_server.losses.contract import Argument, Arguments, Example, Input, Kind, Tensors
from lossd_server.losses.formula import FormulaEntry

_PASSES = 4
_LISTS = (
    Input("scores", Kind.FLOAT, "(N,L)", "what the model gives each item of N lists"),
    Input("labels", Kind.ANY, "(N,L)", "relevance, larger is better; the type of scores, or whole numbers"),
    Input("mask", Kind.MASK, "(N,L)", "items that exist; lists are padded with others", optional=True, constant=True),
)
_ORDERED = (_LISTS[0], replace(_LISTS[1], constant=True), _LISTS[2])  # of labels that only compare


def listnet(scores: Tensor, labels: Tensor, mask: Tensor | None) -> Tensor:
    """Cross-entropy of the chances to be on top, softmax(labels) against softmax(scores), of each list."""
    kept = _kept(scores, mask)
    true, given = (_filled(values.to(scores.dtype), kept, _least(scores)) for values in (labels, scores))
    return -(true.softmax(-1) * given.log_softmax(-1)).masked_fill(~kept, 0).sum(-1)


def list_mle(scores: Tensor, labels: Tensor, mask: Tensor | None) -> Tensor:
    """−log P(order of labels | scores), item after item drawn by the softmax of those left, of each list."""
    kept = _kept(scores, mask)
    least = -torch.inf if labels.is_floating_point() else torch.iinfo(torch.int64).min
    ranks = labels if labels.is_floating_point() else labels.long()  # as floats, large ones would be equal
    order = _filled(ranks, kept, least).argsort(dim=-1, descending=True, stable=True)
    kept = kept.gather(-1, order)
    ranked = _filled(scores.gather(-1, order), kept, _least(scores))
    left = ranked.flip(-1).logcumsumexp(-1).flip(-1)
    return (left - ranked).masked_fill(~kept, 0).sum(-1)


def pairwise_logistic(scores: Tensor, labels: Tensor, mask: Tensor | None, *, sigma: float) -> Tensor:
    """Σ log(1 + e^(−σ(s_i − s_j))) over the pairs with labels_i > labels_j, of each list."""
    kept = _kept(scores, mask)
    scores = _filled(scores, kept, 0)
    ahead = (labels.unsqueeze(-1) > labels.unsqueeze(-2)) & kept.unsqueeze(-1) & kept.unsqueeze(-2)
    losses = -logsigmoid(sigma * (scores.unsqueeze(-1) - scores.unsqueeze(-2)))
    return losses.masked_fill(~ahead, 0).sum((-2, -1))


def approx_ndcg(scores: Tensor, labels: Tensor, mask: Tensor | None, *, temperature: float) -> Tensor:
    """−NDCG with each rank smoothed to 1 + Σ_j≠i sigmoid((s_j − s_i) / T), of each list."""
    kept = _kept(scores, mask)
    scores = _filled(scores, kept, 0)
    behind = torch.sigmoid((scores.unsqueeze(-2) - scores.unsqueeze(-1)) / temperature)
    ranks = 0.5 + behind.masked_fill(~kept.unsqueeze(-2), 0).sum(-1)  # an item is behind itself by one half
    gains = (torch.exp2(_filled(labels.to(scores.dtype), kept, 0)) - 1).masked_fill(~kept, 0)
    places = torch.arange(1, gains.shape[-1] + 1, dtype=gains.dtype, device=gains.device)
    ideal = (gains.sort(dim=-1, descending=True).values / torch.log2(1 + places)).sum(-1)
    relevant = ideal > 0
    return -(gains / torch.log2(1 + ranks)).sum(-1).masked_fill(~relevant, 0) / ideal.masked_fill(~relevant, 1)


def bradley_terry(rewards_chosen: Tensor, rewards_rejected: Tensor, *, center_rewards_coefficient: float) -> Tensor:
    """−log sigmoid(chosen − rejected) + c · (chosen + rejected)²."""
    losses = -logsigmoid(rewards_chosen - rewards_rejected)
    if not center_rewards_coefficient:
        return losses  # 0 times an infinite reward would be NaN
    return losses + center_rewards_coefficient * (rewards_chosen + rewards_rejected) ** 2


def _kept(scores: Tensor, mask: Tensor | None) -> Tensor:
    return torch.ones_like(scores, dtype=torch.bool) if mask is None else mask.bool()


def _filled(values: Tensor, kept: Tensor, value: float) -> Tensor:
    """`values` where items exist; padding may hold anything, NaN too."""
    return values.masked_fill(~kept, value)


def _least(scores: Tensor) -> float:
    """So little that a softmax gives it nothing; unlike -inf it makes no NaN of lists without an item."""
    return torch.finfo(scores.dtype).min


def list_shapes(tensors: Tensors, arguments: Arguments) -> None:
    """Scores, labels and mask (N,L)."""
    scores, labels = tensors["scores"], tensors["labels"]
    if scores.dim() != 2:
        raise checks.wrong_shape("scores", scores, "(N, L): one row of items per list")
    for name in ("labels", "mask"):
        if name in tensors and tensors[name].shape != scores.shape:
            raise checks.wrong_shape(name, tensors[name], f"that of scores, {shape_text(scores.shape)}")
    if labels.is_floating_point():
        checks.same_dtype(tensors, "scores", "labels")


def finite_labels(tensors: Tensors, arguments: Arguments) -> None:
    """A finite label for each item that exists: what is not finite has no place in an order."""
    _refuse_labels(tensors, ~tensors["labels"].isfinite(), "expected a finite relevance")


def gains(tensors: Tensors, arguments: Arguments) -> None:
    """A label of at least 0 for each item that exists, so that 2^label − 1 is a gain, and gains add up."""
    labels, scores = tensors["labels"], tensors["scores"]
    most = math.floor(math.log2(torch.finfo(scores.dtype).max / max(scores.shape[-1], 1)))
    expected = f"expected a finite relevance from 0 to {most}, so that gains of 2^relevance add up"
    _refuse_labels(tensors, ~((labels >= 0) & (labels <= most)), expected)


def _refuse_labels(tensors: Tensors, bad: Tensor, expected: str) -> None:
    if "mask" in tensors:
        bad = bad & tensors["mask"].bool()
    checks.refuse(bad, tensors["labels"], "inputs.labels", "labels", expected)


def pair_shapes(tensors: Tensors, arguments: Arguments) -> None:
    """As `checks.elementwise`, of the rewards."""
    chosen, rejected = tensors["rewards_chosen"], tensors["rewards_rejected"]
    checks.same_dtype(tensors, "rewards_chosen", "rewards_rejected")
    if chosen.shape != rejected.shape:
        raise checks.wrong_shape("rewards_rejected", rejected, f"that of rewards_chosen, {shape_text(chosen.shape)}")


def _lists(tensors: Tensors, arguments: Arguments) -> float:
    return float(tensors["scores"].shape[0])


def _pairs(tensors: Tensors, arguments: Arguments) -> float:
    return float(tensors["rewards_chosen"].numel())


def _square(tensors: Tensors) -> int:
    """Each item of a list against each other, in the matrices that a loss makes on its way."""
    return int(_PASSES * tensors["scores"].numel() * tensors["scores"].shape[1])


_EXAMPLE = {"scores": [[2.0, 1.0, 0.0]], "labels": [[2.0, 0.0, 1.0]]}
_PADDING = "a list without an item, or without what the formula sums over, counts in the mean with 0"


def _entry(**described: object) -> FormulaEntry:
    defaults: dict[str, object] = {"inputs": _LISTS, "elements": finite_labels, "mean": "lists"}
    return FormulaEntry(
        tasks=("ranking",),
        shapes=list_shapes,
        weight=_lists,
        spans=("scores", "labels"),
        **(defaults | described),  # type: ignore[arg-type]
    )


ENTRIES: tuple[FormulaEntry, ...] = (
    _entry(
        name="listnet_loss",
        class_name="ListNetLoss",
        summary="Listwise cross-entropy between the chances of each item to be on top.",
        formula="-Σ softmax(labels)_i log softmax(scores)_i, per list",
        function=listnet,
        traps=(
            "labels pass through a softmax: 0 and 1 are nearly alike to it, so scale them up if one item should win",
            _PADDING,
        ),
        aliases=("listnet", "list_net"),
        example=Example(_EXAMPLE, 0.9870933294296265),
        source="https://www.microsoft.com/en-us/research/wp-content/uploads/2016/02/tr-2007-40.pdf",
    ),
    _entry(
        name="list_mle_loss",
        class_name="ListMLELoss",
        summary="Negative log-likelihood of the true order under Plackett and Luce's model.",
        formula="Σ_i (log Σ_{j≥i} exp(s_j) - s_i), scores s in the order of falling labels, per list",
        inputs=_ORDERED,
        function=list_mle,
        traps=(
            "items of equal label count as ranked in the order given; shuffle lists if ties are common",
            "a sum over the items of a list: longer lists weigh more",
            _PADDING,
        ),
        aliases=("list_mle", "listmle", "plackett_luce"),
        example=Example(_EXAMPLE, 1.7208675146102905),
        source="https://icml.cc/Conferences/2008/papers/167.pdf",
    ),
    _entry(
        name="pairwise_logistic_loss",
        class_name="PairwiseLogisticLoss",
        summary="RankNet: logistic loss of each pair of items whose labels differ.",
        formula="Σ log(1 + exp(-sigma (s_i - s_j))) over pairs with labels_i > labels_j, per list",
        arguments=(Argument("sigma", float, 1.0, "steepness of the sigmoid", above=0),),
        inputs=_ORDERED,
        function=pairwise_logistic,
        work=_square,
        traps=(
            "a sum over the pairs of a list: longer lists weigh more; other libraries take the mean over all pairs",
            "items of equal label form no pair",
            _PADDING,
        ),
        aliases=("pairwise_logistic", "ranknet"),
        example=Example(_EXAMPLE, 1.7534514665603638),
        source="https://icml.cc/Conferences/2015/wp-content/uploads/2015/06/icml_ranking.pdf",
    ),
    _entry(
        name="approx_ndcg_loss",
        class_name="ApproxNDCGLoss",
        summary="Negative NDCG with ranks smoothed by sigmoids: from -1, the best, to 0.",
        formula="-Σ (2^label_i - 1) / log2(1 + rank_i) / DCG of the ideal order, "
        "rank_i = 1 + Σ_{j≠i} sigmoid((s_j - s_i) / temperature), per list",
        arguments=(Argument("temperature", float, 0.1, "smoothness of ranks; small is close to NDCG", above=0),),
        function=approx_ndcg,
        elements=gains,
        work=_square,
        traps=(
            "the loss is -NDCG, hence negative",
            "a temperature far below the differences of scores leaves no gradient, one far above them no ranks",
            _PADDING,
        ),
        aliases=("approx_ndcg", "ndcg"),
        example=Example(_EXAMPLE, -0.9639145731925964),
        source="https://www.tensorflow.org/ranking/api_docs/python/tfr/keras/losses/ApproxNDCGLoss",
    ),
    FormulaEntry(
        name="bradley_terry_loss",
        class_name="BradleyTerryLoss",
        summary="Negative log-likelihood that the chosen answer beats the rejected one: the loss of reward models.",
        formula="-log sigmoid(rewards_chosen - rewards_rejected) "
        "+ center_rewards_coefficient (rewards_chosen + rewards_rejected)^2",
        inputs=(
            Input("rewards_chosen", Kind.FLOAT, "(*)", "scores of the answers that were preferred"),
            Input("rewards_rejected", Kind.FLOAT, "(*), as rewards_chosen", "scores of those they were preferred to"),
        ),
        arguments=(
            Argument("center_rewards_coefficient", float, 0.0, "pull of each pair's rewards towards 0", least=0),
        ),
        function=bradley_terry,
        shapes=pair_shapes,
        weight=_pairs,
        spans=("rewards_chosen", "rewards_rejected"),
        traps=(
            "only differences count unless rewards are centred: scores of different prompts do not compare",
            "swapping the inputs trains the model to prefer what was rejected, with no sign of it in the loss at first",
        ),
        tasks=("ranking", "preference"),
        aliases=("bradley_terry", "reward_modeling", "reward_model_loss"),
        example=Example({"rewards_chosen": [1.0, 0.5], "rewards_rejected": [0.0, 1.0]}, 0.6436693668365479),
        source="https://huggingface.co/docs/trl/reward_trainer",
    ),
)
