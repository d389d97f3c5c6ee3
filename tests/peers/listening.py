"""Our monitor and our Helix, listening to the WebSocket mock of `twitch-cli`."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from daemon.clock import SystemClock
from domain.ports import Clock, NullMetrics
from gateways.http import HttpClient
from gateways.pace import MemoryPace
from gateways.twitch.contracts import RemoteSubscription, Waiting
from gateways.twitch.helix import TwitchHelix
from gateways.twitch.monitor import Monitor
from gateways.twitch.socket import Socket, dialer
from gateways.twitch.subscriber import SubscriptionCalls, subscribers
from gateways.twitch.subscriptions import Wanted, vip_channel
from tests.gateways.twitch.eventsub_server import Bell, Counts, Records, Spawned
from tests.peers.twitch_cli import SECONDS, Mock, until
from tests.support.clock import ManualClock

CHANNEL = "100"


class AnyToken:
    """The mock looks at no token."""

    async def access_token(self, user_id: str) -> str:
        return f"token of {user_id}"

    async def refresh(self, user_id: str, rejected_token: str) -> str:
        raise AssertionError("the mock refuses no token")

    async def condemn(self, user_id: str, rejected_token: str, why: str) -> None:
        raise AssertionError("the mock refuses no token")


class Busy:
    """A Helix that has no time for us: the session stays without a subscription."""

    async def subscribe(
        self, channel_id: str, type: str, version: str, condition: dict[str, str], transport: dict[str, str]
    ) -> RemoteSubscription:
        raise Waiting("not now")

    async def subscriptions(self, channel_id: str) -> list[RemoteSubscription]:
        return []

    async def unsubscribe(self, channel_id: str, subscription_id: str) -> bool:
        return False


def wanted(channel_id: str = CHANNEL) -> tuple[Wanted, ...]:
    """What a channel wants, but that the mock's ignorance of `channel.vip.*` is not the end of it."""
    return tuple(
        replace(wish, optional=wish.type.startswith("channel.vip.")) for wish in vip_channel(channel_id)
    )


MADE = {wish.type for wish in wanted() if not wish.optional or "moderator" in wish.type}


@dataclass
class Line:
    """A monitor that listens to the mock. `opened`: every address that it connected to, in order."""

    mock: Mock
    monitor: Monitor
    helix: TwitchHelix
    records: Records
    counts: Counts
    clock: Clock
    opened: list[str]

    async def live(self) -> str:
        """Wait until the channel is live on a session that is the newest; the answer is its id."""
        await until(lambda: self.records.state(CHANNEL)[0] == "live")
        return await self.session()

    async def session(self) -> str:
        rows = [row for row in await self.helix.subscriptions(CHANNEL) if row.status == "enabled"]
        assert {row.type for row in rows} == MADE
        assert len(rows) == len(MADE)
        assert {row.condition["broadcaster_user_id"] for row in rows} == {CHANNEL}
        (session_id,) = {row.session_id for row in rows}
        return session_id

    async def hear(self, session_id: str, event: str = "add-redemption", *options: str) -> dict[str, Any]:
        """Fire an event and wait until it was heard, once; the answer is its payload."""
        before = len(self.records.notified)
        sent = await self.mock.fire(event, session_id, "-t", CHANNEL, *options)
        await until(lambda: len(self.records.notified) > before)
        assert len(self.records.notified) == before + 1
        return sent

    async def connected(self, *, times: int) -> None:
        """Let our time pass, not the mock's, until so many connections were opened in all."""
        assert isinstance(self.clock, ManualClock)
        async with asyncio.timeout(SECONDS):
            while len(self.opened) < times:
                await self.clock.advance(0.25)
                await asyncio.sleep(0)

    def reconnects(self, reason: str) -> float:
        return self.counts.seen.get(("eventsub_reconnects_total", reason), 0)


@asynccontextmanager
async def listening(
    mock: Mock, *, clock: Clock | None = None, calls: SubscriptionCalls | None = None
) -> AsyncIterator[Line]:
    """By default with a clock that stands still but for `connected`, set to the real date."""
    clock = clock or ManualClock(SystemClock().now())
    records, counts, tasks, opened = Records(Bell()), Counts(), Spawned(), list[str]()
    dial = dialer()

    async def noting_dial(url: str) -> Socket:
        opened.append(url)
        return await dial(url)

    async with HttpClient() as http:
        helix = TwitchHelix(
            http=http,
            api_url=mock.api_url,
            client_id="a client id of at least thirty characters",
            tokens=AnyToken(),
            pace=MemoryPace(clock=clock),
            clock=clock,
            metrics=NullMetrics(),
            random=random.Random(3),
        )
        monitor = Monitor(
            url=mock.socket_url,
            settler=subscribers(helix=calls or helix, clock=clock, random=random.Random(4)),
            sink=records,
            on_revocation=records.on_revocation,
            on_gap=records.on_gap,
            on_state=records.on_state,
            clock=clock,
            tasks=tasks,
            random=random.Random(3),
            dial=noting_dial,
            metrics=counts,
            connections_per_second=float("inf"),
            keepalive_seconds=10,
        )
        monitor.add(CHANNEL, wanted())
        try:
            yield Line(mock, monitor, helix, records, counts, clock, opened)
        finally:
            await monitor.stop()
            assert tasks.running == 0
