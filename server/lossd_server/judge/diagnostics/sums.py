"""Terms of a weighted sum against each other; knows no loss."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lossd_server.judge.diagnostics.findings import Diagnostic, Finding, Level, Severity
from lossd_server.losses.composite import WeightedSum
from lossd_server.losses.contract import Evaluated

ALONE = 0.99

TERM_DOMINATES = Diagnostic(
    "TERM_DOMINATES",
    Severity.INFO,
    Level.CHEAP,
    "One term is nearly all of the weighted sum: the others do not count.",
    f"a term other than the only one has {ALONE:.0%} of the weighted values without their signs; with term_gradients, "
    "of the lengths of the weighted gradients",
    "bring the terms to one scale by their weights, the same reduction for all, or standardised targets",
    ("weighted_sum",),
    {"share": "its share", "terms": "terms", "of_gradients": "1 if gradients were compared"},
)

DIAGNOSTICS = (TERM_DOMINATES,)


def terms(loss: WeightedSum, result: Evaluated) -> Iterator[Finding]:
    """A term that is nearly all."""
    if len(loss.terms) < 2:
        return
    by_gradient = bool(result.term_gradients)
    sizes: dict[str, float] = {}
    for term in loss.terms:
        size = abs(result.terms.get(term.label, math.nan))
        if by_gradient:
            parts = (float(one.float().norm()) for one in result.term_gradients.get(term.label, {}).values())
            size = math.hypot(*parts)
        sizes[term.label] = abs(term.weight) * size
    total = sum(sizes.values())
    if not 0 < total < math.inf:
        return
    label = max(sizes, key=lambda one: sizes[one])
    part = sizes[label] / total
    if part > ALONE:
        what = "gradients" if by_gradient else "values"
        message = f"term {label} is {part:.1%} of the weighted {what} of {len(sizes)} terms"
        yield Finding(
            TERM_DOMINATES, message, "loss", {"share": part, "terms": len(sizes), "of_gradients": by_gradient}, label
        )
