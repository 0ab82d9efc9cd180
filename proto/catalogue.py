"""Writes the catalogue into the contract and the SDK: `make catalogue`, after a line was added to the catalogue.

The server's entries are the one place where a loss is described. From them come its message in loss.proto and its
dataclass in client/lossd/losses/. What the contract numbered once keeps its number; what is new gets the next.
"""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from lossd_server.losses import catalogue
from lossd_server.losses.binding import BoundEntry
from lossd_server.losses.contract import Argument, Entry, Example, Input, Kind
from lossd_server.worker import examples
from torch import Tensor

ROOT = Path(__file__).parents[1]
PROTO = ROOT / "proto" / "lossd" / "v1" / "loss.proto"
SDK = ROOT / "client" / "lossd" / "losses"
START, END = "    // The catalogue: written by proto/catalogue.py.\n", "    // The end of the catalogue.\n"
MESSAGES = "// What follows is written by proto/catalogue.py from the server's catalogue.\n"
FIRST = 10
"""Number of the first loss in LossSpec."""
INIT = """The losses of the catalogue as data; written by proto/catalogue.py from the server's catalogue.

Every argument is by keyword, and None means the loss's default. Inputs go to `Client.evaluate` in the order given
under Inputs, or by keyword. Shapes are in torch's notation: N examples, C classes, `*` any dimensions.
"""
SCALARS = {float: "double", int: "int64", bool: "bool", str: "string"}
REDUCTIONS = ["none", "mean", "sum", "batchmean"]
KINDS = {
    Kind.FLOAT: "floating",
    Kind.WIDE_FLOAT: "float32 or float64",
    Kind.INDEX: "int64 or uint8",
    Kind.INDEX_OR_PROBABILITIES: "int64 or uint8, or floating",
    Kind.LABELS: "int32 or int64",
    Kind.LABEL: "int64",
    Kind.SIGN: "floating, int32 or int64",
    Kind.MASK: "bool, or numbers of which 0 means off",
    Kind.ANY: "any type",
}


def main() -> None:
    """Rewrites the files."""
    text = PROTO.read_text()
    give = numbers(text, "oneof loss", FIRST)
    entries = sorted((e for e in catalogue.ENTRIES.values() if isinstance(e, BoundEntry)), key=lambda e: give(e.name))
    PROTO.write_text(contract(text, entries))
    for path, code in sdk(entries).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)


def numbers(text: str, block: str, first: int = 1) -> Callable[[str], int]:
    """Gives the names in a block of the contract numbers: those they have already, else the next."""
    bare = re.sub(r"//.*", "", text)
    found = re.search(rf"\b{block} {{([^}}]*)}}", bare)
    known = {name: int(number) for name, number in re.findall(r"(\w+) = (\d+);", found[1] if found else "")}

    def give(name: str) -> int:
        return known.setdefault(name, max([first - 1, *known.values()]) + 1)

    return give


# The contract


def contract(text: str, entries: Sequence[BoundEntry]) -> str:
    """loss.proto with the members of LossSpec and the messages of `entries`."""
    head, tail = text.index(START) + len(START), text.index(END)
    give = numbers(text, "oneof loss", FIRST)
    members = [f"{comment(e.summary, 4)}    {e.class_name} {e.name} = {give(e.name)};\n" for e in entries]
    written = text[:head] + "".join(members) + text[tail:]
    written = written[: written.index(MESSAGES)] + MESSAGES
    enums = {argument.enum: argument for entry in entries for argument in entry.arguments if argument.choices}
    options = [argument for entry in entries for argument in entry.arguments if argument.fields]
    enums |= {inner.enum: inner for argument in options for inner in argument.fields if inner.choices}
    parts = [enum(text, argument) for argument in enums.values()]
    parts += [message(text, a.enum, sentence(a.meaning), a.fields) for a in options]
    parts += [message(text, entry.class_name, described(entry), fields(entry)) for entry in entries]
    return written + "".join(f"\n{part}" for part in parts)


def fields(entry: Entry) -> tuple[Argument, ...]:
    """The arguments of a message, the reduction among them."""
    if not entry.reductions:
        return entry.arguments
    text = reduction_text(entry)
    return (*entry.arguments, Argument("reduction", str, None, text, choices=entry.reductions, enum="Reduction"))


def message(text: str, name: str, about: str, arguments: Iterable[Argument]) -> str:
    """One message."""
    give = numbers(text, f"message {name}")
    lines = [(give(a.name), f"{comment(sentence(argument_text(a)), 2)}  {proto_type(a)} {a.name} = {give(a.name)};\n")
             for a in arguments]  # fmt: skip
    body = "".join(line for _, line in sorted(lines))
    return f"{comment(about, 0)}message {name} {{\n{body}}}\n" if body else f"{comment(about, 0)}message {name} {{}}\n"


def enum(text: str, argument: Argument) -> str:
    """The enum of an argument's choices."""
    prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", argument.enum).upper()
    give = numbers(text, f"enum {argument.enum}")
    lines = [f"  // The loss's own default.\n  {prefix}_UNSPECIFIED = 0;\n"]
    for choice in argument.choices:
        name = f"{prefix}_{choice.upper()}"
        lines.append(f"{comment(sentence(argument.explained.get(choice, f'`{choice}`')), 2)}  {name} = {give(name)};\n")
    return f"{comment(sentence(argument.meaning), 0)}enum {argument.enum} {{\n{''.join(lines)}}}\n"


def proto_type(argument: Argument) -> str:
    """The type of an argument's field."""
    if argument.enum:
        return argument.enum
    if argument.type is Tensor:
        return "Tensor"
    return "repeated int64" if argument.type is list else f"optional {SCALARS[argument.type]}"


def described(entry: Entry) -> str:
    """What the comment of a message says."""
    what = f"torch.nn.{entry.class_name}: " if entry.family == "torch_nn" else f"{entry.summary} "
    formula = entry.formula if entry.formula.endswith(".") else f"{entry.formula}."
    return f"{what}{formula} Inputs: {inputs_text(entry.inputs)}."


def comment(text: str, indent: int) -> str:
    """A proto comment."""
    lead = f"{' ' * indent}// "
    return "".join(f"{lead}{line}\n" for line in textwrap.wrap(text, 108 - indent, break_on_hyphens=False))


# Words that both share


def inputs_text(inputs: Sequence[Input]) -> str:
    """All inputs in one sentence."""
    return "; ".join(f"`{i.name}`, {i.meaning} ({form(i)})" for i in inputs)


def form(input_: Input) -> str:
    """Types and shape of an input: "floating, of the shape of input"."""
    like = re.fullmatch(r"\(.*\), as (\w+)", input_.shape)
    shape = f"of the shape of {like[1]}" if like else input_.shape
    return f"{KINDS[input_.kind]}, {shape}{', optional' if input_.optional else ''}"


def argument_text(argument: Argument) -> str:
    """Meaning, range and default of an argument, in one sentence."""
    bounds = argument.range.removeprefix("a finite number").strip()
    if argument.enum == "Reduction":
        return argument.meaning
    parts = [argument.meaning, bounds, ", ".join(argument.choices) if not argument.explained else ""]
    if argument.explained:
        parts.append(", ".join(f"{choice} ({what})" for choice, what in argument.explained.items()))
    if argument.required:
        parts.append("required")
    elif argument.default is not None:
        parts.append(f"default {default_text(argument)}")
    return "; ".join(filter(None, parts))


def default_text(argument: Argument) -> str:
    """The default as people write it."""
    value = argument.default
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def reduction_text(entry: Entry) -> str:
    """The reductions, the default marked."""
    first, *others = (f'"{name}"' for name in entry.reductions)
    mean = f": {entry.mean}" if entry.mean else ""
    names = [f"{first} (default{mean})", *others]
    return names[0] if not others else f"{', '.join(names[:-1])} or {names[-1]}"


def sentence(text: str) -> str:
    """From a capital letter to a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


# The SDK


def sdk(entries: Sequence[BoundEntry]) -> dict[Path, str]:
    """The files of client/lossd/losses/."""
    families: dict[str, list[BoundEntry]] = {}
    for entry in entries:
        families.setdefault(entry.family, []).append(entry)
    files = {SDK / f"{family}.py": module(family, members) for family, members in families.items()}
    public = sorted(
        (name, family)
        for family, members in families.items()
        for name in (*(entry.class_name for entry in members), *(a.enum for a in options(members)))
    )
    imports = "".join(f"from lossd.losses.{family} import {name} as {name}\n" for name, family in public)
    names = "".join(f'    "{name}",\n' for name, _ in public)
    files[SDK / "__init__.py"] = f'"""{INIT}"""\n\n{imports}\n__all__ = [\n{names}]\n'
    return files


def options(entries: Iterable[Entry]) -> Iterator[Argument]:
    """Arguments that are messages of their own."""
    return (argument for entry in entries for argument in entry.arguments if argument.fields)


def module(family: str, entries: Sequence[Entry]) -> str:
    """The dataclasses of a family."""
    title = "torch.nn" if family == "torch_nn" else f"the {family.replace('_', ' ')} family"
    body = "".join(f"\n\n{dataclass_text(a.enum, 'Spec', sentence(a.meaning), a.fields)}" for a in options(entries))
    body += "".join(f"\n\n{loss_text(entry)}" for entry in entries)
    uses = [
        ("from collections.abc import ", [n for n in ("Mapping", "Sequence") if re.search(rf"\b{n}\[", body)]),
        ("from dataclasses import ", ["dataclass"]),
        ("from typing import ", [n for n in ("ClassVar", "Literal") if f"{n}[" in body]),
    ]
    standard = "".join(f"{lead}{', '.join(names)}\n" for lead, names in uses if names)
    own = f"from lossd.loss import Loss{', Reduction' if ': Reduction' in body else ''}\n"
    own += "from lossd.spec import Spec\n" * ("(Spec)" in body)
    own += "from lossd.tensors import ArrayLike\n" * ("ArrayLike" in body)
    return (
        f'"""The losses of {title}, written by proto/catalogue.py from the server\'s catalogue."""\n\n'
        f"from __future__ import annotations\n\n{standard}\n{own}{body}"
    )


def loss_text(entry: Entry) -> str:
    """The dataclass of a loss."""
    formula = f"Formula: {entry.formula}"
    about = [formula, arguments_section(fields(entry)), inputs_section(entry.inputs)]
    about += ["Traps:\n" + "\n".join(f"    - {trap}" for trap in entry.traps)] if entry.traps else []
    about += [example_section(entry), f"Reference: {reference(entry)}"]
    text = dataclass_text(entry.class_name, "Loss", entry.summary, fields(entry), about)
    extra = []
    kinds = {i.name: i.kind.default.is_floating_point and i.kind not in UNSURE for i in entry.inputs}
    if kinds != {"input": True, "target": True}:
        extra.append(f"INPUTS: ClassVar[Mapping[str, bool]] = {{{', '.join(f'{n!r}: {k}' for n, k in kinds.items())}}}")
    if entry.aliases:
        extra.append(f"ALIASES: ClassVar[tuple[str, ...]] = {entry.aliases!r}")
    optional = [i.name for i in entry.inputs if i.optional]
    if optional:
        extra.append(f"OPTIONAL: ClassVar[frozenset[str]] = frozenset({optional!r})")
    return text + "\n" * bool(extra and fields(entry)) + "".join(f"    {line}\n" for line in extra)


UNSURE = {Kind.INDEX_OR_PROBABILITIES, Kind.ANY}
"""Inputs whose plain numbers the server reads by what is around them."""


def reference(entry: Entry) -> str:
    """Where it comes from, as the SDK says it."""
    return f"torch.nn.{entry.class_name}" if entry.family == "torch_nn" else entry.reference


def dataclass_text(
    name: str, parent: str, summary: str, arguments: Sequence[Argument], about: Sequence[str] | None = None
) -> str:
    """A dataclass with its docstring."""
    about = about if about is not None else [arguments_section(arguments)]
    doc = "\n\n".join(wrapped(part) for part in (summary, *about) if part)
    doc = textwrap.indent(doc, "    ").strip()
    body = "".join(f"    {a.name}: {annotation(a)}\n" for a in sorted(arguments, key=lambda a: not a.required))
    return (
        "@dataclass(frozen=True, kw_only=True, eq=False, repr=False)\n"
        f'class {name}({parent}):\n    """{doc}\n    """\n\n{body}'
    )


def arguments_section(arguments: Sequence[Argument]) -> str:
    """The section Args."""
    return "Args:\n" + "\n".join(f"    {a.name}: {argument_text(a)}." for a in arguments) if arguments else ""


def inputs_section(inputs: Sequence[Input]) -> str:
    """The section Inputs."""
    return "Inputs:\n" + "\n".join(f"    {i.name}: {i.meaning}; {form(i)}." for i in inputs)


def example_section(entry: Entry) -> str:
    """A doctest of the constructor, and a call with its value."""
    loss = examples.constructor(entry)
    text = f"Example:\n    >>> {loss}\n    {loss}"
    if entry.example is not None:
        text += "\n\n" + "\n".join(call_lines(entry, entry.example))
    return text


def call_lines(entry: Entry, example: Example) -> list[str]:
    """The call of an example, on several lines if one is too short."""
    value = f"   # {example.value!r}"
    line = f"    {examples.call(entry, example)}{value}"
    if len(line) <= 116:
        return [line]
    lead, hang = " " * 8, " " * 12
    inner = [textwrap.wrap(f"{lead}{word},", 116, subsequent_indent=hang) for word in examples.words(entry, example)]
    return ["    client.evaluate(", *itertools.chain(*inner), f"    ).value{value}"]


def annotation(argument: Argument) -> str:
    """The type of an attribute, and its default."""
    if argument.choices:
        ordered = sorted(argument.choices, key=REDUCTIONS.index) if argument.enum == "Reduction" else argument.choices
        kind = "Reduction" if ordered == REDUCTIONS[:3] else f"Literal[{', '.join(map(repr, ordered))}]"
    else:
        known = {Tensor: "ArrayLike", list: "Sequence[int]", dict: argument.enum}
        kind = known.get(argument.type, argument.type.__name__)
    return kind if argument.required else f"{kind} | None = None"


def wrapped(part: str) -> str:
    """Lines of at most 116 characters; a hanging indent for what is listed, none for code."""
    lines = []
    for line in part.split("\n"):
        lead = re.match(r" *(?:- )?", line)
        indent = len(lead[0]) if lead else 0
        if ">>>" in line or len(line) <= 116:
            lines.append(line)
            continue
        hang = " " * (indent + 4 if indent else 4 if line.startswith("Formula:") else 0)
        lines += textwrap.wrap(line, 116, subsequent_indent=hang, break_on_hyphens=False, break_long_words=False)
    return "\n".join(lines)


if __name__ == "__main__":
    main()
