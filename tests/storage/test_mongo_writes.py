"""What becomes of a write whose answer never came: done once, and known to be, or honestly unknown."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest

from daemon.clock import SystemClock
from storage.contracts import Collection, Document, Duplicate, StorageUnavailable
from storage.mongo import MongoOptions, MongoStore, open_mongo
from storage.mongo.shapes import MARKS
from tests.servers.mongo import shared_mongo, start_mongo
from tests.storage.conftest import JOBS, THINGS, forget_database, forget_sockets
from tests.storage.mongo_proxy import Cut, Proxy

pytestmark = pytest.mark.server


class HurriedClock(SystemClock):
    """The time until a write is given up passes in a moment; all else is as it is."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


@pytest.fixture
def clock() -> HurriedClock:
    return HurriedClock()


@pytest.fixture
async def url() -> AsyncIterator[str]:
    found = shared_mongo(f"test-{secrets.token_hex(6)}")
    yield found
    forget_database(found)


@pytest.fixture
async def proxy(url: str) -> AsyncIterator[Proxy]:
    async with Proxy(url) as proxy:
        yield proxy


@pytest.fixture
def driver() -> str:
    return "motor"


both_drivers = pytest.mark.parametrize("driver", ["motor", "pymongo"])


@pytest.fixture
async def store(driver: str, proxy: Proxy, clock: HurriedClock) -> AsyncIterator[MongoStore]:
    """A store behind the proxy. A driver rests for half a second after each broken connection, so there are few."""
    opened = await open_mongo(proxy.url, clock=clock, options=MongoOptions(driver=driver))
    yield opened
    await opened.close()
    forget_sockets()


@pytest.fixture
async def other(url: str) -> AsyncIterator[Collection]:
    """The same collection, for another process with a better network."""
    opened = await open_mongo(url, clock=SystemClock())
    yield await opened.collection(THINGS)
    await opened.close()


@pytest.fixture
async def things(store: MongoStore) -> Collection:
    return await store.collection(THINGS)


def grown(document: Document) -> Document:
    document["n"] = document.get("n", 0) + 1
    return document


@both_drivers
@pytest.mark.parametrize("done", [True, False])
async def test_an_insert_is_done_once(proxy: Proxy, things: Collection, done: bool) -> None:
    proxy.cut = Cut("insert", done=done)
    assert await things.insert({"_id": "x", "name": "anna"}) == {"_id": "x", "name": "anna", "rev": 1}
    assert proxy.cut.made == 1
    assert await things.count({}) == 1


async def test_an_insert_that_others_have_changed_since_is_still_ours(
    proxy: Proxy, things: Collection, other: Collection
) -> None:
    proxy.cut = Cut("insert", meanwhile=lambda: other.change("x", grown))
    assert (await things.insert({"_id": "x"}))["rev"] == 1
    assert await things.get("x") == {"_id": "x", "n": 1, "rev": 2}


async def test_the_insert_of_somebody_else_is_a_duplicate(
    proxy: Proxy, things: Collection, other: Collection
) -> None:
    proxy.cut = Cut("insert", done=False)
    await other.insert({"_id": "x", "name": "theirs"})
    with pytest.raises(Duplicate) as caught:
        await things.insert({"_id": "x", "name": "ours"})
    assert caught.value.key == ("_id",)
    proxy.cut = Cut("insert", done=False)
    with pytest.raises(Duplicate) as caught:
        await things.insert({"_id": "y", "name": "theirs"})
    assert caught.value.key == ("name",)


@both_drivers
@pytest.mark.parametrize("done", [True, False])
async def test_a_change_is_done_once(proxy: Proxy, things: Collection, done: bool) -> None:
    await things.insert({"_id": "x", "n": 0})
    proxy.cut = Cut("update", times=2, done=done)
    assert await things.change("x", grown) == {"_id": "x", "n": 1, "rev": 2}
    assert proxy.cut.made == 2
    assert await things.get("x") == {"_id": "x", "n": 1, "rev": 2}


async def test_a_change_that_makes_the_document_is_done_once(proxy: Proxy, things: Collection) -> None:
    proxy.cut = Cut("insert")
    assert await things.change("x", grown, initial={"n": 10}) == {"_id": "x", "n": 11, "rev": 1}
    assert await things.get("x") == {"_id": "x", "n": 11, "rev": 1}


@pytest.mark.parametrize("done", [True, False])
async def test_others_change_the_document_before_we_know(
    proxy: Proxy, things: Collection, other: Collection, done: bool
) -> None:
    await things.insert({"_id": "x", "n": 0})

    async def others() -> None:
        for _ in range(MARKS - 1):
            await other.change("x", grown)

    proxy.cut = Cut("update", done=done, meanwhile=others)
    if not done:
        await others()
    await things.change("x", grown)
    # Each of them counted once, ours as well; it is not told apart from theirs by what it wrote.
    assert await things.get("x") == {"_id": "x", "n": MARKS, "rev": MARKS + 1}


async def test_what_was_changed_too_often_since_is_unknown(
    proxy: Proxy, things: Collection, other: Collection
) -> None:
    await things.insert({"_id": "x", "n": 0})

    async def others() -> None:
        for _ in range(MARKS):
            await other.change("x", grown)

    proxy.cut = Cut("update", meanwhile=others)
    with pytest.raises(StorageUnavailable) as caught:
        await things.change("x", grown)
    assert caught.value.code == "storage.unknown"


async def test_what_was_deleted_before_we_know_is_unknown(
    proxy: Proxy, things: Collection, other: Collection
) -> None:
    await things.insert({"_id": "x", "n": 0})
    proxy.cut = Cut("update", meanwhile=lambda: other.delete("x"))
    with pytest.raises(StorageUnavailable) as caught:
        await things.change("x", grown)
    assert caught.value.code == "storage.unknown"


async def test_16_workers_on_a_bad_network_lose_and_double_nothing(proxy: Proxy, things: Collection) -> None:
    proxy.cut = Cut("update", times=4, every=7)

    async def work() -> None:
        for _ in range(5):
            await things.change("x", grown, initial={})

    async with asyncio.timeout(30):
        await asyncio.gather(*[work() for _ in range(16)])
    assert proxy.cut.made == 4
    assert await things.get("x") == {"_id": "x", "n": 80, "rev": 80}


@both_drivers
@pytest.mark.parametrize("done", [True, False])
async def test_a_claim_is_found_again(proxy: Proxy, store: MongoStore, done: bool) -> None:
    jobs = await store.collection(JOBS)
    for number in range(3):
        await jobs.insert({"_id": f"{number}", "due_at": number})
    proxy.cut = Cut("findAndModify", done=done)
    claimed = await jobs.claim(owner="me", now=10, lease_ms=5)
    assert claimed is not None
    assert (claimed["_id"], claimed["fence"], claimed["rev"]) == ("0", 1, 2)
    assert await jobs.count({"lease_owner": "me"}) == 1


@both_drivers
@pytest.mark.parametrize("done", [True, False])
async def test_a_delete_that_was_done_says_so(proxy: Proxy, things: Collection, done: bool) -> None:
    await things.insert({"_id": "x"})
    proxy.cut = Cut("delete", done=done)
    assert await things.delete("x", rev=1) is True
    assert proxy.cut.made == 1
    assert await things.delete("x") is False


async def test_a_delete_of_another_revision_is_not_ours(proxy: Proxy, things: Collection) -> None:
    await things.insert({"_id": "x"})
    proxy.cut = Cut("delete", done=False)
    assert await things.delete("x", rev=2) is False
    assert await things.get("x") is not None


async def test_a_network_that_stays_bad_ends_in_unknown(
    proxy: Proxy, things: Collection, clock: HurriedClock
) -> None:
    async def later() -> None:
        clock.ahead += 2

    proxy.cut = Cut("insert", times=1000, meanwhile=later)
    with pytest.raises(StorageUnavailable) as caught:
        await things.insert({"_id": "x"})
    assert caught.value.code == "storage.unknown"
    assert 2 <= proxy.cut.made <= 4


async def test_reads_are_repeated_by_the_driver(proxy: Proxy, things: Collection) -> None:
    await things.insert({"_id": "x"})
    proxy.cut = Cut("find")
    assert await things.get("x") is not None
    assert proxy.cut.made == 1


async def test_a_server_that_is_gone_is_told_and_found_again(clock: HurriedClock) -> None:
    async with start_mongo() as mongo:
        store = await open_mongo(mongo.url, clock=clock)
        things = await store.collection(THINGS)
        await things.insert({"_id": "x"})
        await mongo.kill()
        calls = (
            things.get("x"),
            things.insert({"_id": "y"}),
            things.change("z", grown, initial={}),
            store.probe(),
        )
        for error in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(error, StorageUnavailable)
            # Whether a request was on its way when the connection broke is chance.
            assert error.code in {"storage.unavailable", "storage.unknown"}
        await mongo.restart()
        assert await things.insert({"_id": "y"}) == {"_id": "y", "rev": 1}
        await store.close()


async def test_what_was_never_sent_is_not_unknown(clock: HurriedClock) -> None:
    """There is no server for three seconds, so the driver gives up before it sends anything."""
    async with start_mongo() as mongo:
        store = await open_mongo(mongo.url, clock=clock)
        things = await store.collection(THINGS)
        await mongo.kill()
        with pytest.raises(StorageUnavailable):
            await store.probe()  # by now the driver knows
        with pytest.raises(StorageUnavailable) as caught:
            await things.insert({"_id": "y"})
        assert caught.value.code == "storage.unavailable"
        await store.close()
