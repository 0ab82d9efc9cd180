"""Lists, sequences, boxes, pairs and embeddings: what is compared with others; knows no loss by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from lossd_server.judge import views as lay
from lossd_server.judge.meanings.given import Given
from lossd_server.judge.meanings.predictions import vectors
from lossd_server.judge.views import BINARY, BOXES, RETRIEVAL, SEQUENCE, Pair, View
from lossd_server.losses.contract import Tensors


def lists(given: Given) -> list[View]:
    def items(tensors: Tensors) -> Pair:
        return lay.lists(tensors["scores"], tensors["labels"], tensors.get("mask"))

    return [given.view(RETRIEVAL, given.tensors["scores"].shape[-1], items, False)]


def index_lists(given: Given) -> list[View]:
    """Scores (N,C) and the indices of the labels that are true, padded with -1 from the first on."""

    def items(tensors: Tensors) -> Pair:
        scores, target = (tensors[name].reshape(-1, tensors[name].shape[-1]) for name in ("input", "target"))
        listed = (target >= 0).cumprod(1).bool()
        true = torch.zeros_like(scores, dtype=torch.float64)
        true.scatter_add_(1, target.clamp_min(0), listed.double())
        return lay.lists(scores, (true > 0).double(), None)

    return [given.view(RETRIEVAL, given.tensors["input"].shape[-1], items, False)]


def sequences(given: Given) -> list[View]:
    def tokens(tensors: Tensors) -> Pair:
        log_probs, targets = tensors["log_probs"], tensors["targets"]
        lengths = tensors["input_lengths"], tensors["target_lengths"]
        return lay.sequences(log_probs, targets, *lengths, blank=given.argument("blank"))

    return [given.view(SEQUENCE, given.tensors["log_probs"].shape[-1], tokens)]


def boxes(given: Given) -> list[View]:
    def corners(tensors: Tensors) -> Pair:
        return lay.boxes(tensors["input"], tensors["target"], given.argument("box_format"))

    return [given.view(BOXES, 4, corners, False), *vectors(given)]


def pairs(
    given: Given, score: Callable[[Tensors], Tensor], probabilities: bool = False, target: str = ""
) -> list[View]:
    """Which of two is preferred, by a score above 0; true where `target` is above 0, or always."""

    def flat(tensors: Tensors) -> Pair:
        found = score({name: tensor.detach().double() for name, tensor in tensors.items()}).reshape(-1)
        true = tensors[target].reshape(-1) > 0 if target else torch.ones_like(found)
        return Pair(found.sigmoid(), true.long())

    return [given.view(BINARY, 1, flat, probabilities)]


def preferred(tensors: Tensors) -> Tensor:
    better = tensors["policy_chosen_logps"] - tensors.get("reference_chosen_logps", torch.tensor(0.0))
    worse = tensors["policy_rejected_logps"] - tensors.get("reference_rejected_logps", torch.tensor(0.0))
    return better - worse


def triplets(given: Given) -> list[View]:
    """Whether the positive is nearer than the negative, by the loss's own distance."""
    distance = _DISTANCES[given.argument("distance_function") or "pairwise"]
    if given.argument("p") is not None:
        distance = partial(torch.nn.functional.pairwise_distance, p=given.argument("p"), eps=given.argument("eps"))
    return pairs(given, lambda t: distance(t["anchor"], t["negative"]) - distance(t["anchor"], t["positive"]))


_DISTANCES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "pairwise": torch.nn.functional.pairwise_distance,
    "manhattan": partial(torch.nn.functional.pairwise_distance, p=1),
    "chebyshev": partial(torch.nn.functional.pairwise_distance, p=float("inf")),
    "squared_euclidean": lambda x, y: (x - y).square().sum(-1),
    "cosine": lambda x, y: 1 - torch.nn.functional.cosine_similarity(x, y, dim=-1),
}


def embeddings(given: Given) -> list[View]:
    """Each example looks for those of its label among the others of its batch, and of another view if there is one."""

    def items(tensors: Tensors) -> Pair:
        embeddings, other = tensors["embeddings"], tensors.get("ref_emb")
        labels = tensors["labels"] if "labels" in tensors else torch.arange(len(embeddings), device=embeddings.device)
        if other is not None:
            embeddings, labels = torch.cat((embeddings, other)), torch.cat((labels, labels))
        unit = torch.nn.functional.normalize(embeddings.detach().double(), dim=-1)
        others = ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        return lay.neighbours(unit @ unit.T, labels.unsqueeze(1) == labels, others)

    return [given.view(RETRIEVAL, 1, items, False)]


def matches(given: Given, names: tuple[str, str]) -> list[View]:
    """Each row of one input looks for its own of the other, among all rows of the batch."""

    def items(tensors: Tensors) -> Pair:
        mine, other = (torch.nn.functional.normalize(tensors[name].detach().double(), dim=-1) for name in names)
        return lay.neighbours(mine @ other.T, torch.eye(len(mine), dtype=torch.bool, device=mine.device))

    return [given.view(RETRIEVAL, 1, items, False)]


def unlike(tensors: Tensors, margin: float) -> Tensor:
    return margin / 2 - tensors["input"]
