"""Writes docs/losses/ from the catalogue: `make catalogue`. A test holds the pages and pictures to it.

A page for each family, an index of all, and a picture of each loss that `curves` can draw.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import lossd
from lossd import catalog, options, printing, spec
from lossd.v1 import loss_pb2
from lossd_server.losses import catalogue
from lossd_server.worker import cataloguing

sys.path.insert(0, str(Path(__file__).parent))
import curves

FOLDER = Path(__file__).with_name("losses")
FLOATING = "float16, bfloat16, float32, float64"
WRITTEN = "composition"
"""The family of losses that the caller writes, which have pages of their own."""
FAMILIES = {
    "torch_nn": "The losses of torch.nn: values and gradients are its own, bit by bit.",
    "classification": "Which class, or which classes: beyond torch.nn's cross entropies.",
    "regression": "A number against a number: beyond torch.nn's squares and absolutes.",
    "segmentation": "A class for each position of an image, judged by regions.",
    "boxes": "Boxes of object detection against boxes.",
    "metric_learning": "Embeddings: what belongs together close, the rest apart.",
    "ranking": "The order of a list, or which of two is better.",
    "distillation": "A student's distribution against its teacher's.",
    "preference": "Language models from pairs of better and worse answers.",
    "policy": "Policy gradients of reinforcement learning, token by token.",
    "policy_terms": "What is added to a policy gradient: value functions, divergences, entropy.",
    "regularisers": "Terms that keep weights or predictions in bounds, to be added to a loss.",
    "composition": "Losses that the caller writes.",
}
INDEX = """# The losses

{count} losses in {families} families, {torch} of them torch.nn's. At a terminal `lossd losses` lists them,
`lossd losses NAME` describes one and `lossd losses --task segmentation` lists those for a task; in Python
`client.losses(task="segmentation")` and `client.loss("focal_loss")` do. Names, class names and aliases all find a loss.
"""


def main() -> None:
    """Rewrites the folder."""
    for name, data in files().items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def files() -> dict[str, bytes]:
    """Every file by its path in the folder."""
    losses = [catalog.read(cataloguing.describe(entry)) for entry in catalogue.ENTRIES.values()]
    families = {family: [loss for loss in losses if loss.family == family] for family in FAMILIES}
    assert sum(map(len, families.values())) == len(losses), "every family has its line in FAMILIES"
    pages = {"README.md": index(families)}
    pages |= {f"{family}.md": page(family, families[family]) for family in families if family != WRITTEN}
    pictures = {f"curves/{name}.svg": curves.draw(name) for name in curves.CURVES}
    return {name: text.encode() for name, text in pages.items()} | pictures


def index(families: dict[str, list[lossd.LossInfo]]) -> str:
    """The index: a table for each family."""
    count = sum(map(len, families.values()))
    parts = [INDEX.format(count=count, families=len(families), torch=len(families["torch_nn"]))]
    for family, losses in families.items():
        rows = [
            (f"[{loss.name}]({place(loss)})", plain(loss.summary), ", ".join(loss.tasks), ", ".join(loss.aliases))
            for loss in losses
        ]
        table = columns(("loss", "what it is", "for", "also called"), rows)
        parts.append(f"## {title(family)}\n\n{FAMILIES[family]}\n\n{table}")
    return "\n".join(parts)


def place(loss: lossd.LossInfo) -> str:
    """Where it is described, seen from the index."""
    return f"../{loss.reference.removeprefix('docs/')}" if loss.family == WRITTEN else f"{loss.family}.md#{loss.name}"


def title(family: str) -> str:
    """The heading of a family."""
    return "torch.nn" if family == "torch_nn" else family.replace("_", " ").capitalize()


def page(family: str, losses: Sequence[lossd.LossInfo]) -> str:
    """The page of a family."""
    contents = " · ".join(f"[{loss.name}](#{loss.name})" for loss in losses)
    head = f"# {title(family)}\n\n{FAMILIES[family]}\n\n{contents}\n"
    return "\n".join([head, *(section(loss) for loss in losses)])


def section(loss: lossd.LossInfo) -> str:
    """All about a loss."""
    also = f", also called {', '.join(f'`{alias}`' for alias in loss.aliases)}" if loss.aliases else ""
    parts = [
        f"## {loss.name}",
        f"{plain(loss.summary)} In Python `lossd.{loss.class_name}`{also}; for {', '.join(loss.tasks)}.",
        f"```text\n{loss.formula}\n```",
    ]
    if loss.name in curves.CURVES:
        parts.append(f"![{loss.name} and its gradient](curves/{loss.name}.svg)")
    parts.append(columns(("input", "shape", "element types", "meaning"), map(input_row, loss.inputs)))
    if loss.arguments:
        rows = [row for argument in loss.arguments for row in argument_rows(argument)]
        parts.append(columns(("argument", "type", "default", "values", "meaning"), rows))
    if loss.reductions:
        parts.append(f"Reduction: {printing.reduction_text(loss)}.")
    if loss.traps:
        parts.append("Traps:\n\n" + "\n".join(f"- {plain(trap)}" for trap in loss.traps))
    if loss.example is not None:
        parts.append(example(loss, loss.example))
    parts.append(f"Reference: <{loss.reference}>")
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def input_row(given: lossd.LossInput) -> tuple[str, ...]:
    """A line of the table of inputs."""
    name = f"`{given.name}`{', optional' if given.optional else ''}"
    return name, f"`{given.shape}`", ", ".join(given.dtypes).replace(FLOATING, "floating"), plain(given.description)


def argument_rows(argument: lossd.LossArgument, within: str = "") -> Iterable[tuple[str, ...]]:
    """A line of the table of arguments, and those of what is in it."""
    default = "required" if argument.required else "–" if argument.default == "null" else f"`{argument.default}`"
    values = ", ".join(f"`{choice}`" for choice in argument.choices) or argument.range
    yield f"`{within}{argument.name}`", argument.type, default, values, plain(argument.description)
    for field in argument.fields:
        yield from argument_rows(field, f"{within}{argument.name}.")


def plain(text: str) -> str:
    """The same as Markdown: a star is a star."""
    return text.replace("*", "\\*")


def columns(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines).replace("|  |", "| |")


def example(loss: lossd.LossInfo, given: lossd.LossExample) -> str:
    """The same call in Python, at the shell and as JSON, with its value."""
    body = json.dumps(request(loss.name, given), ensure_ascii=False)
    call = f"grpcurl -plaintext -d '{body}' localhost:50051 lossd.v1.EvaluationService/EvaluateLoss"
    return (
        f"Example, `{given.value!r}`:\n\n```python\n{given.python}\n```\n\n"
        f"```sh\n{options.command(loss, given)}\n{call}\n```"
    )


def request(name: str, given: lossd.LossExample) -> dict[str, Any]:
    """EvaluateLossRequest as JSON: plain numbers, enum values by their names in the contract."""
    kinds = loss_pb2.LossSpec.DESCRIPTOR.fields_by_name[name].message_type.fields_by_name
    arguments = {}
    for argument, value in given.arguments.items():
        enum, message = kinds[argument].enum_type, kinds[argument].message_type
        if enum is not None:
            value = next(known.name for known in enum.values if spec.enum_name(enum, known.number) == value)
        arguments[argument] = {"values": value} if message is not None and message.name == "Tensor" else value
    return {
        "loss": {name: arguments},
        "inputs": {name: {"values": value} for name, value in given.inputs.items()},
    }


if __name__ == "__main__":
    main()
