"""The asynchronous client: `lossd.client` with `await`, on the same calls and channel options."""

from __future__ import annotations

import math
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from lossd import advice, calls, channel, training_calls
from lossd.advice import Advice, Facts
from lossd.aggregation import AsyncAggregation, Chunks
from lossd.aio_connection import AsyncConnection
from lossd.aio_session import AsyncSession, asynchronous
from lossd.calls import Call, Outcome, TypeLike
from lossd.catalog import LossInfo, MetricInfo
from lossd.diagnostics import DiagnosticInfo, Level
from lossd.errors import LossdError
from lossd.evaluation import Evaluation
from lossd.explanation import Explanation
from lossd.loss import Loss
from lossd.nn import Module
from lossd.optim import Averaging, ClipGradNorm, Optimizer, Scheduler
from lossd.results import Device, Result, ServerInfo, Validation
from lossd.settings import Autocast, CheckpointPolicy, Durability, Nonfinite, WeightSchedule
from lossd.tensors import ArrayLike
from lossd.training_calls import Parts
from lossd.training_results import SessionInfo

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack  # for the type checker alone: no dependency


class AsyncClient:
    """`Client` for asyncio: the same arguments, methods and errors, each method awaited.

    It belongs to the event loop of its first call.

        async with lossd.AsyncClient("localhost:50051") as client:
            result = await client.evaluate(lossd.CrossEntropyLoss(), [[4.0, 1.0, 0.1]], [0])
    """

    def __init__(
        self,
        target: str | None = None,
        *,
        token: str | None = None,
        tls: bool | channel.TLS | None = None,
        timeout: float = 60.0,
    ) -> None:
        self._connection = AsyncConnection(target, token=token, tls=tls, timeout=timeout)
        self.target = self._connection.target

    async def evaluate(
        self,
        loss: Loss,
        /,
        *inputs: ArrayLike,
        gradients: bool | str | Iterable[str] = False,
        grad_output: ArrayLike | None = None,
        term_gradients: bool = False,
        metrics: str | Iterable[str] = (),
        diagnostics: Level | bool = False,
        series: str = "",
        request_id: str = "",
        validate_only: bool = False,
        timeout: float | None = None,
        **named_inputs: ArrayLike,
    ) -> Result:
        """As `Client.evaluate`."""
        evaluation = Evaluation(
            loss,
            *inputs,
            gradients=gradients,
            grad_output=grad_output,
            term_gradients=term_gradients,
            metrics=metrics,
            diagnostics=diagnostics,
            series=series,
            request_id=request_id,
            validate_only=validate_only,
            **named_inputs,
        )
        return await self._connection.evaluate(calls.evaluate(evaluation), timeout)

    async def evaluate_batch(self, evaluations: Iterable[Evaluation], *, timeout: float | None = None) -> list[Outcome]:
        """As `Client.evaluate_batch`."""
        return await self._connection.call(calls.evaluate_batch(evaluations), timeout)

    async def evaluate_stream(
        self, evaluations: AsyncIterable[Evaluation] | Iterable[Evaluation], *, timeout: float | None = None
    ) -> AsyncIterator[Outcome]:
        """As `Client.evaluate_stream`, of a plain or an asynchronous iterable.

        async for outcome in client.evaluate_stream(evaluations): ...
        """
        stream = calls.Stream()
        raised: list[BaseException] = []

        async def requests() -> AsyncIterator[bytes]:
            try:
                async for evaluation in asynchronous(evaluations):
                    request = stream.request(evaluation)
                    if request is not None:
                        yield request
            except Exception as error:  # noqa: BLE001  # raised in grpc's own task, which would only log it
                raised.append(error)

        async for answer in self._connection.stream(calls.Stream.METHOD, requests(), timeout):
            for outcome in stream.outcomes(answer):
                yield await self._made(outcome, timeout) if isinstance(outcome, Call) else outcome
        for outcome in stream.rest():
            yield outcome
        for error in raised:
            raise error

    async def _made(self, call: Call[Result], timeout: float | None) -> Outcome:
        try:
            return await self._connection.call(call, timeout)
        except LossdError as error:
            return error

    async def explain(
        self,
        loss: Loss,
        /,
        *inputs: ArrayLike,
        metrics: str | Iterable[str] = (),
        limit: int = 20,
        timeout: float | None = None,
        **named_inputs: ArrayLike,
    ) -> Explanation:
        """As `Client.explain`."""
        return await self._connection.call(calls.explain(loss, inputs, named_inputs, metrics, limit), timeout)

    def aggregate(
        self,
        loss: Loss,
        /,
        *,
        metrics: str | Iterable[str] = (),
        diagnostics: Level | bool = False,
        series: str = "",
        request_id: str = "",
        progress: bool | int | Callable[[int, int], object] = False,
        timeout: float = math.inf,
    ) -> AsyncAggregation:
        """As `Client.aggregate`: not awaited itself, but the methods of what it gives are.

        async with client.aggregate(lossd.MSELoss()) as total:
            await total.update(x, y)
            result = await total.result()
        """
        chunks = Chunks(loss, metrics, diagnostics, series, request_id)
        return AsyncAggregation(self._connection, chunks, timeout, progress)

    async def losses(
        self, *, task: str | None = None, family: str | None = None, timeout: float | None = None
    ) -> list[LossInfo]:
        """As `Client.losses`."""
        return await self._connection.call(calls.losses(task, family), timeout)

    async def loss(self, name: str, *, timeout: float | None = None) -> LossInfo:
        """As `Client.loss`."""
        return await self._connection.call(calls.loss(name), timeout)

    async def metrics(self, *, task: str | None = None, timeout: float | None = None) -> list[MetricInfo]:
        """As `Client.metrics`."""
        return await self._connection.call(calls.metrics(task), timeout)

    async def diagnostics(self, *, timeout: float | None = None) -> list[DiagnosticInfo]:
        """As `Client.diagnostics`."""
        return await self._connection.call(calls.diagnostics(), timeout)

    async def recommend(
        self,
        *,
        target: ArrayLike | None = None,
        input: ArrayLike | None = None,  # noqa: A002  # torch's name
        limit: int = 5,
        timeout: float | None = None,
        **facts: Unpack[Facts],
    ) -> Advice:
        """As `Client.recommend`."""
        return await self._connection.call(advice.recommend(facts, target, input, limit), timeout)

    async def validate(
        self,
        loss: Loss,
        /,
        *,
        gradients: bool | str | Iterable[str] = False,
        timeout: float | None = None,
        **types: TypeLike,
    ) -> Validation:
        """As `Client.validate`."""
        return await self._connection.call(calls.validate(loss, types, gradients), timeout)

    async def server_info(self, *, timeout: float | None = None) -> ServerInfo:
        """As `Client.server_info`."""
        return await self._connection.call(calls.server_info(), timeout)

    async def devices(self, *, timeout: float | None = None) -> list[Device]:
        """As `Client.devices`."""
        return await self._connection.call(calls.devices(), timeout)

    async def create_session(
        self,
        *,
        model: Module,
        loss: Loss,
        optimizer: Optimizer,
        seed: int = 0,
        state_dict: Mapping[str, ArrayLike] | str | os.PathLike[str] | None = None,
        clip_grad_norm: float | ClipGradNorm | None = None,
        clip_grad_value: float | None = None,
        scheduler: Scheduler | None = None,
        averaging: Averaging | None = None,
        autocast: Autocast | None = None,
        nonfinite: Nonfinite = "allow",
        durability: Durability = "memory",
        checkpoint: CheckpointPolicy | None = None,
        ttl: float | None = None,
        weight_schedules: Mapping[str, WeightSchedule | Sequence[tuple[int, float]]] | None = None,
        timeout: float | None = None,
    ) -> AsyncSession:
        """As `Client.create_session`."""
        parts = Parts(
            model,
            loss,
            optimizer,
            seed,
            state_dict,
            clip_grad_norm,
            clip_grad_value,
            scheduler,
            averaging,
            autocast,
            nonfinite,
            durability,
            checkpoint,
            ttl,
            weight_schedules,
        )
        info = await self._connection.call(training_calls.create_session(parts), timeout)
        return AsyncSession(self, info.session_id, loss, info.seq)

    async def session(self, session_id: str, *, timeout: float | None = None) -> AsyncSession:
        """As `Client.session`."""
        info = await self._connection.call(training_calls.get_session(session_id), timeout)
        return AsyncSession(self, info.session_id, info.loss, info.seq)

    async def sessions(self, *, timeout: float | None = None) -> AsyncIterator[SessionInfo]:
        """As `Client.sessions`: async for info in client.sessions(): ..."""
        token = ""
        while True:
            page = await self._connection.call(training_calls.list_sessions(token), timeout)
            for info in page.sessions:
                yield info
            token = page.next_page_token
            if not token:
                return

    async def restore_session(self, session_id: str, *, timeout: float | None = None) -> AsyncSession:
        """As `Client.restore_session`."""
        call = training_calls.restore_session(session_id)
        info = await self._connection.repeat(call, self._connection.retry(timeout))
        return AsyncSession(self, info.session_id, info.loss, info.seq)

    async def close(self) -> None:
        """Ends the connection and every call under way; calls after it raise RuntimeError."""
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.target!r})"
