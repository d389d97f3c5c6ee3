"""Engines under test. One contract suite holds all: the next engine is one more class and one more parameter.

MongoDB is played by mongo-java-server (`tests/servers/mongo`), or by the server that `MONGO_TEST_URL` names. Both
drivers of its engine are held to the contract: Motor, and PyMongo's client that will follow it.
"""

from __future__ import annotations

import asyncio
import gc
import secrets
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest
from pymongo import MongoClient

from daemon.clock import SystemClock
from storage.contracts import Collection, Schema, Store
from storage.mongo import MongoOptions, MongoStore, open_mongo
from storage.open import open_store, sqlite_url
from storage.sqlite import SQLiteOptions, SQLiteStore, open_sqlite
from tests.servers.mongo import is_stand_in, shared_mongo
from tests.support.clock import ManualClock

THINGS = Schema(
    name="things",
    fields={"name": str, "kind": str, "size": int, "order": int, "on": bool, "a": str, "b": int},
    unique=(("name",), ("a", "b")),
    indexes=(("kind", "size"), ("order",)),
)
JOBS = Schema(name="jobs", fields={"kind": str}, claimable=True)


class Engine(Protocol):
    """Opens the store of one test; again and again, and finds what was there. `is_stand_in`: another server plays the
    part of the real one, and where it lies, the test says so."""

    is_stand_in: bool

    async def open(self) -> Store: ...

    def forget(self) -> None:
        """The test is over: what it stored may go."""
        ...


class SQLiteEngine:
    is_stand_in = False

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    async def open(self) -> Store:
        return await open_store(sqlite_url(self.directory), clock=ManualClock())

    def forget(self) -> None:
        pass  # pytest removes its directories


class MongoEngine:
    """A database of its own on a server that is shared."""

    def __init__(self, _: Path, *, driver: str) -> None:
        self.url = shared_mongo(f"test-{secrets.token_hex(6)}")
        self.driver = driver
        self.is_stand_in = is_stand_in()

    async def open(self) -> MongoStore:
        if self.driver == "pymongo":
            # Its calls are many tasks deep; asyncio's debug mode makes each of them seven times slower.
            asyncio.get_running_loop().set_debug(False)
        # A clock that goes by itself: who loses a race rests a moment.
        return await open_mongo(self.url, clock=SystemClock(), options=MongoOptions(driver=self.driver))

    def forget(self) -> None:
        forget_database(self.url)
        if self.driver == "pymongo":
            forget_sockets()


def forget_database(url: str) -> None:
    """Drop the database that a URL names."""
    client: MongoClient[dict[str, Any]] = MongoClient(url)
    try:
        client.drop_database(client.get_default_database())
    finally:
        client.close()


def forget_sockets() -> None:
    """PyMongo's asynchronous client drops a socket unclosed when it is cancelled (or closed) while it connects, which
    Python tells when it finds the socket: now, and not in the test that happens to run then."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect(1)


ENGINES: dict[str, Callable[[Path], Engine]] = {
    "sqlite": SQLiteEngine,
    "mongo-motor": partial(MongoEngine, driver="motor"),
    "mongo-pymongo": partial(MongoEngine, driver="pymongo"),
}
ENGINE_NAMES = [
    pytest.param(name, marks=[pytest.mark.server] if name.startswith("mongo") else [])
    for name in sorted(ENGINES)
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The contract is held by every engine with every driver; what stands on it is tried once on each store."""
    chosen = any(mark.args[0] == "engine" for mark in metafunc.definition.iter_markers("parametrize"))
    if "engine" in metafunc.fixturenames and not chosen:
        contract = ".test_collection_contract" in metafunc.module.__name__
        names = ENGINE_NAMES if contract else [name for name in ENGINE_NAMES if name.id != "mongo-pymongo"]
        metafunc.parametrize("engine", names, indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    made = ENGINES[request.param](tmp_path / "data")
    yield made
    made.forget()


@pytest.fixture
async def store(engine: Engine) -> AsyncIterator[Store]:
    opened = await engine.open()
    yield opened
    await opened.close()


@pytest.fixture
async def things(store: Store) -> Collection:
    return await store.collection(THINGS)


@pytest.fixture
async def jobs(store: Store) -> Collection:
    return await store.collection(JOBS)


class RecordedMetrics:
    """Keeps what was measured, for a look afterwards."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.observed: dict[str, list[float]] = {}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        self.counts[name, ",".join(labels.values())] += int(amount)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        raise KeyError(name)

    def observe(self, name: str, value: float, **labels: str) -> None:
        self.observed.setdefault(name, []).append(value)


@pytest.fixture
def metrics() -> RecordedMetrics:
    return RecordedMetrics()


OpenSQLite = Callable[..., Awaitable[SQLiteStore]]


@pytest.fixture
async def sqlite(tmp_path: Path, metrics: RecordedMetrics) -> AsyncIterator[OpenSQLite]:
    """Opens the engine itself with options; closes what the test leaves open."""
    opened: list[SQLiteStore] = []

    async def open_it(path: Path | None = None, **options: Any) -> SQLiteStore:
        found = await open_sqlite(
            path or tmp_path / "data", clock=ManualClock(), metrics=metrics, options=SQLiteOptions(**options)
        )
        opened.append(found)
        return found

    yield open_it
    for one in opened:
        await one.close()
