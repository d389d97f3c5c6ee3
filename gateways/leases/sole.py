"""What one process does for all: runs here while the lease is ours, waits while it is another's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from domain.errors import Broken, Unavailable
from domain.ports import Clock
from gateways.leases.contracts import Leases

log = structlog.get_logger(__name__)

LEASE_SECONDS = 9.0
ROUND_SECONDS = 3.0


class Sole:
    """Runs `work` (which never ends by itself) in one process of the fleet at a time.

    The work must bear being cancelled and begun again elsewhere, and two of it for a moment: while the engine of the
    leases does not answer, it goes on. What it raises leaves `run`.
    """

    def __init__(
        self, name: str, work: Callable[[], Awaitable[None]], *, leases: Leases, owner: str, clock: Clock
    ) -> None:
        self._name, self._work = f"task:{name}", work
        self._leases, self._owner, self._clock = leases, owner, clock

    async def run(self) -> None:
        """Wait for the lease, work, and again, until cancelled."""
        while True:
            if await self._ours() is True:
                try:
                    await self._work_while_ours()
                finally:
                    await self._give_back()
            await self._clock.sleep(ROUND_SECONDS)

    async def _work_while_ours(self) -> None:
        ended = asyncio.Event()
        failures: list[Exception] = []

        async def work() -> None:
            try:
                await self._work()
            except Exception as error:
                failures.append(error)
            finally:
                ended.set()

        async with asyncio.TaskGroup() as group:
            working = group.create_task(work(), name=self._name)
            while not await self._clock.wait(ended, ROUND_SECONDS):
                if await self._ours() is False:
                    log.info("sole.taken_over", name=self._name)
                    working.cancel()
                    break
        if failures:
            raise failures[0]

    async def _ours(self) -> bool | None:
        """`None`: nobody can say."""
        try:
            held = await self._leases.acquire([self._name], owner=self._owner, ttl_seconds=LEASE_SECONDS)
        except (Unavailable, Broken):
            return None
        return bool(held)

    async def _give_back(self) -> None:
        try:
            await self._leases.release([self._name], owner=self._owner)
        except (Unavailable, Broken):
            return  # it runs out by itself
