"""A sample out of a CSV file, all of it or a column, words as classes; knows no model and no call."""

from __future__ import annotations

import csv
import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lossd.tensors import ArrayLike

MISSING = {"", "na", "n/a", "nan", "null", "none", "?"}
MOST_CLASSES = 1000
"""Different words up to which they are classes."""
_WITH_COMMA = re.compile(r"[-+]?\d+,\d+")
_RUNNING = 20
"""Rows from which on a column of numbers at equal steps is taken for a running number, whatever it is called."""
_NUMBERS_OF_ROWS = re.compile(r"(|unnamed.*|.*\bid|.*_id|id|idx|index|no|nr|row|row.?number|key|uuid)", re.I)
"""Headings of columns that number the rows."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was read, and what to say of it.

    Attributes:
        array: (N,) of one column, (N, columns) of several; NaN where a cell is missing.
        notes: how words became numbers, and what may be meant otherwise.
    """

    array: ArrayLike
    notes: tuple[str, ...] = ()


def split(text: str) -> tuple[str, str] | None:
    """The path of a CSV file and the column after a colon, "" if none is named; None for anything else.

    >>> split("two.csv:minutes"), split("two.csv"), split("[1, 2]")
    (('two.csv', 'minutes'), ('two.csv', ''), None)
    """
    found = re.fullmatch(r"(.+\.csv)(?::(.*))?", text, re.I | re.S)
    return (found[1], found[2] or "") if found else None


def read(file: str, column: str = "") -> Read:
    """The column of a CSV file, or all of its columns.

    Raises:
        ValueError: if it cannot be told which column is meant, or what its cells are.
        OSError: if the file cannot be read.
    """
    names, rows = _cells(Path(file))
    if column:
        return _column(file, column, [row[_place(file, names, column, len(rows[0]))] for row in rows])
    if len(rows[0]) == 1:
        return _column(file, names[0] if names else "", [row[0] for row in rows])
    columns = [[row[place] for row in rows] for place in range(len(rows[0]))]
    for place, cells in enumerate(columns):
        name = names[place] if names else ""
        why = _odd(name if names else None, cells)
        if why:
            known = ", ".join(names) if names else ", ".join(map(str, range(len(columns))))
            last = names[-1] if names else len(columns) - 1
            raise ValueError(
                f"{file}: column {repr(name) if names else place} {why}; say which one is meant, for example "
                f"{file}:{last}; there are {known}"
            )
    numbers = [[_number(cell) for cell in row] for row in rows]
    notes = []
    if not names and len(rows[0]) == 2 and all(re.fullmatch(r"[-+]?\d+", cell) for row in rows for cell in row):
        notes.append(f"{file} is read as 2 columns; if its commas are decimal ones, write points, such as 1.5")
    return Read(numbers, tuple(notes))


def _cells(path: Path) -> tuple[list[str], list[list[str]]]:
    """The heading, [] without one, and the rows."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=max(",;\t", key=first.count))
            rows = [[cell.strip() for cell in row] for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: this is no CSV file: {error}") from error
    if not rows:
        raise ValueError(f"{path}: there is nothing in this file")
    for row in rows:
        if len(row) != len(rows[0]):
            comma = "; if its commas are decimal ones, write points, such as 1.5" if len(row) == 2 else ""
            raise ValueError(f"{path}: {len(row)} cells in a row, {len(rows[0])} in the first{comma}")
    below = {cell for row in rows[1:] for cell in row}
    words = all(math.isnan(_number(cell)) and not _WITH_COMMA.fullmatch(cell) for cell in rows[0])
    heading = words and len(rows) > 1 and not set(filter(None, rows[0])) & below
    names = rows.pop(0) if heading else []
    return names, rows


def _place(file: str, names: Sequence[str], column: str, count: int) -> int:
    if column in names:
        return names.index(column)
    if column.isdecimal() and int(column) < count:
        return int(column)
    known = ", ".join(names) if names else f"0 to {count - 1}"
    raise ValueError(f"{file}: there is no column {column!r}; there are {known}")


def _odd(name: str | None, cells: Sequence[str]) -> str:
    """Why a column is not among numbers to predict together; "" if it may be."""
    known = [cell for cell in cells if cell.lower() not in MISSING]
    numbers = [_number(cell) for cell in known]
    if any(math.isnan(number) for number in numbers):
        return f"holds {next(cell for cell in known if math.isnan(_number(cell)))!r}, which is no number"
    steps = {later - sooner for sooner, later in itertools.pairwise(numbers)}
    running = len(steps) == 1 and steps != {0.0} and all(number == round(number) for number in numbers)
    called = name is not None and _NUMBERS_OF_ROWS.fullmatch(name) is not None
    if called and len(set(numbers)) == len(numbers):
        return "is called like a number of the rows"
    return "is a running number" if running and len(numbers) >= _RUNNING else ""


def _column(file: str, name: str, cells: Sequence[str]) -> Read:
    where = f"{file}, column {name!r}" if name else file
    known = [cell for cell in cells if cell.lower() not in MISSING]
    comma = [cell for cell in known if _WITH_COMMA.fullmatch(cell)]
    if comma:
        raise ValueError(f"{where} holds numbers with a comma, such as {comma[0]!r}; write points, such as 1.5")
    words = [cell for cell in known if math.isnan(_number(cell))]
    if not words:
        return Read([_number(cell) for cell in cells])
    if len(words) * 2 < len(known):
        raise ValueError(f"{where} holds {words[0]!r}, expected a number as in other rows")
    classes = sorted(set(known))
    if len(classes) > min(MOST_CLASSES, max(2, len(known) * 0.9)):
        raise ValueError(f"{where} holds {len(classes)} different words in {len(known)} rows; classes come again")
    if len(known) < len(cells):
        raise ValueError(f"{where} lacks {len(cells) - len(known)} of {len(cells)} classes; leave these rows out")
    shown = ", ".join(f"{index} {word}" for index, word in enumerate(classes[:5]))
    more = f", … {len(classes)} in all" if len(classes) > 5 else ""
    return Read([classes.index(cell) for cell in cells], (f"{where} holds words, taken for classes: {shown}{more}",))


def _number(cell: str) -> float:
    """NaN for what is no number."""
    try:
        return int(cell) if re.fullmatch(r"[-+]?\d{1,15}", cell) else float(cell)
    except ValueError:
        return math.nan
