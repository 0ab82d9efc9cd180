"""A CSV file as arrays to train on, and how its columns became numbers; knows no model and no call."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from lossd.tensors import Array

Task: TypeAlias = Literal["classification", "regression"]

MISSING = {"", "na", "n/a", "nan", "null", "none", "?"}
MOST_CATEGORIES = 50
"""Words of a column up to which each becomes an input of its own."""
MOST_CLASSES = 20
"""Whole numbers of a target up to which they are taken for classes."""
_SHOWN = 5
_WITH_COMMA = re.compile(r"[-+]?(\d|\d[\d.]*\d)?,\d+")
_ALL_DIFFERENT = 0.9
"""Part of the rows up to which there may be different words in a target; beyond, a class would be a single row."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file as it was read: all numbers, or all words."""

    name: str
    words: list[str]
    numbers: list[float] | None

    @property
    def labels(self) -> list[str]:
        """Each cell as the name of a class: 1 and 1.0 are the same one."""
        if self.numbers is None:
            return self.words
        return [str(int(number)) if number == int(number) else repr(number) for number in self.numbers]


@dataclass(frozen=True, slots=True)
class Numeric:
    """How a column of numbers became an input, or the target: (x − mean) / std."""

    name: str
    mean: float
    std: float

    def apply(self, column: Column) -> Array:
        """The column, standardised."""
        return ((np.array(column.numbers) - self.mean) / self.std).astype(np.float32)[:, None]

    def facts(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {"name": self.name, "mean": self.mean, "std": self.std}


@dataclass(frozen=True, slots=True)
class Categorical:
    """How a column of words became inputs, one for each word, or the target: the index of the class."""

    name: str
    values: list[str]

    def apply(self, column: Column) -> Array:
        """The column, one-hot."""
        return np.array([[float(word == value) for value in self.values] for word in column.words], np.float32)

    def indices(self, column: Column) -> Array:
        """The index of each word."""
        return np.array([self.values.index(word) for word in column.labels], np.int64)

    def facts(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {"name": self.name, "values": self.values}


class Table:
    """The columns of a CSV file with a heading: comma, semicolon or tab between cells.

    Args:
        path: of the file.
        drop: names of columns to leave out.

    Raises:
        ValueError: for a cell that is missing or does not fit its column, with its line.
        OSError: if the file cannot be read.
    """

    def __init__(self, path: str | Path, drop: Sequence[str] = ()) -> None:
        names, rows, self.lines = _read(Path(path))
        for name in drop:
            if name not in names:
                raise ValueError(f"there is no column {name!r} to leave out; the file has {', '.join(names)}")
            index = names.index(name)
            names, rows = _without(names, index), [_without(row, index) for row in rows]
        lines = self.lines
        _refuse_missing(names, rows, lines)
        self.columns = [
            _column(name, [row[index] for row in rows], lines, f"{path}") for index, name in enumerate(names)
        ]

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, name: str) -> Column:
        """The column of this name.

        Raises:
            ValueError: if there is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise ValueError(
            f"there is no column {name!r}; the file has {', '.join(column.name for column in self.columns)}"
        )

    def task(self, target: str) -> tuple[Task, str]:
        """What the target is most likely for, and why.

        Raises:
            ValueError: if there is no such column, or nearly each of its words is another one.
        """
        column = self.column(target)
        distinct = len(set(column.labels))
        each_its_own = distinct > 2 and distinct > len(self) * _ALL_DIFFERENT
        if column.numbers is None and each_its_own:
            raise ValueError(
                f"column {target!r} holds {distinct} different words in {len(self)} rows, such as {column.words[0]!r}; "
                "classes must come again and again, and a regression needs numbers"
            )
        if column.numbers is None:
            return "classification", f"{target!r} holds words, {distinct} different, such as {column.words[0]!r}"
        whole = all(number == int(number) for number in column.numbers)
        if distinct <= MOST_CLASSES and whole and not each_its_own:
            return "classification", f"{target!r} holds {_counted(distinct, 'different whole number')}"
        return "regression", f"{target!r} holds {_counted(distinct, 'different number')}"

    def split(self, target: str, task: Task, part: float, seed: int) -> tuple[Array, Array]:
        """Indices of the rows to train on and of those to hold out, each in a random order.

        For a classification the part is of each class: one that has 1/part rows or more is in both.
        """
        order = np.random.default_rng(seed).permutation(len(self))
        if task == "regression":
            kept = len(self) - int(len(self) * part)
            return order[:kept], order[kept:]
        by_class = order[np.argsort(np.array(self.column(target).labels)[order], kind="stable")]
        held_out = np.isin(order, by_class[np.diff(np.floor(np.arange(len(self) + 1) * part)) > 0])
        return order[~held_out], order[held_out]

    def preprocessing(self, target: str, task: Task, rows: Array) -> Preprocessing:
        """How to make arrays of the columns, by the statistics of some of the rows.

        Raises:
            ValueError: if a column has too many words, or the target only one class.
        """
        features = [self._feature(column, rows) for column in self.columns if column.name != target]
        if not features:
            raise ValueError(f"there is no column but the target {target!r}")
        column = self.column(target)
        if task == "regression":
            if column.numbers is None:
                raise ValueError(
                    f"column {target!r} holds words such as {column.words[0]!r}; a regression needs numbers"
                )
            return Preprocessing(features, _numeric(column, rows))
        classes = _classes(column)
        if len(classes) < 2:
            raise ValueError(f"column {target!r} holds {classes[0]!r} alone; a classification needs two classes")
        return Preprocessing(features, Categorical(target, classes))

    def _feature(self, column: Column, rows: Array) -> Numeric | Categorical:
        if column.numbers is not None:
            return _numeric(column, rows)
        values = sorted(set(column.words))
        if len(values) > MOST_CATEGORIES:
            line = next(line for line, word in zip(self.lines, column.words, strict=True) if word == values[-1])
            raise ValueError(
                f"column {column.name!r} holds {len(values)} different words, at most {MOST_CATEGORIES} can become "
                f"inputs (such as line {line}: {values[-1]!r}); leave it out with --drop {column.name}"
            )
        return Categorical(column.name, values)


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How the columns of a table become inputs and targets."""

    features: Sequence[Numeric | Categorical]
    target: Numeric | Categorical

    def inputs(self, table: Table) -> Array:
        """float32, (rows, inputs)."""
        return np.concatenate([feature.apply(table.column(feature.name)) for feature in self.features], axis=1)

    def targets(self, table: Table) -> Array:
        """Indices of classes, int64 (rows,), or standardised numbers, float32 (rows, 1)."""
        column = table.column(self.target.name)
        if isinstance(self.target, Categorical):
            return self.target.indices(column)
        return self.target.apply(column)

    @property
    def classes(self) -> list[str]:
        """Those of a classification; empty for a regression."""
        return self.target.values if isinstance(self.target, Categorical) else []

    def facts(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {"features": [feature.facts() for feature in self.features], "target": self.target.facts()}


def _read(path: Path) -> tuple[list[str], list[list[str]], list[int]]:
    """Heading, rows and the line of each row."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, delimiter=_delimiter(file.readline()))
            file.seek(0)
            names = [name.strip() for name in next(reader, [])]
            rows, lines = [], []
            for row in filter(None, reader):
                if len(row) != len(names):
                    raise ValueError(f"{path}, line {reader.line_num}: {len(row)} cells, the heading has {len(names)}")
                rows.append([cell.strip() for cell in row])
                lines.append(reader.line_num)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: this is no text in UTF-8; save it as such") from error
    except csv.Error as error:
        raise ValueError(f"{path}: this is no CSV file: {error}") from error
    if any(_number(name) is not None for name in names):
        raise ValueError(
            f"{path}: the first line holds numbers ({', '.join(names[:_SHOWN])}); it must name the columns"
        )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{path}: two columns are called {twice!r}")
    if not rows:
        raise ValueError(f"{path}: there are no rows in this file")
    return names, rows, lines


def _without(cells: list[str], index: int) -> list[str]:
    return cells[:index] + cells[index + 1 :]


def _delimiter(heading: str) -> str:
    return max(",;\t", key=heading.count)


def _refuse_missing(names: Sequence[str], rows: Sequence[Sequence[str]], lines: Sequence[int]) -> None:
    for index, name in enumerate(names):
        missing = [line for row, line in zip(rows, lines, strict=True) if row[index].lower() in MISSING]
        if missing:
            shown = ", ".join(map(str, missing[:_SHOWN])) + (", …" if len(missing) > _SHOWN else "")
            plural = "s" if len(missing) > 1 else ""
            raise ValueError(
                f"column {name!r} lacks {len(missing)} value{plural} (line{plural} {shown}); fill them in, or leave "
                f"the rows out, or the column with --drop {name}"
            )


def _column(name: str, words: list[str], lines: Sequence[int], path: str) -> Column:
    numbers = [_number(word) for word in words]
    known = [number for number in numbers if number is not None]
    _refuse_commas(name, words, lines, len(known))
    if len(known) == len(words):
        _refuse_large(name, known, lines)
        return Column(name, words, known)
    if known:
        odd = [(line, word) for line, word, number in zip(lines, words, numbers, strict=True) if number is None]
        if len(odd) * 2 < len(words):
            line, word = odd[0]
            raise ValueError(f"{path}, line {line}: column {name!r} is {word!r}, expected a number as in other rows")
    return Column(name, words, None)


def _refuse_commas(name: str, words: Sequence[str], lines: Sequence[int], numbers: int) -> None:
    found = [(line, word) for line, word in zip(lines, words, strict=True) if _WITH_COMMA.fullmatch(word)]
    if found and (len(found) * 2 > len(words) or len(found) + numbers == len(words)):
        line, word = found[0]
        raise ValueError(
            f"column {name!r} holds numbers with a comma (line {line}: {word!r}); write them with a decimal point, "
            "such as 1.5, and with nothing between thousands"
        )


def _refuse_large(name: str, numbers: Sequence[float], lines: Sequence[int]) -> None:
    most = float(np.finfo(np.float32).max)
    for line, number in zip(lines, numbers, strict=True):
        if abs(number) > most:
            raise ValueError(
                f"column {name!r} is too large for float32 (line {line}: {number:g}); divide it, take its logarithm, "
                f"or leave it out with --drop {name}"
            )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("s" if count != 1 else "")


def _number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _numeric(column: Column, rows: Array) -> Numeric:
    numbers = np.array(column.numbers)[rows]
    std = float(numbers.std())
    return Numeric(column.name, float(numbers.mean()), std if std > 0 else 1.0)  # a constant column becomes 0


def _classes(column: Column) -> list[str]:
    if column.numbers is None:
        return sorted(set(column.words))
    named = dict(zip(column.numbers, column.labels, strict=True))
    return [named[number] for number in sorted(named)]
