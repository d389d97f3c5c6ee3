"""Hands what one channel's session hears to the rest of the program, in order, and keeps it while that is not possible.

The session must go on reading while the disk is full: what cannot be handed on waits here, bounded in bytes. What
does not fit is dropped, and a drop is a gap like any other: it is reconciled.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Protocol

import structlog

from domain.errors import CuelightError, Unavailable
from domain.events import Arrival
from domain.ports import Clock, Metrics
from gateways.twitch.contracts import RemoteSubscription
from gateways.twitch.frames import Notification

log = structlog.get_logger("eventsub")

# Raw bytes of frames; parsed, they take about five times as much.
PENDING_BYTES = 256 * 1024
SHORTEST_SECONDS = 0.5
LONGEST_SECONDS = 30.0
# An error that nobody foresaw may be a moment's, or that of one message: which must not block the others for ever.
UNFORESEEN_ATTEMPTS = 3
# Reconciling costs calls to Twitch; a flood of bad frames must not become a flood of those.
BETWEEN_GAPS_SECONDS = 2.0


class Sink(Protocol):
    """Where notifications go (the inbox). When it returns, the notification is durable; twice is harmless."""

    async def notification(self, came: Arrival) -> str:
        """Raises `Unavailable` (storage full or away): it is tried again with the same message."""
        ...


OnRevocation = Callable[[RemoteSubscription], Awaitable[None]]
OnGap = Callable[[str], Awaitable[None]]


class Delivery:
    """`put`, `revoked` and `gap` never wait; `deliver` and `reconcile` do the work, each in one task at a time.

    `transport`: how the sink is told that it came. `at_once`: so many are handed on side by side, which matters where
    one session serves many channels; what concerns the same viewer in the same channel stays in order.
    """

    def __init__(
        self,
        *,
        channel_id: str,
        sink: Sink,
        on_revocation: OnRevocation,
        on_gap: OnGap,
        clock: Clock,
        random: random.Random,
        metrics: Metrics,
        pending_bytes: int = PENDING_BYTES,
        transport: str = "websocket",
        at_once: int = 1,
    ) -> None:
        self._channel_id = channel_id
        self._sink = sink
        self._on_revocation = on_revocation
        self._on_gap = on_gap
        self._clock = clock
        self._random = random
        self._metrics = metrics
        self._limit = pending_bytes
        self._transport = transport
        self._at_once = at_once
        self._queue: deque[Notification | RemoteSubscription] = deque()
        self._bytes = 0
        self._gap = False
        self._dropping = False
        self._reconcile_at = float("-inf")

    @property
    def pending(self) -> bool:
        """Whether `deliver` has work."""
        return bool(self._queue)

    @property
    def gap_pending(self) -> bool:
        """Whether `reconcile` has work."""
        return self._gap

    def put(self, notification: Notification) -> None:
        """Keep a notification until it is handed on. Beyond the bound it is dropped, which is a gap."""
        if self._queue and self._bytes + len(notification.raw) > self._limit:
            self._metrics.count("errors_total", where="eventsub.dropped")
            if not self._dropping:
                self._dropping = True
                log.error("eventsub.dropping", channel_id=self._channel_id, pending_bytes=self._bytes)
            self.gap()
            return
        self._queue.append(notification)
        self._bytes += len(notification.raw)

    def revoked(self, subscription: RemoteSubscription) -> None:
        """Tell of a revocation, in its place among the notifications (and bounded with them)."""
        if self._bytes <= self._limit:
            self._queue.append(subscription)
            self._bytes += _size(subscription)

    def gap(self, *, urgent: bool = False) -> None:
        """Events may have been lost until now. Any number of calls before the next reconciliation are one.

        `urgent`: at once. Otherwise at least `BETWEEN_GAPS_SECONDS` after the last one.
        """
        self._gap = True
        if urgent:
            self._reconcile_at = float("-inf")

    async def deliver(self) -> None:
        """Hand on what is kept, oldest first, until nothing is left."""
        while self._queue:
            some = self._next()
            if len(some) == 1:
                await self._settle(some[0])
            else:
                async with asyncio.TaskGroup() as group:
                    for item in some:
                        group.create_task(self._settle(item), name=f"eventsub.deliver:{self._channel_id}")
            for item in some:
                self._queue.popleft()
                self._bytes -= _size(item)
        self._dropping = False

    def _next(self) -> list[Notification | RemoteSubscription]:
        """The oldest ones, as many as may go side by side. They stay in the queue until all are handed on."""
        some: list[Notification | RemoteSubscription] = []
        concerned: set[Hashable] = set()
        for item in itertools.islice(self._queue, self._at_once):
            concern = _concern(item)
            if concern in concerned:
                break
            concerned.add(concern)
            some.append(item)
        return some

    async def _settle(self, item: Notification | RemoteSubscription) -> None:
        """Hand on one, however often that takes; one that nobody can take is a gap."""
        attempt = 0
        while True:
            try:
                await self._hand_on(item)
                return
            except Unavailable as error:
                attempt += 1
                await self._retry_later("eventsub.sink", attempt, error)
            except Exception as error:
                attempt += 1
                if not isinstance(error, CuelightError) and attempt < UNFORESEEN_ATTEMPTS:
                    await self._retry_later("eventsub.sink", attempt, error)
                    continue
                self._metrics.count("errors_total", where="eventsub.refused")
                log.exception("eventsub.refused", channel_id=self._channel_id)
                self.gap()
                return

    async def reconcile(self) -> None:
        """Have gaps reconciled, until there is none."""
        attempt = 0
        while self._gap:
            await self._clock.sleep(self._reconcile_at - self._clock.monotonic())
            self._gap = False
            try:
                await self._on_gap(self._channel_id)
                attempt = 0
                self._reconcile_at = self._clock.monotonic() + BETWEEN_GAPS_SECONDS
            except Exception as error:
                self._gap = True
                attempt += 1
                await self._retry_later("eventsub.reconcile", attempt, error)

    async def _hand_on(self, item: Notification | RemoteSubscription) -> None:
        if isinstance(item, RemoteSubscription):
            await self._on_revocation(item)
            return
        await self._sink.notification(
            Arrival(
                message_id=item.message_id,
                type=item.type,
                version=item.version,
                payload=item.payload,
                raw=item.raw,
                headers={
                    "twitch-eventsub-message-id": item.message_id,
                    "twitch-eventsub-message-timestamp": item.timestamp_text,
                    "twitch-eventsub-message-type": "notification",
                    "twitch-eventsub-subscription-type": item.type,
                    "twitch-eventsub-subscription-version": item.version,
                },
                key_id="",
                transport=self._transport,
            )
        )

    async def _retry_later(self, where: str, attempt: int, error: Exception) -> None:
        self._metrics.count("errors_total", where=where)
        if attempt == 1:
            known = isinstance(error, CuelightError)
            log.warning(where, channel_id=self._channel_id, error=str(error), exc_info=not known)
        asked = error.retry_after_seconds if isinstance(error, Unavailable) else 0.0
        jitter = self._random.uniform(0.0, min(LONGEST_SECONDS, SHORTEST_SECONDS * 2.0 ** min(attempt, 10)))
        await self._clock.sleep(min(LONGEST_SECONDS, max(SHORTEST_SECONDS, asked / 2 + jitter)))


def _concern(item: Notification | RemoteSubscription) -> Hashable:
    """Whom it concerns: what has the same answer keeps its order."""
    if isinstance(item, RemoteSubscription):
        return "", item.condition.get("broadcaster_user_id", "")
    event = item.payload.get("event")
    if not isinstance(event, dict):
        return item.message_id
    return str(event.get("broadcaster_user_id")), str(event.get("user_id"))


def _size(item: Notification | RemoteSubscription) -> int:
    return len(item.raw) if isinstance(item, Notification) else 512
