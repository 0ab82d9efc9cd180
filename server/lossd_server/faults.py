"""The one exception that a caller is meant to see; knows no protobuf and no gRPC.

A `Fault` says what was given, what was expected and what to do. Anything else that is raised is a defect
of lossd: the caller learns INTERNAL and a request id, the log the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

REASONS: dict[str, str] = {
    "MALFORMED_MESSAGE": "INVALID_ARGUMENT",
    "MISSING_FIELD": "INVALID_ARGUMENT",
    "UNKNOWN_NAME": "INVALID_ARGUMENT",
    "ARGUMENT_OUT_OF_RANGE": "INVALID_ARGUMENT",
    "DTYPE_MISMATCH": "INVALID_ARGUMENT",
    "SHAPE_MISMATCH": "INVALID_ARGUMENT",
    "LENGTH_MISMATCH": "INVALID_ARGUMENT",
    "VALUE_OUT_OF_RANGE": "INVALID_ARGUMENT",
    "BAD_ATTACHMENT": "INVALID_ARGUMENT",
    "BAD_VALUES": "INVALID_ARGUMENT",
    "NOT_DIFFERENTIABLE": "INVALID_ARGUMENT",
    "BAD_EXPRESSION": "INVALID_ARGUMENT",
    "UNSUPPORTED": "INVALID_ARGUMENT",
    "LIMIT_EXCEEDED": "INVALID_ARGUMENT",
    "BAD_PROGRAM": "INVALID_ARGUMENT",
    "NONFINITE": "INVALID_ARGUMENT",
    "LOSS_NOT_FOUND": "NOT_FOUND",
    "SESSION_NOT_FOUND": "NOT_FOUND",
    "SESSION_LOST": "NOT_FOUND",
    "PROGRAM_NOT_FOUND": "NOT_FOUND",
    "SEQ_GAP": "FAILED_PRECONDITION",
    "SEQ_EVICTED": "FAILED_PRECONDITION",
    "SEQ_REUSED": "ABORTED",
    "SESSION_STATE": "FAILED_PRECONDITION",
    "OVERLOADED": "RESOURCE_EXHAUSTED",
    "MESSAGE_TOO_LARGE": "RESOURCE_EXHAUSTED",
    "DEVICE_OUT_OF_MEMORY": "RESOURCE_EXHAUSTED",
    "TOO_MANY_SESSIONS": "RESOURCE_EXHAUSTED",
    "DEVICE_UNAVAILABLE": "UNAVAILABLE",
    "DRAINING": "UNAVAILABLE",
    "STORAGE_UNAVAILABLE": "UNAVAILABLE",
    "STATE_CORRUPT": "DATA_LOSS",
    "DEADLINE_EXCEEDED": "DEADLINE_EXCEEDED",
    "UNAUTHENTICATED": "UNAUTHENTICATED",
    "INTERNAL": "INTERNAL",
}
"""Every reason, as ErrorReason in the contract names it without its prefix, and the gRPC code it goes with."""


class Fault(Exception):
    """A refusal with its reason, the field at fault and, where retrying helps, when to.

    Args:
        reason: a key of `REASONS`.
        message: one sentence or two: given, expected, remedy.
        field: path of the field in the request, for example "inputs.target".
        retry_after: seconds after which a retry may succeed.
        expected: the seq that would have been right.
        details: numbers for programs by name, such as how far a stream came.

    >>> fault = Fault("SHAPE_MISMATCH", "given (3,), expected (4,)", field="inputs.target")
    >>> fault.code, fault.within("evaluations[2]").field
    ('INVALID_ARGUMENT', 'evaluations[2].inputs.target')
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        field: str = "",
        retry_after: float | None = None,
        expected: int | None = None,
        details: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.code = REASONS[reason]
        self.message = message
        self.field = field
        self.retry_after = retry_after
        self.expected = expected
        self.details = dict(details or {})

    def within(self, prefix: str) -> Fault:
        """The same fault seen from a message that holds the faulty one in the field `prefix`."""
        field = f"{prefix}.{self.field}" if self.field else prefix
        return self._again(field=field)

    def telling(self, words: str = "", **details: int) -> Fault:
        """The same fault with further details, and words behind its own."""
        return self._again(message=f"{self.message}{words}", details={**self.details, **details})

    def _again(self, **changed: Any) -> Fault:
        given = {"reason": self.reason, "message": self.message, "field": self.field, "retry_after": self.retry_after}
        return Fault(**{**given, "expected": self.expected, "details": self.details, **changed})


def shape_text(shape: Iterable[int]) -> str:
    """A shape as torch's documentation writes it.

    >>> shape_text([3, 4]), shape_text([])
    ('(3, 4)', '()')
    """
    return str(tuple(shape))
