"""Archives of programs: what torch.export.save wrote, packed; their hash and their inputs; knows no torch.

An archive is a zip of stored files: torch's graph as JSON without what says nothing about the program (where in which
file a line stood, sizes of results), and the parameters, buffers and constants as raw bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

_GRAPH = "models/model.json"
_TABLES = ("data/weights/model_weights_config.json", "data/constants/model_constants_config.json")
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 2, 7: 4, 8: 8, 12: 1, 13: 2}
"""Bytes of an element by torch's number of its type; those that programs may use."""
_FLOATING = {6, 7, 8, 13}


def identify(archive: bytes, sha256: str) -> str:
    """The hash of an archive; of one that is not given, the hash that is.

    Raises:
        ValueError: if they do not go together, there is neither, or this is no archive.
    """
    if not archive:
        if not sha256:
            raise ValueError("a program needs its archive, or the sha256 of one that the server holds")
        return sha256
    found = hashlib.sha256(archive).hexdigest()
    if sha256 not in ("", found):
        raise ValueError(f"sha256 is {sha256!r:.80}; that of the archive is {found}")
    inputs(archive)  # what is no archive is reported where it is given
    return found


def inputs(archive: bytes) -> dict[str, bool]:
    """The arguments of the module's forward, and which of them are floating."""
    graph, signature = _model(_files(archive))
    names = [
        spec["user_input"]["arg"]["as_tensor"]["name"] for spec in signature["input_specs"] if "user_input" in spec
    ]
    return {name: graph["tensor_values"][name]["dtype"] in _FLOATING for name in names}


def packed(data: bytes, model: bool = False) -> bytes:
    """The archive in a file's bytes, which may be what torch.export.save wrote.

    Raises:
        ValueError: if they hold no program.
    """
    return data if _is_packed(data) else pack(data, model)


def pack(exported: bytes, model: bool = False) -> bytes:
    """The archive of what torch.export.save wrote, of a loss or of a model.

    A model's parameters that are one tensor stay one; those that take no gradient become buffers, which is what they
    are to training.

    Raises:
        ValueError: if it is no such file, or holds what a program cannot have.
    """
    files = _files(exported)
    graph, signature = _model(files)
    written = json.loads(files[_GRAPH])
    inputs = [spec.get("user_input", {}).get("arg", {}).get("as_tensor", {}).get("name")
              for spec in signature["input_specs"]]  # fmt: skip
    kept = {
        "schema_version": written["schema_version"],
        "graph_module": {
            "graph": {
                "nodes": [{key: node[key] for key in ("target", "inputs", "outputs")} for node in graph["nodes"]],
                "tensor_values": {name: _type(graph["tensor_values"][name]) for name in inputs if name is not None},
            },
            "signature": _with_frozen(signature, files) if model else signature,
        },
        "range_constraints": written["range_constraints"],
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        _add(archive, _GRAPH, _text(kept))
        for table in _TABLES:
            _add_tensors(archive, files, table, shared=model)
    return packed.getvalue()


def _with_frozen(signature: Mapping[str, Any], files: Mapping[str, bytes]) -> dict[str, Any]:
    """The signature with a buffer for each parameter that takes no gradient."""
    config = json.loads(files[_TABLES[0]])["config"]
    specs = []
    for spec in signature["input_specs"]:
        parameter = spec.get("parameter")
        if parameter and not config[parameter["parameter_name"]]["tensor_meta"]["requires_grad"]:
            spec = {
                "buffer": {
                    "arg": parameter["arg"],
                    "buffer_name": parameter["parameter_name"],
                    "persistent": True,
                }
            }
        specs.append(spec)
    return {**signature, "input_specs": specs}


def _add_tensors(archive: zipfile.ZipFile, files: Mapping[str, bytes], table: str, shared: bool) -> None:
    """The tensors of a table, each contiguous and in a file of its own; with `shared`, equal ones in one."""
    config = json.loads(files.get(table, b'{"config": {}}'))["config"]
    folder, kept = table.rpartition("/")[0], {}
    written: dict[str, str] = {}
    for number, (name, described) in enumerate(config.items()):
        meta = described["tensor_meta"]
        if described["use_pickle"] or meta is None or meta["dtype"] not in _BYTES:
            raise ValueError(f"{name} is no plain tensor of a type that programs may use")
        path = f"tensor_{number}"
        before = written.setdefault(f"{described['path_name']} {meta}", path) if shared else path
        kept[name] = {"path_name": before, "tensor_meta": _type(meta) | _order(meta)}
        if before != path:
            continue
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


def _order(meta: Mapping[str, Any]) -> dict[str, list[int]]:
    """Dimensions from the slowest in memory to the fastest, where they are not so: matrix products may differ by that.

    >>> _order({"sizes": [{"as_int": 3}, {"as_int": 4}], "strides": [{"as_int": 1}, {"as_int": 3}]})
    {'order': [1, 0]}
    """
    strides = [stride["as_int"] for stride in meta["strides"]]
    order = sorted(range(len(strides)), key=lambda dim: -strides[dim])
    told = [dim for dim in order if meta["sizes"][dim]["as_int"] != 1]
    return {} if told == sorted(told) else {"order": order}


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
