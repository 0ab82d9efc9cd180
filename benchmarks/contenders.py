"""Who is compared: each a server process, or none, and a client that runs a case against it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from benchmarks.cases import Case

Answer: TypeAlias = "tuple[float, np.ndarray | None]"


class Caller(Protocol):
    """Runs a case once and returns loss and gradient."""

    def __call__(self, case: Case) -> Answer: ...


@dataclass(frozen=True)
class Contender:
    """One line of the table.

    Args:
        title: what the table calls it.
        server: arguments of `python` that start its server; None if there is none.
        connect: makes the caller, in the client's process, from the server's address.
        evaluates: whether it computes the loss; the others show a limit.
    """

    title: str
    server: tuple[str, ...] | None
    connect: Callable[[str], Caller]
    evaluates: bool = True


def lossd_sdk(target: str) -> Caller:
    """lossd as its users call it."""
    import lossd

    client, loss = lossd.Client(target), lossd.CrossEntropyLoss()

    def call(case: Case) -> Answer:
        result = client.evaluate(loss, *case.arrays(), gradients=case.gradient)
        return result.value, result.gradients.get("input")

    return call


def stock_stubs(target: str) -> Caller:
    """What a hand-written client does, against lossd or the plain servicer."""
    from benchmarks.plain.client import PlainClient

    client = PlainClient(target)
    return lambda case: client.evaluate(*case.arrays(), case.gradient)


def echo(target: str) -> Caller:
    """The same number of bytes there and back, and nothing else."""
    import grpc

    from benchmarks.plain.client import OPTIONS

    channel = grpc.insecure_channel(target, options=OPTIONS)
    back, sink = channel.unary_unary("/Echo/Back"), channel.unary_unary("/Echo/Sink")
    payloads: dict[int, bytes] = {}

    def call(case: Case) -> Answer:
        size = sum(array.nbytes for array in case.arrays())
        payload = payloads.setdefault(size, bytes(size))
        (back if case.gradient else sink)(payload, timeout=60)
        return 0.0, None

    return call


def torch_in_process(_: str) -> Caller:
    """No service at all."""
    import torch
    from torch.nn import functional

    tensors: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def call(case: Case) -> Answer:
        pair = tensors.get(case.rows)
        if pair is None:
            pair = tensors[case.rows] = tuple(map(torch.from_numpy, case.arrays()))
        logits, target = pair
        if not case.gradient:
            with torch.no_grad():
                return functional.cross_entropy(logits, target).item(), None
        leaf = logits.detach().requires_grad_()
        value = functional.cross_entropy(leaf, target)
        value.backward()
        return value.item(), leaf.grad.numpy()

    return call


LOSSD = (sys.executable, "-m", "lossd_server", "--address", "127.0.0.1:0", "--metrics-address", "127.0.0.1:0")
PLAIN = (sys.executable, "-m", "benchmarks.plain")

CONTENDERS = {
    "lossd": Contender("lossd, its SDK", LOSSD, lossd_sdk),
    "lossd-stock": Contender("lossd, stock stubs", LOSSD, stock_stubs),
    "plain": Contender("plain servicer, sync", (*PLAIN, "sync"), stock_stubs),
    "plain-aio": Contender("plain servicer, aio", (*PLAIN, "aio"), stock_stubs),
    "echo": Contender("bare echo of the bytes", (*PLAIN, "echo"), echo, evaluates=False),
    "torch": Contender("torch in process", None, torch_in_process),
}
"""In the order of the table. Those of one server share one process."""
