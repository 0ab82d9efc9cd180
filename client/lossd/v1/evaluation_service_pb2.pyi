from lossd.v1 import diagnostic_pb2 as _diagnostic_pb2
from lossd.v1 import error_reason_pb2 as _error_reason_pb2
from lossd.v1 import explanation_pb2 as _explanation_pb2
from lossd.v1 import loss_pb2 as _loss_pb2
from lossd.v1 import tensor_pb2 as _tensor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EvaluateLossRequest(_message.Message):
    __slots__ = ("loss", "inputs", "gradients", "grad_output", "metrics", "diagnostics", "series", "request_id", "validate_only", "response_encoding", "term_gradients", "attachments")
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _tensor_pb2.Tensor
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...
    LOSS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    GRADIENTS_FIELD_NUMBER: _ClassVar[int]
    GRAD_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_ENCODING_FIELD_NUMBER: _ClassVar[int]
    TERM_GRADIENTS_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    loss: _loss_pb2.LossSpec
    inputs: _containers.MessageMap[str, _tensor_pb2.Tensor]
    gradients: _containers.RepeatedScalarFieldContainer[str]
    grad_output: _tensor_pb2.Tensor
    metrics: _containers.RepeatedScalarFieldContainer[str]
    diagnostics: _diagnostic_pb2.DiagnosticsLevel
    series: str
    request_id: str
    validate_only: bool
    response_encoding: _tensor_pb2.ResponseEncoding
    term_gradients: bool
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, loss: _Optional[_Union[_loss_pb2.LossSpec, _Mapping]] = ..., inputs: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., gradients: _Optional[_Iterable[str]] = ..., grad_output: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., metrics: _Optional[_Iterable[str]] = ..., diagnostics: _Optional[_Union[_diagnostic_pb2.DiagnosticsLevel, str]] = ..., series: _Optional[str] = ..., request_id: _Optional[str] = ..., validate_only: bool = ..., response_encoding: _Optional[_Union[_tensor_pb2.ResponseEncoding, str]] = ..., term_gradients: bool = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class EvaluateLossResponse(_message.Message):
    __slots__ = ("value", "losses", "loss_sum", "weight_sum", "terms", "gradients", "metrics", "request_id", "execution", "term_gradients", "diagnostics", "metric_arrays", "attachments")
    class TermsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class GradientsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _tensor_pb2.Tensor
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class TermGradientsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: TermGradients
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[TermGradients, _Mapping]] = ...) -> None: ...
    class MetricArraysEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _tensor_pb2.Tensor
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LOSSES_FIELD_NUMBER: _ClassVar[int]
    LOSS_SUM_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_SUM_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    GRADIENTS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    TERM_GRADIENTS_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    METRIC_ARRAYS_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    value: float
    losses: _tensor_pb2.Tensor
    loss_sum: float
    weight_sum: float
    terms: _containers.ScalarMap[str, float]
    gradients: _containers.MessageMap[str, _tensor_pb2.Tensor]
    metrics: _containers.ScalarMap[str, float]
    request_id: str
    execution: _tensor_pb2.Execution
    term_gradients: _containers.MessageMap[str, TermGradients]
    diagnostics: _containers.RepeatedCompositeFieldContainer[_diagnostic_pb2.Diagnostic]
    metric_arrays: _containers.MessageMap[str, _tensor_pb2.Tensor]
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, value: _Optional[float] = ..., losses: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., loss_sum: _Optional[float] = ..., weight_sum: _Optional[float] = ..., terms: _Optional[_Mapping[str, float]] = ..., gradients: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., metrics: _Optional[_Mapping[str, float]] = ..., request_id: _Optional[str] = ..., execution: _Optional[_Union[_tensor_pb2.Execution, _Mapping]] = ..., term_gradients: _Optional[_Mapping[str, TermGradients]] = ..., diagnostics: _Optional[_Iterable[_Union[_diagnostic_pb2.Diagnostic, _Mapping]]] = ..., metric_arrays: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class TermGradients(_message.Message):
    __slots__ = ("gradients",)
    class GradientsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _tensor_pb2.Tensor
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...
    GRADIENTS_FIELD_NUMBER: _ClassVar[int]
    gradients: _containers.MessageMap[str, _tensor_pb2.Tensor]
    def __init__(self, gradients: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ...) -> None: ...

class BatchEvaluateLossRequest(_message.Message):
    __slots__ = ("evaluations", "attachments")
    EVALUATIONS_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    evaluations: _containers.RepeatedCompositeFieldContainer[EvaluateLossRequest]
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, evaluations: _Optional[_Iterable[_Union[EvaluateLossRequest, _Mapping]]] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class BatchEvaluateLossResponse(_message.Message):
    __slots__ = ("results", "attachments")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[EvaluationResult]
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, results: _Optional[_Iterable[_Union[EvaluationResult, _Mapping]]] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class EvaluationResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: EvaluateLossResponse
    error: _error_reason_pb2.Status
    def __init__(self, response: _Optional[_Union[EvaluateLossResponse, _Mapping]] = ..., error: _Optional[_Union[_error_reason_pb2.Status, _Mapping]] = ...) -> None: ...

class StreamEvaluateLossRequest(_message.Message):
    __slots__ = ("evaluation", "attachments")
    EVALUATION_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    evaluation: EvaluateLossRequest
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, evaluation: _Optional[_Union[EvaluateLossRequest, _Mapping]] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class StreamEvaluateLossResponse(_message.Message):
    __slots__ = ("result", "attachments")
    RESULT_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    result: EvaluationResult
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, result: _Optional[_Union[EvaluationResult, _Mapping]] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class AggregateLossRequest(_message.Message):
    __slots__ = ("loss", "inputs", "metrics", "diagnostics", "series", "request_id", "response_encoding", "attachments")
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
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_ENCODING_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    loss: _loss_pb2.LossSpec
    inputs: _containers.MessageMap[str, _tensor_pb2.Tensor]
    metrics: _containers.RepeatedScalarFieldContainer[str]
    diagnostics: _diagnostic_pb2.DiagnosticsLevel
    series: str
    request_id: str
    response_encoding: _tensor_pb2.ResponseEncoding
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, loss: _Optional[_Union[_loss_pb2.LossSpec, _Mapping]] = ..., inputs: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., metrics: _Optional[_Iterable[str]] = ..., diagnostics: _Optional[_Union[_diagnostic_pb2.DiagnosticsLevel, str]] = ..., series: _Optional[str] = ..., request_id: _Optional[str] = ..., response_encoding: _Optional[_Union[_tensor_pb2.ResponseEncoding, str]] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class AggregateLossResponse(_message.Message):
    __slots__ = ("value", "loss_sum", "weight_sum", "terms", "metrics", "request_id", "execution", "diagnostics", "metric_arrays", "chunks", "examples", "attachments")
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
    LOSS_SUM_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_SUM_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    METRIC_ARRAYS_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    value: float
    loss_sum: float
    weight_sum: float
    terms: _containers.ScalarMap[str, float]
    metrics: _containers.ScalarMap[str, float]
    request_id: str
    execution: _tensor_pb2.Execution
    diagnostics: _containers.RepeatedCompositeFieldContainer[_diagnostic_pb2.Diagnostic]
    metric_arrays: _containers.MessageMap[str, _tensor_pb2.Tensor]
    chunks: int
    examples: int
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, value: _Optional[float] = ..., loss_sum: _Optional[float] = ..., weight_sum: _Optional[float] = ..., terms: _Optional[_Mapping[str, float]] = ..., metrics: _Optional[_Mapping[str, float]] = ..., request_id: _Optional[str] = ..., execution: _Optional[_Union[_tensor_pb2.Execution, _Mapping]] = ..., diagnostics: _Optional[_Iterable[_Union[_diagnostic_pb2.Diagnostic, _Mapping]]] = ..., metric_arrays: _Optional[_Mapping[str, _tensor_pb2.Tensor]] = ..., chunks: _Optional[int] = ..., examples: _Optional[int] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...
