"""Brings the subscriptions of all channels to a conduit, and keeps them there.

It begins by reading what is there, so that a fill which was cut off is resumed and not repeated. Calls are paced, so
that other calls of the application find points. A channel that Twitch refuses waits aside (`conduit_ledger.py`); the
others go on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Protocol

import structlog

from domain.errors import Broken, Conflict, Rejected, Unavailable
from domain.ports import Clock, Metrics
from gateways.twitch.conduit_ledger import Entry, Filled, Ledger, OnChannel, Progress
from gateways.twitch.conduit_plan import Comparison, estimate, pace
from gateways.twitch.contracts import LoginNeeded, RemoteSubscription
from gateways.twitch.subscriptions import Wanted

log = structlog.get_logger("conduit")

AT_ONCE = 8
LOOK_SECONDS = 1800.0
"""How often everything is compared again, in case something ended and nobody heard of it."""
BETWEEN_LOOKS_SECONDS = 60.0
ASIDE_SECONDS = 600.0
"""After so long a channel that Twitch refused for good is tried again."""
TOLD_SECONDS = 10.0
IDLE_SECONDS = 15.0
SHORTEST_WAIT_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 60.0


class FillCalls(Protocol):
    """The part of `helix_conduits.ConduitCalls` that is needed here."""

    def subscriptions(self, *, user_id: str = "") -> AsyncIterator[list[RemoteSubscription]]: ...

    def points_per_minute(self) -> int: ...


class SubscribeCalls(Protocol):
    """The part of `contracts.Helix` that is needed here."""

    async def subscribe(
        self, channel_id: str, type: str, version: str, condition: dict[str, str], transport: dict[str, str]
    ) -> RemoteSubscription: ...

    async def unsubscribe(self, channel_id: str, subscription_id: str) -> bool: ...


class ConduitRefused(Rejected):
    """Twitch refuses the conduit itself: it may be gone."""

    code = "twitch.conduit_refused"


class Filler:
    """See the module. `run` works for one conduit at a time; the rest may be called at any time.

    `on_channel` is told each change of a channel's state.
    """

    def __init__(
        self,
        *,
        calls: FillCalls,
        helix: SubscribeCalls,
        on_channel: OnChannel,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._calls, self._helix = calls, helix
        self._clock, self._metrics = clock, metrics
        self._ledger = Ledger(on_channel=on_channel)
        self._gone: deque[str] = deque()  # ids of subscriptions to delete
        self._news = asyncio.Event()
        self._look_at = self._looked_at = float("-inf")  # monotonic, as all that follow
        self._free_at = self._told_at = float("-inf")
        self._unlucky = 0
        self._refused: ConduitRefused | None = None

    # What is wanted: see `Ledger`.

    def want(self, channel_id: str, wanted: Sequence[Wanted], granted: Collection[str] | None = None) -> None:
        self._ledger.want(channel_id, wanted, granted)
        self._news.set()

    def forget(self, channel_id: str) -> None:
        self._ledger.forget(channel_id)
        self._news.set()

    def wake(self, channel_id: str) -> None:
        self._ledger.wake(channel_id)
        self._news.set()

    def recheck(self, channel_id: str) -> None:
        self._ledger.recheck(channel_id)
        self._news.set()

    def look(self) -> None:
        """Compare everything, soon."""
        self._look_at = min(self._look_at, self._looked_at + BETWEEN_LOOKS_SECONDS)
        self._news.set()

    @property
    def channels(self) -> list[str]:
        return self._ledger.channels

    def state(self, channel_id: str) -> tuple[Filled, str]:
        return self._ledger.state(channel_id)

    def progress(self) -> Progress:
        return self._ledger.progress()

    def seconds_left(self) -> float:
        """How long what is missing takes at Twitch's pace."""
        return self.progress().missing / pace(self._calls.points_per_minute())

    # The work

    async def run(self, conduit_id: str) -> None:
        """Fill and keep filled, until cancelled. Raises `ConduitRefused`, and `Broken`."""
        self._ledger.begin()
        self._gone.clear()
        self._look_at = float("-inf")
        self._refused = None
        try:
            await self._run(conduit_id)
        finally:
            self._tell(Progress())  # whoever goes on says so from now on

    async def _run(self, conduit_id: str) -> None:
        while True:
            self._news.clear()
            if self._clock.monotonic() >= self._look_at:
                await self._compare(conduit_id)
            again_at = self._ledger.take_back(self._clock.monotonic())
            if self._gone or self._ledger.busy:
                async with asyncio.TaskGroup() as group:
                    for _ in range(AT_ONCE):
                        group.create_task(self._worker(conduit_id))
                if self._refused is not None:
                    raise self._refused
                continue
            self._measure(now=True)
            times = [self._look_at, again_at or self._look_at, self._clock.monotonic() + IDLE_SECONDS]
            await self._clock.wait(self._news, max(0.0, min(times) - self._clock.monotonic()))

    async def _compare(self, conduit_id: str) -> None:
        """Look at everything at once; then each channel knows what it lacks."""
        attempt = 0
        while True:
            wanted = self._ledger.everything()
            comparison = Comparison(conduit_id, wanted)
            try:
                async for rows in self._calls.subscriptions():
                    comparison.see(rows)
                    # Of thousands of channels there are more pages than points in a minute.
                    await self._point()
                break
            except Unavailable as error:
                attempt += 1
                log.info("conduit.waiting", code=error.code, error=str(error))
                pause = max(error.retry_after_seconds, 0.5 * 2.0 ** min(attempt, 7))
                await self._clock.sleep(min(LONGEST_WAIT_SECONDS, pause))
        self._looked_at = self._clock.monotonic()
        self._look_at = self._looked_at + LOOK_SECONDS
        now = self._ledger.everything()
        same = [channel_id for channel_id, wishes in wanted.items() if now.get(channel_id) == wishes]
        plan = self._ledger.compared(same, comparison.result())
        if now != wanted:  # meanwhile; what is deleted now may be wanted by now
            self.look()
        self._gone.extend(plan.delete)
        if plan.calls:
            points = self._calls.points_per_minute()
            log.info("conduit.fill", conduit=conduit_id, told=estimate(len(plan.create), plan.calls, points))

    async def _worker(self, conduit_id: str) -> None:
        while self._clock.monotonic() < self._look_at and self._refused is None:
            if self._gone:
                await self._delete(self._gone.popleft())
                continue
            entry = self._ledger.next()
            if entry is None:
                return
            await self._settle(conduit_id, entry)
            self._measure()

    async def _settle(self, conduit_id: str, entry: Entry) -> None:
        """Make what one channel lacks."""
        try:
            if entry.missing is None:
                await self._look_at_one(conduit_id, entry)
            while entry.missing and self._ledger.known(entry):
                await self._make(conduit_id, entry, entry.missing[0])
            self._unlucky = 0
        except LoginNeeded as error:
            detail = f"missing: {' '.join(error.scopes)}" if error.scopes else error.message
            log.warning("conduit.needs_login", channel=entry.id, detail=detail)
            self._ledger.needs_login(entry, detail)
        except Unavailable as error:
            now, seconds = self._clock.monotonic(), max(SHORTEST_WAIT_SECONDS, error.retry_after_seconds)
            self._ledger.later(entry, at=now + seconds)
            self._unlucky += 1
            if self._unlucky >= AT_ONCE:  # not this channel's trouble: everybody waits
                self._free_at = max(self._free_at, now + min(LONGEST_WAIT_SECONDS, seconds))
        except ConduitRefused as error:
            self._refused = error
        except (Rejected, Broken) as error:
            self._metrics.count("errors_total", where="conduit.subscribe")
            log.error("conduit.refused", channel=entry.id, code=error.code, error=str(error))
            self._ledger.refused(entry, str(error), at=self._clock.monotonic() + ASIDE_SECONDS)
        else:
            if entry.missing == ():
                self._ledger.complete(entry)

    async def _look_at_one(self, conduit_id: str, entry: Entry) -> None:
        """Look at the subscriptions of one channel: one call, where there is news of it alone."""
        comparison = Comparison(conduit_id, {entry.id: self._ledger.possible(entry)})
        await self._point()
        async for rows in self._calls.subscriptions(user_id=entry.id):
            # The user may also be somebody who reads in another channel.
            comparison.see(row for row in rows if row.condition.get("broadcaster_user_id") == entry.id)
        plan = comparison.result()
        self._gone.extend(plan.delete)
        self._ledger.looked(entry, plan)

    async def _make(self, conduit_id: str, entry: Entry, wish: Wanted) -> None:
        """One subscription; an optional one that is refused is left out. Raises what the call raises."""
        transport = {"method": "conduit", "conduit_id": conduit_id}
        await self._point()
        try:
            await self._helix.subscribe(entry.id, wish.type, wish.version, dict(wish.condition), transport)
        except Conflict:
            pass  # it is there, though the list did not show it
        except LoginNeeded:
            if not wish.optional:
                raise
            self._ledger.without(entry, wish)
            return
        except Rejected as error:
            if "conduit" in error.message.casefold():
                raise ConduitRefused(error.message) from error
            if not wish.optional:
                raise
            self._ledger.without(entry, wish)
            return
        self._ledger.made(entry, wish)

    async def _delete(self, subscription_id: str) -> None:
        await self._point()
        try:
            await self._helix.unsubscribe("", subscription_id)
        except (Unavailable, Broken) as error:
            # What is left over does no harm, and the next comparison finds it.
            log.info("conduit.not_deleted", code=error.code)

    async def _point(self) -> None:
        """Wait for the next place; the pace follows what Twitch says that it allows."""
        now = self._clock.monotonic()
        at = max(now, self._free_at)
        self._free_at = at + 1 / pace(self._calls.points_per_minute())
        if at - now >= 0.001:
            await self._clock.sleep(at - now)

    def _measure(self, *, now: bool = False) -> None:
        moment = self._clock.monotonic()
        if moment < self._told_at and not now:
            return
        self._told_at = moment + TOLD_SECONDS
        progress = self.progress()
        self._tell(progress)
        if progress.missing:
            log.info(
                "conduit.filling",
                channels=progress.channels,
                enabled=progress.enabled,
                missing=progress.missing,
                seconds_left=round(self.seconds_left()),
            )

    def _tell(self, progress: Progress) -> None:
        for state in (Filled.ENABLED, Filled.NEEDS_LOGIN, Filled.REFUSED):
            self._metrics.gauge("conduit_channels", getattr(progress, state.value), state=state.value)
        waiting = progress.channels - progress.enabled - progress.needs_login - progress.refused
        self._metrics.gauge("conduit_channels", waiting, state=Filled.MISSING.value)
        self._metrics.gauge("conduit_subscriptions_missing", progress.missing)
