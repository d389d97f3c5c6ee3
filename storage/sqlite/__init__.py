"""The SQLite engine of the store: `open_sqlite`."""

from storage.sqlite.store import SQLiteOptions, SQLiteStore, open_sqlite

__all__ = ["SQLiteOptions", "SQLiteStore", "open_sqlite"]
