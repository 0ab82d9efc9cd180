"""Every metric by name, and how one is found by what it is asked for; knows no loss and no tensor."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import NamedTuple

from lossd_server.faults import Fault
from lossd_server.judge import asking
from lossd_server.judge.measures.classification import CLASSIFICATION
from lossd_server.judge.measures.contract import Given, Metric
from lossd_server.judge.measures.rankings import RANKINGS
from lossd_server.judge.measures.regression import NUMBERS
from lossd_server.judge.measures.structure import STRUCTURE
from lossd_server.judge.views import TASKS

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in sorted((*CLASSIFICATION, *RANKINGS, *NUMBERS, *STRUCTURE), key=lambda metric: metric.name)
}
"""Every metric by name."""


class Asked(NamedTuple):
    """A metric as it was asked for: the text, which answers go by, the metric, and its arguments."""

    text: str
    metric: Metric
    given: Given
    written: frozenset[str] = frozenset()

    @property
    def several(self) -> bool:
        """Whether its answer is several numbers."""
        return self.metric.several(self.given)


def ask(text: str) -> Asked:
    """What a text asks for.

    Raises:
        Fault: UNKNOWN_NAME, with the nearest spellings, or ARGUMENT_OUT_OF_RANGE.

    >>> asked = ask("precision(average=none)")
    >>> asked.metric.name, asked.given["average"], asked.given["threshold"], asked.several
    ('precision', 'none', 0.5, True)
    """
    name, written = asking.split(text)
    metric = find(name)
    return Asked(text, metric, asking.read(text, written, metric.arguments), frozenset(written))


def ask_number(text: str) -> Asked:
    """As `ask`, where there is room for one number alone.

    Raises:
        Fault: UNSUPPORTED if it is several.
    """
    asked = ask(text)
    if asked.several:
        raise Fault(
            "UNSUPPORTED",
            f"{text!r} is several numbers, and here there is room for one: leave out average=none, or ask for it in "
            "EvaluateSession or EvaluateLoss",
            field="metrics",
        )
    return asked


def find(name: str) -> Metric:
    """The metric of a name.

    Raises:
        Fault: UNKNOWN_NAME, with the nearest spellings.
    """
    if name in METRICS:
        return METRICS[name]
    near = difflib.get_close_matches(name[:64].lower().replace("-", "_").replace(" ", "_"), METRICS, 3)
    remedy = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(METRICS)}"
    raise Fault("UNKNOWN_NAME", f"there is no metric {name[:64]!r}; {remedy}", field="metrics")


def select(task: str = "") -> list[Metric]:
    """The metrics of a task, all of them for ""."""
    if task and task not in TASKS:
        raise Fault("UNKNOWN_NAME", f"there is no task {task[:64]!r}; there are {', '.join(TASKS)}", field="task")
    return [metric for metric in METRICS.values() if not task or task in metric.tasks]
