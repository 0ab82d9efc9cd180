import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from lossd.v1 import diagnostic_pb2 as _diagnostic_pb2
from lossd.v1 import error_reason_pb2 as _error_reason_pb2
from lossd.v1 import loss_pb2 as _loss_pb2
from lossd.v1 import model_pb2 as _model_pb2
from lossd.v1 import optimizer_pb2 as _optimizer_pb2
from lossd.v1 import tensor_pb2 as _tensor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Durability(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DURABILITY_UNSPECIFIED: _ClassVar[Durability]
    DURABILITY_MEMORY: _ClassVar[Durability]
    DURABILITY_CHECKPOINT: _ClassVar[Durability]
    DURABILITY_STEP: _ClassVar[Durability]

class Nonfinite(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NONFINITE_UNSPECIFIED: _ClassVar[Nonfinite]
    NONFINITE_ALLOW: _ClassVar[Nonfinite]
    NONFINITE_ERROR: _ClassVar[Nonfinite]

class SessionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SESSION_STATE_UNSPECIFIED: _ClassVar[SessionState]
    SESSION_STATE_LIVE: _ClassVar[SessionState]
    SESSION_STATE_STORED: _ClassVar[SessionState]

class Interpolation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INTERPOLATION_UNSPECIFIED: _ClassVar[Interpolation]
    INTERPOLATION_LINEAR: _ClassVar[Interpolation]
    INTERPOLATION_COSINE: _ClassVar[Interpolation]
    INTERPOLATION_CONSTANT: _ClassVar[Interpolation]

class StopReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STOP_REASON_UNSPECIFIED: _ClassVar[StopReason]
    STOP_REASON_EPOCHS: _ClassVar[StopReason]
    STOP_REASON_EARLY_STOPPING: _ClassVar[StopReason]
DURABILITY_UNSPECIFIED: Durability
DURABILITY_MEMORY: Durability
DURABILITY_CHECKPOINT: Durability
DURABILITY_STEP: Durability
NONFINITE_UNSPECIFIED: Nonfinite
NONFINITE_ALLOW: Nonfinite
NONFINITE_ERROR: Nonfinite
SESSION_STATE_UNSPECIFIED: SessionState
SESSION_STATE_LIVE: SessionState
SESSION_STATE_STORED: SessionState
INTERPOLATION_UNSPECIFIED: Interpolation
INTERPOLATION_LINEAR: Interpolation
INTERPOLATION_COSINE: Interpolation
INTERPOLATION_CONSTANT: Interpolation
STOP_REASON_UNSPECIFIED: StopReason
STOP_REASON_EPOCHS: StopReason
STOP_REASON_EARLY_STOPPING: StopReason

class Session(_message.Message):
    __slots__ = ("session_id", "device", "step", "parameter_count", "model", "loss", "optimizer", "create_time", "clip_grad_norm", "clip_grad_value", "scheduler", "averaging", "autocast", "nonfinite", "durability", "checkpoint", "ttl", "seq", "pending_micro_batches", "saved_step", "state", "lr", "weight_schedules")
    class WeightSchedulesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: WeightSchedule
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[WeightSchedule, _Mapping]] = ...) -> None: ...
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    PARAMETER_COUNT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    CLIP_GRAD_NORM_FIELD_NUMBER: _ClassVar[int]
    CLIP_GRAD_VALUE_FIELD_NUMBER: _ClassVar[int]
    SCHEDULER_FIELD_NUMBER: _ClassVar[int]
    AVERAGING_FIELD_NUMBER: _ClassVar[int]
    AUTOCAST_FIELD_NUMBER: _ClassVar[int]
    NONFINITE_FIELD_NUMBER: _ClassVar[int]
    DURABILITY_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    PENDING_MICRO_BATCHES_FIELD_NUMBER: _ClassVar[int]
    SAVED_STEP_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LR_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_SCHEDULES_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    device: str
    step: int
    parameter_count: int
    model: _model_pb2.ModelSpec
    loss: _loss_pb2.LossSpec
    optimizer: _optimizer_pb2.OptimizerSpec
    create_time: _timestamp_pb2.Timestamp
    clip_grad_norm: ClipGradNorm
    clip_grad_value: float
    scheduler: _optimizer_pb2.SchedulerSpec
    averaging: _optimizer_pb2.Averaging
    autocast: _tensor_pb2.DataType
    nonfinite: Nonfinite
    durability: Durability
    checkpoint: CheckpointPolicy
    ttl: _duration_pb2.Duration
    seq: int
    pending_micro_batches: int
    saved_step: int
    state: SessionState
    lr: _containers.RepeatedScalarFieldContainer[float]
    weight_schedules: _containers.MessageMap[str, WeightSchedule]
    def __init__(self, session_id: _Optional[str] = ..., device: _Optional[str] = ..., step: _Optional[int] = ..., parameter_count: _Optional[int] = ..., model: _Optional[_Union[_model_pb2.ModelSpec, _Mapping]] = ..., loss: _Optional[_Union[_loss_pb2.LossSpec, _Mapping]] = ..., optimizer: _Optional[_Union[_optimizer_pb2.OptimizerSpec, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., clip_grad_norm: _Optional[_Union[ClipGradNorm, _Mapping]] = ..., clip_grad_value: _Optional[float] = ..., scheduler: _Optional[_Union[_optimizer_pb2.SchedulerSpec, _Mapping]] = ..., averaging: _Optional[_Union[_optimizer_pb2.Averaging, _Mapping]] = ..., autocast: _Optional[_Union[_tensor_pb2.DataType, str]] = ..., nonfinite: _Optional[_Union[Nonfinite, str]] = ..., durability: _Optional[_Union[Durability, str]] = ..., checkpoint: _Optional[_Union[CheckpointPolicy, _Mapping]] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., seq: _Optional[int] = ..., pending_micro_batches: _Optional[int] = ..., saved_step: _Optional[int] = ..., state: _Optional[_Union[SessionState, str]] = ..., lr: _Optional[_Iterable[float]] = ..., weight_schedules: _Optional[_Mapping[str, WeightSchedule]] = ...) -> None: ...

class ClipGradNorm(_message.Message):
    __slots__ = ("max_norm", "norm_type", "error_if_nonfinite")
    MAX_NORM_FIELD_NUMBER: _ClassVar[int]
    NORM_TYPE_FIELD_NUMBER: _ClassVar[int]
    ERROR_IF_NONFINITE_FIELD_NUMBER: _ClassVar[int]
    max_norm: float
    norm_type: float
    error_if_nonfinite: bool
    def __init__(self, max_norm: _Optional[float] = ..., norm_type: _Optional[float] = ..., error_if_nonfinite: bool = ...) -> None: ...

class CheckpointPolicy(_message.Message):
    __slots__ = ("every_steps", "every_seconds")
    EVERY_STEPS_FIELD_NUMBER: _ClassVar[int]
    EVERY_SECONDS_FIELD_NUMBER: _ClassVar[int]
    every_steps: int
    every_seconds: float
    def __init__(self, every_steps: _Optional[int] = ..., every_seconds: _Optional[float] = ...) -> None: ...

class WeightSchedule(_message.Message):
    __slots__ = ("points", "interpolation")
    POINTS_FIELD_NUMBER: _ClassVar[int]
    INTERPOLATION_FIELD_NUMBER: _ClassVar[int]
    points: _containers.RepeatedCompositeFieldContainer[WeightPoint]
    interpolation: Interpolation
    def __init__(self, points: _Optional[_Iterable[_Union[WeightPoint, _Mapping]]] = ..., interpolation: _Optional[_Union[Interpolation, str]] = ...) -> None: ...

class WeightPoint(_message.Message):
    __slots__ = ("step", "weight")
    STEP_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    step: int
    weight: float
    def __init__(self, step: _Optional[int] = ..., weight: _Optional[float] = ...) -> None: ...

class CreateSessionRequest(_message.Message):
    __slots__ = ("model", "loss", "optimizer", "seed", "state_dict", "clip_grad_norm", "clip_grad_value", "scheduler", "averaging", "autocast", "nonfinite", "durability", "checkpoint", "ttl", "weight_schedules", "safetensors", "attachments")
    class StateDictEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _tensor_pb2.Tensor
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...
    class WeightSchedulesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: WeightSchedule
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[WeightSchedule, _Mapping]] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    STATE_DICT_FIELD_NUMBER: _ClassVar[int]
    CLIP_GRAD_NORM_FIELD_NUMBER: _ClassVar[int]
    CLIP_GRAD_VALUE_FIELD_NUMBER: _ClassVar[int]
    SCHEDULER_FIELD_NUMBER: _ClassVar[int]
    AVERAGING_FIELD_NUMBER: _ClassVar[int]
    AUTOCAST_FIELD_NUMBER: _ClassVar[int]
    NONFINITE_FIELD_NUMBER: _ClassVar[int]
    DURABILITY_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_SCHEDULES_FIELD_NUMBER: _ClassVar[int]
    SAFETENSORS_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    model: _model_pb2.ModelSpec
    loss: _loss_pb2.LossSpec
    optimizer: _optimizer_pb2.OptimizerSpec
    seed: int
    state_dict: _containers.MessageMap[str, _tensor_pb2.Tensor]
    clip_grad_norm: ClipGradNorm
    clip_grad_value: float
    scheduler: _optimizer_pb2.SchedulerSpec
    averaging: _optimizer_pb2.Averaging
    autocast: _tensor_pb2.DataType
    nonfinite: Nonfinite
    durability: Durability
    checkpoint: CheckpointPolicy
    ttl: _duration_pb2.Duration
    weight_schedules: _containers.MessageMap[str, WeightSchedule]
    safetensors: bytes
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, model: _Optional[_Union[_model_pb2.ModelSpec, _Mapping]] = ..., loss: _Optional[_Union[_loss_pb2.LossSpec, _Mapping]] = ..., optimizer: _Optional[_Union[_optimizer_pb2.OptimizerSpec, _Mapping]] = ..., seed: _Optional[int] = ..., state_dict: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., clip_grad_norm: _Optional[_Union[ClipGradNorm, _Mapping]] = ..., clip_grad_value: _Optional[float] = ..., scheduler: _Optional[_Union[_optimizer_pb2.SchedulerSpec, _Mapping]] = ..., averaging: _Optional[_Union[_optimizer_pb2.Averaging, _Mapping]] = ..., autocast: _Optional[_Union[_tensor_pb2.DataType, str]] = ..., nonfinite: _Optional[_Union[Nonfinite, str]] = ..., durability: _Optional[_Union[Durability, str]] = ..., checkpoint: _Optional[_Union[CheckpointPolicy, _Mapping]] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., weight_schedules: _Optional[_Mapping[str, WeightSchedule]] = ..., safetensors: _Optional[bytes] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class CreateSessionResponse(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: Session
    def __init__(self, session: _Optional[_Union[Session, _Mapping]] = ...) -> None: ...

class GetSessionRequest(_message.Message):
    __slots__ = ("session_id",)
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    def __init__(self, session_id: _Optional[str] = ...) -> None: ...

class GetSessionResponse(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: Session
    def __init__(self, session: _Optional[_Union[Session, _Mapping]] = ...) -> None: ...

class ListSessionsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListSessionsResponse(_message.Message):
    __slots__ = ("sessions", "next_page_token")
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    sessions: _containers.RepeatedCompositeFieldContainer[Session]
    next_page_token: str
    def __init__(self, sessions: _Optional[_Iterable[_Union[Session, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeleteSessionRequest(_message.Message):
    __slots__ = ("session_id",)
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    def __init__(self, session_id: _Optional[str] = ...) -> None: ...

class DeleteSessionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class TrainStepRequest(_message.Message):
    __slots__ = ("session_id", "inputs", "targets", "response_encoding", "seq", "overrides", "metrics", "diagnostics", "attachments")
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _tensor_pb2.Tensor
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...
    class TargetsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _tensor_pb2.Tensor
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...
    class OverridesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_ENCODING_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    OVERRIDES_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    inputs: _containers.MessageMap[str, _tensor_pb2.Tensor]
    targets: _containers.MessageMap[str, _tensor_pb2.Tensor]
    response_encoding: _tensor_pb2.ResponseEncoding
    seq: int
    overrides: _containers.ScalarMap[str, float]
    metrics: _containers.RepeatedScalarFieldContainer[str]
    diagnostics: _diagnostic_pb2.DiagnosticsLevel
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, session_id: _Optional[str] = ..., inputs: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., targets: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., response_encoding: _Optional[_Union[_tensor_pb2.ResponseEncoding, str]] = ..., seq: _Optional[int] = ..., overrides: _Optional[_Mapping[str, float]] = ..., metrics: _Optional[_Iterable[str]] = ..., diagnostics: _Optional[_Union[_diagnostic_pb2.DiagnosticsLevel, str]] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class TrainStepResponse(_message.Message):
    __slots__ = ("value", "step", "grad_norm", "terms", "execution", "seq", "replayed", "lr", "metrics", "diagnostics")
    class TermsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    VALUE_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    GRAD_NORM_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    LR_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    value: float
    step: int
    grad_norm: float
    terms: _containers.ScalarMap[str, float]
    execution: _tensor_pb2.Execution
    seq: int
    replayed: bool
    lr: _containers.RepeatedScalarFieldContainer[float]
    metrics: _containers.ScalarMap[str, float]
    diagnostics: _containers.RepeatedCompositeFieldContainer[_diagnostic_pb2.Diagnostic]
    def __init__(self, value: _Optional[float] = ..., step: _Optional[int] = ..., grad_norm: _Optional[float] = ..., terms: _Optional[_Mapping[str, float]] = ..., execution: _Optional[_Union[_tensor_pb2.Execution, _Mapping]] = ..., seq: _Optional[int] = ..., replayed: bool = ..., lr: _Optional[_Iterable[float]] = ..., metrics: _Optional[_Mapping[str, float]] = ..., diagnostics: _Optional[_Iterable[_Union[_diagnostic_pb2.Diagnostic, _Mapping]]] = ...) -> None: ...

class ForwardBackwardRequest(_message.Message):
    __slots__ = ("session_id", "inputs", "targets", "seq", "weight", "metrics", "diagnostics", "attachments")
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _tensor_pb2.Tensor
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...
    class TargetsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _tensor_pb2.Tensor
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    inputs: _containers.MessageMap[str, _tensor_pb2.Tensor]
    targets: _containers.MessageMap[str, _tensor_pb2.Tensor]
    seq: int
    weight: float
    metrics: _containers.RepeatedScalarFieldContainer[str]
    diagnostics: _diagnostic_pb2.DiagnosticsLevel
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, session_id: _Optional[str] = ..., inputs: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., targets: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., seq: _Optional[int] = ..., weight: _Optional[float] = ..., metrics: _Optional[_Iterable[str]] = ..., diagnostics: _Optional[_Union[_diagnostic_pb2.DiagnosticsLevel, str]] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ForwardBackwardResponse(_message.Message):
    __slots__ = ("value", "pending_micro_batches", "weight_sum", "terms", "execution", "seq", "replayed", "metrics", "diagnostics")
    class TermsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    VALUE_FIELD_NUMBER: _ClassVar[int]
    PENDING_MICRO_BATCHES_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_SUM_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    value: float
    pending_micro_batches: int
    weight_sum: float
    terms: _containers.ScalarMap[str, float]
    execution: _tensor_pb2.Execution
    seq: int
    replayed: bool
    metrics: _containers.ScalarMap[str, float]
    diagnostics: _containers.RepeatedCompositeFieldContainer[_diagnostic_pb2.Diagnostic]
    def __init__(self, value: _Optional[float] = ..., pending_micro_batches: _Optional[int] = ..., weight_sum: _Optional[float] = ..., terms: _Optional[_Mapping[str, float]] = ..., execution: _Optional[_Union[_tensor_pb2.Execution, _Mapping]] = ..., seq: _Optional[int] = ..., replayed: bool = ..., metrics: _Optional[_Mapping[str, float]] = ..., diagnostics: _Optional[_Iterable[_Union[_diagnostic_pb2.Diagnostic, _Mapping]]] = ...) -> None: ...

class OptimStepRequest(_message.Message):
    __slots__ = ("session_id", "seq", "overrides", "discard", "diagnostics")
    class OverridesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    OVERRIDES_FIELD_NUMBER: _ClassVar[int]
    DISCARD_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    seq: int
    overrides: _containers.ScalarMap[str, float]
    discard: bool
    diagnostics: _diagnostic_pb2.DiagnosticsLevel
    def __init__(self, session_id: _Optional[str] = ..., seq: _Optional[int] = ..., overrides: _Optional[_Mapping[str, float]] = ..., discard: bool = ..., diagnostics: _Optional[_Union[_diagnostic_pb2.DiagnosticsLevel, str]] = ...) -> None: ...

class OptimStepResponse(_message.Message):
    __slots__ = ("value", "step", "grad_norm", "micro_batches", "execution", "seq", "replayed", "lr", "diagnostics")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    GRAD_NORM_FIELD_NUMBER: _ClassVar[int]
    MICRO_BATCHES_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    LR_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    value: float
    step: int
    grad_norm: float
    micro_batches: int
    execution: _tensor_pb2.Execution
    seq: int
    replayed: bool
    lr: _containers.RepeatedScalarFieldContainer[float]
    diagnostics: _containers.RepeatedCompositeFieldContainer[_diagnostic_pb2.Diagnostic]
    def __init__(self, value: _Optional[float] = ..., step: _Optional[int] = ..., grad_norm: _Optional[float] = ..., micro_batches: _Optional[int] = ..., execution: _Optional[_Union[_tensor_pb2.Execution, _Mapping]] = ..., seq: _Optional[int] = ..., replayed: bool = ..., lr: _Optional[_Iterable[float]] = ..., diagnostics: _Optional[_Iterable[_Union[_diagnostic_pb2.Diagnostic, _Mapping]]] = ...) -> None: ...

class TrainStreamRequest(_message.Message):
    __slots__ = ("session_id", "train_step", "forward_backward", "optim_step", "attachments")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    TRAIN_STEP_FIELD_NUMBER: _ClassVar[int]
    FORWARD_BACKWARD_FIELD_NUMBER: _ClassVar[int]
    OPTIM_STEP_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    train_step: TrainStepRequest
    forward_backward: ForwardBackwardRequest
    optim_step: OptimStepRequest
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, session_id: _Optional[str] = ..., train_step: _Optional[_Union[TrainStepRequest, _Mapping]] = ..., forward_backward: _Optional[_Union[ForwardBackwardRequest, _Mapping]] = ..., optim_step: _Optional[_Union[OptimStepRequest, _Mapping]] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class TrainStreamResponse(_message.Message):
    __slots__ = ("train_step", "forward_backward", "optim_step", "error")
    TRAIN_STEP_FIELD_NUMBER: _ClassVar[int]
    FORWARD_BACKWARD_FIELD_NUMBER: _ClassVar[int]
    OPTIM_STEP_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    train_step: TrainStepResponse
    forward_backward: ForwardBackwardResponse
    optim_step: OptimStepResponse
    error: _error_reason_pb2.Status
    def __init__(self, train_step: _Optional[_Union[TrainStepResponse, _Mapping]] = ..., forward_backward: _Optional[_Union[ForwardBackwardResponse, _Mapping]] = ..., optim_step: _Optional[_Union[OptimStepResponse, _Mapping]] = ..., error: _Optional[_Union[_error_reason_pb2.Status, _Mapping]] = ...) -> None: ...

class FitRequest(_message.Message):
    __slots__ = ("session_id", "inputs", "targets", "seq", "epochs", "batch_size", "shuffle", "shuffle_seed", "drop_last", "validation_split", "validation_inputs", "validation_targets", "early_stopping", "restore_best", "metrics", "accumulate", "after_epoch", "resume", "diagnostics", "attachments")
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _tensor_pb2.Tensor
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...
    class TargetsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _tensor_pb2.Tensor
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...
    class ValidationInputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _tensor_pb2.Tensor
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...
    class ValidationTargetsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _tensor_pb2.Tensor
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    SHUFFLE_FIELD_NUMBER: _ClassVar[int]
    SHUFFLE_SEED_FIELD_NUMBER: _ClassVar[int]
    DROP_LAST_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_SPLIT_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_INPUTS_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_TARGETS_FIELD_NUMBER: _ClassVar[int]
    EARLY_STOPPING_FIELD_NUMBER: _ClassVar[int]
    RESTORE_BEST_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    ACCUMULATE_FIELD_NUMBER: _ClassVar[int]
    AFTER_EPOCH_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    inputs: _containers.MessageMap[str, _tensor_pb2.Tensor]
    targets: _containers.MessageMap[str, _tensor_pb2.Tensor]
    seq: int
    epochs: int
    batch_size: int
    shuffle: bool
    shuffle_seed: int
    drop_last: bool
    validation_split: float
    validation_inputs: _containers.MessageMap[str, _tensor_pb2.Tensor]
    validation_targets: _containers.MessageMap[str, _tensor_pb2.Tensor]
    early_stopping: EarlyStopping
    restore_best: bool
    metrics: _containers.RepeatedScalarFieldContainer[str]
    accumulate: int
    after_epoch: int
    resume: bool
    diagnostics: _diagnostic_pb2.DiagnosticsLevel
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, session_id: _Optional[str] = ..., inputs: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., targets: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., seq: _Optional[int] = ..., epochs: _Optional[int] = ..., batch_size: _Optional[int] = ..., shuffle: bool = ..., shuffle_seed: _Optional[int] = ..., drop_last: bool = ..., validation_split: _Optional[float] = ..., validation_inputs: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., validation_targets: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., early_stopping: _Optional[_Union[EarlyStopping, _Mapping]] = ..., restore_best: bool = ..., metrics: _Optional[_Iterable[str]] = ..., accumulate: _Optional[int] = ..., after_epoch: _Optional[int] = ..., resume: bool = ..., diagnostics: _Optional[_Union[_diagnostic_pb2.DiagnosticsLevel, str]] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class EarlyStopping(_message.Message):
    __slots__ = ("patience", "min_delta", "monitor")
    PATIENCE_FIELD_NUMBER: _ClassVar[int]
    MIN_DELTA_FIELD_NUMBER: _ClassVar[int]
    MONITOR_FIELD_NUMBER: _ClassVar[int]
    patience: int
    min_delta: float
    monitor: str
    def __init__(self, patience: _Optional[int] = ..., min_delta: _Optional[float] = ..., monitor: _Optional[str] = ...) -> None: ...

class FitResponse(_message.Message):
    __slots__ = ("epochs", "epoch", "step", "progress", "value", "stop_reason", "best_epoch", "restored_best", "seq", "replayed", "execution")
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    STOP_REASON_FIELD_NUMBER: _ClassVar[int]
    BEST_EPOCH_FIELD_NUMBER: _ClassVar[int]
    RESTORED_BEST_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    epochs: _containers.RepeatedCompositeFieldContainer[Epoch]
    epoch: int
    step: int
    progress: float
    value: float
    stop_reason: StopReason
    best_epoch: int
    restored_best: bool
    seq: int
    replayed: bool
    execution: _tensor_pb2.Execution
    def __init__(self, epochs: _Optional[_Iterable[_Union[Epoch, _Mapping]]] = ..., epoch: _Optional[int] = ..., step: _Optional[int] = ..., progress: _Optional[float] = ..., value: _Optional[float] = ..., stop_reason: _Optional[_Union[StopReason, str]] = ..., best_epoch: _Optional[int] = ..., restored_best: bool = ..., seq: _Optional[int] = ..., replayed: bool = ..., execution: _Optional[_Union[_tensor_pb2.Execution, _Mapping]] = ...) -> None: ...

class Epoch(_message.Message):
    __slots__ = ("epoch", "step", "value", "validation_value", "terms", "metrics", "grad_norm", "lr", "seconds", "diagnostics")
    class TermsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_VALUE_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    GRAD_NORM_FIELD_NUMBER: _ClassVar[int]
    LR_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    step: int
    value: float
    validation_value: float
    terms: _containers.ScalarMap[str, float]
    metrics: _containers.ScalarMap[str, float]
    grad_norm: float
    lr: _containers.RepeatedScalarFieldContainer[float]
    seconds: float
    diagnostics: _containers.RepeatedCompositeFieldContainer[_diagnostic_pb2.Diagnostic]
    def __init__(self, epoch: _Optional[int] = ..., step: _Optional[int] = ..., value: _Optional[float] = ..., validation_value: _Optional[float] = ..., terms: _Optional[_Mapping[str, float]] = ..., metrics: _Optional[_Mapping[str, float]] = ..., grad_norm: _Optional[float] = ..., lr: _Optional[_Iterable[float]] = ..., seconds: _Optional[float] = ..., diagnostics: _Optional[_Iterable[_Union[_diagnostic_pb2.Diagnostic, _Mapping]]] = ...) -> None: ...

class ForwardRequest(_message.Message):
    __slots__ = ("session_id", "inputs", "response_encoding", "averaged", "attachments")
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _tensor_pb2.Tensor
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_ENCODING_FIELD_NUMBER: _ClassVar[int]
    AVERAGED_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    inputs: _containers.MessageMap[str, _tensor_pb2.Tensor]
    response_encoding: _tensor_pb2.ResponseEncoding
    averaged: bool
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, session_id: _Optional[str] = ..., inputs: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., response_encoding: _Optional[_Union[_tensor_pb2.ResponseEncoding, str]] = ..., averaged: bool = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ForwardResponse(_message.Message):
    __slots__ = ("output", "execution", "attachments")
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    output: _tensor_pb2.Tensor
    execution: _tensor_pb2.Execution
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, output: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., execution: _Optional[_Union[_tensor_pb2.Execution, _Mapping]] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class EvaluateSessionRequest(_message.Message):
    __slots__ = ("session_id", "inputs", "targets", "batch_size", "metrics", "averaged", "diagnostics", "series", "response_encoding", "attachments")
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _tensor_pb2.Tensor
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...
    class TargetsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _tensor_pb2.Tensor
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    AVERAGED_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_ENCODING_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    inputs: _containers.MessageMap[str, _tensor_pb2.Tensor]
    targets: _containers.MessageMap[str, _tensor_pb2.Tensor]
    batch_size: int
    metrics: _containers.RepeatedScalarFieldContainer[str]
    averaged: bool
    diagnostics: _diagnostic_pb2.DiagnosticsLevel
    series: str
    response_encoding: _tensor_pb2.ResponseEncoding
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, session_id: _Optional[str] = ..., inputs: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., targets: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., batch_size: _Optional[int] = ..., metrics: _Optional[_Iterable[str]] = ..., averaged: bool = ..., diagnostics: _Optional[_Union[_diagnostic_pb2.DiagnosticsLevel, str]] = ..., series: _Optional[str] = ..., response_encoding: _Optional[_Union[_tensor_pb2.ResponseEncoding, str]] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class EvaluateSessionResponse(_message.Message):
    __slots__ = ("value", "terms", "metrics", "loss_sum", "weight_sum", "examples", "step", "execution", "diagnostics", "metric_arrays", "attachments")
    class TermsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class MetricArraysEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _tensor_pb2.Tensor
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...
    VALUE_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    LOSS_SUM_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_SUM_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    METRIC_ARRAYS_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    value: float
    terms: _containers.ScalarMap[str, float]
    metrics: _containers.ScalarMap[str, float]
    loss_sum: float
    weight_sum: float
    examples: int
    step: int
    execution: _tensor_pb2.Execution
    diagnostics: _containers.RepeatedCompositeFieldContainer[_diagnostic_pb2.Diagnostic]
    metric_arrays: _containers.MessageMap[str, _tensor_pb2.Tensor]
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, value: _Optional[float] = ..., terms: _Optional[_Mapping[str, float]] = ..., metrics: _Optional[_Mapping[str, float]] = ..., loss_sum: _Optional[float] = ..., weight_sum: _Optional[float] = ..., examples: _Optional[int] = ..., step: _Optional[int] = ..., execution: _Optional[_Union[_tensor_pb2.Execution, _Mapping]] = ..., diagnostics: _Optional[_Iterable[_Union[_diagnostic_pb2.Diagnostic, _Mapping]]] = ..., metric_arrays: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class SaveSessionRequest(_message.Message):
    __slots__ = ("session_id",)
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    def __init__(self, session_id: _Optional[str] = ...) -> None: ...

class SaveSessionResponse(_message.Message):
    __slots__ = ("step", "seq", "path", "size")
    STEP_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    step: int
    seq: int
    path: str
    size: int
    def __init__(self, step: _Optional[int] = ..., seq: _Optional[int] = ..., path: _Optional[str] = ..., size: _Optional[int] = ...) -> None: ...

class RestoreSessionRequest(_message.Message):
    __slots__ = ("session_id",)
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    def __init__(self, session_id: _Optional[str] = ...) -> None: ...

class RestoreSessionResponse(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: Session
    def __init__(self, session: _Optional[_Union[Session, _Mapping]] = ...) -> None: ...

class GetSessionStateRequest(_message.Message):
    __slots__ = ("session_id", "response_encoding", "averaged")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_ENCODING_FIELD_NUMBER: _ClassVar[int]
    AVERAGED_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    response_encoding: _tensor_pb2.ResponseEncoding
    averaged: bool
    def __init__(self, session_id: _Optional[str] = ..., response_encoding: _Optional[_Union[_tensor_pb2.ResponseEncoding, str]] = ..., averaged: bool = ...) -> None: ...

class GetSessionStateResponse(_message.Message):
    __slots__ = ("state_dict", "step", "attachments")
    class StateDictEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _tensor_pb2.Tensor
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...
    STATE_DICT_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    state_dict: _containers.MessageMap[str, _tensor_pb2.Tensor]
    step: int
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, state_dict: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., step: _Optional[int] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...
