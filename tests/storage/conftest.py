"""Engines under test. One contract suite holds all: the next engine is one more class and one more parameter."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from storage.contracts import Collection, Schema, Store
from storage.open import open_store, sqlite_url
from storage.sqlite import SQLiteOptions, SQLiteStore, open_sqlite
from tests.support.clock import ManualClock

THINGS = Schema(
    name="things",
    fields={"name": str, "kind": str, "size": int, "order": int, "on": bool, "a": str, "b": int},
    unique=(("name",), ("a", "b")),
    indexes=(("kind", "size"), ("order",)),
)
JOBS = Schema(name="jobs", fields={"kind": str}, claimable=True)


class Engine(Protocol):
    """Opens the store of one test; again and again, and finds what was there."""

    async def open(self) -> Store: ...


class SQLiteEngine:
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    async def open(self) -> Store:
        return await open_store(sqlite_url(self.directory), clock=ManualClock())


ENGINES: dict[str, Callable[[Path], Engine]] = {"sqlite": SQLiteEngine}


@pytest.fixture(params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    return ENGINES[request.param](tmp_path / "data")


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
