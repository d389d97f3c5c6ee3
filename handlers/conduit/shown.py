"""What people see of each channel's connection while a conduit serves it.

A shard that is lost for a moment is nobody's news: another one takes over what was meant for it. So a channel is `live`
while its subscriptions are enabled and at least one shard is attached; and what is on the board of connections
already is not written again, whoever held the task before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from domain.errors import Unavailable
from domain.ports import Clock
from domain.transport import Transport, Way
from gateways.twitch.conduit_ledger import Filled
from storage.connections import Connections

log = structlog.get_logger("conduit")

HOLDER = "conduit"
"""Who says so, on the board of connections: nobody's process in particular."""

WITHOUT_SHARDS_SECONDS = 10.0
AGAIN_SECONDS = 2.0


class Show(Protocol):
    """`Live.show_connection`."""

    def __call__(
        self, channel_id: str, state: str, detail: str, *, holder: str | None = None
    ) -> Awaitable[None]: ...


def public(state: Filled, detail: str, *, attached: bool) -> tuple[str, str] | None:
    """State and detail for people; `None`: nothing is known yet, so nothing changes."""
    match state:
        case Filled.UNKNOWN:
            return None
        case Filled.NEEDS_LOGIN:
            return "needs_login", detail
        case Filled.ENABLED if attached:
            return "live", detail
        case Filled.ENABLED:
            return "connecting", "no shard of the conduit is attached"
        case Filled.REFUSED:
            return "connecting", detail
        case _:
            return "connecting", "subscriptions are being made"


class Shown:
    """Writes what changed, one channel after the other, the newest state of each. Run `run` as a task.

    `transport`: how events come in. On the way to a conduit the sockets speak until it serves a channel, on the way
    back they speak at once.
    """

    def __init__(
        self,
        *,
        show: Show,
        connections: Connections,
        state: Callable[[str], tuple[Filled, str]],
        transport: Callable[[], Transport],
        clock: Clock,
    ) -> None:
        self._show, self._connections, self._state, self._clock = show, connections, state, clock
        self._transport = transport
        self._due: dict[str, None] = {}
        self._revived: set[str] = set()
        self._news, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._attached = False
        self._lost_at: float | None = None
        self._said: dict[str, tuple[str, str, int]] = {}

    def changed(self, channel_id: str) -> None:
        """There is news of a channel. Never waits."""
        self._due[channel_id] = None
        self._idle.clear()
        self._news.set()

    def revived(self, channel_id: str) -> None:
        """The streamer logged in: whoever said that he has to is wrong by now."""
        self._revived.add(channel_id)
        self.changed(channel_id)

    def forget(self, channel_id: str) -> None:
        """A channel is not looked after any more."""
        self._due.pop(channel_id, None)
        self._revived.discard(channel_id)
        self._said.pop(channel_id, None)

    def attached(self, shards: int) -> bool:
        """So many shards are attached. True: that is news for everybody, so tell `changed` of each channel."""
        now = self._clock.monotonic()
        if shards:
            self._lost_at = None
        elif self._lost_at is None:
            self._lost_at = now
        attached = shards > 0 or (self._attached and now - (self._lost_at or now) < WITHOUT_SHARDS_SECONDS)
        news, self._attached = attached != self._attached, attached
        return news

    def states(self) -> dict[str, dict[str, object]]:
        """What was said of each channel last, with since when (UTC ms)."""
        return {
            channel_id: {"state": state, "detail": detail, "since": since}
            for channel_id, (state, detail, since) in self._said.items()
        }

    async def settled(self) -> None:
        """Everything that there was to write is written."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write until cancelled. What the store does not take now is written later."""
        while True:
            self._news.clear()
            while self._due:
                channel_id = next(iter(self._due))
                del self._due[channel_id]
                try:
                    await self._write(channel_id)
                except Unavailable as error:
                    log.info("conduit.not_shown", code=error.code)
                    self._due.setdefault(channel_id)
                    await self._clock.sleep(max(AGAIN_SECONDS, error.retry_after_seconds))
            self._idle.set()
            await self._news.wait()

    async def _write(self, channel_id: str) -> None:
        told, transport = public(*self._state(channel_id), attached=self._attached), self._transport()
        if told is None or transport.target is Way.WEBSOCKET or (transport.moving and told[0] != "live"):
            return
        held = await self._connections.get(channel_id)
        revived = channel_id in self._revived
        self._revived.discard(channel_id)
        if held.state == "needs_login" and held.holder != HOLDER and told[0] == "live" and not revived:
            return  # his grant is dead, though Twitch goes on telling of his channel
        if (held.state, held.detail, held.holder) != (*told, HOLDER):
            await self._show(channel_id, *told, holder=HOLDER)
        before = self._said.get(channel_id)
        if before is None or before[:2] != told:
            self._said[channel_id] = (*told, self._clock.now())
