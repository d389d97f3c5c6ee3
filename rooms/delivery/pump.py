"""Writes what waits, to whoever reads again: one task for all viewers of the process, busy only while somebody waits.

It asks the lines instead of being told: the transports of asyncio tell their protocol alone, which is the web
framework's.
"""

from __future__ import annotations

from domain.ports import Clock, Metrics
from rooms.delivery.budget import Budget

TICK_SECONDS = 0.02
IDLE_SECONDS = 15.0


class Pump:
    """The pump of a process's `budget`."""

    def __init__(self, *, budget: Budget, clock: Clock, metrics: Metrics) -> None:
        self._budget, self._clock, self._metrics = budget, clock, metrics

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if not self._budget.waiting:
                self._metrics.gauge("party_waiting_bytes", self._budget.held)
                await self._clock.wait(self._budget.somebody, IDLE_SECONDS)
                continue
            self.sweep()
            await self._clock.sleep(TICK_SECONDS)

    def sweep(self) -> None:
        """One look at everybody who waits."""
        now = self._budget.now()
        for viewer in list(self._budget.waiting):
            viewer.pump(now)
        self._metrics.gauge("party_waiting_bytes", self._budget.held)
