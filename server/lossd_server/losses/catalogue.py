"""Every loss by name, and the one door to building one."""

from __future__ import annotations

import difflib

from lossd_server.faults import Fault
from lossd_server.losses import composite, expression, torch_nn
from lossd_server.losses.contract import Entry

ENTRIES: dict[str, Entry] = {
    entry.name: entry
    for entry in sorted((*torch_nn.ENTRIES, composite.ENTRY, expression.ENTRY), key=lambda entry: entry.name)
}
"""Every entry by field name, in alphabetical order."""

_BY_CLASS_NAME = {entry.class_name: entry for entry in ENTRIES.values()}


def find(name: str) -> Entry:
    """The entry of this field name ("huber_loss") or class name ("HuberLoss").

    >>> find("HuberLoss").name
    'huber_loss'
    """
    entry = ENTRIES.get(name) or _BY_CLASS_NAME.get(name)
    if entry is None:
        near = difflib.get_close_matches(name[:64], [*ENTRIES, *_BY_CLASS_NAME], n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else "ListLosses tells the names"
        raise Fault("LOSS_NOT_FOUND", f"there is no loss {name[:64]!r}; {hint}", field="name")
    return entry
