"""A backup back into a store of any engine: checked as a whole first, then written through the contract.

Documents of older versions are brought up to date on the way; their `rev` begins anew.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import IO

from domain.errors import Conflict, Rejected
from storage.backup import BackupReader, Contents
from storage.contracts import Document, Duplicate, Schema, Store
from storage.documents import Fields

SIDE_BY_SIDE = 64  # documents on their way to the store, which writes them in few commits
BATCH_BYTES = 8 * 1024 * 1024
Told = Callable[[int], Awaitable[None]]


@dataclass(slots=True)
class Restored:
    """`counts` by collection. `left_out`: documents that share a unique key with one that was restored before them
    (a copy of MongoDB is not of one moment)."""

    counts: Counter[str] = field(default_factory=Counter)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def check(file: IO[bytes], schemas: Mapping[str, Schema]) -> Contents:
    """Read a backup to its end and try each document on its schema; writes nothing. Blocks.

    Raises as `BackupReader` does, `Rejected` (`backup.collection`, `storage.document`) and `StorageBroken`.
    """
    fields = {name: Fields(schema) for name, schema in schemas.items()}
    backup = BackupReader(file)
    for collection, document in backup:
        known = fields.get(collection)
        if known is None:
            raise Rejected(
                f"This backup has a collection {collection[:60]!r} that this release does not know.",
                code="backup.collection",
                advice="Restore it with the release that wrote it, or a newer one.",
            )
        known.encode(known.upgraded(document))
    assert backup.contents is not None
    return backup.contents


async def refuse_unless_empty(store: Store, *, passing: frozenset[str]) -> None:
    """Raises `Conflict` (`restore.not_empty`) if the store has a document, other than of the `passing` collections."""
    async with aclosing(store.export()) as documents:
        async for collection, _ in documents:
            if collection not in passing:
                raise Conflict(
                    f"The store is not empty: there are documents in {collection}.",
                    code="restore.not_empty",
                    advice="A backup is restored into an empty store only. Name another data directory (DATA_DIR) or"
                    " database (MONGO_URL), or move away what is there.",
                )


async def restore(
    file: IO[bytes], store: Store, schemas: Mapping[str, Schema], *, passing: frozenset[str], told: Told
) -> Restored:
    """Write every document of a backup that `check` found good, but those of the `passing` collections.

    `told` hears now and then how many are written. Raises what the store raises; what was written until then stays.
    """
    result = Restored()
    fields = {name: Fields(schema) for name, schema in schemas.items()}
    batches = BackupReader(file).batches(documents=SIDE_BY_SIDE, size_bytes=BATCH_BYTES)
    nothing: list[tuple[str, Document]] = []
    while batch := await asyncio.to_thread(next, batches, nothing):
        wanted = [(name, fields[name].upgraded(document)) for name, document in batch if name not in passing]
        writes = [_insert(store, schemas[name], document, result) for name, document in wanted]
        for outcome in await asyncio.gather(*writes, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
        await told(result.counts.total())
    return result


async def _insert(store: Store, schema: Schema, document: Document, result: Restored) -> None:
    collection = await store.collection(schema)
    try:
        await collection.insert(document)
    except Duplicate:
        result.left_out.append((schema.name, document["_id"]))
    else:
        result.counts[schema.name] += 1
