"""How late the event loop wakes up: the pulse of the process.

A task sleeps for a quarter of a second, again and again, and measures how much longer it took. No thread
watches it. While the loop is blocked, `/livez` cannot answer at all, which is what a platform's probe with
a time limit looks for; afterwards the probe tells how long it was. `lag_seconds` also counts a beat that is
overdue now, so a probe that died does not look like a loop that is well.
"""

from __future__ import annotations

from collections import deque

import structlog

from domain.ports import Clock, Metrics

log = structlog.get_logger("loop")

BEAT_SECONDS = 0.25
MEMORY_BEATS = 40  # ten seconds
BLOCKED_SECONDS = 0.5  # worth a line in the log
QUIET_SECONDS = 10.0  # between two such lines


class LoopProbe:
    """Measures the lag of the loop that `run` runs on."""

    def __init__(self, *, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._recent: deque[float] = deque(maxlen=MEMORY_BEATS)
        self._due: float | None = None
        self._last_told = float("-inf")

    def lag_seconds(self) -> float:
        """The worst lag of the last ten seconds, the present one included; 0.0 before `run`."""
        overdue = self._clock.monotonic() - self._due if self._due is not None else 0.0
        return max([0.0, overdue, *self._recent])

    async def run(self) -> None:
        """Measure until cancelled: a core task."""
        while True:
            self._due = self._clock.monotonic() + BEAT_SECONDS
            await self._clock.sleep(BEAT_SECONDS)
            now = self._clock.monotonic()
            lag = max(0.0, now - self._due)
            self._recent.append(lag)
            self._metrics.observe("loop_lag_seconds", lag)
            if lag >= BLOCKED_SECONDS and now - self._last_told >= QUIET_SECONDS:
                self._last_told = now
                log.warning("the event loop was blocked", seconds=round(lag, 3))
