"""`lossd recommend`: asks what is to be learned and tells which loss fits; knows the SDK's public names alone.

The options come from the keywords of `Client.recommend`, the questions from the server: neither is written here.
"""

from __future__ import annotations

import inspect
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, get_args, get_type_hints

import click
from google.protobuf import json_format
from google.protobuf.message import Message

import lossd
from lossd import samples, spec, tensors
from lossd.advice import SAMPLES, Facts
from lossd.loss import Loss
from lossd.options import ArrayType, argument_option, fold, options
from lossd.printing import plain_json, print_json
from lossd.server_options import as_json, connect, connection
from lossd.v1 import loss_pb2, tensor_pb2

F = TypeVar("F", bound=Callable[..., Any])


def _said(command: F) -> F:
    """An option for every fact."""
    about = dict(
        re.findall(r"^ {8}(\w+): (.+(?:\n {12}.+)*)", f"    {inspect.getdoc(Facts)}".replace("\n", "\n    "), re.M)
    )
    hints = get_type_hints(Facts)
    added = [argument_option(name, _plain(hint), about[name]) for name, hint in hints.items()]
    arrays = (click.option(f"--{name}", type=SampleType(name), help=_SAMPLES[name]) for name in SAMPLES)
    return options(*added, *arrays)(command)


class SampleType(ArrayType):
    """An array as everywhere; of a CSV file also one column, as `FILE.csv:NAME`, and words."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Reads it, and says how where that may surprise."""
        found = samples.split(value) if isinstance(value, str) else None
        if found is None:
            return super().convert(value, param, ctx)
        try:
            read = samples.read(*found)
        except OSError as error:
            self.fail(f"{found[0]}: {error.strerror or error}", param, ctx)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        for note in read.notes:
            click.echo(f"lossd: {note}", err=True)
        return read.array


def _plain(hint: Any) -> Any:
    """The type of a keyword that may be None."""
    return next(kind for kind in get_args(hint) if kind is not type(None))


_SAMPLES: Mapping[str, str] = {
    "target": "A sample of targets, which is measured: nested JSON, or a .npy, .csv or .safetensors file; "
    "FILE.csv:NAME is one column, and words are classes.",
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
        print_json(advice_json(advice))
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
    words = {fold(choice.word): choice.value for choice in question.choices}
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
    for line, style in advice.lines(width, _option):
        click.secho(line, bold=style != "text", fg="green" if style == "first" else None)


def advice_json(advice: lossd.Advice) -> dict[str, Any]:
    """The advice as JSON values; a loss is the LossSpec of the contract, which EvaluateLoss takes as it is."""
    return {
        **plain_json(advice),
        "recommendations": [
            {**plain_json(each), "loss": None if each.loss is None else _specification(each.loss)}
            for each in advice.recommendations
        ],
    }


def _specification(loss: Loss) -> dict[str, Any]:
    message = spec.write(loss, loss_pb2.LossSpec())
    _spell_out(message)
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def _spell_out(message: Message) -> None:
    """Writes the numbers of tensors as such, where they stand as bytes."""
    for field, value in message.ListFields():
        if isinstance(value, tensor_pb2.Tensor):
            numbers = tensors.read(value, ()).tolist()
            value.CopyFrom(tensor_pb2.Tensor(dtype=value.dtype))
            value.values.extend(numbers)
        elif isinstance(value, Message):
            _spell_out(value)
        elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for each in value:
                _spell_out(each)


def _option(question: lossd.Question) -> str:
    """The option that answers a question."""
    name = question.name.replace("_", "-")
    flag = {choice.value for choice in question.choices} == {True, False}
    return f"--{name}{f'/--no-{name}' if flag else ''}"
