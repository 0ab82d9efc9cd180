"""What calls return but those of sessions, as plain frozen objects; knows how to read them and nothing else.

Arrays are numpy's, read-only and without a copy of their own: they look into the received bytes. Copy one to
change it (`array.copy()`), or to keep a small part of a large answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from google.protobuf.message import Message

from lossd import diagnostics, tensors
from lossd.diagnostics import Diagnostic
from lossd.framing import Buffer
from lossd.tensors import Array
from lossd.v1 import catalog_service_pb2, evaluation_service_pb2, server_service_pb2

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Execution:
    """Where and how an answer was computed.

    Attributes:
        device: for example "cpu:0" or "cuda:1".
        queue: seconds between admission and the start of the work.
        compute: seconds of forward and backward work, decoding and encoding excluded.
        batch_size: evaluations that shared the kernel call; 1 if it ran alone.
    """

    device: str
    queue: float
    compute: float
    batch_size: int


class Result:
    """The answer to one evaluation.

    Each part is read from the message when it is first asked for: who wants the value pays for nothing else.
    """

    PARTS: tuple[str, ...] = (
        "value",
        "losses",
        "loss_sum",
        "weight_sum",
        "terms",
        "gradients",
        "term_gradients",
        "metrics",
        "metric_arrays",
        "diagnostics",
        "request_id",
        "execution",
    )

    def __init__(
        self, message: evaluation_service_pb2.EvaluateLossResponse, attachments: Sequence[Buffer] = ()
    ) -> None:
        self._message = message
        self._attachments = attachments

    @property
    def value(self) -> float | None:
        """The reduced loss, exactly as its tensor holds it; None for an unreduced loss."""
        return self._message.value if self._message.HasField("value") else None

    @cached_property
    def losses(self) -> Array | None:
        """One loss per element for `reduction="none"` and expressions that do not reduce, else None."""
        return tensors.read(self._message.losses, self._attachments) if self._message.HasField("losses") else None

    @property
    def loss_sum(self) -> float | None:
        """Σ weight × loss, the numerator of the mean; None where a mean means nothing."""
        return self._message.loss_sum if self._message.HasField("loss_sum") else None

    @property
    def weight_sum(self) -> float | None:
        """The denominator of the mean; chunks merge as Σ loss_sum / Σ weight_sum."""
        return self._message.weight_sum if self._message.HasField("weight_sum") else None

    @cached_property
    def terms(self) -> dict[str, float]:
        """Unweighted value of each term of a weighted sum, sorted by label; nested "outer/inner" follow "outer"."""
        return by_label(self._message.terms)

    @cached_property
    def gradients(self) -> dict[str, Array]:
        """dL/d(input) sorted by input name, each of the shape and element type of its input."""
        return arrays(self._message.gradients, self._attachments)

    @cached_property
    def term_gradients(self) -> dict[str, dict[str, Array]]:
        """d(term)/d(input) by label as in `terms`, unweighted, and by input; an input that a term ignores is absent."""
        messages = self._message.term_gradients
        return {label: arrays(messages[label].gradients, self._attachments) for label in _labels(messages)}

    @cached_property
    def metrics(self) -> dict[str, float]:
        """The metrics asked for that are one number, by what they were called; nan where one is not defined."""
        return {name: self._message.metrics[name] for name in sorted(self._message.metrics)}

    @cached_property
    def metric_arrays(self) -> dict[str, Array]:
        """The metrics asked for that are several numbers: one for each class, a confusion matrix, a curve."""
        return arrays(self._message.metric_arrays, self._attachments)

    @cached_property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What was found wrong, the worst first."""
        return diagnostics.read(self._message.diagnostics)

    @property
    def request_id(self) -> str:
        """The request_id given."""
        return self._message.request_id

    @cached_property
    def execution(self) -> Execution:
        """Where and how this was computed."""
        return same(Execution, self._message.execution)

    def __float__(self) -> float:
        if self.value is None:
            raise TypeError("an unreduced loss has no single value; see .losses")
        return self.value

    def __repr__(self) -> str:
        parts = ((name, getattr(self, name)) for name in self.PARTS)
        told = (f"{name}={part!r}" for name, part in parts if part is not None and not _empty(part))
        return f"Result({', '.join(told)})"

    def __reduce__(self) -> tuple[type[Result], tuple[Message, list[bytes]]]:
        return Result, (self._message, [bytes(attachment) for attachment in self._attachments])


@dataclass(frozen=True, slots=True)
class TensorType:
    """Element type (torch's name) and shape of a tensor."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Validation:
    """What an evaluation would return.

    Attributes:
        result: type of the result; shape () for a reduced loss.
        gradients: types of the gradients by input name.
    """

    result: TensorType
    gradients: dict[str, TensorType]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server takes; sizes in bytes, times in seconds."""

    max_inflight_bytes: int
    default_deadline_seconds: float
    max_deadline_seconds: float
    max_values_elements: int
    max_rank: int
    max_batch_evaluations: int
    max_expression_length: int
    max_sessions_per_device: int


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """Versions, limits and policies of a server; `torch_version` is "" until its first worker is up."""

    version: str
    torch_version: str
    grpc_version: str
    python_version: str
    engine: str
    limits: Limits
    policies: Mapping[str, str]
    """What its operator allows, such as {"programs": "on"}."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device and its worker.

    Attributes:
        name: for example "cuda:1"; its health is served as "device/cuda:1".
        healthy: whether its worker is up and answers.
        restarts: times the worker was started again after it ended unasked.
        pending: calls queued or running.
        memory_bytes: resident set of the worker, or memory allocated on the accelerator.
        sessions: sessions it holds.
    """

    name: str
    healthy: bool
    restarts: int
    pending: int
    memory_bytes: int
    sessions: int


def arrays(messages: Mapping[str, Any], attachments: Sequence[Buffer]) -> dict[str, Array]:
    """Reads a map of Tensors, sorted by name: on the wire a map has no order."""
    return {name: tensors.read(messages[name], attachments) for name in sorted(messages)}


def state_dict(messages: Mapping[str, Any], attachments: Sequence[Buffer]) -> dict[str, Array]:
    """Reads a map of Tensors in the order of torch's state_dict: by module, and each one's weight before its bias."""
    return {name: tensors.read(messages[name], attachments) for name in sorted(messages, key=_in_module_order)}


def tensor_type(message: catalog_service_pb2.TensorType) -> TensorType:
    """Reads a type."""
    return TensorType(tensors.dtype_name(message.dtype), tuple(message.shape))


def validation(message: catalog_service_pb2.ValidateLossResponse) -> Validation:
    """Reads the outcome of a dry run."""
    return Validation(
        tensor_type(message.result), {name: tensor_type(message.gradients[name]) for name in sorted(message.gradients)}
    )


def server_info(message: server_service_pb2.GetServerInfoResponse) -> ServerInfo:
    """Reads versions, limits and policies."""
    limits = same(Limits, message.limits)
    policies = {field.name: value for field, value in message.policies.ListFields()}
    return ServerInfo(
        message.version,
        message.torch_version,
        message.grpc_version,
        message.python_version,
        message.engine,
        limits,
        policies,
    )


def device(message: server_service_pb2.Device) -> Device:
    """Reads a device."""
    return same(Device, message)


def _empty(part: object) -> bool:
    return isinstance(part, dict | tuple) and not part


def by_label(messages: Mapping[str, float]) -> dict[str, float]:
    """Values of terms, sorted by label; those of a nested sum follow its own."""
    return {label: messages[label] for label in _labels(messages)}


def _labels(labels: Iterable[str]) -> list[str]:
    return sorted(labels, key=lambda label: label.split("/"))


def _in_module_order(name: str) -> list[tuple[int, str]]:
    """Sorts "0.weight", "0.bias", "10.weight" so."""
    order = {"weight": 0, "bias": 1}
    return [(int(part), "") if part.isdecimal() else (order.get(part, 2), part) for part in name.split(".")]


def same(kind: type[T], message: Message) -> T:
    """An object whose attributes are plain fields of the same names."""
    return kind(*(getattr(message, name) for name in kind.__slots__))  # type: ignore[attr-defined]  # a slotted dataclass
