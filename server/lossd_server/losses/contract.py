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
    LABEL = ((torch.int64,), torch.int64)
    SIGN = (FLOATS + LENGTHS, torch.float32)
    MASK = ((torch.bool, torch.uint8, *LENGTHS, *FLOATS), torch.bool)
    ANY = (FLOATS + LENGTHS + (torch.uint8, torch.bool), torch.float32)

    def __init__(self, dtypes: tuple[torch.dtype, ...], default: torch.dtype) -> None:
        self.dtypes = dtypes
        self.default = default


@dataclass(frozen=True)
class Input:
    """One forward argument: its torch name, the meaning of its elements, its shapes in torch's notation.

    Args:
        optional: whether it may be absent.
        constant: whether it has no gradient even where it is floating.
    """

    name: str
    kind: Kind
    shape: str
    meaning: str
    optional: bool = False
    constant: bool = False

    @property
    def differentiable(self) -> bool:
        """Whether a gradient may be asked for, if the tensor given is floating."""
        return not self.constant and bool(set(self.kind.dtypes) & set(FLOATS))


@dataclass(frozen=True)
class Argument:
    """One constructor argument: its torch name, type, default and range (`above` and `below` exclude their bounds).

    Args:
        type: float, int, bool, str, Tensor; list for whole numbers; tuple for terms; dict for `fields`.
        choices: the strings that a str may be; the first is the default unless `default` says otherwise.
        enum: what the contract calls the type of `choices`, or the message of `fields`.
        required: whether it must be given; `default` is None then.
        infinite: whether it may be infinity.
        explained: what each choice means.
        fields: the arguments inside a dict.
    """

    name: str
    type: type
    default: Any
    meaning: str
    least: float = -math.inf
    above: float = -math.inf
    most: float = math.inf
    below: float = math.inf
    choices: tuple[str, ...] = ()
    enum: str = ""
    required: bool = False
    infinite: bool = False
    explained: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[Argument, ...] = ()

    def check(self, value: Any) -> None:
        """Refuses a number that is not finite or lies outside the range, and a string that is no choice."""
        if self.fields:
            for inner in self.fields:
                if inner.name in value:
                    inner.check(value[inner.name])
            return
        if self.choices and value not in self.choices:
            expected = ", ".join(self.choices)
            raise Fault("ARGUMENT_OUT_OF_RANGE", f"{self.name} is {value}; expected {expected}", field=self.name)
        for number in value if isinstance(value, list) else (value,):
            self._check_number(number)

    def _check_number(self, value: Any) -> None:
        if not isinstance(value, int | float):
            return
        inside = self.least <= value <= self.most and self.above < value and not value >= self.below < math.inf
        if not (inside and (math.isfinite(value) or (self.infinite and value > 0))):
            raise Fault("ARGUMENT_OUT_OF_RANGE", f"{self.name} is {value}; expected {self.range}", field=self.name)

    @property
    def range(self) -> str:
        """The range in words.

        >>> Argument("delta", float, 1.0, "", above=0).range
        'a finite number above 0'
        """
        bounds = [
            f"above {_plain(self.above)}" if self.above > -math.inf else "",
            f"at least {_plain(self.least)}" if self.least > -math.inf else "",
            f"at most {_plain(self.most)}" if self.most < math.inf else "",
            f"below {_plain(self.below)}" if self.below < math.inf else "",
        ]
        return " ".join(["a finite number", " and ".join(filter(None, bounds))]).strip()


def _plain(bound: float) -> str:
    return str(bound) if isinstance(bound, int) else f"{bound:g}"


Check = Callable[[Tensors, Arguments], None]
"""Refuses inputs that the kernel must not see. Gets the inputs by name and the constructor's arguments."""

Weight = Callable[[Tensors, Arguments], "float | None"]
"""The denominator that the mean of a loss uses for these inputs; None where there is none."""

Infer = Callable[[Tensors, Arguments], Tensor]
"""The result on torch's meta device, for kernels that torch cannot dry-run itself."""


class Example(NamedTuple):
    """A call that anyone can repeat: constructor arguments, inputs as nested lists, and the value it answers."""

    inputs: Mapping[str, Any]
    value: float
    arguments: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Entry:
    """A line of the catalogue: everything about a loss but the code that computes it.

    Args:
        name: the field of LossSpec.
        class_name: what the contract and the SDK call it.
        formula: the unreduced loss, in plain text.
        reductions: those that it takes, the default first; none where it decides by itself.
        traps: mistakes that go unnoticed.
        tasks: what it is for.
        aliases: other names by which people look for it.
        mean: what the mean divides by, where that is not the number of elements.
    """

    name: str
    class_name: str
    summary: str
    formula: str
    inputs: tuple[Input, ...]
    arguments: tuple[Argument, ...] = ()
    reductions: tuple[str, ...] = ("mean", "none", "sum")
    traps: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    mean: str = ""
    example: Example | None = None
    source: str = "docs/composition.md"

    @property
    def reference(self) -> str:
        """Where the definition comes from."""
        return self.source

    @property
    def family(self) -> str:
        """The page of the catalogue that it stands on."""
        return "composition"


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
        """Names of all inputs, in torch's forward order; those whose `Input` is optional may be absent."""

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
    term_gradients: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    loss_sum: float | None = None
    weight_sum: float | None = None
    forward: float = 0.0
    backward: float = 0.0
