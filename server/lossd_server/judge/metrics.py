"""Metrics of one data set, computed by torchmetrics over any number of batches; knows no session and no model.

torchmetrics is an extra and slow to import: it is loaded when the first metric is asked for.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.judge.catalogue import METRICS, Call, Metric, find
from lossd_server.judge.readings import REGRESSION, Reading, read
from lossd_server.losses.contract import Loss, Tensors

MAX_CLASSES = 1024
"""Classes or labels up to which metrics that compare each with each, or sort by each, are computed."""


class Metrics:
    """Some metrics of one data set, however it is cut into batches.

    Args:
        names: of the metrics, each once.
        loss: that the model is trained with; it says what outputs mean.
        output: of the model, or an empty tensor of its shape on the meta device.
        targets: the loss's other inputs.

    Raises:
        Fault: UNKNOWN_NAME, or UNSUPPORTED with the reason, if one cannot be told of this loss and these tensors.

    >>> from lossd_server.losses import catalogue
    >>> loss = catalogue.find("mse_loss").build({}, path="loss", allow_broadcast=False)
    >>> numbers = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0])
    >>> metrics = Metrics(["mae", "max_error"], loss, numbers[0], {"target": numbers[1]})
    >>> metrics.update(numbers[0], {"target": numbers[1]})
    >>> metrics.compute()
    {'mae': 1.0, 'max_error': 2.0}
    """

    def __init__(self, names: Iterable[str], loss: Loss, output: Tensor, targets: Tensors) -> None:
        asked = [find(name) for name in dict.fromkeys(names)]
        self._examples = 0
        self._held: list[tuple[Metric, Call, Any]] = []
        if not asked:
            return
        self._reading = read(loss, output, targets)
        for metric in asked:
            call = _call(metric, self._reading, loss)
            self._held.append((metric, call, _build(call, self._reading.size)))

    def __bool__(self) -> bool:
        return bool(self._held)

    def update(self, output: Tensor, targets: Tensors) -> None:
        """Counts one batch."""
        if not self._held:
            return
        pair = self._reading.read(output, targets)
        self._examples += len(pair.truth)
        for _, call, held in self._held:
            held.to(pair.truth.device)
            if len(pair.truth):
                held.update(*call.prepare(pair))

    def compute(self) -> dict[str, float]:
        """The metrics of all batches together, by name; nan where one is not defined."""
        return {metric.name: self._value(metric, call, held) for metric, call, held in self._held}

    def arrays(self) -> dict[str, Tensor]:
        """The metrics of all batches together that are several numbers, by name."""
        return {}

    def _value(self, metric: Metric, call: Call, held: Any) -> float:
        if self._examples < metric.least:
            return math.nan
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            value = float(call.finish(torch.as_tensor(held.compute()).double()))
        return math.nan if said and metric.each else value


def _call(metric: Metric, reading: Reading, loss: Loss) -> Call:
    call = metric.calls.get(reading.task)
    reason = ""
    if call is None:
        reason = f"it is one of {' and '.join(metric.tasks)}, and {loss.name} of these tensors is {reading.task}"
    elif metric.probabilities and not reading.probabilities:
        reason = f"it needs probabilities, and {loss.name} takes scores that are none"
    elif metric.pairwise and reading.task != REGRESSION and reading.size > MAX_CLASSES:
        reason = f"there are {reading.size} classes, and it is computed for up to {MAX_CLASSES}"
    elif call.options.get("top_k", 0) > reading.size:
        reason = f"there are only {reading.size} classes"
    if call is None or reason:
        fitting = [name for name, own in METRICS.items() if reading.task in own.tasks]
        raise Fault(
            "UNSUPPORTED",
            f"{metric.name} cannot be told here: {reason}; {reading.task} has {', '.join(fitting)}",
            field="metrics",
        )
    return call


def _build(call: Call, size: int) -> Any:
    """The metric of torchmetrics, counting in float64."""
    try:
        import torchmetrics
        from torchmetrics import classification, regression
    except ImportError:
        raise Fault(
            "UNSUPPORTED",
            "metrics need torchmetrics, which this server does not have: pip install 'lossd[metrics]'",
            field="metrics",
        ) from None
    places = (classification, regression, torchmetrics)
    kind = next(found for place in places if (found := getattr(place, call.class_name, None)) is not None)
    sized = {call.sized: size} if call.sized else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it keeps: the data set itself, which is in memory anyhow
        return kind(**call.options, **sized).set_dtype(torch.float64)
