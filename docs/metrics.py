"""Writes the tables of docs/metrics.md: `python docs/metrics.py`. A test holds the page to the catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from lossd_server.judge.catalogue import METRICS, select
from lossd_server.judge.measures.contract import Metric
from lossd_server.judge.readings import NONE, views
from lossd_server.judge.views import TASKS
from lossd_server.losses.binding import BoundEntry
from lossd_server.losses.catalogue import ENTRIES
from lossd_server.losses.contract import Argument

PAGE = Path(__file__).with_name("metrics.md")
MARK = "<!-- from here on written by docs/metrics.py -->\n"


def page() -> str:
    """The page as it stands, with fresh tables."""
    head = PAGE.read_text().partition(MARK)[0]
    return "".join([head, MARK, *_readings(), *_catalogue()])


def _readings() -> Iterator[str]:
    """What each loss's inputs are read as, by its example in the catalogue."""
    yield "\n## What each loss is read as\n\n"
    yield "Of tensors such as its example has. Labels in several columns are multilabel, and lists; images are masks "
    yield "too; class probabilities as targets are distributions. A metric takes the first reading that has it.\n\n"
    yield "| read as | losses |\n|---|---|\n"
    found: dict[tuple[str, ...], list[str]] = {}
    for entry in ENTRIES.values():
        if isinstance(entry, BoundEntry) and entry.name not in NONE:
            found.setdefault(_tasks(entry), []).append(f"`{entry.name}`")
    for tasks in sorted(found, key=lambda tasks: TASKS.index(tasks[0])):
        yield f"| {', '.join(tasks)} | {', '.join(found[tasks])} |\n"
    yield "\nNone are told of these:\n\n| losses | why |\n|---|---|\n"
    for why in dict.fromkeys(NONE.values()):
        yield f"| {', '.join(f'`{name}`' for name, own in NONE.items() if own == why)} | {why} |\n"


def _tasks(entry: BoundEntry) -> tuple[str, ...]:
    assert entry.example is not None
    loss = entry.build(dict(entry.example.arguments), path="loss", allow_broadcast=False)
    kinds = {given.name: given.kind.default for given in entry.inputs}
    inputs = {name: torch.tensor(values, dtype=kinds[name]) for name, values in entry.example.inputs.items()}
    output, *others = (name for name in loss.input_names if name in inputs)
    return tuple(view.task for view in views(loss, inputs[output], {name: inputs[name] for name in others}))


def _catalogue() -> Iterator[str]:
    for task in TASKS:
        yield f"\n## {task.capitalize()}\n\n| metric | what | better | arguments | torchmetrics |\n"
        yield "|---|---|---|---|---|\n"
        for metric in select(task):
            yield _line(metric, task)
    yield "\n## Formulas\n\n| metric | formula |\n|---|---|\n"
    for metric in METRICS.values():
        yield f"| `{metric.name}` | {_plain(metric.formula)} |\n"
    yield "\n## Arguments\n\n| argument | of | what |\n|---|---|---|\n"
    for argument, names in _arguments().values():
        yield f"| `{argument.name}` | {', '.join(f'`{name}`' for name in names)} | {_argument(argument)} |\n"


def _line(metric: Metric, task: str) -> str:
    call = metric.calls[task]
    own = ", ".join(f"`{name}`" for name in call.arguments)
    better = "higher" if metric.higher else "lower"
    array = " Several numbers." if metric.array else ""
    return f"| `{metric.name}` | {_plain(metric.summary)}{array} | {better} | {own} | `{call.class_name}` |\n"


def _arguments() -> dict[str, tuple[Argument, list[str]]]:
    found: dict[str, tuple[Argument, list[str]]] = {}
    for metric in METRICS.values():
        for argument in metric.arguments:
            found.setdefault(repr(argument), (argument, []))[1].append(metric.name)
    return dict(sorted(found.items(), key=lambda item: item[1][0].name))


def _argument(argument: Argument) -> str:
    choices = "; ".join(
        f"`{choice}`" + (f": {argument.explained[choice]}" if choice in argument.explained else "")
        for choice in argument.choices
    )
    kind = choices or ("`true` or `false`" if argument.type is bool else argument.range)
    default = "" if argument.default is None else f"; default `{json.dumps(argument.default).strip(chr(34))}`"
    return _plain(f"{argument.meaning}; {kind}{default}")


def _plain(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())
