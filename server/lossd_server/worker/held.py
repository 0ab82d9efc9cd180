"""A session as a worker holds it, and what its holder asks of those who know the verbs; knows no files."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeAlias

from google.protobuf.message import Message
from lossd.v1 import training_service_pb2 as pb
from torch import Tensor

from lossd_server.judge.diagnostics.course import Course
from lossd_server.judge.diagnostics.watch import Memory
from lossd_server.training.ledger import Ledger
from lossd_server.training.session import Session
from lossd_server.worker import keeping
from lossd_server.worker.evaluating import Timing, Trip
from lossd_server.worker.keeping import Keeping

Buffers: TypeAlias = Sequence[memoryview]


class Fitting(Protocol):
    """A Fit that has begun: it goes on under its seq, or tells again what it did, until a call has the next."""

    seq: int
    digest: bytes
    steps: int
    """Steps that it has made."""
    request: pb.FitRequest
    """The call that began it."""

    @property
    def done(self) -> bool:
        """Whether it has ended."""

    @property
    def buffers(self) -> Buffers:
        """The attachments of the call that began it, in memory of its own."""

    def advance(self, steps: int) -> None:
        """Goes on until it has made so many steps; what ended with the last of them, an epoch or all, ends too."""

    def capture(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that it is beyond its call."""

    def restore(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Becomes what `capture` saw."""


class Verbs(Protocol):
    """Who builds sessions and runs calls: for callers, and again when a session is brought back."""

    def build(self, request: pb.CreateSessionRequest, buffers: Buffers) -> Built:
        """A session as CreateSession asks for it."""

    def origin(self, request: pb.CreateSessionRequest, buffers: Buffers) -> bytes:
        """The request as it can be read again by itself, once the session is built."""

    def run(self, verb: str, held: Held, request: Any, buffers: Buffers, trip: Trip) -> tuple[Message, Timing]:
        """Runs a changing verb."""

    def begin_fit(self, held: Held, request: pb.FitRequest, buffers: Buffers) -> Fitting:
        """The Fit of `request.seq`, which has made no step yet; it keeps a copy of what it needs of `buffers`."""


class Built(NamedTuple):
    """A session, and its description without identifier."""

    session: Session
    described: pb.Session


@dataclass
class Held:
    """A session with what is known of it beside: its description without what changes, its answers, an open Fit."""

    session: Session
    described: pb.Session
    ledger: Ledger
    fit: Fitting | None = None
    origin: bytes = b""
    keeping: Keeping | None = None
    used: float = field(default_factory=time.monotonic)
    course: Course = field(default_factory=Course)
    """How its last steps went, since it is in memory."""
    watched: Memory = field(default_factory=Memory)

    def describe(self) -> pb.Session:
        """The session as it stands."""
        described = pb.Session()
        described.CopyFrom(self.described)
        described.step = self.session.step_count
        described.seq = self.ledger.last
        described.pending_micro_batches = self.session.pending
        described.lr.extend(self.session.optimization.lr)
        described.state = pb.SESSION_STATE_LIVE
        if self.keeping is not None and self.keeping.saved is not None:
            described.saved_step = self.keeping.saved[0]
        return described

    def is_over(self, now: float) -> bool:
        """Whether its time in memory is over."""
        return self.described.HasField("ttl") and now - self.used > self.described.ttl.ToNanoseconds() / 1e9

    def capture(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All of it, as a snapshot holds it."""
        tensors, session = self.session.capture()
        described = self.describe()
        facts = {
            "step": self.session.step_count,
            "seq": self.ledger.last,
            "session": session,
            "ledger": self.ledger.capture(),
            "listed": base64.b64encode(keeping.without_tensors(described).SerializeToString()).decode(),
        }
        parts = {"session": tensors, "": {"origin": keeping.as_tensor(self.origin)}}
        parts[""]["described"] = keeping.as_tensor(self.described.SerializeToString())
        if self.fit is not None:
            parts["fit"], facts["fit"] = self.fit.capture()
            call = [self.fit.request.SerializeToString(), *map(bytes, self.fit.buffers)]
            parts["call"] = {str(index): keeping.as_tensor(part) for index, part in enumerate(call)}
        return {f"{part}/{name}": tensor for part, own in parts.items() for name, tensor in own.items()}, facts
