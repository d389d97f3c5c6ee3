"""What the daemon says about itself: gauges for Prometheus, and the answer to `cuelight status`."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from daemon.loop_probe import LoopProbe
from daemon.settings import Settings
from domain.errors import Unavailable
from domain.inbox import RowState
from domain.ports import Clock, Metrics
from handlers.vip.quotas import CODE
from handlers.worker import Worker
from storage.contracts import Store
from storage.inbox import Inbox

GAUGES_SECONDS = 10.0


class Report:
    """`states`: how each channel's EventSub session of this process is, with since when and why. `transport`: how
    events come in, `None` in a process that does not listen."""

    def __init__(
        self,
        *,
        settings: Settings,
        owner: str,
        inbox: Inbox,
        store: Store,
        worker: Worker | None,
        states: Callable[[], dict[str, dict[str, Any]]],
        probe: LoopProbe,
        clock: Clock,
        metrics: Metrics,
        address: Callable[[], str],
        transport: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        self._settings, self._owner, self._inbox, self._store = settings, owner, inbox, store
        self._worker, self._states, self._probe = worker, states, probe
        self._clock, self._metrics, self._address = clock, metrics, address
        self._transport = transport

    async def measure(self) -> None:
        """Keep the gauges fresh, until cancelled."""
        while True:
            try:
                await self._measure_once()
            except Unavailable:
                self._metrics.count("errors_total", where="daemon.gauges")
            await self._clock.sleep(GAUGES_SECONDS)

    async def _measure_once(self) -> None:
        oldest = await self._inbox.oldest_open()
        age = 0.0 if oldest is None else max(0.0, (self._clock.now() - oldest) / 1000)
        self._metrics.gauge("inbox_oldest_seconds", age)
        counts = await self._inbox.counts()
        self._metrics.gauge("inbox_dead", counts.get(RowState.DEAD.value, 0))

    async def status(self) -> dict[str, Any]:
        """Is it well, and what waits?"""
        oldest = await self._inbox.oldest_open()
        worker = self._worker
        return {
            "version": version("cuelight"),
            "address": self._address(),
            "process": self._owner,
            "roles": list(self._settings.roles),
            "fleet": self._settings.redis_address is not None,
            "store": "mongodb" if self._settings.mongo_url else "sqlite",
            "lag_seconds": round(self._probe.lag_seconds(), 3),
            "store_bytes": await self._store.size_bytes(),
            "inbox": await self._inbox.counts(),
            "oldest_unhandled_seconds": None if oldest is None else (self._clock.now() - oldest) / 1000,
            "worker": {"busy": worker.busy, "backlog": worker.backlog} if worker else None,
            "transport": self._transport() if self._transport is not None else None,
            "channels": self._states(),
            "crowded": await self._crowded(),
        }

    async def _crowded(self) -> dict[str, dict[str, int]]:
        """Channels of which much waits, or that are over their quota."""
        found = await self._inbox.crowded(CODE, more_than=self._settings.quota_channel_waiting)
        return {
            channel_id: {"waiting": waiting, "over_quota": over}
            for channel_id, (waiting, over) in found.items()
        }
