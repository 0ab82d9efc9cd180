"""The verbs of AggregateLoss: a data set opens with its first chunk, takes the others, and ends or is dropped.

Between its calls it lives here, under an identifier that the front sends along with each chunk.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from google.protobuf import any_pb2
from lossd.v1 import evaluation_service_pb2 as pb
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.judge.aggregate import Aggregate, Aggregated
from lossd_server.judge.diagnostics.findings import Finding
from lossd_server.limits import MAX_AGGREGATION_BYTES, MAX_AGGREGATIONS
from lossd_server.losses.contract import Loss
from lossd_server.worker import judging, tensors
from lossd_server.worker.evaluating import Timing, Trip
from lossd_server.worker.inputs import read_inputs
from lossd_server.worker.observing import observe
from lossd_server.worker.programs import Programs
from lossd_server.worker.specs import Reader, refuse_unknown_fields
from lossd_server.worker.tensors import Attachments

_IDLE_SECONDS = 3600.0
"""After which a data set is dropped whose stream is gone without a word."""
_OF_THE_FIRST = ("loss", "metrics", "diagnostics", "series", "request_id", "response_encoding")

Done = tuple[pb.AggregateLossResponse, list[memoryview], Timing]


@dataclass
class _Open:
    """A data set under way: seconds that its first chunk waited, and that the work on all of them took.

    `told` are the words of the first chunk, without tensors.
    """

    loss: Loss
    total: Aggregate
    told: pb.AggregateLossRequest
    touched: float
    queued: float = 0.0
    compute: float = 0.0


class Aggregator:
    """Holds the data sets under way on one device.

    Args:
        owner: prefix of their identifiers, which leads their chunks to this worker.
    """

    def __init__(self, device: torch.device, device_name: str, owner: str, programs: Programs) -> None:
        self._device = device
        self._device_name = device_name
        self._owner = owner
        self._programs = programs
        self._open: dict[str, _Open] = {}
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        return len(self._open)

    def open(self, request: pb.AggregateLossRequest, buffers: Sequence[memoryview], trip: Trip) -> Done:
        """Begins a data set with its first chunk; answers its identifier as request_id, and what was taken."""
        self.expire()
        with _telling(0, 0):
            if len(self._open) >= MAX_AGGREGATIONS:
                raise Fault(
                    "OVERLOADED",
                    f"{len(self._open)} data sets are under way on {self._device_name}, as many as may be; retry later",
                    retry_after=1.0,
                )
            judging.check_words(request)
            kept = [memoryview(bytearray(buffer)) for buffer in buffers]  # arguments of the loss outlive the call
            attachments = Attachments(kept)
            loss = Reader(attachments, self._device, self._programs).loss(request.loss)
            inputs = self._inputs(loss, request, attachments, {})
            level = judging.level(request.diagnostics)
            encoding = tensors.choose_encoding(request.response_encoding, request.inputs)
            total = Aggregate(loss, inputs, list(dict.fromkeys(request.metrics)), level)
        name = f"{self._owner}-{next(self._numbers)}"
        told = pb.AggregateLossRequest(series=request.series, request_id=request.request_id, response_encoding=encoding)
        held = self._open[name] = _Open(loss, total, told, time.monotonic(), trip.queued)
        return self._taken(name, held, inputs, trip)

    def add(self, envelope: any_pb2.Any, buffers: Sequence[memoryview], trip: Trip) -> Done:
        """Takes the next chunk, which `envelope` holds under the identifier; answers what was taken so far."""
        held = self._find(envelope.type_url)
        with self._ending(envelope.type_url), _telling(held.total.chunks, held.total.examples):
            request = pb.AggregateLossRequest.FromString(envelope.value)
            refuse_unknown_fields(request)
            judging.check_words(request)
            for name in _OF_THE_FIRST:
                if request.HasField(name) if name == "loss" else getattr(request, name):
                    raise Fault("UNKNOWN_NAME", f"{name} is told by the first chunk; leave it out here", field=name)
            attachments = Attachments(buffers)
            inputs = self._inputs(held.loss, request, attachments, held.total.form.shared)
        return self._taken(envelope.type_url, held, inputs, trip)

    def finish(self, envelope: any_pb2.Any, buffers: Sequence[memoryview], trip: Trip) -> Done:
        """The answer to all chunks."""
        held = self._find(envelope.type_url)
        total, out = held.total, list[memoryview]()
        del self._open[envelope.type_url]
        started = time.perf_counter()
        try:
            found = total.finish()
        except Fault as fault:
            raise fault.telling(chunks=total.chunks, examples=total.examples) from None
        held.compute += time.perf_counter() - started
        response = _response(found)
        response.chunks, response.examples, response.request_id = total.chunks, total.examples, held.told.request_id
        judging.write_metrics(total.metrics, response.metrics, response.metric_arrays, held.told.response_encoding, out)
        execution = response.execution
        execution.device, execution.queue, execution.batch_size = self._device_name, held.queued + trip.queued, 1
        execution.compute = held.compute
        sums = None
        if found.loss_sum is not None and found.weight_sum is not None:
            sums = found.loss_sum, found.weight_sum
        told, metrics = held.told, dict(response.metrics)
        observed = observe(told.series, found.value, sums, total.examples, metrics, found.findings, held.loss.name)
        return response, out, Timing(held.loss.name, time.perf_counter() - started, observed=observed)

    def drop(self, envelope: any_pb2.Any, buffers: Sequence[memoryview], trip: Trip) -> Done:
        """Forgets a data set, if it is still there."""
        self._open.pop(envelope.type_url, None)
        return pb.AggregateLossResponse(), [], Timing()

    def expire(self) -> None:
        """Forgets those whose streams must be gone."""
        now = time.monotonic()
        for name in [name for name, held in self._open.items() if now - held.touched > _IDLE_SECONDS]:
            del self._open[name]

    def _inputs(
        self, loss: Loss, request: pb.AggregateLossRequest, attachments: Attachments, shared: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """The inputs of a chunk in the loss's order, those of all examples filled in."""
        known = {name: given for name, given in shared.items() if name not in request.inputs}
        inputs = read_inputs(loss, request.inputs, attachments, self._device, known)
        attachments.check_all_used()
        return {name: inputs[name] for name in loss.input_names if name in inputs}

    def _taken(self, name: str, held: _Open, inputs: dict[str, Tensor], trip: Trip) -> Done:
        """Adds a checked chunk; the answer says how far that is."""
        started = time.perf_counter()
        with self._ending(name), _telling(held.total.chunks, held.total.examples):
            held.total.add(inputs, trip.check)
            size = sum(other.total.bytes for other in self._open.values())
            if size > MAX_AGGREGATION_BYTES:
                raise Fault(
                    "DEVICE_OUT_OF_MEMORY",
                    f"the data sets under way hold {size} bytes, at most {MAX_AGGREGATION_BYTES} may be: leave out "
                    "metrics that keep all examples, or aggregate fewer at once",
                    retry_after=1.0,
                )
        seconds = time.perf_counter() - started
        held.touched, held.compute = time.monotonic(), held.compute + seconds
        answer = pb.AggregateLossResponse(request_id=name, chunks=held.total.chunks, examples=held.total.examples)
        return answer, [], Timing(held.loss.name, seconds)

    def _find(self, name: str) -> _Open:
        if name not in self._open:
            raise Fault(
                "DEVICE_UNAVAILABLE", "this data set is no longer held here; send it again from the first chunk"
            )
        return self._open[name]

    @contextmanager
    def _ending(self, name: str) -> Iterator[None]:
        """Drops the data set if what is inside fails: half of a chunk may have been taken."""
        try:
            yield
        except BaseException:
            self._open.pop(name, None)
            raise


@contextmanager
def _telling(chunks: int, examples: int) -> Iterator[None]:
    """Makes faults those of the next chunk, and has them say how far it came."""
    try:
        yield
    except Fault as fault:
        raise fault.within(f"chunks[{chunks}]").telling(chunks=chunks, examples=examples) from None


def _response(found: Aggregated) -> pb.AggregateLossResponse:
    response = pb.AggregateLossResponse(value=found.value, terms=found.terms)
    if found.loss_sum is not None and found.weight_sum is not None:
        response.loss_sum, response.weight_sum = found.loss_sum, found.weight_sum
    findings: list[Finding] = found.findings
    judging.write_findings(findings, response.diagnostics)
    return response
