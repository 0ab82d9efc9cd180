"""What is advised: losses that fit a task and why, as plain frozen objects and as text; knows no rule and no call."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from lossd.loss import Loss

Source: TypeAlias = Literal["said", "measured", "implied"]
Style: TypeAlias = Literal["first", "heading", "text"]

_BRIEF = 2
"""Reasons of losses after the first that the text tells; the objects hold all."""
_INDENT = 3
_ASKED_LATER = 4
"""Open questions that the text names."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A loss that fits.

    Attributes:
        name: of the loss in the catalogue.
        loss: the loss with arguments filled in, ready to evaluate; None if this package is older than the loss.
        reasons: why it fits, the weightiest first, then where each argument comes from.
        cautions: what to mind of it.
        metrics: names of metrics to watch beside it.
        output: what the final layer puts out, and how the target is written.
        python: the loss as it is written in Python.
        score: how well it fits; only the order means something.
        beyond: why this server refuses it at this size; "" if it takes it.
    """

    name: str
    loss: Loss | None
    reasons: tuple[str, ...]
    cautions: tuple[str, ...]
    metrics: tuple[str, ...]
    output: str
    python: str
    score: float
    beyond: str = ""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A near miss: a loss by name, and the reason against it."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer to a question.

    Attributes:
        value: what to give for it by keyword.
        meaning: in words.
        first: the loss that would be first then; "" if that is not known.
    """

    value: str | bool
    meaning: str
    first: str

    @property
    def word(self) -> str:
        """The answer as it is typed."""
        return self.value if isinstance(self.value, str) else "yes" if self.value else "no"


@dataclass(frozen=True, slots=True)
class Question:
    """A question whose answer would change the order: give it to `recommend` by the keyword `name`.

    Attributes:
        name: the keyword.
        text: the question.
        choices: the answers there are; () where it is a number.
        basic: whether it is among the first that anyone choosing a loss asks.
    """

    name: str
    text: str
    choices: tuple[Choice, ...]
    basic: bool


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number read off a sample, and what it says of the task."""

    name: str
    value: float
    meaning: str


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that advice goes by, and where it comes from."""

    value: str | bool | float | int
    source: Source


@dataclass(frozen=True, repr=False)
class Advice:
    """Which losses fit a task, and why.

    Attributes:
        recommendations: the best first; () while it is open what is predicted.
        rejected: near misses.
        open_questions: those whose answers would change the order, the most telling first.
        measurements: what was read off the samples.
        cautions: where samples contradict what was said, and facts that play no part.
        facts: what the advice goes by, by name.
    """

    recommendations: tuple[Recommendation, ...]
    rejected: tuple[Rejection, ...]
    open_questions: tuple[Question, ...]
    measurements: tuple[Measurement, ...]
    cautions: tuple[str, ...]
    facts: Mapping[str, Fact]

    @property
    def loss(self) -> Loss | None:
        """The loss that fits best; None while it is open what is predicted."""
        return self.recommendations[0].loss if self.recommendations else None

    def __repr__(self) -> str:
        losses = ", ".join(each.python.removeprefix("lossd.") for each in self.recommendations) or "no loss yet"
        asks = ", ".join(question.name for question in self.open_questions)
        return f"Advice({losses}{f'; open: {asks}' if asks else ''})"

    def __str__(self) -> str:
        """All of it for people, in 80 columns, as `lossd recommend` prints it."""
        return "\n".join(line for line, _ in self.lines()).rstrip("\n")

    def lines(self, width: int = 80, option: Callable[[Question], str] | None = None) -> Iterator[tuple[str, Style]]:
        """The text for people, line by line, each with what it is.

        Args:
            width: columns, at least 40.
            option: how the answer to a question is given; by default as a keyword.
        """
        for place, each in enumerate(self.recommendations, 1):
            yield f"{place}. {_short(each.python)}", "first" if place == 1 else "heading"
            yield from _wrapped(_paragraphs(each, brief=place > 1), width)
        option = option or (lambda question: f"{question.name}=")
        if not self.recommendations:
            task = next((question for question in self.open_questions if question.name == "task"), None)
            yield f"It is open what is predicted{f': say {option(task)}…' if task else ''}", "text"
            yield "", "text"
        yield from _section("Not these", ((f"{each.name}: ", each.reason) for each in self.rejected), width)
        yield from _section("Mind", (("! ", caution) for caution in self.cautions), width)
        yield from _section("Measured", (("", each.meaning) for each in self.measurements), width)
        asked = self.open_questions[:_ASKED_LATER]
        yield from _section("Tell more", ((f"{option(each)}: ", _hint(each)) for each in asked), width)


def _paragraphs(each: Recommendation, brief: bool) -> Iterator[tuple[str, str]]:
    for reason in each.reasons[:_BRIEF] if brief else each.reasons:
        yield "+ ", reason
    for caution in each.cautions[:1] if brief else each.cautions:
        yield "! ", caution
    if not brief:
        yield "output: ", each.output
        if each.metrics:
            yield "watch: ", ", ".join(each.metrics)


def _short(code: str) -> str:
    """A call whose long lists are cut; the recommendation has them whole."""
    return re.sub(r"\[((?:[^,\]]+,){3})[^\]]{20,}\]", r"[\1 …]", code)


def _section(heading: str, lines: Iterable[tuple[str, str]], width: int) -> Iterator[tuple[str, Style]]:
    lines = list(lines)
    if lines:
        yield heading, "heading"
        yield from _wrapped(lines, width)


def _wrapped(lines: Iterable[tuple[str, str]], width: int) -> Iterator[tuple[str, Style]]:
    """Paragraphs below a heading, each after its sign, and an empty line."""
    for sign, line in lines:
        hanging = " " * (_INDENT + (len(sign) if len(sign) <= _INDENT else 2))
        text = textwrap.fill(
            sign + line, max(width, 40), initial_indent=" " * _INDENT, subsequent_indent=hanging, break_long_words=False
        )
        for part in text.splitlines():
            yield part, "text"
    yield "", "text"


def _hint(question: Question) -> str:
    """What is asked, and what the answers would put first."""
    leads = [f"{choice.word} → {choice.first}" for choice in question.choices if choice.first]
    return f"{question.text} {'; '.join(leads[:_ASKED_LATER])}".strip()
