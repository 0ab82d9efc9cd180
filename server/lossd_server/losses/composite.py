"""Weighted sums of losses: Σ weight × term, with each term's own value beside the total."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from lossd_server.faults import Fault, shape_text
from lossd_server.limits import MAX_TERMS
from lossd_server.losses.budget import Budget
from lossd_server.losses.contract import Argument, Computed, Entry, Input, Loss, Tensors

ENTRY = Entry(
    name="weighted_sum",
    class_name="WeightedSum",
    summary="Weighted sum of losses, each term reported beside the total.",
    formula="sum_i weight_i loss_i",
    inputs=(),
    arguments=(Argument("terms", tuple, None, "terms of label, weight, loss and input names; 1 to 64", required=True),),
    reductions=(),
    traps=("terms with different reductions differ in scale by the number of elements",),
    tasks=("custom",),
)


@dataclass(frozen=True)
class Term:
    """One term: `names` maps the loss's input names to the request's, for those that differ."""

    label: str
    weight: float
    loss: Loss
    names: Mapping[str, str]

    def request_name(self, name: str) -> str:
        return self.names.get(name, name)

    def inputs(self, tensors: Tensors) -> dict[str, Tensor]:
        """The request's tensors under the names that this term's loss uses."""
        names = ((name, self.request_name(name)) for name in self.loss.input_names)
        return {name: tensors[given] for name, given in names if given in tensors}


class WeightedSum:
    """A weighted sum with its terms built; see `contract.Loss`."""

    name = ENTRY.name
    reduction = None

    def __init__(self, terms: tuple[Term, ...], path: str) -> None:
        _check_terms(terms, path)
        self._terms = terms
        self.input_names = tuple(
            dict.fromkeys(term.request_name(name) for term in terms for name in term.loss.input_names)
        )

    @property
    def labels(self) -> list[str]:
        """Of all terms, "outer/inner" for those of a sum inside."""
        found = []
        for term in self._terms:
            found.append(term.label)
            if isinstance(term.loss, WeightedSum):
                found += [f"{term.label}/{label}" for label in term.loss.labels]
        return found

    def reweighted(self, weights: Mapping[str, float], above: str = "") -> WeightedSum:
        """This sum with other weights of the terms that are named, as `labels` names them."""
        changed = copy.copy(self)
        changed._terms = tuple(
            replace(
                term,
                weight=weights.get(above + term.label, term.weight),
                loss=term.loss.reweighted(weights, f"{above}{term.label}/")
                if isinstance(term.loss, WeightedSum)
                else term.loss,
            )
            for term in self._terms
        )
        return changed

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms, in their order."""
        return self._terms

    def input(self, name: str) -> Input | None:
        """That of the first term which needs it, or else has it; without a gradient if any term gives it none."""
        shared = [
            own
            for term in self._terms
            for inner in term.loss.input_names
            if term.request_name(inner) == name and (own := term.loss.input(inner)) is not None
        ]
        if not shared:
            return None
        found = next((own for own in shared if not own.optional), shared[0])
        return replace(found, constant=any(own.constant for own in shared))

    def check(self, tensors: Tensors, data: bool = True) -> None:
        for term in self._terms:
            try:
                term.loss.check(term.inputs(tensors), data)
            except Fault as fault:
                own = fault.field.removeprefix("inputs.")
                if own == fault.field:
                    raise
                raise Fault(
                    fault.reason, f"term {term.label}: {fault.message}", field=f"inputs.{term.request_name(own)}"
                ) from None

    def compute(self, tensors: Tensors, budget: Budget) -> Computed:
        total: Tensor | None = None
        terms: dict[str, Tensor] = {}
        for term in self._terms:
            value, inner = term.loss.compute(term.inputs(tensors), budget)
            if total is not None and value.shape != total.shape:
                raise Fault(
                    "SHAPE_MISMATCH",
                    f"term {term.label} has shape {shape_text(value.shape)}, the terms before it "
                    f"{shape_text(total.shape)}: reduce all terms, or none",
                    field="loss",
                )
            terms[term.label] = value
            terms |= {f"{term.label}/{label}": own for label, own in inner.items()}
            budget.spend(value)
            weighted = term.weight * value
            total = weighted if total is None else total + weighted
        assert total is not None, "a sum has at least one term"
        return Computed(total, terms)

    def weight_sum(self, tensors: Tensors) -> float | None:
        return None


def _check_terms(terms: tuple[Term, ...], path: str) -> None:
    if not 1 <= len(terms) <= MAX_TERMS:
        raise Fault("LIMIT_EXCEEDED", f"{len(terms)} terms; a weighted sum has 1 to {MAX_TERMS}", field=f"{path}.terms")
    labels: set[str] = set()
    for index, term in enumerate(terms):
        where = f"{path}.terms[{index}]"
        if not math.isfinite(term.weight):
            raise Fault("ARGUMENT_OUT_OF_RANGE", f"weight is {term.weight}; expected a finite number", field=where)
        if term.label in labels:
            raise Fault(
                "ARGUMENT_OUT_OF_RANGE",
                f"label {term.label!r} names two terms; give each its own label",
                field=f"{where}.label",
            )
        labels.add(term.label)
        for name in term.names:
            if name not in term.loss.input_names:
                raise Fault(
                    "UNKNOWN_NAME",
                    f"{term.loss.name} has no input {name!r}; it has {', '.join(term.loss.input_names)}",
                    field=f"{where}.inputs",
                )
