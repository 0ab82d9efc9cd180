"""Classification losses against their papers' formulas in float64, example by example, and their limits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from congruence import oracle
from congruence.field import harness
from lossd_server.faults import Fault
from lossd_server.losses.field import classification
from lossd_server.worker.worker import Worker
from torch import Tensor

TOLERANCE = {torch.float64: 1e-9, torch.float32: 2e-5, torch.bfloat16: 8e-2, torch.float16: 2e-2}
WEIGHT = torch.tensor([0.5, 2.0, 1.0, 3.0], dtype=torch.float64)

Row = Callable[[Tensor, int], Tensor]


def focal(x: Tensor, t: Tensor, alpha: float, gamma: float) -> Tensor:
    p = 1 / (1 + torch.exp(-x))
    true = p * t + (1 - p) * (1 - t)
    entropy = -(t * torch.log(p) + (1 - t) * torch.log(1 - p))
    return (alpha * t + (1 - alpha) * (1 - t) if alpha >= 0 else 1) * (1 - true) ** gamma * entropy


def asymmetric(x: Tensor, t: Tensor, neg: float, pos: float, clip: float) -> Tensor:
    p = 1 / (1 + torch.exp(-x))
    shifted = torch.where(p > clip, p - clip, 0.0)
    return torch.where(t == 1, -((1 - p) ** pos) * torch.log(p), -(shifted**neg) * torch.log(1 - shifted))


def chance(x: Tensor) -> Tensor:
    return torch.exp(x) / torch.exp(x).sum()


def poly1(x: Tensor, t: int, epsilon: float, smoothing: float) -> Tensor:
    q = torch.full_like(x, smoothing / len(x))
    q[t] += 1 - smoothing
    return -(q * torch.log(chance(x))).sum() + epsilon * (q * (1 - chance(x))).sum()


FULL = {"disable_torch_grad_focal_loss": False}
BINARY: dict[str, tuple[str, dict[str, Any], Callable[[Tensor, Tensor], Tensor]]] = {
    "focal": ("SigmoidFocalLoss", {}, lambda x, t: focal(x, t, 0.25, 2)),
    "focal 1.5": ("SigmoidFocalLoss", {"alpha": 0.7, "gamma": 1.5}, lambda x, t: focal(x, t, 0.7, 1.5)),
    "focal unweighted": ("SigmoidFocalLoss", {"alpha": -1.0}, lambda x, t: focal(x, t, -1, 2)),
    "focal 0": ("SigmoidFocalLoss", {"gamma": 0.0}, lambda x, t: focal(x, t, 0.25, 0)),
    "asl": ("AsymmetricLoss", FULL, lambda x, t: asymmetric(x, t, 4, 1, 0.05)),
    "asl 2": (
        "AsymmetricLoss",
        {**FULL, "gamma_neg": 2.0, "gamma_pos": 0.5, "clip": 0.2},
        lambda x, t: asymmetric(x, t, 2, 0.5, 0.2),
    ),
}
CLASSES: dict[str, tuple[str, dict[str, Any], Row]] = {
    "focal": ("SoftmaxFocalLoss", {}, lambda x, t: -((1 - chance(x)[t]) ** 2) * torch.log(chance(x)[t])),
    "focal weighted": (
        "SoftmaxFocalLoss",
        {"gamma": 0.5, "weight": WEIGHT},
        lambda x, t: -WEIGHT[t] * (1 - chance(x)[t]).sqrt() * torch.log(chance(x)[t]),
    ),
    "poly1": ("Poly1CrossEntropyLoss", {}, lambda x, t: poly1(x, t, 2, 0)),
    "poly1 smooth": (
        "Poly1CrossEntropyLoss",
        {"epsilon": -0.5, "label_smoothing": 0.2},
        lambda x, t: poly1(x, t, -0.5, 0.2),
    ),
    "gce": ("GeneralizedCrossEntropyLoss", {}, lambda x, t: (1 - chance(x)[t] ** 0.7) / 0.7),
    "gce 1": ("GeneralizedCrossEntropyLoss", {"q": 1.0}, lambda x, t: 1 - chance(x)[t]),
    "sce": ("SymmetricCrossEntropyLoss", {}, lambda x, t: -0.1 * torch.log(chance(x)[t]) + 4 * (1 - chance(x)[t])),
    "sce 6": (
        "SymmetricCrossEntropyLoss",
        {"alpha": 6.0, "beta": 0.1, "log_zero": -9.0},
        lambda x, t: -6 * torch.log(chance(x)[t]) + 0.9 * (1 - chance(x)[t]),
    ),
    "hinge": (
        "MulticlassHingeLoss",
        {},
        lambda x, t: torch.stack([x[c] + float(c != t) for c in range(len(x))]).max() - x[t],
    ),
}


def labels(dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    random = oracle.generator("labels")
    input_ = (2 * torch.randn(4, 5, generator=random)).to(dtype)
    return {"input": input_, "target": torch.randint(0, 2, (4, 5), generator=random).to(dtype)}


def classes(dtype: torch.dtype = torch.float64, *, index: torch.dtype = torch.int64) -> dict[str, Tensor]:
    """(N,C,d) with two positions ignored."""
    random = oracle.generator("classes")
    input_ = (2 * torch.randn(3, 4, 5, generator=random)).to(dtype)
    target = torch.randint(0, 4, (3, 5), generator=random)
    target[0, 1] = target[2, 3] = 200
    return {"input": input_, "target": target.to(index)}


def by_position(row: Row, input_: Tensor, target: Tensor) -> Tensor:
    zero = input_.new_zeros(())
    rows = [
        [zero if t == 200 else row(input_[n, :, d], t) for d, t in enumerate(ts)]
        for n, ts in enumerate(target.tolist())
    ]
    return torch.stack([torch.stack(losses) for losses in rows])


def close(given: Tensor, wanted: Tensor, dtype: torch.dtype) -> None:
    torch.testing.assert_close(given.double(), wanted, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize(("loss", "arguments", "formula"), BINARY.values(), ids=list(BINARY))
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("reduction", ["mean", "none", "sum"])
def test_binary_is_the_formula(loss: str, arguments: dict, formula: Any, dtype: torch.dtype, reduction: str) -> None:
    """Value and gradient of the logits."""
    given = labels(dtype)
    leaf = given["input"].double().requires_grad_()
    wanted = formula(leaf, given["target"].double())
    wanted = wanted if reduction == "none" else getattr(wanted, reduction)()
    (slope,) = torch.autograd.grad(wanted.sum(), leaf)
    vector = torch.ones(4, 5, dtype=dtype) if reduction == "none" else None
    value, gradients = harness.outcome(loss, {**arguments, "reduction": reduction}, given, ["input"], vector)
    assert value.dtype == dtype
    close(value, wanted.detach(), dtype)
    close(gradients["input"], slope, dtype)


@pytest.mark.parametrize(("loss", "arguments", "row"), CLASSES.values(), ids=list(CLASSES))
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("reduction", ["mean", "none", "sum"])
@pytest.mark.parametrize("index", [torch.int64, torch.uint8], ids=str)
def test_classes_are_the_formula(
    loss: str, arguments: dict, row: Row, dtype: torch.dtype, reduction: str, index: torch.dtype
) -> None:
    """Ignored positions cost 0, and the mean divides by the weight of the others, which is weight_sum."""
    given = classes(dtype, index=index)
    leaf = given["input"].double().requires_grad_()
    wanted, kept = by_position(row, leaf, given["target"]), given["target"].long() != 200
    count = WEIGHT[given["target"].long()[kept]].sum() if "weight" in arguments else kept.sum()
    if reduction != "none":
        wanted = wanted.sum() / (count if reduction == "mean" else 1)
    (slope,) = torch.autograd.grad(wanted.sum(), leaf)
    own = {name: value.to(dtype) if isinstance(value, Tensor) else value for name, value in arguments.items()}
    own |= {"ignore_index": 200, "reduction": reduction}
    vector = torch.ones(3, 5, dtype=dtype) if reduction == "none" else None
    value, gradients = harness.outcome(loss, own, given, ["*"], vector)
    assert value.dtype == dtype
    torch.testing.assert_close(value.double(), wanted.detach(), rtol=TOLERANCE[dtype], atol=5 * TOLERANCE[dtype])
    if loss != "MulticlassHingeLoss" or dtype.itemsize >= 4:  # input + 1 ties in halves where it does not in doubles
        close(gradients["input"], slope, dtype)
    assert harness.build(loss, own).weight_sum(given) == pytest.approx(float(count))


def test_soft_targets() -> None:
    """Focal loss and poly1 take probabilities as targets; poly1 of one-hot rows is poly1 of their indices."""
    given = {**labels(), "target": torch.rand(4, 5, dtype=torch.float64, generator=oracle.generator("soft"))}
    value, _ = harness.outcome("SigmoidFocalLoss", {"reduction": "none"}, given, [])
    close(value, focal(given["input"], given["target"], 0.25, 2), torch.float64)
    target = torch.tensor([0, 4, 2, 1])
    hot = torch.nn.functional.one_hot(target, 5).double()
    for smoothing in (0.0, 0.3):
        arguments = {"label_smoothing": smoothing}
        soft, _ = harness.outcome("Poly1CrossEntropyLoss", arguments, {**given, "target": hot}, [])
        hard, _ = harness.outcome("Poly1CrossEntropyLoss", arguments, {**given, "target": target}, [])
        close(soft, hard, torch.float64)


def test_limits_are_torchs_cross_entropies() -> None:
    """gamma 0 and epsilon 0 are torch's cross entropy, weights, ignored targets and mean included."""
    given = classes()
    entropy = torch.nn.functional.cross_entropy(**given, ignore_index=200)
    weighted = torch.nn.functional.cross_entropy(**given, weight=WEIGHT, ignore_index=200)
    ignored = {"ignore_index": 200}
    close(harness.outcome("SoftmaxFocalLoss", {"gamma": 0.0, **ignored}, given, [])[0], entropy, torch.float64)
    own = {"gamma": 0.0, "weight": WEIGHT, **ignored}
    close(harness.outcome("SoftmaxFocalLoss", own, given, [])[0], weighted, torch.float64)
    close(harness.outcome("Poly1CrossEntropyLoss", {"epsilon": 0.0, **ignored}, given, [])[0], entropy, torch.float64)
    near = harness.outcome("GeneralizedCrossEntropyLoss", {"q": 1e-9, **ignored}, given, [])[0]
    torch.testing.assert_close(near, entropy, rtol=1e-6, atol=1e-6)


def test_asymmetric_holds_its_powers_by_default() -> None:
    """The value is the same; the gradient is that of the cross entropy alone, times the power."""
    given = {"input": torch.tensor([0.3], dtype=torch.float64), "target": torch.ones(1, dtype=torch.float64)}
    p = 1 / (1 + math.exp(-0.3))
    value, gradients = harness.outcome("AsymmetricLoss", {}, given, ["input"])
    assert value.item() == pytest.approx(-(1 - p) * math.log(p))
    assert gradients["input"].item() == pytest.approx(-((1 - p) ** 2))


def test_hinge_and_z() -> None:
    """Both by hand, with gradients; z_loss works on (C,), and its mean is over positions."""
    given = {"input": torch.tensor([0.5, -2.0, 3.0, 0.0]), "target": torch.tensor([1.0, 1.0, 1.0, -1.0])}
    value, gradients = harness.outcome("HingeLoss", {"reduction": "sum"}, given)
    assert value == 0.5 + 3 + 0 + 1
    assert gradients["input"].tolist() == [-1, -1, 0, 1]
    logits = classes()["input"]
    value, gradients = harness.outcome("ZLoss", {}, {"input": logits})
    partition = torch.log(torch.exp(logits).sum(1))
    close(value, partition.square().mean(), torch.float64)
    slope = 2 * partition.unsqueeze(1) * torch.exp(logits) / torch.exp(logits).sum(1, keepdim=True) / 15
    close(gradients["input"], slope, torch.float64)
    assert harness.build("ZLoss").weight_sum({"input": logits}) == 15
    assert harness.outcome("ZLoss", {}, {"input": torch.zeros(4)}, [])[0].item() == pytest.approx(math.log(4) ** 2)


def test_gradcheck() -> None:
    """Autograd agrees with numerical differences, for targets too where they are floating."""
    for loss, arguments, _ in BINARY.values():
        bound = harness.build(loss, {**arguments, "reduction": "none"})
        given = [labels()["input"].requires_grad_(), labels()["target"]]
        assert torch.autograd.gradcheck(bound._forward, given), loss
    soft = torch.full((4, 5), 0.3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(harness.build("SigmoidFocalLoss")._forward, [labels()["input"], soft])
    for loss, arguments, _ in CLASSES.values():
        bound = harness.build(loss, {**arguments, "ignore_index": 200})
        given = [classes()["input"].requires_grad_(), classes()["target"]]
        assert torch.autograd.gradcheck(bound._forward, given), loss
    assert torch.autograd.gradcheck(harness.build("ZLoss")._forward, [classes()["input"].requires_grad_()])
    signs = 2 * labels()["target"] - 1
    assert torch.autograd.gradcheck(harness.build("HingeLoss")._forward, [labels()["input"].requires_grad_(), signs])


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_extremes(dtype: torch.dtype) -> None:
    """Certain and right costs 0 and has no gradient; certain and wrong is finite; no power is nan."""
    for gamma in (0.0, 0.5, 2.0):
        given = {"input": torch.tensor([1000.0, -1000.0], dtype=dtype), "target": torch.tensor([1.0, 0.0], dtype=dtype)}
        value, gradients = harness.outcome("SigmoidFocalLoss", {"gamma": gamma}, given)
        assert value == 0
        assert gradients["input"].tolist() == [0, 0]
        value, gradients = harness.outcome(
            "SigmoidFocalLoss", {"gamma": gamma}, {**given, "target": 1 - given["target"]}
        )
        assert value.item() == pytest.approx(500, rel=1e-2)
        rows = {"input": torch.tensor([[1000.0, 0.0]], dtype=dtype), "target": torch.tensor([0])}
        value, gradients = harness.outcome("SoftmaxFocalLoss", {"gamma": gamma}, rows)
        assert value == 0
        assert gradients["input"].tolist() == [[0, 0]]
    value, gradients = harness.outcome("AsymmetricLoss", {"gamma_neg": 0.5, **FULL}, given, ["input"])
    assert value == 0
    assert gradients["input"].isfinite().all()
    wrong = {**given, "target": 1 - given["target"]}
    assert harness.outcome("AsymmetricLoss", {}, wrong, [])[0].isfinite()


def test_nothing_to_average_is_nan() -> None:
    """Empty batches, and batches in which every target is ignored."""
    for loss in {entry[0] for entry in CLASSES.values()}:
        empty = {"input": torch.zeros(0, 4), "target": torch.zeros(0, dtype=torch.int64)}
        ignored = {"input": torch.zeros(2, 4), "target": torch.full((2,), -100)}
        assert harness.outcome(loss, {}, empty, [])[0].isnan(), loss
        assert harness.outcome(loss, {}, ignored, [])[0].isnan(), loss
        assert harness.outcome(loss, {"reduction": "sum"}, ignored, [])[0] == 0, loss
        single = {"input": torch.zeros(4), "target": torch.tensor(1)}
        assert harness.outcome(loss, {"reduction": "none"}, single, [])[0].shape == (), loss


def test_means_over_more_positions_than_float16_counts() -> None:
    """A mean of 100,000 equal losses is that loss in every type."""
    given = {"input": torch.zeros(100_000, 2, dtype=torch.float16), "target": torch.zeros(100_000, dtype=torch.int64)}
    for loss, value in (("SoftmaxFocalLoss", math.log(2) / 4), ("MulticlassHingeLoss", 1.0)):
        assert harness.outcome(loss, {}, given, [])[0].item() == pytest.approx(value, rel=1e-2)


X, T = [[1.0, 2.0]], [0]
REFUSED = [
    ("SigmoidFocalLoss", {"alpha": 1.5}, [1.0], [1.0], "ARGUMENT_OUT_OF_RANGE", "loss.sigmoid_focal_loss.alpha"),
    ("SigmoidFocalLoss", {"gamma": -1.0}, [1.0], [1.0], "ARGUMENT_OUT_OF_RANGE", "loss.sigmoid_focal_loss.gamma"),
    ("SigmoidFocalLoss", {}, [1.0], [2.0], "VALUE_OUT_OF_RANGE", "inputs.target"),
    ("SigmoidFocalLoss", {}, [1.0], [1], "DTYPE_MISMATCH", "inputs.target"),
    ("AsymmetricLoss", {}, [1.0], [-1.0], "VALUE_OUT_OF_RANGE", "inputs.target"),
    ("AsymmetricLoss", {"clip": 1.0}, [1.0], [1.0], "ARGUMENT_OUT_OF_RANGE", "loss.asymmetric_loss.clip"),
    ("HingeLoss", {}, [1.0], [0.0], "VALUE_OUT_OF_RANGE", "inputs.target"),
    ("HingeLoss", {}, [1.0, 2.0], [1.0], "SHAPE_MISMATCH", "inputs.target"),
    ("SoftmaxFocalLoss", {}, X, [2], "VALUE_OUT_OF_RANGE", "inputs.target"),
    ("SoftmaxFocalLoss", {"weight": WEIGHT.float()}, X, T, "SHAPE_MISMATCH", "loss.softmax_focal_loss.weight"),
    ("Poly1CrossEntropyLoss", {"label_smoothing": 2.0}, X, T, "ARGUMENT_OUT_OF_RANGE",
     "loss.poly1_cross_entropy_loss.label_smoothing"),
    ("Poly1CrossEntropyLoss", {}, X, [0.5], "SHAPE_MISMATCH", "inputs.target"),
    ("Poly1CrossEntropyLoss", {}, X, [-1], "VALUE_OUT_OF_RANGE", "inputs.target"),
    ("GeneralizedCrossEntropyLoss", {"q": 0.0}, X, T, "ARGUMENT_OUT_OF_RANGE", "loss.generalized_cross_entropy_loss.q"),
    ("GeneralizedCrossEntropyLoss", {}, X, [7], "VALUE_OUT_OF_RANGE", "inputs.target"),
    ("SymmetricCrossEntropyLoss", {"log_zero": 1.0}, X, T, "ARGUMENT_OUT_OF_RANGE",
     "loss.symmetric_cross_entropy_loss.log_zero"),
    ("SymmetricCrossEntropyLoss", {}, X, [[0]], "SHAPE_MISMATCH", "inputs.target"),
    ("MulticlassHingeLoss", {}, X, [5], "VALUE_OUT_OF_RANGE", "inputs.target"),
    ("ZLoss", {}, 1.0, None, "SHAPE_MISMATCH", "inputs.input"),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "arguments", "input_", "target", "reason", "field"), REFUSED)
def test_refusals(loss: str, arguments: dict, input_: Any, target: Any, reason: str, field: str) -> None:
    """Indices beyond the classes, labels of the wrong kind and arguments out of range never reach a kernel."""
    given = {"input": torch.tensor(input_)} | ({} if target is None else {"target": torch.tensor(target)})
    with pytest.raises(Fault) as refused:
        harness.outcome(loss, arguments, given, [])
    assert (refused.value.reason, refused.value.field) == (reason, field)


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()


@pytest.mark.parametrize("entry", classification.ENTRIES, ids=lambda entry: entry.name)
def test_example_and_worker(worker: Worker, entry: classification.FormulaEntry) -> None:
    """The example's value to the last bit; a real worker answers what the function gives, gradients too."""
    harness.check_example(entry)
    given = classes(torch.float32) if "ignore_index" in {a.name for a in entry.arguments} else labels(torch.float32)
    arguments = {"ignore_index": 200} if given["target"].dtype == torch.int64 else {}
    given = {input_.name: given[input_.name] for input_ in entry.inputs}
    if entry.name == "hinge_loss":
        given["target"] = 2 * given["target"] - 1
    expected, slopes = harness.outcome(entry.class_name, arguments, given)
    value, gradients = harness.evaluate(worker, entry.class_name, arguments, given)
    assert value.item() == expected.item()
    for name, slope in slopes.items():
        assert torch.equal(gradients[name], slope)
