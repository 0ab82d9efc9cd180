"""Losses of torch.nn over sequences, and the checks without which their kernel reads foreign memory."""

from __future__ import annotations

import torch
from torch import Tensor

from lossd_server.faults import Fault, shape_text
from lossd_server.losses import checks
from lossd_server.losses.contract import Argument, Arguments, Example, Input, Kind, Tensors
from lossd_server.losses.torch_nn.entry import TorchEntry


def ctc_batch(tensors: Tensors, arguments: Arguments) -> float | None:
    """The batch, for the mean alone: it divides each loss by its target's length first, as no other reduction does."""
    return float(tensors["target_lengths"].numel()) if arguments["reduction"] == "mean" else None


def ctc_result(tensors: Tensors, arguments: Arguments) -> Tensor:
    """The result without its elements: torch has no dry run of this kernel."""
    losses = tensors["log_probs"].select(0, 0).select(-1, 0)
    return losses if arguments["reduction"] == "none" else losses.sum()


def ctc_shapes(tensors: Tensors, arguments: Arguments) -> None:
    log_probs, targets = tensors["log_probs"], tensors["targets"]
    if log_probs.dim() not in (2, 3) or log_probs.numel() == 0:
        raise Fault(
            "SHAPE_MISMATCH",
            f"log_probs has shape {shape_text(log_probs.shape)}; expected (T, N, C) or (T, C), none of them 0",
            field="inputs.log_probs",
        )
    batch = log_probs.shape[1] if log_probs.dim() == 3 else 1
    allowed = [torch.Size([batch])] + ([torch.Size([])] if log_probs.dim() == 2 else [])
    for name in ("input_lengths", "target_lengths"):
        if tensors[name].shape not in allowed:
            raise Fault(
                "SHAPE_MISMATCH",
                f"{name} has shape {shape_text(tensors[name].shape)}; expected {' or '.join(map(shape_text, allowed))}"
                f"{_time_first(log_probs, tensors[name])}",
                field=f"inputs.{name}",
            )
    if not (targets.dim() == 1 or (targets.dim() == 2 and targets.shape[0] == batch and log_probs.dim() == 3)):
        expected = f"({batch}, S), or (sum of target_lengths,)" if log_probs.dim() == 3 else "(S,)"
        raise Fault(
            "SHAPE_MISMATCH",
            f"targets has shape {shape_text(targets.shape)}; expected {expected}",
            field="inputs.targets",
        )
    if not 0 <= arguments["blank"] < log_probs.shape[-1]:
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            f"blank is {arguments['blank']}; expected a class from 0 to {log_probs.shape[-1] - 1}",
            field=f"{arguments['path']}.blank",
        )


def _time_first(log_probs: Tensor, lengths: Tensor) -> str:
    """How log_probs is read; where the lengths count its first dimension, that it has the batch first."""
    if log_probs.dim() != 3:
        return ""
    text = f", one for each sequence: log_probs is (T, N, C), time first, here {shape_text(log_probs.shape)}"
    if lengths.shape == log_probs.shape[:1]:
        text += "; if it has the batch first, send it with its first two dimensions swapped"
    return text


def ctc_elements(tensors: Tensors, arguments: Arguments) -> None:
    """Lengths within the data and labels within the classes: the kernel trusts them with memory."""
    log_probs, targets = tensors["log_probs"], tensors["targets"]
    input_lengths, target_lengths = tensors["input_lengths"], tensors["target_lengths"]
    padded = targets.dim() == 2
    steps, width = log_probs.shape[0], targets.shape[-1]
    checks.refuse(
        (input_lengths < 0) | (input_lengths > steps),
        input_lengths,
        "inputs.input_lengths",
        "input_lengths",
        f"expected 0 to {steps}, the steps of log_probs",
    )
    checks.refuse(
        (target_lengths < 0) | (target_lengths > width),
        target_lengths,
        "inputs.target_lengths",
        "target_lengths",
        f"expected 0 to {width}, the width of targets",
    )
    total = int(target_lengths.sum())
    if not padded and (log_probs.dim() == 3 or not target_lengths.dim()) and total != width:
        raise Fault(
            "VALUE_OUT_OF_RANGE",
            f"target_lengths add up to {total}, but targets holds {width} labels; they must agree",
            field="inputs.target_lengths",
        )
    used = _used(targets, target_lengths) if padded else torch.arange(width, device=targets.device) < total
    count, blank = log_probs.shape[-1], arguments["blank"]
    checks.refuse(
        used & ((targets < 0) | (targets >= count) | (targets == blank)),
        targets,
        "inputs.targets",
        "targets",
        f"expected a class from 0 to {count - 1} other than blank ({blank})",
    )


def _used(targets: Tensor, lengths: Tensor) -> Tensor:
    return torch.arange(targets.shape[1], device=targets.device) < lengths.unsqueeze(1)


ENTRIES: tuple[TorchEntry, ...] = (
    TorchEntry(
        name="ctc_loss",
        class_name="CTCLoss",
        summary="Connectionist temporal classification: sequences without alignment.",
        formula="-log sum over alignments of prod_t exp(log_probs[t, label_t])",
        inputs=(
            Input("log_probs", Kind.WIDE_FLOAT, "(T,N,C) or (T,C)", "log-probabilities, as log_softmax gives them"),
            Input("targets", Kind.LABELS, "(N,S), (S,) or flat", "class indices, none of them blank"),
            Input("input_lengths", Kind.LABELS, "(N,) or ()", "steps of log_probs that count, 0 to T"),
            Input("target_lengths", Kind.LABELS, "(N,) or ()", "labels of targets that count, 0 to S"),
        ),
        arguments=(
            Argument("blank", int, 0, "class that stands for no label, 0 to C - 1", least=0),
            Argument("zero_infinity", bool, False, "whether impossible alignments count as 0"),
        ),
        shapes=ctc_shapes,
        elements=ctc_elements,
        weight=ctc_batch,
        mean="each loss divided by its target's length, then by the batch",
        infer=ctc_result,
        spans=("log_probs",),
        traps=(
            "targets longer than the input allows give inf unless zero_infinity is set",
            "torch reads foreign memory for labels or lengths out of range; lossd refuses them",
            "mean divides each loss by its target length first",
        ),
        tasks=("sequence",),
        aliases=("ctc",),
        example=Example(
            {
                "log_probs": [[-0.5, -1.0, -3.0], [-1.5, -0.4, -2.5]],
                "targets": [1],
                "input_lengths": [2],
                "target_lengths": [1],
            },
            0.3075425326824188,
        ),
    ),
)
