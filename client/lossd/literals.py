"""What a person types for an array: nested JSON, or a .npy, .csv or .safetensors file; knows no loss and no call."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np

from lossd import weights
from lossd.tensors import ArrayLike

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
    found = weights.read(path)
    if name in found or len(found) == 1:
        return found.get(name, next(iter(found.values())))
    held = ", ".join(found)
    raise ValueError(f"{path}: no {name!r}; it holds the tensors {held}, and {name!r} was wanted")
