"""Schemas change between releases; the tables follow at the next opening."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from domain.errors import Rejected
from storage.contracts import Duplicate, Range, Schema, StorageBroken
from tests.storage.conftest import OpenSQLite

OLD = Schema(name="t", fields={"a": str})


async def fill(sqlite: OpenSQLite, schema: Schema = OLD, count: int = 3) -> None:
    store = await sqlite()
    things = await store.collection(schema)
    await asyncio.gather(
        *[
            things.insert({"_id": f"{n}", "a": f"a{n}", "b": n, "c": n % 2 == 0, "d": "same", "e": "\0🎉"})
            for n in range(count)
        ]
    )
    await things.insert({"_id": "bare"})
    await store.close()


async def test_a_new_field_is_filled_from_the_documents(sqlite: OpenSQLite) -> None:
    await fill(sqlite, count=1200)
    things = await (await sqlite()).collection(
        Schema(name="t", fields={"a": str, "b": int, "c": bool, "e": str}, indexes=(("b",),))
    )
    assert await things.count({"b": Range(1000, None)}) == 200
    assert await things.tally("c", {}) == {True: 600, False: 600, None: 1}
    assert await things.tally("e", {}) == {"\0🎉": 1200, None: 1}
    assert (await things.find({"b": 7})).documents[0]["_id"] == "7"
    assert (await things.get("7") or {})["rev"] == 1


async def test_a_new_unique_key_holds_for_old_and_new(sqlite: OpenSQLite) -> None:
    await fill(sqlite)
    things = await (await sqlite()).collection(
        Schema(name="t", fields={"a": str, "b": int}, unique=(("a", "b"),))
    )
    with pytest.raises(Duplicate):
        await things.insert({"_id": "x", "a": "a1", "b": 1})


async def test_a_unique_key_that_old_documents_break_is_refused_and_nothing_changes(
    sqlite: OpenSQLite,
) -> None:
    await fill(sqlite)
    store = await sqlite()
    with pytest.raises(StorageBroken, match="share a key"):
        await store.collection(Schema(name="t", fields={"d": str}, unique=(("d",),)))
    assert await (await store.collection(OLD)).count({"a": "a1"}) == 1


async def test_old_documents_of_another_type_are_refused_by_name(sqlite: OpenSQLite) -> None:
    await fill(sqlite)
    store = await sqlite()
    with pytest.raises(StorageBroken, match="declared is int"):
        await store.collection(Schema(name="t", fields={"a": int}))
    assert await (await store.collection(OLD)).count({"a": "a1"}) == 1


async def test_a_collection_becomes_claimable(sqlite: OpenSQLite) -> None:
    store = await sqlite()
    await (await store.collection(OLD)).insert({"_id": "x", "due_at": 5})
    await store.close()
    things = await (await sqlite()).collection(Schema(name="t", fields={"a": str}, claimable=True))
    document = await things.claim(owner="me", now=5, lease_ms=1)
    assert document is not None
    assert document["fence"] == 1


async def test_a_field_that_was_not_declared_for_a_while_is_filled_anew(sqlite: OpenSQLite) -> None:
    both = Schema(name="t", fields={"a": str, "b": int}, unique=(("b",),))
    await fill(sqlite, both)
    store = await sqlite()
    things = await store.collection(OLD)
    await things.change("1", lambda document: {**document, "b": 2})  # the unique key is gone meanwhile
    await things.change("2", lambda document: {**document, "b": 50})
    await store.close()
    things = await (await sqlite()).collection(both)
    assert [document["_id"] for document in (await things.find({"b": 2})).documents] == ["1"]
    with pytest.raises(Duplicate):
        await things.insert({"_id": "x", "b": 50})


async def test_dropped_and_new_indexes(sqlite: OpenSQLite, tmp_path: Path) -> None:
    await fill(sqlite, Schema(name="t", fields={"a": str, "b": int}, indexes=(("a",), ("b", "a"))))
    store = await sqlite()
    await store.collection(Schema(name="t", fields={"a": str, "b": int}, indexes=(("a",), ("a", "b"))))
    await store.close()
    with sqlite3.connect(tmp_path / "data" / "cuelight.db") as connection:
        names = {
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE INDEX%'")
        }
    connection.close()
    assert names == {"index c_t(a)", "index c_t(a, b)"}


async def test_a_newer_format_is_refused(sqlite: OpenSQLite, tmp_path: Path) -> None:
    await fill(sqlite)
    with sqlite3.connect(tmp_path / "data" / "cuelight.db") as connection:
        connection.execute("UPDATE cuelight_meta SET value = '2' WHERE name = 'format'")
    connection.close()
    with pytest.raises(StorageBroken) as caught:
        await sqlite()
    assert "format 2" in caught.value.message
    assert "newer release" in caught.value.advice


async def test_searches_walk_an_index(sqlite: OpenSQLite) -> None:
    """The claim and the first sort key of a page never read the whole table."""
    store = await sqlite()
    schema = Schema(
        name="q", fields={"lane": str, "order": int}, indexes=(("lane", "order"),), claimable=True
    )
    things = await store.collection(schema)
    table = things._table
    (page, values), _ = table.find({"lane": "x"}, [("order", 1)], 10, None)

    def plan(connection: sqlite3.Connection) -> list[str]:
        queries = [table.claim({}, owner="me", now=1, lease_ms=1), (page, values)]
        return [
            str(connection.execute(f"EXPLAIN QUERY PLAN {sql}", given).fetchall()) for sql, given in queries
        ]

    claim, found = await store._writer.run("test", plan, size=0)
    assert "claim c_q" in claim
    assert "SCAN" not in claim
    assert "TEMP B-TREE" not in claim
    assert "index c_q(lane, order)" in found
    assert "TEMP B-TREE" not in found


async def test_the_same_search_with_other_values_finds_other_documents(sqlite: OpenSQLite) -> None:
    """The words of a search are put together once."""
    store = await sqlite()
    schema = Schema(name="q", fields={"lane": str, "order": int}, indexes=(("lane", "order"),))
    things = await store.collection(schema)
    for lane in ("x", "y", None):
        for order in range(3):
            await things.insert({"_id": f"{lane}{order}", "lane": lane, "order": order})

    async def ids(lane: str | None, direction: Literal[1, -1] = 1, limit: int = 2) -> list[str]:
        page = await things.find({"lane": lane}, sort=[("order", direction)], limit=limit)
        return [document["_id"] for document in page.documents]

    assert [await ids(lane) for lane in ("x", "y", "x", None, "y")] == [
        ["x0", "x1"], ["y0", "y1"], ["x0", "x1"], ["None0", "None1"], ["y0", "y1"],
    ]  # fmt: skip
    assert await ids("x", -1, 3) == ["x2", "x1", "x0"]
    assert await ids("x", 1, 1) == ["x0"]
    for _ in range(2):
        with pytest.raises(Rejected):
            await things.find({"lane": 5}, sort=[("order", 1)])
    with pytest.raises(Rejected):
        await things.find({"lane": "x"}, sort=[("order", 1)], limit=0)


async def test_a_new_version_is_found_by_its_new_fields(sqlite: OpenSQLite) -> None:
    """The columns are filled from the upgraded documents, while the documents stay as they lie."""
    old = Schema(name="people", fields={"town": str})
    new = replace(old, version=2, upgrades={1: lambda document: {**document, "town": document["city"]}})
    store = await sqlite()
    await (await store.collection(old)).insert({"_id": "x", "city": "Ulm"})
    await store.close()
    store = await sqlite()
    people = await store.collection(new)
    assert await people.count({"town": "Ulm"}) == 1
    assert [doc async for _, doc in store.export()] == [{"_id": "x", "city": "Ulm", "rev": 1}]
    await store.close()
    # The release before it takes the store back as long as nothing was written in the new shape.
    store = await sqlite()
    assert await (await store.collection(old)).count({"town": "Ulm"}) == 0
    await store.close()
    store = await sqlite()
    assert await (await store.collection(new)).count({"town": "Ulm"}) == 1
