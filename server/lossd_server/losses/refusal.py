"""Runs torch so that what torch refuses becomes a fault, and what lossd does wrong does not."""

from __future__ import annotations

import re
from types import TracebackType

import torch

from lossd_server.faults import Fault

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+|/\S+")
_LONGEST = 300
_REFUSALS = (RuntimeError, ValueError, NotImplementedError, IndexError, TypeError, ArithmeticError)


class torch_refusals:  # noqa: N801  # a context manager that reads as a verb, and a class since that costs a tenth
    """Inside, torch's errors become faults about `field`; checks come first, so few are left for torch to find."""

    __slots__ = ("_field",)

    def __init__(self, field: str) -> None:
        self._field = field

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        if isinstance(error, torch.OutOfMemoryError | MemoryError):
            raise _out_of_memory() from None
        if isinstance(error, _REFUSALS):
            text = _ADDRESS.sub("…", next(iter(str(error).splitlines()), type(error).__name__))[:_LONGEST]
            if "can't allocate memory" in text:
                raise _out_of_memory() from None
            raise Fault("UNSUPPORTED", f"torch refuses this: {text}", field=self._field) from error


def _out_of_memory() -> Fault:
    return Fault(
        "DEVICE_OUT_OF_MEMORY", "the device has not enough free memory; send less at once, or retry", retry_after=1.0
    )
