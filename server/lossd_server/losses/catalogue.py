"""Every loss by name, and the one door to building one."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from functools import cache

from lossd_server.faults import Fault
from lossd_server.losses import composite, expression, field, torch_nn
from lossd_server.losses.contract import Entry
from lossd_server.losses.formula import FormulaEntry
from lossd_server.losses.plugins import installed
from lossd_server.losses.programs import program

ENTRIES: dict[str, Entry] = {
    entry.name: entry
    for entry in sorted(
        (*torch_nn.ENTRIES, *field.ENTRIES, composite.ENTRY, expression.ENTRY, program.ENTRY),
        key=lambda entry: entry.name,
    )
}
"""Every entry of lossd's own by field name, in alphabetical order."""

TASKS: tuple[str, ...] = tuple(sorted({task for entry in ENTRIES.values() for task in entry.tasks}))
"""What the losses of lossd's own are for."""

_BY_OTHER_NAME = {name: entry for entry in ENTRIES.values() for name in (entry.class_name, *entry.aliases)}


@cache
def plugins() -> Mapping[str, FormulaEntry]:
    """Every entry that the operator of this server installed, by name; looked for once in a process."""
    return installed({*ENTRIES, *_BY_OTHER_NAME, "plugin", "program"})


@cache
def entries() -> Mapping[str, Entry]:
    """Every entry by name, in alphabetical order, plugins among them."""
    return dict(sorted({**plugins(), **ENTRIES}.items()))


def select(task: str = "", family: str = "") -> list[Entry]:
    """The entries for a task and of a family, in alphabetical order; "" is any.

    >>> [entry.name for entry in select("sequence")]
    ['ctc_loss']
    """
    every = list(entries().values())
    _known("task", task, {name for entry in every for name in entry.tasks})
    _known("family", family, {entry.family for entry in every})
    return [entry for entry in every if task in ("", *entry.tasks) and family in ("", entry.family)]


def _known(field: str, given: str, names: Collection[str]) -> None:
    if given and given not in names:
        expected = f"expected one of {', '.join(sorted(names))}"
        raise Fault("UNKNOWN_NAME", f"there is no {field} {given[:64]!r}; {expected}", field=field)


def find(name: str) -> Entry:
    """The entry of this field name ("huber_loss"), class name ("HuberLoss") or alias, or the plugin of this name.

    >>> [find(name).name for name in ("HuberLoss", "mse", "Focal Loss")]
    ['huber_loss', 'mse_loss', 'sigmoid_focal_loss']
    """
    entry = entries().get(name) or _BY_OTHER_NAME.get(name) or _loosely(name[:64])
    if entry is None:
        near = difflib.get_close_matches(name[:64], [*entries(), *_BY_OTHER_NAME], n=1, cutoff=0.7)
        hint = f"did you mean {near[0]!r}?" if near else "ListLosses tells the names"
        raise Fault("LOSS_NOT_FOUND", f"there is no loss {name[:64]!r}; {hint}", field="name")
    return entry


def _loosely(name: str) -> Entry | None:
    """The entry of a name in other spelling: "Focal Loss", "dice-loss", "mse"."""
    plain = "_".join(name.lower().replace("-", " ").split()).replace("__", "_")
    spellings = (plain, f"{plain}_loss", plain.removesuffix("_loss"))
    return next((found for each in spellings if (found := entries().get(each) or _BY_OTHER_NAME.get(each))), None)
