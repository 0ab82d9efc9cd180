"""Every RPC but those of sessions as a value: path, request bytes and how to read the answer; does no I/O.

The sync and the async client share all of this. What they add is waiting.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar, cast
from uuid import uuid4

from google.protobuf.message import Message

from lossd import catalog, framing, results, spec, tensors
from lossd.diagnostics import DiagnosticInfo, info
from lossd.errors import Internal, InvalidArgument, LossdError, from_status
from lossd.evaluation import Evaluation, gradient_names
from lossd.explained import loss_text, parts
from lossd.explanation import Explanation
from lossd.framing import Buffer
from lossd.loss import Loss
from lossd.program import complete
from lossd.results import TensorType
from lossd.tensors import ArrayLike
from lossd.v1 import (
    catalog_service_pb2,
    diagnostic_pb2,
    evaluation_service_pb2,
    explanation_pb2,
    server_service_pb2,
)

T = TypeVar("T")
M = TypeVar("M", bound=Message)

Outcome: TypeAlias = "results.Result | LossdError"
"""What became of one member of a batch or stream."""

TypeLike: TypeAlias = "TensorType | tuple[object, Sequence[int]] | Any"
"""A `TensorType`, a pair like ("float32", (32, 10)), or anything that has `dtype` and `shape`."""


_PROGRAM_NOT_FOUND = "PROGRAM_NOT_FOUND"


@dataclass(slots=True)
class Call(Generic[T]):
    """One unary RPC."""

    method: str
    request: bytes
    read: Callable[[bytes], T]
    request_id: str = ""
    """What the server's log is to call it; "" leaves that to the server. Members' errors name it."""
    whole: Callable[[], Call[T]] | None = None
    """Makes the same call with its programs' archives in it, for a server that does not hold one; None without any."""

    def again(self, error: LossdError) -> Call[T] | None:
        """What to send after `error`, once; None if that is final."""
        return self.whole() if self.whole is not None and error.reason == _PROGRAM_NOT_FOUND else None


_EVALUATE = "/lossd.v1.EvaluationService/EvaluateLoss"


def evaluate(evaluation: Evaluation) -> Call[results.Result]:
    """EvaluateLoss."""
    request = evaluation_service_pb2.EvaluateLossRequest()
    attachments: list[Buffer] = []
    evaluation.write(request, attachments)
    call = Call(_EVALUATE, framing.join(request.SerializeToString(), attachments), _result)
    archives = evaluation.loss.archives
    if archives:

        def whole() -> Call[results.Result]:
            complete(request.loss, dict(archives))
            return Call(_EVALUATE, framing.join(request.SerializeToString(), attachments), _result)

        call.whole = whole
    return call


def evaluate_batch(evaluations: Iterable[Evaluation]) -> Call[list[Outcome]]:
    """BatchEvaluateLoss; a member that cannot be written gets its error in its place and is not sent."""
    request = evaluation_service_pb2.BatchEvaluateLossRequest()
    attachments: list[Buffer] = []
    unsent: dict[int, LossdError] = {}
    archives: dict[str, bytes] = {}
    for index, evaluation in enumerate(map(_checked, evaluations)):
        kept = len(attachments)
        archives |= evaluation.loss.archives
        try:
            evaluation.write(request.evaluations.add(), attachments)
        except LossdError as error:
            error.field = f"evaluations[{index}].{error.field}"
            unsent[index] = error
            del request.evaluations[-1], attachments[kept:]

    def read(answer: bytes) -> list[Outcome]:
        message, attachments = open_answer(evaluation_service_pb2.BatchEvaluateLossResponse, answer)
        outcomes = [_outcome(member, attachments) for member in message.results]
        for index, error in unsent.items():  # ascending, so that each lands where it was taken out
            outcomes.insert(index, error)
        return outcomes

    method = "/lossd.v1.EvaluationService/BatchEvaluateLoss"
    if not archives:
        return Call(method, framing.join(request.SerializeToString(), attachments), read)

    def read_first(answer: bytes) -> list[Outcome]:
        outcomes = read(answer)
        _refuse_missing_programs(outcomes)
        return outcomes

    def whole() -> Call[list[Outcome]]:
        left = dict(archives)  # the first member that names a program brings it for those behind
        for member in request.evaluations:
            complete(member.loss, left)
        return Call(method, framing.join(request.SerializeToString(), attachments), read)

    return Call(method, framing.join(request.SerializeToString(), attachments), read_first, whole=whole)


def _refuse_missing_programs(outcomes: list[Outcome]) -> None:
    """Raises what one member lacks, so that all are sent again: they are pure, and it is one trip."""
    for outcome in outcomes:
        if isinstance(outcome, LossdError) and outcome.reason == _PROGRAM_NOT_FOUND:
            raise outcome


def evaluate_together(requests: Sequence[bytes]) -> Call[list[Outcome]]:
    """BatchEvaluateLoss of requests that `evaluate` made, without attachments; errors read as if each went alone."""

    request_id = uuid4().hex

    def read(answer: bytes) -> list[Outcome]:
        message = evaluation_service_pb2.BatchEvaluateLossResponse.FromString(answer)
        outcomes = [_outcome(member, (), request_id) for member in message.results]
        for index, outcome in enumerate(outcomes):
            if isinstance(outcome, LossdError):
                outcome.field = outcome.field.removeprefix(f"evaluations[{index}]").removeprefix(".")
        return outcomes

    members = evaluation_service_pb2.BatchEvaluateLossRequest.EVALUATIONS_FIELD_NUMBER
    return Call("/lossd.v1.EvaluationService/BatchEvaluateLoss", framing.repeated(members, requests), read, request_id)


def stream_member(request: bytes) -> bytes:
    """The message of a StreamEvaluateLoss that holds what `evaluate` made, without attachments."""
    return framing.repeated(evaluation_service_pb2.StreamEvaluateLossRequest.EVALUATION_FIELD_NUMBER, [request])


def stream_outcome(answer: bytes, request_id: str) -> Outcome:
    """What became of a member made by `stream_member`; an error reads as if it had gone alone."""
    outcome = _outcome(evaluation_service_pb2.StreamEvaluateLossResponse.FromString(answer).result, (), request_id)
    if isinstance(outcome, LossdError):
        outcome.field = outcome.field.removeprefix("evaluation").removeprefix(".")
    return outcome


class Stream:
    """One StreamEvaluateLoss: keeps members that could not be written in order with the answers to the others.

    Requests may be written in another thread than answers are read in.
    """

    METHOD = "/lossd.v1.EvaluationService/StreamEvaluateLoss"

    def __init__(self) -> None:
        # an error was never sent; of what was, the answer comes, and what asks again by itself is kept for then
        self._asked: deque[LossdError | Evaluation | None] = deque()

    def request(self, evaluation: Evaluation) -> bytes | None:
        """The next message to send; None if this member cannot be written."""
        _checked(evaluation)
        request = evaluation_service_pb2.StreamEvaluateLossRequest()
        attachments: list[Buffer] = []
        try:
            evaluation.write(request.evaluation, attachments)
        except LossdError as error:
            error.field = f"evaluation.{error.field}"
            self._asked.append(error)
            return None
        self._asked.append(evaluation if evaluation.loss.archives else None)
        return framing.join(request.SerializeToString(), attachments)

    def outcomes(self, answer: bytes) -> Iterator[Outcome | Call[results.Result]]:
        """What is known after the next message from the server; a call is to be made, and its outcome stands here."""
        while isinstance(asked := self._asked.popleft(), LossdError):
            yield asked
        message, attachments = open_answer(evaluation_service_pb2.StreamEvaluateLossResponse, answer)
        outcome = _outcome(message.result, attachments)
        again = evaluate(asked).again(outcome) if asked is not None and isinstance(outcome, LossdError) else None
        yield again or outcome

    def rest(self) -> Iterator[Outcome]:
        """What is left after the server's last message."""
        for error in self._asked:
            lost = Internal("the server ended the stream without answering this evaluation")
            yield error if isinstance(error, LossdError) else lost


def losses(task: str | None = None, family: str | None = None) -> Call[list[catalog.LossInfo]]:
    """ListLosses."""

    def read(answer: bytes) -> list[catalog.LossInfo]:
        message = catalog_service_pb2.ListLossesResponse.FromString(answer)
        return [catalog.read(loss) for loss in message.losses]

    request = catalog_service_pb2.ListLossesRequest(task=task, family=family)
    return Call("/lossd.v1.CatalogService/ListLosses", request.SerializeToString(), read)


def loss(name: str) -> Call[catalog.LossInfo]:
    """GetLoss."""

    def read(answer: bytes) -> catalog.LossInfo:
        return catalog.read(catalog_service_pb2.GetLossResponse.FromString(answer).loss)

    request = catalog_service_pb2.GetLossRequest(name=name)
    return Call("/lossd.v1.CatalogService/GetLoss", request.SerializeToString(), read)


def metrics(task: str | None = None) -> Call[list[catalog.MetricInfo]]:
    """ListMetrics."""

    def read(answer: bytes) -> list[catalog.MetricInfo]:
        message = catalog_service_pb2.ListMetricsResponse.FromString(answer)
        return [catalog.metric(metric) for metric in message.metrics]

    request = catalog_service_pb2.ListMetricsRequest(task=task)
    return Call("/lossd.v1.CatalogService/ListMetrics", request.SerializeToString(), read)


_NOT_EXPLAINED = {
    "gradients": "it always tells how long each example's gradient is",
    "grad_output": "it explains the loss itself",
    "term_gradients": "it always tells what each term adds",
    "diagnostics": "it always looks for all that is wrong",
    "series": "it counts in no series; `evaluate` does",
    "request_id": "an error has one of the server's; `evaluate` takes a name of yours",
    "validate_only": "`evaluate` checks without computing",
}
"""Arguments of an evaluation that an explanation has no use for, and why."""


def explain(
    loss: Loss, inputs: tuple[ArrayLike, ...], named: dict[str, ArrayLike], metrics: str | Iterable[str], limit: int
) -> Call[Explanation]:
    """ExplainLoss.

    Raises:
        TypeError: for an argument of `evaluate` that has no meaning here.
    """
    for name in named.keys() & _NOT_EXPLAINED.keys():
        raise TypeError(f"explain takes no {name}: {_NOT_EXPLAINED[name]}")
    evaluation = Evaluation(loss, *inputs, metrics=metrics, **named)
    request = explanation_pb2.ExplainLossRequest(limit=_limit(limit))
    attachments: list[Buffer] = []
    evaluation.write(cast(Any, request), attachments)  # the fields of both requests that it fills are the same
    archives, text = loss.archives, loss_text(loss)

    def read(answer: bytes) -> Explanation:
        return Explanation(**parts(text, *open_answer(explanation_pb2.ExplainLossResponse, answer)))

    def whole() -> Call[Explanation]:
        complete(request.loss, dict(archives))
        return Call(method, framing.join(request.SerializeToString(), attachments), read)

    method = "/lossd.v1.EvaluationService/ExplainLoss"
    sent = framing.join(request.SerializeToString(), attachments)
    return Call(method, sent, read, whole=whole if archives else None)


def _limit(limit: int) -> int:
    """What the contract takes as a limit; its 0 stands for the default."""
    if isinstance(limit, int) and 1 <= limit < 2**63:
        return limit
    raise InvalidArgument(
        f"limit is {limit!r:.80}; expected at least 1 example", reason="ARGUMENT_OUT_OF_RANGE", field="limit"
    )


def diagnostics() -> Call[list[DiagnosticInfo]]:
    """ListDiagnostics."""

    def read(answer: bytes) -> list[DiagnosticInfo]:
        return [info(one) for one in diagnostic_pb2.ListDiagnosticsResponse.FromString(answer).diagnostics]

    return Call("/lossd.v1.CatalogService/ListDiagnostics", b"", read)


def validate(
    loss: Loss, types: Mapping[str, TypeLike], gradients: bool | str | Iterable[str]
) -> Call[results.Validation]:
    """ValidateLoss."""

    def read(answer: bytes) -> results.Validation:
        return results.validation(catalog_service_pb2.ValidateLossResponse.FromString(answer))

    request = catalog_service_pb2.ValidateLossRequest(gradients=gradient_names(gradients))
    spec.write(loss, request.loss)
    for name, kind in types.items():
        dtype, shape = _type(name, kind)
        message = request.inputs[name]
        message.dtype = tensors.dtype_number(dtype, field=f"inputs.{name}")
        message.shape.extend(shape)
    method = "/lossd.v1.CatalogService/ValidateLoss"
    call = Call(method, request.SerializeToString(), read)
    if loss.archives:

        def whole() -> Call[results.Validation]:
            complete(request.loss, dict(loss.archives))
            return Call(method, request.SerializeToString(), read)

        call.whole = whole
    return call


def _type(name: str, kind: TypeLike) -> tuple[object, Sequence[int]]:
    if isinstance(kind, tuple) and len(kind) == 2:
        return kind
    if hasattr(kind, "dtype") and hasattr(kind, "shape"):
        return kind.dtype, kind.shape
    raise TypeError(
        f"{name} is {kind!r:.80}; validate takes, for each input, its type and shape, such as ('float32', (32, 10))"
    )


def server_info() -> Call[results.ServerInfo]:
    """GetServerInfo."""

    def read(answer: bytes) -> results.ServerInfo:
        return results.server_info(server_service_pb2.GetServerInfoResponse.FromString(answer))

    return Call("/lossd.v1.ServerService/GetServerInfo", b"", read)


def devices() -> Call[list[results.Device]]:
    """ListDevices."""

    def read(answer: bytes) -> list[results.Device]:
        message = server_service_pb2.ListDevicesResponse.FromString(answer)
        return [results.device(device) for device in message.devices]

    return Call("/lossd.v1.ServerService/ListDevices", b"", read)


def _checked(evaluation: object) -> Evaluation:
    if not isinstance(evaluation, Evaluation):
        raise TypeError(
            f"expected an Evaluation such as lossd.Evaluation(loss, input, target), given {evaluation!r:.80}"
        )
    return evaluation


def _result(answer: bytes) -> results.Result:
    return results.Result(*open_answer(evaluation_service_pb2.EvaluateLossResponse, answer))


def _outcome(
    member: evaluation_service_pb2.EvaluationResult, attachments: Sequence[Buffer], request_id: str = ""
) -> Outcome:
    if member.HasField("error"):
        return from_status(member.error.SerializeToString(), request_id=request_id)
    return results.Result(member.response, attachments)


def open_answer(kind: type[M], answer: bytes) -> tuple[M, Sequence[Buffer]]:
    """A message and its attachments; those of a large one are views into `answer`."""
    if len(answer) < tensors.ATTACHMENT_BYTES:
        message = kind.FromString(answer)
        return message, message.attachments  # type: ignore[attr-defined]  # only kinds that have them are opened
    header, attachments = framing.split(answer)
    return kind.FromString(header), attachments  # type: ignore[arg-type]  # takes any buffer, the stubs say bytes
