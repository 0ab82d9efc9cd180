"""A session's optimization over small modules of torch, and plain torch beside it; knows no worker."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import safetensors.torch
import torch
from congruence import oracle
from congruence.cases import normal
from lossd import optim, spec
from lossd.v1 import optimizer_pb2
from lossd_server.training.groups import sparse_parameters
from lossd_server.training.models import Spec
from lossd_server.training.optimizers import Optimization
from lossd_server.worker.programs import Programs
from lossd_server.worker.specs import Reader
from lossd_server.worker.tensors import Attachments
from torch import Tensor, nn

INPUT, TARGET = normal((12, 3), torch.float32, "input"), normal((12, 4), torch.float32, "target")


def read(given: spec.Spec, union: Any, path: str) -> Spec:
    """An SDK object as the worker reads it off the wire."""
    message = type(union).FromString(spec.write(given, union).SerializeToString())
    return Reader(Attachments([]), torch.device("cpu"), Programs()).module(message, path)


def optimization(
    module: nn.Module, optimizer: optim.Optimizer, scheduler: optim.Scheduler | None = None
) -> Optimization:
    """What a session would step this module with."""
    return Optimization(
        read(optimizer, optimizer_pb2.OptimizerSpec(), "optimizer"),
        read(scheduler, optimizer_pb2.SchedulerSpec(), "scheduler") if scheduler is not None else None,
        (scheduler.interval if scheduler is not None else None) or "step",
        dict(module.named_parameters()),
        sparse_parameters(module),
    )


def dense(bias: bool = True) -> nn.Sequential:
    """A small model, always the same."""
    torch.manual_seed(7)
    return nn.Sequential(nn.Linear(3, 16, bias), nn.ReLU(), nn.Linear(16, 4, bias))


def sparse() -> nn.Sequential:
    """A model whose first weight has sparse gradients and the others dense ones."""
    torch.manual_seed(7)
    return nn.Sequential(nn.Embedding(9, 3, sparse=True), nn.Linear(3, 4))


def loss(module: nn.Module, step: int) -> Tensor:
    """Of another batch each step, a row of it or more."""
    rows = slice(step % 5, None)
    if any(isinstance(part, nn.Embedding) for part in module.modules()):
        indices = (torch.arange(12) * (step + 3) % 9)[rows]
        output = module(indices)
        target = TARGET[rows, : output.shape[-1]]
    else:
        output, target = module(INPUT[rows]), TARGET[rows]
    return nn.MSELoss()(output, target)


def gradients(module: nn.Module, step: int) -> Callable[[], Tensor]:
    """A closure that computes them."""

    def closure() -> Tensor:
        module.zero_grad()
        value = loss(module, step)
        value.backward()
        return value

    return closure


def steps(module: nn.Module, mine: Optimization, first: int, last: int, every: int = 3) -> list[list[float]]:
    """Trains by lossd; an epoch has `every` steps. Returns the learning rates of each step."""
    seen = []
    for step in range(first, last):
        closure = gradients(module, step)
        value = float(closure().detach())
        seen.append(mine.lr)
        mine.step({}, closure if mine.needs_closure else None)
        mine.after_step(value)
        if step % every == every - 1:
            mine.after_epoch(value)
    return seen


def torch_steps(
    module: nn.Module,
    optimizers: list[torch.optim.Optimizer],
    last: int,
    schedulers: Sequence[Any] = (),
    interval: str = "step",
    every: int = 3,
) -> None:
    """Trains by torch alone."""
    for step in range(last):
        closure = gradients(module, step)
        value = float(closure().detach())
        for optimizer in optimizers:
            optimizer.step(*[closure] if isinstance(optimizer, torch.optim.LBFGS) else [])
        if interval == "step" or step % every == every - 1:
            for scheduler in schedulers:
                plateau = isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)
                scheduler.step(*[value] if plateau else [])


def carried(captured: tuple[Mapping[str, Tensor], Mapping[str, Any]]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What was captured, after a file: tensors as safetensors, facts as strict JSON."""
    tensors, facts = captured
    written = safetensors.torch.save({name: tensor.contiguous() for name, tensor in tensors.items()})
    return safetensors.torch.load(written), json.loads(json.dumps(facts, allow_nan=False))


def assert_same(given: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Bit for bit."""
    assert given.keys() == expected.keys()
    for name, value in expected.items():
        assert oracle.same_bits(given[name], value), name
