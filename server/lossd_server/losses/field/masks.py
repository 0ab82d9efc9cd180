"""Masks as the losses of segmentation see them: what they refuse, and how they are laid out."""

from __future__ import annotations

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.losses import checks
from lossd_server.losses.contract import Argument, Arguments, Input, Kind, Tensors

LOGITS = Input("input", Kind.FLOAT, "(N,C,d…)", "raw logits, or probabilities where from_logits is false")
MASKS = Input(
    "target",
    Kind.INDEX_OR_PROBABILITIES,
    "(N,d…); or as input",
    "class indices (multiclass), or masks from 0 to 1 of each class",
)
MODE = Argument(
    "mode",
    str,
    "multiclass",
    "what classes are to each other",
    choices=("multiclass", "multilabel", "binary"),
    enum="SegmentationMode",
    explained={
        "multiclass": "each position has one class: softmax",
        "multilabel": "classes overlap: sigmoid",
        "binary": "one class, (N,d…) or (N,1,d…): sigmoid",
    },
)
FROM_LOGITS = Argument("from_logits", bool, True, "whether input is logits; otherwise it is probabilities")
IGNORE = Argument("ignore_index", int, -100, "value of target at positions that count nowhere")
BACKGROUND = Argument("include_background", bool, True, "whether class 0 counts; binary masks have no other")


def shapes(tensors: Tensors, arguments: Arguments) -> None:
    """Input (N,C,d…) with index target (N,d…) or a target of its shape; binary ones (N,d…) or (N,1,d…)."""
    input_, target, mode = tensors["input"], tensors["target"], arguments.get("mode", "multiclass")
    if target.is_floating_point():
        checks.same_dtype(tensors, "input", "target")
    if mode == "binary":
        _binary_shapes(input_, target, arguments)
        return
    if input_.dim() < 2 or input_.shape[1] == 0:
        raise checks.wrong_shape("input", input_, "(N, C), or (N, C, d1, …), with C at least 1")
    if not arguments.get("include_background", True) and input_.shape[1] == 1:
        raise _no_foreground(arguments, "input has one class")
    indices = mode == "multiclass" and not target.is_floating_point()
    expected = input_.shape[:1] + input_.shape[2:] if indices else input_.shape
    if target.shape != expected:
        kind = "class indices" if indices else "masks of each class"
        raise checks.wrong_shape("target", target, f"{tuple(expected)}, {kind} for input {tuple(input_.shape)}")


def _binary_shapes(input_: Tensor, target: Tensor, arguments: Arguments) -> None:
    if input_.dim() == 0:
        raise checks.wrong_shape("input", input_, "(N,), (N, d1, …) or (N, 1, d1, …)")
    single = input_.dim() > 1 and input_.shape[1] == 1
    if target.shape != input_.shape and not (single and target.shape == input_.shape[:1] + input_.shape[2:]):
        raise checks.wrong_shape("target", target, f"{tuple(input_.shape)}, the shape of input")
    if not arguments.get("include_background", True):
        raise _no_foreground(arguments, "mode is binary")


def _no_foreground(arguments: Arguments, why: str) -> Fault:
    return Fault(
        "ARGUMENT_OUT_OF_RANGE",
        f"include_background is false, but {why}, so that no class is left: leave it out",
        field=f"{arguments['path']}.include_background",
    )


def elements(tensors: Tensors, arguments: Arguments) -> None:
    """Class indices below C, masks from 0 to 1, either of them or ignore_index; input from 0 to 1 if it is no logit."""
    input_, target, ignored = tensors["input"], tensors["target"], arguments["ignore_index"]
    if not arguments.get("from_logits", True):
        bad = ~((input_ >= 0) & (input_ <= 1))
        checks.refuse(bad, input_, "inputs.input", "input", "expected probabilities from 0 to 1; are they logits?")
    if arguments.get("mode", "multiclass") == "multiclass" and not target.is_floating_point():
        checks.class_indices(tensors, arguments)
        return
    signed = target if target.is_floating_point() else target.long()  # uint8 would wrap ignore_index
    bad = ~((signed >= 0) & (signed <= 1)) & (signed != ignored)
    checks.refuse(bad, signed, "inputs.target", "target", f"expected 0 to 1, or ignore_index ({ignored})")


def lay_out(
    input_: Tensor, target: Tensor, *, mode: str, ignore_index: int, per_image: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Scores, masks of the same shape and what counts, as (G,C,P): G images, or all positions of all in one.

    Masks are 0 where they do not count. All is float32 at least: half types cannot count the pixels of an image.
    """
    wide = torch.promote_types(input_.dtype, torch.float32)
    images = input_.shape[0]
    classes = 1 if mode == "binary" else input_.shape[1]
    positions = input_.numel() // max(images * classes, 1)
    scores = input_.to(wide).reshape(images, classes, positions)
    if mode == "multiclass" and not target.is_floating_point():
        index = target.long().reshape(images, 1, positions)
        kept = (index != ignore_index).expand_as(scores)
        masks = (index == torch.arange(classes, device=index.device).reshape(1, -1, 1)).to(wide)
    else:
        masks = (target if target.is_floating_point() else target.long()).reshape(images, classes, positions)
        kept = masks != ignore_index
        masks = masks.to(wide)
    masks = masks.masked_fill(~kept, 0)
    if per_image:
        return scores, masks, kept
    return _together(scores), _together(masks), _together(kept)


def _together(laid: Tensor) -> Tensor:
    """(G,C,P) as (1,C,G P)."""
    return laid.transpose(0, 1).reshape(1, laid.shape[1], -1)


def probabilities(scores: Tensor, *, mode: str, from_logits: bool) -> Tensor:
    """Probabilities of laid-out scores."""
    if not from_logits:
        return scores
    return scores.softmax(1) if mode == "multiclass" else scores.sigmoid()


def per_class(tensors: Tensors, arguments: Arguments) -> float | None:
    """Images times classes where images count one by one; otherwise chunks do not merge."""
    if not arguments["per_image"]:
        return None
    images = tensors["input"].shape[0]
    if arguments["mode"] == "binary":
        return float(images)
    return float(images * (tensors["input"].shape[1] - (not arguments["include_background"])))


def per_picture(tensors: Tensors, arguments: Arguments) -> float | None:
    """Images where they count one by one; otherwise chunks do not merge."""
    return float(tensors["input"].shape[0]) if arguments["per_image"] else None


def hard(tensors: Tensors, arguments: Arguments) -> None:
    """Masks of 0, 1 and ignore_index alone."""
    target, ignored = tensors["target"], arguments["ignore_index"]
    signed = target if target.is_floating_point() else target.long()
    bad = (signed != 0) & (signed != 1) & (signed != ignored)
    checks.refuse(bad, signed, "inputs.target", "target", f"expected 0, 1, or ignore_index ({ignored})")
