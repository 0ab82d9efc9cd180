"""What options a loss makes, out of its class alone; knows no call and prints nothing."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import click

import lossd
from lossd import literals, spec
from lossd.loss import Loss
from lossd.v1 import loss_pb2

F = TypeVar("F", bound=Callable[..., Any])

KINDS: dict[str, type[Loss]] = {
    name: getattr(lossd, class_name)
    for class_name, name in spec.members(loss_pb2.LossSpec.DESCRIPTOR).items()
    if name not in ("weighted_sum", "program", "plugin")  # what goes into these, no class of this package knows
}
"""The losses whose options their class tells, by name."""

OTHER_NAMES: dict[str, str] = {other: name for name, kind in KINDS.items() for other in (kind.__name__, *kind.ALIASES)}
"""Class names and aliases of the same."""

_SPELLED: dict[str, str] = {other.lower(): name for other, name in OTHER_NAMES.items()} | {name: name for name in KINDS}
"""All of these names in lower case."""


class DashedOption(click.Option):
    """An option whose help shows its spelling with dashes alone."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """As click has it, of the first spelling."""
        shown = copy.copy(self)
        shown.opts = self.opts[:1]
        return click.Option.get_help_record(shown, ctx)


class ArrayType(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic in newer versions of click alone
    """An array, or the tensor called `tensor` in a file of several."""

    name = "array"

    def __init__(self, tensor: str) -> None:
        self.tensor = tensor

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Reads JSON or a file."""
        try:
            return literals.parse(value, self.tensor) if isinstance(value, str) else value
        except ValueError as error:
            self.fail(str(error), param, ctx)


class WholeNumbers(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # as above
    """Whole numbers, as `2,5` or `[2, 5]`."""

    name = "integers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Reads them."""
        if not isinstance(value, str):
            return value
        try:
            return [int(part) for part in value.strip().removeprefix("[").removesuffix("]").split(",")]
        except ValueError:
            self.fail(f"{value!r} is no list of whole numbers such as 2,5", param, ctx)


class ObjectType(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # as above
    """An object of this package, as a JSON object of its arguments."""

    name = "json"

    def __init__(self, kind: type[spec.Spec]) -> None:
        self.kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Reads it."""
        if not isinstance(value, str):
            return value
        known = [field.name for field in dataclasses.fields(self.kind)]  # type: ignore[arg-type]  # a dataclass always
        try:
            given = json.loads(value)
            if not isinstance(given, dict) or not given.keys() <= set(known):
                raise ValueError(value)
        except ValueError:
            self.fail(f"{value!r} is no JSON object of {', '.join(known)}", param, ctx)
        return self.kind(**given)


def options(*added: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, shown in this order."""

    def decorate(command: F) -> F:
        for option in reversed(added):
            command = option(command)
        return command

    return decorate


def fold(name: str, joint: str = "_") -> str:
    """The same in lower case, with `joint` for spaces, hyphens and underscores.

    >>> fold("Focal Loss"), fold("metric_learning", "-")
    ('focal_loss', 'metric-learning')
    """
    return re.sub(r"[\s_-]+", joint, name.strip().lower())


def resolve(name: str) -> str | None:
    """The loss of this name, class name or alias, however it is joined and with or without `_loss`; None if none is.

    >>> resolve("Focal Loss"), resolve("mse"), resolve("no such thing")
    ('sigmoid_focal_loss', 'mse_loss', None)
    """
    folded = fold(name)
    return _SPELLED.get(folded) or _SPELLED.get(f"{folded}_loss")


def nearest(name: str) -> str:
    """A hint at the loss that may be meant; where to look if none is like it."""
    known = {other.removesuffix("_loss"): loss for other, loss in _SPELLED.items()}  # else every NAME_loss is like it
    near = get_close_matches(fold(name).removesuffix("_loss"), known, 1, cutoff=0.6)
    return f"did you mean {known[near[0]]}?" if near else "`lossd losses` lists them"


def families() -> dict[str, dict[str, str]]:
    """What each loss is, by name and by family."""
    found: dict[str, dict[str, str]] = {}
    for name, kind in sorted(KINDS.items()):
        family = kind.__module__.rpartition(".")[2] if kind is not lossd.Expression else "composition"
        found.setdefault(family, {})[name] = summary(kind)
    return dict(sorted(found.items()))


def summary(kind: type[Loss]) -> str:
    """What the class says first of itself."""
    return " ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split())


def of_loss(kind: type[Loss]) -> Callable[[F], F]:
    """An option for each input and each argument of the loss."""
    said, hints = described(Loss) | described(kind), get_type_hints(kind)
    needed = set() if kind is lossd.Expression else set(kind.INPUTS) - kind.OPTIONAL
    inputs = (array_option(name, said.get(name, "Input of the loss."), name in needed) for name in kind.INPUTS)
    arguments = (
        argument_option(name, hints[name], said.get(name, ""), required) for name, required in constructor(kind).items()
    )
    return options(*inputs, *arguments)


def constructor(kind: type[Loss]) -> dict[str, bool]:
    """Names of the arguments, and which are required; `allow_broadcast` only where two inputs could differ."""
    elementwise = kind is not lossd.Expression and kind.INPUTS == Loss.INPUTS
    fields = [field for field in dataclasses.fields(kind) if elementwise or field.name != "allow_broadcast"]
    return {field.name: field.default is dataclasses.MISSING for field in fields}


def open_ended(kind: type[Loss]) -> bool:
    """Whether there may be inputs that the class does not name: any in a formula, more clusters in a softmax."""
    return kind is lossd.Expression or any(part.isdecimal() for name in kind.INPUTS for part in name.split("."))


def bind(kind: type[Loss], given: Mapping[str, Any], words: Iterable[str]) -> tuple[Loss, dict[str, Any]]:
    """The loss and its inputs, out of what was given for its options and the words that no option was declared for."""
    given = {name: value for name, value in given.items() if value is not None}
    try:
        loss = kind(**{name: given.pop(name) for name in constructor(kind) if name in given})
    except (TypeError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    written = {_parameter(name): name for name in kind.INPUTS}
    extra = extra_words(words)
    for name in extra:
        if kind is not lossd.Expression and "." not in name:
            raise click.NoSuchOption(f"--{name}")
    return loss, {written[name]: value for name, value in given.items()} | parsed(extra)


def described(kind: type[Loss]) -> dict[str, str]:
    """What the class says of its arguments and inputs, by name."""
    sections = re.findall(r"^(?:Args|Inputs):\n((?: {4}.+\n?)+)", inspect.getdoc(kind) or "", re.MULTILINE)
    return dict(re.findall(r"^ {4}([\w.]+): (.+(?:\n {8}.+)*)", "\n".join(sections), re.MULTILINE))


def sentence(text: str) -> str:
    """The same on one line, from a capital letter to a full stop."""
    text = " ".join(text.split()).rstrip(".").replace("`", "")
    return f"{text[:1].upper()}{text[1:]}."


def array_option(name: str, text: str, required: bool) -> Callable[[F], F]:
    """An option for an array, with dashes or underscores."""
    kind = ArrayType(name)
    return click.option(
        *spellings(name), _parameter(name), cls=DashedOption, type=kind, required=required, help=sentence(text)
    )


def argument_option(name: str, hint: Any, text: str, required: bool = False) -> Callable[[F], F]:
    """An option for a constructor argument, of the type that its annotation says."""
    text = sentence(text.replace("; required", "") if required else text)  # click says so
    kind: Any = next((kind for kind in get_args(hint) if kind is not type(None)), hint)
    kind = hint if get_origin(hint) in (Literal, Sequence) else kind
    if kind is bool:
        return click.option(f"--{name.replace('_', '-')}/--no-{name.replace('_', '-')}", name, default=None, help=text)
    if get_origin(kind) is Literal:
        kind = click.Choice(get_args(kind))
    elif get_origin(kind) is Sequence:
        kind = WholeNumbers()
    elif kind is Any:
        kind = ArrayType(name)
    elif issubclass(kind, spec.Spec):
        kind = ObjectType(kind)
    return click.option(*spellings(name), name, cls=DashedOption, type=kind, required=required, help=text)


def separate(text: str) -> list[str]:
    """What commas part, but for those inside brackets.

    >>> separate("accuracy, f1(average=macro, top_k=2)")
    ['accuracy', 'f1(average=macro, top_k=2)']
    """
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def _metrics(ctx: click.Context, option: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(name for text in given for name in separate(text))
    if not all(names):
        raise click.BadParameter(f"{','.join(given)!r} has an empty name; expected names such as f1,accuracy")
    return names


asked_metrics = click.option(
    "--metrics", multiple=True, metavar="NAME,…", callback=_metrics,
    help="Metrics to compute beside the loss, such as f1,accuracy or 'precision(threshold=0.3)'; may be repeated.",
)  # fmt: skip


def writable(path: str, option: str) -> None:
    """Refuses a file whose folder takes none, before what is to stand in it is computed; of a file click knows.

    Raises:
        click.BadParameter: with what is in the way.
    """
    folder = Path(path).resolve().parent
    if not folder.is_dir():
        raise click.BadParameter(f"there is no folder for {path}", param_hint=option)
    if not Path(path).exists() and not os.access(folder, os.W_OK):
        raise click.BadParameter(f"{path} cannot be written: permission denied", param_hint=option)


@contextmanager
def written(path: str) -> Iterator[None]:
    """Says in a line what kept a file from being written after all.

    Raises:
        click.ClickException: in place of OSError.
    """
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror or error}") from error


def spellings(name: str) -> tuple[str, ...]:
    """The option of this name with dashes and, where that differs, with underscores."""
    return tuple(dict.fromkeys((f"--{name.replace('_', '-')}", f"--{name}")))


def _parameter(name: str) -> str:
    """What click calls it: names of parameters have dots, keywords none."""
    return name.replace(".", "_")


def extra_words(words: Iterable[str]) -> dict[str, str]:
    """What was given as `--name VALUE` or `--name=VALUE` that no option was declared for."""
    found, rest = {}, iter(words)
    for word in rest:
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not re.fullmatch(r"[^\W\d][\w.-]*", name):
            raise click.UsageError(f"expected an option such as --weights, given {word!r}")
        try:
            found[name.replace("-", "_")] = value if equals else next(rest)
        except StopIteration:
            raise click.UsageError(f"{word} needs a value") from None
    return found


def parsed(words: Mapping[str, str]) -> dict[str, Any]:
    """The same as arrays."""
    found = {}
    for name, text in words.items():
        try:
            found[name] = literals.parse(text, name)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint=f"--{name}") from error
    return found


def json_or_word(text: str) -> Any:
    """A plugin's argument: `3`, `true`, `[1, 2]`, or a word."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def command(loss: lossd.LossInfo, example: lossd.LossExample) -> str:
    """The example of a loss as it is typed at a shell."""
    words = [loss.name] if loss.name in KINDS else ["plugin", loss.name]
    for name, value in (*example.arguments.items(), *example.inputs.items()):
        option = name.replace("_", "-")
        if isinstance(value, bool) and loss.name in KINDS:
            words.append(f"--{option}" if value else f"--no-{option}")
        else:
            words += [f"--{option}", value if isinstance(value, str) else json.dumps(value)]
    return shlex.join(["lossd", "eval", *words])
