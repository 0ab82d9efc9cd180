"""What was acknowledged survives every end of worker and server, once; what was not can be asked for again."""

from __future__ import annotations

import os
import random
import resource
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
import torch
from attacks import kills
from attacks.attacker import Verdict, floats, of_status, verdict
from attacks.kills import RESPONSES, SERVICE, Undisturbed, calls, creation, numbered, outcome
from google.rpc import error_details_pb2, status_pb2
from lossd.torch import export_loss
from lossd.v1 import loss_pb2
from lossd.v1 import training_service_pb2 as pb
from lossd_server.worker import fitting, keeping
from lossd_server.worker.worker import Worker
from running import RunningServer

KILLS, STEPS = int(os.environ.get("LOSSD_KILLS", "4")), int(os.environ.get("LOSSD_KILL_STEPS", "100"))


class Process:
    """A worker in this process; its end is that of a killed one: nothing is written any more."""

    births = 0

    def __init__(self, state_dir: Path | str) -> None:
        Process.births += 1
        self._worker = Worker("cpu:0", f"w0-{Process.births:x}", max_sessions=8, state_dir=str(state_dir))
        self.session_id = ""

    def create(self, **more: Any) -> pb.Session:
        session = self.call("CreateSession", creation(**more)).session
        self.session_id = session.session_id
        return session

    def call(self, verb: str, request: Any) -> Any:
        answer = self._worker.run(verb, [memoryview(request.SerializeToString())], time.monotonic())
        assert not answer.failed, of_status(status_pb2.Status.FromString(bytes(answer.segments[0])))
        return RESPONSES[verb].FromString(answer.segments[0])

    def refused(self, verb: str, request: Any) -> tuple[Verdict, int | None]:
        """A refusal, and the seq that it says is due."""
        answer = self._worker.run(verb, [memoryview(request.SerializeToString())], time.monotonic())
        assert answer.failed, RESPONSES[verb].FromString(answer.segments[0])
        status = status_pb2.Status.FromString(bytes(answer.segments[0]))
        info = error_details_pb2.ErrorInfo()
        assert any(detail.Unpack(info) for detail in status.details)
        expected = info.metadata.get("expected")
        return of_status(status), None if expected is None else int(expected)

    def train(self, made: list[tuple[str, Any]], first: int = 1) -> list[Any]:
        return [self.call(verb, request) for verb, request in numbered(made, self.session_id, first)]

    def state(self) -> pb.GetSessionStateResponse:
        request = pb.GetSessionStateRequest(session_id=self.session_id, response_encoding=kills.RAW)
        return self.call("GetSessionState", request)

    def get(self) -> pb.Session:
        return self.call("GetSession", pb.GetSessionRequest(session_id=self.session_id)).session


def killed(state_dir: Path, session_id: str) -> Process:
    """Another worker, on the state directory as kill -9 of the first would leave it now."""
    image = state_dir.with_name(f"{state_dir.name}+")
    shutil.copytree(state_dir, image)
    process = Process(image)
    process.session_id = session_id
    return process


def folder(state_dir: Path, session_id: str) -> Path:
    return state_dir / "sessions" / session_id


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def process(state_dir: Path) -> Process:
    """A worker with a session whose every step survives."""
    process = Process(state_dir)
    process.create(durability=pb.DURABILITY_STEP)
    return process


@pytest.mark.timeout(60 + 30 * KILLS + STEPS)
def test_kills(state_dir: Path) -> None:
    """kill -9 of workers and servers in the middle of training: each answer, each parameter and the optimizer's state
    are those of an undisturbed run; no step is lost, none is made twice."""
    report = kills.run(state_dir, KILLS, STEPS, seed=1)
    print(report.worker_kills, report.server_kills, report.attempts, report.replayed, f"{report.seconds:.1f} s")


def test_every_answered_call_survives(process: Process, state_dir: Path) -> None:
    """The worker ends after any call: the session is brought back as it was, its old answers too."""
    made = calls(12)
    undisturbed = Undisturbed()
    expected = undisturbed.train(made)
    given = process.train(made[:7])
    process = killed(state_dir, process.session_id)
    assert process.get().seq == 7
    verb, request = numbered(made, process.session_id)[6]
    again = process.call(verb, request)
    assert again.replayed
    assert again.execution == given[6].execution, "the answer of then, to the last bit"
    given += process.train(made[7:], 8)
    assert [outcome(one) for one in given] == [outcome(one) for one in expected]
    assert process.state() == undisturbed.state()


def test_each_call_counts_once(process: Process) -> None:
    """Repeated: the answer of then. Other content, left out, too old, negative: refused with the seq that is due."""
    made = numbered(calls(80), process.session_id)
    for verb, request in made:
        process.call(verb, request)
    last = len(made)
    before = process.state()
    verb, request = made[last - 64]
    assert process.call(verb, request).replayed
    refused, expected = process.refused(*made[last - 65])
    assert (refused.code, refused.reason, expected) == ("FAILED_PRECONDITION", "SEQ_EVICTED", last + 1)
    changed = pb.TrainStepRequest()
    changed.CopyFrom(made[0][1])
    changed.seq = last
    refused, expected = process.refused("TrainStep", changed)
    assert (refused.code, refused.reason, expected) == ("ABORTED", "SEQ_REUSED", last + 1)
    changed.seq = last + 2
    refused, expected = process.refused("TrainStep", changed)
    assert (refused.code, refused.reason, expected) == ("FAILED_PRECONDITION", "SEQ_GAP", last + 1)
    changed.seq = -1
    assert process.refused("TrainStep", changed)[0].reason == "ARGUMENT_OUT_OF_RANGE"
    assert process.state() == before
    changed.seq = 0
    assert process.call("TrainStep", changed).seq == last + 1


def test_a_failed_call_uses_no_seq(process: Process, state_dir: Path) -> None:
    """A refused step changes nothing, here or after recovery; its seq is the next one's."""
    made = numbered(calls(4), process.session_id)
    bad = pb.TrainStepRequest(session_id=process.session_id, seq=1)
    bad.inputs["input"].CopyFrom(made[0][1].inputs["input"])
    bad.targets["other"].CopyFrom(made[0][1].targets["target"])
    assert process.refused("TrainStep", bad)[0].code == "INVALID_ARGUMENT"
    undisturbed = Undisturbed()
    undisturbed.train(calls(4))
    for verb, request in made:
        process.call(verb, request)
    assert killed(state_dir, process.session_id).state() == process.state() == undisturbed.state()


def test_checkpoints(state_dir: Path) -> None:
    """The newest checkpoint survives; the session says where it stands, and the calls since are sent anew."""
    process = Process(state_dir)
    policy = pb.CheckpointPolicy(every_steps=8)
    assert process.create(durability=pb.DURABILITY_CHECKPOINT, checkpoint=policy).saved_step == 0
    made = calls(20)
    process.train(made[:15])  # twelve steps, and of the accumulated one three calls
    process = killed(state_dir, process.session_id)
    described = process.get()
    assert (described.step, described.seq, described.saved_step) == (8, 8, 8)
    refused, expected = process.refused(*numbered(made, process.session_id)[15])
    assert (refused.reason, expected) == ("SEQ_GAP", 9)
    process.train(made[8:], 9)
    undisturbed = Undisturbed()
    undisturbed.train(made)
    assert process.state() == undisturbed.state()


def test_memory_ends_with_the_worker(state_dir: Path) -> None:
    """Without durability the session is lost; what SaveSession wrote comes back by RestoreSession alone."""
    process = Process(state_dir)
    process.create()
    made = calls(8)
    process.train(made[:3])
    request = pb.GetSessionRequest(session_id=process.session_id)
    assert not list((state_dir).rglob("*.safetensors"))
    saved = process.call("SaveSession", pb.SaveSessionRequest(session_id=process.session_id))
    assert (saved.step, saved.seq, saved.size) == (3, 3, (state_dir / saved.path).stat().st_size)
    process.train(made[3:5], 4)
    process = killed(state_dir, process.session_id)
    refused, _ = process.refused("GetSession", request)
    assert (refused.code, refused.reason) == ("NOT_FOUND", "SESSION_LOST")
    assert "RestoreSession" in refused.message
    restored = process.call("RestoreSession", pb.RestoreSessionRequest(session_id=process.session_id)).session
    assert (restored.step, restored.seq, restored.state) == (3, 3, pb.SESSION_STATE_LIVE)
    process.train(made[3:], 4)
    undisturbed = Undisturbed()
    undisturbed.train(made)
    assert process.state() == undisturbed.state()


def fit(process: Process, request: pb.FitRequest, slices: int | None = None) -> tuple[list[pb.Epoch], Any]:
    """The epochs that a Fit tells, and its last answer: until it ends, or as many slices."""
    epochs: list[pb.Epoch] = []
    while True:
        answer = process.call("Fit", request)
        epochs += answer.epochs
        slices = slices - 1 if slices is not None else None
        if answer.stop_reason or slices == 0:
            return epochs, answer
        after = epochs[-1].epoch if epochs else request.after_epoch
        request = pb.FitRequest(session_id=request.session_id, seq=answer.seq, resume=True, after_epoch=after)


def lasting(epochs: list[pb.Epoch]) -> list[pb.Epoch]:
    """Epochs without the time that they took."""
    return [kills.lasting(epoch) for epoch in epochs]


@pytest.mark.parametrize("most_records", [1000, 4])
def test_a_fit_goes_on(process: Process, state_dir: Path, monkeypatch: pytest.MonkeyPatch, most_records: int) -> None:
    """A Fit whose worker ends between any two slices goes on under its seq, from the journal or from a snapshot inside
    of it: the epochs told, the weights and the answers are those of an undisturbed one."""
    monkeypatch.setattr(fitting, "_SLICE_SECONDS", 0.0)  # a slice then is one step
    monkeypatch.setattr(keeping, "MOST_RECORDS", most_records)
    first, second = calls(2)
    request = pb.FitRequest(epochs=4, batch_size=6, shuffle=True, validation_split=0.25, restore_best=True)
    request.inputs["input"].CopyFrom(first[1].inputs["input"])
    request.targets["target"].CopyFrom(first[1].targets["target"])
    undisturbed = Process("")
    undisturbed.create()
    for trained in (undisturbed, process):
        trained.train([second])
    request.session_id, request.seq = undisturbed.session_id, 2
    expected, last = fit(undisturbed, request)
    assert len(expected) == 4
    request.session_id = process.session_id
    told: list[pb.Epoch] = []
    for _ in range(3):
        epochs, answer = fit(process, request, 2)
        told += epochs
        assert not answer.stop_reason
        process = killed(state_dir, process.session_id)
        state_dir = state_dir.with_name(f"{state_dir.name}+")
        assert process.get().step == answer.step
        request.after_epoch = told[-1].epoch if told else 0
    epochs, answer = fit(process, request)
    assert lasting(told + epochs) == lasting(expected)
    assert (answer.step, answer.best_epoch, answer.value) == (last.step, last.best_epoch, last.value)
    process = killed(state_dir, process.session_id)
    request.after_epoch = 0
    again, answer = fit(process, request)
    assert answer.replayed
    assert lasting(again) == lasting(expected)
    process.train([first], 3)
    undisturbed.train([first], 3)
    assert process.state() == undisturbed.state()


def test_a_torn_journal(process: Process, state_dir: Path) -> None:
    """Cut anywhere: the calls before the cut are there, and the caller goes on behind them to the same end."""
    made = calls(6)
    process.train(made)
    (journal,) = folder(state_dir, process.session_id).glob("journal-*.log")
    whole = journal.read_bytes()
    choose = random.Random(2)
    for size in sorted(choose.sample(range(8, len(whole)), 6)):
        journal.write_bytes(whole[:size])
        again = killed(state_dir, process.session_id)
        seq = again.get().seq
        assert seq < 6
        again.train(made[seq:], seq + 1)
        assert again.state() == process.state()
        shutil.rmtree(state_dir.with_name("state+"))


def test_a_half_written_snapshot_is_ignored(process: Process, state_dir: Path) -> None:
    """What was being written when the worker ended is nothing, and goes with the next snapshot or recovery."""
    process.train(calls(3))
    (whole,) = folder(state_dir, process.session_id).glob("snapshot-*.safetensors")
    unfinished = whole.with_name(".snapshot-2.safetensors.unfinished")
    unfinished.write_bytes(whole.read_bytes()[:-100])
    again = killed(state_dir, process.session_id)
    assert again.state() == process.state()
    process.call("SaveSession", pb.SaveSessionRequest(session_id=process.session_id))
    for place, number in ((state_dir.with_name("state+"), 1), (state_dir, 2)):
        names = {path.name for path in folder(place, process.session_id).iterdir()}
        assert names == {"lock", f"snapshot-{number}.safetensors", f"journal-{number}.log"}


@pytest.mark.parametrize("missing", ["snapshot-2.safetensors", "journal-2.log", ""])
def test_an_end_between_two_snapshots(process: Process, state_dir: Path, missing: str) -> None:
    """A worker ends after the new journal, before the new snapshot, or before the old files are gone: every call is
    there, once."""
    made = calls(14)
    process.train(made[:5])
    own = folder(state_dir, process.session_id)
    before = {path.name: path.read_bytes() for path in own.glob("*-1.*")}
    process.call("SaveSession", pb.SaveSessionRequest(session_id=process.session_id))
    for name, data in before.items():
        (own / name).write_bytes(data)
    if missing:
        (own / missing).unlink()
    again = killed(state_dir, process.session_id)
    again.train(made[5:], 6)
    later = killed(state_dir.with_name("state+"), process.session_id)
    undisturbed = Undisturbed()
    undisturbed.train(made)
    assert later.state() == again.state() == undisturbed.state()


@pytest.mark.parametrize("kind", ["snapshot", "journal"])
def test_corrupted_state_is_refused(process: Process, state_dir: Path, kind: str) -> None:
    """A flipped bit: DATA_LOSS on every call that names the session, never a wrong parameter; others are unharmed, and
    the session can be deleted."""
    other = process.session_id
    process.create(durability=pb.DURABILITY_STEP)
    process.train(calls(5))
    (path,) = folder(state_dir, process.session_id).glob(f"{kind}-*")
    whole = path.read_bytes()
    for place in sorted(random.Random(3).sample(range(len(whole)), 5)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        again = killed(state_dir, process.session_id)
        for _ in range(2):
            refused, _ = again.refused("GetSession", pb.GetSessionRequest(session_id=process.session_id))
            assert (refused.code, refused.reason) == ("DATA_LOSS", "STATE_CORRUPT"), place
            assert str(state_dir) not in refused.message
        again.call("GetSession", pb.GetSessionRequest(session_id=other))
        assert len(again.call("ListSessions", pb.ListSessionsRequest()).sessions) == 2
        again.call("DeleteSession", pb.DeleteSessionRequest(session_id=process.session_id))
        assert len(again.call("ListSessions", pb.ListSessionsRequest()).sessions) == 1
        shutil.rmtree(state_dir.with_name("state+"))


class Squared(torch.nn.Module):
    """A loss of a caller's own."""

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:  # noqa: A002  # as torch's losses
        return (input - target).square().mean()


def test_programs_are_stored_with_the_session(state_dir: Path) -> None:
    """A loss that was named by its hash alone is there again in a worker that never saw its archive."""
    process = Process(state_dir)
    program = export_loss(Squared(), [torch.zeros(kills.ROWS, 1)] * 2)
    held = loss_pb2.LossSpec(program=loss_pb2.Program(archive=program.archive))
    process.call("CreateSession", creation(loss=held))
    named = loss_pb2.LossSpec(program=loss_pb2.Program(sha256=program.sha256))
    process.create(loss=named, durability=pb.DURABILITY_STEP)
    made = [call for call in calls(12) if call[0] == "TrainStep"]
    process.train(made[:5])
    again = killed(state_dir, process.session_id)
    assert again.get().loss == named
    for one in (process, again):
        one.train(made[5:], 6)
    assert again.state() == process.state()


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may outgrow 24 KiB, which a snapshot does not, and a journal soon does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (24 * 1024, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk(process: Process, state_dir: Path) -> None:
    """No room for the journal: STORAGE_UNAVAILABLE, the step not made; with room again the same call makes it."""
    made = numbered(calls(60), process.session_id)
    done = 0
    while done < len(made):
        answer = process._worker.run(made[done][0], [memoryview(made[done][1].SerializeToString())], time.monotonic())
        if answer.failed:
            break
        done += 1
    assert 0 < done < len(made)
    for _ in range(2):
        refused, _ = process.refused(*made[done])
        assert (refused.code, refused.reason, refused.retry) == ("UNAVAILABLE", "STORAGE_UNAVAILABLE", 1.0)
        assert process.get().seq == done, "it is as it was acknowledged"
    resource.setrlimit(resource.RLIMIT_FSIZE, resource.getrlimit(resource.RLIMIT_FSIZE)[1:] * 2)
    for verb, request in made[done:]:
        process.call(verb, request)
    undisturbed = Undisturbed()
    undisturbed.train(calls(60))
    assert killed(state_dir, process.session_id).state() == process.state() == undisturbed.state()


def test_a_session_that_cannot_be_written_is_not_created(state_dir: Path) -> None:
    """No room for the first snapshot: refused, and nothing of it stays."""
    process = Process(state_dir)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        refused, _ = process.refused("CreateSession", creation(durability=pb.DURABILITY_STEP))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert refused.reason == "STORAGE_UNAVAILABLE"
    assert process.call("ListSessions", pb.ListSessionsRequest()).sessions == []
    assert list((state_dir / "sessions").iterdir()) == []


def test_new_snapshots_keep_the_journal_short(
    process: Process, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every so many records there is a new snapshot, and the files before it go; the session is the same."""
    monkeypatch.setattr(keeping, "MOST_RECORDS", 5)
    made = calls(14)
    process.train(made)
    names = {path.name for path in folder(state_dir, process.session_id).iterdir()}
    assert names == {"lock", "snapshot-4.safetensors", "journal-4.log"}
    again = killed(state_dir, process.session_id)
    assert again.state() == process.state()
    assert again.get().saved_step == 13
    verb, request = numbered(made, process.session_id)[0]
    assert again.call(verb, request).replayed, "the answers before the snapshot are known, too"


def test_one_holder(process: Process, state_dir: Path) -> None:
    """A session that one worker has open is no other's: not to be trained, not to be deleted."""
    process.train(calls(2))
    other = Process(state_dir)
    for verb, request in [
        ("GetSession", pb.GetSessionRequest(session_id=process.session_id)),
        ("RestoreSession", pb.RestoreSessionRequest(session_id=process.session_id)),
        ("DeleteSession", pb.DeleteSessionRequest(session_id=process.session_id)),
    ]:
        refused, _ = other.refused(verb, request)
        assert (refused.reason, refused.retry) == ("STORAGE_UNAVAILABLE", 1.0)
    assert process.get().step == 2
    process._worker.close()
    other.session_id = process.session_id
    assert other.get().step == 2


def test_listing_leaves_others_journals_alone(process: Process, state_dir: Path) -> None:
    """A server that lists what another one trains, while that one is writing a record, changes nothing of it."""
    process.train(calls(3))
    journal = folder(state_dir, process.session_id) / "journal-1.log"
    writing = journal.read_bytes()[:-10]
    journal.write_bytes(writing)
    listed = Process(state_dir).call("ListSessions", pb.ListSessionsRequest()).sessions
    assert [one.session_id for one in listed] == [process.session_id]
    assert journal.read_bytes() == writing


def test_a_state_directory_that_is_removed(process: Process, state_dir: Path) -> None:
    """Nothing is acknowledged that could not come back."""
    made = numbered(calls(4), process.session_id)
    for verb, request in made[:3]:
        process.call(verb, request)
    shutil.rmtree(state_dir)
    assert process.refused(*made[3])[0].reason == "STORAGE_UNAVAILABLE"


def test_a_checkpoint_that_fails_keeps_the_session(state_dir: Path) -> None:
    """A session whose time is over stays in memory until its checkpoint can be written."""
    process = Process(state_dir)
    process.create(durability=pb.DURABILITY_CHECKPOINT, ttl={"nanos": 500_000_000})
    own = folder(state_dir, process.session_id)
    process.train(calls(3))
    own.rename(own.with_name("away"))
    time.sleep(0.6)
    process._worker.expire()
    assert process._worker.sessions == 1
    own.with_name("away").rename(own)
    time.sleep(0.6)
    process._worker.expire()
    assert process._worker.sessions == 0
    assert process.get().step == 3


def test_time_to_live_counts_from_the_end_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that takes longer than that does not end its session."""
    monkeypatch.setattr(fitting, "_SLICE_SECONDS", 0.6)
    process = Process("")
    process.create(ttl={"nanos": 300_000_000})
    request = pb.FitRequest(session_id=process.session_id, epochs=10**6)
    ((_, step),) = calls(1)
    request.inputs["input"].CopyFrom(step.inputs["input"])
    request.targets["target"].CopyFrom(step.targets["target"])
    answer = process.call("Fit", request)
    assert process.get().step == answer.step


def test_an_end_of_an_epoch_that_is_refused(process: Process, state_dir: Path) -> None:
    """A Fit whose model cannot be judged stands after the first epoch's last step, before and after recovery."""
    request = creation(loss=loss_pb2.LossSpec(bce_loss=loss_pb2.BCELoss()), durability=pb.DURABILITY_STEP)
    request.model.linear.SetInParent()
    request.model.linear.in_features = request.model.linear.out_features = 1
    request.state_dict["weight"].CopyFrom(floats(1.0, shape=(1, 1)))
    request.state_dict["bias"].CopyFrom(floats(0.5, shape=(1,)))
    process.session_id = process.call("CreateSession", request).session.session_id
    asked = pb.FitRequest(session_id=process.session_id, seq=1, epochs=3, batch_size=1)
    for name, inputs, targets in (
        ("", asked.inputs, asked.targets),
        ("validation_", asked.validation_inputs, asked.validation_targets),
    ):
        inputs["input"].CopyFrom(floats(*[9.0 if name else 0.0] * 2, shape=(2, 1)))
        targets["target"].CopyFrom(floats(0.0, 1.0, shape=(2, 1)))
    assert process.call("Fit", asked).step == 2
    going_on = pb.FitRequest(session_id=process.session_id, seq=1, resume=True)
    before = process.state()
    for one in (process, killed(state_dir, process.session_id)):
        assert one.refused("Fit", going_on)[0].code == "INVALID_ARGUMENT"
        assert (one.get().seq, one.state()) == (1, before)


@pytest.mark.parametrize(
    "name", ["../../etc", "/etc/passwd", "w0-1-../../../../tmp/xx", "w0-1-0123456789abcdef/..", "w0-1-%2e%2e", ".", ""]
)
def test_identifiers_are_no_paths(process: Process, name: str) -> None:
    """What is no identifier of the server's is unknown, whatever it points to."""
    for verb, request in [
        ("GetSession", pb.GetSessionRequest(session_id=name)),
        ("RestoreSession", pb.RestoreSessionRequest(session_id=name)),
        ("DeleteSession", pb.DeleteSessionRequest(session_id=name)),
        ("SaveSession", pb.SaveSessionRequest(session_id=name)),
    ]:
        assert process.refused(verb, request)[0].reason == "SESSION_NOT_FOUND"


def test_senders_in_any_order(state_dir: Path) -> None:
    """32 senders of one session's calls in random order, some of them twice: each step is made once, in its place."""
    made = calls(60)
    undisturbed = Undisturbed()
    expected = undisturbed.train(made)
    with RunningServer("--state-dir", str(state_dir)) as server, grpc.insecure_channel(server.target) as channel:

        def call(verb: str, request: Any) -> Any:
            """As a client does: a call that came too early is sent again."""
            while True:
                try:
                    response = channel.unary_unary(SERVICE + verb)(request.SerializeToString(), timeout=60)
                    return RESPONSES[verb].FromString(response)
                except grpc.RpcError as error:
                    if verdict(error).reason != "SEQ_GAP":
                        raise

        session_id = call("CreateSession", creation(durability=pb.DURABILITY_STEP)).session.session_id
        due = list(enumerate(numbered(made, session_id)))
        sent = due + random.Random(5).sample(due, 20)
        order = [sent[start : start + 32] for start in range(0, len(sent), 32)]
        answers: list[Any] = []
        with ThreadPoolExecutor(32) as senders:
            for block in sorted(order, key=lambda block: min(index for index, _ in block)):
                random.Random(7).shuffle(block)
            started = [(index, senders.submit(call, *one)) for block in order for index, one in block]
            answers = [(index, future.result()) for index, future in started]
        for index, answer in answers:
            assert outcome(answer) == outcome(expected[index])
        assert sum(answer.replayed for _, answer in answers) == 20
        request = pb.GetSessionStateRequest(session_id=session_id, response_encoding=kills.RAW)
        assert call("GetSessionState", request) == undisturbed.state()


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A real HTTP server that speaks S3, on loopback, and an empty bucket in it."""
    import boto3
    from moto.server import ThreadedMotoServer  # half a second, which no other test needs

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.client("s3").create_bucket(Bucket="lossd")
        yield "s3://lossd/state"
    server.stop()


def test_an_object_store(bucket: str) -> None:
    """Over S3: save and restore, checkpoints, listing and deletion; no durability of each step."""
    process = Process(bucket)
    refused, _ = process.refused("CreateSession", creation(durability=pb.DURABILITY_STEP))
    assert (refused.reason, refused.field) == ("UNSUPPORTED", "durability")
    process.create()
    made = calls(8)
    process.train(made[:4])
    assert process.call("SaveSession", pb.SaveSessionRequest(session_id=process.session_id)).step == 4
    again = Process(bucket)
    again.session_id = process.session_id
    again.call("RestoreSession", pb.RestoreSessionRequest(session_id=process.session_id))
    again.train(made[4:], 5)
    undisturbed = Undisturbed()
    undisturbed.train(made)
    assert again.state() == undisturbed.state()
    process.create(durability=pb.DURABILITY_CHECKPOINT, checkpoint=pb.CheckpointPolicy(every_steps=3))
    process.train(made[:7])
    third = Process(bucket)
    third.session_id = process.session_id
    assert third.get().step == 6
    listed = third.call("ListSessions", pb.ListSessionsRequest()).sessions
    assert [(one.session_id, one.state) for one in listed] == sorted(
        [(again.session_id, pb.SESSION_STATE_STORED), (third.session_id, pb.SESSION_STATE_LIVE)]
    )
    for one in listed:
        third.call("DeleteSession", pb.DeleteSessionRequest(session_id=one.session_id))
    assert not third.call("ListSessions", pb.ListSessionsRequest()).sessions


def test_an_object_store_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection: STORAGE_UNAVAILABLE, not a defect; training goes on."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    process = Process("s3://lossd/away")
    process.create()
    process.train(calls(1))
    refused, _ = process.refused("SaveSession", pb.SaveSessionRequest(session_id=process.session_id))
    assert (refused.code, refused.reason, refused.retry) == ("UNAVAILABLE", "STORAGE_UNAVAILABLE", 1.0)
    process.train(calls(1, 1), 2)


def test_without_a_state_directory() -> None:
    """What would not survive is refused, and the refusal says how to start the server."""
    process = Process("")
    for durability in (pb.DURABILITY_STEP, pb.DURABILITY_CHECKPOINT):
        refused, _ = process.refused("CreateSession", creation(durability=durability))
        assert (refused.reason, refused.field) == ("UNSUPPORTED", "durability")
        assert "--state-dir" in refused.message
    process.create()
    for verb, request in [
        ("SaveSession", pb.SaveSessionRequest(session_id=process.session_id)),
        ("RestoreSession", pb.RestoreSessionRequest(session_id="w0-1-0123456789abcdef")),
    ]:
        assert "--state-dir" in process.refused(verb, request)[0].message


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"durability": 9}, "durability"),
        ({"durability": 3, "checkpoint": pb.CheckpointPolicy(every_steps=1)}, "checkpoint"),
        ({"durability": 2, "checkpoint": pb.CheckpointPolicy(every_steps=0)}, "checkpoint.every_steps"),
        ({"durability": 2, "checkpoint": pb.CheckpointPolicy(every_seconds=0)}, "checkpoint.every_seconds"),
        ({"ttl": {"seconds": -1}}, "ttl"),
    ],
)
def test_policies_are_checked(state_dir: Path, more: dict[str, Any], field: str) -> None:
    """A policy without a sense is refused by name."""
    refused, _ = Process(state_dir).refused("CreateSession", creation(**more))
    assert (refused.code, refused.reason, refused.field) == ("INVALID_ARGUMENT", "ARGUMENT_OUT_OF_RANGE", field)
