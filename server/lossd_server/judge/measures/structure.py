"""Metrics of masks, of lists, of sequences, of boxes and of distributions; knows no loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lossd_server.judge.measures.contract import AVERAGE, NONE, Call, Given, Metric, all_of_it, averaged, top_k
from lossd_server.judge.views import BOXES, DISTRIBUTION, RETRIEVAL, SEGMENTATION, SEQUENCE, Pair
from lossd_server.losses.contract import Argument

_PER_CLASS = Argument(
    "average", str, "macro", "how classes become one number", choices=("macro", NONE), explained={
        "macro": "the mean over classes", NONE: "no number but an array, one for each class"})  # fmt: skip
_BACKGROUND = Argument("include_background", bool, True, "whether class 0 counts")


def _one_hot(pair: Pair, given: Given) -> tuple[Tensor, ...]:
    return pair.predictions.long(), pair.truth.long()


def _present(value: Tensor, given: Given) -> Tensor:
    """torchmetrics says -1 of a class that is in no image."""
    return value.masked_fill(value < 0, torch.nan)


def _three_counts(tensors: tuple[Tensor, ...]) -> int:
    return 3 * tensors[0].shape[:2].numel()


_MASKS = {"average": "average", "include_background": "include_background"}


def _retrieval(name: str, *arguments: str, graded: bool = False, empty: str = "skip") -> dict[str, Call]:
    """A metric of lists; what counts as relevant is above 0. Lists without anything relevant are left out."""

    def prepare(pair: Pair, given: Given) -> tuple[Tensor, ...]:
        assert pair.groups is not None, "lists have groups"
        relevance = pair.truth.double() if graded else (pair.truth > 0).long()
        place = torch.unique(pair.predictions, return_inverse=True)[1].double() + 1
        lists, groups = torch.unique(pair.groups, return_inverse=True)
        best = torch.zeros(len(lists), dtype=torch.float64, device=groups.device)
        kept = (best.scatter_reduce(0, groups, relevance.double(), "amax") > 0)[groups]
        return place[kept], relevance[kept], pair.groups[kept]  # of scores below 0 torchmetrics would find nothing

    options = {"empty_target_action": empty}
    return {
        RETRIEVAL: Call(name, options, prepare=prepare, arguments=dict.fromkeys(arguments, "top_k"), keeps=all_of_it)
    }


_FIRST = top_k(None, "items from the top that count; left out, all")


def _words(tokens: Tensor, given: Given) -> list[str]:
    """Each sequence as words: what stands between separators, or each token."""
    separator = given.get("separator")
    said = []
    for row in tokens.tolist():
        row = [token for token in row if token >= 0]
        if separator is None:
            said.append(" ".join(map(str, row)))
            continue
        words: list[list[str]] = [[]]
        for token in row:
            words.append([]) if token == separator else words[-1].append(str(token))
        said.append(" ".join("_".join(word) for word in words if word))
    return said


def _spoken(pair: Pair, given: Given) -> tuple[Any, ...]:
    return _words(pair.predictions, given), _words(pair.truth, given)


def _same(pair: Pair, given: Given) -> Tensor:
    pairs = zip(_words(pair.predictions, given), _words(pair.truth, given), strict=True)
    return torch.tensor([float(mine == true) for mine, true in pairs], dtype=torch.float64)


def _overlap(pair: Pair, given: Given) -> Tensor:
    mine, true = pair.predictions, pair.truth
    sides = (torch.minimum(mine[:, 2:], true[:, 2:]) - torch.maximum(mine[:, :2], true[:, :2])).clamp_min(0)
    inside = sides.prod(1)
    areas = (mine[:, 2:] - mine[:, :2]).prod(1) + (true[:, 2:] - true[:, :2]).prod(1)
    union = areas - inside
    return (inside / union).masked_fill(union <= 0, 0.0)


def _found(pair: Pair, given: Given) -> Tensor:
    return _overlap(pair, given).ge(float(given["threshold"])).double()


def _agreement(pair: Pair, given: Given) -> Tensor:
    return (pair.predictions.argmax(1) == pair.truth.argmax(1)).double()


def _swapped(pair: Pair, given: Given) -> tuple[Tensor, ...]:
    """torchmetrics' KL is of its first argument from its second: here of the truth from the prediction."""
    return pair.truth, pair.predictions


STRUCTURE: tuple[Metric, ...] = (
    Metric(
        "mean_iou",
        "Intersection over union of masks, the mean over images and the classes that are in them.",
        "|prediction ∩ truth| / |prediction ∪ truth|",
        True,
        {
            SEGMENTATION: Call(
                "MeanIoU",
                {},
                "num_classes",
                prepare=_one_hot,
                finish=_present,
                arguments={"average": "", "include_background": "include_background"},
                apart=("per_class", True),
            )
        },
        arguments=(_PER_CLASS, _BACKGROUND),
    ),
    Metric(
        "dice",
        "Overlap of masks, twice over their sizes, of all images together.",
        "2 |prediction ∩ truth| / (|prediction| + |truth|)",
        True,
        {
            SEGMENTATION: Call(
                "DiceScore",
                {"aggregation_level": "global"},
                "num_classes",
                prepare=_one_hot,
                arguments=_MASKS,
                keeps=_three_counts,
            )
        },
        arguments=(AVERAGE, _BACKGROUND),
    ),
    Metric(
        "ndcg",
        "How near the order of each list is to the best one, the top counting most; relevance may be graded.",
        "sum(relevance / log2(rank + 1)) / that of the best order, mean over lists",
        True,
        _retrieval("RetrievalNormalizedDCG", "top_k", graded=True),
        arguments=(_FIRST,),
    ),
    Metric(
        "mean_average_precision",
        "Mean over lists of the precision at each relevant item.",
        "mean over relevant items of (relevant items up to it) / rank",
        True,
        _retrieval("RetrievalMAP", "top_k"),
        arguments=(_FIRST,),
    ),
    Metric(
        "mean_reciprocal_rank",
        "How high the first relevant item of each list is.",
        "mean over lists of 1 / rank of the first relevant item",
        True,
        _retrieval("RetrievalMRR", "top_k"),
        arguments=(_FIRST,),
    ),
    Metric(
        "retrieval_precision",
        "Share of the first top_k items of each list that is relevant.",
        "mean over lists of (relevant items among the first k) / k",
        True,
        _retrieval("RetrievalPrecision", "top_k"),
        arguments=(_FIRST,),
    ),
    Metric(
        "retrieval_recall",
        "Share of the relevant items of each list that is among the first top_k.",
        "mean over lists of (relevant items among the first k) / relevant items",
        True,
        _retrieval("RetrievalRecall", "top_k"),
        arguments=(_FIRST,),
    ),
    Metric(
        "hit_rate",
        "Share of lists with a relevant item among the first top_k.",
        "mean over lists of [a relevant item is among the first k]",
        True,
        _retrieval("RetrievalHitRate", "top_k"),
        arguments=(_FIRST,),
    ),
    Metric(
        "r_precision",
        "Share of relevant items among as many from the top as there are.",
        "mean over lists of (relevant items among the first R) / R, R = relevant items",
        True,
        _retrieval("RetrievalRPrecision"),
    ),
    Metric(
        "wer",
        "Word errors of the likeliest path: words to change, add or leave out, per true word.",
        "(substitutions + deletions + insertions) / true words; words stand between `separator`s, or are single tokens",
        False,
        {SEQUENCE: Call("WordErrorRate", prepare=_spoken, arguments={"separator": ""})},
        arguments=(Argument("separator", int, None, "token between words; left out, each token is a word", least=0),),
        pairwise=False,
    ),
    Metric(
        "cer",
        "Token errors of the likeliest path: tokens (characters, mostly) to change, add or leave out, per true token.",
        "(substitutions + deletions + insertions) / true tokens",
        False,
        {SEQUENCE: Call("WordErrorRate", prepare=_spoken)},
        pairwise=False,
    ),
    Metric(
        "sequence_accuracy",
        "Share of sequences whose likeliest path is right from end to end.",
        "mean(likeliest path = true tokens)",
        True,
        averaged(SEQUENCE, _same),
        pairwise=False,
    ),
    Metric(
        "box_iou",
        "Intersection over union of each box and its true one.",
        "mean(|prediction ∩ truth| / |prediction ∪ truth|)",
        True,
        averaged(BOXES, _overlap),
        pairwise=False,
    ),
    Metric(
        "box_recall",
        "Share of boxes that overlap their true one enough.",
        "mean(intersection over union ≥ threshold)",
        True,
        averaged(BOXES, _found, threshold=""),
        arguments=(Argument("threshold", float, 0.5, "intersection over union that is enough", least=0, most=1),),
        pairwise=False,
    ),
    Metric(
        "kl_divergence",
        "Kullback–Leibler divergence of the predicted distribution from the true one, in nats.",
        "mean over rows of sum(truth log(truth / prediction))",
        False,
        {DISTRIBUTION: Call("KLDivergence", prepare=_swapped)},
        pairwise=False,
    ),
    Metric(
        "js_divergence",
        "Jensen–Shannon divergence of predicted and true distribution, in nats.",
        "(KL(truth ‖ m) + KL(prediction ‖ m)) / 2 with m their mean",
        False,
        {DISTRIBUTION: Call("JensenShannonDivergence")},
        pairwise=False,
    ),
    Metric(
        "agreement",
        "Share of rows whose likeliest class is the truth's likeliest too.",
        "mean(argmax(prediction) = argmax(truth))",
        True,
        averaged(DISTRIBUTION, _agreement),
        pairwise=False,
    ),
)
