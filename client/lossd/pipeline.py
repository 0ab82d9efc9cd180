"""Calls of a TrainStream that are under way: numbered, kept until they are answered; knows no channel."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from lossd import changing
from lossd.changing import Change
from lossd.errors import DeadlineExceeded, LossdError, Unavailable
from lossd.sequence import Sequence, check_own
from lossd.training_results import MicroBatch, Step

UNDER_WAY = (
    "a step_stream or fit of this session is under way here: take its last step, or close it, before another call "
    "that changes the session"
)


class Broken(Exception):
    """A stream ended before its time, by what is in `error`; its calls may be sent again by another."""

    def __init__(self, error: LossdError) -> None:
        super().__init__(str(error))
        self.error = error


class Pipeline:
    """Sends changes of a session ahead of their answers.

    Args:
        sequence: numbers them.
        most: calls under way at most; the server keeps the answers of the last 64.
        size: bytes under way at most, but for two calls.
    """

    MOST, SIZE = 16, 64 << 20

    def __init__(self, sequence: Sequence, most: int = MOST, size: int = SIZE) -> None:
        self._sequence, self._most, self._size = sequence, most, size
        self._under_way: deque[tuple[int, bytes, Change]] = deque()
        self._resent = 0  # the last number that was sent by an earlier stream too

    def __len__(self) -> int:
        return len(self._under_way)

    @property
    def full(self) -> bool:
        """Whether an answer must come before another call is sent."""
        size = sum(len(message) for _, message, _ in self._under_way)
        return len(self) >= self._most or (len(self) >= 2 and size >= self._size)

    def add(self, change: Change) -> bytes:
        """The message that sends `change`."""
        seq = self._sequence.next()
        message = change.member(seq)
        self._under_way.append((seq, message, change))
        return message

    def unanswered(self) -> list[bytes]:
        """What a new stream begins with, as it was sent before."""
        self._resent = self._under_way[-1][0] if self._under_way else 0
        return [message for _, message, _ in self._under_way]

    @contextmanager
    def breaking(self) -> Iterator[None]:
        """Tells a stream that breaks from what batches and callers raise."""
        try:
            yield
        except (Unavailable, DeadlineExceeded) as error:
            raise Broken(error) from None

    def answered(self, answer: bytes | None) -> tuple[Change, Step | MicroBatch]:
        """The next call and what became of it.

        Args:
            answer: the next message of the stream; None at its end.

        Raises:
            LossdError: what it failed with; those behind it did not run either. `Unavailable` and `DeadlineExceeded`
                leave all of them under way.
        """
        if answer is None:
            raise Unavailable("the server ended the stream before it answered")
        seq, _, change = self._under_way[0]
        try:
            outcome = changing.stream_outcome(answer)
            check_own(outcome.replayed, seq <= self._resent)
        except LossdError as error:
            if not isinstance(error, Unavailable | DeadlineExceeded):
                self._under_way.clear()
                self._sequence.refused()
            raise
        self._under_way.popleft()
        self._sequence.ran(seq)
        return change, outcome
