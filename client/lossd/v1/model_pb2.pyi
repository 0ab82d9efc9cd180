from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ModelSpec(_message.Message):
    __slots__ = ("sequential", "linear", "relu", "tanh", "sigmoid")
    SEQUENTIAL_FIELD_NUMBER: _ClassVar[int]
    LINEAR_FIELD_NUMBER: _ClassVar[int]
    RELU_FIELD_NUMBER: _ClassVar[int]
    TANH_FIELD_NUMBER: _ClassVar[int]
    SIGMOID_FIELD_NUMBER: _ClassVar[int]
    sequential: Sequential
    linear: Linear
    relu: ReLU
    tanh: Tanh
    sigmoid: Sigmoid
    def __init__(self, sequential: _Optional[_Union[Sequential, _Mapping]] = ..., linear: _Optional[_Union[Linear, _Mapping]] = ..., relu: _Optional[_Union[ReLU, _Mapping]] = ..., tanh: _Optional[_Union[Tanh, _Mapping]] = ..., sigmoid: _Optional[_Union[Sigmoid, _Mapping]] = ...) -> None: ...

class Sequential(_message.Message):
    __slots__ = ("modules",)
    MODULES_FIELD_NUMBER: _ClassVar[int]
    modules: _containers.RepeatedCompositeFieldContainer[ModelSpec]
    def __init__(self, modules: _Optional[_Iterable[_Union[ModelSpec, _Mapping]]] = ...) -> None: ...

class Linear(_message.Message):
    __slots__ = ("in_features", "out_features", "bias")
    IN_FEATURES_FIELD_NUMBER: _ClassVar[int]
    OUT_FEATURES_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    in_features: int
    out_features: int
    bias: bool
    def __init__(self, in_features: _Optional[int] = ..., out_features: _Optional[int] = ..., bias: bool = ...) -> None: ...

class ReLU(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Tanh(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Sigmoid(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
