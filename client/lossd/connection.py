"""One synchronous connection: every RPC of a client goes out here, waits here and has its error translated here.

Knows how calls travel and nothing of what they mean.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

import grpc

from lossd import calls, channel, coalescing
from lossd.calls import Call
from lossd.coalescing import Answer, Lane, Waiting
from lossd.errors import Cancelled, DeadlineExceeded, Internal, LossdError, NotFound, Unavailable, from_call
from lossd.results import Result
from lossd.sequence import Retry
from lossd.standing import Answers, StandingStream
from lossd.upload import Upload

T = TypeVar("T")


class Connection:
    """A channel to a server, safe to share between threads; its arguments are those of `Client`."""

    def __init__(
        self, target: str | None, *, token: str | None, tls: bool | channel.TLS | None, timeout: float
    ) -> None:
        self.target = channel.resolve(target)
        self._seconds = channel.seconds(timeout)
        self._metadata = channel.metadata(token)
        if tls:
            tls = channel.TLS() if tls is True else tls
            self._channel = grpc.secure_channel(
                channel.uri(self.target), tls.credentials(), channel.OPTIONS + tls.options()
            )
        else:
            self._channel = grpc.insecure_channel(channel.uri(self.target), channel.OPTIONS)
        self._methods: dict[str, grpc.UnaryUnaryMultiCallable[bytes, bytes]] = {}
        self._lane = Lane(self._post)
        self._standing = StandingStream(self._open_stream)
        self._closed = False

    def call(self, call: Call[T], timeout: float | None) -> T:
        """Sends a call and waits, once more with the archives of programs that the server does not hold."""
        return self._complete(self._call, call, timeout)

    def _complete(self, send: Callable[[Call[T], float | None], T], call: Call[T], timeout: float | None) -> T:
        begun = time.monotonic()
        try:
            return send(call, timeout)
        except NotFound as error:
            again = call.again(error)
            if again is None:
                raise
        seconds = self._seconds if timeout is None else channel.seconds(timeout)
        return self._call(again, math.inf if seconds is None else max(begun + seconds - time.monotonic(), 0.0))

    def _call(self, call: Call[T], timeout: float | None) -> T:
        """Every unary RPC but the shared ones goes through here."""
        method = self._methods.get(call.method) or self._bind(call.method)
        seconds = self._seconds if timeout is None else channel.seconds(timeout)
        try:
            answer = method(call.request, timeout=seconds, metadata=self._metadata)
        except grpc.RpcError as error:
            raise from_call(error, target=self.target, timeout=seconds) from None
        return call.read(answer)

    def evaluate(self, call: Call[Result], timeout: float | None) -> Result:
        """As `call`; small evaluations that several threads have under way share it."""
        return self._complete(self._share, call, timeout)

    def _share(self, call: Call[Result], timeout: float | None) -> Result:
        if len(call.request) > coalescing.LARGEST:
            return self._call(call, timeout)
        if not self._lane.enter():
            seconds = self._seconds if timeout is None else channel.seconds(timeout)
            answer = Answer()
            waiting = Waiting(call, seconds, answer.put)
            if self._lane.wait(waiting):
                if not answer.comes(coalescing.PATIENCE) and self._lane.withdraw(waiting):
                    return self._call(call, math.inf if seconds is None else waiting.left())
                return answer.wait(waiting.left())
        try:
            return self._alone(call, timeout)
        finally:
            self._lane.leave()

    def _alone(self, call: Call[Result], timeout: float | None) -> Result:
        """As `call`; small evaluations that follow one another go by a standing stream."""
        seconds = self._seconds if timeout is None else channel.seconds(timeout)
        begun = time.monotonic()
        answer = self._standing.ask(calls.stream_member(call.request), seconds)
        if answer is not None:
            outcome = calls.stream_outcome(answer, self._standing.request_id)
            if not isinstance(outcome, LossdError):
                return outcome
            if not isinstance(outcome, Unavailable | DeadlineExceeded):
                raise outcome
            self._standing.drop()
        if seconds is None:
            return self._call(call, math.inf)
        left = begun + seconds - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded(f"no answer from {self.target} within {seconds:g} seconds; allow a longer `timeout`")
        return self._call(call, left)

    def _open_stream(self, requests: Iterator[bytes], request_id: str) -> Answers:
        bound: grpc.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(calls.Stream.METHOD)
        return bound(requests, metadata=(*self._metadata, ("x-request-id", request_id)))

    def _post(self, call: Call[T], timeout: float | None, done: Callable[[T | LossdError], None]) -> None:
        """Sends a call without waiting; `done` gets its answer, or its error, on a thread of grpc's."""

        def read(sent: grpc.Future[bytes]) -> None:
            try:
                answer: T | LossdError = call.read(sent.result())
            except grpc.RpcError as error:
                answer = from_call(error, target=self.target, timeout=timeout)
            except grpc.FutureCancelledError:
                answer = Cancelled("the client was closed before the answer came")
            except Exception as error:  # noqa: BLE001  # raised here it would reach nobody
                answer = Internal(f"the answer cannot be read: {error}")
            done(answer)

        try:
            method = self._methods.get(call.method) or self._bind(call.method)
            metadata = (*self._metadata, ("x-request-id", call.request_id)) if call.request_id else self._metadata
            sent = method.future(call.request, timeout=timeout, metadata=metadata)
        except (RuntimeError, ValueError):  # grpc's word for a closed channel, and ours
            done(Cancelled("the client was closed before this was sent"))
        else:
            sent.add_done_callback(read)

    def stream(self, method: str, requests: Iterator[bytes], timeout: float | None) -> Generator[bytes, None, None]:
        """As `call`, for streams."""
        self._check_open()
        seconds = self._seconds if timeout is None else channel.seconds(timeout)
        bound: grpc.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(method)
        call = bound(requests, timeout=seconds, metadata=self._metadata)
        try:
            yield from call
        except grpc.RpcError as error:
            raise from_call(error, target=self.target, timeout=seconds) from None
        finally:
            call.cancel()  # ends what a reader that stopped early left running

    def upload(self, method: str, timeout: float | None) -> Upload:
        """As `stream`, for one that is answered once: begins it."""
        self._check_open()
        seconds = self._seconds if timeout is None else channel.seconds(timeout)
        bound: grpc.StreamUnaryMultiCallable[bytes, bytes] = self._channel.stream_unary(method)
        return Upload(lambda messages: bound.future(messages, timeout=seconds, metadata=self._metadata))

    def uploaded(self, upload: Upload, timeout: float | None) -> bytes:
        """Waits for the answer to all that an upload was given."""
        try:
            return upload.answer()
        except grpc.RpcError as error:
            seconds = self._seconds if timeout is None else channel.seconds(timeout)
            raise from_call(error, target=self.target, timeout=seconds) from None
        except grpc.FutureCancelledError:
            raise Cancelled("the client was closed before the answer came") from None

    def listen(self, call: Call[T], timeout: float | None) -> Generator[T, None, None]:
        """As `call`, for a call that is answered many times."""
        self._check_open()
        seconds = self._seconds if timeout is None else channel.seconds(timeout)
        bound: grpc.UnaryStreamMultiCallable[bytes, bytes] = self._channel.unary_stream(call.method)
        answers = bound(call.request, timeout=seconds, metadata=self._metadata)
        try:
            for answer in answers:
                yield call.read(answer)
        except grpc.RpcError as error:
            raise from_call(error, target=self.target, timeout=seconds) from None
        finally:
            answers.cancel()  # ends what a reader that stopped early left running

    def repeat(self, call: Call[T], retry: Retry) -> T:
        """Sends the very same bytes until there is an answer, or no time."""
        while True:
            try:
                return self.call(call, retry.timeout())
            except LossdError as error:
                time.sleep(retry.pause(error))

    def retry(self, timeout: float | None) -> Retry:
        """When to repeat a call that may take `timeout` seconds, repetitions included; None is the client's."""
        return Retry(self._seconds if timeout is None else channel.seconds(timeout), time.monotonic)

    def _bind(self, method: str) -> grpc.UnaryUnaryMultiCallable[bytes, bytes]:
        self._check_open()
        bound: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(method)
        self._methods[method] = bound
        return bound

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("this client is closed")

    def close(self) -> None:
        """Ends the connection and every call under way; calls after it raise RuntimeError."""
        self._closed = True
        self._methods = {}
        self._standing.drop()
        self._channel.close()
