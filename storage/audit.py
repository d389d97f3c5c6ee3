"""The audit trail. Records are added, never changed; what one says can be erased (`storage/audit_chain.py`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from domain.audit import AuditRecord
from storage.audit_chain import committed
from storage.codec import from_document, to_document
from storage.contracts import Collection, Document, Duplicate, In, Range, Scalar, Schema

AUDIT = Schema(
    name="audit",
    fields={
        "channel_id": str,
        "at": int,
        "action": str,
        "cause": str,
        "viewer_id": str,
        "actor_kind": str,
        "actor_id": str,
        "linked": int,
        "erased": bool,
    },
    indexes=(
        ("at",),
        ("linked", "at"),
        ("channel_id", "at"),
        ("channel_id", "viewer_id", "at"),
        ("channel_id", "action", "at"),
        ("channel_id", "cause", "at"),
    ),
)

ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What must hold of a record; what is empty says nothing. `since <= at < until`, UTC ms."""

    viewer_id: str = ""
    action: str = ""
    cause: str = ""
    actor_kind: str = ""
    actor_id: str = ""
    since: int | None = None
    until: int | None = None


EVERYTHING = AuditFilter()


class AuditTrail:
    def __init__(self, records: Collection) -> None:
        self._records = records

    async def add(self, record: AuditRecord) -> bool:
        """Write a record once by its id; false if it was there."""
        try:
            await self._records.insert(committed(_document(record)))
        except Duplicate:
            return False
        return True

    async def get(self, record_id: str) -> AuditRecord | None:
        document = await self._records.get(record_id)
        return None if document is None else _read(document)

    async def page(
        self,
        channel_id: str,
        *,
        viewer_id: str = "",
        action: str = "",
        only: AuditFilter = EVERYTHING,
        limit: int = 50,
        after: str | None = None,
    ) -> tuple[list[AuditRecord], str | None]:
        """Records of a channel, newest first, with the cursor of the next page; erased ones are left out. Raises
        `Rejected` for a bad cursor.

        With a filter for the actor a page may be shorter than `limit` although there are more.
        """
        where = _where(channel_id, only)
        if viewer_id:
            where["viewer_id"] = viewer_id
        if action:
            where["action"] = action
        page = await self._records.find(where, sort=[("at", -1)], limit=limit, after=after)
        records = [_read(document) for document in page.documents]
        return [record for record in records if _by(record, only)], page.cursor

    async def batches(
        self, channel_id: str, only: AuditFilter = EVERYTHING
    ) -> AsyncIterator[list[AuditRecord]]:
        """All records of a channel that the filter lets through, newest first, some hundred at a time."""
        cursor: str | None = None
        while True:
            records, cursor = await self.page(channel_id, only=only, limit=ROWS_AT_ONCE, after=cursor)
            yield records
            if cursor is None:
                return


def _where(channel_id: str, only: AuditFilter) -> dict[str, Scalar | Range | In]:
    where: dict[str, Scalar | Range | In] = {"channel_id": channel_id, "erased": None}
    if only.viewer_id:
        where["viewer_id"] = only.viewer_id
    if only.action:
        where["action"] = only.action
    if only.cause:
        where["cause"] = only.cause
    if only.since is not None or only.until is not None:
        where["at"] = Range(only.since, only.until)
    # Release 0.1.0 kept the actor inside the document only. Its records come along and are judged by `_by`; a new
    # version of the shape would have kept the pages of a fleet's older processes from reading the newer ones.
    if only.actor_kind:
        where["actor_kind"] = In((only.actor_kind, None))
    if only.actor_id:
        where["actor_id"] = In((only.actor_id, None))
    return where


def _by(record: AuditRecord, only: AuditFilter) -> bool:
    kind = not only.actor_kind or record.actor.kind == only.actor_kind
    return kind and (not only.actor_id or record.actor.id == only.actor_id)


def _document(record: AuditRecord) -> Document:
    actor = record.actor
    found_by = {"viewer_id": record.viewer.id, "actor_kind": actor.kind, "actor_id": actor.id}
    return {**to_document(record), **found_by}


def _read(document: Document) -> AuditRecord:
    return from_document(AuditRecord, document)
