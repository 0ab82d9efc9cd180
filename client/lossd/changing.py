"""Calls that change a session, without their numbers: steps, alone or members of a stream, and Fits; knows no channel.

The arrays are written first, and the number is added when the call's turn comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lossd import framing
from lossd import training_results as outcomes
from lossd.calls import Call
from lossd.diagnostics import Level, level
from lossd.errors import from_status
from lossd.evaluation import metric_names
from lossd.examples import Writer
from lossd.framing import Buffer
from lossd.loss import Loss
from lossd.sequence import Numbered
from lossd.settings import EarlyStopping
from lossd.tensors import ArrayLike
from lossd.training_results import MicroBatch, Step
from lossd.v1 import training_service_pb2 as pb

SERVICE = "/lossd.v1.TrainingService/"
STREAM = f"{SERVICE}TrainStream"


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
    session_id: str,
    loss: Loss | None,
    inputs: ArrayLike,
    targets: ArrayLike,
    overrides: Mapping[str, float] = {},
    metrics: Sequence[str] = (),
    diagnostics: Level | bool = False,
) -> Change:
    """TrainStep; `loss` tells the names of the targets and which of them are floating."""
    request = pb.TrainStepRequest(
        session_id=session_id, overrides=overrides, metrics=metric_names(metrics), diagnostics=level(diagnostics)
    )
    return _batch("train_step", request, loss, inputs, targets)


def forward_backward(
    session_id: str,
    loss: Loss | None,
    inputs: ArrayLike,
    targets: ArrayLike,
    weight: float | None = None,
    metrics: Sequence[str] = (),
    diagnostics: Level | bool = False,
) -> Change:
    """ForwardBackward."""
    request = pb.ForwardBackwardRequest(
        session_id=session_id, weight=weight, metrics=metric_names(metrics), diagnostics=level(diagnostics)
    )
    return _batch("forward_backward", request, loss, inputs, targets)


def optim_step(
    session_id: str,
    overrides: Mapping[str, float] = {},
    discard: bool = False,
    diagnostics: Level | bool = False,
) -> Change:
    """OptimStep."""
    request = pb.OptimStepRequest(
        session_id=session_id, overrides=overrides, discard=discard, diagnostics=level(diagnostics)
    )
    return Change("optim_step", request)


def overridden(lr: float | None, overrides: Mapping[str, float]) -> Mapping[str, float]:
    """Numbers of the optimizer for one step, `lr` among them."""
    return overrides if lr is None else {**overrides, "lr": lr}


def step_call(change: Change) -> Numbered[Step]:
    """A TrainStep or OptimStep by itself."""
    if change.kind == "train_step":
        return lambda seq: Call(f"{SERVICE}TrainStep", change.numbered(seq), _read_step)
    return lambda seq: Call(f"{SERVICE}OptimStep", change.numbered(seq), _read_optim_step)


def micro_batch_call(change: Change) -> Numbered[MicroBatch]:
    """A ForwardBackward by itself."""

    def read(answer: bytes) -> MicroBatch:
        return outcomes.micro_batch(pb.ForwardBackwardResponse.FromString(answer))

    return lambda seq: Call(f"{SERVICE}ForwardBackward", change.numbered(seq), read)


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
    diagnostics: Level | bool = False


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
            diagnostics=level(plan.diagnostics),
        )
        write = Writer(loss, self._attachments)
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
        return Call(f"{SERVICE}Fit", data, pb.FitResponse.FromString)


def _batch(kind: str, request: Any, loss: Loss | None, inputs: ArrayLike, targets: ArrayLike) -> Change:
    attachments: list[Buffer] = []
    Writer(loss, attachments).pair(request.inputs, request.targets, inputs, targets)
    shape = next((tensor.shape for tensor in request.inputs.values()), ())
    return Change(kind, request, attachments, shape[0] if shape else 1)
