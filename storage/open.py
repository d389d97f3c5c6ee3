"""Opens a store by its URL."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, unquote

from domain.errors import Rejected
from domain.ports import Clock, Metrics
from storage.contracts import Store
from storage.sqlite import SQLiteOptions, open_sqlite

_SQLITE = "sqlite:///"


async def open_store(
    url: str,
    *,
    clock: Clock,
    metrics: Metrics | None = None,
    sqlite: SQLiteOptions | None = None,
    migrate: bool = False,
) -> Store:
    """Open the store that `url` names; `sqlite` holds what only that engine knows.

    `sqlite:///data` is relative to the working directory, `sqlite:////var/lib/cuelight` (four slashes) is absolute;
    either names a directory, or a file that ends in `.db`, `.sqlite` or `.sqlite3`. Characters may be percent-encoded.
    `mongodb://host/name` and `mongodb+srv://host/name` name a database (`cuelight` where there is no name). `migrate`
    allows MongoDB's indexes to be changed; SQLite does it at each opening, since nobody else has the file.
    Raises `Rejected` (`storage.url`) for any other URL, and what `open_sqlite` and `open_mongo` raise.
    """
    if is_mongo(url):
        # Here, because the driver takes a fifth of a second and some megabytes that a store on SQLite has no use for.
        from storage.mongo import open_mongo  # noqa: PLC0415

        return await open_mongo(url, clock=clock, metrics=metrics, migrate=migrate)
    return await open_sqlite(sqlite_path(url), clock=clock, metrics=metrics, options=sqlite)


def is_mongo(url: str) -> bool:
    """Whether the URL names a MongoDB server, which several daemons may share."""
    return url.lower().startswith(("mongodb://", "mongodb+srv://"))


def sqlite_url(path: Path) -> str:
    """The URL of a data directory or a database file."""
    return _SQLITE + quote(str(path))


def sqlite_path(url: str) -> Path:
    """The path in a `sqlite:///` URL. Raises `Rejected` (`storage.url`) for any other URL, without showing it:
    it may hold a password."""
    scheme, colon, rest = url.partition(":")
    scheme = scheme.lower()
    if scheme != "sqlite" or not colon:
        raise _rejected(
            f"A store cannot be opened by the scheme {scheme[:20]!r}." if colon else "This is no URL."
        )
    path = unquote(rest.removeprefix("///"))
    if not rest.startswith("///") or not path or "?" in rest or "#" in rest or "\0" in path:
        raise _rejected("The URL of the SQLite store does not name a directory or a file.")
    return Path(path)


def _rejected(message: str) -> Rejected:
    return Rejected(
        message,
        code="storage.url",
        advice="Use sqlite:///data (relative), sqlite:////var/lib/cuelight (absolute, four slashes) or"
        " mongodb://host/cuelight.",
    )
