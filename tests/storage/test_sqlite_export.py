"""The copy of SQLite is of one moment, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing
from pathlib import Path

import pytest

from storage.contracts import StorageBroken
from tests.storage.conftest import JOBS, THINGS, OpenSQLite


async def test_it_is_of_one_moment(sqlite: OpenSQLite) -> None:
    """Two documents that always hold the same number: a copy in which they differ is of no moment at all."""
    store = await sqlite()
    jobs, things = await store.collection(JOBS), await store.collection(THINGS)
    for number in range(100):
        await jobs.insert({"_id": f"{number}", "body": "x" * 30_000})
    await things.insert({"_id": "last", "n": 0})
    async with aclosing(store.export()) as export:
        await anext(export)
        await things.change("last", lambda document: {**document, "n": 1})
        await things.insert({"_id": "new"})
        await jobs.delete("99")
        found = [(name, document["_id"], document.get("n")) async for name, document in export]
    assert ("things", "last", 0) in found
    assert ("things", "new", None) not in found
    assert ("jobs", "99", None) in found
    assert await things.get("last") == {"_id": "last", "n": 1, "rev": 2}


async def test_a_batch_is_bounded(sqlite: OpenSQLite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.sqlite.export.BATCH_BYTES", 1000)
    store = await sqlite()
    things = await store.collection(THINGS)
    await asyncio.gather(*[things.insert({"_id": f"{n}", "body": "x" * 400}) for n in range(50)])
    assert len([item async for item in store.export()]) == 50


async def test_the_files_and_threads_are_gone_after_the_close(sqlite: OpenSQLite, tmp_path: Path) -> None:
    store = await sqlite()
    things = await store.collection(THINGS)
    await asyncio.gather(*[things.insert({"_id": f"{n}", "body": "x" * 30_000}) for n in range(100)])
    export = store.export()
    await anext(export)
    await store.close()
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["cuelight.db", "cuelight.lock"]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("storage-")]
    await export.aclose()


async def test_a_damaged_table_is_told(sqlite: OpenSQLite) -> None:
    store = await sqlite()
    await store.collection(THINGS)
    await store._writer.run(
        "test",
        lambda connection: connection.execute("INSERT INTO c_things (_id, rev, doc) VALUES ('x', 1, '{')"),
        size=0,
    )
    with pytest.raises(StorageBroken):
        [item async for item in store.export()]
