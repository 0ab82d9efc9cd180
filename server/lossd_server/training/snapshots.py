"""One state as one file: tensors by name and facts, in the format of safetensors, written whole and read whole.

The facts are JSON in the file's metadata and hold the type, shape and SHA-256 of each tensor; the metadata holds their
own SHA-256 and the version of all this. What fails a check is refused. Nothing here knows what the state is of.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.training.journal import unavailable

FORMAT = "1"

_TENSORS = "tensors"
_KEYS = {"format", "facts", "sha256"}


def write(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Writes a file, which is not yet synced.

    Args:
        tensors: any types, shapes, strides and devices; some may share memory.
        facts: plain JSON values; "tensors" is taken.

    Raises:
        Fault: STORAGE_UNAVAILABLE if the file cannot be written.
    """
    own = _own(tensors)
    entries = {name: [*_kind(tensor), _sha256(tensor)] for name, tensor in own.items()}
    text = json.dumps({**facts, _TENSORS: entries}, allow_nan=True, sort_keys=True)
    metadata = {"format": FORMAT, "facts": text, "sha256": _seal(text)}
    try:
        save_file(own, path, metadata)
    except (OSError, SafetensorError) as error:
        raise unavailable(_as_os_error(error), "written") from None


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors, each with memory of its own on the CPU, and the facts of a file.

    Raises:
        Fault: STATE_CORRUPT if anything in it is not as it was written.
    """
    facts, tensors = _open(path, whole=True)
    for name, entry in facts.pop(_TENSORS).items():
        tensor = tensors.get(name)
        if tensor is None or [*_kind(tensor), _sha256(tensor)] != entry:
            _refuse(path, f"the tensor {name[:64]!r} fails its check")
    return tensors, facts


def read_facts(path: Path) -> dict[str, Any]:
    """The facts of a file, whose tensors are not looked at."""
    facts, _ = _open(path, whole=False)
    del facts[_TENSORS]
    return facts


def _open(path: Path, whole: bool) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            facts = _facts(path, metadata)
            names = set(file.keys())
            if names != facts[_TENSORS].keys():
                _refuse(path, "it has other tensors than its facts say")
            # a copy: what is checked is what is used, and torch finds it aligned as it aligns its own
            return facts, {name: file.get_tensor(name).clone() for name in names} if whole else {}
    except (SafetensorError, RuntimeError, ValueError, KeyError, TypeError, AttributeError):
        _refuse(path, "it is no whole file of safetensors")
    except OSError as error:
        raise unavailable(error, "read") from None


def _facts(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    version = metadata.get("format")
    if metadata.keys() == _KEYS and version != FORMAT and version is not None and version.isdecimal():
        _refuse(path, f"it has format {version[:16]}, and this server reads {FORMAT}: start the lossd that wrote it")
    if metadata.keys() != _KEYS or metadata["sha256"] != _seal(metadata["facts"]) or version != FORMAT:
        _refuse(path, "its facts fail their check")
    facts: dict[str, Any] = json.loads(metadata["facts"])
    return facts


def _own(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors as safetensors takes them: on the CPU, contiguous, each with memory of its own."""
    own: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        storage = tensor.untyped_storage()
        if storage.data_ptr() in seen or storage.nbytes() != tensor.nbytes:
            tensor = tensor.clone()
        seen.add(tensor.untyped_storage().data_ptr())
        own[name] = tensor
    return own


def _kind(tensor: Tensor) -> list[Any]:
    return [str(tensor.dtype).removeprefix("torch."), list(tensor.shape)]


def _sha256(tensor: Tensor) -> str:
    data = tensor.reshape(-1).view(torch.uint8).numpy()
    return hashlib.sha256(data).hexdigest()  # type: ignore[arg-type]  # an ndarray is a buffer


def _seal(text: str) -> str:
    return hashlib.sha256(f"{FORMAT}\n{text}".encode()).hexdigest()


def _as_os_error(error: Exception) -> OSError:
    return error if isinstance(error, OSError) else OSError(0, "the file cannot be written whole")


def _refuse(path: Path, why: str) -> NoReturn:
    raise Fault(
        "STATE_CORRUPT",
        f"{path.name} cannot be used: {why}; take the session's files from a backup, or delete the session",
    )
