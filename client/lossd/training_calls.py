"""The RPCs of sessions as values, but for those that change one; knows no channel and does no I/O."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from lossd import framing, results, spec, tensors
from lossd import training_results as outcomes
from lossd.calls import Call, open_answer
from lossd.changing import SERVICE
from lossd.diagnostics import Level, level
from lossd.evaluation import encoding, word
from lossd.examples import Writer, write_arrays, write_inputs
from lossd.framing import Buffer
from lossd.loss import Loss
from lossd.nn import Module
from lossd.optim import ClipGradNorm, Optimizer
from lossd.program import complete
from lossd.settings import Autocast, CheckpointPolicy, Durability, Nonfinite, WeightSchedule
from lossd.spec import Spec
from lossd.tensors import Array, ArrayLike
from lossd.training_results import Saved, Score, SessionInfo
from lossd.v1 import training_service_pb2 as pb

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Parts:
    """What `create_session` is given; its arguments say what each is."""

    model: Module
    loss: Loss
    optimizer: Optimizer
    seed: int
    state_dict: Mapping[str, ArrayLike] | str | os.PathLike[str] | None
    clip_grad_norm: float | ClipGradNorm | None
    clip_grad_value: float | None
    scheduler: Spec | None
    averaging: Spec | None
    autocast: Autocast | None
    nonfinite: Nonfinite
    durability: Durability
    checkpoint: CheckpointPolicy | None
    ttl: float | None
    weight_schedules: Mapping[str, WeightSchedule | Sequence[tuple[int, float]]] | None


def create_session(parts: Parts) -> Call[SessionInfo]:
    """CreateSession."""

    def read(answer: bytes) -> SessionInfo:
        return outcomes.session_info(pb.CreateSessionResponse.FromString(answer).session)

    if not 0 <= parts.seed < 1 << 64:
        raise ValueError(f"seed is {parts.seed}; expected 0 to 2**64 - 1")
    request = pb.CreateSessionRequest(seed=parts.seed, clip_grad_value=parts.clip_grad_value)
    attachments: list[Buffer] = []
    spec.write(parts.model, request.model)
    spec.write(parts.loss, request.loss)
    complete(request.loss, dict(parts.loss.archives))  # a session must not depend on what the server happens to hold
    spec.write(parts.optimizer, request.optimizer)
    if isinstance(parts.state_dict, str | os.PathLike):
        request.safetensors = Path(parts.state_dict).read_bytes()
    else:
        write_arrays(request.state_dict, parts.state_dict or {}, attachments, "state_dict")
    _write_rest(request, parts)
    return Call(f"{SERVICE}CreateSession", framing.join(request.SerializeToString(), attachments), read)


def _write_rest(request: pb.CreateSessionRequest, parts: Parts) -> None:
    if parts.clip_grad_norm is not None:
        norm = parts.clip_grad_norm
        norm = norm if isinstance(norm, ClipGradNorm) else ClipGradNorm(norm)
        request.clip_grad_norm.CopyFrom(pb.ClipGradNorm(**vars(norm)))
    if parts.scheduler is not None:
        spec.write(parts.scheduler, request.scheduler)
    if parts.averaging is not None:
        spec.fill(parts.averaging, request.averaging)
    if parts.autocast is not None:
        request.autocast = tensors.dtype_number(parts.autocast, field="autocast")
    request.nonfinite = _enum(request, "nonfinite", parts.nonfinite)
    request.durability = _enum(request, "durability", parts.durability)
    if parts.checkpoint is not None:
        request.checkpoint.CopyFrom(pb.CheckpointPolicy(**vars(parts.checkpoint)))
    if parts.ttl is not None:
        if not math.isfinite(parts.ttl):
            raise ValueError(f"ttl is {parts.ttl}; expected a finite number of seconds, or None for the server's own")
        request.ttl.FromNanoseconds(round(parts.ttl * 1e9))
    for label, given in (parts.weight_schedules or {}).items():
        schedule = given if isinstance(given, WeightSchedule) else WeightSchedule(given)
        message = request.weight_schedules[label]
        message.interpolation = _enum(message, "interpolation", schedule.interpolation)
        for step, weight in schedule.points:
            message.points.add(step=step, weight=weight)


def get_session(session_id: str) -> Call[SessionInfo]:
    """GetSession."""

    def read(answer: bytes) -> SessionInfo:
        return outcomes.session_info(pb.GetSessionResponse.FromString(answer).session)

    request = pb.GetSessionRequest(session_id=session_id)
    return Call(f"{SERVICE}GetSession", request.SerializeToString(), read)


class Page(NamedTuple):
    """Some of all sessions, and what asks for the next; "" on the last page."""

    sessions: list[SessionInfo]
    next_page_token: str


def list_sessions(page_token: str = "") -> Call[Page]:
    """ListSessions."""

    def read(answer: bytes) -> Page:
        message = pb.ListSessionsResponse.FromString(answer)
        return Page([outcomes.session_info(session) for session in message.sessions], message.next_page_token)

    request = pb.ListSessionsRequest(page_size=_PAGE, page_token=page_token)
    return Call(f"{SERVICE}ListSessions", request.SerializeToString(), read)


def delete_session(session_id: str) -> Call[None]:
    """DeleteSession."""
    request = pb.DeleteSessionRequest(session_id=session_id)
    return Call(f"{SERVICE}DeleteSession", request.SerializeToString(), lambda answer: None)


def save_session(session_id: str) -> Call[Saved]:
    """SaveSession."""

    def read(answer: bytes) -> Saved:
        return outcomes.saved(pb.SaveSessionResponse.FromString(answer))

    return Call(f"{SERVICE}SaveSession", pb.SaveSessionRequest(session_id=session_id).SerializeToString(), read)


def restore_session(session_id: str) -> Call[SessionInfo]:
    """RestoreSession."""

    def read(answer: bytes) -> SessionInfo:
        return outcomes.session_info(pb.RestoreSessionResponse.FromString(answer).session)

    request = pb.RestoreSessionRequest(session_id=session_id)
    return Call(f"{SERVICE}RestoreSession", request.SerializeToString(), read)


def forward(session_id: str, inputs: ArrayLike, averaged: bool = False) -> Call[Array]:
    """Forward."""

    def read(answer: bytes) -> Array:
        message, attachments = open_answer(pb.ForwardResponse, answer)
        return tensors.read(message.output, attachments)

    request = pb.ForwardRequest(session_id=session_id, averaged=averaged)
    attachments: list[Buffer] = []
    write_inputs(request.inputs, inputs, attachments)
    request.response_encoding = encoding(bool(attachments))
    return Call(f"{SERVICE}Forward", framing.join(request.SerializeToString(), attachments), read)


def evaluate_session(
    session_id: str,
    loss: Loss | None,
    inputs: ArrayLike,
    targets: ArrayLike,
    metrics: Sequence[str] = (),
    batch_size: int | None = None,
    averaged: bool = False,
    diagnostics: Level | bool = False,
    series: str = "",
) -> Call[Score]:
    """EvaluateSession."""

    def read(answer: bytes) -> Score:
        return outcomes.score(*open_answer(pb.EvaluateSessionResponse, answer))

    request = pb.EvaluateSessionRequest(
        session_id=session_id,
        batch_size=batch_size or 0,
        metrics=metrics,
        averaged=averaged,
        diagnostics=level(diagnostics),
        series=word("series", series),
    )
    attachments: list[Buffer] = []
    Writer(loss, attachments).pair(request.inputs, request.targets, inputs, targets)
    return Call(f"{SERVICE}EvaluateSession", framing.join(request.SerializeToString(), attachments), read)


def get_session_state(session_id: str, averaged: bool = False) -> Call[dict[str, Array]]:
    """GetSessionState."""

    def read(answer: bytes) -> dict[str, Array]:
        message, attachments = open_answer(pb.GetSessionStateResponse, answer)
        return results.state_dict(message.state_dict, attachments)

    request = pb.GetSessionStateRequest(session_id=session_id, response_encoding=encoding(True), averaged=averaged)
    return Call(f"{SERVICE}GetSessionState", request.SerializeToString(), read)


def _enum(message: Any, field: str, word: str) -> Any:
    """The number of a word for a field: MEMORY of Durability for "memory"."""
    return spec.enum_number(message.DESCRIPTOR.fields_by_name[field], word)
