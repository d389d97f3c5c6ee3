"""The SQLite engine under bad luck: full disks, damaged files, killed processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from domain.errors import Conflict, Unavailable
from storage.contracts import StorageBroken, StorageFull, StorageUnavailable
from tests.storage.conftest import THINGS, OpenSQLite

BODY = "x" * 3000


async def test_a_full_disk_refuses_exactly_what_has_no_room_and_heals(sqlite: OpenSQLite) -> None:
    store = await sqlite(max_bytes=400_000)
    things = await store.collection(THINGS)
    small = await things.insert({"_id": "small"})
    results = await asyncio.gather(
        *[things.insert({"_id": f"{n}", "body": BODY}) for n in range(200)], return_exceptions=True
    )
    stored = [result for result in results if isinstance(result, dict)]
    refused = [result for result in results if isinstance(result, StorageFull)]
    assert len(stored) + len(refused) == 200
    assert len(stored) > 40
    assert len(refused) > 40
    assert isinstance(refused[0], Unavailable)
    assert refused[0].advice
    assert await things.count({}) == len(stored) + 1  # exactly those that were acknowledged

    # Reads go on, and so does what needs no room.
    assert await things.get("small") == small
    assert await things.change("small", lambda document: {**document, "n": 1}) is not None
    with pytest.raises(StorageFull):
        await store.probe()
    with pytest.raises(StorageFull):
        await things.change("small", lambda document: {**document, "body": BODY * 10})
    assert await things.get("small") == {"_id": "small", "n": 1, "rev": 2}

    for document in stored[:20]:
        assert await things.delete(document["_id"]) is True
    await store.probe()
    await things.insert({"_id": "room again", "body": BODY})


async def test_in_one_batch_only_the_operation_without_room_fails(sqlite: OpenSQLite) -> None:
    store = await sqlite(max_bytes=400_000)
    things = await store.collection(THINGS)
    results = await asyncio.gather(
        things.insert({"_id": "1"}),
        things.insert({"_id": "huge", "body": "x" * 1_000_000}),
        things.insert({"_id": "2"}),
        things.insert({"_id": "huge too", "body": "x" * 1_000_000}),
        things.change("3", lambda document: document, initial={}),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [dict, StorageFull, dict, StorageFull, dict]
    assert await things.count({}) == 3


async def test_a_store_that_is_full_opens(sqlite: OpenSQLite) -> None:
    store = await sqlite(max_bytes=200_000)
    things = await store.collection(THINGS)
    inserts = [things.insert({"_id": f"{number}", "body": BODY}) for number in range(100)]
    with pytest.raises(StorageFull):
        await asyncio.gather(*inserts)
    await store.close()
    store = await sqlite(max_bytes=200_000)
    assert await (await store.collection(THINGS)).count({}) > 10


async def test_no_room_to_make_the_database(sqlite: OpenSQLite) -> None:
    with pytest.raises(StorageFull):
        await sqlite(max_bytes=1)


async def test_a_file_that_is_no_database_is_broken_and_says_what_to_do(
    sqlite: OpenSQLite, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cuelight.db").write_bytes(os.urandom(20_000))
    with pytest.raises(StorageBroken) as caught:
        await sqlite()
    assert "backup" in caught.value.advice


async def test_a_damaged_file_is_found_at_opening(sqlite: OpenSQLite, tmp_path: Path) -> None:
    store = await sqlite()
    things = await store.collection(THINGS)
    await asyncio.gather(*[things.insert({"_id": f"{n}", "body": BODY}) for n in range(100)])
    await store.close()
    damage(tmp_path / "data" / "cuelight.db")
    with pytest.raises(StorageBroken) as caught:
        await sqlite()
    assert "damaged" in caught.value.message
    assert ".recover" in caught.value.advice


async def test_damage_in_a_file_too_large_to_check_is_found_when_it_is_read(
    sqlite: OpenSQLite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.sqlite.store.CHECKED_AT_OPENING_BYTES", 0)
    store = await sqlite()
    things = await store.collection(THINGS)
    await asyncio.gather(*[things.insert({"_id": f"{n}", "body": BODY}) for n in range(100)])
    await store.close()
    damage(tmp_path / "data" / "cuelight.db")
    store = await sqlite()
    things = await store.collection(THINGS)
    with pytest.raises(StorageBroken):
        await things.find({}, limit=1000)
    changes = [things.change(f"{number}", lambda document: {**document, "n": 1}) for number in range(100)]
    results = await asyncio.gather(*changes, return_exceptions=True)
    assert {type(result) for result in results} <= {dict, StorageBroken}
    assert StorageBroken in {type(result) for result in results}


def damage(path: Path) -> None:
    """Overwrite the middle of the file, as a failing disk does."""
    content = bytearray(path.read_bytes())
    start = 20 * 4096
    content[start : start + 40 * 4096] = b"\xa5" * (40 * 4096)
    path.write_bytes(content)


async def test_another_program_that_holds_the_file_makes_writes_unavailable(
    sqlite: OpenSQLite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.sqlite.store.BUSY_SECONDS", 0.01)
    store = await sqlite()
    things = await store.collection(THINGS)
    await things.insert({"_id": "x"})
    other = sqlite3.connect(tmp_path / "data" / "cuelight.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageUnavailable):
            await things.insert({"_id": "y"})
        assert await things.get("x") is not None
        other.execute("ROLLBACK")
        await things.insert({"_id": "y"})
    finally:
        other.close()


async def test_a_closed_store_leaves_one_plain_file(sqlite: OpenSQLite, tmp_path: Path) -> None:
    store = await sqlite()
    await (await store.collection(THINGS)).insert({"_id": "x"})
    await store.close()
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["cuelight.db", "cuelight.lock"]


async def test_commits_are_synced_and_logged_ahead(sqlite: OpenSQLite) -> None:
    store = await sqlite()

    def pragmas(connection: sqlite3.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "page_size")
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert await store._writer.run("test", pragmas, size=0) == ["wal", 2, 4096]


INSERTER = """
import asyncio, sys
from pathlib import Path
from daemon.clock import SystemClock
from storage.sqlite import open_sqlite
from tests.storage.conftest import THINGS

async def work(things, name):
    number = 0
    while True:
        number += 1
        await things.insert({"_id": f"{name}-{number}", "name": f"{name}-{number}", "body": "x" * 500})
        sys.stdout.write(f"{name}-{number}\\n")
        sys.stdout.flush()

async def main():
    store = await open_sqlite(Path(sys.argv[1]), clock=SystemClock())
    things = await store.collection(THINGS)
    await asyncio.gather(*[work(things, name) for name in range(8)])

asyncio.run(main())
"""


@pytest.mark.server
async def test_kill_9_loses_no_acknowledged_document(sqlite: OpenSQLite, tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    for turn, wanted in enumerate((50, 400, 1500)):
        directory = tmp_path / f"{turn}"
        process = subprocess.Popen(
            [sys.executable, "-c", INSERTER, str(directory)], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )  # fmt: skip
        assert process.stdout is not None
        with process.stdout as lines:
            acknowledged = {lines.readline().strip() for _ in range(wanted)}
            process.send_signal(signal.SIGKILL)
            # The last line may be torn; what was torn was not told.
            acknowledged |= {line.strip() for line in lines if line.endswith("\n")}
        assert process.wait(10) == -signal.SIGKILL
        store = await sqlite(directory)
        things = await store.collection(THINGS)
        stored = {id_ for id_ in acknowledged if await things.get(id_) is not None}
        assert stored == acknowledged
        assert await things.count({}) <= len(acknowledged) + 8
        await things.insert({"_id": "life goes on"})


async def test_a_cancelled_close_keeps_the_lock_and_can_be_called_again(sqlite: OpenSQLite) -> None:
    store = await sqlite(commit_delay_ms=50)
    things = await store.collection(THINGS)
    begun = asyncio.ensure_future(things.insert({"_id": "x"}))
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(store.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    with pytest.raises(Conflict):
        await sqlite()
    await store.close()
    assert (await begun)["rev"] == 1
    store = await sqlite()
    assert await (await store.collection(THINGS)).get("x") is not None


async def test_a_cancelled_opening_leaves_no_lock(sqlite: OpenSQLite) -> None:
    opening = asyncio.ensure_future(sqlite())
    await asyncio.sleep(0)
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    await sqlite()
