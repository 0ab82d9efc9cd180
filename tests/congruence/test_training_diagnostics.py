"""Diagnostics of trainings: planted mistakes are found, healthy trainings are left alone, and nothing else changes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import lossd
import numpy as np
import pytest
import torch
from congruence import oracle
from lossd import nn, optim, spec
from lossd.v1 import training_service_pb2 as pb
from lossd_server.judge.diagnostics.training import TRAINING
from lossd_server.worker.worker import Worker
from sklearn import datasets

Array = np.ndarray[Any, Any]
Data = tuple[Array, Array]

LONG = bool(os.environ.get("LOSSD_LONG"))
"""Whether to train several times as many healthy models, many times as long."""


def scaled(x: Array) -> Array:
    return ((x - x.mean(0)) / (x.std(0) + 1e-8)).astype(np.float32)


def load(name: str) -> Data:
    """A data set as its model takes it: numbers of mean 0 and spread 1, pixels 0 to 1."""
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    if name == "digits":
        return (x / 16).astype(np.float32), y
    if name == "diabetes":
        return scaled(x), scaled(y[:, None])
    return scaled(x), y[:, None].astype(np.float32) if name == "breast_cancer" else y


DIGITS, DIABETES, WINE, CANCER = (load(name) for name in ("digits", "diabetes", "wine", "breast_cancer"))
CE, MSE, BCE = lossd.CrossEntropyLoss(), lossd.MSELoss(), lossd.BCEWithLogitsLoss()


def mlp(inputs: int, outputs: int, *widths: int, act: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    parts: list[nn.Module] = []
    for width in widths:
        parts += [nn.Linear(inputs, width), act()]
        inputs = width
    return nn.Sequential(*parts, nn.Linear(inputs, outputs))


def batches(data: Data, size: int, steps: int) -> Iterator[Data]:
    random, made = np.random.default_rng(0), 0
    while True:
        order = random.permutation(len(data[0]))
        for start in range(0, len(order) - size + 1, size):
            if made == steps:
                return
            made += 1
            part = order[start : start + size]
            yield data[0][part], data[1][part]


@pytest.fixture(scope="module")
def client() -> Iterator[lossd.Client]:
    with lossd.local() as local:
        yield local


class Planted(NamedTuple):
    """A mistake: what is made of it, the codes of which one must be found, and by which step."""

    codes: set[str]
    by: int
    model: nn.Module
    data: Data
    optimizer: optim.Optimizer
    loss: lossd.loss.Loss = CE
    size: int = 32
    level: str = "cheap"
    more: Mapping[str, Any] = {}


def dead() -> dict[str, Array]:
    """Weights of a network whose hidden units are off for every input."""
    random = np.random.default_rng(0)
    return {
        "0.weight": random.normal(size=(32, 64), scale=0.1).astype(np.float32),
        "0.bias": np.full(32, -100, np.float32),
        "2.weight": random.normal(size=(10, 32), scale=0.1).astype(np.float32),
        "2.bias": np.zeros(10, np.float32),
    }


def exploding() -> dict[str, Array]:
    """Weights of a recurrent network that makes gradients twice as large at each step back."""
    random = np.random.default_rng(0)
    hidden = np.linalg.qr(random.normal(size=(16, 16)))[0] * 2
    return {
        "0.weight_ih_l0": random.normal(size=(16, 4), scale=1e-5).astype(np.float32),
        "0.weight_hh_l0": hidden.astype(np.float32),
        "0.bias_ih_l0": np.zeros(16, np.float32),
        "0.bias_hh_l0": np.zeros(16, np.float32),
        "1.weight": random.normal(size=(1, 16)).astype(np.float32),
        "1.bias": np.zeros(1, np.float32),
    }


SEQUENCES = np.random.default_rng(0).normal(size=(64, 60, 4)).astype(np.float32)
RNN = nn.Sequential(nn.RNN(4, 16, batch_first=True, output="last"), nn.Linear(16, 1))
RAW_CANCER = datasets.load_breast_cancer().data.astype(np.float32)
SHUFFLED = np.random.default_rng(5).permutation(DIGITS[1])
ONES = np.ones_like(DIGITS[0])
HOLED = DIGITS[0].copy()
HOLED[700:, 3] = np.nan
NORMALISED = nn.Sequential(nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 10))
TOO_HIGH = {"LEARNING_RATE_TOO_HIGH"}

PLANTED = {
    "SGD with a learning rate times 100": Planted(TOO_HIGH, 10, mlp(64, 10, 32), DIGITS, optim.SGD(lr=10.0)),
    "Adam with a learning rate times 100": Planted(TOO_HIGH, 10, mlp(64, 10, 32), DIGITS, optim.Adam(lr=1.0)),
    "regression with a learning rate times 100": Planted(
        {"TRAINING_NOT_FINITE"}, 10, mlp(10, 1, 32), DIABETES, optim.SGD(lr=2.0), MSE
    ),
    "SGD with a learning rate times 1e-6": Planted(
        {"LEARNING_RATE_TOO_LOW"}, 20, mlp(64, 10, 32), DIGITS, optim.SGD(lr=1e-7)
    ),
    "Adam with a learning rate times 1e-6": Planted(
        {"LEARNING_RATE_TOO_LOW"}, 20, mlp(64, 10, 32), DIGITS, optim.Adam(lr=1e-9)
    ),
    "biases of -100 before ReLU": Planted(
        {"DEAD_RELU"}, 1, mlp(64, 10, 32), DIGITS, optim.SGD(lr=0.1), level="full", more={"state_dict": dead()}
    ),
    "biases of -100 before ReLU, looked at cheaply": Planted(
        {"NO_GRADIENT"}, 5, mlp(64, 10, 32), DIGITS, optim.SGD(lr=0.1), more={"state_dict": dead()}
    ),
    "ten layers of sigmoid": Planted(
        {"VANISHING_GRADIENTS"}, 5, mlp(64, 10, *[16] * 10, act=nn.Sigmoid), DIGITS, optim.SGD(lr=0.1)
    ),
    "a recurrent network that explodes": Planted(
        {"EXPLODING_GRADIENTS"}, 1, RNN, (SEQUENCES, SEQUENCES[:, 0, :1]), optim.SGD(lr=1e-6), MSE,
        more={"state_dict": exploding()},
    ),
    "inputs as they were measured": Planted(
        {"INITIAL_LOSS_HIGH"}, 1, mlp(30, 1, 32), (RAW_CANCER, CANCER[1]), optim.SGD(lr=0.01), BCE
    ),
    "targets far from 0": Planted(
        {"INITIAL_LOSS_HIGH"}, 1, mlp(10, 1, 32), (DIABETES[0], DIABETES[1] * 10 + 5000), optim.SGD(lr=1e-6), MSE
    ),
    "a constant in place of the inputs": Planted(
        {"IDENTICAL_EXAMPLES"}, 1, mlp(64, 10, 32), (ONES, DIGITS[1]), optim.SGD(lr=0.1)
    ),
    "targets in another order than the inputs": Planted(
        {"NO_PROGRESS"}, 300, nn.Sequential(nn.Linear(64, 10)), (DIGITS[0], SHUFFLED), optim.SGD(lr=0.01)
    ),
    "a constant in place of the inputs, in the long run": Planted(
        {"NO_PROGRESS"}, 400, mlp(64, 10), (ONES, DIGITS[1]), optim.SGD(lr=0.01)
    ),
    "batches of two with batch normalisation": Planted(
        {"BATCH_NORM_SMALL_BATCH"}, 1, NORMALISED, DIGITS, optim.SGD(lr=0.1), size=2
    ),
    "a column of NaN from some example on": Planted(
        {"TRAINING_NOT_FINITE"}, 3, mlp(64, 10, 32), (HOLED, DIGITS[1]), optim.SGD(lr=0.1)
    ),
    "clipping to nearly nothing": Planted(
        {"ALWAYS_CLIPPED"}, 60, mlp(64, 10, 32), DIGITS, optim.SGD(lr=0.1), more={"clip_grad_norm": 1e-3}
    ),
    "inputs too large for tanh": Planted(
        {"SATURATED_ACTIVATIONS"}, 1, mlp(64, 10, 32, act=nn.Tanh), (DIGITS[0] * 1000, DIGITS[1]),
        optim.SGD(lr=0.01), level="full",
    ),
    "the sign of the loss turned round": Planted(
        {"LOSS_DIVERGING"}, 60, mlp(64, 10, 32), DIGITS, optim.SGD(lr=0.05, maximize=True)
    ),
    "inputs of another size": Planted(
        {"INPUTS_NOT_SCALED"}, 1, mlp(64, 10, 32), (DIGITS[0] * 1000, DIGITS[1]), optim.SGD(lr=1e-5)
    ),
    "a training that goes on though it is done": Planted(
        {"LOSS_PLATEAU"}, 400, mlp(10, 1), (DIABETES[0][:32], DIABETES[1][:32]), optim.SGD(lr=0.1), MSE
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_planted_mistakes_are_found(client: lossd.Client, name: str) -> None:
    """Each in as many steps as the table says, with its numbers finite in name and its remedy said."""
    planted = PLANTED[name]
    parts = {"model": planted.model, "loss": planted.loss, "optimizer": planted.optimizer, "seed": 1}
    with client.create_session(**parts, **planted.more) as session:
        told = set()
        for step in session.step_stream(batches(planted.data, planted.size, planted.by), diagnostics=planted.level):
            told |= {one.code for one in step.diagnostics}
            for one in step.diagnostics:
                assert one.remedy
                assert one.evidence
    assert planted.codes & told, told


def test_every_code_has_a_mistake_that_is_found() -> None:
    """The table and the tests of this file name the same codes."""
    others = {"GRADIENT_SPIKE", "GRADIENTS_WAITING", "OVERFITTING", "GENERALIZATION_GAP"}
    assert set().union(*(planted.codes for planted in PLANTED.values())) | others == {one.code for one in TRAINING}


def test_one_batch_of_outliers_is_named(client: lossd.Client) -> None:
    """The step whose gradient is far greater than those before is the one that says so."""
    made = [(x * 1e4 if number == 60 else x, y) for number, (x, y) in enumerate(batches(DIGITS, 32, 60), 1)]
    with client.create_session(model=mlp(64, 10, 32), loss=CE, optimizer=optim.SGD(lr=0.1)) as session:
        told = [
            (step.step, one.code) for step in session.step_stream(made, diagnostics="cheap") for one in step.diagnostics
        ]
    assert [step for step, code in told if code == "GRADIENT_SPIKE"] == [60]


def test_forgotten_optim_steps_are_seen(client: lossd.Client) -> None:
    """64 micro-batches in a row without a step, or many times as many as before, are told; ordinary ones are not."""
    x, y = DIGITS[0][:8], DIGITS[1][:8]
    with client.create_session(model=mlp(64, 10), loss=CE, optimizer=optim.SGD(lr=0.1)) as session:
        told = [session.forward_backward(x, y, diagnostics="cheap").diagnostics for _ in range(64)]
        assert [one.code for one in told[-1]] == ["GRADIENTS_WAITING"]
        assert not any(told[:-1])
        session.optim_step(discard=True, diagnostics="cheap")
        for _ in range(4):
            session.forward_backward(x, y)
        assert session.optim_step(diagnostics="cheap").micro_batches == 4
        told = [session.forward_backward(x, y, diagnostics="cheap").diagnostics for _ in range(17)]
        assert [len(each) for each in told] == [0] * 16 + [1]
        with pytest.raises(lossd.FailedPrecondition, match="17 micro-batches wait"):
            session.step(x, y)


@pytest.mark.parametrize("data", [(DIGITS[0], SHUFFLED), DIABETES], ids=["digits", "diabetes"])
def test_overfitting_is_told_by_the_epochs(client: lossd.Client, data: Data) -> None:
    """A wide network on 20 rows is found to learn them by heart within 20 epochs."""
    loss, outputs = (CE, 10) if data[1].ndim == 1 else (MSE, 1)
    model = mlp(data[0].shape[1], outputs, 256)
    with client.create_session(model=model, loss=loss, optimizer=optim.Adam(lr=1e-2), seed=1) as session:
        held_out = data[0][200:400], data[1][200:400]
        history = session.fit(
            data[0][:20], data[1][:20], epochs=20, batch_size=10, validation_data=held_out, diagnostics="cheap"
        )
    codes = [[one.code for one in epoch.diagnostics] for epoch in history]
    gaps = [number for number, told in enumerate(codes, 1) if "GENERALIZATION_GAP" in told]
    found = [number for number, told in enumerate(codes, 1) if "OVERFITTING" in told]
    assert found
    assert not set(gaps) & set(found)
    assert min(gaps + found) >= 5
    assert [one.code for one in history.diagnostics if one.severity == "warning"] == ["OVERFITTING"]


def test_fit_tells_what_steps_tell(client: lossd.Client) -> None:
    """Epochs carry what was found in their steps, once each, at either level; without a level there is nothing."""
    model = mlp(64, 10, 32)
    for level, expected in (("full", "DEAD_RELU"), ("cheap", "NO_GRADIENT"), ("off", None)):
        with client.create_session(model=model, loss=CE, optimizer=optim.SGD(lr=0.1), state_dict=dead()) as session:
            history = session.fit(DIGITS[0][:320], DIGITS[1][:320], epochs=3, batch_size=32, diagnostics=level)
        for epoch in history:
            codes = [one.code for one in epoch.diagnostics]
            assert len(codes) == len(set(codes))
            assert (expected in codes) == (expected is not None)
        assert len(history.diagnostics) == len({one.code for one in history.diagnostics})
        assert history.to_dict()["epochs"][0]["diagnostics"] == [] or expected


HEALTHY = [
    (data, loss, outputs, model, optimizer)
    for data, loss, outputs in ((DIGITS, CE, 10), (DIABETES, MSE, 1), (CANCER, BCE, 1), (WINE, CE, 3))
    for model, optimizer in (
        ("linear", optim.SGD(lr=0.1)),
        ("mlp", optim.SGD(lr=0.02, momentum=0.9)),
        ("mlp", optim.Adam(lr=1e-3)),
        ("dropout", optim.AdamW(lr=3e-3)),
        ("normalised", optim.Adam(lr=1e-3)),
        ("tanh", optim.RMSprop(lr=1e-3)),
    )
]


def healthy(kind: str, inputs: int, outputs: int) -> nn.Module:
    if kind == "dropout":
        return nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, outputs))
    if kind == "normalised":
        return nn.Sequential(nn.Linear(inputs, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, outputs))
    widths = {"linear": (), "mlp": (64,), "tanh": (64, 32)}[kind]
    return mlp(inputs, outputs, *widths, act=nn.Tanh if kind == "tanh" else nn.ReLU)


def test_healthy_trainings_are_left_alone(client: lossd.Client) -> None:
    """Less than 2 % of the steps of healthy trainings, at full depth, say anything above information."""
    loud, steps = [], 0
    for size in (32, 8, 4) if LONG else (16,):
        for data, loss, outputs, kind, optimizer in HEALTHY:
            model = healthy(kind, data[0].shape[1], outputs)
            with client.create_session(model=model, loss=loss, optimizer=optimizer, seed=2) as session:
                for step in session.step_stream(batches(data, size, 600 if LONG else 60), diagnostics="full"):
                    steps += 1
                    told = {one.code for one in step.diagnostics if one.severity != "info"}
                    loud += [(kind, repr(optimizer), size, loss, step.step, told)] if told else []
    assert len(loud) < 0.02 * steps, loud[:: max(1, len(loud) // 20)]


SCHEDULES = (None, optim.lr_scheduler.CosineAnnealingLR(T_max=200), optim.lr_scheduler.StepLR(step_size=60, gamma=0.3))


def held_out(seed: int) -> Iterator[tuple[Data, lossd.loss.Loss, int]]:
    """Data that no bound was chosen by: numbers with noise, classes with wrong labels, and few examples."""
    yield load("iris"), CE, 3
    x, y = datasets.make_friedman1(300, 10, noise=1.0, random_state=seed)
    yield (scaled(x), scaled(y[:, None])), MSE, 1
    x, y = datasets.make_regression(400, 10, noise=30.0, random_state=seed)
    yield (scaled(x), scaled(y[:, None])), lossd.HuberLoss(), 1
    x, y = datasets.make_classification(500, 20, n_informative=8, n_classes=3, flip_y=0.05, random_state=seed)
    yield (scaled(x), y), CE, 3


def test_epochs_of_healthy_fits_are_left_alone(client: lossd.Client) -> None:
    """Of those that learn and do not overfit less than 2 % say anything above information; others overfit in truth.

    Learning is to end below 0.9 of the first loss; overfitting is a validation loss that ends 10 % above its least.
    """
    loud, epochs, fits = [], 0, 0
    for seed in range(3 if LONG else 1):
        for number, (data, loss, outputs) in enumerate(held_out(seed)):
            for kind, optimizer in [one[3:] for one in HEALTHY[1:5]][:: 1 if LONG else 2]:
                model = healthy(kind, data[0].shape[1], outputs)
                schedule = SCHEDULES[(number + seed) % 3]
                with client.create_session(
                    model=model, loss=loss, optimizer=optimizer, scheduler=schedule, seed=seed
                ) as session:
                    history = session.fit(
                        *data, epochs=30 if LONG else 10, batch_size=16, shuffle=True, drop_last=True,
                        validation_split=0.25, diagnostics=("cheap", "full")[number % 2],
                    )  # fmt: skip
                overfits = history.validation_value[-1] > 1.1 * min(history.validation_value)
                if overfits or not history.value[-1] < 0.9 * history.value[0]:
                    continue
                fits += 1
                epochs += len(history)
                told = [{one.code for one in epoch.diagnostics if one.severity != "info"} for epoch in history]
                loud += [(kind, repr(optimizer), loss, seed, codes) for codes in told if codes]
    assert fits >= 4
    assert len(loud) < 0.02 * epochs, loud


def noisy() -> nn.Module:
    return nn.Sequential(
        nn.Linear(64, 32),
        nn.BatchNorm1d(32),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(32, 16),
        nn.Tanh(),
        nn.Linear(16, 10),
    )


def test_nothing_of_a_training_depends_on_them(client: lossd.Client) -> None:
    """With dropout, batch normalisation and any verb, losses, gradients and weights are the same to the bit."""
    runs = []
    for level in ("off", "cheap", "full"):
        with client.create_session(
            model=noisy(), loss=CE, optimizer=optim.Adam(lr=1e-2), clip_grad_norm=1.0, seed=3
        ) as session:
            numbers: list[float] = []
            for x, y in batches(DIGITS, 16, 12):
                step = session.step(x, y, diagnostics=level)
                numbers += [step.value, step.grad_norm]
            for x, y in batches(DIGITS, 16, 4):
                numbers.append(session.forward_backward(x, y, diagnostics=level).value)
            numbers.append(session.optim_step(diagnostics=level).value)
            numbers.append(session.evaluate(*DIGITS, batch_size=100, diagnostics=level).value)
            for accumulate in (1, 2):
                history = session.fit(
                    DIGITS[0][:200], DIGITS[1][:200], epochs=2, batch_size=20, shuffle=True, validation_split=0.2,
                    accumulate=accumulate, diagnostics=level,
                )  # fmt: skip
                numbers += history.value + history.validation_value + history.grad_norm
            runs.append((numbers, session.state_dict()))
    for numbers, state in runs[1:]:
        assert numbers == runs[0][0]
        assert {name: value.tobytes() for name, value in state.items()} == {
            name: value.tobytes() for name, value in runs[0][1].items()
        }


def test_an_optimizer_with_a_closure_is_watched_too(client: lossd.Client) -> None:
    """LBFGS steps the same whether it is watched or not."""
    values = []
    for level in ("off", "full"):
        with client.create_session(model=mlp(10, 1), loss=MSE, optimizer=optim.LBFGS(lr=0.5), seed=1) as session:
            values.append([session.step(*DIABETES, diagnostics=level).value for _ in range(4)])
    assert values[0] == values[1]


def test_a_batch_is_diagnosed_by_what_the_model_put_out(client: lossd.Client) -> None:
    """Softmax before a loss of logits is told of a step, a micro-batch, an evaluation and an epoch alike."""
    model = nn.Sequential(nn.Linear(64, 10), nn.Softmax(1))
    with client.create_session(model=model, loss=CE, optimizer=optim.SGD(lr=0.1)) as session:
        x, y = DIGITS[0][:64], DIGITS[1][:64]
        told = [
            session.step(x, y, diagnostics="cheap").diagnostics,
            session.forward_backward(x, y, diagnostics="cheap").diagnostics,
            session.evaluate(x, y, diagnostics="cheap").diagnostics,
        ]
        session.optim_step()
        told.append(session.fit(x, y, epochs=2, diagnostics="cheap").diagnostics)
    for findings in told:
        fields = {one.code: one.field for one in findings}
        assert fields.get("PROBABILITIES_AS_LOGITS") == "outputs", findings


def test_a_session_that_comes_back_goes_on_without_its_past(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """From its files alone: weights are those acknowledged, epochs tell what they told, no number is another."""
    (tmp_path / "a").mkdir()
    worker = Worker("cpu:0", "w0-1", max_sessions=2, state_dir=str(tmp_path / "a"))
    request = pb.CreateSessionRequest(durability=pb.DURABILITY_STEP)
    spec.write(mlp(64, 10, 32), request.model)
    spec.write(CE, request.loss)
    spec.write(optim.SGD(lr=0.1), request.optimizer)
    for name, value in dead().items():
        request.state_dict[name].CopyFrom(oracle.tensor(torch.from_numpy(value), "raw", []))
    session_id = oracle.run(worker, "CreateSession", request, (), pb.CreateSessionResponse)[0].session.session_id

    def asked(kind: Any, **more: Any) -> Any:
        made = kind(session_id=session_id, diagnostics=3, **more)
        made.inputs["input"].CopyFrom(oracle.tensor(torch.from_numpy(DIGITS[0][:64]), "raw", []))
        made.targets["target"].CopyFrom(oracle.tensor(torch.from_numpy(DIGITS[1][:64]), "raw", []))
        return made

    def state(of: Worker) -> dict[str, bytes]:
        request = pb.GetSessionStateRequest(session_id=session_id, response_encoding=2)
        answer = oracle.run(of, "GetSessionState", request, (), pb.GetSessionStateResponse)[0]
        return {name: tensor.raw for name, tensor in answer.state_dict.items()}

    steps = [oracle.run(worker, "TrainStep", asked(pb.TrainStepRequest), (), pb.TrainStepResponse)[0] for _ in range(6)]
    oracle.run(worker, "SaveSession", pb.SaveSessionRequest(session_id=session_id), (), pb.SaveSessionResponse)
    steps.append(oracle.run(worker, "TrainStep", asked(pb.TrainStepRequest), (), pb.TrainStepResponse)[0])
    fit = asked(pb.FitRequest, epochs=3, batch_size=32)
    told = oracle.run(worker, "Fit", fit, (), pb.FitResponse)[0]
    assert told.stop_reason
    assert all("NO_GRADIENT" in [one.code for one in epoch.diagnostics] for epoch in told.epochs)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    again = Worker("cpu:0", "w0-2", max_sessions=2, state_dir=str(tmp_path / "b"))
    assert state(again) == state(worker)
    replayed = oracle.run(again, "TrainStep", asked(pb.TrainStepRequest, seq=7), (), pb.TrainStepResponse)[0]
    assert replayed.replayed
    assert list(replayed.diagnostics) == list(steps[-1].diagnostics)
    repeated = oracle.run(again, "Fit", pb.FitRequest(session_id=session_id, seq=8, resume=True), (), pb.FitResponse)[0]
    codes = [[one.code for one in epoch.diagnostics] for epoch in repeated.epochs]
    assert len(codes) == 3
    assert all("DEAD_RELU" in epoch for epoch in codes)
    after = oracle.run(again, "TrainStep", asked(pb.TrainStepRequest), (), pb.TrainStepResponse)[0]
    assert after.step == 14
    assert after.value == oracle.run(worker, "TrainStep", asked(pb.TrainStepRequest), (), pb.TrainStepResponse)[0].value
    assert not [record for record in caplog.records if "other numbers" in record.message]
