"""Documents of older versions, written in the shape of this release. Safe to stop and to run again, at any time.

Nobody has to: a document is upgraded whenever it is read. But a later release may drop an upgrade, and a search finds
a field that is new only where it is written down.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass

from storage.contracts import Document, Schema, Store
from storage.documents import Fields


@dataclass(slots=True)
class Migrated:
    """One collection: its `documents`, those that were `older`, and how many of these were `written` anew."""

    collection: str
    version: int
    documents: int = 0
    older: int = 0
    written: int = 0


async def migrate(store: Store, schemas: Mapping[str, Schema], *, dry_run: bool) -> list[Migrated]:
    """Write every document that an earlier version wrote; with `dry_run` only count them.

    Collections that this release does not know are left alone (and in the result with version 0). Raises
    `StorageBroken` for a document of a later version or one that does not upgrade, and what the store raises.
    """
    found = {name: Migrated(name, schema.version) for name, schema in schemas.items()}
    fields = {name: Fields(schema) for name, schema in schemas.items()}
    if not dry_run:
        for schema in schemas.values():
            await store.collection(schema)
    async with aclosing(store.export()) as documents:
        async for name, document in documents:
            told = found.setdefault(name, Migrated(name, 0))
            told.documents += 1
            if name not in schemas or document.get("_v", 1) == schemas[name].version:
                continue
            id_ = document["_id"]
            fields[name].upgraded(document)
            told.older += 1
            if not dry_run:
                collection = await store.collection(schemas[name])
                told.written += await collection.change(id_, _as_it_is) is not None
    return sorted(found.values(), key=lambda each: each.collection)


def _as_it_is(document: Document) -> Document:
    return document
