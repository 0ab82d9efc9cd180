"""Metrics by scikit-learn and by torchmetrics used as its documentation shows, and data to compute them of."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import scipy.stats
import torch
import torchmetrics.classification as tc
import torchmetrics.regression as tr
from congruence.oracle import generator
from lossd_server.judge.metrics import Metrics
from lossd_server.losses import catalogue
from lossd_server.losses.contract import Loss
from sklearn import metrics as sk
from torch import Tensor


def loss(name: str, **arguments: Any) -> Loss:
    return catalogue.find(name).build(arguments, path="loss", allow_broadcast=False)


def data(task: str, examples: int = 200) -> tuple[str, Tensor, Tensor]:
    """A loss, scores that are somewhat right, and targets."""
    source = generator(task, examples)
    if task == "multiclass":
        target = torch.randint(5, (examples,), generator=source)
        scores = torch.randn(examples, 5, generator=source) + 1.5 * torch.nn.functional.one_hot(target, 5)
        return "cross_entropy_loss", scores, target
    if task == "regression":
        target = torch.randn(examples, generator=source) + 5
        return "mse_loss", target + 0.5 * torch.randn(examples, generator=source), target
    shape = (examples,) if task == "binary" else (examples, 4)
    target = torch.randint(2, shape, generator=source).float()
    return "bce_with_logits_loss", torch.randn(shape, generator=source) + target, target


def several(names: list[str], built: Loss, output: Tensor, targets: Mapping[str, Tensor], *sizes: int) -> Metrics:
    """Metrics of rows in batches of these sizes, the last of which goes on to the end."""
    metrics = Metrics(names, built, output.to("meta"), targets)
    start = 0
    for size in (*sizes, len(output)):
        rows = slice(start, start + size)
        metrics.update(output[rows], {name: target[rows] for name, target in targets.items()})
        start += size
    return metrics


def computed(names: list[str], built: Loss, output: Tensor, target: Tensor, batch: int = 0) -> dict[str, float]:
    metrics = Metrics(names, built, output.to("meta"), {"target": target})
    size = batch or len(output)
    for start in range(0, len(output), size):
        metrics.update(output[start : start + size], {"target": target[start : start + size]})
    return metrics.compute()


def scores(task: str, output: Tensor) -> Tensor:
    """What the data of a task are read as: probabilities, or the numbers themselves, in float64."""
    doubled = output.double()
    return doubled.softmax(1) if task == "multiclass" else doubled if task == "regression" else doubled.sigmoid()


SKLEARN: dict[tuple[str, str], Any] = {
    ("binary", "accuracy"): lambda p, t: sk.accuracy_score(t, p > 0.5),
    ("binary", "balanced_accuracy"): lambda p, t: sk.balanced_accuracy_score(t, p > 0.5),
    ("binary", "precision"): lambda p, t: sk.precision_score(t, p > 0.5),
    ("binary", "recall"): lambda p, t: sk.recall_score(t, p > 0.5),
    ("binary", "f1"): lambda p, t: sk.f1_score(t, p > 0.5),
    ("binary", "specificity"): lambda p, t: sk.recall_score(t, p > 0.5, pos_label=0),
    ("binary", "jaccard"): lambda p, t: sk.jaccard_score(t, p > 0.5),
    ("binary", "hamming_distance"): lambda p, t: sk.hamming_loss(t, p > 0.5),
    ("binary", "auroc"): lambda p, t: sk.roc_auc_score(t, p),
    ("binary", "average_precision"): lambda p, t: sk.average_precision_score(t, p),
    ("binary", "matthews_corrcoef"): lambda p, t: sk.matthews_corrcoef(t, p > 0.5),
    ("binary", "cohen_kappa"): lambda p, t: sk.cohen_kappa_score(t, p > 0.5),
    ("binary", "true_positives"): lambda p, t: sk.confusion_matrix(t, p > 0.5)[1, 1],
    ("binary", "false_positives"): lambda p, t: sk.confusion_matrix(t, p > 0.5)[0, 1],
    ("binary", "true_negatives"): lambda p, t: sk.confusion_matrix(t, p > 0.5)[0, 0],
    ("binary", "false_negatives"): lambda p, t: sk.confusion_matrix(t, p > 0.5)[1, 0],
    ("multiclass", "accuracy"): lambda p, t: sk.accuracy_score(t, p.argmax(1)),
    ("multiclass", "top_3_accuracy"): lambda p, t: sk.top_k_accuracy_score(t, p, k=3),
    ("multiclass", "balanced_accuracy"): lambda p, t: sk.balanced_accuracy_score(t, p.argmax(1)),
    ("multiclass", "precision"): lambda p, t: sk.precision_score(t, p.argmax(1), average="macro"),
    ("multiclass", "recall"): lambda p, t: sk.recall_score(t, p.argmax(1), average="macro"),
    ("multiclass", "f1"): lambda p, t: sk.f1_score(t, p.argmax(1), average="macro"),
    ("multiclass", "jaccard"): lambda p, t: sk.jaccard_score(t, p.argmax(1), average="macro"),
    ("multiclass", "hamming_distance"): lambda p, t: sk.hamming_loss(t, p.argmax(1)),
    ("multiclass", "auroc"): lambda p, t: sk.roc_auc_score(t, p, multi_class="ovr", average="macro"),
    ("multiclass", "average_precision"): lambda p, t: sk.average_precision_score(t, p, average="macro"),
    ("multiclass", "matthews_corrcoef"): lambda p, t: sk.matthews_corrcoef(t, p.argmax(1)),
    ("multiclass", "cohen_kappa"): lambda p, t: sk.cohen_kappa_score(t, p.argmax(1)),
    ("multilabel", "accuracy"): lambda p, t: sk.accuracy_score(t, p > 0.5),
    ("multilabel", "precision"): lambda p, t: sk.precision_score(t, p > 0.5, average="macro"),
    ("multilabel", "recall"): lambda p, t: sk.recall_score(t, p > 0.5, average="macro"),
    ("multilabel", "f1"): lambda p, t: sk.f1_score(t, p > 0.5, average="macro"),
    ("multilabel", "jaccard"): lambda p, t: sk.jaccard_score(t, p > 0.5, average="macro"),
    ("multilabel", "hamming_distance"): lambda p, t: sk.hamming_loss(t, p > 0.5),
    ("multilabel", "auroc"): lambda p, t: sk.roc_auc_score(t, p, average="macro"),
    ("multilabel", "average_precision"): lambda p, t: sk.average_precision_score(t, p, average="macro"),
    ("regression", "mae"): lambda p, t: sk.mean_absolute_error(t, p),
    ("regression", "mse"): lambda p, t: sk.mean_squared_error(t, p),
    ("regression", "rmse"): lambda p, t: sk.root_mean_squared_error(t, p),
    ("regression", "mape"): lambda p, t: sk.mean_absolute_percentage_error(t, p),
    ("regression", "max_error"): lambda p, t: sk.max_error(t, p),
    ("regression", "r2"): lambda p, t: sk.r2_score(t, p),
    ("regression", "explained_variance"): lambda p, t: sk.explained_variance_score(t, p),
    ("regression", "pearson"): lambda p, t: np.corrcoef(p, t)[0, 1],
    ("binary", "fbeta"): lambda p, t: sk.fbeta_score(t, p > 0.5, beta=2),
    ("binary", "brier_score"): lambda p, t: sk.brier_score_loss(t, p),
    ("binary", "log_loss"): lambda p, t: sk.log_loss(t, p),
    ("binary", "perplexity"): lambda p, t: np.exp(sk.log_loss(t, p)),
    ("multiclass", "fbeta"): lambda p, t: sk.fbeta_score(t, p.argmax(1), beta=2, average="macro"),
    ("multiclass", "brier_score"): lambda p, t: ((p - np.eye(5)[t]) ** 2).sum(1).mean(),
    ("multiclass", "log_loss"): lambda p, t: sk.log_loss(t, p),
    ("multiclass", "perplexity"): lambda p, t: np.exp(sk.log_loss(t, p)),
    ("multilabel", "fbeta"): lambda p, t: sk.fbeta_score(t, p > 0.5, beta=2, average="macro"),
    ("multilabel", "label_ranking_average_precision"): lambda p, t: sk.label_ranking_average_precision_score(t, p),
    ("multilabel", "label_ranking_loss"): lambda p, t: sk.label_ranking_loss(t, p),
    ("multilabel", "coverage_error"): lambda p, t: sk.coverage_error(t, p),
    ("regression", "msle"): lambda p, t: sk.mean_squared_log_error(t, p),
    ("regression", "smape"): lambda p, t: (2 * np.abs(p - t) / (np.abs(p) + np.abs(t))).mean(),
    ("regression", "wmape"): lambda p, t: np.abs(p - t).sum() / np.abs(t).sum(),
    ("regression", "tweedie_deviance"): lambda p, t: sk.mean_tweedie_deviance(t, p, power=1.5),
    ("regression", "relative_squared_error"): lambda p, t: 1 - sk.r2_score(t, p),
    ("regression", "spearman"): lambda p, t: scipy.stats.spearmanr(p, t).statistic,
    ("regression", "kendall"): lambda p, t: scipy.stats.kendalltau(p, t).statistic,
    ("regression", "concordance"): lambda p, t: (
        2 * np.cov(p, t)[0, 1] / (p.var(ddof=1) + t.var(ddof=1) + (p.mean() - t.mean()) ** 2)
    ),
    ("regression", "cosine_similarity"): lambda p, t: np.sign(p * t).mean(),
}
"""Each as scikit-learn or scipy computes it, or by its formula in numpy, with their defaults; macro where they ask."""

_C, _L = {"num_classes": 5}, {"num_labels": 4}
TORCHMETRICS: dict[tuple[str, str], Any] = {
    ("binary", "accuracy"): tc.BinaryAccuracy,
    ("binary", "precision"): tc.BinaryPrecision,
    ("binary", "recall"): tc.BinaryRecall,
    ("binary", "f1"): tc.BinaryF1Score,
    ("binary", "fbeta"): partial(tc.BinaryFBetaScore, beta=2.0),
    ("binary", "specificity"): tc.BinarySpecificity,
    ("binary", "jaccard"): tc.BinaryJaccardIndex,
    ("binary", "hamming_distance"): tc.BinaryHammingDistance,
    ("binary", "auroc"): tc.BinaryAUROC,
    ("binary", "average_precision"): tc.BinaryAveragePrecision,
    ("binary", "matthews_corrcoef"): tc.BinaryMatthewsCorrCoef,
    ("binary", "cohen_kappa"): tc.BinaryCohenKappa,
    ("binary", "calibration_error"): tc.BinaryCalibrationError,
    ("binary", "confusion_matrix"): tc.BinaryConfusionMatrix,
    ("binary", "roc_curve"): partial(tc.BinaryROC, thresholds=100),
    ("binary", "precision_recall_curve"): partial(tc.BinaryPrecisionRecallCurve, thresholds=100),
    ("multiclass", "accuracy"): partial(tc.MulticlassAccuracy, **_C, average="micro"),
    ("multiclass", "top_3_accuracy"): partial(tc.MulticlassAccuracy, **_C, top_k=3, average="micro"),
    ("multiclass", "top_5_accuracy"): partial(tc.MulticlassAccuracy, **_C, top_k=5, average="micro"),
    ("multiclass", "balanced_accuracy"): partial(tc.MulticlassAccuracy, **_C, average="macro"),
    ("multiclass", "precision"): partial(tc.MulticlassPrecision, **_C),
    ("multiclass", "recall"): partial(tc.MulticlassRecall, **_C),
    ("multiclass", "f1"): partial(tc.MulticlassF1Score, **_C),
    ("multiclass", "fbeta"): partial(tc.MulticlassFBetaScore, beta=2.0, **_C),
    ("multiclass", "specificity"): partial(tc.MulticlassSpecificity, **_C),
    ("multiclass", "jaccard"): partial(tc.MulticlassJaccardIndex, **_C),
    ("multiclass", "hamming_distance"): partial(tc.MulticlassHammingDistance, **_C, average="micro"),
    ("multiclass", "auroc"): partial(tc.MulticlassAUROC, **_C),
    ("multiclass", "average_precision"): partial(tc.MulticlassAveragePrecision, **_C),
    ("multiclass", "matthews_corrcoef"): partial(tc.MulticlassMatthewsCorrCoef, **_C),
    ("multiclass", "cohen_kappa"): partial(tc.MulticlassCohenKappa, **_C),
    ("multiclass", "calibration_error"): partial(tc.MulticlassCalibrationError, **_C),
    ("multiclass", "confusion_matrix"): partial(tc.MulticlassConfusionMatrix, **_C),
    ("multiclass", "roc_curve"): partial(tc.MulticlassROC, **_C, thresholds=100),
    ("multiclass", "precision_recall_curve"): partial(tc.MulticlassPrecisionRecallCurve, **_C, thresholds=100),
    ("multilabel", "accuracy"): partial(tc.MultilabelExactMatch, **_L),
    ("multilabel", "precision"): partial(tc.MultilabelPrecision, **_L),
    ("multilabel", "recall"): partial(tc.MultilabelRecall, **_L),
    ("multilabel", "f1"): partial(tc.MultilabelF1Score, **_L),
    ("multilabel", "fbeta"): partial(tc.MultilabelFBetaScore, beta=2.0, **_L),
    ("multilabel", "specificity"): partial(tc.MultilabelSpecificity, **_L),
    ("multilabel", "jaccard"): partial(tc.MultilabelJaccardIndex, **_L),
    ("multilabel", "hamming_distance"): partial(tc.MultilabelHammingDistance, **_L, average="micro"),
    ("multilabel", "auroc"): partial(tc.MultilabelAUROC, **_L),
    ("multilabel", "average_precision"): partial(tc.MultilabelAveragePrecision, **_L),
    ("multilabel", "confusion_matrix"): partial(tc.MultilabelConfusionMatrix, **_L),
    ("multilabel", "roc_curve"): partial(tc.MultilabelROC, **_L, thresholds=100),
    ("multilabel", "precision_recall_curve"): partial(tc.MultilabelPrecisionRecallCurve, **_L, thresholds=100),
    ("multilabel", "label_ranking_average_precision"): partial(tc.MultilabelRankingAveragePrecision, **_L),
    ("multilabel", "label_ranking_loss"): partial(tc.MultilabelRankingLoss, **_L),
    ("multilabel", "coverage_error"): partial(tc.MultilabelCoverageError, **_L),
    ("regression", "mae"): tr.MeanAbsoluteError,
    ("regression", "mse"): tr.MeanSquaredError,
    ("regression", "rmse"): partial(tr.MeanSquaredError, squared=False),
    ("regression", "mape"): tr.MeanAbsolutePercentageError,
    ("regression", "smape"): tr.SymmetricMeanAbsolutePercentageError,
    ("regression", "wmape"): tr.WeightedMeanAbsolutePercentageError,
    ("regression", "msle"): tr.MeanSquaredLogError,
    ("regression", "relative_squared_error"): tr.RelativeSquaredError,
    ("regression", "tweedie_deviance"): partial(tr.TweedieDevianceScore, power=1.5),
    ("regression", "r2"): tr.R2Score,
    ("regression", "explained_variance"): tr.ExplainedVariance,
    ("regression", "pearson"): tr.PearsonCorrCoef,
    ("regression", "spearman"): tr.SpearmanCorrCoef,
    ("regression", "kendall"): tr.KendallRankCorrCoef,
    ("regression", "concordance"): tr.ConcordanceCorrCoef,
}
"""As torchmetrics' documentation shows them, of data in float64 at once."""
