"""One asynchronous connection: `lossd.connection` with `await`, on the same calls and channel options."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import grpc
import grpc.aio

from lossd import channel, coalescing
from lossd.calls import Call, Outcome
from lossd.coalescing import Lane, Waiting
from lossd.errors import Cancelled, DeadlineExceeded, Internal, LossdError, NotFound, from_call
from lossd.results import Result
from lossd.sequence import Retry

T = TypeVar("T")


class AsyncUpload:
    """The sending half of a client stream.

    Args:
        call: which was begun.
        translate: makes grpc's errors ours.
        closed: tells whether the client was closed.
    """

    def __init__(self, call: Any, translate: Callable[[grpc.RpcError], LossdError], closed: Callable[[], bool]) -> None:
        self._call = call
        self._translate = translate
        self._closed = closed
        self._ended = False

    async def send(self, message: bytes) -> None:
        """Sends a message, and waits where grpc has fallen behind; raises what the call failed with."""
        try:
            await self._call.write(message)
        except (grpc.RpcError, asyncio.InvalidStateError):  # it is over, and has failed: there was more to come
            await self.answer()
            raise
        except asyncio.CancelledError:
            self._check_cancelled()
            raise

    async def answer(self) -> bytes:
        """Says that this was all, and waits for the answer."""
        try:
            await self._call.done_writing()
            return bytes(await self._call)
        except grpc.RpcError as error:
            raise self._translate(error) from None
        except asyncio.CancelledError:
            self._check_cancelled()
            raise

    def _check_cancelled(self) -> None:
        """Tells who cancelled: whoever closed this, or whoever owns the task."""
        if self._ended or self._closed():
            raise Cancelled("the client was closed before the answer came") from None

    def cancel(self) -> None:
        """Ends the call."""
        self._ended = True
        self._call.cancel()


class AsyncConnection:
    """A channel to a server, of the event loop of its first call; its arguments are those of `AsyncClient`."""

    def __init__(
        self, target: str | None, *, token: str | None, tls: bool | channel.TLS | None, timeout: float
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

    async def call(self, call: Call[T], timeout: float | None) -> T:
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

    async def evaluate(self, call: Call[Result], timeout: float | None) -> Result:
        """As `call`; small evaluations that several tasks have under way share it."""
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
                answer: T | LossdError = await self.call(call, math.inf if timeout is None else timeout)
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

    async def stream(
        self, method: str, requests: AsyncIterator[bytes], timeout: float | None
    ) -> AsyncGenerator[bytes, None]:
        """As `call`, for streams."""
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

    def upload(self, method: str, timeout: float | None) -> AsyncUpload:
        """As `Connection.upload`."""
        seconds = self._seconds if timeout is None else channel.seconds(timeout)
        bound: grpc.aio.StreamUnaryMultiCallable[bytes, bytes] = self._connect().stream_unary(method)
        call: Any = bound(timeout=seconds, metadata=self._metadata)  # awaitable, which its types do not say

        def translate(error: grpc.RpcError) -> LossdError:
            return from_call(error, target=self.target, timeout=seconds)

        return AsyncUpload(call, translate, lambda: self._closed)

    async def listen(self, call: Call[T], timeout: float | None) -> AsyncGenerator[T, None]:
        """As `call`, for a call that is answered many times."""
        seconds = self._seconds if timeout is None else channel.seconds(timeout)
        bound: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = self._connect().unary_stream(call.method)
        answers = bound(call.request, timeout=seconds, metadata=self._metadata)
        try:
            async for answer in answers:
                yield call.read(answer)
        except grpc.RpcError as error:
            raise from_call(error, target=self.target, timeout=seconds) from None
        finally:
            answers.cancel()  # ends what a reader that stopped early left running

    async def repeat(self, call: Call[T], retry: Retry) -> T:
        """As `Connection.repeat`."""
        while True:
            try:
                return await self.call(call, retry.timeout())
            except LossdError as error:
                await asyncio.sleep(retry.pause(error))

    def retry(self, timeout: float | None) -> Retry:
        """As `Connection.retry`."""
        return Retry(self._seconds if timeout is None else channel.seconds(timeout), time.monotonic)

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

    async def close(self) -> None:
        """Ends the connection and every call under way; calls after it raise RuntimeError."""
        self._closed = True
        self._methods = {}
        if self._channel is not None:
            await self._channel.close()
