"""How a session clips gradients between backward and step: torch's two rules, their arguments checked first."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lossd_server.faults import Fault


@dataclass(frozen=True)
class Clipping:
    """What to clip; without arguments, nothing.

    Args:
        norm: arguments of torch.nn.utils.clip_grad_norm_, None to leave the norm.
        value: of torch.nn.utils.clip_grad_value_, None to leave the elements.
    """

    norm: Mapping[str, Any] | None = None
    value: float | None = None

    def __post_init__(self) -> None:
        if self.norm is not None:
            if "max_norm" not in self.norm:
                raise Fault("MISSING_FIELD", "clip_grad_norm needs max_norm", field="clip_grad_norm.max_norm")
            _check_bound(self.norm["max_norm"], "clip_grad_norm.max_norm")
            order = self.norm.get("norm_type", 2.0)
            if not order > 0:
                raise Fault(
                    "ARGUMENT_OUT_OF_RANGE",
                    f"norm_type is {order}; expected a number above 0, or infinity",
                    field="clip_grad_norm.norm_type",
                )
        if self.value is not None:
            _check_bound(self.value, "clip_grad_value")

    def check(self, sparse: Collection[str]) -> None:
        """Refuses what torch cannot clip: gradients of these parameters, which are sparse."""
        for field, given in (("clip_grad_norm", self.norm), ("clip_grad_value", self.value)):
            if sparse and given is not None:
                raise Fault(
                    "UNSUPPORTED",
                    f"torch clips dense gradients alone, and {min(sparse)} has sparse ones: leave {field} out, or "
                    "`sparse` of its module",
                    field=field,
                )

    def apply(self, parameters: Sequence[Tensor]) -> None:
        """Clips the parameters' gradients in place: the norm of all together, then each element."""
        if self.norm is not None:
            torch.nn.utils.clip_grad_norm_(parameters, **self.norm)
        if self.value is not None:
            torch.nn.utils.clip_grad_value_(parameters, self.value)


def total_norm(gradients: Sequence[Tensor]) -> float:
    """torch.nn.utils.get_total_norm; of dense gradients of one type without its grouping, in a third of its time."""
    dense = [gradient.coalesce().values() if gradient.is_sparse else gradient for gradient in gradients]
    if not dense or any(gradient.dtype != dense[0].dtype for gradient in dense):
        return float(torch.nn.utils.get_total_norm(dense))
    return float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(dense))))


def _check_bound(bound: float, path: str) -> None:
    if not 0 <= bound < math.inf:
        name = path.rpartition(".")[2]
        raise Fault("ARGUMENT_OUT_OF_RANGE", f"{name} is {bound}; expected a finite number of at least 0", field=path)
