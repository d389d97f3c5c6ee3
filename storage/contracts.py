"""What every storage engine promises. One suite (`tests/storage/test_collection_contract.py`) holds all to it.

A **document** is a JSON object: `str`, `int` (within 64 bits), finite `float`, `bool`, `None`, lists and objects. Keys
are strings without NUL. Three keys belong to the engine: `_id` (chosen by the caller, `str`, 1 to 512 characters,
never changed), `rev` (1 after the insert, one more after each change; what the caller puts there is overwritten) and
`_v` (the version of the schema that it was written by; absent means 1; callers never see it).

There are no update operators and no transactions across documents: every change is one document, so that the same
code runs on any engine. When a call returns, what it wrote is durable (it survives `kill -9` and a power cut).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from domain.errors import Broken, Conflict, Unavailable

Document = dict[str, Any]
Scalar = str | int | bool | None
Change = Callable[[Document], Document | None]


class Duplicate(Conflict):
    """A unique key is taken. `key` names its fields, `("_id",)` for the identifier."""

    code = "storage.duplicate"

    def __init__(self, collection: str, key: tuple[str, ...]) -> None:
        super().__init__(f"{collection} already has a document with this {' + '.join(key)}.")
        self.key = key


class StorageFull(Unavailable):
    """The disk (or the configured bound) is full. Reads go on; writes work again once there is room."""

    code = "storage.full"


class StorageUnavailable(Unavailable):
    """The store did not answer in time, or is closed. The outcome of a write is unknown."""

    code = "storage.unavailable"


class StorageBroken(Broken):
    """The store holds something that it should not: a damaged file, an undeclared field, a newer format."""

    code = "storage.broken"


@dataclass(frozen=True, slots=True)
class Range:
    """`low <= value < high`; either end may be open (`None`). Documents without the field do not match."""

    low: int | str | None = None
    high: int | str | None = None


@dataclass(frozen=True, slots=True)
class In:
    """The value is one of these (at most 500). An empty tuple matches nothing."""

    values: tuple[Scalar, ...]


Where = Mapping[str, Scalar | Range | In]
"""Declared fields only; all must hold. `None` matches documents where the field is null or missing."""

Sort = Sequence[tuple[str, Literal[1, -1]]]
"""Declared fields, 1 ascending, -1 descending; `_id` ascending breaks ties. Null and missing sort first."""


@dataclass(frozen=True, slots=True)
class Schema:
    """What an engine must know of a collection before it can open it.

    `fields` are the top-level keys that may be searched and sorted (value type `str`, `int` or `bool`). `unique` lists
    keys (tuples of declared fields) that no two documents share; a document in which any part is null or missing is
    exempt. `indexes` lists tuples of declared fields worth an index. `claimable` collections have the fields `due_at`
    (ms, or null: not due), `lease_until` (ms, or null), `lease_owner`, `fence` (int), declared by the engine itself.

    `version` counts the shapes that its documents have had; `upgrades[n]` makes one of version n + 1 out of one of
    version n (pure, quick; it may change its argument). Documents are upgraded as they are read and kept in the new
    shape when they are next written (`cuelight migrate` writes them all). A document of a later version raises
    `StorageBroken`: a release that brings a new version is preceded by one that can read it.
    """

    name: str
    fields: Mapping[str, type] = field(default_factory=dict)
    unique: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    claimable: bool = False
    version: int = 1
    upgrades: Mapping[int, Callable[[Document], Document]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a `find`. `cursor` is an opaque string for the next page, `None` at the end."""

    documents: list[Document]
    cursor: str | None


class Collection(Protocol):
    """One named set of documents.

    Every method may raise `StorageUnavailable`; those that write may raise `StorageFull`, and then wrote nothing.
    Documents that are handed in or out are copies: changing one changes nothing stored. An undeclared field in `where`,
    `sort` or `tally` raises `StorageBroken`.
    """

    @property
    def schema(self) -> Schema: ...

    async def insert(self, document: Document) -> Document:
        """Store a new document and return it with `rev` 1. Raises `Duplicate` and changes nothing if a key is taken."""
        ...

    async def get(self, id: str) -> Document | None:
        """The document as it is after the last finished write of this process, or `None`."""
        ...

    async def find(
        self, where: Where, *, sort: Sort = (), limit: int = 100, after: str | None = None
    ) -> Page:
        """Up to `limit` (1 to 1000) documents. `after` is the cursor of an earlier page with the same arguments; a
        malformed one raises `Rejected`. Documents written between two pages may or may not appear, none twice
        unless its sort key changed."""
        ...

    async def change(self, id: str, fn: Change, *, initial: Document | None = None) -> Document | None:
        """Replace one document by `fn(document)`, atomically, and return the new one.

        `fn` must be pure and quick: it may run more than once and on another thread. It may change and return its
        argument. If it returns `None`, nothing is written and the document is returned as it is. What it raises
        leaves `change` unaltered and nothing is written. A missing document: with `initial` (its `_id` is set)
        `fn(initial)` is inserted, else `None` is returned. Raises `Duplicate` if a unique key is taken.
        """
        ...

    async def claim(
        self, *, owner: str, now: int, lease_ms: int, where: Where | None = None
    ) -> Document | None:
        """Take the document with the smallest `due_at <= now` whose lease is free (null, or `lease_until <= now`).

        Sets `lease_owner`, `lease_until = now + lease_ms` and adds one to `fence`; of any number of callers exactly one
        gets it. Returns the claimed document or `None`. Only on claimable collections, else `StorageBroken`.
        """
        ...

    async def delete(self, id: str, *, rev: int | None = None) -> bool:
        """Remove a document; false if there was none. With `rev` only while it is at that revision, else false."""
        ...

    async def count(self, where: Where) -> int:
        """How many documents match."""
        ...

    async def tally(self, by: str, where: Where) -> dict[Scalar, int]:
        """How many documents match, for each value of the declared field `by` (null and missing count as `None`)."""
        ...


class Store(Protocol):
    """An open store. `collection` opens (and first creates) a collection; the same schema gives the same object."""

    async def collection(self, schema: Schema) -> Collection: ...

    async def probe(self) -> None:
        """Write one small document durably; raises `StorageUnavailable` or `StorageFull` if that is not possible."""
        ...

    def export(self) -> AsyncGenerator[tuple[str, Document], None]:
        """Every document of every collection that this store holds, opened or not, as `(collection, document)` in
        their stored shape (`_id` and `rev` set, not upgraded, `_v` where it is above 1). SQLite gives one moment;
        MongoDB gives each document as it is when it is reached. Writers are not held up. Whoever does not read to the
        end closes it (`contextlib.aclosing`)."""
        ...

    async def size_bytes(self) -> int:
        """About how much room the store takes."""
        ...

    async def close(self) -> None:
        """Finish what was begun, then close. Calls after that raise `StorageUnavailable`."""
        ...


async def every(collection: Collection, where: Where, *, sort: Sort = ()) -> AsyncIterator[Document]:
    """All matching documents, page by page."""
    cursor: str | None = None
    while True:
        page = await collection.find(where, sort=sort, limit=500, after=cursor)
        for document in page.documents:
            yield document
        if page.cursor is None:
            return
        cursor = page.cursor
