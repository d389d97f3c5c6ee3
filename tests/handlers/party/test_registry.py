"""Which rooms there are, how many are in them, and when they are closed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from handlers.party.registry import EMPTY_MS, FRESH_MS, ROUND_SECONDS
from rooms.people import Member, Role, Roster
from rooms.settings import changed
from rooms.state import Room
from storage.parties import PARTIES
from tests.handlers.party.house import Doorway, doorway


def people(*names: str, away: int = 0) -> Roster:
    here = [Member(name, name.title(), f"twitch:{name}", Role.MEMBER, 1, "p1") for name in names]
    gone = [Member(f"m{one}", "Gone", "twitch:9", Role.MEMBER, 1, "p1", away_since=5) for one in range(away)]
    return Roster([*here, *gone])


async def test_the_list_shows_a_room_as_it_is_now(door: Doorway) -> None:
    room = await door.open(isPublic=True, title="Film")
    await door.registry.note(room, people("ann", "ben", away=1))
    ((shown,), _) = await door.registry.public(limit=10, after=None)
    assert (shown.room_id, shown.title, shown.here, shown.members) == (room.id, "Film", 2, 3)
    other = replace(room, settings=changed(room.settings, {"title": "Another", "passwordHash": "s1.a.b"}))
    await door.registry.note(other, people("ann"))
    ((shown,), _) = await door.registry.public(limit=10, after=None)
    assert (shown.title, shown.here, shown.has_password) == ("Another", 1, True)
    private = replace(room, settings=changed(room.settings, {"isPublic": False}))
    await door.registry.note(private, people("ann"))
    assert await door.registry.public(limit=10, after=None) == ([], None)


async def test_the_fullest_comes_first(door: Doorway) -> None:
    for name, roster in (("room-1", people("ann")), ("room-2", people("ann", "ben")), ("room-3", people())):
        await door.registry.note(await door.open(name, isPublic=True), roster)
    shown, _ = await door.registry.public(limit=10, after=None)
    assert [one.room_id for one in shown] == ["room-2", "room-1", "room-3"]


async def test_a_count_of_a_process_that_died_is_none(door: Doorway) -> None:
    room = await door.open(isPublic=True)
    await door.registry.note(room, people("ann", "ben"))
    await door.clock.advance(FRESH_MS / 1000)
    ((shown,), _) = await door.registry.public(limit=10, after=None)
    assert (shown.here, shown.members) == (0, 0)


async def test_what_does_not_differ_is_not_written(door: Doorway) -> None:
    room, roster = await door.open(), people("ann")

    async def revision() -> int:
        document = await (await door.store.collection(PARTIES)).get(room.id)
        assert document is not None
        return int(document["rev"])

    await door.registry.note(room, roster)
    before = await revision()
    await door.registry.note(room, roster)
    assert await revision() == before
    await door.clock.advance(31)
    await door.registry.note(room, roster)
    assert await revision() == before + 1, "somebody is still there"
    await door.registry.note(room, people())
    await door.clock.advance(31)
    after = await revision()
    await door.registry.note(room, people())
    assert await revision() == after, "nobody is"


async def test_a_room_that_nobody_was_in_for_a_day_is_closed(door: Doorway) -> None:
    left, used = await door.open("left-1", isPublic=True), await door.open("used-1", isPublic=True)
    token, _ = await door.invites.give(left.id, role=Role.GUEST, uses=5, seconds=10**6)
    invite = await door.invites.look(token, left.id)
    await door.invites.use(invite)
    await door.clock.advance(EMPTY_MS / 1000 - 60)
    await door.registry.note(used, people("ann"))
    assert await door.registry.sweep() == 0
    await door.clock.advance(61)
    assert await door.registry.sweep() == 1
    assert not await door.doors.find(left.id)
    assert await door.doors.find(used.id)
    assert await door.uses.used(left.id, invite.nonce) == 0, "forgotten, like the room's owner"
    held = await door.registry._parties.get(left.id)
    assert held is not None
    assert (held.state, held.owner) == ("closed", "")


async def test_a_room_that_was_closed_by_its_host_is_gone(door: Doorway) -> None:
    room = await door.open(isPublic=True)
    await door.registry.note(replace(room, closed_at=9), people("ann"))
    assert not await door.doors.find(room.id)
    assert await door.registry.public(limit=10, after=None) == ([], None)
    assert await door.registry.channel_of(room.id) == ""


async def test_the_round_notes_the_rooms_of_this_process(door: Doorway) -> None:
    room = await door.open(isPublic=True)
    unknown = Room("not-opened-1")
    running = asyncio.ensure_future(
        door.registry.run(lambda: [(room, people("ann", "ben")), (unknown, people())])
    )
    await door.clock.advance(0)
    await door.clock.advance(ROUND_SECONDS)
    async with asyncio.timeout(30):
        while (found := await door.registry.public(limit=1, after=None))[0][0].here != 2:
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert found[0][0].members == 2


async def test_every_process_knows_a_room_and_its_channel(door: Doorway) -> None:
    other = await doorway(door.store, door.clock)
    room = await door.open(channel="900")
    assert await other.doors.find(room.id)
    assert await other.registry.channel_of(room.id) == "900"
    assert not await other.registry.opened(room, owner="twitch:2", channel_id="")
    await other.registry.close(room.id)
    assert await door.registry.opened(room, owner="twitch:2", channel_id="")
    assert await door.registry.channel_of(room.id) == ""
