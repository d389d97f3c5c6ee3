"""The one thread that writes.

Callers on the event loop hand over operations; the thread takes what has gathered, runs one after the other, commits
once, and then tells all of them. Nothing waits for company: what comes while a commit is under way goes into the next
one, so batches grow exactly when the disk is slow.

What an operation writes by a single statement, SQLite undoes as a whole if it fails. Only those of `several` statements
get a savepoint: it would double the number of statements, and after each of them the thread has to wait until it gets
the interpreter back.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from domain.ports import Clock, Metrics
from storage.sqlite.errors import closed, is_full, overloaded, translate

T = TypeVar("T")
MAX_BATCH_OPERATIONS = 64
MAX_BATCH_SECONDS = (
    0.005  # of work before the commit, so that a pile of slow changes does not hold up the first
)


class RaisedByChange(Exception):
    """Carries what a caller's own function raised past the translation of errors."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error


@dataclass(slots=True, eq=False)
class Operation:
    """One change of one document on its way: what to do, who waits, what came of it."""

    name: str
    run: Callable[[sqlite3.Connection], Any]
    future: asyncio.Future[Any]
    size: int
    skip_if_cancelled: bool
    several: bool
    value: Any = None
    error: BaseException | None = None


class _Undone(Exception):
    """SQLite rolled the whole transaction back by itself."""


class Writer:
    """Owns the writing connection. Everything but the thread's own methods runs on the event loop."""

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        *,
        clock: Clock,
        metrics: Metrics,
        commit_delay_ms: float,
        max_queue_bytes: int,
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._metrics = metrics
        self._commit_delay_seconds = commit_delay_ms / 1000
        self._max_queue_bytes = max_queue_bytes
        self._loop = asyncio.get_running_loop()
        self._fresh: list[Operation] = []
        self._queue: SimpleQueue[list[Operation] | None] = SimpleQueue()
        self._left: deque[Operation] = deque()
        self._queued_bytes = 0
        self._accepting = True
        self._finishing = False
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._pause = threading.Event()  # never set: a sleep of the thread
        self._thread = threading.Thread(target=self._main, name="storage-writer", daemon=True)

    async def start(self) -> None:
        """Open the connection in the thread; raises what opening raised."""
        self._thread.start()
        await asyncio.shield(self._opened)

    async def run(
        self,
        name: str,
        work: Callable[[sqlite3.Connection], T],
        *,
        size: int,
        skip_if_cancelled: bool = False,
        several: bool = False,
    ) -> T:
        """Run `work` in the writer and return its result once it is durable. `size` counts against the bound.
        `several`: it writes by more than one statement.

        If the caller is cancelled the work is done all the same, unless `skip_if_cancelled` and not begun.
        """
        if not self._accepting:
            raise closed()
        if self._queued_bytes + size > self._max_queue_bytes and self._queued_bytes:
            raise overloaded(self._queued_bytes)
        future: asyncio.Future[T] = self._loop.create_future()
        operation = Operation(name, work, future, size, skip_if_cancelled, several)
        self._queued_bytes += size
        self._fresh.append(operation)
        if len(self._fresh) == 1:
            # At the end of this turn of the loop: whoever writes in the same turn shares the commit.
            self._loop.call_soon(self._hand_over)
        return await future

    async def finish(self) -> None:
        """Take nothing more, write what was handed over, close the connection."""
        self._accepting = False
        if not self._finishing:
            self._finishing = True
            self._hand_over()
            self._queue.put(None)
        await asyncio.shield(self._ended)
        self._thread.join()

    def refuse(self) -> None:
        """Take nothing more."""
        self._accepting = False

    def _hand_over(self) -> None:
        if self._fresh:
            self._queue.put(self._fresh)
            self._fresh = []

    def _settle(self, batch: list[Operation], seconds: float | None) -> None:
        for operation in batch:
            self._queued_bytes -= operation.size
            if operation.future.done():
                continue
            if operation.error is None:
                operation.future.set_result(operation.value)
            elif isinstance(operation.error, StopIteration):
                # A future cannot carry it; a coroutine would have turned it into the same error.
                operation.future.set_exception(RuntimeError("the change raised StopIteration"))
            else:
                operation.future.set_exception(operation.error)
        for name, amount in Counter(operation.name for operation in batch).items():
            self._metrics.count("storage_operations_total", amount, operation=name)
        self._metrics.observe("storage_batch_operations", len(batch))
        if seconds is not None:
            self._metrics.observe("storage_commit_seconds", seconds)

    # What follows runs in the thread.

    def _main(self) -> None:
        try:
            connection = self._connect()
        except BaseException as error:
            self._tell(_set_exception, self._opened, translate(error))
            self._tell(_set_result, self._ended)
            return
        self._tell(_set_result, self._opened)
        try:
            while (batch := self._next_batch()) is not None:
                seconds = self._write(connection, batch)
                self._tell(self._settle, batch, seconds)
        finally:
            _close(connection)
            self._tell(_set_result, self._ended)

    def _tell(self, callback: Callable[..., None], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:
            return  # the loop is closed: nobody is left to be told

    def _next_batch(self) -> list[Operation] | None:
        left = self._left
        if not left:
            handed = self._queue.get()
            if handed is None:
                return None
            left.extend(handed)
        while len(left) < MAX_BATCH_OPERATIONS:
            try:
                handed = self._queue.get_nowait()
            except Empty:
                break
            if handed is None:
                self._queue.put(None)  # the end comes after what is left
                break
            left.extend(handed)
        return [left.popleft() for _ in range(min(len(left), MAX_BATCH_OPERATIONS))]

    def _write(self, connection: sqlite3.Connection, batch: list[Operation]) -> float | None:
        """Fill in the outcome of each operation. Whatever happens is an outcome; nothing leaves this method."""
        try:
            return self._write_together(connection, batch)
        except BaseException as error:
            _roll_back(connection)
            if len(batch) == 1 or not (isinstance(error, _Undone) or is_full(error)):
                cause = error.__cause__ if isinstance(error, _Undone) and error.__cause__ else error
                for operation in batch:
                    operation.error = _outcome(cause)
                return None
        # One of them had no room or undid all: apart, each gets the outcome that is its own.
        for operation in batch:
            operation.value = operation.error = None
            self._write(connection, [operation])
        return None

    def _write_together(self, connection: sqlite3.Connection, batch: list[Operation]) -> float | None:
        connection.execute("BEGIN IMMEDIATE")
        begun = self._clock.monotonic()
        changes = connection.total_changes
        for position, operation in enumerate(batch):
            if operation.skip_if_cancelled and operation.future.cancelled():
                continue
            _perform(connection, operation)
            if self._clock.monotonic() - begun > MAX_BATCH_SECONDS and position + 1 < len(batch):
                self._left.extendleft(reversed(batch[position + 1 :]))
                del batch[position + 1 :]
                break
        wrote = connection.total_changes != changes
        if wrote and self._commit_delay_seconds:
            self._pause.wait(self._commit_delay_seconds)
        started = self._clock.monotonic()
        connection.execute("COMMIT")
        return self._clock.monotonic() - started + self._commit_delay_seconds if wrote else None


def _perform(connection: sqlite3.Connection, operation: Operation) -> None:
    if operation.several:
        connection.execute("SAVEPOINT operation")
    try:
        operation.value = operation.run(connection)
    except BaseException as error:
        if not connection.in_transaction:
            raise _Undone from error
        if operation.several:
            connection.execute("ROLLBACK TO operation")
        operation.error = _outcome(error)
    if operation.several:
        connection.execute("RELEASE operation")


def _outcome(error: BaseException) -> BaseException:
    return error.error if isinstance(error, RaisedByChange) else translate(error)


def _roll_back(connection: sqlite3.Connection) -> None:
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    except sqlite3.Error:
        return  # the next BEGIN tells what is wrong with the connection


def _close(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error:
        return  # all is in the log, which the next start reads
    finally:
        connection.close()


def _set_result(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _set_exception(future: asyncio.Future[None], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
