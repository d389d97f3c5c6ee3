"""Which rooms there are: opened, found, listed, counted, and closed when nobody comes any more.

What a room shows of itself in the list (its title, its film, how many are there) is written by whichever process
serves it, every few seconds and only when it differs. A room in which nobody was seen for a day is closed, and what it
held goes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import structlog

from domain.errors import Unavailable
from domain.ports import Clock
from rooms.people import Roster
from rooms.state import Room
from storage.parties import InviteUses, Parties, Party, PartyStates

ROUND_SECONDS = 10.0
SWEEP_SECONDS = 900.0
SEEN_MS = 30_000
"""While somebody is in a room, this is how exactly it is known."""

FRESH_MS = 90_000
"""A count that is older was made by a process that is gone."""

EMPTY_MS = 24 * 3_600_000
MOST_OPEN = 10_000
MOST_OPEN_EACH = 20
MOST_REMEMBERED = 20_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Listed:
    """A public room as anybody may see it. `opened_at` in UTC ms."""

    room_id: str
    title: str
    film: str
    channel_id: str
    members: int
    here: int
    vip_only: bool
    has_password: bool
    opened_at: int


class Registry:
    """All rooms of this installation."""

    def __init__(self, *, parties: Parties, states: PartyStates, uses: InviteUses, clock: Clock) -> None:
        self._parties, self._states, self._uses, self._clock = parties, states, uses, clock
        self._channels: OrderedDict[str, str] = OrderedDict()  # a room's channel never changes

    async def opened(self, room: Room, *, owner: str, channel_id: str) -> bool:
        """A room is open. False when there is another one of its name. Raises what the store raises."""
        now = self._clock.now()
        party = Party(
            id=room.id, channel_id=channel_id, owner=owner, opened_at=now, visited_at=now, members=1, here=1
        )
        self._channels.pop(room.id, None)
        return await self._parties.add(_as_shown(party, room))

    async def get(self, room_id: str) -> Party | None:
        """A room that is open."""
        party = await self._parties.get(room_id) if 0 < len(room_id) <= 64 else None
        return party if party is not None and party.state == "open" else None

    async def change(self, room_id: str, fn: Callable[[Party], Party | None]) -> Party | None:
        """See `Parties.change`."""
        return await self._parties.change(room_id, fn)

    async def of_channel(self, channel_id: str) -> Party | None:
        """The channel's party: of its rooms that are open, the one that was opened last."""
        found = await self._parties.open_in(channel_id)
        return max(found, key=lambda party: (party.opened_at, party.id), default=None)

    async def channel_of(self, room_id: str) -> str:
        """Whose channel a room is of, "" for none."""
        if room_id not in self._channels:
            party = await self.get(room_id)
            if party is None:
                return ""
            self._channels[room_id] = party.channel_id
            while len(self._channels) > MOST_REMEMBERED:
                self._channels.popitem(last=False)
        return self._channels[room_id]

    async def has_room_for(self, owner: str) -> bool:
        """Whether somebody may open one more. Raises `Unavailable` (`party.busy`) when there are too many in all."""
        if await self._parties.open_in_all() >= MOST_OPEN:
            raise Unavailable(
                "There are too many rooms at the moment.",
                code="party.busy",
                advice="Try again later.",
                retry_after_seconds=60.0,
            )
        return await self._parties.open_of(owner) < MOST_OPEN_EACH

    async def public(self, *, limit: int, after: str | None) -> tuple[list[Listed], str | None]:
        """A page of the public rooms, those with most people first, and the cursor of the next one."""
        parties, cursor = await self._parties.public(limit=limit, after=after)
        now = self._clock.now()
        return [_listed(one, now) for one in parties], cursor

    async def note(self, room: Room, roster: Roster) -> None:
        """What a room shows of itself now. Writes only what differs."""
        if room.closed_at:
            await self.close(room.id)
            return
        here, members, now = len(roster.here), len(roster), self._clock.now()

        def apply(party: Party) -> Party | None:
            shown = replace(_as_shown(party, room), here=here, members=members)
            if shown == party and (not here or now - party.visited_at < SEEN_MS):
                return None
            return replace(shown, visited_at=now if here or party.here else party.visited_at)

        held = await self._parties.get(room.id)  # a read costs less than a change that changes nothing
        if held is not None and apply(held) is not None:
            await self._parties.change(room.id, apply)

    async def close(self, room_id: str, *, unless_visited_since: int | None = None) -> bool:
        """The room is closed: what it held goes, and its invites. False when it was not open."""
        closed = await self._parties.close(
            room_id, now=self._clock.now(), unless_visited_since=unless_visited_since
        )
        if closed:
            self._channels.pop(room_id, None)
            await self._states.remove(room_id)
            await self._uses.forget(room_id)
        return closed

    async def sweep(self) -> int:
        """Close the rooms that nobody was in for a day; returns how many."""
        before, closed = self._clock.now() - EMPTY_MS, 0
        for party in await self._parties.left_before(before):
            closed += await self.close(party.id, unless_visited_since=before)
        # Of rooms that were closed while they were written.
        for room_id in await self._states.older_than(before):
            if await self.get(room_id) is None:
                await self._states.remove(room_id)
        if closed:
            log.info("party.rooms_closed", rooms=closed)
        return closed

    async def run(self, rooms: Callable[[], Iterable[tuple[Room, Roster]]]) -> None:
        """Note the rooms of this process every few seconds, until cancelled."""
        while True:
            await self._clock.sleep(ROUND_SECONDS)
            await self._note_all(rooms())  # a frame of its own, which holds no room while this one sleeps

    async def _note_all(self, rooms: Iterable[tuple[Room, Roster]]) -> None:
        for room, roster in list(rooms):
            if room.opened_at:
                await _safely(self.note(room, roster))

    async def run_sweeps(self) -> None:
        """Close what is empty now and then, until cancelled. One process at a time is enough; two do no harm."""
        while True:
            await _safely(self.sweep())
            await self._clock.sleep(SWEEP_SECONDS)


async def _safely(work: object) -> None:
    try:
        await work  # type: ignore[misc]
    except Unavailable as error:
        log.warning("party.storage_unavailable", code=error.code)  # the next round tries again


def _as_shown(party: Party, room: Room) -> Party:
    return replace(
        party,
        title=room.settings.title,
        film="" if room.item is None else room.item.title,
        is_public=room.settings.is_public,
        vip_only=room.settings.vip_only,
        has_password=bool(room.settings.password),
    )


def _listed(party: Party, now: int) -> Listed:
    is_fresh = now - party.visited_at < FRESH_MS
    return Listed(
        room_id=party.id,
        title=party.title,
        film=party.film,
        channel_id=party.channel_id,
        members=party.members if is_fresh else 0,
        here=party.here if is_fresh else 0,
        vip_only=party.vip_only,
        has_password=party.has_password,
        opened_at=party.opened_at,
    )
