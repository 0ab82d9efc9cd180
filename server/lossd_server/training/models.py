"""Builds torch modules from names and arguments, and says which inputs a model takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice, pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lossd_server.faults import Fault, shape_text
from lossd_server.limits import MAX_FEATURES, MAX_MODULES, MAX_PARAMETERS, MAX_PRODUCED_ELEMENTS


class Spec(NamedTuple):
    """A class of torch.nn or torch.optim by name, the arguments given, and its path in the request."""

    class_name: str
    arguments: Mapping[str, Any]
    path: str


def build_model(spec: Spec) -> nn.Module:
    """The module that `spec` describes, initialised by torch from its present random state."""
    _check_size(spec)
    return _module(spec)


def check_input(model: nn.Module, input_: Tensor) -> None:
    """Refuses an input whose type or width the model does not take, before any kernel runs."""
    if input_.dtype != torch.float32:
        raise Fault(
            "DTYPE_MISMATCH",
            f"input is {str(input_.dtype).removeprefix('torch.')}; the model's parameters are float32: send float32",
            field="inputs.input",
        )
    width = input_.shape[-1] if input_.dim() else None
    rows, produced = input_.numel() // max(width or 1, 1), 0
    for name, module in model.named_modules():
        if not isinstance(module, nn.Linear):
            continue
        if width != module.in_features:
            given = f"input of shape {shape_text(input_.shape)}" if width is not None else "a scalar"
            raise Fault(
                "SHAPE_MISMATCH",
                f"layer {name or '0'} (Linear) takes a last dimension of {module.in_features}, but {given} "
                f"brings {width if width is not None else 'none'}",
                field="inputs.input",
            )
        width = module.out_features
        produced += rows * width
    if produced > MAX_PRODUCED_ELEMENTS:
        raise Fault(
            "LIMIT_EXCEEDED",
            f"the model would make {produced} elements of input {shape_text(input_.shape)}; at most "
            f"{MAX_PRODUCED_ELEMENTS}: send a smaller batch",
            field="inputs.input",
        )


def output_width(model: nn.Module) -> int:
    """The last dimension of the model's output; the others are its input's."""
    return [module.out_features for module in model.modules() if isinstance(module, nn.Linear)][-1]


def _module(spec: Spec) -> nn.Module:
    module: type[nn.Module] = getattr(nn, spec.class_name)
    if spec.class_name == "Sequential":
        return module(*[_module(part) for part in spec.arguments["modules"]])
    return module(**spec.arguments)


def _check_size(spec: Spec) -> None:
    modules = list(islice(_modules(spec), MAX_MODULES + 1))
    if len(modules) > MAX_MODULES:
        raise Fault("LIMIT_EXCEEDED", f"the model has over {MAX_MODULES} modules", field=spec.path)
    linears = [module for module in modules if module.class_name == "Linear"]
    for linear in linears:
        for name in ("in_features", "out_features"):
            value = linear.arguments.get(name, 0)
            if not 1 <= value <= MAX_FEATURES:
                raise Fault(
                    "ARGUMENT_OUT_OF_RANGE",
                    f"{name} is {value}; expected 1 to {MAX_FEATURES}",
                    field=f"{linear.path}.{name}",
                )
    parameters = sum(linear.arguments["out_features"] * (linear.arguments["in_features"] + 1) for linear in linears)
    if parameters > MAX_PARAMETERS:
        raise Fault(
            "LIMIT_EXCEEDED", f"the model has {parameters} parameters; at most {MAX_PARAMETERS}", field=spec.path
        )
    if not linears:
        raise Fault("MISSING_FIELD", "the model has no parameters to train; add a Linear", field=spec.path)
    for before, after in pairwise(linears):
        if before.arguments["out_features"] != after.arguments["in_features"]:
            raise Fault(
                "SHAPE_MISMATCH",
                f"in_features is {after.arguments['in_features']}, but the Linear before it has out_features "
                f"{before.arguments['out_features']}",
                field=f"{after.path}.in_features",
            )


def _modules(spec: Spec) -> Iterator[Spec]:
    """A model and all modules in it, in order."""
    yield spec
    for module in spec.arguments.get("modules", ()):
        yield from _modules(module)
