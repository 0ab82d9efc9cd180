"""The state directory: a folder for each session, on a disk or in an object store; knows no session from another.

    sessions/<session_id>/snapshot-<number>.safetensors    a whole state
    sessions/<session_id>/journal-<number>.log             what came after it; on a disk alone
    sessions/<session_id>/lock                             held while a worker has the session; on a disk alone

A file appears whole or not at all: on a disk it is written under another name, synced and renamed; an object store does
as much with one upload. An object store has no locks: a prefix is for one server.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.training import snapshots
from lossd_server.training.journal import Journal, sync_folder, unavailable

log = logging.getLogger(__name__)

_SESSION_ID = re.compile(r"w\d{1,4}-[0-9a-f]{1,16}-[0-9a-f]{16}")
_SNAPSHOT = re.compile(r"snapshot-(\d+)\.safetensors")
_FILE = re.compile(r"(?:snapshot-(\d+)\.safetensors|journal-(\d+)\.log)")
_TEMPORARY = ".unfinished"
_DELETED = ".deleted-"
_IMPATIENT = {"connect_timeout": 5, "read_timeout": 30, "retries": {"mode": "standard", "max_attempts": 2}}
"""A device that waits for an object store does nothing else."""


def is_session_id(text: str) -> bool:
    """Whether this is an identifier as the server gives them, which nothing else may become a path.

    >>> is_session_id("w0-18c1-0123456789abcdef"), is_session_id("../w0-18c1-0123456789abcdef")
    (True, False)
    """
    return _SESSION_ID.fullmatch(text) is not None


class Store:
    """The state directory.

    Args:
        url: a path, `file:///path`, or a URL that fsspec takes, such as `s3://bucket/prefix`.

    >>> Store("/var/lib/lossd").holds_journals, Store("memory://state").holds_journals
    (True, False)
    """

    def __init__(self, url: str) -> None:
        if "://" not in url or url.startswith("file://"):
            self._place: _Disk | _Objects = _Disk(Path(url.removeprefix("file://")).absolute() / "sessions")
        else:
            self._place = _Objects(url)
        self.holds_journals = isinstance(self._place, _Disk)
        """Whether files can be added to, which journals need."""

    def folder(self, session_id: str) -> Folder:
        """The folder of a session, which need not be there."""
        assert is_session_id(session_id), "identifiers are checked before they are looked for"
        return Folder(self._place, session_id)

    def session_ids(self) -> list[str]:
        """The sessions that have a folder, in order."""
        with _reported("read"):
            return sorted(name for name in self._place.folders() if is_session_id(name))


class Folder:
    """The files of one session."""

    def __init__(self, place: _Disk | _Objects, session_id: str) -> None:
        self._place = place
        self._name = session_id
        self._lock: int | None = None

    def newest(self) -> int | None:
        """The number of the newest snapshot; None without any."""
        with _reported("read"):
            found = map(_SNAPSHOT.fullmatch, self._place.files(self._name))
            return max((int(match[1]) for match in found if match), default=None)

    def path(self, number: int) -> str:
        """Where a snapshot is, below the state directory."""
        return f"sessions/{self._name}/{_snapshot(number)}"

    def write(self, number: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> int:
        """Writes a snapshot, which is safe when this returns; returns its size in bytes."""
        with _reported("written"), self._place.writing(self._name, _snapshot(number)) as path:
            snapshots.write(path, tensors, facts)
            return path.stat().st_size

    def read(self, number: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The tensors and facts of a snapshot, all of it checked."""
        with _reported("read"), self._place.reading(self._name, _snapshot(number)) as path:
            return snapshots.read(path)

    def read_facts(self, number: int) -> dict[str, Any]:
        """The facts alone of a snapshot."""
        with _reported("read"), self._place.reading(self._name, _snapshot(number)) as path:
            return snapshots.read_facts(path)

    def journal(self, number: int, new: bool = False) -> Journal | None:
        """The journal of the calls since a snapshot, `new` or as it is; None where journals cannot be."""
        if isinstance(self._place, _Objects):
            return None
        if new:
            with _reported("written"):
                self._place.remove(self._name, f"journal-{number}.log")
        return Journal(self._place.root / self._name / f"journal-{number}.log")

    def last_record(self, number: int) -> list[memoryview] | None:
        """The last record of the journal since a snapshot, whoever may be adding to it; None without any."""
        if isinstance(self._place, _Objects) or f"journal-{number}.log" not in self._place.files(self._name):
            return None
        journal = Journal(self._place.root / self._name / f"journal-{number}.log", reading=True)
        try:
            return journal.last()
        finally:
            journal.close()

    def prune(self, number: int) -> None:
        """Removes what a snapshot makes superfluous, and what was never finished; that it fails harms nothing."""
        try:
            for name in self._place.files(self._name):
                match = _FILE.fullmatch(name)
                if name.endswith(_TEMPORARY) or (match and int(match[1] or match[2]) < number):
                    self._place.remove(self._name, name)
        except Exception as error:  # noqa: BLE001  # object stores raise errors of their own
            log.warning("old state cannot be removed", extra={"session": self._name, "error": str(error)})

    def delete(self) -> None:
        """Removes the folder and all in it."""
        with _reported("written"):
            self._place.remove_folder(self._name)
        self.unlock()

    def make(self) -> None:
        """Makes the folder of a new session, and locks it."""
        with _reported("written"):
            self._place.make(self._name)
        self.lock()

    def lock(self) -> None:
        """Keeps every other worker from this session until `unlock`, or until this process ends.

        Raises:
            Fault: STORAGE_UNAVAILABLE while another worker has it.
        """
        if self._lock is not None or isinstance(self._place, _Objects):
            return
        with _reported("written"):
            self._lock = self._place.lock(self._name)

    def unlock(self) -> None:
        """Lets others have the session."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class _Disk:
    """Folders on a file system of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for left in root.glob(f"{_DELETED}*"):  # by a worker that ended meanwhile
            shutil.rmtree(left, ignore_errors=True)

    def folders(self) -> list[str]:
        if not self.root.is_dir():
            return []
        with os.scandir(self.root) as entries:
            return [entry.name for entry in entries]

    def files(self, folder: str) -> list[str]:
        try:
            return os.listdir(self.root / folder)
        except FileNotFoundError:
            return []

    def make(self, folder: str) -> None:
        (self.root / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(self.root)
        sync_folder(self.root.parent)

    @contextmanager
    def writing(self, folder: str, name: str) -> Iterator[Path]:
        target = self.root / folder / name
        temporary = target.with_name(f".{name}{_TEMPORARY}")
        try:
            yield temporary
            descriptor = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.rename(temporary, target)
            sync_folder(target.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    @contextmanager
    def reading(self, folder: str, name: str) -> Iterator[Path]:
        yield self.root / folder / name

    def remove(self, folder: str, name: str) -> None:
        (self.root / folder / name).unlink(missing_ok=True)

    def remove_folder(self, folder: str) -> None:
        """Renamed first: a folder half removed would be an older state of its session."""
        gone = self.root / f"{_DELETED}{folder}"
        shutil.rmtree(gone, ignore_errors=True)
        try:
            os.rename(self.root / folder, gone)
        except FileNotFoundError:
            return
        sync_folder(self.root)
        shutil.rmtree(gone, ignore_errors=True)

    def lock(self, folder: str) -> int:
        file = os.open(self.root / folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise Fault(
                "STORAGE_UNAVAILABLE",
                "another worker or server has this session open in the state directory; call that one, or end it and "
                "retry",
                retry_after=1.0,
            ) from None
        return file


class _Objects:
    """Folders that are the beginnings of objects' names, in a store that fsspec reaches."""

    def __init__(self, url: str) -> None:
        options = {"config_kwargs": _IMPATIENT} if url.startswith(("s3://", "s3a://")) else {}
        self._files, path = fsspec.url_to_fs(url, use_listings_cache=False, skip_instance_cache=True, **options)
        self._root = f"{path.rstrip('/')}/sessions"

    def folders(self) -> list[str]:
        return self._names(self._root)

    def files(self, folder: str) -> list[str]:
        return self._names(f"{self._root}/{folder}")

    def make(self, folder: str) -> None:
        """Nothing: an object's name makes its folder."""

    @contextmanager
    def writing(self, folder: str, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="lossd-") as here:
            yield (path := Path(here) / name)
            self._files.put_file(str(path), f"{self._root}/{folder}/{name}")

    @contextmanager
    def reading(self, folder: str, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="lossd-") as here:
            self._files.get_file(f"{self._root}/{folder}/{name}", str(path := Path(here) / name))
            yield path

    def remove(self, folder: str, name: str) -> None:
        self._files.rm_file(f"{self._root}/{folder}/{name}")

    def remove_folder(self, folder: str) -> None:
        """The newest last: what remains if this fails is the session as it was."""
        for name in sorted(self.files(folder), key=lambda name: (len(name), name)):
            self.remove(folder, name)

    def _names(self, path: str) -> list[str]:
        try:
            found = self._files.ls(path, detail=False, refresh=True)
        except FileNotFoundError:
            return []
        return [str(name).rstrip("/").rpartition("/")[2] for name in found]


def _snapshot(number: int) -> str:
    return f"snapshot-{number}.safetensors"


@contextmanager
def _reported(verb: str) -> Iterator[None]:
    """Inside, whatever the storage raises becomes STORAGE_UNAVAILABLE, and its own words go to the log."""
    try:
        yield
    except Fault:
        raise
    except OSError as error:
        log.error("the state directory cannot be %s", verb, extra={"error": str(error)})
        raise unavailable(error, verb) from None
    except Exception as error:  # object stores raise errors of their own
        log.error("the state directory cannot be %s", verb, exc_info=error)
        raise unavailable(OSError(0, "the object store refuses or cannot be reached"), verb) from None
