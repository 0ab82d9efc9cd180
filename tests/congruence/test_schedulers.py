"""Every scheduler of torch.optim.lr_scheduler against torch itself: parameters and groups bit for bit."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import fields
from typing import Any

import pytest
import torch
from congruence import optimizing
from lossd import optim, spec
from lossd.optim import lr_scheduler
from lossd.v1 import optimizer_pb2
from lossd_server.faults import Fault
from torch import nn
from torch.optim import lr_scheduler as theirs

STEPS = 40

NOT_OFFERED = {
    "LRScheduler": "the base of the others",
    "_LRScheduler": "its older name",
    "LambdaLR": "takes code",
    "MultiplicativeLR": "takes code",
}
NOT_ARGUMENTS = {
    "optimizer": "the session's",
    "last_epoch": "a session starts at its beginning, and keeps its place",
    "scale_fn": "is code",
    "scale_mode": "says what scale_fn takes",
}

ARGUMENTS: dict[str, list[dict[str, Any]]] = {
    "StepLR": [{"step_size": 7}, {"step_size": 3, "gamma": 0.7}],
    "MultiStepLR": [{"milestones": [3, 9]}, {"milestones": [9, 3, 3], "gamma": 0.5}],
    "ConstantLR": [{}, {"factor": 0.1, "total_iters": 9}, {"total_iters": 0}],
    "LinearLR": [{}, {"start_factor": 0.01, "end_factor": 0.5, "total_iters": 11}],
    "ExponentialLR": [{"gamma": 0.9}, {"gamma": 1.01}],
    "PolynomialLR": [{}, {"total_iters": 30, "power": 2.5}],
    "CosineAnnealingLR": [{"T_max": 5}, {"T_max": 12, "eta_min": 0.001}],
    "CosineAnnealingWarmRestarts": [{"T_0": 4}, {"T_0": 3, "T_mult": 2, "eta_min": 0.01}],
    "OneCycleLR": [
        {"max_lr": 0.1, "total_steps": STEPS},
        {"max_lr": 0.1, "epochs": 5, "steps_per_epoch": 8, "anneal_strategy": "linear", "three_phase": True},
        {
            "max_lr": 0.2,
            "total_steps": 45,
            "pct_start": 0.5,
            "base_momentum": 0.5,
            "max_momentum": 0.7,
            "div_factor": 3.0,
            "final_div_factor": 10.0,
        },
        {"max_lr": 0.1, "total_steps": STEPS, "cycle_momentum": False},
    ],
    "CyclicLR": [
        {"base_lr": 0.001, "max_lr": 0.1, "step_size_up": 4},
        {"base_lr": 0.001, "max_lr": 0.1, "step_size_up": 4, "step_size_down": 7, "mode": "triangular2"},
        {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 3, "mode": "exp_range", "gamma": 0.9, "base_momentum": 0.1},
        {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 5, "max_momentum": 0.95, "cycle_momentum": True},
        {"base_lr": 0.01, "max_lr": 0.1, "cycle_momentum": False, "step_size_up": 2},
    ],
    "ReduceLROnPlateau": [
        {"patience": 1},
        {"patience": 0, "factor": 0.5, "threshold": 0.5, "threshold_mode": "abs", "cooldown": 2, "min_lr": 1e-4},
        {"mode": "max", "patience": 2, "threshold": 0.1, "threshold_mode": "rel", "eps": 1e-3},
    ],
}
"""Arguments of those that are made of none."""
PARTS: dict[str, tuple[list[tuple[str, dict[str, Any]]], dict[str, Any]]] = {
    "SequentialLR": (
        [
            ("LinearLR", {"total_iters": 4}),
            ("CosineAnnealingWarmRestarts", {"T_0": 5}),
            ("MultiStepLR", {"milestones": [2]}),
        ],
        {"milestones": [5, 20]},
    ),
    "ChainedScheduler": (
        [("ConstantLR", {"total_iters": 4}), ("ExponentialLR", {"gamma": 0.95}), ("StepLR", {"step_size": 6})],
        {},
    ),
}
OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    ("Adam", {"lr": 0.01, "amsgrad": True}),
    ("RMSprop", {"lr": 0.01, "momentum": 0.5}),
]
CASES = [(name, arguments) for name in ARGUMENTS for arguments in ARGUMENTS[name]] + [(name, {}) for name in PARTS]


def mine(name: str, arguments: dict[str, Any], interval: Any = None) -> lr_scheduler.Scheduler:
    parts, more = PARTS.get(name, ([], {}))
    given = {**arguments, **more}
    if parts:
        given["schedulers"] = [getattr(lr_scheduler, kind)(**inner) for kind, inner in parts]
    made: lr_scheduler.Scheduler = getattr(lr_scheduler, name)(interval=interval, **given)
    return made


def torchs(name: str, arguments: dict[str, Any], optimizer: torch.optim.Optimizer) -> Any:
    parts, more = PARTS.get(name, ([], {}))
    given = {**arguments, **more}
    if parts:
        given["schedulers"] = [getattr(theirs, kind)(optimizer, **inner) for kind, inner in parts]
    return getattr(theirs, name)(optimizer=optimizer, **given)


def values(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    return [{name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups]


def test_every_scheduler_of_torch_is_offered() -> None:
    """In torch, the contract and the SDK alike, but for those named here with their reasons."""
    known = {
        name
        for name, value in vars(theirs).items()
        if isinstance(value, type) and issubclass(value, theirs.LRScheduler)
    }
    assert known == ARGUMENTS.keys() | PARTS.keys() | NOT_OFFERED.keys()
    assert spec.members(optimizer_pb2.SchedulerSpec.DESCRIPTOR).keys() == ARGUMENTS.keys() | PARTS.keys()


@pytest.mark.parametrize("name", [*ARGUMENTS, *PARTS])
def test_every_argument_of_torch_is_a_field_and_is_tested(name: str) -> None:
    """All but those named here with their reasons; the docstring tells torch's defaults."""
    signature = inspect.signature(getattr(theirs, name)).parameters
    arguments = signature.keys() - NOT_ARGUMENTS.keys()
    assert {field.name for field in getattr(optimizer_pb2, name).DESCRIPTOR.fields} == arguments
    assert {field.name for field in fields(getattr(lr_scheduler, name))} == arguments | {"interval"}
    tested = {argument for given in ARGUMENTS.get(name, []) for argument in given} | {*PARTS.get(name, ([], {}))[1]}
    assert tested | ({"schedulers"} if name in PARTS else set()) == arguments
    text = inspect.getdoc(getattr(lr_scheduler, name)) or ""
    said = dict(re.findall(r"^    (\w+): (.*(?:\n        .*)*)", text, re.MULTILINE))
    assert said.keys() == arguments
    for argument in arguments:
        default = re.search(r"[Dd]efault (\S+)\.$", " ".join(said[argument].split()))
        required = signature[argument].default is inspect.Parameter.empty
        assert (default is None) == required, argument
        if default is not None:
            one, _, other = default[1].partition("/")
            value = ast.literal_eval(one) / ast.literal_eval(other) if other else ast.literal_eval(one)
            assert value == signature[argument].default, argument


@pytest.mark.parametrize(
    ("optimizer", "own", "interval"),
    [(*OPTIMIZERS[0], "step"), (*OPTIMIZERS[0], "epoch"), (*OPTIMIZERS[1], "step"), (*OPTIMIZERS[2], "epoch")],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)
def test_schedules_are_torchs(
    name: str, arguments: dict[str, Any], optimizer: str, own: dict[str, Any], interval: Any
) -> None:
    """Parameters, and all that a group holds, momenta and betas included; halfway, the session comes out of a file."""
    expected = optimizing.dense()
    local = getattr(torch.optim, optimizer)(expected.parameters(), **own)
    optimizing.torch_steps(expected, [local], STEPS, [torchs(name, arguments, local)], interval)
    specification = getattr(optim, optimizer)(**own)
    module = optimizing.dense()
    first = optimizing.optimization(module, specification, mine(name, arguments, interval))
    optimizing.steps(module, first, 0, STEPS // 2)
    again = optimizing.optimization(module, specification, mine(name, arguments, interval))
    again.restore(*optimizing.carried(first.capture()))
    optimizing.steps(module, again, STEPS // 2, STEPS)
    optimizing.assert_same(module.state_dict(), expected.state_dict())
    assert again.lr == [group["lr"] for group in local.param_groups]
    assert values(again._optimizers[0]) == values(local)


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)
def test_every_schedule_changes_something(name: str, arguments: dict[str, Any]) -> None:
    """So that the test above would see a schedule that is ignored."""
    module = optimizing.dense()
    seen = optimizing.steps(
        module, optimizing.optimization(module, optim.SGD(lr=0.05), mine(name, arguments)), 0, STEPS
    )
    changes = len({tuple(lr) for lr in seen}) > 1
    assert changes == (arguments != {"total_iters": 0})


def test_a_schedule_by_epochs_waits_for_them() -> None:
    module = optimizing.dense()
    mine_ = optimizing.optimization(module, optim.SGD(lr=1.0), lr_scheduler.StepLR(step_size=1, interval="epoch"))
    assert optimizing.steps(module, mine_, 0, 7) == [[1.0]] * 3 + [[0.1]] * 3 + [[0.1 * 0.1]]


def test_the_end_of_a_schedule_refuses_the_step_before_it_is_made() -> None:
    """torch makes the step and fails after it; what comes before is torch's."""
    expected = optimizing.dense()
    local = torch.optim.SGD(expected.parameters(), lr=0.1, momentum=0.9)
    scheduler = theirs.OneCycleLR(local, 0.1, total_steps=5)
    optimizing.torch_steps(expected, [local], 5, [scheduler])
    with pytest.raises(ValueError, match="Tried to step 6 times"):
        scheduler.step()
    module = optimizing.dense()
    cycle = lr_scheduler.OneCycleLR(max_lr=0.1, total_steps=5)
    mine_ = optimizing.optimization(module, optim.SGD(lr=0.1, momentum=0.9), cycle)
    optimizing.steps(module, mine_, 0, 5)
    before = optimizing.carried(mine_.capture())
    for _ in range(2):
        optimizing.gradients(module, 5)()
        with pytest.raises(Fault, match=r"Tried to step 6 times.*nothing was changed") as refused:
            mine_.step()
        assert (refused.value.reason, refused.value.field) == ("SESSION_STATE", "scheduler")
    optimizing.assert_same(module.state_dict(), expected.state_dict())
    after = mine_.capture()
    assert after[1] == before[1]
    optimizing.assert_same(after[0], before[0])


def test_an_epoch_that_a_schedule_could_not_end_is_not_begun() -> None:
    module = optimizing.dense()
    cycle = lr_scheduler.OneCycleLR(max_lr=0.1, total_steps=2, interval="epoch")
    mine_ = optimizing.optimization(module, optim.SGD(momentum=0.9), cycle)
    optimizing.steps(module, mine_, 0, 6)
    with pytest.raises(Fault, match="could not go on"):
        mine_.step()


FAULTS: list[tuple[lr_scheduler.Scheduler, str, str]] = [
    (lr_scheduler.StepLR(step_size=0), "ARGUMENT_OUT_OF_RANGE", "step_lr.step_size"),
    (lr_scheduler.StepLR(step_size=2, gamma=float("nan")), "ARGUMENT_OUT_OF_RANGE", "step_lr.gamma"),
    (lr_scheduler.MultiStepLR(milestones=[]), "MISSING_FIELD", "multi_step_lr.milestones"),
    (lr_scheduler.ConstantLR(factor=1.5), "ARGUMENT_OUT_OF_RANGE", "constant_lr.factor"),
    (lr_scheduler.ConstantLR(factor=0.0), "ARGUMENT_OUT_OF_RANGE", "constant_lr.factor"),
    (lr_scheduler.LinearLR(start_factor=0.0), "ARGUMENT_OUT_OF_RANGE", "linear_lr.start_factor"),
    (lr_scheduler.LinearLR(end_factor=1.5), "ARGUMENT_OUT_OF_RANGE", "linear_lr.end_factor"),
    (lr_scheduler.CosineAnnealingLR(T_max=0), "ARGUMENT_OUT_OF_RANGE", "cosine_annealing_lr.T_max"),
    (
        lr_scheduler.CosineAnnealingWarmRestarts(T_0=0),
        "ARGUMENT_OUT_OF_RANGE",
        "cosine_annealing_warm_restarts.T_0",
    ),
    (
        lr_scheduler.CosineAnnealingWarmRestarts(T_0=1, T_mult=0),
        "ARGUMENT_OUT_OF_RANGE",
        "cosine_annealing_warm_restarts.T_mult",
    ),
    (lr_scheduler.OneCycleLR(max_lr=0.1), "MISSING_FIELD", "one_cycle_lr.total_steps"),
    (lr_scheduler.OneCycleLR(max_lr=0.1, epochs=3), "MISSING_FIELD", "one_cycle_lr.total_steps"),
    (lr_scheduler.OneCycleLR(max_lr=0.1, total_steps=0), "ARGUMENT_OUT_OF_RANGE", "one_cycle_lr.total_steps"),
    (
        lr_scheduler.OneCycleLR(max_lr=0.1, epochs=0, steps_per_epoch=1),
        "ARGUMENT_OUT_OF_RANGE",
        "one_cycle_lr.epochs",
    ),
    (
        lr_scheduler.OneCycleLR(max_lr=0.1, epochs=1, steps_per_epoch=-1),
        "ARGUMENT_OUT_OF_RANGE",
        "one_cycle_lr.steps_per_epoch",
    ),
    (
        lr_scheduler.OneCycleLR(max_lr=0.1, total_steps=9, pct_start=1.5),
        "ARGUMENT_OUT_OF_RANGE",
        "one_cycle_lr.pct_start",
    ),
    (lr_scheduler.OneCycleLR(max_lr=0.1, total_steps=10, pct_start=0.1), "ARGUMENT_OUT_OF_RANGE", "one_cycle_lr"),
    (
        lr_scheduler.OneCycleLR(max_lr=0.1, total_steps=9, div_factor=0.0),
        "ARGUMENT_OUT_OF_RANGE",
        "one_cycle_lr.div_factor",
    ),
    (
        lr_scheduler.OneCycleLR(max_lr=[0.1, 0.2], total_steps=9),
        "ARGUMENT_OUT_OF_RANGE",
        "one_cycle_lr.max_lr",
    ),
    (
        lr_scheduler.CyclicLR(base_lr=0.1, max_lr=0.2, step_size_up=0),
        "ARGUMENT_OUT_OF_RANGE",
        "cyclic_lr.step_size_up",
    ),
    (lr_scheduler.ReduceLROnPlateau(factor=1.0), "ARGUMENT_OUT_OF_RANGE", "reduce_lr_on_plateau.factor"),
    (lr_scheduler.SequentialLR(schedulers=[], milestones=[]), "ARGUMENT_OUT_OF_RANGE", "sequential_lr"),
    (lr_scheduler.ChainedScheduler(schedulers=[]), "ARGUMENT_OUT_OF_RANGE", "chained_scheduler"),
    (
        lr_scheduler.SequentialLR(schedulers=[lr_scheduler.LinearLR()] * 2, milestones=[]),
        "ARGUMENT_OUT_OF_RANGE",
        "sequential_lr",
    ),
    (
        lr_scheduler.SequentialLR(schedulers=[lr_scheduler.LinearLR()] * 3, milestones=[5, 5]),
        "ARGUMENT_OUT_OF_RANGE",
        "sequential_lr.milestones",
    ),
    (
        lr_scheduler.SequentialLR(
            schedulers=[lr_scheduler.LinearLR(), lr_scheduler.ReduceLROnPlateau()], milestones=[5]
        ),
        "UNSUPPORTED",
        "sequential_lr.schedulers[1].reduce_lr_on_plateau",
    ),
    (
        lr_scheduler.SequentialLR(
            schedulers=[
                lr_scheduler.LinearLR(),
                lr_scheduler.ChainedScheduler(schedulers=[lr_scheduler.LinearLR()]),
            ],
            milestones=[5],
        ),
        "UNSUPPORTED",
        "sequential_lr.schedulers[1].chained_scheduler",
    ),
    (
        lr_scheduler.ChainedScheduler(schedulers=[lr_scheduler.LinearLR(), lr_scheduler.StepLR(step_size=0)]),
        "ARGUMENT_OUT_OF_RANGE",
        "chained_scheduler.schedulers[1].step_lr.step_size",
    ),
    (
        lr_scheduler.ChainedScheduler(schedulers=[lr_scheduler.LinearLR(interval="epoch")]),
        "ARGUMENT_OUT_OF_RANGE",
        "chained_scheduler.schedulers[0].interval",
    ),
    (lr_scheduler.ChainedScheduler(schedulers=[lr_scheduler.LinearLR()] * 65), "LIMIT_EXCEEDED", "chained_scheduler"),
]


@pytest.mark.parametrize(("scheduler", "reason", "field"), FAULTS, ids=str)
def test_what_torch_does_not_take_is_refused_by_field(
    scheduler: lr_scheduler.Scheduler, reason: str, field: str
) -> None:
    """What torch finds out only after some steps included."""
    with pytest.raises(Fault) as refused:
        optimizing.optimization(optimizing.dense(), optim.SGD(), scheduler)
    assert (refused.value.reason, refused.value.field) == (reason, f"scheduler.{field}")


def test_choices_that_are_not_made_are_refused() -> None:
    message = optimizer_pb2.SchedulerSpec(reduce_lr_on_plateau=optimizer_pb2.ReduceLROnPlateau(mode=0))
    read = spec.read(message)
    assert isinstance(read, lr_scheduler.ReduceLROnPlateau)
    given = optimizing.Reader(optimizing.Attachments([]), torch.device("cpu"), optimizing.Programs()).module(
        message, "x"
    )
    with pytest.raises(Fault, match="leave it out") as refused:
        optimizing.Optimization(
            optimizing.read(optim.SGD(), optimizer_pb2.OptimizerSpec(), "optimizer"),
            given,
            "step",
            dict(optimizing.dense().named_parameters()),
        )
    assert refused.value.field == "x.reduce_lr_on_plateau.mode"


@pytest.mark.parametrize("kind", ["OneCycleLR", "CyclicLR"])
def test_momentum_that_an_optimizer_lacks_is_refused_with_the_remedy(kind: str) -> None:
    arguments: dict[str, Any] = {"max_lr": 0.1, **({"total_steps": 9} if kind == "OneCycleLR" else {"base_lr": 0.01})}
    make = getattr(lr_scheduler, kind)
    with pytest.raises(Fault, match="set cycle_momentum to false") as refused:
        optimizing.optimization(optimizing.dense(), optim.Adagrad(), make(**arguments))
    assert refused.value.field.endswith(".cycle_momentum")
    optimizing.optimization(optimizing.dense(), optim.Adagrad(), make(**arguments, cycle_momentum=False))


def test_each_group_may_have_its_own_number() -> None:
    """In the order of `lr`, also where groups have optimizers of their own."""
    groups = [
        optim.Group("0.bias", optim.Adam(betas=(0.5, 0.9))),
        optim.Group("2.bias", optim.SGD(lr=0.3, momentum=0.2)),
    ]
    cycle = lr_scheduler.OneCycleLR(max_lr=[0.1, 0.2, 0.3], total_steps=STEPS, max_momentum=[0.9, 0.8, 0.7])
    module, expected = optimizing.dense(), optimizing.dense()
    mine_ = optimizing.optimization(module, optim.SGD(lr=0.1, momentum=0.5, groups=groups), cycle)
    weights = [expected.get_parameter("0.weight"), expected.get_parameter("2.weight")]
    sgd = torch.optim.SGD(
        [{"params": weights}, {"params": [expected.get_parameter("2.bias")], "lr": 0.3, "momentum": 0.2}],
        lr=0.1,
        momentum=0.5,
    )
    adam = torch.optim.Adam([expected.get_parameter("0.bias")], betas=(0.5, 0.9))
    schedulers = [
        theirs.OneCycleLR(sgd, [0.1, 0.3], total_steps=STEPS, max_momentum=[0.9, 0.7]),
        theirs.OneCycleLR(adam, [0.2], total_steps=STEPS, max_momentum=[0.8]),
    ]
    optimizing.torch_steps(expected, [sgd, adam], STEPS, schedulers)
    optimizing.steps(module, mine_, 0, STEPS)
    optimizing.assert_same(module.state_dict(), expected.state_dict())
    assert mine_.lr == [sgd.param_groups[0]["lr"], adam.param_groups[0]["lr"], sgd.param_groups[1]["lr"]]


def test_a_schedule_does_not_see_overrides() -> None:
    """Steps with other numbers between leave the learning rates of the others as they were."""
    rates = []
    for overrides in ({}, {"lr": 5.0, "momentum": 0.1}):
        module = nn.Linear(3, 4)
        mine_ = optimizing.optimization(module, optim.SGD(lr=0.1), lr_scheduler.ExponentialLR(gamma=0.9))
        for step in range(6):
            optimizing.gradients(module, step)()
            mine_.step(overrides if step % 2 else {})
            mine_.after_step(0.0)
        rates.append(mine_.lr)
    assert rates[0] == rates[1]
