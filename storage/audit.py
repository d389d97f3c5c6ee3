"""The audit trail. Records are added, never changed."""

from __future__ import annotations

from domain.audit import AuditRecord
from storage.codec import from_document, to_document
from storage.contracts import Collection, Document, Duplicate, Scalar, Schema

AUDIT = Schema(
    name="audit",
    fields={"channel_id": str, "at": int, "action": str, "viewer_id": str},
    indexes=(
        ("at",),
        ("channel_id", "at"),
        ("channel_id", "viewer_id", "at"),
        ("channel_id", "action", "at"),
    ),
)


class AuditTrail:
    def __init__(self, records: Collection) -> None:
        self._records = records

    async def add(self, record: AuditRecord) -> bool:
        """Write a record once by its id; false if it was there."""
        try:
            await self._records.insert({**to_document(record), "viewer_id": record.viewer.id})
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
        limit: int = 50,
        after: str | None = None,
    ) -> tuple[list[AuditRecord], str | None]:
        """Records of a channel, newest first, with the cursor of the next page. Raises `Rejected` for a bad cursor."""
        where: dict[str, Scalar] = {"channel_id": channel_id}
        if viewer_id:
            where["viewer_id"] = viewer_id
        if action:
            where["action"] = action
        page = await self._records.find(where, sort=[("at", -1)], limit=limit, after=after)
        return [_read(document) for document in page.documents], page.cursor


def _read(document: Document) -> AuditRecord:
    return from_document(AuditRecord, document)
