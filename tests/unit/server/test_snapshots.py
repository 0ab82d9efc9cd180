"""A snapshot gives back every bit that was written, or refuses."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lossd_server.faults import Fault
from lossd_server.training import snapshots
from safetensors.torch import save_file

DTYPES = [
    torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.bool, torch.uint8,
    torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32, torch.uint64,
]  # fmt: skip
FACTS = {"step": 3, "lr": [0.1, 1e-17, math.inf], "name": "ü", "none": None}


def some(dtype: torch.dtype, shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    """Any bits of a type and shape."""
    size = math.prod(shape) * dtype.itemsize
    data = bytearray(random.Random(seed).randbytes(size))
    if dtype == torch.bool:
        data = bytearray(byte & 1 for byte in data)
    return torch.frombuffer(data, dtype=dtype).reshape(shape) if size else torch.empty(shape, dtype=dtype)


def same(left: torch.Tensor, right: torch.Tensor) -> bool:
    """Type, shape and every bit, NaN's too."""
    bits = [tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (left, right)]
    return (left.dtype, left.shape) == (right.dtype, right.shape) and torch.equal(*bits)


def sample() -> dict[str, torch.Tensor]:
    shared = some(torch.float32, (6, 4))
    return {
        "model/0.weight": shared,
        "model/tied": shared,
        "rows": shared[2:4],
        "transposed": shared.t(),
        "expanded": torch.ones(1).expand(5),
        "scalar": torch.tensor(1.5, dtype=torch.float64),
        "empty": torch.empty(0, 3, dtype=torch.int64),
        "needs gradients": torch.ones(2, requires_grad=True),
    }


@given(st.lists(st.tuples(st.sampled_from(DTYPES), st.lists(st.integers(0, 4), max_size=3)), max_size=6))
@settings(max_examples=40)
def test_every_type_and_shape(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[tuple[torch.dtype, list[int]]]
) -> None:
    """Any bits of every type, scalars and empty tensors among them."""
    path = tmp_path_factory.mktemp("snapshot") / "s"
    tensors = {f"{index}": some(dtype, tuple(shape), index) for index, (dtype, shape) in enumerate(kinds)}
    snapshots.write(path, tensors, FACTS)
    back, facts = snapshots.read(path)
    assert facts == FACTS == snapshots.read_facts(path)
    assert back.keys() == tensors.keys()
    assert all(same(tensors[name], back[name]) for name in tensors)


def test_views_and_shared_memory(tmp_path: Path) -> None:
    """Tied, strided, expanded tensors and slices come back as their own."""
    snapshots.write(tmp_path / "s", sample(), FACTS)
    back, _ = snapshots.read(tmp_path / "s")
    assert all(same(tensor.detach(), back[name]) for name, tensor in sample().items())
    assert len({tensor.data_ptr() for tensor in back.values() if tensor.numel()}) == len(back) - 1
    (tmp_path / "s").write_bytes(b"")  # what was read does not hang on the file
    assert all(same(tensor.detach(), back[name]) for name, tensor in sample().items())


def test_changes_and_truncations_are_refused(tmp_path: Path) -> None:
    """A flipped bit in any byte of a small file, and any shorter file: STATE_CORRUPT naming the file."""
    path = tmp_path / "snapshot-1.safetensors"
    snapshots.write(path, {"a": some(torch.float32, (3,)), "b": some(torch.bfloat16, (2, 2))}, {"step": 1})
    whole = path.read_bytes()
    choose = random.Random(1)
    changed = [
        whole[:place] + bytes([whole[place] ^ 1 << choose.randrange(8)]) + whole[place + 1 :]
        for place in range(len(whole))
    ]
    cut = [whole[:size] for size in range(len(whole))]
    for data in (*changed, *cut, whole + b"\0", whole + b"more", bytes(len(whole))):
        path.write_bytes(data)
        with pytest.raises(Fault, match=r"^snapshot-1\.safetensors cannot be used: ") as refusal:
            snapshots.read(path)
        assert refusal.value.reason == "STATE_CORRUPT"


def test_another_format_is_named(tmp_path: Path) -> None:
    """A newer format is not guessed at, and the refusal says so."""
    metadata = {"format": "2", "facts": json.dumps({"tensors": {}}), "sha256": ""}
    save_file({}, tmp_path / "s", metadata)
    with pytest.raises(Fault, match="it has format 2, and this server reads 1: start the lossd that wrote it"):
        snapshots.read(tmp_path / "s")


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    """safetensors of somebody else's are whole, but no snapshot."""
    save_file({"a": torch.ones(1)}, tmp_path / "s", {"format": "pt"})
    with pytest.raises(Fault, match="its facts fail their check"):
        snapshots.read(tmp_path / "s")


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A folder that is not there: STORAGE_UNAVAILABLE, without its path."""
    with pytest.raises(Fault, match="cannot be written") as refusal:
        snapshots.write(tmp_path / "missing" / "s", {}, {})
    assert refusal.value.reason == "STORAGE_UNAVAILABLE"
    assert str(tmp_path) not in refusal.value.message
