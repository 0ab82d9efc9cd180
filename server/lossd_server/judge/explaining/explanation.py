"""Explains one evaluation: its value, terms and examples, and what their losses and gradients look like.

Knows no wire: what it finds are plain numbers and words.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.judge import readings
from lossd_server.judge.diagnostics.evaluation import diagnose
from lossd_server.judge.diagnostics.findings import Finding, Level
from lossd_server.judge.explaining import words
from lossd_server.judge.explaining.curves import Curve, curves
from lossd_server.judge.explaining.histograms import Histogram, histogram
from lossd_server.judge.readings import Reading
from lossd_server.losses.binding import BoundLoss
from lossd_server.losses.composite import WeightedSum
from lossd_server.losses.contract import Evaluated, Loss, Tensors
from lossd_server.losses.evaluation import EVERY, evaluate, wanted
from lossd_server.losses.examples import Layout, lay_out
from lossd_server.losses.examples import rows as rows_of
from lossd_server.losses.portions import Portions, portions

MAX_SECONDS = 5.0
"""Time after which no more evaluations are begun: what is there by then is the answer."""
_MOST_READ = 2**22
"""Elements of the output up to which predictions are counted; beyond it, those of some examples stand for all."""


@dataclass(frozen=True)
class Part:
    """A term of a weighted sum: its unweighted value, and its weight with those of the sums around it."""

    label: str
    value: float
    weight: float


@dataclass(frozen=True)
class Example:
    """One example; numbers that it has none of are None."""

    index: int
    loss: float | None
    contribution: float | None
    share: float | None
    gradient_norm: float | None
    prediction: str
    target: str


@dataclass
class Explanation:
    """What one evaluation is made of; `evaluated` holds its value and the gradient of its first input."""

    value: float
    evaluated: Evaluated
    terms: list[Part] = field(default_factory=list)
    examples: int = 0
    worst: list[Example] = field(default_factory=list)
    unexplained: str = ""
    histograms: list[Histogram] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def explain(loss: Loss, tensors: Tensors, limit: int, check: Callable[[], None]) -> Explanation:
    """Explains `loss` at `tensors`.

    Args:
        tensors: the inputs of the loss, by name, as `evaluate` takes them.
        limit: most examples to tell of.
        check: called between evaluations; raises for a caller who is gone.

    Raises:
        Fault: as `evaluate`.
    """
    until = time.monotonic() + MAX_SECONDS

    def pause() -> bool:
        check()
        return time.monotonic() > until

    result = _evaluate(loss, tensors)
    gradients = result.gradients
    tensors = {name: given.detach() for name, given in tensors.items()}
    value = float(result.value.double().mean())
    found = Explanation(value, result, terms=_terms(loss, result))
    layout = lay_out(loss, tensors)
    pause()
    own = portions(loss, tensors, value, layout, pause)
    known = next((given for given in (own.losses, own.parts) if given is not None), None)
    found.examples = layout.count if known is None else int(known.numel())
    found.unexplained = own.unexplained
    norms = _norms(gradients, layout, loss, tensors, found.examples)
    pause()
    understood = words.understand(loss, tensors)
    found.worst = _worst(own, norms, limit, _Telling(loss, tensors, layout, understood))
    found.histograms = [*_predicted(loss, tensors, layout, understood), *_of_examples(own, norms)]
    pause()
    found.curves = curves(loss, tensors, layout, understood[0] if understood else None, pause)
    pause()
    found.findings = diagnose(loss, tensors, result, Level.FULL)
    return found


def _evaluate(loss: Loss, tensors: Tensors) -> Evaluated:
    """With the gradients of every input that has one; of an unreduced loss those of the mean of its elements."""
    loss.check(tensors)
    names = wanted(loss, tensors, (EVERY,))
    if not names:
        return evaluate(loss, tensors)
    vector = None
    try:
        if loss.reduction in (None, "none"):
            shape = evaluate(loss, tensors).value
            vector = torch.full_like(shape, 1 / max(shape.numel(), 1)) if shape.dim() else None
        return evaluate(loss, tensors, names, vector)
    except Fault as fault:
        if fault.reason != "NOT_DIFFERENTIABLE":
            raise
        return evaluate(loss, {name: given.detach() for name, given in tensors.items()})


def _terms(loss: Loss, result: Evaluated) -> list[Part]:
    count = max(result.value.numel(), 1)  # terms of an unreduced sum are sums of its elements
    weights = _weights(loss)
    return [Part(label, result.terms[label] / count, weights[label]) for label in weights]


def _weights(loss: Loss, above: str = "", outer: float = 1.0) -> dict[str, float]:
    found: dict[str, float] = {}
    for term in loss.terms if isinstance(loss, WeightedSum) else ():
        found[above + term.label] = outer * term.weight
        found |= _weights(term.loss, f"{above}{term.label}/", outer * term.weight)
    return found


def _norms(gradients: dict[str, Tensor], layout: Layout, loss: Loss, tensors: Tensors, examples: int) -> Tensor | None:
    """The norm of each example's gradient, (N,), by the first input that has one.

    Where an example is a row of one of several inputs, as an answer that is better or worse is, by that input.
    """
    rows: list[Tensor] = []
    for name, gradient in gradients.items():
        if layout.batched and not gradient.dim():
            continue
        at = layout.dimensions.get(name, 0)
        flat = rows_of(gradient, at) if layout.batched else gradient.reshape(1, gradient.numel())
        rows.append(flat.double().norm(dim=1))
        count = sum(len(row) for row in rows)
        if count >= examples:
            return torch.cat(rows) if count == examples else None
    return None


class _Telling:
    """Puts examples in words."""

    def __init__(
        self, loss: Loss, tensors: Tensors, layout: Layout, understood: tuple[Reading, dict[str, Tensor]] | None
    ) -> None:
        self._loss = loss
        self._tensors = tensors
        self._layout = layout
        self._understood = understood

    def of(self, index: int) -> tuple[str, str]:
        """Prediction and truth of one."""
        loss, layout = self._loss, self._layout
        if index >= layout.count:
            return "", ""
        if isinstance(loss, BoundLoss) and loss.name == "ctc_loss":
            return self._sequence(index)
        one = layout.one(self._tensors, index)
        if self._understood is None:
            return words.plain(loss, one)
        reading, targets = self._understood
        try:
            pair = reading.read(one[loss.input_names[0]], layout.one(targets, index))
        except Fault:
            return words.plain(loss, one)
        return words.describe(reading, pair)

    def _sequence(self, index: int) -> tuple[str, str]:
        given, lengths = self._tensors, self._tensors["target_lengths"].reshape(-1)
        log_probs, targets = given["log_probs"], given["targets"]
        labels = int(lengths[index])
        start = int(lengths[:index].sum())
        own = targets[index] if targets.dim() == 2 else targets[start : start + labels]
        steps = int(given["input_lengths"].reshape(-1)[index])
        blank = int(self._loss.argument("blank")) if isinstance(self._loss, BoundLoss) else 0
        return words.greedy(log_probs[:, index] if log_probs.dim() == 3 else log_probs, own, steps, labels, blank)


def _worst(own: Portions, norms: Tensor | None, limit: int, telling: _Telling) -> list[Example]:
    """The examples with the highest losses, or those that pull hardest; NaN comes before all, equals in their order."""
    leading = own.losses if own.losses is not None else norms
    if leading is None:
        return []
    ignored = own.ignored if own.ignored is not None else torch.zeros_like(leading, dtype=torch.bool)
    leading = leading.masked_fill(ignored, -math.inf)
    order = torch.argsort(leading.nan_to_num(nan=math.inf), descending=True, stable=True)
    nans = leading.isnan()
    order = torch.cat([order[nans[order]], order[~nans[order]]])[:limit]
    sizes = None if own.parts is None else own.parts.abs()
    total = 0.0 if sizes is None else float(sizes[sizes.isfinite()].sum())
    found = []
    for index in order.tolist():
        part = _at(own.parts, index)
        share = abs(part) / total if part is not None and math.isfinite(part) and total else None
        loss = None if bool(ignored[index]) else _at(own.losses, index)
        found.append(Example(index, loss, part, share, _at(norms, index), *telling.of(index)))
    return found


def _at(values: Tensor | None, index: int) -> float | None:
    return None if values is None else float(values[index])


def _of_examples(own: Portions, norms: Tensor | None) -> list[Histogram]:
    found = []
    if own.losses is not None and own.losses.numel():
        counted = own.losses if own.ignored is None else own.losses[~own.ignored]
        found.append(histogram("loss", "loss of each example", counted))
    if norms is not None and norms.numel():
        found.append(histogram("gradient_norm", "norm of each example's gradient", norms))
    return found


def _predicted(
    loss: Loss, tensors: Tensors, layout: Layout, understood: tuple[Reading, dict[str, Tensor]] | None
) -> list[Histogram]:
    """Residuals, or the probabilities that were given to what is true."""
    output = tensors[loss.input_names[0]]
    if understood is None or not output.numel():
        return []
    reading, targets = understood
    if layout.batched and output.numel() > _MOST_READ:
        chosen = layout.spread(max(_MOST_READ // (output.numel() // layout.count), 1))
        output, targets = (
            layout.at({loss.input_names[0]: output}, chosen)[loss.input_names[0]],
            layout.at(targets, chosen),
        )
    try:
        pair = reading.read(output, targets)
    except Fault:
        return []
    truth = pair.truth
    if not truth.numel():
        return []
    if reading.task == readings.REGRESSION:
        return [histogram("residual", "residuals: prediction − target", pair.predictions - truth)]
    if not reading.probabilities:
        return []
    if reading.task == readings.MULTICLASS:
        given = pair.predictions.gather(1, truth.unsqueeze(1))
        return [histogram("true_class_probability", "probability given to the true class", given, 0.0, 1.0)]
    given = torch.where(truth > 0, pair.predictions, 1 - pair.predictions)[truth >= 0]
    return [histogram("true_label_probability", "probability given to each true label", given, 0.0, 1.0)]
