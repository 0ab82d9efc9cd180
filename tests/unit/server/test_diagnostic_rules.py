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


@pytest.mark.parametrize(
    ("case", "inside", "beyond", "code"),
    [
        (outliers, 0.48, 0.52, "OUTLIERS_DOMINATE"),
        (unbalanced, 101, 99, "CLASS_IMBALANCE"),
        (summed, 0.01, 0.0005, "PROBABILITIES_AS_LOGITS"),
        (labels, 11, 12, "PROBABILITIES_AS_LOGITS"),
        (flipped, 11, 9, "LABELS_FLIPPED"),
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
