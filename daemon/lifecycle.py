"""Start and stop in stages: up in order, down in reverse, each within its time, all of it in under eight seconds.

The platform that stops us (systemd, Docker, Cloud Run) sends SIGTERM and kills ten seconds later. What had
to be durable is durable long before; these seconds are for leases handed back and sockets closed with a
kind word.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import FrameType

import structlog

from daemon.supervisor import bounded, first
from domain.errors import CuelightError
from domain.ports import Clock

log = structlog.get_logger("lifecycle")

EXIT_OK = 0
LEAVE_SECONDS = 1.0
EXIT_NOT_STARTED = 69  # a stage could not start (EX_UNAVAILABLE)
EXIT_CORE_DIED = 70  # a core task died (EX_SOFTWARE)
EXIT_HUNG = 75  # stopped, but something had to be left behind (EX_TEMPFAIL)
EXIT_SETTINGS = 78  # the settings cannot be used (EX_CONFIG)
EXIT_SIGNAL = 128  # plus the number of the signal that came a second time

STOP_SECONDS = 7.5
# The last resort where even the loop does not turn any more; still under the eight seconds.
HARD_STOP_SECONDS = 7.9

Step = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Stage:
    """One part of the daemon. `stop` is called when `start` was begun, even if it failed half-way, so it must
    cope with that. `budget_seconds` is the most that `stop` may take, `start_seconds` the most for
    `start`."""

    name: str
    start: Step | None = None
    stop: Step | None = None
    budget_seconds: float = 1.0
    start_seconds: float = 30.0


def leave_soon(code: int, *, seconds: float = LEAVE_SECONDS) -> None:
    """End the process with `code` after so many seconds, if it has not ended by itself.

    All stages are stopped by now. But a database driver may have threads that still wait for a server which is
    frozen, and Python waits for them at its end.
    """
    watch = threading.Timer(seconds, os._exit, (code,))
    watch.daemon = True
    watch.start()


class Lifecycle:
    """Runs the stages until something ends it: a signal, `request_stop`, or the death of a core task."""

    def __init__(
        self,
        stages: Sequence[Stage],
        *,
        clock: Clock,
        died: asyncio.Event | None = None,
        stop_seconds: float = STOP_SECONDS,
        signals: bool = True,
    ) -> None:
        """`died` is the supervisor's. Without `signals` nothing is installed (several daemons in one process)."""
        self._stages = stages
        self._clock = clock
        self._died = died or asyncio.Event()
        self._stop_seconds = stop_seconds
        self._signals = signals
        self._stop = asyncio.Event()
        self._begun: list[Stage] = []
        self.ready = asyncio.Event()
        self.hung: list[str] = []

    def request_stop(self, reason: str) -> None:
        """Begin to stop; more calls change nothing."""
        if not self._stop.is_set():
            log.info("stopping", reason=reason)
            self._stop.set()

    async def run(self) -> int:
        """Start all stages, wait, stop them; returns the exit code."""
        restore = self._listen() if self._signals else None
        try:
            code = await self._start()
            if code == EXIT_OK and not self._stop.is_set():
                self.ready.set()
                await self._until_over()
            if code == EXIT_OK and self._died.is_set():
                code = EXIT_CORE_DIED
            self._arm()
            await self._stop_all()
        finally:
            if restore is not None:
                restore()
        return code if code != EXIT_OK or not self.hung else EXIT_HUNG

    async def _start(self) -> int:
        for stage in self._stages:
            if self._stop.is_set() or self._died.is_set():
                break
            self._begun.append(stage)
            if stage.start is None:
                continue
            began = self._clock.monotonic()
            try:
                in_time = await self._unless_stopped(stage.start(), stage)
            except CuelightError as error:
                log.error("could not start", stage=stage.name, error=error, advice=error.advice)
                return EXIT_NOT_STARTED
            except Exception as error:  # told once; then everything that began is stopped
                log.error("could not start", stage=stage.name, exc_info=error)
                return EXIT_NOT_STARTED
            if not in_time and not self._stop.is_set():
                log.error("could not start in time", stage=stage.name, seconds=stage.start_seconds)
                return EXIT_NOT_STARTED
            log.debug("started", stage=stage.name, seconds=round(self._clock.monotonic() - began, 3))
        return EXIT_OK

    async def _unless_stopped(self, work: Awaitable[None], stage: Stage) -> bool:
        """Run a start; a signal in between cancels it."""
        starting = bounded(work, seconds=stage.start_seconds, name=f"start:{stage.name}")
        return bool(await first(starting, self._stop.wait())) and not self._stop.is_set()

    async def _until_over(self) -> None:
        await first(self._stop.wait(), self._died.wait())

    async def _stop_all(self) -> None:
        deadline = self._clock.monotonic() + self._stop_seconds
        for stage in reversed(self._begun):
            if stage.stop is None:
                continue
            # Even a late stage gets a moment: closing a file costs none and saves a recovery.
            seconds = max(0.1, min(stage.budget_seconds, deadline - self._clock.monotonic()))
            began = self._clock.monotonic()
            try:
                in_time = await bounded(stage.stop(), seconds=seconds, name=f"stop:{stage.name}")
            except Exception as error:  # the other stages still want to be stopped
                log.error("failed to stop cleanly", stage=stage.name, exc_info=error)
                self.hung.append(stage.name)
                continue
            if not in_time:
                log.error("did not stop in time", stage=stage.name, seconds=round(seconds, 2))
                self.hung.append(stage.name)
            log.debug("stopped", stage=stage.name, seconds=round(self._clock.monotonic() - began, 3))

    def _listen(self) -> Callable[[], None]:
        """The first SIGTERM or SIGINT stops, the second one ends the process where it stands.

        Python's own handlers, not the loop's: they also run while a callback keeps the loop busy.
        """
        loop = asyncio.get_running_loop()
        seen: list[int] = []

        def heard(number: int, _frame: FrameType | None) -> None:
            seen.append(number)
            if len(seen) > 1:
                os._exit(EXIT_SIGNAL + number)
            loop.call_soon_threadsafe(self.request_stop, signal.Signals(number).name)

        before = {number: signal.signal(number, heard) for number in (signal.SIGTERM, signal.SIGINT)}

        def restore() -> None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, handler in before.items():
                signal.signal(number, handler)

        return restore

    def _arm(self) -> None:
        """From here on the kernel's timer counts, for the case that the loop itself is stuck."""
        if not self._signals:
            return

        def too_late(_number: int, _frame: FrameType | None) -> None:
            log.critical("the stop did not come to an end, leaving at once")
            os._exit(EXIT_HUNG)

        signal.signal(signal.SIGALRM, too_late)
        signal.setitimer(signal.ITIMER_REAL, max(0.1, self._stop_seconds + HARD_STOP_SECONDS - STOP_SECONDS))
