"""`make demo`: starts a lossd server, evaluates the losses of a practitioner's guide, trains its loop, shows metrics.

Every number is checked three ways: what lossd answers, what torch computes here, and what the guide says. Exits
with 1 if any of them is off.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import lossd
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

console = Console(width=140)

EPOCHS = 100
INPUTS, TARGETS = [[2.0], [4.0], [6.0]], [[4.0], [8.0], [12.0]]


class Example(NamedTuple):
    """A loss, the same in torch, its inputs, and the number that the guide gives, as float32 holds it."""

    name: str
    loss: lossd.Loss
    local: Any
    input: list[Any]
    target: list[Any]
    expected: float


def guide() -> list[Example]:
    """The worked examples."""
    regression = ([78.0, 85.0, 92.0], [80.0, 87.0, 90.0])
    logits = [[4.0, 1.0, 0.1]]
    log_probabilities = torch.tensor(logits).log_softmax(dim=1).tolist()
    nn = torch.nn
    guides_own = 4.599999904632568  # 4.6 in float32

    def custom(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return nn.MSELoss()(x, y) + 0.1 * nn.L1Loss(reduction="sum")(x, y)

    formula = lossd.Expression("mean((input - target)**2) + 0.1*sum(abs(input - target))")
    weighted = lossd.MSELoss() + 0.1 * lossd.L1Loss(reduction="sum")
    return [
        Example("MSELoss", lossd.MSELoss(), nn.MSELoss(), *regression, 4.0),
        Example("L1Loss", lossd.L1Loss(), nn.L1Loss(), *regression, 2.0),
        Example("CrossEntropyLoss", lossd.CrossEntropyLoss(), nn.CrossEntropyLoss(), logits, [0], 0.06768565624952316),
        Example("NLLLoss", lossd.NLLLoss(), nn.NLLLoss(), log_probabilities, [0], 0.06768565624952316),
        Example(
            "BCEWithLogitsLoss",
            lossd.BCEWithLogitsLoss(),
            nn.BCEWithLogitsLoss(),
            [0.8, -1.2],
            [1.0, 0.0],
            0.31719154119491577,
        ),
        Example("custom, weighted sum", weighted, custom, *regression, guides_own),
        Example("custom, expression", formula, custom, *regression, guides_own),
    ]


def evaluate(client: lossd.Client) -> bool:
    """Compares every example; prints a table."""
    table = Table(title="The guide's losses", title_justify="left")
    for column in ("loss", "lossd", "torch", "expected", "gradient of input", "same as torch"):
        table.add_column(column, no_wrap=True)
    fine = True
    for example in guide():
        result = client.evaluate(example.loss, example.input, example.target, gradients=["input"])
        x, y = torch.tensor(example.input, requires_grad=True), torch.tensor(example.target)
        value = example.local(x, y)
        value.backward()
        gradient = result.gradients["input"]
        same = (
            x.grad is not None
            and gradient.tobytes() == x.grad.numpy().tobytes()
            and result.value == value.item() == example.expected
        )
        fine &= same
        shown = np.array2string(gradient, precision=4, suppress_small=True)
        table.add_row(
            example.name,
            repr(result.value),
            repr(value.item()),
            repr(example.expected),
            shown,
            "[green]to the last bit" if same else "[red]NO",
        )
    console.print(table)
    return fine


def train(client: lossd.Client) -> bool:
    """The guide's loop on the server, and the same loop here from the same weights."""
    session = client.create_session(
        model=lossd.nn.Sequential(lossd.nn.Linear(1, 1)),
        loss=lossd.MSELoss(),
        optimizer=lossd.optim.SGD(lr=0.01),
        seed=7,  # one whose loss ends near the 0.003 of the guide
    )
    model = torch.nn.Sequential(torch.nn.Linear(1, 1))
    model.load_state_dict({name: torch.tensor(value) for name, value in session.state_dict().items()})
    optimizer, loss = torch.optim.SGD(model.parameters(), lr=0.01), torch.nn.MSELoss()
    x, y = torch.tensor(INPUTS), torch.tensor(TARGETS)
    history = session.fit(INPUTS, TARGETS, epochs=EPOCHS, progress=True)
    here = []
    for _ in range(EPOCHS):
        optimizer.zero_grad()
        value = loss(model(x), y)
        value.backward()
        optimizer.step()
        here.append(value.item())
    weights = {name: value.tolist() for name, value in session.state_dict().items()}
    same = history.value == here and weights == {name: value.tolist() for name, value in model.state_dict().items()}
    console.print(f"loss of epoch {EPOCHS}: lossd {history.value[-1]!r}, torch {here[-1]!r}; weights {weights}")
    console.print("[green]equal to the last bit" if same else "[red]NOT equal")
    session.delete()
    return same


def show_metrics(url: str) -> bool:
    """A few lines of the metrics endpoint."""
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310  # the server that was started above
        lines = response.read().decode().splitlines()
    shown = [
        line
        for line in lines
        if line.startswith(
            ("grpc_server_handled_total", "grpc_server_msg_received_total", "lossd_device", "lossd_session_steps_total")
        )
        or (line.startswith("lossd_compute_seconds_count") and "backward" in line)
    ]
    console.print(f"\n[bold]{url}")
    console.print("\n".join(shown), highlight=False, soft_wrap=True)
    return f"lossd_session_steps_total {EPOCHS}.0" in shown


@contextmanager
def running_server() -> Iterator[tuple[str, str]]:
    """A server of our own on free ports: its address, and that of its metrics."""
    command = [
        str(Path(sys.executable).with_name("lossd")),
        "serve",
        "--address",
        "127.0.0.1:0",
        "--metrics-address",
        "127.0.0.1:0",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603  # the lossd beside this Python
    try:
        assert process.stderr is not None
        for line in process.stderr:
            record = json.loads(line)
            if record["event"] == "serving":
                yield record["address"], record["metrics_address"]
                break
    finally:
        process.terminate()
        process.communicate(timeout=60)


def main() -> int:
    """Runs the whole; returns the exit code."""
    with running_server() as (address, metrics_address), lossd.Client(address) as client:
        console.print(f"a lossd server at {address}, devices {', '.join(d.name for d in client.devices())}\n")
        fine = [evaluate(client), train(client), show_metrics(f"http://{metrics_address}/metrics")]
    console.print("\n[bold green]every number is right" if all(fine) else "\n[bold red]some number is off")
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
