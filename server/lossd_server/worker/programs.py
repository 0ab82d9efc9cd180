"""The programs that a worker holds: by the hash of their archives, the least recently used leaving first."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from lossd.v1 import loss_pb2, model_pb2

from lossd_server.faults import Fault
from lossd_server.limits import MAX_PROGRAMS, MAX_PROGRAMS_BYTES
from lossd_server.losses.programs.program import Program, ProgramLoss

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass
class _Held:
    archive: bytes
    program: Program
    losses: dict[torch.device, ProgramLoss] = field(default_factory=dict)


class Programs:
    """Holds at most `MAX_PROGRAMS` programs whose archives have at most `MAX_PROGRAMS_BYTES`.

    Args:
        allowed: whether programs are evaluated at all, the operator's setting `programs`.
    """

    def __init__(self, allowed: bool = True) -> None:
        self._allowed = allowed
        self._held: OrderedDict[tuple[bool, str], _Held] = OrderedDict()
        self._bytes = 0
        self.on_leave: Callable[[], None] = lambda: None
        """Called when a program leaves, so that nobody else keeps it."""

    def __len__(self) -> int:
        return len(self._held)

    def find(self, spec: loss_pb2.Program, path: str, device: torch.device) -> ProgramLoss:
        """The loss that `spec` names or brings, on a device."""
        held = self._kept(spec.sha256, spec.archive, path)
        if device not in held.losses:
            held.losses[device] = ProgramLoss(held.program.on(device))
        return held.losses[device]

    def model(self, spec: model_pb2.ProgramModel, path: str) -> Program:
        """The program of a model that `spec` names or brings, on the CPU."""
        return self._kept(spec.sha256, spec.archive, path, model=True).program

    def archive(self, sha256: str) -> bytes:
        """The archive of a program that is held, whether a loss's or a model's; b"" of one that is not."""
        held = self._held.get((False, sha256)) or self._held.get((True, sha256))
        return held.archive if held else b""

    def _kept(self, sha256: str, archive: bytes, path: str, model: bool = False) -> _Held:
        if not self._allowed:
            raise Fault(
                "UNSUPPORTED",
                "this server runs no programs; ask its operator to set programs to on, or write the loss as an "
                "expression or a weighted sum, the model as layers",
                field=path,
            )
        if not archive and not _SHA256.fullmatch(sha256):
            raise Fault(
                "BAD_PROGRAM",
                f"sha256 has {len(sha256)} characters; expected 64 of lower-case hexadecimal, or an archive",
                field=f"{path}.sha256",
            )
        if archive:
            found = hashlib.sha256(archive).hexdigest()
            if sha256 not in ("", found):
                raise Fault(
                    "BAD_PROGRAM",
                    f"the archive has another hash, {found}; send its own, or none",
                    field=f"{path}.sha256",
                )
            sha256 = found
        held = self._held.get((model, sha256))
        if held is None and archive:
            held = self._keep(sha256, archive, path, model)
        if held is None:
            raise Fault(
                "PROGRAM_NOT_FOUND",
                "no program of this sha256 is held here, or no longer; send its archive again",
                field=f"{path}.sha256",
            )
        self._held.move_to_end((model, sha256))
        return held

    def _keep(self, sha256: str, archive: bytes, path: str, model: bool) -> _Held:
        try:
            held = _Held(archive, Program.of(archive, model))
        except Fault as fault:
            raise Fault(fault.reason, fault.message, field=f"{path}.archive") from None
        while self._held and (len(self._held) >= MAX_PROGRAMS or self._bytes + len(archive) > MAX_PROGRAMS_BYTES):
            self._bytes -= len(self._held.popitem(last=False)[1].archive)
            self.on_leave()
        self._held[model, sha256] = held
        self._bytes += len(archive)
        return held
