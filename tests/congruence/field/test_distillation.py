"""Distillation against torch's own distributions in float64, and by hand where the formula is its own witness."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from congruence import oracle
from congruence.field import harness
from lossd_server.faults import Fault
from lossd_server.losses.field import distillation
from lossd_server.worker.worker import Worker
from torch import Tensor
from torch.distributions import Categorical, kl_divergence

TOLERANCE = {torch.float64: 1e-10, torch.float32: 2e-5, torch.bfloat16: 5e-2, torch.float16: 5e-3}


def softened(logits: Tensor, temperature: float = 1.0) -> Categorical:
    return Categorical(logits=logits / temperature)


def mixed(student: Tensor, teacher: Tensor, beta: float, temperature: float) -> Tensor:
    own, other = softened(student, temperature), softened(teacher, temperature)
    if beta in (0.0, 1.0):
        return kl_divergence(other, own) if beta == 0 else kl_divergence(own, other)
    mixture = Categorical(probs=(1 - beta) * own.probs + beta * other.probs)
    return beta * kl_divergence(other, mixture) + (1 - beta) * kl_divergence(own, mixture)


REFERENCES: dict[tuple[str, tuple[tuple[str, float], ...]], Callable[[Tensor, Tensor], Tensor]] = {
    ("KDKLLoss", ()): lambda s, t: kl_divergence(softened(t), softened(s)),
    ("KDKLLoss", (("temperature", 3.0),)): lambda s, t: 9 * kl_divergence(softened(t, 3), softened(s, 3)),
    ("ReverseKLLoss", ()): lambda s, t: kl_divergence(softened(s), softened(t)),
    ("GeneralizedJSDLoss", ()): lambda s, t: mixed(s, t, 0.5, 1),
    ("GeneralizedJSDLoss", (("beta", 0.1), ("temperature", 2.0))): lambda s, t: mixed(s, t, 0.1, 2),
    ("GeneralizedJSDLoss", (("beta", 0.0),)): lambda s, t: mixed(s, t, 0.0, 1),
    ("GeneralizedJSDLoss", (("beta", 1.0), ("temperature", 0.5))): lambda s, t: mixed(s, t, 1.0, 0.5),
    ("TVDLoss", ()): lambda s, t: (softened(s).probs - softened(t).probs).abs().sum(-1) / 2,
}
AGGREGATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "none": lambda losses, kept: torch.where(kept, losses, 0.0),
    "token_sum": lambda losses, kept: losses[kept].sum(),
    "token_mean": lambda losses, kept: losses[kept].mean(),
    "seq_mean_token_sum": lambda losses, kept: torch.stack(
        [row[keep].sum() for row, keep in zip(losses, kept, strict=True) if keep.any()]
    ).mean(),
    "seq_mean_token_mean": lambda losses, kept: torch.stack(
        [row[keep].mean() for row, keep in zip(losses, kept, strict=True) if keep.any()]
    ).mean(),
}
CASES = pytest.mark.parametrize(("loss", "arguments"), REFERENCES, ids=str)


def logits(*shape: int, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    random = oracle.generator(shape)
    return {name: (2 * torch.randn(shape, generator=random)).to(dtype) for name in ("student_logits", "teacher_logits")}


def reference(key: tuple, aggregation: str, given: dict[str, Tensor], kept: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    leaves = {name: given[name].double().requires_grad_() for name in ("student_logits", "teacher_logits")}
    value = AGGREGATIONS[aggregation](REFERENCES[key](*leaves.values()), kept)
    found = torch.autograd.grad(value.sum(), list(leaves.values()))
    return value.detach(), dict(zip(leaves, found, strict=True))


@CASES
@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_value_and_gradients(loss: str, arguments: tuple, aggregation: str, dtype: torch.dtype) -> None:
    """Every aggregation of every divergence, masked, and both gradients."""
    given = logits(3, 4, 5, dtype=dtype)
    kept = torch.tensor([[1, 1, 0, 1], [0, 0, 0, 0], [0, 1, 1, 0]], dtype=torch.bool)
    expected, slopes = reference((loss, arguments), aggregation, given, kept)
    vector = torch.ones(expected.shape, dtype=dtype) if aggregation == "none" else None
    value, gradients = harness.outcome(
        loss, {**dict(arguments), "aggregation": aggregation}, {**given, "mask": kept}, ["*"], vector
    )
    assert value.dtype == dtype
    near = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype], "check_dtype": False}
    torch.testing.assert_close(value, expected, **near)
    assert gradients.keys() == slopes.keys()
    for name, slope in slopes.items():
        torch.testing.assert_close(gradients[name], slope, **near)


@CASES
def test_gradcheck(loss: str, arguments: tuple) -> None:
    """Autograd's gradient is that of finite differences."""
    given = [values.requires_grad_() for values in logits(2, 2, 4).values()]
    built = harness.build(loss, {**dict(arguments), "aggregation": "none"})
    assert torch.autograd.gradcheck(lambda s, t: built._forward(s, t, None), given)


@CASES
def test_on_a_worker(loss: str, arguments: tuple, worker: Worker) -> None:
    """The worker answers what the reference says, for tokens without sequences too."""
    given = logits(6, 5, dtype=torch.float32)
    expected, slopes = reference((loss, arguments), "token_mean", given, torch.ones(6, dtype=torch.bool))
    value, gradients = harness.evaluate(worker, loss, dict(arguments), given, ["student_logits"])
    torch.testing.assert_close(value, expected, rtol=2e-5, atol=2e-5)
    assert list(gradients) == ["student_logits"]
    torch.testing.assert_close(gradients["student_logits"].double(), slopes["student_logits"], rtol=2e-5, atol=2e-5)


def test_direction() -> None:
    """What the teacher rules out costs reverse_kl everything and kd_kl nothing; the student's, the other way round."""
    sure, open_ = torch.tensor([[0.0, -torch.inf]]), torch.tensor([[0.0, 0.0]])
    forward, reverse = harness.build("KDKLLoss"), harness.build("ReverseKLLoss")
    half = pytest.approx(torch.log(torch.tensor(2.0)).item())
    assert forward._forward(open_, sure, None).item() == half
    assert forward._forward(sure, open_, None).item() == torch.inf
    assert reverse._forward(sure, open_, None).item() == half
    assert reverse._forward(open_, sure, None).item() == torch.inf


@CASES
def test_classes_that_both_rule_out(loss: str, arguments: tuple) -> None:
    """A logit of -inf on both sides, as for a padded vocabulary, changes neither value nor gradient."""
    given = logits(2, 3, 4)
    padded = {name: torch.cat((x, torch.full((2, 3, 1), -torch.inf)), -1) for name, x in given.items()}
    value, gradients = harness.outcome(loss, dict(arguments), given)
    wide, slopes = harness.outcome(loss, dict(arguments), padded)
    torch.testing.assert_close(wide, value)
    for name, slope in slopes.items():
        torch.testing.assert_close(slope[..., :4], gradients[name])
        assert not slope[..., 4].any()


@CASES
def test_equal_and_extreme(loss: str, arguments: tuple) -> None:
    """Equal logits cost 0; logits far apart stay finite, with finite gradients."""
    same = logits(2, 3, 4, dtype=torch.float32)["student_logits"]
    value, _ = harness.outcome(loss, dict(arguments), {"student_logits": same, "teacher_logits": same})
    assert value.item() == pytest.approx(0, abs=1e-6)
    far = {"student_logits": torch.tensor([[1e4, -1e4]]), "teacher_logits": torch.tensor([[-1e4, 1e4]])}
    value, gradients = harness.outcome(loss, dict(arguments), far)
    assert value.isfinite()
    assert all(slope.isfinite().all() for slope in gradients.values())


@CASES
def test_masked_tokens_may_hold_anything(loss: str, arguments: tuple) -> None:
    """NaN under the mask reaches neither the value nor the other tokens' gradients; nothing kept is 0/0."""
    given = logits(1, 3, 4)
    spoiled = {name: x.clone() for name, x in given.items()}
    spoiled["student_logits"][0, 2] = torch.nan
    mask = torch.tensor([[1, 1, 0]])
    value, _ = harness.outcome(loss, dict(arguments), {**given, "mask": mask}, [])
    other, gradients = harness.outcome(loss, dict(arguments), {**spoiled, "mask": mask})
    torch.testing.assert_close(other, value)
    assert gradients["student_logits"][0, :2].isfinite().all()
    nothing, _ = harness.outcome(loss, dict(arguments), {**given, "mask": torch.zeros(1, 3)}, [])
    assert nothing.isnan()
    empty, _ = harness.outcome(loss, {**dict(arguments), "aggregation": "token_sum"}, logits(0, 3, 4), [])
    assert empty.item() == 0


def test_chunks_merge() -> None:
    """Σ value · weight_sum over chunks is that of the whole, by tokens and by sequences."""
    given, mask = logits(4, 3, 5), torch.tensor([[1, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 0]])
    for aggregation in ("token_mean", "seq_mean_token_mean"):
        loss = harness.build("KDKLLoss", {"aggregation": aggregation})
        whole, parts = {**given, "mask": mask}, []
        for rows in (slice(0, 2), slice(2, 4)):
            chunk = {name: value[rows] for name, value in whole.items()}
            parts.append((loss._forward(*chunk.values()), loss.weight_sum(chunk)))
        weight = sum(w for _, w in parts)
        assert weight == loss.weight_sum(whole) == (6 if aggregation == "token_mean" else 3)
        torch.testing.assert_close(sum(v * w for v, w in parts) / weight, loss._forward(*whole.values()))


@pytest.mark.parametrize(
    ("changed", "arguments", "reason", "field"),
    [
        ({"student_logits": torch.zeros(4)}, {}, "SHAPE_MISMATCH", "inputs.student_logits"),
        ({"teacher_logits": torch.zeros(2, 3, 5)}, {}, "SHAPE_MISMATCH", "inputs.teacher_logits"),
        ({"teacher_logits": torch.zeros(2, 3, 4).double()}, {}, "DTYPE_MISMATCH", "inputs.teacher_logits"),
        ({"teacher_logits": torch.zeros(2, 3, 4).int()}, {}, "DTYPE_MISMATCH", "inputs.teacher_logits"),
        ({"mask": torch.zeros(2, 4)}, {}, "SHAPE_MISMATCH", "inputs.mask"),
        ({}, {"beta": 1.5}, "ARGUMENT_OUT_OF_RANGE", "loss.generalized_jsd_loss.beta"),
        ({}, {"temperature": 0.0}, "ARGUMENT_OUT_OF_RANGE", "loss.generalized_jsd_loss.temperature"),
        ({}, {"aggregation": "batch"}, "ARGUMENT_OUT_OF_RANGE", "loss.generalized_jsd_loss.aggregation"),
    ],
)
def test_refusals(changed: dict, arguments: dict, reason: str, field: str) -> None:
    """What does not fit is refused with its reason and field."""
    given = {"student_logits": torch.zeros(2, 3, 4), "teacher_logits": torch.zeros(2, 3, 4)} | changed
    with pytest.raises(Fault) as refused:
        harness.build("GeneralizedJSDLoss", arguments).check(given)
    assert (refused.value.reason, refused.value.field) == (reason, field)


def test_sequences_need_a_third_dimension() -> None:
    """(N,V) has no sequences to average over."""
    with pytest.raises(Fault, match="averages over sequences"):
        harness.build("TVDLoss", {"aggregation": "seq_mean_token_sum"}).check(logits(3, 4))


def test_examples() -> None:
    """Each entry's example answers its value, bit for bit."""
    for entry in distillation.ENTRIES:
        harness.check_example(entry)


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()
