"""The ledger against a model that simply remembers everything."""

from __future__ import annotations

import json

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from lossd_server.faults import Fault
from lossd_server.training.ledger import Ledger

WINDOW = 4


class Calls(RuleBasedStateMachine):
    """Calls in any order, repeated, changed and left out; the ledger is captured and restored in between."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(WINDOW)
        self.ran: list[tuple[bytes, bytes]] = []

    def verdict(self, seq: int, digest: bytes) -> str:
        """What the model says: everything that ran is in a list."""
        if seq < 0:
            return "ARGUMENT_OUT_OF_RANGE"
        if seq in (0, len(self.ran) + 1):
            return "run"
        if seq > len(self.ran):
            return "SEQ_GAP"
        if seq <= len(self.ran) - WINDOW:
            return "SEQ_EVICTED"
        return "replay" if self.ran[seq - 1][0] == digest else "SEQ_REUSED"

    @rule(back=st.integers(-8, 3), zero=st.booleans(), content=st.sampled_from([b"a", b"b"]), fails=st.booleans())
    def call(self, back: int, zero: bool, content: bytes, fails: bool) -> None:
        """A call near the next seq; one that fails is not recorded and uses nothing up."""
        seq = 0 if zero else len(self.ran) + 1 + back
        expected = self.verdict(seq, content)
        if expected not in ("run", "replay"):
            with pytest.raises(Fault) as refusal:
                self.ledger.admit(seq, content)
            fault = refusal.value
            assert (fault.reason, fault.field) == (expected, "seq")
            assert fault.expected == (None if seq < 0 else len(self.ran) + 1)
            return
        answer = self.ledger.admit(seq, content)
        if expected == "replay":
            assert answer == self.ran[seq - 1][1]
            return
        assert answer is None
        if not fails:
            response = f"answer {len(self.ran) + 1}".encode()
            self.ledger.record(seq, content, response)
            self.ran.append((content, response))

    @rule()
    def survives(self) -> None:
        """What goes through JSON comes back the same."""
        again = Ledger(WINDOW)
        again.restore(json.loads(json.dumps(self.ledger.capture())))
        self.ledger = again

    @invariant()
    def counts(self) -> None:
        assert self.ledger.next == len(self.ran) + 1


Calls.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestCalls = Calls.TestCase


def test_the_last_answer_may_be_replaced() -> None:
    """A call that is answered in parts keeps its newest answer under one seq."""
    ledger = Ledger()
    for part in (b"first", b"second"):
        ledger.record(1, b"fit", part)
    assert (ledger.admit(1, b"fit"), ledger.next) == (b"second", 2)


def test_a_refusal_says_what_to_do() -> None:
    """Given, expected, and the way on."""
    ledger = Ledger(2)
    for seq in (1, 2, 3):
        ledger.record(seq, b"", b"")
    with pytest.raises(Fault, match=r"seq is 9, expected 4: send the calls from 4 on first"):
        ledger.admit(9, b"")
    with pytest.raises(Fault, match=r"seq is 1, expected 4: .* last 2 answers .* go on with 4"):
        ledger.admit(1, b"")
    with pytest.raises(Fault, match=r"seq is 3, expected 4: a call with other content .* new call with 4"):
        ledger.admit(3, b"x")
