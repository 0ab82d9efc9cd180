"""Averages of weights against torch.optim.swa_utils.AveragedModel in the same loop: bit for bit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from congruence import optimizing
from lossd import spec
from lossd.optim import Averaging
from lossd.v1 import optimizer_pb2
from lossd_server.faults import Fault
from lossd_server.training.averaging import Average
from lossd_server.worker.programs import Programs
from lossd_server.worker.specs import Reader
from lossd_server.worker.tensors import Attachments
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

STEPS = 24


def model() -> nn.Module:
    torch.manual_seed(7)
    return nn.Sequential(nn.Linear(3, 16), nn.BatchNorm1d(16), nn.Linear(16, 4))


def average(module: nn.Module, **arguments: Any) -> Average:
    """As the worker builds it from the SDK's words."""
    message = spec.fill(Averaging(**arguments), optimizer_pb2.Averaging())
    reader = Reader(Attachments([]), torch.device("cpu"), Programs())
    return Average(module, reader.arguments(message, "averaging"))


@pytest.mark.parametrize("use_buffers", [None, False, True])
@pytest.mark.parametrize("decay", [None, 0.0, 0.9, 0.999, 1.0])
@pytest.mark.parametrize(("start", "every"), [(None, None), (5, None), (None, 3), (4, 5), (99, None)])
def test_averages_are_torchs(
    decay: float | None, start: int | None, every: int | None, use_buffers: bool | None
) -> None:
    """Exponential and equal weights, from any step, every so many; halfway the average comes out of a file."""
    arguments = {"decay": decay, "start_step": start, "every_steps": every, "use_buffers": use_buffers}
    module = model()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05)
    averaging = {} if decay is None else {"multi_avg_fn": get_ema_multi_avg_fn(decay)}
    expected = AveragedModel(module, use_buffers=bool(use_buffers), **averaging)
    mine = average(module, **arguments)
    begun = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    for step in range(1, STEPS + 1):
        optimizing.gradients(module, step)()
        optimizer.step()
        if step >= (start or 1) and (step - (start or 1)) % (every or 1) == 0:
            expected.update_parameters(module)
        mine.update(module)
        if step == STEPS // 2:
            captured = optimizing.carried(mine.capture())
            mine = average(model(), **arguments)
            mine.restore(*captured)
    optimizing.assert_same(mine.module.state_dict(), expected.module.state_dict())
    unchanged = all(torch.equal(mine.module.state_dict()[name], begun[name]) for name in begun)
    assert unchanged == (start == 99)


def test_an_average_is_apart_from_its_model() -> None:
    """Neither changes the other."""
    module = model()
    mine = average(module, decay=0.5)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    mine.update(module)
    with torch.no_grad():
        for parameter in mine.module.parameters():
            parameter.zero_()
    optimizing.assert_same(module.state_dict(), before)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("decay", -0.1),
        ("decay", 1.1),
        ("decay", float("nan")),
        ("start_step", 0),
        ("every_steps", 0),
        ("every_steps", -3),
    ],
)
def test_what_means_nothing_is_refused(name: str, value: float) -> None:
    with pytest.raises(Fault, match=f"{name} is") as refused:
        average(model(), **{name: value})
    assert (refused.value.reason, refused.value.field) == ("ARGUMENT_OUT_OF_RANGE", f"averaging.{name}")
