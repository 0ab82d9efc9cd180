from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DiagnosticsLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIAGNOSTICS_LEVEL_UNSPECIFIED: _ClassVar[DiagnosticsLevel]
    DIAGNOSTICS_LEVEL_OFF: _ClassVar[DiagnosticsLevel]
    DIAGNOSTICS_LEVEL_CHEAP: _ClassVar[DiagnosticsLevel]
    DIAGNOSTICS_LEVEL_FULL: _ClassVar[DiagnosticsLevel]

class Severity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEVERITY_UNSPECIFIED: _ClassVar[Severity]
    SEVERITY_INFO: _ClassVar[Severity]
    SEVERITY_WARNING: _ClassVar[Severity]
    SEVERITY_ERROR: _ClassVar[Severity]
DIAGNOSTICS_LEVEL_UNSPECIFIED: DiagnosticsLevel
DIAGNOSTICS_LEVEL_OFF: DiagnosticsLevel
DIAGNOSTICS_LEVEL_CHEAP: DiagnosticsLevel
DIAGNOSTICS_LEVEL_FULL: DiagnosticsLevel
SEVERITY_UNSPECIFIED: Severity
SEVERITY_INFO: Severity
SEVERITY_WARNING: Severity
SEVERITY_ERROR: Severity

class Diagnostic(_message.Message):
    __slots__ = ("code", "severity", "message", "remedy", "field", "evidence", "term")
    class EvidenceEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    CODE_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    code: str
    severity: Severity
    message: str
    remedy: str
    field: str
    evidence: _containers.ScalarMap[str, float]
    term: str
    def __init__(self, code: _Optional[str] = ..., severity: _Optional[_Union[Severity, str]] = ..., message: _Optional[str] = ..., remedy: _Optional[str] = ..., field: _Optional[str] = ..., evidence: _Optional[_Mapping[str, float]] = ..., term: _Optional[str] = ...) -> None: ...

class ListDiagnosticsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListDiagnosticsResponse(_message.Message):
    __slots__ = ("diagnostics",)
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    diagnostics: _containers.RepeatedCompositeFieldContainer[DiagnosticInfo]
    def __init__(self, diagnostics: _Optional[_Iterable[_Union[DiagnosticInfo, _Mapping]]] = ...) -> None: ...

class DiagnosticInfo(_message.Message):
    __slots__ = ("code", "severity", "level", "summary", "rule", "remedy", "losses", "evidence")
    class EvidenceEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CODE_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    LOSSES_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    code: str
    severity: Severity
    level: DiagnosticsLevel
    summary: str
    rule: str
    remedy: str
    losses: _containers.RepeatedScalarFieldContainer[str]
    evidence: _containers.ScalarMap[str, str]
    def __init__(self, code: _Optional[str] = ..., severity: _Optional[_Union[Severity, str]] = ..., level: _Optional[_Union[DiagnosticsLevel, str]] = ..., summary: _Optional[str] = ..., rule: _Optional[str] = ..., remedy: _Optional[str] = ..., losses: _Optional[_Iterable[str]] = ..., evidence: _Optional[_Mapping[str, str]] = ...) -> None: ...
