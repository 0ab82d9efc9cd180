"""Brings stored sessions back: a snapshot as it was, then the calls of the journal through the very same verbs."""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError, Message
from lossd.v1 import training_service_pb2 as pb
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.training.ledger import Ledger
from lossd_server.training.store import Folder
from lossd_server.worker import keeping
from lossd_server.worker.evaluating import Trip
from lossd_server.worker.held import Buffers, Held, Verbs
from lossd_server.worker.keeping import Entry, Keeping

log = logging.getLogger(__name__)

_NO_CONTENT = ("seq", "session_id", "after_epoch", "resume", "response_encoding", "attachments")
"""Fields that say how a call is sent, not what it does."""
_NO_OUTCOME = ("execution", "replayed", "diagnostics")
"""Fields of an answer that say how it was computed and how the training looks, not what came of it: of the steps before
a snapshot nothing is known any more."""
_AT_LEISURE = Trip(0.0, math.inf, lambda: False)


class Kind(NamedTuple):
    """The messages of a verb."""

    request: type[Any]
    response: type[Any]


VERBS = {
    "TrainStep": Kind(pb.TrainStepRequest, pb.TrainStepResponse),
    "ForwardBackward": Kind(pb.ForwardBackwardRequest, pb.ForwardBackwardResponse),
    "OptimStep": Kind(pb.OptimStepRequest, pb.OptimStepResponse),
    "Fit": Kind(pb.FitRequest, pb.FitResponse),
}
"""The verbs that change a session."""


def recover(folder: Folder, number: int, session_id: str, verbs: Verbs, asked: bool) -> Held:
    """The session that a folder holds.

    Args:
        folder: locked.
        number: of its newest snapshot.
        asked: whether RestoreSession is what names it, which also brings back sessions of durability MEMORY.

    Raises:
        Fault: STATE_CORRUPT, STORAGE_UNAVAILABLE, SESSION_LOST, or what a lack of memory raises.
    """
    begun = time.perf_counter()
    tensors, facts = folder.read(number)
    with _what_does_not_fit():
        held = rebuild(tensors, facts, verbs)
    if held.described.session_id != session_id:
        raise Fault("STATE_CORRUPT", "the snapshot is of another session; put its own files there")
    if held.described.durability == pb.DURABILITY_MEMORY and not asked:
        raise Fault(
            "SESSION_LOST",
            "this session was in memory alone and ended; RestoreSession brings back what was saved of it, step "
            f"{facts['step']}",
            field="session_id",
        )
    folder.prune(number)
    held.keeping = Keeping(folder, held.described, number, (facts["step"], facts["seq"]))
    calls = 0
    try:
        with _what_does_not_fit():
            for entry in held.keeping.entries():
                _replay(held, entry, verbs)
                calls += 1
    except BaseException:
        held.keeping.close()
        raise
    seconds = round(time.perf_counter() - begun, 3)
    extra = {"session": session_id, "step": held.session.step_count, "calls": calls, "seconds": seconds}
    log.info("session recovered", extra=extra)
    return held


def rebuild(tensors: Mapping[str, Tensor], facts: Mapping[str, Any], verbs: Verbs) -> Held:
    """A session as its snapshot says."""
    parts: dict[str, dict[str, Tensor]] = {"session": {}, "": {}, "fit": {}, "call": {}}
    for full, tensor in tensors.items():
        part, _, name = full.partition("/")
        parts[part][name] = tensor
    origin = keeping.as_bytes(parts[""]["origin"])
    session = verbs.build(pb.CreateSessionRequest.FromString(origin), ()).session
    session.restore(parts["session"], facts["session"])
    ledger = Ledger()
    ledger.restore(facts["ledger"])
    described = pb.Session.FromString(keeping.as_bytes(parts[""]["described"]))
    held = Held(session, described, ledger, origin=origin)
    if "fit" in facts:
        call = [keeping.as_bytes(parts["call"][str(index)]) for index in range(len(parts["call"]))]
        buffers = [memoryview(bytearray(part)) for part in call[1:]]
        held.fit = verbs.begin_fit(held, pb.FitRequest.FromString(call[0]), buffers)
        held.fit.restore(parts["fit"], facts["fit"])
    return held


def digest(verb: str, request: Message, buffers: Buffers) -> bytes:
    """What tells a call's content from another's."""
    content = type(request)()
    content.CopyFrom(request)
    for name in _NO_CONTENT:
        if name in content.DESCRIPTOR.fields_by_name:
            content.ClearField(name)
    found = hashlib.sha256(verb.encode())
    found.update(content.SerializeToString(deterministic=True))
    for buffer in buffers:
        found.update(buffer)
    return found.digest()


def _replay(held: Held, entry: Entry, verbs: Verbs) -> None:
    """Runs a call of the journal again; its answer stays that of the first time."""
    if entry.verb not in VERBS or entry.seq != (held.ledger.next if entry.request is not None else held.ledger.last):
        raise Fault("STATE_CORRUPT", f"the journal has {entry.verb[:32]} {entry.seq}; {held.ledger.next} is due")
    try:
        if entry.verb == "Fit":
            found = _advance(held, entry, verbs)
        else:
            held.fit = None
            request = VERBS[entry.verb].request.FromString(entry.request or b"")
            found = digest(entry.verb, request, entry.buffers)
            response, _ = verbs.run(entry.verb, held, request, entry.buffers, _AT_LEISURE)
            response.seq = entry.seq  # type: ignore[attr-defined]  # every response of a changing verb has it
            if _outcome(response) != _outcome(VERBS[entry.verb].response.FromString(entry.response)):
                log.warning("a call gave other numbers when it was run again", extra={"seq": entry.seq})
    except Fault as fault:
        if fault.code != "INVALID_ARGUMENT":
            raise
        raise Fault(
            "STATE_CORRUPT", f"call {entry.seq} of the journal ran once and is refused now: {fault.message}"
        ) from None
    held.ledger.record(entry.seq, found, entry.response)


def _advance(held: Held, entry: Entry, verbs: Verbs) -> bytes:
    """Begins a Fit, or goes on with it, up to where it was; returns the digest of its call."""
    if entry.request is not None:
        held.fit = verbs.begin_fit(held, pb.FitRequest.FromString(entry.request), entry.buffers)
    if held.fit is None or held.fit.seq != entry.seq:
        raise Fault("STATE_CORRUPT", f"the journal goes on with a Fit {entry.seq} that it does not begin")
    held.fit.advance(entry.fitted)
    return held.fit.digest


def _outcome(response: Message) -> bytes:
    """What came of a call, without the time that it took."""
    content = type(response)()
    content.CopyFrom(response)
    for name in _NO_OUTCOME:
        content.ClearField(name)
    return content.SerializeToString(deterministic=True)


@contextmanager
def _what_does_not_fit() -> Iterator[None]:
    """Inside, state that is whole, yet not what a session is made of, is refused."""
    try:
        yield
    except (DecodeError, KeyError, TypeError, ValueError) as error:
        log.error("stored state is not a session's", exc_info=error)
        raise Fault(
            "STATE_CORRUPT", "the session's files are whole, but do not say what a session is made of"
        ) from None
