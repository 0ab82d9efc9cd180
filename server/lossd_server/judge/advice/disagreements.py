"""Where what was said of a task and what its samples show disagree, in words; knows no loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lossd_server.judge.advice.questions import BY_NAME
from lossd_server.judge.advice.sample import Sample

LOOKS_LIKE: Mapping[str, tuple[str, ...]] = {
    "regression": ("regression",),
    "binary": ("binary",),
    "multiclass": ("multiclass", "binary", "counts", "segmentation", "ordinal"),
    "ordinal": ("multiclass", "binary", "counts", "segmentation", "ordinal"),
    "counts": ("counts", "multiclass", "binary", "ordinal"),
    "segmentation": ("segmentation", "multiclass", "binary", "multi-label", "ordinal"),
    "multi-label": ("multi-label", "binary", "segmentation", "multiclass"),
    "distribution": ("distribution", "multiclass"),
}
"""What targets of a task may look like by themselves; of other tasks they are not read."""

_SILENT = ("structure", "answers", "task")
_CLOSE = 0.5
"""Relative difference up to which a number that was said and one that was measured agree."""


def disagreements(said: Mapping[str, Any], task: str | None, sample: Sample) -> Iterator[str]:
    """A sentence for each; what was said wins."""
    for name, value in said.items():
        shown = sample.facts.get(name)
        if name != "task" and shown is not None and not _agree(name, value, shown):
            told = f"you say {name}={_text(value)}, the sample shows {_text(shown)}: {sample.because[name]}"
            yield f"{told}; what you say counts"
    looks, why = sample.looks
    expected = LOOKS_LIKE.get(str(task), ())
    if looks and expected and looks not in expected and not (looks == "regression" and sample.suits(str(task))):
        yield f"you say task={task}, but {why}, {sample.distinct} different values: that looks like {looks}"
    for name in said:
        if name not in _SILENT and task is not None and not BY_NAME[name].asked_of(task):
            yield f"{name} plays no part for {task}: it changed nothing"


def _agree(name: str, said: Any, shown: Any) -> bool:
    if name == "num_classes":
        return bool(shown <= said)  # a sample need not hold every class
    if isinstance(said, float):
        return bool(abs(said - shown) <= _CLOSE * max(abs(said), abs(shown)))
    return bool(said == shown)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:.4g}" if isinstance(value, float) else str(value)
