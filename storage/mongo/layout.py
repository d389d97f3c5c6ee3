"""Indexes: what a collection has, what its schema wants, and who may change the one into the other.

Beside the collections lies `_cuelight`, with what each was made for: its version, its unique keys, its indexes. A
new collection is made by whoever comes first. One that is there is taken as it is, or refused: a daemon that happens
to start first must not rebuild indexes under the others. `cuelight migrate` does it.

Indexes that are there and not wanted harm nobody, so an older release still starts beside a newer one that only added
some. A unique key more or less is another matter: who does not know it does not write what it lives on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import Rejected
from storage.contracts import StorageBroken
from storage.mongo.driver import Driver, DuplicateKeyError, Keys, OperationFailure, Stored
from storage.mongo.errors import translate
from storage.mongo.shapes import Shape, raw, unique_name

META = "_cuelight"
PROBE = "_cuelight_probe"
FORMAT = 1
BATCH = 100
"""Documents of a page: few enough that a page of large ones is no trouble."""


@dataclass(frozen=True, slots=True)
class Index:
    """An index that a schema wants. The name tells kind and fields, so that a changed one has another name."""

    name: str
    keys: Keys
    unique: bool


def wanted_indexes(shape: Shape) -> tuple[Index, ...]:
    """All of them, but the one over `_id` that MongoDB makes by itself."""
    schema = shape.schema
    unique = [Index(f"unique {name}", [(f"u.{name}", 1)], unique=True) for name in shape.unique]
    # A search ends its order with _id.
    searched = [
        Index(
            f"index {unique_name(fields)}",
            [*((f"d.{field}", 1) for field in fields), ("_id", 1)],
            unique=False,
        )
        for fields in schema.indexes
    ]
    claimed = [Index("claim", [("d.due_at", 1), ("_id", 1)], unique=False)] if schema.claimable else []
    return (*unique, *searched, *claimed)


def description(shape: Shape) -> Stored:
    """What `_cuelight` says of a collection."""
    indexes = wanted_indexes(shape)
    return {
        "_id": shape.schema.name,
        "format": FORMAT,
        "version": shape.schema.version,
        "unique": sorted(index.name for index in indexes if index.unique),
        "indexes": sorted(index.name for index in indexes if not index.unique),
    }


class Layout:
    """Makes and compares. Raises our errors only."""

    def __init__(self, driver: Driver, *, migrate: bool) -> None:
        self._driver = driver
        self._migrate = migrate

    async def prepare(self, shape: Shape) -> None:
        """Make the collection what its schema says, or find that it is. Raises `Rejected` (`storage.migrate`) if it is
        not, and `StorageBroken` if it is of a later version or not ours."""
        try:
            await self._prepare(shape)
        except Exception as error:
            raise translate(error) from error

    async def collections(self) -> list[str]:
        """The names of all collections that are ours."""
        try:
            found: list[str] = []
            while True:
                after = {"_id": {"$gt": found[-1]}} if found else {}
                page = await self._driver.find(META, after, sort=[("_id", 1)], limit=BATCH, fields={"_id": 1})
                found += [str(row["_id"]) for row in page]
                if len(page) < BATCH:
                    return found
        except Exception as error:
            raise translate(error) from error

    async def _prepare(self, shape: Shape) -> None:
        name = shape.schema.name
        if name in {META, PROBE}:
            raise StorageBroken(f"{name} cannot be the name of a collection: the engine has one.")
        wanted = description(shape)
        found = await self._driver.find_one(META, {"_id": name})
        if found is None:
            await self._make(shape)
            try:
                await self._driver.insert(META, wanted)
            except DuplicateKeyError:
                found = await self._driver.find_one(META, {"_id": name})  # another process made it meanwhile
        if found is None or _fits(found, wanted):
            return
        if _is_later(found, wanted):
            raise StorageBroken(
                f"{name} was written by a newer release of Cuelight.",
                code="storage.version",
                advice="Run the newer release, or restore a backup from before the upgrade.",
            )
        if not self._migrate:
            raise Rejected(
                f"{name} is laid out for another release of Cuelight.",
                code="storage.migrate",
                advice="Stop all daemons, run `cuelight migrate`, and start them again.",
            )
        await self._rebuild(shape)
        await self._driver.replace(META, {"_id": name}, wanted, upsert=True)

    async def _make(self, shape: Shape) -> None:
        """The indexes of a collection that is new. To make one that is there already changes nothing, so two processes
        may do it at once, and one that was killed in between may do it again."""
        foreign = await self._driver.find_one(shape.schema.name, {"rev": None}, {"_id": 1})
        if foreign is not None:
            raise StorageBroken(
                f"The database has a collection {shape.schema.name} that is not Cuelight's.",
                advice="Let MONGO_URL name a database of its own: mongodb://host/cuelight.",
            )
        for index in wanted_indexes(shape):
            await self._create(shape, index)

    async def _rebuild(self, shape: Shape) -> None:
        name = shape.schema.name
        wanted = {index.name: index for index in wanted_indexes(shape)}
        present = await self._driver.indexes(name)
        for old in present:
            if old != "_id_" and old not in wanted:
                await self._driver.drop_index(name, old)
        if any(index.unique and index.name not in present for index in wanted.values()):
            await self._fill(shape)
        for index in wanted.values():
            if index.name not in present:
                await self._create(shape, index)

    async def _fill(self, shape: Shape) -> None:
        """Write the texts of the unique keys of all documents. Those of a key that was declared once, dropped and
        declared again are stale, so none is trusted."""
        name, last = shape.schema.name, ""
        while True:
            page = await self._driver.find(name, {"_id": {"$gt": last}}, sort=[("_id", 1)], limit=BATCH)
            for stored in page:
                await self._fill_one(shape, stored)
            if len(page) < BATCH:
                return
            last = page[-1]["_id"]

    async def _fill_one(self, shape: Shape, stored: Stored) -> None:
        found: Stored | None = stored
        while found is not None:
            id_, rev, before = found["_id"], found["rev"], found.get("u")
            document = shape.fields.upgraded(raw(shape.schema.name, found))
            try:
                encoded = shape.fields.encode(document)
            except Rejected as error:
                raise StorageBroken(
                    f"The schema of {shape.schema.name} does not fit what is stored: {error.message}",
                    advice="Run the release that wrote it, or restore a backup from before the upgrade.",
                ) from error
            keys = shape.keys(encoded)
            if before == keys or await self._driver.update(
                shape.schema.name, {"_id": id_, "rev": rev}, {"$set": {"u": keys}}
            ):
                return
            found = await self._driver.find_one(shape.schema.name, {"_id": id_})

    async def _create(self, shape: Shape, index: Index) -> None:
        try:
            await self._driver.create_index(shape.schema.name, index.name, index.keys, unique=index.unique)
        except OperationFailure as error:
            if error.code != 11000:
                raise
            raise StorageBroken(
                f"Documents of {shape.schema.name} that are stored already share a key that is to be unique:"
                f" {index.name.removeprefix('unique ')}.",
                advice="Run the release that wrote them and remove the doubles, or restore a backup.",
            ) from error


def _fits(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return (
        (found["format"], found["version"], found["unique"])
        == (wanted["format"], wanted["version"], wanted["unique"])
    ) and set(wanted["indexes"]) <= set(found["indexes"])


def _is_later(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return bool(found["format"] > wanted["format"] or found["version"] > wanted["version"])
