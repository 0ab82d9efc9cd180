"""The catalogue against torch itself and against the contract: names, defaults, reductions, reasons."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from congruence import oracle
from congruence.cases import LOSSES, cases
from lossd.v1 import catalog_service_pb2 as catalog
from lossd.v1 import error_reason_pb2, loss_pb2, model_pb2, optimizer_pb2, tensor_pb2
from lossd_server.faults import REASONS
from lossd_server.worker.worker import Worker
from torch import nn

PROTO = Path(__file__).parents[2] / "proto" / "lossd" / "v1"
UNSET = {"out_features": ()}
"""Defaults of torch that an unset field stands for."""
COMPOSED = {"weighted_sum", "expression", "program"}
WITHOUT_ENTRY = {"plugin"}
"""Fields that stand for losses which a server may or may not have: each such loss is an entry of its own."""
pytestmark = pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")  # torch's trap of KLDivLoss


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()


@pytest.fixture(scope="module")
def entries(worker: Worker) -> dict[str, catalog.LossInfo]:
    """ListLosses, by class name."""
    answer, _ = oracle.run(worker, "ListLosses", catalog.ListLossesRequest(), (), catalog.ListLossesResponse)
    return {entry.class_name: entry for entry in answer.losses}


def torch_arguments(loss: str) -> dict[str, object]:
    """The constructor's arguments and defaults, without the two that torch deprecates, and the place of
    parameters, which come as inputs."""
    parameters = inspect.signature(getattr(nn, loss)).parameters.values()
    return {p.name: p.default for p in parameters if p.name not in ("size_average", "reduce", "device", "dtype")}


def first_case(loss: str, dtype: torch.dtype) -> oracle.Case:
    """One with elements, and with dimensions."""
    every = cases(loss, dtype)
    return next(c for c in every if all(x.numel() for x in c.inputs.values()) and next(iter(c.inputs.values())).dim())


def test_every_field_of_loss_spec_is_an_entry_and_the_reverse(entries: dict[str, catalog.LossInfo]) -> None:
    """The oneof of LossSpec and ListLosses name the same losses, message and class name alike, sorted."""
    fields = loss_pb2.LossSpec.DESCRIPTOR.oneofs_by_name["loss"].fields
    fields = [field for field in fields if field.name not in WITHOUT_ENTRY]
    assert {field.name: field.message_type.name for field in fields} == {e.name: e.class_name for e in entries.values()}
    assert [entry.name for entry in entries.values()] == sorted(entry.name for entry in entries.values())
    assert {entry.class_name for entry in entries.values() if "torch.nn." in entry.reference} == set(LOSSES)


def test_every_loss_of_torch_nn_is_there() -> None:
    """All classes called Loss, and the adaptive softmax; a new torch that brings another fails here."""
    classes = {name for name in vars(nn) if name.endswith("Loss")} | {"AdaptiveLogSoftmaxWithLoss"}
    assert set(LOSSES) == classes
    assert len(classes) == 23


@pytest.mark.parametrize("loss", LOSSES)
def test_arguments_are_the_torch_constructors(entries: dict[str, catalog.LossInfo], loss: str) -> None:
    """Names and defaults are those of torch's signature; a proto message has them and `reduction`, in torch's order."""
    expected = torch_arguments(loss)
    names = set(expected)
    assert expected.pop("reduction", "mean") == "mean"
    required = {name for name, default in expected.items() if default is inspect.Parameter.empty}
    assert {argument.name for argument in entries[loss].arguments if not argument.default} == required
    given = {argument.name: json.loads(argument.default or "null") for argument in entries[loss].arguments}
    given |= {name: UNSET[name] for name in UNSET if name in given}
    assert given == {name: None if name in required else default for name, default in expected.items()}
    assert [type(given[name]) for name in given if name not in required] == [
        type(expected[name]) for name in given if name not in required
    ]
    assert {field.name for field in loss_pb2.DESCRIPTOR.message_types_by_name[loss].fields} == names


def test_the_options_of_linear_cross_entropy_are_torchs() -> None:
    """Every field of LinearCrossEntropyOptions, and no other."""
    ours = {field.name for field in loss_pb2.LinearCrossEntropyOptions.DESCRIPTOR.fields}
    assert ours == {field.name for field in dataclasses.fields(nn.LinearCrossEntropyOptions)} - {"acc_dtype"}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_field_can_be_unset_wherever_zero_means_something_else(loss: str) -> None:
    """Numbers have presence: a label_smoothing of 0 and none at all are told apart, as beta 0 and beta 1 must be."""
    for field in loss_pb2.DESCRIPTOR.message_types_by_name[loss].fields:
        assert field.has_presence or field.enum_type is not None or field.is_repeated, field.name


@pytest.mark.parametrize("loss", LOSSES)
def test_inputs_are_the_forward_arguments(entries: dict[str, catalog.LossInfo], loss: str) -> None:
    """Names and order of torch's forward; where it calls one as it calls a constructor argument (PoissonNLLLoss'
    log_input, a bool there), the name in torch.nn.functional."""
    forward = [name.rstrip("_") for name in list(inspect.signature(getattr(nn, loss).forward).parameters)[1:]]
    if set(forward) & set(torch_arguments(loss)):
        function = getattr(nn.functional, entries[loss].name)
        forward = list(inspect.signature(function).parameters)[: len(forward)]
    listed = [input_.name for input_ in entries[loss].inputs]
    assert listed[: len(forward)] == forward
    assert all("." in name for name in listed[len(forward) :]), (
        "what follows are parameters, named as in the state_dict"
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_reductions_are_those_that_torch_computes(entries: dict[str, catalog.LossInfo], loss: str) -> None:
    """mean, none and sum, the default first; batchmean where torch knows it, and it alone beyond them."""
    listed = [loss_pb2.Reduction.Name(number).removeprefix("REDUCTION_").lower() for number in entries[loss].reductions]
    case = first_case(loss, torch.float32)
    if "reduction" not in torch_arguments(loss):
        assert not listed
        return
    taken = []
    for reduction in ("none", "mean", "sum", "batchmean"):
        module = replace(case, arguments={**case.arguments, "reduction": reduction}).module()
        if not oracle.local(module, case.inputs, names=case.names).refusal:
            taken.append(reduction)
    assert set(listed) == set(taken)
    assert listed[0] == torch_arguments(loss)["reduction"]


@pytest.mark.parametrize("loss", LOSSES)
def test_what_is_said_to_be_differentiable_is(entries: dict[str, catalog.LossInfo], loss: str) -> None:
    """An input is documented as differentiable if and only if torch has a gradient for it."""
    case = next(c for c in cases(loss, torch.float32) if all(x.numel() > 1 and x.dim() for x in c.inputs.values()))
    inputs = dict(case.inputs)
    if loss == "CrossEntropyLoss":  # whose target may be probabilities
        inputs["target"] = inputs["input"].softmax(-1)
    if loss == "LinearCrossEntropyLoss":
        inputs["target"] = torch.rand(*inputs["target"].shape[:1], 5, *inputs["target"].shape[1:])
    for described in entries[loss].inputs:
        given = inputs.get(described.name, torch.ones(1))
        if described.name not in inputs:  # a bias, which the first case does without
            continue
        differentiable = (
            given.is_floating_point() and not oracle.local(case.module(), inputs, names=[described.name]).refusal
        )
        assert described.differentiable == differentiable, described.name


@pytest.mark.parametrize("loss", LOSSES)
def test_the_types_listed_are_the_types_torch_takes(entries: dict[str, catalog.LossInfo], loss: str) -> None:
    """The floating types listed for the first input are those that torch computes on the CPU, all of them."""
    listed = {oracle.TYPES[number] for number in entries[loss].inputs[0].dtypes}
    taken = set()
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        case = first_case(loss, dtype)
        if not oracle.local(case.module(), case.inputs, names=case.names).refusal:
            taken.add(dtype)
    assert listed == taken


def test_models_and_optimizers_take_torchs_arguments() -> None:
    """Fields of Linear and SGD are arguments of torch's constructors; the documented defaults are torch's."""
    linear = inspect.signature(nn.Linear).parameters
    assert {field.name for field in model_pb2.Linear.DESCRIPTOR.fields} <= set(linear)
    assert linear["bias"].default is True
    sgd = inspect.signature(torch.optim.SGD).parameters
    fields = {field.name for field in optimizer_pb2.SGD.DESCRIPTOR.fields}
    assert fields <= set(sgd)
    defaults = {name: sgd[name].default for name in fields}
    assert defaults == {
        "lr": 0.001, "momentum": 0, "dampening": 0, "weight_decay": 0, "nesterov": False, "maximize": False,
    }  # fmt: skip


def test_reasons_are_the_enum_and_their_codes_the_comments() -> None:
    """faults.REASONS has each ErrorReason and no other, with the code that the contract's comment promises."""
    source = (PROTO / "error_reason.proto").read_text()
    found = re.findall(r"// ([A-Z_]+): [^\n]*\n(?:  //[^\n]*\n)*  ERROR_REASON_(\w+) =", source)
    commented = {name: code for code, name in found}
    enum = {name.removeprefix("ERROR_REASON_") for name in error_reason_pb2.ErrorReason.keys()} - {"UNSPECIFIED"}  # noqa: SIM118  # an enum wrapper is no dict
    assert commented == REASONS
    assert set(REASONS) == enum


def test_element_types_are_torchs_under_onnx_numbers() -> None:
    """DataType's numbers are ONNX's; each but UNSPECIFIED is a type of torch."""
    names = {f"DATA_TYPE_{str(dtype)[6:].upper()}": number for dtype, number in oracle.NUMBERS.items()}
    enum = dict(tensor_pb2.DataType.items())
    assert names.items() <= enum.items()
    assert {name for name in enum if "FLOAT8" not in name} == {*names, "DATA_TYPE_UNSPECIFIED"}


def test_an_unknown_loss_is_not_found_with_the_nearest_spelling(worker: Worker) -> None:
    """GetLoss takes field and class names and says what was probably meant."""
    for name in ("huber_loss", "HuberLoss"):
        answer, _ = oracle.run(worker, "GetLoss", catalog.GetLossRequest(name=name), (), catalog.GetLossResponse)
        assert answer.loss.class_name == "HuberLoss"
    with pytest.raises(oracle.Refused, match="huber_loss") as refused:
        oracle.run(worker, "GetLoss", catalog.GetLossRequest(name="hubber_loss"), (), catalog.GetLossResponse)
    assert (refused.value.code, refused.value.reason) == (5, "LOSS_NOT_FOUND")
