"""Sessions with models of all kinds against a local torch loop from the same seed: every bit of the state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from congruence import oracle
from lossd import nn as ours
from lossd import spec
from lossd.v1 import loss_pb2, model_pb2, optimizer_pb2
from lossd.v1 import training_service_pb2 as training
from lossd_server.worker.worker import Worker
from torch import Tensor, nn

STEPS = 4
LEARNING_RATE = 0.05
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")


class Joined(nn.Module):
    """Two towers and a deep part, as a user of torch writes them."""

    def __init__(self) -> None:
        super().__init__()
        self.user = nn.Embedding(20, 4)
        self.words = nn.EmbeddingBag(30, 4, mode="sum")
        self.deep = nn.Linear(3, 4)

    def forward(self, input: Tensor, user: Tensor, words: Tensor) -> Tensor:  # noqa: A002 -- the model's input's name
        return torch.cat((self.user(user), self.words(words), self.deep(input)), -1)


class Last(nn.LSTM):
    """The final hidden state."""

    def forward(self, input_: Tensor) -> Tensor:  # type: ignore[override]  # one result, not two
        return super().forward(input_)[1][0][-1]


class Twice(nn.Module):
    """x + f(x), with the names that this service gives."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        return x + self.module(x)


class Kind(NamedTuple):
    model: ours.Module
    local: Callable[[], nn.Module]
    inputs: dict[str, Tensor]


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=oracle.generator("trained", shape))


KINDS: dict[str, Kind] = {
    "images": Kind(
        ours.Sequential(
            ours.Conv2d(2, 4, 3, padding="same", bias=False),
            ours.BatchNorm2d(4),
            ours.ReLU(),
            ours.MaxPool2d(2),
            ours.Dropout2d(0.3),
            ours.Residual(ours.Sequential(ours.Conv2d(4, 4, 3, padding=1), ours.GELU())),
            ours.AdaptiveAvgPool2d(1),
            ours.Flatten(),
            ours.Linear(4, 1),
        ),
        lambda: nn.Sequential(
            nn.Conv2d(2, 4, 3, padding="same", bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout2d(0.3),
            Twice(nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.GELU())),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 1),
        ),
        {"input": normal(6, 2, 8, 8)},
    ),
    "sequences": Kind(
        ours.Sequential(
            ours.Embedding(11, 5, padding_idx=0), ours.LSTM(5, 6, batch_first=True, output="last"), ours.Linear(6, 1)
        ),
        lambda: nn.Sequential(nn.Embedding(11, 5, padding_idx=0), Last(5, 6, batch_first=True), nn.Linear(6, 1)),
        {"input": torch.arange(42).reshape(6, 7) % 11},
    ),
    "a transformer": Kind(
        ours.Sequential(
            ours.TransformerEncoder(
                ours.TransformerEncoderLayer(6, 2, 8, batch_first=True, norm_first=True), 2, ours.LayerNorm(6)
            ),
            ours.Flatten(),
            ours.Linear(18, 1),
        ),
        lambda: nn.Sequential(
            nn.TransformerEncoder(
                nn.TransformerEncoderLayer(6, 2, 8, batch_first=True, norm_first=True),
                2,
                nn.LayerNorm(6),
                enable_nested_tensor=False,
            ),
            nn.Flatten(),
            nn.Linear(18, 1),
        ),
        {"input": normal(6, 3, 6)},
    ),
    "towers": Kind(
        ours.Branches(
            {
                "user": ours.Embedding(20, 4).on("user"),
                "words": ours.EmbeddingBag(30, 4, mode="sum").on("words"),
                "deep": ours.Linear(3, 4),
            }
        ),
        Joined,
        {"input": normal(6, 3), "user": torch.arange(6) * 3, "words": torch.arange(24).reshape(6, 4)},
    ),
}


class Remote:
    """A session of one kind on a worker in this process."""

    def __init__(self, worker: Worker, kind: Kind, seed: int) -> None:
        self.worker = worker
        request = training.CreateSessionRequest(
            model=spec.write(kind.model, model_pb2.ModelSpec()),
            loss=loss_pb2.LossSpec(mse_loss=loss_pb2.MSELoss()),
            optimizer=optimizer_pb2.OptimizerSpec(sgd=optimizer_pb2.SGD(lr=LEARNING_RATE, momentum=0.9)),
            seed=seed,
        )
        answer, _ = oracle.run(worker, "CreateSession", request, (), training.CreateSessionResponse)
        self.session_id = answer.session.session_id

    def step(self, inputs: dict[str, Tensor], target: Tensor) -> float:
        request = training.TrainStepRequest(session_id=self.session_id)
        for name, given in inputs.items():
            request.inputs[name].CopyFrom(oracle.tensor(given, "raw", []))
        request.targets["target"].CopyFrom(oracle.tensor(target, "raw", []))
        return float(oracle.run(self.worker, "TrainStep", request, (), training.TrainStepResponse)[0].value)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        request = training.ForwardRequest(session_id=self.session_id)
        for name, given in inputs.items():
            request.inputs[name].CopyFrom(oracle.tensor(given, "raw", []))
        return oracle.read(oracle.run(self.worker, "Forward", request, (), training.ForwardResponse)[0].output, [])

    def state(self) -> dict[str, Tensor]:
        request = training.GetSessionStateRequest(session_id=self.session_id, response_encoding=2)
        answer, _ = oracle.run(self.worker, "GetSessionState", request, (), training.GetSessionStateResponse)
        return {name: oracle.read(given, []) for name, given in answer.state_dict.items()}


def local(module: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
    """The output of torch's own module."""
    return module(**inputs) if len(inputs) > 1 else module(inputs["input"])


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()


def assert_same_state(given: dict[str, Tensor], expected: dict[str, Any]) -> None:
    assert given.keys() == expected.keys()
    for name, value in expected.items():
        assert oracle.same_bits(given[name], value), name


@pytest.mark.parametrize("name", KINDS)
def test_steps_are_torchs(worker: Worker, name: str) -> None:
    """Values, dropout, running statistics and parameters of each step, and the output in evaluation, are torch's."""
    kind = KINDS[name]
    session = Remote(worker, kind, seed=11)
    torch.manual_seed(11)
    module = kind.local()
    sgd = torch.optim.SGD(module.parameters(), lr=LEARNING_RATE, momentum=0.9)
    assert_same_state(session.state(), module.state_dict())
    target = normal(6, 12 if name == "towers" else 1)
    random = torch.get_rng_state()
    for _ in range(STEPS):
        torch.set_rng_state(random)
        sgd.zero_grad()
        value = nn.functional.mse_loss(local(module, kind.inputs), target)
        value.backward()
        sgd.step()
        random = torch.get_rng_state()
        assert session.step(kind.inputs, target) == value.item()
        assert_same_state(session.state(), module.state_dict())
    with torch.no_grad():
        assert oracle.same_bits(session.forward(kind.inputs), local(module.eval(), kind.inputs))


def test_a_bad_index_changes_nothing(worker: Worker) -> None:
    """In training and evaluation, refused by the input's name; the session trains on as if it had not been."""
    kind = KINDS["towers"]
    attacked, honest = Remote(worker, kind, seed=2), Remote(worker, kind, seed=2)
    target = normal(6, 12)
    for bad in ({"user": torch.full((6,), 20)}, {"words": torch.full((6, 4), -1)}):
        for call in (lambda given: attacked.step(given, target), attacked.forward):
            with pytest.raises(oracle.Refused) as refused:
                call(kind.inputs | bad)
            assert (refused.value.reason, refused.value.field) == ("VALUE_OUT_OF_RANGE", f"inputs.{next(iter(bad))}")
        assert attacked.step(kind.inputs, target) == honest.step(kind.inputs, target)
    assert_same_state(attacked.state(), honest.state())
