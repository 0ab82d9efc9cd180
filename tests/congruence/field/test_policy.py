"""Losses of policies against the formulas of verl, TRL and the papers in float64, and their known limits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from congruence import oracle
from congruence.field import harness
from lossd_server.faults import Fault
from lossd_server.losses.budget import Budget
from lossd_server.losses.evaluation import evaluate
from lossd_server.losses.field import policy, policy_terms
from lossd_server.worker.worker import Worker
from torch import Tensor

TOLERANCE = {torch.float64: 1e-10, torch.float32: 2e-5, torch.float16: 4e-2, torch.bfloat16: 2e-1}
AGGREGATIONS = ("none", "token_mean", "token_sum", "seq_mean_token_sum", "seq_mean_token_mean")
MASK = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0], [0, 1, 0, 1, 1]])
Formula = Callable[..., Tensor]


def surrogate(ratio: Tensor, a: Tensor, low: float, high: float, c: float | None = None) -> Tensor:
    """PPO's loss as verl writes it: maxima and minima of products."""
    clipped = torch.maximum(-a * ratio, -a * ratio.clamp(1 - low, 1 + high))
    return clipped if c is None else torch.where(a < 0, torch.minimum(-a * c, clipped), clipped)


def ppo(t: dict[str, Tensor], n: dict[str, Any], mask: Tensor) -> Tensor:
    low, high = (n.get(f"clip_ratio_{end}", n.get("clip_ratio", 0.2)) for end in ("low", "high"))
    ratio = (t["log_probs"] - t["old_log_probs"]).exp()
    losses = surrogate(ratio, t["advantages"], low, high, n.get("clip_ratio_c"))
    if "ref_log_probs" in t:
        difference = t["ref_log_probs"] - t["log_probs"]
        losses = losses + n["beta"] * (difference.exp() - difference - 1)
    return losses


def gspo(t: dict[str, Tensor], n: dict[str, Any], mask: Tensor) -> Tensor:
    means = torch.stack([d[m].mean() if m.any() else d.sum() * 0
                         for d, m in zip(t["log_probs"] - t["old_log_probs"], mask, strict=True)])  # fmt: skip
    ratio = means.detach().exp().unsqueeze(1) * t["log_probs"].exp() / t["log_probs"].exp().detach()
    return surrogate(ratio, t["advantages"], n.get("clip_ratio_low", 3e-4), n.get("clip_ratio_high", 4e-4))


def cispo(t: dict[str, Tensor], n: dict[str, Any], mask: Tensor) -> Tensor:
    ratio = (t["log_probs"] - t["old_log_probs"]).exp()
    low, high = 1 - n.get("clip_ratio_low", 1.0), 1 + n.get("clip_ratio_high", 0.2)
    bounded = torch.where(ratio < low, low, torch.where(ratio > high, high, ratio)).detach()
    return -bounded * t["advantages"] * t["log_probs"]


def critic(t: dict[str, Tensor], n: dict[str, Any], mask: Tensor) -> Tensor:
    c = n.get("cliprange_value", 0.5)
    near = torch.maximum(torch.minimum(t["values"], t["old_values"] + c), t["old_values"] - c)
    return 0.5 * torch.maximum((t["values"] - t["returns"]) ** 2, (near - t["returns"]) ** 2)


def kl(t: dict[str, Tensor], n: dict[str, Any], mask: Tensor) -> Tensor:
    log_ratio = t["ref_log_probs"] - t["log_probs"]
    kinds = {"k1": -log_ratio, "k2": log_ratio**2 / 2, "k3": log_ratio.exp() - 1 - log_ratio}
    return kinds[n.get("estimator", "k3")]


FORMULAS: dict[str, Formula] = {
    "ReinforceLoss": lambda t, n, m: -t["log_probs"] * t["advantages"],
    "ImportanceSamplingLoss": lambda t, n, m: -t["log_probs"].exp() / t["old_log_probs"].exp() * t["advantages"],
    "PPOClipLoss": ppo,
    "GRPOLoss": ppo,
    "DrGRPOLoss": lambda t, n, m: ppo(t, n, m) / n.get("max_tokens", 5),
    "DAPOLoss": lambda t, n, m: ppo(t, {"clip_ratio_high": 0.28} | n, m),
    "CISPOLoss": cispo,
    "GSPOLoss": gspo,
    "DROLoss": lambda t, n, m: -(t["log_probs"] * t["advantages"]
                                 - n.get("beta", 0.05) / 2 * (t["log_probs"] - t["old_log_probs"]) ** 2),
    "PPOValueClipLoss": critic,
    "KLEstimator": kl,
    "EntropyBonus": lambda t, n, m: (t["logits"].softmax(-1) * t["logits"].softmax(-1).log()).sum(-1),
}  # fmt: skip
DEFAULTS = {
    "ReinforceLoss": "seq_mean_token_sum",
    "ImportanceSamplingLoss": "token_sum",
    "GRPOLoss": "seq_mean_token_mean",
    "DrGRPOLoss": "seq_mean_token_sum",
    "GSPOLoss": "seq_mean_token_mean",
    "DROLoss": "token_sum",
}
"""Those that are not token_mean."""
INPUTS = {
    "ReinforceLoss": ("log_probs", "advantages"),
    "PPOValueClipLoss": ("values", "old_values", "returns"),
    "KLEstimator": ("log_probs", "ref_log_probs"),
    "EntropyBonus": ("logits",),
}
CLIPS = [{}, {"clip_ratio": 0.1}, {"clip_ratio_low": 0.3, "clip_ratio_high": 0.05}, {"clip_ratio_c": 1.3}]
CASES: list[tuple[str, dict[str, Any]]] = [
    *[(name, {}) for name in FORMULAS],
    *[(name, clip) for name in ("PPOClipLoss", "GRPOLoss", "DrGRPOLoss") for clip in CLIPS],
    ("GRPOLoss", {"beta": 0.3}),
    ("DrGRPOLoss", {"beta": 0.3, "max_tokens": 9}),
    ("DAPOLoss", {"clip_ratio_low": 0.1, "clip_ratio_high": 0.4}),
    ("CISPOLoss", {"clip_ratio_low": 0.1, "clip_ratio_high": 0.1}),
    ("GSPOLoss", {"clip_ratio_low": 0.05, "clip_ratio_high": 0.02}),
    ("DROLoss", {"beta": 2.0}),
    ("PPOValueClipLoss", {"cliprange_value": 0.1}),
    *[("KLEstimator", {"estimator": estimator}) for estimator in ("k1", "k2", "k3")],
]


def data(
    name: str, arguments: dict[str, Any], dtype: torch.dtype = torch.float64, rows: bool = False
) -> dict[str, Any]:
    """Inputs on both sides of every clip; ratios from about a half to two."""
    names = INPUTS.get(name, ("log_probs", "old_log_probs", "advantages"))
    names += ("ref_log_probs",) if name != "KLEstimator" and arguments.get("beta") and name != "DROLoss" else ()
    start = torch.rand(4, 5, generator=oracle.generator("start")) * 2 + 1
    made = {}
    for input_ in names:
        noise = torch.randn(4, 5, generator=oracle.generator(input_), dtype=torch.float64)
        made[input_] = noise if input_ in ("advantages", "values", "old_values", "returns") else 0.3 * noise - start
    if "logits" in made:
        made["logits"] = torch.randn(4, 5, 3, generator=oracle.generator("logits"))
    if rows and "advantages" in made:
        made["advantages"] = made["advantages"][:, 0]
    return {name: value.to(dtype) for name, value in made.items()}


def aggregated(losses: Tensor, mask: Tensor, how: str) -> Tensor:
    """The aggregations, sequence by sequence."""
    if how == "none":
        return torch.where(mask, losses, 0.0)
    if how == "token_sum":
        return losses[mask].sum()
    if how == "token_mean":
        return losses[mask].mean()
    sequences = [row[kept] for row, kept in zip(losses, mask, strict=True) if kept.any()]
    return torch.stack([row.sum() if how.endswith("sum") else row.mean() for row in sequences]).mean()


def expected(
    name: str, arguments: dict[str, Any], inputs: dict[str, Tensor], mask: Tensor, how: str
) -> tuple[Tensor, dict[str, Tensor], Tensor | None]:
    """The value in float64, its gradients by autograd, and the vector that these were asked with."""
    leaves = {name: value.double().requires_grad_() for name, value in inputs.items()}
    given = dict(leaves)
    if "advantages" in given and given["advantages"].dim() == 1:
        given["advantages"] = given["advantages"].unsqueeze(1)
    value = aggregated(FORMULAS[name](given, arguments, mask), mask, how)
    vector = torch.linspace(-1, 2, 20).reshape(4, 5).to(next(iter(inputs.values())).dtype) if how == "none" else None
    found = torch.autograd.grad(
        value, list(leaves.values()), None if vector is None else vector.double(), materialize_grads=True
    )
    return value.detach(), dict(zip(leaves, found, strict=True)), vector


@pytest.mark.parametrize("how", [None, *AGGREGATIONS])
@pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)
def test_values_and_gradients(name: str, arguments: dict[str, Any], how: str | None) -> None:
    """Value and every gradient, masked and not, with advantages of tokens and of sequences, in every type."""
    for dtype in TOLERANCE:
        for mask, rows in ((None, False), (MASK, False), (MASK.bool(), True), (MASK.float(), False)):
            inputs = data(name, arguments, dtype, rows)
            kept = torch.ones(4, 5, dtype=torch.bool) if mask is None else mask.bool()
            value, gradients, vector = expected(name, arguments, inputs, kept, how or DEFAULTS.get(name, "token_mean"))
            given = inputs if mask is None else inputs | {"mask": mask}
            asked = {} if how is None else {"aggregation": how}
            result, found = harness.outcome(name, arguments | asked, given, tuple(inputs), vector)
            assert result.dtype == dtype
            near = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype] * (1 + float(value.abs().max()))}
            torch.testing.assert_close(result.double(), value, **near)
            if dtype.itemsize < 4:
                continue  # a clip's edge may round to its other side
            for input_, gradient in gradients.items():
                torch.testing.assert_close(found[input_].double(), gradient, **near)


STOPPED = ("CISPOLoss", "GSPOLoss")
"""Losses whose gradient, by definition, is not that of their value."""


@pytest.mark.parametrize(("name", "arguments"), [case for case in CASES if case[0] not in STOPPED], ids=str)
def test_differences(name: str, arguments: dict[str, Any]) -> None:
    """Autograd agrees with differences, token by token."""
    inputs = data(name, arguments)
    leaves = [value.clone().requires_grad_() for value in inputs.values()]
    loss = harness.build(name, arguments | {"aggregation": "none"})

    def function(*given: Tensor) -> Tensor:
        tensors = dict(zip(inputs, given, strict=True)) | {"mask": MASK}
        return loss.compute(tensors, Budget(tensors.values())).value

    assert torch.autograd.gradcheck(function, leaves)


def test_sequence_gradient() -> None:
    """With its own aggregation GSPO has the gradient of the ratio of sequences: differences agree."""
    inputs = data("GSPOLoss", {}, rows=True)
    loss = harness.build("GSPOLoss", {"clip_ratio_low": 0.9, "clip_ratio_high": 9.0})

    def function(log_probs: Tensor) -> Tensor:
        tensors = inputs | {"log_probs": log_probs, "mask": MASK}
        return loss.compute(tensors, Budget(tensors.values())).value

    assert torch.autograd.gradcheck(function, inputs["log_probs"].clone().requires_grad_())


@pytest.mark.parametrize("name", ["ImportanceSamplingLoss", "PPOClipLoss", "GRPOLoss", "DAPOLoss", "CISPOLoss",
                                  "GSPOLoss", "DROLoss", "ReinforceLoss"])  # fmt: skip
def test_on_policy(name: str) -> None:
    """Where the ratio is 1, every loss has the policy gradient: −A of each token."""
    inputs = data(name, {})
    if "old_log_probs" in inputs:
        inputs["old_log_probs"] = inputs["log_probs"].clone()
    _, gradients = harness.outcome(name, {"aggregation": "token_sum"}, inputs, ("log_probs",))
    torch.testing.assert_close(gradients["log_probs"], -inputs["advantages"])


def at(ratio: float, advantage: float) -> dict[str, Tensor]:
    return {
        "log_probs": torch.tensor([[math.log(ratio) - 1]], dtype=torch.float64),
        "old_log_probs": torch.tensor([[-1.0]], dtype=torch.float64),
        "advantages": torch.tensor([advantage], dtype=torch.float64),
    }


@pytest.mark.parametrize(
    ("ratio", "advantage", "value", "slope"),
    [
        (1.5, 2.0, -2.4, 0.0),  # above the clip, nothing more to earn
        (0.5, 2.0, -1.0, -1.0),  # below it, everything
        (0.5, -2.0, 1.6, 0.0),
        (1.5, -2.0, 3.0, 3.0),
        (5.0, -2.0, 6.0, 0.0),  # the dual clip
        (5.0, 2.0, -2.4, 0.0),  # which positive advantages do not know
    ],
)
def test_clip_zones(ratio: float, advantage: float, value: float, slope: float) -> None:
    """Beyond the clip the value is that of its edge and the gradient exactly 0."""
    result, gradients = harness.outcome("PPOClipLoss", {"clip_ratio_c": 3.0}, at(ratio, advantage), ("log_probs",))
    assert result.item() == pytest.approx(value)
    assert gradients["log_probs"].item() == (pytest.approx(slope) if slope else 0.0)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_overflow(dtype: torch.dtype) -> None:
    """A ratio too large for its type is cut off like any other, with the gradient 0."""
    inputs = {name: value.to(dtype) for name, value in at(1.0, 1.0).items()}
    inputs["log_probs"] = inputs["log_probs"] + 3000
    for name in ("PPOClipLoss", "GRPOLoss", "DAPOLoss", "GSPOLoss"):
        result, gradients = harness.outcome(name, {}, inputs, ("log_probs",))
        assert result.isfinite(), name
        assert gradients["log_probs"].item() == 0, name
    result, gradients = harness.outcome("CISPOLoss", {}, inputs, ("log_probs",))
    assert gradients["log_probs"].item() == pytest.approx(-1.2, rel=1e-2)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)
def test_masked_tokens(name: str, arguments: dict[str, Any], bad: float) -> None:
    """What masked tokens hold reaches neither value nor gradient, also where a whole sequence is masked."""
    for rows in (False, True):
        clean = data(name, arguments, rows=rows)
        dirty = {}
        for input_, value in clean.items():
            off = ~MASK.bool() if value.dim() > 1 else ~MASK.bool().any(-1)
            dirty[input_] = torch.where(off.reshape(*off.shape, *[1] * (value.dim() - off.dim())), bad, value)
        for how in AGGREGATIONS[1:]:
            asked = arguments | {"aggregation": how}
            wanted = harness.outcome(name, asked, clean | {"mask": MASK}, tuple(clean))
            given = harness.outcome(name, asked, dirty | {"mask": MASK}, tuple(clean))
            assert torch.equal(given[0], wanted[0])
            for input_, gradient in wanted[1].items():
                assert torch.equal(given[1][input_], gradient), input_


def test_nothing() -> None:
    """Without a token a mean is nan, a sum 0, and an unreduced loss zeros."""
    inputs = data("PPOClipLoss", {}) | {"mask": torch.zeros(4, 5, dtype=torch.bool)}
    values = {how: harness.outcome("PPOClipLoss", {"aggregation": how}, inputs, ())[0] for how in AGGREGATIONS}
    assert values["token_sum"] == 0
    assert not values["none"].any()
    assert all(values[how].isnan() for how in AGGREGATIONS if "mean" in how)
    for name in ("PPOClipLoss", "GSPOLoss", "DrGRPOLoss"):
        for shape in ((0, 5), (4, 0)):
            empty = dict.fromkeys(("log_probs", "old_log_probs", "advantages"), torch.zeros(shape))
            assert harness.outcome(name, {"aggregation": "token_sum"}, empty, ())[0] == 0


@pytest.mark.parametrize("how", AGGREGATIONS)
@pytest.mark.parametrize("name", FORMULAS)
def test_chunks(name: str, how: str) -> None:
    """Chunks merge: their sums add up to the sum of the whole, over the sum of their weights."""
    inputs = data(name, {})
    for masked in ({"mask": MASK}, {}):
        whole = inputs | masked
        parts = [{n: value[:1] for n, value in whole.items()}, {n: value[1:] for n, value in whole.items()}]
        loss = harness.build(name, {"aggregation": how})
        total = evaluate(loss, whole)
        merged = [evaluate(loss, part) for part in parts]
        assert sum(part.weight_sum or 0 for part in merged) == total.weight_sum
        assert sum(part.loss_sum or 0 for part in merged) == pytest.approx(total.loss_sum)
        if how != "none" and "sum" not in how.split("_", 1)[0] and how != "token_sum":
            assert float(total.value) == pytest.approx((total.loss_sum or 0) / (total.weight_sum or 0))


def test_k3_is_never_negative() -> None:
    """k3 keeps its digits where policy and reference nearly agree: d²/2."""
    log_probs = torch.full((1, 1), -1.0)
    reference = torch.full((1, 1), -1.001)
    value, _ = harness.outcome("KLEstimator", {}, {"log_probs": log_probs, "ref_log_probs": reference}, ())
    assert value.item() == pytest.approx(float(log_probs - reference) ** 2 / 2, rel=2e-2)


def test_impossible_tokens() -> None:
    """Logits of −∞ leave the entropy of the others."""
    logits = torch.tensor([[[0.0, 0.0, -math.inf]]])
    value, gradients = harness.outcome("EntropyBonus", {}, {"logits": logits})
    assert value.item() == pytest.approx(-math.log(2))
    assert not gradients["logits"].any()


GIVEN = {n: torch.zeros(2, 3) for n in ("log_probs", "old_log_probs", "advantages")}
REF = {"ref_log_probs": torch.zeros(2, 3)}


@pytest.mark.parametrize(
    ("name", "arguments", "inputs", "reason", "field"),
    [
        ("PPOClipLoss", {}, GIVEN | {"log_probs": torch.zeros(3)}, "SHAPE_MISMATCH", "inputs.log_probs"),
        ("PPOClipLoss", {}, GIVEN | {"old_log_probs": torch.zeros(2)}, "SHAPE_MISMATCH", "inputs.old_log_probs"),
        ("PPOClipLoss", {}, GIVEN | {"advantages": torch.zeros(3)}, "SHAPE_MISMATCH", "inputs.advantages"),
        ("PPOClipLoss", {}, GIVEN | {"mask": torch.zeros(2, dtype=torch.bool)}, "SHAPE_MISMATCH", "inputs.mask"),
        ("PPOClipLoss", {}, GIVEN | {"advantages": torch.zeros(2).half()}, "DTYPE_MISMATCH", "inputs.advantages"),
        ("PPOClipLoss", {"clip_ratio_c": 1.0}, GIVEN, "ARGUMENT_OUT_OF_RANGE", "loss.ppo_clip_loss.clip_ratio_c"),
        ("PPOClipLoss", {"clip_ratio": -0.1}, GIVEN, "ARGUMENT_OUT_OF_RANGE", "loss.ppo_clip_loss.clip_ratio"),
        ("PPOClipLoss", {"aggregation": "mean"}, GIVEN, "ARGUMENT_OUT_OF_RANGE", "loss.ppo_clip_loss.aggregation"),
        ("GRPOLoss", {"beta": 0.1}, GIVEN, "MISSING_FIELD", "inputs.ref_log_probs"),
        ("GRPOLoss", {}, GIVEN | REF, "MISSING_FIELD", "loss.grpo_loss.beta"),
        ("GRPOLoss", {"beta": 0.1}, GIVEN | {"ref_log_probs": torch.zeros(2, 1)}, "SHAPE_MISMATCH",
         "inputs.ref_log_probs"),
        ("DrGRPOLoss", {"max_tokens": 0}, GIVEN, "ARGUMENT_OUT_OF_RANGE", "loss.dr_grpo_loss.max_tokens"),
        ("EntropyBonus", {}, {"logits": torch.zeros(2, 3)}, "SHAPE_MISMATCH", "inputs.logits"),
        ("EntropyBonus", {}, {"logits": torch.zeros(2, 3, 4), "mask": torch.ones(2, 4)}, "SHAPE_MISMATCH",
         "inputs.mask"),
        ("KLEstimator", {"estimator": "k4"}, {}, "ARGUMENT_OUT_OF_RANGE", "loss.kl_estimator.estimator"),
    ],
)  # fmt: skip
def test_refusals(name: str, arguments: dict[str, Any], inputs: dict[str, Tensor], reason: str, field: str) -> None:
    """What does not fit, and what would be ignored, is refused by name."""
    with pytest.raises(Fault) as refusal:
        harness.outcome(name, arguments, inputs, ())
    assert (refusal.value.reason, refusal.value.field) == (reason, field)


def test_reference_without_weight() -> None:
    """A weight of 0, said aloud, is no mistake: schedules end there."""
    assert torch.equal(
        harness.outcome("GRPOLoss", {"beta": 0.0}, GIVEN | REF, ())[0], harness.outcome("GRPOLoss", {}, GIVEN, ())[0]
    )


@pytest.mark.parametrize("entry", [*policy.ENTRIES, *policy_terms.ENTRIES], ids=lambda entry: entry.name)
def test_examples(entry: Any) -> None:
    """The example of each entry is true."""
    harness.check_example(entry)


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()


@pytest.mark.parametrize("name", FORMULAS)
def test_worker(worker: Worker, name: str) -> None:
    """A worker answers what the formula says, with the mask and the gradients."""
    inputs = data(name, {}, torch.float32)
    wanted = harness.outcome(name, {"aggregation": "token_mean"}, inputs | {"mask": MASK.bool()}, tuple(inputs))
    result, gradients = harness.evaluate(
        worker, name, {"aggregation": "token_mean"}, inputs | {"mask": MASK.bool()}, tuple(inputs)
    )
    assert float(result) == float(wanted[0])
    assert all(torch.equal(gradients[n], wanted[1][n]) for n in inputs)
