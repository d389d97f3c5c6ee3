"""Reads: a few threads, each read on a connection of its own, beside the writer and never behind it.

A read that an index leads straight to a few rows takes less time than waking a thread for it, so it is done where it
is asked for, on one more connection.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from storage.contracts import StorageUnavailable
from storage.sqlite.errors import closed, translate

T = TypeVar("T")
MAX_WAITING = 10_000  # reads under way or queued; a read that waits holds about a kilobyte


class Readers:
    """A bounded pool of reading connections. Each read sees every write that was acknowledged before it began."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], *, threads: int) -> None:
        self._connections = [connect() for _ in range(threads)]
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        for connection in self._connections:
            self._idle.put(connection)
        self._near = connect()
        self._near.execute("PRAGMA busy_timeout = 0")  # nothing may hold up the loop
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="storage-reader")
        self._waiting = 0
        self._accepting = True

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `work`, done in a thread. Raises our errors only."""
        if not self._accepting:
            raise closed()
        if self._waiting >= MAX_WAITING:
            raise StorageUnavailable("Too many reads are waiting.", code="storage.overloaded")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._work, work)
        finally:
            self._waiting -= 1

    async def run_here(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `work`, which must be quick: done at once on the event loop, or in a thread if another
        program holds the file at this moment. Raises our errors only."""
        if not self._accepting:
            raise closed()
        try:
            return work(self._near)
        except sqlite3.OperationalError:
            return await self.run(work)
        except Exception as error:
            raise translate(error) from error

    def _work(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._idle.get()
        try:
            return work(connection)
        except Exception as error:
            raise translate(error) from error
        finally:
            self._idle.put(connection)

    def refuse(self) -> None:
        """Take nothing more."""
        self._accepting = False

    def close(self) -> None:
        """Let the reads under way finish, then close. Blocks."""
        self.refuse()
        self._pool.shutdown(wait=True)
        for connection in (*self._connections, self._near):
            connection.close()
