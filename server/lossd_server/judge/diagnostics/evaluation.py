"""What looks wrong about the tensors of one evaluation; knows no training."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from lossd_server.judge.diagnostics import (
    balance,
    comparisons,
    masks,
    numerics,
    outputs,
    predictions,
    regression,
    sums,
    targets,
    tokens,
    units,
)
from lossd_server.judge.diagnostics.case import Case, spread
from lossd_server.judge.diagnostics.findings import Diagnostic, Finding, Level, Severity, worst_first
from lossd_server.losses import threads
from lossd_server.losses.binding import BoundLoss
from lossd_server.losses.composite import WeightedSum
from lossd_server.losses.contract import Evaluated, Loss, Tensors

log = logging.getLogger(__name__)

Rule: TypeAlias = Callable[[Case], Iterator[Finding]]

_MODULES = (outputs, targets, balance, masks, predictions, units, regression, comparisons, tokens)
EVALUATION: tuple[Diagnostic, ...] = tuple(
    diagnostic for module in (numerics, *_MODULES, sums) for diagnostic in module.DIAGNOSTICS
)
"""Every diagnostic of evaluations."""


@cache
def _rules(name: str) -> tuple[Rule, ...]:
    """What looks at evaluations of a loss, in order."""
    return tuple(rule for module in _MODULES for rule, names in module.RULES if not names or name in names)


def diagnose(loss: Loss, tensors: Tensors, result: Evaluated, level: Level) -> list[Finding]:
    """What looks wrong about one evaluation, the worst first; nothing at `Level.OFF`.

    Args:
        loss: evaluated at `tensors`.
        tensors: its inputs.
        result: what came of it, with the gradients that were asked for.
        level: how much to look for.
    """
    if level is Level.OFF:
        return []
    if level is Level.CHEAP:
        threads.fit(0)  # to wake other threads takes longer than to look at a sample
    elif level is Level.FULL:
        threads.fit(sum(tensor.numel() for tensor in tensors.values()))
    try:
        with torch.no_grad(), np.errstate(all="ignore"):
            return worst_first(_found(loss, tensors, result, level))
    except Exception:  # a defect of a rule, or no memory for it; the evaluation itself is well
        log.exception("an evaluation could not be diagnosed", extra={"loss": loss.name})
        return []


def _found(loss: Loss, tensors: Tensors, result: Evaluated, level: Level) -> Iterator[Finding]:
    gradients: Mapping[str, Tensor] = result.gradients
    if level is Level.FULL and not gradients:
        gradients = numerics.computed(loss, tensors)
    case = _case(loss, tensors, level, _value(result), result, gradients)
    bare = list(numerics.empty(case))
    if bare:
        yield from bare
        return
    broken = list(_numbers(loss, case))
    yield from broken
    spoilt = any(one.diagnostic in (numerics.NAN_INPUT, numerics.INFINITE_INPUT) for one in broken)
    for found in _meant(loss, case):
        if not spoilt or found.diagnostic.severity is Severity.ERROR:  # the rest follows from what is not finite
            yield found
    yield from numerics.outcome(case, result.value)  # last: what comes before says why


def _meant(loss: Loss, case: Case) -> Iterator[Finding]:
    """What holds by what a loss takes its inputs for."""
    if isinstance(loss, WeightedSum):
        if case.result is not None:
            yield from sums.terms(loss, case.result)
        yield from _terms(loss, case, {}, "")
        return
    for rule in _rules(case.name):
        yield from rule(case)


def _numbers(loss: Loss, case: Case) -> Iterator[Finding]:
    """What holds of any numbers, whatever they mean."""
    steep = list(numerics.gradients(case, _divided(loss, case.result)))
    broken = not math.isfinite(case.value) or any(one.diagnostic is numerics.NONFINITE_GRADIENT for one in steep)
    yield from numerics.inputs(case, broken)
    yield from steep
    yield from numerics.halves(case)


def _terms(loss: WeightedSum, whole: Case, names: Mapping[str, str], above: str) -> Iterator[Finding]:
    """What is wrong of each term with its own inputs.

    Args:
        whole: the evaluation that the sum is part of.
        names: what the request calls the inputs of this sum.
        above: labels of the sums around it.
    """
    for term in loss.terms:
        label = above + term.label
        own = {name: term.request_name(name) for name in term.loss.input_names}
        asked = {name: names.get(given, given) for name, given in own.items()}
        if isinstance(term.loss, WeightedSum):
            yield from _terms(term.loss, whole, asked, f"{label}/")
            continue
        tensors = {name: whole.tensors[given] for name, given in asked.items() if given in whole.tensors}
        value = math.nan if whole.result is None else whole.result.terms.get(label, math.nan)
        case = _case(term.loss, tensors, whole.level, value)
        case.names, case.term = asked, label
        for rule in _rules(case.name):
            yield from rule(case)


def _case(
    loss: Loss,
    tensors: Tensors,
    level: Level,
    value: float,
    result: Evaluated | None = None,
    gradients: Mapping[str, Tensor] = {},
) -> Case:
    arguments: Mapping[str, Any] = loss.arguments if isinstance(loss, BoundLoss) else {}
    ignored = arguments.get("ignore_index")
    return Case(loss.name, arguments, tensors, level, value, result, gradients, ignored=ignored)


def _value(result: Evaluated) -> float:
    if result.reduced:
        return float(result.value)
    if result.loss_sum is not None:
        return result.loss_sum
    return float(spread(result.value, 65_536).sum(dtype=torch.float64))


def _divided(loss: Loss, result: Evaluated | None) -> float:
    if loss.reduction in ("mean", "batchmean") and result is not None and result.weight_sum:
        return result.weight_sum
    return 1.0
