"""A journal gives back what was added, or less of its end, or a refusal: never anything else."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lossd_server.faults import Fault
from lossd_server.training.journal import Journal

RECORDS = [[b"one"], [b"", b"two", b"\0\0\0"], [], [b"three" * 5, b"\xff"]]


def write(path: Path, records: list[list[bytes]]) -> list[int]:
    """Adds the records; returns the length of the file before the first and after each."""
    journal = Journal(path)
    lengths = [journal.size]
    for record in records:
        journal.append(record)
        lengths.append(journal.size)
    journal.close()
    return lengths


def read(path: Path) -> list[list[bytes]]:
    journal = Journal(path)
    try:
        return [[bytes(segment) for segment in record] for record in journal.records()]
    finally:
        journal.close()


@given(st.lists(st.lists(st.binary(max_size=300), max_size=4), max_size=8), st.data())
@settings(max_examples=60)
def test_what_was_added_is_read(
    tmp_path_factory: pytest.TempPathFactory, records: list[list[bytes]], data: st.DataObject
) -> None:
    """Any records, closed and opened again at any point, and the last of them by itself."""
    path = tmp_path_factory.mktemp("journal") / "j"
    cut = data.draw(st.integers(0, len(records)))
    write(path, records[:cut])
    journal = Journal(path)
    assert [[bytes(segment) for segment in record] for record in journal.records()] == records[:cut]
    for record in records[cut:]:
        journal.append([memoryview(bytearray(segment)) for segment in record])
    last = journal.last()
    assert (last and [bytes(segment) for segment in last]) == (records[-1] if records else None)
    assert journal.count == len(records)
    journal.close()
    assert read(path) == records


def test_a_torn_tail_is_cut_off(tmp_path: Path) -> None:
    """Cut at every byte, the records before the cut are there, and the journal goes on behind them."""
    path = tmp_path / "j"
    lengths = write(path, RECORDS)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        before = sum(length <= size for length in lengths[1:])
        assert read(path) == RECORDS[:before], f"cut at {size}"
        assert path.stat().st_size == lengths[before]
        journal = Journal(path)
        assert len(list(journal.records())) == before
        journal.append([b"more"])
        journal.close()
        assert read(path) == [*RECORDS[:before], [b"more"]]


def test_a_reader_leaves_the_writers_file_alone(tmp_path: Path) -> None:
    """Cut at every byte, as while a record is written: the last whole record is read, and no byte is changed."""
    path = tmp_path / "j"
    lengths = write(path, RECORDS)
    whole = path.read_bytes()
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        journal = Journal(path, reading=True)
        last = journal.last()
        journal.close()
        before = sum(length <= size for length in lengths[1:])
        assert (last and [bytes(segment) for segment in last]) == (RECORDS[before - 1] if before else None)
        assert path.read_bytes() == whole[:size], f"cut at {size}"
    with pytest.raises(Fault, match="No such file"):
        Journal(tmp_path / "none", reading=True)
    assert not (tmp_path / "none").exists()


def test_a_journal_that_was_removed_takes_no_more(tmp_path: Path) -> None:
    """What no one could find again is not acknowledged."""
    journal = Journal(tmp_path / "j")
    journal.append([b"one"])
    (tmp_path / "j").unlink()
    with pytest.raises(Fault, match="No such file"):
        journal.append([b"two"])
    journal.close()


def test_a_tail_of_zeros_is_cut_off(tmp_path: Path) -> None:
    """Room that was made but not filled, from any byte of the last record on and beyond it, is a torn tail too."""
    path = tmp_path / "j"
    lengths = write(path, RECORDS)
    whole = path.read_bytes()
    for size in range(lengths[-2], len(whole) - 1):
        for room in (len(whole), len(whole) + 5000):
            path.write_bytes(whole[:size] + bytes(room - size))
            assert read(path) == RECORDS[:-1], f"zeros from {size} to {room}"


def test_every_flipped_bit_is_refused(tmp_path: Path) -> None:
    """One bit changed anywhere: STATE_CORRUPT saying where, never a record that was not written."""
    path = tmp_path / "j"
    write(path, RECORDS)
    whole = path.read_bytes()
    for bit in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with pytest.raises(Fault, match=r"^j cannot be used: at byte \d+, ") as refusal:
            read(path)
        assert refusal.value.reason == "STATE_CORRUPT"
        assert path.read_bytes() == changed, "what is refused is not touched"


@given(st.lists(st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=40)), min_size=1, max_size=3))
@settings(max_examples=200)
def test_overwritten_bytes_never_change_a_record(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, bytes]]
) -> None:
    """Any bytes written over any place: refused, or the first records as they were."""
    path = tmp_path_factory.mktemp("journal") / "j"
    write(path, RECORDS)
    changed = bytearray(path.read_bytes())
    for position, data in changes:
        position %= len(changed)
        changed[position : position + len(data)] = data
    path.write_bytes(changed)
    try:
        given = read(path)
    except Fault as fault:
        assert fault.reason == "STATE_CORRUPT"  # noqa: PT017  # either is right, and this is what the refusal must be
    else:
        assert given == RECORDS[: len(given)]


def test_a_newer_version_is_named(tmp_path: Path) -> None:
    """A journal of another version is not guessed at."""
    path = tmp_path / "j"
    write(path, RECORDS)
    path.write_bytes(b"lossdj\x02\x00" + path.read_bytes()[8:])
    with pytest.raises(Fault, match="it has version 2, and this server reads 1"):
        read(path)


def test_records_do_not_change_places(tmp_path: Path) -> None:
    """A record left out, and one twice, are refused: each is numbered."""
    path = tmp_path / "j"
    first, second, third, *_ = write(path, RECORDS)
    whole = path.read_bytes()
    for changed in (whole[:first] + whole[second:], whole[:third] + whole[second:]):
        path.write_bytes(changed)
        with pytest.raises(Fault, match="is due"):
            read(path)


@pytest.fixture
def small_files() -> Iterator[None]:
    """Files end at 64 KiB, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_files")
def test_a_write_that_fails_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    """No room: STORAGE_UNAVAILABLE, the file cut back to its length before, smaller records still taken."""
    path = tmp_path / "j"
    journal = Journal(path)
    journal.append([b"before"])
    size = os.stat(path).st_size
    with pytest.raises(Fault, match="cannot be written: File too large; nothing was changed") as refusal:
        journal.append([bytes(2**15), bytes(2**16)])
    assert (refusal.value.reason, refusal.value.retry_after) == ("STORAGE_UNAVAILABLE", 1.0)
    assert os.stat(path).st_size == journal.size == size
    journal.append([b"after"])
    journal.close()
    assert read(path) == [[b"before"], [b"after"]]
