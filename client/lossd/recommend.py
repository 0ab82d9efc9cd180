"""`lossd recommend`: asks what is to be learned and tells which loss fits; knows the SDK's public names alone.

The options come from the keywords of `Client.recommend`, the questions from the server: neither is written here.
"""

from __future__ import annotations

import inspect
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar, get_args, get_type_hints

import click

import lossd
from lossd.advice import SAMPLES, Facts
from lossd.options import argument_option, array_option, fold, options
from lossd.printing import print_json
from lossd.server_options import as_json, connect, connection

F = TypeVar("F", bound=Callable[..., Any])

_BRIEF = 2
"""Reasons of losses after the first that the text tells; --json tells all."""
_INDENT = 3
_ASKED_LATER = 4
"""Open questions that the text names."""


def _said(command: F) -> F:
    """An option for every fact."""
    about = dict(
        re.findall(r"^ {8}(\w+): (.+(?:\n {12}.+)*)", f"    {inspect.getdoc(Facts)}".replace("\n", "\n    "), re.M)
    )
    hints = get_type_hints(Facts)
    added = [argument_option(name, _plain(hint), about[name]) for name, hint in hints.items()]
    return options(*added, *(array_option(name, _SAMPLES[name], False) for name in SAMPLES))(command)


def _plain(hint: Any) -> Any:
    """The type of a keyword that may be None."""
    return next(kind for kind in get_args(hint) if kind is not type(None))


_SAMPLES: Mapping[str, str] = {
    "target": "A sample of targets, which is measured: nested JSON, or a .npy, .csv or .safetensors file.",
    "input": "The model's outputs for the same examples.",
}


@click.command()
@_said
@click.option("--limit", type=click.IntRange(1, 100), default=5, show_default=True, help="Most losses to recommend.")
@click.option(
    "--interactive", "-i", is_flag=True, help="Ask what is open; so it does on a terminal if nothing is given."
)
@connection
@as_json
def recommend(
    limit: int,
    interactive: bool,
    as_json: bool,
    server: str | None,
    token: str | None,
    tls: bool,
    ca: str | None,
    **given: Any,
) -> None:
    """Recommend a loss for a task, with its arguments and the reasons for and against.

    Say what is known, give samples of the data, or answer questions: Enter skips one, q ends them.
    """
    facts = {name: value for name, value in given.items() if value is not None}
    asking = interactive or (not facts and sys.stdin.isatty() and sys.stdout.isatty())
    with connect(server, token, tls, ca, embed=True) as client:
        advice = client.recommend(limit=limit, **facts)
        if asking:
            advice = _interview(lambda said: client.recommend(limit=limit, **{**facts, **said}), advice)
    if as_json:
        print_json(advice)
    else:
        print_advice(advice)


def _interview(ask: Callable[[Mapping[str, Any]], lossd.Advice], advice: lossd.Advice) -> lossd.Advice:
    """Asks what is open, one question after the other, those that anyone can answer first."""
    said: dict[str, Any] = {}
    seen: set[str] = set()
    while (question := _next(advice.open_questions, seen)) is not None:
        seen.add(question.name)
        _show(question)
        while True:
            answer = _read(question)
            if answer is None:
                break
            if answer is _END:
                return advice
            try:
                advice = ask({**said, question.name: answer})
            except (lossd.InvalidArgument, TypeError) as error:
                click.echo(f"  {error}", err=True)
                continue
            said[question.name] = answer
            break
    return advice


def _next(questions: Iterable[lossd.Question], seen: set[str]) -> lossd.Question | None:
    rest = [question for question in questions if question.name not in seen]
    return next((question for question in rest if question.basic), rest[0] if rest else None)


def _show(question: lossd.Question) -> None:
    click.secho(f"\n{question.text}", bold=True, err=True)
    width = max((len(choice.value) for choice in question.choices if isinstance(choice.value, str)), default=0)
    for number, choice in enumerate(question.choices, 1):
        word = f"{choice.value:{width}}  " if isinstance(choice.value, str) else ""
        click.echo(f"  {number:2}  {word}{choice.meaning}", err=True)


def _word(choice: lossd.Choice) -> str:
    return choice.value if isinstance(choice.value, str) else "yes" if choice.value else "no"


_END = object()


def _read(question: lossd.Question) -> Any:
    """The answer; None if it is skipped, `_END` if no more questions are wanted."""
    while True:
        try:
            typed = click.prompt(">", default="", show_default=False, prompt_suffix=" ", err=True).strip()
        except click.Abort as aborted:
            if isinstance(aborted.__context__, EOFError):  # Ctrl-D ends the questions, Ctrl-C everything
                click.echo(err=True)
                return _END
            raise
        if not typed:
            return None
        if typed.lower() in ("q", "quit"):
            return _END
        found = _chosen(question, typed) if question.choices else _number(typed)
        if found is not None:
            return found
        expected = f"1 to {len(question.choices)}, or the word" if question.choices else "a number"
        click.echo(f"  expected {expected}; Enter skips, q ends the questions", err=True)


def _chosen(question: lossd.Question, typed: str) -> Any:
    if typed.isdecimal() and 1 <= int(typed) <= len(question.choices):
        return question.choices[int(typed) - 1].value
    words = {fold(_word(choice)): choice.value for choice in question.choices}
    starts = [value for word, value in words.items() if word.startswith(fold(typed))]
    return words.get(fold(typed), starts[0] if len(starts) == 1 else None)


def _number(typed: str) -> float | int | None:
    try:
        return int(typed) if typed.lstrip("-").isdecimal() else float(typed)
    except ValueError:
        return None


def print_advice(advice: lossd.Advice) -> None:
    """The advice for people, wrapped to the terminal, or to 80 columns elsewhere."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 80
    for place, each in enumerate(advice.recommendations, 1):
        click.secho(f"{place}. {_short(each.python)}", bold=True, fg="green" if place == 1 else None)
        _lines(_paragraphs(each, brief=place > 1), width)
    if not advice.recommendations:
        click.echo("It is open what is predicted: say --task, or answer with --interactive.\n")
    _section("Not these", ((f"{each.name}: ", each.reason) for each in advice.rejected), width)
    _section("Mind", (("! ", caution) for caution in advice.cautions), width)
    _section("Measured", (("", each.meaning) for each in advice.measurements), width)
    _section("Tell more", map(_hint, advice.open_questions[:_ASKED_LATER]), width)


def _paragraphs(each: lossd.Recommendation, brief: bool) -> Iterator[tuple[str, str]]:
    for reason in each.reasons[:_BRIEF] if brief else each.reasons:
        yield "+ ", reason
    for caution in each.cautions[:1] if brief else each.cautions:
        yield "! ", caution
    if not brief:
        yield "output: ", each.output
        if each.metrics:
            yield "watch: ", ", ".join(each.metrics)


def _short(code: str) -> str:
    """A call whose long lists are cut; --json has them whole."""
    return re.sub(r"\[((?:[^,\]]+,){3})[^\]]{20,}\]", r"[\1 …]", code)


def _section(heading: str, lines: Iterable[tuple[str, str]], width: int) -> None:
    lines = list(lines)
    if lines:
        click.secho(heading, bold=True)
        _lines(lines, width)


def _lines(lines: Iterable[tuple[str, str]], width: int) -> None:
    """Paragraphs below a heading, each after its sign, and an empty line."""
    for sign, line in lines:
        hanging = " " * (_INDENT + (len(sign) if len(sign) <= _INDENT else 2))
        text = textwrap.fill(
            sign + line, max(width, 40), initial_indent=" " * _INDENT, subsequent_indent=hanging, break_long_words=False
        )
        click.echo(text)
    click.echo()


def _hint(question: lossd.Question) -> tuple[str, str]:
    """The option that answers a question, and what it would put first."""
    option = question.name.replace("_", "-")
    leads = [f"{_word(choice)} → {choice.first}" for choice in question.choices if choice.first]
    flag = {_word(choice) for choice in question.choices} == {"yes", "no"}
    text = f"{question.text} {'; '.join(leads[:_ASKED_LATER])}".strip()
    return (f"--{option}{f'/--no-{option}' if flag else ''}: "), text
