"""Figures of a channel: counted once, kept, and counted on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.analytics import Counts
from domain.audit import SYSTEM, Action, AuditRecord
from domain.channel import Channel, ChannelSettings, Viewer
from domain.errors import NotFound, Rejected
from domain.events import parse_time
from handlers.vip.analytics import Analytics, Counted
from storage.analytics import ANALYTICS, CountedDays, TrailSpans
from storage.audit import AUDIT, AuditTrail
from storage.channels import CHANNELS, Channels
from storage.contracts import Store
from storage.open import open_store, sqlite_url
from tests.support.clock import ManualClock

HOUR, DAY = 3_600_000, 86_400_000
NOON = parse_time("2026-03-31T12:00:00Z")


@dataclass
class Books:
    """A store with a channel, its trail and its figures."""

    clock: ManualClock
    store: Store
    trail: AuditTrail
    spans: TrailSpans
    days: CountedDays
    channels: Channels
    analytics: Analytics
    numbers: Any
    channel_id: str = "1"

    async def happen(self, at: int, action: Action = Action.GRANTED, **changes: Any) -> str:
        """A line of the trail that bears the time `at`, written now."""
        detail = {"reward_id": "r", "reward_title": "VIP", "reward_cost": 500, "seconds": 60}
        record = AuditRecord(
            f"a{next(self.numbers)}",
            self.channel_id,
            at,
            action,
            SYSTEM,
            "redemption",
            Viewer("7", "ann"),
            detail=detail,
        )
        record = replace(record, **changes)
        assert await self.trail.add(record)
        return record.id

    async def look(self, period: str = "7d") -> Counted:
        return await self.analytics.look(self.channel_id, period)

    async def granted(self, period: str = "7d") -> dict[str, int]:
        """The days on which somebody became VIP."""
        days = (await self.look(period)).report.days
        return {day.day: counts.granted for day, counts in days if counts.granted}

    def bounded(self, most: int) -> Analytics:
        return Analytics(
            channels=self.channels, days=self.days, trail=self.spans, clock=self.clock, most_records=most
        )


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Books]:
    clock = ManualClock(NOON)
    store = await open_store(sqlite_url(path), clock=clock)
    records, numbers = await store.collection(AUDIT), count()
    spans, days = TrailSpans(records), CountedDays(await store.collection(ANALYTICS))
    channels = Channels(await store.collection(CHANNELS))
    await channels.put(Channel("1", "anna", "Anna"), lambda held: held)
    analytics = Analytics(channels=channels, days=days, trail=spans, clock=clock)
    try:
        yield Books(clock, store, AuditTrail(records), spans, days, channels, analytics, numbers)
    finally:
        await store.close()


@pytest.fixture
async def books(tmp_path: Path) -> AsyncIterator[Books]:
    async with opened(tmp_path) as books:
        yield books


async def test_a_channel_in_which_nothing_happened(books: Books) -> None:
    told = await books.look("30d")
    assert (told.complete, told.timezone) == (True, "UTC")
    assert [counts for _, counts in told.report.days] == [Counts()] * 30
    assert told.report.days[-1][0].day == "2026-03-31"
    assert await books.days.between("1", "UTC", 0, NOON) == {}, "nothing to keep"


async def test_a_week(books: Books) -> None:
    await books.happen(NOON - 8 * DAY)  # before it
    await books.happen(NOON - 6 * DAY)
    await books.happen(NOON - 6 * DAY, Action.REFUNDED, reason="slots_full")
    await books.happen(NOON - HOUR, Action.EXTENDED, viewer=Viewer("8", "ben"))
    await books.happen(NOON - HOUR, Action.ENDED)
    await books.happen(NOON - HOUR, Action.GRANTED, cause="bits", detail={"bits": 100, "seconds": 5})
    told = (await books.look()).report
    assert told.totals == Counts(granted=2, extended=1, refunded=1, ended=1, points=1000, bits=100)
    assert told.viewers == 2
    assert [(row.id, row.granted, row.extended) for row in told.causes] == [
        ("redemption", 1, 1),
        ("bits", 1, 0),
    ]
    assert [(row.id, row.count) for row in told.reasons] == [("slots_full", 1)]
    assert [(row.id, row.vips, row.seconds) for row in told.top_viewers] == [("7", 2, 65), ("8", 1, 60)]


async def test_looking_twice_counts_nothing_twice(books: Books) -> None:
    for back in range(5):
        await books.happen(NOON - back * DAY)
    first = await books.look()
    assert await books.look() == first
    await books.happen(NOON - HOUR // 2)
    assert (await books.look()).report.totals.granted == 6
    kept = await books.days.between("1", "UTC", 0, NOON)
    assert [day.whole for day in kept.values()] == [True] * 4 + [False]


async def test_today_goes_on_and_becomes_yesterday(books: Books) -> None:
    await books.happen(NOON)
    assert await books.granted() == {"2026-03-31": 1}
    await books.clock.advance(6 * 3600)
    await books.happen(books.clock.now())
    await books.happen(books.clock.now())
    assert await books.granted() == {"2026-03-31": 3}
    await books.clock.advance(DAY // 1000)
    await books.happen(books.clock.now())
    assert await books.granted() == {"2026-03-31": 3, "2026-04-01": 1}


async def test_what_was_written_later_than_it_happened_is_found(books: Books) -> None:
    await books.happen(NOON - 3 * DAY)
    await books.happen(NOON)
    await books.look()
    await books.happen(NOON - 3 * DAY + 5)  # a crash in between, say
    await books.happen(NOON - 2 * DAY)
    await books.happen(NOON - 10)
    assert await books.granted() == {"2026-03-28": 2, "2026-03-29": 1, "2026-03-31": 2}


async def test_two_in_the_same_millisecond_of_which_one_comes_later(books: Books) -> None:
    await books.happen(NOON)
    await books.look()
    await books.happen(NOON)
    assert await books.granted() == {"2026-03-31": 2}
    assert await books.granted() == {"2026-03-31": 2}


async def test_what_retention_removed_stays_counted(books: Books) -> None:
    gone = [await books.happen(NOON - 5 * DAY), await books.happen(NOON - 4 * DAY)]
    await books.happen(NOON - 4 * DAY + 1)
    await books.happen(NOON - 2 * DAY)
    before = await books.granted()
    records = await books.store.collection(AUDIT)
    for record_id in gone:
        assert await records.delete(record_id)
    assert await books.granted() == before
    await books.happen(NOON - 2 * DAY + 1)  # and the rest is still looked at
    assert (await books.granted())["2026-03-29"] == 2


async def test_one_request_counts_so_much_and_the_next_goes_on(books: Books) -> None:
    for back in range(40):
        for number in range(3):
            await books.happen(NOON - back * DAY - number)
    analytics = books.bounded(10)
    looks: list[Counted] = []
    while not looks or not looks[-1].complete:
        looks.append(await analytics.look("1", "90d"))
        assert len(looks) <= 20
    assert len(looks) > 10
    assert looks[0].report.days[-1][1].granted == 3, "the newest day comes first"
    counted = [look.report.totals.granted for look in looks]
    assert counted == sorted(counted)
    assert counted[-1] == 120
    assert {counts.granted for _, counts in looks[-1].report.days} == {0, 3}


async def test_days_are_those_of_the_channels_zone(books: Books) -> None:
    await books.channels.change(
        "1", lambda held: replace(held, settings=replace(held.settings, timezone="Asia/Tokyo"))
    )
    await books.happen(parse_time("2026-03-30T14:59:59Z"))
    await books.happen(parse_time("2026-03-30T15:00:00Z"))
    assert await books.granted() == {"2026-03-30": 1, "2026-03-31": 1}
    await books.channels.change("1", lambda held: replace(held, settings=ChannelSettings()))
    assert await books.granted() == {"2026-03-30": 2}


async def test_what_is_not_there(books: Books) -> None:
    with pytest.raises(NotFound):
        await books.analytics.look("9", "7d")
    with pytest.raises(Rejected):
        await books.look("8d")


Step = tuple[str, int]
steps = st.lists(
    st.one_of(
        st.tuples(st.just("happen"), st.integers(0, 9 * DAY)),
        st.tuples(st.just("pass"), st.integers(1, 2 * DAY)),
        st.tuples(st.just("look"), st.integers(1, 6)),
    ),
    max_size=25,
)


@given(steps, st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_however_it_is_looked_at_each_record_counts_once(
    books: Books, story: list[Step], zone: str
) -> None:
    """Records bear any time of the last nine days, time passes (over a change of the clocks), looks are bounded."""
    books.channel_id = f"channel{next(books.numbers)}"
    books.clock.step_wall(NOON - 3 * DAY - books.clock.now())
    channel = Channel(books.channel_id, "anna", "Anna", settings=ChannelSettings(timezone=zone))
    await books.channels.put(channel, lambda held: held)
    times: list[int] = []
    for what, number in story:
        if what == "happen":
            times.append(books.clock.now() - number)
            await books.happen(times[-1])
        elif what == "pass":
            books.clock.step_wall(number)
        else:
            await books.bounded(number).look(books.channel_id, "30d")
    told = await books.look("30d")
    assert told.complete
    assert told.report.totals.granted == sum(at >= told.starts_at for at in times)
    for day, counts in told.report.days:
        assert counts.granted == sum(day.starts_at <= at < day.ends_at for at in times), day
