"""Production series from end to end: SDK, command line and grpcurl to /metrics, by the real server."""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
import uuid
from pathlib import Path

import lossd
import numpy as np
import pytest
from running import RunningServer

GOOD, BAD = [1.0, 2.0, 4.0], [1.0, 3.0, 5.0]
"""Predictions and targets whose MSE and MAE are both 2/3."""


@pytest.fixture
def name() -> str:
    """A series of the test's own: the server is everybody's."""
    return f"test-{uuid.uuid4().hex[:12]}"


def value(server: RunningServer, of: str, /, **labels: str) -> float:
    inside = ",".join(f'{label}="{text}"' for label, text in sorted(labels.items()))
    return server.metric(f"{of}{{{inside}}}")


def counted(server: RunningServer, name: str) -> float:
    return value(server, "lossd_series_evaluations_total", series=name)


def test_an_evaluation_is_exported(server: RunningServer, name: str) -> None:
    """Loss by its own weight, metrics by examples, their direction, volume and time."""
    with lossd.Client(server.target) as client:
        client.evaluate(lossd.MSELoss(), GOOD, BAD, metrics=["mae", "r2"], series=name)
        client.evaluate(lossd.MSELoss(), [0.0], [2.0], metrics=["mae", "r2"], series=name)
    assert value(server, "lossd_loss_value", series=name) == pytest.approx((2 + 4) / 4)
    assert value(server, "lossd_metric_value", series=name, metric="mae") == pytest.approx((2 + 2) / 4)
    assert value(server, "lossd_metric_value", series=name, metric="r2") == pytest.approx(0.75), "nan where undefined"
    assert value(server, "lossd_metric_higher_is_better", metric="mae") == 0
    assert value(server, "lossd_metric_higher_is_better", metric="r2") == 1
    assert value(server, "lossd_series_loss_total", series=name, sign="positive") == pytest.approx(6)
    assert value(server, "lossd_series_weight_total", series=name) == 4
    assert value(server, "lossd_series_examples_total", series=name) == 4
    assert counted(server, name) == 2
    assert value(server, "lossd_series_last_timestamp_seconds", series=name) > 1.6e9


def test_the_rolling_loss_is_that_of_all_examples_in_one_call(server: RunningServer, name: str) -> None:
    """Class weights and ignored targets included: many calls make the mean that one call with all of it has."""
    random = np.random.default_rng(5)
    logits, target = random.normal(size=(60, 3)).astype("float32"), random.integers(0, 3, 60)
    target[::7] = -100
    loss = lossd.CrossEntropyLoss(weight=[0.2, 1.0, 5.0])
    with lossd.Client(server.target) as client:
        whole = client.evaluate(loss, logits, target).value
        for rows in np.array_split(np.arange(60), 9):
            client.evaluate(loss, logits[rows], target[rows], series=name)
    assert value(server, "lossd_loss_value", series=name) == pytest.approx(whole, rel=1e-6)


def test_two_losses_in_a_series_are_noticed(server: RunningServer, name: str) -> None:
    """Alone, in a batch, in a data set and of a session: answered, counted, and said in the log once."""
    l1, mse = lossd.L1Loss(), lossd.MSELoss()

    def changes() -> float:
        return value(server, "lossd_series_loss_changes_total", series=name)

    with lossd.Client(server.target) as client:
        for _ in range(3):
            client.evaluate(l1, GOOD, BAD, series=name)
        assert changes() == 0
        client.evaluate_batch([lossd.Evaluation(loss, GOOD, BAD, series=name) for loss in (l1, mse, mse)])
        assert changes() == 1
        with client.aggregate(l1, series=name) as total:
            total.update(GOOD, BAD)
            total.result()
        assert changes() == 2
        model, sgd = lossd.nn.Linear(1, 1), lossd.optim.SGD(lr=0.1)
        with client.create_session(model=model, loss=mse, optimizer=sgd) as session:
            session.evaluate([[1.0]], [[2.0]], series=name)
        assert changes() == 3
    assert counted(server, name) == 8
    said = [record for record in server.records() if "evaluated with two losses" in record.get("event", "")]
    assert [one["losses"] for one in said if one["series"] == name] == [["l1_loss", "mse_loss"]]


def test_examples_are_counted_where_they_lie(server: RunningServer, name: str) -> None:
    """Second in log-probabilities of sequences (T,N,C): two sequences of six steps are two examples."""
    log_probs = np.log(np.full((6, 2, 4), 0.25, np.float32))
    labels, steps, counts = np.array([[1, 2], [3, 1]]), np.array([6, 5]), np.array([2, 1])
    with lossd.Client(server.target) as client:
        client.evaluate(lossd.CTCLoss(), log_probs, labels, steps, counts, series=name)
        with client.aggregate(lossd.CTCLoss(), series=name) as total:
            total.update(log_probs, labels, steps, counts)
            total.result()
    assert value(server, "lossd_series_examples_total", series=name) == 4


def test_batches_streams_and_both_clients_count(server: RunningServer, name: str) -> None:
    """Each member counts in the series that it names; what fails counts in none."""
    good = lossd.Evaluation(lossd.MSELoss(), GOOD, BAD, series=name)
    none = lossd.Evaluation(lossd.MSELoss(), GOOD, BAD)
    bad = lossd.Evaluation(lossd.MSELoss(), GOOD, [1.0], series=name)
    with lossd.Client(server.target) as client:
        client.evaluate_batch([good, none, bad, good])
    assert counted(server, name) == 2
    with lossd.Client(server.target) as client:
        assert len(list(client.evaluate_stream([good, none, good]))) == 3
    assert counted(server, name) == 4

    async def once() -> None:
        async with lossd.AsyncClient(server.target) as client:
            await client.evaluate(lossd.MSELoss(), GOOD, BAD, series=name)

    asyncio.run(once())
    assert counted(server, name) == 5
    assert value(server, "lossd_loss_value", series=name) == pytest.approx(2 / 3)


def test_a_dry_run_and_a_refusal_count_nothing(server: RunningServer, name: str) -> None:
    """validate_only computes nothing, so it counts nothing; neither does what fails."""
    with lossd.Client(server.target) as client, pytest.raises(lossd.InvalidArgument):
        client.evaluate(lossd.MSELoss(), GOOD, [1.0], series=name)
    request = {"loss": {"mse_loss": {}}, "series": name, "validate_only": True}
    request["inputs"] = {"input": {"values": GOOD}, "target": {"values": BAD}}
    assert server.grpcurl("lossd.v1.EvaluationService/EvaluateLoss", json.dumps(request)).returncode == 0
    assert name not in server.metrics()


@pytest.mark.parametrize("bad", ["a b", "x" * 65, 'zz"} 1', "naïve", "zz\n"])
def test_a_name_that_is_none_is_refused(server: RunningServer, bad: str) -> None:
    """Nothing of it reaches the exposition; the field is named, with the member of a batch."""
    with lossd.Client(server.target) as client:
        with pytest.raises(lossd.InvalidArgument, match="at most 64 letters") as refused:
            client.evaluate(lossd.MSELoss(), GOOD, BAD, series=bad)
        assert refused.value.field == "series"
        (member,) = client.evaluate_batch([lossd.Evaluation(lossd.MSELoss(), GOOD, BAD, series=bad)])
    assert isinstance(member, lossd.InvalidArgument)
    assert member.field == "evaluations[0].series"
    assert bad not in server.metrics()


def test_diagnostics_count_with_and_without_a_series(server: RunningServer, name: str) -> None:
    """One of severity ERROR in the series and in all; an evaluation of no series in all alone; `off` nowhere."""

    def evaluate(**more: str) -> lossd.Result:
        found = client.evaluate(lossd.CrossEntropyLoss(), [[1.0, 2.0]], [-100], **more)
        assert math.isnan(found.value), "of no target"
        return found

    with lossd.Client(server.target) as client:
        found = evaluate(diagnostics="cheap", series=name)
        code = next(one.code for one in found.diagnostics if one.severity == "error")
        before = value(server, "lossd_diagnostics_total", code=code)
        evaluate(diagnostics="cheap")
        evaluate()
    assert value(server, "lossd_diagnostics_total", code=code) == before + 1
    assert value(server, "lossd_series_diagnostics_total", series=name, code=code, severity="error") == 1
    assert value(server, "lossd_series_nonfinite_total", series=name) == 1
    assert f'lossd_loss_value{{series="{name}"}}' not in server.metrics()


def test_command_line_and_grpcurl_name_a_series(server: RunningServer, name: str) -> None:
    """`lossd eval --series` and the field of the contract."""
    command = [
        str(Path(sys.executable).with_name("lossd")),
        "eval",
        "mse_loss",
        "--input",
        "[1,2,4]",
        "--target",
        "[1,3,5]",
    ]
    subprocess.run([*command, "--series", name, "--server", server.target], check=True, capture_output=True, timeout=60)
    assert counted(server, name) == 1
    request = {
        "loss": {"mse_loss": {}},
        "inputs": {"input": {"values": GOOD}, "target": {"values": BAD}},
        "series": name,
    }
    assert server.grpcurl("lossd.v1.EvaluationService/EvaluateLoss", json.dumps(request)).returncode == 0
    assert counted(server, name) == 2


def test_an_aggregate_is_one_evaluation(server: RunningServer, name: str) -> None:
    """AggregateLoss counts once, with the loss and metrics of all its chunks."""
    random = np.random.default_rng(5)
    predicted, actual = random.normal(size=(2, 100)).astype("float32")
    with (
        lossd.Client(server.target) as client,
        client.aggregate(lossd.MSELoss(), metrics=["rmse"], series=name) as total,
    ):
        for rows in np.array_split(np.arange(100), 7):
            total.update(predicted[rows], actual[rows])
        found = total.result()
    assert counted(server, name) == 1
    assert value(server, "lossd_series_examples_total", series=name) == 100
    assert value(server, "lossd_loss_value", series=name) == pytest.approx(found.value, rel=1e-6)
    assert value(server, "lossd_metric_value", series=name, metric="rmse") == pytest.approx(found.value**0.5, rel=1e-6)


def test_a_session_evaluates_in_a_series(server: RunningServer, name: str) -> None:
    """EvaluateSession counts as one evaluation of its examples, whatever batches it was cut into."""
    with lossd.Client(server.target) as client:
        model = lossd.nn.Sequential(lossd.nn.Linear(1, 1))
        session = client.create_session(model=model, loss=lossd.MSELoss(), optimizer=lossd.optim.SGD(lr=0.1), seed=0)
        with session:
            inputs, targets = [[1.0], [2.0], [3.0]], [[2.0], [4.0], [6.0]]
            found = session.evaluate(inputs, targets, batch_size=2, metrics=["mae"], series=name)
            with pytest.raises(lossd.InvalidArgument, match="at most 64 letters") as refused:
                session.evaluate(inputs, targets, series="a b")
    assert refused.value.field == "series"
    assert value(server, "lossd_loss_value", series=name) == pytest.approx(found.value)
    assert value(server, "lossd_metric_value", series=name, metric="mae") == pytest.approx(found.metrics["mae"])
    assert value(server, "lossd_series_examples_total", series=name) == 3
    assert counted(server, name) == 1
