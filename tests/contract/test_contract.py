"""The contract and what is generated from it: linted, formatted, compatible, and fresh."""

from __future__ import annotations

import filecmp
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from lossd import framing
from lossd.v1 import (
    catalog_service_pb2,
    error_reason_pb2,
    evaluation_service_pb2,
    loss_pb2,
    model_pb2,
    optimizer_pb2,
    server_service_pb2,
    tensor_pb2,
    training_service_pb2,
)

ROOT = Path(__file__).parents[2]
BUF = str(Path(sys.executable).with_name("buf"))
BASELINE = Path(__file__).with_name("contract-0.1.0.binpb")
FILES = (
    catalog_service_pb2,
    error_reason_pb2,
    evaluation_service_pb2,
    loss_pb2,
    model_pb2,
    optimizer_pb2,
    server_service_pb2,
    tensor_pb2,
    training_service_pb2,
)
MESSAGES: list[Descriptor] = [m for file in FILES for m in file.DESCRIPTOR.message_types_by_name.values()]


def test_nothing_breaks_what_was_released() -> None:
    """buf finds no change that would break bytes or JSON written against the first release."""
    done = subprocess.run(
        [BUF, "breaking", "proto", "--against", str(BASELINE)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_break_would_be_found(tmp_path: Path) -> None:
    """The check above can fail: a renumbered field is found."""
    shutil.copytree(ROOT / "proto", tmp_path / "proto")
    file = tmp_path / "proto/lossd/v1/loss.proto"
    file.write_text(file.read_text().replace("optional double delta = 1;", "optional double delta = 7;"))
    done = subprocess.run(
        [BUF, "breaking", "proto", "--against", str(BASELINE)], cwd=tmp_path, capture_output=True, text=True
    )
    assert "delta" in done.stdout


def test_stubs_are_what_the_contract_generates(tmp_path: Path) -> None:
    """`make proto` into an empty folder gives the committed files, byte for byte."""
    subprocess.run(["make", "--silent", "proto", f"PROTO_OUT={tmp_path}"], cwd=ROOT, check=True, capture_output=True)
    fresh, committed = tmp_path / "lossd/v1", ROOT / "client/lossd/v1"
    names = sorted(path.name for path in fresh.iterdir())
    assert names == sorted(path.name for path in committed.glob("*_pb2*"))
    different = filecmp.cmpfiles(fresh, committed, names, shallow=False)[1:]
    assert different == ([], []), "run `make proto`"


def test_the_contract_imports_only_protobuf() -> None:
    """Any generator can compile it without fetching anything."""
    for file in FILES:
        for dependency in file.DESCRIPTOR.dependencies:
            assert dependency.name.startswith(("google/protobuf/", "lossd/v1/")), dependency.name


@pytest.mark.parametrize("message", [m for m in MESSAGES if "attachments" in m.fields_by_name], ids=lambda m: m.name)
def test_attachments_are_last(message: Descriptor) -> None:
    """Where there are attachments they are repeated bytes, under the one number, the highest."""
    field = message.fields_by_name["attachments"]
    assert field.number == framing.ATTACHMENTS == max(own.number for own in message.fields)
    assert field.type == FieldDescriptor.TYPE_BYTES
    assert field.is_repeated


def test_losses_are_named_as_in_torch() -> None:
    """The field of a loss is the snake case of its message, and every message is reachable by one field."""
    for field in loss_pb2.LossSpec.DESCRIPTOR.oneofs_by_name["loss"].fields:
        assert field.name.replace("_", "") == field.message_type.name.lower()


def test_enum_numbers_are_onnx() -> None:
    """DataType has the numbers of ONNX's TensorProto.DataType."""
    onnx = {"FLOAT32": 1, "UINT8": 2, "INT8": 3, "INT32": 6, "INT64": 7, "BOOL": 9, "FLOAT16": 10, "FLOAT64": 11}
    onnx |= {"UINT16": 4, "INT16": 5, "UINT32": 12, "UINT64": 13, "BFLOAT16": 16, "FLOAT8E4M3FN": 17}
    onnx |= {"FLOAT8E4M3FNUZ": 18, "FLOAT8E5M2": 19, "FLOAT8E5M2FNUZ": 20, "FLOAT8E8M0": 24, "UNSPECIFIED": 0}
    assert {name.removeprefix("DATA_TYPE_"): number for name, number in tensor_pb2.DataType.items()} == onnx
