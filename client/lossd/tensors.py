"""Arrays of every kind ↔ the contract's Tensor; knows element types and byte order, no loss, no call, no transport.

What a caller may hand in: numpy arrays and scalars, Python numbers and nested lists, torch and jax tensors, and
anything else with `__array__` or `__dlpack__`. None of those libraries but numpy is imported here.

An explicit element type is kept: a float64 array is sent as float64. Plain Python numbers have none, so floats
take that of the arrays beside them, float32 without any, and integers what the input wants: the same for a floating
one, else int64.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
from google.protobuf import struct_pb2

from lossd.errors import InvalidArgument
from lossd.framing import Buffer
from lossd.v1 import tensor_pb2

ArrayLike: TypeAlias = Any
"""A numpy array, a number, nested lists, a torch or jax tensor, or anything with `__array__` or `__dlpack__`."""

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

ATTACHMENT_BYTES = 64 * 1024
"""Size from which an array travels as an attachment; below it generated code is as fast."""

MOST_PLAIN = 65_536
"""Plain integers that travel as `values`; more of them cost too much that way, and count as floats."""

NUMBERS = {
    name.removeprefix("DATA_TYPE_").lower().replace("float8", "float8_").replace("e8m0", "e8m0fnu"): cast(
        tensor_pb2.DataType, number
    )
    for name, number in tensor_pb2.DataType.items()
    if number
}
"""Number in the contract of each element type, by torch's name (numpy's and ml_dtypes' too)."""

NAMES: dict[int, str] = {number: name for name, number in NUMBERS.items()}
"""torch's name by number in the contract."""

_DEEPEST = 65
_WITHOUT_NUMPY = {name for name in NUMBERS if name.startswith(("bfloat16", "float8"))}
_DTYPES = {number: np.dtype(name).newbyteorder("<") for name, number in NUMBERS.items() if name not in _WITHOUT_NUMPY}
_SPELLED = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}
"""Words of JSON that stand for numbers, as the server reads them."""
_NUMBER_OF = {dtype: number for number, dtype in _DTYPES.items()}
_FLOAT32 = NUMBERS["float32"]
_FLOATING = {NUMBERS[name] for name in ("float16", "bfloat16", "float32", "float64")}


class Elements(NamedTuple):
    """An array ready to be sent: C order, little-endian, with its DataType number."""

    array: Array
    number: tensor_pb2.DataType


def elements(value: ArrayLike, *, floating: bool, field: str, floats: tensor_pb2.DataType = _FLOAT32) -> Elements:
    """Brings any array to the form that is sent; copies only what is not already so.

    Args:
        value: the array.
        floating: whether plain Python integers and booleans stand for floats.
        field: path of the field, for the error.
        floats: element type of plain Python numbers that stand for floats, as `floating_type` tells it.

    Raises:
        InvalidArgument: if this is no array of numbers.

    >>> elements([[1, 2]], floating=True, field="inputs.input")
    Elements(array=array([[1., 2.]], dtype=float32), number=1)
    >>> elements([[1, 2]], floating=False, field="inputs.target").array.dtype
    dtype('int64')
    """
    array, number = _convert(value, floating, field, floats)
    if number is None:
        number = _NUMBER_OF.get(array.dtype)
        if number is None:
            array, number = _rare(array, field)
    return Elements(array if array.flags.c_contiguous else np.ascontiguousarray(array), number)


def write(
    message: tensor_pb2.Tensor,
    value: ArrayLike,
    attachments: list[Buffer] | None,
    *,
    floating: bool = True,
    field: str = "",
    floats: tensor_pb2.DataType = _FLOAT32,
) -> None:
    """Fills an empty Tensor; a large array is appended to `attachments`, uncopied, unless that is None."""
    number = _NUMBER_OF.get(value.dtype) if type(value) is np.ndarray and value.flags.c_contiguous else None
    if number is not None:
        array = value
    else:
        array, number = elements(value, floating=floating, field=field, floats=floats)
    message.dtype = number
    if array.ndim:
        message.shape.extend(array.shape)
    if attachments is None or array.nbytes < ATTACHMENT_BYTES:
        message.raw = array.tobytes()
    else:
        message.attachment = len(attachments)
        attachments.append(array.reshape(-1).view(np.uint8).data)


def write_plain(message: tensor_pb2.Tensor, value: ArrayLike, attachments: list[Buffer], *, field: str = "") -> None:
    """As `write`, but up to `MOST_PLAIN` plain Python integers get the type that the server wants of them.

    They travel as `values` without a type: only the server knows whether a model takes indices or floats.
    """
    whole = _whole(value) if isinstance(value, list | tuple) else None
    if whole is None:
        write(message, value, attachments, field=field)
        return
    message.shape.extend(whole.shape)
    for number in whole.ravel().tolist():
        message.values.values.add().number_value = number


def _whole(value: object) -> Array | None:
    """The array of nested lists of integers, if it is one."""
    if _holds_arrays(value):
        return None
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, OverflowError):
        return None  # what is wrong with it, its own conversion tells
    return array if array.dtype.kind in "iu" and 0 < array.size <= MOST_PLAIN else None


def read(message: tensor_pb2.Tensor, attachments: Sequence[Buffer]) -> Array:
    """The array of a Tensor: a read-only view of the received bytes, so copy it to change it.

    bfloat16 and float8 come as arrays of the `ml_dtypes` package if that is installed, and otherwise as float32,
    which holds each of their values exactly.
    """
    dtype = _DTYPES.get(message.dtype)
    if message.HasField("values"):  # of a loss that a person wrote, or that was recommended
        array = np.array(_nested(message.values), dtype or np.float32)
        return array.reshape(tuple(message.shape)) if message.shape else array
    data = attachments[message.attachment] if message.HasField("attachment") else message.raw
    array = np.frombuffer(data, dtype) if dtype else _widen(np.frombuffer(data, np.uint8), NAMES[message.dtype])
    return array.reshape(tuple(message.shape))


def _nested(values: struct_pb2.ListValue) -> list[Any]:
    """Numbers in lists, as people write them; the names of those that JSON lacks are read as numbers."""
    return [_nested(value.list_value) if value.HasField("list_value") else _number(value) for value in values.values]


def _number(value: struct_pb2.Value) -> float:
    kind = str(value.WhichOneof("kind"))
    return float(getattr(value, kind))


def floating_type(values: Iterable[ArrayLike]) -> tensor_pb2.DataType:
    """The element type of the first floating array among them, which plain numbers beside it take; else float32.

    >>> dtype_name(floating_type([[1, 2], np.array([0]), np.ones(2)]))
    'float64'
    """
    for value in values:
        number = (_NUMBER_OF.get(value.dtype) if type(value) is np.ndarray else None) or _own_type(value)
        if number in _FLOATING:
            return number
    return _FLOAT32


def _own_type(value: ArrayLike) -> tensor_pb2.DataType | None:
    """The element type that an array, or a list of arrays, has by itself; None for plain numbers."""
    value = _first(value)
    dtype = getattr(value, "dtype", None)
    if dtype is None and hasattr(value, "__array__"):
        try:
            dtype = np.asarray(value).dtype
        except (TypeError, ValueError, RuntimeError):
            return None  # what is wrong with it, its own conversion tells
    return NUMBERS.get(getattr(dtype, "name", "") or str(dtype).removeprefix("torch."))


def dtype_name(number: int) -> str:
    """torch's name of an element type; a number of a newer contract keeps its number.

    >>> dtype_name(1), dtype_name(99)
    ('float32', 'data_type_99')
    """
    return NAMES.get(number, f"data_type_{number}")


def dtype_number(dtype: object, *, field: str = "") -> tensor_pb2.DataType:
    """DataType number of a torch dtype, a numpy dtype or torch's name for it.

    >>> dtype_number("int64"), dtype_number(np.float64)
    (7, 11)
    """
    name = str(dtype).removeprefix("torch.") if not isinstance(dtype, type) else np.dtype(dtype).name
    number = NUMBERS.get(name) or NUMBERS.get(getattr(dtype, "name", ""))
    if number is None:
        raise _refusal(f"no element type is called {name!r}; expected one of {', '.join(NUMBERS)}", field, True)
    return number


def _convert(
    value: ArrayLike, floating: bool, field: str, floats: tensor_pb2.DataType
) -> tuple[Array, tensor_pb2.DataType | None]:
    """An array of anything, and its number if numpy's dtype does not tell it."""
    torch = sys.modules.get("torch")  # a torch tensor cannot be here unless its module is
    try:
        if torch is not None and isinstance(value, torch.Tensor):
            return _from_torch(value, torch)
        if isinstance(value, np.ndarray) and hasattr(value, "mask"):
            raise _refusal("a masked array would lose its mask; fill it first", field)
        if isinstance(value, np.ndarray | np.generic) or hasattr(value, "__array__"):
            return np.asarray(value), None
        if hasattr(value, "__dlpack__"):
            return np.from_dlpack(value), None
        if isinstance(value, list | tuple) and _holds_arrays(value):
            parts = [elements(item, floating=floating, field=field, floats=floats) for item in value]
            if len({part.number for part in parts}) == 1:
                return np.stack([part.array for part in parts]), parts[0].number
            raise _refusal("the arrays in this list differ in element type", field)
        return _from_python(value, floating, field, floats)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        raise _refusal(f"this {type(value).__name__} is no array of numbers: {error}", field) from error


def _holds_arrays(value: object) -> bool:
    value = _first(value)
    return hasattr(value, "dtype") or hasattr(value, "__dlpack__")


def _first(value: object) -> object:
    """What stands first in nested lists; anything else is itself."""
    for _ in range(_DEEPEST):  # a list may hold itself
        if not isinstance(value, list | tuple) or not value:
            break
        value = value[0]
    return value


def _from_python(
    value: object, floating: bool, field: str, floats: tensor_pb2.DataType
) -> tuple[Array, tensor_pb2.DataType | None]:
    try:
        array = np.asarray(value)
        if array.dtype.kind == "U":
            array = np.asarray(_spelled(value))
    except (TypeError, ValueError, OverflowError) as error:
        raise _refusal(_flaw(value), field) from error
    kind = array.dtype.kind
    if kind not in "fiub":
        raise _refusal(_flaw(value), field)
    if floating or (kind == "f" and array.size):
        with np.errstate(over="ignore"):  # 1e300 becomes inf, as in torch.tensor
            return _as_floats(array, floats), floats
    return (array if array.size else array.astype(np.int64)), None


def _as_floats(array: Array, number: tensor_pb2.DataType) -> Array:
    """The same numbers as floats; bfloat16, which numpy lacks, as its bits, rounded to the nearest and then to even."""
    dtype = _DTYPES.get(number)
    if dtype is not None:
        return array.astype(dtype)
    single = array.astype(np.float32)
    bits = single.view(np.uint32)
    rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
    return np.where(np.isnan(single), 0x7FC0, rounded).astype(np.uint16)


def _spelled(value: object) -> object:
    """The same with numbers for the words that JSON has for them."""
    if isinstance(value, list | tuple):
        return [_spelled(item) for item in value]
    return _SPELLED.get(value, value) if isinstance(value, str) else value


def _flaw(value: object) -> str:
    """Why `value` is no array of numbers."""
    try:
        _shape(value)
    except ValueError as error:
        return str(error)
    return "no array of numbers; expected numbers or booleans in equally long lists"


def _shape(value: object, levels: int = 64) -> tuple[int, ...]:
    """Shape of nested lists; ValueError says what is wrong with them."""
    if not levels:
        raise ValueError("lists nested in more than 64 levels")
    if not isinstance(value, list | tuple):
        _check_number(value)
        return ()
    shapes = [_shape(item, levels - 1) for item in value]
    for shape in shapes:
        if shape != shapes[0]:
            raise ValueError(f"rows differ: {shapes[0]} and {shape}; all need one shape")
    return (len(shapes), *(shapes[0] if shapes else ()))


def _check_number(value: object) -> None:
    if isinstance(value, str) and value in _SPELLED:
        return
    if not isinstance(value, int | float | np.number | np.bool_):
        raise ValueError(f"{value!r:.80} is no number; expected numbers or booleans in equally long lists")
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        raise ValueError(f"{value!r:.80} is an integer of more than 64 bits; write it as a float")


def _from_torch(tensor: Any, torch: Any) -> tuple[Array, tensor_pb2.DataType | None]:
    tensor = tensor.detach().resolve_conj().resolve_neg().cpu()
    name = str(tensor.dtype).removeprefix("torch.")
    if name not in _WITHOUT_NUMPY:
        return tensor.numpy(), None
    bits = torch.int16 if tensor.element_size() == 2 else torch.uint8
    return tensor.contiguous().view(bits).numpy(), NUMBERS[name]


def _rare(array: Array, field: str) -> tuple[Array, tensor_pb2.DataType]:
    """Arrays in foreign byte order, or of ml_dtypes' element types."""
    number = NUMBERS.get(array.dtype.name)
    if number is None:
        raise _refusal(f"given {array.dtype} elements, expected one of {', '.join(NUMBERS)}", field, True)
    return (array.astype(_DTYPES[number]) if number in _DTYPES else array), number


def _widen(codes: Array, name: str) -> Array:
    try:
        import ml_dtypes  # type: ignore[import-not-found,unused-ignore]  # no dependency: used where it is
    except ImportError:
        if name == "bfloat16":
            wide = (codes.view("<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            wide = _float8(name)[codes]
        wide.flags.writeable = False
        return wide
    exact: Array = codes.view(getattr(ml_dtypes, name))
    return exact


@cache
def _float8(name: str) -> Array:
    """The float32 value of each of the 256 codes of a float8 type."""
    codes = np.arange(256)
    if name == "float8_e8m0fnu":
        return np.where(codes == 255, np.nan, np.ldexp(1.0, codes - 127)).astype(np.float32)
    exponent_bits = int(name[8])
    mantissa_bits = 7 - exponent_bits
    bias = (1 << exponent_bits - 1) - (0 if name.endswith("uz") else 1)
    exponent, mantissa = (codes & 127) >> mantissa_bits, codes & (1 << mantissa_bits) - 1
    significand = np.where(exponent, mantissa + (1 << mantissa_bits), mantissa)
    values: Array = np.ldexp(significand.astype(float), np.maximum(exponent, 1) - bias - mantissa_bits)
    if name == "float8_e4m3fn":
        values[codes & 127 == 127] = np.nan
    elif name == "float8_e5m2":
        values[exponent == 31] = np.where(mantissa[exponent == 31], np.nan, np.inf)
    values = np.where(codes > 127, -values, values)
    if name.endswith("uz"):
        values[128] = np.nan
    return np.asarray(values, np.float32)


def _refusal(message: str, field: str, dtype: bool = False) -> InvalidArgument:
    return InvalidArgument(message, reason="DTYPE_MISMATCH" if dtype else "BAD_VALUES", field=field)
