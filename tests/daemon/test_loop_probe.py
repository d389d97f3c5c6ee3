"""The pulse: none before it runs, small when all is well, large when the loop was or is late."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from structlog.testing import capture_logs

from daemon.clock import SystemClock
from daemon.loop_probe import BEAT_SECONDS, MEMORY_BEATS, LoopProbe
from daemon.metrics import PrometheusMetrics
from tests.support.clock import ManualClock


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_no_lag_before_it_runs() -> None:
    assert LoopProbe(clock=ManualClock(), metrics=PrometheusMetrics()).lag_seconds() == 0.0


async def test_regular_beats_are_no_lag() -> None:
    clock, metrics = ManualClock(), PrometheusMetrics()
    probe = LoopProbe(clock=clock, metrics=metrics)
    task = asyncio.create_task(probe.run())
    await clock.advance(5)
    assert probe.lag_seconds() < 0.001
    assert metrics.value("loop_lag_seconds_count") == 5 / BEAT_SECONDS
    await _end(task)


async def test_a_probe_that_does_not_beat_looks_late() -> None:
    clock = ManualClock()
    probe = LoopProbe(clock=clock, metrics=PrometheusMetrics())
    task = asyncio.create_task(probe.run())
    await clock.advance(1)
    await _end(task)
    await clock.advance(7)
    assert 6.5 < probe.lag_seconds() <= 7


async def test_a_blocked_loop_is_measured_told_and_forgotten() -> None:
    """With the real clock and a loop that is really blocked."""
    metrics = PrometheusMetrics()
    probe = LoopProbe(clock=SystemClock(), metrics=metrics)
    with capture_logs() as lines:
        task = asyncio.create_task(probe.run())
        await asyncio.sleep(0)
        time.sleep(BEAT_SECONDS + 0.55)
        while not metrics.value("loop_lag_seconds_count"):
            await asyncio.sleep(0.01)
        lag = probe.lag_seconds()
        await _end(task)
    assert 0.5 < lag < 2
    assert [line["event"] for line in lines] == ["the event loop was blocked"]


async def test_an_old_lag_is_forgotten_after_ten_seconds() -> None:
    clock = ManualClock()

    class Late(ManualClock):
        late = 0.9

        async def sleep(self, seconds: float) -> None:
            await clock.sleep(seconds + self.late)

        def monotonic(self) -> float:
            return clock.monotonic()

    late = Late()
    probe = LoopProbe(clock=late, metrics=PrometheusMetrics())
    task = asyncio.create_task(probe.run())
    await clock.advance(BEAT_SECONDS + late.late)
    late.late = 0.0
    assert probe.lag_seconds() > 0.8
    await clock.advance(BEAT_SECONDS * (MEMORY_BEATS + 5) + 0.9)
    assert probe.lag_seconds() < 0.001
    await _end(task)
