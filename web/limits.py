"""Rate limits: how often somebody may ask, by class of route, and the headers that say what is left.

Who is signed in is counted by account, whoever is not by address (IPv6 by /64, which is what one customer has). Each
key has an allowance of `limit` requests that comes back evenly within `seconds` (the generic cell rate algorithm: one
number per key). Each process counts for itself: N processes let N times as much through. What is remembered is
bounded: beyond `MOST_KEYS` the key that asked longest ago is forgotten, which costs protection and never a request.
"""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from domain.errors import Unavailable
from domain.ports import Clock, Metrics
from web.auth_sessions import Sessions
from web.keys import PEER, Rate, Route, Who
from web.peers import Peer

MOST_KEYS = 50_000
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Allowance:
    """`limit` requests in `seconds`; a `limit` of 0 means as many as one likes."""

    limit: int
    seconds: int


USUAL: Mapping[Rate, Allowance] = {
    Rate.AUTH: Allowance(20, 300),
    Rate.WRITES: Allowance(120, 60),
    Rate.READS: Allowance(600, 60),
    Rate.WEBHOOKS: Allowance(30_000, 60),
    Rate.TICKETS: Allowance(300, 60),
}


@dataclass(frozen=True, slots=True)
class Taken:
    """What one request left: `reset_at` (UTC ms) is when the whole allowance is back, `wait_seconds` (above 0: refused)
    when the next request is let through."""

    limit: int
    remaining: int
    reset_at: int
    wait_seconds: float = 0.0


LIMITED: web.RequestKey[Taken] = web.RequestKey("limited", Taken)


class TooMany(Unavailable):
    """429. `retry_after_seconds` goes into `Retry-After`."""

    code = "http.rate_limited"

    def __init__(self, seconds: float) -> None:
        whole = max(1, math.ceil(seconds))
        super().__init__(
            f"Rate limit exceeded. Please retry after {whole} seconds",
            advice="Ask less often; the headers X-RateLimit-* say how much is left.",
            retry_after_seconds=whole,
        )


class Buckets:
    """The allowance of each key."""

    def __init__(self, *, clock: Clock, most_keys: int = MOST_KEYS) -> None:
        self._clock, self._most_keys = clock, most_keys
        self._full_at: OrderedDict[str, float] = OrderedDict()  # monotonic: when the allowance is whole again

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str, allowance: Allowance) -> Taken:
        """One request of `key`. One that is refused takes nothing."""
        now, each = self._clock.monotonic(), allowance.seconds / allowance.limit
        full_at = max(self._full_at.get(key, now), now)
        # The small addition is for sums of fractions that should be whole.
        left = math.floor((allowance.seconds - (full_at - now)) / each + 1e-9)
        wait = 0.0
        if left >= 1:
            full_at += each
            left -= 1
            self._full_at[key] = full_at
            self._full_at.move_to_end(key)
            while len(self._full_at) > self._most_keys:
                self._full_at.popitem(last=False)
        else:
            wait, left = max(full_at - now + each - allowance.seconds, 1e-3), 0
        reset_at = self._clock.now() + math.ceil((full_at - now) * 1000)
        return Taken(allowance.limit, left, reset_at, wait)


class Limiter:
    """Counts each request before its guard. `allowances` replaces those of `USUAL`."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        clock: Clock,
        metrics: Metrics,
        allowances: Mapping[Rate, Allowance] | None = None,
    ) -> None:
        self._sessions, self._metrics = sessions, metrics
        self._allowances = {**USUAL, **(allowances or {})}
        self._buckets = Buckets(clock=clock)

    async def admit(self, request: web.Request, route: Route) -> None:
        """Return if the request may go on, and note what is left for the headers; raises `TooMany`."""
        rate = rate_of(route)
        allowance = self._allowances.get(rate)
        if allowance is None or allowance.limit <= 0:
            return
        taken = self._buckets.take(f"{rate.value}:{await self._who(request, route, rate)}", allowance)
        request[LIMITED] = taken
        if taken.wait_seconds:
            self._metrics.count("http_rate_limited_total", rate=rate.value)
            raise TooMany(taken.wait_seconds)

    async def _who(self, request: web.Request, route: Route, rate: Rate) -> str:
        # Signing in is counted by address also for who is signed in: an account is quickly changed there.
        if rate is not Rate.AUTH and route.who in {Who.SESSION, Who.PUBLIC}:
            session = await self._sessions.read(request)
            if session is not None:
                return f"user:{session.subject}"
        return f"address:{block_of(request[PEER])}"


def rate_of(route: Route) -> Rate:
    """The class of a route: what its row says, else what follows from it."""
    if route.rate is not None:
        return route.rate
    if route.quiet or not route.path.startswith("/api/"):
        return Rate.NONE
    if route.who is Who.WEBHOOK:
        return Rate.WEBHOOKS
    return Rate.READS if route.method in _SAFE else Rate.WRITES


def block_of(peer: Peer) -> str:
    """What counts as one address: an IPv4 address, a /64 of IPv6, or all those whom we cannot tell apart."""
    if isinstance(peer.address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((peer.address, 64), strict=False))
    return str(peer)


def limit_headers() -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """A signal for `on_response_prepare`: whatever was counted says what is left, refused or not."""

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        taken = request.get(LIMITED)
        if taken is not None:
            response.headers["X-RateLimit-Limit"] = str(taken.limit)
            response.headers["X-RateLimit-Remaining"] = str(taken.remaining)
            response.headers["X-RateLimit-Reset"] = stamp(taken.reset_at)

    return add


def stamp(at: int) -> str:
    """UTC milliseconds as `2024-01-15T10:30:00.000Z`."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}Z"
