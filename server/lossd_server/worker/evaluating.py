"""The evaluation verbs: one, a batch, a member of a stream, and the dry run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import torch
from lossd.v1 import catalog_service_pb2, error_reason_pb2, loss_pb2, tensor_pb2
from lossd.v1 import evaluation_service_pb2 as pb
from torch import Tensor

from lossd_server import status
from lossd_server.faults import Fault
from lossd_server.judge.diagnostics.evaluation import diagnose
from lossd_server.judge.diagnostics.findings import Level
from lossd_server.limits import MAX_BATCH
from lossd_server.losses.contract import Evaluated, Loss
from lossd_server.losses.evaluation import check_gradient, check_terms, evaluate, infer
from lossd_server.losses.refusal import torch_refusals
from lossd_server.telemetry.observation import Observation, merged
from lossd_server.worker import judging, tensors
from lossd_server.worker.failures import as_fault
from lossd_server.worker.inputs import check_inputs, read_inputs
from lossd_server.worker.observing import observe_evaluation
from lossd_server.worker.programs import Programs
from lossd_server.worker.specs import Reader, refuse_unknown_fields
from lossd_server.worker.tensors import Attachments

_META = torch.device("meta")
_CACHED_SPEC = 256
"""Bytes of a loss's specification up to which the built loss is kept for the next call."""


class Trip(NamedTuple):
    """A call on its way: seconds that it waited, when its caller stops waiting, and whether it has already."""

    queued: float
    deadline: float
    gone: Callable[[], bool]

    def check(self) -> None:
        """Refuses to go on for a caller who is gone."""
        if time.monotonic() > self.deadline or self.gone():
            raise Fault("DEADLINE_EXCEEDED", "the caller stopped waiting before the work was done")


class Timing(NamedTuple):
    """What telemetry wants to know of a call; seconds. `loss` is a catalogue name, "_several" or empty.

    `steps` are those of training that it made, `observed` is what `observing.observe` made of its quality.
    """

    loss: str = ""
    forward: float = 0.0
    backward: float = 0.0
    steps: int = 0
    observed: tuple[Observation, ...] = ()


class Evaluator:
    """Evaluates losses on one device."""

    def __init__(self, device: torch.device, device_name: str, programs: Programs) -> None:
        self._device = device
        self._programs = programs
        self._loss_of = lru_cache(maxsize=1024)(self._build)
        self._device_name = device_name
        programs.on_leave = self._loss_of.cache_clear  # a kept loss would keep the program that it names

    def one(
        self, request: pb.EvaluateLossRequest, buffers: Sequence[memoryview], trip: Trip
    ) -> tuple[pb.EvaluateLossResponse, list[memoryview], Timing]:
        """EvaluateLoss."""
        attachments = Attachments(buffers)
        out: list[memoryview] = []
        response = pb.EvaluateLossResponse()
        timing = self._evaluate(request, attachments, out, trip, response)
        attachments.check_all_used()
        return response, out, timing

    def batch(
        self, request: pb.BatchEvaluateLossRequest, buffers: Sequence[memoryview], trip: Trip
    ) -> tuple[pb.BatchEvaluateLossResponse, list[memoryview], Timing]:
        """BatchEvaluateLoss: a member that fails carries its status, the others answer."""
        if len(request.evaluations) > MAX_BATCH:
            raise Fault(
                "LIMIT_EXCEEDED", f"{len(request.evaluations)} evaluations; at most {MAX_BATCH}", field="evaluations"
            )
        attachments = Attachments(buffers)
        out: list[memoryview] = []
        response = pb.BatchEvaluateLossResponse()
        timings = [
            self._member(member, f"evaluations[{index}]", attachments, out, trip, response.results.add())
            for index, member in enumerate(request.evaluations)
        ]
        names = {timing.loss for timing in timings if timing.loss}
        return (
            response,
            out,
            Timing(
                names.pop() if len(names) == 1 else "_several",
                sum(timing.forward for timing in timings),
                sum(timing.backward for timing in timings),
                observed=merged(chain.from_iterable(timing.observed for timing in timings)),
            ),
        )

    def streamed(
        self, request: pb.StreamEvaluateLossRequest, buffers: Sequence[memoryview], trip: Trip
    ) -> tuple[pb.StreamEvaluateLossResponse, list[memoryview], Timing]:
        """One member of StreamEvaluateLoss."""
        attachments = Attachments(buffers)
        out: list[memoryview] = []
        response = pb.StreamEvaluateLossResponse()
        try:
            refuse_unknown_fields(request.evaluation)
            timing = self._evaluate(request.evaluation, attachments, out, trip, response.result.response)
        except Fault as fault:
            raise fault.within("evaluation") from None
        attachments.check_all_used()
        return response, out, timing

    def validate(
        self, request: catalog_service_pb2.ValidateLossRequest, buffers: Sequence[memoryview], trip: Trip
    ) -> tuple[catalog_service_pb2.ValidateLossResponse, list[memoryview], Timing]:
        """ValidateLoss: every check that needs no data, then the result that torch infers on its meta device."""
        loss = Reader(Attachments(()), _META, self._programs).loss(request.loss)
        check_inputs(loss, request.inputs, loss.input_names)
        inputs: dict[str, Tensor] = {}
        for name in loss.input_names:
            if name not in request.inputs:
                continue
            described, path = request.inputs[name], f"inputs.{name}"
            tensors.check_shape(described.shape, path)
            dtype = tensors.element_type(described.dtype, path)
            with torch_refusals(path):
                inputs[name] = torch.empty(tuple(described.shape), dtype=dtype, device=_META)
        result, names = infer(loss, inputs, request.gradients)
        response = catalog_service_pb2.ValidateLossResponse()
        for name in names:
            response.gradients[name].CopyFrom(request.inputs[name])
        response.result.dtype = tensors.NUMBERS[result.dtype]
        response.result.shape.extend(result.shape)
        return response, [], Timing()

    def _build(self, spec: bytes) -> Loss:
        return Reader(Attachments(()), self._device, self._programs).loss(loss_pb2.LossSpec.FromString(spec))

    def _member(
        self,
        request: pb.EvaluateLossRequest,
        path: str,
        attachments: Attachments,
        out: list[memoryview],
        trip: Trip,
        result: pb.EvaluationResult,
    ) -> Timing:
        trip.check()
        kept = len(out)
        try:
            refuse_unknown_fields(request)
            return self._evaluate(request, attachments, out, trip, result.response)
        except Exception as error:  # noqa: BLE001  # whatever one member does, the others must answer
            del out[kept:]
            fault = as_fault(error).within(path)
            result.error.CopyFrom(error_reason_pb2.Status.FromString(status.encode(fault).SerializeToString()))
            return Timing()

    def _evaluate(
        self,
        request: pb.EvaluateLossRequest,
        attachments: Attachments,
        out: list[memoryview],
        trip: Trip,
        response: pb.EvaluateLossResponse,
    ) -> Timing:
        judging.check_words(request)
        spec = request.loss.SerializeToString()
        if len(spec) <= _CACHED_SPEC and not attachments and not request.loss.HasField("program"):
            loss = self._loss_of(spec)
        else:
            loss = Reader(attachments, self._device, self._programs).loss(request.loss)
        inputs = read_inputs(loss, request.inputs, attachments, self._device)
        grad_output = self._grad_output(request, inputs, attachments)
        written = request.grad_output.HasField("values")
        level = judging.level(request.diagnostics)
        encoding = tensors.choose_encoding(request.response_encoding, request.inputs)
        checked = bool(request.validate_only or request.metrics)
        if checked:
            loss.check(inputs)  # metrics take inputs for what the loss has checked
        metrics = judging.metrics_of(request.metrics, loss, inputs, not request.validate_only)
        if request.validate_only:
            dry = Reader(attachments, _META, self._programs).loss(request.loss)
            value, names = infer(dry, {name: own.to(_META) for name, own in inputs.items()}, request.gradients)
            check_gradient(value, names, grad_output, written)
            if request.term_gradients:
                check_terms(dry, names)
            response.request_id = request.request_id
            return Timing()
        result = evaluate(loss, inputs, request.gradients, grad_output, request.term_gradients, written, checked)
        _write(response, result, encoding, out)
        if metrics is not None:
            judging.write_metrics(metrics, response.metrics, response.metric_arrays, encoding, out)
        findings = diagnose(loss, inputs, result, level) if level > Level.OFF else []
        judging.write_findings(findings, response.diagnostics)
        response.request_id = request.request_id
        execution = response.execution
        execution.device, execution.queue, execution.batch_size = self._device_name, trip.queued, 1
        execution.compute = result.forward + result.backward
        observed: tuple[Observation, ...] = ()
        if request.series or findings:
            observed = observe_evaluation(request.series, loss, inputs, result, response.metrics, findings)
        return Timing(loss.name, result.forward, result.backward, observed=observed)

    def _grad_output(
        self, request: pb.EvaluateLossRequest, inputs: dict[str, Tensor], attachments: Attachments
    ) -> Tensor | None:
        if not request.HasField("grad_output"):
            return None
        floating = next((tensor.dtype for tensor in inputs.values() if tensor.is_floating_point()), torch.float32)
        return tensors.decode(request.grad_output, attachments, "grad_output", self._device, floating)


def _write(
    response: pb.EvaluateLossResponse, result: Evaluated, encoding: tensor_pb2.ResponseEncoding, out: list[memoryview]
) -> None:
    if result.reduced:
        response.value = result.value.item()
    else:
        tensors.encode(response.losses, result.value, encoding, out)
    if result.loss_sum is not None and result.weight_sum is not None:
        response.loss_sum, response.weight_sum = result.loss_sum, result.weight_sum
    for label, value in result.terms.items():
        response.terms[label] = value
    for name, gradient in result.gradients.items():
        tensors.encode(response.gradients[name], gradient, encoding, out)
    for label, gradients in result.term_gradients.items():
        own = response.term_gradients[label].gradients
        for name, gradient in gradients.items():
            tensors.encode(own[name], gradient, encoding, out)
