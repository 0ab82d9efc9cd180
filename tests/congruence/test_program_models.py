"""Modules of the caller's own as models of training sessions, against the very same modules here: bit for bit."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import lossd
import pytest
import torch
from congruence import oracle
from lossd import optim, spec
from lossd.torch import export_model
from lossd.v1 import training_service_pb2 as pb
from lossd_server.losses.programs import layers, operators
from lossd_server.worker.worker import Worker
from running import RunningServer
from torch import Tensor, nn

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")  # torch's exporter's own

STEPS, CLASSES, WORDS = 50, 3, 20
F = nn.functional


class Perceptron(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(inplace=True), nn.Dropout(0.3))
        self.head = nn.Linear(16, CLASSES)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # the contract's name
        return self.head(self.body(input))


class Convolutional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Dropout2d(0.2)
        )
        self.pool, self.dropout, self.head = nn.AdaptiveAvgPool2d(2), nn.Dropout(0.2), nn.Linear(16, CLASSES)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return self.head(self.dropout(self.pool(self.features(input)).flatten(1)))


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, 16)
        self.layer = nn.TransformerEncoderLayer(16, 4, 32, 0.1, batch_first=True)
        self.head = nn.Linear(16, CLASSES)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return self.head(self.layer(self.words(input)).mean(1))


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.Module] = nn.LSTM, **more: Any) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, 5)
        self.layers = kind(5, 8, num_layers=2, dropout=0.2, batch_first=True, bidirectional=True, **more)
        self.head = nn.Linear(16, CLASSES)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return self.head(self.layers(self.words(input))[0][:, -1])


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.head = nn.Linear(4, 8), nn.Embedding(WORDS, 8), nn.Bilinear(8, 8, CLASSES)

    def forward(self, features: Tensor, word: Tensor) -> Tensor:
        return self.head(F.gelu(self.left(features)), self.right(word))


class Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.one, self.two = (nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(2))
        self.norm_one, self.norm_two = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.norm_two(self.two(F.relu(self.norm_one(self.one(x))))))


class ResidualNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(Block(4), Block(4))
        self.head = nn.Linear(4, CLASSES)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return self.head(self.blocks(self.stem(input)).mean((2, 3)))


class Attention(nn.Module):
    """Attention of one's own, tied words, a constant, a buffer that is no part of the state."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, 8)
        self.project, self.head = nn.Linear(8, 24), nn.Linear(8, WORDS, bias=False)
        self.head.weight = self.words.weight
        self.register_buffer("places", torch.linspace(0, 1, 8), persistent=False)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        x = self.words(input) + self.places + torch.tensor([0.5, -0.5] * 4)
        queries, keys, values = self.project(x).chunk(3, -1)
        mixed = F.scaled_dot_product_attention(
            queries, keys, values, dropout_p=0.1 if self.training else 0.0, is_causal=True
        )
        return self.head(F.rms_norm(x + mixed, (8,)))[:, -1]


class Everything(nn.Module):
    """What layers there are beside."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad1d(1), nn.Conv1d(3, 6, 3, groups=3, padding="same"), nn.GroupNorm(2, 6), nn.SiLU(),
            nn.InstanceNorm1d(6, affine=True, track_running_stats=True), nn.AlphaDropout(0.1), nn.AvgPool1d(2),
            nn.ConvTranspose1d(6, 4, 3, stride=2, output_padding=1), nn.RReLU(), nn.Upsample(scale_factor=1.5),
            nn.BatchNorm1d(4, track_running_stats=False), nn.FeatureAlphaDropout(0.1), nn.AdaptiveMaxPool1d(3),
            nn.Dropout1d(0.1), nn.Flatten(), nn.LayerNorm(12), nn.Dropout(0.1, inplace=True),
            nn.LeakyReLU(0.1, inplace=True), nn.Linear(12, CLASSES),
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return self.body(input)


def normal(*shape: int) -> Tensor:
    return torch.randn(shape)


def words(*shape: int) -> Tensor:
    return torch.randint(0, WORDS, shape)


class Case(NamedTuple):
    """A module and how to make its inputs of as many rows."""

    make: Any
    inputs: Mapping[str, Any]

    def batch(self, rows: int) -> dict[str, Tensor]:
        return {name: make(rows) for name, make in self.inputs.items()}


CASES = {
    "perceptron": Case(Perceptron, {"input": lambda n: normal(n, 6)}),
    "convolutional": Case(Convolutional, {"input": lambda n: normal(n, 2, 8, 8)}),
    "encoder": Case(Encoder, {"input": lambda n: words(n, 6)}),
    "lstm": Case(Recurrent, {"input": lambda n: words(n, 5)}),
    "gru": Case(lambda: Recurrent(nn.GRU), {"input": lambda n: words(n, 5)}),
    "two inputs": Case(TwoInputs, {"features": lambda n: normal(n, 4), "word": lambda n: words(n)}),
    "residual": Case(ResidualNet, {"input": lambda n: normal(n, 2, 8, 8)}),
    "attention": Case(Attention, {"input": lambda n: words(n, 5)}),
    "everything": Case(Everything, {"input": lambda n: normal(n, 3, 12)}),
}
OPTIMIZERS = {
    "sgd": (optim.SGD(lr=0.05, momentum=0.9), lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9)),
    "adam": (optim.Adam(lr=0.01), lambda parameters: torch.optim.Adam(parameters, lr=0.01)),
}


def exported(case: Case, module: nn.Module) -> lossd.nn.ProgramModel:
    return export_model(module, case.batch(4), {name: {0: "batch"} for name in case.inputs})


class Remote:
    """A session on a worker in this process."""

    def __init__(self, worker: Worker, model: Any, optimizer: Any = optim.SGD(lr=0.05), seed: int = 11) -> None:  # noqa: B008  # frozen
        self.worker = worker
        request = pb.CreateSessionRequest(seed=seed)
        for part, message in ((model, request.model), (lossd.CrossEntropyLoss(), request.loss),
                              (optimizer, request.optimizer)):  # fmt: skip
            spec.write(part, message)
        self.session_id = oracle.run(worker, "CreateSession", request, (), pb.CreateSessionResponse)[
            0
        ].session.session_id

    def call(self, verb: str, inputs: Mapping[str, Tensor], target: Tensor | None = None, **more: Any) -> Any:
        request = getattr(pb, f"{verb}Request")(session_id=self.session_id, **more)
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(oracle.tensor(value, "raw", []))
        if target is not None:
            request.targets["target"].CopyFrom(oracle.tensor(target, "raw", []))
        return oracle.run(self.worker, verb, request, (), getattr(pb, f"{verb}Response"))[0]

    def predict(self, inputs: Mapping[str, Tensor]) -> Tensor:
        return oracle.read(self.call("Forward", inputs, response_encoding=2).output, [])

    def state(self) -> dict[str, Tensor]:
        answer = self.call("GetSessionState", {}, response_encoding=2)
        return {name: oracle.read(given, []) for name, given in answer.state_dict.items()}

    def close(self) -> None:
        request = pb.DeleteSessionRequest(session_id=self.session_id)
        oracle.run(self.worker, "DeleteSession", request, (), pb.DeleteSessionResponse)


@contextmanager
def session(*arguments: Any, **more: Any) -> Iterator[Remote]:
    remote = Remote(*arguments, **more)
    yield remote
    remote.close()


@contextmanager
def here(module: nn.Module) -> Iterator[nn.Module]:
    """The module as a plain script has it: torch's threads, and one kernel for attention in both modes."""
    torch.set_num_threads(oracle.THREADS)
    torch.backends.mha.set_fastpath_enabled(False)
    yield copy.deepcopy(module)
    torch.backends.mha.set_fastpath_enabled(True)


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()


@cache
def exported_case(name: str) -> tuple[nn.Module, lossd.nn.ProgramModel]:
    """A case's module, which nobody trains, and its export: once for all optimizers."""
    torch.manual_seed(3)
    module = CASES[name].make()
    before = copy.deepcopy(module.state_dict())
    model = exported(CASES[name], module)
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items()), "export changed it"
    return module, model


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", CASES)
def test_a_model_trains_as_its_module_does(worker: Worker, name: str, optimizer: str) -> None:
    """Fifty steps of batches of several sizes under one seed: losses, parameters, buffers, predictions, bit for bit."""
    case = CASES[name]
    module, model = exported_case(name)
    torch.manual_seed(7)
    batches = [
        (case.batch(rows), torch.randint(0, CLASSES, (rows,))) for rows in [4 + step % 3 for step in range(STEPS)]
    ]
    described, make = OPTIMIZERS[optimizer]
    with session(worker, model, described) as remote:
        values = [remote.call("TrainStep", inputs, target).value for inputs, target in batches]
        state, predicted = remote.state(), remote.predict(batches[0][0])
    with here(module) as local:
        stepper = make(local.parameters())
        torch.manual_seed(11)
        for (inputs, target), value in zip(batches, values, strict=True):
            stepper.zero_grad()
            loss = nn.CrossEntropyLoss()(local(**inputs), target)
            loss.backward()
            stepper.step()
            assert loss.item() == value
        local.eval()
        with torch.no_grad():
            expected = local(**batches[0][0])
    assert state.keys() == local.state_dict().keys()
    for key, value in local.state_dict().items():
        assert oracle.same_bits(state[key], value), key
    assert oracle.same_bits(predicted, expected)


def test_names_and_order_are_the_modules(worker: Worker) -> None:
    """Parameters in the module's order, tied ones once; what takes no gradient is not trained."""
    module = Attention()
    module.project.bias.requires_grad_(False)
    torch.manual_seed(1)
    case = CASES["attention"]
    inputs, target = case.batch(4), torch.tensor([0, 1, 2, 0])
    with session(worker, exported(case, module)) as remote:
        info = remote.call("GetSession", {}).session
        trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
        assert info.parameter_count == sum(parameter.numel() for parameter in trained)
        remote.call("TrainStep", inputs, target)
        state = remote.state()
    assert oracle.same_bits(state["project.bias"], module.project.bias.detach())
    assert oracle.same_bits(state["words.weight"], state["head.weight"])
    assert not torch.equal(state["words.weight"], module.words.weight)


def test_frozen_layers_stay_in_evaluation(worker: Worker) -> None:
    """A normalisation that was in eval() when the module was exported keeps its statistics in training."""
    case, module = CASES["perceptron"], Perceptron()
    module.body[1].eval()
    batches = [(case.batch(4), torch.tensor([0, 1, 2, 0])) for _ in range(3)]
    with session(worker, exported(case, module)) as remote:
        for inputs, target in batches:
            remote.call("TrainStep", inputs, target)
        state = remote.state()
    assert not module.body[1].training
    assert module.body[3].training
    assert oracle.same_bits(state["body.1.running_mean"], torch.zeros(16))
    assert state["body.1.num_batches_tracked"] == 0


def test_what_is_refused_leaves_no_trace(worker: Worker) -> None:
    """An index outside, one row in training, another shape, a wrong name: INVALID_ARGUMENT, and nothing has changed."""
    case = CASES["encoder"]
    with session(worker, exported(case, Encoder())) as remote:
        before = remote.state()
        good = case.batch(4)["input"]
        for inputs, reason in [
            ({"input": good + WORDS}, "VALUE_OUT_OF_RANGE"),
            ({"input": good.float()}, "DTYPE_MISMATCH"),
            ({"input": good[:, :3]}, "SHAPE_MISMATCH"),
            ({"other": good}, "UNKNOWN_NAME"),
            ({}, "MISSING_FIELD"),
        ]:
            with pytest.raises(oracle.Refused) as refused:
                remote.call("TrainStep", inputs, torch.tensor([0, 1, 2, 0]))
            assert (refused.value.code, refused.value.reason) == (3, reason)
        assert all(oracle.same_bits(value, before[key]) for key, value in remote.state().items())


def test_one_row_is_too_few_for_normalisation_in_training_alone(worker: Worker) -> None:
    """As torch says in Python, which no graph holds; evaluation takes one row."""
    case = CASES["perceptron"]
    with session(worker, exported(case, Perceptron())) as remote:
        with pytest.raises(oracle.Refused, match="more than one value") as refused:
            remote.call("TrainStep", case.batch(1), torch.tensor([0]))
        assert refused.value.reason == "SHAPE_MISMATCH"
        assert remote.predict(case.batch(1)).shape == (1, CLASSES)


class Of(nn.Module):
    """A layer, and a function of it and of its input."""

    def __init__(self, function: Any, layer: nn.Module | None = None) -> None:
        super().__init__()
        self.function, self.layer = function, layer or nn.Linear(4, 4)
        self.register_buffer("count", torch.zeros(()))

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return self.function(self, input)


def counting(module: Of, x: Tensor) -> Tensor:
    module.count += 1
    return module.layer(x) * module.count


@pytest.mark.parametrize(
    ("module", "kind", "says"),
    [
        (Of(lambda m, x: F.dropout(m.layer(x))), ValueError, "is on in eval.. too: give it training=self.training"),
        (Of(lambda m, x: m.layer(x) * 2 if m.training else m.layer(x)), ValueError, "something else in eval"),
        (Of(lambda m, x: m.layer(x) + torch.randn_like(x)), ValueError, "draws random numbers"),
        (Of(lambda m, x: m.layer(x) if x.sum() > 0 else x), ValueError, "branches on data"),
        (Of(counting), ValueError, "written to"),
        (Of(lambda m, x: (m.layer(x), x)), TypeError, "return one tensor"),
        (Of(lambda m, x: m.layer(x)[x > 0]), ValueError, "selecting by a mask"),
        (Of(lambda m, x: m.layer(x), nn.BatchNorm1d(4, momentum=None)), ValueError, "layer has momentum None"),
        (nn.ReLU(), ValueError, "nothing to train"),
        (Perceptron().eval(), ValueError, "call train.. first"),
        (lambda x: x, TypeError, "expected an nn.Module"),
    ],
)
def test_export_refuses_what_no_server_trains(module: Any, kind: type[Exception], says: str) -> None:
    """Before anything is sent, with the remedy."""
    with pytest.raises(kind, match=says):
        export_model(module, [normal(4, 4)])


def test_a_model_is_saved_and_read(tmp_path: Any) -> None:
    """Equal modules are equal models, an archive is the same after a file, and a model is no loss."""
    case, module = CASES["perceptron"], Perceptron()
    model = exported(case, module)
    assert model == exported(case, module)
    model.save(tmp_path / "model.zip")
    assert lossd.nn.ProgramModel.read(tmp_path / "model.zip") == model
    assert list(model.inputs) == ["input"]


@pytest.mark.parametrize("name", operators.MODEL_NAMES)
def test_every_operator_of_models_is_torchs(name: str) -> None:
    """Each is an overload of torch 2.13; whatever draws random numbers has a flag that stops it."""
    operator = operators.find(f"torch.ops.aten.{name}" + ("" if "." in name else ".default"), "here", True)
    drawing = torch.Tag.nondeterministic_seeded in operator.run.tags
    assert not drawing or operator.flag in operator.parameters
    assert operator.flag == layers.FLAGS.get(name, "")
    assert torch.Tag.data_dependent_output not in operator.run.tags


def test_losses_may_not_use_layers() -> None:
    """What models gained, programs of losses still lack."""
    for name in layers.RULES.keys() - set(operators.NAMES):
        with pytest.raises(operators.Fault, match="is not one that programs may use"):
            operators.find(f"torch.ops.aten.{name}" + ("" if "." in name else ".default"), "here")


def test_a_model_through_the_sdk_and_a_server(server: RunningServer) -> None:
    """Client, wire, front, worker: two inputs by name, trained and predicted as here, bit for bit."""
    case = CASES["two inputs"]
    torch.manual_seed(4)
    module = TwoInputs()
    batches = [(case.batch(6), torch.randint(0, CLASSES, (6,))) for _ in range(10)]
    with lossd.Client(server.target) as client, client.create_session(
        model=exported(case, module), loss=lossd.CrossEntropyLoss(), optimizer=optim.Adam(lr=0.01), seed=11
    ) as remote:  # fmt: skip
        for inputs, target in batches:
            remote.step({name: value.numpy() for name, value in inputs.items()}, target.numpy())
        state = {name: torch.from_numpy(value.copy()) for name, value in remote.state_dict().items()}
        predicted = torch.from_numpy(remote.predict({k: v.numpy() for k, v in batches[0][0].items()}).copy())
    with here(module) as local:
        stepper = torch.optim.Adam(local.parameters(), lr=0.01)
        for inputs, target in batches:
            stepper.zero_grad()
            nn.CrossEntropyLoss()(local(**inputs), target).backward()
            stepper.step()
        for name, value in local.state_dict().items():
            assert oracle.same_bits(state[name], value), name
        assert oracle.same_bits(predicted, local(**batches[0][0]).detach())
