"""SQLite's errors become ours here, and nowhere else."""

from __future__ import annotations

import sqlite3

from domain.errors import CuelightError, Rejected
from storage.contracts import StorageBroken, StorageFull, StorageUnavailable

# Primary result codes, https://www.sqlite.org/rescode.html
_PERM, _BUSY, _LOCKED, _NOMEM, _READONLY, _IOERR = 3, 5, 6, 7, 8, 10
_CORRUPT, _FULL, _CANTOPEN, _TOOBIG, _NOTADB = 11, 13, 14, 18, 26
_IOERR_SHMSIZE = 4874  # the shared-memory file could not grow: in practice, no space left


def is_full(error: BaseException) -> bool:
    """Whether there was no room (on the disk, or within `max_page_count`)."""
    code = _code(error)
    return code & 0xFF == _FULL or code == _IOERR_SHMSIZE


def translate(error: BaseException) -> BaseException:
    """Our error for what SQLite or the work on it raised; our own errors stay as they are."""
    if isinstance(error, CuelightError):
        return error
    ours = _ours(error)
    ours.__cause__ = error
    return ours


def full() -> StorageFull:
    """What a caller is told when there is no room."""
    return StorageFull(
        "The disk is full, so nothing more can be stored.",
        advice="Free some space on the disk of the data directory, or raise STORAGE_MAX_BYTES. Work goes on by itself.",
        retry_after_seconds=5,
    )


def closed() -> StorageUnavailable:
    """What a caller is told after `close`."""
    return StorageUnavailable("The store is closed.")


def overloaded(waiting_bytes: int) -> StorageUnavailable:
    """What a caller is told when the queue of writes is over its bound."""
    return StorageUnavailable(
        f"The disk does not keep up: {waiting_bytes // 1024} KiB wait to be written.",
        code="storage.overloaded",
    )


def _code(error: BaseException) -> int:
    code = getattr(error, "sqlite_errorcode", None)
    return code if isinstance(code, int) else 0


def _ours(error: BaseException) -> CuelightError:
    if not isinstance(error, sqlite3.Error):
        return StorageBroken(
            f"The store failed over {type(error).__name__}: {error}", advice="Please report this."
        )
    if is_full(error):
        return full()
    primary = _code(error) & 0xFF
    if primary in {_BUSY, _LOCKED}:
        return StorageUnavailable(
            "Another program holds the database.",
            advice="Close any other program that has the database file open.",
        )
    if primary in {_CORRUPT, _NOTADB}:
        return StorageBroken(
            f"The database file is damaged ({error}).",
            advice="Stop Cuelight, keep a copy of the data directory, then restore a backup, or save what can be read:"
            ' sqlite3 cuelight.db ".recover" | sqlite3 recovered.db',
        )
    if primary in {_PERM, _READONLY, _CANTOPEN}:
        return StorageBroken(
            f"The database file cannot be opened for writing ({error}).",
            advice="Let the user that runs Cuelight own the data directory and what is in it.",
        )
    if primary == _TOOBIG:
        return Rejected("The document is too large to be stored.", code="storage.document")
    if primary in {_IOERR, _NOMEM}:
        return StorageUnavailable(
            f"The disk did not do what it was asked ({error}).",
            advice="Look at the kernel's log for disk errors.",
        )
    return StorageBroken(f"SQLite refused: {error}", advice="Please report this.")
