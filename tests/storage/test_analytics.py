"""Days that were counted, and spans of the trail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.analytics import Counts, Day, Figures, ViewerRow
from domain.audit import SYSTEM, Action, AuditRecord
from domain.errors import Rejected
from storage.analytics import ANALYTICS, CountedDay, CountedDays, TrailSpans, uncounted
from storage.audit import AUDIT, AuditTrail
from storage.contracts import Store

DAY = Day("2026-11-20", 1000, 2000)
ANN, BEN = ViewerRow("7", "ann", "Ann", 2, 60, 500), ViewerRow("8", "ben", "Ben", 1, 30, 0)
COUNTED = replace(
    uncounted("1", "Europe/Berlin", DAY),
    records=3,
    upto_at=1500,
    upto_ids=("a", "b"),
    figures=Figures(Counts(granted=3, points=500), viewers=(ANN, BEN)),
)


@pytest.fixture
async def days(store: Store) -> CountedDays:
    return CountedDays(await store.collection(ANALYTICS))


def test_how_far_a_day_was_counted() -> None:
    assert uncounted("1", "UTC", DAY).counted_until == 1000
    assert (COUNTED.counted_until, COUNTED.counted_before) == (1500, 1)
    whole = replace(COUNTED, whole=True)
    assert (whole.counted_until, whole.counted_before) == (2000, 3)


async def kept(days: CountedDays) -> dict[str, CountedDay]:
    return await days.between("1", "Europe/Berlin", 0, 10_000)


async def test_a_day_is_kept_and_found_by_channel_zone_and_time(days: CountedDays) -> None:
    await days.keep(COUNTED, before=None)
    await days.keep(uncounted("2", "Europe/Berlin", DAY), before=None)
    await days.keep(uncounted("1", "UTC", DAY), before=None)
    assert await kept(days) == {"2026-11-20": COUNTED}
    assert await days.between("1", "Europe/Berlin", 1001, 10_000) == {}
    await days.drop(COUNTED.id)
    assert await kept(days) == {}


async def test_of_two_who_count_at_once_the_first_stands(days: CountedDays) -> None:
    await days.keep(COUNTED, before=None)
    await days.keep(replace(COUNTED, records=99), before=None)
    assert await kept(days) == {"2026-11-20": COUNTED}
    further = replace(COUNTED, records=4, upto_at=1600, upto_ids=("c",))
    await days.keep(further, before=COUNTED)
    await days.keep(replace(COUNTED, records=5), before=COUNTED)
    assert await kept(days) == {"2026-11-20": further}


async def test_a_viewer_is_forgotten_and_the_sums_stay(days: CountedDays) -> None:
    other = replace(uncounted("1", "UTC", DAY), figures=Figures(Counts(granted=1), viewers=(BEN,)))
    await days.keep(COUNTED, before=None)
    await days.keep(other, before=None)
    assert await days.forget_viewer("1", "7") == 1
    found = (await kept(days))["2026-11-20"]
    assert (found.figures.counts, found.figures.viewers) == (COUNTED.figures.counts, (BEN,))
    assert await days.forget_viewer("1", "7") == 0
    assert await days.forget_channel("1") == 2
    assert await kept(days) == {}


async def test_the_trail_by_time(store: Store) -> None:
    trail = AuditTrail(await store.collection(AUDIT))
    spans = TrailSpans(await store.collection(AUDIT))
    assert await spans.oldest("1") is None
    for number, at in enumerate((30, 10, 20, 20, 40)):
        record = AuditRecord(f"r{number}", "1", at, Action.GRANTED, SYSTEM, "redemption")
        assert await trail.add(record)
        assert await trail.add(replace(record, id=f"other{number}", channel_id="2"))
    page, cursor = await spans.page("1", 10, 40, limit=3)
    rest, end = await spans.page("1", 10, 40, limit=3, after=cursor)
    assert [(one.id, one.at) for one in (*page, *rest)] == [("r1", 10), ("r2", 20), ("r3", 20), ("r0", 30)]
    assert end is None
    assert (await spans.count("1", 10, 40), await spans.count("1", 20, 21)) == (4, 2)
    assert await spans.oldest("1") == 10
    with pytest.raises(Rejected):
        await spans.page("1", 10, 40, limit=3, after="nonsense")
