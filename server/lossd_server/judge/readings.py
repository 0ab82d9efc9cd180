"""What a model's output means under its loss, for every loss: classes, labels, numbers, lists …; knows no metric."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.judge.meanings.catalogue import MEANINGS, NONE
from lossd_server.judge.meanings.given import Given
from lossd_server.judge.meanings.predictions import numbers
from lossd_server.judge.views import BINARY, MULTICLASS, MULTILABEL, REGRESSION, Pair, View
from lossd_server.losses.composite import WeightedSum
from lossd_server.losses.contract import Loss, Tensors

__all__ = ["BINARY", "MULTICLASS", "MULTILABEL", "NONE", "REGRESSION", "Pair", "Reading", "read", "views"]

Reading = View
"""How outputs and targets become pairs."""

_SIDES = ("rewards_chosen", "policy_chosen_logps", "input1", "anchor")
"""Inputs that are compared with another input, not with a target."""
_DIRECT = (BINARY, MULTICLASS, MULTILABEL, REGRESSION)


def read(loss: Loss, output: Tensor, targets: Tensors) -> Reading:
    """How to read a model under `loss` as classes, labels or numbers, whichever they are.

    Args:
        output: the model's, or an empty one of its shape on the meta device.
        targets: the loss's other inputs.

    Raises:
        Fault: UNSUPPORTED if it is none of these, or no comparison of an output with its own target.
    """
    found = views(loss, output, targets)[0]
    if found.task not in _DIRECT or found.output in _SIDES:
        raise _unknown(loss)
    return found


def views(loss: Loss, output: Tensor, targets: Tensors) -> list[View]:
    """Every way to read a model under `loss`, the likeliest to be meant first.

    Args:
        output: the model's, or an empty one of its shape on the meta device.
        targets: the loss's other inputs.

    Raises:
        Fault: UNSUPPORTED if no metric can be told from these.
    """
    missing = [name for name in loss.input_names if name not in targets]
    name = "input" if "input" in missing else missing[0]
    given = Given(loss, {**targets, name: output}, name)
    if loss.name in NONE:
        raise _unknown(loss)
    return _views(given) or _of_open(given, targets)


def _views(given: Given) -> list[View]:
    """Those of a loss by its name; of a weighted sum, those of its terms which have any, if they agree.

    One term may ignore targets which others do not know or refuse: metrics do as that one.
    """
    loss = given.loss
    if isinstance(loss, WeightedSum):
        return _of_terms(given, loss)
    meaning = MEANINGS.get(loss.name)
    if meaning is None:
        return []
    if "target" in loss.input_names and "target" not in given.tensors:
        raise _unknown(loss)
    return meaning(given)


def _of_terms(given: Given, loss: WeightedSum) -> list[View]:
    found: dict[tuple[str, ...], list[View]] = {}
    for term in loss.terms:
        inputs = term.inputs(given.tensors)
        own = next((name for name in inputs if term.request_name(name) == given.output), given.output)
        views = _views(Given(term.loss, inputs, own))
        if views:
            wrapped = [replace(view, lay_out=_renamed(view, term.inputs), output=given.output) for view in views]
            names = (term.request_name(name) for name in inputs)
            key = (views[0].how, *names)
            if key not in found or getattr(term.loss, "ignored", None) is not None:
                found[key] = wrapped
    if len(found) > 1:
        raise Fault(
            "UNSUPPORTED",
            "the terms of this weighted sum read the model's output in different ways, so metrics cannot",
            field="metrics",
        )
    return next(iter(found.values()), [])


def _renamed(view: View, inputs: Callable[[Tensors], dict[str, Tensor]]) -> Callable[[Tensors], Pair]:
    return lambda tensors: view.lay_out(inputs(tensors))


def _of_open(given: Given, targets: Tensors) -> list[View]:
    """Numbers, where there is one target and it is of the output's shape."""
    target = next(iter(targets)) if len(targets) == 1 else ""
    output = given.tensors[given.output]
    if not target or not targets[target].is_floating_point() or targets[target].shape != output.shape:
        raise _unknown(given.loss)
    return numbers(given, (given.output, target))


def _unknown(loss: Loss) -> Fault:
    why = NONE.get(loss.name, "they need classes, labels or numbers to compare with a target")
    return Fault(
        "UNSUPPORTED",
        f"no metrics are known for {loss.name} of these tensors: {why}; leave metrics out",
        field="metrics",
    )
