"""Which calls of a session have run, and what was answered; knows of a call its number and its digest alone."""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

from lossd_server.faults import Fault

WINDOW = 64
"""Answers that are kept: a caller has at most as many calls under way."""


class _Answer(NamedTuple):
    digest: bytes
    response: bytes


class Ledger:
    """Counts the calls that changed a session, from 1, and keeps the last answers.

    Args:
        window: answers kept, at least 1.

    >>> ledger = Ledger()
    >>> ledger.admit(1, b"digest") is None
    True
    >>> ledger.record(1, b"digest", b"answer")
    >>> ledger.admit(1, b"digest"), ledger.next
    (b'answer', 2)
    """

    def __init__(self, window: int = WINDOW) -> None:
        self._window = window
        self._answers: OrderedDict[int, _Answer] = OrderedDict()
        self.last = 0
        """The seq of the last call that ran; 0 before the first."""

    @property
    def next(self) -> int:
        """The seq of the next call."""
        return self.last + 1

    def admit(self, seq: int, digest: bytes) -> bytes | None:
        """What was answered to this call, or None if it is the next and may run.

        Args:
            seq: its number; 0 takes the next one.
            digest: of its content.

        Raises:
            Fault: SEQ_GAP, SEQ_EVICTED or SEQ_REUSED with `expected`; ARGUMENT_OUT_OF_RANGE for a negative seq.
        """
        if seq < 0:
            raise Fault("ARGUMENT_OUT_OF_RANGE", f"seq is {seq}; expected 0 for the next, or 1 and above", field="seq")
        if seq in (0, self.next):
            return None
        if seq > self.next:
            raise Fault(
                "SEQ_GAP",
                f"seq is {seq}, expected {self.next}: send the calls from {self.next} on first",
                field="seq",
                expected=self.next,
            )
        answer = self._answers.get(seq)
        if answer is None:
            raise Fault(
                "SEQ_EVICTED",
                f"seq is {seq}, expected {self.next}: it ran, but only the last {self._window} answers are kept; go on "
                f"with {self.next}",
                field="seq",
                expected=self.next,
            )
        if answer.digest != digest:
            raise Fault(
                "SEQ_REUSED",
                f"seq is {seq}, expected {self.next}: a call with other content has run under {seq}; send a repetition "
                f"as it was, and a new call with {self.next}",
                field="seq",
                expected=self.next,
            )
        return answer.response

    def digest(self, seq: int) -> bytes | None:
        """The digest of a call whose answer is kept; None of any other."""
        answer = self._answers.get(seq)
        return answer.digest if answer is not None else None

    def record(self, seq: int, digest: bytes, response: bytes) -> None:
        """Keeps the answer of the next call, or a newer one of the last call, and forgets the oldest.

        Args:
            seq: `next` or `last`; 0 stands for `next`.
        """
        seq = seq or self.next
        assert seq in (self.last, self.next), "only an admitted call is recorded"
        self.last = seq
        self._answers[seq] = _Answer(digest, response)
        while len(self._answers) > self._window:
            self._answers.popitem(last=False)

    def capture(self) -> dict[str, Any]:
        """All of it as plain JSON values.

        >>> Ledger().capture()
        {'last': 0, 'answers': []}
        """
        answers = [
            [seq, answer.digest.hex(), base64.b64encode(answer.response).decode()]
            for seq, answer in self._answers.items()
        ]
        return {"last": self.last, "answers": answers}

    def restore(self, facts: Mapping[str, Any]) -> None:
        """Becomes what `capture` saw."""
        self.last = int(facts["last"])
        self._answers = OrderedDict(
            (int(seq), _Answer(bytes.fromhex(digest), base64.b64decode(response)))
            for seq, digest, response in facts["answers"]
        )
