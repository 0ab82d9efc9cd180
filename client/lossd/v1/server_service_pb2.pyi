from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetServerInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetServerInfoResponse(_message.Message):
    __slots__ = ("version", "torch_version", "grpc_version", "python_version", "engine", "limits", "policies")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TORCH_VERSION_FIELD_NUMBER: _ClassVar[int]
    GRPC_VERSION_FIELD_NUMBER: _ClassVar[int]
    PYTHON_VERSION_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    POLICIES_FIELD_NUMBER: _ClassVar[int]
    version: str
    torch_version: str
    grpc_version: str
    python_version: str
    engine: str
    limits: Limits
    policies: Policies
    def __init__(self, version: _Optional[str] = ..., torch_version: _Optional[str] = ..., grpc_version: _Optional[str] = ..., python_version: _Optional[str] = ..., engine: _Optional[str] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., policies: _Optional[_Union[Policies, _Mapping]] = ...) -> None: ...

class Policies(_message.Message):
    __slots__ = ("programs",)
    PROGRAMS_FIELD_NUMBER: _ClassVar[int]
    programs: str
    def __init__(self, programs: _Optional[str] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("max_inflight_bytes", "default_deadline_seconds", "max_deadline_seconds", "max_values_elements", "max_rank", "max_batch_evaluations", "max_expression_length", "max_sessions_per_device")
    MAX_INFLIGHT_BYTES_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_DEADLINE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MAX_DEADLINE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MAX_VALUES_ELEMENTS_FIELD_NUMBER: _ClassVar[int]
    MAX_RANK_FIELD_NUMBER: _ClassVar[int]
    MAX_BATCH_EVALUATIONS_FIELD_NUMBER: _ClassVar[int]
    MAX_EXPRESSION_LENGTH_FIELD_NUMBER: _ClassVar[int]
    MAX_SESSIONS_PER_DEVICE_FIELD_NUMBER: _ClassVar[int]
    max_inflight_bytes: int
    default_deadline_seconds: float
    max_deadline_seconds: float
    max_values_elements: int
    max_rank: int
    max_batch_evaluations: int
    max_expression_length: int
    max_sessions_per_device: int
    def __init__(self, max_inflight_bytes: _Optional[int] = ..., default_deadline_seconds: _Optional[float] = ..., max_deadline_seconds: _Optional[float] = ..., max_values_elements: _Optional[int] = ..., max_rank: _Optional[int] = ..., max_batch_evaluations: _Optional[int] = ..., max_expression_length: _Optional[int] = ..., max_sessions_per_device: _Optional[int] = ...) -> None: ...

class ListDevicesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListDevicesResponse(_message.Message):
    __slots__ = ("devices",)
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    devices: _containers.RepeatedCompositeFieldContainer[Device]
    def __init__(self, devices: _Optional[_Iterable[_Union[Device, _Mapping]]] = ...) -> None: ...

class Device(_message.Message):
    __slots__ = ("name", "healthy", "restarts", "pending", "memory_bytes", "sessions")
    NAME_FIELD_NUMBER: _ClassVar[int]
    HEALTHY_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    healthy: bool
    restarts: int
    pending: int
    memory_bytes: int
    sessions: int
    def __init__(self, name: _Optional[str] = ..., healthy: bool = ..., restarts: _Optional[int] = ..., pending: _Optional[int] = ..., memory_bytes: _Optional[int] = ..., sessions: _Optional[int] = ...) -> None: ...
