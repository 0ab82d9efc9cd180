"""Takes back an optimizer's step that fails: copies of what it changes, kept between steps; knows of the optimizers
only when one cannot fail.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

State = dict[Tensor, dict[str, Any]]

_GREATEST = 1e30
"""Numbers that any type of a parameter can hold, so that torch does not refuse them between two parameters."""


class Rollback:
    """Copies the parameters and the state of optimizers before they step."""

    def __init__(self) -> None:
        self._copies: list[Tensor] = []

    @contextmanager
    def on_failure(self, optimizers: Sequence[torch.optim.Optimizer]) -> Iterator[None]:
        """Inside, the optimizers step; if anything raises, parameters and state are what they were.

        A step may fail halfway through the parameters: for want of memory, or for arguments that only later steps
        cannot compute with.
        """
        if len(optimizers) == 1 and _cannot_fail(optimizers[0]):
            yield
            return
        states = [_held(optimizer) for optimizer in optimizers]
        tensors = [
            *(parameter.detach() for optimizer in optimizers for parameter in _parameters(optimizer)),
            *(value for state in states for held in state.values() for value in held.values() if _is_dense(value)),
        ]
        copies = self._copy(tensors)
        try:
            yield
        except BaseException:
            torch._foreach_copy_(tensors, copies)
            for optimizer, state in zip(optimizers, states, strict=True):
                optimizer.state.clear()
                optimizer.state.update(state)
            raise

    def _copy(self, tensors: list[Tensor]) -> list[Tensor]:
        """Memory that is there already takes a fifth of the time of new memory."""
        spare = self._copies + [tensor.new_empty(0) for tensor in tensors[len(self._copies) :]]
        self._copies = [
            old if _alike(old, tensor) else torch.empty_like(tensor)
            for old, tensor in zip(spare, tensors, strict=False)
        ]
        torch._foreach_copy_(self._copies, tensors)
        return self._copies


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _held(optimizer: torch.optim.Optimizer) -> State:
    """The state: what is replaced in a step as it is, what is changed in place and cannot be copied into as a copy.

    LBFGS puts into its lists and takes from them, and changes no tensor inside.
    """
    return {
        parameter: {
            name: list(value) if isinstance(value, list) else value.clone() if _is_sparse(value) else value
            for name, value in state.items()
        }
        for parameter, state in optimizer.state.items()
    }


def _is_sparse(value: object) -> bool:
    return isinstance(value, Tensor) and value.is_sparse


def _is_dense(value: object) -> bool:
    return isinstance(value, Tensor) and not value.is_sparse


def _alike(one: Tensor, other: Tensor) -> bool:
    return (one.shape, one.dtype, one.device) == (other.shape, other.dtype, other.device)


def _cannot_fail(optimizer: torch.optim.Optimizer) -> bool:
    """Whether a step only adds in place, so that it wants no memory, with numbers that cannot overflow.

    torch.optim.sgd._single_tensor_sgd, which torch takes for parameters on a CPU, allocates for the weight decay, the
    negative gradient, Nesterov's momentum and each first buffer of the momentum, and for nothing else.
    """
    return type(optimizer) is torch.optim.SGD and all(
        not (group["weight_decay"] or group["maximize"] or group["nesterov"] or group["foreach"] or group["fused"])
        and max(abs(group["lr"]), abs(group["momentum"]), abs(group["dampening"])) < _GREATEST
        and all(
            _adds_in_place(parameter, group["momentum"] and optimizer.state.get(parameter, {}).get("momentum_buffer"))
            for parameter in group["params"]
            if parameter.grad is not None
        )
        for group in optimizer.param_groups
    )


def _adds_in_place(parameter: Tensor, buffer: object) -> bool:
    """Whether the gradient goes into the parameter, by way of a buffer of momentum or without one (0), as it is."""
    gradient = parameter.grad
    return (
        gradient is not None
        and parameter.device.type == "cpu"
        and _is_dense(gradient)
        and gradient.dtype == parameter.dtype
        and (_is_dense(buffer) if isinstance(buffer, Tensor) else buffer == 0)
    )
