"""The clock of a fleet: one time for all its processes."""

from __future__ import annotations

import structlog

from domain.errors import CuelightError
from domain.ports import Clock
from gateways.redis.time import Offset, RedisTime

log = structlog.get_logger("clock")

SAMPLE_SECONDS = 5.0
FIRST_SAMPLES = 4


class FleetClock:
    """The clock that all processes of a fleet share: Redis time, carried on by the machine's monotonic clock.

    Their own wall clocks may differ by seconds; what they write and compare (leases, ends, order of arrival) may not.
    Until Redis was asked once, and only then, it is the machine's own wall clock.
    """

    def __init__(self, machine: Clock, *, redis: RedisTime) -> None:
        self._machine, self._redis = machine, redis
        self._offset = Offset()
        self._away = False
        self.monotonic = machine.monotonic
        self.sleep = machine.sleep
        self.wait = machine.wait

    def now(self) -> int:
        """Redis time in UTC milliseconds since 1970."""
        shared = self._offset.now_ms(self.monotonic())
        return self._machine.now() if shared is None else shared

    def difference_ms(self) -> int:
        """How far the machine's own wall clock is ahead of the shared one."""
        return self._machine.now() - self.now()

    async def set(self) -> None:
        """Ask a few times in a row: for the start, before anything is written."""
        for _ in range(FIRST_SAMPLES):
            await self._sample()

    async def run(self) -> None:
        """Keep it right, until cancelled."""
        while True:
            await self.sleep(SAMPLE_SECONDS)
            await self._sample()

    async def _sample(self) -> None:
        try:
            self._offset.add(*await self._redis.sample())
        except CuelightError as error:
            if not self._away:
                log.warning("clock.redis_away", code=error.code)
            self._away = True
        else:
            self._away = False


_conforms: type[Clock] = FleetClock
