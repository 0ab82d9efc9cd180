"""A file of records that are only ever added, each on the disk before its writer goes on; knows not what they say.

A record is a header (mark, kinds and lengths, the record's number, its own CRC), the lengths of its segments, the
segments, a CRC of both, and an end mark. What a crash leaves unfinished at the end of the file is cut off; anything
else that fails a check is refused and never used.
"""

from __future__ import annotations

import errno
import logging
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn, TypeAlias
from zlib import crc32

from lossd_server.faults import Fault

log = logging.getLogger(__name__)

Segment: TypeAlias = "bytes | bytearray | memoryview"

VERSION = 1

_PREAMBLE = b"lossdj" + VERSION.to_bytes(2, "little")
_HEADER = struct.Struct("<4sIQQ")
"""Begin mark, segments, number of the record, bytes of lengths and segments; a CRC of it follows."""
_CRC = struct.Struct("<I")
_LENGTH = struct.Struct("<Q")
_BEGIN, _END = b"\xb5REC", b"\xe7END"
_HEAD_SIZE = _HEADER.size + _CRC.size
_TAIL_SIZE = _CRC.size + len(_END)
_CHUNK = 1 << 20


class _Record(NamedTuple):
    number: int
    start: int
    segments: int
    size: int

    @property
    def end(self) -> int:
        return self.start + _HEAD_SIZE + self.size + _TAIL_SIZE


class Journal:
    """An open journal; a new one if there is no file.

    Reading comes first: `records` cuts off an unfinished end, and only behind a whole record is another one added.

    Args:
        path: of the file, whose folder exists.
        reading: leaves the file as it is, whose writer may be adding to it: no new one is made, nothing is cut off.

    Raises:
        Fault: STATE_CORRUPT if the file is no journal of this version, STORAGE_UNAVAILABLE if it cannot be opened.
    """

    def __init__(self, path: Path, reading: bool = False) -> None:
        self._name = path.name
        self._reading = reading
        self.count = 0
        """Records in it, once they have been read."""
        self._broken = False
        try:
            self._file = os.open(path, os.O_CLOEXEC | (os.O_RDONLY if reading else os.O_RDWR | os.O_CREAT), 0o600)
            try:
                self.size = self._begin(path.parent)
            except BaseException:
                os.close(self._file)
                raise
        except OSError as error:
            raise unavailable(error, "opened") from None

    def append(self, segments: Sequence[Segment]) -> None:
        """Adds a record, which is on the disk when this returns.

        Raises:
            Fault: STORAGE_UNAVAILABLE; the journal then is as it was before.
        """
        if self._broken:
            raise unavailable(OSError(errno.EIO, ""), "written")
        views = [memoryview(segment).cast("B") for segment in segments]
        lengths = b"".join(_LENGTH.pack(view.nbytes) for view in views)
        header = _HEADER.pack(_BEGIN, len(views), self.count, len(lengths) + sum(view.nbytes for view in views))
        crc = crc32(lengths)
        for view in views:
            crc = crc32(view, crc)
        try:
            if not os.fstat(self._file).st_nlink:  # what is written into it now, no one finds again
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            position = self.size
            parts: list[Segment] = [header + _CRC.pack(crc32(header)) + lengths, *views, _CRC.pack(crc) + _END]
            for part in parts:
                position = _write(self._file, part, position)
            os.fdatasync(self._file)
        except OSError as error:
            self._cut(self.size)
            raise unavailable(error, "written") from None
        self.size = position
        self.count += 1

    def records(self) -> Iterator[list[memoryview]]:
        """The segments of each record in order; then an unfinished end is cut off.

        Raises:
            Fault: STATE_CORRUPT at the first record that fails a check.
        """
        for record in self._scan():
            yield self._read(record)

    def last(self) -> list[memoryview] | None:
        """The segments of the last record, the others passed over; None without any."""
        record = None
        for record in self._scan():  # noqa: B007  # the last one is what is wanted
            pass
        return self._read(record) if record is not None else None

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)

    def _begin(self, folder: Path) -> int:
        """Checks or writes the preamble; returns the size of the file."""
        size = os.fstat(self._file).st_size
        given = os.pread(self._file, len(_PREAMBLE), 0)
        if given == _PREAMBLE or (self._reading and size <= len(_PREAMBLE)):
            return size
        if size > len(_PREAMBLE) or (given.strip(b"\0") and not _PREAMBLE.startswith(given)):
            if given[:6] == _PREAMBLE[:6]:
                version = int.from_bytes(given[6:], "little")
                self._refuse(0, f"it has version {version}, and this server reads {VERSION}")
            self._refuse(0, "it does not begin as a journal does")
        os.ftruncate(self._file, 0)  # nothing was ever added, not even the preamble
        end = _write(self._file, _PREAMBLE, 0)
        os.fsync(self._file)
        sync_folder(folder)
        return end

    def _scan(self) -> Iterator[_Record]:
        """The records whose ends are in place; their content is not looked at."""
        self.count = 0
        self.size = os.fstat(self._file).st_size
        position = len(_PREAMBLE)
        while position < self.size:
            record = self._record_at(position)
            if record is None and self._reading:
                return
            if record is None:
                log.warning(
                    "a journal's last record is unfinished and was cut off",
                    extra={"journal": self._name, "at": position, "bytes": self.size - position},
                )
                self._cut(position)
                self.size = position
                return
            yield record
            self.count += 1
            position = record.end

    def _record_at(self, position: int) -> _Record | None:
        """The record that begins at a position; None if it is unfinished."""
        head = os.pread(self._file, _HEAD_SIZE, position)
        if len(head) < _HEAD_SIZE:
            return None
        begin, count, number, size = _HEADER.unpack_from(head)
        if _CRC.unpack_from(head, _HEADER.size)[0] != crc32(head[: _HEADER.size]) or begin != _BEGIN:
            if self._is_zero(position + _HEAD_SIZE):  # a whole record would have its end mark there
                return None
            self._refuse(position, "the header of the record fails its check")
        if number != self.count or size < count * _LENGTH.size:
            self._refuse(position, f"the record is number {number}, and {self.count} is due")
        record = _Record(number, position, count, size)
        if record.end > self.size:
            return None
        end = os.pread(self._file, len(_END), record.end - len(_END))
        if end == _END:
            return record
        if not (_END.startswith(end.rstrip(b"\0")) and self._is_zero(record.end)):
            self._refuse(record.end - len(_END), "the end of the record is not there")
        return None

    def _read(self, record: _Record) -> list[memoryview]:
        body = bytearray(record.size + _CRC.size)
        view = memoryview(body)
        start = record.start + _HEAD_SIZE
        read = 0
        while read < len(body) and (more := os.preadv(self._file, [view[read:]], start + read)):
            read += more
        if read < len(body) or _CRC.unpack_from(body, record.size)[0] != crc32(view[: record.size]):
            self._refuse(record.start, "the content of the record fails its check")
        position = record.segments * _LENGTH.size
        segments = []
        for index in range(record.segments):
            (length,) = _LENGTH.unpack_from(body, index * _LENGTH.size)
            segments.append(view[position : position + length])
            position += length
        if position != record.size:
            self._refuse(record.start, "the lengths in the record do not fit it")
        return segments

    def _is_zero(self, position: int) -> bool:
        """Whether the rest of the file is zeros: room that was made for what was never written."""
        while chunk := os.pread(self._file, _CHUNK, position):
            if chunk.strip(b"\0"):
                return False
            position += len(chunk)
        return True

    def _cut(self, size: int) -> None:
        try:
            os.ftruncate(self._file, size)
            os.fdatasync(self._file)
        except OSError as error:
            self._broken = True
            log.error("a journal cannot be cut back", extra={"journal": self._name, "error": error.strerror})

    def _refuse(self, position: int, why: str) -> NoReturn:
        raise Fault(
            "STATE_CORRUPT",
            f"{self._name} cannot be used: at byte {position}, {why}; take the session's files from a backup, or "
            "delete the session",
        )


def unavailable(error: OSError, verb: str) -> Fault:
    """The fault of storage that fails; what the system says, without its paths."""
    return Fault(
        "STORAGE_UNAVAILABLE",
        f"the state directory cannot be {verb}: {error.strerror or type(error).__name__}; nothing was changed, retry "
        "once there is room and access",
        retry_after=1.0,
    )


def sync_folder(folder: Path) -> None:
    """Puts the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(file: int, data: Segment, position: int) -> int:
    """Writes all of `data` at a position; returns the position behind it."""
    view = memoryview(data)
    while view.nbytes:
        written = os.pwrite(file, view, position)
        position += written
        view = view[written:]
    return position
