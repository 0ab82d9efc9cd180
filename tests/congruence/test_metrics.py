"""Metrics against torchmetrics used plainly and against scikit-learn, on random data in batches of any size."""

from __future__ import annotations

import math
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
import torchmetrics
from congruence.measured import SKLEARN, TORCHMETRICS, computed, data, loss, scores, several
from congruence.oracle import Refused, generator, new_worker, run
from lossd.v1 import catalog_service_pb2 as pb
from lossd_server.faults import Fault
from lossd_server.judge.catalogue import METRICS, find
from lossd_server.judge.metrics import Metrics
from lossd_server.losses import expression
from scipy import stats
from sklearn import metrics as sk
from torch import Tensor
from torchmetrics import classification, regression, retrieval, segmentation, text

DIRECT = ("binary", "multiclass", "multilabel", "regression")


@pytest.mark.parametrize(("task", "name"), SKLEARN, ids=["-".join(case) for case in SKLEARN])
def test_a_metric_is_scikit_learns(task: str, name: str) -> None:
    """Over a data set in batches of 7, with the defaults of scikit-learn; torchmetrics divides counts in float32."""
    of, output, target = data(task)
    expected = SKLEARN[task, name](scores(task, output).numpy(), target.numpy())
    assert computed([name], loss(of), output, target, batch=7)[name] == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize(("task", "name"), TORCHMETRICS, ids=["-".join(case) for case in TORCHMETRICS])
def test_a_metric_is_torchmetrics(task: str, name: str) -> None:
    """As torchmetrics gives it of all the data at once, in float32 where it counts in that."""
    of, output, target = data(task)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it keeps the data
        plain = TORCHMETRICS[task, name]()
    expected = plain(scores(task, output), target.double() if task == "regression" else target.long())
    metrics = several([name], loss(of), output, {"target": target}, 7, 50, 1)
    if METRICS[name].array:
        assert set(metrics.arrays()) == {name}
        found = metrics.arrays()[name]
        if isinstance(expected, tuple):
            short = expected[0].shape[-1] - expected[2].shape[-1]
            assert found[2 if found.dim() == 2 else (2, 0)][: len(expected[2])].tolist() == expected[2].tolist()
            assert bool((found[2][..., len(expected[2]) :] == 1).all())
            assert short in (0, 1)
            expected, found = torch.stack(expected[:2]), found[:2]
        torch.testing.assert_close(found, expected.double(), rtol=1e-6, atol=0, equal_nan=True)
    else:
        assert metrics.compute() == {name: pytest.approx(float(expected), rel=2e-6)}


def test_every_metric_has_an_oracle() -> None:
    """No metric of classes, labels or numbers goes unchecked; of the other tasks, test_metric_readings says."""
    own = {(task, name) for name, metric in METRICS.items() for task in metric.tasks if task in DIRECT}
    assert own == {*SKLEARN, *TORCHMETRICS}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("task", DIRECT)
def test_batches_merge(task: str, dtype: torch.dtype) -> None:
    """Every metric of a task over uneven batches, empty ones too, is that of all the data at once, of every type."""
    of, output, target = data(task, 101)
    output, target = output.to(dtype), target.to(dtype) if target.is_floating_point() else target
    names = [name for name, metric in METRICS.items() if task in metric.tasks]
    wide = [f"{name}(average=none)" for name in names if any(a.name == "average" for a in METRICS[name].arguments)]
    wide = [name for name in wide if task in ("multiclass", "multilabel", "regression")]
    whole = several([*names, *wide], loss(of), output, {"target": target})
    parts = several([*names, *wide], loss(of), output, {"target": target}, 1, 0, 17, 64, 3)
    assert {*whole.compute(), *whole.arrays()} == {*names, *wide}
    assert parts.compute() == pytest.approx(whole.compute(), rel=1e-12, abs=1e-14)
    assert all(math.isfinite(number) for number in whole.compute().values())
    for name, array in whole.arrays().items():
        torch.testing.assert_close(parts.arrays()[name], array, rtol=1e-12, atol=1e-14, equal_nan=True)


def test_spearman_is_the_correlation_of_ranks() -> None:
    """Of data without ties, as numpy correlates ranks; of several outputs the mean."""
    of, output, target = data("regression")
    other = data("regression", 200)[1].flip(0)
    ranks = [np.argsort(np.argsort(each.numpy())) for each in (output, target, other)]
    first, second = np.corrcoef(ranks[0], ranks[1])[0, 1], np.corrcoef(ranks[2], ranks[1])[0, 1]
    assert computed(["spearman"], loss(of), output, target)["spearman"] == pytest.approx(first, rel=1e-6)
    both = computed(["spearman"], loss(of), torch.stack([output, other], 1), torch.stack([target, target], 1), 9)
    assert both["spearman"] == pytest.approx((first + second) / 2, rel=1e-6)


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
    places = (torchmetrics, classification, regression, retrieval, segmentation, text)
    everywhere = {name for place in places for name in vars(place)}
    assert all(name in everywhere for metric in answer.metrics for name in metric.class_names)
    assert all(len(metric.class_names) == len(metric.tasks) for metric in answer.metrics)
    assert {metric.name for metric in answer.metrics if metric.array} == {n for n, m in METRICS.items() if m.array}
    for metric in answer.metrics:
        assert [argument.name for argument in metric.arguments] == [one.name for one in find(metric.name).arguments]
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


def test_spearman_of_many_ties_is_scipys() -> None:
    """The ranks of 100,000 numbers of three values add up beyond int32."""
    source = generator("ties")
    target = torch.randint(3, (100_000,), generator=source).double()
    output = target + torch.randint(2, (100_000,), generator=source)
    expected = stats.spearmanr(output, target)[0]
    assert computed(["spearman"], loss("mse_loss"), output, target)["spearman"] == pytest.approx(expected, rel=1e-9)


def test_lists_without_anything_relevant_do_not_count() -> None:
    """Of no other lists, there is no answer."""
    scores, nothing = torch.randn(3, 4), torch.zeros(3, 4)
    metrics = Metrics(["ndcg", "hit_rate"], loss("listnet_loss"), scores, {"labels": nothing})
    metrics.update(scores, {"labels": nothing})
    assert all(math.isnan(value) for value in metrics.compute().values())
    some = torch.tensor([[0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    metrics = Metrics(["hit_rate"], loss("listnet_loss"), scores[:2], {"labels": some})
    metrics.update(torch.tensor([[0.0, 1.0, 2.0, 3.0], [9.0, 1.0, 2.0, 3.0]]), {"labels": some})
    assert metrics.compute() == {"hit_rate": 1.0}


def test_what_is_too_much_is_not_kept() -> None:
    """The limit is looked at before."""
    numbers = torch.zeros(1).expand(2**23 + 1)
    metrics = Metrics(["spearman"], loss("mse_loss"), numbers, {"target": numbers})
    with pytest.raises(Fault, match="keeps every example"):
        metrics.update(numbers, {"target": numbers})
    assert metrics.bytes == 0


def test_quotes_are_read_as_python_has_them() -> None:
    """A word may stand in quotes."""
    _, output, target = data("multiclass")
    found = computed(["f1(average='micro')", "f1(average=micro)"], loss("cross_entropy_loss"), output, target)
    assert len(set(found.values())) == 1
