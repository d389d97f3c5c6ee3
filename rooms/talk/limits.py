"""How often a connection may say what, and an address come in: one table, and buckets that need one number each.

A bucket is full at first and fills again evenly (the generic cell rate algorithm). Who is refused takes nothing.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from domain.errors import Unavailable

MOST_KEYS = 50_000
FLOOD_SECONDS = 5.0
"""Who is over the limit of all messages for so long, on end, is sent away."""


@dataclass(frozen=True, slots=True)
class Limit:
    """`rate` a second on the long run, `burst` at once."""

    rate: float
    burst: int


ALL = "all"
LIMITS: Mapping[str, Limit] = {
    ALL: Limit(20, 60),
    "film": Limit(5, 10),
    "chat": Limit(2, 5),
    "react": Limit(2, 10),
    "clock": Limit(5, 20),
    "report": Limit(1, 3),
    "queue": Limit(2, 10),
    "settings": Limit(0.5, 5),
    "roster": Limit(2, 10),
    "join": Limit(10 / 60, 10),
}
"""Of one connection. What is in none of them is limited by `ALL` alone."""

PER_ADDRESS: Mapping[str, Limit] = {
    "create": Limit(3 / 60, 3),
    "join": Limit(300 / 60, 300),
    "password": Limit(5 / 60, 5),
}
"""Of one address; wrong passwords of one address and room."""

CLASSES: Mapping[str, str] = {
    "party:play": "film",
    "party:pause": "film",
    "party:seek": "film",
    "party:rate": "film",
    "party:media": "film",
    "party:queue:next": "film",
    "party:chat": "chat",
    "party:chat:report": "queue",
    "party:queue:add": "queue",
    "party:queue:vote": "queue",
    "party:queue:skip": "queue",
    "party:settings": "settings",
    "party:buffering": "queue",
    "party:react": "react",
    "party:report": "report",
    "party:roster": "roster",
    "party:create": "join",
    "party:join": "join",
    "clock:ping": "clock",
}
_PLACES = {name: place for place, name in enumerate(LIMITS)}
_ROWS = tuple(LIMITS.values())


def _taken(full_at: float, limit: Limit, now: float) -> tuple[float, float]:
    """When the bucket is full again after one is taken now, and 0.0; or as it was, and the seconds to wait for it."""
    full_at = max(full_at, now)
    wait = full_at - now - (limit.burst - 1) / limit.rate
    # The small allowance is for sums of fractions that should be whole.
    return (full_at + 1 / limit.rate, 0.0) if wait <= 1e-9 else (full_at, wait)


class Allowances:
    """The buckets of one connection."""

    __slots__ = ("_full_at", "_over_since")

    def __init__(self) -> None:
        self._full_at = [0.0] * len(_ROWS)
        self._over_since: float | None = None

    def take(self, name: str, now: float) -> float:
        """One of a class of `LIMITS`: 0.0, or the seconds to wait for it. `now` in monotonic seconds."""
        place = _PLACES[name]
        self._full_at[place], wait = _taken(self._full_at[place], _ROWS[place], now)
        return wait

    def take_any(self, now: float) -> tuple[float, bool]:
        """One message of whatever kind: as `take`, and whether it has been too many for too long."""
        wait = self.take(ALL, now)
        left = self._full_at[_PLACES[ALL]] - now  # seconds until it is full
        if wait:
            self._over_since = now if self._over_since is None else self._over_since
            return wait, now - self._over_since >= FLOOD_SECONDS
        if left <= LIMITS[ALL].burst / LIMITS[ALL].rate / 2:
            self._over_since = None  # it went quiet in between
        return 0.0, False


class Gates:
    """The buckets of addresses, of all connections of a process. What is remembered is bounded: beyond `most_keys` who
    asked longest ago is forgotten, which costs protection and never a viewer."""

    def __init__(self, limits: Mapping[str, Limit] | None = None, *, most_keys: int = MOST_KEYS) -> None:
        self._limits = {**PER_ADDRESS, **(limits or {})}
        self._most_keys = most_keys
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()
        self.turns = Turns()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, name: str, who: Hashable, now: float) -> None:
        """One of a class of `PER_ADDRESS` for this address. Raises `Unavailable` (`party.rate_limited`)."""
        key = (name, who)
        self._full_at[key], wait = _taken(self._full_at.get(key, now), self._limits[name], now)
        self._full_at.move_to_end(key)
        while len(self._full_at) > self._most_keys:
            self._full_at.popitem(last=False)
        if wait:
            raise too_often(wait)

    def require(self, name: str, who: Hashable, now: float) -> None:
        """As `take`, but without taking: for what counts only if it fails."""
        _, wait = _taken(self._full_at.get((name, who), now), self._limits[name], now)
        if wait:
            raise too_often(wait)


class Turns:
    """One at a time for each key. A key is known only while somebody has, or waits for, its turn."""

    def __init__(self) -> None:
        self._held: dict[Hashable, tuple[asyncio.Lock, int]] = {}

    def __len__(self) -> int:
        return len(self._held)

    @asynccontextmanager
    async def of(self, who: Hashable) -> AsyncIterator[None]:
        """Wait for one's turn, and have it."""
        lock, waiting = self._held.get(who, (asyncio.Lock(), 0))
        self._held[who] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._held[who]
            if waiting > 1:
                self._held[who] = lock, waiting - 1
            else:
                del self._held[who]


def too_often(seconds: float) -> Unavailable:
    """The refusal: `party.rate_limited`, with the seconds to wait."""
    return Unavailable(
        "That was too often.",
        code="party.rate_limited",
        advice="Wait a moment before the next.",
        retry_after_seconds=seconds,
    )
