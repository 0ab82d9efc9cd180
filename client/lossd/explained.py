"""What an evaluation is made of, as plain frozen objects; knows how to read them from messages and shows nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossd import diagnostics, results
from lossd.diagnostics import Diagnostic
from lossd.framing import Buffer
from lossd.loss import Loss, WeightedSum
from lossd.results import Execution
from lossd.tensors import Array
from lossd.v1 import explanation_pb2


@dataclass(frozen=True, slots=True)
class ExplainedTerm:
    """One term of a weighted sum.

    Attributes:
        label: its label; "outer/inner" for one of a nested sum.
        value: its unweighted value; the mean of its elements if it is not reduced.
        weight: its weight, times that of the sums around it.
        contribution: weight × value; those of the outermost terms add up to the loss.
    """

    label: str
    value: float
    weight: float
    contribution: float


@dataclass(frozen=True, slots=True)
class ExplainedExample:
    """One example; numbers that it has none of are None.

    Attributes:
        index: its place in the batch, from 0.
        loss: its own loss: the mean of its elements that are not ignored, or their sum where the reduction does not
            divide by their number; of a weighted sum Σ weight × term.
        contribution: its part of the loss: those of all examples add up to it.
        share: |contribution| / Σ |contribution| over the finite ones, 0 to 1.
        gradient_norm: Euclidean norm of the loss's gradient by its part of the first input that has one.
        prediction: what the model said, in words: "class 3 (p 0.91)", "2.4".
        target: what is true, in words: "class 1 (p 0.02)", "2.5"; "ignored" where nothing counts.
    """

    index: int
    loss: float | None
    contribution: float | None
    share: float | None
    gradient_norm: float | None
    prediction: str
    target: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often values lie where.

    Attributes:
        name: "loss", "gradient_norm", "residual", "true_class_probability" or "true_label_probability".
        title: what it shows, in a line.
        edges: bounds of the bins, one more than there are bins.
        counts: values in each bin.
        nonfinite: values that are NaN or infinite, which are in no bin.
    """

    name: str
    title: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    nonfinite: int


@dataclass(frozen=True, slots=True)
class Curve:
    """The loss along a line.

    Attributes:
        name: "shift", "scale" or "temperature" of the prediction, or "residual", the loss of one element.
        title: what it shows, in a line.
        x: places, ascending.
        loss: the loss there.
        at: where the prediction stands; None if it stands at many places.
        examples: those whose loss it is, some of them where there are many; 0 if it is that of one element.
    """

    name: str
    title: str
    x: tuple[float, ...]
    loss: tuple[float, ...]
    at: float | None
    examples: int


@dataclass(frozen=True, slots=True)
class Explained:
    """All parts of an explanation; `Explanation` says what each is."""

    loss: str
    value: float
    loss_sum: float | None
    weight_sum: float | None
    terms: tuple[ExplainedTerm, ...]
    examples: int
    worst: tuple[ExplainedExample, ...]
    unexplained: str
    histograms: dict[str, Histogram]
    curves: dict[str, Curve]
    metrics: dict[str, float]
    metric_arrays: dict[str, Array]
    diagnostics: tuple[Diagnostic, ...]
    execution: Execution


_LONGEST = 300


def loss_text(loss: Loss) -> str:
    """The loss as Python writes it, long arrays and formulas cut short.

    >>> from lossd import CrossEntropyLoss, L1Loss, MSELoss
    >>> loss_text(CrossEntropyLoss(label_smoothing=0.1)), loss_text(0.8 * MSELoss() + 0.2 * L1Loss())
    ('CrossEntropyLoss(label_smoothing=0.1)', '0.8 * MSELoss() + 0.2 * L1Loss()')
    """
    if isinstance(loss, WeightedSum):
        whole = " + ".join(f"{term.weight:g} * {loss_text(term.loss)}" for term in loss.terms)
    else:
        with np.printoptions(threshold=6, edgeitems=2):
            whole = " ".join(repr(loss).split())
    return whole if len(whole) <= _LONGEST else f"{whole[:_LONGEST]}…"


def parts(loss: str, message: explanation_pb2.ExplainLossResponse, attachments: Sequence[Buffer]) -> dict[str, Any]:
    """Reads all parts, by name."""
    return {
        "loss": loss,
        "value": message.value,
        "loss_sum": message.loss_sum if message.HasField("loss_sum") else None,
        "weight_sum": message.weight_sum if message.HasField("weight_sum") else None,
        "terms": tuple(results.same(ExplainedTerm, term) for term in message.terms),
        "examples": message.examples,
        "worst": tuple(map(_example, message.worst)),
        "unexplained": message.unexplained,
        "histograms": {one.name: _histogram(one) for one in message.histograms},
        "curves": {one.name: _curve(one) for one in message.curves},
        "metrics": {name: message.metrics[name] for name in sorted(message.metrics)},
        "metric_arrays": results.arrays(message.metric_arrays, attachments),
        "diagnostics": diagnostics.read(message.diagnostics),
        "execution": results.same(Execution, message.execution),
    }


def _example(message: explanation_pb2.ExplainedExample) -> ExplainedExample:
    return ExplainedExample(
        message.index,
        message.loss if message.HasField("loss") else None,
        message.contribution if message.HasField("contribution") else None,
        message.share if message.HasField("share") else None,
        message.gradient_norm if message.HasField("gradient_norm") else None,
        message.prediction,
        message.target,
    )


def _histogram(message: explanation_pb2.Histogram) -> Histogram:
    return Histogram(message.name, message.title, tuple(message.edges), tuple(message.counts), message.nonfinite)


def _curve(message: explanation_pb2.Curve) -> Curve:
    at = message.at if message.HasField("at") else None
    return Curve(message.name, message.title, tuple(message.x), tuple(message.loss), at, message.examples)
