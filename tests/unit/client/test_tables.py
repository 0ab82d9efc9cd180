"""CSV files become arrays, and what cannot is refused with its column and line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lossd.tables import MOST_CATEGORIES, Table


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "data.csv"
        path.write_text(text)
        return path

    return write


def test_numbers_are_standardised_and_words_are_one_hot(write) -> None:
    """By the rows that are trained on alone."""
    table = Table(write("size;colour;y\n1;red;a\n3;blue;b\n100;red;a\n"))
    made = table.preprocessing("y", "classification", np.array([0, 1]))
    assert made.inputs(table).tolist() == [[-1.0, 0.0, 1.0], [1.0, 1.0, 0.0], [98.0, 0.0, 1.0]]
    assert made.targets(table).tolist() == [0, 1, 0]
    assert made.classes == ["a", "b"]
    assert made.facts() == {
        "features": [{"name": "size", "mean": 2.0, "std": 1.0}, {"name": "colour", "values": ["blue", "red"]}],
        "target": {"name": "y", "values": ["a", "b"]},
    }


def test_targets_of_a_regression_and_constant_columns(write) -> None:
    table = Table(write("x,y\n5,1.5\n5,2.5\n"))
    made = table.preprocessing("y", "regression", np.arange(2))
    assert made.inputs(table).tolist() == [[0.0], [0.0]]
    assert made.targets(table).tolist() == [[-1.0], [1.0]]
    assert made.targets(table).dtype == np.float32


def test_classes_that_are_numbers_are_in_their_order(write) -> None:
    table = Table(write("x,y\n1,10\n2,9.0\n3,9\n"))
    assert table.preprocessing("y", "classification", np.arange(3)).classes == ["9", "10"]


def test_what_is_another_class_in_each_row_is_none(write) -> None:
    """Words are refused, numbers are measured; who says that they are classes is taken at their word."""
    words, numbers = ("\n".join(f"{row},{mark}{row}" for row in range(15)) for mark in ("n", ""))
    table = Table(write(f"x,y\n{words}\n"))
    with pytest.raises(ValueError, match="column 'y' holds 15 different words in 15 rows, such as 'n0'"):
        table.task("y")
    assert len(table.preprocessing("y", "classification", np.arange(15)).classes) == 15
    assert Table(write(f"x,y\n{numbers}\n")).task("y") == ("regression", "'y' holds 15 different numbers")
    assert Table(write("x,y\n1,2\n2,2.0\n")).task("y")[1] == "'y' holds 1 different whole number"


@pytest.mark.parametrize("seed", range(5))
def test_a_fifth_of_each_class_is_held_out(write, seed: int) -> None:
    """Sorted by class or not: of five rows one; the same ones each time, and others with another seed."""
    counts = {"a": 60, "b": 5, "c": 17, "d": 5, "e": 13}
    rows = "\n".join(f"{number},{name}" for name, count in counts.items() for number in range(count))
    table = Table(write(f"x,y\n{rows}\n"))
    kept, held_out = table.split("y", "classification", 0.2, seed)
    assert sorted([*kept, *held_out]) == list(range(100))
    assert len(held_out) == 20
    names = np.array(table.column("y").words)
    for name, count in counts.items():
        assert abs((names[held_out] == name).sum() - count / 5) < 1, name
    assert [part.tolist() for part in table.split("y", "classification", 0.2, seed)] == [
        kept.tolist(),
        held_out.tolist(),
    ]
    assert set(table.split("y", "classification", 0.2, seed + 1)[1]) != set(held_out)
    assert list(kept) != sorted(kept)
    assert len(table.split("y", "classification", 0.0, seed)[1]) == 0


@pytest.mark.parametrize(
    ("cells", "task"), [("a b a", "classification"), ("0 1 1", "classification"), ("0.5 1 1", "regression")]
)
def test_the_task_is_guessed(write, cells: str, task: str) -> None:
    rows = "\n".join(f"{number},{cell}" for number, cell in enumerate(cells.split()))
    guessed, why = Table(write(f"x,y\n{rows}\n")).task("y")
    assert guessed == task
    assert "'y' holds " in why


REFUSED = [
    ("", "no rows"),
    ("x,y\n", "no rows"),
    ("1,2\n3,4\n", "must name the columns"),
    ("x,x\n1,2\n", "two columns are called 'x'"),
    ("x,y\n1,2\n3\n", "line 3: 1 cells, the heading has 2"),
    ("x,y\n1,2\n,4\nNA,4\n", r"column 'x' lacks 2 values \(lines 3, 4\)"),
    ("x,y\n1,2\n2,3\nthree,4\n", "line 4: column 'x' is 'three', expected a number"),
    ("x,y\n1,2\n2,3\ninf,4\n", "line 4: column 'x' is 'inf'"),
    ("x;y\n1,5;2\n2,25;3\n", r"column 'x' holds numbers with a comma \(line 2: '1,5'\).*decimal point"),
    ("x;y\n1;2\n2;3\n-2,5;3\n", r"column 'x' holds numbers with a comma \(line 4: '-2,5'\)"),
    ("x,y\n1,2\n-1e200,3\n", r"column 'x' is too large for float32 \(line 3: -1e\+200\)"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_is_no_table_is_refused(write, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Table(write(text))


def test_columns_that_no_model_can_use_are_refused(write) -> None:
    words = "\n".join(f"w{number},1" for number in range(MOST_CATEGORIES + 1))
    path = write(f"x,y\n{words}\n")
    table = Table(path)
    rows = np.arange(len(table))
    with pytest.raises(ValueError, match=r"column 'x' holds 51 different words.*line \d+: 'w9'.*--drop x"):
        table.preprocessing("y", "regression", rows)
    with pytest.raises(ValueError, match="column 'x' holds words such as 'w0'; a regression needs numbers"):
        Table(path).preprocessing("x", "regression", rows)
    with pytest.raises(ValueError, match="column 'y' holds '1' alone"):
        Table(write("x,y\n1,1\n2,1\n")).preprocessing("y", "classification", np.arange(2))
    with pytest.raises(ValueError, match="no column but the target"):
        Table(path, ["x"]).preprocessing("y", "regression", rows)
    with pytest.raises(ValueError, match="no column 'z' to leave out; the file has x, y"):
        Table(path, ["z"])
    with pytest.raises(ValueError, match="no column 'z'; the file has x, y"):
        table.column("z")
