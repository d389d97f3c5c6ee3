"""The blocks of the audit chains, and what the chain needs of the records: which are in no block yet, and their salts.

A record in no block has no `linked`; one that is in a block has its number there. Text, salt and commitment stand in
the record itself; erasing a record leaves what `STAYS` names. A block is never changed.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Any

from domain.audit import Action
from domain.audit_chain import SALT_BYTES, Block, Link, commitment, names_person
from domain.errors import Broken
from storage.codec import from_document, to_document
from storage.contracts import Collection, Document, Duplicate, In, Range, Schema, StorageBroken, Where, every

CHAIN = Schema(
    name="audit_chain",
    fields={"channel_id": str, "n": int},
    indexes=(("channel_id", "n"),),
)

STAYS = ("_id", "channel_id", "at", "commitment", "linked", "unnamed", "v")
FOUND_BY = ("viewer_id", "actor_kind", "actor_id")
"""Copies of parts of the text, beside it, for searches."""

SIDE_BY_SIDE = 32  # marks on their way to the store, which writes them in few commits
MARK_ROUNDS = 5


def committed(document: Document) -> Document:
    """A record with a salt and its commitment; one that has them is left as it is."""
    if document.get("commitment"):
        return document
    salt = secrets.token_bytes(SALT_BYTES)
    return {**document, "salt": salt.hex(), "commitment": commitment(salt, text_of(document))}


def text_of(document: Document) -> dict[str, Any]:
    """The record in a stored document, as `domain.audit_chain.commitment` takes it."""
    return {**document, "id": document["_id"]}


def blanked(document: Document, *, note: str, person: str = "") -> Document:
    """A record without text and salt, which can be read as a record still. It is committed to first if it was not.
    `note`: the id of the record that tells of the erasure; `person`: whose data it was."""
    held = committed(document)
    return {
        **{name: held[name] for name in STAYS if name in held},
        "action": Action.ERASED.value,
        "actor": {"kind": "system", "id": "", "name": ""},
        "cause": Action.ERASED.value,
        "erased": True,
        "erasure": note,
        "unnamed": _unnamed(held) or names_person(held["_id"], person),
    }


def link_of(document: Document) -> Link:
    """The link of a record that is committed to."""
    return Link(document["commitment"], document["at"], "" if _unnamed(document) else document["_id"])


def _unnamed(document: Document) -> bool:
    """Whether the id of a record names a person, so that it may not stand in a block."""
    people = [str((document.get(part) or {}).get("id", "")) for part in ("viewer", "actor")]
    return document.get("unnamed") is True or names_person(document["_id"], *people)


class AuditChain:
    """One chain for each channel."""

    def __init__(self, *, records: Collection, blocks: Collection) -> None:
        self._records, self._blocks = records, blocks

    async def unlinked(self, *, limit: int = 500) -> list[Document]:
        """Records that are in no block yet, the oldest first, each committed to."""
        page = await self._records.find({"linked": None}, sort=[("at", 1)], limit=limit)
        return [document for document in await _side_by_side(self._committed, page.documents) if document]

    async def _committed(self, document: Document) -> Document | None:
        if document.get("commitment"):
            return document
        # Of a release that had no chain. `None`: age took it away in between.
        return await self._records.change(document["_id"], _commit_once)

    async def mark(self, block: Block) -> None:
        """Note in each record of a block that it is in it. Repeating it changes nothing."""
        for _ in range(MARK_ROUNDS):
            found = (await self.records(block.channel_id, block.links)).values()
            ids = [document["_id"] for document in found if document.get("linked") != block.n]
            if not ids:
                return

            async def mark(record_id: str) -> None:
                await self._records.change(record_id, lambda held: _linked(held, block.n))

            await _side_by_side(mark, ids)
        raise Broken(f"The records of audit block {block.id} change too fast.", code="audit.marks")

    async def records(self, channel_id: str, links: Sequence[Link]) -> dict[str, Document]:
        """The records of these links that are there, as they are stored, by commitment."""
        wanted = {link.commitment for link in links}
        where: Where = {"channel_id": channel_id, "at": In(tuple(sorted({link.at for link in links})))}
        return {
            document["commitment"]: document
            async for document in every(self._records, where)
            if document.get("commitment") in wanted
        }

    async def last(self, channel_id: str) -> Block | None:
        """The newest block of a channel."""
        page = await self._blocks.find({"channel_id": channel_id}, sort=[("n", -1)], limit=1)
        return _read(page.documents[0]) if page.documents else None

    async def append(self, block: Block) -> bool:
        """Store a block; false if another process was first with this number."""
        try:
            await self._blocks.insert(to_document(block))
        except Duplicate:
            return False
        return True

    async def blocks(self, channel_id: str) -> AsyncIterator[Block | int]:
        """All blocks of a channel in order; the number alone of one that cannot be read."""
        async for document in every(self._blocks, {"channel_id": channel_id}, sort=[("n", 1)]):
            try:
                yield _read(document)
            except StorageBroken:
                yield int(document.get("n") or 0)

    async def channels(self) -> list[str]:
        """Every channel that has a chain."""
        tally = await self._blocks.tally("channel_id", {})
        return sorted(str(channel_id) for channel_id in tally if channel_id is not None)

    async def record(self, record_id: str) -> Document | None:
        """A record as it is stored."""
        return await self._records.get(record_id)

    async def marked(self, channel_id: str) -> int:
        """How many records of a channel say that they are in a block."""
        return await self._records.count({"channel_id": channel_id, "linked": Range(1, None)})

    async def every_marked(self, channel_id: str) -> AsyncIterator[Document]:
        """These records."""
        where: Where = {"channel_id": channel_id, "linked": Range(1, None)}
        async for document in every(self._records, where, sort=[("at", 1)]):
            yield document

    async def waiting(self) -> tuple[int, int | None]:
        """How many records are in no block yet, and when the oldest of them was written (UTC ms)."""
        page = await self._records.find({"linked": None}, sort=[("at", 1)], limit=1)
        oldest = int(page.documents[0]["at"]) if page.documents else None
        return await self._records.count({"linked": None}), oldest

    async def oldest(self) -> int | None:
        """When the oldest record of all was written (UTC ms)."""
        page = await self._records.find({}, sort=[("at", 1)], limit=1)
        return int(page.documents[0]["at"]) if page.documents else None

    async def count(self) -> int:
        """How many records there are."""
        return await self._records.count({})


async def _side_by_side(do: Any, items: Sequence[Any]) -> list[Any]:
    done: list[Any] = []
    for start in range(0, len(items), SIDE_BY_SIDE):
        done += await asyncio.gather(*[do(item) for item in items[start : start + SIDE_BY_SIDE]])
    return done


def _commit_once(document: Document) -> Document | None:
    return None if document.get("commitment") else committed(document)


def _linked(document: Document, n: int) -> Document | None:
    return None if document.get("linked") == n else {**document, "linked": n}


def _read(document: Document) -> Block:
    return from_document(Block, document)
