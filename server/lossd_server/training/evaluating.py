"""The loss of a data set as one number, however it was cut into batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, TypeAlias

from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.losses.budget import Budget
from lossd_server.losses.contract import Loss, Tensors
from lossd_server.losses.merging import Merged, tells_weight, unmerged
from lossd_server.losses.refusal import torch_refusals
from lossd_server.training.blame import blamed
from lossd_server.training.examples import Examples
from lossd_server.training.session import Session


class Judge(Protocol):
    """Metrics of one data set, whatever they are."""

    def update(self, output: Tensor, targets: Tensors) -> None:
        """Counts one batch."""

    def compute(self) -> dict[str, float]:
        """Each of all batches together that is one number, by name."""

    def arrays(self) -> dict[str, Tensor]:
        """Each of all batches together that is several numbers, by name."""


Judging: TypeAlias = Callable[[Loss, Tensor, Tensors], Judge]
"""Makes a judge from the loss, the output, or an empty one of its shape, and the loss's other inputs; refuses what does
not fit."""


Look: TypeAlias = Callable[[Loss, Tensors, Tensor, Mapping[str, float]], None]
"""Is shown a loss, its inputs, its value and those of its terms."""


class Evaluation(NamedTuple):
    """The outcome of an evaluation; sums are None where a mean means nothing."""

    value: float
    terms: dict[str, float]
    metrics: dict[str, float]
    arrays: dict[str, Tensor]
    loss_sum: float | None
    weight_sum: float | None


def evaluate(
    session: Session,
    examples: Examples,
    batch_size: int = 0,
    judging: Judging | None = None,
    averaged: bool = False,
    go_on: Callable[[], None] = lambda: None,
    look: Look | None = None,
) -> Evaluation:
    """The loss and metrics of `examples` in evaluation mode; nothing of the session changes.

    Args:
        batch_size: examples that run at once; 0 takes all.
        judging: makes what computes the metrics; None for none.
        averaged: whether to use the averaged weights.
        go_on: called before each batch; what it raises ends the evaluation.
        look: is shown each batch.

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
            if look is not None:
                look(loss, tensors, value, numbers)
            if judge is not None:
                judge.update(output, batch.targets)
    metrics, arrays = ({}, {}) if judge is None else (judge.compute(), judge.arrays())
    return Evaluation(merged.value, merged.terms, metrics, arrays, merged.loss_sum, merged.weight_sum)
