"""The random state of a session: its own stream of numbers, whatever other sessions of the process draw."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class Randomness:
    """The states of torch's global generators as one session left them; its first is the present one.

    Args:
        device: of the session; an accelerator has a generator of its own beside the CPU's.
    """

    def __init__(self, device: torch.device) -> None:
        self._cuda = device if device.type == "cuda" else None
        self._states = self._read()

    def begin(self) -> None:
        """Lets torch draw from this stream, until `end`, or for nothing if there is none."""
        self._write(self._states)

    def end(self) -> None:
        """Keeps how far torch has drawn."""
        self._states = self._read()

    def capture(self) -> dict[str, Tensor]:
        """The states as tensors of bytes, by generator."""
        return dict(self._states)

    def restore(self, states: Mapping[str, Tensor]) -> None:
        """Goes on where `capture` was called."""
        self._states = dict(states)

    def _read(self) -> dict[str, Tensor]:
        states = {"cpu": torch.get_rng_state()}
        if self._cuda is not None:
            states["cuda"] = torch.cuda.get_rng_state(self._cuda)
        return states

    def _write(self, states: Mapping[str, Tensor]) -> None:
        torch.set_rng_state(states["cpu"])
        if self._cuda is not None and "cuda" in states:
            torch.cuda.set_rng_state(states["cuda"], self._cuda)
