"""How targets are numbered: masks of 255, numbers that stand for no target, classes from 1 on, running numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lossd_server.judge.advice import statistics as data
from lossd_server.judge.advice.sample import Sample

WHITE = 255
"""What masks saved as pictures hold for yes, and maps of classes for pixels to leave out."""
STANDS_FOR_NONE = (-100, -1, WHITE)
"""Numbers that data sets write where there is no target."""
MOST_CLASSES = 200
"""Classes up to which another number can stand for none."""
FEWEST = 20
"""Numbers from which on equal steps are no accident."""
CLASSES = ("classification", "multiclass", "ordinal", "segmentation", "binary", None)
"""Tasks whose targets may be numbered so; None where it is to be seen."""


def decode(sample: Sample, truth: Tensor, predictions: Tensor | None, said: Mapping[str, Any]) -> Tensor:
    """Targets as losses take them: 0 and 1 for 0 and 255, NaN where a number stands for none; says what to do.

    >>> sample = Sample()
    >>> decode(sample, torch.tensor([[[0.0, 255.0], [255.0, 0.0]]]), None, {}).tolist()
    [[[0.0, 1.0], [1.0, 0.0]]]
    >>> sample.cautions
    ['targets are 0 and 255: divide them by 255, losses take 0 and 1']
    """
    if said.get("task") not in CLASSES:
        return truth
    numbers = truth[truth.isfinite()]
    values = data.distinct(numbers).tolist()
    if values == [0.0, float(WHITE)]:
        sample.cautions.append("targets are 0 and 255: divide them by 255, losses take 0 and 1")
        return truth / WHITE
    if values == [1.0, 2.0] and said.get("task") in (None, "binary") and not _classes_of(predictions, 3):
        sample.cautions.append("targets are 1 and 2: subtract 1, losses take 0 and 1")
        return truth - 1
    ignored = _none(values, truth, said)
    if ignored is None:
        return truth
    sample.ignore_index = ignored
    share = float((truth == ignored).double().mean())
    sample.note("ignored", share, f'{share:.3%} of the targets are {ignored}, which looks like "no target"')
    sample.cautions.append(
        f"{sample.measurements[-1].meaning}: ignore_index={ignored} leaves them out, and losses without that argument "
        "need the data without them"
        + ("; if they are numbers, say task=regression" if said.get("task") is None else "")
    )
    return truth.masked_fill(truth == ignored, torch.nan)


def _none(values: list[float], truth: Tensor, said: Mapping[str, Any]) -> int | None:
    """The number that stands for no target: besides it there are but classes from 0 on."""
    for ignored in STANDS_FOR_NONE:
        if float(ignored) not in values:
            continue
        rest = [value for value in values if value != ignored]
        classes = bool(rest) and rest[0] == 0 and all(value == round(value) for value in rest)
        few = classes and rest[-1] < MOST_CLASSES and len(rest) >= 2
        dense = classes and len(rest) >= 0.5 * (rest[-1] + 1)
        negative = len(rest) > 2 and ignored < 0  # a count may be 255, and -1, 0 and 1 are steps
        if few and dense and (truth.dim() > 2 or negative or said.get("task") is not None):
            return ignored
    return None


def _classes_of(predictions: Tensor | None, least: int) -> bool:
    """Whether outputs are scores of at least so many classes."""
    return predictions is not None and predictions.dim() > 1 and predictions.shape[1] >= least


def from_one(sample: Sample, numbers: Tensor, predictions: Tensor | None, said: Mapping[str, Any]) -> bool:
    """Whether classes are numbered from 1 on, which losses do not take; says what to do."""
    values = data.distinct(numbers)
    low, high = int(values.min()), int(values.max())
    outputs = predictions.shape[1] if predictions is not None and predictions.dim() > 1 else None
    wanted = outputs or said.get("num_classes") or len(values)
    if low != 1 or high < 2 or wanted != high:
        return False
    sample.cautions.append(
        f"targets are {low} to {high}, and losses of classes count from 0 on: subtract 1, there are {high} classes"
    )
    return True


def warn_of_one_output(sample: Sample, truth: Tensor, predictions: Tensor | None) -> None:
    """Says so where a mask has one output a pixel, which losses of classes do not take."""
    if predictions is not None and (predictions.shape == truth.shape or predictions.shape[1] == 1):
        sample.cautions.append(
            "input has one output a pixel: losses of one mask take it, cross entropy wants one for each class"
        )


def warn_of_running_numbers(sample: Sample, truth: Tensor) -> None:
    """Says so where targets, or a column of them, are a number for each row at equal steps."""
    if truth.dim() == 1 and _running(truth):
        sample.cautions.append(
            "each target is another whole number, all at equal steps: that looks like a running number of the rows, "
            "which nothing predicts"
        )
    if truth.dim() == 2:
        for column in range(min(truth.shape[1], MOST_CLASSES)):
            if truth.shape[1] > 1 and _running(truth[:, column]):
                sample.cautions.append(
                    f"column {column} of target is another whole number in each row, all at equal steps: that looks "
                    "like a running number; give the columns to predict alone"
                )


def _running(numbers: Tensor) -> bool:
    if len(numbers) < FEWEST or not bool((numbers == numbers.round()).all()):
        return False
    steps = numbers.sort().values.diff()
    return bool((steps > 0).all()) and bool((steps == steps[0]).all())
