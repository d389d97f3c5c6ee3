"""Work that comes due by the clock: the ends of VIP sessions, those who wait for a slot, and a regular look at what
Twitch has.

The scheduler only puts rows into lanes; the lane decides whether the end still holds. It looks again at least every
15 seconds (a laptop may have slept, another process may have added a session) and at once when a session changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import structlog

from domain.channel import Channel
from domain.errors import NotFound, Unavailable
from domain.inbox import RowState
from domain.ports import Clock, Metrics
from domain.vip import VipSession
from handlers.intake import Intake
from handlers.vip.endings import expiry_of
from handlers.vip.reconcile import reconciliation_of
from storage.channels import Channels
from storage.sessions import Sessions

log = structlog.get_logger(__name__)

LONGEST_SLEEP_SECONDS = 15.0
AGAIN_SECONDS = 60.0
JOIN_SECONDS = 0.05  # changes within this time share one look
JOIN_OTHERS_SECONDS = 0.25  # the same for those of other processes, which look themselves


class Expiries:
    """Queues the end of every session whose time has come. `tell` lets the other processes of a fleet know that a
    session changed; they call `look`."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        channels: Channels,
        intake: Intake,
        clock: Clock,
        metrics: Metrics,
        tell: Callable[[], None] = lambda: None,
    ) -> None:
        self._sessions, self._channels, self._intake = sessions, channels, intake
        self._clock, self._metrics = clock, metrics
        self._tell = tell
        self._changed = asyncio.Event()
        self._join_seconds = JOIN_SECONDS
        self._queued: dict[
            str, int
        ] = {}  # session id to the end that was queued: no row is written twice for it

    def session_changed(self) -> None:
        """A session began or its end moved: look again."""
        self._join_seconds = JOIN_SECONDS
        self._changed.set()
        self._tell()

    def look(self) -> None:
        """The same, in another process. Never waits."""
        if not self._changed.is_set():
            self._join_seconds = JOIN_OTHERS_SECONDS
            self._changed.set()

    async def run(self) -> None:
        """Queue ends as they come due, until cancelled. At the start and then each minute those that were given up
        (Twitch answered what nobody foresees) are sent round again: a removal is never forgotten."""
        again_at = self._clock.monotonic()
        while True:
            self._changed.clear()
            try:
                again = self._clock.monotonic() >= again_at
                await self.queue_due(cause="clock", again=again)
                if again:
                    again_at = self._clock.monotonic() + AGAIN_SECONDS
                next_end = await self._next_end()
            except Unavailable as error:
                log.warning("expiries.storage_unavailable", code=error.code)
                next_end = self._clock.now() + 1000
            seconds = LONGEST_SLEEP_SECONDS
            if next_end is not None:
                seconds = min(seconds, max(0.005, (next_end - self._clock.now()) / 1000))
            if await self._clock.wait(self._changed, seconds):
                await self._clock.sleep(self._join_seconds)

    async def _next_end(self) -> int | None:
        """The earliest end that is not queued yet."""
        now = self._clock.now()
        for session in await self._sessions.due(now + round(LONGEST_SLEEP_SECONDS * 1000)):
            if self._queued.get(session.id) != session.expires_at:
                return session.expires_at
        return None

    async def queue_due(self, *, cause: str, again: bool = False) -> int:
        """Queue every end that is due; with `again` also those queued before (a dead one is sent round again), and
        those that were left, where the streamer wants them removed by now. Returns how many sessions are due."""
        due = await self._sessions.due(self._clock.now() + 1)
        left = 0
        for session in due:
            if session.left_at and not (again and await self._removes(session.channel_id)):
                left += 1
            elif again or self._queued.get(session.id) != session.expires_at:
                await self._queue(session, cause, again=again)
        self._queued = {session.id: session.expires_at for session in due}
        return len(due) - left

    async def _removes(self, channel_id: str) -> bool:
        channel = await self._channels.get(channel_id)
        return channel is None or channel.settings.removes

    async def _queue(self, session: VipSession, cause: str, *, again: bool) -> None:
        delivery = expiry_of(session, cause=cause)
        result = await self._intake.accept(delivery, again=again)
        while again and result == "duplicate" and (done_at := await self._done_at(delivery.row_id)):
            # It was looked at before the session was over: by a clock that is behind, or that was set back since.
            delivery = replace(delivery, message_id=f"{delivery.message_id}:{done_at}")
            result = await self._intake.accept(delivery, again=True)
        self._metrics.count("expiries_queued_total", result=result)

    async def _done_at(self, row_id: str) -> int | None:
        """When a row was done; `None` while it is not."""
        try:
            row = await self._intake.inbox.get(row_id)
        except NotFound:
            return None
        return row.finished_at if row.state is RowState.DONE else None

    async def remove_expired(self) -> dict[str, int]:
        """For the cron endpoint: queue what is due; two runs at once queue each end once."""
        return {"due": await self.queue_due(cause="cron", again=True)}


class WaitingLists(Protocol):
    """`look` lets go who has waited too long, lets in who fits, and returns when there is something to do next (UTC
    ms)."""

    async def look(self) -> int | None: ...


class Waits:
    """Looks after the waiting lists of all channels, every fifteen seconds and when somebody's longest wait is over.
    Any number of processes may do it: what comes due has the same row in each."""

    def __init__(self, *, waiting: WaitingLists, clock: Clock) -> None:
        self._waiting, self._clock = waiting, clock

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                due = await self._waiting.look()
            except Unavailable as error:
                log.warning("waits.storage_unavailable", code=error.code)
                due = self._clock.now() + 1000
            seconds = LONGEST_SLEEP_SECONDS
            if due is not None:
                seconds = min(seconds, max(JOIN_SECONDS, (due - self._clock.now()) / 1000))
            await self._clock.sleep(seconds)


ROUND_SECONDS = 600.0


class Listed(Protocol):
    """Which channels are to be looked after: all that are stored, or in a fleet this process' share of them."""

    async def all(self) -> list[Channel]: ...


class Rounds:
    """Reconciles every channel every ten minutes, in case a notice was lost without a visible gap."""

    def __init__(self, *, channels: Listed, intake: Intake, clock: Clock) -> None:
        self._channels, self._intake, self._clock = channels, intake, clock

    async def run(self) -> None:
        """Go round until cancelled; the channels of one round are spread over its time."""
        while True:
            channels = await self._channels.all()
            for channel in channels:
                await self._clock.sleep(ROUND_SECONDS / len(channels))
                await self.reconcile(channel.id)
            if not channels:
                await self._clock.sleep(ROUND_SECONDS)

    async def reconcile(self, channel_id: str) -> None:
        """Queue one reconciliation of a channel."""
        await self._intake.accept(reconciliation_of(channel_id, run=str(self._clock.now())))
