"""Masks the wrong way round, of segmentations and of sequences, and without a foreground; knows no class score."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lossd_server.judge.diagnostics import roles
from lossd_server.judge.diagnostics.case import Case, share
from lossd_server.judge.diagnostics.findings import Diagnostic, Finding, Level, Severity
from lossd_server.judge.diagnostics.predictions import LABELS_FLIPPED

LEAST = 64
LEAST_KIND = 16
_PADDED = (*roles.POLICY, *roles.RANKING, "kl_estimator", "ppo_value_clip_loss")

NO_FOREGROUND = Diagnostic(
    "NO_FOREGROUND",
    Severity.INFO,
    Level.CHEAP,
    "No element of any mask is foreground.",
    f"mode is binary or multilabel, and all of {LEAST} or more targets are 0 (or ignored)",
    "check that masks are loaded and not resized or divided away (1 / 255 as a whole number is 0); sample batches "
    "that hold some foreground: the loss of an empty mask says little",
    roles.REGIONS,
    {"elements": "elements of the target"},
)
MASK_INVERTED = Diagnostic(
    "MASK_INVERTED",
    Severity.WARNING,
    Level.CHEAP,
    "The mask keeps the padding and leaves out what is there.",
    f"{LEAST_KIND} or more elements are kept, nine tenths of them exactly 0, and {LEAST_KIND} or more are left out, "
    "of which nine tenths are not",
    "turn the mask round: 1 (true) keeps an element, 0 leaves it out; PyTorch's key_padding_mask is the other way",
    tuple(sorted(_PADDED)),
    {"kept": "share of 0 among what is kept", "left": "share of 0 among what is left out", "elements": "elements kept"},
)

DIAGNOSTICS = (NO_FOREGROUND, MASK_INVERTED)


def foreground(case: Case) -> Iterator[Finding]:
    """Masks of segmentation against their scores."""
    if case.arguments.get("mode", "multiclass") == "multiclass":
        yield from _two_classes(case)
        return
    given, target = case.numbers
    if given.numel() < LEAST:
        return
    yes, no = target == 1, target == 0
    if not bool(yes.any()):
        yield from _empty(case)
        return
    positive = given > (0.0 if case.arguments.get("from_logits", True) else 0.5)
    yield from _turned(case, yes, no, positive)


def _two_classes(case: Case) -> Iterator[Finding]:
    if case.tensors["input"].shape[1] != 2 or case.tensors["target"].is_floating_point():
        return
    scores, index, _ = case.classes
    if index is not None and len(index) >= LEAST:
        yield from _turned(case, index == 1, index == 0, scores[:, 1] > scores[:, 0])


def _turned(case: Case, yes: Tensor, no: Tensor, positive: Tensor) -> Iterator[Finding]:
    """Whether both kinds are answered by the other; one alone may be a model that answers all alike."""
    many, others = int(torch.count_nonzero(yes)), int(torch.count_nonzero(no))
    if min(many, others) < LEAST_KIND:
        return
    hit = int(torch.count_nonzero(positive & yes)) / many
    passed = 1 - int(torch.count_nonzero(positive & no)) / others
    if hit < 0.25 and passed < 0.25:
        right = (hit * many + passed * others) / (many + others)
        message = (
            f"{hit:.0%} of {many} elements of the foreground and {passed:.0%} of {others} of the background are "
            "answered right: the mask is the wrong way round"
        )
        yield case.found(LABELS_FLIPPED, message, "target", right=right, elements=many + others)


def _empty(case: Case) -> Iterator[Finding]:
    target = case.tensors["target"].detach()
    if not bool((target == 1).any()) and bool(((target == 0) | (target == (case.ignored or 0))).all()):
        count = target.numel()
        yield case.found(NO_FOREGROUND, f"none of {count} elements of the target is 1", "target", elements=count)


def padding(case: Case) -> Iterator[Finding]:
    """What a mask keeps of padded sequences, against what it leaves out."""
    mask = case.tensors.get("mask")
    name = next((one for one in ("log_probs", "scores", "values") if one in case.tensors), None)
    if mask is None or name is None or mask.shape != case.tensors[name].shape or case.kept is None:
        return
    zero, kept = case.elements(name) == 0, case.kept
    if kept.shape != zero.shape:
        return
    inside, many = int(torch.count_nonzero(zero & kept)), int(torch.count_nonzero(kept))
    if many < LEAST_KIND or zero.numel() - many < LEAST_KIND or inside < 0.9 * many:
        return
    left = share(zero[~kept])
    if left <= 0.1:
        message = f"{inside / many:.0%} of {many} elements of {name} that are kept are 0, and {left:.0%} of the others"
        yield case.found(MASK_INVERTED, message, "mask", kept=inside / many, left=left, elements=many)


RULES = (
    (foreground, roles.REGIONS),
    (padding, MASK_INVERTED.losses),
)
"""Each rule with the losses whose evaluations it looks at."""
