"""Who may come in, and as what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.channel import Channel
from domain.errors import Conflict, CuelightError, Denied, NotFound, Rejected
from domain.vip import Method, VipSession, VipStatus
from handlers.party.registry import MOST_OPEN_EACH
from rooms.fleet.ports import Admission, Person
from rooms.invites import LONGEST_SECONDS, MOST_USES
from rooms.people import Role
from rooms.settings import Settings, changed
from storage.team import Member, member_id
from tests.handlers.party.house import Doorway

ANN, BEN = Person("twitch:1", "Ann"), Person("twitch:2", "Ben")


async def refused(code: str, door: Doorway, *args: Any, **more: Any) -> None:
    with pytest.raises(CuelightError) as caught:
        await door.join(*args, **more)
    assert caught.value.code == f"party.{code}"


async def channel(door: Doorway, channel_id: str = "900") -> None:
    await door.channels.put(Channel(id=channel_id, login="lantern", name="Lantern"), lambda held: held)


async def test_anybody_who_is_known_comes_in(door: Doorway) -> None:
    room = await door.open()
    assert await door.join(BEN, room) == Admission(Role.MEMBER)
    assert await door.doors.find(room.id)
    assert not await door.doors.find("mint-owl-43")
    with pytest.raises(Conflict):
        await door.open()


async def test_bans_and_ends(door: Doorway) -> None:
    room = await door.open()
    now = door.doors._time.now()
    await refused("banned", door, BEN, replace(room, banned={BEN.subject: now + 1000}))
    assert await door.join(BEN, replace(room, banned={BEN.subject: now - 1}))
    await refused("room_closed", door, BEN, replace(room, closed_at=5))
    await door.registry.close(room.id)
    await refused("room_closed", door, BEN, room)


async def test_a_banned_guest_closes_the_invite_that_brought_him(door: Doorway) -> None:
    room = await door.open()
    token, _ = await door.invites.give(room.id, role=Role.GUEST, uses=30, seconds=60)
    bad, classmate, late = [await door.doors.identify(invite=token, room_id=room.id) for _ in range(3)]
    for one in (bad, classmate):
        assert await door.join(one, room) == Admission(Role.GUEST)
    until = door.doors._time.now() + 1000
    shut = replace(room, banned={bad.subject: until})
    await refused("banned", door, bad, shut)
    await refused("invite_invalid", door, late, shut)
    assert not shut.is_banned(classmate.subject, until - 1), "who is inside stays, and comes back"
    again = await door.doors.identify(invite=token, room_id=room.id)
    await refused("invite_invalid", door, again, shut)
    assert await door.join(BEN, shut, invite=token) == Admission(Role.MEMBER), "who signs in is not he"
    other, _ = await door.invites.give(room.id, role=Role.GUEST, uses=1, seconds=60)
    assert await door.join(await door.doors.identify(invite=other, room_id=room.id), shut)
    await door.clock.advance(1)
    assert await door.join(late, shut), "the ban is over"


async def test_of_guests_of_a_public_room_each_is_banned_alone(door: Doorway) -> None:
    room = await door.open(isPublic=True)
    bad, other = [
        await door.doors.identify(ticket=(await door.entrance.guest_ticket(room.id))[0]) for _ in range(2)
    ]
    shut = replace(room, banned={bad.subject: door.doors._time.now() + 1000})
    await refused("banned", door, bad, shut)
    assert await door.join(other, shut) == Admission(Role.GUEST)


async def test_passwords_and_who_needs_none(door: Doorway) -> None:
    kept = await door.doors.hash_password("open sesame")
    room = await door.open(passwordHash=kept)
    await refused("bad_password", door, BEN, room)
    await refused("bad_password", door, BEN, room, password="sesame")
    assert await door.join(BEN, room, password="open sesame")
    assert await door.join(ANN, room), "who opened the room"
    token, _ = await door.doors.invite(room, role=Role.MEMBER, uses=1, seconds=60, by=ANN.subject)
    assert await door.join(BEN, room, invite=token)


async def test_the_channels_own_people_and_its_vips(door: Doorway) -> None:
    await channel(door)
    room = await door.open(owner="twitch:7", channel="900", vipOnly=True, mostMembers=20)
    await refused("vip_only", door, BEN, room)
    assert await door.join(Person("twitch:900", "Lantern"), room) == Admission(Role.COHOST)
    await door.team.put(Member(member_id("900", "2"), "900", "2", "ben", "Ben", 1, "900"))
    assert await door.join(BEN, room) == Admission(Role.COHOST)
    now = door.clock.now()
    vip = VipSession(
        "s1", "900", "3", "cleo", "Cleo", VipStatus.ACTIVE, Method.DASHBOARD, "900", now, now + 60_000, ()
    )
    await door.sessions.create(vip)
    cleo = Person("twitch:3", "Cleo")
    assert await door.join(cleo, room) == Admission(Role.MEMBER, is_vip=True)
    await refused("vip_only", door, Person("jwt-1:3", "Another 3"), room)
    # A tenth of the seats is theirs.
    open_to_all = replace(room, settings=changed(room.settings, {"vipOnly": False}))
    assert await door.join(Person("twitch:4", "Dan"), open_to_all, members=17)
    await refused("room_full", door, Person("twitch:4", "Dan"), open_to_all, members=18)
    assert await door.join(cleo, open_to_all, members=19)
    await refused("room_full", door, cleo, open_to_all, members=20)


async def test_invites_of_each_kind(door: Doorway) -> None:
    room = await door.open()
    for role, person, becomes in (
        (Role.GUEST, BEN, Role.MEMBER),
        (Role.COHOST, BEN, Role.COHOST),
        (Role.GUEST, None, Role.GUEST),
        (Role.MEMBER, None, Role.MEMBER),
    ):
        token, _ = await door.doors.invite(room, role=role, uses=1, seconds=60, by=ANN.subject)
        who = person or await door.doors.identify(invite=token, room_id=room.id)
        assert (await door.join(who, room, invite=token)).role is becomes
        await refused("invite_used", door, who, room, invite=token)
        await refused("invite_used", door, BEN, room, invite=token)
    for uses, seconds, role in (
        (0, 60, Role.GUEST), (MOST_USES + 1, 60, Role.GUEST), (1, 0, Role.GUEST),
        (1, LONGEST_SECONDS + 1, Role.GUEST), (1, 60, Role.HOST), (1, 60, Role.NOBODY),
    ):  # fmt: skip
        with pytest.raises(Rejected) as caught:
            await door.doors.invite(room, role=role, uses=uses, seconds=seconds, by=ANN.subject)
        assert caught.value.code == "party.bad_field"
    with pytest.raises(NotFound):
        await door.doors.invite(replace(room, id="x-1"), role=Role.GUEST, uses=1, seconds=60, by="")


async def test_a_use_is_not_taken_by_who_is_refused(door: Doorway) -> None:
    room = await door.open(mostMembers=2)
    token, _ = await door.doors.invite(room, role=Role.MEMBER, uses=1, seconds=60, by=ANN.subject)
    await refused("room_full", door, BEN, room, invite=token, members=2)
    assert await door.join(ANN, room, invite=token), "who is at home needs no use"
    assert await door.join(BEN, room, invite=token)


async def test_a_guest_of_one_room_is_none_of_another(door: Doorway) -> None:
    room, other = await door.open(isPublic=True), await door.open("gold-fox-1", isPublic=True)
    ticket, _ = await door.entrance.guest_ticket(room.id)
    guest = await door.doors.identify(ticket=ticket)
    assert await door.join(guest, room) == Admission(Role.GUEST)
    assert await door.join(guest, room, invite=guest.invite) == Admission(Role.GUEST)
    await refused("unauthorized", door, guest, other)
    await refused("unauthorized", door, guest, other, invite=f"public:{other.id}")
    shut = replace(room, settings=changed(room.settings, {"isPublic": False}))
    await refused("unauthorized", door, guest, shut)
    token, _ = await door.doors.invite(room, role=Role.GUEST, uses=9, seconds=60, by=ANN.subject)
    invited = await door.doors.identify(invite=token, room_id=room.id)
    await refused("invite_invalid", door, invited, other, invite=token)
    await refused("invite_invalid", door, invited, other)


async def test_who_may_open_a_room(door: Doorway) -> None:
    await channel(door)
    may = door.doors.may_create
    await may(BEN, settings=Settings(), channel="")
    await may(Person("twitch:900", "Lantern"), settings=Settings(vip_only=True), channel="900")
    guest = Person("guest:x", "Guest", Role.GUEST)
    for person, settings, where, code in (
        (guest, Settings(), "", "party.forbidden"),
        (BEN, Settings(), "900", "party.forbidden"),
        (Person("jwt-1:900", "Lantern"), Settings(), "900", "party.forbidden"),
        (BEN, Settings(), "901", "party.forbidden"),
        (BEN, Settings(vip_only=True), "", "party.bad_field"),
    ):
        with pytest.raises(Rejected) as caught:
            await may(person, settings=settings, channel=where)
        assert caught.value.code == code
    for number in range(MOST_OPEN_EACH):
        await door.open(f"room-{number}", owner=BEN.subject)
    with pytest.raises(Denied):
        await may(BEN, settings=Settings(), channel="")
    await may(ANN, settings=Settings(), channel="")
