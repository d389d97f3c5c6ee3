"""What is due when: each thing at most once, and whoever does it is woken when something is due sooner."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from domain.ports import Clock

LONGEST_NAP_SECONDS = 15.0

Work = Callable[[float], None]
"""Gets the monotonic time."""


class Agenda:
    """Of one task, which calls `do` and then `nap`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: dict[Work, float] = {}
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._due)

    def plan(self, work: Work, seconds: float) -> None:
        """Do it in so many seconds, or when it is planned already, if that is sooner."""
        at = self._clock.monotonic() + max(seconds, 0.0)
        if at < self._due.get(work, float("inf")):
            self._due[work] = at
            self._wake.set()

    def wake(self) -> None:
        """Look, though nothing is due."""
        self._wake.set()

    def do(self) -> None:
        """Do what is due, in the order in which it was."""
        self._wake.clear()
        now = self._clock.monotonic()
        for work in sorted((one for one, at in self._due.items() if at <= now), key=self._due.__getitem__):
            del self._due[work]
            work(now)

    async def nap(self) -> None:
        """Until something is due, or somebody wakes us."""
        at = min(self._due.values(), default=None)
        seconds = LONGEST_NAP_SECONDS if at is None else at - self._clock.monotonic()
        await self._clock.wait(self._wake, min(seconds, LONGEST_NAP_SECONDS))
