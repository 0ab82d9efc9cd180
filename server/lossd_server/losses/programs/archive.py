"""The archive of a program: a zip of stored files, its graph as JSON and its weights as raw bytes; knows no graph.

Nothing in it is unpickled, unpacked to a disk or decompressed. What is not expected is refused.
"""

from __future__ import annotations

import io
import math
import re
import sys
import zipfile
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.limits import MAX_ARCHIVE_BYTES, MAX_ARCHIVE_MEMBERS, MAX_GRAPH_BYTES, MAX_RANK
from lossd_server.losses.programs.fields import ARCHIVE, bad, fields, items, parse, quoted, union, whole

DTYPES = {
    1: torch.uint8,
    2: torch.int8,
    3: torch.int16,
    4: torch.int32,
    5: torch.int64,
    6: torch.float16,
    7: torch.float32,
    8: torch.float64,
    12: torch.bool,
    13: torch.bfloat16,
}
"""Element types by their number in torch's export schema."""

GRAPH = "models/model.json"
FOLDERS = {"weights": "model_weights_config.json", "constants": "model_constants_config.json"}

_PAYLOAD = re.compile(r"data/(?:weights|constants)/[a-z0-9_]{1,64}")
_CONFIGS = {f"data/{folder}/{config}" for folder, config in FOLDERS.items()}
_END_BYTES = 22
_ENTRY_BYTES = 46 + 128
_SYMLINK, _KIND = 0o120000, 0o170000


class Archive(NamedTuple):
    """What an archive holds; tensors by their names in the module, on the CPU."""

    graph: Any
    weights: dict[str, Tensor]
    constants: dict[str, Tensor]


def read(data: bytes) -> Archive:
    """Reads an archive; every size is looked at before anything of that size is made."""
    if len(data) > MAX_ARCHIVE_BYTES:
        raise Fault(
            "LIMIT_EXCEEDED", f"the archive has {len(data)} bytes; at most {MAX_ARCHIVE_BYTES} are read", field=ARCHIVE
        )
    files = _files(data)
    if GRAPH not in files:
        raise bad(f"the archive has no {GRAPH.replace('/', ' ')}; lossd.torch.export_loss makes archives")
    if len(files[GRAPH]) > MAX_GRAPH_BYTES:
        raise Fault(
            "LIMIT_EXCEEDED",
            f"the graph has {len(files[GRAPH])} bytes; at most {MAX_GRAPH_BYTES} are read",
            field=ARCHIVE,
        )
    used = {GRAPH, *_CONFIGS}
    weights, constants = (_tensors(folder, files, used) for folder in FOLDERS)
    for name in files.keys() - used:
        raise bad(f"the archive has a file {quoted(name)} that nothing names")
    return Archive(parse(files[GRAPH], "the graph"), weights, constants)


def _files(data: bytes) -> dict[str, bytes]:
    _check_end(data)
    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                _check_member(info, files, len(data))
                files[info.filename] = archive.read(info)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError, ValueError):
        raise bad("the archive is not a zip of stored files, or is damaged") from None
    if sum(map(len, files.values())) > len(data):
        raise bad("files of the archive overlap")
    return files


def _check_end(data: bytes) -> None:
    """Looks at the table of contents' size before Python's reader makes an object for each line of it."""
    end = data[-_END_BYTES:]
    if len(end) < _END_BYTES or end[:4] != b"PK\5\6" or end[-2:] != b"\0\0" or data[-42:-38] == b"PK\6\7":
        raise bad("the archive is no plain zip: it is cut off, has a comment, or is of the 64-bit kind")
    members, size, start = (int.from_bytes(end[at:to], "little") for at, to in ((10, 12), (12, 16), (16, 20)))
    if members > MAX_ARCHIVE_MEMBERS or size > MAX_ARCHIVE_MEMBERS * _ENTRY_BYTES:
        raise Fault(
            "LIMIT_EXCEEDED", f"the archive has more than {MAX_ARCHIVE_MEMBERS} files, or long names", field=ARCHIVE
        )
    if start + size + _END_BYTES != len(data) or data[:2] != b"PK":
        raise bad("the archive has something before its files or after its table of contents")


def _check_member(info: zipfile.ZipInfo, before: dict[str, bytes], most: int) -> None:
    name = info.filename
    if name != GRAPH and name not in _CONFIGS and not _PAYLOAD.fullmatch(name):
        raise bad(f"the archive has a file {quoted(name)}, which programs do not have")
    if name in before:
        raise bad(f"the archive has {quoted(name)} twice")
    if info.flag_bits & ~0x0800 or info.compress_type != zipfile.ZIP_STORED:
        raise bad(f"{quoted(name)} is compressed or encrypted; files are stored as they are")
    if (info.external_attr >> 16) & _KIND == _SYMLINK or info.file_size != info.compress_size or info.file_size > most:
        raise bad(f"{quoted(name)} is no plain file")


def _tensors(folder: str, files: dict[str, bytes], used: set[str]) -> dict[str, Tensor]:
    """The tensors that a folder's table names."""
    table = f"data/{folder}/{FOLDERS[folder]}"
    if table not in files:
        return {}
    if len(files[table]) > MAX_GRAPH_BYTES:
        raise bad("the table is too long", f"the {folder}")
    (config,) = fields(parse(files[table], f"the {folder}"), f"the {folder}", config=dict)
    found: dict[str, Tensor] = {}
    shared: dict[str, tuple[Any, Tensor]] = {}
    for name, described in config.items():
        where = f"the {folder}' {quoted(name)}"
        path, meta = fields(described, where, path_name=str, tensor_meta=dict)
        member = f"data/{folder}/{path}"
        if member not in files or member in _CONFIGS:
            raise bad("its file is missing", where)
        used.add(member)
        if path not in shared:
            shared[path] = meta, _tensor(files[member], meta, where)
        if shared[path][0] != meta:
            raise bad("its file is that of another tensor, of another type or shape", where)
        found[name] = shared[path][1]  # names of one file are one tensor, as tied parameters are
    return found


def _tensor(data: bytes, meta: Any, where: str) -> Tensor:
    ordered = type(meta) is dict and "order" in meta
    number, sizes, *order = fields(meta, where, dtype=int, sizes=list, **({"order": list} if ordered else {}))
    if number not in DTYPES:
        raise bad(f"element type {number} is none of those that programs may use", where)
    dtype, shape = DTYPES[number], []
    for size in items(sizes, dict, where, MAX_RANK):
        _, length = union(size, where, ("as_int",))
        shape.append(whole(length, where))
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(data):
        raise bad(f"its shape needs another number of bytes than the {len(data)} that its file has", where)
    if dtype is torch.bool and data.translate(None, b"\0\1"):
        raise bad("a bool is neither 0 nor 1", where)
    assert sys.byteorder == "little", "raw tensors are little-endian"
    if not data:
        return torch.empty(shape, dtype=dtype)
    # a copy in memory of torch's own, which is aligned: the bits of matrix products depend on that on some processors
    tensor = torch.frombuffer(bytearray(data), dtype=dtype).reshape(shape).clone()
    return _laid_out(tensor, items(order[0], int, where, MAX_RANK), where) if ordered else tensor


def _laid_out(tensor: Tensor, order: list[int], where: str) -> Tensor:
    """The same elements, the dimensions of `order` from the slowest in memory to the fastest."""
    if sorted(order) != list(range(tensor.dim())):
        raise bad(f"its order is no order of {tensor.dim()} dimensions", where)
    return tensor.permute(order).contiguous().permute([order.index(dim) for dim in range(tensor.dim())])
