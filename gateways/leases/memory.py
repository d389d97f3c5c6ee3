"""The leases of a process that is alone: kept in its memory, by its monotonic clock.

Nobody else asks for them. Still they are kept as in a fleet, so that what holds a lease need not know which it is.

There may be many (two for each viewer who came back within the last hour), so none is looked at before its time: a heap
has an end for each, which may be an earlier one than the lease has by now, and is corrected when it is due.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from domain.ports import Clock
from gateways.leases.contracts import Held, Leases

SPARE = 64
"""Ends of leases that were given back are kept in the heap as long as they are no more than the others, and so many."""


@dataclass(slots=True)
class _Lease:
    owner: str
    fence: int
    until: float


class MemoryLeases:
    """Implements `Leases`. Never raises. Fences begin at the wall time, so that those of the last start are lower."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._leases: dict[str, _Lease] = {}
        self._ends: list[tuple[float, int, str]] = []  # with the fence, which no two leases have in common
        self._groups: dict[str, dict[str, float]] = {}
        self._fence = 0

    async def acquire(self, names: Sequence[str], *, owner: str, ttl_seconds: float) -> dict[str, Held]:
        now = self._clock.monotonic()
        self._sweep(now)
        for name in names:
            if name not in self._leases:
                self._fence = max(self._fence + 1, self._clock.now() * 1000)
                self._leases[name] = _Lease(owner, self._fence, now)
                heapq.heappush(self._ends, (now + ttl_seconds, self._fence, name))
        return self._extend(names, owner, now + ttl_seconds)

    async def renew(self, names: Sequence[str], *, owner: str, ttl_seconds: float) -> dict[str, Held]:
        now = self._clock.monotonic()
        self._sweep(now)
        return self._extend(names, owner, now + ttl_seconds)

    async def release(self, names: Sequence[str], *, owner: str) -> None:
        for name in names:
            lease = self._leases.get(name)
            if lease is not None and lease.owner == owner:
                del self._leases[name]
        if len(self._ends) > 2 * len(self._leases) + SPARE:
            self._ends = [(lease.until, lease.fence, name) for name, lease in self._leases.items()]
            heapq.heapify(self._ends)

    async def holders(self, names: Sequence[str]) -> dict[str, str]:
        self._sweep(self._clock.monotonic())
        return {name: self._leases[name].owner for name in names if name in self._leases}

    async def muster(self, group: str, *, owner: str, ttl_seconds: float) -> list[str]:
        now = self._clock.monotonic()
        members = self._groups.setdefault(group, {})
        members[owner] = now + ttl_seconds
        for gone in [member for member, until in members.items() if until <= now]:
            del members[gone]
        return sorted(members)

    async def leave(self, group: str, *, owner: str) -> None:
        self._groups.get(group, {}).pop(owner, None)

    def _extend(self, names: Sequence[str], owner: str, until: float) -> dict[str, Held]:
        held = {}
        for name in names:
            lease = self._leases.get(name)
            if lease is not None and lease.owner == owner:
                lease.until = max(lease.until, until)
                held[name] = Held(name, lease.fence, until)
        return held

    def _sweep(self, now: float) -> None:
        while self._ends and self._ends[0][0] <= now:
            _, fence, name = heapq.heappop(self._ends)
            lease = self._leases.get(name)
            if lease is None or lease.fence != fence:
                continue  # given back
            if lease.until <= now:
                del self._leases[name]
            else:
                heapq.heappush(self._ends, (lease.until, fence, name))


_conforms: type[Leases] = MemoryLeases
