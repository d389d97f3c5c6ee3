"""The MongoDB engine: one database, any number of processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import unquote

from domain.errors import Rejected
from domain.ports import Clock, Metrics, NullMetrics
from storage.contracts import Document, Schema, StorageBroken, Store
from storage.mongo.collection import MongoCollection
from storage.mongo.driver import DEFAULT, DRIVERS, OPTIONS, BSONError, Driver, DuplicateKeyError, PyMongoError
from storage.mongo.errors import bad_url, translate
from storage.mongo.layout import BATCH, PROBE, Layout
from storage.mongo.shapes import READ, Shape, raw
from storage.mongo.traffic import Gate

DATABASE = "cuelight"
_BAD_IN_NAME = frozenset('/\\. "$*<>:|?\0')


@dataclass(frozen=True, slots=True)
class MongoOptions:
    """`driver` names one of `DRIVERS`; `listeners` are told each command that the driver sends."""

    driver: str = DEFAULT
    listeners: Sequence[Any] = ()


class MongoStore:
    """See `storage.contracts.Store`, which it keeps. Made by `open_mongo`."""

    def __init__(self, driver: Driver, *, clock: Clock, metrics: Metrics, migrate: bool) -> None:
        self._driver = driver
        self._clock = clock
        self._metrics = metrics
        self._layout = Layout(driver, migrate=migrate)
        self._gate = Gate(metrics)
        self._random = Random()  # noqa: S311 - jitter
        self._collections: dict[str, MongoCollection] = {}
        self._opening = asyncio.Lock()
        self._closing = asyncio.Lock()
        self._closed = False

    async def collection(self, schema: Schema) -> MongoCollection:
        with self._gate.call("open"):
            async with self._opening:
                opened = self._collections.get(schema.name)
                if opened is None:
                    shape = Shape(schema)
                    await self._layout.prepare(shape)
                    opened = MongoCollection(
                        shape,
                        driver=self._driver,
                        gate=self._gate,
                        clock=self._clock,
                        metrics=self._metrics,
                        random=self._random,
                    )
                    self._collections[schema.name] = opened
                elif opened.schema != schema:
                    raise StorageBroken(f"The collection {schema.name} is opened with two different schemas.")
                return opened

    async def probe(self) -> None:
        with self._gate.call("probe"):
            where, stored = {"_id": "probe"}, {"_id": "probe", "at": self._clock.now()}
            try:
                try:
                    await self._driver.replace(PROBE, where, stored, upsert=True)
                except DuplicateKeyError:
                    await self._driver.replace(PROBE, where, stored)  # two made it at the same moment
            except Exception as error:
                raise translate(error) from error

    async def export(self) -> AsyncGenerator[tuple[str, Document], None]:
        """See the contract. By pages over `_id`: no cursor is held at the server, so a slow reader costs nothing."""
        self._gate.check()
        for name in await self._layout.collections():
            last = ""
            while True:
                with self._gate.call("export"):
                    page = await self._page(name, last)
                if not page:
                    break
                last = page[-1]["_id"]
                for stored in page:
                    yield name, raw(name, stored)

    async def _page(self, name: str, last: str) -> list[dict[str, Any]]:
        try:
            return await self._driver.find(
                name, {"_id": {"$gt": last}}, sort=[("_id", 1)], limit=BATCH, fields=READ
            )
        except Exception as error:
            raise translate(error) from error

    async def size_bytes(self) -> int:
        """Documents and indexes before compression; 0 where the server does not tell."""
        with self._gate.call("size"):
            try:
                told = await self._driver.command("dbStats")
            except Exception as error:
                ours = translate(error)
                if isinstance(ours, StorageBroken):
                    return 0
                raise ours from error
            return int(told.get("dataSize", 0)) + int(told.get("indexSize", 0))

    async def close(self) -> None:
        self._gate.shut()
        async with self._closing:
            if not self._closed:
                await self._gate.emptied()
                await self._driver.close()
                self._closed = True


async def open_mongo(
    url: str,
    *,
    clock: Clock,
    metrics: Metrics | None = None,
    migrate: bool = False,
    options: MongoOptions | None = None,
) -> MongoStore:
    """Connect to the database that `url` names (`cuelight` where it names none).

    `clock` must be one that goes by itself: rests between tries are slept on it. With `migrate`, collections are laid
    out anew where their schema has changed; without, `MongoStore.collection` refuses them. Raises `Rejected`
    (`storage.url`) for a URL that cannot be read, `StorageUnavailable` if MongoDB does not answer, `StorageBroken` if
    it does not let us in or is too old.
    """
    options = options or MongoOptions()
    database = database_in(url)
    settings = {**OPTIONS, "event_listeners": list(options.listeners)}
    try:
        driver = DRIVERS[options.driver](url, database, settings)
    except (PyMongoError, BSONError, ValueError, TypeError):
        raise bad_url() from None  # its text may show parts of the URL
    try:
        await driver.command("ping")
    except Exception as error:
        await driver.close()
        raise translate(error) from error
    except BaseException:
        await driver.close()
        raise
    return MongoStore(driver, clock=clock, metrics=metrics or NullMetrics(), migrate=migrate)


def database_in(url: str) -> str:
    """The database in a `mongodb://` or `mongodb+srv://` URL. Raises `Rejected` (`storage.url`)."""
    _, _, rest = url.partition("://")
    name = unquote(rest.partition("?")[0].partition("/")[2])
    if len(name.encode()) > 63 or _BAD_IN_NAME & set(name):
        raise Rejected(
            "The URL of the MongoDB store names a database that cannot be.",
            code="storage.url",
            advice="End it with a simple name: mongodb://host/cuelight.",
        )
    return name or DATABASE


def _conforms(store: MongoStore) -> Store:
    return store
