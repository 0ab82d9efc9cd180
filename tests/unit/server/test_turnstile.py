"""Calls that overtook one another: each waits for its turn at the front, none is lost, nothing is kept for long."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter

import pytest
from lossd.v1 import training_service_pb2 as pb
from lossd_server import status
from lossd_server.engine.contract import Call, Reply
from lossd_server.faults import Fault
from lossd_server.front import turnstile
from lossd_server.front.turnstile import Turnstile
from lossd_server.training.ledger import Ledger

SESSION = "w0-1-abc"


class Backend:
    """A worker's ledger behind a queue: it admits a call, or refuses it at once, as the real one does."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.submitted: Counter[int] = Counter()
        self.order: list[int] = []

    async def submit(self, call: Call) -> Reply:
        await asyncio.sleep(0.001)
        if call.verb == "TrainStream":
            seq = pb.TrainStreamRequest.FromString(call.request).train_step.seq
        elif call.verb == "Fit":
            seq = pb.FitRequest.FromString(call.request).seq
        else:
            seq = pb.TrainStepRequest.FromString(call.request).seq
        self.submitted[seq] += 1
        try:
            self.ledger.admit(seq, b"")
        except Fault as fault:
            return Reply(status.encode(fault).SerializeToString(), failed=True)
        self.ledger.record(seq, b"", b"")
        self.order.append(self.ledger.last)
        answer = pb.TrainStepResponse(seq=self.ledger.last)
        if call.verb == "TrainStream":
            return Reply(pb.TrainStreamResponse(train_step=answer).SerializeToString(), failed=False)
        if call.verb == "Fit":
            return Reply(pb.FitResponse(seq=self.ledger.last).SerializeToString(), failed=False)
        return Reply(answer.SerializeToString(), failed=False)


def step(seq: int, seconds: float = 10.0, session: str = SESSION) -> Call:
    request = pb.TrainStepRequest(session_id=session, seq=seq)
    return Call("TrainStep", request.SerializeToString(), time.monotonic() + seconds, session)


@pytest.mark.parametrize("seed", range(5))
def test_senders_in_any_order_are_put_in_order(seed: int) -> None:
    """32 at once, at random moments: all run, in order, each submitted at most twice; then nothing is remembered."""

    async def scenario() -> None:
        backend = Backend()
        gate = Turnstile(backend.submit)
        order = list(range(1, 33))
        random.Random(seed).shuffle(order)

        async def send(seq: int) -> Reply:
            await asyncio.sleep(order.index(seq) * 0.002)
            return await gate.submit(step(seq))

        replies = await asyncio.gather(*(send(seq) for seq in range(1, 33)))
        assert not any(reply.failed for reply in replies)
        assert [pb.TrainStepResponse.FromString(reply.message).seq for reply in replies] == list(range(1, 33))
        assert backend.order == list(range(1, 33))
        assert max(backend.submitted.values()) <= 2
        assert len(gate) == 0

    asyncio.run(scenario())


def test_a_gap_that_stays_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the patience, and no sooner, with the refusal that says which call is due."""
    monkeypatch.setattr(turnstile, "_PATIENCE_SECONDS", 0.2)

    async def scenario() -> None:
        gate = Turnstile(Backend().submit)
        begun = time.monotonic()
        reply = await gate.submit(step(3))
        assert reply.failed
        assert b"expected 1" in reply.message
        assert 0.2 <= time.monotonic() - begun < 2
        assert len(gate) == 0

    asyncio.run(scenario())


def test_nobody_is_kept_beyond_a_deadline() -> None:
    """A call with less time than the patience is let out when that is over."""

    async def scenario() -> None:
        gate = Turnstile(Backend().submit)
        begun = time.monotonic()
        await gate.submit(step(3, seconds=0.1))
        assert time.monotonic() - begun < 1

    asyncio.run(scenario())


def test_a_call_whose_predecessors_caller_left_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ran without its answer being seen has run: the next call goes through when its patience is over."""
    monkeypatch.setattr(turnstile, "_PATIENCE_SECONDS", 0.2)

    async def scenario() -> None:
        backend = Backend()
        gate = Turnstile(backend.submit)
        waiting = asyncio.create_task(gate.submit(step(2)))
        await asyncio.sleep(0.05)
        await backend.submit(step(1))
        assert not (await waiting).failed

    asyncio.run(scenario())


def test_other_verbs_pass_the_turn_on_and_are_not_kept() -> None:
    """A member of a stream and a Fit that came too early are refused at once; those that ran let others go on."""

    async def scenario() -> None:
        gate = Turnstile(Backend().submit)
        early = pb.TrainStreamRequest(session_id=SESSION, train_step=pb.TrainStepRequest(seq=2)).SerializeToString()
        begun = time.monotonic()
        assert (await gate.submit(Call("TrainStream", early, begun + 10, SESSION))).failed
        assert time.monotonic() - begun < 1
        waiting = [asyncio.create_task(gate.submit(step(seq))) for seq in (2, 4)]
        await asyncio.sleep(0.05)
        member = pb.TrainStreamRequest(session_id=SESSION, train_step=pb.TrainStepRequest(seq=1)).SerializeToString()
        await gate.submit(Call("TrainStream", member, time.monotonic() + 10, SESSION))
        assert not (await waiting[0]).failed
        fit = pb.FitRequest(session_id=SESSION, seq=3).SerializeToString()
        await gate.submit(Call("Fit", fit, time.monotonic() + 10, SESSION))
        assert not (await waiting[1]).failed
        assert time.monotonic() - begun < 1

    asyncio.run(scenario())


def test_sessions_do_not_wait_for_one_another() -> None:
    """A gap in one session keeps no call of another; a cancelled call leaves nothing behind."""

    async def scenario() -> None:
        first, second = Backend(), Backend()

        async def submit(call: Call) -> Reply:
            return await (first if call.session_id == SESSION else second).submit(call)

        gate = Turnstile(submit)
        waiting = asyncio.create_task(gate.submit(step(5)))
        await asyncio.sleep(0.05)
        begun = time.monotonic()
        assert not (await gate.submit(step(1, session="w0-1-other"))).failed
        assert time.monotonic() - begun < 1
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert len(gate) == 0

    asyncio.run(scenario())
