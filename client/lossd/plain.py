"""Results as JSON writes them: lists, dicts, strings and finite numbers; knows no class of this package."""

from __future__ import annotations

import dataclasses
import math
from typing import Any


def plain(value: Any) -> Any:
    """The same in lists, dicts and numbers; NaN and infinities as strings, as protobuf's JSON writes them.

    >>> plain({"loss": (1.0, float("-inf"))})
    {'loss': [1.0, '-Infinity']}
    """
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.astype("float32").tolist() if value.dtype.kind == "V" else value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
