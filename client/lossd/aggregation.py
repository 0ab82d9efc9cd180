"""A data set that goes to the server in chunks, and its one answer; knows calls and no channel."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lossd import framing
from lossd.aio_connection import AsyncConnection, AsyncUpload
from lossd.calls import open_answer
from lossd.connection import Connection
from lossd.diagnostics import Level, level
from lossd.errors import Cancelled, DeadlineExceeded, InvalidArgument, LossdError, Unavailable
from lossd.evaluation import Evaluation
from lossd.framing import Buffer
from lossd.loss import Loss
from lossd.program import complete
from lossd.progress import Counted, counting
from lossd.results import Result
from lossd.tensors import Array, ArrayLike
from lossd.upload import Upload
from lossd.v1 import evaluation_service_pb2 as pb
from lossd.v1 import tensor_pb2

if TYPE_CHECKING:
    from typing_extensions import Self  # for the type checker alone: no dependency

METHOD = "/lossd.v1.EvaluationService/AggregateLoss"


class Aggregate(Result):
    """The answer to a whole data set: a `Result` without gradients, of all chunks together."""

    PARTS = (
        "value",
        "loss_sum",
        "weight_sum",
        "terms",
        "metrics",
        "metric_arrays",
        "diagnostics",
        "chunks",
        "examples",
        "request_id",
        "execution",
    )
    _message: Any

    @property
    def value(self) -> float:
        """The loss of all examples, of float64 sums, then as its tensor's type holds it."""
        return float(self._message.value)

    @property
    def losses(self) -> None:
        """None: there is one number of all."""

    @cached_property
    def gradients(self) -> dict[str, Array]:
        """None are computed."""
        return {}

    @cached_property
    def term_gradients(self) -> dict[str, dict[str, Array]]:
        """None are computed."""
        return {}

    @property
    def chunks(self) -> int:
        """Chunks that the server took."""
        return int(self._message.chunks)

    @property
    def examples(self) -> int:
        """Examples in them."""
        return int(self._message.examples)

    def __repr__(self) -> str:
        return f"Aggregate{super().__repr__().removeprefix('Result')}"

    def __reduce__(self) -> tuple[Any, ...]:
        return Aggregate, (self._message, [bytes(attachment) for attachment in self._attachments])


class Chunks:
    """Writes chunks, and counts those that were sent.

    Args:
        loss: of the data set; the other arguments are those of `Client.aggregate`.
    """

    def __init__(
        self, loss: Loss, metrics: str | Iterable[str], diagnostics: Level | bool, series: str, request_id: str
    ) -> None:
        level(diagnostics)  # here, as the other arguments are, and not with the first chunk
        self._first = Evaluation(loss, metrics=metrics, diagnostics=diagnostics, series=series, request_id=request_id)
        self._loss = loss
        self.chunks = 0
        self.examples = 0

    def write(self, inputs: tuple[ArrayLike, ...], named: dict[str, ArrayLike]) -> tuple[bytes, int]:
        """The next chunk as a message, and the examples in it.

        Raises:
            InvalidArgument: if an input is no array of numbers; nothing was sent then.
        """
        evaluation = self._first if not self.chunks else Evaluation(self._loss)
        evaluation.inputs = Evaluation(self._loss, *inputs, **named).inputs
        request: Any = pb.AggregateLossRequest()
        attachments: list[Buffer] = []
        try:
            evaluation.write(request, attachments)
        except InvalidArgument as error:
            error.field = f"chunks[{self.chunks}].{error.field}"
            raise
        if self.chunks:
            request.ClearField("loss")
            request.ClearField("response_encoding")
        elif self._loss.archives:
            complete(request.loss, dict(self._loss.archives))
        count = next((_count(name, request.inputs[name]) for name in evaluation.inputs), 0)
        return framing.join(request.SerializeToString(), attachments), count

    def sent(self, examples: int) -> None:
        """Counts what `write` made."""
        self.chunks += 1
        self.examples += examples

    def failed(self, error: LossdError) -> LossdError:
        """The same error; one that came from no server says how much was sent."""
        if error.chunks is None and isinstance(error, Unavailable | DeadlineExceeded | Cancelled):
            told = f"{error.message}; {self.chunks} chunks with {self.examples} examples had been sent"
            error.message, error.args = told, (told,)
        return error


class _Stream:
    """What both kinds of aggregation have in common."""

    def __init__(self, chunks: Chunks, progress: bool | int | Counted) -> None:
        self._chunks = chunks
        self._error: LossdError | None = None
        self._closed = ""
        self._shown = ExitStack()
        self._report = self._shown.enter_context(counting(progress))

    @property
    def chunks(self) -> int:
        """Chunks sent so far."""
        return self._chunks.chunks

    @property
    def examples(self) -> int:
        """Examples sent so far."""
        return self._chunks.examples

    def _check_open(self) -> None:
        if self._error is not None:
            raise self._error
        if self._closed:
            raise RuntimeError(f"this aggregation {self._closed}; begin another one with `client.aggregate`")

    def _sent(self, examples: int) -> None:
        self._chunks.sent(examples)
        self._report(self.examples, self.chunks)

    def _fail(self, error: LossdError) -> LossdError:
        self._error = self._chunks.failed(error)
        self._shown.close()
        return self._error

    def _close(self, why: str) -> None:
        self._closed = self._closed or why
        self._shown.close()


class Aggregation(_Stream):
    """A data set under way to the server; made by `Client.aggregate`, used by one thread at a time.

    Leaving its `with` block before `result()` was called ends it without an answer.
    """

    def __init__(self, connection: Connection, chunks: Chunks, timeout: float, progress: bool | int | Counted) -> None:
        super().__init__(chunks, progress)
        self._connection = connection
        self._timeout = timeout
        self._upload: Upload | None = None

    def update(self, *inputs: ArrayLike, **named_inputs: ArrayLike) -> None:
        """Sends a chunk, and waits while the server is behind.

        Args:
            *inputs: arrays in torch's forward order, any number of examples in them, the same number in each.
            **named_inputs: arrays by torch's forward argument names.

        Raises:
            InvalidArgument: if the server has refused this chunk or one before it: `.field` says which, `.chunks`
                and `.examples` how much it had taken. Nothing more can be sent then.
        """
        self._check_open()
        message, examples = self._chunks.write(inputs, named_inputs)
        if self._upload is None:
            self._upload = self._connection.upload(METHOD, self._timeout)
        if not self._upload.send(message):
            self._answer()
            raise AssertionError("a call that is over before its last message has failed")
        self._sent(examples)

    def result(self) -> Aggregate:
        """The answer to all chunks; once.

        Raises:
            LossdError: what a chunk was refused with; `Unavailable` if the server or its worker went away: send all
                of it again.
        """
        self._check_open()
        if self._upload is None:
            self._upload = self._connection.upload(METHOD, self._timeout)
        answer = self._answer()
        self._close("has given its result")
        return Aggregate(*open_answer(pb.AggregateLossResponse, answer))  # type: ignore[arg-type]  # read as its own

    def close(self) -> None:
        """Ends it, without an answer if there was none."""
        if self._upload is not None:
            self._upload.cancel()
        self._close("is closed")

    def _answer(self) -> bytes:
        assert self._upload is not None, "there is one once something is sent"
        try:
            return self._connection.uploaded(self._upload, self._timeout)
        except LossdError as error:
            raise self._fail(error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncAggregation(_Stream):
    """`Aggregation` for asyncio; made by `AsyncClient.aggregate`."""

    def __init__(
        self, connection: AsyncConnection, chunks: Chunks, timeout: float, progress: bool | int | Counted
    ) -> None:
        super().__init__(chunks, progress)
        self._connection = connection
        self._timeout = timeout
        self._upload: AsyncUpload | None = None

    async def update(self, *inputs: ArrayLike, **named_inputs: ArrayLike) -> None:
        """As `Aggregation.update`."""
        self._check_open()
        message, examples = self._chunks.write(inputs, named_inputs)
        try:
            await self._begun().send(message)
        except LossdError as error:
            raise self._fail(error) from None
        self._sent(examples)

    async def result(self) -> Aggregate:
        """As `Aggregation.result`."""
        self._check_open()
        try:
            answer = await self._begun().answer()
        except LossdError as error:
            raise self._fail(error) from None
        self._close("has given its result")
        return Aggregate(*open_answer(pb.AggregateLossResponse, answer))  # type: ignore[arg-type]  # read as its own

    async def close(self) -> None:
        """As `Aggregation.close`."""
        if self._upload is not None:
            self._upload.cancel()
        self._close("is closed")

    def _begun(self) -> AsyncUpload:
        if self._upload is None:
            self._upload = self._connection.upload(METHOD, self._timeout)
        return self._upload

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _count(name: str, message: tensor_pb2.Tensor) -> int:
    """Examples in an input: log-probabilities of sequences have them in their second dimension."""
    shape = list(message.shape) or [len(message.values.values)]
    return int(shape[1] if name == "log_probs" and len(shape) == 3 else shape[0])
