"""Whose credential it is. The credentials themselves: test_issuers.py, test_tickets.py, test_invites.py."""

from __future__ import annotations

import jwt
import pytest

from domain.errors import Denied
from handlers.party.issuer_keys import IssuerKey
from handlers.party.issuers import subject_of
from rooms.fleet.ports import Person
from rooms.people import Role, source_of
from tests.handlers.party.house import Doorway, doorway

KEY = "0123456789abcdef0123456789abcdef"


async def test_who_is_signed_in_is_the_same_by_ticket_and_by_token(door: Doorway) -> None:
    ann = Person("twitch:1", "Ann")
    assert await door.doors.identify(ticket=door.entrance.ticket("1", "Ann")[0]) == ann
    assert await door.doors.identify(token=door.entrance.token("1", "Ann")[0]) == ann


async def test_nobody_of_another_issuer_is_somebody_of_ours(door: Doorway) -> None:
    school = await doorway(door.store, door.clock, rows=(IssuerKey("school", "HS256", f"secret:{KEY}"),))
    ends = door.clock.now() // 1000 + 60
    for subject in ("twitch:1", "guest:x", "1"):
        token = jwt.encode({"iss": "school", "sub": subject, "exp": ends}, KEY, algorithm="HS256")
        found = await school.doors.identify(token=token)
        assert found == Person(subject_of("school", subject), "Guest")
        assert found.subject.startswith("jwt-")
    forged = jwt.encode({"iss": "cuelight", "sub": "twitch:1", "exp": ends}, KEY, algorithm="HS256")
    with pytest.raises(Denied):
        await school.doors.identify(token=forged)


async def test_guests(door: Doorway) -> None:
    room = await door.open(isPublic=True)
    one = await door.doors.identify(ticket=(await door.entrance.guest_ticket(room.id))[0])
    two = await door.doors.identify(ticket=(await door.entrance.guest_ticket(room.id))[0])
    assert one.subject != two.subject
    assert (one.role, one.invite) == (Role.GUEST, f"public:{room.id}")
    token, _ = await door.invites.give(room.id, role=Role.COHOST, uses=1, seconds=60)
    invited = await door.doors.identify(invite=token, room_id=room.id)
    assert (invited.role, invited.invite) == (Role.GUEST, token)
    other = await door.doors.identify(invite=token, room_id=room.id)
    assert source_of(invited.subject) == source_of(other.subject) != "", "by the same invite"
    assert invited.subject != other.subject, "and each is somebody"
    assert (source_of(one.subject), source_of(two.subject)) == ("public", "public")


async def test_nothing_is_nobody(door: Doorway) -> None:
    with pytest.raises(Denied) as caught:
        await door.doors.identify()
    assert caught.value.code == "party.unauthorized"
