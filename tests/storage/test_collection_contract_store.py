"""What every engine promises about the store as a whole: opening, closing, schemas, probe."""

from __future__ import annotations

import asyncio

import pytest

from storage.contracts import (
    Collection,
    Document,
    Duplicate,
    Schema,
    StorageBroken,
    StorageUnavailable,
    Store,
)
from tests.storage.conftest import THINGS, Engine


def grown(document: Document) -> Document:
    document["n"] = document.get("n", 0) + 1
    return document


async def test_everything_is_there_after_reopening(engine: Engine) -> None:
    store = await engine.open()
    things = await store.collection(THINGS)
    await things.insert({"_id": "x", "name": "anna"})
    await things.change("x", grown)
    await things.insert({"_id": "y"})
    await things.delete("y")
    await store.close()
    store = await engine.open()
    things = await store.collection(THINGS)
    assert await things.get("x") == {"_id": "x", "name": "anna", "n": 1, "rev": 2}
    assert await things.get("y") is None
    with pytest.raises(Duplicate):
        await things.insert({"_id": "z", "name": "anna"})
    await store.close()


async def test_close_finishes_what_was_begun(engine: Engine) -> None:
    store = await engine.open()
    things = await store.collection(THINGS)
    begun = [asyncio.ensure_future(things.insert({"_id": f"{n}"})) for n in range(200)]
    await asyncio.sleep(0)
    await store.close()
    assert all(document["rev"] == 1 for document in await asyncio.gather(*begun))
    store = await engine.open()
    assert await (await store.collection(THINGS)).count({}) == 200
    await store.close()


async def test_a_closed_store_is_unavailable(engine: Engine) -> None:
    store = await engine.open()
    things = await store.collection(THINGS)
    await asyncio.gather(store.close(), store.close())
    await store.close()
    for call in (
        things.insert({"_id": "x"}), things.get("x"), things.find({}), things.change("x", grown), things.delete("x"),
        things.count({}), things.tally("kind", {}), store.collection(THINGS), store.probe(), store.size_bytes(),
    ):  # fmt: skip
        with pytest.raises(StorageUnavailable):
            await call


async def test_the_same_schema_gives_the_same_collection(store: Store) -> None:
    first, second = await asyncio.gather(store.collection(THINGS), store.collection(THINGS))
    assert first is second
    assert first.schema == THINGS
    with pytest.raises(StorageBroken):
        await store.collection(Schema(name="things"))


async def test_collections_are_apart(store: Store) -> None:
    one, other = await store.collection(Schema(name="one")), await store.collection(Schema(name="other"))
    await one.insert({"_id": "x", "n": 1})
    await other.insert({"_id": "x", "n": 2})
    await one.delete("x")
    assert await other.get("x") == {"_id": "x", "n": 2, "rev": 1}


@pytest.mark.parametrize(
    "schema",
    [
        Schema(name="no good"),
        Schema(name="t", fields={"a-b": str}),
        Schema(name="t", fields={"rev": int}),
        Schema(name="t", fields={"_id": str}),
        Schema(name="t", fields={"a": float}),
        Schema(name="t", fields={"a": str, "A": str}),
        Schema(name="t", unique=(("a",),)),
        Schema(name="t", fields={"a": str}, indexes=(("a", "b"),)),
        Schema(name="t", fields={"a": str}, indexes=((),)),
    ],
    ids=repr,
)
async def test_a_schema_that_contradicts_itself_is_broken(store: Store, schema: Schema) -> None:
    with pytest.raises(StorageBroken):
        await store.collection(schema)


async def test_probe_and_size(store: Store, things: Collection) -> None:
    await store.probe()
    before = await store.size_bytes()
    await things.insert({"_id": "x", "body": "x" * 1_000_000})
    assert await store.size_bytes() >= before + 900_000
