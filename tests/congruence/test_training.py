"""Sessions against a local torch loop started from the same state: every parameter bit for bit after every step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import lossd
import numpy as np
import pytest
import torch
from congruence import oracle
from congruence.cases import normal, uniform
from lossd.v1 import loss_pb2, model_pb2, optimizer_pb2
from lossd.v1 import training_service_pb2 as training
from lossd_server.worker.worker import Worker
from running import RunningServer
from torch import Tensor, nn

STEPS = 50
ROWS, WIDTH = 12, 3
INPUT = normal((ROWS, WIDTH), torch.float32, "input")

MODELS: dict[str, list[tuple[str, Any]]] = {
    "one linear": [("linear", (WIDTH, 4))],
    "two linears and a relu": [("linear", (WIDTH, 16)), ("relu", ()), ("linear", (16, 4))],
    "three linears, tanh, sigmoid, no bias": [
        ("linear", (WIDTH, 8)),
        ("tanh", ()),
        ("linear", (8, 8, False)),
        ("sigmoid", ()),
        ("linear", (8, 4)),
    ],
}
LOSSES: dict[str, tuple[dict[str, Any], Tensor]] = {
    "MSELoss": ({}, normal((ROWS, 4), torch.float32, "target")),
    "HuberLoss": ({"delta": 0.3, "reduction": "sum"}, normal((ROWS, 4), torch.float32, "target")),
    "CrossEntropyLoss": ({"label_smoothing": 0.1}, torch.arange(ROWS) % 4),
    "BCEWithLogitsLoss": ({"pos_weight": torch.tensor([1.0, 2.0, 0.5, 3.0])}, uniform((ROWS, 4), torch.float32, "p")),
}
OPTIMIZERS: tuple[dict[str, Any], ...] = (
    {},
    {"lr": 0.05},
    {"lr": 0.05, "momentum": 0.9},
    {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    {"lr": 0.05, "momentum": 0.8, "dampening": 0.3},
    {"lr": 0.001, "weight_decay": 0.1, "maximize": True},
)


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()


def local_model(parts: list[tuple[str, Any]]) -> nn.Sequential:
    classes = {"linear": nn.Linear, "relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
    return nn.Sequential(*[classes[name](*arguments) for name, arguments in parts])


def model_spec(parts: list[tuple[str, Any]]) -> model_pb2.ModelSpec:
    modules = []
    for name, arguments in parts:
        part = model_pb2.ModelSpec()
        inner = getattr(part, name)
        inner.SetInParent()
        for field, value in zip(("in_features", "out_features", "bias"), arguments, strict=False):
            setattr(inner, field, value)
        modules.append(part)
    return model_pb2.ModelSpec(sequential=model_pb2.Sequential(modules=modules))


class Remote:
    """A session on a worker in this process."""

    def __init__(
        self,
        worker: Worker,
        parts: list[tuple[str, Any]],
        loss: loss_pb2.LossSpec,
        optimizer: Mapping[str, Any],
        **more: Any,
    ) -> None:
        self.worker = worker
        sgd = optimizer_pb2.OptimizerSpec(sgd=optimizer_pb2.SGD(**optimizer))
        request = training.CreateSessionRequest(model=model_spec(parts), loss=loss, optimizer=sgd, **more)
        answer, _ = oracle.run(worker, "CreateSession", request, (), training.CreateSessionResponse)
        self.session_id = answer.session.session_id
        self.parameter_count = answer.session.parameter_count

    def step(self, inputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> training.TrainStepResponse:
        request = training.TrainStepRequest(session_id=self.session_id)
        for name, given in inputs.items():
            request.inputs[name].CopyFrom(oracle.tensor(given, "raw", []))
        for name, given in targets.items():
            request.targets[name].CopyFrom(oracle.tensor(given, "raw", []))
        return oracle.run(self.worker, "TrainStep", request, (), training.TrainStepResponse)[0]

    def state(self) -> tuple[int, dict[str, Tensor]]:
        request = training.GetSessionStateRequest(session_id=self.session_id, response_encoding=2)
        answer, _ = oracle.run(self.worker, "GetSessionState", request, (), training.GetSessionStateResponse)
        return answer.step, {name: oracle.read(given, []) for name, given in answer.state_dict.items()}

    def forward(self, given: Tensor) -> Tensor:
        request = training.ForwardRequest(session_id=self.session_id)
        request.inputs["input"].CopyFrom(oracle.tensor(given, "raw", []))
        return oracle.read(oracle.run(self.worker, "Forward", request, (), training.ForwardResponse)[0].output, [])


@pytest.fixture
def sessions(worker: Worker) -> Iterator[list[Remote]]:
    """Sessions put here are deleted after the test."""
    made: list[Remote] = []
    yield made
    for session in made:
        request = training.DeleteSessionRequest(session_id=session.session_id)
        oracle.run(worker, "DeleteSession", request, (), training.DeleteSessionResponse)


def assert_same_state(given: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    assert given.keys() == expected.keys()
    for name, value in expected.items():
        assert oracle.same_bits(given[name], value), name


def loss_spec(loss: str) -> loss_pb2.LossSpec:
    return oracle.spec(oracle.Case(loss, LOSSES[loss][0], {}), "raw", [])


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("model", MODELS)
def test_fifty_steps_are_torchs(
    worker: Worker, sessions: list[Remote], model: str, loss: str, optimizer: dict[str, Any]
) -> None:
    """From one seed: initial parameters, each step's loss and gradient norm, and the last parameters are torch's."""
    torch.manual_seed(7)
    module = local_model(MODELS[model])
    sessions.append(session := Remote(worker, MODELS[model], loss_spec(loss), optimizer, seed=7))
    assert session.parameter_count == sum(parameter.numel() for parameter in module.parameters())
    assert_same_state(session.state()[1], module.state_dict())
    criterion, target = getattr(nn, loss)(**LOSSES[loss][0]), LOSSES[loss][1]
    sgd = torch.optim.SGD(module.parameters(), **optimizer)
    for number in range(1, STEPS + 1):
        sgd.zero_grad()
        value = criterion(module(INPUT), target)
        value.backward()
        norm = torch.nn.utils.get_total_norm([parameter.grad for parameter in module.parameters()])
        sgd.step()
        answer = session.step({"input": INPUT}, {"target": target})
        same = (answer.value, answer.grad_norm) == (value.item(), norm.item())
        assert same or value.isnan(), f"step {number}: {answer} for {value}, {norm}"
        assert answer.step == number
    step, state = session.state()
    assert step == STEPS
    assert_same_state(state, module.state_dict())
    assert oracle.same_bits(session.forward(INPUT), module(INPUT).detach())


def test_seeds_are_torchs_and_leave_no_trace(worker: Worker, sessions: list[Remote]) -> None:
    """A seed gives what torch.manual_seed gives, whatever ran before; the worker's own random state stays."""
    parts = MODELS["two linears and a relu"]
    before = torch.get_rng_state()
    for seed in (0, 1, 2**32, 2**63 - 1):
        sessions.append(session := Remote(worker, parts, loss_spec("MSELoss"), {}, seed=seed))
        torch.manual_seed(seed)
        assert_same_state(session.state()[1], local_model(parts).state_dict())
        torch.set_rng_state(before)
        sessions.append(Remote(worker, parts, loss_spec("MSELoss"), {}, seed=seed))
        assert torch.equal(torch.get_rng_state(), before)


def test_an_uploaded_state_is_the_state(worker: Worker, sessions: list[Remote]) -> None:
    """A state_dict replaces torch's initialisation, all of it; a part of one, or of another shape, is refused."""
    parts = MODELS["two linears and a relu"]
    module = local_model(parts)
    state = {name: oracle.tensor(given, "raw", []) for name, given in module.state_dict().items()}
    sessions.append(
        session := Remote(worker, parts, loss_spec("MSELoss"), {"lr": 0.1, "momentum": 0.5}, state_dict=state)
    )
    assert_same_state(session.state()[1], module.state_dict())
    sgd = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.5)
    for _ in range(5):
        sgd.zero_grad()
        nn.MSELoss()(module(INPUT), LOSSES["MSELoss"][1]).backward()
        sgd.step()
        session.step({"input": INPUT}, {"target": LOSSES["MSELoss"][1]})
    assert_same_state(session.state()[1], module.state_dict())
    wrong = {
        "MISSING_FIELD": {name: given for name, given in state.items() if name != "2.bias"},
        "UNKNOWN_NAME": state | {"3.bias": state["2.bias"]},
        "SHAPE_MISMATCH": state | {"2.bias": state["0.bias"]},
        "DTYPE_MISMATCH": state | {"2.bias": oracle.tensor(torch.zeros(4, dtype=torch.float64), "raw", [])},
    }
    for reason, given in wrong.items():
        with pytest.raises(oracle.Refused) as refused:
            Remote(worker, parts, loss_spec("MSELoss"), {}, state_dict=given)
        assert (refused.value.code, refused.value.reason) == (3, reason)
        assert refused.value.field.startswith("state_dict")


BAD_STEPS: dict[str, tuple[dict[str, Tensor], dict[str, Tensor], str]] = {
    "wrong width": ({"input": torch.zeros(ROWS, WIDTH + 1)}, {"target": torch.arange(ROWS) % 4}, "SHAPE_MISMATCH"),
    "scalar input": ({"input": torch.zeros(())}, {"target": torch.arange(ROWS) % 4}, "SHAPE_MISMATCH"),
    "wrong rows": ({"input": INPUT}, {"target": torch.arange(ROWS + 1) % 4}, "SHAPE_MISMATCH"),
    "class beyond": ({"input": INPUT}, {"target": torch.full((ROWS,), 4)}, "VALUE_OUT_OF_RANGE"),
    "class below": ({"input": INPUT}, {"target": torch.full((ROWS,), -1)}, "VALUE_OUT_OF_RANGE"),
    "float64 input": ({"input": INPUT.double()}, {"target": torch.arange(ROWS) % 4}, "DTYPE_MISMATCH"),
    "int32 target": ({"input": INPUT}, {"target": torch.zeros(ROWS, dtype=torch.int32)}, "DTYPE_MISMATCH"),
    "unknown input": ({"x": INPUT}, {"target": torch.arange(ROWS) % 4}, "UNKNOWN_NAME"),
    "one input too many": ({"input": INPUT, "y": INPUT}, {"target": torch.arange(ROWS) % 4}, "UNKNOWN_NAME"),
    "no target": ({"input": INPUT}, {}, "MISSING_FIELD"),
    "bound input given": ({"input": INPUT}, {"target": torch.arange(ROWS) % 4, "input": INPUT}, "UNKNOWN_NAME"),
}


def test_a_step_that_fails_changes_nothing(worker: Worker, sessions: list[Remote]) -> None:
    """Refused steps leave parameters, momentum and the count as they were: what follows equals a loop without them."""
    parts, optimizer = MODELS["two linears and a relu"], {"lr": 0.05, "momentum": 0.9}
    target = {"target": torch.arange(ROWS) % 4}
    sessions.append(attacked := Remote(worker, parts, loss_spec("CrossEntropyLoss"), optimizer, seed=3))
    sessions.append(honest := Remote(worker, parts, loss_spec("CrossEntropyLoss"), optimizer, seed=3))
    for name, (inputs, targets, reason) in BAD_STEPS.items():
        attacked.step({"input": INPUT}, target)
        honest.step({"input": INPUT}, target)
        before = attacked.state()
        with pytest.raises(oracle.Refused) as refused:
            attacked.step(inputs, targets)
        assert (refused.value.code, refused.value.reason) == (3, reason), f"{name}: {refused.value}"
        after = attacked.state()
        assert after[0] == before[0]
        assert_same_state(after[1], before[1])
    assert_same_state(attacked.state()[1], honest.state()[1])


def test_weighted_sums_train_and_report_their_terms(worker: Worker, sessions: list[Remote]) -> None:
    """A step's terms are the unweighted values before it."""
    parts, target = MODELS["one linear"], LOSSES["MSELoss"][1]
    terms = [
        loss_pb2.WeightedTerm(weight=0.8, loss=loss_pb2.LossSpec(mse_loss=loss_pb2.MSELoss())),
        loss_pb2.WeightedTerm(weight=0.2, loss=loss_pb2.LossSpec(l1_loss=loss_pb2.L1Loss())),
    ]
    loss = loss_pb2.LossSpec(weighted_sum=loss_pb2.WeightedSum(terms=terms))
    sessions.append(session := Remote(worker, parts, loss, {"lr": 0.1}, seed=1))
    torch.manual_seed(1)
    module = local_model(parts)
    sgd = torch.optim.SGD(module.parameters(), lr=0.1)
    for _ in range(10):
        sgd.zero_grad()
        output = module(INPUT)
        mse, l1 = nn.MSELoss()(output, target), nn.L1Loss()(output, target)
        (0.8 * mse + 0.2 * l1).backward()
        sgd.step()
        assert dict(session.step({"input": INPUT}, {"target": target}).terms) == {
            "mse_loss": mse.item(),
            "l1_loss": l1.item(),
        }
    assert_same_state(session.state()[1], module.state_dict())


def test_the_guides_line_is_learnt_over_a_socket(server: RunningServer) -> None:
    """Through the SDK and a real server: y = 2x in 100 steps, each value and the final parameters torch's."""
    x, y = torch.tensor([[2.0], [4.0], [6.0]]), torch.tensor([[4.0], [8.0], [12.0]])
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(1, 1))
    sgd = torch.optim.SGD(module.parameters(), lr=0.01)
    model = lossd.nn.Sequential(lossd.nn.Linear(1, 1))
    with (
        lossd.Client(server.target) as client,
        client.create_session(model=model, loss=lossd.MSELoss(), optimizer=lossd.optim.SGD(lr=0.01), seed=0) as session,
    ):
        for number in range(1, 101):
            sgd.zero_grad()
            value = nn.MSELoss()(module(x), y)
            value.backward()
            sgd.step()
            step = session.step(x.tolist(), y.tolist())
            assert (step.value, step.step) == (value.item(), number)
        state = session.state_dict()
        assert all(np.array_equal(state[name], given.numpy()) for name, given in module.state_dict().items())
        assert session.predict([[5.0]]).item() == module(torch.tensor([[5.0]])).item()
