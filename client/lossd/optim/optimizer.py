"""What every optimizer has, parameter groups, and clipping, as data; knows nothing of how they step or are sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lossd.spec import Spec


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Optimizer(Spec):
    """Turns gradients into a step.

    Of each constructor's arguments those are left out that only choose an implementation: foreach, fused, capturable
    and differentiable. torch chooses on the server, as it does where they are not given.

    Args:
        groups: parameters with arguments, or an optimizer, of their own; the others belong to this one. Default none.
    """

    groups: Sequence[ParameterGroup] | None = None

    def __post_init__(self) -> None:
        for name, value in list(vars(self).items()):
            if isinstance(value, list | tuple):
                if not value:
                    raise ValueError(f"{name} is empty; leave it out for torch's default")
                object.__setattr__(self, name, tuple(value))


@dataclass(frozen=True, eq=False, repr=False)
class ParameterGroup(Spec):
    """Some of a model's parameters, and how they are trained. `Group` for short.

    Args:
        parameters: their names as in state_dict, or patterns with the wildcards `*`, `?` and `[]`; each must name at
            least one, and no parameter may be in two groups.
        optimizer: of the class of the optimizer around it, for arguments of their own, the others as there; or of
            another class, for an optimizer of their own. Without groups itself.

    >>> ParameterGroup(["*.bias"], Optimizer()).parameters
    ('*.bias',)

    Reference: torch.optim.Optimizer.add_param_group
    """

    parameters: Sequence[str]
    optimizer: Optimizer

    def __post_init__(self) -> None:
        given = self.parameters
        object.__setattr__(self, "parameters", (given,) if isinstance(given, str) else tuple(given))
        if not self.parameters:
            raise ValueError("parameters is empty; name at least one, or a pattern")
        if not isinstance(self.optimizer, Optimizer):
            raise TypeError(f"optimizer is {self.optimizer!r}; expected one of lossd.optim")


Group = ParameterGroup


@dataclass(frozen=True)
class ClipGradNorm:
    """Scales the gradients of all parameters down where their norm is too great, between backward and step.

    Formula: g · min(1, max_norm / (norm + 1e-6))

    Args:
        max_norm: the greatest norm; finite, at least 0.
        norm_type: the p of the norm; above 0, infinity included. Default 2.
        error_if_nonfinite: whether a step is refused whose norm is not finite; default False.

    >>> ClipGradNorm(1.0, norm_type=float("inf"))
    ClipGradNorm(max_norm=1.0, norm_type=inf, error_if_nonfinite=None)

    Reference: torch.nn.utils.clip_grad_norm_
    """

    max_norm: float
    norm_type: float | None = None
    error_if_nonfinite: bool | None = None
