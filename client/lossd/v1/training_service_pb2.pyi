import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from lossd.v1 import loss_pb2 as _loss_pb2
from lossd.v1 import model_pb2 as _model_pb2
from lossd.v1 import tensor_pb2 as _tensor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Session(_message.Message):
    __slots__ = ("session_id", "device", "step", "parameter_count", "model", "loss", "optimizer", "create_time", "clip_grad_norm", "clip_grad_value")
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
    session_id: str
    device: str
    step: int
    parameter_count: int
    model: _model_pb2.ModelSpec
    loss: _loss_pb2.LossSpec
    optimizer: _model_pb2.OptimizerSpec
    create_time: _timestamp_pb2.Timestamp
    clip_grad_norm: ClipGradNorm
    clip_grad_value: float
    def __init__(self, session_id: _Optional[str] = ..., device: _Optional[str] = ..., step: _Optional[int] = ..., parameter_count: _Optional[int] = ..., model: _Optional[_Union[_model_pb2.ModelSpec, _Mapping]] = ..., loss: _Optional[_Union[_loss_pb2.LossSpec, _Mapping]] = ..., optimizer: _Optional[_Union[_model_pb2.OptimizerSpec, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., clip_grad_norm: _Optional[_Union[ClipGradNorm, _Mapping]] = ..., clip_grad_value: _Optional[float] = ...) -> None: ...

class ClipGradNorm(_message.Message):
    __slots__ = ("max_norm", "norm_type", "error_if_nonfinite")
    MAX_NORM_FIELD_NUMBER: _ClassVar[int]
    NORM_TYPE_FIELD_NUMBER: _ClassVar[int]
    ERROR_IF_NONFINITE_FIELD_NUMBER: _ClassVar[int]
    max_norm: float
    norm_type: float
    error_if_nonfinite: bool
    def __init__(self, max_norm: _Optional[float] = ..., norm_type: _Optional[float] = ..., error_if_nonfinite: bool = ...) -> None: ...

class CreateSessionRequest(_message.Message):
    __slots__ = ("model", "loss", "optimizer", "seed", "state_dict", "clip_grad_norm", "clip_grad_value", "attachments")
    class StateDictEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _tensor_pb2.Tensor
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    STATE_DICT_FIELD_NUMBER: _ClassVar[int]
    CLIP_GRAD_NORM_FIELD_NUMBER: _ClassVar[int]
    CLIP_GRAD_VALUE_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    model: _model_pb2.ModelSpec
    loss: _loss_pb2.LossSpec
    optimizer: _model_pb2.OptimizerSpec
    seed: int
    state_dict: _containers.MessageMap[str, _tensor_pb2.Tensor]
    clip_grad_norm: ClipGradNorm
    clip_grad_value: float
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, model: _Optional[_Union[_model_pb2.ModelSpec, _Mapping]] = ..., loss: _Optional[_Union[_loss_pb2.LossSpec, _Mapping]] = ..., optimizer: _Optional[_Union[_model_pb2.OptimizerSpec, _Mapping]] = ..., seed: _Optional[int] = ..., state_dict: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., clip_grad_norm: _Optional[_Union[ClipGradNorm, _Mapping]] = ..., clip_grad_value: _Optional[float] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

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

class DeleteSessionRequest(_message.Message):
    __slots__ = ("session_id",)
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    def __init__(self, session_id: _Optional[str] = ...) -> None: ...

class DeleteSessionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class TrainStepRequest(_message.Message):
    __slots__ = ("session_id", "inputs", "targets", "response_encoding", "attachments")
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
    RESPONSE_ENCODING_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    inputs: _containers.MessageMap[str, _tensor_pb2.Tensor]
    targets: _containers.MessageMap[str, _tensor_pb2.Tensor]
    response_encoding: _tensor_pb2.ResponseEncoding
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, session_id: _Optional[str] = ..., inputs: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., targets: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., response_encoding: _Optional[_Union[_tensor_pb2.ResponseEncoding, str]] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class TrainStepResponse(_message.Message):
    __slots__ = ("value", "step", "grad_norm", "terms", "execution")
    class TermsEntry(_message.Message):
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
    value: float
    step: int
    grad_norm: float
    terms: _containers.ScalarMap[str, float]
    execution: _tensor_pb2.Execution
    def __init__(self, value: _Optional[float] = ..., step: _Optional[int] = ..., grad_norm: _Optional[float] = ..., terms: _Optional[_Mapping[str, float]] = ..., execution: _Optional[_Union[_tensor_pb2.Execution, _Mapping]] = ...) -> None: ...

class ForwardRequest(_message.Message):
    __slots__ = ("session_id", "inputs", "response_encoding", "attachments")
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
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    inputs: _containers.MessageMap[str, _tensor_pb2.Tensor]
    response_encoding: _tensor_pb2.ResponseEncoding
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, session_id: _Optional[str] = ..., inputs: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., response_encoding: _Optional[_Union[_tensor_pb2.ResponseEncoding, str]] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ForwardResponse(_message.Message):
    __slots__ = ("output", "execution", "attachments")
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    output: _tensor_pb2.Tensor
    execution: _tensor_pb2.Execution
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, output: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., execution: _Optional[_Union[_tensor_pb2.Execution, _Mapping]] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class GetSessionStateRequest(_message.Message):
    __slots__ = ("session_id", "response_encoding")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_ENCODING_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    response_encoding: _tensor_pb2.ResponseEncoding
    def __init__(self, session_id: _Optional[str] = ..., response_encoding: _Optional[_Union[_tensor_pb2.ResponseEncoding, str]] = ...) -> None: ...

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
