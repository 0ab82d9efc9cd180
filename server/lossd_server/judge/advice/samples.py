"""What is read off samples of targets and predictions; knows no rule and no loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from lossd_server.faults import Fault, shape_text
from lossd_server.judge.advice import coding
from lossd_server.judge.advice import statistics as data
from lossd_server.judge.advice.questions import NUMBERS
from lossd_server.judge.advice.sample import Sample

MOST_READ = 2**20
"""Elements of a sample that are looked at; of a larger one, rows that are drawn from all over it."""
FAR = 6.0
"""Robust standard deviations from the median beyond which a number is far off: one in a billion of a normal one."""
OUTLIERS = 0.001
"""Share of numbers far off, with heavy tails, from which on there are outliers."""
RARE = 0.2
"""Share below which the positives, or the negatives, of a yes or no are rare."""
RARE_LABELS = 0.1
"""Mean share of present labels below which they are rare."""
UNEVEN = 4.0
"""Times that the most frequent class is as frequent as the rarest, from which on classes are imbalanced."""
ZEROS = 0.3
"""Share of exact zeros from which on numbers count as zero-inflated."""
ORDERS = 1000.0
"""Ratio of the 99th to the 1st percentile of positive numbers from which on they span orders of magnitude."""
MOST_CLASSES = 1000
"""Distinct whole numbers up to which they may be classes."""


def measure(said: Mapping[str, Any], target: Tensor | None, input: Tensor | None) -> Sample:  # noqa: A002  # torch's name
    """Reads samples as data of the task that was said, or of the task that they look like.

    Raises:
        Fault: VALUE_OUT_OF_RANGE without a finite number, SHAPE_MISMATCH for samples of different numbers of examples.

    >>> sample = measure({}, torch.tensor([0.0, 1.0, 1.0, 0.0, 0.0]), None)
    >>> sample.facts["task"], sample.facts["positives"]
    ('binary', 0.4)
    """
    sample = Sample()
    if target is not None and input is not None:
        _check_examples(target, input)
    step = max(_step(given) for given in (target, input))
    predictions = None if input is None else _numbers(input, "input", sample, step)
    if target is None:
        if predictions is not None:
            _activation(sample, predictions, said.get("task"))
        return sample
    truth = _numbers(target, "target", sample, step)
    if not truth.dim():  # one example
        truth = truth.reshape(1)
        predictions = None if predictions is None else predictions.unsqueeze(0)
    task = said.get("task")
    truth = coding.decode(sample, truth, predictions, said)
    _look(sample, truth, target.dtype, predictions, task)
    if task in (None, "classification"):
        task, why = sample.looks
        sample.note("examples", len(truth), why, task=task)
        if task == "ordinal":
            sample.cautions.append(f"{why}; if they have none, say task=multiclass, and task=counts if they count")
    if task == "multiclass" and truth.dim() == 3 and not data.one_hot(truth):
        task = "segmentation"
        sample.facts["structure"], sample.because["structure"] = "image", "targets are maps of class indices"
    _read(sample, truth, predictions, {**said, "task": task})
    if predictions is not None and task not in NUMBERS:
        _activation(sample, predictions, task)
    return sample


def _read(sample: Sample, truth: Tensor, predictions: Tensor | None, said: Mapping[str, Any]) -> None:
    reader = _READERS.get(said["task"])
    if reader is None:
        sample.cautions.append(f"samples are not read for {said['task']}: they changed nothing")
        return
    if said["task"] in (*NUMBERS, "multiclass", "ordinal"):
        coding.warn_of_running_numbers(sample, truth)
    if sample.distinct == 1:
        value = f"target holds only one value, {sample.lowest:g}"
        sample.cautions.append(f"{value}: nothing to learn from it, and little to read off it")
    reader(sample, truth, predictions, said)


def _look(sample: Sample, truth: Tensor, dtype: torch.dtype, predictions: Tensor | None, task: str | None) -> None:
    sample.looks = data.task_of(truth, dtype, predictions, task)
    numbers = truth[truth.isfinite()]
    sample.distinct, sample.whole = len(data.distinct(numbers)), _whole(numbers)
    sample.lowest, sample.highest = float(numbers.min()), float(numbers.max())


def _check_examples(target: Tensor, input: Tensor) -> None:  # noqa: A002  # torch's name
    if target.dim() and target.numel() and input.numel() and (not input.dim() or len(input) != len(target)):
        given = f"target {shape_text(target.shape)} and input {shape_text(input.shape)}"
        message = f"{given} have different numbers of examples; give the outputs for the same ones"
        raise Fault("SHAPE_MISMATCH", message, field="input")


def _step(given: Tensor | None) -> int:
    """Every how manieth example is read."""
    if given is None or not given.dim() or given.numel() <= MOST_READ:
        return 1
    return min(-(-given.numel() // MOST_READ), len(given))


def _numbers(given: Tensor, name: str, sample: Sample, step: int) -> Tensor:
    """The sample in float64 with NaN where it is not finite, thinned out if it is large."""
    if given.is_complex():
        raise Fault("DTYPE_MISMATCH", f"{name} is complex; expected real numbers", field=name)
    if not given.numel():
        raise Fault("VALUE_OUT_OF_RANGE", f"{name} is empty; give at least one example, or leave it out", field=name)
    if step > 1 and given.dim():
        read = data.thin(given, step)
        sample.note(f"{name}_read", len(read), f"of {len(given)} examples in {name} one in {step} was read")
        given = read
    numbers = given.detach().to("cpu").to(torch.float64)
    finite = numbers.isfinite()
    if not bool(finite.any()):
        raise Fault("VALUE_OUT_OF_RANGE", f"{name} holds no finite number; clean the data first", field=name)
    lost = int((~finite).sum())
    if lost:
        share = lost / numbers.numel()
        sample.note(f"{name}_not_finite", share, f"{lost} of {numbers.numel()} numbers in {name} are NaN or infinite")
        sample.cautions.append(f"{sample.measurements[-1].meaning}: any loss of them is too; drop them first")
        numbers = numbers.masked_fill(~finite, torch.nan)
    return numbers


def _activation(sample: Sample, predictions: Tensor, task: str | None) -> None:
    """What the final layer seems to end in, of outputs for classes or labels."""
    if task not in ("binary", "multiclass", "multi-label", "segmentation", "distribution", "ordinal", "sequence", None):
        return
    activation, why = data.activation_of(predictions)
    finite = predictions[predictions.isfinite()]
    if activation is not None:
        sample.note("input_max", float(finite.max()), why, activation=activation)


def _regression(sample: Sample, truth: Tensor, predictions: Tensor | None, said: Mapping[str, Any]) -> None:
    numbers = truth[truth.isfinite()].reshape(-1)
    low, high = float(numbers.min()), float(numbers.max())
    sample.note("target_min", low, f"targets lie between {low:.6g} and {high:.6g}", nonnegative=low >= 0)
    sample.note("target_max", high, f"the largest target is {high:.6g}")
    whole = bool((numbers == numbers.round()).all())
    if said["task"] == "regression":
        sample.note("target_whole", whole, "all targets are whole numbers" if whole else "targets have fractions",
                    whole_numbers=whole)  # fmt: skip
        if low >= 0 and high <= 1 and not whole:
            sample.note("target_range", high - low, "targets lie between 0 and 1", bounded=True)
    sample.target_scale = data.robust_scale(numbers)
    zeros = float((numbers == 0).double().mean())
    mean = float(numbers.mean())
    expected = float(torch.exp(torch.tensor(-abs(mean)))) if said["task"] == "counts" else 0.0
    inflated = low >= 0 and high > 1 and zeros >= max(ZEROS, expected + 0.2)
    if zeros:
        sample.note(
            "zeros", zeros, f"{zeros:.1%} of the targets are exactly 0", **({"zero_inflated": True} if inflated else {})
        )
    spans = data.orders(numbers)
    if spans:
        wide = spans >= ORDERS
        sample.note("orders", spans, f"the 99th percentile of targets above 0 is {spans:.4g} times the 1st",
                    **({"log_scale": True} if wide else {}))  # fmt: skip
    if predictions is not None and predictions.shape == truth.shape:
        residuals = predictions - truth
        residuals = residuals[residuals.isfinite()].reshape(-1)
        if len(residuals):
            sample.residual_scale = data.robust_scale(residuals)
            _tails(sample, residuals, "residual", said)
            bias = float(residuals.median())
            sample.note("residual_median", bias, f"the median of input - target is {bias:.6g}")
        return
    if predictions is not None:
        sample.cautions.append(
            f"input {shape_text(predictions.shape)} and target {shape_text(truth.shape)} differ in shape: "
            "no residuals were read"
        )
    _tails(sample, numbers, "target", said)


def _tails(sample: Sample, numbers: Tensor, of: str, said: Mapping[str, Any]) -> None:
    """Scale, heaviness of tails and share of numbers that are far off."""
    scale = data.robust_scale(numbers)
    if not scale:
        return
    kurtosis, far = data.excess_kurtosis(numbers), data.far_share(numbers, FAR)
    if of == "target" and bool((numbers > 0).all()):  # a skew that a logarithm takes away is no stray record
        far = min(far, data.far_share(numbers.log(), FAR))
    strays = far >= OUTLIERS and kurtosis > 3
    sample.note(f"{of}_scale", scale, f"the robust standard deviation of the {of}s, 1.4826 MAD, is {scale:.6g}")
    sample.note(f"{of}_kurtosis", kurtosis, f"the excess kurtosis of the {of}s is {kurtosis:.3g}; a normal one has 0")
    what = f"{far:.2%} of the {of}s are over {FAR:g} robust standard deviations off"
    if far >= OUTLIERS and not strays:  # many are far off, and none very far: two groups of numbers, or a wide one
        sample.note("outlier_share", far, f"{what}, but tails are light: no strays, a spread of its own")
        return
    sample.note("outlier_share", far, what, outliers=strays)


def _binary(sample: Sample, truth: Tensor, predictions: Tensor | None, said: Mapping[str, Any]) -> None:
    numbers = truth[truth.isfinite()].reshape(-1)
    values = data.distinct(numbers)
    if bool(((numbers > 0) & (numbers < 1)).any()) and float(numbers.min()) >= 0 and float(numbers.max()) <= 1:
        sample.note("target_soft", 1, "some targets lie between 0 and 1", soft_targets=True)
    if len(values) == 2 and values.tolist() == [-1.0, 1.0]:
        sample.cautions.append("targets are 1 and -1: losses of logits want 1 and 0")
    share = float((numbers > (0 if float(numbers.min()) < 0 else 0.5)).double().mean())
    facts: dict[str, Any] = {}
    if 0 < share < 1:
        facts = {"imbalanced": min(share, 1 - share) < RARE, "positives": share}
    sample.note("positives", share, f"{share:.3%} of the targets are positive", **facts)
    sample.label_positives, sample.label_rows = [int((numbers > 0.5).sum())], len(numbers)
    sample.class_counts = [len(numbers) - sample.label_positives[0], sample.label_positives[0]]


def _classes(sample: Sample, truth: Tensor, predictions: Tensor | None, said: Mapping[str, Any]) -> None:
    if data.one_hot(truth):
        sample.cautions.append(
            "targets are one-hot: class indices, int64 without that dimension, are what index losses take"
        )
        truth = truth.argmax(1).double()
    elif truth.dim() > 1 and predictions is not None and truth.shape == predictions.shape and not _whole(truth):
        sample.note("target_soft", 1, "targets are probabilities of the shape of the input", soft_targets=True)
        return
    numbers = truth[truth.isfinite()].reshape(-1)
    numbers = numbers[(numbers >= 0) & (numbers < 2**20)]
    if not len(numbers) or not _whole(numbers):
        return
    if coding.from_one(sample, numbers, predictions, said):
        numbers = numbers - 1
    classes = int(numbers.max()) + 1
    wide = predictions is not None and predictions.dim() > 1 and predictions.shape[1] >= max(classes, 2)
    classes = predictions.shape[1] if wide and predictions is not None else max(classes, 2)
    sample.note("num_classes", classes, f"there are {classes} classes", num_classes=classes)
    counts = torch.bincount(numbers.long(), minlength=classes)
    present = counts[counts > 0]
    ratio = float(present.max() / present.min())
    sample.note("imbalance", ratio, f"the most frequent class has {ratio:.4g} times as many targets as the rarest",
                imbalanced=ratio >= UNEVEN)  # fmt: skip
    sample.class_counts = counts.tolist() if classes <= MOST_CLASSES else []
    if said["task"] == "segmentation" and classes == 2:
        coding.warn_of_one_output(sample, truth, predictions)
        sample.label_positives, sample.label_rows = [int(counts[1])], int(counts.sum())


def _multi_label(sample: Sample, truth: Tensor, predictions: Tensor | None, said: Mapping[str, Any]) -> None:
    if truth.dim() < 2:
        return
    table = truth.movedim(1, -1).reshape(-1, truth.shape[1])
    table = table[table.isfinite().all(1)]
    if not len(table):
        return
    density, labels = float((table > 0.5).double().mean()), table.shape[1]
    sample.note("num_labels", labels, f"there are {labels} labels", num_classes=max(labels, 2))
    sample.note("density", density, f"{density * labels:.3g} of {labels} labels are present on average",
                imbalanced=density < RARE_LABELS)  # fmt: skip
    if bool(((table > 0) & (table < 1)).any()):
        sample.note("target_soft", 1, "some targets lie between 0 and 1", soft_targets=True)
    counts = (table > 0.5).sum(0)
    if truth.dim() == 2 and labels <= MOST_CLASSES:
        sample.label_positives, sample.label_rows = counts.tolist(), len(table)
    else:  # one weight for all: a longer one would be read along the last dimension, or fill pages
        sample.label_positives, sample.label_rows = [int(counts.sum())], table.numel()


def _whole(numbers: Tensor) -> bool:
    finite = numbers[numbers.isfinite()]
    return bool((finite == finite.round()).all())


_Reader = Callable[[Sample, Tensor, "Tensor | None", Mapping[str, Any]], None]
_READERS: Mapping[str | None, _Reader] = {
    "regression": _regression,
    "counts": _regression,
    "binary": _binary,
    "multiclass": _classes,
    "ordinal": _classes,
    "segmentation": _classes,
    "multi-label": _multi_label,
    "distribution": lambda sample, truth, predictions, said: None,
}
