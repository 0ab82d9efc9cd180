"""Every listed loss against torch.nn, bit for bit: values, unreduced losses and gradients.

The thousands of cases run on a Worker inside this process, the very code of the server's worker processes; a
sample of them crosses a real socket to a real server in all three encodings.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import replace

import grpc
import lossd
import numpy as np
import pytest
import torch
from congruence import oracle
from congruence.cases import LOSSES, cases, extreme, log_probabilities, normal, uniform
from congruence.oracle import FORMS, Case
from lossd import framing
from lossd.v1 import evaluation_service_pb2 as evaluation
from lossd_server.worker.worker import Worker
from running import RunningServer

pytestmark = [  # local torch's own warnings of the traps that are walked into on purpose
    pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning"),
    pytest.mark.filterwarnings("ignore:Using a target size:UserWarning"),
]

DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
NO_HALVES = ("CTCLoss", "MultiMarginLoss", "MultiLabelMarginLoss")
"""Losses that torch does not compute in float16 and bfloat16."""
REDUCTIONS = ("default", "none", "mean", "sum", "batchmean")
EVERY = {torch.float32: 3, torch.float64: 7, torch.float16: 11, torch.bfloat16: 11}
"""Of losses with hundreds of cases each n-th, a different one for each reduction: of float32 every one by some."""
if os.environ.get("LOSSD_EVERY_CASE"):
    EVERY = dict.fromkeys(EVERY, 1)


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()


def with_reduction(case: Case, reduction: str) -> Case:
    return case if reduction == "default" else replace(case, arguments={**case.arguments, "reduction": reduction})


def reductions(loss: str) -> tuple[str, ...]:
    if loss == "AdaptiveLogSoftmaxWithLoss":  # which has none
        return REDUCTIONS[:1]
    return REDUCTIONS if loss == "KLDivLoss" else REDUCTIONS[:-1]


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: str(dtype)[6:])
@pytest.mark.parametrize(
    ("loss", "reduction"), [(loss, reduction) for loss in LOSSES for reduction in reductions(loss)]
)
def test_is_torch_bit_for_bit(worker: Worker, loss: str, reduction: str, dtype: torch.dtype) -> None:
    """Value, unreduced losses and every gradient are local torch's bytes, with the same NaN; what torch refuses is
    INVALID_ARGUMENT."""
    every = list(cases(loss, dtype))
    step = EVERY[dtype] if len(every) > 200 else 1
    taken = 0
    for number, case in enumerate(every[REDUCTIONS.index(reduction) % step :: step]):
        taken += oracle.check(worker, with_reduction(case, reduction), FORMS[1 + number % 2])
    assert taken >= 3 or (dtype.itemsize == 2 and loss in NO_HALVES), "torch took next to none of the cases"


@pytest.mark.parametrize("loss", LOSSES)
def test_values_are_as_exact_as_bytes(worker: Worker, loss: str) -> None:
    """Nested arrays carry every float32 exactly, in both directions, NaN and infinities included."""
    small = [case for case in cases(loss, torch.float32) if all(x.numel() < 300 for x in case.inputs.values())]
    for reduction in reductions(loss):
        for case in small[:: max(len(small) // 40, 1)]:
            oracle.check(worker, with_reduction(case, reduction), "values")


def test_elementwise_losses_broadcast_only_when_asked(worker: Worker) -> None:
    """(N,1) against (N,) is refused; with allow_broadcast it is what torch makes of it."""
    inputs = {"input": normal((4, 1), torch.float32, 0), "target": normal((4,), torch.float32, 1)}
    for loss in ("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss", "PoissonNLLLoss", "KLDivLoss"):
        case = Case(loss, {}, inputs)
        with pytest.raises(oracle.Refused) as refused:
            oracle.run(worker, "EvaluateLoss", oracle.request(case)[0], (), evaluation.EvaluateLossResponse)
        assert (refused.value.reason, refused.value.field) == ("SHAPE_MISMATCH", "inputs.target")
        assert oracle.check(worker, replace(case, broadcast=True))


def test_gradient_of_a_scalar_takes_a_grad_output(worker: Worker) -> None:
    """A VJP of a reduced loss is the gradient times the scalar, computed as torch does."""
    inputs = {"input": normal((5, 3), torch.float32, 0), "target": torch.tensor([0, 1, 2, 0, 1])}
    case, vector = Case("CrossEntropyLoss", {}, inputs), torch.tensor(-2.5)
    expected = oracle.local(case.module(), inputs, vector)
    for form in FORMS:
        message, attachments = oracle.request(case, form, ["input"], vector)
        answer, returned = oracle.run(worker, "EvaluateLoss", message, attachments, evaluation.EvaluateLossResponse)
        assert expected.result is not None
        oracle.assert_same(case, expected, oracle.outcome(answer, returned, expected.result))


def test_one_element_is_a_scalar_only_where_it_is_written(worker: Worker) -> None:
    """[2.0] in JSON stands for the scalar that JSON's arrays cannot write; bytes of shape (1,) do not."""
    for name in ("mse_loss", "rmse_loss"):
        message = evaluation.EvaluateLossRequest(gradients=["input"])
        getattr(message.loss, name).SetInParent()
        for which, given in (("input", [1.0, 2.0]), ("target", [0.0, 0.0])):
            message.inputs[which].CopyFrom(oracle.tensor(torch.tensor(given), "raw", []))
        message.grad_output.CopyFrom(oracle.tensor(torch.tensor([2.0]), "values", []))
        assert oracle.run(worker, "EvaluateLoss", message, (), evaluation.EvaluateLossResponse)[0].gradients
        message.grad_output.CopyFrom(oracle.tensor(torch.tensor([2.0]), "raw", []))
        for dry in (False, True):
            message.validate_only = dry
            with pytest.raises(oracle.Refused) as refused:
                oracle.run(worker, "EvaluateLoss", message, (), evaluation.EvaluateLossResponse)
            assert (refused.value.reason, refused.value.field) == ("SHAPE_MISMATCH", "grad_output")


@pytest.mark.parametrize("loss", ["MultiMarginLoss", "MultiLabelMarginLoss"])
def test_memory_of_others_is_no_loss(worker: Worker, loss: str) -> None:
    """Of an empty batch torch's kernel answers what its memory held before; lossd refuses it."""
    target = torch.zeros((0,) if loss == "MultiMarginLoss" else (0, 3), dtype=torch.int64)
    case = Case(loss, {}, {"input": torch.zeros(0, 3), "target": target})
    with pytest.raises(oracle.Refused) as refused:
        oracle.run(worker, "EvaluateLoss", oracle.request(case)[0], (), evaluation.EvaluateLossResponse)
    assert (refused.value.reason, refused.value.field) == ("SHAPE_MISMATCH", "inputs.input")


def mean_cases(dtype: torch.dtype) -> Iterator[Case]:
    """Losses that average, over 24 rows that can be cut into chunks; all with weights where there are any."""
    x, y = normal((24, 5), dtype, "x"), normal((24, 5), dtype, "y")
    p, q = uniform((24, 5), dtype, "p"), uniform((24, 5), dtype, "q")
    logs = log_probabilities((24, 5), dtype, "l")
    index = torch.randint(5, (24,), generator=oracle.generator("index"))
    index[::5] = -100
    weight = uniform((5,), dtype, "weight") + 0.1
    for loss in ("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss", "PoissonNLLLoss"):
        yield Case(loss, {}, {"input": x, "target": y})
    yield Case("PoissonNLLLoss", {"log_input": False, "full": True}, {"input": x.abs(), "target": y.abs() * 3})
    for reduction in ("mean", "batchmean"):
        yield Case("KLDivLoss", {"reduction": reduction}, {"input": logs, "target": q})
    yield Case("BCELoss", {"weight": weight}, {"input": p, "target": q})
    yield Case("BCEWithLogitsLoss", {"weight": weight, "pos_weight": weight * 2}, {"input": x, "target": q})
    yield Case("NLLLoss", {"weight": weight}, {"input": logs, "target": index})
    yield Case("NLLLoss", {"ignore_index": 2}, {"input": logs, "target": index})
    for smoothing in (0.0, 0.2):
        arguments = {"label_smoothing": smoothing}
        yield Case("CrossEntropyLoss", arguments, {"input": x, "target": index})
        yield Case("CrossEntropyLoss", arguments | {"weight": weight}, {"input": x, "target": index})
        yield Case("CrossEntropyLoss", arguments | {"weight": weight, "ignore_index": 1}, {"input": x, "target": index})
        yield Case("CrossEntropyLoss", arguments | {"weight": weight}, {"input": x, "target": q})
        deep = {"input": normal((24, 5, 3), dtype, "d"), "target": uniform((24, 5, 3), dtype, "e")}
        yield Case("CrossEntropyLoss", arguments, deep)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_chunks_merge_to_the_mean_of_the_whole(worker: Worker, dtype: torch.dtype) -> None:
    """Σ loss_sum / Σ weight_sum over chunks is the mean over all, for every loss, its weights and ignored targets; and
    an unreduced or summed evaluation gives the same two numbers."""
    for case in mean_cases(dtype):
        if (case.inputs["target"] == -100).any() and case.arguments.get("ignore_index", -100) != -100:
            inputs = dict(case.inputs) | {"target": case.inputs["target"].clamp_min(0)}
            case = replace(case, inputs=inputs)
        whole = float(case.module()(*case.inputs.values()))
        loss_sum = weight_sum = 0.0
        for start, end in itertools.pairwise((0, 1, 8, 8, 15, 24)):
            part = replace(case, inputs={name: value[start:end] for name, value in case.inputs.items()})
            numerator, denominator = sums(worker, part)
            loss_sum, weight_sum = loss_sum + numerator, weight_sum + denominator
            if case.arguments.get("reduction") != "batchmean":
                for reduction in ("none", "sum"):
                    other = sums(worker, with_reduction(part, reduction))
                    assert other == pytest.approx((numerator, denominator), rel=1e-5, abs=1e-5), (
                        f"{reduction} of {part}"
                    )
        assert loss_sum / weight_sum == pytest.approx(whole, rel=1e-6), case


def sums(worker: Worker, case: Case) -> tuple[float, float]:
    answer, _ = oracle.run(worker, "EvaluateLoss", oracle.request(case)[0], (), evaluation.EvaluateLossResponse)
    assert answer.HasField("loss_sum")
    assert answer.HasField("weight_sum")
    return answer.loss_sum, answer.weight_sum


def test_weight_sum_counts_byte_indices_by_their_own_value(worker: Worker) -> None:
    """Of uint8 targets class 156 is class 156, not the ignore_index −100 that its bits would be as int8."""
    inputs = {"input": normal((3, 200), torch.float32, 0), "target": torch.tensor([156, 1, 199], dtype=torch.uint8)}
    assert sums(worker, Case("CrossEntropyLoss", {}, inputs))[1] == 3
    assert sums(worker, Case("NLLLoss", {}, inputs))[1] == 3
    assert sums(worker, Case("NLLLoss", {"ignore_index": 1000}, inputs))[1] == 3
    with pytest.raises(oracle.Refused) as refused:
        sums(worker, Case("NLLLoss", {}, inputs | {"input": normal((3, 150), torch.float32, 0)}))
    assert refused.value.reason == "VALUE_OUT_OF_RANGE"


def test_batchmean_of_broadcast_inputs_divides_as_torch_does(worker: Worker) -> None:
    """weight_sum is the denominator that torch used: the first dimension of `input`, broadcast or not."""
    inputs = {"input": log_probabilities((1, 3), torch.float64, 0), "target": uniform((4, 3), torch.float64, 1)}
    case = Case("KLDivLoss", {"reduction": "batchmean"}, inputs, broadcast=True)
    total = float(torch.nn.functional.kl_div(inputs["input"].expand(4, 3), inputs["target"], reduction="sum"))
    assert sums(worker, case)[0] == pytest.approx(total)


def sample() -> list[Case]:
    """A spread of all losses, reductions and arguments, small enough for nested arrays."""
    chosen = []
    for loss in LOSSES:
        small = [case for case in cases(loss, torch.float32) if all(x.numel() < 300 for x in case.inputs.values())]
        spread = small[:: max(len(small) // 12, 1)]
        reduced = [with_reduction(case, r) for case, r in zip(spread, itertools.cycle(reductions(loss)), strict=False)]
        chosen += [case for case in reduced if not oracle.local(case.module(), case.inputs, names=case.names).refusal]
    assert len(chosen) > 100
    return chosen


@pytest.mark.parametrize("form", FORMS)
def test_the_server_answers_as_the_worker_does(server: RunningServer, form: str) -> None:
    """Over a socket, through the front, the engine and a worker process: the same bits in all three encodings."""
    with grpc.insecure_channel(server.target) as channel:
        method = channel.unary_unary("/lossd.v1.EvaluationService/EvaluateLoss")
        for case in sample():
            expected = oracle.local(case.module(), case.inputs, names=case.names)
            message, attachments = oracle.request(case, form, ["*"], expected.vector)
            header, returned = framing.split(method(framing.join(message.SerializeToString(), attachments), timeout=30))
            answer = evaluation.EvaluateLossResponse.FromString(bytes(header))
            assert expected.result is not None
            given = oracle.outcome(answer, [bytes(part) for part in returned], expected.result)
            oracle.assert_same(case, expected, given)


def test_the_sdk_sends_arrays_however_they_lie_in_memory(server: RunningServer) -> None:
    """Transposed, strided, reversed and Fortran-ordered arrays mean their elements, not their bytes."""
    base = np.asarray(normal((8, 6, 4), torch.float32, "base"))
    views = (base.T, base[::2, ::-1], np.asfortranarray(base), base[:, 1:5:3, ::-2], base.transpose(1, 0, 2))
    with lossd.Client(server.target) as client:
        for view in views:
            x, y = view, view[::-1]
            result = client.evaluate(lossd.SmoothL1Loss(reduction="none"), x, y, gradients=True, grad_output=x * y)
            tensors = {"input": torch.tensor(x.copy()), "target": torch.tensor(y.copy())}
            module = torch.nn.SmoothL1Loss(reduction="none")
            expected = oracle.local(module, tensors, torch.tensor((x * y).copy()))
            assert expected.result is not None
            assert oracle.same_bits(torch.tensor(result.losses), expected.result)
            for name, gradient in expected.gradients.items():
                assert oracle.same_bits(torch.tensor(result.gradients[name]), gradient), name


def test_a_poisoned_neighbour_changes_nothing(server: RunningServer) -> None:
    """NaN, infinities and refused members in a batch leave the other members' bits as they are alone."""
    honest = Case("MSELoss", {}, {"input": normal((50,), torch.float32, 0), "target": normal((50,), torch.float32, 1)})
    poison = Case(
        "MSELoss", {}, {"input": extreme((50,), torch.float32, 0), "target": extreme((50,), torch.float32, 1)}
    )
    refused = Case("MSELoss", {}, {"input": normal((50,), torch.float32, 0), "target": normal((51,), torch.float32, 1)})
    members = [oracle.request(case, "raw", ["input"])[0] for case in (poison, honest, refused, honest, poison)]
    batch = evaluation.BatchEvaluateLossRequest(evaluations=members).SerializeToString()
    with grpc.insecure_channel(server.target) as channel:
        answer = channel.unary_unary("/lossd.v1.EvaluationService/BatchEvaluateLoss")(batch, timeout=30)
    results = evaluation.BatchEvaluateLossResponse.FromString(answer).results
    assert [result.WhichOneof("result") for result in results] == [
        "response",
        "response",
        "error",
        "response",
        "response",
    ]
    expected = oracle.local(honest.module(), honest.inputs, names=["input"])
    assert expected.result is not None
    for number in (1, 3):
        oracle.assert_same(honest, expected, oracle.outcome(results[number].response, [], expected.result))
