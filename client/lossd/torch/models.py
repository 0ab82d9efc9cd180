"""A module of the caller's as the model of a training session: exported as it trains, compared as it evaluates."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lossd.archives import pack
from lossd.nn import ProgramModel
from lossd.torch.export import Sizes, arguments, check, check_names, named_inputs, refused, saved, trace

_aten = torch.ops.aten
_DROPOUT = (
    "dropout dropout_ feature_dropout feature_dropout_ alpha_dropout alpha_dropout_ feature_alpha_dropout "
    "feature_alpha_dropout_ lstm gru rnn_tanh rnn_relu"
)
_FLAGS = {
    **dict.fromkeys((f"aten::{name}" for name in _DROPOUT.split()), "train"),
    **dict.fromkeys(("aten::batch_norm", "aten::rrelu", "aten::rrelu_"), "training"),
    "aten::instance_norm": "use_input_stats",
    "aten::scaled_dot_product_attention": "dropout_p",
}
"""Operators that differ between the modes, and the argument that says which it is."""


def export_model(
    module: nn.Module,
    example_inputs: Mapping[str, Tensor] | Sequence[Tensor],
    dynamic_shapes: Mapping[str, Sizes] | Sequence[Sizes] | None = None,
) -> ProgramModel:
    """A module of one's own as the model of a training session, with the bits that it has here.

    Formula: `module(**inputs)`

    The module is exported by torch.export in training mode; its parameters and buffers go along, keep their names and
    are where training starts from. Dropout drops and normalisation keeps statistics while the session trains, and not
    when it evaluates; layers that are in eval() when the module is exported stay so. Parameters that take no gradient
    are not trained, tied ones stay tied. The module itself stays as it is.

    Args:
        module: in training mode; its forward takes tensors and returns one floating tensor, and does the same in both
            modes but for dropout and normalisation.
        example_inputs: tensors by forward's argument names, or in its order; their element types, numbers of
            dimensions and, where not dynamic, sizes are those that the model takes. Two or more rows, so that
            normalisation has something to normalise.
        dynamic_shapes: for inputs by name, or in order, the dimensions whose sizes are left open, such as
            {"input": {0: "batch"}} or {"input": ["batch", None]}; equal names are equal sizes, torch.export.Dim objects
            are taken too. Default: all sizes fixed.

    Raises:
        TypeError: if this is no module, these are no tensors, or the result is not one floating tensor.
        ValueError: if it is in eval(), has nothing to train, cannot be exported, or not be a program; the message has
            the line of forward.

    >>> import torch
    >>> from lossd.torch import export_model
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Dropout(0.1),
    ...                           torch.nn.Linear(8, 2))
    >>> model = export_model(net, {"input": torch.zeros(2, 4)}, dynamic_shapes={"input": {0: "batch"}})
    >>> list(model.inputs)
    ['input']

    Reference: torch.export.export
    """
    inputs = named_inputs(module, example_inputs)
    _check_module(module)
    with _one_path():
        exported = trace(module, inputs, dynamic_shapes)
        check(exported, lambda node: _counts(node) or _flag(node) != "")
        with _evaluating(module):
            _compare(exported, trace(module, inputs, dynamic_shapes))
    model = ProgramModel(archive=pack(saved(exported), model=True))
    check_names(model.inputs, inputs)
    return model


def _check_module(module: nn.Module) -> None:
    if not module.training:
        raise ValueError(
            "the module is in eval(): call train() first; layers that are to stay in evaluation mode can be put into "
            "eval() after that"
        )
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise ValueError("no parameter of the module takes a gradient: there is nothing to train")
    for name, part in module.named_modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.momentum is None and part.track_running_stats:
            raise ValueError(f"{name or 'the module'} has momentum None, whose average counts batches: give a momentum")


def _compare(trained: torch.export.ExportedProgram, evaluated: torch.export.ExportedProgram) -> None:
    """Refuses what is different in evaluation beyond what the server switches off by itself."""
    one, other = _lines(trained), _lines(evaluated)
    for (node, line), (_, expected) in zip(one, other, strict=False):
        if line != expected:
            raise refused(node, "forward does something else in eval(): a model has one graph, where only dropout and "
                          "normalisation tell the modes apart")  # fmt: skip
    if len(one) != len(other):
        raise ValueError("forward does something else in eval(): a model has one graph for both modes")
    for node in evaluated.graph.nodes:
        given = arguments(node) if _flag(node) else {}
        if given.get(_flag(node)) and given.get("running_mean", node) is not None:
            raise refused(node, f"{node.target} is on in eval() too: give it training=self.training")


def _lines(exported: torch.export.ExportedProgram) -> list[tuple[torch.fx.Node, str]]:
    """What each node does, without what differs between the modes; nodes by their number."""
    numbers: dict[torch.fx.Node, str] = {}
    lines: list[tuple[torch.fx.Node, str]] = []
    for node in exported.graph.nodes:
        if _counts(node):
            numbers[node] = numbers[node.args[0]]
            continue
        numbers[node] = f"%{len(lines)}"
        given: Any = (node.args, node.kwargs)
        if isinstance(node.target, torch._ops.OpOverload):
            flag = _flag(node)
            defaults = {argument.name: argument.default_value for argument in node.target._schema.arguments}
            given = {
                name: value
                for name, value in arguments(node).items()
                if name != flag and (isinstance(value, torch.fx.Node) or value != defaults[name])
            }
        lines.append((node, f"{node.target} {torch.fx.node.map_arg(given, numbers.__getitem__)}"))
    return lines


def _flag(node: torch.fx.Node) -> str:
    """The argument that says in which mode an operator is; "" if it has none."""
    return _FLAGS.get(node.target._schema.name, "") if isinstance(node.target, torch._ops.OpOverload) else ""


def _counts(node: torch.fx.Node) -> bool:
    """Whether a node is where a batch normalisation counts batches."""
    if node.target is not _aten.add_.Tensor or node.args[1:] != (1,) or node.kwargs:
        return False
    counted = node.args[0]
    value = counted.meta.get("val") if isinstance(counted, torch.fx.Node) and counted.op == "placeholder" else None
    return isinstance(value, Tensor) and (value.dtype, value.dim()) == (torch.int64, 0)


@contextlib.contextmanager
def _one_path() -> Iterator[None]:
    """Without torch's other kernels for attention layers in evaluation, whose bits are others."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@contextlib.contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Inside, all of a module is in evaluation mode; after, each part is in its own again."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
