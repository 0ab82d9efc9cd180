"""Parameter groups, sparse gradients and one step's overrides against torch itself: parameters bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from congruence import optimizing, oracle
from google.protobuf import json_format
from lossd import optim
from lossd.v1 import training_service_pb2 as pb
from lossd_server.faults import Fault
from torch import nn

STEPS = 30
NAMES = ["0.weight", "0.bias", "2.weight", "2.bias"]


def parameters(module: nn.Module, *names: str) -> list[nn.Parameter]:
    return [module.get_parameter(name) for name in names]


def compare(
    optimizer: optim.Optimizer,
    torchs: Any,
    make: Any = optimizing.dense,
    rates: Sequence[float] = (),
) -> None:
    """Trains by both, lossd once through a file halfway; `torchs` makes torch's optimizers of a module."""
    expected, module = make(), make()
    optimizing.torch_steps(expected, torchs(expected), STEPS)
    first = optimizing.optimization(module, optimizer)
    assert not rates or first.lr == list(rates)
    optimizing.steps(module, first, 0, STEPS // 2)
    again = optimizing.optimization(module, optimizer)
    again.restore(*optimizing.carried(first.capture()))
    optimizing.steps(module, again, STEPS // 2, STEPS)
    optimizing.assert_same(module.state_dict(), expected.state_dict())


def test_groups_of_the_same_class_inherit() -> None:
    """What they leave out is the main one's; patterns and names both find parameters."""
    optimizer = optim.AdamW(
        lr=0.05,
        weight_decay=0.5,
        groups=[optim.Group(["*.bias"], optim.AdamW(weight_decay=0.0)), optim.Group("2.weight", optim.AdamW(lr=0.01))],
    )

    def torchs(module: nn.Module) -> list[torch.optim.Optimizer]:
        groups: list[dict[str, Any]] = [
            {"params": parameters(module, "0.weight")},
            {"params": parameters(module, "0.bias", "2.bias"), "weight_decay": 0.0},
            {"params": parameters(module, "2.weight"), "lr": 0.01},
        ]
        return [torch.optim.AdamW(groups, lr=0.05, weight_decay=0.5)]

    compare(optimizer, torchs, rates=[0.05, 0.05, 0.01])


def test_groups_of_another_class_have_their_own_defaults() -> None:
    """The usual pair: Muon for matrices, AdamW for the rest."""
    optimizer = optim.Muon(lr=0.02, weight_decay=0.3, groups=[optim.Group("*.bias", optim.AdamW())])

    def torchs(module: nn.Module) -> list[torch.optim.Optimizer]:
        return [
            torch.optim.Muon(parameters(module, "0.weight", "2.weight"), lr=0.02, weight_decay=0.3),
            torch.optim.AdamW(parameters(module, "0.bias", "2.bias")),
        ]

    compare(optimizer, torchs, rates=[0.02, 0.001])


def test_groups_may_take_all_parameters() -> None:
    optimizer = optim.SGD(
        lr=0.5, momentum=0.9, groups=[optim.Group("0.*", optim.SGD(lr=0.1)), optim.Group("[1-9].*", optim.Adamax())]
    )

    def torchs(module: nn.Module) -> list[torch.optim.Optimizer]:
        return [
            torch.optim.SGD(parameters(module, "0.weight", "0.bias"), lr=0.1, momentum=0.9),
            torch.optim.Adamax(parameters(module, "2.weight", "2.bias")),
        ]

    compare(optimizer, torchs, rates=[0.1, 0.002])


@pytest.mark.parametrize(
    ("optimizer", "field", "says"),
    [
        (optim.SGD(groups=[optim.Group("3.*", optim.SGD())]), "groups[0].parameters[0]", "names no parameter"),
        (
            optim.SGD(groups=[optim.Group("*.bias", optim.SGD()), optim.Group(["0.weight", "0.*"], optim.Adam())]),
            "groups[1].parameters",
            "0.bias is in groups 0 and 1",
        ),
        (
            optim.SGD(groups=[optim.Group("*", optim.Adam())]),
            "sgd",
            "no parameter is left for SGD",
        ),
        (
            optim.SGD(groups=[optim.Group("*.bias", optim.Adam(groups=[optim.Group("0.bias", optim.Adam())]))]),
            "groups[0].optimizer.adam",
            "cannot have groups",
        ),
        (
            optim.SGD(groups=[optim.Group("*.bias", optim.SGD(lr=-1.0))]),
            "groups[0].optimizer.sgd.lr",
            "Invalid learning rate",
        ),
        (
            optim.SGD(groups=[optim.Group("*.bias", optim.SGD(nesterov=True))]),
            "groups[0].optimizer.sgd.nesterov",
            "Nesterov",
        ),
        (
            optim.Adam(groups=[optim.Group("*.bias", optim.Adam(betas=(0.9,)))]),
            "groups[0].optimizer.adam.betas",
            "expected 2",
        ),
        (
            optim.Adagrad(groups=[optim.Group("*.bias", optim.Adagrad(initial_accumulator_value=0.1))]),
            "groups[0].optimizer.adagrad.initial_accumulator_value",
            "from the optimizer and not from its groups",
        ),
        (optim.SGD(groups=[optim.Group("*.bias", optim.Muon())]), "groups[0].optimizer.muon", "matrices alone"),
        (optim.LBFGS(groups=[optim.Group("*.bias", optim.SGD())]), "groups[0]", "leave the groups out"),
        (optim.SGD(groups=[optim.Group("*.bias", optim.LBFGS())]), "groups[0]", "leave the groups out"),
        (optim.SGD(groups=[optim.Group(["*"] * 257, optim.SGD())]), "groups[0].parameters", "1 to 256"),
        (optim.SGD(groups=[optim.Group("*.bias", optim.SGD())] * 65), "sgd", "at most 64"),
    ],
    ids=str,
)
def test_groups_that_mean_nothing_are_refused(optimizer: optim.Optimizer, field: str, says: str) -> None:
    with pytest.raises(Fault, match=says) as refused:
        optimizing.optimization(optimizing.dense(), optimizer)
    assert refused.value.field == f"optimizer.{field}"


def test_a_group_within_the_main_ones_arguments_is_checked_with_them() -> None:
    """Nesterov's momentum that only a group takes away."""
    optimizer = optim.SGD(momentum=0.9, nesterov=True, groups=[optim.Group("*.bias", optim.SGD(momentum=0.0))])
    with pytest.raises(Fault, match="Nesterov") as refused:
        optimizing.optimization(optimizing.dense(), optimizer)
    assert refused.value.field == "optimizer.groups[0].optimizer.sgd"


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("SparseAdam", {}),
        ("SparseAdam", {"lr": 0.1, "betas": (0.5, 0.9), "eps": 0.1, "maximize": True}),
        ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        ("Adagrad", {"lr": 0.1, "lr_decay": 0.1}),
    ],
    ids=str,
)
def test_sparse_gradients_go_with_dense_ones_in_groups(kind: str, arguments: dict[str, Any]) -> None:
    """SGD's momentum of them is sparse itself and survives a file."""
    group = optim.Group("1.*", optim.Adam(lr=0.01))

    def torchs(module: nn.Module) -> list[torch.optim.Optimizer]:
        return [
            getattr(torch.optim, kind)(parameters(module, "0.weight"), **arguments),
            torch.optim.Adam(parameters(module, "1.weight", "1.bias"), lr=0.01),
        ]

    compare(getattr(optim, kind)(**arguments, groups=[group]), torchs, optimizing.sparse)


@pytest.mark.parametrize("kind", ["SGD", "Adagrad", "LBFGS"])
def test_some_take_sparse_and_dense_gradients(kind: str) -> None:
    def torchs(module: nn.Module) -> list[torch.optim.Optimizer]:
        return [getattr(torch.optim, kind)(module.parameters(), lr=0.1)]

    compare(getattr(optim, kind)(lr=0.1), torchs, optimizing.sparse)


TAKE_SPARSE = {"SGD", "Adagrad", "SparseAdam", "LBFGS"}
KINDS = [name for name, kind in vars(torch.optim).items() if isinstance(kind, type) and name != "Optimizer"]


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_that_an_optimizer_does_not_take_are_refused_before_the_first_step(kind: str) -> None:
    """Exactly where torch refuses them in it, which names neither the parameters nor the remedy."""
    module = nn.Sequential(nn.Embedding(9, 4, sparse=True))
    local = [getattr(torch.optim, kind)(module.parameters())]
    if kind in TAKE_SPARSE:
        optimizing.torch_steps(module, local, 1)
        optimizing.steps(module, optimizing.optimization(module, getattr(optim, kind)()), 0, 1)
        return
    with pytest.raises(RuntimeError, match="sparse"):
        optimizing.torch_steps(module, local, 1)
    with pytest.raises(Fault, match=r"takes no sparse gradients, and 0\.weight has them") as refused:
        optimizing.optimization(module, getattr(optim, kind)())
    assert refused.value.field == f"optimizer.{kind.lower()}"


@pytest.mark.parametrize("field", ["clip_grad_norm", "clip_grad_value"])
def test_sparse_gradients_are_not_clipped(field: str) -> None:
    """As torch cannot either; a session says so when it is made, and not in its first step."""
    gradient = torch.sparse_coo_tensor([[0]], [[1.0, 1.0]], (3, 2), check_invariants=True)
    parameter = nn.Parameter(torch.zeros(3, 2))
    parameter.grad = gradient
    with pytest.raises((RuntimeError, NotImplementedError), match="Sparse"):
        getattr(nn.utils, f"{field}_")([parameter], 1.0)
    embedding = {"num_embeddings": 5, "embedding_dim": 2, "sparse": True}
    given = {
        "model": {
            "sequential": {"modules": [{"embedding": embedding}, {"linear": {"in_features": 2, "out_features": 1}}]}
        },
        "loss": {"mse_loss": {}},
        "optimizer": {"sgd": {"lr": 0.1}},
        field: {"max_norm": 1.0} if field == "clip_grad_norm" else 1.0,
    }
    request = json_format.ParseDict(given, pb.CreateSessionRequest())
    with pytest.raises(oracle.Refused, match=r"0\.weight has sparse ones") as refused:
        oracle.run(oracle.new_worker(), "CreateSession", request, (), pb.CreateSessionResponse)
    assert (refused.value.reason, refused.value.field) == ("UNSUPPORTED", field)


def test_dense_gradients_are_refused_by_sparse_adam() -> None:
    with pytest.raises(Fault, match=r"1\.weight, 1\.bias has dense ones: put it into a group") as refused:
        optimizing.optimization(optimizing.sparse(), optim.SparseAdam())
    assert (refused.value.reason, refused.value.field) == ("UNSUPPORTED", "optimizer.sparse_adam")


@pytest.mark.parametrize("kind", ["SGD", "Adagrad"])
def test_sparse_gradients_are_not_decayed(kind: str) -> None:
    """Nor by a decay that a group inherits."""
    make = getattr(optim, kind)
    with pytest.raises(Fault, match=r"0\.weight") as refused:
        optimizing.optimization(optimizing.sparse(), make(weight_decay=0.1))
    assert refused.value.field.endswith(".weight_decay")
    with pytest.raises(Fault, match=r"0\.weight"):
        optimizing.optimization(optimizing.sparse(), make(weight_decay=0.1, groups=[optim.Group("0.*", make(lr=0.1))]))
    optimizing.optimization(
        optimizing.sparse(), make(weight_decay=0.1, groups=[optim.Group("0.*", make(weight_decay=0.0))])
    )


@pytest.mark.parametrize(
    ("kind", "arguments", "overrides"),
    [
        ("SGD", {"lr": 0.1, "momentum": 0.5}, {"lr": 0.3, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.2}),
        ("SGD", {"lr": 0.1}, {"momentum": 0.9}),
        ("Adam", {}, {"lr": 0.1, "eps": 0.1, "weight_decay": 0.1}),
        ("RMSprop", {"momentum": 0.5}, {"alpha": 0.5, "momentum": 0.0}),
        ("ASGD", {}, {"lr": 0.5, "lambd": 0.1, "alpha": 0.5, "t0": 2.0}),
        ("Adafactor", {}, {"lr": 0.1, "d": 2.0, "beta2_decay": -0.5}),
        ("NAdam", {}, {"momentum_decay": 0.1}),
        ("LBFGS", {"lr": 0.1}, {"lr": 0.2, "tolerance_grad": 0.01}),
    ],
    ids=str,
)
def test_overrides_hold_for_one_step(kind: str, arguments: dict[str, Any], overrides: dict[str, float]) -> None:
    """As if torch's groups were set before the step and set back after it."""
    expected, module, plain = optimizing.dense(), optimizing.dense(), optimizing.dense()
    local = getattr(torch.optim, kind)(expected.parameters(), **arguments)
    mine = optimizing.optimization(module, getattr(optim, kind)(**arguments))
    optimizing.steps(plain, optimizing.optimization(plain, getattr(optim, kind)(**arguments)), 0, STEPS)
    (group,) = local.param_groups
    before = {name: group[name] for name in overrides}
    for step in range(STEPS):
        given = overrides if step in (2, 7, 8) else {}
        closures = [optimizing.gradients(of, step) for of in (expected, module)]
        for closure in closures:
            closure()
        group.update(given)
        local.step(*closures[:1] if kind == "LBFGS" else [])
        group.update(before)
        mine.step(given, closures[1] if mine.needs_closure else None)
        assert mine.lr == [group["lr"]]
    optimizing.assert_same(module.state_dict(), expected.state_dict())
    assert not all(map(torch.equal, module.parameters(), plain.parameters()))


def test_overrides_reach_every_group_that_has_them() -> None:
    optimizer = optim.Muon(groups=[optim.Group("*.bias", optim.AdamW(lr=0.5))])
    expected, module = optimizing.dense(), optimizing.dense()
    muon = torch.optim.Muon(parameters(expected, "0.weight", "2.weight"), lr=0.3, momentum=0.5)
    adamw = torch.optim.AdamW(parameters(expected, "0.bias", "2.bias"), lr=0.3)
    optimizing.torch_steps(expected, [muon, adamw], 1)
    mine = optimizing.optimization(module, optimizer)
    optimizing.gradients(module, 0)()
    mine.step({"lr": 0.3, "momentum": 0.5})
    optimizing.assert_same(module.state_dict(), expected.state_dict())
    assert mine.lr == [0.001, 0.5]


@pytest.mark.parametrize(
    ("kind", "arguments", "overrides", "reason", "field", "says"),
    [
        ("SGD", {}, {"rl": 1.0}, "UNKNOWN_NAME", ".rl", "there are dampening, lr, momentum, weight_decay"),
        ("SGD", {}, {"maximize": 1.0}, "UNKNOWN_NAME", ".maximize", "there are"),
        ("Adam", {}, {"betas": 0.5}, "UNKNOWN_NAME", ".betas", "there are eps, lr, weight_decay"),
        ("LBFGS", {}, {"max_iter": 3.0}, "UNKNOWN_NAME", ".max_iter", "there are"),
        ("Muon", {}, {"ns_steps": 3.0}, "UNKNOWN_NAME", ".ns_steps", "there are"),
        ("SGD", {}, {"lr": -1.0}, "ARGUMENT_OUT_OF_RANGE", ".lr", "Invalid learning rate"),
        ("SGD", {}, {"lr": float("nan")}, "ARGUMENT_OUT_OF_RANGE", ".lr", "finite"),
        ("Adam", {}, {"lr": 0.1, "eps": -1.0}, "ARGUMENT_OUT_OF_RANGE", ".eps", "Invalid epsilon"),
        (
            "SGD",
            {"momentum": 0.9, "nesterov": True},
            {"momentum": 0.0},
            "ARGUMENT_OUT_OF_RANGE",
            ".momentum",
            "Nesterov",
        ),
        ("RMSprop", {}, {"momentum": 0.9}, "UNSUPPORTED", ".momentum", "keeps no buffer"),
    ],
    ids=str,
)
def test_overrides_are_checked_as_arguments_are(
    kind: str, arguments: dict[str, Any], overrides: dict[str, float], reason: str, field: str, says: str
) -> None:
    """A step that is refused changes nothing."""
    module = optimizing.dense(kind != "Muon")
    mine = optimizing.optimization(module, getattr(optim, kind)(**arguments))
    optimizing.gradients(module, 0)()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with pytest.raises(Fault, match=says) as refused:
        mine.step(overrides)
    assert (refused.value.reason, refused.value.field) == (reason, f"overrides{field}")
    optimizing.assert_same(module.state_dict(), before)
    assert mine.capture()[1] == optimizing.optimization(module, getattr(optim, kind)(**arguments)).capture()[1]


def test_a_step_that_fails_restores_overrides_and_all_optimizers() -> None:
    """The second optimizer fails in its fourth step, when the first has stepped; then as if it had not been."""
    # ASGD divides by zero once 1 + lambd·lr·step is 0.
    optimizer = optim.Adam(lr=0.1, groups=[optim.Group("2.*", optim.ASGD(lr=1.0, lambd=-0.25))])
    module = optimizing.dense()
    mine = optimizing.optimization(module, optimizer)
    optimizing.steps(module, mine, 0, 3)
    before = optimizing.carried(mine.capture())
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    optimizing.gradients(module, 3)()
    with pytest.raises(Fault, match="nothing was changed"):
        mine.step({"weight_decay": 0.5})
    optimizing.assert_same(module.state_dict(), state)
    tensors, facts = mine.capture()
    optimizing.assert_same(tensors, before[0])
    assert facts == before[1]
