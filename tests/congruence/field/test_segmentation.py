"""Segmentation losses against their formulas in plain loops over positions, and Lovász as its definition says."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from congruence import oracle
from congruence.field import harness
from lossd_server.faults import Fault
from lossd_server.losses.field import segmentation
from lossd_server.worker.worker import Worker
from torch import Tensor

TOLERANCE = {torch.float64: 1e-9, torch.float32: 2e-5, torch.bfloat16: 3e-2, torch.float16: 5e-3}
IGNORED = 200
MODES = ("multiclass", "multilabel", "binary")
OVERLAPS = ("DiceLoss", "JaccardLoss", "TverskyLoss", "FocalTverskyLoss")
SETTINGS: list[dict[str, Any]] = [
    {},
    {"smooth": 1.0},
    {"eps": 20.0},
    {"log_loss": True, "smooth": 0.5},
    {"per_image": True},
    {"include_background": False},
    {"from_logits": False},
    {"alpha": 0.2, "beta": 0.9},
    {"gamma": 2.0},
]


def pictures(mode: str, dtype: torch.dtype = torch.float64, *, ignore: bool = True) -> dict[str, Tensor]:
    """Three images of 4 × 2 with four classes; class 3 is never there, class 2 not in the first image."""
    random = oracle.generator("pictures")
    input_ = torch.randn(3, 1 if mode == "binary" else 4, 4, 2, generator=random)
    index = torch.randint(0, 3, (3, 4, 2), generator=random)
    index[0][index[0] == 2] = 1
    hot = torch.stack([(index == c).long() for c in range(input_.shape[1])], 1)
    target = index if mode == "multiclass" else hot
    if ignore:
        target[1, ..., 0, :] = IGNORED
    return {"input": input_.to(dtype), "target": target}


def chances(input_: Tensor, mode: str) -> Tensor:
    return input_.exp() / input_.exp().sum(1, keepdim=True) if mode == "multiclass" else 1 / (1 + (-input_).exp())


def counted(given: dict[str, Tensor], p: Tensor, mode: str, images: list[int], c: int) -> tuple[Tensor, Tensor]:
    """Probabilities and truths of class `c` at the positions of `images` that are not ignored."""
    mine, true = [], []
    for n in images:
        label = given["target"][n] if mode == "multiclass" else given["target"][n, c]
        keep = label != IGNORED
        mine.append(p[n, c][keep])
        true.append(((label == c) if mode == "multiclass" else label)[keep].double())
    return torch.cat(mine), torch.cat(true)


def overlap(loss: str, p: Tensor, t: Tensor, own: dict[str, Any]) -> Tensor:
    """The loss of one class, from the definition by true and false positives."""
    focal = loss == "FocalTverskyLoss"
    alpha, beta = own.get("alpha", 0.3 if focal else 0.5), own.get("beta", 0.7 if focal else 0.5)
    smooth, eps = own.get("smooth", 0.0), own.get("eps", 1e-7)
    tp, fp, fn = sum(p * t), sum(p * (1 - t)), sum((1 - p) * t)
    if sum(t) == 0:
        return 0 * p.sum()
    top, bottom = {
        "DiceLoss": (2 * tp, 2 * tp + fp + fn),
        "JaccardLoss": (tp, tp + fp + fn),
    }.get(loss, (tp, tp + alpha * fp + beta * fn))
    score = (top + smooth) / max(bottom + smooth, torch.tensor(eps, dtype=p.dtype))
    if focal:
        return (1 - score) ** (1 / own.get("gamma", 4 / 3))
    return -max(score, torch.tensor(eps, dtype=p.dtype)).log() if own.get("log_loss") else 1 - score


def groups(own: dict[str, Any], default: bool = False) -> list[list[int]]:
    return [[0], [1], [2]] if own.get("per_image", default) else [[0, 1, 2]]


def takes(loss: str, own: dict[str, Any], mode: str) -> bool:
    names = {argument.name for argument in harness.build(loss)._entry.arguments}
    return set(own) <= names and not (mode == "binary" and "include_background" in own)


@pytest.mark.parametrize("loss", OVERLAPS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_overlap_is_the_formula(loss: str, mode: str, dtype: torch.dtype) -> None:
    """Value and gradient for every argument, ignored positions left out, absent classes at 0."""
    tried = 0
    for own in (own for own in SETTINGS if takes(loss, own, mode)):
        given = pictures(mode, dtype)
        if "from_logits" in own:
            given["input"] = chances(given["input"].double(), mode).to(dtype)
        leaf = given["input"].double().requires_grad_()
        p = leaf if "from_logits" in own else chances(leaf, mode)
        first = 1 if own.get("include_background") is False else 0
        rows = [
            torch.stack([overlap(loss, *counted(given, p, mode, g, c), own) for c in range(first, leaf.shape[1])])
            for g in groups(own)
        ]
        wanted = torch.stack(rows) if own.get("per_image") else rows[0]
        (slope,) = torch.autograd.grad(wanted.mean(), leaf)
        arguments = {**own, "mode": mode, "ignore_index": IGNORED}
        value, gradients = harness.outcome(loss, arguments, given, ["input"])
        each, _ = harness.outcome(loss, {**arguments, "reduction": "none"}, given, [])
        close = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
        assert value.dtype == each.dtype == dtype
        torch.testing.assert_close(each.double(), wanted.detach(), **close)
        torch.testing.assert_close(value.double(), wanted.detach().mean(), **close)
        torch.testing.assert_close(gradients["input"].double(), slope, **close)
        weight = harness.build(loss, arguments).weight_sum(given)
        assert weight == (wanted.numel() if own.get("per_image") else None)
        tried += 1
    assert tried >= 5


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("w_type", ["square", "simple", "uniform"])
@pytest.mark.parametrize("own", [{}, {"per_image": False}, {"smooth": 1.0}, {"include_background": False}], ids=str)
def test_generalized_dice_is_the_formula(mode: str, w_type: str, own: dict) -> None:
    """Weights by size, an absent class weighted as the smallest there; one loss for each image, or for the batch."""
    if mode == "binary":
        own = {name: value for name, value in own.items() if name != "include_background"}
    given = pictures(mode)
    leaf = given["input"].requires_grad_()
    first, losses = 1 if own.get("include_background") is False else 0, []
    for group in groups(own, default=True):
        pairs = [counted(given, chances(leaf, mode), mode, group, c) for c in range(first, leaf.shape[1])]
        sizes = [float(sum(t)) for _, t in pairs]
        weigh = {"square": lambda s: s**-2, "simple": lambda s: 1 / s, "uniform": lambda s: 1.0}[w_type]
        most = max((weigh(size) for size in sizes if size), default=0.0)
        w = [weigh(size) if size or w_type == "uniform" else most for size in sizes]
        smooth = own.get("smooth", 1e-5)
        top = 2 * sum(weight * sum(p * t) for weight, (p, t) in zip(w, pairs, strict=True)) + smooth
        bottom = sum(weight * (sum(p) + sum(t)) for weight, (p, t) in zip(w, pairs, strict=True)) + smooth
        losses.append(1 - top / bottom)
    wanted = torch.stack(losses)
    (slope,) = torch.autograd.grad(wanted.mean(), leaf)
    arguments = {**own, "mode": mode, "w_type": w_type, "ignore_index": IGNORED}
    value, gradients = harness.outcome("GeneralizedDiceLoss", arguments, given, ["input"])
    torch.testing.assert_close(value, wanted.detach().mean())
    torch.testing.assert_close(gradients["input"], slope)


def lovasz(errors: Tensor, t: Tensor) -> Tensor:
    """Σ of errors from the largest × growth of the Jaccard loss of the set of mistakes: the Lovász extension."""
    order = sorted(range(len(errors)), key=lambda i: -float(errors[i].detach()))
    total, before, truth = 0 * errors.sum(), 0.0, {i for i in range(len(t)) if t[i] == 1}
    for k in range(1, len(order) + 1):
        wrong = set(order[:k])
        now = len(wrong) / len(truth | wrong)
        total = total + errors[order[k - 1]].clamp_min(0) * (now - before)
        before = now
    return total


@pytest.mark.parametrize("classes", ["present", "all"])
@pytest.mark.parametrize("per_image", [False, True])
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_lovasz_softmax(classes: str, per_image: bool, dtype: torch.dtype) -> None:
    """The mean over present classes, or all; over each image, or the batch as one."""
    given = pictures("multiclass", dtype)
    leaf = given["input"].double().requires_grad_()
    losses = []
    for group in groups({"per_image": per_image}):
        pairs = [counted(given, chances(leaf, "multiclass"), "multiclass", group, c) for c in range(4)]
        chosen = [(p, t) for p, t in pairs if classes == "all" or t.any()]
        losses.append(torch.stack([lovasz((t - p).abs(), t) for p, t in chosen]).mean())
    wanted = torch.stack(losses).mean()
    (slope,) = torch.autograd.grad(wanted, leaf)
    arguments = {"classes": classes, "per_image": per_image, "ignore_index": IGNORED}
    value, gradients = harness.outcome("LovaszSoftmaxLoss", arguments, given)
    close = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
    torch.testing.assert_close(value.double(), wanted.detach(), **close)
    if dtype.itemsize >= 4:  # halves tie where doubles do not, and ties share their growth differently
        torch.testing.assert_close(gradients["input"].double(), slope, **close)
    assert harness.build("LovaszSoftmaxLoss", arguments).weight_sum(given) == (3 if per_image else None)


@pytest.mark.parametrize("per_image", [False, True])
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_lovasz_hinge(per_image: bool, dtype: torch.dtype) -> None:
    """Hinge errors in place of |t − p|; the class dimension may be left out of target or of both."""
    given = pictures("binary", dtype)
    leaf = given["input"].double().requires_grad_()
    losses = []
    for group in groups({"per_image": per_image}):
        x, t = counted(given, leaf, "binary", group, 0)
        losses.append(lovasz(1 - x * (2 * t - 1), t))
    wanted = torch.stack(losses).mean()
    (slope,) = torch.autograd.grad(wanted, leaf)
    arguments = {"per_image": per_image, "ignore_index": IGNORED}
    close = {"rtol": TOLERANCE[dtype], "atol": 3 * TOLERANCE[dtype]}
    flat = {"input": given["input"].squeeze(1), "target": given["target"].squeeze(1)}
    for told in (given, {**given, "target": flat["target"]}, flat, {**given, "target": given["target"].to(dtype)}):
        value, gradients = harness.outcome("LovaszHingeLoss", arguments, told, ["input"])
        torch.testing.assert_close(value.double(), wanted.detach(), **close)
        torch.testing.assert_close(gradients["input"].double().reshape(slope.shape), slope, **close)


def test_lovasz_of_hard_masks_is_the_jaccard_loss() -> None:
    """Where probabilities are 0 and 1 the extension meets what it extends, its defining property."""
    input_ = torch.tensor([[[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]])
    target = torch.tensor([[0, 1, 1, 1]])
    value, _ = harness.outcome("LovaszSoftmaxLoss", {"from_logits": False}, {"input": input_, "target": target}, [])
    assert value.item() == pytest.approx((1 / 2 + 1 / 3) / 2)


def test_soft_and_one_hot_targets_and_uint8() -> None:
    """Multi-class masks may be one-hot or probabilities; uint8 is an index or a mask like int64."""
    given = pictures("multiclass", ignore=False)
    hot = torch.nn.functional.one_hot(given["target"], 4).movedim(-1, 1).double()
    for loss in (*OVERLAPS, "GeneralizedDiceLoss"):
        value, _ = harness.outcome(loss, {}, given, [])
        for target in (hot, given["target"].to(torch.uint8)):
            torch.testing.assert_close(harness.outcome(loss, {}, {**given, "target": target}, [])[0], value)
    small = {**pictures("multilabel"), "target": pictures("multilabel")["target"].to(torch.uint8)}
    arguments = {"mode": "multilabel", "ignore_index": IGNORED}
    expected, _ = harness.outcome("DiceLoss", arguments, pictures("multilabel"), [])
    assert harness.outcome("DiceLoss", arguments, small, [])[0] == expected


@pytest.mark.parametrize("entry", segmentation.ENTRIES, ids=lambda entry: entry.name)
def test_gradcheck(entry: segmentation.FormulaEntry) -> None:
    """Autograd agrees with numerical differences."""
    mode = "binary" if entry.name == "lovasz_hinge_loss" else "multiclass"
    given = pictures(mode)
    bound = harness.build(entry.class_name, {"ignore_index": IGNORED, "per_image": True, "reduction": "none"})
    assert torch.autograd.gradcheck(bound._forward, [given["input"].requires_grad_(), given["target"]])


def test_extremes() -> None:
    """A perfect prediction costs 0, with finite gradients; float16 counts large images; nothing is 0 or nan."""
    target = torch.tensor([[0, 1, 1, 0]])
    input_ = torch.nn.functional.one_hot(target, 2).movedim(-1, 1) * 2000.0 - 1000
    for loss in (*OVERLAPS, "GeneralizedDiceLoss", "LovaszSoftmaxLoss"):
        value, gradients = harness.outcome(loss, {}, {"input": input_, "target": target}, ["input"])
        assert value.item() == pytest.approx(0, abs=1e-6), loss
        assert gradients["input"].isfinite().all(), loss
        ignored = {"input": input_, "target": torch.full_like(target, -100)}
        assert harness.outcome(loss, {}, ignored, [])[0].item() == pytest.approx(0, abs=1e-6), loss
        empty = {"input": torch.zeros(0, 2, 4), "target": torch.zeros(0, 4, dtype=torch.int64)}
        value, _ = harness.outcome(loss, {}, empty, [])
        assert value.isnan() if loss == "GeneralizedDiceLoss" else value == 0, loss
    large = {"input": torch.zeros(1, 1, 400, 400, dtype=torch.float16), "target": torch.ones(1, 1, 400, 400).half()}
    value, _ = harness.outcome("DiceLoss", {"mode": "binary"}, large, [])
    assert value.item() == pytest.approx(1 / 3, abs=1e-3)


ROW = [[[1.0, 2.0], [0.0, 1.0]]]
REFUSED = [
    ("DiceLoss", {}, ROW, [[0, 2]], "VALUE_OUT_OF_RANGE", "inputs.target"),
    ("DiceLoss", {}, ROW, [[0, 1, 1]], "SHAPE_MISMATCH", "inputs.target"),
    ("DiceLoss", {}, [1.0], [0], "SHAPE_MISMATCH", "inputs.input"),
    ("DiceLoss", {"mode": "multilabel"}, ROW, [[0, 1]], "SHAPE_MISMATCH", "inputs.target"),
    ("DiceLoss", {"mode": "multilabel"}, ROW, [[[0, 1], [1, 2]]], "VALUE_OUT_OF_RANGE", "inputs.target"),
    ("DiceLoss", {"mode": "multilabel"}, ROW, [[[0.0, 1.0], [1.0, -0.5]]], "VALUE_OUT_OF_RANGE", "inputs.target"),
    ("DiceLoss", {"mode": "binary"}, ROW, [[0, 1]], "SHAPE_MISMATCH", "inputs.target"),
    ("DiceLoss", {"mode": "pixels"}, ROW, [[0, 1]], "ARGUMENT_OUT_OF_RANGE", "loss.dice_loss.mode"),
    ("DiceLoss", {"from_logits": False}, ROW, [[0, 1]], "VALUE_OUT_OF_RANGE", "inputs.input"),
    ("DiceLoss", {"smooth": -1.0}, ROW, [[0, 1]], "ARGUMENT_OUT_OF_RANGE", "loss.dice_loss.smooth"),
    ("JaccardLoss", {"include_background": False}, [[[1.0]]], [[0]], "ARGUMENT_OUT_OF_RANGE",
     "loss.jaccard_loss.include_background"),
    ("JaccardLoss", {"mode": "binary", "include_background": False}, [1.0], [0], "ARGUMENT_OUT_OF_RANGE",
     "loss.jaccard_loss.include_background"),
    ("TverskyLoss", {"alpha": -1.0}, ROW, [[0, 1]], "ARGUMENT_OUT_OF_RANGE", "loss.tversky_loss.alpha"),
    ("FocalTverskyLoss", {"gamma": 0.0}, ROW, [[0, 1]], "ARGUMENT_OUT_OF_RANGE", "loss.focal_tversky_loss.gamma"),
    ("GeneralizedDiceLoss", {"w_type": "cubic"}, ROW, [[0, 1]], "ARGUMENT_OUT_OF_RANGE",
     "loss.generalized_dice_loss.w_type"),
    ("LovaszSoftmaxLoss", {}, ROW, [[0, -1]], "VALUE_OUT_OF_RANGE", "inputs.target"),
    ("LovaszSoftmaxLoss", {}, ROW, ROW, "DTYPE_MISMATCH", "inputs.target"),
    ("LovaszHingeLoss", {}, [1.0, 2.0], [0.5, 1.0], "VALUE_OUT_OF_RANGE", "inputs.target"),
    ("LovaszHingeLoss", {}, ROW, [[0, 1]], "SHAPE_MISMATCH", "inputs.target"),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "arguments", "input_", "target", "reason", "field"), REFUSED)
def test_refusals(loss: str, arguments: dict, input_: Any, target: Any, reason: str, field: str) -> None:
    """Masks of the wrong shape or kind never reach a kernel."""
    with pytest.raises(Fault) as refused:
        harness.outcome(loss, arguments, {"input": torch.tensor(input_), "target": torch.tensor(target)}, [])
    assert (refused.value.reason, refused.value.field) == (reason, field)


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()


@pytest.mark.parametrize("entry", segmentation.ENTRIES, ids=lambda entry: entry.name)
def test_example_and_worker(worker: Worker, entry: segmentation.FormulaEntry) -> None:
    """The example's value to the last bit; a real worker answers what the function gives, gradients too."""
    harness.check_example(entry)
    mode = "binary" if entry.name == "lovasz_hinge_loss" else "multiclass"
    given = pictures(mode, torch.float32)
    arguments = {"ignore_index": IGNORED, "per_image": True}
    expected, slopes = harness.outcome(entry.class_name, arguments, given)
    value, gradients = harness.evaluate(worker, entry.class_name, arguments, given)
    assert value.item() == expected.item()
    assert torch.equal(gradients["input"], slopes["input"])
