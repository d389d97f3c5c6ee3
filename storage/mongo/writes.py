"""Writes whose outcome is known: after a broken connection each is repeated and read back until it is.

Repeating is safe because every write can happen once only: an insert takes its identifier, a replacement holds on to
the revision and the mark that it was read with. What came of it is read from the marks (`storage.mongo.shapes`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from domain.ports import Clock, Metrics
from storage.contracts import Duplicate
from storage.documents import Encoded
from storage.mongo.driver import Driver, DuplicateKeyError, Keys, Stored
from storage.mongo.errors import is_passing, never_sent, translate, unknown
from storage.mongo.shapes import MARKS, Shape, new_mark

T = TypeVar("T")
SETTLE_SECONDS = 5.0
MAX_REST_SECONDS = 1.0
FREED_TRIES = 5
"""How often an insert is tried again whose key was taken, and free when we looked by whom."""


class Unclear(Exception):
    """The marks do not tell (any more) whether a write arrived."""


class Writes:
    """The writes of one collection."""

    def __init__(
        self, shape: Shape, *, driver: Driver, clock: Clock, metrics: Metrics, random: Random
    ) -> None:
        self._shape = shape
        self._name = shape.schema.name
        self._driver = driver
        self._clock = clock
        self._metrics = metrics
        self._random = random

    async def insert(self, encoded: Encoded) -> Stored:
        """Store a new document; returns what was stored. Raises `Duplicate`."""
        mark = new_mark()
        stored = self._shape.stored(encoded, rev=1, marks=[mark])

        async def attempt(again: bool) -> Stored:
            key: tuple[str, ...] | None = None
            for _ in range(FREED_TRIES):
                try:
                    await self._driver.insert(self._name, stored)
                except DuplicateKeyError:
                    found = await self._marks_of(encoded.id)
                    if again and found is not None and _arrived(found, 1, mark):
                        return stored
                    key = await self._taken(encoded, found)
                    if key is not None:
                        break
                else:
                    return stored
            raise Duplicate(self._name, key or next(iter(self._shape.schema.unique), ("_id",)))

        return await self.settled(attempt)

    async def replace(self, before: Stored, encoded: Encoded) -> Stored | None:
        """Replace a document as it was read; returns what was stored, or `None` if it has changed since. Raises
        `Duplicate`."""
        mark = new_mark()
        rev, marks = before["rev"], before["w"]
        where = {"_id": encoded.id, "rev": rev, "w": marks[-1]}
        stored = self._shape.stored(encoded, rev=rev + 1, marks=[*marks, mark])

        async def attempt(again: bool) -> Stored | None:
            try:
                matched = await self._driver.replace(self._name, where, stored)
            except DuplicateKeyError:
                key = await self._taken(encoded, None)
                if key is None:
                    return None
                raise Duplicate(self._name, key) from None
            if matched or (again and _arrived(await self._marks_of(encoded.id), rev + 1, mark)):
                return stored
            return None

        return await self.settled(attempt)

    async def delete(self, id_: str, rev: int | None) -> bool:
        """Remove a document. After a broken connection, one that is gone counts as removed by us."""
        where: Stored = {"_id": id_} if rev is None else {"_id": id_, "rev": rev}

        async def attempt(again: bool) -> bool:
            if await self._driver.delete(self._name, where):
                return True
            return again and await self._marks_of(id_) is None

        return await self.settled(attempt)

    async def claim(self, where: Stored, first: Keys, *, owner: str, now: int, until: int) -> Stored | None:
        """Take the first document that matches; returns it as it is then, or `None`."""
        mark = new_mark()
        update = {
            "$set": {"d.lease_owner": owner, "d.lease_until": until},
            "$inc": {"d.fence": 1, "rev": 1},
            "$push": {"w": {"$each": [mark], "$slice": -MARKS}},
        }
        ours = {"d.due_at": {"$lte": now}, "w": mark, "d.lease_owner": owner, "d.lease_until": until}

        async def attempt(again: bool) -> Stored | None:
            # A claim that arrives later than this look is a lease that nobody uses; it ends by itself.
            taken = await self._driver.find_one(self._name, ours) if again else None
            return taken or await self._driver.update_first(self._name, where, update, sort=first)

        return await self.settled(attempt)

    async def settled(self, attempt: Callable[[bool], Awaitable[T]]) -> T:
        """The outcome of `attempt`, which is told whether an earlier one may have arrived.

        Raises our errors only: `StorageUnavailable` at once if nothing was sent, with code `storage.unknown` if it
        could not be found out within `SETTLE_SECONDS` (and the time limit of the attempt that was under way then).
        """
        started = self._clock.monotonic()
        tries = 0
        while True:
            try:
                result = await attempt(tries > 0)
            except Unclear as error:
                raise unknown(error) from error
            except Exception as error:
                if not is_passing(error) or (never_sent(error) and not tries):
                    raise translate(error) from error
                if self._clock.monotonic() - started >= SETTLE_SECONDS:
                    raise unknown(error) from error
            else:
                self._metrics.observe("storage_commit_seconds", self._clock.monotonic() - started)
                return result
            tries += 1
            await self._clock.sleep(self._random.uniform(0, min(MAX_REST_SECONDS, 0.02 * 2**tries)))

    async def _marks_of(self, id_: str) -> Stored | None:
        return await self._driver.find_one(self._name, {"_id": id_}, {"rev": 1, "w": 1})

    async def _taken(self, encoded: Encoded, same_id: Stored | None) -> tuple[str, ...] | None:
        """Which key another document has: servers word it differently, so we look. `None`: none any more."""
        if same_id is not None:
            return ("_id",)
        for name, text in self._shape.keys(encoded).items():
            other = {f"u.{name}": text, "_id": {"$ne": encoded.id}}
            if await self._driver.find_one(self._name, other, {"_id": 1}) is not None:
                return self._shape.unique[name]
        return None


def _arrived(found: Stored | None, rev: int, mark: int) -> bool:
    """Whether the write that was to make revision `rev` did. Raises `Unclear` if its mark may have been pushed out, or
    if the document is gone."""
    if found is None:
        raise Unclear("the document is gone")
    if mark in found["w"]:
        return True
    if rev <= found["rev"] - MARKS:
        raise Unclear("changed too often since")
    return False
