"""Every metric by name: what it is, and what of torchmetrics computes it for each task."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.judge.readings import BINARY, MULTICLASS, MULTILABEL, REGRESSION, Pair


@dataclass(frozen=True)
class Call:
    """How torchmetrics computes a metric for one task.

    Args:
        class_name: in torchmetrics.
        options: of its constructor, beyond the number of classes, labels or outputs.
        sized: what its constructor calls that number; empty if it takes none.
        prepare: makes of a batch what it takes.
        finish: makes one number of what it computes.
    """

    class_name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    sized: str = ""
    prepare: Callable[[Pair], tuple[Tensor, ...]] = tuple
    finish: Callable[[Tensor], Tensor] = torch.mean


@dataclass(frozen=True)
class Metric:
    """A metric: its name, what it is, and how each task that has it computes it.

    Args:
        higher: whether higher is better.
        calls: by task.
        least: examples below which it is nan.
        probabilities: whether it needs more than an order of the classes.
        each: whether every class must have examples and counterexamples; it is nan else.
        pairwise: whether it takes memory or time for each pair of classes.
    """

    name: str
    summary: str
    formula: str
    higher: bool
    calls: Mapping[str, Call]
    least: int = 1
    probabilities: bool = False
    each: bool = False
    pairwise: bool = True

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes of torchmetrics, one for each of `tasks`."""
        return tuple(call.class_name for call in self.calls.values())

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that have it."""
        return tuple(self.calls)


_SIZES = {BINARY: "", MULTICLASS: "num_classes", MULTILABEL: "num_labels"}
_MACRO = "multiclass and multilabel: the mean over classes (macro)"


def _tasks(
    name: str, *tasks: str, finish: Callable[[Tensor], Tensor] = torch.mean, several: Mapping[str, Any] = {}
) -> dict[str, Call]:
    """A classification metric of torchmetrics for some tasks; `several` are options where there are several classes."""
    return {
        task: Call(
            task.capitalize() + name,
            {"validate_args": False, **(several if task != BINARY else {})},
            _SIZES[task],
            finish=finish,
        )
        for task in tasks or (BINARY, MULTICLASS, MULTILABEL)
    }


def _macro(name: str, *tasks: str) -> dict[str, Call]:
    return _tasks(name, *tasks, several={"average": "macro"})


def _number(name: str, **options: Any) -> dict[str, Call]:
    return {REGRESSION: Call(name, options)}


def _columns(name: str) -> dict[str, Call]:
    return {REGRESSION: Call(name, {}, "num_outputs")}


def _error(pair: Pair) -> tuple[Tensor, ...]:
    return ((pair.predictions - pair.truth).abs(),)


def _mean_recall(confusion: Tensor) -> Tensor:
    """Of the classes that there are."""
    confusion = confusion.double()
    present = confusion.sum(1)
    return (confusion.diagonal() / present)[present > 0].mean()


def _count(index: int) -> Callable[[Tensor], Tensor]:
    return lambda counts: counts[index]


def _top(k: int) -> Metric:
    return Metric(
        f"top_{k}_accuracy",
        f"Share of examples whose class is among the {k} likeliest.",
        f"mean(class is among the {k} highest scores)",
        True,
        _tasks("Accuracy", MULTICLASS, several={"average": "micro", "top_k": k}),
        pairwise=False,
    )


def _counts(name: str, index: int, what: str, higher: bool) -> Metric:
    calls = _tasks("StatScores", BINARY, finish=_count(index))
    return Metric(name, f"Number of {what}, at a threshold of 0.5.", f"count({what})", higher, calls)


_ALL: tuple[Metric, ...] = (
    Metric(
        "accuracy",
        "Share of right answers.",
        "mean(prediction = class); multilabel: all labels of an example right",
        True,
        {
            **_tasks("Accuracy", BINARY, MULTICLASS, several={"average": "micro"}),
            **_tasks("ExactMatch", MULTILABEL),
        },
        pairwise=False,
    ),
    _top(3),
    _top(5),
    Metric(
        "balanced_accuracy",
        "Mean recall of the classes that have examples.",
        "mean over classes of TP / (TP + FN)",
        True,
        _tasks("ConfusionMatrix", BINARY, MULTICLASS, finish=_mean_recall),
    ),
    Metric(
        "precision", "Share of what was found that is right.", f"TP / (TP + FP); {_MACRO}", True, _macro("Precision")
    ),
    Metric("recall", "Share of what is there that was found.", f"TP / (TP + FN); {_MACRO}", True, _macro("Recall")),
    Metric(
        "f1",
        "Harmonic mean of precision and recall.",
        f"2 TP / (2 TP + FP + FN); {_MACRO}",
        True,
        _macro("F1Score"),
    ),
    Metric(
        "specificity",
        "Share of what is not there that was not found.",
        f"TN / (TN + FP); {_MACRO}",
        True,
        _macro("Specificity"),
    ),
    Metric(
        "jaccard",
        "Intersection over union of what was found and what is there.",
        f"TP / (TP + FP + FN); {_MACRO}",
        True,
        _macro("JaccardIndex"),
    ),
    Metric(
        "hamming_distance",
        "Share of labels that are wrong.",
        "mean(prediction ≠ label); multiclass: of classes",
        False,
        _tasks("HammingDistance", several={"average": "micro"}),
        pairwise=False,
    ),
    Metric(
        "auroc",
        "Area under the curve of true over false positive rate; nan unless every class has examples and others.",
        f"P(score of a positive > score of a negative); {_MACRO}, each against the rest",
        True,
        _macro("AUROC"),
        probabilities=True,
        each=True,
    ),
    Metric(
        "average_precision",
        "Area under the steps of precision over recall; nan unless every class has examples.",
        f"sum over thresholds of (recall_n - recall_(n-1)) precision_n; {_MACRO}",
        True,
        _macro("AveragePrecision"),
        probabilities=True,
        each=True,
    ),
    Metric(
        "matthews_corrcoef",
        "Correlation of predicted and true classes.",
        "(TP TN - FP FN) / sqrt((TP+FP)(TP+FN)(TN+FP)(TN+FN)); multiclass: over the confusion matrix",
        True,
        _tasks("MatthewsCorrCoef", BINARY, MULTICLASS),
    ),
    Metric(
        "cohen_kappa",
        "Agreement beyond chance.",
        "(p_o - p_e) / (1 - p_e)",
        True,
        _tasks("CohenKappa", BINARY, MULTICLASS),
    ),
    Metric(
        "calibration_error",
        "How far confidence is from accuracy, over 15 bins of confidence.",
        "sum over bins of |accuracy - confidence| × share of examples",
        False,
        _tasks("CalibrationError", BINARY, MULTICLASS),
        probabilities=True,
        pairwise=False,
    ),
    _counts("true_positives", 0, "positives found", True),
    _counts("false_positives", 1, "negatives taken for positives", False),
    _counts("true_negatives", 2, "negatives left alone", True),
    _counts("false_negatives", 3, "positives missed", False),
    Metric("mae", "Mean absolute error.", "mean(|prediction - target|)", False, _number("MeanAbsoluteError")),
    Metric("mse", "Mean squared error.", "mean((prediction - target)^2)", False, _number("MeanSquaredError")),
    Metric(
        "rmse",
        "Root of the mean squared error.",
        "sqrt(mean((prediction - target)^2))",
        False,
        _number("MeanSquaredError", squared=False),
    ),
    Metric(
        "mape",
        "Mean absolute error relative to the target.",
        "mean(|prediction - target| / max(|target|, 1.17e-6))",
        False,
        _number("MeanAbsolutePercentageError"),
    ),
    Metric(
        "max_error",
        "Largest absolute error.",
        "max(|prediction - target|)",
        False,
        {REGRESSION: Call("MaxMetric", prepare=_error)},
    ),
    Metric(
        "r2",
        "Share of the target's variance that is explained, bias counted against it.",
        "1 - sum((target - prediction)^2) / sum((target - mean(target))^2); of several outputs, their mean",
        True,
        _number("R2Score"),
        least=2,
    ),
    Metric(
        "explained_variance",
        "Share of the target's variance that is explained, whatever the bias.",
        "1 - var(target - prediction) / var(target); of several outputs, their mean",
        True,
        _number("ExplainedVariance"),
        least=2,
    ),
    Metric(
        "pearson",
        "Linear correlation of predictions and targets.",
        "cov(prediction, target) / (std(prediction) std(target)); of several outputs, their mean",
        True,
        _columns("PearsonCorrCoef"),
        least=2,
    ),
    Metric(
        "spearman",
        "Correlation of the ranks of predictions and targets.",
        "pearson(rank(prediction), rank(target)); of several outputs, their mean",
        True,
        _columns("SpearmanCorrCoef"),
        least=2,
    ),
)
METRICS: Mapping[str, Metric] = {metric.name: metric for metric in sorted(_ALL, key=lambda metric: metric.name)}
"""Every metric by name."""


def find(name: str) -> Metric:
    """The metric of a name.

    Raises:
        Fault: UNKNOWN_NAME, with the nearest spellings.
    """
    if name in METRICS:
        return METRICS[name]
    near = difflib.get_close_matches(name[:64].lower().replace("-", "_"), METRICS, 3)
    remedy = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(METRICS)}"
    raise Fault("UNKNOWN_NAME", f"there is no metric {name[:64]!r}; {remedy}", field="metrics")


def select(task: str = "") -> list[Metric]:
    """The metrics of a task, all of them for ""."""
    known = (BINARY, MULTICLASS, MULTILABEL, REGRESSION)
    if task and task not in known:
        raise Fault("UNKNOWN_NAME", f"there is no task {task[:64]!r}; there are {', '.join(known)}", field="task")
    return [metric for metric in METRICS.values() if not task or task in metric.tasks]
