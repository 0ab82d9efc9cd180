"""Every optimizer of torch.optim, and clipping, against a local torch loop: parameters bit for bit after 50 steps."""

from __future__ import annotations

import ast
import asyncio
import inspect
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import lossd
import numpy as np
import pytest
import torch
from congruence import optimizing, oracle
from congruence.optimizing import INPUT, TARGET
from lossd import optim, spec
from lossd.v1 import loss_pb2, model_pb2, optimizer_pb2
from lossd.v1 import training_service_pb2 as training
from lossd_server.training import plain
from lossd_server.training.rollback import Rollback, _cannot_fail
from lossd_server.worker.worker import Worker
from running import RunningServer
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils._python_dispatch import TorchDispatchMode

STEPS = 50
MADE: dict[str, tuple[nn.Module, list[Any]]] = {}
"""What `local_steps` has made."""

NOT_OFFERED = {
    "Optimizer": "the base of the others",
}
CHOOSE_AN_IMPLEMENTATION = {"foreach", "fused", "capturable", "differentiable"}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "SGD": {
        "lr": 0.05,
        "momentum": 0.9,
        "dampening": {"dampening": 0.3, "momentum": 0.8},
        "weight_decay": 0.1,
        "nesterov": {"nesterov": True, "momentum": 0.7},
        "maximize": True,
    },
    "Adam": {
        "lr": 0.05,
        "betas": (0.7, 0.8),
        "eps": 0.1,
        "weight_decay": 0.1,
        "amsgrad": {"amsgrad": True, "lr": 0.1, "betas": (0.5, 0.6)},
        "maximize": True,
        "decoupled_weight_decay": {"decoupled_weight_decay": True, "weight_decay": 0.1},
    },
    "AdamW": {
        "lr": 0.05,
        "betas": (0.0, 0.5),
        "eps": 0.1,
        "weight_decay": 0.5,
        "amsgrad": {"amsgrad": True, "lr": 0.1, "betas": (0.5, 0.6)},
        "maximize": True,
    },
    "RMSprop": {
        "lr": 0.002,
        "alpha": 0.5,
        "eps": 0.1,
        "weight_decay": 0.1,
        "momentum": 0.9,
        "centered": True,
        "maximize": True,
    },
    "Adagrad": {
        "lr": 0.1,
        "lr_decay": 0.1,
        "weight_decay": 0.1,
        "initial_accumulator_value": 0.5,
        "eps": 0.1,
        "maximize": True,
    },
    "Adadelta": {"lr": 0.5, "rho": 0.5, "eps": 1e-3, "weight_decay": 0.1, "maximize": True},
    "Adamax": {"lr": 0.05, "betas": (0.5, 0.9), "eps": 0.1, "weight_decay": 0.1, "maximize": True},
    "NAdam": {
        "lr": 0.05,
        "betas": (0.5, 0.9),
        "eps": 0.1,
        "weight_decay": 0.1,
        "momentum_decay": 0.1,
        "decoupled_weight_decay": {"decoupled_weight_decay": True, "weight_decay": 0.1},
        "maximize": True,
    },
    "RAdam": {
        "lr": 0.05,
        "betas": (0.5, 0.9),
        "eps": 0.1,
        "weight_decay": 0.1,
        "decoupled_weight_decay": {"decoupled_weight_decay": True, "weight_decay": 0.1},
        "maximize": True,
    },
    "ASGD": {
        "lr": 0.1,
        "lambd": 0.01,
        "alpha": {"alpha": 0.1, "lambd": 0.1},
        "t0": 3.0,
        "weight_decay": 0.1,
        "maximize": True,
    },
    "Rprop": {"lr": 0.1, "etas": (0.3, 1.1), "step_sizes": (0.001, 0.02), "maximize": True},
    "Adafactor": {
        "lr": 0.2,
        "beta2_decay": -0.5,
        "eps": (0.01, 0.5),
        "d": {"d": 1.5, "beta2_decay": -3.0},
        "weight_decay": 0.1,
        "maximize": True,
    },
    "Muon": {
        "lr": 0.02,
        "weight_decay": 0.5,
        "momentum": 0.5,
        "nesterov": False,
        "ns_coefficients": (2.0, -1.5, 0.5),
        "eps": 10.0,
        "ns_steps": 2,
        "adjust_lr_fn": "match_rms_adamw",
    },
    "LBFGS": {
        "lr": 0.3,
        "max_iter": {"max_iter": 3, "lr": 0.1},
        "max_eval": {"max_eval": 2, "lr": 0.1},
        "tolerance_grad": {"tolerance_grad": 0.05, "lr": 0.1},
        "tolerance_change": {"tolerance_change": 0.05, "lr": 0.1},
        "history_size": {"history_size": 2, "lr": 0.1},
        "line_search_fn": "strong_wolfe",
    },
    "SparseAdam": {"lr": 0.05, "betas": (0.7, 0.8), "eps": 0.1, "maximize": True},
}
"""A value of each argument that is not its default, with what it needs to show an effect."""
UNSEEN = {"ASGD": {"t0"}}
"""Arguments that no parameter shows: ASGD's averages are kept beside them."""


def alone(name: str, argument: str) -> dict[str, Any]:
    value = ARGUMENTS[name][argument]
    return value if isinstance(value, dict) else {argument: value}


def together(name: str) -> dict[str, Any]:
    """All of an optimizer's values at once, where they go together."""
    merged = {key: value for argument in ARGUMENTS[name] for key, value in alone(name, argument).items()}
    if name == "SGD":
        merged["dampening"] = 0.0
    return merged


CASES = [(name, {}) for name in ARGUMENTS]
CASES += [(name, alone(name, argument)) for name in ARGUMENTS for argument in ARGUMENTS[name]]
CASES += [(name, together(name)) for name in ARGUMENTS]
CASES += [
    ("AdamW", {"lr": 0.0}),
    ("RMSprop", {"momentum": 0.5, "centered": True, "maximize": True, "weight_decay": 0.01}),
    ("Adafactor", {"eps": (None, 0.1)}),
    ("Rprop", {"etas": [0.4, 1.3]}),
    ("Muon", {"adjust_lr_fn": "original", "ns_steps": 0}),
]


DENSE = [name for name in ARGUMENTS if name != "SparseAdam"]
"""Those that train any model; of sparse gradients tell test_groups and the tests of `Optimization` below."""
CASES = [case for case in CASES if case[0] in DENSE]


def bias(name: str) -> bool:
    return name != "Muon"


def local_model(name: str) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 16, bias(name)), nn.ReLU(), nn.Linear(16, 4, bias(name)))


def model_spec(name: str) -> model_pb2.ModelSpec:
    parts = (lossd.nn.Linear(3, 16, bias(name)), lossd.nn.ReLU(), lossd.nn.Linear(16, 4, bias(name)))
    return spec.write(lossd.nn.Sequential(*parts), model_pb2.ModelSpec())


def optimizer_spec(name: str, arguments: Mapping[str, Any]) -> optimizer_pb2.OptimizerSpec:
    return spec.write(getattr(optim, name)(**arguments), optimizer_pb2.OptimizerSpec())


def torchs(name: str, module: nn.Module, arguments: Mapping[str, Any]) -> torch.optim.Optimizer:
    return getattr(torch.optim, name)(module.parameters(), **arguments)


def local_steps(name: str, arguments: Mapping[str, Any], clip: Mapping[str, Any] = {}) -> tuple[nn.Module, list[Any]]:
    """The module after fifty steps, and each step's loss and gradient norm: the first, where it is computed anew.

    Several tests compare with the same steps, so that they are made once; nobody changes the module.
    """
    known = repr((name, sorted(arguments.items()), clip))
    if known not in MADE:
        MADE[known] = make_steps(name, arguments, clip)
    return MADE[known]


def make_steps(name: str, arguments: Mapping[str, Any], clip: Mapping[str, Any]) -> tuple[nn.Module, list[Any]]:
    """The steps of `local_steps`."""
    if name == "SparseAdam":
        module = optimizing.sparse()[:1]
        optimizing.torch_steps(module, [torchs(name, module, arguments)], STEPS)
        return module, []
    torch.manual_seed(7)
    module = local_model(name)
    optimizer = torchs(name, module, arguments)
    seen = []
    for _ in range(STEPS):
        first: list[float] = []

        def closure(first: list[float] = first) -> Tensor:
            optimizer.zero_grad()
            value = nn.MSELoss()(module(INPUT), TARGET)
            value.backward()
            norm = torch.nn.utils.get_total_norm([parameter.grad for parameter in module.parameters()])
            if "norm" in clip:
                torch.nn.utils.clip_grad_norm_(module.parameters(), **clip["norm"])
            if "value" in clip:
                torch.nn.utils.clip_grad_value_(module.parameters(), clip["value"])
            first += [value.item(), norm.item()]
            return value.detach()

        if name != "LBFGS":
            closure()
        optimizer.step(*[closure] if name == "LBFGS" else [])
        seen.append(tuple(first[:2]))
    return module, seen


class Remote:
    """A session on a worker in this process."""

    def __init__(self, worker: Worker, name: str, optimizer: optimizer_pb2.OptimizerSpec, **more: Any) -> None:
        self.worker = worker
        loss = loss_pb2.LossSpec(mse_loss=loss_pb2.MSELoss())
        request = training.CreateSessionRequest(model=model_spec(name), loss=loss, optimizer=optimizer, seed=7, **more)
        self.described = oracle.run(worker, "CreateSession", request, (), training.CreateSessionResponse)[0].session

    def step(self, input_: Tensor = INPUT) -> training.TrainStepResponse:
        request = training.TrainStepRequest(session_id=self.described.session_id)
        request.inputs["input"].CopyFrom(oracle.tensor(input_, "raw", []))
        request.targets["target"].CopyFrom(oracle.tensor(TARGET, "raw", []))
        return oracle.run(self.worker, "TrainStep", request, (), training.TrainStepResponse)[0]

    def state(self) -> tuple[int, dict[str, Tensor]]:
        request = training.GetSessionStateRequest(session_id=self.described.session_id, response_encoding=2)
        answer, _ = oracle.run(self.worker, "GetSessionState", request, (), training.GetSessionStateResponse)
        return answer.step, {name: oracle.read(given, []) for name, given in answer.state_dict.items()}

    def delete(self) -> None:
        request = training.DeleteSessionRequest(session_id=self.described.session_id)
        oracle.run(self.worker, "DeleteSession", request, (), training.DeleteSessionResponse)


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()


@pytest.fixture
def sessions() -> Iterator[list[Remote]]:
    """Sessions put here are deleted after the test."""
    made: list[Remote] = []
    yield made
    for session in made:
        session.delete()


def assert_same_state(given: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    assert given.keys() == expected.keys()
    for name, value in expected.items():
        assert oracle.same_bits(given[name], value), name


def assert_steps_are_torchs(session: Remote, module: nn.Module, seen: list[Any]) -> None:
    for number, expected in enumerate(seen, 1):
        answer = session.step()
        assert np.array_equal((answer.value, answer.grad_norm), expected, equal_nan=True), number
    step, state = session.state()
    assert step == STEPS
    assert_same_state(state, module.state_dict())


def test_every_optimizer_of_torch_is_offered() -> None:
    """In torch, the contract and the SDK alike, but for those named here with their reasons."""
    theirs = {name for name, value in vars(torch.optim).items() if isinstance(value, type)}
    assert theirs == ARGUMENTS.keys() | NOT_OFFERED.keys()
    members = spec.members(optimizer_pb2.OptimizerSpec.DESCRIPTOR)
    assert dict(members) == {name: name.lower() for name in DENSE} | {"SparseAdam": "sparse_adam"}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_every_argument_of_torch_is_a_field_and_is_tested(name: str) -> None:
    """All but the parameters and what only chooses an implementation."""
    theirs = inspect.signature(getattr(torch.optim, name)).parameters.keys() - {"params"} - CHOOSE_AN_IMPLEMENTATION
    message = getattr(optimizer_pb2, name).DESCRIPTOR
    assert {field.name for field in message.fields} == theirs
    assert {field.name for field in fields(getattr(optim, name))} == theirs | {"groups"}
    assert ARGUMENTS[name].keys() == theirs
    assert all(field.has_presence or field.is_repeated for field in message.fields), "unset is not zero"


@pytest.mark.parametrize("name", ARGUMENTS)
def test_defaults_are_documented_as_torch_has_them(name: str) -> None:
    text = inspect.getdoc(getattr(optim, name)) or ""
    said = dict(re.findall(r"^    (\w+): (.*(?:\n        .*)*)", text, re.MULTILINE))
    for argument, parameter in inspect.signature(getattr(torch.optim, name)).parameters.items():
        if argument == "adjust_lr_fn":
            assert '"original" (default)' in said[argument]  # torch's None, by another name
        elif argument in said:
            default = re.search(r"[Dd]efault (\S.*)\.$", " ".join(said[argument].split()))
            assert default is not None, argument
            assert ast.literal_eval(default[1]) == parameter.default, argument
    assert said.keys() >= ARGUMENTS[name].keys()
    assert f"Reference: torch.optim.{name}" in text


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)
def test_fifty_steps_are_torchs(worker: Worker, sessions: list[Remote], name: str, arguments: dict[str, Any]) -> None:
    """Each step's loss and gradient norm, and the last parameters; the session says what it was made of."""
    module, seen = local_steps(name, arguments)
    sessions.append(session := Remote(worker, name, optimizer_spec(name, arguments)))
    assert_steps_are_torchs(session, module, seen)
    assert spec.read(session.described.optimizer) == getattr(optim, name)(**arguments)


@pytest.mark.parametrize(("name", "argument"), [(name, part) for name in ARGUMENTS for part in ARGUMENTS[name]])
def test_every_argument_changes_something(name: str, argument: str) -> None:
    """So that the test above would see an argument that is ignored."""
    arguments = alone(name, argument)
    with_it, _ = local_steps(name, arguments)
    without, _ = local_steps(name, {key: value for key, value in arguments.items() if key != argument})
    same = all(map(torch.equal, with_it.parameters(), without.parameters()))
    assert same == (argument in UNSEEN.get(name, ()))


FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("SGD", {"lr": -1.0}, "lr"),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": -0.5}, "weight_decay"),
    ("SGD", {"momentum": -0.1}, "momentum"),
    ("SGD", {"lr": 0.1, "nesterov": True}, "nesterov"),
    ("SGD", {"lr": 0.1, "nesterov": True, "momentum": 0.9, "dampening": 0.1}, "nesterov"),
    ("Adam", {"betas": (0.9,)}, "betas"),
    ("Adam", {"betas": (0.9, 0.99, 0.999)}, "betas"),
    ("Adam", {"betas": (0.9, 1.0)}, "betas"),
    ("Adam", {"lr": 0.1, "betas": (-0.1, 0.9), "amsgrad": True}, "betas"),
    ("Adam", {"eps": -1e-8}, "eps"),
    ("AdamW", {"weight_decay": -1.0}, "weight_decay"),
    ("RMSprop", {"alpha": -0.1}, "alpha"),
    ("RMSprop", {"momentum": -0.1}, "momentum"),
    ("Adagrad", {"lr_decay": -0.1}, "lr_decay"),
    ("Adagrad", {"initial_accumulator_value": -0.1}, "initial_accumulator_value"),
    ("Adadelta", {"rho": 1.5}, "rho"),
    ("Adamax", {"betas": (0.9, 1.0)}, "betas"),
    ("NAdam", {"momentum_decay": -0.1}, "momentum_decay"),
    ("RAdam", {"betas": (1.0, 0.9)}, "betas"),
    ("ASGD", {"lr": -0.1}, "lr"),
    ("Rprop", {"etas": (1.2, 0.5)}, "etas"),
    ("Rprop", {"etas": (0.5,)}, "etas"),
    ("Rprop", {"step_sizes": (0.1, 1.0, 2.0)}, "step_sizes"),
    ("Adafactor", {"beta2_decay": 0.1}, "beta2_decay"),
    ("Adafactor", {"eps": (-0.1, 0.1)}, "eps"),
    ("Adafactor", {"eps": (None, -0.1)}, "eps"),
    ("Adafactor", {"d": 0.5}, "d"),
    ("Muon", {"lr": -0.1}, "lr"),
    ("Muon", {"ns_steps": 100}, "ns_steps"),
    ("Muon", {"ns_steps": -1}, "ns_steps"),
    ("Muon", {"ns_coefficients": (1.0, 2.0)}, "ns_coefficients"),
    ("LBFGS", {"lr": -0.1}, "lr"),
    ("LBFGS", {"max_iter": 0}, "max_iter"),
    ("LBFGS", {"max_iter": 1001}, "max_iter"),
    ("LBFGS", {"max_eval": 0}, "max_eval"),
    ("LBFGS", {"max_eval": 1001}, "max_eval"),
    ("LBFGS", {"history_size": 0}, "history_size"),
]


@pytest.mark.parametrize(("name", "arguments", "field"), FAULTS, ids=str)
def test_what_torch_does_not_take_is_refused_by_field(
    worker: Worker, name: str, arguments: dict[str, Any], field: str
) -> None:
    """Before anything is built, what torch finds out in its first step included."""
    with pytest.raises(oracle.Refused) as refused:
        Remote(worker, name, optimizer_spec(name, arguments))
    assert (refused.value.code, refused.value.reason) == (3, "ARGUMENT_OUT_OF_RANGE")
    assert refused.value.field == f"optimizer.{name.lower()}.{field}"


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("Adam", {"lr": -1.0}, "lr is -1.0; expected at least 0 "),
        ("Adam", {"betas": (0.9, 1.0)}, "betas is (0.9, 1.0); expected numbers from 0 to below 1 "),
        ("Adadelta", {"rho": 2.0}, "rho is 2.0; expected 0 to 1 "),
        ("Adafactor", {"d": 0.5}, "d is 0.5; expected at least 1 "),
        ("Adafactor", {"beta2_decay": 0.5}, "beta2_decay is 0.5; expected at most 0 "),
        ("SGD", {"nesterov": True}, "Nesterov momentum requires a momentum"),
    ],
    ids=str,
)
def test_the_range_is_said_where_torch_does_not(
    worker: Worker, name: str, arguments: dict[str, Any], says: str
) -> None:
    with pytest.raises(oracle.Refused, match=re.escape(says)):
        Remote(worker, name, optimizer_spec(name, arguments))


def test_a_range_without_its_end_is_said_so(worker: Worker) -> None:
    """SparseAdam refuses the 0 that others take, in the same words."""
    embedding = model_pb2.ModelSpec(embedding=model_pb2.Embedding(num_embeddings=2, embedding_dim=1, sparse=True))
    message = training.CreateSessionRequest(
        model=embedding,
        loss=loss_pb2.LossSpec(mse_loss=loss_pb2.MSELoss()),
        optimizer=optimizer_spec("SparseAdam", {"lr": -1.0}),
    )
    with pytest.raises(oracle.Refused, match=re.escape("lr is -1.0; expected above 0 ")):
        oracle.run(worker, "CreateSession", message, (), training.CreateSessionResponse)


WHOLE = {"ns_steps", "max_iter", "history_size"}
"""Arguments that are whole numbers."""


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", DENSE)
def test_numbers_are_finite(worker: Worker, name: str, number: float) -> None:
    """Each floating argument, and each number of those that are several."""
    defaults = inspect.signature(getattr(torch.optim, name)).parameters
    for argument in ARGUMENTS[name]:
        default = defaults[argument].default
        if isinstance(default, tuple):
            given = [
                tuple(number if at == place else kept for at, kept in enumerate(default))
                for place in range(len(default))
            ]
        elif isinstance(default, bool | str | None) or argument in WHOLE:
            continue
        else:
            given = [number]
        for value in given:
            with pytest.raises(oracle.Refused, match="expected a finite number") as refused:
                Remote(worker, name, optimizer_spec(name, {argument: value}))
            assert refused.value.reason == "ARGUMENT_OUT_OF_RANGE"
            assert refused.value.field == f"optimizer.{name.lower()}.{argument}"


def test_muon_takes_matrices_alone(worker: Worker) -> None:
    """As torch does, which says nothing of what to do."""
    with pytest.raises(ValueError, match="2D parameters"):
        torchs("Muon", local_model("SGD"), {})
    with pytest.raises(oracle.Refused, match=r"shape \(16,\): leave biases out") as refused:
        Remote(worker, "SGD", optimizer_spec("Muon", {}))
    assert (refused.value.reason, refused.value.field) == ("ARGUMENT_OUT_OF_RANGE", "optimizer.muon")


def test_a_step_of_muon_has_a_bound(worker: Worker) -> None:
    """Its work grows with the cube of a layer's width: a step of hours is refused before the model is trained."""
    wide = model_pb2.ModelSpec(linear=model_pb2.Linear(in_features=8192, out_features=8192, bias=False))
    message = training.CreateSessionRequest(
        model=wide, loss=loss_pb2.LossSpec(mse_loss=loss_pb2.MSELoss()), optimizer=optimizer_spec("Muon", {})
    )
    with pytest.raises(oracle.Refused, match="multiplications") as refused:
        oracle.run(worker, "CreateSession", message, (), training.CreateSessionResponse)
    assert (refused.value.reason, refused.value.field) == ("LIMIT_EXCEEDED", "optimizer.muon.ns_steps")


def test_the_memory_of_lbfgs_has_a_bound(worker: Worker) -> None:
    """Two numbers for each parameter and each step that is remembered; the refusal says how many fit."""
    wide = model_pb2.ModelSpec(linear=model_pb2.Linear(in_features=4096, out_features=4096, bias=False))
    message = training.CreateSessionRequest(
        model=wide, loss=loss_pb2.LossSpec(mse_loss=loss_pb2.MSELoss()), optimizer=optimizer_spec("LBFGS", {})
    )
    with pytest.raises(oracle.Refused, match="history_size is 100; expected 1 to 16") as refused:
        oracle.run(worker, "CreateSession", message, (), training.CreateSessionResponse)
    assert (refused.value.reason, refused.value.field) == ("LIMIT_EXCEEDED", "optimizer.lbfgs.history_size")


@pytest.mark.parametrize("number", [0, 7])
def test_an_unknown_way_to_adjust_is_refused(worker: Worker, number: int) -> None:
    given = optimizer_pb2.OptimizerSpec(muon=optimizer_pb2.Muon(adjust_lr_fn=number))
    with pytest.raises(oracle.Refused) as refused:
        Remote(worker, "Muon", given)
    assert (refused.value.reason, refused.value.field) == ("ARGUMENT_OUT_OF_RANGE", "optimizer.muon.adjust_lr_fn")


def test_mistakes_are_reported_where_they_are_written() -> None:
    """What the wire cannot carry: no number is not torch's default."""
    with pytest.raises(ValueError, match="betas is empty"):
        optim.Adam(betas=())
    with pytest.raises(ValueError, match="expected two numbers"):
        optim.Adafactor(eps=(0.1,))
    with pytest.raises(ValueError, match="'original', 'match_rms_adamw'"):
        optimizer_spec("Muon", {"adjust_lr_fn": "half"})
    with pytest.raises(TypeError, match=r"Adam: betas cannot be 0\.9"):
        optimizer_spec("Adam", {"betas": 0.9})
    assert optim.Adam(betas=[0.5, 0.9]) == optim.Adam(betas=(0.5, 0.9))
    assert hash(optim.Adam(betas=[0.5, 0.9])) == hash(optim.Adam(betas=(0.5, 0.9)))


CLIPPINGS: list[dict[str, Any]] = [
    {"norm": {"max_norm": 0.1}},
    {"norm": {"max_norm": 0.0}},
    {"norm": {"max_norm": 1e9}},
    {"norm": {"max_norm": 0.05, "norm_type": math.inf}},
    {"norm": {"max_norm": 0.5, "norm_type": 1.0, "error_if_nonfinite": True}},
    {"norm": {"max_norm": 10.0, "norm_type": 0.5}},
    {"value": 0.01},
    {"value": 0.0},
    {"norm": {"max_norm": 0.1}, "value": 0.02},
]


def clip_fields(clip: Mapping[str, Any]) -> dict[str, Any]:
    norm = {"clip_grad_norm": training.ClipGradNorm(**clip["norm"])} if "norm" in clip else {}
    return norm | ({"clip_grad_value": clip["value"]} if "value" in clip else {})


@pytest.mark.parametrize("name", ["SGD", "AdamW"])
@pytest.mark.parametrize("clip", CLIPPINGS, ids=str)
def test_clipped_steps_are_torchs(worker: Worker, sessions: list[Remote], clip: dict[str, Any], name: str) -> None:
    """The norm first and then the values; the norm answered is the one before. A session says how it clips."""
    arguments = {"lr": 0.05}
    module, seen = local_steps(name, arguments, clip)
    sessions.append(session := Remote(worker, name, optimizer_spec(name, arguments), **clip_fields(clip)))
    assert_steps_are_torchs(session, module, seen)
    assert session.described.HasField("clip_grad_norm") == ("norm" in clip)
    assert session.described.HasField("clip_grad_value") == ("value" in clip)
    assert session.described.clip_grad_norm == training.ClipGradNorm(**clip.get("norm", {}))
    unclipped, _ = local_steps(name, arguments)
    if clip != {"norm": {"max_norm": 1e9}}:
        assert not all(map(torch.equal, module.parameters(), unclipped.parameters()))


@pytest.mark.parametrize(
    ("clip", "reason", "field"),
    [
        ({"norm": {}}, "MISSING_FIELD", "clip_grad_norm.max_norm"),
        ({"norm": {"norm_type": 1.0}}, "MISSING_FIELD", "clip_grad_norm.max_norm"),
        ({"norm": {"max_norm": -1.0}}, "ARGUMENT_OUT_OF_RANGE", "clip_grad_norm.max_norm"),
        ({"norm": {"max_norm": math.nan}}, "ARGUMENT_OUT_OF_RANGE", "clip_grad_norm.max_norm"),
        ({"norm": {"max_norm": math.inf}}, "ARGUMENT_OUT_OF_RANGE", "clip_grad_norm.max_norm"),
        ({"norm": {"max_norm": 1.0, "norm_type": 0.0}}, "ARGUMENT_OUT_OF_RANGE", "clip_grad_norm.norm_type"),
        ({"norm": {"max_norm": 1.0, "norm_type": -math.inf}}, "ARGUMENT_OUT_OF_RANGE", "clip_grad_norm.norm_type"),
        ({"norm": {"max_norm": 1.0, "norm_type": math.nan}}, "ARGUMENT_OUT_OF_RANGE", "clip_grad_norm.norm_type"),
        ({"value": -0.1}, "ARGUMENT_OUT_OF_RANGE", "clip_grad_value"),
        ({"value": math.nan}, "ARGUMENT_OUT_OF_RANGE", "clip_grad_value"),
        ({"value": math.inf}, "ARGUMENT_OUT_OF_RANGE", "clip_grad_value"),
    ],
    ids=str,
)
def test_clipping_that_means_nothing_is_refused(worker: Worker, clip: dict[str, Any], reason: str, field: str) -> None:
    with pytest.raises(oracle.Refused) as refused:
        Remote(worker, "SGD", optimizer_spec("SGD", {}), **clip_fields(clip))
    assert (refused.value.code, refused.value.reason, refused.value.field) == (3, reason, field)


def test_a_norm_that_is_not_finite_fails_the_step_where_asked_to(worker: Worker, sessions: list[Remote]) -> None:
    """Neither parameters, nor the optimizer's means, nor the count move: what follows equals a loop without it."""
    norm = training.ClipGradNorm(max_norm=1.0, error_if_nonfinite=True)
    sessions += [Remote(worker, "Adam", optimizer_spec("Adam", {}), clip_grad_norm=norm) for _ in range(2)]
    attacked, honest = sessions
    for _ in range(5):
        attacked.step()
        honest.step()
        before = attacked.state()
        with pytest.raises(oracle.Refused, match="non-finite") as refused:
            attacked.step(INPUT * math.nan)
        assert (refused.value.code, refused.value.field) == (3, "clip_grad_norm")
        assert attacked.state()[0] == before[0]
        assert_same_state(attacked.state()[1], before[1])
    assert_same_state(attacked.state()[1], honest.state()[1])


@pytest.mark.parametrize(
    ("name", "arguments", "good"),
    [("ASGD", {"lr": 1.0, "lambd": -0.25}, 3), ("SGD", {"lr": 1e300}, 0), ("Adam", {"weight_decay": 1e300}, 0)],
    ids=str,
)
def test_a_step_that_torch_fails_halfway_changes_nothing(
    worker: Worker, sessions: list[Remote], name: str, arguments: dict[str, Any], good: int
) -> None:
    """ASGD divides by zero in its fourth step, after it moved the first parameter; others overflow a float."""
    sessions.append(session := Remote(worker, name, optimizer_spec(name, arguments)))
    for _ in range(good):
        session.step()
    before = session.state()
    for _ in range(3):
        with pytest.raises(oracle.Refused) as refused:
            session.step()
        assert (refused.value.code, refused.value.reason, refused.value.field) == (3, "UNSUPPORTED", "optimizer")
        assert session.state()[0] == before[0] == good
        assert_same_state(session.state()[1], before[1])


def small(name: str) -> nn.Sequential:
    return optimizing.sparse()[:1] if name == "SparseAdam" else optimizing.dense(bias(name))


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_step_undone_leaves_no_trace(name: str) -> None:
    """Nor in the optimizer's state: steps undone between others change nothing of what those others lead to."""
    attacked, honest = small(name), small(name)
    optimizers = [torchs(name, module, together(name)) for module in (attacked, honest)]
    rollback = Rollback()

    def interrupted(closure: Any) -> None:
        with rollback.on_failure(optimizers[:1]):
            optimizers[0].step(closure)
            raise InterruptedError

    for step in range(5):
        closures = [optimizing.gradients(module, step) for module in (attacked, honest)]
        closures[0]()
        with pytest.raises(InterruptedError):
            interrupted(closures[0])
        for closure, optimizer in zip(closures, optimizers, strict=True):
            closure()
            with rollback.on_failure([optimizer]):
                optimizer.step(closure)
    assert_same_state(attacked.state_dict(), honest.state_dict())
    states: list[dict[str, Tensor]] = [{}, {}]
    facts = [
        [plain.flatten(dict(state), str(number), tensors) for number, state in enumerate(optimizer.state.values())]
        for optimizer, tensors in zip(optimizers, states, strict=True)
    ]
    assert facts[0] == facts[1]
    assert_same_state(*states)
    assert states[0]


class Kernels(TorchDispatchMode):
    """Remembers which operators of torch ran."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.namespace == "aten":
            self.names.append(func.overloadpacket.__name__)
        return func(*args, **kwargs or {})


@pytest.mark.parametrize("name", DENSE)
@pytest.mark.parametrize("all_of_them", [False, True])
def test_a_step_that_is_not_copied_wants_no_memory(name: str, all_of_them: bool) -> None:
    """Where nothing is kept to undo a step by, its operators write where memory is; only SGD's are such."""
    for arguments in (
        [together(name)] if all_of_them else [{}, *(alone(name, argument) for argument in ARGUMENTS[name])]
    ):
        module = small(name)
        optimizer = torchs(name, module, arguments)
        sure = []
        for step in range(3):
            closure = optimizing.gradients(module, step)
            closure()
            sure.append(_cannot_fail(optimizer))
            with Kernels() as kernels:
                optimizer.step(*[closure] if name == "LBFGS" else [])
            assert not sure[-1] or set(kernels.names) <= {"add_", "mul_", "detach"}, arguments
        plain_steps = name == "SGD" and arguments in ({}, {"lr": 0.05})
        momentum = name == "SGD" and arguments in ({"momentum": 0.9}, {"dampening": 0.3, "momentum": 0.8})
        assert sure == [plain_steps, plain_steps or momentum, plain_steps or momentum], arguments


@pytest.mark.parametrize("which", ["default", "together"])
@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_session_goes_on_from_a_file(name: str, which: str) -> None:
    """Twenty steps, a file, and twenty more of an optimization built anew are forty of torch's."""
    arguments = together(name) if which == "together" else {}
    expected, module = small(name), small(name)
    optimizing.torch_steps(expected, [torchs(name, expected, arguments)], 40)
    first = optimizing.optimization(module, getattr(optim, name)(**arguments))
    optimizing.steps(module, first, 0, 20)
    captured = optimizing.carried(first.capture())
    parameters = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    optimizing.steps(module, first, 20, 23)  # which the file does not follow
    module.load_state_dict(parameters)
    again = optimizing.optimization(module, getattr(optim, name)(**arguments))
    again.restore(*captured)
    optimizing.steps(module, again, 20, 40)
    assert_same_state(module.state_dict(), expected.state_dict())


def test_the_sdk_clips_over_a_socket(server: RunningServer) -> None:
    """Sync and async, a number or all of clip_grad_norm_'s arguments; the session says what it was made of."""
    norm = optim.ClipGradNorm(0.05, norm_type=math.inf)
    parts: dict[str, Any] = {
        "model": lossd.nn.Sequential(lossd.nn.Linear(3, 16), lossd.nn.ReLU(), lossd.nn.Linear(16, 4)),
        "loss": lossd.MSELoss(),
        "optimizer": optim.AdamW(lr=0.05, betas=(0.8, 0.9)),
        "seed": 7,
    }
    arguments = {"lr": 0.05, "betas": (0.8, 0.9)}
    with lossd.Client(server.target) as client:
        with client.create_session(**parts, clip_grad_norm=0.1, clip_grad_value=0.02) as session:
            for _ in range(STEPS):
                session.step(INPUT.numpy(), TARGET.numpy())
            info, state = session.info(), session.state_dict()
        with client.create_session(**parts) as session:
            assert (session.info().clip_grad_norm, session.info().clip_grad_value) == (None, None)
    module, _ = local_steps("AdamW", arguments, {"norm": {"max_norm": 0.1}, "value": 0.02})
    assert all(np.array_equal(state[name], given.numpy()) for name, given in module.state_dict().items())
    assert (info.clip_grad_norm, info.clip_grad_value) == (optim.ClipGradNorm(0.1), 0.02)
    assert info.optimizer == parts["optimizer"]

    async def clipped() -> tuple[lossd.SessionInfo, dict[str, Any]]:
        async with (
            lossd.AsyncClient(server.target) as client,
            await client.create_session(**parts, clip_grad_norm=norm) as session,
        ):
            for _ in range(STEPS):
                await session.step(INPUT.numpy(), TARGET.numpy())
            return await session.info(), await session.state_dict()

    info, state = asyncio.run(clipped())
    module, _ = local_steps("AdamW", arguments, {"norm": {"max_norm": 0.05, "norm_type": math.inf}})
    assert all(np.array_equal(state[name], given.numpy()) for name, given in module.state_dict().items())
    assert info.clip_grad_norm == norm


def test_a_session_steps_by_all_of_it(worker: Worker) -> None:
    """Groups, a schedule, overrides, an average and a weight that follows the steps, as a loop of torch has them."""
    optimizer = optim.AdamW(lr=0.01, groups=[optim.Group("*.bias", optim.SGD(lr=0.1, momentum=0.5))])
    cycle = optim.lr_scheduler.OneCycleLR(max_lr=[0.05, 0.2], total_steps=STEPS)
    sum_of_two = lossd.MSELoss().named("fit") + 0.5 * lossd.L1Loss().named("size")
    request = training.CreateSessionRequest(
        model=model_spec("SGD"),
        loss=loss_pb2.LossSpec.FromString(sum_of_two.wire),
        optimizer=spec.write(optimizer, optimizer_pb2.OptimizerSpec()),
        scheduler=spec.write(cycle, optimizer_pb2.SchedulerSpec()),
        averaging=spec.fill(optim.Averaging(decay=0.9, start_step=5), optimizer_pb2.Averaging()),
        seed=7,
    )
    points = [training.WeightPoint(step=0, weight=0.0), training.WeightPoint(step=32, weight=1.0)]
    request.weight_schedules["size"].points.extend(points)
    session = oracle.run(worker, "CreateSession", request, (), training.CreateSessionResponse)[0].session

    torch.manual_seed(7)
    module = local_model("SGD")
    average = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    weights = [parameter for name, parameter in module.named_parameters() if not name.endswith("bias")]
    biases = [parameter for name, parameter in module.named_parameters() if name.endswith("bias")]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(weights, lr=0.01),
        torch.optim.SGD(biases, lr=0.1, momentum=0.5),
    ]
    schedulers = [
        torch.optim.lr_scheduler.OneCycleLR(of, rate, total_steps=STEPS)
        for of, rate in zip(optimizers, (0.05, 0.2), strict=True)
    ]
    for step in range(STEPS):
        overrides = {"lr": 0.003} if step % 9 == 4 else {}
        message = training.TrainStepRequest(session_id=session.session_id, overrides=overrides)
        message.inputs["input"].CopyFrom(oracle.tensor(INPUT, "raw", []))
        message.targets["target"].CopyFrom(oracle.tensor(TARGET, "raw", []))
        answer = oracle.run(worker, "TrainStep", message, (), training.TrainStepResponse)[0]
        module.zero_grad()
        output = module(INPUT)
        value = nn.MSELoss()(output, TARGET) + min(step / 32, 1.0) * nn.L1Loss()(output, TARGET)
        value.backward()
        rates = [of.param_groups[0]["lr"] for of in optimizers]
        for of, rate in zip(optimizers, rates, strict=True):
            of.param_groups[0]["lr"] = overrides.get("lr", rate)
            of.step()
            of.param_groups[0]["lr"] = rate
        for scheduler in schedulers:
            scheduler.step()
        if step + 1 >= 5:
            average.update_parameters(module)
        assert (answer.value, list(answer.lr)) == (value.item(), [0.003] * 2 if overrides else rates)
    for averaged, expected in ((False, module), (True, average.module)):
        asked = training.GetSessionStateRequest(session_id=session.session_id, response_encoding=2, averaged=averaged)
        state = oracle.run(worker, "GetSessionState", asked, (), training.GetSessionStateResponse)[0].state_dict
        assert_same_state({name: oracle.read(given, []) for name, given in state.items()}, expected.state_dict())
    with pytest.raises(oracle.Refused, match="could not go on") as refused:
        oracle.run(worker, "TrainStep", message, (), training.TrainStepResponse)
    assert (refused.value.code, refused.value.reason, refused.value.field) == (9, "SESSION_STATE", "scheduler")
    oracle.run(
        worker,
        "DeleteSession",
        training.DeleteSessionRequest(session_id=session.session_id),
        (),
        training.DeleteSessionResponse,
    )


def test_a_session_trains_sparse_gradients(worker: Worker) -> None:
    """An embedding by SparseAdam and the rest by Adam; the gradients' norm is of all together."""
    model = lossd.nn.Sequential(lossd.nn.Embedding(9, 3, sparse=True), lossd.nn.Linear(3, 4))
    optimizer = optim.SparseAdam(lr=0.01, groups=[optim.Group("1.*", optim.Adam())])
    request = training.CreateSessionRequest(
        model=spec.write(model, model_pb2.ModelSpec()),
        loss=loss_pb2.LossSpec(mse_loss=loss_pb2.MSELoss()),
        optimizer=spec.write(optimizer, optimizer_pb2.OptimizerSpec()),
        seed=7,
    )
    session = oracle.run(worker, "CreateSession", request, (), training.CreateSessionResponse)[0].session
    module = optimizing.sparse()
    local = [
        torch.optim.SparseAdam([module.get_parameter("0.weight")], lr=0.01),
        torch.optim.Adam([module.get_parameter("1.weight"), module.get_parameter("1.bias")]),
    ]
    indices = torch.arange(12) * 2 % 9
    for _ in range(STEPS):
        message = training.TrainStepRequest(session_id=session.session_id)
        message.inputs["input"].CopyFrom(oracle.tensor(indices, "raw", []))
        message.targets["target"].CopyFrom(oracle.tensor(TARGET, "raw", []))
        answer = oracle.run(worker, "TrainStep", message, (), training.TrainStepResponse)[0]
        module.zero_grad()
        value = nn.MSELoss()(module(indices), TARGET)
        value.backward()
        for of in local:
            of.step()
        assert answer.value == value.item()
    asked = training.GetSessionStateRequest(session_id=session.session_id, response_encoding=2)
    state = oracle.run(worker, "GetSessionState", asked, (), training.GetSessionStateResponse)[0].state_dict
    assert_same_state({name: oracle.read(given, []) for name, given in state.items()}, module.state_dict())
    oracle.run(
        worker,
        "DeleteSession",
        training.DeleteSessionRequest(session_id=session.session_id),
        (),
        training.DeleteSessionResponse,
    )


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_a_closure_that_fails_undoes_the_step(search: Any) -> None:
    """LBFGS has moved the parameters when it asks for the loss once more; the steps after it are as without it."""
    expected, module = optimizing.dense(), optimizing.dense()
    arguments = {"lr": 0.1, "line_search_fn": search}
    optimizing.torch_steps(expected, [torch.optim.LBFGS(expected.parameters(), **arguments)], 6)
    mine = optimizing.optimization(module, optim.LBFGS(**arguments))
    for step in range(6):
        for good in range(1, 4):
            honest, calls = optimizing.gradients(module, step), iter(range(good))

            def failing(honest: Any = honest, calls: Any = calls) -> Tensor:
                if next(calls, None) is None:
                    raise InterruptedError
                value: Tensor = honest()
                return value

            with pytest.raises(InterruptedError):
                mine.step({}, failing)
        optimizing.steps(module, mine, step, step + 1)
    assert_same_state(module.state_dict(), expected.state_dict())
