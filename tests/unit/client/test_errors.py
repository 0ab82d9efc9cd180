"""A status becomes the exception that the drawing in `lossd.errors` promises, with all that it carries."""

from __future__ import annotations

import copy
import pickle

import grpc
import lossd
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from lossd import errors
from lossd.v1 import error_reason_pb2


def status(code: grpc.StatusCode, reason: str, *, field: str = "", retry: float = 0.0) -> status_pb2.Status:
    found = status_pb2.Status(code=code.value[0], message="given that, expected this")
    metadata = {"expected": "9"} if reason.startswith("SEQ_") else {}
    details = [error_details_pb2.ErrorInfo(reason=reason, domain="lossd.v1", metadata=metadata)]
    if field:
        violation = error_details_pb2.BadRequest.FieldViolation(field=field, description="wrong")
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if retry:
        info = error_details_pb2.RetryInfo()
        info.retry_delay.FromNanoseconds(int(retry * 1e9))
        details.append(info)
    for detail in details:
        found.details.add().Pack(detail)
    return found


class FailedCall(grpc.RpcError):
    """What grpc raises."""

    def __init__(self, code: grpc.StatusCode, details: str = "", metadata: tuple[tuple[str, str | bytes], ...] = ()):
        self._parts = code, details, metadata

    def code(self) -> grpc.StatusCode:
        return self._parts[0]

    def details(self) -> str:
        return self._parts[1]

    def trailing_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        return self._parts[2]


KINDS = [
    (grpc.StatusCode.INVALID_ARGUMENT, "SHAPE_MISMATCH", lossd.InvalidArgument),
    (grpc.StatusCode.NOT_FOUND, "LOSS_NOT_FOUND", lossd.NotFound),
    (grpc.StatusCode.NOT_FOUND, "SESSION_LOST", lossd.SessionLost),
    (grpc.StatusCode.FAILED_PRECONDITION, "SEQ_GAP", lossd.SequenceConflict),
    (grpc.StatusCode.FAILED_PRECONDITION, "SEQ_EVICTED", lossd.SequenceConflict),
    (grpc.StatusCode.ABORTED, "SEQ_REUSED", lossd.SequenceConflict),
    (grpc.StatusCode.FAILED_PRECONDITION, "SESSION_STATE", lossd.FailedPrecondition),
    (grpc.StatusCode.DATA_LOSS, "STATE_CORRUPT", lossd.DataLoss),
    (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", lossd.Overloaded),
    (grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE", lossd.ResourceExhausted),
    (grpc.StatusCode.UNAVAILABLE, "DRAINING", lossd.Unavailable),
    (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", lossd.DeadlineExceeded),
    (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED", lossd.Unauthenticated),
    (grpc.StatusCode.INTERNAL, "INTERNAL", lossd.Internal),
]


@pytest.mark.parametrize(("code", "reason", "kind"), KINDS)
def test_a_status_becomes_its_exception(code: grpc.StatusCode, reason: str, kind: type[lossd.LossdError]) -> None:
    """From the trailer of a call and from a member of a batch alike: the bytes are the same."""
    assert f"ERROR_REASON_{reason}" in error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name
    sent = status(code, reason, field="inputs.target", retry=1.25)
    own = error_reason_pb2.Status.FromString(sent.SerializeToString())
    trailer = (("x-request-id", "r-1"), ("grpc-status-details-bin", sent.SerializeToString()))
    call = errors.from_call(FailedCall(code, "shadowed", trailer), target="there:1", timeout=1.0)
    for error in (call, errors.from_status(own.SerializeToString())):
        assert type(error) is kind
        assert (error.code, error.reason, error.field) == (code.name, reason, "inputs.target")
        assert error.retry_after == 1.25
        assert error.expected == (9 if kind is lossd.SequenceConflict else None)
        assert error.message == "given that, expected this"
        assert str(error) == "inputs.target: given that, expected this"
    assert call.request_id == "r-1"


def test_the_tree_is_drawn_as_it_is() -> None:
    """Every class of the docstring's drawing exists, is public, and no other does."""
    drawn = {line.strip("│├└─ ").split()[0] for line in (errors.__doc__ or "").splitlines() if "──" in line}
    classes = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert drawn | {"LossdError"} == classes
    assert classes <= set(lossd.__all__)


def test_a_connection_that_fails_says_where_and_what_to_do() -> None:
    error = errors.from_call(
        FailedCall(grpc.StatusCode.UNAVAILABLE, "Connection refused"), target="there:1", timeout=1.0
    )
    assert isinstance(error, lossd.Unavailable)
    assert "there:1" in error.message
    assert "lossd serve" in error.message
    assert "--tls" in error.message
    assert "Connection refused" in error.message


def test_a_deadline_that_passes_here_says_how_long_it_was() -> None:
    error = errors.from_call(
        FailedCall(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded"), target="there:1", timeout=0.5
    )
    assert isinstance(error, lossd.DeadlineExceeded)
    assert "0.5 seconds" in error.message


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_every_code_of_grpc_becomes_an_error(code: grpc.StatusCode) -> None:
    """A proxy may answer anything."""
    error = errors.from_call(FailedCall(code, "from a proxy"), target="there:1", timeout=None)
    assert isinstance(error, lossd.LossdError)
    assert error.code == code.name
    assert error.reason == ""


def test_details_of_others_are_passed_over() -> None:
    sent = status(grpc.StatusCode.NOT_FOUND, "SESSION_LOST")
    foreign = any_pb2.Any()
    foreign.Pack(error_details_pb2.ErrorInfo(reason="SESSION_LOST", domain="example.org"))
    sent.details[0].CopyFrom(foreign)
    error = errors.from_status(sent.SerializeToString())
    assert type(error) is lossd.NotFound
    assert error.reason == ""


def test_errors_can_be_copied_and_pickled() -> None:
    """Worker pools send them between processes."""
    error = lossd.InvalidArgument("wrong", reason="BAD_VALUES", field="inputs.input", request_id="r")
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(twin) is lossd.InvalidArgument
        assert vars(twin) == vars(error)
