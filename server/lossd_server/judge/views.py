"""How outputs and targets are laid out for the metrics of each task; knows no loss by name and no metric."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.losses.contract import Tensors

BINARY, MULTICLASS, MULTILABEL, REGRESSION = "binary", "multiclass", "multilabel", "regression"
SEGMENTATION, RETRIEVAL, SEQUENCE = "segmentation", "retrieval", "sequence"
BOXES, DISTRIBUTION = "boxes", "distribution"
TASKS = (BINARY, MULTICLASS, MULTILABEL, REGRESSION, BOXES, DISTRIBUTION, RETRIEVAL, SEGMENTATION, SEQUENCE)
"""What metrics can be told of."""
IGNORED = -1
"""The truth of a label that does not count, beside labels of the same example that do."""

Activation = Callable[[Tensor], Tensor]
"""Makes probabilities of scores (M,K), in float64."""


class Pair(NamedTuple):
    """Predictions and what is true, laid out as the metrics of a task take them.

    Args:
        predictions: (M,) or (M,K); of segmentation masks (N,K,P); of sequences (N,T), padded with -1.
        truth: likewise; class indices (M,) for (M,K) probabilities of classes.
        groups: of retrieval, the list that each item is in: 0, 1, …; (M,).
        unsure: whether a prediction is NaN, where `predictions` no longer tell.
    """

    predictions: Tensor
    truth: Tensor
    groups: Tensor | None = None
    unsure: Tensor | None = None


@dataclass(frozen=True)
class View:
    """One way to read outputs and targets.

    Args:
        task: whose metrics this is for.
        size: classes, labels or numbers of an example.
        lay_out: makes a pair of a loss's inputs.
        output: which of them the model put out.
        probabilities: whether predictions are probabilities, and not only in the right order.
        how: the same for losses that read an output in the same way.
    """

    task: str
    size: int
    lay_out: Callable[[Tensors], Pair]
    output: str
    probabilities: bool = True
    how: str = ""

    def read(self, output: Tensor, targets: Tensors) -> Pair:
        """The pair of one batch; floating numbers are float64."""
        return self.lay_out({**targets, self.output: output})


def softmax(scores: Tensor) -> Tensor:
    """Logits of classes."""
    return scores.softmax(-1)


def exp(scores: Tensor) -> Tensor:
    """Log-probabilities."""
    return scores.exp().clamp(max=1)  # rounding may leave one just above 0


def as_is(scores: Tensor) -> Tensor:
    """Probabilities already."""
    return scores


def rows(given: Tensor, dim: int) -> Tensor:
    """All but one dimension in one: (M,K), in float64."""
    size = given.shape[dim]
    return given.detach().movedim(dim, -1).reshape(given.numel() // max(size, 1), size).double()


def one_row(given: Tensor) -> Tensor:
    """(…) as (M,) or, of more than one number to an example, (M,K)."""
    size = given.shape[1:].numel() if given.dim() else 1
    given = given.detach().double()
    return given.reshape(-1) if size <= 1 else given.reshape(-1, size)


def classes(output: Tensor, target: Tensor, activation: Activation, ignored: int | None) -> Pair:
    """Scores of classes (C,), (N,C), (N,C,d…) and class indices without the class dimension, or masks of each."""
    dim = 0 if output.dim() == 1 else 1
    size = output.shape[dim]
    if target.is_floating_point():
        truth = index_of_masks(target)
    else:
        truth = target.reshape(-1).long()
        if ignored is not None:
            truth = truth.masked_fill(truth == ignored, IGNORED)
    kept = (truth >= 0) & (truth < size)
    return Pair(activation(rows(output, dim))[kept], truth[kept])


def index_of_masks(target: Tensor) -> Tensor:
    """The class of each position of masks (N,C,d…), where exactly one is 1; -1 elsewhere."""
    masks = rows(target, 1)
    alone = (masks == 1).sum(1) == 1
    return torch.where(alone, masks.argmax(1), IGNORED)


def class_masks(output: Tensor, target: Tensor, ignored: int | None) -> Pair:
    """Masks (N,C,P) of the likeliest class and of the true one; neither where the truth is ignored."""
    images, size = output.shape[:2]
    scores = output.detach().double().flatten(2)
    truth = index_of_masks(target) if target.is_floating_point() else target.long()
    if ignored is not None and not target.is_floating_point():
        truth = truth.masked_fill(truth == ignored, IGNORED)
    truth = truth.reshape(images, 1, output.shape[2:].numel())
    order = torch.arange(size, device=scores.device).reshape(1, -1, 1)
    kept = (truth >= 0) & (truth < size)
    unsure = (scores.isnan().any(1, keepdim=True) & kept).any()
    return Pair((scores.argmax(1, keepdim=True) == order) & kept, (truth == order) & kept, unsure=unsure)


def labels(output: Tensor, target: Tensor, activation: Activation, ignored: int | None, single: bool) -> Pair:
    """One score per example, binary, or several (N,L), (N,L,d…): labels that go together; targets are 0, 1 or ±1."""
    check_hard(target, ignored)
    truth = _label_rows(target, single)
    left_out = truth == ignored if ignored is not None else torch.zeros_like(truth, dtype=torch.bool)
    truth = (truth > 0).long().masked_fill(left_out, IGNORED)
    scores = activation(_label_rows(output, single).double())
    if single:
        return Pair(scores[~left_out], truth[~left_out])
    return Pair(scores, truth, unsure=(scores.isnan() & ~left_out).any())


def _label_rows(given: Tensor, single: bool) -> Tensor:
    given = given.detach()
    if single:
        return given.reshape(-1)
    size = given.shape[1]
    return given.movedim(1, -1).reshape(given.numel() // max(size, 1), size)


def label_masks(output: Tensor, target: Tensor, activation: Activation, ignored: int | None, single: bool) -> Pair:
    """Masks (N,L,P) of what is likelier than not and of what is true."""
    check_hard(target, ignored)
    size = 1 if single else output.shape[1]
    shape = (output.shape[0], size, output.shape[1:].numel() // max(size, 1))
    truth, scores = target.detach().reshape(shape), activation(output.detach().double()).reshape(shape)
    kept = truth != ignored if ignored is not None else torch.ones_like(truth, dtype=torch.bool)
    return Pair((scores > 0.5) & kept, (truth > 0) & kept, unsure=(scores.isnan() & kept).any())


def check_hard(target: Tensor, ignored: int | None = None) -> None:
    """Refuses labels that are neither 0 nor 1, -1 nor ignored."""
    right = (target == 0) | (target == 1) | (target == -1)
    if ignored is not None:
        right |= target == ignored
    if not bool(right.all()):
        raise Fault(
            "VALUE_OUT_OF_RANGE",
            "metrics of labels need targets of 0 and 1, and some are between; leave metrics out, or harden them",
            field="targets.target",
        )


def lists(scores: Tensor, relevance: Tensor, kept: Tensor | None) -> Pair:
    """Items of lists (N,L), those that exist, and how relevant each is."""
    kept = torch.ones_like(scores, dtype=torch.bool) if kept is None else kept.bool()
    groups = torch.arange(len(scores), device=scores.device).unsqueeze(1).expand(scores.shape)
    return Pair(scores.detach().double()[kept], relevance.detach().double()[kept], groups[kept])


def neighbours(likeness: Tensor, same: Tensor, allowed: Tensor | None = None) -> Pair:
    """Each row of a likeness (N,M) as a list of what it may find, and what of it is the same."""
    return lists(likeness, same.double(), allowed)


def distributions(output: Tensor, target: Tensor, kept: Tensor | None = None) -> Pair:
    """Probabilities of classes (M,C) on both sides."""
    if kept is not None:
        flat = kept.reshape(-1).bool()
        output, target = output[flat], target[flat]
    return Pair(output, target)


def sequences(log_probs: Tensor, targets: Tensor, lengths: Tensor, target_lengths: Tensor, blank: int) -> Pair:
    """The likeliest path of CTC without repeats and blanks, and the true tokens: (N,T) and (N,S), padded with -1."""
    batched = log_probs.dim() == 3
    path = (log_probs if batched else log_probs.unsqueeze(1)).detach().argmax(-1).T
    lengths, target_lengths = lengths.reshape(-1).to(path.device), target_lengths.reshape(-1).to(path.device)
    steps = torch.arange(path.shape[1], device=path.device)
    fresh = torch.ones_like(path, dtype=torch.bool)
    fresh[:, 1:] = path[:, 1:] != path[:, :-1]
    said = fresh & (path != blank) & (steps < lengths.unsqueeze(1))
    inside = (steps < lengths.unsqueeze(1)).T
    unsure = ((log_probs if batched else log_probs.unsqueeze(1)).isnan().any(-1) & inside).any()
    return Pair(_packed(path, said), _true_tokens(targets, target_lengths), unsure=unsure)


def _true_tokens(targets: Tensor, lengths: Tensor) -> Tensor:
    if targets.dim() == 2:
        steps = torch.arange(targets.shape[1], device=targets.device)
        return targets.long().masked_fill(steps >= lengths.to(targets.device).unsqueeze(1), IGNORED)
    parts = targets.long().reshape(-1)[: int(lengths.sum())].split(lengths.tolist())  # type: ignore[no-untyped-call]
    return torch.nn.utils.rnn.pad_sequence(list(parts), batch_first=True, padding_value=IGNORED)


def _packed(tokens: Tensor, kept: Tensor) -> Tensor:
    """Tokens that are kept, moved to the front; -1 behind them."""
    order = (~kept).long().argsort(dim=1, stable=True)
    return tokens.masked_fill(~kept, IGNORED).gather(1, order)


def boxes(output: Tensor, target: Tensor, box_format: str) -> Pair:
    """Boxes (M,4) as their corners."""
    return Pair(_corners(output, box_format), _corners(target, box_format))


def _corners(given: Tensor, box_format: str) -> Tensor:
    flat = given.detach().double().reshape(-1, 4)
    start, rest = flat[:, :2], flat[:, 2:]
    if box_format == "xyxy":
        return flat
    if box_format == "xywh":
        return torch.cat([start, start + rest], 1)
    return torch.cat([start - rest / 2, start + rest / 2], 1)
