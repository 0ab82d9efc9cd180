"""Embeddings, pairs, triplets, lists and boxes that teach nothing or are the wrong way round; knows no class score."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from lossd_server.judge.diagnostics import roles
from lossd_server.judge.diagnostics.case import Case, bounds, share
from lossd_server.judge.diagnostics.findings import Diagnostic, Finding, Level, Severity

LEAST = 8
LEAST_PAIRS = 16
_HINGES = ("cosine_embedding_loss", "hinge_embedding_loss", "hinge_loss", "margin_ranking_loss",
           "multi_label_margin_loss", "multi_margin_loss", "multiclass_hinge_loss", *roles.TRIPLETS)  # fmt: skip
_COLLAPSING = tuple(sorted(set(roles.EMBEDDINGS) - {"cosine_distance_loss"}))
_SAME = {
    **roles.EMBEDDINGS,
    **dict.fromkeys(roles.DISTILLATION, ("student_logits", "teacher_logits")),
    **dict.fromkeys(roles.PREFERENCE, ("policy_chosen_logps", "policy_rejected_logps")),
    "bradley_terry_loss": ("rewards_chosen", "rewards_rejected"),
    "margin_ranking_loss": ("input1", "input2"),
}
"""Two inputs that are never equal unless one was passed for the other."""

MARGIN_NEVER_ACTIVE = Diagnostic(
    "MARGIN_NEVER_ACTIVE",
    Severity.INFO,
    Level.CHEAP,
    "Every example keeps its margin: the loss is 0 and teaches nothing.",
    f"the loss is exactly 0 for {LEAST} or more examples of a loss with a margin",
    "mine harder pairs (semi-hard negatives), or raise the margin to the scale of the distances; if it stays so on new "
    "data, the model is done",
    _HINGES,
    {"examples": "examples"},
)
EMBEDDINGS_COLLAPSED = Diagnostic(
    "EMBEDDINGS_COLLAPSED",
    Severity.WARNING,
    Level.CHEAP,
    "All embeddings are the same vector.",
    f"{LEAST} or more rows that differ from the first by less than 1e-4 of their length",
    "lower the learning rate, use harder pairs only after easy ones, add a variance term (VICReg), or check that the "
    "model's inputs differ",
    _COLLAPSING,
    {"range": "largest difference from the first row, of its length", "rows": "rows looked at"},
)
ZERO_VECTORS = Diagnostic(
    "ZERO_VECTORS",
    Severity.WARNING,
    Level.CHEAP,
    "Embeddings of zeros have no direction.",
    "any row is all zeros in a loss that compares directions",
    "remove the ReLU after the last layer of the encoder, or leave out padding rows",
    roles.COSINES,
    {"zeros": "share of rows of zeros", "rows": "rows looked at"},
)
UNNORMALISED_EMBEDDINGS = Diagnostic(
    "UNNORMALISED_EMBEDDINGS",
    Severity.WARNING,
    Level.CHEAP,
    "Embeddings are not of length 1 and the loss does not scale them.",
    f"normalize is false and a tenth of {LEAST} or more rows has a length below 0.9 or above 1.1",
    "set normalize=True, or divide each row by its length: the temperature is meant for cosines",
    ("clip_loss",),
    {"shortest": "shortest row", "longest": "longest row", "rows": "rows looked at"},
)
IDENTICAL_INPUTS = Diagnostic(
    "IDENTICAL_INPUTS",
    Severity.WARNING,
    Level.CHEAP,
    "Two inputs that should differ are the same numbers.",
    f"{LEAST} or more elements, all equal to the last bit and not all alike",
    "check that one tensor was not passed twice: two views, student and teacher, chosen and rejected are not the same",
    tuple(sorted(_SAME)),
    {"elements": "elements looked at"},
)
PAIRS_SWAPPED = Diagnostic(
    "PAIRS_SWAPPED",
    Severity.WARNING,
    Level.CHEAP,
    "The worse one wins nearly always: the inputs are the wrong way round.",
    f"in 95 % of {LEAST_PAIRS} or more pairs the rejected scores higher, the negative is nearer than the positive, or "
    "the pair goes against its sign",
    "exchange chosen and rejected, positive and negative, or the sign of the target: similar pairs are near",
    ("bradley_terry_loss", "cosine_embedding_loss", "dpo_loss", "margin_ranking_loss", *roles.TRIPLETS),
    {"wrong": "share of pairs the wrong way round", "pairs": "pairs looked at"},
)
NEGATIVE_DISTANCES = Diagnostic(
    "NEGATIVE_DISTANCES",
    Severity.WARNING,
    Level.CHEAP,
    "Distances are below 0.",
    "any input below 0",
    "send distances, as PairwiseDistance gives them, not scores or similarities; or use CosineEmbeddingLoss on vectors",
    ("hinge_embedding_loss",),
    {"below": "share of inputs below 0", "least": "least input"},
)
NO_POSITIVE_PAIRS = Diagnostic(
    "NO_POSITIVE_PAIRS",
    Severity.WARNING,
    Level.CHEAP,
    "No two examples of the batch belong together.",
    "no label occurs twice, and there is no second view",
    "sample several examples of each class (an m-per-class sampler), or give ref_emb",
    roles.LABELLED,
    {"labels": "labels"},
)
NO_NEGATIVE_PAIRS = Diagnostic(
    "NO_NEGATIVE_PAIRS",
    Severity.WARNING,
    Level.CHEAP,
    "All examples of the batch belong together.",
    "two or more rows, all of one label",
    "shuffle before batching, so that a batch holds several classes",
    roles.LABELLED,
    {"labels": "labels"},
)
LISTS_WITHOUT_ORDER = Diagnostic(
    "LISTS_WITHOUT_ORDER",
    Severity.WARNING,
    Level.CHEAP,
    "Labels of a list are all equal: there is no order to learn.",
    "in nine of ten of 4 or more lists all labels are the same",
    "leave out lists without a relevant item, and check that labels are grades, not identifiers",
    roles.RANKING,
    {"flat": "share of lists with one label", "lists": "lists looked at"},
)
BOXES_APART = Diagnostic(
    "BOXES_APART",
    Severity.WARNING,
    Level.CHEAP,
    "Most boxes do not touch their targets, where this loss has no gradient.",
    f"more than half of {LEAST} or more pairs do not overlap",
    "use GIoULoss or DIoULoss, which pull boxes together that are apart; check box_format and units (pixels, 0 to 1)",
    ("iou_loss",),
    {"apart": "share of pairs that do not overlap", "pairs": "pairs looked at"},
)
BOX_SCALE = Diagnostic(
    "BOX_SCALE",
    Severity.WARNING,
    Level.CHEAP,
    "Boxes are of another unit than their targets.",
    f"{LEAST} or more boxes; one side lies within 0 to 1.5, the other reaches 20 or more",
    "divide pixels by the size of the image, or multiply boxes from 0 to 1 by it",
    roles.BOXES,
    {"predicted": "largest coordinate of the predictions", "true": "largest coordinate of the targets"},
)

DIAGNOSTICS = (
    MARGIN_NEVER_ACTIVE, EMBEDDINGS_COLLAPSED, ZERO_VECTORS, UNNORMALISED_EMBEDDINGS, IDENTICAL_INPUTS, PAIRS_SWAPPED,
    NEGATIVE_DISTANCES, NO_POSITIVE_PAIRS, NO_NEGATIVE_PAIRS, LISTS_WITHOUT_ORDER, BOXES_APART, BOX_SCALE,
)  # fmt: skip


def margins(case: Case) -> Iterator[Finding]:
    """Margins that all examples keep."""
    first = next(iter(case.tensors.values()))
    examples = first.shape[0] if first.dim() else 1
    if case.value == 0 and examples >= LEAST and first.numel():
        yield case.found(
            MARGIN_NEVER_ACTIVE, f"all {examples} examples keep their margin, and the loss is 0", examples=examples
        )


def embeddings(case: Case) -> Iterator[Finding]:
    """Vectors that are all alike, zero or of any length."""
    name = roles.EMBEDDINGS[case.name][0]
    rows = case.rows(name)
    count, width = rows.shape
    if not count or not width:
        return
    lengths = rows.norm(dim=-1)
    short, long = bounds(lengths)
    if short == 0 and case.name in roles.COSINES:
        zeros = share(lengths == 0)
        yield case.found(
            ZERO_VECTORS, f"{zeros:.0%} of {count} rows of {name} are zeros", name, zeros=zeros, rows=count
        )
    if count < LEAST:
        return
    if case.name in _COLLAPSING and width > 1 and 0 < long < math.inf:
        reach = float((rows - rows[0]).norm(dim=-1).max()) / long
        if reach < 1e-4:
            message = f"{count} rows of {name} differ by at most {reach:.2g} of their length"
            yield case.found(EMBEDDINGS_COLLAPSED, message, name, range=reach, rows=count)
    raw = case.name == "clip_loss" and not case.arguments.get("normalize", True)
    if raw and share((lengths < 0.9) | (lengths > 1.1)) >= 0.1:
        message = f"rows of {name} are {short:.3g} to {long:.3g} long, and normalize is false"
        yield case.found(UNNORMALISED_EMBEDDINGS, message, name, shortest=short, longest=long, rows=count)


def identical(case: Case) -> Iterator[Finding]:
    """One tensor passed for two."""
    first, second = _SAME[case.name]
    if first not in case.tensors or second not in case.tensors:
        return
    if case.tensors[first].shape != case.tensors[second].shape or case.tensors[first].numel() < LEAST:
        return
    given = case.elements(first)
    if bool((given == case.elements(second)).all()) and bool((given != given[0]).any()):
        message = f"{first} and {second} are the same {given.numel()} numbers"
        yield case.found(IDENTICAL_INPUTS, message, second, elements=given.numel())


def pairs(case: Case) -> Iterator[Finding]:
    """Pairs the wrong way round."""
    wrong, about = _wrong(case)
    if wrong.numel() >= LEAST_PAIRS and (found := share(wrong)) >= 0.95:
        message = f"{found:.0%} of {wrong.numel()} pairs are the wrong way round"
        yield case.found(PAIRS_SWAPPED, message, about, wrong=found, pairs=wrong.numel())


def _wrong(case: Case) -> tuple[Tensor, str]:
    if case.name == "bradley_terry_loss":
        return case.elements("rewards_chosen") < case.elements("rewards_rejected"), "rewards_chosen"
    if case.name == "dpo_loss":
        return _implied(case, "chosen") < _implied(case, "rejected"), "policy_chosen_logps"
    if case.name == "margin_ranking_loss":
        first, second, target = (case.tensors[name] for name in ("input1", "input2", "target"))
        if not first.shape == second.shape == target.shape:
            return torch.empty(0), "target"
        return (case.elements("input1") - case.elements("input2")) * case.elements("target") < 0, "target"
    names = ("input1", "input2") if case.name == "cosine_embedding_loss" else ("anchor", "positive", "negative")
    if len({case.tensors[name].shape for name in names}) > 1:
        return torch.empty(0), names[-1]
    rows = [case.rows(name) for name in names]
    if case.name == "cosine_embedding_loss":
        target = case.elements("target")
        if len(rows[0]) != len(target) or not 0.1 <= share(target > 0) <= 0.9:
            return torch.empty(0), "target"
        return torch.cosine_similarity(rows[0], rows[1]) * target < 0, "target"
    anchor, positive, negative = rows
    return (anchor - positive).norm(dim=-1) > (anchor - negative).norm(dim=-1), "negative"


def _implied(case: Case, which: str) -> Tensor:
    """The reward that the policy gives answers: by how much it finds them likelier than the reference does."""
    policy, reference = f"policy_{which}_logps", f"reference_{which}_logps"
    return case.elements(policy) - case.elements(reference) if reference in case.tensors else torch.empty(0)


def distances(case: Case) -> Iterator[Finding]:
    """Distances that are none."""
    low = case.bounds[0]
    if low < 0:
        below = share(case.numbers[0] < 0)
        message = f"{below:.1%} of the distances are below 0, the least {low:.3g}"
        yield case.found(NEGATIVE_DISTANCES, message, "input", below=below, least=low)


def kinds(case: Case) -> Iterator[Finding]:
    """Labels that make no pairs."""
    labels = case.given("labels")
    if labels is None or labels.numel() < 2 or case.tensors.get("ref_emb") is not None:
        return
    counts = torch.unique(labels.reshape(-1), return_counts=True)[1]
    if int(counts.max()) == 1:
        message = f"{labels.numel()} labels are all different"
        yield case.found(NO_POSITIVE_PAIRS, message, "labels", labels=labels.numel())
    elif len(counts) == 1:
        message = f"{labels.numel()} labels are all the same"
        yield case.found(NO_NEGATIVE_PAIRS, message, "labels", labels=labels.numel())


def lists(case: Case) -> Iterator[Finding]:
    """Lists whose labels have no order."""
    labels = case.rows("labels")
    count, width = labels.shape
    if count < 4 or width < 2:
        return
    low, high = labels, labels
    if (mask := case.given("mask")) is not None and mask.shape == case.tensors["labels"].shape:
        off = case.rows("mask") == 0
        low, high = labels.masked_fill(off, math.inf), labels.masked_fill(off, -math.inf)
    flat = share(low.amin(-1) >= high.amax(-1))
    if flat >= 0.9:
        message = f"{flat:.0%} of {count} lists hold one label only"
        yield case.found(LISTS_WITHOUT_ORDER, message, "labels", flat=flat, lists=count)


def boxes(case: Case) -> Iterator[Finding]:
    """Boxes of different units or far apart."""
    if case.tensors["input"].shape != case.tensors["target"].shape:
        return
    mine, true = case.rows("input"), case.rows("target")
    if len(mine) < LEAST:
        return
    ends = float(mine.max()), float(true.max())
    if min(ends) <= 1.5 and 20 <= max(ends) < math.inf:
        message = f"predictions reach {ends[0]:.3g} and targets {ends[1]:.3g}"
        yield case.found(BOX_SCALE, message, "input", predicted=ends[0], true=ends[1])
    if case.name == "iou_loss":
        a, b = (_corners(rows, str(case.arguments.get("box_format", "xyxy"))) for rows in (mine, true))
        apart = share(((a[:, 2:] <= b[:, :2]) | (b[:, 2:] <= a[:, :2])).any(-1))
        if apart > 0.5:
            message = f"{apart:.0%} of {len(mine)} boxes do not overlap their targets"
            yield case.found(BOXES_APART, message, "input", apart=apart, pairs=len(mine))


def _corners(boxes: Tensor, form: str) -> Tensor:
    if form == "xyxy":
        return boxes
    first, size = boxes[:, :2], boxes[:, 2:]
    if form == "cxcywh":
        first = first - size / 2
    return torch.cat((first, first + size), -1)


RULES = (
    (identical, tuple(sorted(_SAME))),
    (pairs, PAIRS_SWAPPED.losses),
    (margins, _HINGES),
    (embeddings, tuple(sorted(roles.EMBEDDINGS))),
    (kinds, roles.LABELLED),
    (distances, ("hinge_embedding_loss",)),
    (lists, roles.RANKING),
    (boxes, roles.BOXES),
)
"""Each rule with the losses whose evaluations it looks at."""
