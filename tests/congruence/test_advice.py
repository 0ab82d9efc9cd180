"""Advice beside an expert's picks, and what it measures beside data whose nature is known."""

from __future__ import annotations

import functools
import itertools
import re
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from congruence.advice_tasks import SECOND, STRANGERS, TASKS, Task
from congruence.test_every_entry import example
from hypothesis import given, settings
from lossd.v1 import advice_pb2 as pb
from lossd_server.faults import Fault
from lossd_server.judge.advice import arguments, watching
from lossd_server.judge.advice.advising import Advice, Recommendation, advise, rank
from lossd_server.judge.advice.questions import QUESTIONS
from lossd_server.judge.advice.questions import TASKS as KNOWN
from lossd_server.judge.advice.rules import CANDIDATES
from lossd_server.judge.advice.rules.implications import IMPLIED
from lossd_server.judge.advice.sample import Sample
from lossd_server.judge.catalogue import ask_number
from lossd_server.judge.metrics import Metrics
from lossd_server.losses.binding import BoundEntry
from lossd_server.losses.catalogue import ENTRIES
from lossd_server.losses.contract import Loss
from lossd_server.losses.evaluation import evaluate
from lossd_server.worker.advising import specification
from lossd_server.worker.programs import Programs
from lossd_server.worker.specs import Reader
from lossd_server.worker.tensors import Attachments
from sklearn import datasets

CPU = torch.device("cpu")
EVERY = (*TASKS, *SECOND, *STRANGERS)


def names(advice: Advice) -> list[str]:
    return [recommendation.loss for recommendation in advice.recommendations]


@functools.cache
def every_advice() -> list[tuple[Task, Advice]]:
    """All that may be recommended for each task of the tables."""
    return [(task, advise(task.facts, limit=100)) for task in EVERY]


_BUILT: dict[bytes, Loss] = {}


def build(recommendation: Recommendation) -> Loss:
    """As EvaluateLoss builds it; each specification once."""
    spec = specification(recommendation.loss, recommendation.arguments, torch.float32)
    key = spec.SerializeToString(deterministic=True)
    if key not in _BUILT:
        _BUILT[key] = Reader(Attachments(()), CPU, Programs(True)).loss(spec)
    return _BUILT[key]


def build_or_beyond(recommendation: Recommendation) -> None:
    """It builds, but for one that says that this service has not the room for it, which is refused for that alone."""
    if not recommendation.beyond:
        build(recommendation)
        return
    assert recommendation.loss in ("linear_cross_entropy_loss", "adaptive_log_softmax_with_loss")
    with pytest.raises(Fault) as refusal:
        build(recommendation)
    assert refusal.value.reason in ("LIMIT_EXCEEDED", "ARGUMENT_OUT_OF_RANGE")
    assert recommendation.beyond.endswith(refusal.value.message)
    assert recommendation.cautions[0].startswith("beyond this server's limits")


def argument(advice: Advice, name: str, place: int = 0) -> Any:
    return {filled.name: filled.value for filled in advice.recommendations[place].arguments}.get(name)


def measured(advice: Advice, name: str) -> float:
    return next(measurement.value for measurement in advice.measurements if measurement.name == name)


@pytest.mark.parametrize(
    "tasks", [TASKS, SECOND, STRANGERS], ids=["written before the rules", "written after them", "asked by others"]
)
def test_advice_is_an_experts(tasks: tuple[Task, ...]) -> None:
    """The first pick is one of the expert's in nine of ten tasks, and one of the first three in all but two of 100."""
    assert len(TASKS) >= 70
    orders = [names(advise(task.facts)) for task in tasks]
    pairs = list(zip(tasks, orders, strict=True))
    wrong = [(task.described, order[:3]) for task, order in pairs if order[0] not in task.top]
    missed = [(task.described, order[:3]) for task, order in pairs if not set(order[:3]) & set(task.top)]
    assert len(wrong) <= 0.1 * len(tasks), wrong
    assert len(missed) <= 0.02 * len(tasks), missed
    assert not [(task.described, order[0]) for task, order in pairs if order[0] in task.never]


def test_the_table_names_losses_and_facts_that_exist() -> None:
    fields = {field.name for field in pb.RecommendLossRequest.DESCRIPTOR.fields}
    for task in EVERY:
        assert task.top, task.described
        assert {*task.top, *task.never} <= set(ENTRIES), task.described
        assert not set(task.top) & set(task.never), task.described
        assert set(task.facts) <= fields, task.described


def test_delivery_time_as_the_guide_reasons() -> None:
    """A number: MSE or L1. Big misses matter: MSE. Outliers: L1 or Huber. It may change between early and late."""
    number = advise({"task": "regression"})
    assert {"mse_loss", "l1_loss"} <= set(names(number)[:3])
    assert {"mistakes", "outliers"} <= {question.question.name for question in number.open}
    big = advise({"task": "regression", "mistakes": "large"})
    assert names(big)[0] == "mse_loss"
    assert "big misses matter" in big.recommendations[0].reasons[0]
    assert any("between early and late training" in caution for caution in big.recommendations[0].cautions)
    strays = advise({"task": "regression", "outliers": True})
    assert {"huber_loss", "l1_loss"} <= set(names(strays)[:3])
    assert dict(strays.rejected)["mse_loss"].startswith("errors are squared")
    assert "stray records" in strays.recommendations[0].reasons[0]
    late = {"task": "regression", "outliers": True, "mistakes": "equal"}
    assert names(advise({**late, "stage": "late"}))[0] == "l1_loss"
    assert names(advise({"task": "regression", "outliers": True, "stage": "early"}))[0] == "huber_loss"


def test_every_recommended_loss_builds_and_tells_what_it_needs() -> None:
    for task, advice in every_advice():
        for recommendation in advice.recommendations:
            build_or_beyond(recommendation)
            assert recommendation.reasons, (task.described, recommendation.loss)
            assert recommendation.output, (task.described, recommendation.loss)
        assert all(reason for _, reason in advice.rejected)
        assert not {name for name, _ in advice.rejected} & set(names(advice))


def test_recommended_metrics_are_told_of_the_loss() -> None:
    """Each of them is computed of the loss by the service's own metrics, of tensors of the task."""
    pixels = torch.rand(2, 4, 3, 3)
    batches: dict[tuple[str, ...], tuple[torch.Tensor, torch.Tensor]] = {
        ("regression",): (torch.rand(8) + 0.5, torch.rand(8) + 0.5),
        ("binary",): (torch.rand(8), torch.tensor([0.0, 1.0] * 4)),
        ("multilabel",): (torch.rand(8, 3), torch.tensor([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]] * 4)),
        ("multiclass",): (torch.rand(8, 6).log_softmax(1), torch.tensor([0, 1, 2, 3, 4, 5, 0, 1])),
        ("multiclass", "segmentation"): (pixels.log_softmax(1), torch.randint(4, (2, 3, 3))),
        ("segmentation",): (pixels, torch.randint(2, (2, 4, 3, 3)).float()),
        ("distribution",): (torch.rand(8, 6).log_softmax(1), torch.rand(8, 6).softmax(1)),
    }
    seen = set()
    for _, advice in every_advice():
        for recommendation in advice.recommendations:
            key = (recommendation.loss, recommendation.metrics)
            if not recommendation.metrics or key in seen:
                continue
            seen.add(key)
            soft = bool(advice.facts["soft_targets"].value) if "soft_targets" in advice.facts else False
            if recommendation.loss == "weighted_sum":
                _check_sum(recommendation, pixels)
                continue
            output, targets, loss = tensors(recommendation.loss, batches, str(advice.task), soft)
            metrics = Metrics(recommendation.metrics, loss, output, targets)
            metrics.update(output, targets)
            assert set(metrics.compute()) == set(recommendation.metrics)
    assert len({name for name, _ in seen}) > 45
    assert {ask_number(name).text for _, watched in watching.WATCH for name in watched}


def _check_sum(recommendation: Recommendation, pixels: torch.Tensor) -> None:
    """Of cross entropy and of binary cross entropy beside Dice."""
    loss = build(recommendation)
    classes = "cross_entropy_loss" in str(recommendation.arguments)
    output = pixels if classes else pixels[:, :1]
    target = torch.arange(18).reshape(2, 3, 3) % 4 if classes else (pixels[:, 1:2] > 0.5).float()
    metrics = Metrics(recommendation.metrics, loss, output, {"target": target})
    metrics.update(output, {"target": target})
    assert set(metrics.compute()) == set(recommendation.metrics)


def tensors(name: str, batches: Any, task: str, soft: bool) -> tuple[torch.Tensor, dict[str, torch.Tensor], Loss]:
    """A loss with an output and targets: those of its example where it takes more than a prediction and a target."""
    entry = ENTRIES[name]
    assert isinstance(entry, BoundEntry)
    kind = watching.read_as(name, task, soft)
    alone = {given.name for given in entry.inputs if not given.optional} <= {"input", "target", "var"}
    masks = kind == ("segmentation",) and not name.startswith(("bce", "sigmoid"))
    if kind not in batches or masks or not alone:
        assert entry.example is not None
        loss = entry.build(dict(entry.example.arguments), path="loss", allow_broadcast=False)
        (_, output), *others = example(entry).items()
        return output, dict(others), loss
    output, target = batches[kind]
    targets = {"target": target} | ({"var": torch.ones(8)} if name == "gaussian_nll_loss" else {})
    return output, targets, entry.build({}, path="loss", allow_broadcast=False)


def test_rules_say_only_what_exists() -> None:
    """Every candidate is a loss, every condition a question's answer, every recipe an argument of its loss."""
    answers = {question.name: question.choices for question in QUESTIONS}
    everything = {"outliers": True, "imbalanced": True, "label_noise": True, "num_classes": 2, "activation": "exp",
                  "mistakes": "false_negatives", "quantile": 0.5, "reference_model": True}  # fmt: skip
    sample = Sample(residual_scale=1.0, class_counts=[1, 9], label_positives=[1], label_rows=9)
    for task, candidates in CANDIDATES.items():
        assert task in KNOWN
        assert len({candidate.loss for candidate in candidates}) == len(candidates)
        assert any(not candidate.against for candidate in candidates) or task in ("detection", "regularisation",
            "sequence", "segmentation", "distribution", "metric-learning", "reinforcement-learning")  # fmt: skip
        for candidate in candidates:
            entry = ENTRIES[candidate.loss]
            known = {argument.name for argument in entry.arguments} | {"reduction"}
            assert {filled.name for filled in arguments.fill(candidate, everything, sample)} <= known, candidate
            conditions = [rule.when for rule in candidate.fits]
            for name, expected in itertools.chain.from_iterable(when.items() for when in conditions):
                _check_condition(answers, name, expected)
    for rule in IMPLIED:
        for name, expected in {**rule.when, **rule.sets}.items():
            _check_condition(answers, name, expected)
    assert set(CANDIDATES) == set(KNOWN)
    assert [field.name for field in pb.RecommendLossRequest.DESCRIPTOR.fields][: len(answers)] == sorted(
        answers, key=lambda name: pb.RecommendLossRequest.DESCRIPTOR.fields_by_name[name].number
    )


def _check_condition(answers: dict[str, Any], name: str, expected: Any) -> None:
    assert name in answers, name
    for word in expected if isinstance(expected, tuple) else (expected,):
        if isinstance(word, str) and word != "classification":
            assert word in answers[name], (name, word)


def test_a_loss_is_recommended_for_what_the_catalogue_says_it_is_for() -> None:
    """But for losses that serve another task by a turn of phrase, which are listed here."""
    words = {"binary": "classification", "multiclass": "classification", "ordinal": "classification"}
    turned = {
        ("regression", "bce_loss"), ("regression", "bce_with_logits_loss"),
        ("ordinal", "mse_loss"), ("ordinal", "huber_loss"), ("ordinal", "l1_loss"),
        ("segmentation", "cross_entropy_loss"), ("segmentation", "weighted_sum"),
        ("distribution", "cross_entropy_loss"), ("distribution", "generalized_jsd_loss"),
        ("distribution", "reverse_kl_loss"), ("distribution", "tvd_loss"), ("distribution", "mse_loss"),
        ("distillation", "kl_div_loss"), ("distillation", "cross_entropy_loss"), ("distillation", "mse_loss"),
    }  # fmt: skip
    first = {(task, candidate.loss) for task, candidates in CANDIDATES.items() for candidate in candidates
             if candidate.base >= 3}  # fmt: skip
    for task, loss in first - turned:
        tasks = ENTRIES[loss].tasks
        assert words.get(task, task) in tasks or task in ("counts", "detection", "sequence", "preference"), (task, loss)


# ---- samples


def test_data_of_known_nature_are_read_as_such() -> None:
    diabetes = advise({}, torch.as_tensor(datasets.load_diabetes().target))
    assert (diabetes.task, names(diabetes)[0], measured(diabetes, "outlier_share")) == ("regression", "mse_loss", 0)
    cancer = advise({}, torch.as_tensor(datasets.load_breast_cancer().target))
    assert (cancer.task, names(cancer)[0]) == ("binary", "bce_with_logits_loss")
    assert measured(cancer, "positives") == pytest.approx(357 / 569)
    assert argument(cancer, "pos_weight") is None, "balanced enough"
    for load, classes in ((datasets.load_digits, 10), (datasets.load_wine, 3), (datasets.load_iris, 3)):
        advice = advise({}, torch.as_tensor(load().target))
        assert (advice.task, names(advice)[0]) == ("multiclass", "cross_entropy_loss")
        assert (measured(advice, "num_classes"), advice.facts["num_classes"].source) == (classes, "measured")


@pytest.mark.parametrize(
    ("draw", "task", "first"),
    [
        (lambda random: random.normal(0, 1, 2000), "regression", "mse_loss"),
        (lambda random: random.standard_t(2, 2000), "regression", "huber_loss"),
        (lambda random: random.lognormal(0, 2, 2000), "regression", "msle_loss"),
        (
            lambda random: np.where(random.random(2000) < 0.8, 0, random.gamma(1, 100, 2000)),
            "regression",
            "tweedie_loss",
        ),
        (lambda random: random.poisson(3, 2000), "counts", "poisson_nll_loss"),
        (lambda random: random.poisson(3, 2000).astype(float), "counts", "poisson_nll_loss"),
        (lambda random: random.random((500, 20)) < 0.3, "multi-label", "bce_with_logits_loss"),
        (lambda random: random.dirichlet([1, 1, 1], 200), "distribution", "kl_div_loss"),
        (lambda random: np.eye(4)[random.integers(0, 4, 200)], "multiclass", "cross_entropy_loss"),
        (lambda random: random.integers(0, 2, (4, 8, 8)), "segmentation", "cross_entropy_loss"),
    ],
    ids=[
        "normal",
        "heavy tails",
        "lognormal",
        "claims",
        "counts",
        "counts as floats",
        "labels",
        "shares",
        "one-hot",
        "masks",
    ],
)
def test_drawn_data_are_read_as_what_they_are(draw: Any, task: str, first: str) -> None:
    advice = advise({}, torch.as_tensor(draw(np.random.default_rng(0))))
    assert (advice.task, names(advice)[0]) == (task, first)


def test_delta_is_that_of_the_residuals() -> None:
    """1.345 robust standard deviations of them; of the targets' own where there are no predictions, and it says so."""
    random = np.random.default_rng(0)
    truth = random.normal(100, 10, 4000)
    predictions = truth + random.normal(0, 2, 4000)
    predictions[::50] += 300
    given = {"task": "regression"}
    advice = advise(given, torch.as_tensor(truth), torch.as_tensor(predictions))
    assert names(advice)[0] == "huber_loss"
    assert argument(advice, "delta") == pytest.approx(1.345 * 2, rel=0.1)
    assert any("robust standard deviation of the residuals" in reason for reason in advice.recommendations[0].reasons)
    assert "measured: 2.00% of the residuals" in advice.recommendations[0].reasons[0]
    alone = advise({"task": "regression", "outliers": True}, torch.as_tensor(truth))
    assert argument(alone, "delta") == pytest.approx(1.345 * 10, rel=0.1)
    assert any("give `input`" in reason for reason in alone.recommendations[0].reasons)


def test_weights_are_those_of_the_data() -> None:
    rare = torch.zeros(1000)
    rare[:10] = 1
    advice = advise({}, rare)
    assert argument(advice, "pos_weight") == [99.0], "negatives / positives"
    assert argument(advise({"calibrated": True}, rare), "pos_weight") is None, "it would shift the probabilities"
    assert argument(advise({"task": "binary", "positives": 0.2, "imbalanced": True}), "pos_weight") == [4.0]
    hardly_any = advise({"task": "binary", "positives": 5e-324, "imbalanced": True})
    assert argument(hardly_any, "pos_weight") == [arguments.MOST_WEIGHT], "infinity is no weight"
    costs = {"task": "binary", "under_cost": 50.0, "over_cost": 2.0}
    assert argument(advise(costs), "pos_weight") == [25.0]
    labels = torch.zeros(100, 3)
    labels[:10, 0] = labels[:5, 1] = labels[:1, 2] = 1
    assert argument(advise({}, labels), "pos_weight") == [9.0, 19.0, 99.0]
    classes = torch.tensor([0] * 80 + [1] * 15 + [2] * 5)
    weights = argument(advise({"task": "multiclass"}, classes), "weight")
    oracle = len(classes) / (3 * np.bincount(classes))
    assert weights == pytest.approx(oracle.tolist(), rel=1e-5), "as scikit-learn's class_weight='balanced'"
    assert argument(advise({"task": "regression", "under_cost": 3.0, "over_cost": 1.0}), "quantile") == 0.75


@pytest.mark.parametrize(
    ("last", "activation", "never"),
    [
        (lambda x: x.softmax(1), "softmax", "softmax out of the model"),
        (lambda x: x.log_softmax(1), "log_softmax", ""),
        (lambda x: x, "none", ""),
    ],
)
def test_what_the_final_layer_ends_in_is_seen(last: Any, activation: str, never: str) -> None:
    target = torch.as_tensor(datasets.load_wine().target)
    advice = advise({}, target, last(torch.randn(178, 3, generator=torch.Generator().manual_seed(0)) * 3))
    assert (advice.facts["activation"].value, advice.facts["activation"].source) == (activation, "measured")
    assert names(advice)[0] == ("nll_loss" if activation == "log_softmax" else "cross_entropy_loss")
    assert any(never in caution for caution in advice.recommendations[0].cautions)
    labels = (torch.rand(50, 4, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    assert names(advise({}, labels, labels * 0.6 + 0.2))[0] == "bce_loss"


def test_what_is_said_wins_and_contradictions_are_told() -> None:
    five = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0] * 10)
    said = advise({"task": "binary"}, five)
    assert said.task == "binary"
    assert any("you say task=binary" in caution and "5 different values" in caution for caution in said.cautions)
    negative = advise({"task": "counts"}, torch.tensor([-1.5, 2.0, 3.0]))
    assert any("you say task=counts" in caution for caution in negative.cautions)
    clean = torch.linspace(-1, 1, 100)
    strays = advise({"task": "regression", "outliers": True}, clean)
    assert strays.facts["outliers"] == (True, "said")
    assert names(strays)[0] == "huber_loss"
    assert any("you say outliers=true, the sample shows false" in caution for caution in strays.cautions)
    assert not advise({"task": "regression"}, clean).cautions
    idle = advise({"task": "preference", "quantile": 0.3})
    assert idle.cautions == ("quantile plays no part for preference: it changed nothing",)
    several = advise({"task": "binary", "answers": "several"})
    assert several.task == "multi-label"
    assert "taken for multi-label" in several.cautions[0]


def test_numbers_that_are_not_finite_are_counted() -> None:
    target = torch.tensor([1.0, float("nan"), 2.5, float("inf")] * 5)
    advice = advise({"task": "regression"}, target)
    assert measured(advice, "target_not_finite") == 0.5
    assert "10 of 20 numbers in target are NaN or infinite" in advice.cautions[0]


@pytest.mark.parametrize(
    ("said", "target", "predictions", "reason", "words"),
    [
        ({"task": "regresion"}, None, None, "UNKNOWN_NAME", "did you mean 'regression'?"),
        ({"mistakes": "huge"}, None, None, "UNKNOWN_NAME", "expected one of equal, large"),
        ({"quantile": 1.0}, None, None, "ARGUMENT_OUT_OF_RANGE", "above 0 and below 1"),
        ({"quantile": float("nan")}, None, None, "ARGUMENT_OUT_OF_RANGE", "above 0 and below 1"),
        ({"under_cost": -1.0}, None, None, "ARGUMENT_OUT_OF_RANGE", "above 0"),
        ({"num_classes": 1}, None, None, "ARGUMENT_OUT_OF_RANGE", "above 1"),
        ({}, torch.empty(0), None, "VALUE_OUT_OF_RANGE", "target is empty"),
        ({}, torch.full((3,), float("nan")), None, "VALUE_OUT_OF_RANGE", "no finite number"),
        ({}, torch.ones(3), torch.ones(4), "SHAPE_MISMATCH", "different numbers of examples"),
        ({}, torch.ones(3), torch.tensor(1.0), "SHAPE_MISMATCH", "different numbers of examples"),
    ],
)
def test_what_cannot_be_advised_on_is_refused(
    said: dict[str, Any], target: torch.Tensor | None, predictions: torch.Tensor | None, reason: str, words: str
) -> None:
    with pytest.raises(Fault, match=words) as refusal:
        advise(said, target, predictions)
    assert refusal.value.reason == reason
    assert refusal.value.field


def test_a_large_sample_is_thinned_and_both_alike() -> None:
    target = torch.arange(2_200_000) % 3
    outputs_ = torch.zeros(2_200_000, 3)
    advice = advise({}, target, outputs_)
    assert measured(advice, "input_read") == measured(advice, "target_read") < 2_200_000
    assert (advice.task, measured(advice, "num_classes")) == ("multiclass", 3)


def test_a_loss_too_large_for_the_service_says_so_and_what_fits_follows() -> None:
    """The method is right whatever this service has room for; every loss that makes the same logits is as large."""
    large = {"task": "multiclass", "num_classes": 128_000, "features": 4096, "memory_bound": True}
    first, second, *_ = advise(large).recommendations
    assert first.loss == "linear_cross_entropy_loss"
    assert "parameters" in first.beyond
    assert (second.loss, second.beyond) == ("adaptive_log_softmax_with_loss", "")
    huge = advise({**large, "num_classes": 2**20, "features": 2**20})
    assert huge.recommendations[0].loss == "linear_cross_entropy_loss"
    assert any(not each.beyond for each in huge.recommendations)
    assert not advise({**large, "features": 512}).recommendations[0].beyond
    logits = {"cross_entropy_loss", "softmax_focal_loss", "nll_loss", "poly1_cross_entropy_loss", "kl_div_loss",
              "generalized_cross_entropy_loss", "symmetric_cross_entropy_loss", "multi_margin_loss"}  # fmt: skip
    few = {scored.candidate.loss: scored.score for scored in rank({"task": "multiclass"})}
    many = {scored.candidate.loss: scored.score for scored in rank({"task": "multiclass", "memory_bound": True})}
    assert {few[loss] - many[loss] for loss in logits} == {3}


# ---- contracts of the final layer


def _sizes(target: torch.Tensor) -> dict[str, int]:
    shape = dict(zip("NHW", target.shape, strict=False)) if target.dim() == 3 else {"N": target.shape[0]}
    labels = target.shape[1] if target.dim() == 2 else 0
    return {**shape, "C": int(target.max()) + 1, "labels": labels, "1": 1, "2": 2}


def _as_told(contract: str, target: torch.Tensor) -> dict[str, torch.Tensor]:
    """Tensors built of nothing but the sample and what the contract says: shape, last activation, kind of target."""
    first, second = contract.split("; target: ")
    told = re.search(r"\(([^)]*)\)", first)
    sizes = _sizes(target)
    shape = [sizes[name] for name in told[1].split(",")] if told else list(target.shape)
    output = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    for ending, function in ((", sigmoid last", torch.sigmoid), ("log_softmax last", lambda x: x.log_softmax(1)),
                             (", softmax last", lambda x: x.softmax(1))):  # fmt: skip
        if ending in first:
            output = function(output)
            break
    if second.startswith("int64 class indices"):
        return {"input": output, "target": target.long()}
    if second.startswith("1 and -1"):
        return {"input": output, "target": 2 * target.float() - 1}
    if second.startswith("int64 indices (N,C), padded with -1"):
        rows = [row.nonzero().flatten().tolist() for row in target]
        width = target.shape[1]
        padded = torch.tensor([row + [-1] * (width - len(row)) for row in rows])
        return {"input": torch.randn(len(rows), width), "target": padded}
    if "of the same shape" in second and target.dim() == 3:
        many = torch.nn.functional.one_hot(target).movedim(-1, 1)
        target = many if output.dim() == 4 and output.shape[1] > 1 else target.reshape(output.shape)
    assert second.startswith(("floats", "masks of 0 and 1", "probabilities")), contract
    return {"input": output, "target": target.float()}


_DRAW = torch.Generator().manual_seed(1)
SAMPLES = {
    "mask": torch.randint(0, 2, (3, 8, 8), generator=_DRAW),
    "map": torch.randint(0, 4, (3, 8, 8), generator=_DRAW),
    "binary": torch.randint(0, 2, (30,), generator=_DRAW),
    "multiclass": torch.randint(0, 5, (40,), generator=_DRAW),
    "multi-label": torch.randint(0, 2, (30, 4), generator=_DRAW),
}


@pytest.mark.parametrize("kind", SAMPLES)
def test_what_the_contract_says_works(kind: str) -> None:
    """Output and target written as a recommendation says are taken, whatever the model ends in; none is left unread."""
    target = SAMPLES[kind]
    said: list[dict[str, Any]] = [{}, *({"activation": last} for last in ("sigmoid", "softmax", "log_softmax"))]
    said += [{"margin": True}, {"label_noise": True}, {"hard_examples": True}, {"imbalanced": True}]
    said += [{"mistakes": "overlap"}, {"mistakes": "overlap", "stage": "late"}] if kind in ("mask", "map") else []
    seen = set()
    for facts in said:
        for recommendation in advise(facts, target, limit=100).recommendations:
            tensors = _as_told(recommendation.output, target)
            value = evaluate(build(recommendation), tensors).value
            assert bool(value.isfinite()), (facts, recommendation.loss)
            seen.add((recommendation.loss, recommendation.output))
    assert len(seen) >= 6


def test_a_sigmoid_reaches_every_term() -> None:
    """Probabilities of a mask: no term applies another sigmoid to them, and classes with a softmax neither."""
    advice = advise({"task": "segmentation", "num_classes": 2, "activation": "sigmoid"})
    assert argument(advice, "terms") == [
        (0.5, "bce_loss", {}), (0.5, "dice_loss", {"mode": "binary", "from_logits": False}),
    ]  # fmt: skip
    for each in advice.recommendations:
        assert each.output.startswith("probabilities") or any("take" in caution for caution in each.cautions), each
    many = advise({"task": "segmentation", "num_classes": 5, "activation": "softmax"})
    assert argument(many, "from_logits") is False
    assert "softmax last" in many.recommendations[0].output


# ---- how targets are numbered


@pytest.mark.parametrize(
    ("said", "target", "task", "classes", "caution"),
    [
        ({}, torch.arange(100) % 5 + 1, "ordinal", 5, "subtract 1, there are 5 classes"),
        ({"task": "multiclass"}, torch.arange(100) % 5 + 1, "multiclass", 5, "subtract 1, there are 5 classes"),
        ({}, (torch.arange(300) % 2 * 255).reshape(3, 10, 10), "segmentation", 2, "divide them by 255"),
        ({"task": "segmentation"}, (torch.arange(300) % 2 * 255).reshape(3, 10, 10), "segmentation", 2, "divide them"),
        ({}, torch.arange(100) % 5 - 1, "multiclass", 4, "ignore_index=-1"),
        ({}, torch.arange(100) % 2 + 1, "binary", None, "targets are 1 and 2: subtract 1"),
        ({}, torch.arange(2000), "counts", None, "looks like a running number"),
        ({"task": "multiclass"}, torch.arange(200), "multiclass", 200, "looks like a running number"),
        ({}, torch.stack([torch.arange(50.0), torch.linspace(3, 4, 50).sin()], 1), "regression", None, "column 0"),
        ({}, torch.zeros(50), "binary", None, "only one value, 0"),
        ({}, torch.ones(50), "binary", None, "only one value, 1"),
        ({}, torch.full((50,), 7.0), "regression", None, "only one value, 7"),
    ],
    ids=[
        *("stars", "classes from 1", "white", "white as said", "missing", "1 and 2", "ids", "ids as classes"),
        *("an id column", "zeros", "ones", "7"),
    ],
)
def test_targets_numbered_otherwise_are_told(
    said: dict[str, Any], target: torch.Tensor, task: str, classes: int | None, caution: str
) -> None:
    advice = advise(said, target)
    assert advice.task == task
    assert any(caution in told for told in advice.cautions), advice.cautions
    assert classes is None or advice.facts["num_classes"].value == classes
    weights = [argument(advice, name, place) for place in range(len(advice.recommendations))
               for name in ("pos_weight", "weight")]  # fmt: skip
    assert all(len(weight) == classes for weight in weights if weight)


def test_a_number_for_no_target_is_left_out() -> None:
    """255 in a map of classes is no class: ignore_index where the loss has one, and a word where it has none."""
    maps = torch.arange(300).reshape(3, 10, 10) % 4
    maps[0, 0] = 255
    advice = advise({}, maps)
    assert advice.facts["num_classes"].value == 4
    for place, each in enumerate(advice.recommendations):
        terms = argument(advice, "terms", place)
        given = [own for _, _, own in terms] if terms else [{f.name: f.value for f in each.arguments}]
        left_out = all(own.get("ignore_index") == 255 for own in given)
        assert left_out or any("no ignore_index" in caution for caution in each.cautions), each


def test_one_output_a_pixel_is_seen() -> None:
    mask = torch.arange(300).reshape(3, 10, 10) % 2
    one, two = (advise({}, mask, torch.linspace(-2, 2, 300 * n).reshape(3, n, 10, 10)) for n in (1, 2))
    assert any("one output a pixel" in caution for caution in one.cautions)
    assert not any("one output a pixel" in caution for caution in two.cautions)


def test_counts_with_a_255_and_steps_stay_numbers() -> None:
    """Only where nothing but classes is left does a number stand for none."""
    counts = torch.poisson(torch.full((500,), 2.0), generator=torch.Generator().manual_seed(0))
    counts[7] = 255
    assert advise({}, counts).task == "counts"
    assert advise({}, torch.arange(99) % 3 - 1).task == "regression"


def test_labels_that_never_change_keep_their_weight() -> None:
    labels = torch.zeros(100, 3)
    labels[:5, 0] = labels[:, 1] = 1
    weights = argument(advise({"imbalanced": True}, labels), "pos_weight")
    assert weights == [19.0, 1.0, 1.0], "always and never present: 0 and infinity weigh nothing"


def test_two_groups_of_numbers_are_no_strays_and_not_called_clean() -> None:
    """Half of the numbers are far from the others: nothing measured says that data are clean of strays."""
    target = torch.cat([torch.linspace(0, 1, 120), torch.linspace(1000, 1001, 80)])
    advice = advise({"task": "regression"}, target)
    assert measured(advice, "outlier_share") > 0.3
    assert "outliers" not in advice.facts
    assert not [reason for each in advice.recommendations for reason in each.reasons if "clean" in reason]


def test_one_cost_is_taken_beside_1_and_it_says_so() -> None:
    advice = advise({"task": "regression", "under_cost": 4.0})
    assert argument(advice, "quantile") == 0.8
    assert any("over_cost is not said and taken for 1" in caution for caution in advice.cautions)
    assert argument(advise({"task": "binary", "over_cost": 4.0}), "pos_weight") == [0.25]


def test_weights_and_probabilities_are_told_apart() -> None:
    """Costs alone weigh: the data hold the prior. A weight warns of bent probabilities, no weight is not promised."""
    costs = advise({"task": "binary", "positives": 0.005, "under_cost": 50.0, "over_cost": 1.0})
    assert argument(costs, "pos_weight") == [50.0]
    assert any("bend the probabilities" in caution for caution in costs.recommendations[0].cautions)
    for task in ("binary", "multi-label", "multiclass", "ordinal"):
        for each in advise({"task": task, "calibrated": True, "imbalanced": True}, limit=100).recommendations:
            assert not [reason for reason in each.reasons if "weight" in reason], (task, each.loss)
    sigmoid = advise({"task": "binary", "activation": "sigmoid", "positives": 0.01}).recommendations[0]
    assert any("`weight` for each element" in caution for caution in sigmoid.cautions)


def test_cautions_are_few_and_true() -> None:
    """What diagnostics find is not said to go unnoticed, and of a loss at most a handful is to be minded."""
    for task, advice in every_advice():
        for each in advice.recommendations:
            assert not [caution for caution in each.cautions if "logits go unnoticed" in caution], each.loss
            assert len(set(each.cautions)) == len(each.cautions) <= 7, (task.described, each.loss, each.cautions)


def _answer(question: Any) -> st.SearchStrategy[Any]:
    if question.choices is not None:
        return st.booleans() if question.type is bool else st.sampled_from([*question.choices])
    return st.integers(2, 2**20) if question.type is int else st.floats(0.001, 0.999)


@settings(max_examples=40)
@given(
    st.fixed_dictionaries({}, optional={question.name: _answer(question) for question in QUESTIONS}),
    st.sampled_from([None, "numbers", "counts", "labels", "classes", "constant"]),
)
def test_any_combination_of_facts_is_answered(said: dict[str, Any], kind: str | None) -> None:
    """Whatever is said, contradictions included: no defect, and what is recommended builds."""
    samples = {
        "numbers": torch.linspace(-3, 50, 40),
        "counts": torch.arange(40) % 7,
        "labels": (torch.arange(80).reshape(20, 4) % 3 == 0).float(),
        "classes": torch.arange(40) % 4,
        "constant": torch.zeros(5),
    }
    advice = advise(said, samples.get(kind or ""))
    assert advice.recommendations or advice.task is None
    for recommendation in advice.recommendations:
        build_or_beyond(recommendation)
    scores = [recommendation.score for recommendation in advice.recommendations]
    assert scores == sorted(scores, reverse=True)


def test_open_questions_are_those_whose_answers_change_the_order() -> None:
    nothing = advise({})
    assert not nothing.recommendations
    assert nothing.open[0].question.name == "task"
    assert nothing.open[0].first["regression"] == "mse_loss"
    number = advise({"task": "regression"})
    for question in number.open:
        orders = [names(advise({"task": "regression", **question.question.beside, question.question.name: answer}))
                  for answer in question.question.answers("regression")]  # fmt: skip
        assert any(order != names(number) for order in orders), question.question.name
        if question.question.choices is not None:
            assert list(question.first.values()) == [order[0] for order in orders]
    asked = {question.question.name for question in number.open}
    assert asked.isdisjoint({"task", "supervision", "baseline", "reference_model"})


def test_the_page_asks_the_same_questions() -> None:
    """Each question is a line of docs/advice.md, with its answers and the tasks it is asked of."""
    page = (Path(__file__).parents[2] / "docs" / "advice.md").read_text().splitlines()
    for question in QUESTIONS:
        kinds = {int: "a whole number", float: "a number", bool: "yes or no"}
        answers = kinds.get(question.type) or ", ".join(f"`{choice}`" for choice in question.choices or {})
        asked = ", ".join(question.tasks) or "all"
        assert f"| `{question.name}` | {question.text} | {answers} | {asked} |" in page
