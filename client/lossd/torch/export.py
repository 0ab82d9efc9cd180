"""A module of the caller's as a loss of the server's: torch exports it, `lossd.program` packs what torch writes."""

from __future__ import annotations

import contextlib
import inspect
import io
import logging
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from lossd.program import Program, pack

Sizes: TypeAlias = "Mapping[int, Any] | Sequence[Any] | None"
"""Dimensions left open: by axis or for each axis in order, a name, a `torch.export.Dim`, or None for a fixed one."""

_FRAME = re.compile(r'File "([^"]+)", line (\d+), in (\w+|<lambda>)(?:\n +(.+))?')
_TORCH = str(Path(torch.__file__).parent)
_REGIONS = {
    "wrap_with_set_grad_enabled": "a torch.no_grad() region cannot be in a program: use detach()",
    "wrap_with_autocast": "an autocast region cannot be in a program: convert with to()",
}


def export_loss(
    module: nn.Module,
    example_inputs: Mapping[str, Tensor] | Sequence[Tensor],
    dynamic: Mapping[str, Sizes] | Sequence[Sizes] | None = None,
) -> Program:
    """A loss of one's own as a program that any lossd server evaluates, with the bits that the module has here.

    Formula: `module(**inputs)`

    The module is exported by torch.export as it stands: its parameters, buffers and constants go along as raw bytes
    and are constants of the loss. Put it in eval() first if it has dropout or running statistics. Several results,
    random numbers, selection by a mask, regions such as torch.no_grad() and writes into inputs or buffers are
    refused here. The list of operators is the server's: others that are not on it (docs/programs.md), it refuses at
    the first evaluation or `client.validate`.

    Args:
        module: its forward takes tensors and returns one floating tensor; a result that is no scalar counts as
            unreduced. Branches on data and random numbers cannot be exported or run.
        example_inputs: tensors by forward's argument names, or in its order; their element types, numbers of
            dimensions and, where not dynamic, sizes are those that the loss takes.
        dynamic: for inputs by name, or in order, the dimensions whose sizes are left open, such as
            {"input": {0: "batch"}, "target": {0: "batch"}} or {"input": ["batch", None]}; equal names are equal
            sizes, torch.export.Dim objects are taken too. Default: all sizes fixed.

    Raises:
        TypeError: if this is no module, these are no tensors, or the result is not one floating tensor.
        ValueError: if it cannot be exported, or not be a program; the message has the line of forward.

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
    inputs = named_inputs(module, example_inputs)
    exported = trace(module, inputs, dynamic)
    check(exported)
    program = Program(archive=pack(saved(exported)))
    check_names(program.inputs, inputs)
    return program


def trace(
    module: nn.Module, inputs: Mapping[str, Tensor], dynamic: Mapping[str, Sizes] | Sequence[Sizes] | None
) -> torch.export.ExportedProgram:
    """What torch exports of a module in its present mode; its refusals in few words, as ValueError."""
    dimensions = _dimensions(inputs, dynamic) if dynamic else None
    with _quiet():
        try:
            return torch.export.export(module, (), dict(inputs), dynamic_shapes=dimensions)
        except (RuntimeError, torch._dynamo.exc.UserError) as error:
            raise ValueError(_refusal(error, module, inputs, dimensions)) from None


def saved(exported: torch.export.ExportedProgram) -> bytes:
    """What torch.export.save writes."""
    buffer = io.BytesIO()
    with _quiet():
        torch.export.save(exported, buffer)
    return buffer.getvalue()


def check_names(found: Iterable[str], inputs: Iterable[str]) -> None:
    """Refuses inputs that torch had to rename."""
    if list(found) != list(inputs):
        raise ValueError(
            f"the inputs {', '.join(inputs)} are called {', '.join(found)} in the graph; give the arguments of forward "
            "names that are no functions of torch's or Python's"
        )


def named_inputs(module: nn.Module, given: Mapping[str, Tensor] | Sequence[Tensor]) -> dict[str, Tensor]:
    """The example inputs by name, in forward's order."""
    if not isinstance(module, nn.Module):
        raise TypeError(f"expected an nn.Module, given {_kind(module)}")
    if isinstance(given, Tensor | str) or not isinstance(given, Mapping | Sequence):
        raise TypeError(
            f"example_inputs: expected tensors by name or in order, given {_kind(given)}; of one tensor, (tensor,)"
        )
    signature = inspect.signature(module.forward)
    try:
        bound = signature.bind(**given) if isinstance(given, Mapping) else signature.bind(*given)
    except TypeError as error:
        raise TypeError(f"example_inputs: {error}; forward takes {', '.join(signature.parameters)}") from None
    for name, value in bound.arguments.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"the example input {name!r} is {type(value).__name__}; expected a tensor")
    return {name: value.detach() for name, value in bound.arguments.items()}


def _dimensions(
    inputs: Mapping[str, Tensor], dynamic: Mapping[str, Sizes] | Sequence[Sizes]
) -> dict[str, dict[int, Any]]:
    """`dynamic` as torch.export takes it."""
    if isinstance(dynamic, str) or not isinstance(dynamic, Mapping | Sequence):
        raise TypeError(f"dynamic: expected dimensions by input, given {_kind(dynamic)}")
    if not isinstance(dynamic, Mapping) and len(dynamic) != len(inputs):
        raise ValueError(f"dynamic has {len(dynamic)} entries; the inputs are {', '.join(inputs)}")
    by_name = dynamic if isinstance(dynamic, Mapping) else dict(zip(inputs, dynamic, strict=True))
    unknown = by_name.keys() - inputs.keys()
    if unknown:
        raise ValueError(f"dynamic names {', '.join(sorted(unknown))}; the inputs are {', '.join(inputs)}")
    dims: dict[str, Any] = {}
    found: dict[str, dict[int, Any]] = {}
    for name in inputs:
        sizes = by_name.get(name) or {}
        if isinstance(sizes, str | torch.export.Dim):
            sizes = [sizes]  # the first dimension
        axes = sizes.items() if isinstance(sizes, Mapping) else enumerate(sizes)
        found[name] = {
            axis: dims.setdefault(dim, torch.export.Dim(dim)) if isinstance(dim, str) else dim
            for axis, dim in axes
            if dim is not None
        }
    return found


def _refusal(
    error: Exception, module: nn.Module, inputs: Mapping[str, Tensor], dimensions: dict[str, dict[int, Any]] | None
) -> str:
    """Why torch did not export, in few words."""
    text = str(error)
    if "data-dependent" in text:
        line = _place(text)
        return f"forward branches on data{f' ({line})' if line else ''}: use torch.where"
    if dimensions and "Constraints violated" in text:
        return _constraint(module, inputs, dimensions) or f"torch cannot export this module: {text.splitlines()[0]}"
    return f"torch cannot export this module: {text}"


def _constraint(module: nn.Module, inputs: Mapping[str, Tensor], dimensions: dict[str, dict[int, Any]]) -> str:
    """Which dimensions go together, by an export that leaves all of them open."""
    auto = {name: dict.fromkeys(range(value.dim()), torch.export.Dim.AUTO) for name, value in inputs.items()}
    try:
        graph = torch.export.export(module, (), dict(inputs), dynamic_shapes=auto).graph
    except (RuntimeError, torch._dynamo.exc.UserError):
        return ""
    holders = [node for node in graph.nodes if node.op == "placeholder"][-len(inputs) :]
    shapes = {name: [str(size) for size in node.meta["val"].shape] for name, node in zip(inputs, holders, strict=True)}
    for name, open_ in dimensions.items():
        for axis, dim in open_.items():
            called, symbol = getattr(dim, "__name__", str(dim)), shapes[name][axis]
            if symbol.isdecimal():
                return f"dimension {axis} of {name!r} cannot be dynamic: forward works for size {symbol} alone"
            missing: dict[int, list[str]] = {}
            for other, sizes in shapes.items():
                for at, size in enumerate(sizes):
                    if size == symbol and getattr(dimensions[other].get(at), "__name__", None) != called:
                        missing.setdefault(at, []).append(repr(other))
            if missing:
                at, names = next(iter(missing.items()))
                return f"dimension {at} of {' and '.join(names)} must be dynamic too, by the same name {called!r}"
    return ""


def check(
    exported: torch.export.ExportedProgram, allowed: Callable[[torch.fx.Node], bool] = lambda node: False
) -> None:
    """Refuses what no server runs, as far as the graph shows it; the list of operators is the server's.

    Args:
        exported: what torch exported.
        allowed: which nodes may draw random numbers or write; none for a loss.
    """
    nodes = list(exported.graph.nodes)
    copied = exported.graph_signature.inputs_to_lifted_tensor_constants  # each call has copies of constants in forward
    held = {_storage(node) for node in nodes if node.op == "placeholder" and node.name not in copied} - {None}
    for node in nodes:
        if node.op == "call_function" and not allowed(node) and (reason := _reason(node, held)):
            raise refused(node, reason)
    results = nodes[-1].args[0]
    if len(results) != 1:
        raise TypeError(f"forward returns {len(results)} results; return one tensor")
    value = results[0].meta.get("val") if isinstance(results[0], torch.fx.Node) else results[0]
    if not isinstance(value, Tensor):
        raise TypeError(f"forward returns {_kind(value)}; return one tensor")
    if not value.is_floating_point():
        raise TypeError(f"forward returns {value.dtype}; return a floating tensor")


def refused(node: torch.fx.Node, reason: str) -> ValueError:
    """The error about a node, with the line of forward that it comes from."""
    line = _place(_trace(node))
    return ValueError(f"{line}: {reason}" if line else reason)


def arguments(node: torch.fx.Node) -> dict[str, Any]:
    """The arguments of a node that calls an operator, by the operator's names."""
    target: Any = node.target
    given = {argument.name: value for argument, value in zip(target._schema.arguments, node.args, strict=False)}
    return given | node.kwargs


def _reason(node: torch.fx.Node, held: set[Any]) -> str:
    """Why a node cannot be in a program; nothing if it may be."""
    target: Any = node.target
    if isinstance(target, torch._ops.HigherOrderOperator):
        return _REGIONS.get(target.name(), f"{target.name()} cannot be in a program: use torch.where")  # type: ignore[no-untyped-call]  # torch gives it no types
    if not isinstance(target, torch._ops.OpOverload):
        return ""
    given = arguments(node)
    if torch.Tag.nondeterministic_seeded in target.tags and all(
        given.get(name, True) for name in ("train", "training", "dropout_p")
    ):
        return f"{target.__name__} draws random numbers: leave it out, or put the module in eval()"
    if torch.Tag.data_dependent_output in target.tags:
        return "a number is taken out of a tensor: keep it a tensor, without item() or float()"
    if torch.fx.experimental.symbolic_shapes.free_unbacked_symbols(node.meta.get("val")):
        return "the size of a result depends on data: instead of selecting by a mask, multiply by it or use torch.where"
    written = target._schema.arguments[:1]
    writes = bool(written) and written[0].alias_info is not None and written[0].alias_info.is_write
    if writes and node.args and isinstance(node.args[0], torch.fx.Node) and _storage(node.args[0]) in held:
        return "an input, a parameter or a buffer is written to: clone it first, or put the module in eval()"
    return ""


def _storage(node: torch.fx.Node) -> Any:
    """What tells the memory of a node's tensor from others'."""
    value = node.meta.get("val")
    return value.untyped_storage()._cdata if isinstance(value, Tensor) else None


def _trace(node: torch.fx.Node) -> str:
    """Where a node comes from; of a region, where its first node does."""
    if trace := node.stack_trace:
        return trace
    regions = [getattr(node.graph.owning_module, str(arg.target), None) for arg in node.all_input_nodes
               if arg.op == "get_attr"]  # fmt: skip
    inside = [each for region in regions if isinstance(region, torch.fx.GraphModule) for each in region.graph.nodes]
    return next((each.stack_trace for each in inside if each.stack_trace), "")


def _place(trace: str) -> str:
    """The caller's own last line of a stack: function, file name, number and text."""
    frames = [frame for frame in _FRAME.findall(trace) if not frame[0].startswith(_TORCH)]
    if not frames:
        return ""
    file, number, function, text = frames[-1]
    return f"in {function}, {Path(file).name} line {number}" + (f": {text.strip()}" if text else "")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's advice to its own developers, in warnings, logs and on stderr."""
    log = logging.getLogger("torch")
    before, log.disabled = log.disabled, True
    names = [logging.getLogger(name) for name in ("torch.fx.experimental.symbolic_shapes", "torch.export")]
    levels = [each.level for each in names]
    try:
        for each in names:
            each.setLevel(logging.CRITICAL)
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.disabled = before
        for each, level in zip(names, levels, strict=True):
            each.setLevel(level)


def _kind(value: object) -> str:
    return "None" if value is None else type(value).__name__
