"""Elements out of range, which kernels trust with memory: refused before any kernel sees them."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from attacks.attacker import Attacker, evaluate, floats, longs, raw
from lossd.v1 import loss_pb2, tensor_pb2

T, N, C, S = 6, 2, 5, 3
LOG_PROBS = floats(*[-1.6] * (T * N * C), shape=[T, N, C])
CTC = loss_pb2.LossSpec(ctc_loss=loss_pb2.CTCLoss())
GOOD = {
    "log_probs": LOG_PROBS,
    "targets": longs(1, 2, 3, 4, 1, 2, shape=[N, S]),
    "input_lengths": longs(T, T),
    "target_lengths": longs(S, S),
}


def ints(*numbers: int, shape: list[int] | None = None) -> tensor_pb2.Tensor:
    return raw(6, shape or [len(numbers)], struct.pack(f"<{len(numbers)}i", *numbers))


OUT = ("VALUE_OUT_OF_RANGE",)
SHAPE = ("SHAPE_MISMATCH",)
TYPE = ("DTYPE_MISMATCH",)
CTC_ATTACKS: dict[str, tuple[dict[str, tensor_pb2.Tensor], tuple[str, ...], str]] = {
    "label C": ({"targets": longs(1, 2, 3, 4, 1, C, shape=[N, S])}, OUT, "inputs.targets"),
    "label 10^6": ({"targets": longs(1, 2, 3, 4, 10**6, 2, shape=[N, S])}, OUT, "inputs.targets"),
    "label 2^62": ({"targets": longs(2**62, 2, 3, 4, 1, 2, shape=[N, S])}, OUT, "inputs.targets"),
    "label -1": ({"targets": longs(1, 2, 3, 4, 1, -1, shape=[N, S])}, OUT, "inputs.targets"),
    "label -2^63": ({"targets": longs(1, 2, 3, 4, 1, -(2**63), shape=[N, S])}, OUT, "inputs.targets"),
    "label blank": ({"targets": longs(1, 2, 3, 4, 0, 2, shape=[N, S])}, OUT, "inputs.targets"),
    "int32 label": ({"targets": ints(1, 2, 3, 4, 1, 2**31 - 1, shape=[N, S])}, OUT, "inputs.targets"),
    "int32 negative": ({"targets": ints(1, -(2**31), 3, 4, 1, 1, shape=[N, S])}, OUT, "inputs.targets"),
    "flat label C": ({"targets": longs(1, 2, 3, 4, 1, C)}, OUT, "inputs.targets"),
    "flat negative": ({"targets": longs(-7, 2, 3, 4, 1, 1)}, OUT, "inputs.targets"),
    "flat too short": ({"targets": longs(1, 2, 3, 4, 1)}, OUT, "inputs.target_lengths"),
    "flat too long": ({"targets": longs(*[1] * 7)}, OUT, "inputs.target_lengths"),
    "flat, one length eats all": (
        {"targets": longs(1, 2, 3), "target_lengths": longs(9, -6)},
        OUT,
        "inputs.target_lengths",
    ),
    "input_lengths T+1": ({"input_lengths": longs(T, T + 1)}, OUT, "inputs.input_lengths"),
    "input_lengths 2^40": ({"input_lengths": longs(2**40, T)}, OUT, "inputs.input_lengths"),
    "input_lengths -1": ({"input_lengths": longs(-1, T)}, OUT, "inputs.input_lengths"),
    "target_lengths S+1": ({"target_lengths": longs(S, S + 1)}, OUT, "inputs.target_lengths"),
    "target_lengths 2^62": ({"target_lengths": longs(2**62, S)}, OUT, "inputs.target_lengths"),
    "target_lengths -1": ({"target_lengths": longs(S, -1)}, OUT, "inputs.target_lengths"),
    "target_lengths overflow": ({"target_lengths": longs(2**63 - 1, 2**63 - 1)}, OUT, "inputs.target_lengths"),
    "int32 lengths": ({"target_lengths": ints(S, S + 1)}, OUT, "inputs.target_lengths"),
    "too few lengths": ({"target_lengths": longs(S)}, SHAPE, "inputs.target_lengths"),
    "too many lengths": ({"input_lengths": longs(T, T, T)}, SHAPE, "inputs.input_lengths"),
    "lengths (N,1)": ({"input_lengths": longs(T, T, shape=[N, 1])}, SHAPE, "inputs.input_lengths"),
    "targets of another batch": ({"targets": longs(*[1] * 9, shape=[3, 3])}, SHAPE, "inputs.targets"),
    "targets of rank 3": ({"targets": longs(*[1] * 6, shape=[N, S, 1])}, SHAPE, "inputs.targets"),
    "no steps": ({"log_probs": floats(shape=[0, N, C])}, SHAPE, "inputs.log_probs"),
    "no classes": ({"log_probs": floats(shape=[T, N, 0])}, SHAPE, "inputs.log_probs"),
    "uint8 targets": ({"targets": raw(2, [N, S], bytes([1, 2, 3, 4, 1, 255]))}, TYPE, "inputs.targets"),
    "uint16 targets": ({"targets": raw(4, [N, S], bytes(12))}, TYPE, "inputs.targets"),
    "float targets": ({"targets": floats(*[1.0] * 6, shape=[N, S])}, TYPE, "inputs.targets"),
    "float lengths": ({"input_lengths": floats(6, 6)}, TYPE, "inputs.input_lengths"),
}


@pytest.mark.parametrize("name", CTC_ATTACKS)
def test_ctc_never_sees_what_it_would_index_with(attacker: Attacker, name: str) -> None:
    """Targets and lengths out of range are refused by name; torch would read foreign memory."""
    change, reasons, field = CTC_ATTACKS[name]
    attacker.refused("EvaluateLoss", evaluate(CTC, **{**GOOD, **change}), *reasons, field=field)
    attacker.refused("EvaluateLoss", evaluate(CTC, ["*"], **{**GOOD, **change}), *reasons, field=field)


@pytest.mark.parametrize("blank", [-1, C, 2**31, 2**63 - 1, -(2**63)])
def test_the_blank_is_a_class(attacker: Attacker, blank: int) -> None:
    """A blank outside the classes is refused."""
    loss = loss_pb2.LossSpec(ctc_loss=loss_pb2.CTCLoss(blank=blank))
    attacker.refused("EvaluateLoss", evaluate(loss, **GOOD), "ARGUMENT_OUT_OF_RANGE", field="loss.ctc_loss.blank")


def test_what_ctc_does_take_is_answered(attacker: Attacker) -> None:
    """The request that these attacks vary is itself in order, padding beyond the lengths is never looked at."""
    assert attacker.call("EvaluateLoss", evaluate(CTC, ["*"], **GOOD)).code == "OK"
    padded = {**GOOD, "targets": longs(1, 2, -99, 3, 10**9, 0, shape=[N, S]), "target_lengths": longs(2, 1)}
    assert attacker.call("EvaluateLoss", evaluate(CTC, ["*"], **padded)).code == "OK"


CLASSES = ("cross_entropy_loss", "nll_loss")


@pytest.mark.parametrize("loss", CLASSES)
@pytest.mark.parametrize("index", [C, C + 1, -1, -99, -101, 2**31, 2**62, -(2**63)])
def test_class_indices_are_classes(attacker: Attacker, loss: str, index: int) -> None:
    """An index that is neither a class nor ignore_index is refused: beyond lies a device assert, or foreign memory."""
    request = evaluate(_loss(loss), ["input"], input=floats(*[0.0] * (2 * C), shape=[2, C]), target=longs(0, index))
    given = attacker.refused("EvaluateLoss", request, "VALUE_OUT_OF_RANGE", field="inputs.target")
    assert "4" in given.message, "the range is told"


@pytest.mark.parametrize("loss", CLASSES)
@pytest.mark.parametrize("index", [C, 156, 255])
def test_byte_indices_are_classes_too(attacker: Attacker, loss: str, index: int) -> None:
    """A uint8 index out of range is refused; 156 is not −100."""
    target = raw(2, [2], bytes([0, index]))
    request = evaluate(_loss(loss), ["input"], input=floats(*[0.0] * (2 * C), shape=[2, C]), target=target)
    attacker.refused("EvaluateLoss", request, "VALUE_OUT_OF_RANGE", field="inputs.target")


@pytest.mark.parametrize("name", ["input", "target"])
@pytest.mark.parametrize("value", [1.0000001, -1e-30, 2.0, float("inf"), float("-inf"), float("nan")])
def test_probabilities_are_probabilities(attacker: Attacker, name: str, value: float) -> None:
    """BCELoss takes [0, 1] and nothing else, in both inputs; the message says what to use for logits."""
    inputs: dict[str, Any] = {"input": floats(0.5, 0.5), "target": floats(0.0, 1.0)} | {name: floats(0.5, value)}
    loss = loss_pb2.LossSpec(bce_loss=loss_pb2.BCELoss())
    given = attacker.refused(
        "EvaluateLoss", evaluate(loss, ["*"], **inputs), "VALUE_OUT_OF_RANGE", field=f"inputs.{name}"
    )
    assert "BCEWithLogitsLoss" in given.message


@pytest.mark.parametrize("byte", [2, 128, 255])
def test_a_bool_is_zero_or_one(attacker: Attacker, byte: int) -> None:
    """Any other byte of a BOOL tensor is refused."""
    request = evaluate(
        loss_pb2.LossSpec(expression=loss_pb2.Expression(source="mean(where(mask, input, 0))")),
        input=floats(1, 2),
        mask=raw(9, [2], bytes([1, byte])),
    )
    attacker.refused("EvaluateLoss", request, "VALUE_OUT_OF_RANGE")


def _loss(name: str) -> loss_pb2.LossSpec:
    spec = loss_pb2.LossSpec()
    getattr(spec, name).SetInParent()
    return spec
