"""The training verbs of one device: decode, train, encode. Who holds the sessions is `sessions`' to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
from google.protobuf.message import Message
from lossd.v1 import training_service_pb2 as pb
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.judge.diagnostics.findings import Finding
from lossd_server.judge.metrics import Metrics
from lossd_server.losses.refusal import torch_refusals
from lossd_server.training.outcomes import Judge, MicroBatch, Step
from lossd_server.training.session import Session
from lossd_server.worker import building, fitting, judging, keeping, tensors
from lossd_server.worker.evaluating import Timing, Trip
from lossd_server.worker.held import Built, Fitting, Held
from lossd_server.worker.inputs import read_inputs, read_model_inputs
from lossd_server.worker.observing import observe
from lossd_server.worker.programs import Programs
from lossd_server.worker.sessions import Sessions
from lossd_server.worker.specs import refuse_unknown_fields
from lossd_server.worker.tensors import Attachments
from lossd_server.worker.watching import Watching

Buffers: TypeAlias = Sequence[memoryview]


class Batch(NamedTuple):
    """The tensors of a call: the model's inputs, and the loss's but for the model's output."""

    inputs: dict[str, Tensor]
    targets: dict[str, Tensor]


class Trainer:
    """Trains the sessions of one device."""

    def __init__(self, device: torch.device, device_name: str, sessions: Sessions, programs: Programs) -> None:
        self._device = device
        self._device_name = device_name
        self._sessions = sessions
        self._programs = programs
        sessions.verbs = self

    def create(
        self, request: pb.CreateSessionRequest, buffers: Buffers, trip: Trip
    ) -> tuple[pb.CreateSessionResponse, list[memoryview], Timing]:
        """CreateSession."""
        return pb.CreateSessionResponse(session=self._sessions.create(request, buffers).describe()), [], Timing()

    def build(self, request: pb.CreateSessionRequest, buffers: Buffers) -> Built:
        """A new session: for a caller, and to be filled when one is brought back."""
        plan = building.plan(request, buffers, self._device, self._programs)
        with torch_refusals("model"):
            session = Session(plan, self._device)
        described = building.describe(request, buffers)
        described.device, described.parameter_count = self._device_name, session.parameter_count
        return Built(session, described)

    def origin(self, request: pb.CreateSessionRequest, buffers: Buffers) -> bytes:
        """A request as it is stored with the session that was built of it."""
        return keeping.self_contained(request, buffers, self._programs)

    def get(
        self, request: pb.GetSessionRequest, buffers: Buffers, trip: Trip
    ) -> tuple[pb.GetSessionResponse, list[memoryview], Timing]:
        """GetSession."""
        return pb.GetSessionResponse(session=self._sessions.find(request.session_id).describe()), [], Timing()

    def delete(
        self, request: pb.DeleteSessionRequest, buffers: Buffers, trip: Trip
    ) -> tuple[pb.DeleteSessionResponse, list[memoryview], Timing]:
        """DeleteSession."""
        self._sessions.delete(request.session_id)
        return pb.DeleteSessionResponse(), [], Timing()

    def list_sessions(
        self, request: pb.ListSessionsRequest, buffers: Buffers, trip: Trip
    ) -> tuple[pb.ListSessionsResponse, list[memoryview], Timing]:
        """ListSessions, of this device."""
        return self._sessions.page(request.page_size, request.page_token), [], Timing()

    def save(
        self, request: pb.SaveSessionRequest, buffers: Buffers, trip: Trip
    ) -> tuple[pb.SaveSessionResponse, list[memoryview], Timing]:
        """SaveSession."""
        return self._sessions.save(request.session_id), [], Timing()

    def restore(
        self, request: pb.RestoreSessionRequest, buffers: Buffers, trip: Trip
    ) -> tuple[pb.RestoreSessionResponse, list[memoryview], Timing]:
        """RestoreSession."""
        held = self._sessions.restore(request.session_id)
        return pb.RestoreSessionResponse(session=held.describe()), [], Timing()

    def step(
        self, request: pb.TrainStepRequest, buffers: Buffers, trip: Trip
    ) -> tuple[Message, list[memoryview], Timing]:
        """TrainStep."""
        return self._mutate("TrainStep", request, buffers, trip)

    def forward_backward(
        self, request: pb.ForwardBackwardRequest, buffers: Buffers, trip: Trip
    ) -> tuple[Message, list[memoryview], Timing]:
        """ForwardBackward."""
        return self._mutate("ForwardBackward", request, buffers, trip)

    def optim_step(
        self, request: pb.OptimStepRequest, buffers: Buffers, trip: Trip
    ) -> tuple[Message, list[memoryview], Timing]:
        """OptimStep."""
        return self._mutate("OptimStep", request, buffers, trip)

    def stream(
        self, request: pb.TrainStreamRequest, buffers: Buffers, trip: Trip
    ) -> tuple[Message, list[memoryview], Timing]:
        """One member of TrainStream."""
        name = request.WhichOneof("call")
        if name is None:
            raise Fault("MISSING_FIELD", "no call is given; set train_step, forward_backward or optim_step")
        call = getattr(request, name)
        if call.session_id not in ("", request.session_id):
            raise Fault(
                "ARGUMENT_OUT_OF_RANGE",
                "the call names another session than the message around it; leave its session_id out",
                field=f"{name}.session_id",
            )
        call.session_id = request.session_id
        verb = {"train_step": "TrainStep", "forward_backward": "ForwardBackward", "optim_step": "OptimStep"}[name]
        try:
            refuse_unknown_fields(call)
            response, out, timing = self._mutate(verb, call, buffers, trip)
        except Fault as fault:
            raise fault.within(name) from None
        outcome = pb.TrainStreamResponse()
        getattr(outcome, name).CopyFrom(response)
        return outcome, out, timing

    def fit(self, request: pb.FitRequest, buffers: Buffers, trip: Trip) -> tuple[Message, list[memoryview], Timing]:
        """One slice of Fit."""
        return self._mutate("Fit", request, buffers, trip)

    def evaluate(
        self, request: pb.EvaluateSessionRequest, buffers: Buffers, trip: Trip
    ) -> tuple[pb.EvaluateSessionResponse, list[memoryview], Timing]:
        """EvaluateSession."""
        session = self._sessions.find(request.session_id).session
        out: list[memoryview] = []
        response, timing = fitting.evaluate_session(session, request, buffers, trip, self._device, out)
        self._execution(response.execution, trip, timing.forward)
        return response, out, timing

    def forward(
        self, request: pb.ForwardRequest, buffers: Buffers, trip: Trip
    ) -> tuple[pb.ForwardResponse, list[memoryview], Timing]:
        """Forward."""
        session = self._sessions.find(request.session_id).session
        attachments = Attachments(buffers)
        out: list[memoryview] = []
        inputs = read_model_inputs(session.model, request.inputs, attachments, self._device)
        attachments.check_all_used()
        encoding = tensors.choose_encoding(request.response_encoding, request.inputs)
        response = pb.ForwardResponse()
        tensors.encode(response.output, session.forward(inputs, request.averaged), encoding, out)
        self._execution(response.execution, trip)
        return response, out, Timing()

    def state(
        self, request: pb.GetSessionStateRequest, buffers: Buffers, trip: Trip
    ) -> tuple[pb.GetSessionStateResponse, list[memoryview], Timing]:
        """GetSessionState."""
        session = self._sessions.find(request.session_id).session
        out: list[memoryview] = []
        encoding = tensors.choose_encoding(request.response_encoding, {})
        response = pb.GetSessionStateResponse(step=session.step_count)
        for name, tensor in session.state_dict(request.averaged).items():
            tensors.encode(response.state_dict[name], tensor, encoding, out)
        return response, out, Timing()

    def run(self, verb: str, held: Held, request: Any, buffers: Buffers, trip: Trip) -> tuple[Message, Timing]:
        """Runs a changing verb on a session: for a caller, and again when the session is brought back."""
        if verb == "Fit":
            response, timing = fitting.run_fit(held, request, buffers, trip, self._device)
            self._execution(response.execution, trip, timing.forward + timing.backward)
            return response, timing
        return _RUNS[verb](self, held, request, buffers, trip)

    def begin_fit(self, held: Held, request: pb.FitRequest, buffers: Buffers) -> Fitting:
        """The Fit of `request.seq`, which has made no step yet."""
        return fitting.OpenFit(held, request, buffers, self._device)

    def read_batch(self, session: Session, request: Any, buffers: Buffers) -> Batch:
        """The tensors of a request that has inputs and targets."""
        attachments = Attachments(buffers)
        inputs = read_model_inputs(session.model, request.inputs, attachments, self._device)
        bound = session.bound_input
        known = {bound: session.model.check(inputs)}
        targets = read_inputs(session.loss, request.targets, attachments, self._device, known, "targets")
        del targets[bound]
        attachments.check_all_used()
        return Batch(inputs, targets)

    def _mutate(
        self, verb: str, request: Any, buffers: Buffers, trip: Trip
    ) -> tuple[Message, list[memoryview], Timing]:
        timing = Timing()

        def run(held: Held, request: Any, buffers: Buffers, trip: Trip) -> Message:
            nonlocal timing
            before = held.session.step_count
            response, timing = self.run(verb, held, request, buffers, trip)
            timing = timing._replace(steps=held.session.step_count - before)
            return response

        return self._sessions.mutate(verb, request, buffers, trip, run), [], timing

    def _train_step(
        self, held: Held, request: pb.TrainStepRequest, buffers: Buffers, trip: Trip
    ) -> tuple[Message, Timing]:
        session, watching = held.session, Watching(held, judging.level(request.diagnostics))
        batch = self.read_batch(session, request, buffers)
        judge, watch = _judge(session, request.metrics, batch), watching.begin()
        done = session.step(batch.inputs, batch.targets, dict(request.overrides), judge, watch)
        response = pb.TrainStepResponse(
            value=done.value,
            step=done.step,
            grad_norm=done.grad_norm,
            terms=done.terms,
            lr=done.lr,
            metrics=done.metrics,
        )
        findings = watching.stepped(done, watch)
        judging.write_findings(findings, response.diagnostics)
        return response, self._timed(response.execution, session, done, trip, findings)

    def _forward_backward(
        self, held: Held, request: pb.ForwardBackwardRequest, buffers: Buffers, trip: Trip
    ) -> tuple[Message, Timing]:
        session, watching = held.session, Watching(held, judging.level(request.diagnostics))
        batch = self.read_batch(session, request, buffers)
        weight = request.weight if request.HasField("weight") else None
        judge, watch = _judge(session, request.metrics, batch), watching.begin(gradient=False)
        done = session.forward_backward(batch.inputs, batch.targets, weight, judge, watch)
        response = pb.ForwardBackwardResponse(
            value=done.value,
            pending_micro_batches=done.pending,
            weight_sum=done.weight_sum,
            terms=done.terms,
            metrics=done.metrics,
        )
        findings = watching.waits(done, watch)
        judging.write_findings(findings, response.diagnostics)
        return response, self._timed(response.execution, session, done, trip, findings)

    def _optim_step(
        self, held: Held, request: pb.OptimStepRequest, buffers: Buffers, trip: Trip
    ) -> tuple[Message, Timing]:
        session, watching = held.session, Watching(held, judging.level(request.diagnostics))
        watch = watching.begin()
        done = session.optim_step(dict(request.overrides), request.discard, watch)
        response = pb.OptimStepResponse(
            value=done.value,
            step=done.step,
            grad_norm=done.grad_norm,
            micro_batches=done.micro_batches,
            lr=[] if request.discard else done.lr,
        )
        findings = watching.discarded() if request.discard else watching.stepped(done, watch)
        judging.write_findings(findings, response.diagnostics)
        return response, self._timed(response.execution, session, done, trip, findings)

    def _timed(
        self, execution: Any, session: Session, done: Step | MicroBatch, trip: Trip, findings: Sequence[Finding]
    ) -> Timing:
        self._execution(execution, trip, done.forward + done.backward)
        return Timing(session.loss.name, done.forward, done.backward, observed=observe("", findings=findings))

    def _execution(self, execution: Any, trip: Trip, compute: float = 0.0) -> None:
        execution.device, execution.queue, execution.batch_size = self._device_name, trip.queued, 1
        execution.compute = compute


def _judge(session: Session, names: Sequence[str], batch: Batch) -> Judge | None:
    """What tells the metrics of one batch; refuses, before anything runs, those that it cannot tell."""
    if not names:
        return None
    metrics = Metrics(names, session.loss, session.model.check(batch.inputs), batch.targets, numbers=True)

    def judge(output: Tensor, targets: Mapping[str, Tensor]) -> Mapping[str, float]:
        metrics.update(output, targets)
        return metrics.compute()

    return judge


_RUNS: dict[str, Callable[[Trainer, Held, Any, Buffers, Trip], tuple[Message, Timing]]] = {
    "TrainStep": Trainer._train_step,
    "ForwardBackward": Trainer._forward_backward,
    "OptimStep": Trainer._optim_step,
}
"""How each changing verb runs."""
