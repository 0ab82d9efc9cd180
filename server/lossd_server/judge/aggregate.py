"""The loss, metrics and diagnostics of a data set that comes in chunks, whatever these are; knows no protobuf.

What comes is cut anew into blocks whose bounds the data alone decides, so that every kernel, metric and diagnostic
sees the same tensors however the chunks were cut. Losses are computed in float64 and added exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.judge.blocks import Blocks, Sample, block_size, by_group, sequences
from lossd_server.judge.chunks import Form
from lossd_server.judge.diagnostics.evaluation import diagnose
from lossd_server.judge.diagnostics.findings import Finding, Level, Severity, worst_first
from lossd_server.judge.exact import ExactSum
from lossd_server.judge.metrics import Metrics
from lossd_server.losses.binding import BoundLoss
from lossd_server.losses.budget import Budget
from lossd_server.losses.contract import Evaluated, Loss, Tensors
from lossd_server.losses.merging import Part, parts
from lossd_server.losses.refusal import torch_refusals


class Aggregated(NamedTuple):
    """The outcome of a data set; sums are None where a mean means nothing."""

    value: float
    loss_sum: float | None
    weight_sum: float | None
    terms: dict[str, float]
    findings: list[Finding]


class Aggregate:
    """A data set under way.

    Args:
        loss: with its arguments bound; each part of it a mean or a sum over examples.
        tensors: the inputs of the first chunk, in the loss's order; `add` takes them, too.
        metrics: names.
        level: how much to look for that is wrong.

    Raises:
        Fault: UNSUPPORTED if the loss of all is not made of those of the examples.

    Attributes:
        chunks: that were taken.
        examples: in them.
        seconds: that their losses took.
    """

    def __init__(self, loss: Loss, tensors: Tensors, metrics: Sequence[str] = (), level: Level = Level.OFF) -> None:
        self._loss, self._level = loss, level
        self.form = Form(loss, tensors)
        self._check(tensors)
        self._checked: Tensors | None = tensors
        self._sums = [_Sum.of(part) for part in parts(loss, tensors, "", {"": 1.0})]
        groups = by_group(self.form.examples(tensors), self.form.places)
        work = _work(loss, self.form, groups)
        sizes = {group: block_size(own, self.form.places, work) for group, own in groups.items()}
        lengths = {group: sequences(own, self.form.places) for group, own in groups.items()}
        self._blocks = {group: Blocks(own, sizes[group], lengths[group]) for group, own in groups.items()}
        self._samples = {group: Sample(2 * size, lengths[group]) for group, size in sizes.items() if level > Level.OFF}
        output, *others = tensors
        self._output = output
        self._metrics = Metrics(metrics, loss, tensors[output], {name: tensors[name] for name in others})
        self._grave: dict[tuple[str, str, str], Finding] = {}
        self._seen = 0
        self.chunks = self.examples = 0

    def add(self, tensors: Tensors, go_on: Callable[[], None] = lambda: None) -> None:
        """Takes a chunk.

        Args:
            tensors: its inputs, those of all examples filled in where a later chunk leaves them out.
            go_on: called before each block; what it raises ends it.

        Raises:
            Fault: if they are not like the first chunk's, or none that the loss takes.
        """
        if tensors is not self._checked:
            self.form.check(tensors)
            self._check(tensors)
        self._checked = None
        chunk = self.form.examples(tensors)
        for group, own in by_group(chunk, self.form.places).items():
            for block in self._blocks[group].add(own):
                go_on()
                self._take(group, block)
        self.chunks += 1
        self.examples += chunk.examples

    def finish(self) -> Aggregated:
        """The outcome of all chunks; takes the examples that still wait."""
        for group, blocks in self._blocks.items():
            if blocks.waiting:
                self._take(group, blocks.rest())
        terms = {label: self._value(label) for label in self._labels}
        value, only = self._value(""), self._sums[0] if len(self._sums) == 1 else None
        told = only is not None and not only.part.label and only.weighs
        loss_sum = float(only.numerator) if only is not None and told else None
        weight_sum = float(only.weight) if only is not None and told else None
        result = Aggregated(value, loss_sum, weight_sum, terms, [])
        return result._replace(findings=self._findings())

    @property
    def metrics(self) -> Metrics:
        """Those of the blocks so far."""
        return self._metrics

    @property
    def bytes(self) -> int:
        """Memory that it holds: what waits, the sample, and what metrics keep."""
        held = sum(blocks.bytes for blocks in self._blocks.values())
        held += sum(sample.bytes for sample in self._samples.values())
        held += sum(given.nbytes for given in self.form.shared.values())
        return held + self._metrics.bytes

    def _check(self, tensors: Tensors) -> None:
        """Refuses what the loss refuses; some take no batch without examples, which a chunk may be."""
        if not self.form.is_empty(tensors):
            self._loss.check(tensors)

    def _take(self, group: str, block: Mapping[str, Tensor]) -> None:
        """Counts a block of one group, none of the others."""
        laid = {name: given for own in self._blocks.values() for name, given in own.empty.items()} | dict(block)
        inputs = self.form.joined(laid)
        wide = _widened(inputs)
        budget = Budget(wide.values())
        with torch.no_grad(), torch_refusals("loss"):
            for part, sum_ in zip(parts(self._loss, wide, "", {}), self._sums, strict=True):
                sum_.add(part.tensors, budget)
        others = {name: given for name, given in inputs.items() if name != self._output}
        self._metrics.update(inputs[self._output], others)
        if self._samples:
            self._samples[group].add(block)
            self._look(inputs, len(next(iter(block.values()))))
        self._seen += len(next(iter(block.values())))

    def _look(self, inputs: Tensors, count: int) -> None:
        """Looks for what is wrong with one block by itself, and keeps what is grave: a sample may miss it."""
        if len(self._blocks) > 1:
            return
        for finding in diagnose(self._loss, inputs, self._evaluated(inputs), self._level):
            if finding.diagnostic.severity is Severity.ERROR:
                where = f"{finding.message} (examples {self._seen} to {self._seen + count - 1})"
                known = Finding(finding.diagnostic, where, finding.field, finding.evidence, finding.term)
                self._grave.setdefault((finding.diagnostic.code, finding.field, finding.term), known)

    def _findings(self) -> list[Finding]:
        """Those of a sample of all examples, and the grave ones of any block."""
        if not self._samples or not self.examples:
            return []
        laid = {name: given for sample in self._samples.values() for name, given in sample.examples().items()}
        laid = {name: given for own in self._blocks.values() for name, given in own.empty.items()} | laid
        inputs = self.form.joined(laid)
        found = diagnose(self._loss, inputs, self._evaluated(inputs), self._level)
        known = {(finding.diagnostic.code, finding.field, finding.term) for finding in found}
        return worst_first([*found, *(finding for key, finding in self._grave.items() if key not in known)])

    @property
    def _labels(self) -> list[str]:
        """Of all terms."""
        return list(dict.fromkeys(label for sum_ in self._sums for label in sum_.part.factors if label))

    def _value(self, label: str, values: Mapping[str, float] | None = None) -> float:
        """The loss that goes by this label, as its type holds it.

        Args:
            values: of the parts by label; None for those of all examples.
        """
        inside = [sum_ for sum_ in self._sums if label in sum_.part.factors]
        found = [sum_.value if values is None else values[sum_.part.label] for sum_ in inside]
        total = sum(sum_.part.factors[label] * value for sum_, value in zip(inside, found, strict=True))
        dtype = inside[0].dtype
        for sum_ in inside[1:]:
            dtype = torch.promote_types(dtype, sum_.dtype)
        return float(torch.tensor(total, dtype=torch.float64).to(dtype))

    def _evaluated(self, inputs: Tensors) -> Evaluated:
        """What came of some of the examples by themselves, in the way that all of them are evaluated."""
        wide = _widened(inputs)
        budget, values = Budget(wide.values()), {}
        with torch.no_grad(), torch_refusals("loss"):
            for part, sum_ in zip(parts(self._loss, wide, "", {}), self._sums, strict=True):
                amount, weight = sum_.measure(part.tensors, budget)
                values[part.label] = sum_.quotient(amount, weight or 0.0)
        terms = {label: self._value(label, values) for label in self._labels}
        told = torch.tensor(self._value("", values), dtype=torch.float64).to(self._sums[0].dtype)
        result = Evaluated(told, reduced=True, terms=terms)
        if not terms and weight is not None:
            result.loss_sum, result.weight_sum = amount, weight
        return result


@dataclass
class _Sum:
    """One part of the loss: what it adds up to.

    Args:
        part: as the request has it.
        wide: the same for float64.
        by_sum: whether `wide` answers the numerator itself, not a mean.
        dtype: of its value.
        numerator: so far.
        weight: the denominator of the mean so far.
        weighs: whether there is one.
    """

    part: Part
    wide: Loss
    by_sum: bool
    dtype: torch.dtype
    numerator: ExactSum = field(default_factory=ExactSum)
    weight: ExactSum = field(default_factory=ExactSum)
    weighs: bool = True

    @classmethod
    def of(cls, part: Part) -> _Sum:
        """Refuses a part of which the whole is not made of the examples' losses."""
        loss, tensors = part.loss, part.tensors
        if not isinstance(loss, BoundLoss) or loss.reduction == "none":
            raise _inseparable(loss, part.label)
        mean = loss if loss.reduction != "sum" else loss.widened("mean") or loss
        if mean.weight_sum(tensors) is None:
            raise _inseparable(loss, part.label)
        whole = loss.widened("sum")
        sums = whole is not None and (loss.reduction == "sum" or whole.weight_sum(tensors) is not None)
        wide = whole if whole is not None and sums else loss.widened()
        assert wide is not None, "the loss itself can be built again"
        floating = (tensors[name].dtype for name in loss.input_names if name in tensors)
        dtype = next((dtype for dtype in floating if dtype.is_floating_point), torch.float32)
        return cls(part, wide, sums or loss.reduction == "sum", dtype, weighs=loss.weight_sum(tensors) is not None)

    def measure(self, tensors: Tensors, budget: Budget) -> tuple[float, float | None]:
        """The numerator of some examples, and what it is to be divided by, if anything."""
        weight = self.part.loss.weight_sum(tensors)
        if weight == 0 and not self.by_sum:
            return 0.0, 0.0  # a mean over nothing is nan, and counts for nothing
        amount = float(self.wide.compute(tensors, budget).value)
        return amount if self.by_sum or weight is None else amount * weight, weight

    def add(self, tensors: Tensors, budget: Budget) -> None:
        """Counts a block."""
        amount, weight = self.measure(tensors, budget)
        self.numerator.add(amount)
        if weight is not None:
            self.weight.add(weight)

    @property
    def value(self) -> float:
        """Of all blocks, as the loss reduces."""
        return self.quotient(float(self.numerator), float(self.weight))

    def quotient(self, amount: float, weight: float) -> float:
        """What the loss makes of a numerator: itself for a sum, else its mean as float64 has it."""
        return amount if self._summed else float(torch.tensor(amount, dtype=torch.float64) / weight)

    @property
    def _summed(self) -> bool:
        return self.part.loss.reduction == "sum"


def _work(loss: Loss, form: Form, groups: Mapping[str, Mapping[str, Tensor]]) -> int:
    """Elements that the loss makes of one example of each group."""
    one = {name: given.new_zeros((1, *given.shape[1:])) for own in groups.values() for name, given in own.items()}
    of_one = form.joined(one)
    found = parts(loss, of_one, "", {})
    return sum(part.loss.work(part.tensors) for part in found if isinstance(part.loss, BoundLoss))


def _widened(inputs: Tensors) -> dict[str, Tensor]:
    """The same in float64 where they are floating."""
    return {name: given.double() if given.is_floating_point() else given for name, given in inputs.items()}


def _inseparable(loss: Loss, label: str) -> Fault:
    which = f"term {label}, {loss.name}," if label else loss.name
    if loss.reduction == "none":
        what = f"{which} is not reduced, and one loss for each element is no number of the whole; set a reduction"
    else:
        what = (
            f"{which} of a data set is not made of the losses of its examples: it compares them with each other, or "
            "does not say what its mean divides by; evaluate all examples at once by EvaluateLoss"
        )
    return Fault("UNSUPPORTED", what, field="loss")
