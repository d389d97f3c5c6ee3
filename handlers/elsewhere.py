"""For rows that other processes shall handle: marks their lanes due in the store and tells the others to look.

A process without workers has this in place of one. A process with more lanes than hands uses it for the surplus.
It is an accelerator like the worker's own pokes: a mark that is lost is found by the sweep of a worker.
"""

from __future__ import annotations

import asyncio

import structlog

from domain.errors import Unavailable
from domain.ports import Clock, Metrics
from gateways.signals.contracts import Signals
from storage.lanes import Lanes

log = structlog.get_logger(__name__)

SIGNAL = "lanes"
MOST_LANES = 10_000  # about 1 MiB; beyond that the sweep has to do
AT_ONCE = 64
MARK_SECONDS = 5.0


class Elsewhere:
    """`poke` is what the intake calls; `run` is the task that does the writing."""

    def __init__(self, *, lanes: Lanes, signals: Signals, clock: Clock, metrics: Metrics) -> None:
        self._lanes, self._signals, self._clock, self._metrics = lanes, signals, clock, metrics
        self._waiting: dict[str, None] = {}  # in the order of their coming, each once
        self._some = asyncio.Event()

    def poke(self, lane: str) -> None:
        """A lane has a new row. Never waits and never fails."""
        if len(self._waiting) < MOST_LANES:
            self._waiting[lane] = None
            self._some.set()

    def tell(self, lane: str = "") -> None:
        """Tell the others that something is due."""
        self._signals.send(SIGNAL, lane)

    @property
    def waiting(self) -> int:
        """Lanes that are not marked yet."""
        return len(self._waiting)

    async def run(self) -> None:
        """Mark lanes until cancelled."""
        while True:
            await self._some.wait()
            await self.flush()

    async def flush(self) -> None:
        """Mark what waits."""
        while self._waiting:
            lanes = list(self._waiting)[:AT_ONCE]
            for lane in lanes:
                del self._waiting[lane]
            try:
                async with asyncio.timeout(MARK_SECONDS):
                    await asyncio.gather(*(self._mark(lane) for lane in lanes))
            except TimeoutError:
                log.warning("lanes.mark_slow", lanes=len(lanes))
        self._some.clear()

    async def _mark(self, lane: str) -> None:
        try:
            await self._lanes.mark_due(lane)
        except Unavailable as error:
            log.warning("lanes.mark_failed", lane=lane, code=error.code)
            return
        except Exception as error:
            log.error("lanes.mark_crashed", lane=lane, exc_info=error)
            self._metrics.count("errors_total", where="lanes.mark")
            return
        self.tell(lane)
