from google.protobuf import any_pb2 as _any_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_REASON_UNSPECIFIED: _ClassVar[ErrorReason]
    ERROR_REASON_MALFORMED_MESSAGE: _ClassVar[ErrorReason]
    ERROR_REASON_MISSING_FIELD: _ClassVar[ErrorReason]
    ERROR_REASON_UNKNOWN_NAME: _ClassVar[ErrorReason]
    ERROR_REASON_ARGUMENT_OUT_OF_RANGE: _ClassVar[ErrorReason]
    ERROR_REASON_DTYPE_MISMATCH: _ClassVar[ErrorReason]
    ERROR_REASON_SHAPE_MISMATCH: _ClassVar[ErrorReason]
    ERROR_REASON_LENGTH_MISMATCH: _ClassVar[ErrorReason]
    ERROR_REASON_VALUE_OUT_OF_RANGE: _ClassVar[ErrorReason]
    ERROR_REASON_BAD_ATTACHMENT: _ClassVar[ErrorReason]
    ERROR_REASON_BAD_VALUES: _ClassVar[ErrorReason]
    ERROR_REASON_NOT_DIFFERENTIABLE: _ClassVar[ErrorReason]
    ERROR_REASON_BAD_EXPRESSION: _ClassVar[ErrorReason]
    ERROR_REASON_UNSUPPORTED: _ClassVar[ErrorReason]
    ERROR_REASON_LIMIT_EXCEEDED: _ClassVar[ErrorReason]
    ERROR_REASON_BAD_PROGRAM: _ClassVar[ErrorReason]
    ERROR_REASON_NONFINITE: _ClassVar[ErrorReason]
    ERROR_REASON_LOSS_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_SESSION_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_SESSION_LOST: _ClassVar[ErrorReason]
    ERROR_REASON_PROGRAM_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_SEQ_GAP: _ClassVar[ErrorReason]
    ERROR_REASON_SEQ_EVICTED: _ClassVar[ErrorReason]
    ERROR_REASON_SEQ_REUSED: _ClassVar[ErrorReason]
    ERROR_REASON_SESSION_STATE: _ClassVar[ErrorReason]
    ERROR_REASON_OVERLOADED: _ClassVar[ErrorReason]
    ERROR_REASON_MESSAGE_TOO_LARGE: _ClassVar[ErrorReason]
    ERROR_REASON_DEVICE_OUT_OF_MEMORY: _ClassVar[ErrorReason]
    ERROR_REASON_TOO_MANY_SESSIONS: _ClassVar[ErrorReason]
    ERROR_REASON_DEVICE_UNAVAILABLE: _ClassVar[ErrorReason]
    ERROR_REASON_DRAINING: _ClassVar[ErrorReason]
    ERROR_REASON_DEADLINE_EXCEEDED: _ClassVar[ErrorReason]
    ERROR_REASON_STORAGE_UNAVAILABLE: _ClassVar[ErrorReason]
    ERROR_REASON_STATE_CORRUPT: _ClassVar[ErrorReason]
    ERROR_REASON_UNAUTHENTICATED: _ClassVar[ErrorReason]
    ERROR_REASON_INTERNAL: _ClassVar[ErrorReason]
ERROR_REASON_UNSPECIFIED: ErrorReason
ERROR_REASON_MALFORMED_MESSAGE: ErrorReason
ERROR_REASON_MISSING_FIELD: ErrorReason
ERROR_REASON_UNKNOWN_NAME: ErrorReason
ERROR_REASON_ARGUMENT_OUT_OF_RANGE: ErrorReason
ERROR_REASON_DTYPE_MISMATCH: ErrorReason
ERROR_REASON_SHAPE_MISMATCH: ErrorReason
ERROR_REASON_LENGTH_MISMATCH: ErrorReason
ERROR_REASON_VALUE_OUT_OF_RANGE: ErrorReason
ERROR_REASON_BAD_ATTACHMENT: ErrorReason
ERROR_REASON_BAD_VALUES: ErrorReason
ERROR_REASON_NOT_DIFFERENTIABLE: ErrorReason
ERROR_REASON_BAD_EXPRESSION: ErrorReason
ERROR_REASON_UNSUPPORTED: ErrorReason
ERROR_REASON_LIMIT_EXCEEDED: ErrorReason
ERROR_REASON_BAD_PROGRAM: ErrorReason
ERROR_REASON_NONFINITE: ErrorReason
ERROR_REASON_LOSS_NOT_FOUND: ErrorReason
ERROR_REASON_SESSION_NOT_FOUND: ErrorReason
ERROR_REASON_SESSION_LOST: ErrorReason
ERROR_REASON_PROGRAM_NOT_FOUND: ErrorReason
ERROR_REASON_SEQ_GAP: ErrorReason
ERROR_REASON_SEQ_EVICTED: ErrorReason
ERROR_REASON_SEQ_REUSED: ErrorReason
ERROR_REASON_SESSION_STATE: ErrorReason
ERROR_REASON_OVERLOADED: ErrorReason
ERROR_REASON_MESSAGE_TOO_LARGE: ErrorReason
ERROR_REASON_DEVICE_OUT_OF_MEMORY: ErrorReason
ERROR_REASON_TOO_MANY_SESSIONS: ErrorReason
ERROR_REASON_DEVICE_UNAVAILABLE: ErrorReason
ERROR_REASON_DRAINING: ErrorReason
ERROR_REASON_DEADLINE_EXCEEDED: ErrorReason
ERROR_REASON_STORAGE_UNAVAILABLE: ErrorReason
ERROR_REASON_STATE_CORRUPT: ErrorReason
ERROR_REASON_UNAUTHENTICATED: ErrorReason
ERROR_REASON_INTERNAL: ErrorReason

class Status(_message.Message):
    __slots__ = ("code", "message", "details")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    code: int
    message: str
    details: _containers.RepeatedCompositeFieldContainer[_any_pb2.Any]
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ..., details: _Optional[_Iterable[_Union[_any_pb2.Any, _Mapping]]] = ...) -> None: ...
