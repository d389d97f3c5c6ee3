"""Makes the tables what the schemas say, at each opening. Runs in the writer, in one savepoint.

A field, an index or a unique key that is new is added and filled from the documents. What is no longer declared is
left (a column) or dropped (an index); a column that is declared again is filled anew, since nobody kept it meanwhile.
"""

# ruff: noqa: S608 - every name in a statement comes from a checked schema, every value is a parameter
from __future__ import annotations

import json
import sqlite3
from typing import Any

from domain.errors import Rejected
from storage.contracts import StorageBroken
from storage.sqlite.statements import Table, column

FORMAT_VERSION = 1
META = "cuelight_meta"
PROBE = "cuelight_probe"


def prepare_database(connection: sqlite3.Connection) -> None:
    """Make the engine's own tables, or check that this release can read what is there. Raises `StorageBroken`."""
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {META} (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL)"
    )
    connection.execute(f"CREATE TABLE IF NOT EXISTS {PROBE} (content BLOB)")
    found = _read_meta(connection, "format")
    if found is None:
        _write_meta(connection, "format", FORMAT_VERSION)
    elif not isinstance(found, int) or found > FORMAT_VERSION:
        raise StorageBroken(
            f"The database has format {found}, this release reads up to {FORMAT_VERSION}.",
            advice="Run the newer release that wrote it, or restore a backup from before the upgrade.",
        )


def prepare_table(connection: sqlite3.Connection, table: Table) -> None:
    """Make or change the table of a collection. Raises `StorageBroken` if its documents contradict the schema."""
    fields = {name: kind.__name__ for name, kind in table.fields.types.items()}
    present = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")}
    if not present:
        columns = "".join(f", {column(name)}" for name in fields)
        connection.execute(
            f"CREATE TABLE {table.name}"
            f" (_id TEXT PRIMARY KEY NOT NULL, rev INTEGER NOT NULL, doc TEXT NOT NULL{columns})"
        )
    else:
        kept = _read_meta(connection, f"fields {table.name}") or {}
        for name in fields:
            if column(name) not in present:
                connection.execute(f"ALTER TABLE {table.name} ADD COLUMN {column(name)}")
        indexes = _indexes(table)
        for name in _present_indexes(connection, table):
            if name not in indexes:
                connection.execute(f'DROP INDEX "{name}"')
        version = _read_meta(connection, f"version {table.name}") or 1
        if version != table.schema.version or any(kept.get(name) != kind for name, kind in fields.items()):
            _fill(connection, table)
    if table.schema.version > 1 or _read_meta(connection, f"version {table.name}") is not None:
        _write_meta(connection, f"version {table.name}", table.schema.version)
    _write_meta(connection, f"fields {table.name}", fields)
    _create_indexes(connection, table)


def _fill(connection: sqlite3.Connection, table: Table) -> None:
    names = [column(name) for name in table.fields.types]
    assigned = ", ".join(f"{name} = ?" for name in names)
    last = ""
    while True:
        rows = connection.execute(
            f"SELECT _id, rev, doc FROM {table.name} WHERE _id > ? ORDER BY _id LIMIT 500", (last,)
        ).fetchall()
        if not rows:
            return
        last = rows[-1][0]
        changes = []
        for id_, rev, text in rows:
            try:
                changes.append((*table.fields.columns(table.fields.decode(text, rev)), id_))
            except Rejected as error:
                raise StorageBroken(
                    f"The schema of {table.schema.name} does not fit what is stored: {error.message}",
                    advice="Run the release that wrote it, or restore a backup from before the upgrade.",
                ) from error
        connection.executemany(f"UPDATE {table.name} SET {assigned} WHERE _id = ?", changes)


def _indexes(table: Table) -> dict[str, str]:
    """Name to statement. The name tells kind and fields, so that a changed declaration has another name."""
    wanted: dict[str, str] = {}
    for kind, keys in (("unique", table.schema.unique), ("index", table.schema.indexes)):
        for key in keys:
            name = f"{kind} {table.name}({', '.join(key)})"
            # A search ends its order with _id; a unique key must not have it.
            ordered = (*key, "_id") if kind == "index" and "_id" not in key else key
            columns = ", ".join(column(field) for field in ordered)
            word = "UNIQUE INDEX" if kind == "unique" else "INDEX"
            wanted[name] = f'CREATE {word} IF NOT EXISTS "{name}" ON {table.name} ({columns})'
    if table.schema.claimable:
        name = f"claim {table.name}"
        wanted[name] = (
            f'CREATE INDEX IF NOT EXISTS "{name}" ON {table.name} (f_due_at, _id) WHERE f_due_at IS NOT NULL'
        )
    return wanted


def _present_indexes(connection: sqlite3.Connection, table: Table) -> list[str]:
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL",
        (table.name,),
    )
    return [row[0] for row in rows.fetchall()]


def _create_indexes(connection: sqlite3.Connection, table: Table) -> None:
    for name, statement in _indexes(table).items():
        try:
            connection.execute(statement)
        except sqlite3.IntegrityError as error:
            raise StorageBroken(
                f"Documents that are stored already share a key that is to be unique: {name}.",
                advice="Run the release that wrote them and remove the doubles, or restore a backup.",
            ) from error


def _read_meta(connection: sqlite3.Connection, name: str) -> Any:
    row = connection.execute(f"SELECT value FROM {META} WHERE name = ?", (name,)).fetchone()
    return None if row is None else json.loads(row[0])


def _write_meta(connection: sqlite3.Connection, name: str, value: object) -> None:
    """Writes only what differs: opening a store that is up to date needs no room on the disk."""
    if _read_meta(connection, name) != value:
        connection.execute(
            f"INSERT INTO {META} VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, json.dumps(value)),
        )
