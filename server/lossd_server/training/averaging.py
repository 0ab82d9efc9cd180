"""An average of a model's weights beside them, by torch.optim.swa_utils.AveragedModel; knows no optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lossd_server.faults import Fault

_PATH = "averaging"


class Average:
    """Averages the weights of `module` at some of its steps; before the first of them it is as the module began.

    Args:
        arguments: `decay` of an exponential moving average, without which all weights count alike; `start_step`, the
            step after which weights are taken first, `every_steps`, how often, each 1 by default; `use_buffers`,
            whether buffers are averaged too, and not copied.
    """

    def __init__(self, module: nn.Module, arguments: Mapping[str, Any]) -> None:
        decay = arguments.get("decay")
        if decay is not None and not 0 <= decay <= 1:
            raise Fault("ARGUMENT_OUT_OF_RANGE", f"decay is {decay}; expected 0 to 1", field=f"{_PATH}.decay")
        for name in ("start_step", "every_steps"):
            if arguments.get(name, 1) < 1:
                raise Fault(
                    "ARGUMENT_OUT_OF_RANGE",
                    f"{name} is {arguments[name]}; expected at least 1",
                    field=f"{_PATH}.{name}",
                )
        self._start = arguments.get("start_step", 1)
        self._every = arguments.get("every_steps", 1)
        self._steps = 0
        average: Any = get_ema_multi_avg_fn  # which torch left untyped
        self._averaged = AveragedModel(
            module,
            multi_avg_fn=average(decay) if decay is not None else None,
            use_buffers=arguments.get("use_buffers", False),
        )

    @property
    def module(self) -> nn.Module:
        """The model with its averaged weights."""
        return self._averaged.module

    def update(self, module: nn.Module) -> None:
        """Counts one step of the module, and takes its weights if it is their turn."""
        self._steps += 1
        since = self._steps - self._start
        if since >= 0 and since % self._every == 0:
            self._averaged.update_parameters(module)

    def capture(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The averaged tensors by name, which are not copies, and the counts."""
        return self._tensors(), {"steps": self._steps, "averaged": int(self._averaged.n_averaged)}

    def restore(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Becomes what `capture` described, bit for bit."""
        with torch.no_grad():
            for name, held in self._tensors().items():
                held.copy_(tensors[name])
            self._averaged.n_averaged.fill_(facts["averaged"])
        self._steps = facts["steps"]

    def _tensors(self) -> dict[str, Tensor]:
        named = [*self.module.named_parameters(), *self.module.named_buffers()]
        return {name: tensor.detach() for name, tensor in named}
