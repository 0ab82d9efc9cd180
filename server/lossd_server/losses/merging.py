"""The loss of several batches as that of one: what the mean of each part divides by; knows no model and no metric."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from lossd_server.faults import Fault
from lossd_server.losses.composite import WeightedSum
from lossd_server.losses.contract import Loss, Tensors


def tells_weight(loss: Loss, tensors: Tensors) -> bool:
    """Whether batches make one number: each part is a sum, or tells what its mean divides by.

    Args:
        tensors: the loss's inputs; of the model's output the shape is enough.
    """
    found = parts(loss, tensors, "", {})
    return all(part.loss.reduction == "sum" or part.loss.weight_sum(part.tensors) is not None for part in found)


def unmerged(loss: Loss, field: str) -> Fault:
    """The fault of batches that do not make one number."""
    return Fault(
        "UNSUPPORTED",
        f"{loss.name} does not say what its mean divides by, so batches of it do not make one number; leave {field} "
        "out, and all examples count as one batch",
        field=field,
    )


class Part(NamedTuple):
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
        for part in parts(loss, tensors, "", {"": 1.0}):
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


def parts(loss: Loss, tensors: Tensors, label: str, factors: Mapping[str, float]) -> Iterator[Part]:
    """The losses inside of `loss` that are no weighted sums, or itself.

    Args:
        label: of `loss` itself, "" for all.
        factors: what it counts in each sum that it is in, by that sum's label.
    """
    if not isinstance(loss, WeightedSum):
        yield Part(label, loss, tensors, factors)
        return
    for term in loss.terms:
        inner = f"{label}/{term.label}" if label else term.label
        own = {name: factor * term.weight for name, factor in factors.items()} | {inner: 1.0}
        yield from parts(term.loss, term.inputs(tensors), inner, own)
