"""What the calls of sessions return, as plain frozen objects; knows how to read them from the contract's messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, cast

from google.protobuf.message import Message

from lossd import diagnostics as found
from lossd import spec, tensors
from lossd.diagnostics import Diagnostic
from lossd.framing import Buffer
from lossd.loss import Loss
from lossd.nn import Module
from lossd.optim import ClipGradNorm, Optimizer
from lossd.results import Execution, arrays, by_label, same
from lossd.settings import CheckpointPolicy, Durability, Interpolation, Nonfinite, WeightSchedule
from lossd.spec import Spec
from lossd.tensors import Array
from lossd.v1 import training_service_pb2 as pb


@dataclass(frozen=True, slots=True)
class Step:
    """The outcome of an optimizer step.

    Attributes:
        value: the loss before the step; of several micro-batches, of them together.
        step: completed steps, this one included.
        grad_norm: Euclidean norm of all gradients together, before any clipping.
        terms: unweighted value of each term of a weighted sum, sorted by label; empty after `optim_step`.
        execution: where and how this was computed.
        lr: learning rate of each parameter group in this step.
        micro_batches: those whose gradients it used, or forgot.
        seq: the call's place in the session.
        replayed: whether the step ran earlier, and this is its answer from then.
        metrics: those asked for, of the model before the step.
        diagnostics: what was found wrong, the worst first.
    """

    value: float
    step: int
    grad_norm: float
    terms: dict[str, float]
    execution: Execution
    lr: tuple[float, ...] = ()
    micro_batches: int = 1
    seq: int = 0
    replayed: bool = False
    metrics: dict[str, float] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """The outcome of `forward_backward`.

    Attributes:
        value: the loss of this micro-batch alone.
        pending_micro_batches: those since the last `optim_step`, this one included.
        weight_sum: by what its mean divides; None where a weight was given or a mean means nothing.
        terms: unweighted value of each term of a weighted sum, sorted by label.
        execution: where and how this was computed.
        seq: the call's place in the session.
        replayed: whether the call ran earlier, and this is its answer from then.
        metrics: those asked for.
        diagnostics: what was found wrong, the worst first.
    """

    value: float
    pending_micro_batches: int
    weight_sum: float | None
    terms: dict[str, float]
    execution: Execution
    seq: int
    replayed: bool
    metrics: dict[str, float] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """How a model does on a data set.

    Attributes:
        value: the loss, the same however the set was cut into batches.
        terms: unweighted value of each term of a weighted sum, sorted by label.
        metrics: those asked for, by name.
        loss_sum, weight_sum: numerator and denominator of the mean; None where a mean means nothing.
        examples: how many there were.
        step: completed steps of the session.
        execution: where and how this was computed.
        diagnostics: what was found wrong, the worst first.
        metric_arrays: the metrics asked for that are several numbers, by name.
    """

    value: float
    terms: dict[str, float]
    metrics: dict[str, float]
    loss_sum: float | None
    weight_sum: float | None
    examples: int
    step: int
    execution: Execution
    diagnostics: tuple[Diagnostic, ...] = ()
    metric_arrays: dict[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Saved:
    """What `save` wrote.

    Attributes:
        step: completed steps in it.
        seq: the last call in it.
        path: where it is, below the server's state directory.
        size: bytes.
    """

    step: int
    seq: int
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch of a `fit`.

    Attributes:
        epoch: its number, from 1.
        step: completed steps of the session at its end.
        value: the loss over its batches as they were trained on, merged by weight.
        validation_value: the loss of the validation examples after it; None without any.
        terms: unweighted value of each term of a weighted sum over its batches, sorted by label.
        metrics: those asked for, by name.
        grad_norm: mean over its steps of the gradients' norm before clipping.
        lr: learning rate of each parameter group in its last step.
        seconds: what it took.
        diagnostics: what was found wrong in it, the worst first.
    """

    epoch: int
    step: int
    value: float
    validation_value: float | None
    terms: dict[str, float]
    metrics: dict[str, float]
    grad_norm: float
    lr: tuple[float, ...]
    seconds: float
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a `fit` is, as its callback is told.

    Attributes:
        epoch: epochs begun.
        epochs: epochs asked for.
        step: completed steps of the session.
        fraction: part of all epochs that is done, 0 to 1; None where the number of batches is not known.
        value: the loss of the last batch.
        ended: epochs that have ended since the callback was last called.
    """

    epoch: int
    epochs: int
    step: int
    fraction: float | None
    value: float
    ended: tuple[Epoch, ...]


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session as it stands.

    Attributes:
        session_id: its identifier, chosen by the server.
        device: the device that holds it.
        step: completed steps.
        parameter_count: trainable numbers.
        model, loss, optimizer: what it is made of; None for a kind that this client does not know.
        create_time: when it was created, by the server's clock, UTC.
        clip_grad_norm, clip_grad_value: how gradients are clipped; None where they are not.
        scheduler: what changes the learning rate; None without.
        averaging: how the average of the weights is kept; None without.
        autocast: element type of autocast regions; None without.
        nonfinite: what becomes of a loss or gradients that are not finite: "allow" or "error".
        durability: what survives: "memory", "checkpoint" or "step".
        checkpoint: when checkpoints are made; None but for durability "checkpoint".
        ttl: seconds it stays in memory after the last call that named it; None: for ever.
        seq: the number of the last call that changed it.
        pending_micro_batches: `forward_backward` calls whose gradients wait for `optim_step`.
        saved_step: steps in the newest checkpoint or save; None if there is none.
        state: "live", in the memory of a worker, or "stored": the next call that names it brings it back.
        lr: learning rate of each parameter group, for the next step.
        weight_schedules: of the weights of a weighted sum, by label.
    """

    session_id: str
    device: str
    step: int
    parameter_count: int
    model: Module | None
    loss: Loss | None
    optimizer: Optimizer | None
    create_time: datetime
    clip_grad_norm: ClipGradNorm | None
    clip_grad_value: float | None
    scheduler: Spec | None
    averaging: Spec | None
    autocast: str | None
    nonfinite: Nonfinite
    durability: Durability
    checkpoint: CheckpointPolicy | None
    ttl: float | None
    seq: int
    pending_micro_batches: int
    saved_step: int | None
    state: str
    lr: tuple[float, ...]
    weight_schedules: dict[str, WeightSchedule]


def step(message: pb.TrainStepResponse) -> Step:
    """Reads a step's outcome."""
    return Step(
        message.value,
        message.step,
        message.grad_norm,
        by_label(message.terms),
        same(Execution, message.execution),
        tuple(message.lr),
        1,
        message.seq,
        message.replayed,
        _by_name(message.metrics),
        found.read(message.diagnostics),
    )


def optim_step(message: pb.OptimStepResponse) -> Step:
    """Reads the outcome of a step with gradients that waited."""
    return Step(
        message.value,
        message.step,
        message.grad_norm,
        {},
        same(Execution, message.execution),
        tuple(message.lr),
        message.micro_batches,
        message.seq,
        message.replayed,
        diagnostics=found.read(message.diagnostics),
    )


def micro_batch(message: pb.ForwardBackwardResponse) -> MicroBatch:
    """Reads a micro-batch's outcome."""
    return MicroBatch(
        message.value,
        message.pending_micro_batches,
        _optional(message, "weight_sum"),
        by_label(message.terms),
        same(Execution, message.execution),
        message.seq,
        message.replayed,
        _by_name(message.metrics),
        found.read(message.diagnostics),
    )


def score(message: pb.EvaluateSessionResponse, attachments: Sequence[Buffer] = ()) -> Score:
    """Reads how a model does."""
    return Score(
        message.value,
        by_label(message.terms),
        _by_name(message.metrics),
        _optional(message, "loss_sum"),
        _optional(message, "weight_sum"),
        message.examples,
        message.step,
        same(Execution, message.execution),
        found.read(message.diagnostics),
        arrays(message.metric_arrays, attachments),
    )


def saved(message: pb.SaveSessionResponse) -> Saved:
    """Reads what was written."""
    return same(Saved, message)


def epoch(message: pb.Epoch) -> Epoch:
    """Reads an epoch's outcome."""
    return Epoch(
        message.epoch,
        message.step,
        message.value,
        _optional(message, "validation_value"),
        by_label(message.terms),
        _by_name(message.metrics),
        message.grad_norm,
        tuple(message.lr),
        message.seconds,
        found.read(message.diagnostics),
    )


def session_info(message: pb.Session) -> SessionInfo:
    """Reads a session."""
    model, loss, optimizer = (spec.read(part) for part in (message.model, message.loss, message.optimizer))
    return SessionInfo(
        message.session_id,
        message.device,
        message.step,
        message.parameter_count,
        model if isinstance(model, Module) else None,
        loss if isinstance(loss, Loss) else None,
        optimizer if isinstance(optimizer, Optimizer) else None,
        message.create_time.ToDatetime(timezone.utc),
        ClipGradNorm(**_given(message.clip_grad_norm)) if message.HasField("clip_grad_norm") else None,
        _optional(message, "clip_grad_value"),
        spec.read(message.scheduler) if message.HasField("scheduler") else None,
        spec.of(message.averaging) if message.HasField("averaging") else None,
        tensors.dtype_name(message.autocast) if message.autocast else None,
        cast(Nonfinite, _word(message, "nonfinite", "allow")),
        cast(Durability, _word(message, "durability", "memory")),
        CheckpointPolicy(**_given(message.checkpoint)) if message.HasField("checkpoint") else None,
        message.ttl.ToNanoseconds() / 1e9 if message.HasField("ttl") else None,
        message.seq,
        message.pending_micro_batches,
        _optional(message, "saved_step"),
        _word(message, "state", "live"),
        tuple(message.lr),
        {label: _schedule(message.weight_schedules[label]) for label in sorted(message.weight_schedules)},
    )


def _schedule(message: pb.WeightSchedule) -> WeightSchedule:
    points = ((point.step, point.weight) for point in message.points)
    return WeightSchedule(points, cast(Interpolation, _word(message, "interpolation", "linear")))


def _word(message: Message, field: str, unspecified: str) -> str:
    number = getattr(message, field)
    return spec.enum_name(message.DESCRIPTOR.fields_by_name[field].enum_type, number) if number else unspecified


def _optional(message: Message, field: str) -> Any:
    return getattr(message, field) if message.HasField(field) else None


def _given(message: Message) -> dict[str, Any]:
    return {field.name: value for field, value in message.ListFields()}


def _by_name(messages: Mapping[str, float]) -> dict[str, float]:
    return {name: messages[name] for name in sorted(messages)}
