"""The numbers of the calls that change one session, and when such a call is sent again; knows no channel and no clock.

A session counts the calls that changed it. One that was sent and not answered may have run or not: it stays open
until the same bytes are sent again, or the session says how far it is.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from lossd.calls import Call
from lossd.errors import DeadlineExceeded, LossdError, SequenceConflict, Unavailable

T = TypeVar("T")

Numbered: TypeAlias = "Callable[[int], Call[T]]"
"""A call that still needs its number."""


class Sequence:
    """Gives each call its number; the caller sends one after the other, or as a pipeline in the order of the numbers.

    Args:
        last: number of the last call that changed the session.

    >>> sequence = Sequence(0)
    >>> sequence.next(), sequence.next(), sequence.sure
    (1, 2, False)
    >>> sequence.ran(2)
    >>> sequence.next(), sequence.sure
    (3, False)
    """

    def __init__(self, last: int) -> None:
        self._last = last  # of the last call known to have run
        self._sent = last  # of the last call sent
        self._open: Call[Any] | None = None

    @property
    def sure(self) -> bool:
        """Whether it is known of every call sent whether it ran."""
        return self._sent == self._last

    @property
    def sent(self) -> int:
        """The number of the last call sent."""
        return self._sent

    def next(self) -> int:
        """The number of the next call, which counts as sent."""
        self._sent += 1
        return self._sent

    def begin(self, numbered: Numbered[T]) -> Call[T]:
        """The next call with its number; of one that is open and has the same content, the very same."""
        if self.repeats(numbered):
            assert self._open is not None, "it is what this one repeats"
            return self._open
        assert self.sure, "what was sent before is settled first"
        self._open = numbered(self.next())
        return self._open

    def repeats(self, numbered: Numbered[Any]) -> bool:
        """Whether this is the call that is open, asked for again."""
        return self._open is not None and numbered(self._sent).request == self._open.request

    def ran(self, number: int) -> None:
        """Up to this call all have run; those sent after it are still under way."""
        self._last = number
        if self.sure:
            self._open = None

    def answered(self, replayed: bool, again: bool) -> None:
        """All that was sent has run.

        Args:
            replayed: whether the session says that it ran before.
            again: whether it may have been sent before.

        Raises:
            SequenceConflict: if a call that was sent once had run before: it was somebody else's.
        """
        check_own(replayed, again)
        self.ran(self._sent)

    def refused(self) -> None:
        """The calls that were under way did not run: their numbers are free again."""
        self._sent = self._last
        self._open = None

    def settle(self, error: LossdError, in_parts: bool = False) -> None:
        """Frees the number of a call that failed, unless it may have run nevertheless.

        Args:
            error: what it failed with.
            in_parts: whether parts of it may have run before it failed, as of a Fit: only the session knows.
        """
        if not error.reason or isinstance(error, Unavailable | DeadlineExceeded):
            return
        if in_parts and not isinstance(error, SequenceConflict):
            self._open = None
        else:
            self.refused()

    def learn(self, last: int) -> None:
        """Takes the session's word for how far it is.

        Raises:
            SequenceConflict: if that cannot be: somebody else changes it too, or it came back from a checkpoint.
        """
        if not self._last <= last <= self._sent:
            raise SequenceConflict(
                f"the session's next call has number {last + 1}, expected {self._last + 1}"
                f"{f' to {self._sent + 1}' if not self.sure else ''}: it came back from an earlier state, or somebody "
                "else changes it too; resync() goes on from where it is",
                reason="SEQ_GAP" if last < self._last else "SEQ_REUSED",
                expected=last + 1,
            )
        self.reset(last)

    def reset(self, last: int) -> None:
        """Forgets what was sent and goes on after `last`."""
        self._last = self._sent = last
        self._open = None


def check_own(replayed: bool, again: bool) -> None:
    """Refuses the answer to somebody else's call, which had the same number and content.

    Raises:
        SequenceConflict: if it ran before it was sent.
    """
    if replayed and not again:
        raise SequenceConflict(
            "somebody else changed the session by a call of the same number and content, and this is its answer; this "
            "call did not run, and resync() goes on from where the session is",
            reason="SEQ_REUSED",
        )


class Retry:
    """When to send the same call again: at first soon, then more and more slowly, never at the same time as others.

    Args:
        seconds: that the call may take in all; None is for ever.
        now: the clock.
        chance: a random number from 0 to 1.
    """

    FIRST, LONGEST = 0.05, 2.0

    def __init__(
        self, seconds: float | None, now: Callable[[], float], chance: Callable[[], float] = random.random
    ) -> None:
        self._seconds, self._now, self._chance = seconds, now, chance
        self._failure: Unavailable | None = None
        self._moved = False
        self._restart()

    @property
    def failed(self) -> bool:
        """Whether anything was sent in vain."""
        return self._failure is not None

    def progress(self) -> None:
        """There was an answer, one of many: the time begins anew."""
        self._moved = True

    def _restart(self) -> None:
        self._until = None if self._seconds is None else self._now() + self._seconds
        self._pause = self.FIRST

    def left(self) -> float | None:
        """Seconds that are left; None is for ever."""
        return None if self._until is None else max(self._until - self._now(), 0.0)

    def timeout(self) -> float:
        """The same as a client takes it."""
        left = self.left()
        return math.inf if left is None else left

    def pause(self, error: LossdError) -> float:
        """Seconds to wait before sending again after `error`.

        Raises:
            LossdError: the error itself, if it is final or no time is left.
        """
        moved, self._moved = self._moved, False
        if moved:
            self._restart()
            if isinstance(error, DeadlineExceeded):
                return 0.0
        if not isinstance(error, Unavailable):
            raise self._failure if isinstance(error, DeadlineExceeded) and self._failure else error
        self._failure = error
        pause = max(self._pause * (0.5 + 0.5 * self._chance()), error.retry_after or 0.0)
        self._pause = min(2 * self._pause, self.LONGEST)
        left = self.left()
        if left is not None and left <= pause:
            raise error
        return pause
