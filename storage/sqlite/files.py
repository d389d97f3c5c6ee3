"""The files of a store: where they are, who may read them, and which process has them."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from domain.errors import Conflict, CuelightError
from storage.contracts import StorageBroken
from storage.sqlite.errors import full

DATABASE_FILE = "cuelight.db"
LOCK_FILE = "cuelight.lock"
_SUFFIXES = {".db", ".sqlite", ".sqlite3"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store lives. `own_directory`: the directory was named, so it is ours to close to other users."""

    directory: Path
    database: Path
    own_directory: bool

    @property
    def files(self) -> tuple[Path, ...]:
        """The database with its write-ahead log and its shared memory; the last two may not exist."""
        return tuple(self.database.with_name(self.database.name + end) for end in ("", "-wal", "-shm"))


def place(path: Path) -> Place:
    """A path that ends in `.db`, `.sqlite` or `.sqlite3`, or is a file, is the database; else it is the directory."""
    if not path.is_dir() and (path.suffix in _SUFFIXES or path.is_file()):
        return Place(path.parent, path, own_directory=False)
    return Place(path, path / DATABASE_FILE, own_directory=True)


class Lock:
    """One daemon per data directory: an advisory lock that ends with the process, however it ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, directory: Path) -> Lock:
        """Raises `Conflict` (code `storage.locked`) that names the process which has the directory."""
        path = directory / LOCK_FILE
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise Conflict(
                f"Another Cuelight, process {holder}, is using {directory}.",
                code="storage.locked",
                advice=f"Stop it first (kill {holder}), or give this one a data directory of its own (DATA_DIR)."
                " With SQLite there is exactly one daemon per data directory.",
            ) from None
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def release(self) -> None:
        """Let the next process in. The file stays: removing it would race with whoever opens it now."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def prepare(where: Place) -> Lock:
    """Make the directory (0700) and the database file (0600), and take the lock. Blocks; raises our errors only."""
    try:
        where.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if where.own_directory:
            _close_to_others(where.directory)
        lock = Lock.take(where.directory)
        try:
            # Before SQLite does it: the log and the shared memory inherit the mode of the database.
            os.close(os.open(where.database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            for path in where.files:
                if path.exists():
                    path.chmod(0o600)
        except BaseException:
            lock.release()
            raise
    except OSError as error:
        raise _ours(error, where) from error
    return lock


def _close_to_others(directory: Path) -> None:
    """0700, unless it is a directory that others share with us on purpose (not ours, or sticky as /tmp is)."""
    status = directory.stat()
    if status.st_uid == os.geteuid() and not status.st_mode & stat.S_ISVTX:
        directory.chmod(0o700)


def _ours(error: OSError, where: Place) -> CuelightError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return full()
    return StorageBroken(
        f"The data directory {where.directory} cannot be used: {error.strerror or error}.",
        advice="Let DATA_DIR name a directory that the user who runs Cuelight may write.",
    )
