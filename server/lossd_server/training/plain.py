"""What torch keeps in nested Python values, as tensors by name and strict JSON; knows not what any of it means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def flatten(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """`value` as JSON; the tensors in it, not copied, go into `tensors` under `name` and their place.

    What JSON lacks is an object of one key: a tensor, a tuple, a mapping, a float that is not finite.

    >>> flatten({"step": 3, "betas": (0.9, math.inf)}, "x", {})
    {'mapping': {'step': 3, 'betas': {'tuple': [0.9, {'float': 'inf'}]}}}
    """
    if isinstance(value, Tensor):
        return _flatten_tensor(value.detach(), name, tensors)
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {"mapping": {key: flatten(item, f"{name}/{key}", tensors) for key, item in value.items()}}
    if not isinstance(value, list | tuple):
        raise TypeError(f"{name} is a {type(value).__name__}, which has no plain form")
    items = [flatten(item, f"{name}/{index}", tensors) for index, item in enumerate(value)]
    return {"tuple": items} if isinstance(value, tuple) else items


def rebuild(plain: Any, tensors: Mapping[str, Tensor], device: torch.device) -> Any:
    """What `flatten` took apart, with copies of the tensors on `device`.

    >>> rebuild({"tuple": [0.9, {"float": "inf"}]}, {}, torch.device("cpu"))
    (0.9, inf)
    """
    if isinstance(plain, list):
        return [rebuild(item, tensors, device) for item in plain]
    if not isinstance(plain, dict):
        return plain
    ((kind, held),) = plain.items()
    if kind == "float":
        return float(held)
    if kind == "mapping":
        return {key: rebuild(item, tensors, device) for key, item in held.items()}
    if kind == "tuple":
        return tuple(rebuild(item, tensors, device) for item in held)
    if kind == "sparse":
        indices, values = (tensors[f"{held['name']}/{part}"] for part in ("indices", "values"))
        return torch.sparse_coo_tensor(indices, values, held["shape"], is_coalesced=held["coalesced"]).to(
            device, copy=True
        )
    return tensors[held].to(torch.device("cpu") if kind == "number" else device, copy=True)


def _flatten_tensor(value: Tensor, name: str, tensors: dict[str, Tensor]) -> dict[str, Any]:
    if value.is_sparse:
        tensors[f"{name}/indices"], tensors[f"{name}/values"] = value._indices(), value._values()
        return {"sparse": {"name": name, "shape": list(value.shape), "coalesced": value.is_coalesced()}}
    tensors[name] = value
    # Adam's step and its like stay on the CPU, whatever the device of the parameters.
    return {"number" if not value.dim() and value.device.type == "cpu" else "tensor": name}
