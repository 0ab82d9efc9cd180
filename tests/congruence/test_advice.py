"""Advice beside an expert's picks, and what it measures beside data whose nature is known."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from congruence.advice_tasks import SECOND, TASKS, Task
from hypothesis import given, settings
from lossd.v1 import advice_pb2 as pb
from lossd_server.faults import Fault
from lossd_server.judge.advice import arguments, outputs
from lossd_server.judge.advice.advising import Advice, Recommendation, advise
from lossd_server.judge.advice.questions import QUESTIONS
from lossd_server.judge.advice.questions import TASKS as KNOWN
from lossd_server.judge.advice.rules import CANDIDATES
from lossd_server.judge.advice.rules.implications import IMPLIED
from lossd_server.judge.advice.samples import Sample
from lossd_server.judge.catalogue import METRICS
from lossd_server.judge.metrics import Metrics
from lossd_server.losses.binding import BoundEntry
from lossd_server.losses.catalogue import ENTRIES
from lossd_server.losses.contract import Loss
from lossd_server.worker.advising import specification
from lossd_server.worker.programs import Programs
from lossd_server.worker.specs import Reader
from lossd_server.worker.tensors import Attachments
from sklearn import datasets

CPU = torch.device("cpu")
EVERY = (*TASKS, *SECOND)


def names(advice: Advice) -> list[str]:
    return [recommendation.loss for recommendation in advice.recommendations]


_BUILT: dict[bytes, Loss] = {}


def build(recommendation: Recommendation) -> Loss:
    """As EvaluateLoss builds it; each specification once."""
    spec = specification(recommendation.loss, recommendation.arguments, torch.float32)
    key = spec.SerializeToString(deterministic=True)
    if key not in _BUILT:
        _BUILT[key] = Reader(Attachments(()), CPU, Programs(True)).loss(spec)
    return _BUILT[key]


def argument(advice: Advice, name: str, place: int = 0) -> Any:
    return {filled.name: filled.value for filled in advice.recommendations[place].arguments}.get(name)


def measured(advice: Advice, name: str) -> float:
    return next(measurement.value for measurement in advice.measurements if measurement.name == name)


@pytest.mark.parametrize("tasks", [TASKS, SECOND], ids=["written before the rules", "written after them"])
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
    for task in EVERY:
        advice = advise(task.facts, limit=100)
        for recommendation in advice.recommendations:
            build(recommendation)
            assert recommendation.reasons, (task.described, recommendation.loss)
            assert recommendation.output, (task.described, recommendation.loss)
        assert all(reason for _, reason in advice.rejected)
        assert not {name for name, _ in advice.rejected} & set(names(advice))


def test_recommended_metrics_are_told_of_the_loss() -> None:
    """Each of them is computed of the loss by the service's own metrics, of tensors of the task."""
    batches = {
        "regression": (torch.rand(8) + 0.5, torch.rand(8) + 0.5),
        "binary": (torch.rand(8), torch.tensor([0.0, 1.0] * 4)),
        "multilabel": (torch.rand(8, 3), torch.tensor([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]] * 4)),
        "multiclass": (torch.rand(8, 6).log_softmax(1), torch.tensor([0, 1, 2, 3, 4, 5, 0, 1])),
    }
    seen = set()
    for task in EVERY:
        advice = advise(task.facts, limit=100)
        for recommendation in advice.recommendations:
            key = (recommendation.loss, recommendation.metrics)
            if not recommendation.metrics or key in seen:
                continue
            seen.add(key)
            output, target = batches[outputs.read_as(recommendation.loss, str(advice.task))]
            entry = ENTRIES[recommendation.loss]
            assert isinstance(entry, BoundEntry)
            targets = {"target": target} | ({"var": torch.ones(8)} if entry.name == "gaussian_nll_loss" else {})
            loss = entry.build({}, path="loss", allow_broadcast=False)
            metrics = Metrics(recommendation.metrics, loss, output, targets)
            metrics.update(output, targets)
            assert set(metrics.compute()) == set(recommendation.metrics)
    assert len(seen) > 30
    assert {name for _, watched in outputs.WATCH for name in watched} <= set(METRICS)


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


def test_a_loss_too_large_for_the_service_is_not_recommended() -> None:
    """Its parameters would be over the limit: the next best comes first, and the reason is told."""
    huge = {"task": "multiclass", "num_classes": 2**20, "features": 2**20, "memory_bound": True}
    advice = advise(huge)
    assert "linear_cross_entropy_loss" not in names(advice)
    assert "parameters" in dict(advice.rejected)["linear_cross_entropy_loss"]


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
        build(recommendation)
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
