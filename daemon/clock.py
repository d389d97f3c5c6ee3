"""The only reader of time in the program (`tests/test_architecture.py` holds everybody to it)."""

from __future__ import annotations

import asyncio
import time

from domain.ports import Clock


class SystemClock:
    """Implements `domain.ports.Clock` with the clocks of the machine.

    The wall clock may jump (NTP, an operator, a laptop that slept); the monotonic one never does, but on
    Linux it does not count the time in which the machine was suspended. Who sleeps "until a due time"
    therefore sleeps at most a few seconds at once and looks at the wall clock again.
    """

    def now(self) -> int:
        """Wall time in UTC milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds that never jump; only differences mean something."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep for about `seconds`; zero and less give way to the other tasks once."""
        await asyncio.sleep(max(0.0, seconds))

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for `event` at most `seconds` (zero and less: one turn of the loop); true when it was set."""
        if event.is_set():
            return True
        if seconds <= 0:
            await asyncio.sleep(0)
            return event.is_set()
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return event.is_set()
        return True


_conforms: Clock = SystemClock()
