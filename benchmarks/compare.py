"""lossd beside what one would write by hand, measured in one run: `python -m benchmarks.compare`.

Every server and every client is a process of its own. Rounds are interleaved, each contender in turn, and what is
reported is the median over the rounds, so that a noisy neighbour hits all alike.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.cases import CASES
from benchmarks.contenders import CONTENDERS
from benchmarks.processes import ClientProcess, ServerProcess

CONCURRENT = 32
REFERENCE = "plain"


class Column(NamedTuple):
    """A measurement: a case and how many callers it has."""

    case: str
    callers: int

    @property
    def title(self) -> str:
        """With its unit."""
        return f"{self.case}, 1 caller\nms" if self.callers == 1 else f"{self.case}, {self.callers} callers\ncalls/s"

    @property
    def key(self) -> str:
        """Its name in the JSON."""
        return f"{self.case} c={self.callers}"


COLUMNS = [
    Column(name, callers) for name, case in CASES.items() for callers in ([1] if case.large else [1, CONCURRENT])
]


@dataclass
class Plan:
    """How long to measure.

    Args:
        rounds: of all contenders.
        seconds: for one column of one contender in one round, when it is alone.
    """

    rounds: int
    seconds: float

    def of(self, column: Column) -> float:
        """Seconds for a column: rates need longer than latencies."""
        return self.seconds * (2 if column.callers > 1 else 1)


class Measured:
    """What was measured of one contender, by column."""

    def __init__(self) -> None:
        self.figures: dict[Column, list[float]] = defaultdict(list)
        self.cpu: dict[Column, list[tuple[float, int]]] = defaultdict(list)
        self.resident = 0
        self.start_seconds = 0.0

    def add(self, column: Column, answer: dict[str, Any], cpu: float) -> None:
        """One round's: the median latency in ms, or the rate."""
        figure = (
            statistics.median(answer["latencies"]) * 1e3 if answer["latencies"] else answer["calls"] / answer["seconds"]
        )
        self.figures[column].append(figure)
        self.cpu[column].append((cpu, answer["calls"]))

    def median(self, column: Column) -> float | None:
        """Over the rounds."""
        return statistics.median(self.figures[column]) if self.figures[column] else None

    def cpu_microseconds(self, column: Column) -> float | None:
        """The server's processor time for one call, over all rounds together."""
        calls = sum(count for _, count in self.cpu[column])
        return sum(seconds for seconds, _ in self.cpu[column]) / calls * 1e6 if calls else None


def measure(names: list[str], plan: Plan, console: Console) -> dict[str, Measured]:
    """Runs all rounds."""
    measured = {name: Measured() for name in names}
    with contextlib.ExitStack() as stack:
        servers: dict[tuple[str, ...], ServerProcess] = {}
        for name in names:
            command = CONTENDERS[name].server
            if command and command not in servers:
                servers[command] = stack.enter_context(ServerProcess(command))
        clients = {
            name: stack.enter_context(
                ClientProcess(name, servers[command].target if (command := CONTENDERS[name].server) else "")
            )
            for name in names
        }
        agree(clients)
        for number in range(plan.rounds):
            console.print(f"round {number + 1} of {plan.rounds}", style="dim")
            for column in COLUMNS:
                for name in names:
                    command = CONTENDERS[name].server
                    if column.callers > 1 and not command:
                        continue
                    server = servers[command] if command else None
                    before = server.cpu_seconds() if server else 0.0
                    answer = clients[name].ask(case=column.case, callers=column.callers, seconds=plan.of(column))
                    cpu = server.cpu_seconds() - before if server else 0.0
                    measured[name].add(column, answer, cpu)
        for name in names:
            if command := CONTENDERS[name].server:
                measured[name].resident = servers[command].resident_bytes()
                measured[name].start_seconds = servers[command].start_seconds
    return measured


def agree(clients: dict[str, ClientProcess]) -> None:
    """Ends the run unless every contender answers the same bits."""
    for case in CASES:
        answers = {
            name: client.ask(case=case, check=True) for name, client in clients.items() if CONTENDERS[name].evaluates
        }
        if len({json.dumps(answer) for answer in answers.values()}) > 1:
            raise SystemExit(f"the answers to {case} differ: {answers}")


def table(measured: dict[str, Measured]) -> Table:
    """All contenders, and what lossd is of the plain servicer."""
    drawn = Table("", *(column.title for column in COLUMNS), "resident\nMiB", "start\ns")
    for column in drawn.columns[1:]:
        column.justify = "right"
    for name, its in measured.items():
        cells = [_number(its.median(column)) for column in COLUMNS]
        cells += [f"{its.resident / 2**20:.0f}", f"{its.start_seconds:.1f}"] if its.resident else ["–", "–"]
        drawn.add_row(CONTENDERS[name].title, *cells)
    drawn.add_section()
    for name in ("lossd", "lossd-stock"):
        if name in measured and REFERENCE in measured:
            cells = [f"{ratio(measured, name, column):.2f}×" for column in COLUMNS]
            drawn.add_row(f"{CONTENDERS[name].title}: of plain's time", *cells)
    return drawn


def cpu_table(measured: dict[str, Measured]) -> Table:
    """Processor time of the servers."""
    drawn = Table("server CPU, µs a call", *(column.key for column in COLUMNS))
    for column in drawn.columns[1:]:
        column.justify = "right"
    for name, its in measured.items():
        if CONTENDERS[name].server:
            drawn.add_row(CONTENDERS[name].title, *(_number(its.cpu_microseconds(column)) for column in COLUMNS))
    return drawn


def ratio(measured: dict[str, Measured], name: str, column: Column) -> float:
    """Time of a call, as a multiple of the reference's: the median over the rounds of each round's own ratio."""
    pairs = zip(measured[name].figures[column], measured[REFERENCE].figures[column], strict=True)
    return statistics.median(own / other if column.callers == 1 else other / own for own, other in pairs)


def report(measured: dict[str, Measured], plan: Plan, seconds: float) -> dict[str, Any]:
    """Everything, for a file."""
    return {
        "machine": machine(),
        "rounds": plan.rounds,
        "seconds": round(seconds),
        "units": {column.key: "ms" if column.callers == 1 else "calls/s" for column in COLUMNS},
        "contenders": {
            name: {
                "median": {column.key: its.median(column) for column in COLUMNS},
                "rounds": {column.key: its.figures[column] for column in COLUMNS},
                "server_cpu_microseconds": {column.key: its.cpu_microseconds(column) for column in COLUMNS},
                "server_resident_bytes": its.resident,
                "server_start_seconds": its.start_seconds,
            }
            for name, its in measured.items()
        },
        "ratios": {
            name: {column.key: ratio(measured, name, column) for column in COLUMNS}
            for name in measured
            if name != REFERENCE and CONTENDERS[name].server and REFERENCE in measured
        },
    }


def machine() -> dict[str, Any]:
    """Where it ran."""
    cpuinfo = Path("/proc/cpuinfo")
    models = [line for line in cpuinfo.read_text().splitlines() if "model name" in line] if cpuinfo.exists() else []
    return {
        "cpu": models[0].partition(": ")[2] if models else platform.processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "grpcio", "protobuf", "numpy", "lossd")},
    }


def _number(value: float | None) -> str:
    """Three digits that count."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="about half a minute instead of three; noisier")
    parser.add_argument("--rounds", type=int, help="rounds of all contenders; more are steadier")
    parser.add_argument("--only", metavar="NAMES", help=f"comma-separated, of: {', '.join(CONTENDERS)}")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all figures there")
    options = parser.parse_args()
    plan = Plan(3, 0.15) if options.quick else Plan(7, 0.4)
    plan.rounds = options.rounds or plan.rounds
    names = options.only.split(",") if options.only else list(CONTENDERS)
    console = Console(width=None if sys.stdout.isatty() else 160)
    begun = time.monotonic()
    load = machine()
    console.print(" · ".join(f"{name} {value}" for name, value in load.items()), style="dim")
    measured = measure(names, plan, console)
    console.print(table(measured), cpu_table(measured))
    if options.json:
        options.json.write_text(json.dumps(report(measured, plan, time.monotonic() - begun), indent=1) + "\n")


if __name__ == "__main__":
    main()
