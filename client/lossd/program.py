"""A loss of the caller's own as data: the archive of an exported module, its hash, its inputs; knows no torch.

An archive is a zip of stored files: torch's graph as JSON without what says nothing about the loss (where in which
file a line stood, sizes of results), and the parameters, buffers and constants as raw bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lossd.loss import Loss
from lossd.v1 import loss_pb2

_GRAPH = "models/model.json"
_TABLES = ("data/weights/model_weights_config.json", "data/constants/model_constants_config.json")
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 2, 7: 4, 8: 8, 12: 1, 13: 2}
"""Bytes of an element by torch's number of its type; those that programs may use."""
_FLOATING = {6, 7, 8, 13}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Program(Loss):
    """A loss of one's own, exported from an nn.Module; `lossd.torch.export_loss` makes them.

    Formula: that of the module. A result that is not a scalar counts as unreduced: it comes back in `losses`.

    It is sent as its hash; only a server that does not hold it is sent the archive. Equal hashes are equal losses.

    Args:
        archive: the archive's bytes.
        sha256: its hash, in lower-case hexadecimal; alone, a program that the server holds already.

    Inputs: the arguments of the module's forward.

    Reference: docs/programs.md
    """

    archive: bytes = b""
    sha256: str = ""

    def __post_init__(self) -> None:
        if self.archive:
            found = hashlib.sha256(self.archive).hexdigest()
            if self.sha256 not in ("", found):
                raise ValueError(f"sha256 is {self.sha256!r:.80}; that of the archive is {found}")
            object.__setattr__(self, "sha256", found)
            _ = self.inputs  # now: what is no archive is reported where it is given
        elif not self.sha256:
            raise ValueError("a program needs its archive, or the sha256 of one that the server holds")
        super().__post_init__()

    @classmethod
    def read(cls, path: str | Path) -> Program:
        """The program in a file that `save` or torch.export.save wrote.

        Raises:
            OSError: if there is no such file.
            ValueError: if it holds no program.
        """
        data = Path(path).read_bytes()
        return cls(archive=data if _is_packed(data) else pack(data))

    def save(self, path: str | Path) -> None:
        """Writes the archive to a file."""
        Path(path).write_bytes(self.archive)

    @cached_property
    def inputs(self) -> Mapping[str, bool]:
        """The arguments of the module's forward, and which of them are floating."""
        if not self.archive:
            return self.INPUTS
        graph, signature = _model(_files(self.archive))
        names = [
            spec["user_input"]["arg"]["as_tensor"]["name"] for spec in signature["input_specs"] if "user_input" in spec
        ]
        return {name: graph["tensor_values"][name]["dtype"] in _FLOATING for name in names}

    @property
    def archives(self) -> Mapping[str, bytes]:
        """The archive by its hash."""
        return {self.sha256: self.archive} if self.archive else {}

    def arguments(self) -> dict[str, Any]:
        """The hash alone."""
        return super().arguments() | {"archive": None}

    def __repr__(self) -> str:
        return f"Program({', '.join(self.inputs)}; sha256 {self.sha256[:12]}…, {len(self.archive)} bytes)"


def complete(loss: loss_pb2.LossSpec, archives: dict[str, bytes]) -> None:
    """Puts archives into the programs that a specification names, each once: it is taken out of `archives`."""
    if loss.WhichOneof("loss") == "program" and not loss.program.archive:
        loss.program.archive = archives.pop(loss.program.sha256, b"")
    for term in loss.weighted_sum.terms if loss.WhichOneof("loss") == "weighted_sum" else ():
        complete(term.loss, archives)


def pack(exported: bytes) -> bytes:
    """The archive of what torch.export.save wrote.

    Raises:
        ValueError: if it is no such file, or holds what a program cannot have.
    """
    files = _files(exported)
    graph, signature = _model(files)
    model = json.loads(files[_GRAPH])
    inputs = [spec.get("user_input", {}).get("arg", {}).get("as_tensor", {}).get("name")
              for spec in signature["input_specs"]]  # fmt: skip
    kept = {
        "schema_version": model["schema_version"],
        "graph_module": {
            "graph": {
                "nodes": [{key: node[key] for key in ("target", "inputs", "outputs")} for node in graph["nodes"]],
                "tensor_values": {name: _type(graph["tensor_values"][name]) for name in inputs if name is not None},
            },
            "signature": signature,
        },
        "range_constraints": model["range_constraints"],
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        _add(archive, _GRAPH, _text(kept))
        for table in _TABLES:
            _add_tensors(archive, files, table)
    return packed.getvalue()


def _add_tensors(archive: zipfile.ZipFile, files: Mapping[str, bytes], table: str) -> None:
    """The tensors of a table, each contiguous and in a file of its own."""
    config = json.loads(files.get(table, b'{"config": {}}'))["config"]
    folder, kept = table.rpartition("/")[0], {}
    for number, (name, described) in enumerate(config.items()):
        meta = described["tensor_meta"]
        if described["use_pickle"] or meta is None or meta["dtype"] not in _BYTES:
            raise ValueError(f"{name} is no plain tensor of a type that programs may use")
        path = f"tensor_{number}"
        kept[name] = {"path_name": path, "tensor_meta": _type(meta)}
        _add(archive, f"{folder}/{path}", _contiguous(files[f"{folder}/{described['path_name']}"], meta))
    if kept:
        _add(archive, table, _text({"config": kept}))


def _contiguous(storage: bytes, meta: Mapping[str, Any]) -> bytes:
    """The elements of a tensor in order, whatever part of its storage it was."""
    width = _BYTES[meta["dtype"]]
    shape = [size["as_int"] for size in meta["sizes"]]
    strides = [stride["as_int"] for stride in meta["strides"]]
    first = meta["storage_offset"]["as_int"]
    last = first + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if not math.prod(shape):
        return b""
    if min(strides, default=0) < 0 or (last + 1) * width > len(storage):
        raise ValueError("a tensor lies outside of its storage")
    elements = np.frombuffer(storage, f"u{width}")[first:]
    return np.lib.stride_tricks.as_strided(elements, shape, [stride * width for stride in strides]).tobytes()


def _type(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Element type and sizes; of an open size the expression without the example's."""
    sizes = [
        {"as_expr": {"expr_str": size["as_expr"]["expr_str"]}} if "as_expr" in size else size for size in meta["sizes"]
    ]
    return {"dtype": meta["dtype"], "sizes": sizes}


def _text(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    """A stored file without a date, so that equal programs are equal bytes."""
    archive.writestr(zipfile.ZipInfo(name), data)


def _is_packed(data: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _GRAPH in archive.namelist()
    except zipfile.BadZipFile:
        raise ValueError("no program: the file is no zip") from None


def _files(data: bytes) -> dict[str, bytes]:
    """Files of an archive or of a .pt2, whose names have its own name before them; pickles are left alone."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            root = next((name.removesuffix(_GRAPH) for name in archive.namelist() if name.endswith(_GRAPH)), "")
            names = [name for name in archive.namelist() if not name.endswith((".pt", ".pkl"))]
            return {name.removeprefix(root): archive.read(name) for name in names}
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise ValueError(f"no program: {error}") from None


def _model(files: Mapping[str, bytes]) -> tuple[Any, Any]:
    """The graph and its signature."""
    try:
        module = json.loads(files[_GRAPH])["graph_module"]
        return module["graph"], module["signature"]
    except (KeyError, TypeError, ValueError):
        raise ValueError("no program: it holds no exported graph") from None
