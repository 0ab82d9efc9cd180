"""What stands in brackets after a metric's name, against torchmetrics and scikit-learn; what is refused."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch
import torchmetrics.classification as tc
import torchmetrics.regression as tr
from congruence.measured import computed, data, loss, scores, several
from lossd_server.faults import Fault
from lossd_server.judge import metrics as engine
from lossd_server.judge.catalogue import METRICS, ask, ask_number
from lossd_server.judge.metrics import Metrics
from sklearn import metrics as sk
from torch import Tensor

_C, _L = {"num_classes": 5}, {"num_labels": 4}
AVERAGED = ("precision", "recall", "f1", "fbeta", "specificity", "jaccard", "auroc", "average_precision")
NAMES = {"f1": "F1Score", "fbeta": "FBetaScore", "jaccard": "JaccardIndex", "auroc": "AUROC",
         "average_precision": "AveragePrecision"}  # fmt: skip
LEARN: dict[str, Any] = {
    "precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score, "jaccard": sk.jaccard_score,
    "fbeta": lambda t, p, average: sk.fbeta_score(t, p, beta=2, average=average),
}  # fmt: skip

ARGUMENTS: dict[tuple[str, str], tuple[Any, dict[str, Any]]] = {
    ("binary", "accuracy(threshold=0.7)"): (tc.BinaryAccuracy, {"threshold": 0.7}),
    ("binary", "precision( threshold = 0.3 )"): (tc.BinaryPrecision, {"threshold": 0.3}),
    ("binary", "fbeta(beta=0.5, threshold=0.4)"): (tc.BinaryFBetaScore, {"beta": 0.5, "threshold": 0.4}),
    ("binary", "auroc(max_fpr=0.3)"): (tc.BinaryAUROC, {"max_fpr": 0.3}),
    ("binary", "auroc(thresholds=20)"): (tc.BinaryAUROC, {"thresholds": 20}),
    ("binary", "average_precision(thresholds=20)"): (tc.BinaryAveragePrecision, {"thresholds": 20}),
    ("binary", "calibration_error(n_bins=7, norm=l2)"): (tc.BinaryCalibrationError, {"n_bins": 7, "norm": "l2"}),
    ("binary", "cohen_kappa(weights=linear)"): (tc.BinaryCohenKappa, {"weights": "linear"}),
    ("binary", "confusion_matrix(normalize=all, threshold=0.6)"): (
        tc.BinaryConfusionMatrix, {"normalize": "all", "threshold": 0.6}),
    ("binary", "matthews_corrcoef(threshold=0.6)"): (tc.BinaryMatthewsCorrCoef, {"threshold": 0.6}),
    ("binary", "jaccard(threshold=0.6)"): (tc.BinaryJaccardIndex, {"threshold": 0.6}),
    ("binary", "hamming_distance(threshold=0.6)"): (tc.BinaryHammingDistance, {"threshold": 0.6}),
    ("multiclass", "accuracy(top_k=2)"): (tc.MulticlassAccuracy, {**_C, "top_k": 2, "average": "micro"}),
    ("multiclass", "recall(top_k=2, average=none)"): (tc.MulticlassRecall, {**_C, "top_k": 2, "average": None}),
    ("multiclass", "precision(top_k=3)"): (tc.MulticlassPrecision, {**_C, "top_k": 3}),
    ("multiclass", "fbeta(beta=3)"): (tc.MulticlassFBetaScore, {**_C, "beta": 3.0}),
    ("multiclass", "auroc(thresholds=30, average=none)"): (
        tc.MulticlassAUROC, {**_C, "thresholds": 30, "average": None}),
    ("multiclass", "cohen_kappa(weights=quadratic)"): (tc.MulticlassCohenKappa, {**_C, "weights": "quadratic"}),
    ("multiclass", "calibration_error(norm=max)"): (tc.MulticlassCalibrationError, {**_C, "norm": "max"}),
    ("multiclass", "confusion_matrix(normalize=true)"): (tc.MulticlassConfusionMatrix, {**_C, "normalize": "true"}),
    ("multiclass", "confusion_matrix(normalize=pred)"): (tc.MulticlassConfusionMatrix, {**_C, "normalize": "pred"}),
    ("multilabel", "accuracy(threshold=0.4)"): (tc.MultilabelExactMatch, {**_L, "threshold": 0.4}),
    ("multilabel", "f1(average=micro, threshold=0.4)"): (
        tc.MultilabelF1Score, {**_L, "average": "micro", "threshold": 0.4}),
    ("multilabel", "hamming_distance(threshold=0.4)"): (
        tc.MultilabelHammingDistance, {**_L, "threshold": 0.4, "average": "micro"}),
    ("multilabel", "auroc(average=micro)"): (tc.MultilabelAUROC, {**_L, "average": "micro"}),
    ("multilabel", "average_precision(average=micro)"): (tc.MultilabelAveragePrecision, {**_L, "average": "micro"}),
    ("multilabel", "confusion_matrix(normalize=true)"): (tc.MultilabelConfusionMatrix, {**_L, "normalize": "true"}),
    ("regression", "tweedie_deviance(power=1)"): (tr.TweedieDevianceScore, {"power": 1.0}),
    ("regression", "tweedie_deviance(power=2)"): (tr.TweedieDevianceScore, {"power": 2.0}),
    ("regression", "tweedie_deviance(power=3)"): (tr.TweedieDevianceScore, {"power": 3.0}),
    ("regression", "kendall(variant=a)"): (tr.KendallRankCorrCoef, {"variant": "a"}),
    ("regression", "kendall(variant=c)"): (tr.KendallRankCorrCoef, {"variant": "c"}),
}  # fmt: skip
"""What is asked, and what torchmetrics is called with."""


def answered(name: str, of: str, output: Tensor, target: Tensor) -> Tensor:
    metrics = several([name], loss(of), output, {"target": target}, 7, 50, 1)
    return torch.tensor(metrics.compute()[name]).double() if metrics.compute() else metrics.arrays()[name]


def same(found: Tensor, expected: Tensor, rel: float = 2e-6) -> None:
    torch.testing.assert_close(found, expected.double(), rtol=rel, atol=1e-9, equal_nan=True)


@pytest.mark.parametrize(("task", "name"), ARGUMENTS, ids=["-".join(case) for case in ARGUMENTS])
def test_arguments_are_torchmetrics(task: str, name: str) -> None:
    """Of all the data at once, with the argument of the same name."""
    of, output, target = data(task)
    kind, options = ARGUMENTS[task, name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it keeps the data
        expected = kind(**options)(scores(task, output), target.double() if task == "regression" else target.long())
    same(answered(name, of, output, target), expected)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted", "none"])
@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
@pytest.mark.parametrize("name", AVERAGED)
def test_averages_are_those_of_torchmetrics_and_scikit_learn(name: str, task: str, average: str) -> None:
    """One number, or one for each class."""
    of, output, target = data(task)
    asked = f"{name}(average={average})"
    if (task, average) == ("multiclass", "micro") and name in ("auroc", "average_precision"):
        with pytest.raises(Fault, match="multiclass has no average=micro"):
            Metrics([asked], loss(of), output, {"target": target})
        return
    found = answered(asked, of, output, target)
    kind = getattr(tc, task.capitalize() + NAMES.get(name, name.capitalize()))
    options = {**(_C if task == "multiclass" else _L), "average": None if average == "none" else average}
    expected = kind(**options, **({"beta": 2.0} if name == "fbeta" else {}))(scores(task, output), target.long())
    same(found, expected)
    if name in LEARN:
        hard = scores(task, output).argmax(1) if task == "multiclass" else scores(task, output) > 0.5
        learned = LEARN[name](target.numpy(), hard.numpy(), average=None if average == "none" else average)
        same(found, torch.as_tensor(learned))


def test_outputs_may_be_kept_apart() -> None:
    """Each column of numbers by itself, as scikit-learn's raw_values; a plain name is their mean, or all at once."""
    source = torch.Generator().manual_seed(1)
    target = torch.randn(60, 3, generator=source, dtype=torch.float64) + 4
    output = target + torch.randn(60, 3, generator=source, dtype=torch.float64) * torch.tensor([0.1, 1.0, 3.0])
    raw: dict[str, Any] = {
        "mae": lambda t, p: sk.mean_absolute_error(t, p, multioutput="raw_values"),
        "mse": lambda t, p: sk.mean_squared_error(t, p, multioutput="raw_values"),
        "rmse": lambda t, p: sk.root_mean_squared_error(t, p, multioutput="raw_values"),
        "r2": lambda t, p: sk.r2_score(t, p, multioutput="raw_values"),
        "explained_variance": lambda t, p: sk.explained_variance_score(t, p, multioutput="raw_values"),
        "pearson": lambda t, p: [np.corrcoef(t[:, i], p[:, i])[0, 1] for i in range(3)],
    }
    for name, expected in raw.items():
        found = answered(f"{name}(average=none)", "mse_loss", output, target)
        same(found, torch.as_tensor(np.asarray(expected(target.numpy(), output.numpy()))))
        if name not in ("rmse",):
            same(answered(name, "mse_loss", output, target), found.mean())
    for name in ("spearman", "kendall", "concordance"):
        same(
            answered(name, "mse_loss", output, target),
            answered(f"{name}(average=none)", "mse_loss", output, target).mean(),
        )
    cosine = torch.nn.functional.cosine_similarity(output, target).mean()
    same(answered("cosine_similarity", "mse_loss", output, target), cosine)


def test_an_answer_goes_by_what_was_asked() -> None:
    """Numbers apart from arrays; the same asked twice is answered once; spaces stay."""
    of, output, target = data("multiclass")
    names = ["f1", "f1(average=none)", "f1", "f1( average = macro )", "confusion_matrix"]
    metrics = several(names, loss(of), output, {"target": target})
    assert list(metrics.compute()) == ["f1", "f1( average = macro )"]
    assert list(metrics.arrays()) == ["f1(average=none)", "confusion_matrix"]
    assert metrics.compute()["f1"] == pytest.approx(float(metrics.arrays()["f1(average=none)"].mean()), rel=1e-12)
    assert int(metrics.arrays()["confusion_matrix"].sum()) == len(target)


def test_a_class_without_examples_is_nan_by_itself() -> None:
    """One without positives has no area; the macro mean is then nan, and the micro one is not."""
    output, target = torch.randn(20, 3, dtype=torch.float64), torch.zeros(20, 3)
    target[::2, :2] = 1
    found = answered("auroc(average=none)", "bce_with_logits_loss", output, target)
    assert found.isnan().tolist() == [False, False, True]
    assert math.isnan(computed(["auroc"], loss("bce_with_logits_loss"), output, target)["auroc"])
    assert math.isfinite(answered("auroc(average=micro)", "bce_with_logits_loss", output, target))


@pytest.mark.parametrize(
    ("name", "reason", "says"),
    [
        ("f1(", "UNKNOWN_NAME", r"'f1\(' is no metric; expected a name, or one with arguments"),
        ("f1)", "UNKNOWN_NAME", "is no metric"),
        ("f1(average)", "UNKNOWN_NAME", "is no metric"),
        ("f1(average=macro", "UNKNOWN_NAME", "is no metric"),
        ("f1(average=macro, average=micro)", "UNKNOWN_NAME", "is no metric"),
        ("f1(average=)", "UNKNOWN_NAME", "is no metric"),
        ("", "UNKNOWN_NAME", "is no metric"),
        ("f1\n(average=macro)\x00", "UNKNOWN_NAME", "is no metric"),
        ("x" * 10_000, "UNKNOWN_NAME", "is no metric"),
        ("F1", "UNKNOWN_NAME", "did you mean f1"),
        ("top-3-accuracy", "UNKNOWN_NAME", "did you mean top_3_accuracy"),
        ("precison(average=micro)", "UNKNOWN_NAME", "did you mean precision"),
        ("zzzzz", "UNKNOWN_NAME", "there are accuracy, agreement"),
        ("f1(a=b)", "UNKNOWN_NAME", "a is no argument of this metric; it has average, threshold, top_k"),
        ("max_error(a=b)", "UNKNOWN_NAME", "it has none"),
        ("f1(average=x)", "ARGUMENT_OUT_OF_RANGE", "macro.*micro.*weighted.*none"),
        ("f1(threshold=2)", "ARGUMENT_OUT_OF_RANGE", "threshold"),
        ("f1(threshold=nan)", "ARGUMENT_OUT_OF_RANGE", "threshold"),
        ("f1(threshold=high)", "ARGUMENT_OUT_OF_RANGE", "expected a number"),
        ("f1(top_k=1.5)", "ARGUMENT_OUT_OF_RANGE", "expected a whole number"),
        ("f1(top_k=0)", "ARGUMENT_OUT_OF_RANGE", "top_k"),
        ("dice(include_background=yes)", "ARGUMENT_OUT_OF_RANGE", "true or false"),
        ("tweedie_deviance(power=inf)", "ARGUMENT_OUT_OF_RANGE", "power"),
        ("tweedie_deviance(power=0.5)", "ARGUMENT_OUT_OF_RANGE", "power"),
        ("auroc(thresholds=1000000000)", "ARGUMENT_OUT_OF_RANGE", "thresholds"),
        ("f1(top_k=" + "9" * 50 + ")", "ARGUMENT_OUT_OF_RANGE", "top_k"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(name: str, reason: str, says: str) -> None:
    """In one line, with what there is."""
    with pytest.raises(Fault, match=f"(?s){says}") as refused:
        ask(name)
    assert (refused.value.reason, refused.value.field) == (reason, "metrics")
    assert len(refused.value.message) < 1200


@pytest.mark.parametrize(
    ("task", "name", "says"),
    [
        ("multiclass", "accuracy(top_k=99)", "there are only 5 classes"),
        ("multiclass", "f1(threshold=0.4)", "multiclass has no threshold"),
        ("multiclass", "auroc(max_fpr=0.5)", "multiclass has no max_fpr"),
        ("binary", "f1(average=none)", "binary has no average"),
        ("binary", "f1(top_k=2)", "binary has no top_k"),
        ("regression", "dice", "it is one of segmentation, and mse_loss of these tensors is regression"),
    ],
)
def test_what_a_task_has_not_is_refused(task: str, name: str, says: str) -> None:
    """With what the task has instead."""
    of, output, target = data(task)
    with pytest.raises(Fault, match=says) as refused:
        Metrics([name], loss(of), output, {"target": target})
    assert (refused.value.reason, refused.value.field) == ("UNSUPPORTED", "metrics")


def test_several_numbers_are_refused_where_there_is_room_for_one() -> None:
    """Steps and epochs answer one number each."""
    for name in ("f1(average=none)", "confusion_matrix", "roc_curve"):
        with pytest.raises(Fault, match="several numbers") as refused:
            ask_number(name)
        assert (refused.value.reason, refused.value.field) == ("UNSUPPORTED", "metrics")
    assert ask_number("f1(average=micro)").given["average"] == "micro"


def test_metrics_that_keep_everything_keep_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit they are refused with the form that keeps nothing, which goes on; so are ranks of pairs."""
    monkeypatch.setattr(engine, "MAX_KEPT", 1000)
    output, target = torch.randn(600), torch.randint(2, (600,)).float()
    with pytest.raises(Fault, match=r"ask for auroc\(thresholds=200\)") as refused:
        several(["auroc"], loss("bce_with_logits_loss"), output, {"target": target}, 100, 100)
    assert (refused.value.reason, refused.value.field) == ("LIMIT_EXCEEDED", "metrics")
    binned = several(["auroc(thresholds=200)"], loss("bce_with_logits_loss"), output, {"target": target}, 100, 100)
    assert binned.bytes < 10_000
    monkeypatch.undo()
    numbers = torch.arange(10_001.0)
    with pytest.raises(Fault, match="compares each with each"):
        several(["kendall"], loss("mse_loss"), numbers, {"target": numbers})


def test_every_argument_says_what_it_is() -> None:
    """A line each, without the bar that would break the tables; its default is a value that it takes."""
    for metric in METRICS.values():
        assert metric.summary.endswith(".")
        for argument in metric.arguments:
            assert argument.meaning, (metric.name, argument.name)
            if argument.default is not None:
                argument.check(argument.default)
