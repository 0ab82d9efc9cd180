"""Schedules of the weights of a weighted sum against arithmetic in exact fractions and plain sums of torch."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import lossd
import pytest
import torch
from congruence import optimizing
from lossd.v1 import loss_pb2
from lossd_server.faults import Fault
from lossd_server.losses.budget import Budget
from lossd_server.losses.contract import Loss
from lossd_server.training.weighting import WeightSchedules
from lossd_server.worker.programs import Programs
from lossd_server.worker.specs import Reader
from lossd_server.worker.tensors import Attachments
from torch import nn

POINTS = [(3, 1.0), (7, 0.2), (8, -0.5), (20, 4.0)]


def loss(given: lossd.Loss) -> Loss:
    reader = Reader(Attachments([]), torch.device("cpu"), Programs())
    return reader.loss(loss_pb2.LossSpec.FromString(given.wire))


def two() -> Loss:
    return loss(0.8 * lossd.MSELoss().named("fit") + 0.3 * lossd.L1Loss().named("size"))


def nested() -> Loss:
    inner = (0.5 * lossd.MSELoss().named("a") + 0.25 * lossd.L1Loss().named("b")).named("inner")
    return loss(2.0 * inner + 3.0 * lossd.HuberLoss().named("a"))


def value(given: Loss) -> torch.Tensor:
    tensors = {"input": optimizing.TARGET * 0.5, "target": optimizing.TARGET}
    given.check(tensors)
    return given.compute(tensors, Budget(tensors.values())).value


def weight(step: int, interpolation: str) -> float:
    """Between the points by definition, in exact arithmetic where it is rational."""
    before = [point for point in POINTS if point[0] <= step]
    after = [point for point in POINTS if point[0] > step]
    if not before or not after or interpolation == "constant":
        return (before or after)[-1 if before else 0][1]
    (first, one), (last, other) = before[-1], after[0]
    share = Fraction(step - first, last - first)
    if interpolation == "cosine":
        return one + (other - one) * (1 - math.cos(math.pi * float(share))) / 2
    return float(Fraction(one) + (Fraction(other) - Fraction(one)) * share)


@pytest.mark.parametrize("interpolation", ["linear", "cosine", "constant"])
def test_weights_follow_their_points(interpolation: str) -> None:
    """At each step the loss is that of a sum with the weight written out; the other term keeps its own."""
    schedules = WeightSchedules({"size": {"points": POINTS, "interpolation": interpolation}}, two())
    x, y = optimizing.TARGET * 0.5, optimizing.TARGET
    for step in range(24):
        expected = 0.8 * nn.MSELoss()(x, y) + weight(step, interpolation) * nn.L1Loss()(x, y)
        assert torch.allclose(value(schedules.at(step)), expected, rtol=1e-6), step
    for step, exact in POINTS:
        plain = 0.8 * nn.MSELoss()(x, y) + exact * nn.L1Loss()(x, y)
        assert torch.equal(value(schedules.at(step)), plain), "a point's own weight is exact"


def test_labels_reach_into_sums_inside() -> None:
    """The same label inside and outside are two terms; what is not named stays, and so does the loss given."""
    given = nested()
    before = value(given)
    schedules = WeightSchedules({"inner/a": {"points": [(0, 7.0)]}, "a": {"points": [(0, 5.0)]}}, given)
    x, y = optimizing.TARGET * 0.5, optimizing.TARGET
    inside = 7.0 * nn.MSELoss()(x, y) + 0.25 * nn.L1Loss()(x, y)
    assert torch.equal(value(schedules.at(0)), 2.0 * inside + 5.0 * nn.HuberLoss()(x, y))
    assert torch.equal(value(given), before)


def test_a_loss_that_does_not_change_is_not_built_again() -> None:
    schedules = WeightSchedules({"fit": {"points": [(0, 1.0), (2, 2.0)], "interpolation": "constant"}}, two())
    assert schedules.at(0) is schedules.at(1)
    assert schedules.at(2) is not schedules.at(1)
    assert schedules.at(2) is schedules.at(2000)


@pytest.mark.parametrize(
    ("given", "schedules", "reason", "field"),
    [
        (two, {"fi": {"points": [(0, 1.0)]}}, "UNKNOWN_NAME", "weight_schedules.fi"),
        (nested, {"b": {"points": [(0, 1.0)]}}, "UNKNOWN_NAME", "weight_schedules.b"),
        (
            lambda: loss(lossd.MSELoss()),
            {"mse_loss": {"points": [(0, 1.0)]}},
            "ARGUMENT_OUT_OF_RANGE",
            "weight_schedules",
        ),
        (two, {"fit": {"points": []}}, "LIMIT_EXCEEDED", "weight_schedules.fit.points"),
        (two, {"fit": {"points": [(n, 1.0) for n in range(1025)]}}, "LIMIT_EXCEEDED", "weight_schedules.fit.points"),
        (two, {"fit": {"points": [(-1, 1.0)]}}, "ARGUMENT_OUT_OF_RANGE", "weight_schedules.fit.points[0].step"),
        (
            two,
            {"fit": {"points": [(0, 1.0), (1, math.inf)]}},
            "ARGUMENT_OUT_OF_RANGE",
            "weight_schedules.fit.points[1].weight",
        ),
        (
            two,
            {"fit": {"points": [(0, 1.0), (4, 1.0), (4, 2.0)]}},
            "ARGUMENT_OUT_OF_RANGE",
            "weight_schedules.fit.points[2].step",
        ),
    ],
)
def test_schedules_that_mean_nothing_are_refused(given: Any, schedules: Any, reason: str, field: str) -> None:
    with pytest.raises(Fault) as refused:
        WeightSchedules(schedules, given())
    assert (refused.value.reason, refused.value.field) == (reason, field)
