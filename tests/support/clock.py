"""A clock that tests move by hand. Sleepers wake in the order of their time, without a real wait."""

from __future__ import annotations

import asyncio
import heapq
import itertools


class ManualClock:
    """Implements `domain.ports.Clock`. `advance(seconds)` moves both the wall and the monotonic time."""

    def __init__(self, now: int = 1_772_359_200_000) -> None:
        self._wall_ms = now
        self._monotonic = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> int:
        return self._wall_ms

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic + seconds, next(self._order), future))
        await future

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        if event.is_set():
            return True
        waiting = asyncio.ensure_future(event.wait())
        sleeping = asyncio.ensure_future(self.sleep(seconds))
        try:
            await asyncio.wait({waiting, sleeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (waiting, sleeping):
                task.cancel()
            await asyncio.gather(waiting, sleeping, return_exceptions=True)
        return event.is_set()

    def step_wall(self, milliseconds: int) -> None:
        """Move the wall clock alone, as an operator or NTP would."""
        self._wall_ms += milliseconds

    async def advance(self, seconds: float) -> None:
        """Move time forward, waking each sleeper at its own moment, and let what woke run."""
        end = self._monotonic + seconds
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            when, _, future = heapq.heappop(self._sleepers)
            if future.done():
                continue
            self._wall_ms += round((when - self._monotonic) * 1000)
            self._monotonic = when
            future.set_result(None)
            await _settle()
        self._wall_ms += round((end - self._monotonic) * 1000)
        self._monotonic = end
        await _settle()

    @property
    def sleepers(self) -> int:
        """How many sleeps are under way."""
        return sum(not future.done() for _, _, future in self._sleepers)


async def _settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)
