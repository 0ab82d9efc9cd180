"""Arrays in .safetensors files, by the library of that name; knows no model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lossd import tensors
from lossd.tensors import Array
from lossd.v1 import tensor_pb2

_TYPES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "F16": "float16", "BF16": "bfloat16",
    "U32": "uint32", "I32": "int32", "F32": "float32", "U64": "uint64", "I64": "int64", "F64": "float64",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
}  # fmt: skip


def read(path: Path) -> dict[str, Array]:
    """The arrays of a file by name, bfloat16 and float8 as `tensors.read` has them.

    Raises:
        ValueError: if it is no such file, or holds an element type that has no name here.
        OSError: if it cannot be read.
    """
    from safetensors import SafetensorError, deserialize  # only who reads or saves needs it

    try:
        entries = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]  # of Rust, without types
        found = sorted(entries, key=lambda entry: entry[0])  # they come in no order
        return {name: _array(entry["dtype"], entry["shape"], entry["data"]) for name, entry in found}
    except (SafetensorError, ValueError, KeyError) as error:
        raise ValueError(f"{path} is no safetensors file: {error}") from error


def write(path: Path, state_dict: Mapping[str, Array], metadata: Mapping[str, str]) -> None:
    """Writes weights by their names in state_dict, which torch's tools read, with text beside them.

    Raises:
        OSError: if the file cannot be written.
    """
    from safetensors.numpy import save  # as above

    arrays = {name: np.asarray(array, order="C") for name, array in state_dict.items()}
    path.write_bytes(save(arrays, {"format": "pt", **metadata}))


def _array(dtype: str, shape: list[int], data: bytes) -> Array:
    number = tensors.NUMBERS[_TYPES[dtype]]
    return tensors.read(tensor_pb2.Tensor(dtype=number, shape=shape, raw=bytes(data)), ())
