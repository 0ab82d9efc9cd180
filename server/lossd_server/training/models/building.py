"""Builds the module that a specification describes, after a look at all of it: what torch cannot or should not build
is refused before anything is allocated.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
from torch import nn

from lossd_server.faults import Fault
from lossd_server.limits import MAX_FEATURES, MAX_MODULES, MAX_PARAMETERS
from lossd_server.training.models import reading
from lossd_server.training.models.contract import Model, Spec
from lossd_server.training.models.layers import LAYERS, arguments_of, range_of
from lossd_server.training.models.planning import LayeredModel
from lossd_server.training.models.program import ProgramModel
from lossd_server.training.models.wiring import SINGLE, Branches, Feed, Residual, Source, merger

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_BARE = nn.Module()
"""Whose attributes no branch may be named as."""
_QUOTED = re.compile(r"'(\w+)'")


def build_model(spec: Spec) -> Model:
    """The model that `spec` describes, initialised by torch from its present random state."""
    if spec.class_name == "Program":
        return ProgramModel(spec.arguments["program"], spec.path)
    modules = list(islice(_modules(spec), MAX_MODULES + 1))
    if sum(_count(module) for module in modules) > MAX_MODULES:
        raise Fault("LIMIT_EXCEEDED", f"the model has over {MAX_MODULES} modules", field=spec.path)
    names = reading.input_names(spec)
    _check_widths(spec, None)
    dry_feed, feed = Feed(), Feed()
    with torch.device("meta"):
        dry = _built(spec, dry_feed)
    parameters = sum(parameter.numel() for parameter in dry.parameters())
    if parameters > MAX_PARAMETERS:
        raise Fault(
            "LIMIT_EXCEEDED", f"the model has {parameters} parameters; at most {MAX_PARAMETERS}", field=spec.path
        )
    if not parameters:
        raise Fault("MISSING_FIELD", "the model has no parameters to train; add a Linear", field=spec.path)
    return LayeredModel(_built(spec, feed), feed, dry, dry_feed, names, reading.index_names(spec))


def _modules(spec: Spec) -> Iterator[Spec]:
    """A model and all modules in it, in order."""
    yield spec
    for value in spec.arguments.values():
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, Spec):
                yield from _modules(part)


def _count(spec: Spec) -> int:
    """Modules that a specification stands for."""
    layers = spec.arguments.get("num_layers", 1) if spec.class_name == "TransformerEncoder" else 1
    return int(layers)


def _built(spec: Spec, feed: Feed) -> nn.Module:
    """The module; the constructors run in the order in which they would run in Python."""
    if spec.class_name == "Sequential":
        return nn.Sequential(*[_built(part, feed) for part in spec.arguments.get("modules", ())])
    if spec.class_name == "Residual":
        return Residual(_built(_required(spec, "module"), feed))
    if spec.class_name == "Branches":
        return _branches(spec, feed)
    return _layer(spec)


def _required(spec: Spec, name: str) -> Any:
    if name not in spec.arguments:
        raise Fault("MISSING_FIELD", f"{spec.class_name} needs {name}", field=f"{spec.path}.{name}")
    return spec.arguments[name]


def _branches(spec: Spec, feed: Feed) -> nn.Module:
    modules: dict[str, nn.Module] = {}
    sources = []
    for branch in _required(spec, "branches"):
        name, input_ = branch.arguments.get("name", ""), branch.arguments.get("input", "")
        if not _NAME.fullmatch(name) or name == "bilinear" or hasattr(_BARE, name) or name in modules:
            raise Fault(
                "ARGUMENT_OUT_OF_RANGE",
                "the name of a branch is a letter and up to 63 letters, digits and underscores, no other branch's, no "
                "attribute of torch.nn.Module's, and not bilinear",
                field=f"{branch.path}.name",
            )
        modules[name] = _built(_required(branch, "module"), feed)
        sources.append(Source(name, input_))
    return Branches(modules, sources, _merge(spec, len(sources)), feed)


def _merge(spec: Spec, count: int) -> Any:
    """The layer or function that joins the outputs of as many branches."""
    bilinear, dim = spec.arguments.get("bilinear"), spec.arguments.get("dim", -1)
    name = spec.arguments.get("merge")
    if bilinear is None:
        if not -64 <= dim <= 63:
            raise Fault("ARGUMENT_OUT_OF_RANGE", f"dim is {dim}; expected -64 to 63", field=f"{spec.path}.dim")
        if name not in (None, "concat", "stack") and "dim" in spec.arguments:
            raise Fault("ARGUMENT_OUT_OF_RANGE", f"dim does not go with merge {name}", field=f"{spec.path}.dim")
        return merger(name or "concat", dim)
    if count != 2 or name is not None or "dim" in spec.arguments:
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            "bilinear joins two branches, and takes neither merge nor dim",
            field=f"{spec.path}.bilinear",
        )
    return _layer(bilinear)


def _layer(spec: Spec) -> nn.Module:
    if spec.class_name not in LAYERS:
        raise Fault("UNKNOWN_NAME", f"{spec.class_name} is no layer of a model", field=spec.path)
    arguments = arguments_of(spec.class_name, spec.arguments, spec.path)
    for name, value in arguments.items():
        if isinstance(value, Spec):
            arguments[name] = _layer(value)
    if spec.class_name == "TransformerEncoder":
        arguments["enable_nested_tensor"] = False  # which only padding masks would use
    kind: type[nn.Module] = SINGLE.get(spec.class_name) or getattr(nn, spec.class_name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            return kind(**arguments)
    except (ValueError, TypeError, RuntimeError, AssertionError, ArithmeticError, UserWarning) as error:
        raise _refusal(spec, str(error)) from None


def _refusal(spec: Spec, said: str) -> Fault:
    """What torch's constructor says, about the argument that it names."""
    if "missing" in said and (missing := _QUOTED.search(said)):
        name = missing[1]
        least, most = range_of(spec.class_name, name)
        reason = "ARGUMENT_OUT_OF_RANGE" if (least, most) == (1, MAX_FEATURES) else "MISSING_FIELD"
        expected = f"; expected {least} to {most}" if least == 1 else ""
        return Fault(reason, f"{name} is 0 or missing{expected}", field=f"{spec.path}.{name}")
    words = re.findall(r"\w+", said.lower())
    named = sorted((name for name in spec.arguments if name in words), key=words.index)
    return Fault(
        "ARGUMENT_OUT_OF_RANGE",
        f"torch.nn.{spec.class_name} refuses its arguments: {next(iter(said.splitlines()), '')[:200]}",
        field=f"{spec.path}.{named[0]}" if named else spec.path,
    )


def _check_widths(spec: Spec, width: int | None) -> int | None:
    """The last dimension behind a module if that is known already; refuses a Linear that expects another."""
    if spec.class_name == "Sequential":
        for part in spec.arguments.get("modules", ()):
            width = _check_widths(part, width)
        return width
    if spec.class_name == "Linear":
        expected = spec.arguments.get("in_features")
        if width is not None and expected is not None and expected != width:
            raise Fault(
                "SHAPE_MISMATCH",
                f"in_features is {expected}, but the Linear before it has out_features {width}",
                field=f"{spec.path}.in_features",
            )
        return spec.arguments.get("out_features")
    layer = LAYERS.get(spec.class_name)
    return width if layer is not None and layer.keeps else None
