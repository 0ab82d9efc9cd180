"""The verb ExplainLoss: reads what is to be explained and writes what was found; knows no loss."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from lossd.v1 import explanation_pb2 as pb

from lossd_server.faults import Fault
from lossd_server.judge.explaining.explanation import Example, Explanation, explain
from lossd_server.limits import MAX_EXPLAINED
from lossd_server.worker import judging, tensors
from lossd_server.worker.evaluating import Timing, Trip
from lossd_server.worker.inputs import read_inputs
from lossd_server.worker.programs import Programs
from lossd_server.worker.specs import Reader
from lossd_server.worker.tensors import Attachments

_LIMIT = 20


class Explainer:
    """Explains evaluations on one device."""

    def __init__(self, device: torch.device, device_name: str, programs: Programs) -> None:
        self._device = device
        self._device_name = device_name
        self._programs = programs

    def one(
        self, request: pb.ExplainLossRequest, buffers: Sequence[memoryview], trip: Trip
    ) -> tuple[pb.ExplainLossResponse, list[memoryview], Timing]:
        """ExplainLoss."""
        limit, encoding = _limit(request.limit), tensors.choose_encoding(request.response_encoding, request.inputs)
        attachments = Attachments(buffers)
        loss = Reader(attachments, self._device, self._programs).loss(request.loss)
        inputs = read_inputs(loss, request.inputs, attachments, self._device)
        attachments.check_all_used()
        loss.check(inputs)
        metrics = judging.metrics_of(request.metrics, loss, inputs)
        found = explain(loss, inputs, limit, trip.check)
        out: list[memoryview] = []
        response = pb.ExplainLossResponse()
        _write(response, found)
        if metrics is not None:
            judging.write_metrics(metrics, response.metrics, response.metric_arrays, encoding, out)
        judging.write_findings(found.findings, response.diagnostics)
        execution, result = response.execution, found.evaluated
        execution.device, execution.queue, execution.batch_size = self._device_name, trip.queued, 1
        execution.compute = result.forward + result.backward
        return response, out, Timing(loss.name, result.forward, result.backward)


def _limit(asked: int) -> int:
    if not 0 <= asked <= MAX_EXPLAINED:
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE" if asked < 0 else "LIMIT_EXCEEDED",
            f"limit is {asked}; expected 1 to {MAX_EXPLAINED} examples, or 0 for {_LIMIT}",
            field="limit",
        )
    return asked or _LIMIT


def _write(response: pb.ExplainLossResponse, found: Explanation) -> None:
    response.value = found.value
    if found.evaluated.loss_sum is not None and found.evaluated.weight_sum is not None:
        response.loss_sum, response.weight_sum = found.evaluated.loss_sum, found.evaluated.weight_sum
    for term in found.terms:
        response.terms.add(
            label=term.label, value=term.value, weight=term.weight, contribution=term.weight * term.value
        )
    response.examples = found.examples
    response.unexplained = found.unexplained
    for example in found.worst:
        _write_example(response.worst.add(), example)
    for one in found.histograms:
        response.histograms.add(
            name=one.name, title=one.title, edges=one.edges, counts=one.counts, nonfinite=one.nonfinite
        )
    for curve in found.curves:
        response.curves.add(
            name=curve.name, title=curve.title, x=curve.x, loss=curve.loss, at=curve.at, examples=curve.examples
        )


def _write_example(message: pb.ExplainedExample, example: Example) -> None:
    message.index, message.prediction, message.target = example.index, example.prediction, example.target
    for name in ("loss", "contribution", "share", "gradient_norm"):
        number = getattr(example, name)
        if number is not None:
            setattr(message, name, number)
