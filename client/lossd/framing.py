"""Splits and joins messages that end in `repeated bytes attachments`, without copying the attachments.

The wire form is plain protobuf: what `join` writes any generated code reads, and the reverse. This module
knows the wire format's tags and one field number; it knows no message, no tensor and no transport.

A message is handled as its *header*, the serialized message without its attachments, and the attachments as
buffers. Below about 64 KiB generated code is as fast; above, each copy saved is most of the time of a call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

Buffer: TypeAlias = "bytes | bytearray | memoryview"

ATTACHMENTS = 100
"""Field number of `attachments` in every message that has them; the highest of each."""

MOST_FIELDS = 65_536
"""Top-level fields, attachments included, of a message: each takes Python a microsecond to look at."""

_LENGTH_DELIMITED = 2
_ATTACHMENT_TAG = ATTACHMENTS << 3 | _LENGTH_DELIMITED


class MalformedMessage(ValueError):
    """The bytes do not follow protobuf's wire format."""


class TooManyFields(MalformedMessage):
    """More top-level fields than `MOST_FIELDS`."""


class Frame(NamedTuple):
    """A message taken apart."""

    header: Buffer
    attachments: list[memoryview]


def split(message: Buffer) -> Frame:
    """Takes a serialized message apart; the attachments are views into `message`.

    Raises:
        MalformedMessage: if a tag or a length points outside the message.
        TooManyFields: before more than `MOST_FIELDS` have been looked at.

    >>> header, attachments = split(join(b"\\x0a\\x01x", [b"first", b"second"]))
    >>> bytes(header), [bytes(a) for a in attachments]
    (b'\\n\\x01x', [b'first', b'second'])
    """
    view = memoryview(message)
    pieces: list[memoryview] = []
    attachments: list[memoryview] = []
    kept = 0
    for tag, start, body, end in _fields(view):
        if tag == _ATTACHMENT_TAG:
            if start > kept:
                pieces.append(view[kept:start])
            attachments.append(view[body:end])
            kept = end
    if not attachments:
        return Frame(message, attachments)
    if kept < len(view):
        pieces.append(view[kept:])
    return Frame(pieces[0] if len(pieces) == 1 else b"".join(pieces), attachments)


def join(header: Buffer, attachments: Sequence[Buffer]) -> bytes:
    """Serializes a header and its attachments as one message, each attachment copied once.

    >>> join(b"", [b"ab"])
    b'\\xa2\\x06\\x02ab'
    """
    if not attachments:
        return header if isinstance(header, bytes) else bytes(header)
    parts: list[Buffer] = [header]
    for attachment in attachments:
        size = attachment.nbytes if isinstance(attachment, memoryview) else len(attachment)
        parts += (_ATTACHMENT_PREFIX + _varint(size), attachment)
    return b"".join(parts)


def repeated(number: int, messages: Sequence[bytes]) -> bytes:
    """Serializes a message whose field `number` repeats these messages, without looking into them.

    >>> repeated(1, [b"a", b"bc"])
    b'\\n\\x01a\\n\\x02bc'
    """
    prefix = _varint(number << 3 | _LENGTH_DELIMITED)
    return b"".join(part for message in messages for part in (prefix, _varint(len(message)), message))


def string_field(message: Buffer, number: int) -> str | None:
    """The last top-level string field of this number, or None: enough to route a message without decoding it.

    Raises:
        MalformedMessage: if the message is malformed before or in this field, or the string is not UTF-8.

    >>> string_field(b"\\x0a\\x02id\\x10\\x01", 1)
    'id'
    """
    view = memoryview(message)
    wanted = number << 3 | _LENGTH_DELIMITED
    found = None
    for tag, _, body, end in _fields(view):
        if tag == wanted:
            found = view[body:end]
    try:
        return None if found is None else str(found, "utf-8")
    except UnicodeDecodeError as error:
        raise MalformedMessage(f"field {number} is not UTF-8") from error


def _fields(view: memoryview) -> Iterator[tuple[int, int, int, int]]:
    """Yields (tag, where the field starts, where its content starts, where it ends) of each top-level field."""
    position, size = 0, len(view)
    for _ in range(MOST_FIELDS):
        if position >= size:
            return
        start = position
        tag, position = _read_varint(view, position)
        match tag & 7:
            case 0:
                body = position
                _, position = _read_varint(view, position)
            case 1:
                body, position = position, position + 8
            case 2:
                length, body = _read_varint(view, position)
                position = body + length
            case 5:
                body, position = position, position + 4
            case kind:
                raise MalformedMessage(f"wire type {kind} at byte {start}")
        if position > size:
            raise MalformedMessage(f"the field at byte {start} ends {position - size} bytes after the message")
        yield tag, start, body, position
    if position < size:
        raise TooManyFields(f"more than {MOST_FIELDS} fields")


def _read_varint(view: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    start = position
    try:
        while True:
            byte = view[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, position
            shift += 7
            if shift > 63:
                raise MalformedMessage(f"the number at byte {start} has more than ten bytes")
    except IndexError:
        raise MalformedMessage(f"the number at byte {start} is cut off") from None


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


_ATTACHMENT_PREFIX = _varint(_ATTACHMENT_TAG)
