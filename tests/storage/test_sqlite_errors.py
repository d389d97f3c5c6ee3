"""Each error of SQLite becomes the one of ours that tells callers what to do."""

from __future__ import annotations

import sqlite3

import pytest

from domain.errors import CuelightError, Rejected
from storage.contracts import Duplicate, StorageBroken, StorageFull, StorageUnavailable
from storage.sqlite.errors import translate


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        (sqlite3.SQLITE_FULL, StorageFull),
        (sqlite3.SQLITE_IOERR_SHMSIZE, StorageFull),
        (sqlite3.SQLITE_BUSY, StorageUnavailable),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StorageUnavailable),
        (sqlite3.SQLITE_IOERR_FSYNC, StorageUnavailable),
        (sqlite3.SQLITE_NOMEM, StorageUnavailable),
        (sqlite3.SQLITE_CORRUPT, StorageBroken),
        (sqlite3.SQLITE_NOTADB, StorageBroken),
        (sqlite3.SQLITE_READONLY, StorageBroken),
        (sqlite3.SQLITE_CANTOPEN, StorageBroken),
        (sqlite3.SQLITE_TOOBIG, Rejected),
        (sqlite3.SQLITE_MISUSE, StorageBroken),
        (None, StorageBroken),
    ],
)
def test_every_code_has_its_meaning(code: int | None, ours: type[CuelightError]) -> None:
    error = sqlite3.OperationalError("theirs")
    if code is not None:
        error.sqlite_errorcode = code
    translated = translate(error)
    assert type(translated) is ours
    assert translated.__cause__ is error


def test_our_own_errors_stay() -> None:
    error = Duplicate("t", ("_id",))
    assert translate(error) is error


def test_a_fault_of_the_program_is_broken() -> None:
    translated = translate(ZeroDivisionError("oops"))
    assert type(translated) is StorageBroken
    assert "ZeroDivisionError" in str(translated)
