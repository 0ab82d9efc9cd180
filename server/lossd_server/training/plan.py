"""What a session is built of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from lossd_server.losses.contract import Loss
from lossd_server.training.clipping import Clipping
from lossd_server.training.models import Spec


@dataclass(frozen=True)
class Plan:
    """What to build.

    Args:
        model: what to build.
        loss: a loss that reduces to a scalar; its `input`, or else its first, is bound to the model's output.
        optimizer: what to build over the model's parameters.
        seed: of torch's initialisation and of what is random later, as `torch.manual_seed` takes it.
        state_dict: all parameters and buffers, instead of torch's initialisation.
        clipping: of the gradients, between backward and step.
        scheduler: of the learning rate.
        interval: when the scheduler goes on: after each "step" or "epoch".
        averaging: arguments of the average of the weights; None without one.
        autocast: type of the autocast region around the model; None without one.
        nonfinite: "allow" or "error", for a loss or gradients that are not finite.
        weight_schedules: arguments of the schedules of a weighted sum's weights, by label.
    """

    model: Spec
    loss: Loss
    optimizer: Spec
    seed: int = 0
    state_dict: Mapping[str, Tensor] = field(default_factory=dict)
    clipping: Clipping = field(default_factory=Clipping)
    scheduler: Spec | None = None
    interval: str = "step"
    averaging: Mapping[str, Any] | None = None
    autocast: torch.dtype | None = None
    nonfinite: str = "allow"
    weight_schedules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
