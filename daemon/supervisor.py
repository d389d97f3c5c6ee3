"""Owns every background task: the only module that creates tasks (`tests/test_architecture.py` checks it).

Three kinds of work:

- `spawn`    runs once; an error is logged and counted, nothing else happens
- `gateway`  talks to the outside, so it fails now and then: started again for ever, with growing, jittered pauses
- `core`     must never end while the daemon runs; if it does, the daemon stops, loudly, with exit code 70

A name is `kind` or `kind:detail` ("eventsub:1234"); metrics carry the kind alone, so that their number is
bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import Any, TypeVar

import structlog

from domain.errors import Rejected, Unavailable
from domain.ports import Clock, Metrics, Tasks

log = structlog.get_logger("supervisor")

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
LAST_TURN_SECONDS = 0.05  # for work that ends when it is told to
HEALTHY_SECONDS = 60.0  # who ran that long begins again with the first pause

T = TypeVar("T")
Factory = Callable[[], Awaitable[None]]


class Supervisor:
    """Implements `domain.ports.Tasks`. Belongs to one event loop."""

    def __init__(self, *, clock: Clock, metrics: Metrics, random: Random | None = None) -> None:
        self._clock = clock
        self._metrics = metrics
        self._random = random or Random()  # noqa: S311 - spreads restarts, guards nothing
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._stopping = False
        self.died = asyncio.Event()
        self.cause = ""

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Run `work` once. While the supervisor stops, it is cancelled before its first step."""
        task = self._begin(self._once(work, name), name)
        # Cancelled before its first step, the wrapper never reaches the work, which then has to be closed.
        task.add_done_callback(lambda _: work.close())
        return task

    def gateway(self, name: str, factory: Factory) -> asyncio.Task[None]:
        """Run `factory()` for ever: when it ends or fails, run it again after a pause (0.5 s growing to 30 s)."""
        return self._begin(self._for_ever(name, factory), name)

    def core(self, name: str, factory: Factory) -> asyncio.Task[None]:
        """Run `factory()`, whose end is the end of the daemon: sets `died` and `cause`."""
        return self._begin(self._vital(name, factory), name)

    def names(self) -> list[str]:
        """The tasks under way, in the order of their start."""
        return list(self._tasks.values())

    async def stop(self, timeout_seconds: float) -> list[str]:
        """Cancel all tasks, the youngest first, and wait for them; returns the names of those that hung."""
        self._stopping = True
        deadline = self._clock.monotonic() + timeout_seconds
        while self._tasks:
            mine = asyncio.current_task()
            waiting = [task for task in reversed(self._tasks) if task is not mine]
            left = deadline - self._clock.monotonic()
            if not waiting or left <= 0:
                break
            for task in waiting:
                task.cancel()
            await asyncio.wait(waiting, timeout=left)
        hung = [name for task, name in self._tasks.items() if task is not asyncio.current_task()]
        if hung:
            log.error("background tasks did not stop in time", tasks=hung, seconds=timeout_seconds)
        return hung

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks[task] = name
        task.add_done_callback(self._ended)
        if self._stopping:
            task.cancel()
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        name = self._tasks.pop(task, task.get_name())
        if not task.cancelled() and (error := task.exception()) is not None:
            # Only what is no `Exception` comes this far (SystemExit, say): the wrappers below handle the rest.
            log.critical("a background task broke out", task=name, exc_info=error)

    async def _once(self, work: Coroutine[Any, Any, None], name: str) -> None:
        try:
            await work
        except Exception as error:  # the end of the line: logged, counted, over
            self._tell("a background task failed", name, error)

    async def _for_ever(self, name: str, factory: Factory) -> None:
        failures = 0
        while True:
            began = self._clock.monotonic()
            try:
                await factory()
            except Exception as error:  # the next round may do better
                self._tell("a gateway failed and is started again", name, error)
            else:
                log.warning("a gateway ended and is started again", task=name)
            failures = 1 if self._clock.monotonic() - began >= HEALTHY_SECONDS else failures + 1
            self._metrics.count("tasks_restarted_total", task=_kind(name))
            longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 10))
            await self._clock.sleep(self._random.uniform(longest / 2, longest))

    async def _vital(self, name: str, factory: Factory) -> None:
        why = "it ended"
        try:
            await factory()
        except Exception as error:  # told here, then the daemon stops
            why = str(error) or type(error).__name__
            self._metrics.count("errors_total", where=f"task.{_kind(name)}")
            log.critical("a core task died, the daemon stops", task=name, exc_info=error)
        else:
            log.critical("a core task ended, the daemon stops", task=name)
        if not self.died.is_set():
            self.cause = f"{name}: {why}"
            self.died.set()

    def _tell(self, what: str, name: str, error: Exception) -> None:
        self._metrics.count("errors_total", where=f"task.{_kind(name)}")
        if isinstance(error, Unavailable | Rejected):
            log.warning(what, task=name, error=error)
        else:
            log.error(what, task=name, exc_info=error)


def _kind(name: str) -> str:
    return name.partition(":")[0]


async def bounded(work: Awaitable[None], *, seconds: float, name: str) -> bool:
    """Run `work` for at most `seconds`; false when it had to be left behind.

    Unlike `asyncio.timeout` this returns in time even where the work does not let itself be cancelled. What
    the work raises is raised.
    """
    task = asyncio.ensure_future(work)
    if isinstance(task, asyncio.Task):
        task.set_name(name)
    try:
        done, _ = await asyncio.wait({task}, timeout=max(0.0, seconds))
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task}, timeout=LAST_TURN_SECONDS)
        raise
    if done:
        task.result()
        return True
    task.cancel()
    await asyncio.wait({task}, timeout=LAST_TURN_SECONDS)
    if not task.done():
        task.add_done_callback(_forget)
    else:
        _forget(task)
    return False


async def first(*works: Awaitable[T]) -> T:
    """The result of the work that ends first; the others are cancelled and waited for."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return next(task for task in tasks if task in done).result()


def _forget(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("work that was left behind failed", error=error)


_conforms: type[Tasks] = Supervisor
