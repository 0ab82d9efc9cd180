"""Rules of a training's course: what chance and a good training show is not told, what is wrong is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from lossd_server.judge.diagnostics import rules
from lossd_server.judge.diagnostics.catalogue import DIAGNOSTICS
from lossd_server.judge.diagnostics.course import Course, Epochs, Watched
from lossd_server.judge.diagnostics.findings import Finding, Level, Severity
from lossd_server.judge.diagnostics.watch import Memory, Watch
from lossd_server.losses import catalogue
from lossd_server.losses.binding import BoundEntry
from lossd_server.losses.budget import Budget
from lossd_server.worker import watching
from torch import nn

MATRICES = frozenset({"0.weight"})


def codes(course: Course) -> set[str]:
    return {one.diagnostic.code for one in rules.of_step(course)}


def course(losses: Sequence[float], gradients: dict[str, float], baseline: Sequence[float] = ()) -> Course:
    """After a training with these losses and, in each step, these gradients and baselines."""
    made = Course()
    for step, value in enumerate(losses, 1):
        told = baseline[(step - 1) % len(baseline)] if baseline else float("nan")
        made.stepped(step, value, 1.0, [0.1], 1, Watched(0.001, True, gradients, MATRICES, told))
    return made


@pytest.mark.parametrize(
    ("steps", "name", "told"), [(5, "0.weight", True), (19, "0.bias", False), (20, "0.bias", True)]
)
def test_a_gradient_of_zero_needs_more_evidence_for_a_bias(steps: int, name: str, told: bool) -> None:
    """The signs that an L1 loss adds up to a bias's gradient often come to 0; a layer's weights hardly ever do."""
    gradients = {"0.weight": 1.0, "0.bias": 1.0} | {name: 0.0}
    assert ("NO_GRADIENT" in codes(course([1.0] * steps, gradients))) == told


def test_biases_without_gradient_are_told_with_their_weights() -> None:
    """A layer that is dead is dead as a whole."""
    (found,) = rules.of_step(course([1.0] * 5, {"0.weight": 0.0, "0.bias": 0.0}))
    assert found.diagnostic.code == "NO_GRADIENT"
    assert found.evidence["parameters"] == 2


def test_the_gradient_of_a_bias_is_zero_by_chance() -> None:
    """What the rule above is for: four errors of an L1 loss have as many above as below in 3 of 8 batches."""
    random, zeros = np.random.default_rng(0), 0
    for _ in range(400):
        bias = torch.zeros(1, requires_grad=True)
        nn.L1Loss()(torch.from_numpy(random.normal(size=4)) + bias, torch.zeros(4)).backward()
        assert bias.grad is not None
        zeros += float(bias.grad) == 0
    assert 0.3 < zeros / 400 < 0.45


def test_batches_of_two_kinds_do_not_hide_progress() -> None:
    """With few large batches medians of the loss and of its baseline may meet, though the model has learnt."""
    learnt = course([1.0] * 21 + [0.70, 0.71] * 285, {}, [0.69, 0.69, 1.9])
    assert learnt.due
    assert learnt.level > learnt.baseline
    assert "NO_PROGRESS" not in codes(learnt)
    assert "NO_PROGRESS" in codes(course([1.3] * 21 + [0.99, 1.01] * 285, {}, [0.98, 1.02]))


@pytest.mark.parametrize(("first", "told"), [(2.1, False), (0.6, True)])
def test_overfitting_is_a_rise_that_counts(first: float, told: bool) -> None:
    """A rise by a third is none worth a warning if the loss fell from 80 times as much."""
    epochs = Epochs()
    for training, validation in [(first, first), (0.05, 0.06), *[(0.01, 0.08)] * 5]:
        epochs.ended(training, validation)
    assert ("OVERFITTING" in {one.diagnostic.code for one in rules.of_epoch(epochs)}) == told


def test_the_loss_turned_upward_is_seen_whatever_was_before() -> None:
    """Rising by half four times in a row, to twice all before; and high above the beginning for long."""
    assert "LOSS_DIVERGING" in codes(course([1.0] * 30 + [1.6, 2.5, 4.0, 6.5], {}))
    assert "LOSS_DIVERGING" in codes(course([1.0] * 10 + [3.0] * 5, {}))
    assert "LOSS_DIVERGING" not in codes(course([1.0] * 10 + [3.0] * 2, {}))


def watch(measuring: bool) -> Watch:
    """Of a step of a linear model on 16 examples with an output that is far too small."""
    entry = catalogue.find("mse_loss")
    assert isinstance(entry, BoundEntry)
    loss = entry.build({}, path="loss", allow_broadcast=False)
    made, model = Watch(Level.CHEAP, Memory(), measuring=measuring), nn.Linear(1, 1)
    inputs = {"input": torch.linspace(-1, 1, 16)[:, None]}
    with made.forwarding(model):
        output = model(inputs["input"])
    tensors = {"input": output, "target": inputs["input"] * 2}
    value, terms = loss.compute(tensors, Budget(tensors.values()))
    made.passed(loss, tensors, "input", value, terms, inputs)
    torch.autograd.backward(value)
    made.differentiated(dict(model.named_parameters()))
    return made


def test_a_step_that_is_hardly_looked_at_keeps_what_is_needed_should_it_look_wrong() -> None:
    """Parameters and the output's gradient are left alone; the batch is there all the same, with the same numbers."""
    light, heavy = watch(False), watch(True)
    assert not light.finish().gradients
    assert set(heavy.finish().gradients) == {"weight", "bias"}
    assert light.seen is not None
    assert heavy.seen is not None
    assert not light.seen.result().gradients
    assert heavy.seen.result().gradients["input"].shape == (16, 1)
    assert light.seen.result().weight_sum == heavy.seen.result().weight_sum == 16


def test_outputs_of_hardly_trained_weights_are_information() -> None:
    """Their spread is small before they have learnt; that an output is the target is a mistake at any age."""
    assert set(DIAGNOSTICS) >= watching.YOUNG
    finding = Finding(DIAGNOSTICS["SCALE_MISMATCH"], "apart", evidence={"ratio": 20.0})
    young = watching._of_the_young(finding)
    assert young.diagnostic.severity == Severity.INFO
    assert dataclasses.replace(young, diagnostic=finding.diagnostic) == finding
    leak = Finding(DIAGNOSTICS["TARGET_LEAK"], "equal")
    assert watching._of_the_young(leak) is leak
