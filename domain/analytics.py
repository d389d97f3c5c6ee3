"""Figures of a channel: folds over the audit trail, by the days of a time zone.

`of` is what one record counts for, `merged` adds figures; a day is the sum of its records and a period the sum of its
days, so it does not matter in which order or in how many steps they are added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from domain.audit import Action, AuditRecord

PERIODS = {"7d": 7, "30d": 30, "90d": 90, "365d": 365}
"""Each period and how many days it has; today is the last of them."""

TOP_VIEWERS = 10
TOP_ROWS = 50


@dataclass(frozen=True, slots=True)
class Counts:
    """`points`: channel points that were spent on VIP time. `bits`: likewise."""

    granted: int = 0
    extended: int = 0
    refunded: int = 0
    ended: int = 0
    points: int = 0
    bits: int = 0


@dataclass(frozen=True, slots=True)
class RewardRow:
    id: str
    title: str = ""
    granted: int = 0
    extended: int = 0
    points: int = 0


@dataclass(frozen=True, slots=True)
class CauseRow:
    id: str
    granted: int = 0
    extended: int = 0


@dataclass(frozen=True, slots=True)
class ReasonRow:
    id: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class ViewerRow:
    """`vips`: how often he became VIP or stayed it for longer; `seconds` of VIP that he was given."""

    id: str
    login: str = ""
    name: str = ""
    vips: int = 0
    seconds: int = 0
    points: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """Rows are sorted by id, each id once."""

    counts: Counts = Counts()
    rewards: tuple[RewardRow, ...] = ()
    causes: tuple[CauseRow, ...] = ()
    reasons: tuple[ReasonRow, ...] = ()
    viewers: tuple[ViewerRow, ...] = ()


NOTHING = Figures()


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar day of a time zone, from `starts_at` (included) to `ends_at` (not included), UTC ms. It has 23 or 25
    hours where the clocks change, and none at all where a zone once left a day out."""

    day: str
    starts_at: int
    ends_at: int


@dataclass(frozen=True, slots=True)
class Report:
    """A period: its days, their sum, and what stands out."""

    days: tuple[tuple[Day, Counts], ...]
    totals: Counts
    viewers: int
    rewards: tuple[RewardRow, ...] = ()
    causes: tuple[CauseRow, ...] = ()
    reasons: tuple[ReasonRow, ...] = ()
    top_viewers: tuple[ViewerRow, ...] = field(default=())


def days_until(now: int, zone: ZoneInfo, count: int) -> tuple[Day, ...]:
    """The last `count` days of a time zone, the oldest first; the one in which `now` (UTC ms) lies is the last."""
    today = datetime.fromtimestamp(now / 1000, zone).date()
    return tuple(_day(today - timedelta(days=back), zone) for back in range(count - 1, -1, -1))


def of(record: AuditRecord) -> Figures:
    """What one record of the trail counts for."""
    match record.action:
        case Action.GRANTED | Action.EXTENDED:
            return _time_given(record)
        case Action.REFUNDED:
            return Figures(Counts(refunded=1), reasons=(ReasonRow(record.reason or "unknown", 1),))
        case Action.ENDED:
            return Figures(Counts(ended=1))
    return NOTHING


def merged(parts: Iterable[Figures]) -> Figures:
    """The sum. Names and titles are those of the last part that has them."""
    everything = list(parts)
    counts = Counts()
    for part in everything:
        counts = _sum(counts, part.counts)
    return Figures(
        counts,
        _rows(row for part in everything for row in part.rewards),
        _rows(row for part in everything for row in part.causes),
        _rows(row for part in everything for row in part.reasons),
        _rows(row for part in everything for row in part.viewers),
    )


def report(days: Sequence[tuple[Day, Figures]]) -> Report:
    """The figures of a period from those of its days, the oldest first."""
    whole = merged(figures for _, figures in days)
    return Report(
        days=tuple((day, figures.counts) for day, figures in days),
        totals=whole.counts,
        viewers=len(whole.viewers),
        rewards=_top(whole.rewards, lambda row: (row.granted + row.extended, row.points), TOP_ROWS),
        causes=_top(whole.causes, lambda row: (row.granted + row.extended,), TOP_ROWS),
        reasons=_top(whole.reasons, lambda row: (row.count,), TOP_ROWS),
        top_viewers=_top(whole.viewers, lambda row: (row.seconds, row.vips, row.points), TOP_VIEWERS),
    )


def _day(day: date, zone: ZoneInfo) -> Day:
    return Day(day.isoformat(), _start(day, zone), _start(day + timedelta(days=1), zone))


def _start(day: date, zone: ZoneInfo) -> int:
    """When a day begins. Where the clocks are put forward at midnight, that is the moment when they are; where they
    are put back, it is the first of the two midnights."""
    return int(datetime.combine(day, time(), zone).astimezone(UTC).timestamp()) * 1000


def _time_given(record: AuditRecord) -> Figures:
    extended = record.action is Action.EXTENDED
    granted, more = int(not extended), int(extended)
    points = _number(record, "reward_cost") if record.cause == "redemption" else 0
    reward_id = str(record.detail.get("reward_id") or "")
    viewer = record.viewer
    return Figures(
        Counts(granted=granted, extended=more, points=points, bits=_number(record, "bits")),
        rewards=(RewardRow(reward_id, str(record.detail.get("reward_title") or ""), granted, more, points),)
        if reward_id
        else (),
        causes=(CauseRow(record.cause or "unknown", granted, more),),
        viewers=(ViewerRow(viewer.id, viewer.login, viewer.name, 1, _number(record, "seconds"), points),)
        if viewer.id
        else (),
    )


def _number(record: AuditRecord, name: str) -> int:
    value = record.detail.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


R = TypeVar("R", Counts, RewardRow, CauseRow, ReasonRow, ViewerRow)
K = TypeVar("K", RewardRow, CauseRow, ReasonRow, ViewerRow)


def _sum(first: R, second: R) -> R:
    """Field by field: numbers are added, of texts the second counts if there is one."""
    changes: dict[str, Any] = {}
    for name in first.__slots__:
        before, after = getattr(first, name), getattr(second, name)
        changes[name] = before + after if isinstance(before, int) else (after or before)
    return replace(first, **changes)


def _rows(rows: Iterable[K]) -> tuple[K, ...]:
    found: dict[str, K] = {}
    for row in rows:
        held = found.get(row.id)
        found[row.id] = row if held is None else _sum(held, row)
    return tuple(found[name] for name in sorted(found))


def _top(rows: Iterable[K], weight: Callable[[K], tuple[int, ...]], most: int) -> tuple[K, ...]:
    """The rows that weigh most; equal ones by id, so that the order does not change from look to look."""
    return tuple(sorted(rows, key=lambda row: (tuple(-part for part in weight(row)), row.id))[:most])
