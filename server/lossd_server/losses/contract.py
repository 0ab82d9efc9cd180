"""What a loss is: its inputs, its arguments and the two things it can do, `check` and `compute`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.losses.budget import Budget

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
WIDE_FLOATS = (torch.float32, torch.float64)
INDICES = (torch.int64, torch.uint8)
LENGTHS = (torch.int32, torch.int64)

Tensors = Mapping[str, Tensor]
Arguments = Mapping[str, Any]


class Kind(Enum):
    """What the elements of an input mean, and so which types it takes and which one plain numbers become."""

    FLOAT = (FLOATS, torch.float32)
    WIDE_FLOAT = (WIDE_FLOATS, torch.float32)
    INDEX = (INDICES, torch.int64)
    INDEX_OR_PROBABILITIES = (INDICES + FLOATS, torch.int64)
    LABELS = (LENGTHS, torch.int64)
    ANY = (FLOATS + LENGTHS + (torch.uint8, torch.bool), torch.float32)

    def __init__(self, dtypes: tuple[torch.dtype, ...], default: torch.dtype) -> None:
        self.dtypes = dtypes
        self.default = default


@dataclass(frozen=True)
class Input:
    """One forward argument: its torch name, the meaning of its elements, its shapes in torch's notation."""

    name: str
    kind: Kind
    shape: str
    meaning: str

    @property
    def differentiable(self) -> bool:
        """Whether a gradient may be asked for, if the tensor given is floating."""
        return bool(set(self.kind.dtypes) & set(FLOATS))


@dataclass(frozen=True)
class Argument:
    """One constructor argument: its torch name, type, default and range (`above` excludes its bound)."""

    name: str
    type: type
    default: Any
    meaning: str
    least: float = -math.inf
    above: float = -math.inf
    most: float = math.inf

    def check(self, value: Any) -> None:
        """Refuses a number that is not finite or lies outside the range."""
        if not isinstance(value, int | float):
            return
        if not math.isfinite(value) or not self.least <= value <= self.most or value <= self.above:
            raise Fault("ARGUMENT_OUT_OF_RANGE", f"{self.name} is {value}; expected {self.range}", field=self.name)

    @property
    def range(self) -> str:
        """The range in words.

        >>> Argument("delta", float, 1.0, "", above=0).range
        'a finite number above 0'
        """
        bounds = [
            f"above {self.above:g}" if self.above > -math.inf else "",
            f"at least {self.least:g}" if self.least > -math.inf else "",
            f"at most {self.most:g}" if self.most < math.inf else "",
        ]
        return " ".join(["a finite number", " and ".join(filter(None, bounds))]).strip()


Check = Callable[[Tensors, Arguments], None]
"""Refuses inputs that the kernel must not see. Gets the inputs by name and the constructor's arguments."""

Weight = Callable[[Tensors, Arguments], "float | None"]
"""The denominator that the mean of a loss uses for these inputs; None where there is none."""

Infer = Callable[[Tensors, Arguments], Tensor]
"""The result on torch's meta device, for kernels that torch cannot dry-run itself."""


@dataclass(frozen=True)
class Entry:
    """A line of the catalogue: everything about a loss but the code that computes it."""

    name: str
    class_name: str
    summary: str
    formula: str
    inputs: tuple[Input, ...]
    arguments: tuple[Argument, ...] = ()
    reductions: tuple[str, ...] = ("mean", "none", "sum")
    traps: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """Where the definition comes from."""
        return "docs/composition.md"


class Computed(NamedTuple):
    """A result and, for weighted sums, the unweighted result of each term by label."""

    value: Tensor
    terms: Mapping[str, Tensor] = {}


class Loss(Protocol):
    """A loss with its arguments bound."""

    name: str

    def input(self, name: str) -> Input | None:
        """The input of this name, or None if the loss has none such."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of all inputs, in torch's forward order."""

    def check(self, tensors: Tensors, data: bool = True) -> None:
        """Raises a Fault for inputs that do not fit; with `data` the elements are looked at too."""

    def compute(self, tensors: Tensors, budget: Budget) -> Computed:
        """The loss of checked inputs, within a budget of elements."""

    def weight_sum(self, tensors: Tensors) -> float | None:
        """The denominator of the mean, or None where a mean means nothing."""

    @property
    def reduction(self) -> str | None:
        """One of "none", "mean", "sum", "batchmean"; None if the loss decides by itself."""


@dataclass
class Evaluated:
    """The outcome of an evaluation: tensors on their device, times in seconds."""

    value: Tensor
    reduced: bool
    terms: dict[str, float] = field(default_factory=dict)
    gradients: dict[str, Tensor] = field(default_factory=dict)
    loss_sum: float | None = None
    weight_sum: float | None = None
    forward: float = 0.0
    backward: float = 0.0
