"""Finds what `training` lists in the course of a session's steps and of a Fit's epochs; knows no tensor."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from statistics import fmean, median, pvariance
from typing import TypeAlias

from lossd_server.judge.diagnostics import training as table
from lossd_server.judge.diagnostics.course import FIRST, LAST, WINDOW, Course, Epochs, Watched
from lossd_server.judge.diagnostics.findings import Finding, worst_first

Rule: TypeAlias = "Callable[[Course], Finding | None]"
_NAMED = 4
"""Layers or parameters that a message names."""


def of_step(course: Course) -> list[Finding]:
    """What looks wrong after the last step, the worst first; of one that is not finite nothing else is said."""
    broken = not_finite(course)
    if broken is not None:
        return worst_first([broken, *_found((lr_high,), course)])
    measured = course.now is not None and course.now.gradients
    return _found(_STEP + (_MEASURED if measured else ()) + (_WINDOW if course.due else ()), course)


def of_micro_batch(course: Course) -> list[Finding]:
    """What looks wrong after the last micro-batch whose gradients wait."""
    return _found(_MICRO_BATCH, course)


def of_epoch(epochs: Epochs) -> list[Finding]:
    """What looks wrong after the last epoch of a Fit."""
    return worst_first(finding for rule in (overfitting, gap) if (finding := rule(epochs)) is not None)


def _found(rules: Iterable[Rule], course: Course) -> list[Finding]:
    return worst_first(finding for rule in rules if (finding := rule(course)) is not None)


def not_finite(course: Course) -> Finding | None:
    value, norm = course.values[-1], course.norms[-1]
    weights = course.now is None or course.now.finite
    if math.isfinite(value) and math.isfinite(norm) and weights:
        return None
    what = "the loss" if not math.isfinite(value) else "the norm of the gradients" if weights else "the weights"
    said = f"{what} {'are' if what == 'the weights' else 'is'} not finite after {course.step} steps: loss {value:g}"
    evidence = {"value": value, "grad_norm": norm, "step": course.step}
    return Finding(table.NOT_FINITE, f"{said}, gradient norm {norm:g}", evidence=evidence)


def diverging(course: Course) -> Finding | None:
    values = course.values
    if not course.begun or len(values) < 5:
        return None
    last, top = [values[place] for place in range(-5, 0)], max(course.start[:FIRST])
    if max(last) <= top and not last[-1] > 1.5 * last[-2]:
        return None
    scale = course.scale
    if not scale > 0:
        return None
    above = course.step > LAST and median(last) > top + scale
    rises = all(after > 1.5 * before > 0 for before, after in pairwise(last))
    if not above and not (rises and last[-1] > 2 * max(*list(values)[:-4], course.beginning)):
        return None
    now = median(last) if above else last[-1]
    evidence = {"value": now, "start": course.beginning, "step": course.step}
    said = f"the loss has risen from {course.beginning:.4g} to {now:.4g} in {course.step} steps"
    return Finding(table.DIVERGING, said, evidence=evidence)


def lr_high(course: Course) -> Finding | None:
    last = [course.values[place] for place in range(-min(FIRST, len(course.values)), 0)]
    level = median(last) if math.isfinite(last[-1]) else math.inf
    known = len(course.ratios) >= (FIRST if math.isfinite(level) else 1)
    if not course.begun or not known:
        return None
    usual, greatest, start = course.ratio(FIRST), max(list(course.ratios)[-10:]), course.start[0]
    above = max(course.start[:FIRST]) + (0.0 if course.step >= LAST else 0.5 * course.scale)
    if not ((usual > 0.1 and level >= above) or (greatest > 1 and level >= start - 0.02 * abs(start))):
        return None
    ratio = usual if usual > 0.1 else greatest
    evidence = {"update_ratio": ratio, "lr": course.lrs[-1], "value": level, "start": start}
    said = (
        f"steps with a learning rate of {course.lrs[-1]:g} change the weights by {ratio:.2g} of their norm, and the "
        f"loss went from {start:.4g} to {last[-1] if level == math.inf else level:.4g}"
    )
    return Finding(table.LR_HIGH, said, evidence=evidence)


def lr_low(course: Course) -> Finding | None:
    if not course.begun or course.step < 20 or not course.ratio(10) < 1e-6 or course.lrs[-1] > 1.01 * course.lrs[0]:
        return None
    norm = median(list(course.norms)[-LAST:])
    still = abs(course.level - course.beginning) < 0.01 * max(course.scale, abs(course.beginning))
    reached = course.gradients and any(
        course.gradients[-1].gradients.get(name) for name in course.gradients[-1].matrices
    )
    if not still or norm < 1e-6 * course.scale or not reached:
        return None
    evidence = {"update_ratio": course.ratio(10), "lr": course.lrs[-1], "grad_norm": norm}
    said = (
        f"steps with a learning rate of {course.lrs[-1]:g} change the weights by {course.ratio(10):.2g} of their norm, "
        f"though the gradients' norm is {norm:.3g}"
    )
    return Finding(table.LR_LOW, said, evidence=evidence)


def no_progress(course: Course) -> Finding | None:
    if not course.begun or len(course.values) < WINDOW // 2 or course.step < WINDOW:
        return None
    level, start, baseline = median(list(course.values)[-WINDOW // 2 :]), median(course.start), course.baseline
    gained = start - level < 0.01 * course.scale
    near = math.isnan(baseline) or level > baseline - 0.1 * abs(baseline)
    constant = level > baseline - 0.02 * abs(baseline) and _no_better(course) and _still(course, 0.01)
    if not ((gained and near) or constant) or level == 0 or _falls(course):
        return None
    known = "" if math.isnan(baseline) else f"; predicting the same for every example would come to {baseline:.4g}"
    said = f"after {course.step} steps the loss is {level:.4g}, and it began at {start:.4g}{known}"
    evidence = {"value": level, "start": start, "step": course.step}
    evidence |= {} if math.isnan(baseline) else {"baseline": baseline}
    return Finding(table.NO_PROGRESS, said, evidence=evidence)


def plateau(course: Course) -> Finding | None:
    if len(course.values) < WINDOW or not _still(course, 0.01):
        return None
    before, after = _halves(course)
    evidence = {"value": after, "before": before, "steps": float(len(course.values))}
    said = f"the loss has been about {after:.4g} for the last {len(course.values)} steps"
    return Finding(table.PLATEAU, said, evidence=evidence)


def initial(course: Course) -> Finding | None:
    first, expected = course.values[-1], course.untrained
    if course.step != 1 or course.now is None:
        return None
    times = 3 if expected > 0 else 100
    if math.isnan(expected) and course.now.examples >= 8:
        expected = course.baseline
    if not first > times * expected > 0:
        return None
    said = f"the first loss is {first:.4g}; a model that knows nothing would come to about {expected:.4g}"
    return Finding(table.INITIAL, said, evidence={"value": first, "expected": expected})


def spike(course: Course) -> Finding | None:
    if len(course.norms) < 30:
        return None
    now, began = course.norms[-1], max(course.start_norms, default=0.0)
    if not now > 10 * began:
        return None
    before = sorted(course.norms)[:-1]
    usual = before[int(0.95 * (len(before) - 1))]
    if not now > 20 * usual > 0:
        return None
    said = f"the gradients' norm is {now:.3g} in step {course.step}, and was below {usual:.3g} in 95 % of those before"
    return Finding(table.SPIKE, said, evidence={"grad_norm": now, "usual": usual, "step": course.step})


def exploding(course: Course) -> Finding | None:
    pairs = [(course.norms[-place], course.values[-place]) for place in range(min(3, len(course.norms)), 0, -1)]
    if all(norm <= 1e3 * abs(value) for norm, value in pairs):
        return None
    least = max((abs(value) for value in course.start if math.isfinite(value)), default=0.0)
    relative = [norm / size if (size := max(abs(value), least)) > 0 else 0.0 for norm, value in pairs]
    if not (relative[-1] > 1e4 or (len(relative) == 3 and median(relative) > 1e3)):
        return None
    norm, value = pairs[-1]
    said = f"the gradients' norm is {norm:.3g} at a loss of {value:.4g}"
    return Finding(table.EXPLODING, said, evidence={"grad_norm": norm, "value": value, "relative": relative[-1]})


def vanishing(course: Course) -> Finding | None:
    if len(course.gradients) < 5 or not all(_vanishes(watched) for watched in course.gradients):
        return None
    found = _vanishes(course.gradients[-1])
    assert found is not None, "it does in all of them"
    early, late = found
    gradients = course.gradients[-1].gradients
    least, greatest = gradients[early], gradients[late]
    said = f"the gradient of {early} has a root mean square of {least:.2g}, that of {late} one of {greatest:.2g}"
    evidence = {"least": least, "greatest": greatest, "relative": least / greatest}
    return Finding(table.VANISHING, said, evidence=evidence)


def no_gradient(course: Course) -> Finding | None:
    if course.values[-1] == 0:
        return None
    found = [name for name, streak in course.streaks.items() if streak >= 5]
    matrices = course.gradients[-1].matrices if course.gradients else frozenset()
    if not any(name in matrices or course.streaks[name] >= 20 for name in found):
        return None  # a bias of a loss of signs may come to 0 by chance
    every = len(course.streaks)
    said = f"{len(found)} of {every} parameters had a gradient of 0 alone in the last 5 steps: {_names(found)}"
    streak = min(course.streaks[name] for name in found)
    evidence = {"parameters": float(len(found)), "all": float(every), "streak": float(streak)}
    return Finding(table.NO_GRADIENT, said, evidence=evidence)


def dead_relu(course: Course) -> Finding | None:
    dead = _above(course.now.silent if course.now else {}, 0.6)
    if not dead:
        return None
    worst = max(dead.values())
    said = f"up to {worst:.0%} of the units of a ReLU layer put out 0 for every example: {_names(dead)}"
    return Finding(table.DEAD_RELU, said, evidence={"share": worst, "layers": float(len(dead))})


def saturated(course: Course) -> Finding | None:
    ends = _above(course.now.saturated if course.now else {}, 0.9)
    if not ends or course.level < 0.5 * course.beginning:
        return None
    worst = max(ends.values())
    said = f"up to {worst:.0%} of the outputs of a sigmoid or tanh layer are at its ends: {_names(ends)}"
    return Finding(table.SATURATED, said, evidence={"share": worst, "layers": float(len(ends))})


def waiting(course: Course) -> Finding | None:
    pending, usual = course.pending, course.micro_batches
    if not (pending > max(4 * usual, 15) if usual else pending >= 64):
        return None
    used = f"; no step has used more than {usual}" if usual else ", and there was no OptimStep yet"
    said = f"the gradients of {pending} micro-batches wait{used}"
    return Finding(table.WAITING, said, evidence={"pending": float(pending), "usual": float(usual)})


def small_batch(course: Course) -> Finding | None:
    now = course.now
    if now is None or not now.normalised or not 0 < now.examples <= 2:
        return None
    said = f"the batch has {now.examples} examples, by which these normalise: {_names(now.normalised)}"
    evidence = {"examples": float(now.examples), "layers": float(len(now.normalised))}
    return Finding(table.SMALL_BATCH, said, field="inputs", evidence=evidence)


def clipped(course: Course) -> Finding | None:
    norms = course.norms
    if math.isinf(course.clip) or len(norms) < 50 or sum(norm > 10 * course.clip for norm in norms) < 0.95 * len(norms):
        return None
    usual = median(norms)
    said = f"gradients have a norm of about {usual:.3g} and are clipped to {course.clip:g}"
    return Finding(table.CLIPPED, said, evidence={"usual": usual, "max_norm": course.clip})


def identical(course: Course) -> Finding | None:
    if course.now is None or not course.now.identical:
        return None
    said = f"the {course.now.identical} examples looked at have the same inputs and different targets"
    return Finding(table.IDENTICAL, said, field="inputs", evidence={"examples": float(course.now.identical)})


def unscaled(course: Course) -> Finding | None:
    if course.now is None or not course.now.greatest > 100:
        return None
    said = f"the inputs have numbers up to {course.now.greatest:.4g}"
    return Finding(table.UNSCALED, said, field="inputs", evidence={"greatest": course.now.greatest})


def overfitting(epochs: Epochs) -> Finding | None:
    (training, validation), (best_training, best) = epochs.last, epochs.best
    matters = validation - best > 0.02 * epochs.first[1]
    worse = validation > 1.2 * best > 0 and validation > 2 * training and matters
    rising = epochs.since >= 5 and worse and training < best_training
    first_training, first = epochs.first
    never = epochs.count >= 10 and training < 0.1 * min(first_training, validation) and validation > 0.9 * first > 0
    if not (rising or never):
        return None
    said = (
        f"the validation loss is {validation:.4g} and was {best:.4g} {epochs.since} epochs ago, while the training "
        f"loss is {training:.4g}"
        if rising
        else f"the training loss fell from {first_training:.4g} to {training:.4g}, the validation loss is "
        f"{validation:.4g} and began at {first:.4g}"
    )
    evidence = {"value": training, "validation_value": validation, "best": best, "since": float(epochs.since)}
    return Finding(table.OVERFITTING, said, evidence=evidence)


def gap(epochs: Epochs) -> Finding | None:
    training, validation = epochs.last
    if epochs.count < 5 or not validation > 3 * training > 0 or overfitting(epochs) is not None:
        return None
    said = f"the validation loss is {validation:.4g}, the training loss {training:.4g}"
    return Finding(table.GAP, said, evidence={"value": training, "validation_value": validation})


def _halves(course: Course) -> tuple[float, float]:
    values = list(course.values)
    return median(values[: len(values) // 2]), median(values[len(values) // 2 :])


def _still(course: Course, part: float) -> bool:
    before, after = _halves(course)
    return abs(after - before) <= part * max(abs(before), abs(after))


def _falls(course: Course) -> bool:
    """Whether the later half of the last losses is lower by more than chance."""
    values = list(course.values)
    if not all(map(math.isfinite, values)):
        return False
    halves = values[: len(values) // 2], values[len(values) // 2 :]
    before, after = (fmean(half) for half in halves)
    return before - after > 3 * math.sqrt(sum(pvariance(half) / len(half) for half in halves))


def _no_better(course: Course) -> bool:
    """Whether the mean loss is that of a constant prediction too: the medians of a few unlike batches may meet."""
    baseline = fmean(course.baselines or (math.nan,))
    return fmean(list(course.values)[-WINDOW // 2 :]) > baseline - 0.02 * abs(baseline)


def _vanishes(watched: Watched) -> tuple[str, str] | None:
    """The names of the layers whose gradients are least and greatest, if these vanish on their way back."""
    weights = [(name, gradient) for name, gradient in watched.gradients.items() if name in watched.matrices]
    weights = [(name, gradient) for name, gradient in weights if gradient > 0]
    if len(weights) < 2:
        return None
    early = min(range(len(weights)), key=lambda place: weights[place][1])
    late = max(range(len(weights)), key=lambda place: weights[place][1])
    vanishes = early < late and weights[early][1] < 1e-5 * weights[late][1]
    return (weights[early][0], weights[late][0]) if vanishes else None


def _above(shares: Mapping[str, float], least: float) -> dict[str, float]:
    return {name: share for name, share in shares.items() if share >= least}


def _names(names: Iterable[str]) -> str:
    """A few of them.

    >>> _names(["0", "2", "4", "6", "8"])
    '0, 2, 4, 6 and 1 more'
    """
    given = [name or "the model" for name in names]
    more = f" and {len(given) - _NAMED} more" if len(given) > _NAMED else ""
    return ", ".join(given[:_NAMED]) + more


_STEP: tuple[Rule, ...] = (
    diverging,
    initial,
    spike,
    exploding,
    dead_relu,
    saturated,
    small_batch,
    identical,
    unscaled,
)
_MEASURED: tuple[Rule, ...] = (lr_high, lr_low, vanishing, no_gradient)
"""They change with what the parameters and their gradients are, and are looked at where these are."""
_WINDOW: tuple[Rule, ...] = (no_progress, plateau, clipped)
_MICRO_BATCH: tuple[Rule, ...] = (waiting, dead_relu, saturated, small_batch, identical, unscaled)
