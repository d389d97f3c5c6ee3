"""Figures of a channel for the API: days that were counted before are read, the rest is counted from the audit trail.

The work of one request is bounded: at most `MOST_RECORDS` records are read. Where that is not enough (a first look at
a year, say), the answer says so, what was counted is kept, and the next look goes on from there. The newest days come
first.

A record may be written later than the time it bears (a crash in between). So what was counted is compared with how many
records there are now, and a day that has more is counted anew. Fewer means that retention has let go of the oldest:
those days stay as they were counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from domain.analytics import PERIODS, Day, Figures, Report, days_until, merged, of, report
from domain.audit import AuditRecord
from domain.errors import NotFound, Rejected
from domain.ports import Clock
from storage.analytics import CountedDay, CountedDays, TrailSpans, uncounted
from storage.channels import Channels

MOST_RECORDS = 20_000  # some seconds of reading
PAGE = 500
STRETCH_DAYS = 31
"""How many days are counted in one go, so that the newest come first and few questions are asked of the store."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A report. `complete`: whether every day of it has been counted."""

    timezone: str
    starts_at: int
    now: int
    report: Report
    complete: bool


class Analytics:
    def __init__(
        self,
        *,
        channels: Channels,
        days: CountedDays,
        trail: TrailSpans,
        clock: Clock,
        most_records: int = MOST_RECORDS,
    ) -> None:
        self._channels, self._days, self._trail, self._clock = channels, days, trail, clock
        self._most = most_records

    async def look(self, channel_id: str, period: str) -> Counted:
        """The figures of a period (see `PERIODS`) until now. Raises `Rejected`, `NotFound`."""
        if period not in PERIODS:
            raise Rejected("There is no such period.", code="analytics.period", advice=", ".join(PERIODS))
        channel = await self._channels.get(channel_id)
        if channel is None:
            raise NotFound("There is no such channel.", code="web.no_channel")
        zone, now = channel.settings.timezone, self._clock.now()
        days = days_until(now, ZoneInfo(zone), PERIODS[period])
        kept = await self._days.between(channel_id, zone, days[0].starts_at, days[-1].ends_at)
        count = _Count(channel_id, zone, self._days, self._trail, now, self._most)
        held = await count.checked(kept)
        for stretch in _stretches(days):
            await count.stretch(stretch, held)
        figures = [(day, held[day.day].figures if day.day in held else Figures()) for day in days]
        return Counted(zone, days[0].starts_at, now, report(figures), count.complete)


class _Count:
    """The counting of one request."""

    def __init__(  # noqa: PLR0917 - one caller, right above
        self, channel_id: str, zone: str, days: CountedDays, trail: TrailSpans, now: int, most: int
    ) -> None:
        self._channel_id, self._zone, self._days, self._trail = channel_id, zone, days, trail
        self._now, self._left = now, most
        self._oldest: int | None = None
        self.complete = True

    async def checked(self, kept: dict[str, CountedDay]) -> dict[str, CountedDay]:
        """What is kept and still right; the rest is forgotten."""
        oldest = self._oldest = await self._trail.oldest(self._channel_id)
        days = [one for one in kept.values() if oldest is not None and one.ends_at > oldest]
        # The day of the oldest record may have lost some: beside another one it would hide what that has more.
        first = [one for one in days if oldest is not None and one.starts_at <= oldest]
        for run in [first, *_runs([one for one in days if one not in first])]:
            if await self._has_more(run):
                for day in run:
                    if await self._has_more([day]):
                        await self._days.drop(day.id)
                        del kept[day.day]
        return kept

    async def _has_more(self, run: Sequence[CountedDay]) -> bool:
        if not run:
            return False
        counted = sum(day.counted_before for day in run)
        there = await self._trail.count(self._channel_id, run[0].starts_at, run[-1].counted_until)
        return there > counted

    async def stretch(self, days: Sequence[Day], held: dict[str, CountedDay]) -> None:
        """Count what is not whole of these days, which follow each other, into `held`."""
        oldest = self._oldest
        open_days = [day for day in days if day.day not in held or not held[day.day].whole]
        open_days = [day for day in open_days if oldest is not None and day.ends_at > oldest]
        if not open_days:
            return
        if self._left <= 0:
            self.complete = False
            return
        begun = held.get(open_days[0].day)
        start = max(open_days[0].starts_at, begun.upto_at if begun is not None else 0)
        reached, cursor = start, None
        while True:
            limit = min(PAGE, self._left)
            records, cursor = await self._trail.page(
                self._channel_id, start, open_days[-1].ends_at, limit=limit, after=cursor
            )
            self._left -= len(records)
            reached = records[-1].at if records else reached
            at_end = cursor is None
            if records or at_end:
                await self._take(open_days, held, records, None if at_end else reached)
            if at_end:
                return
            if self._left <= 0:
                self.complete = False
                return

    async def _take(
        self,
        days: Sequence[Day],
        held: dict[str, CountedDay],
        records: Sequence[AuditRecord],
        reached: int | None,
    ) -> None:
        """Put records into their days. `reached`: every record before that time has been seen; `None`: every one."""
        keeping = []
        for day in days:
            before = held.get(day.day)
            if before is not None and before.whole:
                continue
            begun = before or uncounted(self._channel_id, self._zone, day)
            fresh = _counted(begun, [one for one in records if day.starts_at <= one.at < day.ends_at])
            passed = reached is None or reached >= day.ends_at
            if passed and self._now >= day.ends_at:
                fresh = replace(fresh, whole=True)
            if fresh != begun:
                held[day.day] = fresh
                keeping.append(self._days.keep(fresh, before=before))
        await asyncio.gather(*keeping)  # at once: the store writes them in one go


def _counted(day: CountedDay, records: Sequence[AuditRecord]) -> CountedDay:
    """The day with these records, each once, added to it."""
    news = [
        one
        for one in records
        if one.at > day.upto_at or (one.at == day.upto_at and one.id not in day.upto_ids)
    ]
    if not news:
        return day
    upto = max(one.at for one in news)
    same = day.upto_ids if upto == day.upto_at else ()
    return replace(
        day,
        records=day.records + len(news),
        upto_at=upto,
        upto_ids=(*same, *(one.id for one in news if one.at == upto)),
        figures=merged((day.figures, *(of(one) for one in news))),
    )


def _stretches(days: Sequence[Day]) -> list[Sequence[Day]]:
    """The days in stretches, the newest first; today, which changes, by itself."""
    found: list[Sequence[Day]] = [days[-1:]]
    end = len(days) - 1
    while end > 0:
        start = max(0, end - STRETCH_DAYS)
        found.append(days[start:end])
        end = start
    return found


def _runs(days: Sequence[CountedDay]) -> list[list[CountedDay]]:
    """Days that follow each other, all but the last of a run whole, the oldest first."""
    runs: list[list[CountedDay]] = []
    for day in sorted(days, key=lambda one: one.starts_at):
        if runs and runs[-1][-1].whole and runs[-1][-1].ends_at == day.starts_at:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs
