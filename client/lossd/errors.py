"""The errors of this package, and how a call's status becomes one of them; knows no client, no request and no tensor.

    LossdError                  everything lossd raises about a call; `except lossd.LossdError` catches all below
    ├── InvalidArgument         the request is wrong: `.field` says where, the message what to do
    ├── NotFound                no loss or session of this name
    │   └── SessionLost         the session ended with the worker that held it, or its time in memory ran out
    ├── ResourceExhausted       a limit of the server: message size, device memory, sessions
    │   └── Overloaded          the server is full for now: come back after `.retry_after` seconds
    ├── FailedPrecondition      the server's state does not allow the call
    ├── Aborted                 the call lost against another one
    ├── SequenceConflict        session and caller count its calls differently: `.expected`, `Session.resync()`
    ├── DataLoss                stored state of a session is damaged; it is never used
    ├── DeadlineExceeded        the time allowed by `timeout` ran out
    ├── Unavailable             no server there, it is shutting down, or a device died: pure calls may be repeated
    ├── Unauthenticated         no token, or one the server does not know
    ├── PermissionDenied        the token does not allow this call
    ├── Unimplemented           the server is older than this client
    ├── Cancelled               the caller cancelled
    └── Internal                a defect of lossd: give `.request_id` to whoever runs the server

Mistakes against Python itself (too many positional inputs, a reduction that does not exist) are TypeError and
ValueError, raised before anything is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol, cast

import grpc
from google.rpc import error_details_pb2, status_pb2


class LossdError(Exception):
    """A call that failed.

    Attributes:
        message: One sentence: what was given, what was expected, what to do.
        code: Name of the gRPC status, for example "INVALID_ARGUMENT".
        reason: Name from the contract's ErrorReason without its prefix, for example "SHAPE_MISMATCH";
            "" if the failure did not come from a lossd server.
        field: Path of the field at fault, "" if there is none.
        retry_after: Seconds after which the server wants to be asked again; None if repeating does not help.
        request_id: What the server's log calls this request; "" if it never got there.
        expected: Number that a session's next call has, where the error is about that; else None.
        chunks: Chunks that the server had taken of a data set, where the error ended one; else None.
        examples: Examples in them.
    """

    code = "UNKNOWN"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        reason: str = "",
        field: str = "",
        retry_after: float | None = None,
        request_id: str = "",
        expected: int | None = None,
        chunks: int | None = None,
        examples: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.reason = reason
        self.field = field
        self.retry_after = retry_after
        self.request_id = request_id
        self.expected = expected
        self.chunks = chunks
        self.examples = examples

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field and self.field not in self.message else self.message


class InvalidArgument(LossdError):
    """The request is wrong and would be wrong again; `.field` names the field, `.reason` the kind of mistake."""

    code = "INVALID_ARGUMENT"


class NotFound(LossdError):
    """There is no loss or session of this name."""

    code = "NOT_FOUND"


class SessionLost(NotFound):
    """The session ended with its worker or its time: create it again, from the last `state_dict` you kept."""


class ResourceExhausted(LossdError):
    """The request needs more than the server has or allows; `.reason` says of what."""

    code = "RESOURCE_EXHAUSTED"


class Overloaded(ResourceExhausted):
    """The server holds as many bytes as it may; ask again after `.retry_after` seconds."""


class FailedPrecondition(LossdError):
    """The server's state does not allow the call."""

    code = "FAILED_PRECONDITION"


class Aborted(LossdError):
    """The call lost against another one."""

    code = "ABORTED"


class SequenceConflict(LossdError):
    """The session counts the calls that changed it otherwise than this caller: nothing was changed.

    Somebody else changes it too, or it came back from a checkpoint. `.expected` is the number of its next call;
    `Session.resync()` goes on from there.
    """

    code = "FAILED_PRECONDITION"


class DataLoss(LossdError):
    """Stored state of a session fails its checks; it is never used."""

    code = "DATA_LOSS"


class DeadlineExceeded(LossdError):
    """The time allowed ran out before the answer was there."""

    code = "DEADLINE_EXCEEDED"


class Unavailable(LossdError):
    """No server answers there, it is shutting down, or the device's worker ended; pure calls may be repeated."""

    code = "UNAVAILABLE"


class Unauthenticated(LossdError):
    """The server wants a token, or does not know this one."""

    code = "UNAUTHENTICATED"


class PermissionDenied(LossdError):
    """The token does not allow this call."""

    code = "PERMISSION_DENIED"


class Unimplemented(LossdError):
    """The server does not know this call: it is older than this client."""

    code = "UNIMPLEMENTED"


class Cancelled(LossdError):
    """The call was cancelled on this side."""

    code = "CANCELLED"


class Internal(LossdError):
    """A defect of lossd; the server's log holds the detail under `.request_id`."""

    code = "INTERNAL"


_BY_REASON: dict[str, type[LossdError]] = {
    "SESSION_LOST": SessionLost,
    "OVERLOADED": Overloaded,
    **dict.fromkeys(("SEQ_GAP", "SEQ_EVICTED", "SEQ_REUSED"), SequenceConflict),
}
_BY_CODE: dict[str, type[LossdError]] = {
    kind.code: kind for kind in LossdError.__subclasses__() if kind not in _BY_REASON.values()
}
_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}
_DOMAIN = "lossd.v1"
_ADDRESS = re.compile(r"\bipv[46]:\S+: ")
"""What grpc writes of the address that it tried, percent-encoded; the target is what the caller knows."""
_NUMBERS = ("expected", "chunks", "examples")


class FailedCall(Protocol):
    """What grpc's sync and async errors have in common."""

    def code(self) -> grpc.StatusCode: ...
    def details(self) -> str | None: ...
    def trailing_metadata(self) -> Iterable[tuple[str, str | bytes]] | None: ...


def from_status(status: bytes, *, request_id: str = "") -> LossdError:
    """Makes the error that a serialized google.rpc.Status (or lossd.v1.Status: the same bytes) describes.

    >>> from google.rpc import status_pb2
    >>> from_status(status_pb2.Status(code=5, message="no such loss").SerializeToString())
    NotFound('no such loss')
    """
    parsed = status_pb2.Status.FromString(status)
    code = _NAMES.get(parsed.code, "UNKNOWN")
    reason, field, retry_after = "", "", None
    numbers: dict[str, int] = {}
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail in parsed.details:
        if detail.Unpack(info) and info.domain == _DOMAIN:
            reason = info.reason
            numbers = {name: int(said) for name in _NUMBERS if (said := info.metadata.get(name, "")).isdecimal()}
        elif detail.Unpack(bad) and bad.field_violations:
            field = bad.field_violations[0].field
        elif detail.Unpack(retry):
            retry_after = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
    kind = _BY_REASON.get(reason) or _BY_CODE.get(code, LossdError)
    return kind(
        parsed.message,
        code=code,
        reason=reason,
        field=field,
        retry_after=retry_after,
        request_id=request_id,
        **numbers,
    )


def from_call(error: grpc.RpcError, *, target: str, timeout: float | None) -> LossdError:
    """Makes the error that grpc's own describes, whether a lossd server, a proxy or the connection caused it."""
    call = cast(FailedCall, error)  # grpc's errors are also calls, which its types do not say
    metadata = dict(call.trailing_metadata() or ())
    request_id = metadata.get("x-request-id", "")
    request_id = request_id if isinstance(request_id, str) else request_id.decode("ascii", "replace")
    status = metadata.get("grpc-status-details-bin")
    if isinstance(status, bytes):
        return from_status(status, request_id=request_id)
    code, details = call.code(), _ADDRESS.sub("", call.details() or "")
    if code is grpc.StatusCode.UNAVAILABLE:
        details = (
            f"no answer from {target} ({details}); is a server running there, and with TLS exactly if this side "
            "uses it (`tls`, --tls)? `lossd serve` starts one, and LOSSD_SERVER or Client(target) says where it is"
        )
    elif code is grpc.StatusCode.DEADLINE_EXCEEDED and not request_id:
        details = f"no answer from {target} within {timeout} seconds; give the call a longer `timeout`"
    return _BY_CODE.get(code.name, LossdError)(details, code=code.name, request_id=request_id)
