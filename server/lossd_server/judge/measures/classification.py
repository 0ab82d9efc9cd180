"""Metrics of classes and of labels, as torchmetrics computes them from probabilities; knows no loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from lossd_server.judge.measures.contract import (
    AVERAGE,
    BINS,
    NONE,
    SIZES,
    THRESHOLD,
    Call,
    Given,
    Metric,
    all_of_it,
    averaged,
    mean,
    top_k,
)
from lossd_server.judge.views import BINARY, IGNORED, MULTICLASS, MULTILABEL, Pair
from lossd_server.losses.contract import Argument

_ALL = (BINARY, MULTICLASS, MULTILABEL)
_LEFT_OUT = {MULTILABEL: {"ignore_index": IGNORED}}
_MACRO = "multiclass and multilabel: the mean over classes (macro), unless `average` says otherwise"


def _tasks(
    name: str,
    *tasks: str,
    finish: Callable[[Any, Given], Tensor] = mean,
    several: Mapping[str, Any] = {},
    arguments: Mapping[str, tuple[str, ...]] = {},
    lacks: Mapping[str, Mapping[str, tuple[str, ...]]] = {},
    keeps: bool = False,
) -> dict[str, Call]:
    """A metric of torchmetrics for some tasks.

    Args:
        several: options where there are several classes.
        arguments: tasks that have each argument, under its own name.
        lacks: by task, choices that it has not.
        keeps: whether it keeps all data, unless `thresholds` are given.
    """
    return {
        task: Call(
            task.capitalize() + name,
            {"validate_args": False, **_LEFT_OUT.get(task, {}), **(several if task != BINARY else {})},
            SIZES[task],
            finish=finish,
            arguments={argument: argument for argument, own in arguments.items() if task in own},
            lacks=lacks.get(task, {}),
            keeps=all_of_it if keeps else None,
        )
        for task in tasks or _ALL
    }


_SEVERAL = (MULTICLASS, MULTILABEL)
_AT_A_THRESHOLD = {"threshold": (BINARY, MULTILABEL)}
_AVERAGED = {"average": _SEVERAL, **_AT_A_THRESHOLD}


def _macro(name: str, *tasks: str) -> dict[str, Call]:
    return _tasks(name, *tasks, arguments={**_AVERAGED, "top_k": (MULTICLASS,)})


def _mean_recall(confusion: Tensor, given: Given) -> Tensor:
    """Of the classes that there are."""
    confusion = confusion.double()
    present = confusion.sum(1)
    return (confusion.diagonal() / present)[present > 0].mean()


def _curve(points: tuple[Tensor, Tensor, Tensor], given: Given) -> Tensor:
    """The two coordinates and the thresholds, (3,T) or (3,C,T); the point beyond the last threshold has threshold 1."""
    first, second, thresholds = points
    short = first.shape[-1] - thresholds.shape[-1]
    thresholds = torch.cat([thresholds, thresholds.new_ones(short)]) if short else thresholds
    return torch.stack([first, second, thresholds.to(first).expand_as(first)])


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
    def count(counts: Tensor, given: Given) -> Tensor:
        return counts[index]

    calls = _tasks("StatScores", BINARY, finish=count, arguments={"threshold": (BINARY,)})
    return Metric(
        name, f"Number of {what}, at a threshold of 0.5.", f"count({what})", higher, calls, arguments=(THRESHOLD,)
    )


def _one_hot(pair: Pair) -> Tensor:
    return torch.nn.functional.one_hot(pair.truth, pair.predictions.shape[1])


def _squared(pair: Pair, given: Given) -> Tensor:
    truth = _one_hot(pair) if pair.predictions.dim() > 1 else pair.truth
    squares = (pair.predictions - truth).square()
    return squares.sum(1) if squares.dim() > 1 else squares


def _surprise(pair: Pair, given: Given) -> Tensor:
    """-log of the probability of what is true; at most that of the smallest float64."""
    if pair.predictions.dim() > 1:
        of_truth = pair.predictions.gather(1, pair.truth.unsqueeze(1)).squeeze(1)
    else:
        of_truth = torch.where(pair.truth > 0, pair.predictions, 1 - pair.predictions)
    return -of_truth.clamp_min(torch.finfo(of_truth.dtype).tiny).log()


def _exponential(value: Tensor, given: Given) -> Tensor:
    return value.double().exp()


_BETA = Argument("beta", float, 2.0, "how much more recall counts than precision", above=0)
_NORMALIZE = Argument(
    "normalize",
    str,
    NONE,
    "what counts are divided by",
    choices=(NONE, "true", "pred", "all"),
    explained={"true": "by row: recall", "pred": "by column: precision", "all": "by all", NONE: "not at all"},
)
_POINTS = Argument("thresholds", int, 100, "thresholds, evenly from 0 to 1", least=2, most=10_000)
_WEIGHTS = Argument("weights", str, NONE, "how far apart counts", choices=(NONE, "linear", "quadratic"))
_N_BINS = Argument("n_bins", int, 15, "bins of confidence", least=1, most=10_000)
_NORM = Argument("norm", str, "l1", "how bins become one number", choices=("l1", "l2", "max"))
_MAX_FPR = Argument("max_fpr", float, None, "false positive rate up to which the area counts", above=0, most=1)
_BY_CURVE = {"average": _SEVERAL, "thresholds": _ALL}
_NO_MICRO = {MULTICLASS: {"average": ("micro",)}}

CLASSIFICATION: tuple[Metric, ...] = (
    Metric(
        "accuracy",
        "Share of right answers.",
        "mean(prediction = class); multilabel: all labels of an example right",
        True,
        {
            **_tasks("Accuracy", BINARY, arguments={"threshold": (BINARY,)}),
            **_tasks("Accuracy", MULTICLASS, several={"average": "micro"}, arguments={"top_k": (MULTICLASS,)}),
            **_tasks("ExactMatch", MULTILABEL, arguments={"threshold": (MULTILABEL,)}),
        },
        arguments=(THRESHOLD, top_k()),
        pairwise=False,
    ),
    _top(3),
    _top(5),
    Metric(
        "balanced_accuracy",
        "Mean recall of the classes that have examples.",
        "mean over classes of TP / (TP + FN)",
        True,
        _tasks("ConfusionMatrix", BINARY, MULTICLASS, finish=_mean_recall, arguments={"threshold": (BINARY,)}),
        arguments=(THRESHOLD,),
    ),
    Metric(
        "precision",
        "Share of what was found that is right.",
        f"TP / (TP + FP); {_MACRO}",
        True,
        _macro("Precision"),
        arguments=(AVERAGE, THRESHOLD, top_k()),
    ),
    Metric(
        "recall",
        "Share of what is there that was found.",
        f"TP / (TP + FN); {_MACRO}",
        True,
        _macro("Recall"),
        arguments=(AVERAGE, THRESHOLD, top_k()),
    ),
    Metric(
        "f1",
        "Harmonic mean of precision and recall.",
        f"2 TP / (2 TP + FP + FN); {_MACRO}",
        True,
        _macro("F1Score"),
        arguments=(AVERAGE, THRESHOLD, top_k()),
    ),
    Metric(
        "fbeta",
        "Mean of precision and recall in which recall counts beta times as much.",
        f"(1 + beta^2) TP / ((1 + beta^2) TP + beta^2 FN + FP); {_MACRO}",
        True,
        _tasks("FBetaScore", arguments={**_AVERAGED, "top_k": (MULTICLASS,), "beta": _ALL}),
        arguments=(_BETA, AVERAGE, THRESHOLD, top_k()),
    ),
    Metric(
        "specificity",
        "Share of what is not there that was not found.",
        f"TN / (TN + FP); {_MACRO}",
        True,
        _macro("Specificity"),
        arguments=(AVERAGE, THRESHOLD, top_k()),
    ),
    Metric(
        "jaccard",
        "Intersection over union of what was found and what is there.",
        f"TP / (TP + FP + FN); {_MACRO}",
        True,
        _tasks("JaccardIndex", arguments=_AVERAGED),
        arguments=(AVERAGE, THRESHOLD),
    ),
    Metric(
        "hamming_distance",
        "Share of labels that are wrong.",
        "mean(prediction ≠ label); multiclass: of classes",
        False,
        _tasks("HammingDistance", several={"average": "micro"}, arguments=_AT_A_THRESHOLD),
        arguments=(THRESHOLD,),
        pairwise=False,
    ),
    Metric(
        "auroc",
        "Area under the curve of true over false positive rate; nan unless every class has examples and others.",
        f"P(score of a positive > score of a negative); {_MACRO}, each against the rest",
        True,
        _tasks("AUROC", arguments={**_BY_CURVE, "max_fpr": (BINARY,)}, lacks=_NO_MICRO, keeps=True),
        arguments=(AVERAGE, BINS, _MAX_FPR),
        needs="order",
        each="both",
    ),
    Metric(
        "average_precision",
        "Area under the steps of precision over recall; nan unless every class has examples.",
        f"sum over thresholds of (recall_n - recall_(n-1)) precision_n; {_MACRO}",
        True,
        _tasks("AveragePrecision", arguments=_BY_CURVE, lacks=_NO_MICRO, keeps=True),
        arguments=(AVERAGE, BINS),
        needs="order",
        each="positives",
    ),
    Metric(
        "roc_curve",
        "False and true positive rate at each threshold.",
        "rows: FP / (FP + TN), TP / (TP + FN), threshold; (3,T), of several classes (3,C,T)",
        True,
        _tasks("ROC", finish=_curve, arguments={"thresholds": _ALL}),
        arguments=(_POINTS,),
        needs="probabilities",
        array=True,
    ),
    Metric(
        "precision_recall_curve",
        "Precision and recall at each threshold; the last point is precision 1 at recall 0.",
        "rows: TP / (TP + FP), TP / (TP + FN), threshold; (3,T+1), of several classes (3,C,T+1)",
        True,
        _tasks("PrecisionRecallCurve", finish=_curve, arguments={"thresholds": _ALL}),
        arguments=(_POINTS,),
        needs="probabilities",
        array=True,
    ),
    Metric(
        "confusion_matrix",
        "How often each class was taken for each other.",
        "count(class i taken for class j), (C,C); multilabel: (L,2,2), one for each label",
        True,
        _tasks("ConfusionMatrix", arguments={**_AT_A_THRESHOLD, "normalize": _ALL}),
        arguments=(_NORMALIZE, THRESHOLD),
        array=True,
    ),
    Metric(
        "matthews_corrcoef",
        "Correlation of predicted and true classes.",
        "(TP TN - FP FN) / sqrt((TP+FP)(TP+FN)(TN+FP)(TN+FN)); multiclass: over the confusion matrix",
        True,
        _tasks("MatthewsCorrCoef", BINARY, MULTICLASS, arguments={"threshold": (BINARY,)}),
        arguments=(THRESHOLD,),
    ),
    Metric(
        "cohen_kappa",
        "Agreement beyond chance.",
        "(p_o - p_e) / (1 - p_e)",
        True,
        _tasks("CohenKappa", BINARY, MULTICLASS, arguments={"threshold": (BINARY,), "weights": (BINARY, MULTICLASS)}),
        arguments=(_WEIGHTS, THRESHOLD),
    ),
    Metric(
        "calibration_error",
        "How far confidence is from accuracy, over bins of confidence.",
        "sum over bins of |accuracy - confidence| × share of examples; l2: root of the squares, max: the worst bin",
        False,
        _tasks(
            "CalibrationError",
            BINARY,
            MULTICLASS,
            arguments={"n_bins": (BINARY, MULTICLASS), "norm": (BINARY, MULTICLASS)},
            keeps=True,
        ),
        arguments=(_N_BINS, _NORM),
        needs="probabilities",
        pairwise=False,
    ),
    Metric(
        "brier_score",
        "Mean squared error of the probabilities.",
        "binary: mean((p - class)^2); multiclass: mean over examples of sum over classes of (p - [class])^2",
        False,
        {**averaged(BINARY, _squared), **averaged(MULTICLASS, _squared)},
        needs="probabilities",
        pairwise=False,
    ),
    Metric(
        "perplexity",
        "Choices among which the model is as unsure as among equally likely ones.",
        "exp(mean(-log p of the true class))",
        False,
        {
            task: replace(call, finish=_exponential)
            for task, call in {**averaged(BINARY, _surprise), **averaged(MULTICLASS, _surprise)}.items()
        },
        needs="probabilities",
        pairwise=False,
    ),
    Metric(
        "log_loss",
        "Mean negative logarithm of the probability of the true class.",
        "mean(-log p of the true class)",
        False,
        {**averaged(BINARY, _surprise), **averaged(MULTICLASS, _surprise)},
        needs="probabilities",
        pairwise=False,
    ),
    _counts("true_positives", 0, "positives found", True),
    _counts("false_positives", 1, "negatives taken for positives", False),
    _counts("true_negatives", 2, "negatives left alone", True),
    _counts("false_negatives", 3, "positives missed", False),
)
