"""What every engine promises about a copy of everything."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from storage.contracts import Collection, Document, Schema, StorageUnavailable, Store
from tests.storage.conftest import THINGS, Engine

MANY = 300


async def everything(store: Store) -> list[tuple[str, Document]]:
    return [item async for item in store.export()]


async def test_an_empty_store_has_nothing(store: Store) -> None:
    assert await everything(store) == []
    await store.collection(THINGS)
    await store.probe()
    assert await everything(store) == []


async def test_every_document_once_as_it_is(store: Store, things: Collection, jobs: Collection) -> None:
    await things.insert({"_id": "a", "name": "anna", "deep": {"a.b": [1, 2.5, None, True], "$set": "x"}})
    await things.insert({"_id": "b"})
    await things.change("b", lambda document: {**document, "size": 2**62})
    await jobs.insert({"_id": "a", "due_at": 1, "kind": "k"})
    await jobs.claim(owner="me", now=5, lease_ms=10)
    found = await everything(store)
    assert sorted(found, key=lambda item: (item[0], item[1]["_id"])) == [
        (
            "jobs",
            {"_id": "a", "due_at": 1, "kind": "k", "lease_owner": "me", "lease_until": 15, "fence": 1, "rev": 2},
        ),
        ("things", {"_id": "a", "name": "anna", "deep": {"a.b": [1, 2.5, None, True], "$set": "x"}, "rev": 1}),
        ("things", {"_id": "b", "size": 2**62, "rev": 2}),
    ]  # fmt: skip


async def test_collections_that_nobody_opened_are_there(engine: Engine) -> None:
    store = await engine.open()
    await (await store.collection(THINGS)).insert({"_id": "x"})
    await (await store.collection(Schema(name="of_old"))).insert({"_id": "y"})
    await store.close()
    store = await engine.open()
    assert sorted(await everything(store), key=str) == [
        ("of_old", {"_id": "y", "rev": 1}),
        ("things", {"_id": "x", "rev": 1}),
    ]
    await store.close()


async def test_writers_are_not_held_up(store: Store, things: Collection) -> None:
    await asyncio.gather(*[things.insert({"_id": f"{n:04}", "body": "x" * 20_000}) for n in range(MANY)])
    seen: list[str] = []
    async with aclosing(store.export()) as export:
        async for _, document in export:
            if not seen:
                # A copy is under way, and the store goes on.
                await things.insert({"_id": "later"})
                await things.change("0000", lambda document: {**document, "n": 1})
            seen.append(document["_id"])
    assert len(seen) == len(set(seen))
    assert {f"{n:04}" for n in range(MANY)} <= set(seen)


async def test_one_may_stop_in_the_middle(store: Store, things: Collection) -> None:
    await asyncio.gather(*[things.insert({"_id": f"{n}"}) for n in range(20)])
    async with aclosing(store.export()) as export:
        await anext(export)
    await things.insert({"_id": "after"})
    assert len(await everything(store)) == 21


async def test_several_side_by_side(store: Store, things: Collection) -> None:
    await asyncio.gather(*[things.insert({"_id": f"{n}"}) for n in range(20)])
    one, other = await asyncio.gather(everything(store), everything(store))
    assert len(one) == len(other) == 20


async def test_a_store_that_closes_ends_it(engine: Engine) -> None:
    store = await engine.open()
    things = await store.collection(THINGS)
    await asyncio.gather(*[things.insert({"_id": f"{n:04}", "body": "x" * 50_000}) for n in range(MANY)])
    export = store.export()
    await anext(export)
    await store.close()
    with pytest.raises(StorageUnavailable):
        async for _ in export:
            pass
    with pytest.raises(StorageUnavailable):
        await everything(store)
    store = await engine.open()
    assert await (await store.collection(THINGS)).count({}) == MANY
    await store.close()
