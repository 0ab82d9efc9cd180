"""The loss of a data set as one number, however it was cut into batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeAlias

from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.losses.budget import Budget
from lossd_server.losses.composite import WeightedSum
from lossd_server.losses.contract import Loss, Tensors
from lossd_server.losses.refusal import torch_refusals
from lossd_server.training.blame import blamed
from lossd_server.training.examples import Examples
from lossd_server.training.session import Session


class Judge(Protocol):
    """Metrics of one data set, whatever they are."""

    def update(self, output: Tensor, targets: Tensors) -> None:
        """Counts one batch."""

    def compute(self) -> dict[str, float]:
        """Each of all batches together, by name."""


Judging: TypeAlias = Callable[[Loss, Tensor, Tensors], Judge]
"""Makes a judge from the loss, the output, or an empty one of its shape, and the loss's other inputs; refuses what does
not fit."""


class Evaluation(NamedTuple):
    """The outcome of an evaluation; sums are None where a mean means nothing."""

    value: float
    terms: dict[str, float]
    metrics: dict[str, float]
    loss_sum: float | None
    weight_sum: float | None


def evaluate(
    session: Session,
    examples: Examples,
    batch_size: int = 0,
    judging: Judging | None = None,
    averaged: bool = False,
    go_on: Callable[[], None] = lambda: None,
) -> Evaluation:
    """The loss and metrics of `examples` in evaluation mode; nothing of the session changes.

    Args:
        batch_size: examples that run at once; 0 takes all.
        judging: makes what computes the metrics; None for none.
        averaged: whether to use the averaged weights.
        go_on: called before each batch; what it raises ends the evaluation.

    Raises:
        Fault: UNSUPPORTED if the batches of this loss do not make one number.
    """
    loss, merged = session.loss, Merged()
    judge: Judge | None = None
    cut = 0 < batch_size < len(examples)
    with session.evaluating(averaged):
        for batch in examples.batches(batch_size):
            go_on()
            shape = session.model.check(batch.inputs)
            if judging is not None and judge is None:
                judge = judging(loss, shape, batch.targets)
            output = session.output(batch.inputs)
            tensors = {session.bound_input: output, **batch.targets}
            try:
                loss.check(tensors)
            except Fault as fault:
                raise blamed(fault, session.bound_input) from None
            with torch_refusals("loss"):
                value, terms = loss.compute(tensors, Budget(tensors.values()))
            numbers = {label: float(term) for label, term in terms.items()}
            if cut and not tells_weight(loss, tensors):
                raise unmerged(loss, "batch_size")
            merged.add(loss, float(value), numbers, tensors, len(batch))
            if judge is not None:
                judge.update(output, batch.targets)
    metrics = judge.compute() if judge is not None else {}
    return Evaluation(merged.value, merged.terms, metrics, merged.loss_sum, merged.weight_sum)


def tells_weight(loss: Loss, tensors: Tensors) -> bool:
    """Whether batches make one number: each part is a sum, or tells what its mean divides by.

    Args:
        tensors: the loss's inputs; of the model's output the shape is enough.
    """
    parts = _parts(loss, tensors, "", {})
    return all(part.loss.reduction == "sum" or part.loss.weight_sum(part.tensors) is not None for part in parts)


def unmerged(loss: Loss, field: str) -> Fault:
    """The fault of batches that do not make one number."""
    return Fault(
        "UNSUPPORTED",
        f"{loss.name} does not say what its mean divides by, so batches of it do not make one number; leave {field} "
        "out, and all examples count as one batch",
        field=field,
    )


class _Part(NamedTuple):
    """A loss that is no weighted sum, on its own or as a term.

    `factors` are what it counts in each sum that it is in, by that sum's label, "" for all, and in itself.
    """

    label: str
    loss: Loss
    tensors: Tensors
    factors: Mapping[str, float]


@dataclass
class Merged:
    """The loss of several batches, and each of its terms, as those of one batch: sums are added, means are weighted.

    Batches of a loss that does not tell what its mean divides by are weighted by their examples.

    Args:
        batches: so far.
        value_of_last: the last batch's.
        terms_of_last: the last batch's, by label.
        numerators: by label, of what each part adds to it, by the part's label.
        divisors: of the parts, by label.
        loss_sum: numerator of a mean, None where there is none.
        weight_sum: its denominator.
    """

    batches: int = 0
    value_of_last: float = 0.0
    terms_of_last: dict[str, float] = field(default_factory=dict)
    numerators: dict[str, dict[str, float]] = field(default_factory=dict)
    divisors: dict[str, float] = field(default_factory=dict)
    loss_sum: float | None = 0.0
    weight_sum: float | None = 0.0

    def add(self, loss: Loss, value: float, terms: Mapping[str, float], tensors: Tensors, examples: int) -> None:
        """Counts one batch.

        Args:
            loss: with the weights of its terms that held.
            value: of the batch, as `loss` reduces it.
            terms: the unweighted values by label.
            tensors: the loss's inputs; of the model's output the shape is enough.
            examples: in the batch.
        """
        self.batches += 1
        self.value_of_last, self.terms_of_last = value, dict(terms)
        for part in _parts(loss, tensors, "", {"": 1.0}):
            weight = part.loss.weight_sum(part.tensors)
            summed = part.loss.reduction == "sum"
            scale = 1.0 if summed else float(examples) if weight is None else weight
            own = terms[part.label] if part.label else value
            amount = own * scale if scale else 0.0  # a mean over nothing is nan, and counts for nothing
            for label, factor in part.factors.items():
                above = self.numerators.setdefault(label, {})
                above[part.label] = above.get(part.label, 0.0) + factor * amount
            self.divisors[part.label] = 1.0 if summed else self.divisors.get(part.label, 0.0) + scale
            self._sum(amount, None if part.label else weight)

    def alone(self, value: float, terms: Mapping[str, float]) -> None:
        """Counts the only batch, which needs no weight."""
        self.batches, self.value_of_last, self.terms_of_last = 1, value, dict(terms)

    @property
    def value(self) -> float:
        """The loss of all batches."""
        return self.value_of_last if self.batches == 1 else self._of("")

    @property
    def terms(self) -> dict[str, float]:
        """Each term's, by label."""
        return self.terms_of_last if self.batches == 1 else {label: self._of(label) for label in self.terms_of_last}

    def _of(self, label: str) -> float:
        added = self.numerators.get(label, {}).items()
        return sum(amount / self.divisors[part] if self.divisors[part] else math.nan for part, amount in added)

    def _sum(self, amount: float, weight: float | None) -> None:
        if weight is None or self.loss_sum is None or self.weight_sum is None:
            self.loss_sum = self.weight_sum = None
        else:
            self.loss_sum, self.weight_sum = self.loss_sum + amount, self.weight_sum + weight


def _parts(loss: Loss, tensors: Tensors, label: str, factors: Mapping[str, float]) -> Iterator[_Part]:
    """The losses inside of `loss` that are no weighted sums, or itself."""
    if not isinstance(loss, WeightedSum):
        yield _Part(label, loss, tensors, factors)
        return
    for term in loss.terms:
        inner = f"{label}/{term.label}" if label else term.label
        own = {name: factor * term.weight for name, factor in factors.items()} | {inner: 1.0}
        yield from _parts(term.loss, term.inputs(tensors), inner, own)
