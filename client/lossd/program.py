"""A loss of the caller's own as data: an exported module's archive, known by its hash; knows no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lossd import archives
from lossd.archives import pack as pack
from lossd.loss import Loss
from lossd.v1 import loss_pb2


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
        object.__setattr__(self, "sha256", archives.identify(self.archive, self.sha256))
        super().__post_init__()

    @classmethod
    def read(cls, path: str | Path) -> Program:
        """The program in a file that `save` or torch.export.save wrote.

        Raises:
            OSError: if there is no such file.
            ValueError: if it holds no program.
        """
        return cls(archive=archives.packed(Path(path).read_bytes()))

    def save(self, path: str | Path) -> None:
        """Writes the archive to a file."""
        Path(path).write_bytes(self.archive)

    @cached_property
    def inputs(self) -> Mapping[str, bool]:
        """The arguments of the module's forward, and which of them are floating."""
        return archives.inputs(self.archive) if self.archive else self.INPUTS

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
