"""Sessions put away in the middle of something and opened by a second worker on the same state directory: they end as
those that nobody put away, bit for bit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from congruence import oracle
from google.protobuf import json_format
from lossd import spec
from lossd.torch import export_model
from lossd.v1 import training_service_pb2 as pb
from lossd_server.worker import fitting
from lossd_server.worker.worker import Worker
from torch import Tensor, nn

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")  # torch's exporter's own

ROWS, WIDTH, WORDS = 12, 3, 9
SOURCE = torch.Generator().manual_seed(5)
NUMBERS = torch.randn(ROWS, WIDTH, generator=SOURCE)
WORD = torch.randint(WORDS, (ROWS,), generator=SOURCE)
TARGET = torch.randn(ROWS, 2, generator=SOURCE)
ADAM: dict[str, Any] = {"adam": {"lr": 0.01}}
SHORT: dict[str, Any] = {"epochs": 4, "batch_size": 5, "shuffle": True}


class Tied(nn.Module):
    """Running statistics, dropout, one weight under two names, and one that is not trained."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.noise = nn.Linear(WIDTH, 4), nn.BatchNorm1d(4), nn.Dropout(0.3)
        self.one, self.other = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
        self.other.weight = self.one.weight
        self.head = nn.Linear(4, 2)
        self.head.bias.requires_grad_(False)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # the contract's name
        return self.head(self.other(self.noise(torch.relu(self.one(self.norm(self.first(input)))))))


@cache
def program() -> dict[str, Any]:
    torch.manual_seed(2)
    model = export_model(Tied(), {"input": NUMBERS[:2]}, dynamic_shapes={"input": {0: "batch"}})
    return spec_of(model)


def spec_of(model: Any) -> dict[str, Any]:
    request = pb.CreateSessionRequest()
    spec.write(model, request.model)
    return json.loads(json_format.MessageToJson(request.model, preserving_proto_field_name=True))


def sequential(*modules: Mapping[str, Any]) -> dict[str, Any]:
    return {"sequential": {"modules": list(modules)}}


def linear(inputs: int, outputs: int) -> dict[str, Any]:
    return {"linear": {"in_features": inputs, "out_features": outputs}}


MSE: dict[str, Any] = {"mse_loss": {}}
WORDY = sequential({"embedding": {"num_embeddings": WORDS, "embedding_dim": 4, "sparse": True}}, linear(4, 2))
SUM = {"weighted_sum": {"terms": [{"label": "a", "weight": 1, "loss": MSE}, {"label": "b", "loss": {"l1_loss": {}}}]}}
KINDS: dict[str, Callable[[], dict[str, Any]]] = {
    "average, schedules, batch norm, dropout": lambda: {
        "model": sequential(
            linear(WIDTH, 4), {"batch_norm1d": {"num_features": 4}}, {"dropout": {"p": 0.3}}, linear(4, 2)
        ),
        "loss": SUM,
        "optimizer": ADAM,
        "averaging": {"decay": 0.9, "use_buffers": True},
        "scheduler": {"step_lr": {"step_size": 1, "gamma": 0.5}, "interval": "INTERVAL_EPOCH"},
        "weight_schedules": {"b": {"points": [{"step": 0, "weight": 1}, {"step": 9, "weight": 0.1}]}},
    },
    "LBFGS": lambda: {
        "model": sequential(linear(WIDTH, 4), {"tanh": {}}, linear(4, 2)),
        "loss": MSE,
        "optimizer": {"lbfgs": {"lr": 0.1, "max_iter": 3}},
        "averaging": {},
    },
    "SparseAdam beside Adam": lambda: {
        "model": WORDY,
        "loss": MSE,
        "optimizer": ADAM | {"groups": [{"parameters": ["0.*"], "optimizer": {"sparse_adam": {"lr": 0.1}}}]},
    },
    "a module of the caller's own": lambda: {
        "model": program(),
        "loss": MSE,
        "optimizer": ADAM,
        "averaging": {"decay": 0.5},
        "autocast": "DATA_TYPE_BFLOAT16",
    },
}
ACCUMULATING = ("SparseAdam beside Adam", "a module of the caller's own")
DURABILITIES = {
    "step": {"durability": "DURABILITY_STEP"},
    "checkpoint": {"durability": "DURABILITY_CHECKPOINT"},
}


class Home:
    """Workers one after another on one state directory, and a session that moves from each to the next."""

    def __init__(self, state_dir: Path | str, kind: str, **more: Any) -> None:
        self._state_dir = str(state_dir)
        self._lives = 0
        described = {"seed": 7, **KINDS[kind](), **more}
        self._input = WORD if "Sparse" in kind else NUMBERS
        self.worker = self._begin()
        request = json_format.ParseDict(described, pb.CreateSessionRequest())
        self.session_id = ""
        self.session_id = self.call("CreateSession", request).session.session_id

    def _begin(self) -> Worker:
        self._lives += 1
        return Worker("cpu:0", f"w0-{self._lives:x}", max_sessions=4, state_dir=self._state_dir)

    def move(self) -> None:
        self.worker.close()
        self.worker = self._begin()

    def call(self, verb: str, request: Any = None, **more: Any) -> Any:
        request = request if request is not None else getattr(pb, f"{verb}Request")(**more)
        if verb != "CreateSession":
            request.session_id = self.session_id
        return oracle.run(self.worker, verb, request, (), getattr(pb, f"{verb}Response"))[0]

    def train(self, verb: str, **more: Any) -> Any:
        request = getattr(pb, f"{verb}Request")(**more)
        request.inputs["input"].CopyFrom(oracle.tensor(self._input, "raw", []))
        request.targets["target"].CopyFrom(oracle.tensor(TARGET, "raw", []))
        return self.call(verb, request)

    def fit(self, slices: int = 10**6, **more: Any) -> Iterator[pb.Epoch]:
        """The epochs of so many slices of a Fit, each slice one step."""
        answer = self.train("Fit", **more)
        yield from answer.epochs
        for _ in range(slices - 1):
            if answer.stop_reason:
                return
            after = answer.epochs[-1].epoch if answer.epochs else more.get("after_epoch", 0)
            more["after_epoch"] = after
            answer = self.call("Fit", seq=answer.seq, resume=True, after_epoch=after)
            yield from answer.epochs

    def state(self) -> dict[str, Tensor]:
        """All tensors that the session is: weights, optimizer, average, random numbers, gradients that wait."""
        tensors, _ = self.worker._sessions.find(self.session_id).session.capture()
        return {name: tensor.clone() for name, tensor in tensors.items()}


def assert_same(given: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    assert given.keys() == expected.keys()
    for name, tensor in expected.items():
        assert oracle.same_bits(given[name], tensor), name


def lasting(epochs: list[pb.Epoch]) -> list[tuple[Any, ...]]:
    return [(one.epoch, one.step, one.value, one.grad_norm, dict(one.metrics), *one.lr) for one in epochs]


@pytest.mark.parametrize("durability", DURABILITIES)
@pytest.mark.parametrize("kind", KINDS)
def test_in_the_middle_of_a_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, durability: str) -> None:
    """Put away within an epoch, twice, the second time from a snapshot that holds the Fit."""
    monkeypatch.setattr(fitting, "_SLICE_SECONDS", 0.0)  # a slice then is one step
    options = {**SHORT, "validation_split": 0.2, "restore_best": True, "metrics": ["mae"]}
    straight, moved = Home("", kind), Home(tmp_path, kind, **DURABILITIES[durability])
    expected = list(straight.fit(seq=1, **options))
    told = list(moved.fit(4, seq=1, **options))
    moved.move()
    told += moved.fit(3, seq=1, after_epoch=len(told), **options)
    moved.call("SaveSession")
    moved.move()
    told += moved.fit(seq=1, after_epoch=len(told), **options)
    assert lasting(told) == lasting(expected)
    assert_same(moved.state(), straight.state())


@pytest.mark.parametrize("durability", DURABILITIES)
@pytest.mark.parametrize("kind", ACCUMULATING)
def test_while_gradients_wait(tmp_path: Path, kind: str, durability: str) -> None:
    """Put away between the micro-batches of a step, from the journal and from a snapshot; sparse gradients too."""
    straight, moved = Home("", kind), Home(tmp_path, kind, **DURABILITIES[durability])
    for home in (straight, moved):
        home.train("TrainStep")
        home.train("ForwardBackward")
    moved.move()
    assert_same(moved.state(), straight.state())
    moved.call("SaveSession")
    moved.move()
    for home in (straight, moved):
        home.train("ForwardBackward")
        home.call("OptimStep")
        home.train("TrainStep")
    assert_same(moved.state(), straight.state())
