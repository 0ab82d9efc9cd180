"""What of one session is in the state directory: its newest snapshot, and the journal of the calls after it.

It knows when to write and what a snapshot and a record consist of, not how a call is run.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
from google.protobuf.message import Message
from lossd.v1 import training_service_pb2 as pb
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.training.journal import Journal
from lossd_server.training.store import Folder
from lossd_server.worker import tensors as wire
from lossd_server.worker.programs import Programs

log = logging.getLogger(__name__)

Buffers: TypeAlias = Sequence[memoryview]

MOST_RECORDS = 1000
MOST_BYTES = 64 * 2**20
MOST_SECONDS = 30.0
"""Records, bytes and seconds of work in a journal after which a new snapshot is made; the last so that a session is
back before its caller gives up."""
_AGAIN_SECONDS = 5.0
_EVERY_STEPS = 100


class Entry(NamedTuple):
    """A call in the journal: what was asked and answered, or how far a Fit went on."""

    verb: str
    seq: int
    step: int
    fitted: int
    """Steps that the Fit has made; 0 for other verbs."""
    response: bytes
    request: bytes | None = None
    """Absent where a Fit goes on."""
    buffers: Sequence[memoryview] = ()

    def segments(self) -> list[bytes | memoryview]:
        """As a record of the journal."""
        facts = {"verb": self.verb, "seq": self.seq, "step": self.step, "fitted": self.fitted}
        call: list[bytes | memoryview] = [] if self.request is None else [self.request, *self.buffers]
        return [json.dumps(facts).encode(), self.response, *call]

    @staticmethod
    def of(segments: Sequence[memoryview]) -> Entry:
        """What `segments` made a record of."""
        facts, response, *call = segments
        known = json.loads(bytes(facts))
        request = bytes(call[0]) if call else None
        buffers = [buffer.toreadonly() for buffer in call[1:]]
        return Entry(known["verb"], known["seq"], known["step"], known["fitted"], bytes(response), request, buffers)


class Keeping:
    """Writes one session.

    Args:
        folder: the session's, locked.
        described: its durability and checkpoint policy.
        number: its newest snapshot; 0 without any.
        saved: the step and the last seq in that.
    """

    def __init__(
        self, folder: Folder, described: pb.Session, number: int = 0, saved: tuple[int, int] | None = None
    ) -> None:
        self._folder = folder
        self._durability = described.durability
        self._policy = described.checkpoint
        self._number = number
        self._journal: Journal | None = None
        self._seconds = 0.0
        self._saved_at = time.monotonic()
        self._not_before = 0.0
        self.saved = saved
        """The step and the seq in the newest snapshot."""

    def entries(self) -> Iterator[Entry]:
        """The calls since the newest snapshot; the journal then is open for more."""
        if self._durability != pb.DURABILITY_STEP:
            return iter(())
        self._journal = self._folder.journal(self._number)
        return map(Entry.of, self._journal.records()) if self._journal is not None else iter(())

    def append(self, entry: Entry, seconds: float) -> None:
        """Writes a call that took so many seconds, if the session's durability is STEP."""
        if self._journal is not None:
            self._journal.append(entry.segments())
            self._seconds += seconds

    def is_due(self, step: int) -> bool:
        """Whether it is time for a new snapshot."""
        now = time.monotonic()
        if now < self._not_before:
            return False
        if self._journal is not None:
            full = self._journal.count >= MOST_RECORDS or self._journal.size >= MOST_BYTES
            return full or self._seconds >= MOST_SECONDS
        if self._durability != pb.DURABILITY_CHECKPOINT:
            return False
        every = self._policy.every_steps if self._policy.HasField("every_steps") else _EVERY_STEPS
        if step - (self.saved or (0, 0))[0] >= every:
            return True
        return self._policy.HasField("every_seconds") and now - self._saved_at >= self._policy.every_seconds

    def save(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> pb.SaveSessionResponse:
        """Writes a snapshot, and begins a new journal behind it."""
        number = self._number + 1
        journal = None
        try:
            if self._durability == pb.DURABILITY_STEP:  # first: behind a snapshot without it, records would be lost
                journal = self._folder.journal(number, new=True)
            size = self._folder.write(number, tensors, facts)
        except BaseException:
            self._not_before = time.monotonic() + _AGAIN_SECONDS
            if journal is not None:
                journal.close()
            raise
        self.close()
        self._number, self._journal = number, journal
        self._seconds, self._saved_at = 0.0, time.monotonic()
        self.saved = facts["step"], facts["seq"]
        self._folder.prune(number)
        return pb.SaveSessionResponse(step=facts["step"], seq=facts["seq"], path=self._folder.path(number), size=size)

    def is_overtaken(self) -> bool:
        """Whether a snapshot that could not be written is there after all, so that the journal would be ignored."""
        if self._journal is None:
            return False
        try:
            return self._folder.newest() != (self._number or None)
        except Fault:
            return True

    def delete(self) -> None:
        """Removes the session's files."""
        self._folder.delete()
        self.close()

    def close(self) -> None:
        """Closes the journal."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def release(self) -> None:
        """Closes the journal and lets others have the session."""
        self.close()
        self._folder.unlock()


def last_entry(folder: Folder, number: int) -> Entry | None:
    """The last call in the journal behind a snapshot; None without any."""
    last = folder.last_record(number)
    return Entry.of(last) if last is not None else None


def check_policy(request: pb.CreateSessionRequest, has_store: bool, holds_journals: bool) -> None:
    """Refuses a durability that this server cannot keep, and a checkpoint policy that makes no sense."""
    durability = request.durability
    if durability not in pb.Durability.values():
        raise Fault("ARGUMENT_OUT_OF_RANGE", f"durability is {durability}, which Durability lacks", field="durability")
    if durability in (pb.DURABILITY_STEP, pb.DURABILITY_CHECKPOINT) and not has_store:
        raise Fault("UNSUPPORTED", no_store(f"{pb.Durability.Name(durability)}"), field="durability")
    if durability == pb.DURABILITY_STEP and not holds_journals:
        raise Fault(
            "UNSUPPORTED",
            "DURABILITY_STEP needs a state directory on a disk, and this server's is an object store, to whose files "
            "nothing can be added; take DURABILITY_CHECKPOINT, or start the server with --state-dir PATH",
            field="durability",
        )
    if request.HasField("checkpoint") and durability != pb.DURABILITY_CHECKPOINT:
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            "checkpoint is given, and durability is not DURABILITY_CHECKPOINT; set that, or leave checkpoint out",
            field="checkpoint",
        )
    policy = request.checkpoint
    if policy.HasField("every_steps") and policy.every_steps < 1:
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            f"every_steps is {policy.every_steps}; expected at least 1",
            field="checkpoint.every_steps",
        )
    if policy.HasField("every_seconds") and not policy.every_seconds > 0:
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            f"every_seconds is {policy.every_seconds}; expected above 0",
            field="checkpoint.every_seconds",
        )
    if request.HasField("ttl") and request.ttl.ToNanoseconds() <= 0:
        raise Fault("ARGUMENT_OUT_OF_RANGE", "ttl is not above 0; leave it out for the server's own", field="ttl")


def no_store(what: str) -> str:
    """Why something that needs a state directory is refused."""
    return (
        f"{what} needs a state directory, and this server has none; start it with --state-dir PATH, or keep the "
        "session in memory alone"
    )


def self_contained(request: pb.CreateSessionRequest, buffers: Buffers, programs: Programs) -> bytes:
    """CreateSession as it can be read again by itself: its tensors and programs inside, without initial values."""
    origin = pb.CreateSessionRequest()
    origin.CopyFrom(request)
    for name in ("state_dict", "safetensors", "attachments"):
        origin.ClearField(name)
    wire.inline(origin, buffers)
    _fill_programs(origin, programs)
    return origin.SerializeToString(deterministic=True)


def without_tensors(described: pb.Session) -> pb.Session:
    """The description without the bytes of tensors and programs in it."""
    stripped = pb.Session()
    stripped.CopyFrom(described)
    _strip(stripped)
    return stripped


def as_tensor(data: bytes) -> Tensor:
    """Bytes as a tensor, which a snapshot holds."""
    return torch.frombuffer(bytearray(data), dtype=torch.uint8) if data else torch.empty(0, dtype=torch.uint8)


def as_bytes(tensor: Tensor) -> bytes:
    """What `as_tensor` was given."""
    return tensor.numpy().tobytes()


def _inner(message: Message) -> list[Any]:
    """The messages that a message holds, those in maps too."""
    found: list[Any] = []
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].message_type is not None:
                found += value.values()
        else:
            found += value if field.is_repeated else (value,)
    return found


def _fill_programs(message: Any, programs: Programs) -> None:
    names = message.DESCRIPTOR.fields_by_name
    if "archive" in names and "sha256" in names and not message.archive:
        message.archive = programs.archive(message.sha256)
        if not message.archive:  # others of this session took its place
            raise Fault("PROGRAM_NOT_FOUND", "a program is no longer held here; send its archive again")
    for inner in _inner(message):
        _fill_programs(inner, programs)


def _strip(message: Any) -> None:
    names = message.DESCRIPTOR.fields_by_name
    if "archive" in names and "sha256" in names:
        message.ClearField("archive")
    if message.DESCRIPTOR.full_name == "lossd.v1.Tensor":
        if (data := message.WhichOneof("data")) is not None:
            message.ClearField(data)
        return
    for inner in _inner(message):
        _strip(inner)
