"""Metrics against torchmetrics run plainly and against scikit-learn, on random data in batches of any size."""

from __future__ import annotations

import math
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
import torch
import torchmetrics
import torchmetrics.classification as classification
import torchmetrics.regression as regression
from congruence.oracle import Refused, generator, new_worker, run
from lossd.v1 import catalog_service_pb2 as pb
from lossd_server.faults import Fault
from lossd_server.judge.catalogue import METRICS, find
from lossd_server.judge.metrics import Metrics
from lossd_server.losses import catalogue, expression
from lossd_server.losses.contract import Loss
from sklearn import metrics as sk
from torch import Tensor

BINARY = ["true_positives", "false_positives", "true_negatives", "false_negatives"]


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


def computed(names: list[str], built: Loss, output: Tensor, target: Tensor, batch: int = 0) -> dict[str, float]:
    metrics = Metrics(names, built, output.to("meta"), {"target": target})
    size = batch or len(output)
    for start in range(0, len(output), size):
        metrics.update(output[start : start + size], {"target": target[start : start + size]})
    return metrics.compute()


def mean_of_present(matrix: np.ndarray) -> float:
    return float((matrix.diagonal() / matrix.sum(1)).mean())


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
}
"""Each as scikit-learn computes it, with its defaults; macro where it asks."""

PLAIN: dict[tuple[str, str], Any] = {
    ("binary", "calibration_error"): classification.BinaryCalibrationError(),
    ("multiclass", "calibration_error"): classification.MulticlassCalibrationError(5),
    ("multiclass", "specificity"): classification.MulticlassSpecificity(5),
    ("multilabel", "specificity"): classification.MultilabelSpecificity(4),
    ("multiclass", "top_5_accuracy"): classification.MulticlassAccuracy(5, top_k=5, average="micro"),
}
"""What scikit-learn lacks, by torchmetrics used as its documentation shows."""


def probabilities(task: str, output: Tensor) -> Tensor:
    doubled = output.double()
    return {"binary": doubled.sigmoid, "multilabel": doubled.sigmoid, "multiclass": lambda: doubled.softmax(1)}.get(
        task, lambda: doubled
    )()


@pytest.mark.parametrize(("task", "name"), SKLEARN, ids=["-".join(case) for case in SKLEARN])
def test_a_metric_is_scikit_learns(task: str, name: str) -> None:
    """Over a data set in batches of 7, with the defaults of scikit-learn; torchmetrics divides in float32."""
    of, output, target = data(task)
    expected = SKLEARN[task, name](probabilities(task, output).numpy(), target.numpy())
    assert computed([name], loss(of), output, target, batch=7)[name] == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize(("task", "name"), PLAIN, ids=["-".join(case) for case in PLAIN])
def test_a_metric_is_torchmetrics(task: str, name: str) -> None:
    """As torchmetrics gives it of all the data at once."""
    of, output, target = data(task)
    plain = PLAIN[task, name]
    plain.reset()
    expected = plain(probabilities(task, output), target.long())
    assert computed([name], loss(of), output, target, batch=7)[name] == pytest.approx(float(expected), rel=1e-6)


def test_spearman_is_the_correlation_of_ranks() -> None:
    """Of data without ties, as numpy correlates ranks; of several outputs the mean."""
    of, output, target = data("regression")
    other = data("regression", 200)[1].flip(0)
    ranks = [np.argsort(np.argsort(each.numpy())) for each in (output, target, other)]
    first, second = np.corrcoef(ranks[0], ranks[1])[0, 1], np.corrcoef(ranks[2], ranks[1])[0, 1]
    assert computed(["spearman"], loss(of), output, target)["spearman"] == pytest.approx(first, rel=1e-6)
    both = computed(["spearman"], loss(of), torch.stack([output, other], 1), torch.stack([target, target], 1), 9)
    assert both["spearman"] == pytest.approx((first + second) / 2, rel=1e-6)


def test_every_metric_has_an_oracle() -> None:
    """No task of a metric goes unchecked."""
    checked = {*SKLEARN, *PLAIN, ("regression", "spearman")}
    assert {(task, name) for name, metric in METRICS.items() for task in metric.tasks} == checked


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression"])
def test_batches_merge(task: str) -> None:
    """Every metric of a task over uneven batches is that of all the data at once."""
    of, output, target = data(task, 101)
    names = [name for name, metric in METRICS.items() if task in metric.tasks]
    whole = computed(names, loss(of), output, target)
    assert list(whole) == names
    assert computed(names, loss(of), output, target, batch=10) == pytest.approx(whole, rel=1e-12, abs=1e-14)


def test_ignored_targets_do_not_count() -> None:
    """Neither by torch's -100 nor by an ignore_index that is a class; pixels count one by one."""
    output = torch.randn(3, 4, 6, generator=generator("pixels"))
    target = torch.randint(4, (3, 6), generator=generator("classes"))
    flat, classes = output.movedim(1, -1).reshape(-1, 4).argmax(1), target.reshape(-1)
    kept = classes != 2
    expected = sk.accuracy_score(classes[kept], flat[kept])
    assert computed(["accuracy"], loss("cross_entropy_loss", ignore_index=2), output, target)["accuracy"] == expected
    marked = torch.where(target == 2, -100, target)
    assert computed(["accuracy"], loss("cross_entropy_loss"), output, marked)["accuracy"] == expected


def test_log_probabilities_and_probabilities_are_read_as_such() -> None:
    """NLLLoss's and BCELoss's inputs give the metrics of the logits they came from."""
    _, output, target = data("multiclass")
    names = ["auroc", "calibration_error", "accuracy"]
    expected = computed(names, loss("cross_entropy_loss"), output, target)
    assert computed(names, loss("nll_loss"), output.double().log_softmax(1), target) == pytest.approx(
        expected, rel=1e-9
    )
    _, output, target = data("binary")
    expected = computed(names, loss("bce_with_logits_loss"), output, target)
    assert computed(names, loss("bce_loss"), output.double().sigmoid(), target) == pytest.approx(expected, rel=1e-9)


def test_a_formula_is_read_as_numbers() -> None:
    """An expression says nothing of its inputs; numbers of one shape are compared as numbers."""
    _, output, target = data("regression")
    found = computed(["mae"], expression.build("mean((input - target)**2)"), output, target)
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(target.double(), output.double()))


def test_what_is_not_defined_is_nan() -> None:
    """One class has no ranking against others, one example no variance, no example nothing."""
    assert math.isnan(computed(["auroc"], loss("bce_with_logits_loss"), torch.randn(5), torch.ones(5))["auroc"])
    assert math.isnan(computed(["r2"], loss("mse_loss"), torch.randn(1), torch.randn(1))["r2"])
    metrics = Metrics(["accuracy"], loss("nll_loss"), torch.randn(2, 3), {"target": torch.tensor([-100, -100])})
    metrics.update(torch.randn(2, 3), {"target": torch.tensor([-100, -100])})
    assert math.isnan(metrics.compute()["accuracy"])


@pytest.mark.parametrize(
    ("name", "of", "output", "target", "reason", "says"),
    [
        ("acuracy", "mse_loss", (3,), torch.zeros(3), "UNKNOWN_NAME", "accuracy"),
        ("accuracy", "mse_loss", (3,), torch.zeros(3), "UNSUPPORTED", "is regression"),
        ("auroc", "multi_margin_loss", (3, 4), torch.zeros(3, dtype=torch.long), "UNSUPPORTED", "probabilities"),
        ("f1", "cross_entropy_loss", (1, 2000), torch.zeros(1, dtype=torch.long), "UNSUPPORTED", "2000 classes"),
        ("top_5_accuracy", "cross_entropy_loss", (1, 4), torch.zeros(1, dtype=torch.long), "UNSUPPORTED", "only 4"),
        ("accuracy", "cross_entropy_loss", (2, 4), torch.ones(2, 4) / 4, "UNSUPPORTED", "class indices"),
        ("mae", "total_variation", (1, 1, 4), torch.zeros(3), "UNSUPPORTED", "total_variation"),
    ],
)
def test_what_does_not_apply_is_refused(
    name: str, of: str, output: tuple[int, ...], target: Tensor, reason: str, says: str
) -> None:
    """With the reason, before a model has run: the output is known by its shape alone."""
    with pytest.raises(Fault, match=says) as refused:
        Metrics([name], loss(of), torch.empty(output, device="meta"), {"target": target})
    assert (refused.value.reason, refused.value.field) == (reason, "metrics")


def test_soft_labels_are_refused() -> None:
    """Metrics of labels compare with 0 and 1."""
    with pytest.raises(Fault, match="0 and 1"):
        Metrics(["f1"], loss("bce_loss"), torch.rand(3), {"target": torch.rand(3)})
    metrics = Metrics(["f1"], loss("bce_loss"), torch.rand(3), {"target": torch.ones(3)})
    with pytest.raises(Fault, match="0 and 1"):
        metrics.update(torch.rand(3), {"target": torch.tensor([0.0, 0.5, 1.0])})


def test_without_torchmetrics_the_refusal_says_what_to_install() -> None:
    """It is an extra; the worker does without until a metric is asked for, and does not load it before."""
    script = """
import sys
import lossd_server.worker.worker
assert "torchmetrics" not in sys.modules
sys.modules["torchmetrics"] = sys.modules["torchmetrics.classification"] = None
from lossd_server.judge.metrics import Metrics
from lossd_server.losses import catalogue
import torch
loss = catalogue.find("mse_loss").build({}, path="loss", allow_broadcast=False)
try:
    Metrics(["mae"], loss, torch.zeros(2), {"target": torch.zeros(2)})
except Exception as error:
    print(error.reason, error.message)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("UNSUPPORTED")
    assert "pip install 'lossd[metrics]'" in done.stdout


def test_list_metrics_describes_all_of_them() -> None:
    """Sorted, with the classes that torchmetrics has under these names; of one task, those that have it."""
    worker = new_worker()
    answer, _ = run(worker, "ListMetrics", pb.ListMetricsRequest(), answer=pb.ListMetricsResponse)
    assert [metric.name for metric in answer.metrics] == sorted(METRICS)
    everywhere = {**vars(torchmetrics), **vars(classification), **vars(regression)}
    assert all(name in everywhere for metric in answer.metrics for name in metric.class_names)
    assert all(len(metric.class_names) == len(metric.tasks) for metric in answer.metrics)
    assert {metric.name for metric in answer.metrics if metric.direction == pb.METRIC_DIRECTION_LOWER} == {
        name for name in METRICS if not find(name).higher
    }
    of_one, _ = run(worker, "ListMetrics", pb.ListMetricsRequest(task="regression"), answer=pb.ListMetricsResponse)
    assert {metric.name for metric in of_one.metrics} == {n for n, m in METRICS.items() if "regression" in m.tasks}
    with pytest.raises(Refused, match="multilabel"):
        run(worker, "ListMetrics", pb.ListMetricsRequest(task="regresion"), answer=pb.ListMetricsResponse)


def test_ours_gives_no_warnings() -> None:
    """What torchmetrics warns of is told by nan, not on the log."""
    of, output, target = data("regression")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        computed(["spearman", "pearson"], loss(of), output, target)
        computed(["auroc"], loss("bce_with_logits_loss"), torch.randn(3), torch.ones(3))
