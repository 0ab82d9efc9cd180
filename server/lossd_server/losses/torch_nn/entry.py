"""A line of the catalogue whose code is a torch.nn class: values and gradients are that module's own, so its bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from lossd_server.losses.binding import BoundEntry, Forward
from lossd_server.losses.contract import Argument, Arguments, Input, Kind


@dataclass(frozen=True)
class TorchEntry(BoundEntry):
    """A class of torch.nn, named and parametrised as there."""

    @property
    def reference(self) -> str:
        return f"https://docs.pytorch.org/docs/stable/generated/torch.nn.{self.class_name}.html"

    @property
    def family(self) -> str:
        return "torch_nn"

    @property
    def module(self) -> type[nn.Module]:
        return getattr(nn, self.class_name)  # type: ignore[no-any-return]  # every class_name is a Module, a test sees to it

    def forward(self, given: dict[str, Any], arguments: Arguments) -> Forward:
        return self.module(**given).forward  # no hooks to run, which a call of the module would look for


def pair(input_: str, target: str) -> tuple[Input, ...]:
    """The two inputs of an elementwise loss, by their meaning."""
    return (Input("input", Kind.FLOAT, "(*)", input_), Input("target", Kind.FLOAT, "(*), as input", target))


CLASSES = "(C,), (N,C) or (N,C,d…)"
CLASS_WEIGHT = Argument("weight", Tensor, None, "weight of each class, (C,), of the type of input")
IGNORE = Argument("ignore_index", int, -100, "target index that adds nothing to loss or gradient")
SMOOTHING = Argument("label_smoothing", float, 0.0, "share of the target spread over all classes", least=0, most=1)
RESCALE = Argument("weight", Tensor, None, "rescales each element; broadcast to the shape of input")
BROADCAST_TRAP = "torch broadcasts (N,1) against (N,) to (N,N); lossd refuses it unless allow_broadcast is set"
EMPTY_TRAP = "the mean over no elements is nan"
