"""`/livez`, `/readyz`, `/api/health` and `/metrics`: what operators and their machines ask.

Liveness looks at the event loop alone: a restart does not repair a full disk. Readiness looks at what we need in
order to accept events. Checks are run at most once a second, however many ask, each with a time limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from domain.errors import CuelightError, Unavailable
from domain.ports import Clock
from web.answers import json_answer
from web.ports import Backlog, Check, Exposition, LoopProbe, StorageProbe

CACHE_SECONDS = 1.0
CHECK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    ok: bool
    detail: str
    critical: bool

    def told(self) -> dict[str, object]:
        return {"name": self.name, "ok": self.ok, "detail": self.detail}


class StorageCheck:
    """Can we still write?"""

    name = "storage"
    critical = True

    def __init__(self, *, storage: StorageProbe) -> None:
        self._storage = storage

    async def check(self) -> str:
        await self._storage.probe()
        return "writable"


class BacklogCheck:
    """Is somebody working? The oldest event that is due may wait for `max_seconds`."""

    name = "backlog"

    def __init__(self, *, backlog: Backlog, clock: Clock, max_seconds: float, critical: bool = True) -> None:
        self.critical = critical
        self._backlog = backlog
        self._clock = clock
        self._max_seconds = max_seconds

    async def check(self) -> str:
        since = await self._backlog.oldest_open()
        if since is None:
            return "nothing waits"
        seconds = max(0.0, (self._clock.now() - since) / 1000)
        if seconds > self._max_seconds:
            raise Unavailable(f"The oldest event has waited for {seconds:.0f} s.", code="health.backlog")
        return f"the oldest event has waited for {seconds:.1f} s"


class Health:
    """`stopping` says whether the daemon is on its way out; it is not ready then, but alive."""

    def __init__(
        self,
        *,
        clock: Clock,
        loop: LoopProbe,
        checks: Sequence[Check],
        version: str,
        stopping: Callable[[], bool],
        max_lag_seconds: float = 5.0,
        check_seconds: float = CHECK_SECONDS,
    ) -> None:
        self._clock = clock
        self._loop = loop
        self._checks = tuple(checks)
        self._version = version
        self._stopping = stopping
        self._max_lag_seconds = max_lag_seconds
        self._check_seconds = check_seconds
        self._started = clock.monotonic()
        self._lock = asyncio.Lock()
        self._results: list[Result] = []
        self._checked_at: float | None = None

    async def livez(self, request: web.Request) -> web.Response:
        """GET `/livez`: 503 if the event loop was stuck when it was last measured."""
        lag = self._loop.lag_seconds()
        alive = lag <= self._max_lag_seconds
        return json_answer({"alive": alive, "loop_lag_seconds": round(lag, 3)}, status=200 if alive else 503)

    async def readyz(self, request: web.Request) -> web.Response:
        """GET `/readyz`: 503 while stopping or if a critical check fails; each check is named."""
        results = await self.results()
        ready = not self._stopping() and all(result.ok or not result.critical for result in results)
        body = {"ready": ready, "stopping": self._stopping(), "checks": [result.told() for result in results]}
        return json_answer(body, status=200 if ready else 503)

    async def health(self, request: web.Request) -> web.Response:
        """GET `/api/health`: `ok`, `degraded` (works, but a check that is not critical fails) or `unavailable`."""
        results = await self.results()
        if self._stopping() or any(result.critical and not result.ok for result in results):
            status = "unavailable"
        else:
            status = "ok" if all(result.ok for result in results) else "degraded"
        body = {
            "status": status,
            "version": self._version,
            "uptime_seconds": round(self._clock.monotonic() - self._started, 3),
            "checks": [result.told() for result in results],
        }
        return json_answer(body, status=503 if status == "unavailable" else 200)

    async def results(self) -> list[Result]:
        """The newest results, at most `CACHE_SECONDS` old. Of callers at the same time one does the work."""
        async with self._lock:
            now = self._clock.monotonic()
            if self._checked_at is None or now - self._checked_at >= CACHE_SECONDS:
                self._results = list(await asyncio.gather(*(self._run(check) for check in self._checks)))
                self._checked_at = self._clock.monotonic()
            return self._results

    async def _run(self, check: Check) -> Result:
        try:
            async with asyncio.timeout(self._check_seconds):
                return Result(check.name, True, await check.check(), check.critical)
        except TimeoutError:
            detail = f"no answer within {self._check_seconds:g} s"
        except CuelightError as error:
            detail = error.message
        return Result(check.name, False, detail, check.critical)


class MetricsPage:
    """GET `/metrics`; who may read it is decided by the guard of the route."""

    def __init__(self, *, exposition: Exposition) -> None:
        self._exposition = exposition

    async def metrics(self, request: web.Request) -> web.Response:
        body, content_type = self._exposition.render()
        return web.Response(body=body, headers={"Content-Type": content_type})
