"""Which inputs a model reads, found in its specification alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lossd_server.faults import Fault
from lossd_server.training.models.contract import Spec

FLOW = "input"
"""The model's input where nothing else is said."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_PASSING = ("Identity", "Flatten", "Unflatten")
"""Layers that hand on the very elements that they get."""


def input_names(spec: Spec) -> tuple[str, ...]:
    """The inputs' names in the order in which they are read; refuses what nothing reads."""
    return tuple(dict.fromkeys(_reads(spec, FLOW)))


def index_names(spec: Spec) -> frozenset[str]:
    """Those inputs that an embedding reads."""
    return frozenset(name for name, reader in _first(spec, FLOW) if reader in ("Embedding", "EmbeddingBag"))


def _reads(spec: Spec, flow: str) -> Iterator[str]:
    """The inputs that a module reads; `flow` stands for what flows in."""
    if spec.class_name == "Branches":
        for branch in spec.arguments.get("branches", ()):
            yield from _branch_reads(branch, flow)
    elif spec.class_name == "Residual":
        yield flow
        yield from _inside(spec.arguments.get("module"), flow)
    elif spec.class_name == "Sequential" and spec.arguments.get("modules"):
        first, *others = spec.arguments["modules"]
        yield from _reads(first, flow)
        for part in others:
            read = set(_reads(part, ""))
            if "" not in read:
                raise Fault(
                    "ARGUMENT_OUT_OF_RANGE",
                    "every branch reads an input by its name, so that nothing reads what flows in; let a branch read "
                    "it, or put these branches first",
                    field=part.path,
                )
            yield from read - {""}
    else:
        yield flow


def _inside(module: Spec | None, flow: str) -> Iterator[str]:
    if module is not None:
        yield from _reads(module, flow)


def _branch_reads(branch: Spec, flow: str) -> Iterator[str]:
    name = branch.arguments.get("input", "")
    if name and not _NAME.fullmatch(name):
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            "the name of an input is a letter and up to 63 letters, digits and underscores",
            field=f"{branch.path}.input",
        )
    read = list(_inside(branch.arguments.get("module"), name or flow))
    if name and read and name not in read:
        raise Fault("ARGUMENT_OUT_OF_RANGE", f"nothing in this branch reads {name}", field=f"{branch.path}.input")
    yield from read


def _first(spec: Spec, flow: str) -> Iterator[tuple[str, str]]:
    """Each input with the class that computes with it first; `flow` is "" where that is no input."""
    if spec.class_name == "Sequential":
        for part in spec.arguments.get("modules", ()):
            yield from _first(part, flow)
            flow = flow if part.class_name in _PASSING else ""
    elif spec.class_name == "Residual":
        yield from _first(spec.arguments["module"], flow)
    elif spec.class_name == "Branches":
        for branch in spec.arguments["branches"]:
            yield from _first(branch.arguments["module"], branch.arguments.get("input") or flow)
    elif spec.class_name not in _PASSING and flow:
        yield flow, spec.class_name
