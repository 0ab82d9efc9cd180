"""Losses between boxes: one minus their overlap, and what tells boxes apart that do not overlap."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from lossd_server.losses import checks, weights
from lossd_server.losses.contract import Argument, Arguments, Example, Input, Kind, Tensors
from lossd_server.losses.formula import FormulaEntry


class _Boxes(NamedTuple):
    """Corners, each (…)."""

    left: Tensor
    top: Tensor
    right: Tensor
    bottom: Tensor

    @property
    def width(self) -> Tensor:
        return self.right - self.left

    @property
    def height(self) -> Tensor:
        return self.bottom - self.top

    @property
    def area(self) -> Tensor:
        return self.width * self.height


def iou(input: Tensor, target: Tensor, *, box_format: str, eps: float) -> Tensor:
    """1 − intersection / (union + eps)."""
    mine, true = _corners(input, box_format), _corners(target, box_format)
    return (1 - _overlap(mine, true, eps)[0]).to(input.dtype)


def giou(input: Tensor, target: Tensor, *, box_format: str, eps: float) -> Tensor:
    """1 − IoU + the share of the enclosing box that neither covers."""
    mine, true = _corners(input, box_format), _corners(target, box_format)
    overlap, union = _overlap(mine, true, eps)
    hull = _hull(mine, true).area
    return (1 - overlap + (hull - union) / (hull + eps)).to(input.dtype)


def diou(input: Tensor, target: Tensor, *, box_format: str, eps: float) -> Tensor:
    """1 − IoU + squared distance of the centres / squared diagonal of the enclosing box."""
    mine, true = _corners(input, box_format), _corners(target, box_format)
    return (1 - _overlap(mine, true, eps)[0] + _apart(mine, true, eps)).to(input.dtype)


def ciou(input: Tensor, target: Tensor, *, box_format: str, eps: float) -> Tensor:
    """DIoU + α v, where v compares aspect ratios and α = v / (1 − IoU + v + eps) is taken for constant."""
    mine, true = _corners(input, box_format), _corners(target, box_format)
    overlap = _overlap(mine, true, eps)[0]
    turn = torch.atan2(true.width, true.height) - torch.atan2(mine.width, mine.height)
    aspect = 4 / math.pi**2 * turn.square()
    share = (aspect / (1 - overlap + aspect + eps)).detach()
    return (1 - overlap + _apart(mine, true, eps) + share * aspect).to(input.dtype)


def _corners(boxes: Tensor, box_format: str) -> _Boxes:
    """Boxes by their corners, in float32 at least: half types cannot hold squares of pixels."""
    a, b, c, d = boxes.to(torch.promote_types(boxes.dtype, torch.float32)).unbind(-1)
    if box_format == "xyxy":
        return _Boxes(a, b, c, d)
    if box_format == "xywh":
        return _Boxes(a, b, a + c, b + d)
    return _Boxes(a - c / 2, b - d / 2, a + c / 2, b + d / 2)


def _overlap(mine: _Boxes, true: _Boxes, eps: float) -> tuple[Tensor, Tensor]:
    """Intersection over union, and the union."""
    width = torch.minimum(mine.right, true.right) - torch.maximum(mine.left, true.left)
    height = torch.minimum(mine.bottom, true.bottom) - torch.maximum(mine.top, true.top)
    meet = (width > 0) & (height > 0)
    shared = (width * height).masked_fill(~meet, 0)
    union = mine.area + true.area - shared
    return shared / (union + eps), union


def _hull(mine: _Boxes, true: _Boxes) -> _Boxes:
    """The smallest box around both."""
    return _Boxes(
        torch.minimum(mine.left, true.left),
        torch.minimum(mine.top, true.top),
        torch.maximum(mine.right, true.right),
        torch.maximum(mine.bottom, true.bottom),
    )


def _apart(mine: _Boxes, true: _Boxes, eps: float) -> Tensor:
    """Squared distance of the centres by the squared diagonal of the hull."""
    hull = _hull(mine, true)
    across = (mine.left + mine.right - true.left - true.right) / 2
    down = (mine.top + mine.bottom - true.top - true.bottom) / 2
    return (across.square() + down.square()) / (hull.width.square() + hull.height.square() + eps)


def _box_shapes(tensors: Tensors, arguments: Arguments) -> None:
    checks.elementwise(tensors, arguments)
    for name in ("input", "target"):
        if tensors[name].dim() == 0 or tensors[name].shape[-1] != 4:
            raise checks.wrong_shape(name, tensors[name], "boxes of four numbers: (4,), (N, 4) or (…, 4)")


def _box_elements(tensors: Tensors, arguments: Arguments) -> None:
    """No box of negative width or height; NaN is none either."""
    for name in ("input", "target"):
        boxes = tensors[name]
        if arguments["box_format"] == "xyxy":
            bad, expected = ~(boxes[..., 2:] >= boxes[..., :2]), "x2 at least x1 and y2 at least y1; is it xywh?"
        else:
            bad, expected = ~(boxes[..., 2:] >= 0), "a width and a height of at least 0"
        bad = torch.cat((torch.zeros_like(bad), bad), -1)
        checks.refuse(bad, boxes, f"inputs.{name}", name, f"expected {expected}")


def _per_box(tensors: Tensors, arguments: Arguments) -> float:
    return weights.count(tensors, arguments) / 4


def _entry(kind: str, formula: str, value: float, *, arxiv: str, trap: str, **words: str) -> FormulaEntry:
    """A line of the catalogue: all four take the same inputs and arguments."""
    boxes = "boxes, as box_format says"
    return FormulaEntry(
        name=f"{kind}_loss",
        class_name=f"{kind[:-3].upper()}IoULoss",
        summary=words["summary"],
        formula=formula,
        inputs=(
            Input("input", Kind.FLOAT, "(…,4)", f"predicted {boxes}"),
            Input("target", Kind.FLOAT, "(…,4), as input", f"true {boxes}"),
        ),
        arguments=(
            Argument(
                "box_format",
                str,
                "xyxy",
                "what the four numbers of a box are",
                choices=("xyxy", "xywh", "cxcywh"),
                enum="BoxFormat",
                explained={
                    "xyxy": "two corners, x1 y1 x2 y2",
                    "xywh": "the corner of least x and y, width and height",
                    "cxcywh": "the centre, width and height",
                },
            ),
            Argument("eps", float, 1e-7, "added to denominators", above=0),
        ),
        function={"iou": iou, "giou": giou, "diou": diou, "ciou": ciou}[kind],
        shapes=_box_shapes,
        elements=_box_elements,
        weight=_per_box,
        mean="the boxes",
        traps=(trap, "boxes are compared in pairs, row by row: match predictions to targets first"),
        tasks=("detection",),
        aliases=(kind, words["alias"]),
        example=Example({"input": [[0.0, 0.0, 2.0, 2.0]], "target": [[1.0, 0.0, 3.0, 4.0]]}, value),
        source=f"https://arxiv.org/abs/{arxiv}",
    )


ENTRIES: tuple[FormulaEntry, ...] = (
    _entry(
        "iou",
        "1 - |A ∩ B| / (|A ∪ B| + eps)",
        0.800000011920929,
        summary="One minus the intersection over union of boxes.",
        alias="intersection_over_union",
        trap="boxes that do not meet give 1 and no gradient: use giou_loss, diou_loss or ciou_loss",
        arxiv="1608.01471",
    ),
    _entry(
        "giou",
        "1 - IoU + (|hull| - |A ∪ B|) / (|hull| + eps)",
        0.9666666984558105,
        summary="Generalised IoU: boxes apart are drawn together by the box around both.",
        alias="generalized_box_iou_loss",
        trap="from 0 to 2, not to 1",
        arxiv="1902.09630",
    ),
    _entry(
        "diou",
        "1 - IoU + |centre - centre|² / (diagonal of hull² + eps)",
        0.8799999952316284,
        summary="Distance IoU: overlap, and how far the centres are apart.",
        alias="distance_box_iou_loss",
        trap="from 0 to 2, not to 1",
        arxiv="1911.08287",
    ),
    _entry(
        "ciou",
        "DIoU + a v, v = 4/pi² (atan(w/h of target) - atan(w/h of input))², a = v / (1 - IoU + v + eps) held constant",
        0.8820907473564148,
        summary="Complete IoU: overlap, distance of the centres and aspect ratio.",
        alias="complete_box_iou_loss",
        trap="the weight a has no gradient, so numerical differences of the loss disagree with the gradient",
        arxiv="1911.08287",
    ),
)
