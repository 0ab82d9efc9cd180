"""What sessions do beyond the plain step: accumulation, random numbers, autocast, refusals that leave no trace."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import lossd
import pytest
import torch
from congruence import oracle
from lossd import nn as spec_nn
from lossd import optim, spec
from lossd.loss import Loss
from lossd.v1 import loss_pb2, model_pb2, optimizer_pb2
from lossd.v1 import training_service_pb2 as pb
from lossd_server.worker.worker import Worker
from torch import Tensor, nn

ROWS, WIDTH, CLASSES = 24, 6, 3


def batches(count: int, rows: int = ROWS) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randn(count, rows, WIDTH, generator=generator)
    targets = torch.randint(0, CLASSES, (count, rows), generator=generator)
    return list(zip(inputs, targets, strict=True))


class Remote:
    """A session on a worker in this process, made of the SDK's specifications."""

    def __init__(
        self, worker: Worker, model: spec_nn.Module, loss: Loss, optimizer: optim.Optimizer, **more: Any
    ) -> None:
        self.worker = worker
        request = pb.CreateSessionRequest(**more)
        spec.write(model, request.model)
        spec.write(loss, request.loss)
        spec.write(optimizer, request.optimizer)
        answer, _ = oracle.run(worker, "CreateSession", request, (), pb.CreateSessionResponse)
        self.session_id = answer.session.session_id

    def _run(self, verb: str, request: Any, batch: tuple[Tensor, Tensor] | None, answer: Any) -> Any:
        request.session_id = self.session_id
        if batch is not None:
            request.inputs["input"].CopyFrom(oracle.tensor(batch[0], "raw", []))
            request.targets["target"].CopyFrom(oracle.tensor(batch[1], "raw", []))
        return oracle.run(self.worker, verb, request, (), answer)[0]

    def step(self, batch: tuple[Tensor, Tensor], **more: Any) -> pb.TrainStepResponse:
        return self._run("TrainStep", pb.TrainStepRequest(**more), batch, pb.TrainStepResponse)

    def forward_backward(self, batch: tuple[Tensor, Tensor], **more: Any) -> pb.ForwardBackwardResponse:
        return self._run("ForwardBackward", pb.ForwardBackwardRequest(**more), batch, pb.ForwardBackwardResponse)

    def optim_step(self, **more: Any) -> pb.OptimStepResponse:
        return self._run("OptimStep", pb.OptimStepRequest(**more), None, pb.OptimStepResponse)

    def get(self) -> pb.Session:
        return self._run("GetSession", pb.GetSessionRequest(), None, pb.GetSessionResponse).session

    def state(self, averaged: bool = False) -> dict[str, Tensor]:
        request = pb.GetSessionStateRequest(response_encoding=2, averaged=averaged)
        answer = self._run("GetSessionState", request, None, pb.GetSessionStateResponse)
        return {name: oracle.read(given, []) for name, given in answer.state_dict.items()}

    def forward(self, given: Tensor, averaged: bool = False) -> Tensor:
        request = pb.ForwardRequest(averaged=averaged)
        request.inputs["input"].CopyFrom(oracle.tensor(given, "raw", []))
        return oracle.read(self._run("Forward", request, None, pb.ForwardResponse).output, [])


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()


@pytest.fixture
def remote(worker: Worker) -> Iterator[Callable[..., Remote]]:
    """Makes sessions, and deletes them after the test."""
    made: list[Remote] = []

    def make(*parts: Any, **more: Any) -> Remote:
        made.append(Remote(worker, *parts, **more))
        return made[-1]

    yield make
    for session in made:
        session._run("DeleteSession", pb.DeleteSessionRequest(), None, pb.DeleteSessionResponse)


def noisy() -> spec_nn.Module:
    return spec_nn.Sequential(
        spec_nn.Linear(WIDTH, 16),
        spec_nn.BatchNorm1d(16),
        spec_nn.ReLU(),
        spec_nn.Dropout(0.3),
        spec_nn.Linear(16, CLASSES),
    )


def local_noisy() -> nn.Sequential:
    return nn.Sequential(nn.Linear(WIDTH, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, CLASSES))


def plain() -> spec_nn.Module:
    return spec_nn.Sequential(spec_nn.Linear(WIDTH, 8), spec_nn.Tanh(), spec_nn.Linear(8, CLASSES))


def local_plain() -> nn.Sequential:
    return nn.Sequential(nn.Linear(WIDTH, 8), nn.Tanh(), nn.Linear(8, CLASSES))


def assert_same_state(given: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    assert given.keys() == expected.keys()
    for name, value in expected.items():
        assert oracle.same_bits(given[name], value), name


def test_dropout_and_batch_norm_are_torchs_under_the_seed(remote: Callable[..., Remote]) -> None:
    """One seed makes the weights and then the dropout masks of a plain script, whatever other sessions draw."""
    session = remote(noisy(), lossd.CrossEntropyLoss(), optim.Adam(lr=0.01), seed=11)
    other = remote(noisy(), lossd.CrossEntropyLoss(), optim.Adam(lr=0.01), seed=12)
    torch.manual_seed(11)
    module = local_noisy()
    adam = torch.optim.Adam(module.parameters(), lr=0.01)
    random = torch.get_rng_state()
    for batch in batches(50):
        other.step(batch)
        torch.set_rng_state(random)
        adam.zero_grad()
        value = nn.CrossEntropyLoss()(module(batch[0]), batch[1])
        value.backward()
        adam.step()
        random = torch.get_rng_state()
        assert session.step(batch).value == value.item()
        session.forward(batch[0])  # draws nothing and keeps no statistics
    assert_same_state(session.state(), module.state_dict())
    assert oracle.same_bits(session.forward(batch[0]), module.eval()(batch[0]).detach())


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_micro_batches_are_the_big_batch(remote: Callable[..., Remote], reduction: str) -> None:
    """Without weights, unequal micro-batches with class weights and ignored targets step as all of them at once."""
    weight = [0.5, 2.0, 1.0]
    loss = lossd.CrossEntropyLoss(weight=weight, ignore_index=1, reduction=reduction)
    parts = remote(plain(), loss, optim.SGD(lr=0.05), seed=2)
    whole = remote(plain(), loss, optim.SGD(lr=0.05), seed=2)
    for x, y in batches(10):
        for rows in (slice(0, 3), slice(3, 17), slice(17, None)):
            pending = parts.forward_backward((x[rows], y[rows])).pending_micro_batches
        done = parts.optim_step()
        expected = whole.step((x, y))
        assert (pending, done.micro_batches, done.step) == (3, 3, expected.step)
        assert done.value == pytest.approx(expected.value, rel=1e-6)
        assert done.grad_norm == pytest.approx(expected.grad_norm, rel=1e-5)
    for name, value in whole.state().items():
        torch.testing.assert_close(parts.state()[name], value, rtol=1e-5, atol=1e-6)


def test_a_micro_batch_without_a_target_that_counts_is_nothing(remote: Callable[..., Remote]) -> None:
    """All of its targets are ignored, so its own mean is 0/0: no gradient, and no refusal of what is not finite."""
    loss = lossd.CrossEntropyLoss(ignore_index=1)
    session = remote(plain(), loss, optim.SGD(lr=0.05), seed=2, nonfinite=pb.NONFINITE_ERROR)
    whole = remote(plain(), loss, optim.SGD(lr=0.05), seed=2)
    (x, y), (other, _) = batches(2)
    session.forward_backward((other, torch.ones(ROWS, dtype=torch.int64)))
    session.forward_backward((x, y))
    assert session.optim_step().value == whole.step((x, y)).value
    for name, value in whole.state().items():
        torch.testing.assert_close(session.state()[name], value, rtol=1e-5, atol=1e-6)


def test_a_norm_that_is_not_finite_is_refused_where_asked(remote: Callable[..., Remote]) -> None:
    """error_if_nonfinite of the clipping says so, as the policy of the session would."""
    clip = pb.ClipGradNorm(max_norm=1.0, error_if_nonfinite=True)
    session = remote(plain(), lossd.CrossEntropyLoss(), optim.SGD(lr=0.05), seed=2, clip_grad_norm=clip)
    (batch,) = batches(1)
    before = session.state()
    with pytest.raises(oracle.Refused) as refused:
        session.step((batch[0] * float("nan"), batch[1]))
    assert refused.value.reason == "NONFINITE"
    assert_same_state(session.state(), before)


def test_overrides_are_told(remote: Callable[..., Remote]) -> None:
    """The learning rate of a step is that of the override, of an optimizer with a closure too."""
    (batch,) = batches(1)
    for optimizer in (optim.SGD(lr=1.0), optim.LBFGS(lr=1.0)):
        session = remote(plain(), lossd.CrossEntropyLoss(), optimizer, seed=2)
        assert list(session.step(batch, overrides={"lr": 0.25}).lr) == [0.25]
        assert list(session.get().lr) == [1.0]


@pytest.mark.parametrize("weight", [1.0, 0.25, -2.0])
def test_weighted_micro_batches_are_torchs_backward(remote: Callable[..., Remote], weight: float) -> None:
    """With weights, gradients pile up bit for bit as repeated backward calls of torch do; clipping sees the pile."""
    session = remote(
        plain(),
        lossd.CrossEntropyLoss(),
        optim.SGD(lr=0.05, momentum=0.9),
        seed=2,
        clip_grad_norm=pb.ClipGradNorm(max_norm=0.5),
    )
    torch.manual_seed(2)
    module = local_plain()
    sgd = torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.9)
    for number, batch in enumerate(batches(20)):
        (weight * nn.CrossEntropyLoss()(module(batch[0]), batch[1])).backward()
        session.forward_backward(batch, weight=weight)
        if number % 4 == 3:
            norm = torch.nn.utils.clip_grad_norm_(module.parameters(), 0.5)
            sgd.step()
            sgd.zero_grad()
            assert session.optim_step().grad_norm == norm.item()
    assert_same_state(session.state(), module.state_dict())


def test_gradients_that_wait_are_seen_and_not_mixed(remote: Callable[..., Remote]) -> None:
    """TrainStep is refused while gradients wait; discard forgets them; a step without any is refused."""
    session = remote(plain(), lossd.CrossEntropyLoss(), optim.SGD(lr=0.05), seed=2)
    (batch,) = batches(1)
    before = session.state()
    with pytest.raises(oracle.Refused) as refused:
        session.optim_step()
    assert (refused.value.code, refused.value.reason) == (9, "SESSION_STATE")
    session.forward_backward(batch)
    assert session.get().pending_micro_batches == 1
    for call in (lambda: session.step(batch), lambda: session.forward_backward(batch, weight=0.5)):
        with pytest.raises(oracle.Refused) as refused:
            call()
        assert (refused.value.code, refused.value.reason) == (9, "SESSION_STATE")
    done = session.optim_step(discard=True)
    assert (done.micro_batches, done.step, session.get().pending_micro_batches) == (1, 0, 0)
    assert_same_state(session.state(), before)
    session.step(batch)
    assert session.get().seq == 3


def test_a_mean_without_a_known_divisor_asks_for_weights(remote: Callable[..., Remote]) -> None:
    """A formula does not say what it divides by: micro-batches of it need a weight each."""
    session = remote(plain(), lossd.Expression("mean(logsumexp(input, dim=1) * target)"), optim.SGD(lr=0.05), seed=2)
    x = torch.randn(ROWS, WIDTH)
    with pytest.raises(oracle.Refused) as refused:
        session.forward_backward((x, torch.ones(ROWS)))
    assert (refused.value.code, refused.value.field) == (3, "weight")
    assert session.forward_backward((x, torch.ones(ROWS)), weight=0.5).pending_micro_batches == 1


FAILURES: dict[str, tuple[Callable[[tuple[Tensor, Tensor]], tuple[Tensor, Tensor]], str]] = {
    "class beyond": (lambda batch: (batch[0], torch.full((ROWS,), CLASSES)), "VALUE_OUT_OF_RANGE"),
    "rows differ": (lambda batch: (batch[0], batch[1][:-1]), "SHAPE_MISMATCH"),
    "wrong width": (lambda batch: (batch[0][:, :-1], batch[1]), "SHAPE_MISMATCH"),
    "nan": (lambda batch: (batch[0] * float("nan"), batch[1]), "NONFINITE"),
    "infinite": (lambda batch: (batch[0] * float("inf"), batch[1]), "NONFINITE"),
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("verb", ["step", "forward_backward"])
def test_what_fails_leaves_no_trace(remote: Callable[..., Remote], verb: str, name: str) -> None:
    """Parameters, running statistics, the optimizer, random numbers and seq go on as if the call had never been."""
    spoil, reason = FAILURES[name]
    sessions = [
        remote(noisy(), lossd.CrossEntropyLoss(), optim.Adam(lr=0.01), seed=4, nonfinite=pb.NONFINITE_ERROR)
        for _ in range(2)
    ]
    attacked, honest = sessions
    for batch in batches(4):
        before, seq = attacked.state(), attacked.get().seq
        with pytest.raises(oracle.Refused) as refused:
            getattr(attacked, verb)(spoil(batch))
        assert refused.value.reason == reason, refused.value
        assert attacked.get().seq == seq
        assert_same_state(attacked.state(), before)
        for session in sessions:
            if verb == "step":
                session.step(batch)
            else:
                session.forward_backward(batch)
                session.optim_step()
    assert_same_state(attacked.state(), honest.state())


def test_without_the_policy_nan_trains_as_in_torch(remote: Callable[..., Remote]) -> None:
    """By default a loss that is not finite is torch's affair: parameters become nan."""
    session = remote(plain(), lossd.CrossEntropyLoss(), optim.SGD(lr=0.05), seed=2)
    (batch,) = batches(1)
    assert session.step((batch[0] * float("nan"), batch[1])).value != session.get().step
    assert session.state()["0.weight"].isnan().all()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_autocast_is_torchs(remote: Callable[..., Remote], dtype: str) -> None:
    """The model runs in torch's autocast region, its output is made float32, and the rest is as ever."""
    number = {"bfloat16": 16, "float16": 10}[dtype]
    session = remote(noisy(), lossd.CrossEntropyLoss(), optim.AdamW(lr=0.01), seed=6, autocast=number)
    torch.manual_seed(6)
    module = local_noisy()
    adam = torch.optim.AdamW(module.parameters(), lr=0.01)
    for batch in batches(50):
        adam.zero_grad()
        with torch.autocast("cpu", getattr(torch, dtype)):
            output = module(batch[0])
        nn.CrossEntropyLoss()(output.float(), batch[1]).backward()
        adam.step()
        session.step(batch)
    assert_same_state(session.state(), module.state_dict())


def test_a_session_becomes_what_was_captured(worker: Worker) -> None:
    """A session built anew from its plan and what was captured goes on bit for bit, gradients that wait included."""
    from lossd_server.training.session import Session
    from lossd_server.worker import building
    from lossd_server.worker.programs import Programs

    request = pb.CreateSessionRequest(seed=9)
    spec.write(noisy(), request.model)
    spec.write(lossd.CrossEntropyLoss(), request.loss)
    spec.write(optim.Adam(lr=0.01, amsgrad=True), request.optimizer)

    def build() -> Session:
        device = torch.device("cpu")
        return Session(building.plan(request, (), device, Programs()), device)

    def train(session: Session, given: list[tuple[Tensor, Tensor]]) -> None:
        for x, y in given:
            session.step({"input": x}, {"target": y})

    data = batches(41)
    whole, first, second = build(), build(), build()
    for session in (whole, first):
        train(session, data[:20])
        session.forward_backward({"input": data[40][0]}, {"target": data[40][1]})
    tensors, facts = first.capture()
    second.restore({name: tensor.clone() for name, tensor in tensors.items()}, json.loads(json.dumps(facts)))
    for session in (whole, second):
        session.optim_step()
        train(session, data[20:40])
    assert second.step_count == whole.step_count == 41
    assert_same_state(second.state_dict(), whole.state_dict())


@pytest.mark.parametrize("optimizer", [optim.Adam(lr=0.01), optim.LBFGS(lr=0.1)], ids=str)
def test_steps_tell_metrics_of_their_batch(remote: Callable[..., Remote], optimizer: optim.Optimizer) -> None:
    """The metrics are those of the model before the step; one that there is not is refused, and nothing is trained."""
    session = remote(plain(), lossd.CrossEntropyLoss(), optimizer, seed=3)
    for x, y in batches(5):
        accuracy = (session.forward(x).argmax(1) == y).double().mean().item()
        before = session.state()
        with pytest.raises(oracle.Refused) as refused:
            session.step((x, y), metrics=["accuracy", "mae"])
        assert (refused.value.code, refused.value.field) == (3, "metrics")
        assert_same_state(session.state(), before)
        assert dict(session.step((x, y), metrics=["accuracy"]).metrics) == {"accuracy": accuracy}
    if isinstance(optimizer, optim.Adam):
        accuracy = (session.forward(x).argmax(1) == y).double().mean().item()
        assert dict(session.forward_backward((x, y), metrics=["accuracy"]).metrics) == {"accuracy": accuracy}


def test_uploaded_safetensors_are_the_state(remote: Callable[..., Remote]) -> None:
    """A safetensors file is as good as state_dict; what is none is refused."""
    import safetensors.torch

    module = local_plain()
    data = safetensors.torch.save(module.state_dict())
    session = remote(plain(), lossd.CrossEntropyLoss(), optim.SGD(lr=0.05), safetensors=data)
    assert_same_state(session.state(), module.state_dict())
    for bad in (b"x", b"\x00" * 64, data[:-1], b"\xff" * 8 + data[8:]):
        with pytest.raises(oracle.Refused) as refused:
            remote(plain(), lossd.CrossEntropyLoss(), optim.SGD(lr=0.05), safetensors=bad)
        assert (refused.value.code, refused.value.field) == (3, "safetensors")


def test_refusals_of_numbers_without_a_name_say_where(worker: Worker) -> None:
    """The field is the whole path, inside of messages too."""
    for request, field in (
        (pb.CreateSessionRequest(scheduler={"interval": 77}), "scheduler.interval"),
        (pb.CreateSessionRequest(weight_schedules={"a": {"interpolation": 77}}), "weight_schedules.a.interpolation"),
        (pb.CreateSessionRequest(nonfinite=77), "nonfinite"),
    ):
        spec.write(plain(), request.model)
        spec.write(lossd.CrossEntropyLoss(), request.loss)
        spec.write(optim.SGD(lr=0.05), request.optimizer)
        if request.HasField("scheduler"):
            request.scheduler.step_lr.step_size = 1
        with pytest.raises(oracle.Refused) as refused:
            oracle.run(worker, "CreateSession", request, (), pb.CreateSessionResponse)
        assert refused.value.field == field


def test_descriptions_hold_what_was_asked(remote: Callable[..., Remote]) -> None:
    """GetSession tells the session as it was asked for and as it stands."""
    session = remote(plain(), lossd.CrossEntropyLoss(), optim.SGD(lr=0.05), nonfinite=pb.NONFINITE_ERROR)
    described = session.get()
    assert described.loss.WhichOneof("loss") == "cross_entropy_loss"
    assert (described.seq, described.step, list(described.lr)) == (0, 0, [0.05])
    assert (described.nonfinite, described.durability) == (pb.NONFINITE_ERROR, pb.DURABILITY_MEMORY)
    assert described.state == pb.SESSION_STATE_LIVE
    assert isinstance(loss_pb2.LossSpec(), type(described.loss))
    assert isinstance(described.model, model_pb2.ModelSpec)
    assert isinstance(described.optimizer, optimizer_pb2.OptimizerSpec)
