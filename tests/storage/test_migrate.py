"""Documents of earlier versions are written in the new shape, once, whatever happens in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from storage.contracts import Document, Schema, StorageBroken, Store
from storage.migrate import Migrated, migrate
from tests.storage.conftest import Engine
from tests.storage.reopening import open_for_migration

OLD = Schema(name="people", fields={"town": str})
NEW = replace(OLD, version=2, upgrades={1: lambda document: {**document, "town": document["city"]}})
OTHER = Schema(name="other")
SCHEMAS = {"people": NEW, "other": OTHER}
MANY = 120


async def old_store(engine: Engine) -> Store:
    store = await engine.open()
    people, other = await store.collection(OLD), await store.collection(OTHER)
    await asyncio.gather(*[people.insert({"_id": f"{n:03}", "city": "Ulm"}) for n in range(MANY)])
    await other.insert({"_id": "x"})
    await (await store.collection(Schema(name="forgotten"))).insert({"_id": "x"})
    await store.close()
    return await open_for_migration(engine)


async def versions(store: Store) -> list[int]:
    return [doc.get("_v", 1) async for name, doc in store.export() if name == "people"]


def told(older: int, written: int) -> list[Migrated]:
    return [
        Migrated("forgotten", 0, 1, 0, 0),
        Migrated("other", 1, 1, 0, 0),
        Migrated("people", 2, MANY, older, written),
    ]


async def test_all_are_written_anew_and_then_there_is_nothing_to_do(engine: Engine) -> None:
    store = await old_store(engine)
    assert await migrate(store, SCHEMAS, dry_run=True) == told(MANY, 0)
    assert await versions(store) == [1] * MANY
    assert await migrate(store, SCHEMAS, dry_run=False) == told(MANY, MANY)
    assert await versions(store) == [2] * MANY
    assert await migrate(store, SCHEMAS, dry_run=False) == told(0, 0)
    people = await store.collection(NEW)
    assert await people.count({"town": "Ulm"}) == MANY
    await store.close()


async def test_what_others_wrote_meanwhile_is_kept(engine: Engine) -> None:
    store = await old_store(engine)
    people = await store.collection(NEW)

    def mark(document: Document) -> Document:
        return {**document, "marks": document.get("marks", 0) + 1}

    both = await asyncio.gather(
        migrate(store, SCHEMAS, dry_run=False), *[people.change(f"{n:03}", mark) for n in range(MANY)]
    )
    assert both[0][2].documents == MANY
    assert await versions(store) == [2] * MANY
    assert {document["marks"] for document in (await people.find({}, limit=1000)).documents} == {1}
    await store.close()


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_document_of_a_later_release_stops_it(engine: Engine, dry_run: bool) -> None:
    store = await engine.open()
    later = replace(NEW, version=3, upgrades={1: NEW.upgrades[1], 2: lambda document: document})
    await (await store.collection(later)).insert({"_id": "x"})
    await store.close()
    store = await open_for_migration(engine)
    with pytest.raises(StorageBroken):
        await migrate(store, SCHEMAS, dry_run=dry_run)
    await store.close()
