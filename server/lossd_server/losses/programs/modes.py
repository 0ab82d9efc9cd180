"""Whether a model trains: what that changes of an operator's arguments, and which buffers it may write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from lossd_server.losses.programs.fields import bad
from lossd_server.losses.programs.operators import Operator

_STATISTICS = ("running_mean", "running_var")


class Mode:
    """The mode of one run of a model.

    Args:
        training: whether dropout drops, and normalisation keeps statistics, where the model was exported with that.
        buffers: of the model's state; normalisation may write into them, and a counter of batches may count.
    """

    def __init__(self, training: bool, buffers: Iterable[Tensor]) -> None:
        self.training = training
        self._buffers = {id(buffer) for buffer in buffers}

    def arguments(self, operator: Operator, given: dict[str, Any]) -> dict[str, Any]:
        """The arguments as they are in this mode; running statistics that are no buffers are refused."""
        for name in _STATISTICS:
            if given.get(name) is not None and id(given[name]) not in self._buffers:
                raise bad(f"{operator.name} keeps running statistics in what is no buffer of the model's state")
        if self.training or operator.flag not in given or _counts_itself(given):
            return given
        return given | {operator.flag: 0.0 if operator.flag == "dropout_p" else False}

    def is_counter(self, operator: Operator, given: Mapping[str, Any]) -> bool:
        """Whether this is the line of a batch normalisation that counts batches: one more, in a buffer."""
        counted = given.get("self")
        if operator.name != "add_.Tensor" or id(counted) not in self._buffers or not isinstance(counted, Tensor):
            return False
        other = given["other"]
        return (
            type(other) is int
            and other == 1
            and "alpha" not in given
            and (counted.dtype, counted.dim()) == (torch.int64, 0)
        )


def _counts_itself(given: Mapping[str, Any]) -> bool:
    """A normalisation without running statistics takes the batch's in either mode."""
    return "running_mean" in given and given["running_mean"] is None
