"""Box losses against their formulas in plain Python floats, box by box."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from congruence import oracle
from congruence.field import harness
from lossd_server.faults import Fault
from lossd_server.losses.field import boxes
from lossd_server.worker.worker import Worker
from torch import Tensor

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5, torch.bfloat16: 1e-2, torch.float16: 2e-3}
LOSSES = ("IoULoss", "GIoULoss", "DIoULoss", "CIoULoss")
EPS = 1e-7


def reference(loss: str, a: list[float], b: list[float], eps: float = EPS, share: float | None = None) -> float:
    """The loss of two boxes given by corners; `share` is the weight of CIoU's aspect term where it is held."""
    wide, high = (min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1))
    both = wide * high if wide > 0 and high > 0 else 0.0
    sides = [(box[2] - box[0], box[3] - box[1]) for box in (a, b)]
    union = sum(w * h for w, h in sides) - both
    hull = [max(a[i + 2], b[i + 2]) - min(a[i], b[i]) for i in (0, 1)]
    overlap = both / (union + eps)
    if loss == "IoULoss":
        return 1 - overlap
    if loss == "GIoULoss":
        return 1 - overlap + (hull[0] * hull[1] - union) / (hull[0] * hull[1] + eps)
    centres = sum(((a[i] + a[i + 2]) / 2 - (b[i] + b[i + 2]) / 2) ** 2 for i in (0, 1))
    distance = 1 - overlap + centres / (hull[0] ** 2 + hull[1] ** 2 + eps)
    if loss == "DIoULoss":
        return distance
    aspect = 4 / math.pi**2 * (math.atan(sides[1][0] / sides[1][1]) - math.atan(sides[0][0] / sides[0][1])) ** 2
    return distance + (aspect / (1 - overlap + aspect + eps) if share is None else share) * aspect


def aspect_share(a: list[float], b: list[float]) -> float:
    """CIoU's weight, as the papers' formula has it: from the difference of the losses it is missing in."""
    with_one, without = reference("CIoULoss", a, b, share=1.0), reference("CIoULoss", a, b, share=0.0)
    aspect = with_one - without
    return aspect / (reference("IoULoss", a, b) + aspect + EPS)


def pairs(dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    """Boxes that meet, boxes apart, one within another, and the same twice."""
    mine = [[0, 0, 2, 2], [0, 0, 1, 1], [1, 1, 3, 5], [0.5, 1, 4, 2], [-3, -2, -1, 4], [1, 2, 3, 4]]
    true = [[1, 0, 3, 4], [2, 3, 4, 4], [0, 0, 4, 6], [0.25, 0, 2, 6], [-2, -4, 1, 1], [1, 2, 3, 4]]
    return {"input": torch.tensor(mine, dtype=dtype), "target": torch.tensor(true, dtype=dtype)}


def expected(loss: str, given: dict[str, Tensor], eps: float = EPS) -> Tensor:
    rows = zip(given["input"].tolist(), given["target"].tolist(), strict=True)
    return torch.tensor([reference(loss, a, b, eps) for a, b in rows], dtype=torch.float64)


def restated(boxes_: Tensor, box_format: str) -> Tensor:
    corner, size = boxes_[:, :2], boxes_[:, 2:] - boxes_[:, :2]
    if box_format == "xyxy":
        return boxes_
    return torch.cat((corner if box_format == "xywh" else corner + size / 2, size), 1)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("box_format", ["xyxy", "xywh", "cxcywh"])
def test_each_box_is_the_formula(loss: str, dtype: torch.dtype, box_format: str) -> None:
    """In every format and floating type; mean and sum are over boxes."""
    given = pairs()
    told = {name: restated(value, box_format).to(dtype) for name, value in given.items()}
    close = {"rtol": TOLERANCE[dtype], "atol": 2 * TOLERANCE[dtype]}
    value, _ = harness.outcome(loss, {"box_format": box_format, "reduction": "none"}, told, [])
    assert value.dtype == dtype
    torch.testing.assert_close(value.double(), expected(loss, given), **close)
    for reduction in ("mean", "sum"):
        value, _ = harness.outcome(loss, {"box_format": box_format, "reduction": reduction}, told, [])
        torch.testing.assert_close(value.double(), getattr(expected(loss, given), reduction)(), rtol=1e-2, atol=1e-2)
    assert harness.build(loss).weight_sum(told) == 6


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_the_slopes_of_the_formula(loss: str) -> None:
    """By central differences of the plain formula; CIoU's weight is held, as its paper says."""
    given, step = {name: value[:5] + 0.013 for name, value in pairs().items()}, 1e-6
    given["target"] += 0.029  # away from edges that coincide, where there is no slope
    _, gradients = harness.outcome(loss, {"reduction": "sum"}, given)
    for name in ("input", "target"):
        for row in range(5):
            a, b = given["input"][row].tolist(), given["target"][row].tolist()
            held = aspect_share(a, b)
            for side in range(4):
                values = []
                for sign in (1, -1):
                    moved = {"input": list(a), "target": list(b)}
                    moved[name][side] += sign * step
                    values.append(reference(loss, moved["input"], moved["target"], share=held))
                slope = (values[0] - values[1]) / (2 * step)
                assert gradients[name][row, side].item() == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("loss", LOSSES[:3])
@pytest.mark.parametrize("box_format", ["xyxy", "xywh", "cxcywh"])
def test_gradcheck(loss: str, box_format: str) -> None:
    """Autograd agrees with numerical differences; CIoU's cannot, for its weight is held."""
    given = [
        restated(value[:5] + shift, box_format) for value, shift in zip(pairs().values(), (0.01, 0.04), strict=True)
    ]
    bound = harness.build(loss, {"box_format": box_format, "reduction": "none"})
    assert torch.autograd.gradcheck(bound._forward, [value.requires_grad_() for value in given])


@pytest.mark.parametrize("loss", LOSSES)
def test_bounds_and_extremes(loss: str) -> None:
    """The same box costs 0; eps counts; boxes without area give finite values and gradients; no boxes give nan."""
    same = {"input": torch.tensor([[1.0, 2.0, 3.0, 4.0]]), "target": torch.tensor([[1.0, 2.0, 3.0, 4.0]])}
    assert harness.outcome(loss, {}, same, [])[0].item() == pytest.approx(0, abs=1e-6)
    value, _ = harness.outcome(loss, {"eps": 2.0, "reduction": "none"}, pairs(), [])
    torch.testing.assert_close(value, expected(loss, pairs(), eps=2.0))
    point = {"input": torch.zeros(1, 4), "target": torch.zeros(1, 4)}
    value, gradients = harness.outcome(loss, {}, point)
    assert value.isfinite()
    assert gradients["input"].isfinite().all()
    assert harness.outcome(loss, {}, {name: torch.zeros(0, 4) for name in same}, [])[0].isnan()


REFUSED = [
    ({}, [[2.0, 0.0, 1.0, 1.0]], [[0.0, 0.0, 1.0, 1.0]], "VALUE_OUT_OF_RANGE", "inputs.input"),
    ({}, [[0.0, 0.0, 1.0, 1.0]], [[0.0, 2.0, 1.0, 1.0]], "VALUE_OUT_OF_RANGE", "inputs.target"),
    ({}, [[0.0, 0.0, math.nan, 1.0]], [[0.0, 0.0, 1.0, 1.0]], "VALUE_OUT_OF_RANGE", "inputs.input"),
    ({"box_format": "xywh"}, [[0.0, 0.0, -1.0, 1.0]], [[0.0, 0.0, 1.0, 1.0]], "VALUE_OUT_OF_RANGE", "inputs.input"),
    ({"box_format": "cxcywh"}, [[0.0, 0.0, 1.0, 1.0]], [[0.0, 0.0, 1.0, -1.0]], "VALUE_OUT_OF_RANGE", "inputs.target"),
    ({}, [[0.0, 0.0, 1.0]], [[0.0, 0.0, 1.0]], "SHAPE_MISMATCH", "inputs.input"),
    ({}, [[0.0, 0.0, 1.0, 1.0]], [0.0, 0.0, 1.0, 1.0], "SHAPE_MISMATCH", "inputs.target"),
    ({"eps": 0.0}, [[0.0, 0.0, 1.0, 1.0]], [[0.0, 0.0, 1.0, 1.0]], "ARGUMENT_OUT_OF_RANGE", "loss.iou_loss.eps"),
    ({"box_format": "yxyx"}, [[0.0] * 4], [[0.0] * 4], "ARGUMENT_OUT_OF_RANGE", "loss.iou_loss.box_format"),
]


@pytest.mark.parametrize(("arguments", "input_", "target", "reason", "field"), REFUSED)
def test_refusals(arguments: dict, input_: Any, target: Any, reason: str, field: str) -> None:
    """Boxes of negative size, and what is no box, never reach the formula."""
    with pytest.raises(Fault) as refused:
        harness.outcome("IoULoss", arguments, {"input": torch.tensor(input_), "target": torch.tensor(target)}, [])
    assert (refused.value.reason, refused.value.field) == (reason, field)


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()


@pytest.mark.parametrize("entry", boxes.ENTRIES, ids=lambda entry: entry.name)
def test_example_and_worker(worker: Worker, entry: boxes.FormulaEntry) -> None:
    """The example's value to the last bit; a real worker answers what the function gives, gradients too."""
    harness.check_example(entry)
    given = {name: restated(value, "xywh") for name, value in pairs(torch.float32).items()}
    wanted, slopes = harness.outcome(entry.class_name, {"box_format": "xywh"}, given)
    value, gradients = harness.evaluate(worker, entry.class_name, {"box_format": "xywh"}, given)
    assert value.item() == wanted.item()
    for name, slope in slopes.items():
        assert torch.equal(gradients[name], slope)
