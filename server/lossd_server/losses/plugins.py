"""The losses that the operator of this server installed: finds them, and answers for what they do; knows no single one.

A plugin is an entry point of the group `lossd.losses` that names a `FormulaEntry`. Its code is the operator's, and
trusted as such: what is kept off is its accidents.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import wraps
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from torch import Tensor

from lossd_server.losses import checks, weights
from lossd_server.losses.formula import FormulaEntry

log = logging.getLogger(__name__)

GROUP = "lossd.losses"
_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,63}")


def installed(taken: Collection[str]) -> dict[str, FormulaEntry]:
    """Every plugin by name. One that cannot be used is left out, and the log says why.

    Args:
        taken: names that no plugin may have.
    """
    found: dict[str, FormulaEntry] = {}
    for point in dict.fromkeys(entry_points(group=GROUP)):
        try:
            found[point.name] = _load(point, {*taken, *found})
        except (Exception, SystemExit) as error:  # whatever its import does, the others must serve
            log.error("plugin left out", extra={"plugin": point.name}, exc_info=error)
    return found


def _load(point: EntryPoint, taken: Collection[str]) -> FormulaEntry:
    if not _NAME.fullmatch(point.name):
        raise ValueError(f"a plugin is named as {_NAME.pattern}")
    if point.name in taken:
        raise ValueError("there is a loss of this name")
    entry = point.load()
    if not isinstance(entry, FormulaEntry):
        raise TypeError(f"{point.value} is a {type(entry).__name__}; expected a FormulaEntry")
    if entry.name != point.name:
        raise ValueError(f"the entry is named {entry.name!r}, unlike its entry point")
    pair = {"input", "target"} <= {input_.name for input_ in entry.inputs}
    if not pair and (entry.shapes is checks.elementwise or entry.weight is weights.count):
        raise ValueError("`shapes` and `weight` must be given where the inputs are not `input` and `target`")
    return replace(entry, function=_guarded(entry.name, entry.function))


def _guarded(name: str, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The same, but what only a defect can do is raised as one: the caller learns INTERNAL, the log the rest."""

    @wraps(function)
    def guarded(**given: Any) -> Tensor:
        try:
            result = function(**given)
        except SystemExit as error:
            raise SystemError(f"plugin {name} would end the process") from error
        if not isinstance(result, Tensor) or not result.is_floating_point():
            what = result.dtype if isinstance(result, Tensor) else type(result).__name__
            raise SystemError(f"plugin {name} returned {what}; expected a floating tensor")
        return result

    return guarded
