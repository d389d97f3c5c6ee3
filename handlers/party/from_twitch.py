"""A channel's party, as it is seen from outside of its room: which room that is, opening and closing it, and adding to
its queue. For redemptions and for the dashboard, in any process.

What is written into a room goes through its log as the room's own entry, under a key that follows from what asked for
it: asked for twice, it happens once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from domain.channel import Channel
from domain.errors import Rejected
from domain.rules import Refusal
from handlers.party.registry import Registry
from handlers.party.standing import of_twitch
from rooms import errand, queue
from rooms.entries import Draft
from rooms.fleet.visit import Visit, Visits
from rooms.moment import Moment
from rooms.people import LONGEST_NAME, Role, Roster, clean_text
from rooms.queue import Item
from rooms.settings import Settings, changed
from rooms.state import Room
from storage.parties import Party

_WHY: Mapping[str, Refusal] = {
    "closed": Refusal.NO_PARTY,
    "banned": Refusal.PARTY_BARRED,
    "muted": Refusal.PARTY_BARRED,
    "vip_only": Refusal.PARTY_VIPS,
    "full": Refusal.PARTY_FULL,
}
"""What each answer of `rooms.errand.refusal` means for a viewer who paid."""

USUAL = Settings(hosting=Role.COHOST, host_returns=True)
"""Of a room that a channel has: only its own people become host by themselves, and the streamer who comes back soon is
host again."""


def item_of(text: str, *, id: str, by_name: str, subject: str = "") -> Item | None:
    """What a viewer wrote, as an item of the queue under his name; None: it has no address that could be played."""
    wanted = errand.wanted(text)
    if wanted is None:
        return None
    try:
        item = queue.read_item(wanted, id=id, by="")
    except Rejected:
        return None
    name = " ".join(clean_text(by_name).split())[:LONGEST_NAME]
    return replace(item, by_name=name, by_subject=subject)


@dataclass(frozen=True, slots=True)
class Seen:
    """The channel's party now. `members` and `here` are counts of people."""

    party: Party
    room: Room
    members: int
    here: int


class FromTwitch:
    """Raises `Unavailable` where the room or the store cannot be reached: then ask again, with the same key."""

    def __init__(self, *, visits: Visits, registry: Registry) -> None:
        self._visits, self.registry = visits, registry

    async def current(self, channel_id: str) -> Party | None:
        """See `Registry.of_channel`."""
        return await self.registry.of_channel(channel_id)

    async def seen(self, channel_id: str) -> Seen | None:
        """The channel's party as it is now; None: none is open."""
        party = await self.current(channel_id)
        if party is None:
            return None

        async def look(visit: Visit) -> Seen | None:
            moment = visit.moment
            if not moment.room.opened_at or moment.room.closed_at:
                return None
            return Seen(party, moment.room, len(moment.roster), len(moment.roster.here))

        return await self._visits.visit(party.id, look)

    async def open(
        self, channel: Channel, *, room_id: str, key: str, settings: Mapping[str, Any], by: str = ""
    ) -> Refusal | None:
        """Open the room, or, where it is open, make its settings (wire names) so. `by`: the subject who wants it, who
        may be barred there. A refusal where there is nothing to do, for it is so already."""

        async def do(visit: Visit) -> Refusal | None:
            if not visit.done(key):
                refusal = await self._open(visit, channel, key=key, settings=settings, by=by)
                if refusal is not None:
                    return refusal
            await self._register(channel, visit.moment.room, visit.moment.roster)
            return None

        return await self._visits.visit(room_id, do)

    async def _open(
        self, visit: Visit, channel: Channel, *, key: str, settings: Mapping[str, Any], by: str
    ) -> Refusal | None:
        now, room = visit.moment.now, visit.moment.room
        if room.closed_at:
            return Refusal.NO_PARTY
        if room.is_banned(by, now) or room.is_muted(by, now):
            return Refusal.PARTY_BARRED

        def decide(moment: Moment) -> Draft | None:
            if not moment.room.opened_at:
                fresh = changed(replace(USUAL, title=channel.name or channel.login), settings)
                return errand.opened(fresh, owner=of_twitch(channel.id), now=moment.now, key=key)
            if changed(moment.room.settings, settings) == moment.room.settings:
                return None
            return errand.settled(settings, now=moment.now, key=key)

        return None if await visit.write(decide) else Refusal.PARTY_IS_OPEN

    async def _register(self, channel: Channel, room: Room, roster: Roster) -> None:
        """The room can be found, and the list shows of it what it says."""
        if room.opened_at and not room.closed_at:
            await self.registry.opened(room, owner=of_twitch(channel.id), channel_id=channel.id)
            await self.registry.note(room, roster)

    async def add(
        self,
        room_id: str,
        item: Item,
        *,
        subject: str,
        key: str,
        is_vip: Callable[[], Awaitable[bool]],
    ) -> Refusal | None:
        """Add to the queue of a room for somebody; None: it is there. `is_vip` is asked where that matters."""

        async def do(visit: Visit) -> Refusal | None:
            if visit.done(key) or _has(visit.moment.room, item.id):
                return None
            is_one = visit.moment.room.settings.vip_only and await is_vip()
            why = _refusal(visit.moment, subject, is_vip=is_one)
            if why is not None:
                return why
            if await visit.write(
                lambda moment: errand.added(item, subject=subject, is_vip=is_one, now=moment.now, key=key)
            ):
                return None
            return _refusal(visit.moment, subject, is_vip=is_one) or Refusal.PARTY_FULL

        return await self._visits.visit(room_id, do)

    async def take_back(self, channel_id: str, item_id: str, *, key: str) -> None:
        """Take what was added off the queue of the channel's party, if it is still there and has not been played."""
        party = await self.current(channel_id)
        if party is None:
            return

        async def do(visit: Visit) -> None:
            if visit.moment.room.queued(item_id) is not None:
                await visit.write(lambda moment: errand.taken_back(item_id, now=moment.now, key=key))

        await self._visits.visit(party.id, do)

    async def close(self, room_id: str, *, key: str) -> None:
        """Close a room, and have it found no more."""

        async def do(visit: Visit) -> None:
            if visit.moment.room.opened_at and not visit.moment.room.closed_at:
                await visit.write(lambda moment: errand.closed(now=moment.now, key=key))

        await self._visits.visit(room_id, do)
        await self.registry.close(room_id)


def _refusal(moment: Moment, subject: str, *, is_vip: bool) -> Refusal | None:
    why = errand.refusal(moment.room, subject, is_vip=is_vip, now=moment.now)
    return _WHY[why] if why else None


def _has(room: Room, item_id: str) -> bool:
    return room.queued(item_id) is not None or (room.item is not None and room.item.id == item_id)
