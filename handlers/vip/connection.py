"""How a channel is connected to Twitch, for people: its session, each subscription, what came in last, the chat, what
waits. Whichever process holds the connection, every process can tell.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import Any, Protocol

import structlog

from domain.channel import Channel
from domain.errors import CuelightError, NotFound
from domain.inbox import RowState
from domain.ports import Clock
from domain.transport import Way
from gateways.twitch.contracts import RemoteSubscription
from gateways.twitch.subscriptions import Wanted, vip_channel
from handlers.vip.live import Live
from handlers.vip.pulse import PulseKeeper
from handlers.vip.quotas import CODE as OVER_QUOTA
from storage.channels import Channels
from storage.inbox import Inbox
from storage.pulses import Chats, Pulse, Pulses, Subscribed
from storage.transports import Transports

log = structlog.get_logger(__name__)

LOOK_MS = 30_000
"""How old the list of subscriptions may be: each look costs a point of Twitch's."""

MISSING = "missing"
_NOT_GRANTED = "The permission {scope} is not granted."
_NOT_THERE = "Twitch does not list it: it is being made, or was refused."

List = Callable[[str], Awaitable[Sequence[RemoteSubscription]]]
Scopes = Callable[[str], Awaitable[Collection[str]]]


class ByUser(Protocol):
    """The subscriptions that a channel's own token lists: those of its WebSocket session."""

    async def subscriptions(self, channel_id: str) -> list[RemoteSubscription]: ...


class ByApplication(Protocol):
    """The subscriptions of the application, page by page; with `user_id` those that concern that user."""

    def subscriptions(self, *, user_id: str = "") -> AsyncIterator[list[RemoteSubscription]]: ...


class Listing:
    """Asks Twitch for the subscriptions of a channel, whichever way its events come in."""

    def __init__(self, *, by_user: ByUser, by_application: ByApplication, transports: Transports) -> None:
        self._by_user, self._by_application, self._transports = by_user, by_application, transports

    async def of(self, channel_id: str) -> list[RemoteSubscription]:
        """Raises what Helix raises."""
        if (await self._transports.get()).in_force is Way.WEBSOCKET:
            return await self._by_user.subscriptions(channel_id)
        pages = self._by_application.subscriptions(user_id=channel_id)
        return [one async for page in pages for one in page if one.method != "websocket"]


class ConnectionView:
    """`listed` asks Twitch for the subscriptions of a channel, `scopes` says what its streamer has granted."""

    def __init__(
        self,
        *,
        channels: Channels,
        live: Live,
        keeper: PulseKeeper,
        pulses: Pulses,
        chats: Chats,
        inbox: Inbox,
        listed: List,
        scopes: Scopes,
        clock: Clock,
    ) -> None:
        self._channels, self._live, self._keeper, self._pulses = channels, live, keeper, pulses
        self._chats, self._inbox, self._clock = chats, inbox, clock
        self._listed, self._scopes = listed, scopes

    async def show(self, channel_id: str) -> dict[str, Any]:
        """The whole picture. Raises `NotFound`."""
        channel = await self._channels.get(channel_id)
        if channel is None:
            raise NotFound("There is no such channel.", code="web.no_channel")
        said = (await self._live.channel_picture(channel))["connection"]
        pulse = await self._looked(channel)
        chat = await self._chats.get(channel_id)
        counts = await self._inbox.counts(channel_id)
        drop = chat.last_drop
        return {
            **said,
            "last_event_at": pulse.last_event_at or None,
            "lag_ms": pulse.lag_ms if pulse.last_event_at else None,
            "subscriptions": [_shown(each) for each in pulse.subscriptions if each.status],
            "chat": {
                "sent": chat.sent,
                "dropped": chat.dropped,
                "last_drop": None if drop is None else {"at": drop.at, "reason": drop.reason},
            },
            "backlog": {
                "waiting": counts.get(RowState.OPEN.value, 0),
                "oldest_at": await self._inbox.oldest_of(channel_id),
                "parked": counts.get(RowState.PARKED.value, 0),
                "dead": counts.get(RowState.DEAD.value, 0),
                "over_quota": await self._inbox.count_waiting_for(channel_id, OVER_QUOTA),
            },
        }

    async def _looked(self, channel: Channel) -> Pulse:
        """The pulse with subscriptions that are not older than `LOOK_MS`, or as old as they are where Twitch does not
        answer."""
        pulse, now = await self._keeper.get(channel.id), self._clock.now()
        if now - pulse.looked_at < LOOK_MS:
            return pulse
        try:
            wanted, remote = await self._wanted(channel), await self._listed(channel.id)
        except CuelightError as error:
            log.info("connection.not_listed", channel=channel.id, code=error.code)
            return pulse
        await self._pulses.change(channel.id, lambda held: seen(held, wanted, remote, now=now))
        return await self._keeper.get(channel.id)

    async def _wanted(self, channel: Channel) -> list[tuple[Wanted, str]]:
        """What the channel should have, each with the scope that it lacks (empty: none)."""
        granted = await self._scopes(channel.id)
        return [
            (wish, "" if not wish.scopes or set(wish.scopes) & set(granted) else wish.scopes[0])
            for wish in vip_channel(channel.id, None, channel.settings)
        ]


def seen(
    pulse: Pulse, wanted: Sequence[tuple[Wanted, str]], remote: Sequence[RemoteSubscription], *, now: int
) -> Pulse:
    """The pulse after a look at Twitch's list. What is wanted and not there is `missing`, with the reason."""
    best: dict[str, RemoteSubscription] = {}
    for one in remote:
        if one.type not in best or one.status == "enabled":
            best[one.type] = one
    fresh: list[Subscribed] = []
    for wish, lacks in wanted:
        held = pulse.of(wish.type) or Subscribed(wish.type, wish.version)
        found = best.pop(wish.type, None)
        status = found.status if found is not None else MISSING
        why = ""
        if found is None:
            why = _NOT_GRANTED.format(scope=lacks) if lacks else _NOT_THERE
        fresh.append(_now(held, status, why, now))
    others = [
        _now(pulse.of(one.type) or Subscribed(one.type, one.version), one.status, "", now)
        for one in best.values()
    ]
    return replace(pulse, looked_at=now, subscriptions=(*fresh, *others))


def _now(held: Subscribed, status: str, why: str, now: int) -> Subscribed:
    since = held.since if held.status == status else now
    return replace(held, status=status, since=since, why=why)


def _shown(each: Subscribed) -> dict[str, Any]:
    return {
        "type": each.type,
        "version": each.version,
        "status": each.status,
        "since": each.since,
        "last_event_at": each.last_event_at or None,
        "why": each.why,
    }
