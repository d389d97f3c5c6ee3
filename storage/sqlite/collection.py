"""The `Collection` of SQLite: what each call does to one row, in the writer or on a reading connection."""

from __future__ import annotations

import re
import sqlite3

from domain.errors import Rejected
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
    Where,
)
from storage.documents import Encoded
from storage.sqlite.reader import Readers
from storage.sqlite.statements import Table
from storage.sqlite.writer import RaisedByChange, Writer

_OPERATION_BYTES = 512  # what an operation holds besides its document
_FAILED_COLUMNS = re.compile(r"\w+\.(\w+)")


class SQLiteCollection:
    """See `storage.contracts.Collection`, which it keeps."""

    def __init__(self, table: Table, *, writer: Writer, readers: Readers) -> None:
        self._table = table
        self._decode = table.fields.decode
        self._writer = writer
        self._readers = readers

    @property
    def schema(self) -> Schema:
        return self._table.schema

    async def insert(self, document: Document) -> Document:
        encoded = self._table.fields.encode(document)

        def work(connection: sqlite3.Connection) -> None:
            self._insert(connection, encoded)

        await self._writer.run("insert", work, size=encoded.size + _OPERATION_BYTES)
        return self._decode(encoded.text, 1)

    async def get(self, id: str) -> Document | None:
        def work(connection: sqlite3.Connection) -> Document | None:
            row = connection.execute(self._table.get, (_key(id),)).fetchone()
            return None if row is None else self._decode(row[1], row[0])

        return await self._readers.run_here(work)

    async def find(
        self, where: Where, *, sort: Sort = (), limit: int = 100, after: str | None = None
    ) -> Page:
        query, keys = self._table.find(where, sort, limit, after)

        def work(connection: sqlite3.Connection) -> Page:
            documents = [self._decode(text, rev) for rev, text in connection.execute(*query).fetchall()]
            if len(documents) <= limit:
                return Page(documents, None)
            documents.pop()
            return Page(documents, self._table.fields.write_cursor(keys, documents[-1]))

        quick = self._table.is_quick(where, sort, limit)
        return await (self._readers.run_here(work) if quick else self._readers.run(work))

    async def change(self, id: str, fn: Change, *, initial: Document | None = None) -> Document | None:
        start = None if initial is None else self._table.fields.encode({**initial, "_id": id})
        size = _OPERATION_BYTES + (0 if start is None else start.size)

        def work(connection: sqlite3.Connection) -> Document | None:
            return self._change(connection, id, fn, start)

        return await self._writer.run("change", work, size=size)

    async def claim(
        self, *, owner: str, now: int, lease_ms: int, where: Where | None = None
    ) -> Document | None:
        if not self.schema.claimable:
            raise StorageBroken(f"{self.schema.name} is not declared as claimable.")
        self._table.fields.checked_where({"lease_owner": owner, "lease_until": now + lease_ms, "due_at": now})
        sql, parameters = self._table.claim(where or {}, owner=owner, now=now, lease_ms=lease_ms)

        def work(connection: sqlite3.Connection) -> Document | None:
            try:
                rows = connection.execute(sql, parameters).fetchall()
            except sqlite3.IntegrityError as error:
                raise self._duplicate(error) from error
            return self._decode(rows[0][1], rows[0][0]) if rows else None

        # A claim that nobody waits for any more would only keep the document from others until the lease ends.
        return await self._writer.run("claim", work, size=_OPERATION_BYTES, skip_if_cancelled=True)

    async def delete(self, id: str, *, rev: int | None = None) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            return connection.execute(self._table.delete, (_key(id), rev, rev)).rowcount > 0

        return await self._writer.run("delete", work, size=_OPERATION_BYTES)

    async def count(self, where: Where) -> int:
        query = self._table.count(where)

        def work(connection: sqlite3.Connection) -> int:
            (found,) = connection.execute(*query).fetchone()
            return int(found)

        return await self._readers.run(work)

    async def tally(self, by: str, where: Where) -> dict[Scalar, int]:
        query = self._table.tally(by, where)
        is_bool = self._table.fields.kind(by) is bool

        def work(connection: sqlite3.Connection) -> dict[Scalar, int]:
            rows = connection.execute(*query).fetchall()
            return {bool(value) if is_bool and value is not None else value: found for value, found in rows}

        return await self._readers.run(work)

    # What follows runs in the writer.

    def _insert(self, connection: sqlite3.Connection, encoded: Encoded) -> None:
        try:
            connection.execute(self._table.insert, (encoded.id, 1, encoded.text, *encoded.columns))
        except sqlite3.IntegrityError as error:
            # Several keys may be taken; the identifier is told first, whichever SQLite met first.
            if connection.execute(self._table.exists, (encoded.id,)).fetchone():
                raise Duplicate(self.schema.name, ("_id",)) from error
            raise self._duplicate(error) from error

    def _change(
        self, connection: sqlite3.Connection, id_: str, fn: Change, start: Encoded | None
    ) -> Document | None:
        row = connection.execute(self._table.get, (_key(id_),)).fetchone()
        if row is not None:
            before = self._decode(row[1], row[0])
        elif start is not None:
            before = self._decode(start.text, 0)
        else:
            return None
        try:
            after = fn(before)
        except BaseException as error:
            raise RaisedByChange(error) from error
        if after is None:
            return None if row is None else self._decode(row[1], row[0])
        encoded = self._encode_changed(id_, after)
        if row is None:
            self._insert(connection, encoded)
            return self._decode(encoded.text, 1)
        rev = int(row[0]) + 1
        try:
            connection.execute(self._table.update, (rev, encoded.text, *encoded.columns, id_))
        except sqlite3.IntegrityError as error:
            raise self._duplicate(error) from error
        return self._decode(encoded.text, rev)

    def _encode_changed(self, id_: str, after: object) -> Encoded:
        if not isinstance(after, dict):
            raise Rejected(
                f"{self.schema.name} cannot keep {id_!r}: the change returned a {type(after).__name__}.",
                code="storage.document",
            )
        if after.get("_id", id_) != id_:
            raise Rejected(
                f"{self.schema.name} cannot keep {id_!r}: a change must not give it another _id.",
                code="storage.document",
            )
        return self._table.fields.encode({"_id": id_, **after})

    def _duplicate(self, error: sqlite3.IntegrityError) -> Duplicate | StorageBroken:
        """ "UNIQUE constraint failed: c_people.f_name, c_people.f_town", as the key that the schema declares."""
        key = tuple(name.removeprefix("f_") for name in _FAILED_COLUMNS.findall(str(error)))
        if key == ("_id",) or key in self.schema.unique:
            return Duplicate(self.schema.name, key)
        return StorageBroken(f"SQLite refused: {error}", advice="Please report this.")


def _key(id_: str) -> str:
    """An identifier that could never be stored is looked up as one that is not there."""
    return id_.encode("utf-8", "replace").decode()


def _conforms(collection: SQLiteCollection) -> Collection:
    return collection
