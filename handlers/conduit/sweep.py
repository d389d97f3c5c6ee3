"""After a gap of the conduit: every channel is reconciled, one after the other, so that 2,000 do not come at once. The
one that was heard of last is the first: nothing was missed where viewers do nothing, as a rule.

Which channel Twitch routes to which shard is not told, and what one shard misses goes to another: so a gap concerns
all. The gaps are counted in storage, and how many of them every channel was reconciled after; whoever holds the task
goes on where the last one stopped to exist.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping

import structlog

from domain.errors import Unavailable
from domain.ports import Clock, Metrics
from domain.transport import with_sweep
from handlers.conduit.board import Board
from handlers.intake import Intake
from handlers.vip.reconcile import reconciliation_of

log = structlog.get_logger("conduit")

PER_SECOND = 10.0
"""A reconciliation is a few calls with the broadcaster's own points and some milliseconds of ours."""
LOOK_SECONDS = 15.0
AGAIN_SECONDS = 1.0


class Lap:
    """Which channel is next. A gap that comes meanwhile makes those that were done due again, behind the others."""

    def __init__(self, channels: Iterable[str]) -> None:
        self._due = deque(channels)
        self._done: list[str] = []

    def __len__(self) -> int:
        return len(self._due)

    def next(self) -> str:
        """Raises `IndexError` at the end."""
        channel = self._due.popleft()
        self._done.append(channel)
        return channel

    def again(self) -> None:
        """There was another gap."""
        self._due.extend(self._done)
        self._done.clear()


class Sweep:
    """Run `run` in one process. `channels` lists those that there are, `heard` when an event of each came last, UTC ms
    (both may raise `Unavailable`). `boot` names this start of the process."""

    def __init__(
        self,
        *,
        board: Board,
        channels: Callable[[], Awaitable[Iterable[str]]],
        heard: Callable[[], Awaitable[Mapping[str, int]]],
        boot: str,
        intake: Intake,
        clock: Clock,
        metrics: Metrics,
        per_second: float = PER_SECOND,
    ) -> None:
        self._board, self._channels, self._boot, self._intake = board, channels, boot, intake
        self._heard = heard
        self._clock, self._metrics, self._interval = clock, metrics, 1 / per_second
        self._news = asyncio.Event()
        board.listen(lambda transport: self._news.set())

    async def run(self) -> None:
        """Reconcile after each gap, until cancelled."""
        while True:
            self._news.clear()
            transport = self._board.now
            if transport.conduit and transport.gaps > transport.swept:
                try:
                    await self._go_round()
                except Unavailable as error:
                    log.info("conduit.sweep_again", code=error.code)
                    await self._clock.sleep(max(AGAIN_SECONDS, error.retry_after_seconds))
                continue
            await self._clock.wait(self._news, LOOK_SECONDS)

    async def _go_round(self) -> None:
        """One lap, and more of it for gaps that come meanwhile."""
        gaps, lap = self._board.now.gaps, Lap(await self._in_order())
        log.info("conduit.sweep", channels=len(lap), gap=gaps)
        while len(lap):
            if self._board.now.gaps > gaps:
                gaps = self._board.now.gaps
                lap.again()
            channel_id = lap.next()
            await self._intake.accept(reconciliation_of(channel_id, run=f"conduit.{self._boot}.{gaps}"))
            self._metrics.gauge("conduit_sweep_left", len(lap))
            await self._clock.sleep(self._interval)
        await self._board.change(lambda held: with_sweep(held, gaps))

    async def _in_order(self) -> list[str]:
        """Those of which nothing is known come last, as they are listed."""
        channels, heard = await self._channels(), await self._heard()
        return sorted(channels, key=lambda channel_id: -heard.get(channel_id, 0))
