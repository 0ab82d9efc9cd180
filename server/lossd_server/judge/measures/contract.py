"""What a metric is: its name, its arguments, and what of torchmetrics computes it for each task; knows no loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from lossd_server.judge.views import BINARY, MULTICLASS, MULTILABEL, Pair
from lossd_server.losses.contract import Argument

Given = Mapping[str, Any]
"""A metric's arguments, those left out at their defaults."""

NONE = "none"
"""The average that is none: each class or output by itself."""
AVERAGE = Argument(
    "average",
    str,
    "macro",
    "how classes become one number",
    choices=("macro", "micro", "weighted", NONE),
    explained={
        "macro": "the mean over classes",
        "micro": "all classes counted together",
        "weighted": "the mean over classes by their examples",
        NONE: "no number but an array, one for each class",
    },
)
OUTPUTS = Argument(
    "average",
    str,
    "mean",
    "how several outputs become one number",
    choices=("mean", NONE),
    explained={"mean": "all of them together", NONE: "no number but an array, one for each output"},
)
THRESHOLD = Argument("threshold", float, 0.5, "probability above which the answer is yes", least=0, most=1)
BINS = Argument(
    "thresholds",
    int,
    None,
    "thresholds, evenly from 0 to 1, at which the curve is taken; left out, at every score, which keeps all data",
    least=2,
    most=10_000,
)


def top_k(
    default: int | None = 1, what: str = "likeliest classes among which the true one counts as found"
) -> Argument:
    """How many of the first count."""
    return Argument("top_k", int, default, what, least=1, most=1_000_000)


def as_they_are(pair: Pair, given: Given) -> tuple[Tensor, ...]:
    """Predictions and truth."""
    return pair.predictions, pair.truth


def mean(value: Tensor, given: Given) -> Tensor:
    """Over whatever there are several of."""
    return value.mean()


@dataclass(frozen=True)
class Call:
    """How torchmetrics computes a metric for one task.

    Args:
        class_name: in torchmetrics.
        options: of its constructor, beyond the number of classes, labels or outputs.
        sized: what its constructor calls that number; empty if it takes none.
        prepare: makes of a batch what it takes.
        finish: makes what is answered of what it computes: a number, unless the metric is several.
        arguments: those of the metric's that this task has, and what the constructor calls each; "" if it takes none.
        lacks: choices of arguments that this task has not.
        apart: option that keeps outputs apart, and its value; None stands for their number.
        keeps: numbers that it keeps of what `prepare` made; None for none.
        compute: computes it of all that was kept, in place of the class's own.
        most: rows that it can take in all, for what would take too long; None for any number.
    """

    class_name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    sized: str = ""
    prepare: Callable[[Pair, Given], tuple[Tensor, ...]] = as_they_are
    finish: Callable[[Any, Given], Tensor] = mean
    arguments: Mapping[str, str] = field(default_factory=dict)
    lacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    apart: tuple[str, Any] | None = None
    keeps: Callable[[tuple[Tensor, ...]], int] | None = None
    compute: Callable[[Any], Tensor] | None = None
    most: int | None = None


@dataclass(frozen=True)
class Metric:
    """A metric: its name, what it is, and how each task that has it computes it.

    Args:
        higher: whether higher is better.
        calls: by task.
        arguments: what may stand in brackets after its name.
        least: examples below which it is nan.
        needs: "" for predictions alone; "order" for scores that compare across examples; "probabilities".
        each: what every class must have, else it is nan: "" for nothing, "positives", or "both": others too.
        pairwise: whether it takes memory or time for each pair of classes.
        array: whether it is always several numbers.
    """

    name: str
    summary: str
    formula: str
    higher: bool
    calls: Mapping[str, Call]
    arguments: tuple[Argument, ...] = ()
    least: int = 1
    needs: str = ""
    each: str = ""
    pairwise: bool = True
    array: bool = False

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes of torchmetrics, one for each of `tasks`."""
        return tuple(call.class_name for call in self.calls.values())

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that have it."""
        return tuple(self.calls)

    def several(self, given: Given) -> bool:
        """Whether it is several numbers with these arguments."""
        return self.array or given.get("average") == NONE


SIZES = {BINARY: "", MULTICLASS: "num_classes", MULTILABEL: "num_labels"}
"""What the classes of torchmetrics for each task call the number of classes."""


AS_IT_IS = {"nan_strategy": "disable"}
"""Options of torchmetrics' means and maxima: nan is not left out."""


def all_of_it(tensors: tuple[Tensor, ...]) -> int:
    """Every number that it is shown."""
    return sum(tensor.numel() for tensor in tensors)


def averaged(task: str, number: Callable[[Pair, Given], Tensor], **arguments: str) -> dict[str, Call]:
    """The mean of a number of each row, where torchmetrics has no class for it."""

    def rows(pair: Pair, given: Given) -> tuple[Tensor, ...]:
        return (number(pair, given).reshape(-1),)

    return {task: Call("MeanMetric", AS_IT_IS, prepare=rows, arguments=arguments)}
