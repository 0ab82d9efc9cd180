"""Regression losses against their formulas in plain Python floats, and slopes by differences in float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from congruence import oracle
from congruence.field import harness
from lossd_server.faults import Fault
from lossd_server.losses.field import regression
from lossd_server.worker.worker import Worker
from torch import Tensor

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5, torch.bfloat16: 6e-2, torch.float16: 8e-3}


def tweedie(x: float, t: float, power: float) -> float:
    if power == 0:
        return (t - x) ** 2
    if power == 1:
        return 2 * ((t * math.log(t / x) if t else 0.0) - t + x)
    if power == 2:
        return 2 * (math.log(x / t) + t / x - 1)
    rest = -t * x ** (1 - power) / (1 - power) + x ** (2 - power) / (2 - power)
    return 2 * (max(t, 0) ** (2 - power) / ((1 - power) * (2 - power)) + rest)


REFERENCES: dict[str, tuple[str, dict[str, Any], Callable[[float, float], float]]] = {
    "log_cosh": ("LogCoshLoss", {}, lambda x, t: math.log(math.cosh(x - t))),
    "quantile": ("QuantileLoss", {}, lambda x, t: abs(x - t) / 2),
    "quantile 0.9": ("QuantileLoss", {"quantile": 0.9}, lambda x, t: 0.9 * (t - x) if t > x else 0.1 * (x - t)),
    "charbonnier": ("CharbonnierLoss", {}, lambda x, t: math.sqrt((x - t) ** 2 + 1e-6)),
    "charbonnier 2": ("CharbonnierLoss", {"eps": 2.0}, lambda x, t: math.sqrt((x - t) ** 2 + 4)),
    "mape": ("MAPELoss", {}, lambda x, t: abs(x - t) / max(abs(t), 1.17e-6)),
    "mape 2": ("MAPELoss", {"epsilon": 2.0}, lambda x, t: abs(x - t) / max(abs(t), 2)),
    "smape": ("SMAPELoss", {}, lambda x, t: 2 * abs(x - t) / (abs(t) + abs(x))),
    "smape 3": ("SMAPELoss", {"epsilon": 3.0}, lambda x, t: 2 * abs(x - t) / max(abs(t) + abs(x), 3)),
    "msle": ("MSLELoss", {}, lambda x, t: (math.log(1 + x) - math.log(1 + t)) ** 2),
    **{
        f"tweedie {power}": ("TweedieLoss", {"power": power}, lambda x, t, power=power: tweedie(x, t, power))
        for power in (-1.0, 0.0, 1.0, 1.5, 2.0, 3.0)
    },
}
CASES = pytest.mark.parametrize(("loss", "arguments", "formula"), REFERENCES.values(), ids=list(REFERENCES))


def pair(dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    """Positive numbers, which every loss here takes, far enough from kinks for differences."""
    random = oracle.generator("regression")
    input_ = torch.rand(4, 3, generator=random) * 3 + 0.25
    target = torch.rand(4, 3, generator=random) * 3 + 0.3
    return {"input": input_.to(dtype), "target": target.to(dtype)}


def elementwise(formula: Callable[[float, float], float], given: dict[str, Tensor]) -> Tensor:
    rows = zip(given["input"].flatten().tolist(), given["target"].flatten().tolist(), strict=True)
    return torch.tensor([formula(x, t) for x, t in rows], dtype=torch.float64).reshape(given["input"].shape)


@CASES
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_each_element_is_the_formula(loss: str, arguments: dict, formula: Any, dtype: torch.dtype) -> None:
    """Unreduced, and mean and sum of the same, in every floating type."""
    given = pair(dtype)
    expected = elementwise(formula, given)
    close = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
    value, _ = harness.outcome(loss, {**arguments, "reduction": "none"}, given, [])
    assert value.dtype == dtype
    torch.testing.assert_close(value.double(), expected, **close)
    for reduction, reduced in (("mean", expected.mean()), ("sum", expected.sum())):
        value, _ = harness.outcome(loss, {**arguments, "reduction": reduction}, given, [])
        torch.testing.assert_close(value.double(), reduced, **{**close, "atol": 12 * close["atol"]})


@CASES
def test_gradients_are_the_slopes_of_the_formula(loss: str, arguments: dict, formula: Any) -> None:
    """d/dinput and d/dtarget of each element, by central differences of the plain formula."""
    given, step = pair(), 1e-6
    _, gradients = harness.outcome(loss, {**arguments, "reduction": "sum"}, given)
    for name in ("input", "target"):
        up, down = ({**given, name: given[name] + sign * step} for sign in (1, -1))
        slope = (elementwise(formula, up) - elementwise(formula, down)) / (2 * step)
        torch.testing.assert_close(gradients[name], slope, rtol=1e-6, atol=1e-6)


@CASES
def test_gradcheck(loss: str, arguments: dict, formula: Any) -> None:
    """Autograd agrees with numerical differences of the implementation."""
    bound = harness.build(loss, {**arguments, "reduction": "none"})
    leaves = [value.requires_grad_() for value in pair().values()]
    assert torch.autograd.gradcheck(bound._forward, leaves)


def test_cosine_distance() -> None:
    """One minus the cosine, over the last dimension; a vector of zeros is at distance 1, and nothing is nan."""
    given = {"input": torch.randn(2, 3, 5, dtype=torch.float64), "target": torch.randn(2, 3, 5, dtype=torch.float64)}
    dot = (given["input"] * given["target"]).sum(-1)
    expected = 1 - dot / (given["input"].square().sum(-1) * given["target"].square().sum(-1)).sqrt()
    value, _ = harness.outcome("CosineDistanceLoss", {"reduction": "none"}, given, [])
    torch.testing.assert_close(value, expected)
    bound = harness.build("CosineDistanceLoss")
    assert bound.weight_sum(given) == 6
    assert torch.autograd.gradcheck(bound._forward, [value.requires_grad_() for value in given.values()])
    for dtype in TOLERANCE:
        zero = {"input": torch.zeros(1, 2, dtype=dtype), "target": torch.ones(1, 2, dtype=dtype)}
        assert harness.outcome("CosineDistanceLoss", {}, zero, [])[0] == 1


def test_rmse() -> None:
    """The root of the mean square; its gradient is error / (n rmse), and 0 where every error is 0."""
    given = {"input": torch.tensor([1.0, 2.0, 3.0, 3.0]), "target": torch.tensor([1.0, 0.0, 0.0, 4.0])}
    value, gradients = harness.outcome("RMSELoss", {}, given)
    root = math.sqrt(14 / 4)
    assert value.item() == pytest.approx(root)
    torch.testing.assert_close(gradients["input"], torch.tensor([0.0, 2.0, 3.0, -1.0]) / (4 * root))
    value, gradients = harness.outcome("RMSELoss", {}, {"input": torch.ones(3), "target": torch.ones(3)})
    assert value == 0
    assert gradients["input"].tolist() == [0, 0, 0]
    assert harness.build("RMSELoss").weight_sum(given) is None
    bound = harness.build("RMSELoss")
    assert torch.autograd.gradcheck(bound._forward, [value.double().requires_grad_() for value in given.values()])


def test_known_values() -> None:
    """scikit-learn's documented examples: pinball, and Tweedie deviance at powers 1 and 2."""
    pinball = {"target": torch.tensor([1.0, 2.0, 3.0]), "input": torch.tensor([0.0, 2.0, 3.0])}
    assert harness.outcome("QuantileLoss", {"quantile": 0.1}, pinball, [])[0].item() == pytest.approx(0.1 / 3)
    ratios = {"target": torch.tensor([100.0]), "input": torch.tensor([150.0])}
    expected = {0.0: 2500.0, 1.0: 18.906978, 2.0: 0.14426354}
    for power, deviance in expected.items():
        assert harness.outcome("TweedieLoss", {"power": power}, ratios, [])[0].item() == pytest.approx(
            deviance, rel=1e-5
        )


def test_extremes() -> None:
    """Huge errors do not overflow on the way; zeros, exact predictions and empty batches answer as the formula does."""
    far = {"input": torch.tensor([1e30]), "target": torch.tensor([0.0])}
    assert harness.outcome("LogCoshLoss", {}, far, [])[0].item() == pytest.approx(1e30)
    assert harness.outcome("CharbonnierLoss", {}, far, [])[0].item() == pytest.approx(1e30)
    zero = {"input": torch.tensor([2.0]), "target": torch.tensor([0.0])}
    assert harness.outcome("SMAPELoss", {}, zero, [])[0] == 2
    value, gradients = harness.outcome("TweedieLoss", {"power": 1.0}, zero, ["input"])
    assert (value.item(), gradients["input"].item()) == (4, 2)
    for entry in regression.ENTRIES:
        nothing = {name: torch.zeros(0, 2) for name in ("input", "target")}
        assert harness.outcome(entry.class_name, {}, nothing, [])[0].isnan(), entry.name


REFUSED = [
    ("QuantileLoss", {"quantile": 1.5}, [1.0], [1.0], "ARGUMENT_OUT_OF_RANGE", "loss.quantile_loss.quantile"),
    ("CharbonnierLoss", {"eps": 0.0}, [1.0], [1.0], "ARGUMENT_OUT_OF_RANGE", "loss.charbonnier_loss.eps"),
    ("MAPELoss", {"epsilon": 0.0}, [1.0], [1.0], "ARGUMENT_OUT_OF_RANGE", "loss.mape_loss.epsilon"),
    ("SMAPELoss", {"epsilon": -1.0}, [1.0], [1.0], "ARGUMENT_OUT_OF_RANGE", "loss.smape_loss.epsilon"),
    ("TweedieLoss", {"power": 0.5}, [1.0], [1.0], "ARGUMENT_OUT_OF_RANGE", "loss.tweedie_loss.power"),
    ("TweedieLoss", {}, [0.0], [1.0], "VALUE_OUT_OF_RANGE", "inputs.input"),
    ("TweedieLoss", {}, [math.nan], [1.0], "VALUE_OUT_OF_RANGE", "inputs.input"),
    ("TweedieLoss", {}, [1.0], [-1.0], "VALUE_OUT_OF_RANGE", "inputs.target"),
    ("TweedieLoss", {"power": 2.0}, [1.0], [0.0], "VALUE_OUT_OF_RANGE", "inputs.target"),
    ("MSLELoss", {}, [-1.0], [1.0], "VALUE_OUT_OF_RANGE", "inputs.input"),
    ("MSLELoss", {}, [1.0], [-2.0], "VALUE_OUT_OF_RANGE", "inputs.target"),
    ("CosineDistanceLoss", {}, 1.0, 1.0, "SHAPE_MISMATCH", "inputs.input"),
    ("RMSELoss", {}, [1.0], [1.0, 2.0], "SHAPE_MISMATCH", "inputs.target"),
]


@pytest.mark.parametrize(("loss", "arguments", "input_", "target", "reason", "field"), REFUSED)
def test_refusals(loss: str, arguments: dict, input_: Any, target: Any, reason: str, field: str) -> None:
    """What the formula is not defined for never reaches it."""
    with pytest.raises(Fault) as refused:
        harness.outcome(loss, arguments, {"input": torch.tensor(input_), "target": torch.tensor(target)}, [])
    assert (refused.value.reason, refused.value.field) == (reason, field)


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()


@pytest.mark.parametrize("entry", regression.ENTRIES, ids=lambda entry: entry.name)
def test_example_and_worker(worker: Worker, entry: regression.FormulaEntry) -> None:
    """The example's value to the last bit; a real worker answers what the function gives, gradients too."""
    harness.check_example(entry)
    given = pair(torch.float32)
    expected, slopes = harness.outcome(entry.class_name, {}, given)
    value, gradients = harness.evaluate(worker, entry.class_name, {}, given)
    assert value.item() == expected.item()
    for name, slope in slopes.items():
        assert torch.equal(gradients[name], slope)
