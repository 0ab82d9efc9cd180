"""The losses of the boxes family, written by proto/catalogue.py from the server's catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from lossd.loss import Loss, Reduction


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CIoULoss(Loss):
    """Complete IoU: overlap, distance of the centres and aspect ratio.

    Formula: DIoU + a v, v = 4/pi² (atan(w/h of target) - atan(w/h of input))², a = v / (1 - IoU + v + eps) held
        constant

    Args:
        box_format: what the four numbers of a box are; xyxy (two corners, x1 y1 x2 y2), xywh (the corner of least x and
            y, width and height), cxcywh (the centre, width and height); default xyxy.
        eps: added to denominators; above 0; default 1e-07.
        reduction: "mean" (default: the boxes), "none" or "sum".

    Inputs:
        input: predicted boxes, as box_format says; floating, (…,4).
        target: true boxes, as box_format says; floating, of the shape of input.

    Traps:
        - the weight a has no gradient, so numerical differences of the loss disagree with the gradient
        - boxes are compared in pairs, row by row: match predictions to targets first

    Example:
        >>> CIoULoss()
        CIoULoss()

        client.evaluate(lossd.CIoULoss(), [[0.0, 0.0, 2.0, 2.0]], [[1.0, 0.0, 3.0, 4.0]]).value   # 0.8820907473564148

    Reference: https://arxiv.org/abs/1911.08287
    """

    box_format: Literal["xyxy", "xywh", "cxcywh"] | None = None
    eps: float | None = None
    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("ciou", "complete_box_iou_loss")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class DIoULoss(Loss):
    """Distance IoU: overlap, and how far the centres are apart.

    Formula: 1 - IoU + |centre - centre|² / (diagonal of hull² + eps)

    Args:
        box_format: what the four numbers of a box are; xyxy (two corners, x1 y1 x2 y2), xywh (the corner of least x and
            y, width and height), cxcywh (the centre, width and height); default xyxy.
        eps: added to denominators; above 0; default 1e-07.
        reduction: "mean" (default: the boxes), "none" or "sum".

    Inputs:
        input: predicted boxes, as box_format says; floating, (…,4).
        target: true boxes, as box_format says; floating, of the shape of input.

    Traps:
        - from 0 to 2, not to 1
        - boxes are compared in pairs, row by row: match predictions to targets first

    Example:
        >>> DIoULoss()
        DIoULoss()

        client.evaluate(lossd.DIoULoss(), [[0.0, 0.0, 2.0, 2.0]], [[1.0, 0.0, 3.0, 4.0]]).value   # 0.8799999952316284

    Reference: https://arxiv.org/abs/1911.08287
    """

    box_format: Literal["xyxy", "xywh", "cxcywh"] | None = None
    eps: float | None = None
    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("diou", "distance_box_iou_loss")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GIoULoss(Loss):
    """Generalised IoU: boxes apart are drawn together by the box around both.

    Formula: 1 - IoU + (|hull| - |A ∪ B|) / (|hull| + eps)

    Args:
        box_format: what the four numbers of a box are; xyxy (two corners, x1 y1 x2 y2), xywh (the corner of least x and
            y, width and height), cxcywh (the centre, width and height); default xyxy.
        eps: added to denominators; above 0; default 1e-07.
        reduction: "mean" (default: the boxes), "none" or "sum".

    Inputs:
        input: predicted boxes, as box_format says; floating, (…,4).
        target: true boxes, as box_format says; floating, of the shape of input.

    Traps:
        - from 0 to 2, not to 1
        - boxes are compared in pairs, row by row: match predictions to targets first

    Example:
        >>> GIoULoss()
        GIoULoss()

        client.evaluate(lossd.GIoULoss(), [[0.0, 0.0, 2.0, 2.0]], [[1.0, 0.0, 3.0, 4.0]]).value   # 0.9666666984558105

    Reference: https://arxiv.org/abs/1902.09630
    """

    box_format: Literal["xyxy", "xywh", "cxcywh"] | None = None
    eps: float | None = None
    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("giou", "generalized_box_iou_loss")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class IoULoss(Loss):
    """One minus the intersection over union of boxes.

    Formula: 1 - |A ∩ B| / (|A ∪ B| + eps)

    Args:
        box_format: what the four numbers of a box are; xyxy (two corners, x1 y1 x2 y2), xywh (the corner of least x and
            y, width and height), cxcywh (the centre, width and height); default xyxy.
        eps: added to denominators; above 0; default 1e-07.
        reduction: "mean" (default: the boxes), "none" or "sum".

    Inputs:
        input: predicted boxes, as box_format says; floating, (…,4).
        target: true boxes, as box_format says; floating, of the shape of input.

    Traps:
        - boxes that do not meet give 1 and no gradient: use giou_loss, diou_loss or ciou_loss
        - boxes are compared in pairs, row by row: match predictions to targets first

    Example:
        >>> IoULoss()
        IoULoss()

        client.evaluate(lossd.IoULoss(), [[0.0, 0.0, 2.0, 2.0]], [[1.0, 0.0, 3.0, 4.0]]).value   # 0.800000011920929

    Reference: https://arxiv.org/abs/1608.01471
    """

    box_format: Literal["xyxy", "xywh", "cxcywh"] | None = None
    eps: float | None = None
    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("iou", "intersection_over_union")
