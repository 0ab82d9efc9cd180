"""Inputs and targets of a request, written by name as a model and a loss take them; knows no call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lossd import tensors
from lossd.framing import Buffer
from lossd.loss import Loss
from lossd.tensors import ArrayLike
from lossd.v1 import tensor_pb2


class Writer:
    """Writes inputs and targets, whose names and kinds the loss tells."""

    def __init__(self, loss: Loss | None, attachments: list[Buffer]) -> None:
        self._kinds = loss.inputs if loss is not None else {"input": True, "target": True}
        self._attachments = attachments

    def pair(
        self,
        input_messages: Mapping[str, tensor_pb2.Tensor],
        target_messages: Mapping[str, tensor_pb2.Tensor],
        inputs: ArrayLike,
        targets: ArrayLike,
        prefix: str = "",
    ) -> None:
        """Writes a model's inputs and the loss's, into two fields whose names begin with `prefix`."""
        write_inputs(input_messages, inputs, self._attachments, f"{prefix}inputs")
        named = _named(targets, list(self._kinds)[1:], f"{prefix}targets")
        write_arrays(target_messages, named, self._attachments, f"{prefix}targets", self._kinds)


def _named(given: ArrayLike, names: Sequence[str], what: str) -> Mapping[str, ArrayLike]:
    if isinstance(given, Mapping):
        return given
    if len(names) != 1:
        raise TypeError(f"{what} are {', '.join(names)} here: give them by name, as a dict")
    return {names[0]: given}


def write_arrays(
    messages: Mapping[str, tensor_pb2.Tensor],
    arrays: Mapping[str, ArrayLike],
    attachments: list[Buffer],
    field: str,
    kinds: Mapping[str, bool] = {},
) -> None:
    """Writes arrays by name; `kinds` says of which plain integers stay integers."""
    for name, value in arrays.items():
        floating = kinds.get(name, True)
        tensors.write(messages[name], value, attachments, floating=floating, field=f"{field}.{name}")


def write_inputs(
    messages: Mapping[str, tensor_pb2.Tensor], inputs: ArrayLike, attachments: list[Buffer], field: str = "inputs"
) -> None:
    """Writes a model's inputs, of which only the server knows whether plain integers are indices."""
    for name, value in _named(inputs, ["input"], field).items():
        tensors.write_plain(messages[name], value, attachments, field=f"{field}.{name}")
