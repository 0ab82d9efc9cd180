"""What people type for an array: JSON, or a file whose damage is told in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lossd import literals, weights
from safetensors import safe_open


@given(st.recursive(st.floats(allow_nan=False) | st.integers(), st.lists))
def test_json_is_taken_as_it_stands(value: object) -> None:
    assert literals.parse(json.dumps(value), "input") == value


def test_npy_files_keep_their_type(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.float16).reshape(2, 3)
    np.save(tmp_path / "a.npy", array)
    back = literals.parse(str(tmp_path / "a.npy"), "input")
    assert back.dtype == np.float16
    assert np.array_equal(back, array)


def test_pickles_in_npy_files_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"a\.npy: it holds Python objects"):
        literals.parse(str(tmp_path / "a.npy"), "input")


@pytest.mark.parametrize(
    ("text", "array"),
    [
        ("4.0,1.0,0.1\n", [[4.0, 1.0, 0.1]]),
        ("logit a,logit b\n1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("78\n85\n92\n", [78, 85, 92]),
        ("\ufeffloss\r\n1.5\r\nnan\r\n", [1.5, float("nan")]),
    ],
)
def test_csv_columns(tmp_path: Path, text: str, array: list) -> None:
    """One column is a vector, several are a matrix, a heading is passed over."""
    (tmp_path / "a.csv").write_text(text)
    assert np.array_equal(literals.parse(str(tmp_path / "a.csv"), "input"), array, equal_nan=True)


def test_csv_cells_that_are_no_numbers_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2\n3,x\n")
    with pytest.raises(ValueError, match=r"a\.csv, line 2: 'x' is no number"):
        literals.parse(str(tmp_path / "a.csv"), "input")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1.o\n2\n3\n", "line 1: '1.o' is no number"),
        ("a,1\n2,3\n", "line 1: 'a' is no number"),
        ("a,\n2,3\n", "line 1: 'a' is no number"),
        ("not numbers\n", "there are no numbers"),
        ("", "there are no numbers"),
        ("a\n\nb\n", "line 3: 'b' is no number"),
        ("1,2\n\n3\n", "line 3: 1 cells, 2 before"),
        ("\udcff\n", "no CSV file"),
    ],
)
def test_no_line_of_a_csv_is_lost_in_silence(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=rf"a\.csv.*{says}"):
        literals.parse(str(tmp_path / "a.csv"), "input")


@pytest.mark.parametrize("data", [b"", b"garbage", b"\x93NUMPY", b"\x93NUMPYga" + b"x" * 200])
def test_damaged_npy_files_are_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.npy: this is no \.npy file, or it is damaged"):
        literals.parse(str(tmp_path / "a.npy"), "input")


def safetensors(path: Path, header: object, data: bytes = b"", size: int | None = None) -> str:
    text = json.dumps(header).encode()
    path.write_bytes((len(text) if size is None else size).to_bytes(8, "little") + text + data)
    return str(path)


def test_safetensors_by_name_or_alone(tmp_path: Path) -> None:
    """bfloat16 comes exactly, as float32."""
    header = {
        "__metadata__": {"format": "pt"},
        "input": {"dtype": "BF16", "shape": [1, 2], "data_offsets": [0, 4]},
        "target": {"dtype": "I64", "shape": [1], "data_offsets": [4, 12]},
    }
    data = b"\x80\x3f\x00\x40" + np.int64(7).tobytes()
    path = safetensors(tmp_path / "both.safetensors", header, data)
    assert literals.parse(path, "input").astype(float).tolist() == [[1.0, 2.0]]
    assert literals.parse(path, "target").tolist() == [7]
    with pytest.raises(ValueError, match="it holds the tensors input, target, and 'weights' was wanted"):
        literals.parse(path, "weights")
    del header["input"]
    header["target"]["data_offsets"] = [0, 8]  # the format allows no holes
    assert literals.parse(safetensors(tmp_path / "one.safetensors", header, data[4:]), "input").tolist() == [7]


@pytest.mark.parametrize(
    ("header", "size"),
    [
        ({"input": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, None),
        ({"input": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, None),
        ({"input": {"dtype": "F32", "shape": [3], "data_offsets": [0, 4]}}, None),
        ({"input": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}, None),
        ({"input": {"dtype": "F32", "shape": [1], "data_offsets": [3, 1]}}, None),
        ({"input": {"dtype": "F32"}}, None),
        ({"input": 5}, None),
        ([], None),
        ({}, 1 << 40),
    ],
)
def test_damaged_safetensors_are_refused(tmp_path: Path, header: object, size: int | None) -> None:
    with pytest.raises(ValueError, match=r"a\.safetensors"):
        literals.parse(safetensors(tmp_path / "a.safetensors", header, b"abcd", size), "input")


@pytest.mark.parametrize("text", ["[1, 2", "nowhere", "a.pt", ""])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither nested JSON .* nor the path"):
        literals.parse(text, "input")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No such file"):
        literals.parse(str(tmp_path / "a.npy"), "input")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """By this package and by safetensors' own reader, with the text beside it."""
    arrays = {"0.weight": np.arange(6, dtype=np.float32).reshape(2, 3)[:, ::-1], "n": np.array(5)}
    weights.write(tmp_path / "w.safetensors", arrays, {"task": '"regression"'})
    found = weights.read(tmp_path / "w.safetensors")
    assert {name: array.tolist() for name, array in found.items()} == {
        name: array.tolist() for name, array in arrays.items()
    }
    with safe_open(tmp_path / "w.safetensors", "np") as file:
        assert file.metadata() == {"format": "pt", "task": '"regression"'}
        assert file.get_tensor("0.weight").tolist() == arrays["0.weight"].tolist()
