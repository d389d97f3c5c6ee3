"""The driver, behind the few verbs that the engine uses. No other file names it.

Motor and PyMongo's own asynchronous client differ in few places, so there is one class of verbs and two small ones
that know the differences. Motor gets no fixes after May 2027; `DEFAULT` is the line that changes then.

What the driver raises passes through; `storage.mongo.errors` makes it ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from bson.codec_options import CodecOptions, TypeDecoder, TypeRegistry
from bson.errors import BSONError
from bson.int64 import Int64
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient, ReturnDocument
from pymongo.errors import (
    AutoReconnect,
    ConfigurationError,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    InvalidOperation,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WriteConcernError,
)

__all__ = [
    "DEFAULT", "DRIVERS", "Driver", "Keys", "Stored", "AutoReconnect", "BSONError", "ConfigurationError",
    "ConnectionFailure", "DocumentTooLarge", "DuplicateKeyError", "InvalidOperation", "InvalidURI", "OperationFailure",
    "PyMongoError", "ServerSelectionTimeoutError", "WaitQueueTimeoutError", "WriteConcernError",
]  # fmt: skip

Stored = dict[str, Any]
Filter = Mapping[str, Any]
Keys = Sequence[tuple[str, int]]

READ_MS = 9_000  # the server gives up a search before the socket does, and so does not go on for nobody
OPTIONS: Mapping[str, Any] = {
    # An acknowledged write is on the disks of the majority: no failover takes it back.
    "w": "majority",
    "journal": True,
    "wTimeoutMS": 5_000,
    # Reads go where the writes go. The primary knows each write that it acknowledged to us, so its own newest state
    # ("local") shows what this process wrote. A read may also show a write of somebody else that a failover is about
    # to take back; whatever is decided on it is written under the revision that was read, and then refused.
    "readPreference": "primary",
    "readConcernLevel": "local",
    "serverSelectionTimeoutMS": 3_000,
    "connectTimeoutMS": 3_000,
    "socketTimeoutMS": 10_000,
    "waitQueueTimeoutMS": 15_000,
    "maxPoolSize": 32,
    "appname": "cuelight",
}


class _PlainInt(TypeDecoder):
    """Numbers of more than 32 bits come as a class of the driver; documents hold plain ones."""

    bson_type = Int64

    def transform_bson(self, value: Int64) -> int:
        return int(value)


_CODEC: CodecOptions[Stored] = CodecOptions(type_registry=TypeRegistry([_PlainInt()]))


class Driver:
    """One client and one database. Bound to the event loop that runs when it is made."""

    def __init__(self, client: Any, database: str) -> None:
        self._client = client
        self._database = client.get_database(database, codec_options=_CODEC)

    async def find_one(
        self, collection: str, where: Filter, fields: Mapping[str, int] | None = None
    ) -> Stored | None:
        found: Stored | None = await self._database[collection].find_one(where, fields, max_time_ms=READ_MS)
        return found

    async def find(
        self,
        collection: str,
        where: Filter,
        *,
        sort: Keys,
        limit: int,
        fields: Mapping[str, int] | None = None,
    ) -> list[Stored]:
        cursor = self._database[collection].find(
            where, fields, sort=list(sort), limit=limit, batch_size=limit, max_time_ms=READ_MS
        )
        found: list[Stored] = await cursor.to_list(limit)
        return found

    async def aggregate(self, collection: str, pipeline: list[Stored]) -> list[Stored]:
        raise NotImplementedError

    async def insert(self, collection: str, stored: Stored) -> None:
        await self._database[collection].insert_one(stored)

    async def replace(self, collection: str, where: Filter, stored: Stored, *, upsert: bool = False) -> bool:
        """Whether a document matched."""
        result = await self._database[collection].replace_one(where, stored, upsert=upsert)
        return bool(result.matched_count)

    async def update(self, collection: str, where: Filter, update: Filter) -> bool:
        """Whether a document matched."""
        result = await self._database[collection].update_one(where, update)
        return bool(result.matched_count)

    async def update_first(
        self, collection: str, where: Filter, update: Filter, *, sort: Keys
    ) -> Stored | None:
        """The first document that matches, as it is after the update."""
        found: Stored | None = await self._database[collection].find_one_and_update(
            where, update, sort=list(sort), return_document=ReturnDocument.AFTER
        )
        return found

    async def delete(self, collection: str, where: Filter) -> bool:
        """Whether there was one."""
        result = await self._database[collection].delete_one(where)
        return bool(result.deleted_count)

    async def indexes(self, collection: str) -> dict[str, Mapping[str, Any]]:
        """Name to what the server tells of it; nothing where there is no such collection."""
        found: dict[str, Mapping[str, Any]] = await self._database[collection].index_information()
        return found

    async def create_index(self, collection: str, name: str, keys: Keys, *, unique: bool) -> None:
        # Without `unique` when false: servers compare what they were told, and some keep a false.
        options = {"unique": True} if unique else {}
        await self._database[collection].create_index(list(keys), name=name, **options)

    async def drop_index(self, collection: str, name: str) -> None:
        await self._database[collection].drop_index(name)

    async def command(self, name: str) -> Stored:
        answer: Stored = await self._database.command(name)
        return answer

    async def close(self) -> None:
        raise NotImplementedError


class MotorDriver(Driver):
    """Motor: PyMongo's blocking client in threads."""

    def __init__(self, url: str, database: str, options: Mapping[str, Any]) -> None:
        super().__init__(AsyncIOMotorClient(url, io_loop=asyncio.get_running_loop(), **options), database)

    async def aggregate(self, collection: str, pipeline: list[Stored]) -> list[Stored]:
        cursor = self._database[collection].aggregate(pipeline, maxTimeMS=READ_MS)
        found: list[Stored] = await cursor.to_list(None)
        return found

    async def close(self) -> None:
        self._client.close()


class PyMongoDriver(Driver):
    """PyMongo's own asynchronous client."""

    def __init__(self, url: str, database: str, options: Mapping[str, Any]) -> None:
        super().__init__(AsyncMongoClient(url, **options), database)

    async def aggregate(self, collection: str, pipeline: list[Stored]) -> list[Stored]:
        cursor = await self._database[collection].aggregate(pipeline, maxTimeMS=READ_MS)
        found: list[Stored] = await cursor.to_list(None)
        return found

    async def close(self) -> None:
        await self._client.close()


DRIVERS: Mapping[str, type[MotorDriver] | type[PyMongoDriver]] = {
    "motor": MotorDriver,
    "pymongo": PyMongoDriver,
}
DEFAULT = "motor"
