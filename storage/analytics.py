"""Figures by day, kept so that a period is not counted anew each time, and spans of the trail that they come from."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from domain.analytics import NOTHING, Day, Figures
from domain.audit import AuditRecord
from storage.codec import from_document, to_document
from storage.contracts import Collection, Document, Duplicate, Range, Schema, Where, every

ANALYTICS = Schema(
    name="analytics_days",
    fields={"channel_id": str, "timezone": str, "starts_at": int, "ends_at": int},
    indexes=(("channel_id", "timezone", "starts_at"), ("ends_at",)),
)


@dataclass(frozen=True, slots=True)
class CountedDay:
    """A day of a channel in a time zone, as far as it has been counted: `records` of the trail, up to the time
    `upto_at` (UTC ms); `upto_ids` are those of that very millisecond. `whole`: the day was over, and all were
    counted."""

    id: str
    channel_id: str
    timezone: str
    day: str
    starts_at: int
    ends_at: int
    records: int = 0
    upto_at: int = 0
    upto_ids: tuple[str, ...] = ()
    whole: bool = False
    figures: Figures = NOTHING
    v: int = 1

    @property
    def counted_until(self) -> int:
        """Every record of the day that is older than this (UTC ms) was counted, of those that were there then."""
        return self.ends_at if self.whole else max(self.starts_at, self.upto_at)

    @property
    def counted_before(self) -> int:
        """How many records older than `counted_until` were counted."""
        return self.records if self.whole else self.records - len(self.upto_ids)


def uncounted(channel_id: str, timezone: str, day: Day) -> CountedDay:
    """A day of which nothing has been counted."""
    return CountedDay(
        id=f"{channel_id}:{timezone}:{day.day}",
        channel_id=channel_id,
        timezone=timezone,
        day=day.day,
        starts_at=day.starts_at,
        ends_at=day.ends_at,
    )


class CountedDays:
    def __init__(self, days: Collection) -> None:
        self._days = days

    async def between(self, channel_id: str, timezone: str, start: int, end: int) -> dict[str, CountedDay]:
        """What is kept of the days that begin from `start` to before `end` (UTC ms), by day."""
        where: Where = {"channel_id": channel_id, "timezone": timezone, "starts_at": Range(start, end)}
        found = [_read(document) async for document in every(self._days, where, sort=[("starts_at", 1)])]
        return {one.day: one for one in found}

    async def keep(self, fresh: CountedDay, *, before: CountedDay | None) -> None:
        """Keep a day that was counted on from `before` (`None`: from nothing that was kept). Where somebody else has
        kept it meanwhile, his stands: each is right by itself, and the next look goes on from it."""

        if before is None:
            with suppress(Duplicate):
                await self._days.insert(to_document(fresh))
            return
        await self._days.change(
            fresh.id, lambda document: to_document(fresh) if _read(document) == before else None
        )

    async def drop(self, day_id: str) -> None:
        """Forget a day, so that it is counted anew."""
        await self._days.delete(day_id)

    async def forget_viewer(self, channel_id: str, viewer_id: str) -> int:
        """Take a viewer out of every day of a channel: his row goes, the sums of the day stay. How many days."""
        changed = 0
        async for document in every(self._days, {"channel_id": channel_id}):
            if any(row.id == viewer_id for row in _read(document).figures.viewers):
                changed += await self._without(document["_id"], viewer_id)
        return changed

    async def forget_channel(self, channel_id: str) -> int:
        """Remove everything that is kept of a channel. How many days."""
        ids = [document["_id"] async for document in every(self._days, {"channel_id": channel_id})]
        return sum([await self._days.delete(day_id) for day_id in ids])

    async def _without(self, day_id: str, viewer_id: str) -> bool:
        def apply(document: Document) -> Document:
            held = _read(document)
            others = tuple(row for row in held.figures.viewers if row.id != viewer_id)
            return to_document(replace(held, figures=replace(held.figures, viewers=others)))

        return await self._days.change(day_id, apply) is not None


class TrailSpans:
    """The audit trail by time, the oldest first."""

    def __init__(self, records: Collection) -> None:
        self._records = records

    async def page(
        self, channel_id: str, start: int, end: int, *, limit: int, after: str | None = None
    ) -> tuple[list[AuditRecord], str | None]:
        """Records from `start` to before `end` (UTC ms), and the cursor of the next page."""
        page = await self._records.find(
            _span(channel_id, start, end), sort=[("at", 1)], limit=limit, after=after
        )
        return [from_document(AuditRecord, document) for document in page.documents], page.cursor

    async def count(self, channel_id: str, start: int, end: int) -> int:
        """How many records there are from `start` to before `end` (UTC ms)."""
        return await self._records.count(_span(channel_id, start, end))

    async def oldest(self, channel_id: str) -> int | None:
        """When (UTC ms) the oldest record was written that is still there."""
        page = await self._records.find({"channel_id": channel_id}, sort=[("at", 1)], limit=1)
        return int(page.documents[0]["at"]) if page.documents else None


def _span(channel_id: str, start: int, end: int) -> Where:
    return {"channel_id": channel_id, "at": Range(start, end)}


def _read(document: Document) -> CountedDay:
    return from_document(CountedDay, document)
