"""Metrics of how the labels of one example are ranked; knows no loss.

torchmetrics has them, but adds up in float32, counts labels that do not count, and of a batch without any true label
one example: they are computed here, and equal its own where neither matters.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lossd_server.judge.measures.contract import Given, Metric, averaged
from lossd_server.judge.views import MULTILABEL, Pair


def _as_high(among: Tensor, pair: Pair) -> Tensor:
    """For each label (M,L), how many of `among` have a score as high or higher."""
    scores = pair.predictions
    ordered = scores.masked_fill(~among, -math.inf).sort(1).values
    higher = scores.shape[1] - torch.searchsorted(ordered, scores.contiguous())
    return torch.minimum(higher, among.sum(1, keepdim=True)).double()


def _ranking_precision(pair: Pair, given: Given) -> Tensor:
    true, counted = pair.truth == 1, pair.truth >= 0
    shares = _as_high(true, pair) / _as_high(counted, pair)
    found = shares.masked_fill(~true, 0.0).sum(1) / true.sum(1)
    return found.masked_fill(~true.any(1) | (true == counted).all(1), 1.0)


def _ranking_loss(pair: Pair, given: Given) -> Tensor:
    true, false = pair.truth == 1, pair.truth == 0
    wrong = _as_high(false, pair).masked_fill(~true, 0.0).sum(1)
    pairs = true.sum(1) * false.sum(1)
    return (wrong / pairs).masked_fill(pairs == 0, 0.0)


def _coverage(pair: Pair, given: Given) -> Tensor:
    return _as_high(pair.truth >= 0, pair).masked_fill(pair.truth != 1, 0.0).amax(1)


RANKINGS: tuple[Metric, ...] = (
    Metric(
        "label_ranking_average_precision",
        "Of the labels ranked as high as a true one, the share that is true.",
        "mean over examples of mean over true labels of (true labels ranked as high) / rank; 1 where all are alike",
        True,
        averaged(MULTILABEL, _ranking_precision),
        pairwise=False,
    ),
    Metric(
        "label_ranking_loss",
        "Share of pairs of a true and a false label that are in the wrong order.",
        "mean over examples of (pairs in the wrong order or tied) / (pairs); 0 where there are none",
        False,
        averaged(MULTILABEL, _ranking_loss),
        pairwise=False,
    ),
    Metric(
        "coverage_error",
        "How far down the ranking of labels the last true one is.",
        "mean over examples of the largest rank of a true label; 0 where there is none",
        False,
        averaged(MULTILABEL, _coverage),
        pairwise=False,
    ),
)
