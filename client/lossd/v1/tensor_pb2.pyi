from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DataType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DATA_TYPE_UNSPECIFIED: _ClassVar[DataType]
    DATA_TYPE_FLOAT32: _ClassVar[DataType]
    DATA_TYPE_UINT8: _ClassVar[DataType]
    DATA_TYPE_INT8: _ClassVar[DataType]
    DATA_TYPE_UINT16: _ClassVar[DataType]
    DATA_TYPE_INT16: _ClassVar[DataType]
    DATA_TYPE_INT32: _ClassVar[DataType]
    DATA_TYPE_INT64: _ClassVar[DataType]
    DATA_TYPE_BOOL: _ClassVar[DataType]
    DATA_TYPE_FLOAT16: _ClassVar[DataType]
    DATA_TYPE_FLOAT64: _ClassVar[DataType]
    DATA_TYPE_UINT32: _ClassVar[DataType]
    DATA_TYPE_UINT64: _ClassVar[DataType]
    DATA_TYPE_BFLOAT16: _ClassVar[DataType]
    DATA_TYPE_FLOAT8E4M3FN: _ClassVar[DataType]
    DATA_TYPE_FLOAT8E4M3FNUZ: _ClassVar[DataType]
    DATA_TYPE_FLOAT8E5M2: _ClassVar[DataType]
    DATA_TYPE_FLOAT8E5M2FNUZ: _ClassVar[DataType]
    DATA_TYPE_FLOAT8E8M0: _ClassVar[DataType]

class ResponseEncoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESPONSE_ENCODING_UNSPECIFIED: _ClassVar[ResponseEncoding]
    RESPONSE_ENCODING_VALUES: _ClassVar[ResponseEncoding]
    RESPONSE_ENCODING_RAW: _ClassVar[ResponseEncoding]
    RESPONSE_ENCODING_ATTACHMENT: _ClassVar[ResponseEncoding]
DATA_TYPE_UNSPECIFIED: DataType
DATA_TYPE_FLOAT32: DataType
DATA_TYPE_UINT8: DataType
DATA_TYPE_INT8: DataType
DATA_TYPE_UINT16: DataType
DATA_TYPE_INT16: DataType
DATA_TYPE_INT32: DataType
DATA_TYPE_INT64: DataType
DATA_TYPE_BOOL: DataType
DATA_TYPE_FLOAT16: DataType
DATA_TYPE_FLOAT64: DataType
DATA_TYPE_UINT32: DataType
DATA_TYPE_UINT64: DataType
DATA_TYPE_BFLOAT16: DataType
DATA_TYPE_FLOAT8E4M3FN: DataType
DATA_TYPE_FLOAT8E4M3FNUZ: DataType
DATA_TYPE_FLOAT8E5M2: DataType
DATA_TYPE_FLOAT8E5M2FNUZ: DataType
DATA_TYPE_FLOAT8E8M0: DataType
RESPONSE_ENCODING_UNSPECIFIED: ResponseEncoding
RESPONSE_ENCODING_VALUES: ResponseEncoding
RESPONSE_ENCODING_RAW: ResponseEncoding
RESPONSE_ENCODING_ATTACHMENT: ResponseEncoding

class Tensor(_message.Message):
    __slots__ = ("dtype", "shape", "raw", "values", "attachment")
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENT_FIELD_NUMBER: _ClassVar[int]
    dtype: DataType
    shape: _containers.RepeatedScalarFieldContainer[int]
    raw: bytes
    values: _struct_pb2.ListValue
    attachment: int
    def __init__(self, dtype: _Optional[_Union[DataType, str]] = ..., shape: _Optional[_Iterable[int]] = ..., raw: _Optional[bytes] = ..., values: _Optional[_Union[_struct_pb2.ListValue, _Mapping]] = ..., attachment: _Optional[int] = ...) -> None: ...

class Execution(_message.Message):
    __slots__ = ("device", "queue", "compute", "batch_size")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    COMPUTE_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    device: str
    queue: float
    compute: float
    batch_size: int
    def __init__(self, device: _Optional[str] = ..., queue: _Optional[float] = ..., compute: _Optional[float] = ..., batch_size: _Optional[int] = ...) -> None: ...
