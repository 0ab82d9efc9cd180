"""Reads the named tensors of a request as the inputs of a loss or a model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import torch
from lossd.v1 import tensor_pb2 as pb
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.losses.contract import Kind, Loss
from lossd_server.losses.expression import Expression
from lossd_server.training.models import Model
from lossd_server.worker import tensors
from lossd_server.worker.tensors import Attachments


def check_names(
    what: str, given: Iterable[str], expected: Sequence[str], path: str = "inputs", optional: Collection[str] = ()
) -> None:
    """Refuses names that `what` lacks, and the lack of those it needs."""
    names = set(given)
    if names == set(expected):
        return
    has = ", ".join(expected) or "none"
    for name in sorted(names.difference(expected)):
        raise Fault("UNKNOWN_NAME", f"{what} has no input {name[:64]!r}; it has {has}", field=f"{path}.{name[:64]}")
    for name in expected:
        if name not in names and name not in optional:
            raise Fault("MISSING_FIELD", f"{what} needs the inputs {has}; {name} is missing", field=f"{path}.{name}")


def check_inputs(loss: Loss, given: Iterable[str], expected: Sequence[str], path: str = "inputs") -> None:
    """Refuses names that `loss` lacks, and the lack of those it needs; a formula says where it reads one not given."""
    names = set(given)
    if isinstance(loss, Expression):
        for name in expected:
            if name not in names:
                raise loss.missing(name, sorted(names.difference(expected)), path)
    check_names(loss.name, names, expected, path, optional_names(loss))


def optional_names(loss: Loss) -> frozenset[str]:
    """The inputs that `loss` can do without."""
    inputs = map(loss.input, loss.input_names)
    return frozenset(input_.name for input_ in inputs if input_ is not None and input_.optional)


def read_inputs(
    loss: Loss,
    given: Mapping[str, pb.Tensor],
    attachments: Attachments,
    device: torch.device,
    known: Mapping[str, Tensor] | None = None,
    path: str = "inputs",
) -> dict[str, Tensor]:
    """The inputs of `loss` on `device`; plain numbers take the type that the loss expects of them.

    Args:
        known: inputs that do not come from the request, such as a model's output.
        path: the request's field that holds `given`.
    """
    inputs: dict[str, Tensor] = dict(known or {})
    expected = [name for name in loss.input_names if name not in inputs]
    if given.keys() != set(expected):
        check_inputs(loss, given, expected, path)
    for name in expected:
        if name not in given:
            continue
        tensor = given[name]
        default = _default(loss, name, tensor, inputs) if tensor.HasField("values") else torch.float32
        inputs[name] = tensors.decode(tensor, attachments, f"{path}.{name}", device, default)
    return inputs


def read_model_inputs(
    model: Model, given: Mapping[str, pb.Tensor], attachments: Attachments, device: torch.device, path: str = "inputs"
) -> dict[str, Tensor]:
    """The inputs of `model` on `device`; plain numbers become indices where it looks them up, and else float32.

    A model's only input goes by `input` too, whatever it is called in its forward.
    """
    names = model.input_names
    if len(names) == len(given) == 1 and "input" in given:
        given = {names[0]: given["input"]}
    check_names("the model", given, names, path)
    defaults = {name: torch.int64 if name in model.indices else torch.float32 for name in names}
    return {
        name: tensors.decode(given[name], attachments, f"{path}.{name}", device, default)
        for name, default in defaults.items()
    }


def _default(loss: Loss, name: str, tensor: pb.Tensor, before: Mapping[str, Tensor]) -> torch.dtype:
    """The type that plain numbers take: a float input's is that of the float inputs before it.

    Where a loss takes class indices or probabilities, numbers nested as deeply as `input` are probabilities.
    """
    input_ = loss.input(name)
    assert input_ is not None, "input_names are the names of inputs"
    floating = next((own.dtype for own in before.values() if own.is_floating_point()), torch.float32)
    if input_.kind is Kind.INDEX_OR_PROBABILITIES:
        reference = next(iter(before.values()), None)
        if reference is not None and _depth(tensor) == reference.dim() > 1:
            return floating
        if reference is not None and reference.dim() == 1 and len(tensor.values.values) == len(reference):
            return floating
    return floating if input_.kind.default.is_floating_point else input_.kind.default


def _depth(tensor: pb.Tensor) -> int:
    depth, values = 1, tensor.values.values
    while len(values) and values[0].HasField("list_value"):
        depth, values = depth + 1, values[0].list_value.values
    return depth
