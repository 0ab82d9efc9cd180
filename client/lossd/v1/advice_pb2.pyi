from lossd.v1 import loss_pb2 as _loss_pb2
from lossd.v1 import tensor_pb2 as _tensor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RecommendLossRequest(_message.Message):
    __slots__ = ("task", "target", "input", "limit", "attachments")
    TASK_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    task: str
    target: _tensor_pb2.Tensor
    input: _tensor_pb2.Tensor
    limit: int
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, task: _Optional[str] = ..., target: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., input: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., limit: _Optional[int] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class RecommendLossResponse(_message.Message):
    __slots__ = ("recommendations", "rejected", "open_questions", "measurements")
    RECOMMENDATIONS_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    OPEN_QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    MEASUREMENTS_FIELD_NUMBER: _ClassVar[int]
    recommendations: _containers.RepeatedCompositeFieldContainer[Recommendation]
    rejected: _containers.RepeatedCompositeFieldContainer[Rejection]
    open_questions: _containers.RepeatedCompositeFieldContainer[Question]
    measurements: _containers.RepeatedCompositeFieldContainer[Measurement]
    def __init__(self, recommendations: _Optional[_Iterable[_Union[Recommendation, _Mapping]]] = ..., rejected: _Optional[_Iterable[_Union[Rejection, _Mapping]]] = ..., open_questions: _Optional[_Iterable[_Union[Question, _Mapping]]] = ..., measurements: _Optional[_Iterable[_Union[Measurement, _Mapping]]] = ...) -> None: ...

class Recommendation(_message.Message):
    __slots__ = ("name", "loss", "reasons", "cautions", "metrics", "output", "python", "score")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    CAUTIONS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    PYTHON_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    name: str
    loss: _loss_pb2.LossSpec
    reasons: _containers.RepeatedScalarFieldContainer[str]
    cautions: _containers.RepeatedScalarFieldContainer[str]
    metrics: _containers.RepeatedScalarFieldContainer[str]
    output: str
    python: str
    score: float
    def __init__(self, name: _Optional[str] = ..., loss: _Optional[_Union[_loss_pb2.LossSpec, _Mapping]] = ..., reasons: _Optional[_Iterable[str]] = ..., cautions: _Optional[_Iterable[str]] = ..., metrics: _Optional[_Iterable[str]] = ..., output: _Optional[str] = ..., python: _Optional[str] = ..., score: _Optional[float] = ...) -> None: ...

class Rejection(_message.Message):
    __slots__ = ("name", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class Question(_message.Message):
    __slots__ = ("name", "text", "choices")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    name: str
    text: str
    choices: _containers.RepeatedCompositeFieldContainer[Choice]
    def __init__(self, name: _Optional[str] = ..., text: _Optional[str] = ..., choices: _Optional[_Iterable[_Union[Choice, _Mapping]]] = ...) -> None: ...

class Choice(_message.Message):
    __slots__ = ("value", "meaning")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    MEANING_FIELD_NUMBER: _ClassVar[int]
    value: str
    meaning: str
    def __init__(self, value: _Optional[str] = ..., meaning: _Optional[str] = ...) -> None: ...

class Measurement(_message.Message):
    __slots__ = ("name", "value", "meaning")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    MEANING_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: float
    meaning: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ..., meaning: _Optional[str] = ...) -> None: ...
