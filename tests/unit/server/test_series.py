"""The quality of series: rolling and total means against numpy, and memory that no caller can make grow."""

from __future__ import annotations

import math
import socket

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lossd_server.telemetry.metrics import Metrics
from lossd_server.telemetry.observation import (
    MAX_METRICS,
    Named,
    Observation,
    Share,
    decode,
    encode,
    merged,
    of_evaluation,
)
from lossd_server.telemetry.series import CELLS, Series
from lossd_server.worker import frames
from lossd_server.worker.arena import Arena
from lossd_server.worker.frames import Frame, Kind
from prometheus_client import generate_latest


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def observed(series: str = "eta", value: float = 0.5, weight: float = 1.0, **metrics: float) -> Observation:
    told = {name: (number, True) for name, number in metrics.items()}
    return of_evaluation(series, value, (value * weight, weight), int(weight), told, {})


def test_rolling_and_total_means_are_those_of_numpy() -> None:
    """Over random times, weights and losses of both signs: the total of all, the rolling one of those in the window.

    The window moves by a thirtieth of itself, so it is looked at where an edge of these is: 300 s are parts of 10 s.
    """
    random, clock = np.random.default_rng(3), Clock()
    series = Series(window=300.0, clock=clock)
    rows = []
    for _ in range(500):
        clock.now += float(random.exponential(7.0))
        value, weight, metric = float(random.normal()), float(random.integers(1, 9)), float(random.normal())
        rows.append((clock.now, value, weight, metric))
        series.take([observed(value=value, weight=weight, mae=metric)])
        table = np.array(rows)
        shown = table[table[:, 0] >= (clock.now // 10 - CELLS + 1) * 10]
        (record,) = series.state().records
        assert record.loss == pytest.approx(np.average(shown[:, 1], weights=shown[:, 2]))
        assert record.metrics == {"mae": pytest.approx(np.average(shown[:, 3], weights=shown[:, 2]))}
    total = record.total
    assert (total.positive - total.negative) / total.weight == pytest.approx(
        np.average(table[:, 1], weights=table[:, 2])
    )
    assert total.negative > 0
    assert (record.evaluations, record.examples) == (500, table[:, 2].sum())


def test_a_window_without_evaluations_has_no_value() -> None:
    """Neither the last one for ever nor zero: nothing; and what comes after is not mixed with what was."""
    clock = Clock()
    series = Series(window=30.0, clock=clock)
    series.take([observed(value=9.0)])
    clock.now += 31.0
    assert series.state().records[0].loss is None
    assert "lossd_loss_value{" not in exposition(series)
    clock.now += 10_000.0
    series.take([observed(value=1.0)])
    assert series.state().records[0].loss == 1.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e305])
def test_what_is_not_finite_poisons_nothing(value: float) -> None:
    """It is counted, and neither the rolling nor the total mean moves; numbers near the largest count as such."""
    series = Series(clock=Clock())
    series.take([observed(value=0.25), observed(value=value, mae=value), observed(value=0.75)])
    (record,) = series.state().records
    assert (record.loss, record.nonfinite, record.evaluations) == (0.5, 1, 3)
    assert (record.total.positive, record.total.negative, record.total.weight) == (1.0, 0.0, 2.0)
    assert record.metrics == {}


def test_another_loss_in_a_series_is_counted_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Each change counts, inside of what is taken at once as between; the log has the first; one loss has none."""

    def of(loss: str, series: str = "eta") -> Observation:
        return of_evaluation(series, 0.5, None, 4, {}, {}, loss)

    series = Series(clock=Clock())
    series.take([of("l1_loss"), of("l1_loss"), of("mse_loss", "other")])
    assert [record.loss_changes for record in series.state().records] == [0, 0]
    assert not caplog.records
    series.take([of("l1_loss"), of("mse_loss"), of("mse_loss"), of("l1_loss")])
    series.take([of("mse_loss"), observed("eta"), of("mse_loss", "other")])
    assert [record.loss_changes for record in series.state().records] == [3, 0]
    (said,) = [record.__dict__ for record in caplog.records]
    assert (said["series"], said["losses"]) == ("eta", ["l1_loss", "mse_loss"])
    assert 'lossd_series_loss_changes_total{series="eta"} 3.0' in exposition(series)


def test_names_do_not_grow_memory() -> None:
    """Many thousands of names, then of metrics: the room is what it was, what was left is counted."""
    series = Series(most=10, clock=Clock())
    for start in range(0, 30_000, 1000):
        series.take([observed(f"s{number}") for number in range(start, start + 1000)])
    names = {record.name for record in series.state().records}
    assert names == {f"s{number}" for number in range(10)}
    for number in range(30_000):
        series.take([observed("s0", **{f"precision(threshold=0.{number:05})": 0.5})])
    state = series.state()
    assert len(state.records[0].metrics) == MAX_METRICS == len(state.higher)
    assert state.dropped == {"series": 29_990, "metrics": 30_000 - MAX_METRICS}
    lines = exposition(series).splitlines()
    assert sum('series="' in line for line in lines) == 10 * 9 + MAX_METRICS * 4


def test_an_idle_series_makes_room() -> None:
    """A series that is not named for series_idle_seconds leaves with all that is known of it."""
    clock = Clock()
    series = Series(most=1, idle=60.0, clock=clock)
    series.take([observed("first", mae=1.0)])
    clock.now += 59.0
    series.take([observed("second")])
    assert [record.name for record in series.state().records] == ["first"]
    clock.now += 62.0
    assert series.state().records == []
    assert series.state().higher == {}
    series.take([observed("second")])
    assert [record.name for record in series.state().records] == ["second"]


def test_no_series_where_none_are_wanted() -> None:
    """max_series = 0 keeps none; diagnostics are counted all the same."""
    series = Series(most=0)
    series.take([Observation("eta", 1, codes={("ALL_IGNORED", "error"): 2})])
    assert series.state().records == []
    assert series.state().codes == {"ALL_IGNORED": 2}


def test_a_metric_with_a_strange_name_is_left_out() -> None:
    """Blanks go; what is long or not plain is no label, and neither are more than twenty."""
    told = {
        "precision( threshold = 0.3 )": (0.5, True),
        "x" * 200: (0.5, True),
        "né": (0.5, True),
        "auroc": (math.nan, True),
    }
    made = of_evaluation("eta", 0.5, None, 4, told, {})
    assert set(made.metrics) == {"precision(threshold=0.3)"}
    assert made.left_out == 2
    many = of_evaluation("eta", 0.5, None, 4, {f"m{number}": (0.5, None) for number in range(50)}, {})
    assert (len(many.metrics), many.left_out) == (MAX_METRICS, 50 - MAX_METRICS)


SHARES = st.builds(Share, st.floats(-9, 9), st.floats(0, 9), st.sampled_from([True, False, None]))
OBSERVATIONS = st.lists(
    st.builds(
        Observation,
        st.sampled_from(["", "a", "b"]),
        st.integers(0, 5),
        st.integers(0, 5),
        st.integers(0, 50),
        SHARES,
        st.dictionaries(st.text(max_size=9), SHARES, max_size=3),
        st.dictionaries(st.tuples(st.sampled_from("AB"), st.sampled_from(["info", "error"])), st.integers(1, 9)),
        st.integers(0, 3),
        st.builds(Named, st.sampled_from(["", "a"]), st.sampled_from(["", "a"]), st.integers(0, 3), st.just("b")),
    ),
    max_size=6,
)


@given(OBSERVATIONS)
def test_observations_cross_as_they_are(observations: list[Observation]) -> None:
    """What a worker encodes, the front decodes; merging keeps every count."""
    assert decode(encode(observations)) == tuple(observations)
    together = merged(observations)
    assert len(together) == len({one.series for one in observations})
    for index in (1, 2, 3):
        assert sum(one[index] for one in together) == sum(one[index] for one in observations)


@pytest.mark.parametrize("size", [0, 1, 8 * 1024, 8 * 1024 + 1, 3_000_000], ids=str)
@pytest.mark.parametrize("payload", [[b"small"], [b"head", b"x" * 200_000]], ids=["inline", "beside"])
def test_a_note_travels_with_an_answer(size: int, payload: list[bytes]) -> None:
    """Inside the datagram or, where it is long, as a segment of its own: all arrives as it was."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    arena = Arena(2**20)
    with ours, theirs:
        note = bytes(index % 251 for index in range(1000)) * (size // 1000) + b"n" * (size % 1000)
        frames.send(ours, Frame(Kind.ANSWER, 7, "mse_löss", (1.0, 2.0, 3.0), payload, None, 5, note), arena)
        got = frames.receive(theirs, arena)
        assert got is not None
        assert (got.text, got.note, got.steps) == ("mse_löss", note, 5)
        assert [bytes(segment) for segment in got.segments] == payload


def exposition(series: Series) -> str:
    return generate_latest(Metrics("0", series).registry).decode()
