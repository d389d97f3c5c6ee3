"""What a replica can say of itself."""

from __future__ import annotations

import pytest

from rooms.chat import Line
from rooms.people import Member, Role
from rooms.queue import Item
from rooms.state import FOREVER, Room

ROOM = Room(
    "r",
    host="ann",
    roles={"bea": Role.COHOST, "gus": Role.GUEST},
    removed=("zoe",),
    muted={"twitch:bea": 50},
    banned={"twitch:zoe": FOREVER},
    queue=(Item("i1", "video", "u"),),
    chat=(Line("e-1", "ann", "Ann", "hi", 1),),
)


@pytest.mark.parametrize(
    ("member", "credential", "role"),
    [
        ("ann", Role.MEMBER, Role.HOST),
        ("bea", Role.MEMBER, Role.COHOST),
        ("gus", Role.MEMBER, Role.GUEST),
        ("cid", Role.MEMBER, Role.MEMBER),
        ("cid", Role.HOST, Role.COHOST),  # no credential makes a host: the room names him
        ("zoe", Role.MEMBER, Role.NOBODY),
        ("", Role.MEMBER, Role.NOBODY),
    ],
)
def test_the_role_is_that_of_the_room_before_that_of_the_credential(
    member: str, credential: Role, role: Role
) -> None:
    assert ROOM.role(member, credential) is role


def test_who_is_not_in_the_roster_is_nobody() -> None:
    assert ROOM.role_of(None) is Role.NOBODY
    assert ROOM.role_of(Member("ann", "Ann", "s", Role.GUEST, 1)) is Role.HOST


def test_mutes_and_bans_have_an_end() -> None:
    assert ROOM.is_muted("twitch:bea", 49)
    assert not ROOM.is_muted("twitch:bea", 50)
    assert not ROOM.is_muted("twitch:cid", 0)
    assert ROOM.is_banned("twitch:zoe", 10**18)


def test_things_are_found_by_id() -> None:
    assert ROOM.line("e-1") is ROOM.chat[0]
    assert ROOM.line("e-2") is None
    assert ROOM.queued("i1") is ROOM.queue[0]
    assert ROOM.queued("i2") is None
