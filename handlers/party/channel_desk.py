"""A channel's party as its streamer and team run it from the dashboard: open it, say who may come in, invite, close it,
and see how it goes. What they do is in the audit trail, as all that is done on the dashboard."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.audit import Action, Actor
from domain.channel import Channel
from domain.errors import Conflict, NotFound
from domain.rules import Refusal
from handlers.party.from_twitch import FromTwitch
from handlers.party.invites import Invites
from handlers.vip.book import Book
from rooms.delivery.reports import Histogram
from rooms.names import room_id as new_room_id
from rooms.people import Role, Roster
from rooms.state import Room
from storage.channels import Channels

ROLES: Mapping[str, Role] = {"guest": Role.GUEST, "member": Role.MEMBER, "cohost": Role.COHOST}


@dataclass(frozen=True, slots=True)
class Look:
    """A room as a process that serves it sees it. `quality`: how well its players keep together."""

    room: Room
    roster: Roster
    quality: Histogram


@dataclass(frozen=True, slots=True)
class Shown:
    """The channel's party. `here` of `members` have a connection; `drift_p50` and `drift_p95` in ms, of the `players`
    that reported lately, `None` while there are none."""

    room_id: str
    url: str
    title: str
    is_public: bool
    vip_only: bool
    opened_at: int
    host: str
    film: str
    queued: int
    members: int
    here: int
    players: int
    drift_p50: float | None
    drift_p95: float | None


@dataclass(frozen=True, slots=True)
class Invited:
    """`expires_at` in UTC seconds."""

    invite: str
    url: str
    expires_at: int


class ChannelParty:
    """`look` raises `NotFound` for a room that is not there. What a method raises besides: `NotFound` (`party.none`),
    `Rejected` (`party.bad_field`), `Unavailable`."""

    def __init__(
        self,
        *,
        party: FromTwitch,
        channels: Channels,
        invites: Invites,
        book: Book,
        look: Callable[[str], Awaitable[Look]],
        public_url: Callable[[], str],
    ) -> None:
        self._party, self._channels, self._invites, self._book = party, channels, invites, book
        self._look, self._public_url = look, public_url

    async def show(self, channel_id: str) -> Shown | None:
        """The channel's party; `None`: none is open."""
        party = await self._party.current(channel_id)
        if party is None:
            return None
        try:
            seen = await self._look(party.id)
        except NotFound:
            return None
        if seen.room.closed_at:
            return None
        room, host = seen.room, seen.roster.get(seen.room.host)
        return Shown(
            room_id=room.id,
            url=self._url(room.id),
            title=room.settings.title,
            is_public=room.settings.is_public,
            vip_only=room.settings.vip_only,
            opened_at=party.opened_at,
            host="" if host is None else host.name,
            film="" if room.item is None else room.item.title or room.item.url,
            queued=len(room.queue),
            members=len(seen.roster),
            here=len(seen.roster.here),
            players=seen.quality.players,
            drift_p50=seen.quality.percentile(0.5),
            drift_p95=seen.quality.percentile(0.95),
        )

    async def open(self, channel_id: str, wanted: Mapping[str, Any], *, actor: Actor) -> Shown:
        """Open the party, or make the one that is open as `wanted` (`title`, `is_public`, `vip_only`)."""
        current = await self._party.current(channel_id)
        room_id = new_room_id() if current is None else current.id
        await self._set(channel_id, room_id, wanted, actor=actor, opens=current is None)
        return await self._now(channel_id)

    async def change(self, channel_id: str, wanted: Mapping[str, Any], *, actor: Actor) -> Shown:
        """Change what is named of it."""
        current = await self._open_one(channel_id)
        await self._set(channel_id, current, wanted, actor=actor, opens=False)
        return await self._now(channel_id)

    async def close(self, channel_id: str, *, actor: Actor) -> None:
        """Close it: who is in it is sent home."""
        room_id = await self._open_one(channel_id)
        await self._party.close(room_id, key=_key())
        await self._book.write(
            channel_id, Action.PARTY_CLOSED, actor, parts=("party",), detail={"room_id": room_id}
        )

    async def invite(self, channel_id: str, *, role: str, uses: int, seconds: int) -> Invited:
        """An invite to it, for who may not come in otherwise or is to have another role."""
        room_id = await self._open_one(channel_id)
        invite, ends = await self._invites.give(room_id, role=ROLES[role], uses=uses, seconds=seconds)
        # Behind the #, so that it is in nobody's log.
        return Invited(invite, f"{self._url(room_id)}#invite={invite}", ends)

    async def _set(
        self, channel_id: str, room_id: str, wanted: Mapping[str, Any], *, actor: Actor, opens: bool
    ) -> None:
        settings = {_NAMES[name]: value for name, value in wanted.items()}
        refusal = await self._party.open(
            await self._channel(channel_id), room_id=room_id, key=_key(), settings=settings
        )
        if refusal is Refusal.NO_PARTY:
            raise _none()
        if refusal is None:
            action = Action.PARTY_OPENED if opens else Action.PARTY_CHANGED
            detail = {"room_id": room_id, **wanted}
            await self._book.write(channel_id, action, actor, parts=("party",), detail=detail)

    async def _now(self, channel_id: str) -> Shown:
        shown = await self.show(channel_id)
        if shown is None:
            raise Conflict(
                "Somebody closed the party meanwhile.", code="party.closed", advice="Open another one."
            )
        return shown

    async def _open_one(self, channel_id: str) -> str:
        current = await self._party.current(channel_id)
        if current is None:
            raise _none()
        return current.id

    async def _channel(self, channel_id: str) -> Channel:
        channel = await self._channels.get(channel_id)
        if channel is None:
            raise NotFound("There is no such channel.", code="web.no_channel")
        return channel

    def _url(self, room_id: str) -> str:
        return f"{self._public_url()}/party/{room_id}"


_NAMES = {"title": "title", "is_public": "isPublic", "vip_only": "vipOnly"}


def _key() -> str:
    return f"desk:{secrets.token_hex(8)}"


def _none() -> NotFound:
    return NotFound("The channel has no open party.", code="party.none", advice="Open one.")
