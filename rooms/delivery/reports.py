"""How well players keep together, as they report it: per member the latest, added up to what a process tells the
others, and that to what the host sees.

Drifts in milliseconds, without their sign. Pure.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.errors import Rejected

EDGES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
"""Upper ends of the buckets; one more is for all above."""

FIELDS = ("driftMs", "clockErrMs", "rttMs", "stalls", "seeks", "offRateMs", "oneWayMs")
LARGEST = 1e7


@dataclass(frozen=True, slots=True)
class Report:
    """Milliseconds. `one_way` is half of the round trip if the client knows no better; `stalls` are those since the
    report before."""

    drift: float
    clock_error: float
    one_way: float
    stalls: int


def read(data: Mapping[str, Any]) -> Report:
    """A report from the wire. Raises `Rejected` (`party.bad_field`)."""
    values = {name: _number(name, data.get(name)) for name in FIELDS}
    one_way = values["oneWayMs"]
    return Report(
        drift=abs(values["driftMs"] or 0.0),
        clock_error=abs(values["clockErrMs"] or 0.0),
        one_way=abs((values["rttMs"] or 0.0) / 2 if one_way is None else one_way),
        stalls=int(abs(values["stalls"] or 0)),
    )


def _number(name: str, value: object) -> float | None:
    if value is None:
        return None
    # Compared and not asked whether it is finite: JSON has whole numbers that are too long for a float.
    if isinstance(value, bool) or not isinstance(value, int | float) or not -LARGEST <= value <= LARGEST:
        raise _refuse(name)
    return float(value)


def _refuse(name: str) -> Rejected:
    return Rejected(f"{name} has to be a number.", code="party.bad_field", advice=f"Send {name} as a number.")


@dataclass(frozen=True, slots=True)
class Histogram:
    """`counts` per bucket of `EDGES`, and one more. `clock_error` is the largest of the players', in ms; `stalls` those
    of the last interval."""

    counts: tuple[int, ...] = (0,) * (len(EDGES) + 1)
    stalls: int = 0
    clock_error: float = 0.0

    @property
    def players(self) -> int:
        return sum(self.counts)

    def percentile(self, share: float) -> float | None:
        """The upper end of the bucket in which that share of the players is reached; None without players. Of those
        beyond the last end nothing is known but that: twice the end."""
        needed = math.ceil(share * self.players)
        if not needed:
            return None
        reached = 0
        for place, count in enumerate(self.counts):
            reached += count
            if reached >= needed:
                return float(EDGES[place] if place < len(EDGES) else 2 * EDGES[-1])
        return None

    def __add__(self, other: Histogram) -> Histogram:
        return Histogram(
            tuple(one + another for one, another in zip(self.counts, other.counts, strict=True)),
            self.stalls + other.stalls,
            max(self.clock_error, other.clock_error),
        )

    def body(self) -> dict[str, Any]:
        """As one process tells the others."""
        return {"counts": list(self.counts), "stalls": self.stalls, "clock": self.clock_error}

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Histogram:
        """The other way. A process of another release may have other buckets: it counts as none."""
        counts = tuple(body["counts"])
        return cls(counts, body["stalls"], body["clock"]) if len(counts) == len(EDGES) + 1 else cls()

    def shown(self) -> dict[str, Any]:
        """As the host sees it. The last bucket, of all above, has no end: null."""
        ends: Sequence[int | None] = (*EDGES, None)
        return {
            "players": self.players,
            "p50": self.percentile(0.5),
            "p95": self.percentile(0.95),
            "buckets": [[end, count] for end, count in zip(ends, self.counts, strict=True)],
            "stalls": self.stalls,
            "clockErrMs": self.clock_error,
        }


class Reports:
    """The latest report of each member at this process."""

    def __init__(self) -> None:
        self._latest: dict[str, Report] = {}
        self._starts: dict[str, float] = {}
        self._stalls = 0
        self.is_new = False

    def take(self, member_id: str, report: Report) -> None:
        """A member's newest."""
        self._latest[member_id] = report
        self._stalls += report.stalls
        self.is_new = True

    def started(self, member_id: str, seconds: float) -> None:
        """How long a member's player needed from play to picture."""
        self._starts[member_id] = seconds

    def forget(self, member_id: str) -> bool:
        """A member who has left. Returns whether he had reported, so that the fold is another one now."""
        self._starts.pop(member_id, None)
        if self._latest.pop(member_id, None) is None:
            return False
        self.is_new = True
        return True

    def fold(self) -> Histogram:
        """All of them as they stand; stalls are counted from one fold to the next."""
        counts = [0] * (len(EDGES) + 1)
        for one in self._latest.values():
            counts[bisect_left(EDGES, one.drift)] += 1
        stalls, self._stalls, self.is_new = self._stalls, 0, False
        worst = max((one.clock_error for one in self._latest.values()), default=0.0)
        return Histogram(tuple(counts), stalls, worst)

    def one_ways(self) -> list[float]:
        """Seconds to each member."""
        return [one.one_way / 1000 for one in self._latest.values()]

    def starts(self) -> list[float]:
        """Seconds from play to picture, of each member whose player said so."""
        return list(self._starts.values())

    def __len__(self) -> int:
        return len(self._latest)


def together(parts: Iterable[Histogram]) -> Histogram:
    """Those of several processes as one."""
    total = Histogram()
    for one in parts:
        total = total + one
    return total
