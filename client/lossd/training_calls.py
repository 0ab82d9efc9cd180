"""The RPCs of sessions as values, those that change one without their number; knows no channel and does no I/O.

What changes a session is made in two steps: the arrays are written first, and its number is added when its turn comes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from lossd import framing, results, spec, tensors
from lossd import training_results as outcomes
from lossd.calls import Call, open_answer
from lossd.errors import from_status
from lossd.evaluation import encoding
from lossd.framing import Buffer
from lossd.loss import Loss
from lossd.nn import Module
from lossd.optim import ClipGradNorm, Optimizer
from lossd.program import complete
from lossd.sequence import Numbered
from lossd.settings import Autocast, CheckpointPolicy, Durability, EarlyStopping, Nonfinite, WeightSchedule
from lossd.spec import Spec
from lossd.tensors import Array, ArrayLike
from lossd.training_results import MicroBatch, Saved, Score, SessionInfo, Step
from lossd.v1 import tensor_pb2
from lossd.v1 import training_service_pb2 as pb

T = TypeVar("T")

_SERVICE = "/lossd.v1.TrainingService/"
STREAM = f"{_SERVICE}TrainStream"
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

    request = pb.CreateSessionRequest(seed=parts.seed, clip_grad_value=parts.clip_grad_value)
    attachments: list[Buffer] = []
    spec.write(parts.model, request.model)
    spec.write(parts.loss, request.loss)
    complete(request.loss, dict(parts.loss.archives))  # a session must not depend on what the server happens to hold
    spec.write(parts.optimizer, request.optimizer)
    if isinstance(parts.state_dict, str | os.PathLike):
        request.safetensors = Path(parts.state_dict).read_bytes()
    else:
        _write_arrays(request.state_dict, parts.state_dict or {}, attachments, "state_dict")
    _write_rest(request, parts)
    return Call(f"{_SERVICE}CreateSession", framing.join(request.SerializeToString(), attachments), read)


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
    return Call(f"{_SERVICE}GetSession", request.SerializeToString(), read)


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
    return Call(f"{_SERVICE}ListSessions", request.SerializeToString(), read)


def delete_session(session_id: str) -> Call[None]:
    """DeleteSession."""
    request = pb.DeleteSessionRequest(session_id=session_id)
    return Call(f"{_SERVICE}DeleteSession", request.SerializeToString(), lambda answer: None)


def save_session(session_id: str) -> Call[Saved]:
    """SaveSession."""

    def read(answer: bytes) -> Saved:
        return outcomes.saved(pb.SaveSessionResponse.FromString(answer))

    return Call(f"{_SERVICE}SaveSession", pb.SaveSessionRequest(session_id=session_id).SerializeToString(), read)


def restore_session(session_id: str) -> Call[SessionInfo]:
    """RestoreSession."""

    def read(answer: bytes) -> SessionInfo:
        return outcomes.session_info(pb.RestoreSessionResponse.FromString(answer).session)

    request = pb.RestoreSessionRequest(session_id=session_id)
    return Call(f"{_SERVICE}RestoreSession", request.SerializeToString(), read)


@dataclass(slots=True)
class Change:
    """TrainStep, ForwardBackward or OptimStep without its number: alone, or a member of a TrainStream."""

    kind: str
    """The field of TrainStreamRequest and TrainStreamResponse that holds it."""
    request: pb.TrainStepRequest | pb.ForwardBackwardRequest | pb.OptimStepRequest
    attachments: Sequence[Buffer] = ()
    examples: int = 0
    """Length of the first dimension of its first input."""

    def member(self, seq: int) -> bytes:
        """The message of a TrainStream."""
        self.request.seq = seq
        message = pb.TrainStreamRequest(session_id=self.request.session_id)
        getattr(message, self.kind).CopyFrom(self.request)
        return framing.join(message.SerializeToString(deterministic=True), self.attachments)

    def numbered(self, seq: int) -> bytes:
        """The message of a call of its own."""
        self.request.seq = seq
        return framing.join(self.request.SerializeToString(deterministic=True), self.attachments)


def train_step(
    session_id: str, loss: Loss | None, inputs: ArrayLike, targets: ArrayLike, overrides: Mapping[str, float] = {}
) -> Change:
    """TrainStep; `loss` tells the names of the targets and which of them are floating."""
    request = pb.TrainStepRequest(session_id=session_id, overrides=overrides)
    return _batch("train_step", request, loss, inputs, targets)


def forward_backward(
    session_id: str, loss: Loss | None, inputs: ArrayLike, targets: ArrayLike, weight: float | None = None
) -> Change:
    """ForwardBackward."""
    request = pb.ForwardBackwardRequest(session_id=session_id, weight=weight)
    return _batch("forward_backward", request, loss, inputs, targets)


def optim_step(session_id: str, overrides: Mapping[str, float] = {}, discard: bool = False) -> Change:
    """OptimStep."""
    return Change("optim_step", pb.OptimStepRequest(session_id=session_id, overrides=overrides, discard=discard))


def overridden(lr: float | None, overrides: Mapping[str, float]) -> Mapping[str, float]:
    """Numbers of the optimizer for one step, `lr` among them."""
    return overrides if lr is None else {**overrides, "lr": lr}


def step_call(change: Change) -> Numbered[Step]:
    """A TrainStep or OptimStep by itself."""
    if change.kind == "train_step":
        return lambda seq: Call(f"{_SERVICE}TrainStep", change.numbered(seq), _read_step)
    return lambda seq: Call(f"{_SERVICE}OptimStep", change.numbered(seq), _read_optim_step)


def micro_batch_call(change: Change) -> Numbered[MicroBatch]:
    """A ForwardBackward by itself."""

    def read(answer: bytes) -> MicroBatch:
        return outcomes.micro_batch(pb.ForwardBackwardResponse.FromString(answer))

    return lambda seq: Call(f"{_SERVICE}ForwardBackward", change.numbered(seq), read)


def _read_step(answer: bytes) -> Step:
    return outcomes.step(pb.TrainStepResponse.FromString(answer))


def _read_optim_step(answer: bytes) -> Step:
    return outcomes.optim_step(pb.OptimStepResponse.FromString(answer))


def stream_outcome(answer: bytes) -> Step | MicroBatch:
    """What became of the next member of a TrainStream.

    Raises:
        LossdError: what it failed with, as if it had gone alone.
    """
    message = pb.TrainStreamResponse.FromString(answer)
    if message.HasField("error"):
        error = from_status(message.error.SerializeToString())
        for kind in ("train_step", "forward_backward", "optim_step"):
            error.field = error.field.removeprefix(kind).removeprefix(".")
        raise error
    if message.HasField("forward_backward"):
        return outcomes.micro_batch(message.forward_backward)
    if message.HasField("optim_step"):
        return outcomes.optim_step(message.optim_step)
    return outcomes.step(message.train_step)


@dataclass(frozen=True, slots=True)
class Plan:
    """What `fit` is given beside its examples; its arguments say what each is."""

    epochs: int
    batch_size: int | None = None
    shuffle: bool = False
    shuffle_seed: int = 0
    drop_last: bool = False
    validation_split: float = 0.0
    validation_data: tuple[ArrayLike, ArrayLike] | None = None
    early_stopping: EarlyStopping | None = None
    restore_best: bool = False
    metrics: tuple[str, ...] = ()
    accumulate: int = 1


class FitRequest:
    """A Fit without its number, and how it goes on after a broken stream."""

    def __init__(self, session_id: str, loss: Loss | None, inputs: ArrayLike, targets: ArrayLike, plan: Plan) -> None:
        self._attachments: list[Buffer] = []
        self._request = request = pb.FitRequest(
            session_id=session_id,
            epochs=plan.epochs,
            batch_size=plan.batch_size or 0,
            shuffle=plan.shuffle,
            shuffle_seed=plan.shuffle_seed,
            drop_last=plan.drop_last,
            validation_split=plan.validation_split,
            restore_best=plan.restore_best,
            metrics=plan.metrics,
            accumulate=plan.accumulate,
        )
        write = _Writer(loss, self._attachments)
        write.pair(request.inputs, request.targets, inputs, targets)
        if plan.validation_data is not None:
            held_out, their_targets = plan.validation_data
            write.pair(request.validation_inputs, request.validation_targets, held_out, their_targets, "validation_")
        if plan.early_stopping is not None:
            request.early_stopping.CopyFrom(pb.EarlyStopping(**vars(plan.early_stopping)))

    def numbered(self, seq: int) -> Call[pb.FitResponse]:
        """All of it."""
        self._request.seq = seq
        return self._call(self._request, self._attachments)

    def whole(self, seq: int, after_epoch: int) -> Call[pb.FitResponse]:
        """All of it, for a server that may not know it yet."""
        request = pb.FitRequest()
        request.CopyFrom(self._request)
        request.seq, request.after_epoch = seq, after_epoch
        return self._call(request, self._attachments)

    def resumed(self, seq: int, after_epoch: int) -> Call[pb.FitResponse]:
        """The rest of it, from a server that holds its data."""
        request = pb.FitRequest(session_id=self._request.session_id, seq=seq, after_epoch=after_epoch, resume=True)
        return self._call(request, ())

    def _call(self, request: pb.FitRequest, attachments: Sequence[Buffer]) -> Call[pb.FitResponse]:
        data = framing.join(request.SerializeToString(deterministic=True), attachments)
        return Call(f"{_SERVICE}Fit", data, pb.FitResponse.FromString)


def forward(session_id: str, inputs: ArrayLike, averaged: bool = False) -> Call[Array]:
    """Forward."""

    def read(answer: bytes) -> Array:
        message, attachments = open_answer(pb.ForwardResponse, answer)
        return tensors.read(message.output, attachments)

    request = pb.ForwardRequest(session_id=session_id, averaged=averaged)
    attachments: list[Buffer] = []
    _write_arrays(request.inputs, _named(inputs, ["input"], "inputs"), attachments, "inputs")
    request.response_encoding = encoding(bool(attachments))
    return Call(f"{_SERVICE}Forward", framing.join(request.SerializeToString(), attachments), read)


def evaluate_session(
    session_id: str,
    loss: Loss | None,
    inputs: ArrayLike,
    targets: ArrayLike,
    metrics: Sequence[str] = (),
    batch_size: int | None = None,
    averaged: bool = False,
) -> Call[Score]:
    """EvaluateSession."""

    def read(answer: bytes) -> Score:
        return outcomes.score(pb.EvaluateSessionResponse.FromString(answer))

    request = pb.EvaluateSessionRequest(
        session_id=session_id, batch_size=batch_size or 0, metrics=metrics, averaged=averaged
    )
    attachments: list[Buffer] = []
    _Writer(loss, attachments).pair(request.inputs, request.targets, inputs, targets)
    return Call(f"{_SERVICE}EvaluateSession", framing.join(request.SerializeToString(), attachments), read)


def get_session_state(session_id: str, averaged: bool = False) -> Call[dict[str, Array]]:
    """GetSessionState."""

    def read(answer: bytes) -> dict[str, Array]:
        message, attachments = open_answer(pb.GetSessionStateResponse, answer)
        return results.state_dict(message.state_dict, attachments)

    request = pb.GetSessionStateRequest(session_id=session_id, response_encoding=encoding(True), averaged=averaged)
    return Call(f"{_SERVICE}GetSessionState", request.SerializeToString(), read)


class _Writer:
    """Writes inputs and targets, whose names and kinds the loss tells."""

    def __init__(self, loss: Loss | None, attachments: list[Buffer]) -> None:
        self._kinds = loss.inputs if loss is not None else {"input": True, "target": True}
        self._attachments = attachments

    def pair(
        self,
        input_messages: Mapping[str, tensor_pb2.Tensor],
        target_messages: Mapping[str, tensor_pb2.Tensor],
        inputs: ArrayLike,
        targets: ArrayLike,
        prefix: str = "",
    ) -> None:
        named = _named(inputs, ["input"], f"{prefix}inputs")
        _write_arrays(input_messages, named, self._attachments, f"{prefix}inputs")
        named = _named(targets, list(self._kinds)[1:], f"{prefix}targets")
        _write_arrays(target_messages, named, self._attachments, f"{prefix}targets", self._kinds)


def _batch(kind: str, request: Any, loss: Loss | None, inputs: ArrayLike, targets: ArrayLike) -> Change:
    attachments: list[Buffer] = []
    _Writer(loss, attachments).pair(request.inputs, request.targets, inputs, targets)
    shape = next((tensor.shape for tensor in request.inputs.values()), ())
    return Change(kind, request, attachments, shape[0] if shape else 1)


def _named(given: ArrayLike, names: Sequence[str], what: str) -> Mapping[str, ArrayLike]:
    if isinstance(given, Mapping):
        return given
    if len(names) != 1:
        raise TypeError(f"{what} are {', '.join(names)} here: give them by name, as a dict")
    return {names[0]: given}


def _write_arrays(
    messages: Mapping[str, tensor_pb2.Tensor],
    arrays: Mapping[str, ArrayLike],
    attachments: list[Buffer],
    field: str,
    kinds: Mapping[str, bool] = {},
) -> None:
    for name, value in arrays.items():
        floating = kinds.get(name, True)
        tensors.write(messages[name], value, attachments, floating=floating, field=f"{field}.{name}")


def _enum(message: Any, field: str, word: str) -> Any:
    """The number of a word for a field: MEMORY of Durability for "memory"."""
    return spec.enum_number(message.DESCRIPTOR.fields_by_name[field], word)
