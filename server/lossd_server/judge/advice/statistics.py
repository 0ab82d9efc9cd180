"""Statistics of one array: its tails, its scale, what kind of target or output it looks like; knows no task's rules."""

from __future__ import annotations

import torch
from torch import Tensor

MAD = 1.4826
"""Standard deviations of a normal distribution in one median absolute deviation."""
MOST_SORTED = 2**17
"""Numbers that are sorted; of more, some at equal distances."""
MOST_GRADES = 10
"""Whole numbers from 1 on up to which targets look like grades."""
MOST_CLASSES = 100
"""Distinct whole numbers from 0 on up to which targets look like classes."""


def robust_scale(numbers: Tensor) -> float:
    """1.4826 × the median absolute deviation; where more than half are equal, the standard deviation, 0 if all are.

    >>> round(robust_scale(torch.tensor([1.0, 2.0, 3.0, 4.0, 1000.0])), 4)
    1.4826
    """
    scale = MAD * float((numbers - numbers.median()).abs().median())
    if scale or numbers.numel() < 2:
        return scale
    spread = float(numbers.std())
    return spread if torch.isfinite(torch.tensor(spread)) else 0.0


def excess_kurtosis(numbers: Tensor) -> float:
    """The fourth standardised moment less 3: 0 of a normal distribution.

    >>> round(excess_kurtosis(torch.tensor([-1.0, 1.0, -1.0, 1.0])), 6)
    -2.0
    """
    largest = float(numbers.abs().max()) or 1.0  # or the fourth power of what is huge overflows
    centred = numbers / largest - (numbers / largest).mean()
    variance = float(centred.square().mean())
    return float(centred.pow(4).mean()) / variance**2 - 3 if variance > 1e-150 else 0.0


def far_share(numbers: Tensor, far: float) -> float:
    """Share of numbers more than `far` robust standard deviations from the median."""
    scale = robust_scale(numbers)
    return float(((numbers - numbers.median()).abs() > far * scale).double().mean()) if scale else 0.0


def orders(numbers: Tensor) -> float:
    """The 99th percentile of the numbers above 0 divided by the 1st; 0 where any is below 0, or fewer than 20 above.

    >>> round(orders(torch.tensor([10.0**i for i in range(40)])) / 1e38, 2) > 0
    True
    """
    positive = numbers[numbers > 0]
    if len(positive) < 20 or bool((numbers < 0).any()):
        return 0.0
    ordered = thin(positive, -(-len(positive) // MOST_SORTED)).sort().values
    low, high = ordered[int(0.01 * (len(ordered) - 1))], ordered[int(0.99 * (len(ordered) - 1))]
    ratio = float(high / low)
    return ratio if ratio < float("inf") else 1e300


def distinct(numbers: Tensor) -> Tensor:
    """The different numbers; of very many, of numbers at equal distances: all of few values are there."""
    found: Tensor = torch.unique(thin(numbers, -(-len(numbers) // MOST_SORTED)))
    return found


def thin(given: Tensor, step: int) -> Tensor:
    """One row of each `step`, at a place that is drawn, so that no period of the data hides; the same at each call.

    >>> len(thin(torch.arange(10), 4))
    3
    """
    if step <= 1:
        return given
    starts = torch.arange(0, len(given), step)
    shift = torch.randint(step, starts.shape, generator=torch.Generator().manual_seed(0))
    return given[(starts + shift).clamp(max=len(given) - 1)]


def one_hot(truth: Tensor) -> bool:
    """Whether each row of (N,C) holds one 1 and else 0.

    >>> one_hot(torch.tensor([[0.0, 1.0], [1.0, 0.0]])), one_hot(torch.tensor([[1.0, 1.0]]))
    (True, False)
    """
    if truth.dim() != 2 or truth.shape[1] < 2:
        return False
    return bool(((truth == 0) | (truth == 1)).all()) and bool((truth.sum(1) == 1).all())


def distributions(truth: Tensor) -> bool:
    """Whether each row of (N,C) is of numbers from 0 to 1 that add up to 1, not all of them 0 or 1."""
    if truth.dim() < 2 or truth.shape[1] < 2 or not bool(((truth >= 0) & (truth <= 1)).all()):
        return False
    return bool(((truth.sum(1) - 1).abs() < 1e-3).all())


def task_of(truth: Tensor, dtype: torch.dtype, predictions: Tensor | None, said: str | None) -> tuple[str, str]:
    """The task that targets look like, and why.

    >>> task_of(torch.tensor([0.0, 2.0, 1.0]), torch.int64, None, None)
    ('multiclass', 'targets are 3 whole numbers from 0 on: classes')
    """
    numbers = truth[truth.isfinite()]
    values = distinct(numbers)
    if one_hot(truth):
        return "multiclass", "each row of targets has a single 1: one-hot classes"
    if set(values.tolist()) <= {0.0, 1.0}:
        if truth.dim() > 2 and not (predictions is not None and predictions.shape == truth.shape):
            return "segmentation", "targets are masks of 0 and 1"
        if truth.dim() > 1 and truth.shape[1] > 1:
            return "multi-label", "rows of targets hold any number of 1s: labels"
        if _scores(truth, predictions):
            return "multiclass", "targets are 0 and 1, and outputs scores of classes"
        return "binary", "targets are 0 and 1"
    if values.tolist() == [-1.0, 1.0]:
        return "binary", "targets are 1 and -1"
    if distributions(truth):
        return "distribution", "rows of targets add up to 1: distributions"
    return _numbers_or_classes(numbers, values, dtype, _scores(truth, predictions), said)


def _scores(truth: Tensor, predictions: Tensor | None) -> bool:
    """Whether predictions have one dimension more than targets, as scores of classes have."""
    return predictions is not None and predictions.dim() == truth.dim() + 1 and predictions.shape[1] > 1


def _numbers_or_classes(
    numbers: Tensor, values: Tensor, dtype: torch.dtype, scores: bool, said: str | None
) -> tuple[str, str]:
    whole = bool((numbers == numbers.round()).all())
    if not whole:
        return "regression", "targets are numbers with fractions"
    if float(numbers.min()) < 0:
        return "regression", "targets are whole numbers, some below 0"
    if scores or said == "classification":
        return (
            "multiclass",
            "targets are whole numbers, and outputs scores of classes" if scores else "targets are whole numbers",
        )
    contiguous = len(values) == int(values.max()) + 1 and len(values) <= MOST_CLASSES
    counts = torch.stack([(numbers == value).sum() for value in values]) if contiguous else None
    if counts is not None and (len(values) < 4 or float(counts[-1]) >= 0.1 * float(counts.max())):
        return "multiclass", f"targets are {len(values)} whole numbers from 0 on: classes"
    if _grades(numbers, values):
        return "ordinal", f"targets are {len(values)} whole numbers from 1 on: stars or grades, if they have an order"
    if float(numbers.min()) <= 1 and (contiguous or not dtype.is_floating_point or len(values) <= MOST_CLASSES):
        return "counts", "targets are whole numbers from about 0 on, the large ones rare: counts"
    return "regression", "targets are numbers"


def _grades(numbers: Tensor, values: Tensor) -> bool:
    """Whether all of 1 to K are there, few, and the last of them often: counts from 1 on have a rare tail."""
    if len(values) < 3 or len(values) > MOST_GRADES or values.tolist() != list(range(1, len(values) + 1)):
        return False
    counts = torch.stack([(numbers == value).sum() for value in values])
    return float(counts[-1]) >= 0.1 * float(counts.max()) and len(numbers) >= 2 * len(values)


def activation_of(predictions: Tensor) -> tuple[str | None, str]:
    """What outputs for classes or labels seem to end in, and why; None if it cannot be told.

    >>> activation_of(torch.tensor([[0.2, 0.8], [0.5, 0.5]]))
    ('softmax', 'rows of input add up to 1: probabilities')
    """
    finite = predictions[predictions.isfinite()]
    low, high = float(finite.min()), float(finite.max())
    rows = predictions.dim() > 1 and predictions.shape[1] > 1
    if rows and high <= 1e-6 and bool((predictions.nan_to_num(nan=-1e9).logsumexp(1).abs() < 1e-2).all()):
        return "log_softmax", "exponentials of rows of input add up to 1: log-probabilities"
    if low < 0 or high > 1:
        return "none", f"input lies between {low:.4g} and {high:.4g}: raw scores"
    if rows and bool(((predictions.nan_to_num().sum(1) - 1).abs() < 1e-2).all()):
        return "softmax", "rows of input add up to 1: probabilities"
    if finite.numel() < 8:
        return None, ""
    return "sigmoid", f"input lies between {low:.4g} and {high:.4g}: probabilities"
