"""Sessions of the SDK against real servers, the oracle torch itself: every step once, whatever breaks."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lossd
import numpy as np
import pytest
import safetensors.torch
import torch
from lossd import changing
from running import RunningServer
from torch.utils.data import DataLoader, TensorDataset

SPEC = lossd.nn.Sequential(lossd.nn.Linear(3, 8), lossd.nn.Tanh(), lossd.nn.Linear(8, 1))
ROWS = 4


class Reference:
    """The same training in plain torch."""

    def __init__(self, lr: float = 0.05) -> None:
        torch.manual_seed(0)
        self.model = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=lr, momentum=0.9)

    def step(self, x: torch.Tensor, y: torch.Tensor) -> float:
        self.optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def same_as(self, state: dict[str, Any]) -> bool:
        mine = {name: tensor.numpy() for name, tensor in self.model.state_dict().items()}
        return state.keys() == mine.keys() and all(np.array_equal(state[name], mine[name]) for name in mine)


def batches(count: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return [
        (torch.randn(ROWS, 3, generator=generator), torch.randn(ROWS, 1, generator=generator)) for _ in range(count)
    ]


def create(client: lossd.Client, **given: Any) -> lossd.Session:
    optimizer = lossd.optim.SGD(lr=0.05, momentum=0.9)
    return client.create_session(model=SPEC, loss=lossd.MSELoss(), optimizer=optimizer, **given)


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[lossd.Client]:
    with lossd.Client(server.target) as client:
        yield client


@pytest.fixture(scope="module")
def durable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of its own, whose workers are killed."""
    with RunningServer("--state-dir", str(tmp_path_factory.mktemp("state"))) as running:
        yield running


def test_thirty_two_threads_step_one_session(client: lossd.Client) -> None:
    """Each call runs once, under a number of its own; the session ends where torch does in that order."""
    reference, data = Reference(), batches(96)
    found: dict[int, tuple[float, int]] = {}
    with create(client) as session:

        def work(first: int) -> None:
            for index in range(first, 96, 32):
                step = session.step(*data[index])
                found[step.seq] = (step.value, index)

        threads = [threading.Thread(target=work, args=(first,)) for first in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == list(range(1, 97))
        assert all(found[seq][0] == reference.step(*data[found[seq][1]]) for seq in sorted(found))
        assert reference.same_as(session.state_dict())


def test_a_stream_is_the_loop(client: lossd.Client) -> None:
    """To the bit, whoever waits for what; then the session goes on."""
    reference, data = Reference(), batches(60)
    with create(client) as session:
        values = [step.value for step in session.step_stream(data)]
        assert values == [reference.step(*batch) for batch in data]
        assert session.step(*data[0]).value == reference.step(*data[0])
        assert list(session.step_stream([])) == []
        assert reference.same_as(session.state_dict())


def test_a_stream_that_is_left_early(client: lossd.Client) -> None:
    """What was sent may have run; the next call asks, and loses and doubles nothing."""
    data = batches(50)
    with create(client) as session:
        stream = session.step_stream(data)
        next(stream)
        with pytest.raises(RuntimeError, match="step_stream or fit of this session is under way here"):
            session.step(*data[0])
        assert session.predict(data[0][0]).shape == (ROWS, 1)
        stream.close()
        step = session.step(*data[0])
        assert step.step == step.seq == session.info().step


def test_a_batch_that_fails_ends_its_stream(client: lossd.Client) -> None:
    """Those before it ran, those behind it did not, and its number is free."""
    reference, data = Reference(), batches(20)
    wrong = [*data[:10], (torch.ones(ROWS, 2), data[10][1]), *data[10:]]
    with create(client) as session:
        seen = []
        with pytest.raises(lossd.InvalidArgument, match="last dimension of 3") as caught:
            seen.extend(step.value for step in session.step_stream(wrong))
        assert caught.value.field.startswith("inputs")
        assert session.info().step == 10

        def failing() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
            yield from data[10:13]
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            list(session.step_stream(failing()))
        assert seen == [reference.step(*batch) for batch in data[:10]]
        assert 10 <= session.resync() <= 13


def test_a_fit_that_fails_halfway_keeps_its_steps_and_its_number(client: lossd.Client) -> None:
    """The next call goes on behind them, whoever counted."""
    x, y = np.ones((40, 3), np.float32), np.ones((40, 1), np.float32)
    x[35] = np.nan
    with create(client, nonfinite="error") as session:
        for turn in (1, 2):
            with pytest.raises(lossd.InvalidArgument, match="refuses such"):
                session.fit(x, y, batch_size=4)
            assert session.step(x[:4], y[:4]).step == 9 * turn
        with pytest.raises(lossd.InvalidArgument, match="at least 1"):
            session.fit(x, y, epochs=0)
        assert session.step(x[:4], y[:4]).step == 19

    async def same(target: str) -> int:
        async with lossd.AsyncClient(target) as other:
            model, optimizer = lossd.nn.Linear(3, 1), lossd.optim.SGD(lr=0.05)
            given = {"model": model, "loss": lossd.MSELoss(), "optimizer": optimizer}
            async with await other.create_session(**given, nonfinite="error") as session:  # type: ignore[arg-type]  # by name
                with pytest.raises(lossd.InvalidArgument, match="refuses such"):
                    await session.fit(x, y, batch_size=4)
                return (await session.step(x[:4], y[:4])).step

    assert asyncio.run(same(client.target)) == 9


def test_token_ids_may_be_plain_lists(client: lossd.Client) -> None:
    """As arrays of int64 are: in steps, fits, scores and predictions; a metric may stand alone."""
    ids, labels = [[1, 2, 3], [4, 0, 6]] * 4, [0, 1] * 4
    model = lossd.nn.Sequential(lossd.nn.EmbeddingBag(7, 4), lossd.nn.Linear(4, 2))
    given: dict[str, Any] = {"model": model, "loss": lossd.CrossEntropyLoss(), "optimizer": lossd.optim.Adam()}
    with client.create_session(**given) as plain, client.create_session(**given) as typed:
        array = np.array(ids)
        assert plain.step(ids, labels).value == typed.step(array, labels).value
        assert (
            plain.fit(ids, labels, epochs=2, batch_size=3).value
            == typed.fit(array, labels, epochs=2, batch_size=3).value
        )
        assert [step.value for step in plain.step_stream([(ids, labels)])] == [typed.step(array, labels).value]
        assert np.array_equal(plain.predict(ids), typed.predict(array))
        assert (
            plain.evaluate(ids, labels, metrics="accuracy").metrics
            == typed.evaluate(array, labels, metrics=["accuracy"]).metrics
        )


def test_steps_tell_metrics(client: lossd.Client) -> None:
    """A step and a micro-batch tell the metrics asked for, of the model before; one name may stand alone."""
    x, y = np.zeros((4, 2), np.float32), np.arange(4) % 3
    with client.create_session(
        model=lossd.nn.Linear(2, 3), loss=lossd.CrossEntropyLoss(), optimizer=lossd.optim.SGD(lr=0.1)
    ) as session:
        accuracy = float((session.predict(x).argmax(1) == y).mean())
        assert session.step(x, y, lr=0.0, metrics="accuracy").metrics == {"accuracy": accuracy}
        assert session.forward_backward(x, y, metrics=["accuracy"]).metrics == {"accuracy": accuracy}
        assert session.optim_step().metrics == session.step(x, y).metrics == {}


def test_metrics_are_described(client: lossd.Client) -> None:
    """Each by the name that `fit` takes."""
    named = {metric.name: metric for metric in client.metrics()}
    assert list(named) == sorted(named)
    assert (named["mae"].direction, named["accuracy"].direction) == ("lower", "higher")
    assert named["f1"].class_names[0] == "BinaryF1Score"
    assert [metric.name for metric in client.metrics(task="regression")] == [
        name for name, metric in named.items() if "regression" in metric.tasks
    ]
    with pytest.raises(lossd.InvalidArgument, match="there are binary"):
        client.metrics(task="clustering")

    async def same() -> list[lossd.MetricInfo]:
        async with lossd.AsyncClient(client.target) as other:
            return await other.metrics()

    assert asyncio.run(same()) == list(named.values())


def test_accumulated_gradients_are_those_of_one_batch(client: lossd.Client) -> None:
    data = batches(3)
    reference = Reference()
    with create(client) as session:
        for number, batch in enumerate(data, 1):
            assert session.forward_backward(*batch).pending_micro_batches == number
        with pytest.raises(lossd.FailedPrecondition, match="OptimStep"):
            session.step(*data[0])
        step = session.optim_step(lr=0.05)
        whole = [torch.cat(part) for part in zip(*data, strict=True)]
        assert step.value == pytest.approx(reference.step(*whole), rel=1e-6)
        assert (step.micro_batches, step.step, step.seq, step.lr) == (3, 1, 4, (0.05,))
        session.forward_backward(*data[0])
        assert session.optim_step(discard=True).step == 1
        assert session.step(*data[0], lr=0.0).lr == (0.0,)


def test_two_who_step_one_session_are_told(client: lossd.Client) -> None:
    """A call of other content under a number that ran is refused; so is the other's answer to a call of the same."""
    (x, y), (u, v) = batches(2)
    with create(client) as session:
        other = client.session(session.session_id)
        other.step(x, y)
        for inputs, targets in ((u, v), (x, y)):
            with pytest.raises(lossd.SequenceConflict) as caught:
                session.step(inputs, targets)
            assert caught.value.reason == "SEQ_REUSED"
        assert session.resync() == 1
        assert session.step(u, v).step == 2
        stray = changing.step_call(changing.train_step(session.session_id, None, x, y))
        with pytest.raises(lossd.SequenceConflict, match="expected 3") as caught:
            session._connection.call(stray(9), None)
        assert (caught.value.reason, caught.value.expected) == ("SEQ_GAP", 3)


def test_a_call_that_ran_out_of_time_is_settled(client: lossd.Client) -> None:
    """Asked for again it is the same call; before another, the session is asked whether it ran."""
    (x, y), (u, v) = batches(2)
    with create(client) as session:
        with pytest.raises(lossd.DeadlineExceeded):
            session.step(x, y, timeout=1e-6)
        assert (session.step(x, y).step, session.info().step) == (1, 1)
        with pytest.raises(lossd.DeadlineExceeded):
            session.step(x, y, timeout=1e-6)
        step = session.step(u, v)
        assert step.step == step.seq == session.info().step


def test_fit_is_the_loop_of_torch(client: lossd.Client) -> None:
    """On arrays, on a DataLoader, and told as it goes."""
    data = batches(6)
    x, y = (torch.cat(part) for part in zip(*data, strict=True))
    reference, told = Reference(), []
    for _ in range(3):
        for batch in data:
            reference.step(*batch)
    with create(client) as session:
        history = session.fit(x, y, epochs=3, batch_size=ROWS, progress=told.append)
        assert reference.same_as(session.state_dict())
        assert [epoch.step for epoch in history] == [6, 12, 18]
        assert [epoch.epoch for progress in told for epoch in progress.ended] == [1, 2, 3]
        assert told[-1].fraction == 1.0
        assert session.step(*data[0]).step == 19
    with create(client) as session:
        loader = DataLoader(TensorDataset(x, y), batch_size=ROWS)
        streamed = session.fit(loader, epochs=3, validation_data=(x, y), metrics=["mae"])
        assert reference.same_as(session.state_dict())
        assert streamed.value == pytest.approx(history.value, rel=1e-6)
        assert streamed.validation_value[-1] == session.evaluate(x, y).value
        assert len(streamed.metrics["mae"]) == 3
    with create(client) as session:
        assert session.fit(data, accumulate=4)[0].step == 2
        with pytest.raises(ValueError, match="can be read once"):
            session.fit(iter(data), epochs=2)


def test_what_a_callback_raises_ends_the_fit(client: lossd.Client) -> None:
    """The steps made stay, and the session goes on."""
    x, y = (torch.cat(part) for part in zip(*batches(6), strict=True))

    def stop(progress: lossd.Progress) -> None:
        raise KeyboardInterrupt

    with create(client) as session:
        with pytest.raises(KeyboardInterrupt):
            session.fit(x, y, epochs=100_000, progress=stop)
        before = session.info().step
        assert session.step(x, y).step >= max(before, 1)


def test_early_stopping_and_the_best_weights(client: lossd.Client) -> None:
    x, y = (torch.cat(part) for part in zip(*batches(8), strict=True))
    with create(client) as session:
        history = session.fit(
            x, y, epochs=500, batch_size=8, validation_split=0.25, early_stopping=3, restore_best=True, metrics=["mae"]
        )
        assert (history.stop_reason, history.restored_best) == ("early_stopping", True)
        best = history[history.best_epoch - 1]
        score = session.evaluate(x[24:], y[24:], metrics=["mae"], batch_size=3)
        assert score.value == pytest.approx(best.validation_value, rel=1e-6)
        assert score.metrics["mae"] == pytest.approx(best.metrics["mae"], rel=1e-6)
        assert score.examples == 8
        assert min(history.validation_value) == best.validation_value


def test_safetensors_files_begin_a_session(client: lossd.Client, tmp_path: Path) -> None:
    reference = Reference()
    with torch.no_grad():
        reference.model[0].weight.fill_(0.25)
    safetensors.torch.save_file(reference.model.state_dict(), tmp_path / "weights.safetensors")
    with create(client, state_dict=tmp_path / "weights.safetensors", seed=5) as session:
        assert reference.same_as(session.state_dict())


def test_sessions_are_listed_and_described(client: lossd.Client) -> None:
    scheduler = lossd.optim.lr_scheduler.StepLR(step_size=1, gamma=0.5)
    with create(client, scheduler=scheduler, ttl=60.0, nonfinite="error") as session:
        session.heartbeat()
        session.step(*batches(1)[0])
        info = next(info for info in client.sessions() if info.session_id == session.session_id)
        assert (info.step, info.seq, info.lr, info.state) == (1, 1, (0.025,), "live")
        assert (info.scheduler, info.ttl, info.nonfinite, info.durability) == (scheduler, 60.0, "error", "memory")
        assert info == session.info()
        with pytest.raises(lossd.InvalidArgument, match="nan") as caught:
            session.step([[float("nan")] * 3], [[0.0]])
        assert caught.value.reason == "NONFINITE"


def test_many_tasks_step_one_session(server: RunningServer) -> None:
    reference, data = Reference(), batches(40)

    async def scenario() -> None:
        async with lossd.AsyncClient(server.target) as client:
            session = await client.create_session(
                model=SPEC, loss=lossd.MSELoss(), optimizer=lossd.optim.SGD(lr=0.05, momentum=0.9)
            )
            async with session:
                steps = await asyncio.gather(*(session.step(*batch) for batch in data[:32]))
                assert sorted(step.seq for step in steps) == list(range(1, 33))
                order = sorted(range(32), key=lambda index: steps[index].seq)
                assert [steps[index].value for index in order] == [reference.step(*data[index]) for index in order]
                streamed = [step.value async for step in session.step_stream(data[32:])]
                assert streamed == [reference.step(*batch) for batch in data[32:]]
                assert reference.same_as(await session.state_dict())
                x, y = (torch.cat(part) for part in zip(*data, strict=True))
                history = await session.fit(x, y, epochs=2, validation_split=0.25, metrics=["r2"])
                assert len(history.metrics["r2"]) == 2
                assert len(await session.fit(data[:4], epochs=2)) == 2
                await session.forward_backward(*data[0])
                assert (await session.optim_step()).micro_batches == 1
                assert (await session.evaluate(x, y)).examples == 160
                await session.heartbeat()
                assert await session.resync() == (await session.info()).step
                assert session.session_id in [info.session_id async for info in client.sessions()]
                assert (await (await client.session(session.session_id)).info()).seq > 40

    asyncio.run(scenario())


def kill_worker(running: RunningServer) -> None:
    os.kill(running.workers()[0], signal.SIGKILL)


@pytest.mark.parametrize("way", ["step", "stream"])
def test_with_durability_step_nobody_notices_a_killed_worker(durable: RunningServer, way: str) -> None:
    """kill -9 of the worker amid the steps: torch's own bits, each step once."""
    reference, data = Reference(), batches(90)
    with lossd.Client(durable.target) as client, create(client, durability="step") as session:
        stepped = session.step_stream(data) if way == "stream" else (session.step(*batch) for batch in data)
        for number, (step, batch) in enumerate(zip(stepped, data, strict=True), 1):
            assert (step.step, step.value) == (number, reference.step(*batch))
            if number in (30, 60):
                durable.wait_healthy()
                kill_worker(durable)
        assert reference.same_as(session.state_dict())
        assert session.info().seq == 90


def test_with_durability_step_a_fit_goes_on_over_a_killed_worker(durable: RunningServer) -> None:
    """From the step where it was: every epoch is told once."""
    reference, data, killed = Reference(), batches(40), []
    x, y = (torch.cat(part) for part in zip(*data, strict=True))

    def kill_once(progress: lossd.Progress) -> None:
        if not killed:
            killed.append(progress.step)
            kill_worker(durable)

    with lossd.Client(durable.target) as client, create(client, durability="step") as session:
        history = session.fit(x, y, epochs=40, batch_size=ROWS, progress=kill_once)
        assert killed[0] < 1600
        assert [epoch.epoch for epoch in history] == list(range(1, 41))
        for _ in range(40):
            for batch in data:
                reference.step(*batch)
        assert reference.same_as(session.state_dict())
        assert session.step(*data[0]).seq == 2


def test_a_server_that_is_killed_and_started_again(tmp_path: Path) -> None:
    """The client waits for it and goes on; a caller that has less time is told, and its call settled later."""
    reference, data = Reference(), batches(20)
    first = RunningServer("--state-dir", str(tmp_path))
    with lossd.Client(first.target) as client:
        session = create(client, durability="step")
        for batch in data[:9]:
            session.step(*batch)
        first.process.kill()
        first.stop()
        with pytest.raises(lossd.Unavailable, match="lossd serve"):
            session.step(*data[9], timeout=0.3)
        with RunningServer("--state-dir", str(tmp_path), "--address", first.target, ready=False):
            values = [session.step(*batch).value for batch in data[9:]]
            assert values == [reference.step(*batch) for batch in data][9:]
            assert reference.same_as(session.state_dict())


def test_in_memory_a_killed_worker_takes_the_session_with_it(durable: RunningServer) -> None:
    with lossd.Client(durable.target) as client, create(client) as session:
        session.step(*batches(1)[0])
        kill_worker(durable)
        with pytest.raises(lossd.SessionLost, match="ended with the worker"):
            session.step(*batches(1)[0])
    durable.wait_healthy()


def test_a_saved_session_goes_on_from_there(durable: RunningServer) -> None:
    """The counter follows: the caller is told that later steps are gone, and goes on after them."""
    data = batches(4)
    with lossd.Client(durable.target) as client, create(client) as session:
        session.step(*data[0])
        saved = session.save()
        assert (saved.step, saved.seq) == (1, 1)
        assert saved.size > 100
        session.step(*data[1])
        session.step(*data[2])
        kill_worker(durable)
        durable.wait_healthy()
        again = client.restore_session(session.session_id)
        assert (again.info().step, again.step(*data[1]).step) == (1, 2)
        with pytest.raises(lossd.SequenceConflict):
            session.step(*data[3])
        assert session.resync() == 2
        assert session.step(*data[3]).step == 3


def test_three_steps_by_hand(server: RunningServer) -> None:
    """grpcurl alone: numbered steps, one sent twice, one too far."""
    create = {
        "model": {"linear": {"in_features": 1, "out_features": 1}},
        "loss": {"mse_loss": {}},
        "optimizer": {"sgd": {"lr": 0.01}},
    }
    service = "lossd.v1.TrainingService"
    made = json.loads(server.grpcurl(f"{service}/CreateSession", json.dumps(create)).stdout)
    session_id = made["session"]["session_id"]
    torch.manual_seed(0)
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    x, y = [[2.0], [4.0], [6.0]], [[4.0], [8.0], [12.0]]
    step = {"session_id": session_id, "inputs": {"input": {"values": x}}, "targets": {"target": {"values": y}}}
    for seq in (1, 2, 3):
        answer = json.loads(server.grpcurl(f"{service}/TrainStep", json.dumps(step | {"seq": seq})).stdout)
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(torch.tensor(x)), torch.tensor(y))
        loss.backward()
        optimizer.step()
        assert (answer["value"], int(answer["step"])) == (loss.item(), seq)
    again = json.loads(server.grpcurl(f"{service}/TrainStep", json.dumps(step | {"seq": 3})).stdout)
    assert again.pop("replayed")
    assert again == answer
    gap = server.grpcurl(f"{service}/TrainStep", json.dumps(step | {"seq": 9}))
    assert "FailedPrecondition" in gap.stderr
    assert "seq is 9, expected 4" in gap.stderr


def test_a_fit_may_take_longer_than_its_timeout(client: lossd.Client) -> None:
    """Which is the time without a sign of progress; the streams that it takes tell every epoch once."""
    reference, data = Reference(), batches(40)
    x, y = (torch.cat(part) for part in zip(*data, strict=True))
    with create(client) as session:
        begun = time.monotonic()
        history = session.fit(x, y, epochs=60, batch_size=ROWS, timeout=0.6)
        assert time.monotonic() - begun > 0.6
        assert [epoch.epoch for epoch in history] == list(range(1, 61))
        for _ in range(60):
            for batch in data:
                reference.step(*batch)
        assert reference.same_as(session.state_dict())
