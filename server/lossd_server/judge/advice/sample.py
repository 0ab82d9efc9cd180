"""What is known of samples: measurements, the answers that they show, and what to mind of them; reads no tensor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Measurement(NamedTuple):
    """A number read off a sample, and what it says in one sentence."""

    name: str
    value: float
    meaning: str


@dataclass
class Sample:
    """All that is known of the samples.

    Args:
        facts: answers that they show, by name of the question.
        because: which measurement shows each.
        residual_scale, target_scale: robust standard deviations, 0 if not measured.
        class_counts: targets of each class.
        label_positives, label_rows: of each label how often it is present, in how many rows.
        looks: the task that the targets look like by themselves, and why; "" if they were not read.
        distinct, lowest, highest, whole: how many different targets there are, and what they are.
        ignore_index: the number that stands for targets to leave out, None if none does.
    """

    measurements: list[Measurement] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    because: dict[str, str] = field(default_factory=dict)
    cautions: list[str] = field(default_factory=list)
    residual_scale: float = 0.0
    target_scale: float = 0.0
    class_counts: list[int] = field(default_factory=list)
    label_positives: list[int] = field(default_factory=list)
    label_rows: int = 0
    looks: tuple[str, str] = ("", "")
    distinct: int = 0
    lowest: float = 0.0
    highest: float = 0.0
    whole: bool = False
    ignore_index: int | None = None

    def suits(self, task: str) -> bool:
        """Whether numbers may be targets of a task that they do not look like at first."""
        inside = self.lowest >= 0 and self.highest <= 1
        return inside if task in ("binary", "multi-label", "segmentation") else self.whole and self.lowest >= 0

    def note(self, name: str, value: float, meaning: str, **facts: Any) -> None:
        """Adds a measurement and the answers that it shows."""
        self.measurements.append(Measurement(name, float(value), meaning))
        for fact, shown in facts.items():
            self.facts[fact] = shown
            self.because[fact] = meaning
