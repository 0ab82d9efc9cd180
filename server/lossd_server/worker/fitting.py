"""Fit and EvaluateSession: their requests as examples and options, what came of them as responses.

One call of Fit is one slice of it: as many steps as a fifth of a second has, at least one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import torch
from lossd.v1 import diagnostic_pb2, tensor_pb2
from lossd.v1 import training_service_pb2 as pb
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.judge.catalogue import ask_number
from lossd_server.judge.diagnostics.findings import Level
from lossd_server.judge.metrics import Metrics
from lossd_server.training.blame import of_field
from lossd_server.training.evaluating import Judging, evaluate
from lossd_server.training.examples import Examples
from lossd_server.training.fitting import Epoch, Fit
from lossd_server.training.options import LOSS, Options
from lossd_server.training.session import Session
from lossd_server.worker import judging, recovery, tensors
from lossd_server.worker.evaluating import Timing, Trip
from lossd_server.worker.held import Held
from lossd_server.worker.inputs import read_inputs, read_model_inputs
from lossd_server.worker.observing import check_series, observe
from lossd_server.worker.tensors import Attachments
from lossd_server.worker.watching import EvaluationWatching, FitWatching

Buffers: TypeAlias = Sequence[memoryview]

_SLICE_SECONDS = 0.2


class OpenFit(Fit):
    """A Fit of a session with the call that began it, in memory of its own; see `held.Fitting`."""

    def __init__(self, held: Held, request: pb.FitRequest, buffers: Buffers, device: torch.device) -> None:
        session, level = held.session, judging.level(request.diagnostics)
        self.watching = FitWatching(held, level) if level > Level.OFF else None
        self.seq = request.seq
        self.digest = recovery.digest("Fit", request, buffers)
        self.request = pb.FitRequest()
        self.request.CopyFrom(request)
        self.buffers = [_own(buffer) for buffer in buffers]
        attachments = Attachments(self.buffers)
        options = _options(request)
        reader = _Reader(session, attachments, device, request.batch_size)
        examples = reader.read(request.inputs, request.targets)
        validation = reader.validation(request)
        if validation is None:
            examples, validation = _split(examples, request.validation_split)
        attachments.check_all_used()
        super().__init__(session, examples, validation, options, _judging(options.metrics, numbers=True), self.watching)

    def run_slice(self, after: int, trip: Trip) -> None:
        """Goes on for a while, until the caller is gone, or until an answer has no room for more epochs.

        What fails after a step was made ends the slice; it fails again, and then for the caller to see, in the next.
        """
        until, before = time.perf_counter() + _SLICE_SECONDS, self.steps
        while not self.done and self.backlog(after) < self.most_told:
            try:
                self.go_on()
            except Exception:
                if self.steps == before:
                    raise
                return
            if time.perf_counter() > until or trip.gone():
                return


def run_fit(
    held: Held, request: pb.FitRequest, buffers: Buffers, trip: Trip, device: torch.device
) -> tuple[pb.FitResponse, Timing]:
    """One slice of the Fit of `request.seq`, which begins if it is not open."""
    fit: Any = held.fit if held.fit is not None and held.fit.seq == request.seq else None
    if fit is None:
        if request.resume:
            raise closed()
        fit = OpenFit(held, request, buffers, device)
    was_done, forward, backward = fit.done, fit.forward, fit.backward
    after = max(request.after_epoch, 0)
    fit.run_slice(after, trip)
    held.fit = fit
    told = fit.told(after)
    response = pb.FitResponse(
        epochs=map(_epoch, told),
        epoch=fit.epoch,
        step=held.session.step_count,
        progress=fit.progress,
        value=fit.value,
        best_epoch=fit.best_epoch,
        restored_best=fit.restored_best,
    )
    if fit.done and (not told or told[-1].epoch == fit.epoch):
        response.stop_reason = pb.STOP_REASON_EARLY_STOPPING if fit.stopped_early else pb.STOP_REASON_EPOCHS
        response.replayed = was_done
    observed = observe("", findings=fit.watching.new()) if fit.watching is not None else ()
    return response, Timing(held.session.loss.name, fit.forward - forward, fit.backward - backward, observed=observed)


def closed() -> Fault:
    """The fault of who would go on with a Fit that is not open."""
    return Fault(
        "SESSION_STATE",
        "no Fit of this seq is open to go on with: a later call closed it where it stood, or it never began; "
        "GetSession tells the session's seq, and a new Fit takes the next",
        field="resume",
    )


def evaluate_session(
    session: Session,
    request: pb.EvaluateSessionRequest,
    buffers: Buffers,
    trip: Trip,
    device: torch.device,
    out: list[memoryview],
) -> tuple[pb.EvaluateSessionResponse, Timing]:
    """The loss and the metrics of the examples of a request; what is sent beside the response goes to `out`."""
    if request.batch_size < 0:
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE", f"batch_size is {request.batch_size}; expected at least 0", field="batch_size"
        )
    check_series(request.series)
    encoding = tensors.choose_encoding(request.response_encoding, {**request.inputs, **request.targets})
    watching = EvaluationWatching(session.bound_input, judging.level(request.diagnostics))
    attachments = Attachments(buffers)
    examples = _Reader(session, attachments, device, request.batch_size).read(request.inputs, request.targets)
    attachments.check_all_used()
    started = time.perf_counter()
    found = evaluate(
        session, examples, request.batch_size, _judging(request.metrics), request.averaged, trip.check, watching.look
    )
    seconds = time.perf_counter() - started
    response = pb.EvaluateSessionResponse(
        value=found.value,
        terms=found.terms,
        metrics=found.metrics,
        loss_sum=found.loss_sum,
        weight_sum=found.weight_sum,
        examples=len(examples),
        step=session.step_count,
    )
    response.execution.compute = seconds
    sums = None if found.loss_sum is None or found.weight_sum is None else (found.loss_sum, found.weight_sum)
    findings = watching.found()
    judging.write_findings(findings, response.diagnostics)
    for name, array in found.arrays.items():
        tensors.encode(response.metric_arrays[name], array, encoding, out)
    observed = observe(request.series, found.value, sums, len(examples), found.metrics, findings, session.loss.name)
    return response, Timing(session.loss.name, seconds, observed=observed)


class _Reader:
    """Reads the examples of one request.

    Args:
        batch_size: as many are shown to the model at once; 0 shows it all.
    """

    def __init__(self, session: Session, attachments: Attachments, device: torch.device, batch_size: int) -> None:
        self._session = session
        self._attachments = attachments
        self._device = device
        self._batch_size = max(batch_size, 0)

    def read(
        self,
        inputs: Mapping[str, tensor_pb2.Tensor],
        targets: Mapping[str, tensor_pb2.Tensor],
        prefix: str = "",
    ) -> Examples:
        """The examples in two fields of a request, whose names begin with `prefix`."""
        session, path = self._session, f"{prefix}inputs"
        read = read_model_inputs(session.model, inputs, self._attachments, self._device, path)
        examples = Examples(read, {})
        examples.check(path)
        with of_field(prefix):
            known = {session.bound_input: self._output(examples)}
        others = read_inputs(session.loss, targets, self._attachments, self._device, known, f"{prefix}targets")
        del others[session.bound_input]
        return Examples(read, others)

    def validation(self, request: pb.FitRequest) -> Examples | None:
        """The examples for validation that a request has of its own."""
        if not (request.validation_inputs or request.validation_targets):
            return None
        if request.validation_split:
            raise Fault(
                "ARGUMENT_OUT_OF_RANGE",
                "validation_split and validation_inputs are both given; leave one of them out",
                field="validation_split",
            )
        return self.read(request.validation_inputs, request.validation_targets, "validation_")

    def _output(self, examples: Examples) -> Tensor:
        """An empty tensor of the shape of the model's output of all examples."""
        shown = next(examples.batches(self._batch_size))
        with self._session.evaluating():  # where fewer examples do than in training, which the Fit itself looks at
            output = self._session.model.check(shown.inputs)
        if not output.dim() or len(output) != len(shown):
            return output
        return output.new_empty((len(examples), *output.shape[1:]))


def _options(request: pb.FitRequest) -> Options:
    stopping = request.early_stopping if request.HasField("early_stopping") else None
    monitor = LOSS if stopping is None else stopping.monitor or LOSS
    options = Options(
        epochs=request.epochs,
        batch_size=request.batch_size,
        shuffle=request.shuffle,
        shuffle_seed=request.shuffle_seed,
        drop_last=request.drop_last,
        accumulate=request.accumulate or 1,
        metrics=tuple(dict.fromkeys(request.metrics)),
        patience=None if stopping is None else stopping.patience,
        min_delta=0.0 if stopping is None else stopping.min_delta,
        monitor=monitor,
        higher=monitor in request.metrics and ask_number(monitor).metric.higher,
        restore_best=request.restore_best,
    )
    options.check()
    return options


def _judging(names: Sequence[str], numbers: bool = False) -> Judging | None:
    return partial(Metrics, tuple(names), numbers=numbers) if names else None


def _split(examples: Examples, share: float) -> tuple[Examples, Examples | None]:
    """Those to train on, and the last ones, for validation."""
    if not 0 <= share < 1:
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            f"validation_split is {share}; expected at least 0 and below 1",
            field="validation_split",
        )
    kept = len(examples) - int(len(examples) * share)
    return examples.between(0, kept), examples.between(kept, len(examples)) if kept < len(examples) else None


def _epoch(epoch: Epoch) -> pb.Epoch:
    told = epoch._asdict()
    findings = [diagnostic_pb2.Diagnostic(**found) for found in told.pop("findings")]
    return pb.Epoch(**told, diagnostics=findings)


def _own(buffer: memoryview) -> memoryview:
    """A copy, aligned as memory of torch is."""
    copy = torch.empty(buffer.nbytes, dtype=torch.uint8).numpy()
    view = memoryview(copy)  # type: ignore[arg-type]  # an ndarray is a buffer
    view[:] = buffer
    return view
