"""The SQLite engine: one file, one writing thread, a few reading ones, one process."""

# ruff: noqa: S608 - every name in a statement comes from a checked schema, every value is a parameter
from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from domain.ports import Clock, Metrics, NullMetrics
from storage.contracts import Document, Schema, StorageBroken, Store
from storage.sqlite.collection import SQLiteCollection
from storage.sqlite.errors import closed, full, is_full, translate
from storage.sqlite.export import Export
from storage.sqlite.files import Lock, Place, place, prepare
from storage.sqlite.reader import Readers
from storage.sqlite.statements import Table
from storage.sqlite.tables import PROBE, prepare_database, prepare_table
from storage.sqlite.writer import Writer

PAGE_BYTES = 4096
BUSY_SECONDS = 5.0  # another program may hold the file for a moment: a backup, a look with the shell
CHECKED_AT_OPENING_BYTES = 16 * 1024 * 1024  # about 50 ms; a larger file shows its damage when it is read


@dataclass(frozen=True, slots=True)
class SQLiteOptions:
    """`max_bytes` bounds the database file (`None`: the disk does). `commit_delay_ms` makes each commit slower, to
    see what a slow disk would do. `max_queue_bytes` bounds what waits to be written."""

    max_bytes: int | None = None
    commit_delay_ms: float = 0
    max_queue_bytes: int = 32 * 1024 * 1024
    reading_threads: int = 3


class SQLiteStore:
    """See `storage.contracts.Store`, which it keeps. Made by `open_sqlite`."""

    def __init__(
        self,
        where: Place,
        *,
        lock: Lock,
        writer: Writer,
        readers: Readers,
        connect: Callable[[], sqlite3.Connection],
    ) -> None:
        self._place = where
        self._connect = connect
        self._exports: set[Export] = set()
        self._lock = lock
        self._writer = writer
        self._readers = readers
        self._collections: dict[str, SQLiteCollection] = {}
        self._opening = asyncio.Lock()
        self._closing = asyncio.Lock()
        self._accepting = True
        self._closed = False

    @property
    def path(self) -> Path:
        """The database file."""
        return self._place.database

    async def collection(self, schema: Schema) -> SQLiteCollection:
        async with self._opening:
            if not self._accepting:
                raise closed()
            opened = self._collections.get(schema.name)
            if opened is None:
                table = Table(schema)
                await self._writer.run(
                    "open", lambda connection: prepare_table(connection, table), size=0, several=True
                )
                opened = SQLiteCollection(table, writer=self._writer, readers=self._readers)
                self._collections[schema.name] = opened
            elif opened.schema != schema:
                raise StorageBroken(f"The collection {schema.name} is opened with two different schemas.")
            return opened

    async def probe(self) -> None:
        def work(connection: sqlite3.Connection) -> None:
            # Two pages of content need fresh room, so a file at its bound shows; they are free again at once.
            connection.execute(f"INSERT INTO {PROBE} VALUES (zeroblob(?))", (2 * PAGE_BYTES,))
            connection.execute(f"DELETE FROM {PROBE}")

        await self._writer.run("probe", work, size=0, several=True)

    async def export(self) -> AsyncGenerator[tuple[str, Document], None]:
        if not self._accepting:
            raise closed()
        export = Export(self._connect)
        self._exports.add(export)
        try:
            async with aclosing(export.documents()) as documents:
                async for item in documents:
                    yield item
        finally:
            export.end()
            self._exports.discard(export)

    async def size_bytes(self) -> int:
        def work(_: sqlite3.Connection) -> int:
            return sum(path.stat().st_size for path in self._place.files if path.exists())

        return await self._readers.run(work)

    async def close(self) -> None:
        self._accepting = False
        self._writer.refuse()
        self._readers.refuse()
        async with self._closing:
            if self._closed:
                return
            for export in list(self._exports):
                export.end()
                await asyncio.to_thread(export.wait)
            await asyncio.to_thread(self._readers.close)
            await self._writer.finish()
            # Only now: whoever is cancelled above may call again, and nobody else gets in before all is written.
            self._lock.release()
            self._closed = True


async def open_sqlite(
    path: Path, *, clock: Clock, metrics: Metrics | None = None, options: SQLiteOptions | None = None
) -> SQLiteStore:
    """Open a directory or a database file, and make it if there is none.

    Raises `Conflict` (`storage.locked`) if another process has it, `StorageBroken` if it is damaged, of a newer format
    or not ours to write, `StorageFull` if there is no room to make it.
    """
    options = options or SQLiteOptions()
    where = place(path)
    lock = prepare(
        where
    )  # a few system calls, once; not in a thread, where a cancelled start would leave the lock
    writer = Writer(
        lambda: _connect_writer(where, options),
        clock=clock,
        metrics=metrics or NullMetrics(),
        commit_delay_ms=options.commit_delay_ms,
        max_queue_bytes=options.max_queue_bytes,
    )
    try:
        await writer.start()
        readers = _connect_readers(where, options)
    except BaseException:
        await writer.finish()
        lock.release()
        raise
    return SQLiteStore(
        where, lock=lock, writer=writer, readers=readers, connect=lambda: _connect_reader(where)
    )


def _connect_writer(where: Place, options: SQLiteOptions) -> sqlite3.Connection:
    connection = _connect(where)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 2000")
        connection.execute(f"PRAGMA journal_size_limit = {64 * 1024 * 1024}")
        if where.database.stat().st_size <= CHECKED_AT_OPENING_BYTES:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise _damaged(found)
        if options.max_bytes is not None:
            connection.execute(f"PRAGMA max_page_count = {max(1, options.max_bytes // PAGE_BYTES)}")
        connection.execute("BEGIN IMMEDIATE")
        prepare_database(connection)
        connection.execute("COMMIT")
    except BaseException as error:
        connection.close()
        raise (full() if is_full(error) else translate(error)) from error
    return connection


def _connect_readers(where: Place, options: SQLiteOptions) -> Readers:
    try:
        return Readers(lambda: _connect_reader(where), threads=options.reading_threads)
    except sqlite3.Error as error:
        raise translate(error) from error


def _connect_reader(where: Place) -> sqlite3.Connection:
    connection = _connect(where)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _connect(where: Place) -> sqlite3.Connection:
    return sqlite3.connect(
        where.database,
        timeout=BUSY_SECONDS,
        isolation_level=None,  # we begin and commit ourselves
        check_same_thread=False,
        cached_statements=256,
    )


def _damaged(found: str) -> StorageBroken:
    error = sqlite3.DatabaseError(found)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    ours = translate(error)
    assert isinstance(ours, StorageBroken)
    return ours


def _conforms(store: SQLiteStore) -> Store:
    return store
