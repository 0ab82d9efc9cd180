"""The messages between an engine and its worker: one datagram each, large payloads beside it in shared memory.

A payload is a list of segments. A small one that is alone travels inside the datagram. Otherwise it is laid out as
its lengths and then the segments, each aligned, in the call's region of the arena, or in a memory file of its own
that is passed along. Nothing here is ever unpickled; both ends are lossd of one version, started by one another.
"""

from __future__ import annotations

import mmap
import os
import socket
import struct
from array import array
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple, TypeAlias

from lossd_server.worker.arena import ALIGNMENT, Arena, Region

Segment: TypeAlias = "bytes | bytearray | memoryview"

INLINE = 64 * 1024
"""Bytes of payload that travel inside the datagram."""
LARGEST = INLINE + 16 * 1024

_HEAD = struct.Struct("<BBIIIQQQdddI")
_NOTE = 8 * 1024
"""Bytes of a note that travel inside the datagram; a longer one is the last segment."""
_NOTE_IS_SEGMENT = 2**32 - 1
_ROOM_FOR_A_DESCRIPTOR = socket.CMSG_SPACE(array("i").itemsize)
_LENGTH = struct.Struct("<Q")


class Kind(IntEnum):
    """What a frame is: a call, its answer or refusal, the worker's first word, or its word on its state."""

    CALL = 1
    ANSWER = 2
    REFUSAL = 3
    HELLO = 4
    STATE = 5


_KINDS = {int(kind): kind for kind in Kind}


class Place(IntEnum):
    """Where a frame's payload is."""

    INLINE = 0
    ARENA = 1
    FILE = 2


class Frame(NamedTuple):
    """One message.

    `text` is a call's verb and request id, an answer's loss name, or a hello's version of torch. `times` are a
    call's admission and deadline, an answer's (forward, backward, queue) seconds, or a state's (memory bytes,
    sessions). `steps` are those of training that an answer's call made, `note` is what telemetry shall hear of it.
    """

    kind: Kind
    call: int
    text: str
    times: tuple[float, float, float] = (0.0, 0.0, 0.0)
    segments: Sequence[Segment] = ()
    region: Region | None = None
    steps: int = 0
    note: bytes = b""


def is_inline(segments: Sequence[Segment]) -> bool:
    """Whether a payload travels inside the datagram."""
    return len(segments) <= 1 and sum(map(_length, segments)) <= INLINE


def payload_size(segments: Sequence[Segment]) -> int:
    """Bytes that `segments` take once laid out in shared memory."""
    size = _aligned(_LENGTH.size * len(segments))
    return size + sum(_aligned(_length(segment)) for segment in segments)


def send(link: socket.socket, frame: Frame, arena: Arena) -> None:
    """Sends a frame: inside the datagram if small, in its region if it fits, in a file of its own otherwise.

    Raises:
        BlockingIOError: if the socket does not block and is full; nothing was sent then.
    """
    region, note = frame.region, frame.note
    if len(note) > _NOTE:
        frame, note = frame._replace(segments=(*frame.segments, note)), b""
    text = frame.text.encode() + note
    if is_inline(frame.segments):
        link.send(b"".join((_head(frame, Place.INLINE, region, len(text)), text, *frame.segments)))
        return
    size = payload_size(frame.segments)
    if region is not None and size <= region.size:
        lay_out(arena.view(region), frame.segments)
        link.send(_head(frame, Place.ARENA, region, len(text)) + text)
    else:
        descriptor = os.memfd_create("lossd-answer")
        try:
            os.ftruncate(descriptor, size)
            with mmap.mmap(descriptor, size) as memory, memoryview(memory) as view:
                lay_out(view, frame.segments)
            socket.send_fds(link, [_head(frame, Place.FILE, Region(0, size), len(text)) + text], [descriptor])
        finally:
            os.close(descriptor)


def receive(link: socket.socket, arena: Arena) -> Frame | None:
    """The next frame, or None once the other end has closed. Segments of large payloads are views."""
    data, ancillary, _, _ = link.recvmsg(LARGEST, _ROOM_FOR_A_DESCRIPTOR)
    if not data:
        return None
    kind, place, count, length, noted, call, offset, size, first, second, third, steps = _HEAD.unpack_from(data)
    body = _HEAD.size + length
    words = body if noted == _NOTE_IS_SEGMENT else body - noted
    text, note = data[_HEAD.size : words].decode(), data[words:body]
    region = Region(offset, size) if size else None
    segments: Sequence[Segment]
    match place:
        case Place.INLINE:
            segments = [memoryview(data)[body:]] if count else []
        case Place.ARENA:
            assert region is not None, "the sender laid the payload out there"
            segments = take_apart(arena.view(region), count)
        case _:
            (descriptor,) = array("i", ancillary[0][2])
            segments = take_apart(memoryview(mmap.mmap(descriptor, size)), count)
            os.close(descriptor)
    if noted == _NOTE_IS_SEGMENT:
        segments, note = segments[:-1], bytes(segments[-1])
    return Frame(_KINDS[kind], call, text, (first, second, third), segments, region, steps, note)


def lay_out(view: memoryview, segments: Sequence[Segment]) -> None:
    """Writes lengths and segments into `view`."""
    position = _aligned(_LENGTH.size * len(segments))
    for index, segment in enumerate(segments):
        length = _length(segment)
        _LENGTH.pack_into(view, index * _LENGTH.size, length)
        view[position : position + length] = segment
        position += _aligned(length)


def take_apart(view: memoryview, count: int) -> list[memoryview]:
    """The `count` segments laid out in `view`, as views of it."""
    position = _aligned(_LENGTH.size * count)
    segments = []
    for index in range(count):
        (length,) = _LENGTH.unpack_from(view, index * _LENGTH.size)
        segments.append(view[position : position + length])
        position += _aligned(length)
    return segments


def _head(frame: Frame, place: Place, region: Region | None, text_length: int) -> bytes:
    offset, size = region or (0, 0)
    noted = len(frame.note) if len(frame.note) <= _NOTE else _NOTE_IS_SEGMENT
    lengths = (len(frame.segments), text_length, noted)
    return _HEAD.pack(frame.kind, place, *lengths, frame.call, offset, size, *frame.times, frame.steps)


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _length(segment: Segment) -> int:
    return segment.nbytes if isinstance(segment, memoryview) else len(segment)
