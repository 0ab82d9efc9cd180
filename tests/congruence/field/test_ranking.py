"""Ranking against loops over items written from the papers' formulas, in float64."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
from congruence import oracle
from congruence.field import harness
from lossd_server.faults import Fault
from lossd_server.losses.budget import Budget
from lossd_server.losses.field import ranking
from lossd_server.worker.worker import Worker
from torch import Tensor

TOLERANCE = {torch.float64: 1e-10, torch.float32: 2e-5, torch.bfloat16: 5e-2, torch.float16: 1e-2}


def listnet(scores: Tensor, labels: Tensor) -> Tensor:
    top = labels.exp() / labels.exp().sum()
    return sum((-p * (s - scores.exp().sum().log()) for p, s in zip(top, scores, strict=True)), scores.sum() * 0)


def list_mle(scores: Tensor, labels: Tensor) -> Tensor:
    order = sorted(range(len(labels)), key=lambda i: -float(labels[i]))
    chances = [scores[item].exp() / scores[order[place:]].exp().sum() for place, item in enumerate(order)]
    return sum((-chance.log() for chance in chances), scores.sum() * 0)


def pairwise(scores: Tensor, labels: Tensor, sigma: float = 1.0) -> Tensor:
    pairs = [(i, j) for i, j in itertools.permutations(range(len(labels)), 2) if labels[i] > labels[j]]
    return sum((((scores[j] - scores[i]) * sigma).exp().log1p() for i, j in pairs), scores.sum() * 0)


def approx_ndcg(scores: Tensor, labels: Tensor, temperature: float = 0.1) -> Tensor:
    size, gained = len(labels), scores.sum() * 0
    for i in range(size):
        ahead = [1 / (1 + ((scores[i] - scores[j]) / temperature).exp()) for j in range(size) if j != i]
        gained = gained + (2 ** labels[i] - 1) / (2 + sum(ahead)).log2() if size > 1 else 2 ** labels[i] - 1
    best = sum((2**label - 1) / torch.tensor(place + 2.0).double().log2()
               for place, label in enumerate(labels.sort(descending=True).values))  # fmt: skip
    return -gained / best if size and best > 0 else gained * 0


REFERENCES: dict[tuple[str, tuple[tuple[str, float], ...]], Callable[[Tensor, Tensor], Tensor]] = {
    ("ListNetLoss", ()): listnet,
    ("ListMLELoss", ()): list_mle,
    ("PairwiseLogisticLoss", ()): pairwise,
    ("PairwiseLogisticLoss", (("sigma", 2.5),)): lambda s, y: pairwise(s, y, 2.5),
    ("ApproxNDCGLoss", ()): approx_ndcg,
    ("ApproxNDCGLoss", (("temperature", 1.0),)): lambda s, y: approx_ndcg(s, y, 1.0),
}
CASES = pytest.mark.parametrize(("loss", "arguments"), REFERENCES, ids=str)
REDUCTIONS = {"none": lambda losses: losses, "sum": torch.sum, "mean": torch.mean}
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 0, 1, 1, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]], dtype=torch.bool)


def lists(dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    scores = torch.randn(4, 5, generator=oracle.generator("lists"), dtype=torch.float64)
    labels = torch.tensor([[2.0, 0.0, 1.0, 3.0, 0.0], [0, 2, 2, 1, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]])
    return {"scores": scores.to(dtype), "labels": labels.to(dtype)}


def reference(key: tuple, given: dict[str, Tensor], mask: Tensor, reduction: str) -> tuple[Tensor, Tensor]:
    scores, labels = given["scores"].double().requires_grad_(), given["labels"].double()
    each = [REFERENCES[key](s[m], y[m]) for s, y, m in zip(scores, labels, mask, strict=True)]
    losses = REDUCTIONS[reduction](torch.stack(each))
    return losses.detach(), torch.autograd.grad(losses.sum(), scores)[0]


@CASES
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("masked", [False, True])
def test_value_and_gradient(loss: str, arguments: tuple, reduction: str, dtype: torch.dtype, masked: bool) -> None:
    """Each list as the loop says, over the items that exist, ties and lists without an item included."""
    given, mask = lists(dtype), MASK if masked else torch.ones_like(MASK)
    expected, slope = reference((loss, arguments), given, mask, reduction)
    spoiled = given | ({"scores": given["scores"].masked_fill(~mask, torch.nan), "mask": mask} if masked else {})
    vector = torch.ones(4, dtype=dtype) if reduction == "none" else None
    value, gradients = harness.outcome(loss, {**dict(arguments), "reduction": reduction}, spoiled, ["scores"], vector)
    assert value.dtype == dtype
    near = {"rtol": TOLERANCE[dtype], "atol": 4 * TOLERANCE[dtype], "check_dtype": False}
    torch.testing.assert_close(value, expected, **near)
    torch.testing.assert_close(gradients["scores"], slope, **near)


@CASES
def test_gradcheck(loss: str, arguments: tuple) -> None:
    """Autograd's gradient is that of finite differences."""
    built, given = harness.build(loss, {**dict(arguments), "reduction": "none"}), lists()
    scores, labels = given["scores"].requires_grad_(), given["labels"]
    assert torch.autograd.gradcheck(lambda s: built._forward(s, labels, MASK), scores)


@CASES
def test_on_a_worker(loss: str, arguments: tuple, worker: Worker) -> None:
    """The worker answers what the reference says, for whole-number labels too."""
    given = lists(torch.float32)
    expected, slope = reference((loss, arguments), given, MASK, "mean")
    inputs = {"scores": given["scores"], "labels": given["labels"].long(), "mask": MASK}
    value, gradients = harness.evaluate(worker, loss, dict(arguments), inputs)
    torch.testing.assert_close(value, expected, rtol=2e-5, atol=2e-5)
    assert list(gradients) == ["scores"]
    torch.testing.assert_close(gradients["scores"].double(), slope, rtol=2e-5, atol=2e-5)


def test_published_values() -> None:
    """The values in TensorFlow Ranking's documentation: scores 0.6 and 0.8, of which the first is relevant."""
    given = {"scores": torch.tensor([[0.6, 0.8]]), "labels": torch.tensor([[1.0, 0.0]])}
    assert harness.outcome("ApproxNDCGLoss", {}, given)[0].item() == pytest.approx(-0.655107, abs=1e-6)
    for loss in ("ListMLELoss", "PairwiseLogisticLoss"):
        assert harness.outcome(loss, {}, given)[0].item() == pytest.approx(0.7981389, abs=1e-6)


def test_labels_that_only_compare_have_no_gradient() -> None:
    """All inputs that have one: scores everywhere, labels where the value depends on them smoothly."""
    for loss, smooth in (("ListNetLoss", 2), ("ApproxNDCGLoss", 2), ("ListMLELoss", 1), ("PairwiseLogisticLoss", 1)):
        assert list(harness.outcome(loss, {}, lists())[1]) == ["scores", "labels"][:smooth]


def test_limits_of_approx_ndcg() -> None:
    """At a small temperature it is NDCG itself: −1 for the ideal order."""
    given = {"scores": torch.tensor([[3.0, 2.0, 1.0]]), "labels": torch.tensor([[2.0, 1.0, 0.0]])}
    assert harness.outcome("ApproxNDCGLoss", {"temperature": 1e-3}, given)[0].item() == pytest.approx(-1)
    reverse = given | {"scores": -given["scores"]}
    discount = torch.log2(torch.tensor([2.0, 3.0, 4.0]))
    ndcg = (1 / discount[1] + 3 / discount[2]) / (3 / discount[0] + 1 / discount[1])
    value = harness.outcome("ApproxNDCGLoss", {"temperature": 1e-3}, reverse)[0]
    assert value.item() == pytest.approx(-ndcg.item())


@CASES
def test_empty_and_extreme(loss: str, arguments: tuple) -> None:
    """No list: a mean of nothing; lists without items: 0; scores far apart: finite, with finite gradients."""
    none = {"scores": torch.zeros(0, 3), "labels": torch.zeros(0, 3)}
    assert harness.outcome(loss, dict(arguments), none)[0].isnan()
    assert harness.outcome(loss, {**dict(arguments), "reduction": "sum"}, none)[0].item() == 0
    bare = {"scores": torch.zeros(2, 0), "labels": torch.zeros(2, 0)}
    assert harness.outcome(loss, dict(arguments), bare)[0].item() == 0
    far = {"scores": torch.tensor([[1e6, -1e6, 0.0]]), "labels": torch.tensor([[0.0, 2.0, 1.0]])}
    value, gradients = harness.outcome(loss, dict(arguments), far, ["scores"])
    assert value.isfinite()
    assert gradients["scores"].isfinite().all()


def test_work_is_refused_before_it_is_done() -> None:
    """Pairs of a very long list are counted, not made."""
    given = {name: torch.zeros(1, 100_000) for name in ("scores", "labels")}
    for loss in ("PairwiseLogisticLoss", "ApproxNDCGLoss"):
        with pytest.raises(Fault) as refused:
            harness.build(loss).compute(given, Budget(given.values()))
        assert refused.value.reason == "LIMIT_EXCEEDED"


@pytest.mark.parametrize("coefficient", [0.0, 0.25])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_bradley_terry(coefficient: float, reduction: str, dtype: torch.dtype) -> None:
    """log(1 + e^(rejected − chosen)) and the pull towards 0, with both gradients by hand."""
    chosen = torch.tensor([[0.5, -1.0], [2.0, 3.0]]).to(dtype)
    rejected = torch.tensor([[0.25, 1.0], [-2.0, 3.0]]).to(dtype)
    c, r = chosen.double(), rejected.double()
    expected = REDUCTIONS[reduction]((r - c).exp().log1p() + coefficient * (c + r) ** 2)
    share = 1 / (4 if reduction == "mean" else 1)
    beaten, pull = 1 / (1 + (c - r).exp()), 2 * coefficient * (c + r)
    value, gradients = harness.outcome(
        "BradleyTerryLoss",
        {"center_rewards_coefficient": coefficient, "reduction": reduction},
        {"rewards_chosen": chosen, "rewards_rejected": rejected},
        ["*"],
        torch.ones(2, 2, dtype=dtype) if reduction == "none" else None,
    )
    near = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype], "check_dtype": False}
    torch.testing.assert_close(value, expected, **near)
    torch.testing.assert_close(gradients["rewards_chosen"], share * (pull - beaten), **near)
    torch.testing.assert_close(gradients["rewards_rejected"], share * (pull + beaten), **near)


def test_bradley_terry_of_a_worker(worker: Worker) -> None:
    """log 2 where both are equal, from the worker; far apart neither overflows."""
    given = {"rewards_chosen": torch.tensor([1.0, 1e5, -1e5]), "rewards_rejected": torch.tensor([1.0, -1e5, 1e5])}
    vector = torch.ones(3)
    value, gradients = harness.evaluate(worker, "BradleyTerryLoss", {"reduction": "none"}, given, ["*"], vector)
    torch.testing.assert_close(value, torch.tensor([0.6931472, 0.0, 2e5]))
    torch.testing.assert_close(gradients["rewards_chosen"], torch.tensor([-0.5, 0.0, -1.0]))
    pairs = [torch.tensor(values, dtype=torch.float64, requires_grad=True) for values in ([1.0, 2.0], [0.5, 3.0])]
    built = harness.build("BradleyTerryLoss", {"center_rewards_coefficient": 0.1, "reduction": "none"})
    assert torch.autograd.gradcheck(built._forward, pairs)


@pytest.mark.parametrize(
    ("loss", "given", "reason", "field"),
    [
        ("ListNetLoss", {"scores": torch.zeros(3), "labels": torch.zeros(3)}, "SHAPE_MISMATCH", "inputs.scores"),
        ("ListMLELoss", {"labels": torch.zeros(2, 4)}, "SHAPE_MISMATCH", "inputs.labels"),
        ("ListMLELoss", {"mask": torch.zeros(3)}, "SHAPE_MISMATCH", "inputs.mask"),
        ("ListMLELoss", {"labels": torch.zeros(2, 3).double()}, "DTYPE_MISMATCH", "inputs.labels"),
        ("ListMLELoss", {"scores": torch.zeros(2, 3).long()}, "DTYPE_MISMATCH", "inputs.scores"),
        ("ListNetLoss", {"labels": torch.full((2, 3), torch.nan)}, "VALUE_OUT_OF_RANGE", "inputs.labels"),
        ("ApproxNDCGLoss", {"labels": torch.full((2, 3), -1)}, "VALUE_OUT_OF_RANGE", "inputs.labels"),
    ],
)
def test_refusals(loss: str, given: dict, reason: str, field: str) -> None:
    """What does not fit is refused with its reason and field."""
    with pytest.raises(Fault) as refused:
        harness.build(loss).check({"scores": torch.zeros(2, 3), "labels": torch.zeros(2, 3)} | given)
    assert (refused.value.reason, refused.value.field) == (reason, field)


def test_refusals_of_pairs_and_arguments() -> None:
    """Rewards that do not pair up, and arguments out of range, are refused; padding is not looked at."""
    pair = {"rewards_chosen": torch.zeros(2), "rewards_rejected": torch.zeros(1)}
    with pytest.raises(Fault, match="rewards_rejected has shape") as refused:
        harness.build("BradleyTerryLoss").check(pair)
    assert refused.value.field == "inputs.rewards_rejected"
    for loss, argument in (("ApproxNDCGLoss", "temperature"), ("PairwiseLogisticLoss", "sigma")):
        with pytest.raises(Fault) as refused:
            harness.build(loss, {argument: 0.0})
        assert (refused.value.reason, refused.value.field.rpartition(".")[2]) == ("ARGUMENT_OUT_OF_RANGE", argument)
    padded = {"scores": torch.zeros(1, 2), "labels": torch.tensor([[1.0, torch.nan]]), "mask": torch.tensor([[1, 0]])}
    harness.build("ApproxNDCGLoss").check(padded)


def test_examples() -> None:
    """Each entry's example answers its value, bit for bit."""
    for entry in ranking.ENTRIES:
        harness.check_example(entry)


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()
