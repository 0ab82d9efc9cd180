"""Tensors between the wire and the device; every size is checked before anything is allocated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from google.protobuf import struct_pb2
from google.protobuf.message import Message
from lossd.v1 import tensor_pb2 as pb
from torch import Tensor

from lossd_server.faults import Fault, shape_text
from lossd_server.limits import MAX_RANK, MAX_VALUES

RAW = pb.RESPONSE_ENCODING_RAW
VALUES = pb.RESPONSE_ENCODING_VALUES
ATTACHMENT = pb.RESPONSE_ENCODING_ATTACHMENT
UNSPECIFIED = pb.RESPONSE_ENCODING_UNSPECIFIED

_FLOAT8 = {name: name.lower().replace("float8", "float8_") for name in ("FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2")}
_FLOAT8 |= {"FLOAT8E5M2FNUZ": "float8_e5m2fnuz", "FLOAT8E8M0": "float8_e8m0fnu"}

DTYPES: dict[int, torch.dtype] = {
    number: getattr(torch, _FLOAT8.get(short, short.lower()))
    for name, number in pb.DataType.items()
    if (short := name.removeprefix("DATA_TYPE_")) != "UNSPECIFIED"
}
"""torch's type of each DataType."""

NUMBERS: dict[torch.dtype, Any] = {dtype: number for number, dtype in DTYPES.items()}
"""DataType of each torch type."""

_MOST_BYTES_OF_VALUES = 16 * MAX_VALUES + 4096  # a number takes 11 bytes; more can only be lists of nothing
_ENCODINGS = frozenset(pb.ResponseEncoding.values())
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Attachments:
    """The attachments of one message, and which of them its tensors used."""

    def __init__(self, buffers: Sequence[memoryview]) -> None:
        self._buffers = buffers
        self._unused = set(range(len(buffers))) if buffers else set()

    def __len__(self) -> int:
        return len(self._buffers)

    def take(self, index: int, path: str) -> memoryview:
        if not 0 <= index < len(self._buffers):
            raise Fault(
                "BAD_ATTACHMENT",
                f"attachment {index} of {len(self._buffers)}; indices count from 0 in the outermost message",
                field=f"{path}.attachment",
            )
        self._unused.discard(index)
        return self._buffers[index]

    def check_all_used(self) -> None:
        if self._unused:
            raise Fault(
                "BAD_ATTACHMENT",
                f"no tensor refers to attachment {min(self._unused)}; leave it out",
                field=f"attachments[{min(self._unused)}]",
            )


def decode(
    tensor: pb.Tensor, attachments: Attachments, path: str, device: torch.device, default: torch.dtype = torch.float32
) -> Tensor:
    """The tensor on `device`; plain numbers without a type become `default`.

    An attachment is viewed where it lies if it is writable and on the CPU, so the tensor lives as long as the
    message does and no longer.
    """
    match tensor.WhichOneof("data"):
        case "raw":
            decoded = _view(bytearray(tensor.raw), tensor, path, "raw")
        case "attachment":
            buffer = attachments.take(tensor.attachment, path)
            decoded = _view(bytearray(buffer) if buffer.readonly else buffer, tensor, path, "attachment")
        case "values":
            decoded = _from_values(tensor, default, path)
        case _:
            raise Fault("MISSING_FIELD", "the tensor has no data; give values, raw or attachment", field=path)
    return decoded if device.type == "cpu" else decoded.to(device)


def element_type(number: int, path: str) -> torch.dtype:
    """torch's type of a DataType that must be given."""
    if number not in DTYPES:
        raise Fault(
            "MISSING_FIELD" if number == pb.DATA_TYPE_UNSPECIFIED else "DTYPE_MISMATCH",
            f"dtype is {number}; expected one of DataType, for example DATA_TYPE_FLOAT32",
            field=f"{path}.dtype",
        )
    return DTYPES[number]


def check_shape(shape: Sequence[int], path: str) -> int:
    """Refuses impossible shapes; returns the number of elements."""
    if len(shape) > MAX_RANK:
        raise Fault("LIMIT_EXCEEDED", f"{len(shape)} dimensions; at most {MAX_RANK}", field=f"{path}.shape")
    extent = 1  # as if no size were 0: torch computes strides of empty tensors too
    for size in shape:
        if size < 0:
            raise Fault("SHAPE_MISMATCH", f"shape {shape_text(shape)} has a negative size", field=f"{path}.shape")
        extent *= size or 1
    if extent >= 2**63:
        raise Fault("SHAPE_MISMATCH", f"shape {shape_text(shape)} is larger than any memory", field=f"{path}.shape")
    return 0 if 0 in shape else extent


def encode(message: pb.Tensor, tensor: Tensor, encoding: pb.ResponseEncoding, attachments: list[memoryview]) -> None:
    """Writes the tensor into an empty message; its bytes are appended to `attachments` if so encoded."""
    message.dtype = NUMBERS[tensor.dtype]
    message.shape.extend(tensor.shape)
    if encoding == VALUES:
        if tensor.numel() > MAX_VALUES:
            raise Fault(
                "LIMIT_EXCEEDED",
                f"a result of {tensor.numel()} elements is too large for values ({MAX_VALUES}); "
                "set response_encoding to RESPONSE_ENCODING_RAW",
                field="response_encoding",
            )
        listed = tensor.tolist() if tensor.dim() else [tensor.item()]
        message.values.CopyFrom(_to_values(listed))
        return
    whole = tensor.detach().cpu().contiguous().as_strided((tensor.numel(),), (1,))  # one element may have any stride
    data = memoryview(whole.view(torch.uint8).numpy())  # type: ignore[arg-type]  # an ndarray is a buffer
    if encoding == ATTACHMENT:
        message.attachment = len(attachments)
        attachments.append(data)
    else:
        message.raw = bytes(data)


def inline(message: Message, buffers: Sequence[memoryview]) -> None:
    """Puts the bytes of attachments into the tensors that refer to them, wherever they are in `message`."""
    if isinstance(message, pb.Tensor):
        if message.HasField("attachment"):
            message.raw = bytes(buffers[message.attachment])
        return
    for field, value in message.ListFields():
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for part in value if field.is_repeated else (value,):
                inline(part, buffers)


def choose_encoding(asked: pb.ResponseEncoding, tensors: Mapping[str, pb.Tensor]) -> pb.ResponseEncoding:
    """The encoding asked for, or else that of the request's own tensors."""
    if asked not in _ENCODINGS:
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            f"response_encoding is {asked}, which ResponseEncoding lacks",
            field="response_encoding",
        )
    if asked != UNSPECIFIED:
        return asked
    used = {tensor.WhichOneof("data") for tensor in tensors.values()}
    if "values" in used or not used:
        return VALUES
    return ATTACHMENT if "attachment" in used else RAW


class _Layout(NamedTuple):
    dtype: torch.dtype
    size: int


@lru_cache(maxsize=4096)
def _layout(number: int, shape: tuple[int, ...], path: str) -> _Layout:
    """torch's type, and the bytes that a tensor of this type and shape takes; computed once for each."""
    dtype = element_type(number, path)
    return _Layout(dtype, check_shape(shape, path) * dtype.itemsize)


def _view(buffer: bytearray | memoryview, tensor: pb.Tensor, path: str, form: str) -> Tensor:
    shape = tuple(tensor.shape)
    dtype, size = _layout(tensor.dtype, shape, path)
    if len(buffer) != size:
        raise Fault(
            "LENGTH_MISMATCH",
            f"{len(buffer)} bytes given; shape {shape_text(shape)} of {str(dtype).removeprefix('torch.')} "
            f"takes exactly {size}",
            field=f"{path}.{form}",
        )
    if size == 0:
        return torch.empty(shape, dtype=dtype)
    flat = torch.frombuffer(buffer, dtype=dtype)
    if dtype == torch.bool and int(flat.view(torch.uint8).max()) > 1:
        raise Fault("VALUE_OUT_OF_RANGE", "a BOOL byte is neither 0 nor 1", field=f"{path}.{form}")
    if flat.data_ptr() % dtype.itemsize:
        flat = flat.clone()
    return flat.view(shape)


def _from_values(tensor: pb.Tensor, default: torch.dtype, path: str) -> Tensor:
    dtype = default if tensor.dtype == pb.DATA_TYPE_UNSPECIFIED else element_type(tensor.dtype, path)
    if tensor.values.ByteSize() > _MOST_BYTES_OF_VALUES:
        raise _too_many_values(path)
    flat: list[float] = []
    shape = _flatten(tensor.values, flat, 0, f"{path}.values")
    if tensor.shape and len(shape) == 1 and check_shape(tensor.shape, path) == shape[0]:
        shape = tuple(tensor.shape)  # a flat list takes the shape given, which nesting cannot write if a size is 0
    if tensor.shape and tuple(tensor.shape) != shape:
        raise Fault(
            "SHAPE_MISMATCH",
            f"values have shape {shape_text(shape)}, but shape says {shape_text(tensor.shape)}; leave shape out",
            field=f"{path}.shape",
        )
    if not dtype.is_floating_point:
        return _integers(flat, shape, dtype, path)
    result = torch.tensor(flat, dtype=torch.float64)
    converted = result.to(dtype)
    if bool((converted.isinf() & result.isfinite()).any()) if dtype.itemsize > 1 else False:
        raise Fault(
            "BAD_VALUES",
            f"a number is too large for {str(dtype).removeprefix('torch.')}; give a wider dtype",
            field=f"{path}.values",
        )
    return converted.reshape(shape)


def _integers(flat: list[float], shape: tuple[int, ...], dtype: torch.dtype, path: str) -> Tensor:
    low, high = (0, 1) if dtype == torch.bool else (torch.iinfo(dtype).min, torch.iinfo(dtype).max)
    for number in flat:
        if not (math.isfinite(number) and number == int(number) and low <= number <= high and abs(number) <= 2**53):
            raise Fault(
                "BAD_VALUES",
                f"{number:g} is not a whole number that {str(dtype).removeprefix('torch.')} holds; "
                "class indices and lengths are whole numbers, floats need a floating dtype",
                field=f"{path}.values",
            )
    return torch.tensor([int(number) for number in flat], dtype=dtype).reshape(shape)


def _flatten(values: struct_pb2.ListValue, flat: list[float], depth: int, path: str) -> tuple[int, ...]:
    """Appends the numbers of nested lists to `flat` and returns their shape; refuses ragged ones."""
    if depth >= MAX_RANK:
        raise Fault("BAD_VALUES", f"values are nested over {MAX_RANK} deep", field=path)
    inner: tuple[int, ...] | None = None
    for shape in _shapes(values.values, flat, depth, path):
        if inner is not None and shape != inner:
            raise Fault(
                "BAD_VALUES",
                f"rows differ: {shape_text(inner)} and {shape_text(shape)}; all need one shape",
                field=path,
            )
        inner = shape
    return (len(values.values), *(inner or ()))


def _shapes(items: Sequence[struct_pb2.Value], flat: list[float], depth: int, path: str) -> Iterator[tuple[int, ...]]:
    for item in items:
        match item.WhichOneof("kind"):
            case "list_value":
                yield _flatten(item.list_value, flat, depth + 1, path)
                continue
            case "number_value":
                flat.append(item.number_value)
            case "bool_value":
                flat.append(float(item.bool_value))
            case "string_value" if item.string_value in _SPECIAL:
                flat.append(_SPECIAL[item.string_value])
            case kind:
                raise Fault(
                    "BAD_VALUES",
                    f"values hold a {str(kind or 'null').removesuffix('_value')}; expected numbers, true, false, "
                    '"NaN", "Infinity", "-Infinity" or lists of them',
                    field=path,
                )
        if len(flat) > MAX_VALUES:
            raise _too_many_values(path)
        yield ()


def _too_many_values(path: str) -> Fault:
    return Fault("LIMIT_EXCEEDED", f"values hold over {MAX_VALUES} numbers; send larger tensors as raw", field=path)


def _to_values(listed: list[Any]) -> struct_pb2.ListValue:
    message = struct_pb2.ListValue()
    for item in listed:
        value = message.values.add()
        if isinstance(item, list):
            value.list_value.CopyFrom(_to_values(item))
        elif isinstance(item, bool):
            value.bool_value = item
        elif math.isfinite(item):
            value.number_value = item
        else:  # JSON has no such numbers, and neither has Value in its JSON form
            value.string_value = "NaN" if math.isnan(item) else "Infinity" if item > 0 else "-Infinity"
    return message
