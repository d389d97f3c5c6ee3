"""What every engine promises about documents that an earlier or a later release wrote."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storage.contracts import Collection, Document, Range, Schema, StorageBroken, Store
from tests.storage.conftest import Engine
from tests.storage.reopening import open_for_migration

FIRST = Schema(name="people", fields={"town": str, "born": int}, indexes=(("town",),))
FIRST_JOBS = Schema(name="errands", fields={"kind": str}, claimable=True)


def with_town(document: Document) -> Document:
    document["town"] = document.pop("city", "")
    return document


def with_born(document: Document) -> Document:
    return {**document, "born": document["year"] * 10}


SECOND = replace(FIRST, version=2, upgrades={1: with_town})
THIRD = replace(FIRST, version=3, upgrades={1: with_town, 2: with_born})
SECOND_JOBS = replace(FIRST_JOBS, version=2, upgrades={1: lambda document: {**document, "kind": "new"}})


async def reopened(engine: Engine, store: Store, schema: Schema) -> tuple[Store, Collection]:
    """As a new release finds it: the store opened again with another schema, its indexes brought up to date."""
    await store.close()
    opened = await open_for_migration(engine)
    return opened, await opened.collection(schema)


async def stored(store: Store, id_: str) -> Document:
    """A document as it lies in the store."""
    return {doc["_id"]: doc async for _, doc in store.export()}[id_]


async def test_a_version_never_shows(store: Store) -> None:
    people = await store.collection(SECOND)
    assert await people.insert({"_id": "x", "_v": 77}) == {"_id": "x", "rev": 1}
    assert await people.change("x", lambda document: {**document, "_v": 5}) == {"_id": "x", "rev": 2}
    assert await people.get("x") == {"_id": "x", "rev": 2}
    assert (await people.find({})).documents == [{"_id": "x", "rev": 2}]
    assert (await stored(store, "x"))["_v"] == 2


async def test_the_first_version_is_not_written_down(store: Store) -> None:
    people = await store.collection(FIRST)
    await people.insert({"_id": "x", "_v": 3})
    assert await stored(store, "x") == {"_id": "x", "rev": 1}


async def test_an_older_document_is_upgraded_as_it_is_read_and_kept_when_it_is_written(
    engine: Engine,
) -> None:
    store = await engine.open()
    people = await store.collection(FIRST)
    await people.insert({"_id": "x", "city": "Ulm", "year": 198})
    store, people = await reopened(engine, store, THIRD)
    new = {"_id": "x", "town": "Ulm", "year": 198, "born": 1980}
    assert await people.get("x") == {**new, "rev": 1}
    assert (await people.find({})).documents == [{**new, "rev": 1}]
    assert await stored(store, "x") == {"_id": "x", "city": "Ulm", "year": 198, "rev": 1}
    seen: list[Document] = []

    def grow(document: Document) -> Document:
        seen.append(dict(document))
        return {**document, "age": 40}

    assert await people.change("x", grow) == {**new, "age": 40, "rev": 2}
    assert seen == [{**new, "rev": 1}]
    assert await stored(store, "x") == {**new, "age": 40, "rev": 2, "_v": 3}
    assert await people.get("x") == {**new, "age": 40, "rev": 2}
    await store.close()


async def test_an_upgrade_begins_where_the_document_is(engine: Engine) -> None:
    store = await engine.open()
    people = await store.collection(SECOND)
    await people.insert({"_id": "x", "town": "Ulm", "year": 198})
    store, people = await reopened(engine, store, THIRD)
    assert await people.get("x") == {"_id": "x", "town": "Ulm", "year": 198, "born": 1980, "rev": 1}
    await store.close()


async def test_a_claim_upgrades(engine: Engine) -> None:
    store = await engine.open()
    errands = await store.collection(FIRST_JOBS)
    await errands.insert({"_id": "x", "kind": "old", "due_at": 5})
    store, errands = await reopened(engine, store, SECOND_JOBS)
    claimed = await errands.claim(owner="me", now=10, lease_ms=5)
    assert claimed is not None
    assert (claimed["kind"], claimed["lease_owner"], claimed["fence"]) == ("new", "me", 1)
    assert "_v" not in claimed
    released = await errands.change("x", lambda document: {**document, "lease_until": None})
    assert released is not None
    assert (await stored(store, "x"))["kind"] == "new"
    await store.close()


async def test_a_later_document_is_broken_and_left_alone(engine: Engine) -> None:
    store = await engine.open()
    people = await store.collection(THIRD)
    await people.insert({"_id": "x", "town": "Ulm", "born": 1980})
    await store.close()
    store = await engine.open()
    with pytest.raises(StorageBroken) as caught:
        # An engine may find out at the opening, or when it reads.
        await (await store.collection(SECOND)).change("x", lambda document: {**document, "spoilt": True})
    assert "newer release" in caught.value.advice
    await store.close()
    store = await engine.open()
    assert await (await store.collection(THIRD)).get("x") == {
        "_id": "x",
        "town": "Ulm",
        "born": 1980,
        "rev": 1,
    }
    await store.close()


async def test_what_an_upgrade_cannot_read_is_broken(engine: Engine) -> None:
    store = await engine.open()
    people = await store.collection(FIRST)
    await people.insert({"_id": "good", "city": "Ulm", "year": 198})
    await people.insert({"_id": "x", "city": "Ulm"})
    await store.close()
    store = await open_for_migration(engine)
    with pytest.raises(StorageBroken) as caught:
        await (await store.collection(THIRD)).get("x")
    assert caught.value.code == "storage.upgrade"
    assert "Ulm" not in str(caught.value)
    await store.close()


@pytest.mark.parametrize(
    "schema",
    [
        replace(FIRST, version=0),
        replace(FIRST, version=2),
        replace(FIRST, upgrades={1: with_town}),
        replace(FIRST, version=3, upgrades={1: with_town}),
        Schema(name="people", fields={"_v": int}),
    ],
    ids=["none", "no way to two", "a way to more", "a way that ends", "its own field"],
)
async def test_versions_without_their_upgrades_are_broken(store: Store, schema: Schema) -> None:
    with pytest.raises(StorageBroken):
        await store.collection(schema)


async def test_a_delete_may_name_the_revision(store: Store) -> None:
    people = await store.collection(FIRST)
    await people.insert({"_id": "x"})
    await people.change("x", lambda document: {**document, "born": 1})
    assert await people.delete("x", rev=1) is False
    assert await people.count({"born": Range(1, None)}) == 1
    assert await people.delete("x", rev=2) is True
    assert await people.delete("x", rev=2) is False
    assert await people.delete("never", rev=1) is False
