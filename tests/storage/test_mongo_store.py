"""The engine as a whole: how it opens, what it asks of the server, what the contract suite cannot see."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from daemon.clock import SystemClock
from domain.errors import Rejected
from storage.contracts import Schema, StorageBroken, StorageUnavailable
from storage.mongo import MongoOptions, open_mongo
from storage.mongo.driver import DRIVERS
from storage.mongo.store import database_in
from tests.servers.mongo import shared_mongo, start_mongo
from tests.storage.conftest import JOBS, THINGS, MongoEngine, RecordedMetrics, forget_database, forget_sockets
from tests.storage.mongo_proxy import Cut, Proxy

SECRET = "hunter2"


@pytest.fixture
async def url() -> AsyncIterator[str]:
    found = shared_mongo(f"test-{secrets.token_hex(6)}")
    yield found
    forget_database(found)


class Overheard(CommandListener):
    """What the driver asks of the server."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.commands.append((event.command_name, event.command))

    def succeeded(self, event: CommandSucceededEvent) -> None: ...

    def failed(self, event: CommandFailedEvent) -> None: ...


WRITES = {"insert", "update", "delete", "findAndModify", "createIndexes"}


@pytest.mark.server
@pytest.mark.parametrize("driver", sorted(DRIVERS))
async def test_every_write_asks_for_the_majority_and_the_journal(url: str, driver: str) -> None:
    """The stand-in ignores it, so what counts is what it was asked."""
    heard = Overheard()
    # What a URL says against it does not count.
    store = await open_mongo(
        f"{url}?w=0&journal=false&readPreference=secondary",
        clock=SystemClock(),
        options=MongoOptions(driver=driver, listeners=[heard]),
    )
    things, jobs = await store.collection(THINGS), await store.collection(JOBS)
    await things.insert({"_id": "x", "name": "anna"})
    await things.change("x", lambda document: {**document, "n": 1})
    await things.change("y", lambda document: document, initial={})
    await jobs.insert({"_id": "x", "due_at": 0})
    await jobs.claim(owner="me", now=1, lease_ms=1)
    await things.delete("x")
    await store.probe()
    await things.find({}), await things.count({}), await things.tally("kind", {})
    await store.close()
    written = [(name, dict(command)) for name, command in heard.commands if name in WRITES]
    assert {name for name, _ in written} == WRITES
    for name, command in written:
        assert command["writeConcern"] == {"w": "majority", "j": True, "wtimeout": 5000}, name
    for name, command in heard.commands:
        assert command.get("$readPreference", {"mode": "primary"}) == {"mode": "primary"}, name


@pytest.mark.server
async def test_operations_and_their_times_are_measured(url: str, metrics: RecordedMetrics) -> None:
    store = await open_mongo(url, clock=SystemClock(), metrics=metrics)
    things = await store.collection(THINGS)
    await things.insert({"_id": "x"})
    await things.get("x")
    await store.close()
    assert metrics.counts["storage_operations_total", "insert"] == 1
    assert metrics.counts["storage_operations_total", "get"] == 1
    assert len(metrics.observed["storage_commit_seconds"]) == 1


@pytest.mark.server
async def test_a_document_too_large_for_bson_is_rejected(url: str) -> None:
    """Small numbers take two bytes of JSON and up to twelve of BSON."""
    store = await open_mongo(url, clock=SystemClock())
    things = await store.collection(THINGS)
    await things.insert({"_id": "x"})
    large = {"list": [1] * 2_000_000}
    with pytest.raises(Rejected) as caught:
        await things.insert({"_id": "y", **large})
    assert caught.value.code == "storage.document"
    with pytest.raises(Rejected):
        await things.change("x", lambda document: {**document, **large})
    assert await things.get("x") == {"_id": "x", "rev": 1}
    await store.close()


@pytest.mark.server
async def test_reads_and_changes_of_what_is_not_ours_are_broken(url: str) -> None:
    store = await open_mongo(url, clock=SystemClock())
    things = await store.collection(THINGS)
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url)
    await client.get_default_database()["things"].insert_one({"_id": "x", "name": SECRET})
    await client.close()
    for call in (things.get("x"), things.find({}), things.change("x", lambda document: document)):
        with pytest.raises(StorageBroken) as caught:
            await call
        assert SECRET not in str(caught.value)
    await store.close()


@pytest.mark.server
async def test_the_size_is_nothing_where_the_server_does_not_tell(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await open_mongo(url, clock=SystemClock())
    asking = store._driver.command
    # The real server's own answer to a command that it does not know.
    monkeypatch.setattr(store._driver, "command", lambda _: asking("noSuchCommandHere"))
    assert await store.size_bytes() == 0
    await store.close()


@pytest.mark.server
async def test_export_goes_by_pages_and_shows_the_stored_shape(url: str) -> None:
    store = await open_mongo(url, clock=SystemClock())
    jobs = await store.collection(Schema(name="jobs", claimable=True))
    await asyncio.gather(*[jobs.insert({"_id": f"{n:03}", "$n": n, "fence": None}) for n in range(230)])
    await store.close()
    store = await open_mongo(url, clock=SystemClock())  # nothing is opened in it
    async with aclosing(store.export()) as exported:
        found = [item async for item in exported]
    assert found == [("jobs", {"_id": f"{n:03}", "$n": n, "fence": None, "rev": 1}) for n in range(230)]
    await store.close()


@pytest.mark.server
async def test_closing_waits_for_a_write_that_is_being_settled(url: str) -> None:
    async with Proxy(url) as proxy:
        store = await open_mongo(proxy.url, clock=SystemClock())
        things = await store.collection(THINGS)
        proxy.cut = Cut("insert")
        inserting = asyncio.ensure_future(things.insert({"_id": "x"}))
        await asyncio.sleep(0)
        await store.close()
        assert (await inserting)["rev"] == 1


@pytest.mark.server
@pytest.mark.parametrize("driver", sorted(DRIVERS))
async def test_a_server_that_is_not_there_is_unavailable_and_tells_no_secrets(driver: str) -> None:
    async with start_mongo() as mongo:
        url = mongo.url
    with pytest.raises(StorageUnavailable) as caught:
        await open_mongo(
            url.replace("mongodb://", f"mongodb://me:{SECRET}@"),
            clock=SystemClock(),
            options=MongoOptions(driver=driver),
        )
    assert "MONGO_URL" in caught.value.advice
    assert SECRET not in str(caught.value)
    del caught
    forget_sockets()


@pytest.mark.parametrize("driver", sorted(DRIVERS))
@pytest.mark.parametrize(
    "url",
    [
        "mongodb://", "mongodb:///x", f"mongodb://me:{SECRET}@host:port/x", f"mongodb://me:{SECRET}@x@host/x",
        f"mongodb+srv://me:{SECRET}@localhost:1/x", "mongodb://host/a b", "mongodb://host/a.b",
        f"mongodb://host/{'x' * 64}", "mongodb://[::1/x",
    ],
)  # fmt: skip
async def test_a_url_that_cannot_be_read_is_rejected_and_not_shown(driver: str, url: str) -> None:
    with pytest.raises(Rejected) as caught:
        await open_mongo(url, clock=SystemClock(), options=MongoOptions(driver=driver))
    assert caught.value.code == "storage.url"
    assert "mongodb://" in caught.value.advice
    assert SECRET not in f"{caught.value}{caught.value.advice}"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("mongodb://host", "cuelight"),
        ("mongodb://host/", "cuelight"),
        ("mongodb://me:p%2Fw@a:1,b:2/fleet?replicaSet=rs", "fleet"),
        ("mongodb+srv://host.example.com/?w=1", "cuelight"),
        ("mongodb://host/%C3%BC", "ü"),
    ],
)
def test_the_database_in_a_url(url: str, name: str) -> None:
    assert database_in(url) == name


@pytest.mark.server
async def test_two_stores_see_each_other(tmp_path: Any) -> None:
    engine = MongoEngine(tmp_path, driver="motor")
    one, other = await engine.open(), await engine.open()
    mine, theirs = await one.collection(THINGS), await other.collection(THINGS)
    for _ in range(5):
        await asyncio.gather(
            *[
                things.change("x", lambda document: {**document, "n": document.get("n", 0) + 1}, initial={})
                for things in (mine, theirs) * 8
            ]
        )
    assert await mine.get("x") == await theirs.get("x") == {"_id": "x", "n": 80, "rev": 80}
    await asyncio.gather(one.probe(), other.probe())
    await asyncio.gather(one.close(), other.close())
    engine.forget()
