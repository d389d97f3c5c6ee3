"""A store in a file and back: the same documents, in any engine, or a sentence that says why not."""

from __future__ import annotations

import asyncio
import io
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.errors import CuelightError, Rejected
from storage.backup import Backup, BackupWriter, Contents, Header
from storage.contracts import Document, Schema, StorageBroken, StorageFull, Store
from storage.restore import check, refuse_unless_empty, restore
from tests.storage.conftest import JOBS, THINGS, Engine, OpenSQLite

SCHEMAS = {schema.name: schema for schema in (THINGS, JOBS)}
PASSING = frozenset({"beats"})
BEATS = Schema(name="beats")
HEADER = Header("0.1.0", 5, "test")


async def told(done: int) -> None:
    """Nobody looks."""


async def backed_up(store: Store) -> tuple[bytes, Contents]:
    backup = Backup(store, HEADER, passing=PASSING)
    content = b""
    async with aclosing(backup.blocks()) as blocks:
        async for block in blocks:
            content += block
    assert backup.contents is not None
    assert backup.documents == sum(backup.contents.counts.values())
    return content, backup.contents


def made_of(*items: tuple[str, Document]) -> bytes:
    writer = BackupWriter(HEADER)
    for collection, document in items:
        writer.add(collection, document)
    return writer.finish()[0]


async def everything(store: Store) -> dict[tuple[str, str], Document]:
    return {(name, doc["_id"]): {**doc, "rev": 0} async for name, doc in store.export()}


async def test_what_was_there_is_there_again(store: Store, sqlite: OpenSQLite, tmp_path: Path) -> None:
    things, jobs, beats = [await store.collection(schema) for schema in (THINGS, JOBS, BEATS)]
    await asyncio.gather(
        *[
            things.insert({"_id": f"{n:03}", "name": f"n{n}", "deep": {"$a.b": [n, 0.5, None]}})
            for n in range(300)
        ]
    )
    await things.change("000", lambda document: {**document, "size": 2**62})
    await jobs.insert({"_id": "j", "due_at": 1, "kind": "k"})
    await jobs.claim(owner="me", now=5, lease_ms=10)
    await beats.insert({"_id": "now"})
    before = await everything(store)
    content, contents = await backed_up(store)
    assert contents.counts == {"jobs": 1, "things": 300}

    assert check(io.BytesIO(content), SCHEMAS) == contents
    other = await sqlite(tmp_path / "other")
    await (await other.collection(BEATS)).insert({"_id": "another"})
    await refuse_unless_empty(other, passing=PASSING)
    result = await restore(io.BytesIO(content), other, SCHEMAS, passing=PASSING, told=told)
    assert result.counts == contents.counts
    assert not result.left_out
    after = await everything(other)
    assert after.pop(("beats", "another"))
    assert after == {key: document for key, document in before.items() if key[0] != "beats"}
    # What the engine keeps for searching is there as well.
    things = await other.collection(THINGS)
    assert (await things.find({"name": "n7"})).documents[0]["_id"] == "007"
    claimed = await (await other.collection(JOBS)).claim(owner="you", now=15, lease_ms=10)
    assert claimed is not None
    assert claimed["fence"] == 2


async def test_into_any_engine(store: Store) -> None:
    content = made_of(("things", {"_id": "x", "rev": 9, "name": "anna"}), ("beats", {"_id": "old"}))
    result = await restore(
        io.BytesIO(content), store, {**SCHEMAS, "beats": BEATS}, passing=PASSING, told=told
    )
    assert dict(result.counts) == {"things": 1}
    assert await (await store.collection(THINGS)).get("x") == {"_id": "x", "name": "anna", "rev": 1}
    with pytest.raises(Rejected) as caught:
        await refuse_unless_empty(store, passing=PASSING)
    assert caught.value.code == "restore.not_empty"
    assert "things" in caught.value.message


async def test_older_documents_are_upgraded_on_the_way(store: Store) -> None:
    newer = replace(THINGS, version=2, upgrades={1: lambda document: {**document, "kind": "upgraded"}})
    content = made_of(
        ("things", {"_id": "x", "rev": 1}), ("things", {"_id": "y", "rev": 1, "_v": 2, "kind": "new"})
    )
    check(io.BytesIO(content), {"things": newer})
    await restore(io.BytesIO(content), store, {"things": newer}, passing=PASSING, told=told)
    assert await everything(store) == {
        ("things", "x"): {"_id": "x", "kind": "upgraded", "_v": 2, "rev": 0},
        ("things", "y"): {"_id": "y", "kind": "new", "_v": 2, "rev": 0},
    }


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (("unknown", {"_id": "x"}), "backup.collection"),
        (("things", {"_id": "x", "_v": 2}), "storage.version"),
        (("things", {"_id": "x", "size": "large"}), "storage.document"),
        (("things", {"size": 1}), "storage.document"),
    ],
)
def test_content_that_does_not_fit_is_refused_before_anything_is_written(
    item: tuple[str, Any], code: str
) -> None:
    with pytest.raises(CuelightError) as caught:
        check(io.BytesIO(made_of(("things", {"_id": "good"}), item)), SCHEMAS)
    assert caught.value.code == code


def test_a_later_version_is_for_a_later_release() -> None:
    with pytest.raises(StorageBroken) as caught:
        check(io.BytesIO(made_of(("things", {"_id": "x", "_v": 3}))), SCHEMAS)
    assert "newer release" in caught.value.advice


async def test_the_second_with_a_unique_key_is_left_out_and_told(store: Store) -> None:
    """A copy of MongoDB goes on for a while: a session may end and the next begin in between."""
    content = made_of(
        ("things", {"_id": "a", "name": "anna"}),
        *[("things", {"_id": f"{n}"}) for n in range(100)],
        ("things", {"_id": "b", "name": "anna"}),
    )
    result = await restore(io.BytesIO(content), store, SCHEMAS, passing=PASSING, told=told)
    assert result.left_out == [("things", "b")]
    assert result.counts["things"] == 101


async def test_progress_and_a_full_disk(sqlite: OpenSQLite, tmp_path: Path) -> None:
    content = made_of(*[("things", {"_id": f"{n}", "body": "x" * 3000}) for n in range(300)])
    heard: list[int] = []

    async def hear(done: int) -> None:
        heard.append(done)

    good = await sqlite(tmp_path / "good")
    await restore(io.BytesIO(content), good, SCHEMAS, passing=PASSING, told=hear)
    assert heard == sorted(heard)
    assert heard[-1] == 300
    small = await sqlite(tmp_path / "small", max_bytes=300_000)
    with pytest.raises(StorageFull):
        await restore(io.BytesIO(content), small, SCHEMAS, passing=PASSING, told=told)


async def test_a_backup_while_others_write_is_whole(engine: Engine) -> None:
    store = await engine.open()
    things = await store.collection(THINGS)
    await asyncio.gather(*[things.insert({"_id": f"{n:04}", "body": "x" * 5000}) for n in range(400)])
    stop = asyncio.Event()

    async def write(task: int) -> int:
        count = 0
        while not stop.is_set():
            await things.insert({"_id": f"later {task} {count}", "body": "y" * 500})
            count += 1
        return count

    writers = [asyncio.ensure_future(write(task)) for task in range(4)]
    content, _ = await backed_up(store)
    stop.set()
    assert all(await asyncio.gather(*writers))
    assert check(io.BytesIO(content), SCHEMAS).counts["things"] >= 400
    await store.close()
