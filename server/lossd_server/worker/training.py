"""The training verbs: the sessions that one device holds."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import torch
from google.protobuf import timestamp_pb2
from lossd.v1 import training_service_pb2 as pb

from lossd_server.faults import Fault
from lossd_server.losses.refusal import torch_refusals
from lossd_server.training.clipping import Clipping
from lossd_server.training.session import Session
from lossd_server.worker import tensors
from lossd_server.worker.evaluating import Timing, Trip
from lossd_server.worker.inputs import check_names, read_inputs
from lossd_server.worker.programs import Programs
from lossd_server.worker.specs import Reader
from lossd_server.worker.tensors import Attachments

Buffers: TypeAlias = Sequence[memoryview]


class _Held(NamedTuple):
    session: Session
    described: pb.Session


class Trainer:
    """Holds the sessions of one device.

    Args:
        owner: prefix of the identifiers it gives, which leads later calls back to this worker and tells a
            session that an earlier life of the worker held from one that never was.
        most: sessions it may hold.
    """

    def __init__(self, device: torch.device, device_name: str, owner: str, most: int, programs: Programs) -> None:
        self._device = device
        self._programs = programs
        self._device_name = device_name
        self._owner = owner
        self._most = most
        self._sessions: dict[str, _Held] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def create(
        self, request: pb.CreateSessionRequest, buffers: Buffers, trip: Trip
    ) -> tuple[pb.CreateSessionResponse, list[memoryview], Timing]:
        """CreateSession."""
        if len(self._sessions) >= self._most:
            raise Fault("TOO_MANY_SESSIONS", f"this device holds {self._most} sessions; delete some first")
        if request.seed >= 2**63:
            raise Fault("ARGUMENT_OUT_OF_RANGE", f"seed is {request.seed}; expected below 2^63", field="seed")
        attachments = Attachments([buffer.toreadonly() for buffer in buffers])  # what is kept must be a copy
        reader = Reader(attachments, self._device, self._programs)
        model, loss = reader.module(request.model, "model"), reader.loss(request.loss)
        optimizer = reader.module(request.optimizer, "optimizer")
        state = {
            name: tensors.decode(tensor, attachments, f"state_dict.{name[:64]}", self._device)
            for name, tensor in request.state_dict.items()
        }
        attachments.check_all_used()
        with torch_refusals("model"):
            session = Session(
                model=model,
                loss=loss,
                optimizer=optimizer,
                seed=request.seed,
                state_dict=state,
                device=self._device,
                clipping=_clipping(reader, request),
            )
        created = timestamp_pb2.Timestamp()
        created.GetCurrentTime()
        described = pb.Session(
            session_id=f"{self._owner}-{secrets.token_hex(8)}",
            device=self._device_name,
            parameter_count=session.parameter_count,
            model=request.model,
            loss=request.loss,
            optimizer=request.optimizer,
            create_time=created,
            clip_grad_norm=request.clip_grad_norm if request.HasField("clip_grad_norm") else None,
            clip_grad_value=request.clip_grad_value if request.HasField("clip_grad_value") else None,
        )
        tensors.inline(described.loss, buffers)
        self._sessions[described.session_id] = _Held(session, described)
        return pb.CreateSessionResponse(session=described), [], Timing()

    def get(
        self, request: pb.GetSessionRequest, buffers: Buffers, trip: Trip
    ) -> tuple[pb.GetSessionResponse, list[memoryview], Timing]:
        """GetSession."""
        held = self._find(request.session_id)
        response = pb.GetSessionResponse(session=held.described)
        response.session.step = held.session.step_count
        return response, [], Timing()

    def delete(
        self, request: pb.DeleteSessionRequest, buffers: Buffers, trip: Trip
    ) -> tuple[pb.DeleteSessionResponse, list[memoryview], Timing]:
        """DeleteSession."""
        self._find(request.session_id)
        del self._sessions[request.session_id]
        return pb.DeleteSessionResponse(), [], Timing()

    def step(
        self, request: pb.TrainStepRequest, buffers: Buffers, trip: Trip
    ) -> tuple[pb.TrainStepResponse, list[memoryview], Timing]:
        """TrainStep."""
        session = self._find(request.session_id).session
        attachments = Attachments(buffers)
        check_names("the model", request.inputs, ("input",))
        inputs = {"input": tensors.decode(request.inputs["input"], attachments, "inputs.input", self._device)}
        output = session.output_like(inputs)
        targets = read_inputs(
            session.loss, request.targets, attachments, self._device, {session.bound_input: output}, "targets"
        )
        del targets[session.bound_input]
        attachments.check_all_used()
        done = session.step(inputs, targets)
        response = pb.TrainStepResponse(value=done.value, step=done.step, grad_norm=done.grad_norm, terms=done.terms)
        execution = response.execution
        execution.device, execution.queue, execution.batch_size = self._device_name, trip.queued, 1
        execution.compute = done.forward + done.backward
        return response, [], Timing(session.loss.name, done.forward, done.backward)

    def forward(
        self, request: pb.ForwardRequest, buffers: Buffers, trip: Trip
    ) -> tuple[pb.ForwardResponse, list[memoryview], Timing]:
        """Forward."""
        session = self._find(request.session_id).session
        attachments = Attachments(buffers)
        out: list[memoryview] = []
        check_names("the model", request.inputs, ("input",))
        inputs = {"input": tensors.decode(request.inputs["input"], attachments, "inputs.input", self._device)}
        attachments.check_all_used()
        output = session.forward(inputs)
        encoding = tensors.choose_encoding(request.response_encoding, request.inputs)
        response = pb.ForwardResponse()
        tensors.encode(response.output, output, encoding, out)
        execution = response.execution
        execution.device, execution.queue, execution.batch_size = self._device_name, trip.queued, 1
        return response, out, Timing()

    def state(
        self, request: pb.GetSessionStateRequest, buffers: Buffers, trip: Trip
    ) -> tuple[pb.GetSessionStateResponse, list[memoryview], Timing]:
        """GetSessionState."""
        session = self._find(request.session_id).session
        out: list[memoryview] = []
        encoding = tensors.choose_encoding(request.response_encoding, {})
        response = pb.GetSessionStateResponse(step=session.step_count)
        for name, tensor in session.state_dict().items():
            tensors.encode(response.state_dict[name], tensor, encoding, out)
        return response, out, Timing()

    def _find(self, session_id: str) -> _Held:
        held = self._sessions.get(session_id)
        if held is not None:
            return held
        owner = session_id.rpartition("-")[0]
        earlier = owner.rpartition("-")[0] == self._owner.rpartition("-")[0] and owner != self._owner
        if earlier:
            raise Fault(
                "SESSION_LOST",
                "this session ended with the worker that held it; create a new one from your last state",
                field="session_id",
            )
        raise Fault(
            "SESSION_NOT_FOUND",
            "there is no session of this identifier; CreateSession answers one, and DeleteSession ends it",
            field="session_id",
        )


def _clipping(reader: Reader, request: pb.CreateSessionRequest) -> Clipping:
    norm = reader.arguments(request.clip_grad_norm, "clip_grad_norm") if request.HasField("clip_grad_norm") else None
    return Clipping(norm, request.clip_grad_value if request.HasField("clip_grad_value") else None)
