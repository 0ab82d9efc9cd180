"""How an example of the catalogue is written with the Python SDK; knows its names, but never imports it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lossd_server.losses import catalogue
from lossd_server.losses.contract import Argument, Entry, Example


def call(entry: Entry, example: Example) -> str:
    """The whole call.

    >>> entry = catalogue.find("huber_loss")
    >>> call(entry, entry.example)
    'client.evaluate(lossd.HuberLoss(delta=2.0), [0.0, 3.0], [0.5, 0.0]).value'
    """
    return f"client.evaluate({', '.join(words(entry, example))}).value"


def words(entry: Entry, example: Example) -> list[str]:
    """The arguments of the call: the loss and its inputs."""
    return [f"lossd.{constructor(entry)}", *_inputs(entry, example)]


def constructor(entry: Entry) -> str:
    """The loss of the example, as Python shows it.

    >>> constructor(catalogue.find("KLDivLoss"))
    "KLDivLoss(reduction='batchmean')"
    """
    known = {argument.name: argument for argument in entry.arguments}
    given = entry.example.arguments if entry.example is not None else {}
    words = [f"{name}={_literal(known.get(name), value)}" for name, value in given.items()]
    if entry.name in catalogue.plugins():
        return f"Plugin({', '.join([repr(entry.name), *words])})"
    return f"{entry.class_name}({', '.join(words)})"


def _inputs(entry: Entry, example: Example) -> Iterator[str]:
    """By position as far as the order goes, then by keyword; names with dots are no keywords."""
    order = [] if entry.name in catalogue.plugins() else [input_.name for input_ in entry.inputs]
    dotted = {}
    for position, (name, value) in enumerate(example.inputs.items()):
        if order[: position + 1] == list(example.inputs)[: position + 1]:
            yield repr(value)
        elif name.isidentifier():
            yield f"{name}={value!r}"
        else:
            dotted[name] = value
    if dotted:
        yield f"**{dotted!r}"


def _literal(argument: Argument | None, value: Any) -> str:
    if argument is not None and argument.type is float:
        return repr(float(value))
    if argument is not None and argument.fields and isinstance(value, Mapping):
        inner = {field.name: field for field in argument.fields}
        words = (f"{name}={_literal(inner[name], given)}" for name, given in value.items())
        return f"lossd.{argument.enum}({', '.join(words)})"
    return repr(value)
