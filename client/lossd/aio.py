"""The asynchronous client and its sessions: `lossd.client` with `await`, on the same calls and channel options."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

import grpc
import grpc.aio

from lossd import calls, channel, coalescing
from lossd.calls import Call, Outcome, TypeLike
from lossd.catalog import LossInfo
from lossd.coalescing import Lane, Waiting
from lossd.errors import Cancelled, DeadlineExceeded, Internal, LossdError, NotFound, from_call
from lossd.evaluation import Evaluation
from lossd.loss import Loss
from lossd.nn import Module
from lossd.optim import ClipGradNorm, Optimizer
from lossd.results import Device, Result, ServerInfo, SessionInfo, Step, Validation
from lossd.tensors import Array, ArrayLike

if TYPE_CHECKING:
    from typing_extensions import Self  # for the type checker alone: no dependency

T = TypeVar("T")


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
        self.target = channel.resolve(target)
        self._seconds = channel.seconds(timeout)
        self._metadata = channel.metadata(token)
        self._tls = channel.TLS() if tls is True else tls
        self._channel: grpc.aio.Channel | None = None
        self._methods: dict[str, grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]] = {}
        self._lane = Lane(self._post)
        self._posted: set[asyncio.Task[None]] = set()
        self._closed = False

    async def evaluate(
        self,
        loss: Loss,
        /,
        *inputs: ArrayLike,
        gradients: bool | str | Iterable[str] = False,
        grad_output: ArrayLike | None = None,
        term_gradients: bool = False,
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
            request_id=request_id,
            validate_only=validate_only,
            **named_inputs,
        )
        return await self._evaluate(calls.evaluate(evaluation), timeout)

    async def evaluate_batch(self, evaluations: Iterable[Evaluation], *, timeout: float | None = None) -> list[Outcome]:
        """As `Client.evaluate_batch`."""
        return await self._call(calls.evaluate_batch(evaluations), timeout)

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
                async for evaluation in _asynchronous(evaluations):
                    request = stream.request(evaluation)
                    if request is not None:
                        yield request
            except Exception as error:  # noqa: BLE001  # raised in grpc's own task, which would only log it
                raised.append(error)

        async for answer in self._stream(calls.Stream.METHOD, requests(), timeout):
            for outcome in stream.outcomes(answer):
                yield await self._made(outcome, timeout) if isinstance(outcome, Call) else outcome
        for outcome in stream.rest():
            yield outcome
        for error in raised:
            raise error

    async def _made(self, call: Call[Result], timeout: float | None) -> Outcome:
        try:
            return await self._call(call, timeout)
        except LossdError as error:
            return error

    async def losses(
        self, *, task: str | None = None, family: str | None = None, timeout: float | None = None
    ) -> list[LossInfo]:
        """As `Client.losses`."""
        return await self._call(calls.losses(task, family), timeout)

    async def loss(self, name: str, *, timeout: float | None = None) -> LossInfo:
        """As `Client.loss`."""
        return await self._call(calls.loss(name), timeout)

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
        return await self._call(calls.validate(loss, types, gradients), timeout)

    async def server_info(self, *, timeout: float | None = None) -> ServerInfo:
        """As `Client.server_info`."""
        return await self._call(calls.server_info(), timeout)

    async def devices(self, *, timeout: float | None = None) -> list[Device]:
        """As `Client.devices`."""
        return await self._call(calls.devices(), timeout)

    async def create_session(
        self,
        *,
        model: Module,
        loss: Loss,
        optimizer: Optimizer,
        seed: int = 0,
        state_dict: Mapping[str, ArrayLike] | None = None,
        clip_grad_norm: float | ClipGradNorm | None = None,
        clip_grad_value: float | None = None,
        timeout: float | None = None,
    ) -> AsyncSession:
        """As `Client.create_session`."""
        call = calls.create_session(model, loss, optimizer, seed, state_dict, clip_grad_norm, clip_grad_value)
        info = await self._call(call, timeout)
        return AsyncSession(self, info.session_id, loss)

    async def session(self, session_id: str, *, timeout: float | None = None) -> AsyncSession:
        """As `Client.session`."""
        info = await self._call(calls.get_session(session_id), timeout)
        return AsyncSession(self, session_id, info.loss)

    async def close(self) -> None:
        """Ends the connection and every call under way; calls after it raise RuntimeError."""
        self._closed = True
        self._methods = {}
        if self._channel is not None:
            await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.target!r})"

    async def _call(self, call: Call[T], timeout: float | None) -> T:
        """Sends a call and waits, once more with the archives of programs that the server does not hold."""
        return await self._complete(self._send, call, timeout)

    async def _complete(
        self, send: Callable[[Call[T], float | None], Awaitable[T]], call: Call[T], timeout: float | None
    ) -> T:
        begun = time.monotonic()
        try:
            return await send(call, timeout)
        except NotFound as error:
            again = call.again(error)
            if again is None:
                raise
        seconds = self._seconds if timeout is None else channel.seconds(timeout)
        return await self._send(again, math.inf if seconds is None else max(begun + seconds - time.monotonic(), 0.0))

    async def _send(self, call: Call[T], timeout: float | None) -> T:
        """Every unary RPC goes through here."""
        method = self._methods.get(call.method) or self._bind(call.method)
        seconds = self._seconds if timeout is None else channel.seconds(timeout)
        metadata = (*self._metadata, ("x-request-id", call.request_id)) if call.request_id else self._metadata
        try:
            answer = await method(call.request, timeout=seconds, metadata=metadata)
        except grpc.RpcError as error:
            raise from_call(error, target=self.target, timeout=seconds) from None
        except asyncio.CancelledError:
            if self._closed:  # by close(), not by whoever owns this task
                raise Cancelled("the client was closed before the answer came") from None
            raise
        return call.read(answer)

    async def _evaluate(self, call: Call[Result], timeout: float | None) -> Result:
        """As `_call`; small evaluations that several tasks have under way share it."""
        return await self._complete(self._share, call, timeout)

    async def _share(self, call: Call[Result], timeout: float | None) -> Result:
        if len(call.request) > coalescing.LARGEST:
            return await self._send(call, timeout)
        if not self._lane.enter():
            return await self._wait(call, self._seconds if timeout is None else channel.seconds(timeout))
        try:
            return await self._send(call, timeout)
        finally:
            self._lane.leave()

    async def _wait(self, call: Call[Result], seconds: float | None) -> Result:
        """Waits to travel with others."""
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def settle(outcome: Outcome) -> None:
            if not answer.done():  # its task may have been cancelled meanwhile
                answer.set_result(outcome)

        waiting = Waiting(call, seconds, settle)
        queued = self._lane.wait(waiting)
        assert queued, "no other task has run since the lane was found taken"
        try:
            await asyncio.wait({answer}, timeout=coalescing.PATIENCE)
            if not answer.done() and self._lane.withdraw(waiting):
                return await self._send(call, math.inf if seconds is None else waiting.left())
            outcome = await asyncio.wait_for(answer, waiting.left())
        except asyncio.TimeoutError:
            raise DeadlineExceeded(f"no answer within {seconds} seconds; give the call a longer `timeout`") from None
        if isinstance(outcome, LossdError):
            raise outcome
        return outcome

    def _post(self, call: Call[T], timeout: float | None, done: Callable[[T | LossdError], None]) -> None:
        """Sends a call without waiting; `done` gets its answer or its error."""

        async def send() -> None:
            try:
                answer: T | LossdError = await self._call(call, math.inf if timeout is None else timeout)
            except LossdError as error:
                answer = error
            except (RuntimeError, asyncio.CancelledError):
                answer = Cancelled("the client was closed before the answer came")
            except Exception as error:  # noqa: BLE001  # raised here it would reach nobody
                answer = Internal(f"the answer cannot be read: {error}")
            done(answer)

        task = asyncio.get_running_loop().create_task(send())
        self._posted.add(task)
        task.add_done_callback(self._posted.discard)

    async def _stream(self, method: str, requests: AsyncIterator[bytes], timeout: float | None) -> AsyncIterator[bytes]:
        """As `_call`, for streams."""
        seconds = self._seconds if timeout is None else channel.seconds(timeout)
        bound: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = self._connect().stream_stream(method)
        call = bound(requests, timeout=seconds, metadata=self._metadata)
        try:
            async for answer in call:
                yield answer
        except grpc.RpcError as error:
            raise from_call(error, target=self.target, timeout=seconds) from None
        finally:
            call.cancel()  # ends what a reader that stopped early left running

    def _bind(self, method: str) -> grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]:
        bound: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._connect().unary_unary(method)
        self._methods[method] = bound
        return bound

    def _connect(self) -> grpc.aio.Channel:
        """The channel, made at the first call because grpc binds it to the event loop that runs then."""
        if self._closed:
            raise RuntimeError("this client is closed")
        if self._channel is None:
            target = channel.uri(self.target)
            if self._tls:
                options = channel.OPTIONS + self._tls.options()
                self._channel = grpc.aio.secure_channel(target, self._tls.credentials(), options)
            else:
                self._channel = grpc.aio.insecure_channel(target, channel.OPTIONS)
        return self._channel


class AsyncSession:
    """`Session` for asyncio: the same methods and errors, each method awaited."""

    def __init__(self, client: AsyncClient, session_id: str, loss: Loss | None) -> None:
        self.session_id = session_id
        self._client = client
        self._loss = loss

    async def step(self, inputs: ArrayLike, targets: ArrayLike, *, timeout: float | None = None) -> Step:
        """As `Session.step`."""
        return await self._client._call(calls.train_step(self.session_id, self._loss, inputs, targets), timeout)

    async def predict(self, inputs: ArrayLike, *, timeout: float | None = None) -> Array:
        """As `Session.predict`."""
        return await self._client._call(calls.forward(self.session_id, inputs), timeout)

    async def state_dict(self, *, timeout: float | None = None) -> dict[str, Array]:
        """As `Session.state_dict`."""
        return await self._client._call(calls.get_session_state(self.session_id), timeout)

    async def info(self, *, timeout: float | None = None) -> SessionInfo:
        """As `Session.info`."""
        return await self._client._call(calls.get_session(self.session_id), timeout)

    async def delete(self, *, timeout: float | None = None) -> None:
        """As `Session.delete`."""
        await self._client._call(calls.delete_session(self.session_id), timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            await self.delete()
        except NotFound:
            pass  # gone already
        except LossdError:
            if kind is None:  # else the first error is the one to see
                raise

    def __repr__(self) -> str:
        return f"AsyncSession({self.session_id!r})"


async def _asynchronous(items: AsyncIterable[T] | Iterable[T]) -> AsyncIterator[T]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item
