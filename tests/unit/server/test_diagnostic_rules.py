"""The bounds of the rules: what is inside is not found, what is beyond is; and how little `cheap` looks at."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from lossd_server.judge.diagnostics.case import SAMPLED, SAMPLED_WIDE, Case, picks, spread
from lossd_server.judge.diagnostics.evaluation import diagnose
from lossd_server.judge.diagnostics.findings import Level
from lossd_server.losses import catalogue
from lossd_server.losses.binding import BoundEntry
from lossd_server.losses.evaluation import evaluate
from torch import Tensor


def found(name: str, level: Level = Level.CHEAP, **inputs: Tensor) -> set[str]:
    entry = catalogue.find(name)
    assert isinstance(entry, BoundEntry)
    loss = entry.build({}, path="loss", allow_broadcast=False)
    return {one.diagnostic.code for one in diagnose(loss, inputs, evaluate(loss, inputs), level)}


def outliers(carried: float) -> set[str]:
    """Of 200 errors the two largest carry this share of the squares."""
    errors = torch.ones(200, dtype=torch.float64)
    errors[:2] = math.sqrt(99 * carried / (1 - carried))
    target = torch.randn(200, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 100
    return found("mse_loss", input=target + errors, target=target)


def unbalanced(rare: int) -> set[str]:
    """5000 targets of class 0 and some of class 1."""
    target = torch.zeros(5000 + rare, dtype=torch.int64)
    target[:rare] = 1
    logits = torch.nn.functional.one_hot(target, 2) * 3.0
    return found("cross_entropy_loss", input=logits - 1, target=target)


def summed(off: float) -> set[str]:
    """Rows of two that add up to 1 and a bit."""
    p = torch.tensor([[0.3, 0.7], [0.6, 0.4], [0.5, 0.5]]) + torch.tensor([0.0, off])
    return found("cross_entropy_loss", input=p, target=torch.tensor([0, 1, 0]))


def labels(count: int) -> set[str]:
    """Probabilities of labels."""
    p = torch.linspace(0.05, 0.95, count)
    return found("bce_with_logits_loss", input=p, target=(p > 0.5).float())


def flipped(right: int) -> set[str]:
    """A hundred answers, some of them right."""
    target = torch.arange(100) % 2
    sign = torch.where(torch.arange(100) < right, 1.0, -1.0)
    return found("bce_with_logits_loss", input=(target * 2.0 - 1) * 3 * sign, target=target.float())


def paired(correlation: float) -> tuple[Tensor, Tensor]:
    """64 predictions and targets of mean 0 and spread 1 that correlate so, to the last digits."""
    first = torch.linspace(-1, 1, 64, dtype=torch.float64)
    second = first.square() - first.square().mean()
    first, second = first / first.std(correction=0), second / second.std(correction=0)
    return correlation * first + math.sqrt(1 - correlation**2) * second, first


def shifted(offset: float) -> set[str]:
    """Predictions of correlation 0.9 off by so many spreads: their errors vary by 0.2 around that."""
    given, target = paired(0.9)
    return found("l1_loss", input=given + offset, target=target)


def scaled(factor: float) -> set[str]:
    """Predictions of another unit around a mean far from 0."""
    given, target = paired(0.8)
    return found("huber_loss", input=(given + 3) * factor, target=target + 3)


def turned(correlation: float) -> set[str]:
    """Predictions that correlate the wrong way."""
    given, target = paired(correlation)
    return found("mse_loss", input=given, target=target)


def worse(spread: float) -> set[str]:
    """Predictions that know nothing: their errors are 1 + spread² of the targets' variance."""
    given, target = paired(0.0)
    return found("mse_loss", input=given * spread, target=target)


def sentinel(times: int) -> set[str]:
    """Some of 100 targets are -999."""
    target = torch.linspace(10, 20, 100)
    target[:times] = -999
    return found("l1_loss", input=torch.linspace(10, 20, 100) + 0.5, target=target)


def spread_out(share: int) -> set[str]:
    """Scores within 0 to 1, so many of 500 above 0.9 and the others below 0.5."""
    scores = torch.linspace(0.01, 0.49, 500)
    scores[torch.randperm(500, generator=torch.Generator().manual_seed(0))[:share]] = 0.95
    return found("cross_entropy_loss", input=scores.reshape(50, 10), target=torch.arange(50) % 10)


def deviations(ratio: float) -> set[str]:
    """Variances that are standard deviations, where a variance is so many of them."""
    given, target = paired(0.0)
    errors = given * ratio
    return found("gaussian_nll_loss", input=target + errors, target=target, var=torch.full_like(target, ratio))


def masks(wrong: float) -> set[str]:
    """Scores of 200 elements of a foreground and 200 of a background, that share of each of the wrong sign."""
    target = (torch.arange(400) % 2).reshape(1, 1, 20, 20)
    sign = torch.where((torch.arange(400) // 2 % 20 < wrong * 20), -1.0, 1.0).reshape(1, 1, 20, 20)
    entry = catalogue.find("dice_loss")
    assert isinstance(entry, BoundEntry)
    loss = entry.build({"mode": "binary"}, path="loss", allow_broadcast=False)
    inputs = {"input": (target * 2.0 - 1) * sign * 3, "target": target}
    return {one.diagnostic.code for one in diagnose(loss, inputs, evaluate(loss, inputs), Level.CHEAP)}


@pytest.mark.parametrize(
    ("case", "inside", "beyond", "code"),
    [
        (outliers, 0.48, 0.52, "OUTLIERS_DOMINATE"),
        (unbalanced, 101, 99, "CLASS_IMBALANCE"),
        (summed, 0.01, 0.0005, "PROBABILITIES_AS_LOGITS"),
        (labels, 11, 12, "PROBABILITIES_AS_LOGITS"),
        (flipped, 11, 9, "LABELS_FLIPPED"),
        (shifted, 1.3, 1.5, "OFFSET_PREDICTIONS"),
        (scaled, 2.9, 3.2, "SCALE_MISMATCH"),
        (turned, -0.5, -0.7, "SIGN_FLIPPED"),
        (worse, 0.69, 0.72, "WORSE_THAN_MEAN"),
        (sentinel, 2, 3, "MISSING_AS_NUMBER"),
        (spread_out, 9, 11, "SIGMOIDS_AS_LOGITS"),
        (deviations, 9, 11, "VARIANCE_OFF"),
        (masks, 0.7, 0.8, "LABELS_FLIPPED"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_bounds(case: Callable[[float], set[str]], inside: float, beyond: float, code: str) -> None:
    """Each rule keeps its bound."""
    assert code not in case(inside)
    assert code in case(beyond)


@pytest.mark.parametrize("shape", [(3,), (10**6,), (1024, 4096), (7, 300_000), (10**5, 1), (2, 21, 512, 512)])
def test_a_sample_is_small(shape: tuple[int, ...]) -> None:
    """However large an input is, `cheap` looks at a bounded number of its elements, and at all of a small one."""
    given = torch.zeros(shape)
    case = Case("mse_loss", {}, {"input": given}, Level.CHEAP, 0.0)
    assert case.elements("input").numel() <= 2 * SAMPLED
    assert case.elements("input").numel() == given.numel() or given.numel() > SAMPLED
    rows = case.rows("input", 1 if len(shape) > 1 else 0)
    assert rows.numel() <= max(2 * SAMPLED_WIDE, rows.shape[-1])
    assert Case("mse_loss", {}, {"input": given}, Level.FULL, 0.0).elements("input").numel() == given.numel()


def test_samples_of_inputs_belong_together() -> None:
    """Inputs of one shape are sampled at the same places."""
    given = torch.arange(200_000.0).reshape(2000, 100)
    case = Case("mse_loss", {}, {"input": given, "target": given + 0.5}, Level.CHEAP, 0.0)
    first, second = case.numbers
    assert torch.equal(first + 0.5, second)
    assert len(first.unique()) == len(first) > SAMPLED / 2


def test_classes_and_targets_are_sampled_at_the_same_places() -> None:
    """Scores (N,C,d…) and indices (N,d…) of one position stay together, and ignored ones are left out."""
    target = torch.randint(5, (8, 64, 64), generator=torch.Generator().manual_seed(0))
    scores = torch.nn.functional.one_hot(target, 5).movedim(-1, 1).float()
    target[0] = -100
    case = Case("cross_entropy_loss", {}, {"input": scores, "target": target}, Level.CHEAP, 0.0, ignored=-100)
    assert case.classes.target is not None
    assert torch.equal(case.classes.scores.argmax(-1), case.classes.target)
    assert int(case.classes.target.min()) >= 0


def test_picks_of_nothing() -> None:
    """An empty shape and no wish leave nothing to divide by."""
    assert picks((), 5) == ()
    assert spread(torch.empty(0, 3), 5).numel() == 0
    assert torch.zeros(4, 0)[picks((4,), 0)].shape == (1, 0)


def test_what_is_not_finite_hides_what_follows_from_it() -> None:
    """Beside NaN nothing is said of scales or worth, which would follow from it; the field names the input."""
    target = torch.linspace(0, 1, 64)
    given = torch.full((64,), 1e6)
    given[3] = math.nan
    inputs = {"input": given, "target": target}
    entry = catalogue.find("mse_loss")
    assert isinstance(entry, BoundEntry)
    loss = entry.build({}, path="loss", allow_broadcast=False)
    for level in (Level.CHEAP, Level.FULL):
        said = diagnose(loss, inputs, evaluate(loss, inputs), level)
        assert [one.diagnostic.code for one in said] == ["NAN_INPUT", "NONFINITE_RESULT"]
        assert (said[0].field, said[0].message) == ("inputs.input", "1 of 64 elements are NaN, the first at [3]")
