"""Runs torch so that what torch refuses becomes a fault, and what lossd does wrong does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from lossd_server.faults import Fault

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+|/\S+")
_LONGEST = 300


@contextmanager
def torch_refusals(field: str) -> Iterator[None]:
    """Inside, torch's errors become faults about `field`; checks come first, so few are left for torch to find."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError):
        raise _out_of_memory() from None
    except (RuntimeError, ValueError, NotImplementedError, IndexError, TypeError, ArithmeticError) as error:
        text = _ADDRESS.sub("…", next(iter(str(error).splitlines()), type(error).__name__))[:_LONGEST]
        if "can't allocate memory" in text:
            raise _out_of_memory() from None
        raise Fault("UNSUPPORTED", f"torch refuses this: {text}", field=field) from error


def _out_of_memory() -> Fault:
    return Fault(
        "DEVICE_OUT_OF_MEMORY", "the device has not enough free memory; send less at once, or retry", retry_after=1.0
    )
