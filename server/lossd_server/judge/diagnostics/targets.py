"""Targets in another form than their loss takes, ignored or of other classes; knows no gradient."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lossd_server.judge.diagnostics import roles
from lossd_server.judge.diagnostics.case import Case, bounds, class_count, share, spread
from lossd_server.judge.diagnostics.findings import Diagnostic, Finding, Level, Severity
from lossd_server.losses.budget import broadcast_shapes

LEAST_BALANCE = 100
"""Targets from which their balance is told."""
MOSTLY = 0.9
_SOFT = ("cross_entropy_loss", "linear_cross_entropy_loss", "poly1_cross_entropy_loss")
_LABELS = ("bce_with_logits_loss", "multi_label_soft_margin_loss")

NEGATIVE_TARGETS = Diagnostic(
    "NEGATIVE_TARGETS",
    Severity.ERROR,
    Level.CHEAP,
    "Targets are below 0 where probabilities or counts are due.",
    "any target below 0",
    "send probabilities from 0 to 1 or counts from 0 on; undo what standardised the targets, or use a loss of numbers",
    tuple(sorted((*_SOFT, "kl_div_loss", "poisson_nll_loss"))),
    {"least": "least target", "below": "share of targets below 0"},
)
MULTI_HOT_TARGETS = Diagnostic(
    "MULTI_HOT_TARGETS",
    Severity.ERROR,
    Level.CHEAP,
    "Several classes are true of an example, in a loss of one class for each.",
    "all targets are 0 or 1, and some row has more than one 1",
    "use BCEWithLogitsLoss for several labels to an example; or divide each row by its sum if they share it",
    _SOFT,
    {"rows": "rows looked at", "several": "share of rows with more than one 1"},
)
TARGETS_NOT_NORMALISED = Diagnostic(
    "TARGETS_NOT_NORMALISED",
    Severity.WARNING,
    Level.CHEAP,
    "Target distributions do not add up to 1.",
    "some row of targets of 0 or more adds up to less than 0.98 or more than 1.02",
    "divide each row of the target by its sum, or apply softmax to it; torch accepts other sums and scales the loss",
    tuple(sorted((*_SOFT, "kl_div_loss"))),
    {"rows": "rows looked at", "off": "share of rows that do not add up", "furthest": "sum furthest from 1"},
)
ONE_HOT_TARGETS = Diagnostic(
    "ONE_HOT_TARGETS",
    Severity.INFO,
    Level.CHEAP,
    "Targets are one-hot rows where class indices would do.",
    "all targets are 0 or 1, and each row has one 1; more than two classes or rows",
    "send target.argmax(1) as int64: the loss is the same, in a fraction of the memory, and ignore_index works",
    _SOFT,
    {"classes": "classes", "rows": "rows looked at"},
)
LOG_TARGET_MISMATCH = Diagnostic(
    "LOG_TARGET_MISMATCH",
    Severity.ERROR,
    Level.CHEAP,
    "Log_target and the targets disagree.",
    "log_target is false and the exponentials of every row, none above 0, add up to 1; or it is true and the rows "
    "themselves do",
    "set log_target=True for log-probabilities as targets, and leave it out for probabilities",
    ("kl_div_loss",),
    {"least": "least target", "most": "largest target", "log_target": "1 if it is set"},
)
KL_MEAN_REDUCTION = Diagnostic(
    "KL_MEAN_REDUCTION",
    Severity.WARNING,
    Level.CHEAP,
    "The mean over elements is not the divergence.",
    "reduction is mean, and a row has more than one element",
    "set reduction='batchmean', which divides by the rows; torch warns of it too",
    ("kl_div_loss",),
    {"factor": "how many times smaller it is"},
)
SIGN_TARGETS = Diagnostic(
    "SIGN_TARGETS",
    Severity.ERROR,
    Level.CHEAP,
    "Targets are -1 and 1 where 0 and 1 are due.",
    "all targets are -1 or 1, and some are -1",
    "send (target + 1) / 2; or use SoftMarginLoss, whose targets are -1 and 1",
    _LABELS,
    {"negative": "share of targets at -1", "elements": "elements looked at"},
)
CLASS_INDICES_AS_LABELS = Diagnostic(
    "CLASS_INDICES_AS_LABELS",
    Severity.ERROR,
    Level.CHEAP,
    "Targets are class indices where labels of 0 and 1 are due.",
    "all targets are whole numbers from 0 on, of three or more kinds up to 2 or more",
    "send one column of 0 and 1 for each class (one-hot); or use CrossEntropyLoss with one logit for each class",
    _LABELS,
    {"most": "largest target", "elements": "elements looked at"},
)
TARGETS_OUT_OF_RANGE = Diagnostic(
    "TARGETS_OUT_OF_RANGE",
    Severity.ERROR,
    Level.CHEAP,
    "Targets lie outside 0 to 1, where the loss has no least value.",
    "any target below 0 or above 1, unless SIGN_TARGETS or CLASS_INDICES_AS_LABELS explains it",
    "scale the targets to 0 to 1 (masks of 0 and 255: divide by 255); for numbers use a regression loss",
    _LABELS,
    {"least": "least target", "most": "largest target", "outside": "share of targets outside"},
)
MULTI_HOT_AS_INDICES = Diagnostic(
    "MULTI_HOT_AS_INDICES",
    Severity.ERROR,
    Level.CHEAP,
    "Targets are 0 and 1 for each class where lists of class indices are due.",
    "all targets are 0 or 1, in rows of three or more without a -1 to end the list",
    "send the indices of the true classes from the left, then -1; or use MultiLabelSoftMarginLoss, which takes 0 and 1",
    ("multi_label_margin_loss",),
    {"classes": "classes", "elements": "elements looked at"},
)
ALL_TARGETS_IGNORED = Diagnostic(
    "ALL_TARGETS_IGNORED",
    Severity.ERROR,
    Level.CHEAP,
    "Nothing counts: every target is ignored, masked or of weight 0.",
    "no target other than ignore_index, no element that the mask keeps, or a total weight of 0",
    "check ignore_index, the mask (1 keeps, 0 leaves out) and the class weights; skip batches of padding only",
    tuple(sorted({*roles.IGNORING, *roles.MASKED})),
    {"targets": "targets that there are"},
)
MOST_TARGETS_IGNORED = Diagnostic(
    "MOST_TARGETS_IGNORED",
    Severity.INFO,
    Level.CHEAP,
    "Few targets count.",
    f"more than {MOSTLY:.0%} of {LEAST_BALANCE} or more targets are ignored or masked",
    "check ignore_index and the mask (1 keeps, 0 leaves out); pack sequences, or the mean stands on few tokens",
    tuple(sorted({*roles.IGNORING, *roles.MASKED})),
    {"ignored": "share of targets that are ignored", "targets": "targets looked at"},
)
ZERO_TARGETS = Diagnostic(
    "ZERO_TARGETS",
    Severity.WARNING,
    Level.CHEAP,
    "Targets are 0 where errors are divided by them.",
    "any target within 1e-6 of 0",
    "use smape_loss, or MSELoss on log1p of both, or leave those examples out",
    ("mape_loss",),
    {"zeros": "share of targets at 0", "elements": "elements looked at"},
)
BROADCAST = Diagnostic(
    "BROADCAST",
    Severity.ERROR,
    Level.CHEAP,
    "Two lists of one length were compared each with each.",
    "input and target differ in shape, have equally many elements, more than one, and broadcast to more",
    "squeeze input to (N,) or reshape target to (N,1): torch broadcasts (N,1) against (N,) to (N,N); leave "
    "allow_broadcast out, and lossd refuses it",
    (),
    {"elements": "elements of each", "compared": "elements of the loss"},
)

DIAGNOSTICS = (
    NEGATIVE_TARGETS, MULTI_HOT_TARGETS, TARGETS_NOT_NORMALISED, ONE_HOT_TARGETS, LOG_TARGET_MISMATCH,
    KL_MEAN_REDUCTION, SIGN_TARGETS, CLASS_INDICES_AS_LABELS, TARGETS_OUT_OF_RANGE, MULTI_HOT_AS_INDICES,
    ALL_TARGETS_IGNORED, MOST_TARGETS_IGNORED, ZERO_TARGETS, BROADCAST,
)  # fmt: skip


def soft(case: Case) -> Iterator[Finding]:
    """Distributions over classes as targets."""
    target = case.tensors["target"]
    if not target.is_floating_point() or not target.numel() or class_count(target) < 2:
        return
    rows = case.rows("target", 1 if target.dim() > 1 else 0)
    yield from _distributions(case, rows, case.tolerance("target"))


def _distributions(case: Case, rows: Tensor, slack: float) -> Iterator[Finding]:
    low, high = bounds(rows)
    if low < 0:
        below = share(rows < 0)
        message = f"{below:.1%} of the target probabilities are below 0, the least {low:.3g}"
        yield case.found(NEGATIVE_TARGETS, message, "target", least=low, below=below)
        return
    sums = rows.sum(-1)
    count = len(rows)
    if high == 1 and bool(((rows == 0) | (rows == 1)).all()):
        several = share(sums > 1)
        if several and case.name != "kl_div_loss":
            message = f"{several:.0%} of {count} target rows hold more than one 1"
            yield case.found(MULTI_HOT_TARGETS, message, "target", rows=count, several=several)
            return
        if case.name != "kl_div_loss" and bool((sums == 1).all()) and rows.numel() > 4:
            classes = rows.shape[-1]
            message = f"each of {count} target rows holds one 1 among {classes} classes"
            yield case.found(ONE_HOT_TARGETS, message, "target", classes=classes, rows=count)
            return
    distance = (sums - 1).abs()
    off = share(distance > max(0.02, slack))
    if off:
        furthest = float(sums[distance.argmax()])
        message = f"{off:.0%} of {count} target rows do not add up to 1, the furthest adds up to {furthest:.3g}"
        yield case.found(TARGETS_NOT_NORMALISED, message, "target", rows=count, off=off, furthest=furthest)


def divergence(case: Case) -> Iterator[Finding]:
    """Targets and reduction of KLDivLoss."""
    target = case.tensors["target"]
    width = target.shape[-1] if target.dim() else 1
    if not target.numel() or width < 2:
        return
    logged, slack = bool(case.arguments.get("log_target")), case.tolerance("target")
    rows = case.rows("target")
    low, high = bounds(rows)
    if high <= slack and low < 0 and not logged and _adds_up(rows.logsumexp(-1), slack):
        message = f"log_target is false, but the targets are log-probabilities, from {low:.3g} to {high:.3g}"
        yield case.found(LOG_TARGET_MISMATCH, message, "target", least=low, most=high, log_target=0)
    elif logged and low >= 0 and _adds_up(rows.sum(-1) - 1, slack):
        message = f"log_target is true, but the targets are probabilities, from {low:.3g} to {high:.3g}"
        yield case.found(LOG_TARGET_MISMATCH, message, "target", least=low, most=high, log_target=1)
    elif not logged and not (target.dim() > 2 and _adds_up(case.rows("target", 1).sum(-1) - 1, slack)):
        yield from _distributions(case, rows, slack)
    if case.arguments.get("reduction") == "mean" and target.dim() > 1:
        factor = target.numel() / target.shape[0]
        message = f"reduction is mean, which is {factor:g} times smaller than the divergence"
        yield case.found(KL_MEAN_REDUCTION, message, "", factor=factor)


def _adds_up(distance: Tensor, slack: float) -> bool:
    return float(distance.abs().max()) <= slack


def labels(case: Case) -> Iterator[Finding]:
    """Targets of 0 and 1."""
    _, target = case.numbers
    low, high = case.target_bounds
    if not (low < 0 or high > 1):
        return
    count = target.numel()
    if low == -1 and high <= 1 and bool((target.abs() == 1).all()):
        negative = share(target < 0)
        message = f"all {count} targets are -1 or 1, {negative:.0%} of them -1"
        yield case.found(SIGN_TARGETS, message, "target", negative=negative, elements=count)
        return
    whole = low >= 0 and high < 1000 and bool((target == target.floor()).all())
    if whole and (len(torch.unique(target)) > 2 or high == 2):
        message = f"all {count} targets are whole numbers, up to {high:g}"
        yield case.found(CLASS_INDICES_AS_LABELS, message, "target", most=high, elements=count)
        return
    outside = share((target < 0) | (target > 1))
    message = f"{outside:.1%} of {count} targets lie outside 0 to 1, which they reach from {low:.3g} to {high:.3g}"
    yield case.found(TARGETS_OUT_OF_RANGE, message, "target", least=low, most=high, outside=outside)


def listed(case: Case) -> Iterator[Finding]:
    """Lists of class indices that are none."""
    target = case.tensors["target"]
    width = target.shape[-1] if target.dim() else 1
    rows = case.rows("target")
    if width < 3 or not rows.numel():
        return
    low, high = bounds(rows)
    if low == 0 and high == 1:
        message = f"all targets of {width} classes are 0 or 1 and no list is ended by -1"
        yield case.found(MULTI_HOT_AS_INDICES, message, "target", classes=width, elements=rows.numel())


def counts(case: Case) -> Iterator[Finding]:
    """Counts below 0."""
    low = case.target_bounds[0]
    if low < 0:
        below = share(case.numbers[1] < 0)
        message = f"{below:.1%} of the counts are below 0, the least {low:.3g}"
        yield case.found(NEGATIVE_TARGETS, message, "target", least=low, below=below)


def ignored(case: Case) -> Iterator[Finding]:
    """Targets that do not count."""
    kept = _kept(case)
    if kept is None:
        return
    about = "mask" if "mask" in case.tensors else "target"
    number = kept.numel()
    left = share(kept)
    if number and not left and _none_left(case):
        total = case.tensors[about].numel()
        yield case.found(ALL_TARGETS_IGNORED, f"none of {total} targets counts", about, targets=total)
    elif number >= LEAST_BALANCE and 1 - left > MOSTLY:
        message = f"{1 - left:.1%} of {number} targets do not count"
        yield case.found(MOST_TARGETS_IGNORED, message, about, ignored=1 - left, targets=number)


def _kept(case: Case) -> Tensor | None:
    """Which of the targets looked at count; None if nothing leaves any out."""
    if case.name in roles.MASKED:
        return case.kept
    target = case.given("target")
    if target is None or case.ignored is None or target.is_floating_point():
        return None
    weight = case.arguments.get("weight")
    if weight is None and case.result is not None and case.result.weight_sum == target.numel():
        return None  # the mean counted them already
    index = case.host(spread(target, 65_536)).reshape(-1).long()
    kept: Tensor = index != case.ignored
    if isinstance(weight, Tensor) and weight.dim() == 1 and bool((weight == 0).any()):
        inside = kept & (index >= 0) & (index < len(weight))
        kept = inside & (weight.to(index.device)[index.clamp(0, len(weight) - 1)] != 0)
    return kept


def _none_left(case: Case) -> bool:
    """Whether all are left out, not only those looked at."""
    if "mask" in case.tensors:
        return not bool(case.tensors["mask"].any())
    target, weight = case.tensors["target"].detach(), case.arguments.get("weight")
    if isinstance(weight, Tensor):
        return case.result is None or not case.result.weight_sum
    return not int(torch.count_nonzero(target.long() - (case.ignored or 0)))


def zeros(case: Case) -> Iterator[Finding]:
    """Targets that errors are divided by."""
    _, target = case.numbers
    found = share(target.abs() < 1e-6)
    if found:
        message = f"{found:.1%} of {target.numel()} targets are 0, and their errors are divided by 1e-6 instead"
        yield case.found(ZERO_TARGETS, message, "target", zeros=found, elements=target.numel())


def broadcast(case: Case) -> Iterator[Finding]:
    """Shapes that were stretched against each other."""
    first, second = case.tensors.get("input"), case.tensors.get("target")
    if not case.arguments.get("allow_broadcast") or first is None or second is None or first.shape == second.shape:
        return
    count = first.numel()
    if not second.is_floating_point() or count < 2 or second.numel() != count:
        return
    compared = broadcast_shapes(first.shape, second.shape).numel()
    if compared > count:
        message = (
            f"input {tuple(first.shape)} and target {tuple(second.shape)} were compared each with each, {compared} "
        )
        yield case.found(BROADCAST, message + "elements", "target", elements=count, compared=compared)


RULES = (
    (broadcast, ()),
    (ignored, tuple(sorted({*roles.IGNORING, *roles.MASKED}))),
    (soft, _SOFT),
    (divergence, ("kl_div_loss",)),
    (labels, _LABELS),
    (listed, ("multi_label_margin_loss",)),
    (counts, ("poisson_nll_loss",)),
    (zeros, ("mape_loss",)),
)
"""Each rule with the losses whose evaluations it looks at; () is all."""
