"""The penalties of one tensor against loops over plain numbers, and their gradients against differences."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from congruence import oracle
from congruence.field import harness
from lossd_server.faults import Fault
from lossd_server.losses.budget import Budget
from lossd_server.losses.field import regularisers
from lossd_server.worker.worker import Worker
from torch import Tensor

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.float16: 1e-2, torch.bfloat16: 5e-2}


def rows(given: Tensor) -> list[list[float]]:
    """Distributions of (C,) or (N,C,d…), one a row."""
    moved = given if given.dim() == 1 else given.movedim(1, -1)
    return moved.reshape(-1, moved.shape[-1]).tolist()


def entropy(given: Tensor, from_logits: bool) -> list[float]:
    def of(row: list[float]) -> float:
        powers = [math.exp(x - max(row)) for x in row] if from_logits else row
        return -sum(p / sum(powers) * math.log(p / sum(powers)) for p in powers if p) if from_logits else -sum(
            p * math.log(p) for p in powers if p
        )  # fmt: skip

    return [of(row) for row in rows(given)]


def variation(image: Tensor) -> float:
    total = 0.0
    for place in itertools.product(*map(range, image.shape)):
        for axis in range(1, image.dim()):
            if place[axis] + 1 < image.shape[axis]:
                following = [*place]
                following[axis] += 1
                total += abs(float(image[tuple(following)]) - float(image[place]))
    return total


def unreduced(name: str, arguments: dict[str, Any], given: Tensor) -> Tensor:
    """What the formulas say, number by number."""
    flat = given.reshape(-1).tolist()
    if name == "L1Norm":
        return torch.tensor([abs(x) for x in flat]).reshape(given.shape)
    if name == "ElasticNet":
        ratio = arguments.get("l1_ratio", 0.5)
        return torch.tensor([ratio * abs(x) + (1 - ratio) / 2 * x * x for x in flat]).reshape(given.shape)
    if name == "L2Norm":
        total = math.fsum(x * x for x in flat)
        return torch.tensor(total if arguments.get("squared") else math.sqrt(total))
    if name == "TotalVariation":
        return torch.tensor([variation(image) for image in given])
    result = torch.tensor(entropy(given, arguments.get("from_logits", True)))
    return result.reshape(given.shape[:1] + given.shape[2:] if given.dim() > 1 else ())


@pytest.fixture(autouse=True)
def _wide() -> Any:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


CASES = [
    *[("L1Norm", {}, shape) for shape in [(), (5,), (2, 3)]],
    *[("ElasticNet", {"l1_ratio": ratio}, (2, 3)) for ratio in (0.0, 0.3, 1.0)],
    ("ElasticNet", {}, (4,)),
    *[("L2Norm", {"squared": squared}, (2, 3)) for squared in (True, False)],
    *[("TotalVariation", {}, shape) for shape in [(2, 3, 4), (2, 1, 3, 4), (1, 2, 2, 3, 2), (2, 1, 1)]],
    *[("Entropy", {}, shape) for shape in [(4,), (3, 4), (2, 3, 2)]],
    *[("Entropy", {"from_logits": False}, shape) for shape in [(4,), (3, 4), (2, 3, 2)]],
]


def data(name: str, arguments: dict[str, Any], shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    given = torch.randn(shape, generator=oracle.generator(name, shape))
    given = given if arguments.get("from_logits", True) else given.softmax(0 if given.dim() == 1 else 1)
    return given.to(dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("name", "arguments", "shape"), CASES)
def test_values(name: str, arguments: dict[str, Any], shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """Every reduction gives what the formula says."""
    given = data(name, arguments, shape, dtype)
    expected = unreduced(name, arguments, given.double())
    reductions = {"none": expected, "sum": expected.sum(), "mean": expected.mean()}
    for reduction, wanted in reductions.items() if name != "L2Norm" else [(None, expected)]:
        how = {} if reduction is None else {"reduction": reduction}
        result, _ = harness.outcome(name, arguments | how, {"input": given}, ())
        assert result.dtype == dtype
        torch.testing.assert_close(result.double(), wanted, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize(("name", "arguments", "shape"), CASES)
def test_gradients(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> None:
    """Autograd agrees with differences."""
    how = {} if name == "L2Norm" else {"reduction": "none"}
    given = data(name, arguments, shape, torch.float64).requires_grad_()
    loss = harness.build(name, arguments | how)

    assert torch.autograd.gradcheck(lambda input_: loss.compute({"input": input_}, Budget([input_])).value, given)


def test_norm_of_nothing() -> None:
    """The norm of zeros has the gradient 0, and empty tensors have the norm 0."""
    value, gradients = harness.outcome("L2Norm", {}, {"input": torch.zeros(3)})
    assert value == 0
    assert gradients["input"].tolist() == [0, 0, 0]
    assert harness.outcome("L2Norm", {}, {"input": torch.zeros(0)})[0] == 0
    assert harness.outcome("L1Norm", {}, {"input": torch.zeros(0)})[0] == 0
    assert harness.outcome("TotalVariation", {}, {"input": torch.zeros(0, 1, 4)})[0] == 0


def test_impossible_classes() -> None:
    """A class of logit −∞ adds nothing to the entropy and poisons no gradient."""
    logits = torch.tensor([[0.0, 0.0, -math.inf]])
    value, gradients = harness.outcome("Entropy", {}, {"input": logits})
    torch.testing.assert_close(value, torch.tensor(math.log(2)))
    assert gradients["input"].tolist() == [[0, 0, 0]]


def test_known_values() -> None:
    """Uniform distributions over C have the entropy log C; a constant image has no variation."""
    for count in (1, 2, 7):
        value, _ = harness.outcome("Entropy", {}, {"input": torch.zeros(3, count)})
        torch.testing.assert_close(value, torch.tensor(math.log(count)))
    assert harness.outcome("TotalVariation", {}, {"input": torch.full((2, 3, 4, 4), 7.0)})[0] == 0


@pytest.mark.parametrize(
    ("name", "arguments", "given", "reason", "field"),
    [
        ("TotalVariation", {}, torch.zeros(3, 4), "SHAPE_MISMATCH", "inputs.input"),
        ("Entropy", {}, torch.zeros(3, 0), "SHAPE_MISMATCH", "inputs.input"),
        ("Entropy", {"from_logits": False}, torch.tensor([[0.5, 1.5]]), "VALUE_OUT_OF_RANGE", "inputs.input"),
        ("Entropy", {"from_logits": False}, torch.tensor([[0.5, math.nan]]), "VALUE_OUT_OF_RANGE", "inputs.input"),
        ("L1Norm", {}, torch.zeros(3, dtype=torch.int64), "DTYPE_MISMATCH", "inputs.input"),
        ("ElasticNet", {"l1_ratio": 1.5}, torch.zeros(3), "ARGUMENT_OUT_OF_RANGE", "loss.elastic_net.l1_ratio"),
    ],
)
def test_refusals(name: str, arguments: dict[str, Any], given: Tensor, reason: str, field: str) -> None:
    """What does not fit is refused by name."""
    with pytest.raises(Fault) as refusal:
        harness.outcome(name, arguments, {"input": given}, ())
    assert (refusal.value.reason, refusal.value.field) == (reason, field)


@pytest.mark.parametrize("entry", regularisers.ENTRIES, ids=lambda entry: entry.name)
def test_examples(entry: Any) -> None:
    """The example of each entry is true."""
    harness.check_example(entry)


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()


@pytest.mark.parametrize(("name", "arguments", "shape"), [CASES[1], CASES[3], CASES[8], CASES[10], CASES[14]])
def test_worker(worker: Worker, name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> None:
    """A worker answers what the formula says, and the gradient."""
    given = data(name, arguments, shape, torch.float32)
    expected = harness.outcome(name, arguments, {"input": given})
    result, gradients = harness.evaluate(worker, name, arguments, {"input": given})
    assert float(result) == float(expected[0])
    assert torch.equal(gradients["input"], expected[1]["input"])
