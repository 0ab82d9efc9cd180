"""What a person types for an array: nested JSON, or a .npy, .csv or .safetensors file; knows no loss and no call."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from lossd import tensors
from lossd.tensors import ArrayLike
from lossd.v1 import tensor_pb2

_SAFETENSORS = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "F16": "float16", "BF16": "bfloat16",
    "U32": "uint32", "I32": "int32", "F32": "float32", "U64": "uint64", "I64": "int64", "F64": "float64",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
}  # fmt: skip
_MAX_HEADER = 100 << 20
"""Longest header that the safetensors format allows, in bytes."""
_WORD = re.compile(r"\s*[^\W\d][\w -]*")
"""A cell of a heading; a number with a slip of the pen in it is none."""


def parse(text: str, name: str) -> ArrayLike:
    """The array that `text` stands for.

    Args:
        text: nested JSON arrays of numbers, or the path of a file. JSON and CSV have no element type and so take
            the one that the input wants; .npy and .safetensors have one and keep it.
        name: which tensor to take from a .safetensors file that holds several.

    Raises:
        ValueError: if it is neither.

    >>> parse("[[4.0, 1.0, 0.1]]", "input")
    [[4.0, 1.0, 0.1]]
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        path = Path(text)
        reader = {".npy": _npy, ".csv": _csv, ".safetensors": _safetensors}.get(path.suffix)
        if reader is None:
            raise ValueError(
                f"{text[:80]!r} is neither nested JSON ({error}) nor the path of a .npy, .csv or .safetensors file"
            ) from None
    try:
        return reader(path, name)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from error


def _npy(path: Path, name: str) -> ArrayLike:
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except (ValueError, EOFError) as error:
        pickled = "Python objects" in str(error)
        what = "it holds Python objects, expected numbers" if pickled else "this is no .npy file, or it is damaged"
        raise ValueError(f"{path}: {what}") from error


def _csv(path: Path, name: str) -> ArrayLike:
    """One column is (N,), several are (N, columns). A first line of words alone is a heading."""
    table: list[list[float]] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            for number, row in enumerate(filter(None, reader)):
                if number == 0 and all(_number(cell) is None and _WORD.fullmatch(cell) for cell in row):
                    continue
                table.append(_numbers(row, f"{path}, line {reader.line_num}"))
                if len(row) != len(table[0]):
                    raise ValueError(f"{path}, line {reader.line_num}: {len(row)} cells, {len(table[0])} before")
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: this is no CSV file: {error}") from error
    if not table:
        raise ValueError(f"{path}: there are no numbers in this file")
    return [row[0] for row in table] if len(table[0]) == 1 else table


def _numbers(row: list[str], where: str) -> list[float]:
    found = []
    for cell in row:
        number = _number(cell)
        if number is None:
            raise ValueError(f"{where}: {cell[:80]!r} is no number")
        found.append(number)
    return found


def _number(cell: str) -> float | None:
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return None


def _safetensors(path: Path, name: str) -> ArrayLike:
    """The tensor called `name`, or the only one."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    try:
        if not 2 <= size <= min(_MAX_HEADER, len(data) - 8):
            raise ValueError("the header is cut off")
        entries: dict[str, Any] = json.loads(data[8 : 8 + size])
        entries.pop("__metadata__", None)
        entry = entries[name] if name in entries or len(entries) != 1 else next(iter(entries.values()))
        start, end = entry["data_offsets"]
        body = data[8 + size :]
        if not 0 <= start <= end <= len(body):
            raise ValueError("the data are cut off")
        if any(size < 0 for size in entry["shape"]):
            raise ValueError(f"a shape of {entry['shape']}")
        number = tensors.NUMBERS[_SAFETENSORS[entry["dtype"]]]
        return tensors.read(tensor_pb2.Tensor(dtype=number, shape=entry["shape"], raw=body[start:end]), ())
    except KeyError as error:
        held = ", ".join(entries)
        raise ValueError(f"{path}: no {error}; it holds the tensors {held}, and {name!r} was wanted") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no safetensors file: {error}") from error
