"""What holds of every line of the catalogue, whatever it computes: odd inputs are answered or refused, never more."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import torch
from congruence import oracle
from congruence.field import harness
from lossd.v1 import catalog_service_pb2 as catalog
from lossd.v1 import evaluation_service_pb2 as evaluation
from lossd_server.losses import catalogue
from lossd_server.losses.binding import BoundEntry
from lossd_server.worker.worker import Worker
from torch import Tensor

INVALID_ARGUMENT = 3
ENTRIES = [entry for entry in catalogue.ENTRIES.values() if isinstance(entry, BoundEntry)]
NUMBERS = (-1, -100, 2**62, 0.5, 1e4, math.nan, math.inf, -math.inf)
TYPES = (torch.bool, torch.uint8, torch.int8, torch.int32, torch.int64, torch.float16, torch.bfloat16, torch.float64)
EXTREMES = (5e-324, 1e-300, 1e300, -1.0, 0.0, math.inf)


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()


def example(entry: BoundEntry) -> dict[str, Tensor]:
    assert entry.example is not None
    kinds = harness.build(entry.class_name, entry.example.arguments)
    inputs = {}
    for name, listed in entry.example.inputs.items():
        described = kinds.input(name)
        assert described is not None
        inputs[name] = torch.tensor(listed, dtype=described.kind.default)
    return inputs


def odd(given: Tensor) -> Iterator[Tensor]:
    """Tensors of other shapes, types and elements than the one given."""
    for shape in (
        (0, *given.shape[1:]),
        (*given.shape[:-1], 0),
        (0,),
        (),
        (1,) * 64,
        tuple(s + 1 for s in given.shape),
    ):
        yield torch.zeros(shape, dtype=given.dtype)
    yield from (given.unsqueeze(0), given.unsqueeze(-1), given.reshape(-1))
    for number in NUMBERS:
        if given.is_floating_point() or float(number).is_integer():
            changed = given.clone()
            changed.reshape(-1)[:1] = number
            yield changed
    yield from (given.to(dtype) for dtype in TYPES)


def cases(entry: BoundEntry) -> Iterator[tuple[Mapping[str, Any], dict[str, Tensor]]]:
    """Arguments and inputs: the example's with one thing changed, or every input emptied at once."""
    assert entry.example is not None
    arguments, inputs = dict(entry.example.arguments), example(entry)
    for argument in entry.arguments:
        if argument.type is float:
            yield from ((arguments | {argument.name: extreme}, inputs) for extreme in EXTREMES)
    for reduction in entry.reductions[:2] or (None,):
        given = arguments | ({} if reduction is None else {"reduction": reduction})
        yield given, {name: tensor[:0] if tensor.dim() else tensor for name, tensor in inputs.items()}
        yield given, {name: tensor[..., :0] if tensor.dim() else tensor for name, tensor in inputs.items()}
        yield given, {name: tensor.reshape(-1) for name, tensor in inputs.items()}
        for name, tensor in inputs.items():
            yield from ((given, inputs | {name: changed}) for changed in odd(tensor))


def ask(worker: Worker, request: evaluation.EvaluateLossRequest) -> evaluation.EvaluateLossResponse | oracle.Refused:
    try:
        answer = oracle.run(worker, "EvaluateLoss", request, answer=evaluation.EvaluateLossResponse)[0]
    except oracle.Refused as refused:
        return refused
    answer.ClearField("execution")
    return answer


def dry_run(worker: Worker, request: evaluation.EvaluateLossRequest) -> catalog.ValidateLossResponse | oracle.Refused:
    asked = catalog.ValidateLossRequest(loss=request.loss, gradients=request.gradients)
    for name, tensor in request.inputs.items():
        asked.inputs[name].dtype = tensor.dtype
        asked.inputs[name].shape.extend(tensor.shape)
    try:
        return oracle.run(worker, "ValidateLoss", asked, answer=catalog.ValidateLossResponse)[0]
    except oracle.Refused as refused:
        return refused


def soil() -> None:
    """Leaves numbers in the memory that small tensors are made of next."""
    for size in (1, 2, 4, 16, 64, 1024):
        torch.full((8, size), 1e9)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_odd_inputs_are_answered_from_what_was_given_or_refused_as_the_callers_mistake(
    worker: Worker, entry: BoundEntry
) -> None:
    """Never INTERNAL, never what memory held before; and the dry run foretells the result's type and shape."""
    answered = refused = 0
    for arguments, inputs in cases(entry):
        request = evaluation.EvaluateLossRequest(loss=harness.spec(entry.class_name, arguments))
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(oracle.tensor(value, "raw", []))
        case = f"{arguments} {[(name, value.dtype, tuple(value.shape)) for name, value in inputs.items()]}"
        answer, dry = ask(worker, request), dry_run(worker, request)
        if isinstance(dry, oracle.Refused):
            assert dry.code == INVALID_ARGUMENT, (case, dry.message)
        if isinstance(answer, oracle.Refused):
            refused += 1
            assert answer.code == INVALID_ARGUMENT, (case, answer.message)
            continue
        answered += 1
        soil()
        again = ask(worker, request)
        assert not isinstance(again, oracle.Refused), case
        assert again.SerializeToString(deterministic=True) == answer.SerializeToString(deterministic=True), case
        assert not isinstance(dry, oracle.Refused), (case, dry)
        assert tuple(dry.result.shape) == tuple(answer.losses.shape), case
        assert not answer.HasField("losses") or dry.result.dtype == answer.losses.dtype, case
    assert answered
    assert refused


def outcome(
    worker: Worker, class_name: str, arguments: Mapping[str, Any], broadcast: bool = False, **inputs: Tensor
) -> evaluation.EvaluateLossResponse:
    request = evaluation.EvaluateLossRequest(loss=harness.spec(class_name, arguments))
    request.loss.allow_broadcast = broadcast
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(oracle.tensor(value, "raw", []))
    answer = oracle.run(worker, "EvaluateLoss", request, answer=evaluation.EvaluateLossResponse)[0]
    assert isinstance(answer, evaluation.EvaluateLossResponse)
    return answer


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(
    ("class_name", "names", "denominator"),
    [
        ("MarginRankingLoss", ("input1", "input2", "target"), 12.0),
        ("TripletMarginLoss", ("anchor", "positive", "negative"), 4.0),
        ("TripletMarginWithDistanceLoss", ("anchor", "positive", "negative"), 4.0),
        ("MultiLabelSoftMarginLoss", ("input", "target"), 4.0),
    ],
)
def test_denominators_count_what_broadcasting_makes(
    worker: Worker, reduction: str, class_name: str, names: tuple[str, ...], denominator: float
) -> None:
    """weight_sum is what the mean of the broadcast loss divides by, so that merged chunks are that mean."""
    inputs = {name: torch.ones(4, 3) for name in names} | {names[0]: torch.full((1, 3), 0.5)}
    answer = outcome(worker, class_name, {"reduction": reduction}, broadcast=True, **inputs)
    mean = outcome(worker, class_name, {}, broadcast=True, **inputs)
    assert answer.weight_sum == denominator
    assert answer.loss_sum / answer.weight_sum == pytest.approx(mean.value, rel=1e-6)


@pytest.mark.parametrize("class_name", ["BCEWithLogitsLoss", "MultiLabelSoftMarginLoss"])
def test_a_weight_never_enlarges_the_loss(worker: Worker, class_name: str) -> None:
    """A weight (K,1) of inputs (1,C) would make K times C elements of next to nothing, uncounted."""
    with pytest.raises(oracle.Refused) as refused:
        outcome(
            worker, class_name, {"weight": torch.ones(5, 1)}, True, input=torch.zeros(1, 3), target=torch.ones(1, 3)
        )
    assert refused.value.field.endswith(".weight")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("aggregation", ["token_mean", "seq_mean_token_sum", "seq_mean_token_mean"])
def test_means_of_half_precision_tokens_hold_sums_that_the_type_does_not(
    worker: Worker, dtype: torch.dtype, aggregation: str
) -> None:
    """The mean of very many tokens is finite though their sum in float16 is not."""
    shape = (100_000, 1) if aggregation == "seq_mean_token_sum" else (2, 50_000)
    answer = outcome(
        worker,
        "ReinforceLoss",
        {"aggregation": aggregation},
        log_probs=torch.full(shape, -2.0, dtype=dtype),
        advantages=torch.ones(shape[0], dtype=dtype),
    )
    assert answer.value == 2.0


@pytest.mark.parametrize("first", [0, 1])
def test_an_input_that_a_term_holds_constant_has_no_gradient_whatever_the_order_of_terms(
    worker: Worker, first: int
) -> None:
    """soft_margin_loss has no gradient for its target, mse_loss has one: "*" leaves it out in either order."""
    request = evaluation.EvaluateLossRequest(gradients=["*"])
    for name in (("MSELoss", "SoftMarginLoss"), ("SoftMarginLoss", "MSELoss"))[first]:
        request.loss.weighted_sum.terms.add().loss.CopyFrom(harness.spec(name, {}))
    for name, listed in {"input": [0.5, -0.25], "target": [1.0, -1.0]}.items():
        request.inputs[name].CopyFrom(oracle.tensor(torch.tensor(listed), "raw", []))
    answer = oracle.run(worker, "EvaluateLoss", request, answer=evaluation.EvaluateLossResponse)[0]
    assert list(answer.gradients) == ["input"]


def test_a_class_that_is_absent_does_not_spoil_the_gradient_of_soft_masks() -> None:
    """generalized_dice_loss: the weight of an absent class is infinite before it is replaced; gradients stay finite."""
    inputs = {"input": torch.zeros(1, 2, 3), "target": torch.tensor([[[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]])}
    _, gradients = harness.outcome("GeneralizedDiceLoss", {"mode": "multilabel"}, inputs)
    assert all(bool(gradient.isfinite().all()) for gradient in gradients.values())


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_large_whole_relevances_keep_their_order(dtype: torch.dtype) -> None:
    """list_mle_loss sorts whole numbers as such: as floats neighbours beyond 2^24, or 2^11, would be equal."""
    scores, labels = torch.tensor([[1.0, 2.0, 3.0]], dtype=dtype), torch.tensor([[0, 1, 2]])
    small = harness.outcome("ListMLELoss", {}, {"scores": scores, "labels": labels})[0]
    large = harness.outcome("ListMLELoss", {}, {"scores": scores, "labels": labels + 2**40})[0]
    assert torch.equal(small, large)
