"""A loss and its inputs, as every meaning takes them; knows no loss by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor

from lossd_server.faults import Fault, shape_text
from lossd_server.judge.views import Pair, View
from lossd_server.losses.contract import Loss, Tensors


class Given(NamedTuple):
    """A loss and its inputs, of which one was put out by the model."""

    loss: Loss
    tensors: Tensors
    output: str

    def argument(self, name: str) -> Any:
        """One of the loss's arguments; None where it has none such."""
        found: Callable[[str], Any] | None = getattr(self.loss, "argument", None)
        return None if found is None else found(name)

    @property
    def ignored(self) -> int | None:
        """The target that does not count, of losses that have one."""
        found: int | None = getattr(self.loss, "ignored", None)
        return found

    def view(
        self, task: str, size: int, lay_out: Callable[[Tensors], Pair], probabilities: bool = True, how: str = ""
    ) -> View:
        """One view of it."""
        return View(task, size, lay_out, self.output, probabilities, f"{task} {size} {how}")


Meaning = Callable[[Given], list[View]]
"""Makes the views of a loss's inputs, the likeliest to be meant first."""


def shapes(output: Tensor, target: Tensor) -> Fault:
    return Fault(
        "UNSUPPORTED",
        f"output {shape_text(output.shape)} and target {shape_text(target.shape)} differ; metrics need one shape",
        field="metrics",
    )
