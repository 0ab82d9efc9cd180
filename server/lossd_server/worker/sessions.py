"""Who holds the sessions of one device, in memory and in the state directory, and the one door through which calls
change them. It knows no verb from another but a Fit, which is many calls under one seq.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeAlias

from google.protobuf.message import Message
from lossd.v1 import training_service_pb2 as pb

from lossd_server.faults import Fault
from lossd_server.training.ledger import Ledger
from lossd_server.training.store import Folder, Store, is_session_id
from lossd_server.worker import keeping, recovery
from lossd_server.worker.evaluating import Trip
from lossd_server.worker.held import Buffers, Held, Verbs
from lossd_server.worker.keeping import Entry, Keeping

log = logging.getLogger(__name__)

Run: TypeAlias = "Callable[[Held, Any, Buffers, Trip], Message]"

_MOST_ENDED = 10_000
_COUNT_SECONDS = 10.0
_PAGE, _LARGEST_PAGE = 100, 1000


class Sessions:
    """Holds the sessions of one device.

    Args:
        owner: prefix of the identifiers it gives, which leads later calls back to this worker and tells a
            session that an earlier life of the worker held from one that never was.
        most: sessions it may hold in memory.
        store: the state directory, if there is one.
        ttl: seconds that sessions without one of their own stay in memory; 0: for ever.
        share: this device's place among those that share the state directory, and their number.
    """

    def __init__(
        self,
        owner: str,
        most: int,
        store: Store | None = None,
        ttl: float = 0.0,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self._owner = owner
        self._most = most
        self._store = store
        self._ttl = ttl
        self._share = share
        self._held: dict[str, Held] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._counted = (-math.inf, 0)
        self.verbs: Verbs
        """Who builds sessions and runs calls; set by whoever does."""

    def __len__(self) -> int:
        return len(self._held)

    def count_stored(self) -> int:
        """Sessions that are in the state directory alone, as of some seconds ago, or of the last ListSessions."""
        when, count = self._counted
        local = self._store is not None and self._store.holds_journals  # an object store might be long in answering
        if local and time.monotonic() - when > _COUNT_SECONDS:
            with contextlib.suppress(Fault):  # it is in the log already
                count = len(self._stored_ids())
            self._counted = (time.monotonic(), count)
        return count

    def create(self, request: pb.CreateSessionRequest, buffers: Buffers) -> Held:
        """Builds a session and gives it its identifier; a durable one is on the disk when this returns."""
        self._refuse_more()
        keeping.check_policy(request, self._store is not None, self._store is not None and self._store.holds_journals)
        session, described = self.verbs.build(request, buffers)
        origin = self.verbs.origin(request, buffers) if self._store is not None else b""
        described.session_id = f"{self._owner}-{secrets.token_hex(8)}"
        if self._ttl and not described.HasField("ttl"):
            described.ttl.FromNanoseconds(round(self._ttl * 1e9))
        held = Held(session, described, Ledger(), origin=origin)
        if described.durability != pb.DURABILITY_MEMORY:
            try:
                self._save(held)
            except Fault:
                if held.keeping is not None:
                    with contextlib.suppress(Fault):  # what is left has no snapshot, and so is no session
                        held.keeping.delete()
                self._discard(held)
                raise
        self._held[described.session_id] = held
        return held

    def find(self, session_id: str) -> Held:
        """The session of an identifier, brought back from the state directory if it is there alone."""
        held = self._held.get(session_id)
        if held is not None and held.is_over(time.monotonic()):
            self._leave(held)
            held = self._held.get(session_id)
        if held is None:
            held = self._recover(session_id)
        held.used = time.monotonic()
        return held

    def restore(self, session_id: str) -> Held:
        """As `find`, and brings back what SaveSession wrote of a session in memory alone."""
        self.expire()
        if session_id in self._held:
            return self.find(session_id)
        if self._store is None:
            raise Fault("UNSUPPORTED", keeping.no_store("RestoreSession"), field="session_id")
        return self._recover(session_id, asked=True)

    def save(self, session_id: str) -> pb.SaveSessionResponse:
        """Writes a snapshot of a session, whatever its durability."""
        held = self.find(session_id)
        if self._store is None:
            raise Fault("UNSUPPORTED", keeping.no_store("SaveSession"), field="session_id")
        return self._save(held)

    def delete(self, session_id: str) -> None:
        """Ends a session, and removes its files."""
        held = self._held.get(session_id)
        folder = self._folder_of(session_id)
        if held is None and folder is None:
            raise self._missing(session_id)
        if held is not None and held.keeping is not None:
            held.keeping.delete()
        elif held is None and folder is not None:
            folder.lock()
            try:
                folder.delete()
            finally:
                folder.unlock()
        self._held.pop(session_id, None)

    def page(self, page_size: int, page_token: str) -> pb.ListSessionsResponse:
        """A page of the sessions of this device, in memory or stored, ordered by identifier."""
        if page_size < 0:
            raise Fault("ARGUMENT_OUT_OF_RANGE", f"page_size is {page_size}; expected 0 or more", field="page_size")
        size = min(page_size or _PAGE, _LARGEST_PAGE)
        self.expire()
        stored = self._stored_ids() if self._store is not None else []
        self._counted = (time.monotonic(), len(stored))
        names = sorted(name for name in {*self._held, *stored} if name > page_token)
        response = pb.ListSessionsResponse(next_page_token=names[size - 1] if len(names) > size else "")
        for name in names[:size]:
            listed = self._listed(name)
            if listed is not None:
                response.sessions.append(listed)
        return response

    def expire(self) -> None:
        """Lets sessions whose time is over leave memory."""
        now = time.monotonic()
        for held in [held for held in self._held.values() if held.is_over(now)]:
            self._leave(held)

    def close(self) -> None:
        """Writes the checkpoints that would be lost with the memory, and lets go of all files."""
        for held in list(self._held.values()):
            self._leave(held)
            self._discard(held)

    def mutate(self, verb: str, request: Any, buffers: Buffers, trip: Trip, run: Run) -> Message:
        """Runs a call that changes a session exactly once, or gives the answer that it had.

        Args:
            verb: the RPC's name.
            request: has `session_id` and `seq`.
            run: makes the change and the response; what it raises has changed nothing.
        """
        held = self.find(request.session_id)
        seq, digest = _place(held, verb, request, buffers)
        stored = held.ledger.admit(seq, digest)
        fit = held.fit if verb == "Fit" and held.fit is not None and held.fit.seq == seq else None
        if stored is not None and fit is None:
            replayed = recovery.VERBS[verb].response.FromString(stored)
            replayed.replayed = True
            return replayed  # type: ignore[no-any-return]  # a message
        before = fit.steps if fit is not None else None
        request.seq = seq
        if held.described.durability == pb.DURABILITY_STEP:  # a tensor would lie in them, and a layer may write into it
            buffers = [buffer.toreadonly() for buffer in buffers]
        begun = time.perf_counter()
        response: Any = run(held, request, buffers, trip)
        response.seq = seq
        if held.fit is not None and held.fit.seq != seq:
            held.fit = None
        if before is None or (held.fit is not None and held.fit.steps != before):
            call = None if before is not None else (request.SerializeToString(deterministic=True), buffers)
            self._keep(held, verb, response, call, time.perf_counter() - begun)
        if not response.replayed:  # a Fit that has ended, and tells its epochs once more
            held.ledger.record(seq, digest, response.SerializeToString())
        self._save_if_due(held)
        held.used = time.monotonic()  # a call may take longer than the session's time to live
        return response  # type: ignore[no-any-return]  # a message

    def _keep(self, held: Held, verb: str, response: Any, call: tuple[bytes, Buffers] | None, seconds: float) -> None:
        """Writes a call that has run to the journal; if it cannot, the session is again what was acknowledged."""
        if held.keeping is None:
            return
        fitted = held.fit.steps if held.fit is not None else 0
        request, buffers = call if call is not None else (None, ())
        answer = response.SerializeToString()
        entry = Entry(verb, response.seq, held.session.step_count, fitted, answer, request, buffers)
        try:
            held.keeping.append(entry, seconds)
        except BaseException:
            self._discard(held)
            raise

    def _save_if_due(self, held: Held) -> None:
        """A snapshot that fails is made later: the journal has what it would, and checkpoints promise no call."""
        if held.keeping is None or not held.keeping.is_due(held.session.step_count):
            return
        try:
            self._save(held)
        except Fault as fault:
            log.error("a snapshot failed", extra={"session": held.described.session_id, "error": fault.message})

    def _save(self, held: Held) -> pb.SaveSessionResponse:
        if held.keeping is None:
            assert self._store is not None, "who saves has checked that there is a state directory"
            folder = self._store.folder(held.described.session_id)
            folder.make()
            held.keeping = Keeping(folder, held.described)
        try:
            return held.keeping.save(*held.capture())
        except Fault:
            if held.keeping.is_overtaken():
                self._discard(held)
            raise

    def _leave(self, held: Held) -> None:
        """Lets a session leave memory: those that can come back will, and one that cannot be written yet stays on."""
        durability = held.described.durability
        kept = held.keeping
        stands = (held.session.step_count, held.ledger.last)
        if durability == pb.DURABILITY_CHECKPOINT and kept is not None and kept.saved != stands:
            try:
                self._save(held)
            except Fault as fault:
                log.error("a checkpoint failed", extra={"session": held.described.session_id, "error": fault.message})
                held.used = time.monotonic()
                return
        if durability == pb.DURABILITY_MEMORY:
            self._ended[held.described.session_id] = None
            while len(self._ended) > _MOST_ENDED:
                self._ended.popitem(last=False)
        self._discard(held)

    def _discard(self, held: Held) -> None:
        self._held.pop(held.described.session_id, None)
        if held.keeping is not None:
            held.keeping.release()

    def _recover(self, session_id: str, asked: bool = False) -> Held:
        """Brings a stored session back: its newest snapshot, then the calls since then."""
        folder = self._folder_of(session_id)
        if folder is None:
            raise self._missing(session_id)
        self._refuse_more()
        folder.lock()
        try:
            number = folder.newest()  # which may be another since it was looked for
            if number is None:
                raise self._missing(session_id)
            held = recovery.recover(folder, number, session_id, self.verbs, asked)
        except BaseException:
            folder.unlock()
            raise
        self._held[session_id] = held
        self._ended.pop(session_id, None)
        return held

    def _listed(self, session_id: str) -> pb.Session | None:
        held = self._held.get(session_id)
        if held is not None:
            return keeping.without_tensors(held.describe())
        assert self._store is not None, "what is not held is stored"
        folder = self._store.folder(session_id)
        try:
            return _stored(folder)
        except Fault as fault:
            log.error("a stored session cannot be listed", extra={"session": session_id, "error": fault.message})
            return pb.Session(session_id=session_id, state=pb.SESSION_STATE_STORED)

    def _stored_ids(self) -> list[str]:
        """Sessions in the state directory that are this device's and not in memory."""
        assert self._store is not None, "asked for where there is one"
        place, devices = self._share
        own = [name for name in self._store.session_ids() if int(name[1:].partition("-")[0]) % devices == place]
        return [name for name in own if name not in self._held]

    def _folder_of(self, session_id: str) -> Folder | None:
        """The folder of a stored session."""
        if self._store is None or not is_session_id(session_id):
            return None
        folder = self._store.folder(session_id)
        return folder if folder.newest() is not None else None

    def _refuse_more(self) -> None:
        self.expire()
        if len(self._held) >= self._most:
            raise Fault("TOO_MANY_SESSIONS", f"this device holds {self._most} sessions; delete some first")

    def _missing(self, session_id: str) -> Fault:
        if not session_id:
            return Fault("SESSION_NOT_FOUND", "session_id is missing; CreateSession answers one", field="session_id")
        owner = session_id.rpartition("-")[0]
        if session_id in self._ended:
            return Fault(
                "SESSION_LOST",
                "this session was in memory alone, and its time to live is over; create a new one with a longer ttl",
                field="session_id",
            )
        if is_session_id(session_id) and owner != self._owner:
            return Fault(
                "SESSION_LOST",
                "this session ended with the worker that held it, or was deleted; create a new one from your state",
                field="session_id",
            )
        return Fault(
            "SESSION_NOT_FOUND",
            "there is no session of this identifier; CreateSession answers one, and DeleteSession ends it",
            field="session_id",
        )


def _place(held: Held, verb: str, request: Any, buffers: Buffers) -> tuple[int, bytes]:
    """The seq of a call and the digest of its content; a Fit that goes on has those of the call that began it."""
    fit = held.fit if verb == "Fit" else None
    digest = fit.digest if fit is not None and request.resume else recovery.digest(verb, request, buffers)
    if fit is not None and not (request.seq or fit.done) and fit.digest == digest:
        return fit.seq, digest
    return request.seq or held.ledger.next, digest


def _stored(folder: Folder) -> pb.Session | None:
    """A stored session as its files say; None if there are none any more."""
    number = folder.newest()
    if number is None:
        return None
    facts = folder.read_facts(number)
    described = pb.Session.FromString(base64.b64decode(facts["listed"]))
    described.state = pb.SESSION_STATE_STORED
    described.saved_step = facts["step"]
    if described.durability == pb.DURABILITY_STEP and (last := keeping.last_entry(folder, number)) is not None:
        described.step, described.seq = last.step, last.seq
    return described
