"""Classes of which there are few, and weights that do not make up for it; knows no score."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lossd_server.judge.diagnostics.case import Case, class_count, share, spread
from lossd_server.judge.diagnostics.findings import Diagnostic, Finding, Level, Severity

LEAST = 100
"""Targets from which their balance is told."""
IMBALANCE = 50
RARE = 10
"""How many times rarer a class is that is not to be weighed down."""
DOWN = 5.0
MOST_CLASSES = 100
"""Classes up to which each is expected to have its share."""
_CLASSES = ("cross_entropy_loss", "linear_cross_entropy_loss", "nll_loss")
_BALANCED = ("bce_loss", "bce_with_logits_loss", *_CLASSES, "multi_label_soft_margin_loss")

CLASS_IMBALANCE = Diagnostic(
    "CLASS_IMBALANCE",
    Severity.WARNING,
    Level.CHEAP,
    "One class is far rarer than another and nothing weighs it up.",
    f"{LEAST} or more targets, of which the rarest class that has any has {IMBALANCE} times fewer than the "
    f"commonest, of up to {MOST_CLASSES} classes (labels: 1 against 0); no weight and no pos_weight",
    "give weight (CrossEntropyLoss) or pos_weight = negatives / positives (BCEWithLogitsLoss), or use a focal loss; "
    "judge by balanced accuracy or average precision, not accuracy",
    tuple(sorted(_BALANCED)),
    {"ratio": "commonest over rarest", "rarest": "targets of the rarest", "targets": "targets looked at"},
)
RARE_WEIGHTED_DOWN = Diagnostic(
    "RARE_WEIGHTED_DOWN",
    Severity.WARNING,
    Level.CHEAP,
    "The rare class is weighed down and the common one up.",
    f"{LEAST} or more targets; one class has {RARE} times the targets of another or more and {DOWN:g} times its weight "
    f"or more (weights of 0 aside), of up to {MOST_CLASSES} classes; labels: by one pos_weight for all",
    "turn the weights round: a class's weight goes with 1 / its count, and pos_weight is negatives / positives",
    tuple(sorted(("bce_with_logits_loss", *_CLASSES))),
    {"ratio": "targets of the common one over those of the rare", "weights": "its weight over that of the rare",
     "targets": "targets looked at"},
)  # fmt: skip

DIAGNOSTICS = (CLASS_IMBALANCE, RARE_WEIGHTED_DOWN)


def balance(case: Case) -> Iterator[Finding]:
    """Classes of which there are few."""
    if case.tensors["target"].numel() < LEAST:
        return
    parts = _parts(case)
    there = [one for one in parts if one]
    number = sum(there)
    if number < LEAST or len(there) < 2:
        return
    weights = _weights(case, len(parts))
    if weights:
        yield from _reversed(case, parts, weights)
    elif case.arguments.get("weight") is None and max(there) >= IMBALANCE * min(there):
        ratio = max(there) / min(there)
        message = f"of {number} targets the commonest class has {ratio:.0f} times those of the rarest, {min(there)}"
        yield case.found(CLASS_IMBALANCE, message, "target", ratio=ratio, rarest=min(there), targets=number)


def _parts(case: Case) -> list[int]:
    """Targets of each class, or of 0 and of 1; none where balance says nothing."""
    if _told(case):
        return []
    target = case.tensors["target"].detach()
    if target.is_floating_point():
        low, high = case.target_bounds
        if case.name in _CLASSES or not (low == 0 and high == 1):
            return []
        given, number = case.numbers[1], case.numbers[1].numel()
        ones, none = round(share(given == 1) * number), round(share(given == 0) * number)
        return [none, ones] if none + ones == number else []
    index = case.host(spread(target, 65_536)).reshape(-1).long()
    index = index[(index >= 0) & (index != case.ignored)]
    if len(index) < LEAST or int(index.max()) >= MOST_CLASSES:
        return []
    return list(torch.bincount(index).tolist())


def _told(case: Case) -> bool:
    """Whether there is nothing to find, by what is cheap to know."""
    if case.name in ("cross_entropy_loss", "nll_loss") and class_count(case.tensors["input"]) > MOST_CLASSES:
        return True
    given = case.arguments.get("weight" if case.name in _CLASSES else "pos_weight")
    if case.name not in _CLASSES and case.arguments.get("weight") is not None:
        return True  # of elements, not of classes
    return isinstance(given, Tensor) and case.name not in _CLASSES and given.numel() != 1


def _weights(case: Case, classes: int) -> list[float]:
    """Of each class; none if none are given."""
    given = case.arguments.get("weight" if case.name in _CLASSES else "pos_weight")
    if not isinstance(given, Tensor):
        return []
    weights = [float(one) for one in given.reshape(-1).tolist()]
    return weights[:classes] if case.name in _CLASSES else [1.0, weights[0]]


def _reversed(case: Case, parts: list[int], weights: list[float]) -> Iterator[Finding]:
    known = [(count, weight) for count, weight in zip(parts, weights, strict=False) if count and weight > 0]
    if len(known) < 2:
        return
    rare, common = min(known), max(known)
    ratio, heavier = common[0] / rare[0], common[1] / rare[1]
    if ratio >= RARE and heavier >= DOWN:
        message = (
            f"the class of {common[0]} targets weighs {common[1]:.3g}, that of {rare[0]} weighs {rare[1]:.3g}, "
            f"{heavier:.3g} times less"
        )
        numbers = {"ratio": ratio, "weights": heavier, "targets": sum(parts)}
        yield case.found(RARE_WEIGHTED_DOWN, message, "target", **numbers)


RULES = ((balance, tuple(sorted(_BALANCED))),)
"""Each rule with the losses whose evaluations it looks at."""
