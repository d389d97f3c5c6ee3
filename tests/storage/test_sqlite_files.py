"""Where the files are, who may read them, and which process has them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from domain.errors import Conflict
from storage.contracts import StorageBroken
from storage.sqlite.files import Lock, place, prepare
from tests.storage.conftest import THINGS, OpenSQLite


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_the_directory_and_every_file_in_it_are_closed_to_others(
    sqlite: OpenSQLite, tmp_path: Path
) -> None:
    before = os.umask(0)
    try:
        store = await sqlite(tmp_path / "a" / "data")
        await (await store.collection(THINGS)).insert({"_id": "x"})
    finally:
        os.umask(before)
    assert mode(tmp_path / "a" / "data") == 0o700
    files = {path.name: mode(path) for path in (tmp_path / "a" / "data").iterdir()}
    assert files == {
        "cuelight.db": 0o600,
        "cuelight.db-wal": 0o600,
        "cuelight.db-shm": 0o600,
        "cuelight.lock": 0o600,
    }


async def test_what_was_open_to_others_is_closed(sqlite: OpenSQLite, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    (data / "cuelight.db").touch(mode=0o644)
    await sqlite(data)
    assert mode(data) == 0o700
    assert mode(data / "cuelight.db") == 0o600


async def test_a_shared_directory_is_left_as_it_is(sqlite: OpenSQLite, tmp_path: Path) -> None:
    for name, bits in (("sticky", 0o1777), ("ours", 0o755)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(bits)
    await sqlite(tmp_path / "sticky")
    assert mode(tmp_path / "sticky") == 0o1777
    await sqlite(tmp_path / "ours" / "a.db")  # the file was named, not the directory
    assert mode(tmp_path / "ours") == 0o755


async def test_a_second_daemon_is_refused_by_name_and_told_what_to_do(
    sqlite: OpenSQLite, tmp_path: Path
) -> None:
    store = await sqlite()
    with pytest.raises(Conflict) as caught:
        await sqlite()
    assert caught.value.code == "storage.locked"
    assert f"process {os.getpid()}" in caught.value.message
    assert str(tmp_path / "data") in caught.value.message
    assert f"kill {os.getpid()}" in caught.value.advice
    await (await store.collection(THINGS)).insert({"_id": "the first lives on"})
    await store.close()
    await sqlite()


async def test_a_failed_opening_gives_the_lock_back(sqlite: OpenSQLite, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "cuelight.db").write_bytes(b"this is no database, but it is long enough to look like one" * 100)
    for _ in range(2):
        with pytest.raises(StorageBroken):
            await sqlite()
    (data / "cuelight.db").unlink()
    await sqlite()


def test_the_pid_in_the_lock_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "cuelight.lock").write_text("1234567890123\n")
    lock = Lock.take(tmp_path)
    assert (tmp_path / "cuelight.lock").read_text() == f"{os.getpid()}\n"
    lock.release()
    lock.release()
    Lock.take(tmp_path).release()


def test_a_path_names_a_directory_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "odd").touch()
    (tmp_path / "dir.db").mkdir()
    assert place(tmp_path / "new").database == tmp_path / "new" / "cuelight.db"
    assert place(tmp_path / "new.db").database == tmp_path / "new.db"
    assert place(tmp_path / "new.sqlite3").directory == tmp_path
    assert place(tmp_path / "odd").database == tmp_path / "odd"
    assert place(tmp_path / "dir.db").database == tmp_path / "dir.db" / "cuelight.db"


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageBroken, match="cannot be used"):
        prepare(place(tmp_path / "file" / "data"))
