"""What is under way in a store, and whose turn it is at a document."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from domain.ports import Metrics
from storage.mongo.errors import closed, overloaded

MAX_UNDER_WAY = 10_000  # calls; one that waits holds its document, which its caller holds as well


class Gate:
    """Counts the calls under way, lets none in after `shut`, and tells when the last has left."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._under_way = 0
        self._open = True
        self._empty = asyncio.Event()
        self._empty.set()

    @contextmanager
    def call(self, name: str) -> Generator[None, None, None]:
        """One call of a caller. Raises `StorageUnavailable` if the store is closed or too much is under way."""
        self.check()
        if self._under_way >= MAX_UNDER_WAY:
            raise overloaded()
        self._under_way += 1
        self._empty.clear()
        self._metrics.count("storage_operations_total", operation=name)
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._empty.set()

    def check(self) -> None:
        """Raises `StorageUnavailable` if the store is closed."""
        if not self._open:
            raise closed()

    def shut(self) -> None:
        """Let nobody in any more."""
        self._open = False

    async def emptied(self) -> None:
        """Wait until all who are in have left: as long as their own time limits let them."""
        await self._empty.wait()


class Turns:
    """One changer of a document at a time in this process: the others would only lose the race and read again."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._users: dict[str, int] = {}

    @asynccontextmanager
    async def at(self, id_: str) -> AsyncGenerator[None, None]:
        """Wait for the turn at a document, in order of arrival."""
        lock = self._locks.setdefault(id_, asyncio.Lock())
        self._users[id_] = self._users.get(id_, 0) + 1
        try:
            async with lock:
                yield
        finally:
            self._users[id_] -= 1
            if not self._users[id_]:
                del self._users[id_], self._locks[id_]
