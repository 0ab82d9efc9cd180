"""The catalogue against torch itself and against the contract: names, defaults, reductions, reasons."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import pytest
import torch
from congruence import oracle
from congruence.cases import LOSSES, cases
from lossd.v1 import catalog_service_pb2 as catalog
from lossd.v1 import error_reason_pb2, loss_pb2, model_pb2, tensor_pb2
from lossd_server.faults import REASONS
from lossd_server.worker.worker import Worker
from torch import nn

PROTO = Path(__file__).parents[2] / "proto" / "lossd" / "v1"
COMPOSED = {"weighted_sum", "expression"}
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
    """The constructor's arguments and defaults, without the two that torch deprecates."""
    parameters = inspect.signature(getattr(nn, loss)).parameters.values()
    return {p.name: p.default for p in parameters if p.name not in ("size_average", "reduce")}


def test_every_field_of_loss_spec_is_an_entry_and_the_reverse(entries: dict[str, catalog.LossInfo]) -> None:
    """The oneof of LossSpec and ListLosses name the same losses, message and class name alike, sorted."""
    fields = loss_pb2.LossSpec.DESCRIPTOR.oneofs_by_name["loss"].fields
    assert {field.name: field.message_type.name for field in fields} == {e.name: e.class_name for e in entries.values()}
    assert [entry.name for entry in entries.values()] == sorted(entry.name for entry in entries.values())
    assert {entry.class_name for entry in entries.values() if entry.name not in COMPOSED} == set(LOSSES)


@pytest.mark.parametrize("loss", LOSSES)
def test_arguments_are_the_torch_constructors(entries: dict[str, catalog.LossInfo], loss: str) -> None:
    """Names and defaults are those of torch's signature; a proto message has them and `reduction`, in torch's order."""
    expected = torch_arguments(loss)
    assert expected.pop("reduction") == "mean"
    given = {argument.name: json.loads(argument.default) for argument in entries[loss].arguments}
    assert given == expected
    assert [type(given[name]) for name in given] == [type(expected[name]) for name in given]
    assert {field.name for field in loss_pb2.DESCRIPTOR.message_types_by_name[loss].fields} == {*expected, "reduction"}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_field_can_be_unset_wherever_zero_means_something_else(loss: str) -> None:
    """Numbers have presence: a label_smoothing of 0 and none at all are told apart, as beta 0 and beta 1 must be."""
    for field in loss_pb2.DESCRIPTOR.message_types_by_name[loss].fields:
        assert field.has_presence or field.enum_type is not None, field.name


@pytest.mark.parametrize("loss", LOSSES)
def test_inputs_are_the_forward_arguments(entries: dict[str, catalog.LossInfo], loss: str) -> None:
    """Names and order of torch's forward; where it calls one as it calls a constructor argument (PoissonNLLLoss'
    log_input, a bool there), the name in torch.nn.functional."""
    forward = list(inspect.signature(getattr(nn, loss).forward).parameters)[1:]
    if set(forward) & set(torch_arguments(loss)):
        function = getattr(nn.functional, entries[loss].name)
        forward = list(inspect.signature(function).parameters)[: len(forward)]
    assert [input_.name for input_ in entries[loss].inputs] == forward


@pytest.mark.parametrize("loss", LOSSES)
def test_reductions_are_those_that_torch_computes(entries: dict[str, catalog.LossInfo], loss: str) -> None:
    """mean, none and sum, the default first; batchmean where torch knows it, and it alone beyond them."""
    listed = [loss_pb2.Reduction.Name(number).removeprefix("REDUCTION_").lower() for number in entries[loss].reductions]
    case = next(case for case in cases(loss, torch.float32) if all(x.numel() for x in case.inputs.values()))
    taken = []
    for reduction in ("none", "mean", "sum", "batchmean"):
        module = getattr(nn, loss)(**{**case.arguments, "reduction": reduction})
        if not oracle.local(module, case.inputs).refusal:
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
    for described in entries[loss].inputs:
        given = inputs[described.name]
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
        case = next(c for c in cases(loss, dtype) if all(x.numel() for x in c.inputs.values()))
        if not oracle.local(case.module(), case.inputs).refusal:
            taken.add(dtype)
    assert listed == taken


def test_models_and_optimizers_take_torchs_arguments() -> None:
    """Fields of Linear and SGD are arguments of torch's constructors; the documented defaults are torch's."""
    linear = inspect.signature(nn.Linear).parameters
    assert {field.name for field in model_pb2.Linear.DESCRIPTOR.fields} <= set(linear)
    assert linear["bias"].default is True
    sgd = inspect.signature(torch.optim.SGD).parameters
    fields = {field.name for field in model_pb2.SGD.DESCRIPTOR.fields}
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
