"""Numbers of a session's calls: what becomes of them when calls fail, answers are lost, or somebody else calls."""

from __future__ import annotations

from collections.abc import Callable

import lossd
import pytest
from lossd.calls import Call
from lossd.sequence import Retry, Sequence, check_own


def numbered(content: bytes) -> Callable[[int], Call[None]]:
    return lambda seq: Call("/m", b"%d:%s" % (seq, content), lambda answer: None)


def test_a_call_that_fails_uses_up_no_number() -> None:
    sequence = Sequence(4)
    assert sequence.begin(numbered(b"a")).request == b"5:a"
    sequence.settle(lossd.InvalidArgument("no", reason="SHAPE_MISMATCH"))
    assert sequence.begin(numbered(b"b")).request == b"5:b"
    sequence.answered(replayed=False, again=False)
    assert sequence.begin(numbered(b"c")).request == b"6:c"


def test_a_call_that_fails_halfway_is_settled_by_the_session() -> None:
    """A Fit may have made steps before it failed: the session says whether its number is used up."""
    for last, then in ((4, b"5:b"), (5, b"6:b")):
        sequence = Sequence(4)
        sequence.begin(numbered(b"a"))
        sequence.settle(lossd.InvalidArgument("no", reason="NONFINITE"), in_parts=True)
        assert not sequence.sure
        assert not sequence.repeats(numbered(b"a"))
        sequence.learn(last)
        assert sequence.begin(numbered(b"b")).request == then


OPEN = [
    lossd.Unavailable("gone", reason="DEVICE_UNAVAILABLE"),
    lossd.Unavailable("gone"),
    lossd.DeadlineExceeded("late", reason="DEADLINE_EXCEEDED"),
    lossd.Cancelled("closed"),
    lossd.Internal("a proxy's word"),
]


@pytest.mark.parametrize("error", OPEN, ids=lambda error: type(error).__name__)
def test_a_call_whose_answer_was_lost_stays_open(error: lossd.LossdError) -> None:
    """The same call asks for it by the same bytes; for another, the session is asked first."""
    sequence = Sequence(0)
    first = sequence.begin(numbered(b"a"))
    sequence.settle(error)
    assert not sequence.sure
    assert not sequence.repeats(numbered(b"b"))
    assert sequence.repeats(numbered(b"a"))
    assert sequence.begin(numbered(b"a")) is first


@pytest.mark.parametrize(("last", "then"), [(0, 1), (1, 2)])
def test_the_session_tells_whether_it_ran(last: int, then: int) -> None:
    sequence = Sequence(0)
    sequence.begin(numbered(b"a"))
    sequence.learn(last)
    assert sequence.begin(numbered(b"b")).request == b"%d:b" % then


@pytest.mark.parametrize("last", [2, 6])
def test_a_session_that_counts_otherwise_is_a_conflict(last: int) -> None:
    sequence = Sequence(3)
    sequence.begin(numbered(b"a"))
    with pytest.raises(lossd.SequenceConflict, match="resync") as caught:
        sequence.learn(last)
    assert caught.value.expected == last + 1
    sequence.reset(last)
    assert sequence.begin(numbered(b"b")).request == b"%d:b" % (last + 1)


def test_somebody_elses_answer_is_refused() -> None:
    with pytest.raises(lossd.SequenceConflict, match="somebody else"):
        check_own(replayed=True, again=False)
    check_own(replayed=True, again=True)
    check_own(replayed=False, again=False)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_pauses_grow_and_end_with_the_time() -> None:
    """From 0.05 s to 2 s; the last failure is what is raised."""
    clock, gone = Clock(), lossd.Unavailable("gone")
    retry = Retry(10.0, clock, lambda: 1.0)
    pauses: list[float] = []

    def wait_for_ever() -> None:
        while True:
            pauses.append(retry.pause(gone))
            clock.now += pauses[-1]

    with pytest.raises(lossd.Unavailable):
        wait_for_ever()
    assert pauses[:6] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6]
    assert max(pauses) == 2.0
    assert sum(pauses) < 10.0
    assert Retry(10.0, clock, lambda: 0.0).pause(gone) == 0.025
    assert Retry(None, clock).pause(lossd.Unavailable("full", retry_after=3.0)) == 3.0
    with pytest.raises(lossd.InvalidArgument):
        retry.pause(lossd.InvalidArgument("no"))


def test_a_deadline_after_failures_says_what_failed() -> None:
    clock = Clock()
    retry = Retry(1.0, clock)
    clock.now += retry.pause(lossd.Unavailable("gone"))
    with pytest.raises(lossd.Unavailable, match="gone"):
        retry.pause(lossd.DeadlineExceeded("late"))
    with pytest.raises(lossd.DeadlineExceeded):
        Retry(1.0, clock).pause(lossd.DeadlineExceeded("late"))


def test_with_progress_the_time_begins_anew() -> None:
    clock = Clock()
    retry = Retry(1.0, clock)
    retry.progress()
    clock.now = 5.0
    assert retry.left() == 0.0
    assert retry.pause(lossd.DeadlineExceeded("late")) == 0.0
    assert retry.left() == 1.0
    with pytest.raises(lossd.DeadlineExceeded):
        retry.pause(lossd.DeadlineExceeded("late"))
