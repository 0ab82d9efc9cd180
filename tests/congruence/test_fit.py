"""Fit and EvaluateSession against local torch loops: weights, losses and stops, however a Fit is cut into slices."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import torch
from congruence import oracle
from google.protobuf import json_format
from lossd.v1 import training_service_pb2 as pb
from lossd_server.training.options import MAX_EPOCHS
from lossd_server.worker import fitting as worker_fitting
from lossd_server.worker.worker import Worker
from torch import Tensor, nn

ROWS, WIDTH, CLASSES = 50, 6, 3
SOURCE = torch.Generator().manual_seed(3)
INPUT = torch.randn(ROWS, WIDTH, generator=SOURCE)
NUMBERS = torch.randn(ROWS, CLASSES, generator=SOURCE)
LABELS = torch.randint(CLASSES, (ROWS,), generator=SOURCE)
MLP = [("linear", WIDTH, 8), ("tanh",), ("linear", 8, CLASSES)]
NOISY = [("linear", WIDTH, 16), ("dropout", 0.3), ("linear", 16, CLASSES)]
MSE: dict[str, Any] = {"mse_loss": {}}
SGD: dict[str, Any] = {"sgd": {"lr": 0.05, "momentum": 0.9}}


@pytest.fixture
def worker() -> Worker:
    return oracle.new_worker()


@pytest.fixture
def slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes each call of Fit one step long, as a slow model would."""
    monkeypatch.setattr(worker_fitting, "_SLICE_SECONDS", 0.0)


def module(parts: list[tuple[Any, ...]], seed: int) -> nn.Sequential:
    classes = {"linear": nn.Linear, "tanh": nn.Tanh, "dropout": nn.Dropout}
    torch.manual_seed(seed)
    return nn.Sequential(*[classes[name](*arguments) for name, *arguments in parts])


def model(parts: list[tuple[Any, ...]]) -> dict[str, Any]:
    named = {"linear": ("in_features", "out_features"), "tanh": (), "dropout": ("p",)}
    return {
        "sequential": {
            "modules": [{name: dict(zip(named[name], arguments, strict=True))} for name, *arguments in parts]
        }
    }


class Remote:
    """A session on a worker in this process."""

    def __init__(self, worker: Worker, parts: list[tuple[Any, ...]], loss: Mapping[str, Any], **more: Any) -> None:
        self.worker = worker
        request = json_format.ParseDict(
            {"model": model(parts), "loss": loss, "optimizer": SGD, "seed": 7, **more}, pb.CreateSessionRequest()
        )
        self.session_id = self.run("CreateSession", request, pb.CreateSessionResponse).session.session_id

    def run(self, verb: str, request: Any, answer: Any) -> Any:
        return oracle.run(self.worker, verb, request, (), answer)[0]

    def request(self, inputs: Tensor = INPUT, target: Tensor = NUMBERS, **more: Any) -> pb.FitRequest:
        request = json_format.ParseDict({"session_id": self.session_id, "epochs": 3, **more}, pb.FitRequest())
        request.inputs["input"].CopyFrom(oracle.tensor(inputs, "raw", []))
        request.targets["target"].CopyFrom(oracle.tensor(target, "raw", []))
        return request

    def slices(self, request: pb.FitRequest, most: int = 100_000) -> Iterator[pb.FitResponse]:
        """The answers to a Fit, each slice asked for as the server's front does."""
        for _ in range(most):
            yield (answer := self.run("Fit", request, pb.FitResponse))
            if answer.stop_reason:
                return
            after = answer.epochs[-1].epoch if answer.epochs else request.after_epoch
            request = pb.FitRequest(session_id=self.session_id, seq=answer.seq, resume=True, after_epoch=after)

    def fit(self, *data: Tensor, **more: Any) -> tuple[list[pb.Epoch], pb.FitResponse]:
        """All epochs, and the last answer."""
        answers = list(self.slices(self.request(*data, **more)))
        return [epoch for answer in answers for epoch in answer.epochs], answers[-1]

    def evaluate(self, inputs: Tensor, target: Tensor, **more: Any) -> pb.EvaluateSessionResponse:
        request = pb.EvaluateSessionRequest(session_id=self.session_id, **more)
        request.inputs["input"].CopyFrom(oracle.tensor(inputs, "raw", []))
        request.targets["target"].CopyFrom(oracle.tensor(target, "raw", []))
        return self.run("EvaluateSession", request, pb.EvaluateSessionResponse)

    def step(self, seq: int = 0) -> pb.TrainStepResponse:
        request = pb.TrainStepRequest(session_id=self.session_id, seq=seq)
        request.inputs["input"].CopyFrom(oracle.tensor(INPUT, "raw", []))
        request.targets["target"].CopyFrom(oracle.tensor(NUMBERS, "raw", []))
        return self.run("TrainStep", request, pb.TrainStepResponse)

    def state(self) -> dict[str, Tensor]:
        request = pb.GetSessionStateRequest(session_id=self.session_id, response_encoding=2)
        answer = self.run("GetSessionState", request, pb.GetSessionStateResponse)
        return {name: oracle.read(given, []) for name, given in answer.state_dict.items()}


class Local:
    """The loop that one would write; it and a worker in this process draw from one generator, so in turn."""

    def __init__(self, parts: list[tuple[Any, ...]], loss: nn.Module, target: Tensor = NUMBERS) -> None:
        torch.set_num_threads(oracle.THREADS)
        self.model = module(parts, 7)
        self.loss = loss
        self.target = target
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.05, momentum=0.9)
        self.values: list[float] = []
        self.norms: list[float] = []

    def step(self, chosen: Tensor | slice) -> tuple[float, float, int]:
        self.optimizer.zero_grad()
        inputs = INPUT[chosen]
        value = self.loss(self.model(inputs), self.target[chosen])
        value.backward()
        norm = torch.nn.utils.get_total_norm([p.grad for p in self.model.parameters() if p.grad is not None])
        self.optimizer.step()
        return value.item(), float(norm), len(inputs)

    def epoch(self, batches: list[Any]) -> None:
        steps = [self.step(batch) for batch in batches]
        total = sum(value * rows for value, _, rows in steps) / sum(rows for *_, rows in steps)
        self.values.append(steps[0][0] if len(steps) == 1 else total)
        self.norms.append(sum(norm for _, norm, _ in steps) / len(steps))

    def validate(self, chosen: slice) -> float:
        self.model.eval()
        with torch.no_grad():
            value = self.loss(self.model(INPUT[chosen]), self.target[chosen]).item()
        self.model.train()
        return value


def in_order(rows: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]


def assert_same_state(given: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    assert given.keys() == expected.keys()
    for name, value in expected.items():
        assert oracle.same_bits(given[name], value), name


@pytest.mark.parametrize("parts", [MLP, NOISY], ids=["plain", "dropout"])
def test_a_whole_batch_is_one_step_an_epoch(worker: Worker, parts: list[tuple[Any, ...]]) -> None:
    """Losses, gradient norms and weights of 20 epochs are a local loop's, bit for bit."""
    remote = Remote(worker, parts, MSE)
    epochs, last = remote.fit(epochs=20)
    local = Local(parts, nn.MSELoss())
    for _ in range(20):
        local.epoch([slice(None)])
    assert [epoch.value for epoch in epochs] == local.values
    assert [epoch.grad_norm for epoch in epochs] == local.norms
    assert [epoch.epoch for epoch in epochs] == [epoch.step for epoch in epochs] == list(range(1, 21))
    assert_same_state(remote.state(), local.model.state_dict())
    assert (last.stop_reason, last.progress, last.step) == (pb.STOP_REASON_EPOCHS, 1.0, 20)
    assert not last.replayed


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("parts", [MLP, NOISY], ids=["plain", "dropout"])
def test_shuffled_batches_are_a_generators(worker: Worker, parts: list[tuple[Any, ...]], drop_last: bool) -> None:
    """The order is torch.randperm's by one generator of the seed; the loss merges the batches by their size."""
    remote = Remote(worker, parts, MSE)
    epochs, _ = remote.fit(epochs=4, batch_size=8, shuffle=True, shuffle_seed=11, drop_last=drop_last)
    local = Local(parts, nn.MSELoss())
    generator = torch.Generator().manual_seed(11)
    for _ in range(4):
        order = torch.randperm(ROWS, generator=generator)
        local.epoch([order[start : start + 8] for start in range(0, ROWS - 7 if drop_last else ROWS, 8)])
    assert [epoch.value for epoch in epochs] == local.values
    assert_same_state(remote.state(), local.model.state_dict())


def test_weighted_batches_merge_by_weight(worker: Worker) -> None:
    """The mean of a weighted cross entropy divides by weights, not by examples, and so does an epoch's loss."""
    weight = torch.tensor([1.0, 5.0, 0.2])
    loss = {"cross_entropy_loss": {"weight": {"values": weight.tolist()}}}
    remote, local = Remote(worker, MLP, loss), Local(MLP, nn.CrossEntropyLoss(weight), LABELS)
    epochs, _ = remote.fit(INPUT, LABELS, epochs=2, batch_size=20)
    for epoch in epochs:
        steps = [local.step(chosen)[0] for chosen in in_order(ROWS, 20)]
        sums = [float(weight[LABELS[chosen]].double().sum()) for chosen in in_order(ROWS, 20)]
        merged = sum(value * own for value, own in zip(steps, sums, strict=True)) / sum(sums)
        assert epoch.value == pytest.approx(merged, rel=1e-12)
    assert_same_state(remote.state(), local.model.state_dict())


def test_the_last_examples_validate(worker: Worker) -> None:
    """validation_split keeps the last int(n × split); they run in evaluation mode, and are never trained on."""
    remote = Remote(worker, NOISY, MSE)
    epochs, _ = remote.fit(epochs=5, validation_split=0.25)
    local = Local(NOISY, nn.MSELoss())
    for epoch in epochs:
        local.epoch([slice(0, 38)])
        assert (epoch.value, epoch.validation_value) == (local.values[-1], local.validate(slice(38, 50)))
    assert_same_state(remote.state(), local.model.state_dict())


def test_examples_of_their_own_validate(worker: Worker) -> None:
    """validation_inputs and validation_targets give what a split of the same examples gives."""
    split, _ = Remote(worker, MLP, MSE).fit(epochs=3, validation_split=0.2, batch_size=16, metrics=["r2"])
    remote = Remote(worker, MLP, MSE)
    request = remote.request(INPUT[:40], NUMBERS[:40], epochs=3, batch_size=16, metrics=["r2"])
    request.validation_inputs["input"].CopyFrom(oracle.tensor(INPUT[40:], "raw", []))
    request.validation_targets["target"].CopyFrom(oracle.tensor(NUMBERS[40:], "raw", []))
    own = [epoch for answer in remote.slices(request) for epoch in answer.epochs]
    for left, right in zip(split, own, strict=True):
        assert (left.value, left.validation_value, left.metrics) == (right.value, right.validation_value, right.metrics)


def test_early_stopping_takes_the_best_weights(worker: Worker) -> None:
    """It stops `patience` epochs after the best, and restore_best brings that epoch's weights back."""
    remote, local = Remote(worker, MLP, MSE), Local(MLP, nn.MSELoss())
    options = {"epochs": 500, "validation_split": 0.5, "early_stopping": {"patience": 3, "min_delta": 0.001}}
    epochs, last = remote.fit(restore_best=True, **options)
    best, best_state, best_epoch, stale, ran = math.inf, {}, 0, 0, 0
    while stale < 3:
        local.epoch([slice(0, 25)])
        ran, value = ran + 1, local.validate(slice(25, 50))
        if best - value > 0.001:
            best, best_epoch, stale = value, ran, 0
            best_state = copy.deepcopy(local.model.state_dict())
        else:
            stale += 1
    assert (len(epochs), last.best_epoch, last.restored_best) == (ran, best_epoch, True)
    assert last.stop_reason == pb.STOP_REASON_EARLY_STOPPING
    assert_same_state(remote.state(), best_state)
    kept = Remote(worker, MLP, MSE)
    assert not kept.fit(**options)[1].restored_best
    assert_same_state(kept.state(), local.model.state_dict())


def test_a_metric_is_monitored_in_its_direction(worker: Worker) -> None:
    """Of accuracy more is better; the best epoch is the first of the highest."""
    remote = Remote(worker, MLP, {"cross_entropy_loss": {}})
    stopping = {"patience": 4, "monitor": "accuracy"}
    epochs, last = remote.fit(INPUT, LABELS, epochs=60, metrics=["accuracy", "auroc"], early_stopping=stopping)
    values = [epoch.metrics["accuracy"] for epoch in epochs]
    assert last.best_epoch == values.index(max(values)) + 1
    assert len(epochs) == min(last.best_epoch + 4, 60)


@pytest.mark.parametrize("more", [{"batch_size": 4, "accumulate": 2}, {"batch_size": 2, "validation_split": 0.4}])
def test_what_goes_along_whole_is_never_cut(more: dict[str, Any]) -> None:
    """A target that is none of the examples' stays whole in a batch, or among validation examples, of its length."""
    parts, target = [("linear", WIDTH, 4)], torch.arange(4.0)
    remote = Remote(oracle.new_worker(), parts, {"mse_loss": {}, "allow_broadcast": True})
    (epoch,), _ = remote.fit(INPUT[:10], target, epochs=1, **more)
    torch.set_num_threads(oracle.THREADS)
    local = module(parts, 7)
    optimizer = torch.optim.SGD(local.parameters(), lr=0.05, momentum=0.9)
    rows = INPUT[:6] if "validation_split" in more else INPUT[:10]
    for batch in rows.split(more["batch_size"]):
        optimizer.zero_grad()
        nn.functional.mse_loss(local(batch), target.expand(len(batch), 4)).backward()
        optimizer.step()
    for name, expected in local.state_dict().items():
        torch.testing.assert_close(remote.state()[name], expected)
    if "validation_split" in more:
        expected = nn.functional.mse_loss(local(INPUT[6:10]), target.expand(4, 4)).item()
        assert epoch.validation_value == pytest.approx(expected, rel=1e-6)


def test_nan_is_never_better(worker: Worker) -> None:
    """A Fit that diverges to nan keeps the best epoch before, and stops."""
    diverging = Remote(worker, MLP, MSE, optimizer={"sgd": {"lr": 1e20}})
    epochs, last = diverging.fit(epochs=50, early_stopping={"patience": 5}, restore_best=True)
    assert any(math.isnan(epoch.value) for epoch in epochs)
    assert len(epochs) == last.best_epoch + 5
    assert not math.isnan(epochs[last.best_epoch - 1].value)


def test_micro_batches_are_accumulated(worker: Worker) -> None:
    """A batch in 3 micro-batches steps by gradients weighted by their examples: as local accumulation, to rounding."""
    remote, local = Remote(worker, MLP, MSE), Local(MLP, nn.MSELoss())
    epochs, last = remote.fit(epochs=3, batch_size=20, accumulate=3)
    values = []
    for _ in range(3):
        merged = 0.0
        for batch in in_order(ROWS, 20):
            local.optimizer.zero_grad()
            inputs, targets = INPUT[batch], NUMBERS[batch]
            for part in torch.tensor_split(torch.arange(len(inputs)), 3):
                value = local.loss(local.model(inputs[part]), targets[part])
                (value * len(part) / len(inputs)).backward()
                merged += value.item() * len(part) / ROWS
            local.optimizer.step()
        values.append(merged)
    assert last.step == 9
    assert [epoch.value for epoch in epochs] == pytest.approx(values, rel=1e-6)
    for name, own in remote.state().items():
        torch.testing.assert_close(own, local.model.state_dict()[name], rtol=1e-5, atol=1e-7)


def test_schedulers_step_by_epochs(worker: Worker) -> None:
    """A scheduler with interval EPOCH changes the learning rate after each epoch, ReduceLROnPlateau by validation."""
    step = {"interval": "INTERVAL_EPOCH", "step_lr": {"step_size": 2, "gamma": 0.1}}
    remote, local = Remote(worker, MLP, MSE, scheduler=step), Local(MLP, nn.MSELoss())
    epochs, _ = remote.fit(epochs=5, batch_size=16)
    scheduler = torch.optim.lr_scheduler.StepLR(local.optimizer, 2, 0.1)
    for epoch in epochs:
        assert list(epoch.lr) == [group["lr"] for group in local.optimizer.param_groups]
        local.epoch(in_order(ROWS, 16))
        scheduler.step()
    assert [epoch.value for epoch in epochs] == local.values
    assert_same_state(remote.state(), local.model.state_dict())


def test_terms_are_merged_like_the_loss(worker: Worker) -> None:
    """Of a weighted sum each term merges by its own weight, and the total is the sum of what is merged."""
    terms = [
        {"label": "square", "weight": 2.0, "loss": {"mse_loss": {}}},
        {"label": "huber", "weight": 0.5, "loss": {"huber_loss": {"reduction": "REDUCTION_SUM"}}},
    ]
    remote = Remote(worker, MLP, {"weighted_sum": {"terms": terms}})
    whole = remote.evaluate(INPUT, NUMBERS)
    cut = remote.evaluate(INPUT, NUMBERS, batch_size=7)
    assert cut.value == pytest.approx(whole.value, rel=1e-6)
    assert dict(cut.terms) == pytest.approx(dict(whole.terms), rel=1e-6)
    assert not whole.HasField("weight_sum")
    epochs, _ = remote.fit(epochs=1, batch_size=7)
    assert epochs[0].value == pytest.approx(2 * epochs[0].terms["square"] + 0.5 * epochs[0].terms["huber"], rel=1e-9)


@pytest.mark.parametrize(
    "options", [{}, {"batch_size": 8, "shuffle": True}, {"batch_size": 20, "accumulate": 2}], ids=str
)
def test_a_fit_that_was_left_goes_on_by_its_seq(worker: Worker, slices: None, options: dict[str, Any]) -> None:
    """The same call again, or resume, goes on where it stopped: the same epochs and weights as in one go."""
    options = {"epochs": 4, "validation_split": 0.2, "restore_best": True, "metrics": ["mae"], **options}
    straight, broken = Remote(worker, NOISY, MSE), Remote(worker, NOISY, MSE)
    expected, _ = straight.fit(**options)
    answers = list(broken.slices(broken.request(seq=1, **options), 3))
    told = [epoch for answer in answers for epoch in answer.epochs]
    again = broken.request(seq=1, after_epoch=len(told), **options)
    answers = list(broken.slices(again))
    epochs = told + [epoch for answer in answers for epoch in answer.epochs]
    for own, other in zip(epochs, expected, strict=True):
        own.seconds = other.seconds = 0
        assert own == other
    assert_same_state(broken.state(), straight.state())
    assert answers[-1].seq == 1


def test_a_fit_that_ended_tells_its_end_again(worker: Worker) -> None:
    """The same call once more runs nothing and says so; the epochs after `after_epoch` are told again."""
    remote = Remote(worker, MLP, MSE)
    request = remote.request(seq=1, epochs=6)
    first = list(remote.slices(request))
    state = remote.state()
    request.after_epoch = 4
    again = list(remote.slices(request))
    assert [epoch.epoch for answer in again for epoch in answer.epochs] == [5, 6]
    assert (again[-1].replayed, again[-1].step, again[-1].stop_reason) == (True, 6, first[-1].stop_reason)
    assert_same_state(remote.state(), state)


def test_telling_again_does_not_change_what_was_answered() -> None:
    """Whoever asked an ended Fit for nothing more, a repetition of the call is answered as it was."""
    remote = Remote(oracle.new_worker(), MLP, MSE)
    request = remote.request(seq=1)
    answer = remote.run("Fit", request, pb.FitResponse)
    later = pb.FitRequest(session_id=remote.session_id, seq=1, resume=True, after_epoch=3)
    assert not remote.run("Fit", later, pb.FitResponse).epochs
    remote.step(2)
    again = remote.run("Fit", request, pb.FitResponse)
    assert (again.replayed, list(again.epochs)) == (True, list(answer.epochs))


def test_the_next_seq_leaves_a_fit_where_it_stands(worker: Worker, slices: None) -> None:
    """Its steps stay; it cannot be gone on with."""
    remote = Remote(worker, MLP, MSE)
    list(remote.slices(remote.request(seq=1, epochs=10), 4))
    assert remote.step(seq=2).step == 5
    with pytest.raises(oracle.Refused) as refused:
        remote.run("Fit", pb.FitRequest(session_id=remote.session_id, seq=1, resume=True), pb.FitResponse)
    assert refused.value.reason == "SEQ_REUSED"
    with pytest.raises(oracle.Refused, match="open to go on") as refused:
        remote.run("Fit", pb.FitRequest(session_id=remote.session_id, seq=3, resume=True), pb.FitResponse)
    assert (refused.value.reason, refused.value.field) == ("SESSION_STATE", "resume")


def test_a_fit_survives_being_put_away(worker: Worker) -> None:
    """Captured in the middle of an epoch and restored into a new object, it ends as if nothing had been."""
    options = {"epochs": 3, "batch_size": 8, "shuffle": True, "validation_split": 0.2, "restore_best": True}
    straight, moved = Remote(worker, NOISY, MSE), Remote(worker, NOISY, MSE)
    expected, _ = straight.fit(**options)
    held = worker._sessions.find(moved.session_id)
    request = moved.request(seq=1, **options)
    fit = worker_fitting.OpenFit(held, request, (), torch.device("cpu"))
    fit.advance(8)
    tensors, facts = fit.capture()
    session_tensors, session_facts = held.session.capture()
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    session_tensors = {name: tensor.clone() for name, tensor in session_tensors.items()}
    fit.advance(12)
    held.session.restore(session_tensors, session_facts)
    other = worker_fitting.OpenFit(held, request, (), torch.device("cpu"))
    other.restore(tensors, facts)
    assert (other.steps, other.done) == (8, False)
    other.advance(10**6)
    for own, epoch in zip(other.told(0), expected, strict=True):
        assert (own.value, own.validation_value, own.step) == (epoch.value, epoch.validation_value, epoch.step)
    assert_same_state(moved.state(), straight.state())


def test_answers_are_bounded(worker: Worker) -> None:
    """A long Fit is told in answers of at most 1,024 epochs, none left out; who comes back late gets the kept ones."""
    remote = Remote(worker, [("linear", WIDTH, CLASSES)], MSE, optimizer={"sgd": {"lr": 0.0001}})
    answers = list(remote.slices(remote.request(seq=1, epochs=2500)))
    assert [epoch.epoch for answer in answers for epoch in answer.epochs] == list(range(1, 2501))
    assert max(len(answer.epochs) for answer in answers) <= 1024
    again = list(remote.slices(remote.request(seq=1, epochs=2500)))
    assert [epoch.epoch for answer in again for epoch in answer.epochs] == list(range(1, 2501))
    assert [answer.replayed for answer in again] == [False, False, True]


def test_a_step_that_fails_ends_the_slice_and_fails_again(worker: Worker) -> None:
    """What was made before it is answered and stays; then the refusal comes by itself, and changes nothing."""
    remote = Remote(worker, MLP, MSE, optimizer={"sgd": {"lr": 1e20}}, nonfinite="NONFINITE_ERROR")
    request = remote.request(seq=1, epochs=100)
    answer = remote.run("Fit", request, pb.FitResponse)
    assert not answer.stop_reason
    state = remote.state()
    with pytest.raises(oracle.Refused) as refused:
        remote.run("Fit", pb.FitRequest(session_id=remote.session_id, seq=1, resume=True), pb.FitResponse)
    assert refused.value.reason == "NONFINITE"
    assert_same_state(remote.state(), state)


def test_a_failed_micro_batch_takes_the_others_back(worker: Worker) -> None:
    """Of a step in micro-batches either all count or none: dropout's numbers and waiting gradients too."""
    remote = Remote(worker, NOISY, MSE, nonfinite="NONFINITE_ERROR")
    bad = INPUT.clone()
    bad[-1] = math.inf
    with pytest.raises(oracle.Refused, match="loss of this batch"):
        remote.run("Fit", remote.request(bad, NUMBERS, seq=1, accumulate=5), pb.FitResponse)
    other = Remote(worker, NOISY, MSE)
    assert remote.fit(epochs=2)[0][1].value == other.fit(epochs=2)[0][1].value


@pytest.mark.parametrize(
    ("options", "field", "says"),
    [
        ({"epochs": 0}, "epochs", "at least 1"),
        ({"epochs": MAX_EPOCHS + 1}, "epochs", "at most"),
        ({"batch_size": -1}, "batch_size", "at least 0"),
        ({"validation_split": 1.0}, "validation_split", "below 1"),
        ({"early_stopping": {}}, "early_stopping.patience", "at least 1"),
        ({"early_stopping": {"patience": 1, "monitor": "mae"}}, "early_stopping.monitor", "expected 'loss'"),
        ({"early_stopping": {"patience": 1, "min_delta": -1.0}}, "early_stopping.min_delta", "at least 0"),
        ({"metrics": ["acuracy"]}, "metrics", "did you mean accuracy"),
        ({"metrics": ["zzz"]}, "metrics", "there are accuracy"),
        ({"metrics": ["accuracy"]}, "metrics", "regression"),
        ({"batch_size": 60, "drop_last": True}, "batch_size", "no whole batch"),
        ({"accumulate": -2}, "accumulate", "at least 1"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(worker: Worker, options: dict[str, Any], field: str, says: str) -> None:
    """Before any step, with the field, and no seq is used up."""
    remote = Remote(worker, MLP, MSE)
    with pytest.raises(oracle.Refused, match=says) as refused:
        remote.run("Fit", remote.request(**options), pb.FitResponse)
    assert (refused.value.code, refused.value.field) == (3, field)
    assert remote.step(seq=1).step == 1


@pytest.mark.parametrize(
    ("inputs", "target", "reason", "field"),
    [
        (INPUT[:10], LABELS, "SHAPE_MISMATCH", "targets.target"),
        (INPUT, torch.where(torch.arange(ROWS) == 49, 3, LABELS), "VALUE_OUT_OF_RANGE", "targets.target"),
        (INPUT[:, :4], LABELS, "SHAPE_MISMATCH", "inputs.input"),
    ],
)
def test_targets_are_looked_at_before_the_first_step(
    worker: Worker, inputs: Tensor, target: Tensor, reason: str, field: str
) -> None:
    """The last example's class out of range is refused before the first batch is trained on."""
    remote = Remote(worker, MLP, {"cross_entropy_loss": {}})
    with pytest.raises(oracle.Refused) as refused:
        remote.run("Fit", remote.request(inputs, target, batch_size=8), pb.FitResponse)
    assert (refused.value.reason, refused.value.field) == (reason, field)
    assert remote.fit(INPUT, LABELS, epochs=1)[1].step == 1


TOKENS = torch.arange(ROWS)[:, None] % 9
WORDS = {
    "sequential": {
        "modules": [
            {"embedding": {"num_embeddings": 9, "embedding_dim": 4}},
            {"flatten": {}},
            {"batch_norm1d": {"num_features": 4}},
            {"linear": {"in_features": 4, "out_features": CLASSES}},
        ]
    }
}


def words(worker: Worker) -> Remote:
    """A session whose model looks its inputs up, and trains on two examples or more."""
    remote = Remote(worker, MLP, MSE)
    given = {"model": WORDS, "loss": MSE, "optimizer": SGD}
    request = json_format.ParseDict(given, pb.CreateSessionRequest())
    remote.session_id = remote.run("CreateSession", request, pb.CreateSessionResponse).session.session_id
    return remote


def test_the_last_batch_is_looked_at_before_the_first_step(worker: Worker) -> None:
    """One example left over, which batch normalisation cannot train on, and an index that only the last batch has."""
    remote, beyond = words(worker), torch.where(torch.arange(ROWS)[:, None] == ROWS - 1, 9, TOKENS)
    refused: dict[str, oracle.Refused] = {}
    for name, request in {
        "left over": remote.request(TOKENS, NUMBERS, batch_size=7),
        "micro-batch": remote.request(TOKENS[:3], NUMBERS[:3], accumulate=2),
        "index": remote.request(beyond, NUMBERS, batch_size=5),
        "index in no batch": remote.request(beyond, NUMBERS, batch_size=48, drop_last=True),
    }.items():
        with pytest.raises(oracle.Refused) as caught:
            remote.run("Fit", request, pb.FitResponse)
        refused[name] = caught.value
    assert {(error.code, error.field) for error in refused.values()} == {(3, "inputs.input")}
    assert "two examples or more" in refused["left over"].message
    assert "two examples or more" in refused["micro-batch"].message
    assert refused["index"].message == refused["index in no batch"].message
    assert "0 to 8" in refused["index"].message
    held_out = remote.request(TOKENS, NUMBERS, batch_size=5)
    held_out.validation_inputs["input"].CopyFrom(oracle.tensor(beyond, "raw", []))
    held_out.validation_targets["target"].CopyFrom(oracle.tensor(NUMBERS, "raw", []))
    with pytest.raises(oracle.Refused, match="0 to 8") as caught:
        remote.run("Fit", held_out, pb.FitResponse)
    assert caught.value.field == "validation_inputs.input"
    assert remote.fit(TOKENS, NUMBERS, batch_size=7, drop_last=True, epochs=1)[1].step == 7


def test_one_example_is_enough_to_judge_by(worker: Worker) -> None:
    """Validation and evaluation go by running statistics, which training cannot."""
    remote = words(worker)
    epochs, last = remote.fit(TOKENS, NUMBERS, validation_split=0.03, epochs=2, metrics=["mse"])
    assert last.step == 2
    assert epochs[1].validation_value == pytest.approx(remote.evaluate(TOKENS[-1:], NUMBERS[-1:]).value, rel=1e-6)


def test_indices_may_be_typed_by_hand(worker: Worker) -> None:
    """`values` are indices where a model looks them up: in Fit and EvaluateSession as in TrainStep."""
    remote = words(worker)
    fit, evaluation = remote.request(TOKENS, NUMBERS), pb.EvaluateSessionRequest(session_id=remote.session_id)
    for inputs in (fit.inputs, evaluation.inputs):
        json_format.ParseDict({"values": TOKENS.tolist()}, inputs["input"])
    evaluation.targets["target"].CopyFrom(oracle.tensor(NUMBERS, "raw", []))
    assert list(remote.slices(fit))[-1].step == 3
    typed = remote.run("EvaluateSession", evaluation, pb.EvaluateSessionResponse)
    assert typed.value == remote.evaluate(TOKENS, NUMBERS).value


def test_a_models_only_input_goes_by_input_too(worker: Worker) -> None:
    """Whatever its own name is; a name that is neither is refused."""
    remote = Remote(worker, MLP, MSE)
    branch = {"name": "a", "input": "x", "module": {"linear": {"in_features": WIDTH, "out_features": CLASSES}}}
    given = {"model": {"branches": {"branches": [branch]}}, "loss": MSE, "optimizer": SGD}
    request = json_format.ParseDict(given, pb.CreateSessionRequest())
    remote.session_id = remote.run("CreateSession", request, pb.CreateSessionResponse).session.session_id
    step = pb.TrainStepRequest(session_id=remote.session_id)
    step.targets["target"].CopyFrom(oracle.tensor(NUMBERS, "raw", []))
    for name in ("input", "x"):
        step.ClearField("inputs")
        step.inputs[name].CopyFrom(oracle.tensor(INPUT, "raw", []))
        assert remote.run("TrainStep", step, pb.TrainStepResponse).value > 0
    assert remote.fit(INPUT, NUMBERS, epochs=1)[1].step == 3
    step.inputs["input"].CopyFrom(oracle.tensor(INPUT, "raw", []))
    with pytest.raises(oracle.Refused, match="it has x"):
        remote.run("TrainStep", step, pb.TrainStepResponse)


def test_what_does_not_fit_the_loss_is_told_by_the_requests_fields(worker: Worker) -> None:
    """The loss's input is the model's output: `inputs` made it, and its target is among `targets`."""
    remote, logits = Remote(worker, MLP, MSE), Remote(worker, MLP, {"bce_loss": {}})
    for given, target, field, says in (
        (remote, NUMBERS[:, 0], "targets.target", "input is the model's output"),
        (remote, NUMBERS.double(), "targets.target", r'\.astype\("float32"\)'),
        (logits, NUMBERS.clamp(0, 1), "inputs", "BCEWithLogitsLoss"),
    ):
        step = pb.TrainStepRequest(session_id=given.session_id)
        step.inputs["input"].CopyFrom(oracle.tensor(INPUT, "raw", []))
        step.targets["target"].CopyFrom(oracle.tensor(target, "raw", []))
        for call in (
            lambda step=step, given=given: given.run("TrainStep", step, pb.TrainStepResponse),
            lambda target=target, given=given: given.fit(INPUT, target),
            lambda target=target, given=given: given.evaluate(INPUT, target),
        ):
            with pytest.raises(oracle.Refused, match=says) as refused:
                call()
            assert (refused.value.code, refused.value.field) == (3, field)


@pytest.mark.parametrize("batch_size", [0, 1, 7, 50, 99])
def test_an_evaluation_is_one_number(worker: Worker, batch_size: int) -> None:
    """Whatever the batches, in evaluation mode: the loss of all examples and its sums."""
    weight = torch.tensor([1.0, 5.0, 0.2])
    loss = {"cross_entropy_loss": {"weight": {"values": weight.tolist()}}}
    remote, local = Remote(worker, NOISY, loss), module(NOISY, 7).eval()
    answer = remote.evaluate(INPUT, LABELS, batch_size=batch_size, metrics=["accuracy"])
    with torch.no_grad():
        output = local(INPUT)
        value = nn.CrossEntropyLoss(weight)(output, LABELS).item()
    assert answer.value == pytest.approx(value, rel=1e-6)
    if batch_size in (0, 50, 99):
        assert answer.value == value
    assert answer.weight_sum == pytest.approx(float(weight.double()[LABELS].sum()), rel=1e-12)
    assert answer.loss_sum / answer.weight_sum == pytest.approx(answer.value, rel=1e-12)
    assert answer.metrics["accuracy"] == pytest.approx(float((output.argmax(1) == LABELS).double().mean()), abs=1e-12)
    assert (answer.examples, answer.step) == (ROWS, 0)


def test_an_evaluation_leaves_no_trace(worker: Worker) -> None:
    """Mode, random numbers and weights are as before: training goes on as without it."""
    one, other = Remote(worker, NOISY, MSE), Remote(worker, NOISY, MSE)
    for _ in range(3):
        one.evaluate(INPUT, NUMBERS, batch_size=9)
        assert one.step().value == other.step().value
    assert_same_state(one.state(), other.state())


def test_batches_that_make_no_number_are_refused(worker: Worker) -> None:
    """A loss that does not say what its mean divides by is evaluated at once, or not."""
    remote = Remote(worker, MLP, {"expression": {"source": "mean((input - target)**2)"}})
    assert remote.evaluate(INPUT, NUMBERS, metrics=["mse"]).metrics["mse"] == pytest.approx(
        remote.evaluate(INPUT, NUMBERS).value, rel=1e-6
    )
    with pytest.raises(oracle.Refused, match="one number") as refused:
        remote.evaluate(INPUT, NUMBERS, batch_size=7)
    assert refused.value.field == "batch_size"
    with pytest.raises(oracle.Refused, match="one number") as refused:
        remote.run("Fit", remote.request(accumulate=2), pb.FitResponse)
    assert refused.value.field == "accumulate"


def test_gradients_that_wait_are_not_mixed_in(worker: Worker) -> None:
    """A Fit refuses to begin while micro-batches wait for OptimStep."""
    remote = Remote(worker, MLP, MSE)
    request = pb.ForwardBackwardRequest(session_id=remote.session_id)
    request.inputs["input"].CopyFrom(oracle.tensor(INPUT, "raw", []))
    request.targets["target"].CopyFrom(oracle.tensor(NUMBERS, "raw", []))
    remote.run("ForwardBackward", request, pb.ForwardBackwardResponse)
    with pytest.raises(oracle.Refused, match="OptimStep") as refused:
        remote.run("Fit", remote.request(), pb.FitResponse)
    assert refused.value.reason == "SESSION_STATE"
