"""The four handlers that serve every RPC of lossd: check, delegate, translate the error, return."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import TypeAlias

import grpc
from google.rpc import error_details_pb2, status_pb2
from lossd import framing
from prometheus_client import Counter

from lossd_server import status
from lossd_server.engine.contract import Call, Reply, malformed
from lossd_server.faults import Fault
from lossd_server.front.admission import Admission, draining
from lossd_server.front.fits import Slices
from lossd_server.front.gathering import CHUNK, OPEN, Gathering
from lossd_server.front.refused import Refused
from lossd_server.front.routes import Route
from lossd_server.front.streams import Stream
from lossd_server.telemetry import observation
from lossd_server.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CODES = {code.value[0]: code for code in grpc.StatusCode}
Submit: TypeAlias = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True)
class Limits:
    """Seconds that a call without a deadline, and any call, may take."""

    default_deadline: float
    max_deadline: float


class Handler:
    """Serves one route.

    Args:
        route: the RPC.
        submit: where calls go, for example an engine's.
        admission: who may come in.
        limits: of time.
        metrics: where it is counted.
    """

    def __init__(self, route: Route, submit: Submit, admission: Admission, limits: Limits, metrics: Metrics) -> None:
        self._route = route
        self._submit_call = submit
        self._admission = admission
        self._limits = limits
        self._metrics = metrics
        labels = (route.kind, route.service, route.method)
        self._handled = cache(lambda code: metrics.handled.labels(*labels, code.name))
        self._compute = cache(metrics.compute_seconds.labels)  # a look-up of labels costs as much as the rest of it
        self._started = metrics.started.labels(*labels)
        self._seconds = metrics.handling_seconds.labels(*labels)
        self._labels = labels
        self._bytes_in = metrics.payload_bytes.labels("in", "grpc")
        self._bytes_out = metrics.payload_bytes.labels("out", "grpc")

    @cached_property
    def _received(self) -> Counter:
        return self._metrics.received.labels(*self._labels)

    @cached_property
    def _sent(self) -> Counter:
        return self._metrics.sent.labels(*self._labels)

    def method_handler(self) -> grpc.RpcMethodHandler[bytes, bytes]:
        """The handler as grpc takes it: requests and responses stay bytes."""
        if not self._route.streaming:
            return grpc.unary_unary_rpc_method_handler(self.unary)
        self._received.inc(0)  # so that the series are there before the first stream is
        self._sent.inc(0)
        if self._route.kind == "server_stream":
            return grpc.unary_stream_rpc_method_handler(self.slices)
        if self._route.kind == "client_stream":
            return grpc.stream_unary_rpc_method_handler(self.gather)
        return grpc.stream_stream_rpc_method_handler(self.stream)

    async def unary(self, request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        """Answers one request."""
        authorization, request_id = _introduce(context)
        with self._counted(context):
            try:
                self._admission.check_caller(authorization)
                return await self._answer(request, self._deadline(context), request_id)
            except Exception as error:  # noqa: BLE001  # a defect must not tell its text to the caller
                refusal = _status(error, request_id)
            await self._abort(context, refusal, request_id)
        raise AssertionError("abort raises")

    async def slices(self, request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> AsyncIterator[bytes]:
        """Answers one request by several calls, the next one submitted only when the last answer was taken.

        Its deadline is the caller's own, however long that is; each call has the time that any has.
        """
        authorization, request_id = _introduce(context)
        with self._counted(context):
            self._received.inc()
            try:
                self._admission.check_caller(authorization)
                slices, part = Slices(request), request
                while True:
                    message = await self._answer(part, time.monotonic() + self._limits.default_deadline, request_id)
                    yield message
                    self._sent.inc()
                    following = slices.after(message)
                    if following is None:
                        return
                    part = following
            except Exception as error:  # noqa: BLE001  # a defect must not tell its text to the caller
                refusal = _status(error, request_id)
            await self._abort(context, refusal, request_id)

    async def gather(self, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        """Answers a stream once. Its deadline is the caller's own; each chunk has the time that any call has."""
        authorization, request_id = _introduce(context)
        with self._counted(context):
            submit = partial(self._gathered, request_id)
            try:
                self._admission.check_caller(authorization)
                answer = await Gathering(requests, submit, self._admission, self._limits.max_deadline).answer()
                self._sent.inc()
                return answer
            except Exception as error:  # noqa: BLE001  # a defect must not tell its text to the caller
                refusal = _status(error, request_id)
            await self._abort(context, refusal, request_id)
        raise AssertionError("abort raises")

    async def _gathered(self, request_id: str, verb: str, request: bytes, session_id: str | None) -> bytes:
        """The answer to one of the calls that a gathered stream is made of."""
        call = Call(verb, request, time.monotonic() + self._limits.default_deadline, session_id, request_id)
        if verb in (OPEN, CHUNK):
            self._received.inc()
        if verb != OPEN:
            return await self._passed(call)
        with self._admission.hold(len(request)):
            return await self._passed(call)

    async def stream(
        self, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]
    ) -> AsyncIterator[bytes]:
        """Answers requests in order, several under way at once; what fails carries its own status."""
        authorization, request_id = _introduce(context)
        with self._counted(context):
            try:
                self._admission.check_caller(authorization)
            except Fault as fault:
                await self._abort(context, status.encode(fault), request_id)
            answer = partial(self._member, context, request_id)
            stream = Stream(requests, answer, self._admission)
            async for message in stream.answers():
                yield message
                self._sent.inc()
            if stream.cut_off:
                await self._abort(context, status.encode(draining()), request_id)

    async def _member(self, context: grpc.aio.ServicerContext[bytes, bytes], request_id: str, request: bytes) -> bytes:
        """The answer to a member of a stream; a refusal is one too."""
        self._received.inc()
        try:
            return await self._answer(request, self._deadline(context), request_id)
        except Exception as error:  # noqa: BLE001  # a defect must not tell its text to the caller
            refusal = _status(error, request_id)
        self._reject(refusal, request_id)
        return self._route.refusal(refusal.SerializeToString())

    async def _answer(self, request: bytes, deadline: float, request_id: str) -> bytes:
        """The serialized response; a refusal is raised."""
        with self._admission.hold(len(request)):
            return await self._passed(
                Call(self._route.method, request, deadline, self._session_id(request), request_id)
            )

    async def _passed(self, call: Call) -> bytes:
        """The serialized response of a call that was let in; a refusal is raised."""
        later = asyncio.get_running_loop().call_soon
        later(self._bytes_in.inc, len(call.request))
        reply = await self._submit_call(call)
        later(self._observe, reply)
        if reply.failed:
            raise Refused(reply.message)
        return reply.message

    def _session_id(self, request: bytes) -> str | None:
        if self._route.session_field is None:
            return None
        try:
            return framing.string_field(request, self._route.session_field)
        except framing.MalformedMessage as error:
            raise malformed(error) from None

    def _observe(self, reply: Reply) -> None:
        self._bytes_out.inc(len(reply.message))
        self._metrics.queue_seconds.observe(reply.queue)
        if reply.failed:
            return
        if reply.steps:
            self._metrics.session_steps.inc(reply.steps)
        if reply.observed:
            self._metrics.series.take(observation.decode(reply.observed))
        for phase, seconds in (("forward", reply.forward), ("backward", reply.backward)):
            if seconds:
                self._compute(reply.loss, reply.device, phase).observe(seconds)

    def _deadline(self, context: grpc.aio.ServicerContext[bytes, bytes]) -> float:
        remaining = context.time_remaining()
        allowed = self._limits.default_deadline if remaining is None else remaining
        return time.monotonic() + min(allowed, self._limits.max_deadline)

    @contextlib.contextmanager
    def _counted(self, context: grpc.aio.ServicerContext[bytes, bytes]) -> Iterator[None]:
        later = asyncio.get_running_loop().call_soon  # counting waits until the call is on its way
        later(self._started.inc)
        self._admission.calls += 1
        begun = time.perf_counter()
        code = grpc.StatusCode.UNKNOWN
        try:
            yield
            code = grpc.StatusCode.OK
        except grpc.aio.AbortError:
            code = context.code()
            raise
        except (asyncio.CancelledError, GeneratorExit):
            code = grpc.StatusCode.CANCELLED
            raise
        finally:
            self._admission.calls -= 1
            later(self._handled(code).inc)
            later(self._seconds.observe, time.perf_counter() - begun)

    async def _abort(
        self, context: grpc.aio.ServicerContext[bytes, bytes], refusal: status_pb2.Status, request_id: str
    ) -> None:
        retry_after = self._reject(refusal, request_id)
        trailer: list[tuple[str, str | bytes]] = [
            ("x-request-id", request_id),
            ("grpc-status-details-bin", refusal.SerializeToString()),
        ]
        if retry_after is not None:
            trailer.append(("grpc-retry-pushback-ms", str(round(retry_after * 1000))))
        await context.abort(_CODES[refusal.code], refusal.message, tuple(trailer))

    def _reject(self, refusal: status_pb2.Status, request_id: str) -> float | None:
        """Counts and logs a refusal; returns the seconds after which to retry, if it says."""
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        retry_after = None
        for detail in refusal.details:
            if detail.Unpack(retry):
                retry_after = retry.retry_delay.ToNanoseconds() / 1e9
            else:
                detail.Unpack(info)
        self._metrics.rejected.labels(info.reason).inc()
        log.info("refused", extra={"method": self._route.method, "reason": info.reason, "request_id": request_id})
        return retry_after


def _status(error: Exception, request_id: str) -> status_pb2.Status:
    if isinstance(error, Refused):
        return error.status
    if not isinstance(error, Fault):
        log.error("a call failed in an unforeseen way", exc_info=error, extra={"request_id": request_id})
        error = Fault("INTERNAL", "lossd failed on this request; its log has the detail under the request id")
    return status.encode(error)


def _introduce(context: grpc.aio.ServicerContext[bytes, bytes]) -> tuple[str, str]:
    """A caller's authorization, and the call's id: the caller's own if it is a plain one, else a new one."""
    metadata = dict(context.invocation_metadata() or ())
    given = metadata.get("x-request-id", "")
    request_id = given if isinstance(given, str) and _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    context.set_trailing_metadata((("x-request-id", request_id),))
    return str(metadata.get("authorization", "")), request_id
