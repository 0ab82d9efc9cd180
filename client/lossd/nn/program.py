"""A model of the caller's own as data: an exported module's archive, sent whole; knows no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lossd import archives
from lossd.nn.module import Module


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ProgramModel(Module):
    """A model of one's own, exported from an nn.Module; `lossd.torch.export_model` makes them.

    It is trained from the module's own numbers, under the names that its parameters and buffers have in the module, and
    runs in training and in evaluation mode. It is sent whole with each session. Equal hashes are equal models.

    Args:
        archive: the archive's bytes.
        sha256: its hash, in lower-case hexadecimal; alone, a program that the server holds already.

    Inputs: the arguments of the module's forward.

    Reference: docs/programs.md
    """

    archive: bytes = b""
    sha256: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha256", archives.identify(self.archive, self.sha256))

    @classmethod
    def read(cls, path: str | Path) -> ProgramModel:
        """The model in a file that `save` or torch.export.save wrote.

        Raises:
            OSError: if there is no such file.
            ValueError: if it holds no program.
        """
        return cls(archive=archives.packed(Path(path).read_bytes(), model=True))

    def save(self, path: str | Path) -> None:
        """Writes the archive to a file."""
        Path(path).write_bytes(self.archive)

    @cached_property
    def inputs(self) -> Mapping[str, bool]:
        """The arguments of the module's forward, and which of them are floating."""
        return archives.inputs(self.archive) if self.archive else {"input": True}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProgramModel) and other.sha256 == self.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    def __repr__(self) -> str:
        return f"ProgramModel({', '.join(self.inputs)}; sha256 {self.sha256[:12]}…, {len(self.archive)} bytes)"
