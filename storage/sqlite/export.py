"""A copy of everything, of one moment, read on a connection of its own while the writer goes on.

The moment is held by a read transaction, so the write-ahead log cannot be taken over into the database until the
export ends: whoever reads slowly pays with disk.
"""

# ruff: noqa: S608 - every name in a statement is one that SQLite gave us, quoted
from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor

from storage.contracts import Document
from storage.sqlite.errors import closed, translate

PREFIX = "c_"
BATCH_BYTES = 128 * 1024  # a few milliseconds of work between two looks at other things
Batch = list[tuple[str, Document]]


class Export:
    """One run through the store, in a thread of its own. `documents` may be iterated once."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="storage-export")
        self._connection: sqlite3.Connection | None = None
        self._batches = self._read()
        self._ended = False

    async def documents(self) -> AsyncGenerator[tuple[str, Document], None]:
        """Every document of the moment when the first one is asked for. Raises our errors only."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                if self._ended:
                    raise closed()
                batch = await loop.run_in_executor(self._thread, self._next)
                if not batch:
                    return
                for item in batch:
                    yield item
        finally:
            self.end()

    def end(self) -> None:
        """Stop after the batch under way. Does not wait, and may be called again."""
        if not self._ended:
            self._ended = True
            self._thread.submit(self._close)
            self._thread.shutdown(wait=False)

    def wait(self) -> None:
        """Blocks until the connection is closed, after `end`."""
        self._thread.shutdown(wait=True)

    # What follows runs in the thread.

    def _next(self) -> Batch:
        try:
            return next(self._batches, [])
        except Exception as error:
            raise translate(error) from error

    def _read(self) -> Generator[Batch, None, None]:
        self._connection = self._connect()
        self._connection.execute("BEGIN")
        names = self._connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, ?) = ? ORDER BY name",
            (len(PREFIX), PREFIX),
        ).fetchall()
        for (name,) in names:
            batch: Batch = []
            size = 0
            for rev, text in self._connection.execute(f'SELECT rev, doc FROM "{name}" ORDER BY _id'):
                batch.append((name.removeprefix(PREFIX), {**json.loads(text), "rev": rev}))
                size += len(text)
                if size >= BATCH_BYTES:
                    yield batch
                    batch, size = [], 0
            if batch:
                yield batch

    def _close(self) -> None:
        self._batches.close()  # with it goes the statement, which would keep the connection open
        if self._connection is not None:
            self._connection.close()
