"""The `Collection` of MongoDB: what each call does to one document."""

from __future__ import annotations

from collections.abc import Awaitable
from random import Random
from typing import TypeVar

from domain.errors import Rejected
from domain.ports import Clock, Metrics
from storage.contracts import (
    Change,
    Collection,
    Document,
    Duplicate,
    Page,
    Scalar,
    Schema,
    Sort,
    StorageBroken,
    StorageUnavailable,
    Where,
)
from storage.documents import CLAIM_FIELDS, Encoded
from storage.mongo import queries
from storage.mongo.driver import Driver, Stored
from storage.mongo.errors import translate
from storage.mongo.shapes import READ, Shape, copied
from storage.mongo.traffic import Gate, Turns
from storage.mongo.writes import Writes

T = TypeVar("T")
RACE_SECONDS = 10.0
"""How long a change goes on against others that are always quicker."""
LONGEST_REST_SECONDS = 0.1
AT_ONCE = 2
"""Races that may be lost before a rest: the first is chance, a second in a row means that there is a crowd."""


class MongoCollection:
    """See `storage.contracts.Collection`, which it keeps."""

    def __init__(
        self,
        shape: Shape,
        *,
        driver: Driver,
        gate: Gate,
        clock: Clock,
        metrics: Metrics,
        random: Random,
    ) -> None:
        self._shape = shape
        self._fields = shape.fields
        self._name = shape.schema.name
        self._driver = driver
        self._gate = gate
        self._clock = clock
        self._random = random
        self._turns = Turns()
        self._writes = Writes(shape, driver=driver, clock=clock, metrics=metrics, random=random)
        self._claims_change_keys = any(CLAIM_FIELDS.keys() & set(key) for key in shape.schema.unique)

    @property
    def schema(self) -> Schema:
        return self._shape.schema

    async def insert(self, document: Document) -> Document:
        encoded = self._fields.encode(document)
        with self._gate.call("insert"):
            await self._writes.insert(encoded)
        return self._fields.decode(encoded.text, 1)

    async def get(self, id: str) -> Document | None:
        with self._gate.call("get"):
            found = await _read(self._driver.find_one(self._name, {"_id": _key(id)}, READ))
        return None if found is None else self._shape.document(found)

    async def find(
        self, where: Where, *, sort: Sort = (), limit: int = 100, after: str | None = None
    ) -> Page:
        condition, order, keys = queries.page(self._fields, where, sort, limit, after)
        with self._gate.call("find"):
            # One more than asked, so that the end shows.
            found = await _read(
                self._driver.find(self._name, condition, sort=order, limit=limit + 1, fields=READ)
            )
        documents = [self._shape.document(stored) for stored in found[:limit]]
        cursor = self._fields.write_cursor(keys, documents[-1]) if len(found) > limit else None
        return Page(documents, cursor)

    async def change(self, id: str, fn: Change, *, initial: Document | None = None) -> Document | None:
        start = None if initial is None else self._fields.encode({**initial, "_id": id})
        with self._gate.call("change"):
            return await self._change(_key(id), fn, start)

    async def claim(
        self, *, owner: str, now: int, lease_ms: int, where: Where | None = None
    ) -> Document | None:
        if not self.schema.claimable:
            raise StorageBroken(f"{self._name} is not declared as claimable.")
        until = now + lease_ms
        self._fields.checked_where({"lease_owner": owner, "lease_until": until, "due_at": now})
        condition = queries.free(self._fields, where or {}, now)
        with self._gate.call("claim"):
            if self._claims_change_keys:
                return await self._claim_by_change(condition, owner=owner, now=now, until=until)
            found = await self._writes.claim(condition, queries.FIRST_DUE, owner=owner, now=now, until=until)
        return None if found is None else self._shape.document(found)

    async def delete(self, id: str, *, rev: int | None = None) -> bool:
        with self._gate.call("delete"):
            return await self._writes.delete(_key(id), rev)

    async def count(self, where: Where) -> int:
        pipeline = queries.count(self._fields, where)
        with self._gate.call("count"):
            rows = await _read(self._driver.aggregate(self._name, pipeline))
        return int(rows[0]["n"]) if rows else 0

    async def tally(self, by: str, where: Where) -> dict[Scalar, int]:
        pipeline = queries.tally(self._fields, by, where)
        with self._gate.call("tally"):
            rows = await _read(self._driver.aggregate(self._name, pipeline))
        return {row["_id"]: int(row["n"]) for row in rows}

    async def _change(self, id_: str, fn: Change, start: Encoded | None) -> Document | None:
        until = self._clock.monotonic() + RACE_SECONDS
        async with self._turns.at(id_):
            tries = 0
            # Asked first: whoever waited for its turn while MongoDB was away must not wait as long once more.
            while self._clock.monotonic() < until:
                before = await _read(self._driver.find_one(self._name, {"_id": id_}))
                shown = self._shown(before, start)
                if shown is None:
                    return None
                after = fn(shown)
                if after is None:
                    return None if before is None else self._shape.document(before)
                encoded = self._encode_changed(id_, after)
                rev = await self._write(before, encoded)
                if rev is not None:
                    return self._fields.decode(encoded.text, rev)
                tries += 1
                rest = self._random.uniform(0, min(LONGEST_REST_SECONDS, 0.002 * 2**tries))
                await self._clock.sleep(0 if tries <= AT_ONCE else rest)
        raise StorageUnavailable(
            f"A document of {self._name} is changed by others all the time, or MongoDB is slow.",
            code="storage.contended",
        )

    def _shown(self, before: Stored | None, start: Encoded | None) -> Document | None:
        """What a change is shown: a copy, since `before` is still needed."""
        if before is not None:
            return self._shape.document(copied(before))
        return None if start is None else self._fields.decode(start.text, 0)

    async def _write(self, before: Stored | None, encoded: Encoded) -> int | None:
        """The new revision, or `None` if others were quicker."""
        if before is not None:
            stored = await self._writes.replace(before, encoded)
            return None if stored is None else int(stored["rev"])
        try:
            return int((await self._writes.insert(encoded))["rev"])
        except Duplicate as error:
            if error.key != ("_id",):
                raise
            return None

    async def _claim_by_change(
        self, condition: Stored, *, owner: str, now: int, until: int
    ) -> Document | None:
        """A claim that changes a unique key has to write that key anew, which the server cannot compute."""

        def take(document: Document) -> Document | None:
            due, lease = document.get("due_at"), document.get("lease_until")
            if due is None or due > now or (lease is not None and lease > now):
                return None
            fence = (document.get("fence") or 0) + 1
            return {**document, "lease_owner": owner, "lease_until": until, "fence": fence}

        while True:
            first = await _read(
                self._driver.find(self._name, condition, sort=queries.FIRST_DUE, limit=1, fields={"_id": 1})
            )
            if not first:
                return None
            taken = await self._change(first[0]["_id"], take, None)
            if taken is not None and (taken.get("lease_owner"), taken.get("lease_until")) == (owner, until):
                return taken

    def _encode_changed(self, id_: str, after: object) -> Encoded:
        if not isinstance(after, dict):
            raise Rejected(
                f"{self._name} cannot keep {id_!r}: the change returned a {type(after).__name__}.",
                code="storage.document",
            )
        if after.get("_id", id_) != id_:
            raise Rejected(
                f"{self._name} cannot keep {id_!r}: a change must not give it another _id.",
                code="storage.document",
            )
        return self._fields.encode({"_id": id_, **after})


async def _read(reading: Awaitable[T]) -> T:
    """The driver repeats a read by itself once; what is left is told. Raises our errors only."""
    try:
        return await reading
    except Exception as error:
        raise translate(error) from error


def _key(id_: str) -> str:
    """An identifier that could never be stored is looked up as one that is not there."""
    return id_.encode("utf-8", "replace").decode()


def _conforms(collection: MongoCollection) -> Collection:
    return collection
