"""Sessions outlive their server: over real calls, with one device and with several."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from attacks import kills
from attacks.attacker import verdict
from attacks.kills import RESPONSES, SERVICE, Undisturbed, calls, creation, numbered
from lossd.v1 import training_service_pb2 as pb
from running import RunningServer


class Caller:
    """Calls of the training service."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel

    def __call__(self, verb: str, request: Any) -> Any:
        response = self._channel.unary_unary(SERVICE + verb)(request.SerializeToString(), timeout=60)
        return RESPONSES[verb].FromString(response)

    def create(self, **more: Any) -> str:
        return str(self("CreateSession", creation(**more)).session.session_id)

    def train(self, session_id: str, made: list[tuple[str, Any]], first: int = 1) -> None:
        for verb, request in numbered(made, session_id, first):
            self(verb, request)

    def get(self, session_id: str) -> pb.Session:
        return self("GetSession", pb.GetSessionRequest(session_id=session_id)).session

    def state(self, session_id: str) -> pb.GetSessionStateResponse:
        return self("GetSessionState", pb.GetSessionStateRequest(session_id=session_id, response_encoding=kills.RAW))

    def listed(self, page_size: int = 0) -> list[pb.Session]:
        """All sessions, page by page."""
        found: list[pb.Session] = []
        token = ""
        while True:
            page = self("ListSessions", pb.ListSessionsRequest(page_size=page_size, page_token=token))
            assert len(page.sessions) <= (page_size or 100)
            found += page.sessions
            token = page.next_page_token
            if not token:
                return found


@contextmanager
def serving(state_dir: Path, *flags: str) -> Iterator[tuple[RunningServer, Caller]]:
    """A server on a state directory, and a caller of it."""
    with RunningServer("--state-dir", str(state_dir), *flags) as server:
        with grpc.insecure_channel(server.target) as channel:
            yield server, Caller(channel)
        assert server.stop() == 0


def test_sessions_outlive_the_server(tmp_path: Path) -> None:
    """A server that is told to stop keeps every step of its durable sessions, and another on the same directory, with
    fewer devices, goes on with all of them; it lists them before it has touched any."""
    made = calls(12)
    undisturbed = Undisturbed()
    undisturbed.train(made)
    kinds = {"durability": pb.DURABILITY_STEP}, {"durability": pb.DURABILITY_CHECKPOINT}, {}
    with serving(tmp_path, "--devices", "cpu:0,cpu:1") as (server, call):
        ids = [call.create(**more) for more in kinds for _ in range(2)]
        assert {name.partition("-")[0] for name in ids} == {"w0", "w1"}
        for name in ids:
            call.train(name, made[:5])
        assert [(one.session_id, one.step) for one in call.listed(2)] == [(name, 5) for name in sorted(ids)]
        assert all(one.state == pb.SESSION_STATE_LIVE for one in call.listed())
    with serving(tmp_path) as (server, call):
        stored = call.listed(3)
        assert [one.session_id for one in stored] == sorted(ids[:4])
        assert all((one.state, one.step, one.seq) == (pb.SESSION_STATE_STORED, 5, 5) for one in stored)
        assert all(one.model == creation().model for one in stored)
        for name in ids[:4]:
            call.train(name, made[5:], 6)
            assert call.state(name) == undisturbed.state()
            assert call.get(name).step == 12
        for name in ids[4:]:
            with pytest.raises(grpc.RpcError) as lost:
                call.get(name)
            assert verdict(lost.value).reason == "SESSION_LOST"
        call("DeleteSession", pb.DeleteSessionRequest(session_id=ids[0]))
        assert ids[0] not in {one.session_id for one in call.listed()}
        assert not (tmp_path / "sessions" / ids[0]).exists()
        server_sees(server, 'lossd_sessions{state="live"}', 3)


def test_a_session_leaves_memory_and_comes_back(tmp_path: Path) -> None:
    """After its ttl a session of durability MEMORY is over, and says so; the others are stored, and brought back by the
    next call as they were."""
    with serving(tmp_path, "--session-ttl-seconds", "1") as (server, call):
        step, memory = call.create(durability=pb.DURABILITY_STEP), call.create()
        longer = call.create(ttl={"seconds": 1000})
        for name in (step, memory, longer):
            call.train(name, calls(3))
        before = call.state(step)
        assert call.get(step).ttl.seconds == 1
        server_sees(server, 'lossd_sessions{state="stored"}', 1)
        server_sees(server, 'lossd_sessions{state="live"}', 1)
        with pytest.raises(grpc.RpcError) as lost:
            call.get(memory)
        assert verdict(lost.value).reason == "SESSION_LOST"
        assert "ttl" in verdict(lost.value).message
        assert call.state(step) == before
        assert call.get(longer).step == 3


def test_a_fit_survives_kills(tmp_path: Path) -> None:
    """A Fit whose worker, and whose server, is killed in the middle goes on where its last answer was: the same call
    again, and every epoch is told once, with the numbers of an undisturbed Fit."""
    request = pb.FitRequest(seq=1, epochs=1000, batch_size=8, shuffle=True, validation_split=0.25)
    (_, batch), *_ = calls(1)
    request.inputs["input"].CopyFrom(batch.inputs["input"])
    request.targets["target"].CopyFrom(batch.targets["target"])
    undisturbed = Undisturbed()
    expected = undisturbed.fit(request)
    assert [epoch.epoch for epoch in expected] == list(range(1, 1001))
    campaign = kills.Campaign(tmp_path)
    try:
        created = campaign.call("CreateSession", creation(durability=pb.DURABILITY_STEP))
        request.session_id = created.session.session_id
        told: list[pb.Epoch] = []
        for end in (campaign.kill_worker, campaign.restart, None):
            before = len(told)
            told += campaign.fit(request, len(told), end)
            assert before < len(told)
            assert (len(told) < 1000) == (end is not None), "the Fit was in its middle"
        assert [kills.lasting(epoch) for epoch in told] == [kills.lasting(epoch) for epoch in expected]
        assert kills.state(campaign, request.session_id) == undisturbed.state()
    finally:
        campaign.close()


def test_a_worker_that_works_is_replaced_at_once(tmp_path: Path) -> None:
    """However often a worker that has answered is killed, the next call only waits for the next one: nobody holds its
    short lives against it."""
    with serving(tmp_path) as (server, call):
        name = call.create(durability=pb.DURABILITY_STEP)
        for seq, one in enumerate(calls(3), 1):
            call.train(name, [one], seq)
            (worker,) = server.workers()
            os.kill(worker, signal.SIGKILL)
            while worker in server.workers():
                time.sleep(0.01)
        assert call.get(name).step == 3
        assert server.metric('lossd_worker_restarts_total{device="cpu:0"}') == 3


def server_sees(server: RunningServer, sample: str, value: float) -> None:
    """Waits until a metric has a value."""
    until = time.monotonic() + 30
    while server.metric(sample) != value:
        assert time.monotonic() < until, f"{sample} is {server.metric(sample)}"
        time.sleep(0.2)


def test_a_state_directory_that_cannot_be_is_said_at_once(tmp_path: Path) -> None:
    """The server does not come up on a directory that it cannot make, and one line says why."""
    (tmp_path / "file").write_text("")
    with pytest.raises(AssertionError, match=r"the state directory .* cannot be made: Not a directory"):
        RunningServer("--state-dir", str(tmp_path / "file" / "state"))
