from lossd.v1 import advice_pb2 as _advice_pb2
from lossd.v1 import diagnostic_pb2 as _diagnostic_pb2
from lossd.v1 import loss_pb2 as _loss_pb2
from lossd.v1 import tensor_pb2 as _tensor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MetricDirection(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    METRIC_DIRECTION_UNSPECIFIED: _ClassVar[MetricDirection]
    METRIC_DIRECTION_HIGHER: _ClassVar[MetricDirection]
    METRIC_DIRECTION_LOWER: _ClassVar[MetricDirection]
METRIC_DIRECTION_UNSPECIFIED: MetricDirection
METRIC_DIRECTION_HIGHER: MetricDirection
METRIC_DIRECTION_LOWER: MetricDirection

class ListLossesRequest(_message.Message):
    __slots__ = ("task", "family")
    TASK_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    task: str
    family: str
    def __init__(self, task: _Optional[str] = ..., family: _Optional[str] = ...) -> None: ...

class ListLossesResponse(_message.Message):
    __slots__ = ("losses",)
    LOSSES_FIELD_NUMBER: _ClassVar[int]
    losses: _containers.RepeatedCompositeFieldContainer[LossInfo]
    def __init__(self, losses: _Optional[_Iterable[_Union[LossInfo, _Mapping]]] = ...) -> None: ...

class GetLossRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetLossResponse(_message.Message):
    __slots__ = ("loss",)
    LOSS_FIELD_NUMBER: _ClassVar[int]
    loss: LossInfo
    def __init__(self, loss: _Optional[_Union[LossInfo, _Mapping]] = ...) -> None: ...

class LossInfo(_message.Message):
    __slots__ = ("name", "class_name", "summary", "formula", "arguments", "inputs", "reductions", "traps", "tasks", "reference", "family", "aliases", "mean", "example")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CLASS_NAME_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    FORMULA_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    REDUCTIONS_FIELD_NUMBER: _ClassVar[int]
    TRAPS_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    EXAMPLE_FIELD_NUMBER: _ClassVar[int]
    name: str
    class_name: str
    summary: str
    formula: str
    arguments: _containers.RepeatedCompositeFieldContainer[LossArgument]
    inputs: _containers.RepeatedCompositeFieldContainer[LossInput]
    reductions: _containers.RepeatedScalarFieldContainer[_loss_pb2.Reduction]
    traps: _containers.RepeatedScalarFieldContainer[str]
    tasks: _containers.RepeatedScalarFieldContainer[str]
    reference: str
    family: str
    aliases: _containers.RepeatedScalarFieldContainer[str]
    mean: str
    example: LossExample
    def __init__(self, name: _Optional[str] = ..., class_name: _Optional[str] = ..., summary: _Optional[str] = ..., formula: _Optional[str] = ..., arguments: _Optional[_Iterable[_Union[LossArgument, _Mapping]]] = ..., inputs: _Optional[_Iterable[_Union[LossInput, _Mapping]]] = ..., reductions: _Optional[_Iterable[_Union[_loss_pb2.Reduction, str]]] = ..., traps: _Optional[_Iterable[str]] = ..., tasks: _Optional[_Iterable[str]] = ..., reference: _Optional[str] = ..., family: _Optional[str] = ..., aliases: _Optional[_Iterable[str]] = ..., mean: _Optional[str] = ..., example: _Optional[_Union[LossExample, _Mapping]] = ...) -> None: ...

class LossExample(_message.Message):
    __slots__ = ("arguments", "inputs", "value", "python")
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    PYTHON_FIELD_NUMBER: _ClassVar[int]
    arguments: str
    inputs: str
    value: float
    python: str
    def __init__(self, arguments: _Optional[str] = ..., inputs: _Optional[str] = ..., value: _Optional[float] = ..., python: _Optional[str] = ...) -> None: ...

class LossArgument(_message.Message):
    __slots__ = ("name", "type", "default", "description", "required", "choices", "range", "fields")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    RANGE_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    default: str
    description: str
    required: bool
    choices: _containers.RepeatedScalarFieldContainer[str]
    range: str
    fields: _containers.RepeatedCompositeFieldContainer[LossArgument]
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., default: _Optional[str] = ..., description: _Optional[str] = ..., required: bool = ..., choices: _Optional[_Iterable[str]] = ..., range: _Optional[str] = ..., fields: _Optional[_Iterable[_Union[LossArgument, _Mapping]]] = ...) -> None: ...

class LossInput(_message.Message):
    __slots__ = ("name", "dtypes", "shape", "description", "differentiable", "optional")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DTYPES_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    DIFFERENTIABLE_FIELD_NUMBER: _ClassVar[int]
    OPTIONAL_FIELD_NUMBER: _ClassVar[int]
    name: str
    dtypes: _containers.RepeatedScalarFieldContainer[_tensor_pb2.DataType]
    shape: str
    description: str
    differentiable: bool
    optional: bool
    def __init__(self, name: _Optional[str] = ..., dtypes: _Optional[_Iterable[_Union[_tensor_pb2.DataType, str]]] = ..., shape: _Optional[str] = ..., description: _Optional[str] = ..., differentiable: bool = ..., optional: bool = ...) -> None: ...

class ValidateLossRequest(_message.Message):
    __slots__ = ("loss", "inputs", "gradients")
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: TensorType
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[TensorType, _Mapping]] = ...) -> None: ...
    LOSS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    GRADIENTS_FIELD_NUMBER: _ClassVar[int]
    loss: _loss_pb2.LossSpec
    inputs: _containers.MessageMap[str, TensorType]
    gradients: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, loss: _Optional[_Union[_loss_pb2.LossSpec, _Mapping]] = ..., inputs: _Optional[_Mapping[str, TensorType]] = ..., gradients: _Optional[_Iterable[str]] = ...) -> None: ...

class ValidateLossResponse(_message.Message):
    __slots__ = ("result", "gradients")
    class GradientsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: TensorType
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[TensorType, _Mapping]] = ...) -> None: ...
    RESULT_FIELD_NUMBER: _ClassVar[int]
    GRADIENTS_FIELD_NUMBER: _ClassVar[int]
    result: TensorType
    gradients: _containers.MessageMap[str, TensorType]
    def __init__(self, result: _Optional[_Union[TensorType, _Mapping]] = ..., gradients: _Optional[_Mapping[str, TensorType]] = ...) -> None: ...

class TensorType(_message.Message):
    __slots__ = ("dtype", "shape")
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    dtype: _tensor_pb2.DataType
    shape: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, dtype: _Optional[_Union[_tensor_pb2.DataType, str]] = ..., shape: _Optional[_Iterable[int]] = ...) -> None: ...

class ListMetricsRequest(_message.Message):
    __slots__ = ("task",)
    TASK_FIELD_NUMBER: _ClassVar[int]
    task: str
    def __init__(self, task: _Optional[str] = ...) -> None: ...

class ListMetricsResponse(_message.Message):
    __slots__ = ("metrics",)
    METRICS_FIELD_NUMBER: _ClassVar[int]
    metrics: _containers.RepeatedCompositeFieldContainer[MetricInfo]
    def __init__(self, metrics: _Optional[_Iterable[_Union[MetricInfo, _Mapping]]] = ...) -> None: ...

class MetricInfo(_message.Message):
    __slots__ = ("name", "class_names", "tasks", "summary", "formula", "direction", "arguments", "array")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CLASS_NAMES_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    FORMULA_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    ARRAY_FIELD_NUMBER: _ClassVar[int]
    name: str
    class_names: _containers.RepeatedScalarFieldContainer[str]
    tasks: _containers.RepeatedScalarFieldContainer[str]
    summary: str
    formula: str
    direction: MetricDirection
    arguments: _containers.RepeatedCompositeFieldContainer[LossArgument]
    array: bool
    def __init__(self, name: _Optional[str] = ..., class_names: _Optional[_Iterable[str]] = ..., tasks: _Optional[_Iterable[str]] = ..., summary: _Optional[str] = ..., formula: _Optional[str] = ..., direction: _Optional[_Union[MetricDirection, str]] = ..., arguments: _Optional[_Iterable[_Union[LossArgument, _Mapping]]] = ..., array: bool = ...) -> None: ...
