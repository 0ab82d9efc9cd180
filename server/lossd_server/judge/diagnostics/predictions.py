"""Answers that are saturated, of one kind only, worse than chance or shifted against the classes; knows no form."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from lossd_server.judge.diagnostics import roles
from lossd_server.judge.diagnostics.case import Case, bounds, share
from lossd_server.judge.diagnostics.findings import Diagnostic, Finding, Level, Severity

LEAST_ROWS = 32
SATURATED = 104.0
"""Distance of logits beyond which the other answer has a probability of 0 in float32."""
_CLASSES = (*roles.CLASS_LOGITS, *roles.CLASS_SCORES, "nll_loss")
_LABELS = (*roles.LABEL_LOGITS, "bce_loss")

SATURATED_LOGITS = Diagnostic(
    "SATURATED_LOGITS",
    Severity.WARNING,
    Level.CHEAP,
    "Logits are so large that probabilities are 0 or 1.",
    f"in half of 16 or more rows the largest logit is {SATURATED:g} above the next, where the other has a probability "
    f"of 0 "
    f"in float32; of labels, half of 16 or more logits are beyond ±{SATURATED:g}",
    "scale the inputs of the model (StandardScaler), lower the learning rate, or add weight decay; where right, such "
    "rows have no gradient, and one wrong row is the whole loss",
    tuple(sorted((*roles.CLASS_LOGITS, *roles.LABEL_LOGITS))),
    {"saturated": "share of rows", "most": "largest distance", "rows": "rows or logits looked at"},
)
CLAMPED_LOGARITHM = Diagnostic(
    "CLAMPED_LOGARITHM",
    Severity.WARNING,
    Level.CHEAP,
    "Probabilities are exactly 0 or 1 and wrong: torch cuts their loss at 100.",
    "any probability of 0 whose target is 1, or of 1 whose target is 0",
    "use BCEWithLogitsLoss on the raw output, which needs no cut; a sigmoid in float32 is 1 from 17 on",
    ("bce_loss",),
    {"clamped": "share of elements that were cut", "elements": "elements looked at"},
)
CONSTANT_PREDICTIONS = Diagnostic(
    "CONSTANT_PREDICTIONS",
    Severity.WARNING,
    Level.CHEAP,
    "Every example gets the same answer, whatever it is.",
    "16 or more rows (of scores, of numbers) that differ by less than 1e-6 of the largest, while targets differ",
    "look for inputs that are constant, dead ReLUs, a layer that is not connected, or weights that became 0; lower the "
    "learning rate and start anew",
    tuple(sorted((*_CLASSES, *_LABELS, *roles.SIGNED_SCORES, *roles.NUMBERS, "poisson_nll_loss", "tweedie_loss"))),
    {"range": "largest difference between rows", "rows": "rows looked at"},
)
ONE_CLASS_PREDICTED = Diagnostic(
    "ONE_CLASS_PREDICTED",
    Severity.INFO,
    Level.CHEAP,
    "The same class is the answer to every example.",
    f"{LEAST_ROWS} or more rows with one class on top, which is that of less than 80 % of the targets",
    "weigh the classes, train longer, or look at what the model gets; a model that starts may show it",
    _CLASSES,
    {"predicted": "the class", "true": "share of targets of that class", "rows": "rows looked at"},
)
CLASS_NEVER_PREDICTED = Diagnostic(
    "CLASS_NEVER_PREDICTED",
    Severity.INFO,
    Level.FULL,
    "A class that has targets is never the answer.",
    f"{LEAST_ROWS} or more rows; a class of 10 or more targets and 5 % of them on top in none",
    "weigh the class (weight), sample it more often, or look whether its examples are labelled right",
    _CLASSES,
    {"class": "the commonest such class", "targets": "its targets", "classes": "how many classes there are such"},
)
LABELS_SHIFTED = Diagnostic(
    "LABELS_SHIFTED",
    Severity.WARNING,
    Level.CHEAP,
    "The answer is the neighbour of the target: labels are counted from another number.",
    f"{LEAST_ROWS} or more rows of three or more classes; the answer is the target ± 1 in 80 % and the target in less "
    "than 20 %",
    "count labels from 0 in the order that the model was trained in; subtract 1 from labels that begin at 1",
    _CLASSES,
    {"shift": "answer less target", "agree": "share of rows with that shift", "rows": "rows looked at"},
)
LABELS_FLIPPED = Diagnostic(
    "LABELS_FLIPPED",
    Severity.WARNING,
    Level.CHEAP,
    "The answer is the opposite of the target.",
    f"{LEAST_ROWS} or more answers of yes or no (two classes, labels, signs), right in less than 10 %, both kinds of "
    "targets in 10 % or more; of the masks of a segmentation less than a quarter of each kind, of 16 or more",
    "exchange 0 and 1 in the targets, or the columns of the output; or check what the model calls positive",
    tuple(sorted((*_CLASSES, *_LABELS, *roles.SIGNED_SCORES, *roles.REGIONS))),
    {"right": "share of right answers", "elements": "answers looked at"},
)
WORSE_THAN_CHANCE = Diagnostic(
    "WORSE_THAN_CHANCE",
    Severity.INFO,
    Level.CHEAP,
    "The loss is above that of a guess without looking.",
    f"{LEAST_ROWS} or more rows, whose mean loss is 1.5 times the logarithm of the number of classes or more",
    "check the order of classes and the pairing of rows and targets; a model that starts may show it, one that was "
    "trained is sure of wrong answers",
    tuple(sorted(("cross_entropy_loss", "nll_loss", "bce_with_logits_loss", "bce_loss"))),
    {"mean": "mean loss of the rows looked at", "chance": "that of a guess", "rows": "rows looked at"},
)

DIAGNOSTICS = (
    SATURATED_LOGITS, CLAMPED_LOGARITHM, CONSTANT_PREDICTIONS, ONE_CLASS_PREDICTED, CLASS_NEVER_PREDICTED,
    LABELS_SHIFTED, LABELS_FLIPPED, WORSE_THAN_CHANCE,
)  # fmt: skip


def classes(case: Case) -> Iterator[Finding]:
    """Answers that are one class of several."""
    scores, index, _ = case.classes
    count, width = scores.shape
    if count < 8 or width < 2:
        return
    low, high = case.class_bounds
    top = torch.topk(scores, 2, -1) if high - low >= SATURATED else None
    if top is not None and case.name in roles.CLASS_LOGITS:
        gaps = top.values[:, 0] - top.values[:, 1]
        saturated = share(gaps >= SATURATED)
        if count >= 16 and saturated >= 0.5:
            most = float(gaps.max())
            message = f"in {saturated:.0%} of {count} rows the largest logit is {SATURATED:g} or more above the next"
            yield case.found(SATURATED_LOGITS, message, "input", saturated=saturated, most=most, rows=count)
    if count >= 16:
        yield from _constant(case, scores, max(abs(low), abs(high)), index)
    if index is not None and count >= LEAST_ROWS:
        yield from _answers(case, scores, index)
        if case.name in WORSE_THAN_CHANCE.losses:
            logs = scores if case.name == "nll_loss" else scores.log_softmax(-1)
            mean = -float(logs.gather(-1, index[:, None]).mean())
            yield from _against_chance(case, mean, math.log(width), count)


def _constant(case: Case, rows: Tensor, size: float, target: Tensor | None) -> Iterator[Finding]:
    first = rows[0]
    if not math.isfinite(size) or bool(((rows[-1] - first).abs() > 1e-6 * size).any()):
        return  # two rows that differ, mostly
    reach = float((rows - first).abs().max())
    if reach <= 1e-6 * size and size > 0 and target is not None and bool((target != target[0]).any()):
        message = f"{len(rows)} rows of output differ by at most {reach:.2g}, and their targets differ"
        yield case.found(CONSTANT_PREDICTIONS, message, "input", range=reach, rows=len(rows))


def _answers(case: Case, scores: Tensor, index: Tensor) -> Iterator[Finding]:
    count, width = scores.shape
    answers = scores.argmax(-1)
    right = share(answers == index)
    if right >= 0.8:
        if case.full:
            yield from _never(case, answers, index, width)
        return
    if width == 2 and right < 0.1:
        yield from _flipped(case, index == 1, right)
    if width > 2 and right < 0.2:
        for shift in (1, -1):
            agree = share(answers - index == shift)
            if agree >= 0.8:
                message = f"the answer is the target {shift:+d} in {agree:.0%} of {count} rows"
                yield case.found(LABELS_SHIFTED, message, "target", shift=shift, agree=agree, rows=count)
    if bool((answers == answers[0]).all()):
        one = int(answers[0])
        message = f"class {one} is on top in all {count} rows, and true in {right:.0%}"
        yield case.found(ONE_CLASS_PREDICTED, message, "input", predicted=one, true=right, rows=count)
    elif case.full:
        yield from _never(case, answers, index, width)


def _never(case: Case, answers: Tensor, index: Tensor, width: int) -> Iterator[Finding]:
    true = torch.bincount(index, minlength=width)
    missing = (torch.bincount(answers, minlength=width) == 0) & (true >= max(10, 0.05 * len(index)))
    if bool(missing.any()):
        worst = int((true * missing).argmax())
        message = f"class {worst} has {int(true[worst])} targets and is on top in none of {len(index)} rows"
        yield case.found(
            CLASS_NEVER_PREDICTED,
            message,
            "input",
            **{"class": worst, "targets": int(true[worst]), "classes": int(torch.count_nonzero(missing))},
        )


def labels(case: Case) -> Iterator[Finding]:
    """Answers that are yes or no."""
    given, target = case.numbers
    count = given.numel()
    if count < 8:
        return
    low, high = case.bounds
    if case.name in roles.LABEL_LOGITS and max(-low, high) >= SATURATED:
        saturated = share(given.abs() >= SATURATED)
        if count >= 16 and saturated >= 0.5:
            most = max(-low, high)
            message = f"{saturated:.0%} of {count} logits are beyond ±{SATURATED:g}, up to {most:.3g}"
            yield case.found(SATURATED_LOGITS, message, "input", saturated=saturated, most=most, rows=count)
    middle = 0.5 if case.name == "bce_loss" else 0.0
    if case.name == "bce_loss" and (low == 0 or high == 1):
        clamped = share(((given == 0) & (target == 1)) | ((given == 1) & (target == 0)))
        if clamped:
            message = f"{clamped:.1%} of {count} probabilities are exactly 0 or 1 and wrong"
            yield case.found(CLAMPED_LOGARITHM, message, "input", clamped=clamped, elements=count)
    if count >= LEAST_ROWS:
        true = target > (0.0 if case.name in roles.SIGNED_SCORES else 0.5)
        right = share((given > middle) == true)
        if right < 0.1:
            yield from _flipped(case, true, right)


def _flipped(case: Case, true: Tensor, right: float) -> Iterator[Finding]:
    if 0.1 <= share(true) <= 0.9:
        message = f"{right:.1%} of {true.numel()} answers are right: the opposite is in {1 - right:.1%}"
        yield case.found(LABELS_FLIPPED, message, "target", right=right, elements=true.numel())


def label_chance(case: Case) -> Iterator[Finding]:
    """Labels guessed worse than without looking."""
    given, target = case.numbers
    low, high = case.target_bounds
    if given.numel() < LEAST_ROWS or not (low >= 0 and high <= 1):
        return
    if case.name == "bce_loss":
        losses = torch.nn.functional.binary_cross_entropy(given.clamp(0, 1), target)
    else:
        losses = torch.nn.functional.binary_cross_entropy_with_logits(given, target)
    yield from _against_chance(case, float(losses), math.log(2), given.numel())


def _against_chance(case: Case, mean: float, chance: float, count: int) -> Iterator[Finding]:
    if 1.5 * chance <= mean < math.inf:
        message = f"the mean loss of {count} answers is {mean:.3g}, that of a guess is {chance:.3g}"
        yield case.found(WORSE_THAN_CHANCE, message, "", mean=mean, chance=chance, rows=count)


def constant_numbers(case: Case) -> Iterator[Finding]:
    """Numbers, or scores of labels, that are one."""
    given, target = case.numbers
    low, high = case.bounds
    if given.numel() < 16 or not high - low <= 1e-6 * max(abs(low), abs(high)) or low == high == 0:
        return
    ends = bounds(target)
    if ends[0] < ends[1]:
        message = f"all {given.numel()} elements of input are {low:.4g} to {high:.4g}, and their targets differ"
        yield case.found(CONSTANT_PREDICTIONS, message, "input", range=high - low, rows=given.numel())


RULES = (
    (classes, _CLASSES),
    (labels, (*_LABELS, *roles.SIGNED_SCORES)),
    (label_chance, ("bce_with_logits_loss", "bce_loss")),
    (constant_numbers, tuple(name for name in CONSTANT_PREDICTIONS.losses if name not in _CLASSES)),
)
"""Each rule with the losses whose evaluations it looks at."""
