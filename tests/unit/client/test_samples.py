"""Samples out of CSV files: which column, what words and commas become, and what is refused."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from lossd import samples

RUNNING = "\n".join(f"{row},{row * row}" for row in range(30))


@pytest.mark.parametrize(
    ("text", "column", "array", "note"),
    [
        ("minutes\n3\n4.5\n", "", [3, 4.5], ""),
        ("3\n4.5\n", "", [3, 4.5], ""),
        ("id,minutes\n0,3\n1,4\n", "minutes", [3, 4], ""),
        ("id;minutes\n0;3\n1;4\n", "minutes", [3, 4], ""),
        ("0,3\n1,4\n", "1", [3, 4], ""),
        ("a,b\n0,1\n1,1\n0,0\n", "", [[0, 1], [1, 1], [0, 0]], ""),
        ("label\ndog\ncat\ndog\n", "", [1, 0, 1], "0 cat, 1 dog"),
        ("dog\ncat\ndog\n", "", [1, 0, 1], "0 cat, 1 dog"),
        ("3,5\n4,1\n", "", [[3, 5], [4, 1]], "if its commas are decimal ones"),
    ],
)
def test_a_column_is_read(tmp_path: Path, text: str, column: str, array: object, note: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    read = samples.read(str(tmp_path / "t.csv"), column)
    assert read.array == array
    assert (note in " ".join(read.notes)) if note else not read.notes


def test_missing_numbers_are_nan(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("minutes,x\n3,1\nNA,2\n,3\n")
    first, *rest = samples.read(str(tmp_path / "t.csv"), "minutes").array
    assert first == 3
    assert all(math.isnan(number) for number in rest)


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("id,minutes\n0,3\n1,4\n", "", "column 'id' is called like a number of the rows"),
        ("a,b\n" + RUNNING, "", "column 'a' is a running number"),
        (RUNNING, "", "column 0 is a running number"),
        ("a,kind\n1.5,cat\n1.5,dog\n", "", "column 'kind' holds 'cat', which is no number"),
        ("a,b\n0,1\n", "c", "there is no column 'c'; there are a, b"),
        ("0,1\n", "2", "there is no column '2'; there are 0 to 1"),
        ('minutes\n"3,5"\n"4,1"\n', "", "numbers with a comma, such as '3,5'; write points"),
        ("minutes\n3,5\n4,1\n", "", "if its commas are decimal ones, write points"),
        ("minutes\n3\nx\n4\n5\n", "", "holds 'x', expected a number as in other rows"),
        ("name\n" + "\n".join(f"w{row}" for row in range(30)), "", "30 different words in 30 rows"),
        ("kind\ncat\ndog\ncat\nNA\n", "", "lacks 1 of 4 classes"),
        ("", "", "there is nothing in this file"),
    ],
)
def test_what_is_meant_must_be_clear(tmp_path: Path, text: str, column: str, words: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ValueError, match=re.escape(words)):
        samples.read(str(tmp_path / "t.csv"), column)
