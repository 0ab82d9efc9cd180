from lossd.v1 import diagnostic_pb2 as _diagnostic_pb2
from lossd.v1 import loss_pb2 as _loss_pb2
from lossd.v1 import tensor_pb2 as _tensor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExplainLossRequest(_message.Message):
    __slots__ = ("loss", "inputs", "metrics", "limit", "response_encoding", "attachments")
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _tensor_pb2.Tensor
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...
    LOSS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_ENCODING_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    loss: _loss_pb2.LossSpec
    inputs: _containers.MessageMap[str, _tensor_pb2.Tensor]
    metrics: _containers.RepeatedScalarFieldContainer[str]
    limit: int
    response_encoding: _tensor_pb2.ResponseEncoding
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, loss: _Optional[_Union[_loss_pb2.LossSpec, _Mapping]] = ..., inputs: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., metrics: _Optional[_Iterable[str]] = ..., limit: _Optional[int] = ..., response_encoding: _Optional[_Union[_tensor_pb2.ResponseEncoding, str]] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ExplainLossResponse(_message.Message):
    __slots__ = ("value", "loss_sum", "weight_sum", "terms", "examples", "worst", "unexplained", "histograms", "curves", "metrics", "diagnostics", "execution", "metric_arrays", "attachments")
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
    LOSS_SUM_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_SUM_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    WORST_FIELD_NUMBER: _ClassVar[int]
    UNEXPLAINED_FIELD_NUMBER: _ClassVar[int]
    HISTOGRAMS_FIELD_NUMBER: _ClassVar[int]
    CURVES_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    METRIC_ARRAYS_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    value: float
    loss_sum: float
    weight_sum: float
    terms: _containers.RepeatedCompositeFieldContainer[ExplainedTerm]
    examples: int
    worst: _containers.RepeatedCompositeFieldContainer[ExplainedExample]
    unexplained: str
    histograms: _containers.RepeatedCompositeFieldContainer[Histogram]
    curves: _containers.RepeatedCompositeFieldContainer[Curve]
    metrics: _containers.ScalarMap[str, float]
    diagnostics: _containers.RepeatedCompositeFieldContainer[_diagnostic_pb2.Diagnostic]
    execution: _tensor_pb2.Execution
    metric_arrays: _containers.MessageMap[str, _tensor_pb2.Tensor]
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, value: _Optional[float] = ..., loss_sum: _Optional[float] = ..., weight_sum: _Optional[float] = ..., terms: _Optional[_Iterable[_Union[ExplainedTerm, _Mapping]]] = ..., examples: _Optional[int] = ..., worst: _Optional[_Iterable[_Union[ExplainedExample, _Mapping]]] = ..., unexplained: _Optional[str] = ..., histograms: _Optional[_Iterable[_Union[Histogram, _Mapping]]] = ..., curves: _Optional[_Iterable[_Union[Curve, _Mapping]]] = ..., metrics: _Optional[_Mapping[str, float]] = ..., diagnostics: _Optional[_Iterable[_Union[_diagnostic_pb2.Diagnostic, _Mapping]]] = ..., execution: _Optional[_Union[_tensor_pb2.Execution, _Mapping]] = ..., metric_arrays: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ExplainedTerm(_message.Message):
    __slots__ = ("label", "value", "weight", "contribution")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    CONTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    label: str
    value: float
    weight: float
    contribution: float
    def __init__(self, label: _Optional[str] = ..., value: _Optional[float] = ..., weight: _Optional[float] = ..., contribution: _Optional[float] = ...) -> None: ...

class ExplainedExample(_message.Message):
    __slots__ = ("index", "loss", "contribution", "share", "gradient_norm", "prediction", "target")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    CONTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_NORM_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    index: int
    loss: float
    contribution: float
    share: float
    gradient_norm: float
    prediction: str
    target: str
    def __init__(self, index: _Optional[int] = ..., loss: _Optional[float] = ..., contribution: _Optional[float] = ..., share: _Optional[float] = ..., gradient_norm: _Optional[float] = ..., prediction: _Optional[str] = ..., target: _Optional[str] = ...) -> None: ...

class Histogram(_message.Message):
    __slots__ = ("name", "title", "edges", "counts", "nonfinite")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    NONFINITE_FIELD_NUMBER: _ClassVar[int]
    name: str
    title: str
    edges: _containers.RepeatedScalarFieldContainer[float]
    counts: _containers.RepeatedScalarFieldContainer[int]
    nonfinite: int
    def __init__(self, name: _Optional[str] = ..., title: _Optional[str] = ..., edges: _Optional[_Iterable[float]] = ..., counts: _Optional[_Iterable[int]] = ..., nonfinite: _Optional[int] = ...) -> None: ...

class Curve(_message.Message):
    __slots__ = ("name", "title", "x", "loss", "at", "examples")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    X_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    name: str
    title: str
    x: _containers.RepeatedScalarFieldContainer[float]
    loss: _containers.RepeatedScalarFieldContainer[float]
    at: float
    examples: int
    def __init__(self, name: _Optional[str] = ..., title: _Optional[str] = ..., x: _Optional[_Iterable[float]] = ..., loss: _Optional[_Iterable[float]] = ..., at: _Optional[float] = ..., examples: _Optional[int] = ...) -> None: ...
