"""What a rule is: a candidate for a task, and what speaks for and against it; knows no single loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

NEVER = -100.0
"""The score of a rule that rules a loss out."""


@dataclass(frozen=True)
class AtLeast:
    """Holds for numbers from a bound on."""

    bound: float


@dataclass(frozen=True)
class Below:
    """Holds for numbers below a bound."""

    bound: float


class Given:
    """Holds for any answer."""


class Unknown:
    """Holds where there is no answer."""


GIVEN, UNKNOWN = Given(), Unknown()


class Fits(NamedTuple):
    """Says that a loss fits better, or worse if `score` is below 0, where all of `when` holds, and why.

    `when` is answers by name: the answer, several in a tuple, `AtLeast`, `Below`, `GIVEN` or `UNKNOWN`.
    """

    when: Mapping[str, Any]
    score: float
    says: str

    def hold(self, facts: Mapping[str, Any]) -> bool:
        """Whether all of `when` holds.

        >>> rule = Fits({"outliers": True, "num_classes": AtLeast(3)}, 1.0, "")
        >>> rule.hold({"outliers": True, "num_classes": 3}), rule.hold({"outliers": True})
        (True, False)
        """
        return all(holds(expected, facts.get(name)) for name, expected in self.when.items())


def holds(expected: Any, value: Any) -> bool:
    """Whether an answer, None if there is none, is as expected."""
    match expected:
        case Unknown():
            return value is None
        case Given():
            return value is not None
        case AtLeast(bound):
            return value is not None and bool(value >= bound)
        case Below(bound):
            return value is not None and bool(value < bound)
        case tuple():
            return value in expected
        case _:
            return bool(value == expected and value is not None)


@dataclass(frozen=True)
class Candidate:
    """A loss that comes into question for a task.

    Args:
        task: the task.
        loss: its name in the catalogue.
        base: its score where nothing else is known; about 7 is the field's first choice, below 0 a stopgap.
        why: what speaks for it in any case.
        against: what speaks for others where no rule says more.
        fits: what speaks for and against it in some cases.
        fills: the recipes of `arguments` that fill in its arguments, each by name.
        minds: what to mind of it for this task, beyond the traps that the catalogue tells.
    """

    task: str
    loss: str
    base: float
    why: str
    against: str
    fits: tuple[Fits, ...] = ()
    fills: tuple[str, ...] = ()
    minds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Implied:
    """Answers that follow from others; what is said or measured is never overruled, except by `settles`.

    Args:
        when: as of `Fits`.
        sets: the answers that follow.
        says: why.
        settles: whether it replaces the task that was said by one that says more.
    """

    when: Mapping[str, Any]
    sets: Mapping[str, Any]
    says: str
    settles: bool = False
