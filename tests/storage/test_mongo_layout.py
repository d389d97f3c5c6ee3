"""Indexes and descriptions: made once, compared at each start, changed by a migration only."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from daemon.clock import SystemClock
from domain.errors import Rejected
from storage.contracts import Duplicate, Schema, StorageBroken
from storage.mongo import MongoOptions, MongoStore, open_mongo
from tests.servers.mongo import shared_mongo
from tests.storage.conftest import forget_database

pytestmark = pytest.mark.server

FIRST = Schema(
    name="people", fields={"name": str, "town": str, "born": int}, unique=(("name",),), indexes=(("town",),)
)
Open = Callable[..., Awaitable[MongoStore]]


@pytest.fixture
async def url() -> AsyncIterator[str]:
    found = shared_mongo(f"test-{secrets.token_hex(6)}")
    yield found
    forget_database(found)


@pytest.fixture
async def open_it(url: str) -> AsyncIterator[Open]:
    opened: list[MongoStore] = []

    async def open_store(**options: Any) -> MongoStore:
        opened.append(await open_mongo(url, clock=SystemClock(), **options))
        return opened[-1]

    yield open_store
    for store in opened:
        await store.close()


@pytest.fixture
async def raw(url: str) -> AsyncIterator[Any]:
    """The database, past the engine."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url)
    yield client.get_default_database()
    await client.close()


async def indexes(raw: Any) -> dict[str, Any]:
    found = await raw["people"].index_information()
    return {name: index["key"] for name, index in found.items() if name != "_id_"}


async def test_a_new_collection_gets_its_indexes(open_it: Open, raw: Any) -> None:
    store = await open_it()
    await store.collection(replace(FIRST, unique=(("name",), ("town", "born")), claimable=True))
    assert await indexes(raw) == {
        "unique name": [("u.name", 1)],
        "unique town+born": [("u.town+born", 1)],
        "index town": [("d.town", 1), ("_id", 1)],
        "claim": [("d.due_at", 1), ("_id", 1)],
    }
    found = await raw["people"].index_information()
    assert {name for name, index in found.items() if index.get("unique")} >= {
        "unique name",
        "unique town+born",
    }


async def test_processes_that_open_a_new_database_at_once_all_succeed(open_it: Open) -> None:
    stores = [await open_it(options=MongoOptions(driver=driver)) for driver in ("motor", "pymongo") * 2]
    schemas = [replace(FIRST, name=f"people_{n}") for n in range(8)]
    collections = await asyncio.gather(*[store.collection(schema) for schema in schemas for store in stores])
    results = await asyncio.gather(
        *[people.insert({"_id": secrets.token_hex(4), "name": "anna"}) for people in collections],
        return_exceptions=True,
    )
    assert sum(isinstance(result, dict) for result in results) == len(schemas)
    assert sum(isinstance(result, Duplicate) for result in results) == len(schemas) * 3


async def test_one_that_was_killed_between_indexes_and_description_is_no_obstacle(
    open_it: Open, raw: Any
) -> None:
    people = await (await open_it()).collection(FIRST)
    await people.insert({"_id": "x", "name": "anna"})
    await raw["_cuelight"].delete_many({})
    people = await (await open_it()).collection(FIRST)
    assert await people.get("x") == {"_id": "x", "name": "anna", "rev": 1}


@pytest.mark.parametrize(
    "later",
    [
        replace(FIRST, indexes=(("town",), ("born",))),
        replace(FIRST, unique=(("name",), ("born",))),
        replace(FIRST, unique=()),
        replace(FIRST, claimable=True),
        replace(FIRST, version=2, upgrades={1: lambda document: document}),
    ],
    ids=["an index", "a unique key", "no unique key", "claimable", "a version"],
)
async def test_what_has_changed_waits_for_a_migration(open_it: Open, raw: Any, later: Schema) -> None:
    await (await open_it()).collection(FIRST)
    before = await indexes(raw)
    with pytest.raises(Rejected) as caught:
        await (await open_it()).collection(later)
    assert caught.value.code == "storage.migrate"
    assert "cuelight migrate" in caught.value.advice
    assert await indexes(raw) == before
    await (await open_it(migrate=True)).collection(later)
    await (await open_it()).collection(later)


async def test_a_migration_drops_what_is_no_longer_declared(open_it: Open, raw: Any) -> None:
    await (await open_it()).collection(FIRST)
    await (await open_it(migrate=True)).collection(
        replace(FIRST, unique=(("born",),), indexes=(("town", "born"),))
    )
    assert set(await indexes(raw)) == {"unique born", "index town+born"}


async def test_an_older_release_still_starts_where_a_newer_one_only_added_an_index(
    open_it: Open, raw: Any
) -> None:
    await (await open_it()).collection(replace(FIRST, indexes=(("town",), ("born",))))
    people = await (await open_it()).collection(FIRST)
    await people.insert({"_id": "x"})
    assert "index born" in await indexes(raw)


async def test_a_later_version_is_left_alone(open_it: Open) -> None:
    await (await open_it()).collection(replace(FIRST, version=2, upgrades={1: lambda document: document}))
    for migrate in (False, True):
        with pytest.raises(StorageBroken) as caught:
            await (await open_it(migrate=migrate)).collection(FIRST)
        assert "newer release" in caught.value.advice


async def test_a_new_unique_key_holds_for_the_old_documents(open_it: Open) -> None:
    store = await open_it()
    people = await store.collection(replace(FIRST, unique=()))
    for number in range(250):  # some pages
        await people.insert({"_id": f"{number}", "name": f"{number}"})
    await people.insert({"_id": "without"})
    await store.close()
    people = await (await open_it(migrate=True)).collection(FIRST)
    for name in ("0", "120", "249"):
        with pytest.raises(Duplicate) as caught:
            await people.insert({"_id": "new", "name": name})
        assert caught.value.key == ("name",)
    changed = await people.change("7", lambda document: {**document, "name": "free"})
    assert changed == {"_id": "7", "name": "free", "rev": 2}, "a migration is no change"
    await people.insert({"_id": "new", "name": "7"})


async def test_a_unique_key_that_was_dropped_and_declared_again_trusts_no_old_text(open_it: Open) -> None:
    people = await (await open_it()).collection(FIRST)
    await people.insert({"_id": "x", "name": "anna"})
    people = await (await open_it(migrate=True)).collection(replace(FIRST, unique=()))
    await people.change("x", lambda document: {**document, "name": "ben"})
    people = await (await open_it(migrate=True)).collection(FIRST)
    await people.insert({"_id": "y", "name": "anna"})
    with pytest.raises(Duplicate):
        await people.insert({"_id": "z", "name": "ben"})


async def test_doubles_are_told_and_nothing_is_lost(open_it: Open) -> None:
    people = await (await open_it()).collection(replace(FIRST, unique=()))
    for id_ in ("x", "y"):
        await people.insert({"_id": id_, "name": "anna"})
    with pytest.raises(StorageBroken, match="name") as caught:
        await (await open_it(migrate=True)).collection(FIRST)
    assert "anna" not in str(caught.value)
    people = await (await open_it(migrate=True)).collection(replace(FIRST, unique=()))
    assert await people.count({"name": "anna"}) == 2


async def test_old_documents_that_do_not_fit_a_new_key_are_told(open_it: Open) -> None:
    people = await (await open_it()).collection(Schema(name="people"))
    await people.insert({"_id": "x", "born": "in spring"})
    with pytest.raises(StorageBroken, match="born"):
        await (await open_it(migrate=True)).collection(replace(FIRST, unique=(("born",),)))


async def test_two_migrations_at_once_both_succeed(open_it: Open) -> None:
    people = await (await open_it()).collection(replace(FIRST, unique=()))
    for number in range(30):
        await people.insert({"_id": f"{number}", "name": f"{number}"})
    stores = [await open_it(migrate=True) for _ in range(3)]
    for people in await asyncio.gather(*[store.collection(FIRST) for store in stores]):
        with pytest.raises(Duplicate):
            await people.insert({"_id": "new", "name": "3"})


async def test_a_collection_of_somebody_else_is_not_touched(open_it: Open, raw: Any) -> None:
    await raw["people"].insert_one({"name": "not ours"})
    with pytest.raises(StorageBroken) as caught:
        await (await open_it(migrate=True)).collection(FIRST)
    assert "database of its own" in caught.value.advice
    assert await indexes(raw) == {}


@pytest.mark.parametrize("name", ["_cuelight", "_cuelight_probe"])
async def test_names_of_the_engine_are_taken(open_it: Open, name: str) -> None:
    with pytest.raises(StorageBroken):
        await (await open_it()).collection(Schema(name=name))
