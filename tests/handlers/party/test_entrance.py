"""What the web's door hands out. Invites made void: test_invites.py."""

from __future__ import annotations

import pytest

from domain.errors import NotFound
from tests.handlers.party.house import Doorway


async def test_a_guest_gets_a_ticket_for_a_public_room_alone(door: Doorway) -> None:
    public, private = await door.open(isPublic=True), await door.open("gold-fox-1")
    ticket, ends = await door.entrance.guest_ticket(public.id)
    assert (await door.tickets.take(ticket)).room_id == public.id
    assert ends > door.clock.now() // 1000
    for room_id in (private.id, "no-such-room", "", "x" * 1000):
        with pytest.raises(NotFound) as caught:
            await door.entrance.guest_ticket(room_id)
        assert caught.value.code == "party.room_not_found"
    await door.registry.close(public.id)
    with pytest.raises(NotFound):
        await door.entrance.guest_ticket(public.id)


async def test_the_list_has_the_public_rooms(door: Doorway) -> None:
    for number in range(3):
        await door.open(f"room-{number}", isPublic=number > 0, title=f"Room {number}")
    first, cursor = await door.entrance.rooms(limit=1, cursor=None)
    second, end = await door.entrance.rooms(limit=1, cursor=cursor)
    assert {one.title for one in (*first, *second)} == {"Room 1", "Room 2"}
    rest, _ = await door.entrance.rooms(limit=1, cursor=end) if end else ([], None)
    assert not rest
