"""Refusals of inputs that a kernel must not see, each a function of the inputs and the arguments.

Checks come in two kinds. Those under `shapes` read types and sizes only, so that they serve a dry run without
data; those under `elements` look at the data. Both say what was given, what was expected and what to do.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lossd_server.faults import Fault, shape_text
from lossd_server.losses.budget import broadcast_shapes
from lossd_server.losses.contract import Arguments, Tensors

FEW = 128
"""Elements up to which Python is faster than a kernel."""


def same_dtype(tensors: Tensors, *names: str) -> None:
    first = names[0]
    for name in names[1:]:
        if tensors[name].dtype != tensors[first].dtype:
            raise Fault(
                "DTYPE_MISMATCH",
                f"{name} is {dtype_text(tensors[name])}, {first} is {dtype_text(tensors[first])}; "
                "both must have one type: convert one of them",
                field=f"inputs.{name}",
            )


def elementwise(tensors: Tensors, arguments: Arguments) -> None:
    """`input` and `target` of one type and one shape, unless broadcasting was allowed."""
    same_dtype(tensors, "input", "target")
    given, expected = tensors["target"].shape, tensors["input"].shape
    if given == expected:
        return
    if not arguments["allow_broadcast"]:
        raise Fault(
            "SHAPE_MISMATCH",
            f"target has shape {shape_text(given)}, input has shape {shape_text(expected)}; elementwise losses need "
            "equal shapes: reshape one of them, or set allow_broadcast on the loss to broadcast them",
            field="inputs.target",
        )
    broadcast(given, expected, field="inputs.target", name="target")


def broadcast(given: torch.Size, expected: torch.Size, *, field: str, name: str) -> torch.Size:
    try:
        return broadcast_shapes(given, expected)
    except RuntimeError:
        raise Fault(
            "SHAPE_MISMATCH",
            f"{name} has shape {shape_text(given)}, which does not broadcast to {shape_text(expected)}",
            field=field,
        ) from None


def classes(input_: Tensor) -> int:
    """The size of the class dimension of (C,) or (N,C,d…)."""
    return input_.shape[0] if input_.dim() == 1 else input_.shape[1]


def class_shapes(tensors: Tensors, arguments: Arguments) -> None:
    """`input` (C,) or (N,C,d…) with index `target` () or (N,d…)."""
    input_, target = tensors["input"], tensors["target"]
    if input_.dim() == 0 or classes(input_) == 0:
        raise Fault(
            "SHAPE_MISMATCH",
            f"input has shape {shape_text(input_.shape)}; expected (C,), (N, C) or (N, C, d1, …), with C at least 1",
            field="inputs.input",
        )
    expected = input_.shape[:1] + input_.shape[2:] if input_.dim() > 1 else torch.Size([])
    if target.shape != expected:
        raise Fault(
            "SHAPE_MISMATCH",
            f"target has shape {shape_text(target.shape)}; class indices for input {shape_text(input_.shape)} "
            f"have shape {shape_text(expected)}{_instead(target, input_)}",
            field="inputs.target",
        )
    class_weight(tensors, arguments)


def _instead(target: Tensor, input_: Tensor) -> str:
    """What to do with whole numbers of the shape of the scores, which are one-hot, and with classes that come last."""
    if target.shape == input_.shape:
        return "; for one-hot rows send their argmax over the classes"
    if input_.dim() <= 2:
        return ""
    text = f": the classes are dimension 1 of input, {input_.shape[1]} of them here"
    if target.shape == input_.shape[:-1]:
        text += "; if they are its last dimension, move that to place 1"
    return text


def class_weight(tensors: Tensors, arguments: Arguments) -> None:
    weight, input_ = arguments["weight"], tensors["input"]
    if weight is None:
        return
    if weight.shape != (classes(input_),) or weight.dtype != input_.dtype:
        raise Fault(
            "SHAPE_MISMATCH" if weight.dtype == input_.dtype else "DTYPE_MISMATCH",
            f"weight is {dtype_text(weight)} {shape_text(weight.shape)}; "
            f"expected {dtype_text(input_)} {shape_text((classes(input_),))}, one weight per class",
            field=f"{arguments['path']}.weight",
        )


def class_indices(tensors: Tensors, arguments: Arguments) -> None:
    """Each index in [0, C) or equal to ignore_index: beyond lies a device assert, or foreign memory."""
    target, count = tensors["target"], classes(tensors["input"])
    if _all_within(target, count):
        return
    target = target.long()  # uint8 would wrap ignore_index
    bad = ((target < 0) | (target >= count)) & (target != arguments["ignore_index"])
    refuse(
        bad,
        target,
        "inputs.target",
        "target",
        f"expected a class index from 0 to {count - 1}, or ignore_index ({arguments['ignore_index']})",
    )


def _all_within(indices: Tensor, count: int) -> bool:
    """Whether all indices are from 0 to count - 1; a few are looked at faster by Python than by a kernel."""
    if indices.numel() == 0:
        return True
    if indices.numel() <= FEW and indices.is_cpu:
        listed = indices.reshape(-1).tolist()
        return bool(min(listed) >= 0 and max(listed) < count)
    least, most = torch.aminmax(indices)
    return bool(least >= 0) and bool(most < count)


def cross_entropy_shapes(tensors: Tensors, arguments: Arguments) -> None:
    input_, target = tensors["input"], tensors["target"]
    if not target.is_floating_point():
        class_shapes(tensors, arguments)
        return
    same_dtype(tensors, "input", "target")
    if target.shape != input_.shape or input_.dim() == 0:
        raise Fault(
            "SHAPE_MISMATCH",
            f"target has shape {shape_text(target.shape)} and floating type, so it is read as class probabilities; "
            f"expected the shape of input, {shape_text(input_.shape)}; class indices must be int64",
            field="inputs.target",
        )
    class_weight(tensors, arguments)
    if arguments["ignore_index"] != -100:
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            f"ignore_index is {arguments['ignore_index']}, but target holds class probabilities; leave it out",
            field=f"{arguments['path']}.ignore_index",
        )


def cross_entropy_elements(tensors: Tensors, arguments: Arguments) -> None:
    if not tensors["target"].is_floating_point():
        class_indices(tensors, arguments)


def rescaling_weights(tensors: Tensors, arguments: Arguments) -> None:
    """`weight` and `pos_weight` of the type of `input` and broadcastable to its shape."""
    elementwise(tensors, arguments)
    input_ = tensors["input"]
    whole = broadcast_shapes(input_.shape, tensors["target"].shape)
    for name in ("weight", "pos_weight"):
        weight = arguments.get(name)
        if weight is None:
            continue
        if weight.dtype != input_.dtype:
            raise Fault(
                "DTYPE_MISMATCH",
                f"{name} is {dtype_text(weight)}; expected the type of input, {dtype_text(input_)}",
                field=f"{arguments['path']}.{name}",
            )
        shape = broadcast(weight.shape, whole, field=f"{arguments['path']}.{name}", name=name)
        if shape != whole:
            raise Fault(
                "SHAPE_MISMATCH",
                f"{name} has shape {shape_text(weight.shape)}, which would enlarge input {shape_text(whole)}",
                field=f"{arguments['path']}.{name}",
            )


def probabilities(tensors: Tensors, arguments: Arguments) -> None:
    """Every element of `input` and `target` in [0, 1]; NaN is outside."""
    for name in ("input", "target"):
        tensor = tensors[name]
        refuse(
            ~((tensor >= 0) & (tensor <= 1)),
            tensor,
            f"inputs.{name}",
            name,
            "expected probabilities from 0 to 1; for raw logits use BCEWithLogitsLoss",
        )


def refuse(bad: Tensor, tensor: Tensor, field: str, name: str, expected: str) -> None:
    """Refuses the first element where `bad` holds, with its position and how many there are."""
    if not bool(bad.any()):
        return
    where = bad.nonzero()
    position = where[0].tolist()
    value = tensor[tuple(position)].item()
    more = f" ({len(where)} such elements)" if len(where) > 1 else ""
    raise Fault(
        "VALUE_OUT_OF_RANGE", f"{name}{position if position else ''} is {value:g}{more}; {expected}", field=field
    )


def dtype_text(tensor: Tensor) -> str:
    """The element type as torch writes it, without `torch.`."""
    return str(tensor.dtype).removeprefix("torch.")


def wrong_shape(name: str, given: Tensor, expected: str) -> Fault:
    """The refusal of an input for its shape; `expected` says which one fits."""
    message = f"{name} has shape {shape_text(given.shape)}; expected {expected}"
    return Fault("SHAPE_MISMATCH", message, field=f"inputs.{name}")
