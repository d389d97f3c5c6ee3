"""Figures as folds: a record counts once, days add up, whatever the zone does to its clocks."""

from __future__ import annotations

from dataclasses import asdict, replace
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.analytics import (
    NOTHING,
    PERIODS,
    Counts,
    Day,
    Figures,
    days_until,
    merged,
    of,
    report,
)
from domain.audit import SYSTEM, Action, AuditRecord
from domain.channel import NOBODY, Viewer
from domain.events import parse_time

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Havana")
HOUR = 3_600_000


def record(action: Action = Action.GRANTED, **changes: Any) -> AuditRecord:
    detail = {"reward_id": "r1", "reward_title": "VIP", "reward_cost": 500, "seconds": 60}
    given = {"id": "a", "channel_id": "1", "at": 0, "actor": SYSTEM, "cause": "redemption", "detail": detail}
    return AuditRecord(action=action, **{**given, "viewer": Viewer("7", "ann", "Ann"), **changes})


records = st.builds(
    record,
    action=st.sampled_from(list(Action)),
    id=st.uuids().map(str),
    at=st.integers(0, 40 * 24 * HOUR).map(lambda ms: 1_772_359_200_000 - ms),
    cause=st.sampled_from(["redemption", "dashboard", "bits", ""]),
    reason=st.sampled_from(["slots_full", "moderator", ""]),
    viewer=st.sampled_from([NOBODY, Viewer("7", "ann", "Ann"), Viewer("8", "bob", "Bob"), Viewer("9")]),
    detail=st.fixed_dictionaries(
        {},
        optional={
            "reward_id": st.sampled_from(["r1", "r2", ""]),
            "reward_title": st.sampled_from(["VIP", "Long VIP"]),
            "reward_cost": st.one_of(st.integers(-5, 10_000), st.none(), st.just("many"), st.booleans()),
            "seconds": st.integers(0, 10**7),
            "bits": st.integers(0, 10_000),
        },
    ),
)


def test_what_a_record_counts_for() -> None:
    granted = of(record())
    assert granted.counts == Counts(granted=1, points=500)
    assert [asdict(row) for row in granted.rewards] == [
        {"id": "r1", "title": "VIP", "granted": 1, "extended": 0, "points": 500}
    ]
    assert asdict(granted.viewers[0]) == {
        "id": "7",
        "login": "ann",
        "name": "Ann",
        "vips": 1,
        "seconds": 60,
        "points": 500,
    }
    assert of(record(Action.EXTENDED)).counts == Counts(extended=1, points=500)
    refunded = of(record(Action.REFUNDED, reason="slots_full"))
    assert (refunded.counts, refunded.viewers) == (Counts(refunded=1), ())
    assert [(row.id, row.count) for row in refunded.reasons] == [("slots_full", 1)]
    assert of(record(Action.ENDED)).counts == Counts(ended=1)
    assert of(record(Action.NOTICED)) == NOTHING


def test_a_vip_that_was_not_paid_with_points_costs_none() -> None:
    by_bits = of(record(cause="bits", detail={"bits": 200, "seconds": 60}))
    assert (by_bits.counts, by_bits.rewards) == (Counts(granted=1, bits=200), ())
    assert of(record(cause="dashboard")).counts.points == 0


@given(st.lists(records, max_size=30))
def test_the_order_and_the_grouping_do_not_matter(given_records: list[AuditRecord]) -> None:
    whole = merged(of(one) for one in given_records)
    middle = len(given_records) // 2
    halves = [merged(of(one) for one in part) for part in (given_records[:middle], given_records[middle:])]
    assert merged(halves) == whole
    assert merged([NOTHING, whole]) == whole
    assert _numbers(merged(of(one) for one in reversed(given_records))) == _numbers(whole)


@given(st.lists(records, max_size=30), st.sampled_from(ZONES), st.sampled_from(sorted(PERIODS)))
def test_the_days_add_up_to_the_totals_and_each_record_counts_once(
    given_records: list[AuditRecord], zone: str, period: str
) -> None:
    days = days_until(1_772_359_200_000, ZoneInfo(zone), PERIODS[period])
    inside = [one for one in given_records if days[0].starts_at <= one.at < days[-1].ends_at]
    figures = [(day, merged(of(one) for one in given_records if _lies_in(one, day))) for day in days]
    told = report(figures)
    for name in Counts.__slots__:
        assert sum(getattr(counts, name) for _, counts in told.days) == getattr(told.totals, name), name
    assert told.totals.granted == sum(one.action is Action.GRANTED for one in inside)
    assert told.totals.refunded == sum(row.count for row in told.reasons)
    given_time = [one for one in inside if one.action in (Action.GRANTED, Action.EXTENDED)]
    assert sum(row.granted + row.extended for row in told.causes) == len(given_time)
    assert told.viewers == len({one.viewer.id for one in given_time if one.viewer.id})


@given(st.sampled_from(ZONES), st.integers(1_577_836_800_000, 1_893_456_000_000), st.integers(1, 366))
def test_days_follow_each_other_without_gap_and_now_lies_in_the_last(zone: str, now: int, count: int) -> None:
    days = days_until(now, ZoneInfo(zone), count)
    assert len(days) == count
    for day, following in pairwise(days):
        assert day.ends_at == following.starts_at
        assert day.day < following.day
    assert days[-1].starts_at <= now < days[-1].ends_at


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/Havana", "2026-03-08", 23),  # forward at midnight: the day begins at one
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        ("UTC", "2026-03-29", 24),
    ],
)
def test_a_day_is_as_long_as_it_is(zone: str, day: str, hours: float) -> None:
    (found,) = days_until(parse_time(f"{day}T11:00:00Z"), ZoneInfo(zone), 1)
    assert found.day == day
    assert (found.ends_at - found.starts_at) / HOUR == hours


def test_a_day_that_a_zone_left_out_is_empty() -> None:
    days = days_until(parse_time("2011-12-31T12:00:00Z"), ZoneInfo("Pacific/Apia"), 4)
    lengths = {day.day: (day.ends_at - day.starts_at) / HOUR for day in days}
    assert lengths["2011-12-30"] == 0
    assert lengths["2011-12-29"] == 24


def test_who_stands_out() -> None:
    parts = [
        of(record(viewer=Viewer(str(number), f"v{number}"), detail={"seconds": number}))
        for number in range(1, 30)
    ]
    told = report([(Day("2026-03-01", 0, 1), merged(parts))])
    assert told.viewers == 29
    assert [row.id for row in told.top_viewers] == [str(number) for number in range(29, 19, -1)]


def test_the_newest_name_counts() -> None:
    before, after = of(record()), of(record(viewer=Viewer("7", "annette", "")))
    (row,) = merged([before, after]).viewers
    assert (row.login, row.name, row.vips) == ("annette", "Ann", 2)


def _lies_in(one: AuditRecord, day: Day) -> bool:
    return day.starts_at <= one.at < day.ends_at


def _numbers(figures: Figures) -> Figures:
    """Without the names, which depend on who comes last."""
    return replace(
        figures,
        rewards=tuple(replace(row, title="") for row in figures.rewards),
        viewers=tuple(replace(row, login="", name="") for row in figures.viewers),
    )
