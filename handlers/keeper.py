"""Keeps the leases that are in the hands of a worker: each is renewed long before it ends, however long its handler
takes. Who is taken over all the same (the process was stopped) finds its lease marked as lost."""

from __future__ import annotations

import asyncio

import structlog

from domain.errors import Unavailable
from domain.ports import Clock, Metrics
from storage.lanes import Lanes, Lease

log = structlog.get_logger(__name__)

RENEW_AT = 2 / 3  # of its time left: a lease of 9 s is renewed each 3 s
LOOK_SECONDS = 1.0
ROUND_SECONDS = 3.0  # a renewal that takes longer is begun anew


class Keeper:
    """One task for all hands of a worker (`run`); they put leases in and out."""

    def __init__(self, *, lanes: Lanes, clock: Clock, metrics: Metrics) -> None:
        self._lanes, self._clock, self._metrics = lanes, clock, metrics
        self._leases: dict[str, Lease] = {}  # by holder: a lane may be in two hands, one of them lost
        self._holding = asyncio.Event()
        self._closed = asyncio.Event()

    def keep(self, lease: Lease) -> None:
        """Renew this lease from now on."""
        self._leases[lease.holder] = lease
        self._holding.set()

    def let_go(self, lease: Lease) -> None:
        """The hand is done with it."""
        self._leases.pop(lease.holder, None)
        if not self._leases and not self._closed.is_set():
            self._holding.clear()

    def close(self) -> None:
        """The hands are empty and stay so: `run` returns."""
        self._closed.set()
        self._holding.set()

    async def freshen(self, lease: Lease) -> bool:
        """Renew a lease now, if it is no longer fresh. False: it was taken over."""
        if self._is_old(lease):
            return await self._lanes.renew(lease)
        return not lease.lost

    async def run(self) -> None:
        """Renew until `close`."""
        while True:
            await self._holding.wait()
            if await self._clock.wait(self._closed, LOOK_SECONDS):
                return
            old = [lease for lease in self._leases.values() if not lease.lost and self._is_old(lease)]
            if old:
                await self._renew_all(old)

    async def _renew_all(self, leases: list[Lease]) -> None:
        try:
            async with asyncio.timeout(ROUND_SECONDS):
                await asyncio.gather(*(self._renew(lease) for lease in leases))
        except TimeoutError:
            log.warning("lanes.renewal_slow", leases=len(leases))

    async def _renew(self, lease: Lease) -> None:
        try:
            if not await self._lanes.renew(lease) and lease.holder in self._leases:
                log.warning("lanes.taken_over", lane=lease.lane)
        except Unavailable as error:
            # The next look tries again; until then the holder believes what it knows.
            log.warning("lanes.renewal_failed", lane=lease.lane, code=error.code)
        except Exception as error:
            log.error("lanes.renewal_crashed", lane=lease.lane, exc_info=error)
            self._metrics.count("errors_total", where="worker.keeper")

    def _is_old(self, lease: Lease) -> bool:
        left = lease.deadline - self._clock.monotonic()
        return left <= self._lanes.lease_seconds * RENEW_AT
