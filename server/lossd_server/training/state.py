"""The tensors of a session by name: loading them into a module, swapping two modules', one flat mapping of all."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from lossd_server.faults import Fault, shape_text

Pairs = list[tuple[Tensor, Tensor]]


def load(module: nn.Module, given: Mapping[str, Tensor]) -> None:
    """Fills a module's parameters and buffers; refuses names, types and shapes that are not exactly its own."""
    expected = module.state_dict()
    for name in sorted(given.keys() ^ expected.keys()):
        what = "is not in the model" if name in given else "is missing"
        raise Fault(
            "UNKNOWN_NAME" if name in given else "MISSING_FIELD",
            f"{name[:64]} {what}; the model has {', '.join(expected)}",
            field=f"state_dict.{name[:64]}",
        )
    for name, tensor in expected.items():
        if (given[name].shape, given[name].dtype) != (tensor.shape, tensor.dtype):
            raise Fault(
                "SHAPE_MISMATCH" if given[name].dtype == tensor.dtype else "DTYPE_MISMATCH",
                f"{name} is {given[name].dtype} {shape_text(given[name].shape)}; "
                f"the model has {tensor.dtype} {shape_text(tensor.shape)}",
                field=f"state_dict.{name}",
            )
    module.load_state_dict(dict(given))


def pairs(one: nn.Module, other: nn.Module) -> Pairs:
    """The tensors of two modules of one kind, side by side."""
    theirs = {**dict(other.named_parameters()), **dict(other.named_buffers())}
    own = [*one.named_parameters(), *one.named_buffers()]
    return [(tensor, theirs[name]) for name, tensor in own]


def swap(tensors: Pairs) -> None:
    """Exchanges what the two of each pair hold."""
    for one, other in tensors:
        one.data, other.data = other.data, one.data


def flatten(parts: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """One mapping of "part/name"."""
    return {f"{part}/{name}": tensor for part, tensors in parts.items() for name, tensor in tensors.items()}


def unflatten(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """The parts that `flatten` joined; those that had no tensors are empty."""
    parts: dict[str, dict[str, Tensor]] = {name: {} for name in ("model", "optimizer", "average", "waiting", "random")}
    for full, tensor in tensors.items():
        part, _, name = full.partition("/")
        parts.setdefault(part, {})[name] = tensor
    return parts
