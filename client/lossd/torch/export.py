"""A module of the caller's as a loss of the server's: torch exports it, `lossd.program` packs what torch writes."""

from __future__ import annotations

import inspect
import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from lossd.program import Program, pack

Sizes: TypeAlias = "Mapping[int, Any] | Sequence[Any] | None"
"""Dimensions left open: by axis or for each axis in order, a name, a `torch.export.Dim`, or None for a fixed one."""


def export_loss(
    module: nn.Module,
    example_inputs: Mapping[str, Tensor] | Sequence[Tensor],
    dynamic: Mapping[str, Sizes] | Sequence[Sizes] | None = None,
) -> Program:
    """A loss of one's own as a program that any lossd server evaluates, with the bits that the module has here.

    Formula: `module(**inputs)`

    The module is exported by torch.export as it stands: its parameters, buffers and constants go along as raw bytes
    and are constants of the loss. Put it in eval() first if it has dropout or running statistics. What the server
    does not run (docs/programs.md) it refuses at the first evaluation or `client.validate`.

    Args:
        module: its forward takes tensors and returns one floating tensor; a result that is no scalar counts as
            unreduced. Branches on data and random numbers cannot be exported or run.
        example_inputs: tensors by forward's argument names, or in its order; their element types, numbers of
            dimensions and, where not dynamic, sizes are those that the loss takes.
        dynamic: for inputs by name, or in order, the dimensions whose sizes are left open, such as
            {"input": {0: "batch"}, "target": {0: "batch"}} or {"input": ["batch", None]}; equal names are equal
            sizes, torch.export.Dim objects are taken too. Default: all sizes fixed.

    Raises:
        TypeError, ValueError: if this module or these inputs cannot be exported; torch says why.

    >>> import torch
    >>> from lossd.torch import export_loss
    >>> class Own(torch.nn.Module):
    ...     def forward(self, input, target):
    ...         error = input - target
    ...         return (error**2).mean() + 0.1 * error.abs().sum()
    >>> loss = export_loss(Own(), {"input": torch.zeros(3), "target": torch.zeros(3)})
    >>> list(loss.inputs)
    ['input', 'target']

    Reference: torch.export.export
    """
    inputs = _named(module, example_inputs)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's advice to its own developers
        try:
            exported = torch.export.export(
                module, (), dict(inputs), dynamic_shapes=_dimensions(inputs, dynamic) if dynamic else None
            )
        except (RuntimeError, torch._dynamo.exc.UserError) as error:
            raise ValueError(f"torch cannot export this module: {error}") from error
        torch.export.save(exported, buffer)
    program = Program(archive=pack(buffer.getvalue()))
    if list(program.inputs) != list(inputs):
        raise ValueError(
            f"the inputs {', '.join(inputs)} are called {', '.join(program.inputs)} in the graph; give the arguments "
            "of forward names that are no functions of torch's or Python's"
        )
    return program


def _named(module: nn.Module, given: Mapping[str, Tensor] | Sequence[Tensor]) -> dict[str, Tensor]:
    """The example inputs by name, in forward's order."""
    signature = inspect.signature(module.forward)
    bound = signature.bind(**given) if isinstance(given, Mapping) else signature.bind(*given)
    for name, value in bound.arguments.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"the example input {name!r} is {type(value).__name__}; expected a tensor")
    return {name: value.detach() for name, value in bound.arguments.items()}


def _dimensions(
    inputs: Mapping[str, Tensor], dynamic: Mapping[str, Sizes] | Sequence[Sizes]
) -> dict[str, dict[int, Any]]:
    """`dynamic` as torch.export takes it."""
    by_name = dynamic if isinstance(dynamic, Mapping) else dict(zip(inputs, dynamic, strict=True))
    unknown = by_name.keys() - inputs.keys()
    if unknown:
        raise ValueError(f"dynamic names {', '.join(sorted(unknown))}; the inputs are {', '.join(inputs)}")
    dims: dict[str, Any] = {}
    found: dict[str, dict[int, Any]] = {}
    for name in inputs:
        sizes = by_name.get(name) or {}
        axes = sizes.items() if isinstance(sizes, Mapping) else enumerate(sizes)
        found[name] = {
            axis: dims.setdefault(dim, torch.export.Dim(dim)) if isinstance(dim, str) else dim
            for axis, dim in axes
            if dim is not None
        }
    return found
