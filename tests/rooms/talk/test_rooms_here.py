"""The rooms of a process: followed on demand, let go when nobody watches."""

from __future__ import annotations

import asyncio

import pytest

from domain.errors import NotFound
from rooms.talk.connection import AWAY_AFTER_SECONDS
from rooms.talk.rooms_here import IDLE_SECONDS
from tests.rooms.party import PartyHouse, open_party


@pytest.fixture
async def house():
    async with open_party() as house:
        running = asyncio.ensure_future(house.rooms.run())
        yield house
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("room_id", ["", "x", "no-such-room", "a:b", "x" * 65, "room\n"])
async def test_a_room_that_nobody_opened_is_not_followed(house: PartyHouse, room_id: str) -> None:
    with pytest.raises(NotFound) as caught:
        await house.rooms.room(room_id)
    assert caught.value.code == "party.room_not_found"
    assert len(house.rooms) == 0


async def test_a_room_is_followed_once_however_many_ask(house: PartyHouse) -> None:
    _, room_id = await house.room()
    found = await asyncio.gather(*(house.rooms.room(room_id) for _ in range(10)))
    assert len({id(one) for one in found}) == 1
    assert house.tasks.names().count("room") == 1


async def test_it_is_let_go_a_minute_after_the_last_viewer_and_followed_again(house: PartyHouse) -> None:
    ann, room_id = await house.room()
    await house.clock.advance(IDLE_SECONDS * 2)
    assert len(house.rooms) == 1
    ann.lose()
    await house.clock.advance(AWAY_AFTER_SECONDS + IDLE_SECONDS / 2)
    assert len(house.rooms) == 1
    await house.clock.advance(IDLE_SECONDS)
    assert len(house.rooms) == 0
    assert "room" not in house.tasks.names()
    ben = await house.join("ben", room_id)
    assert ben.wire.heard[-1]["data"]["roomId"] == room_id


async def test_a_process_that_stops_says_that_its_viewers_are_away() -> None:
    async with open_party() as one, open_party(name="p2", sibling=one) as two:
        _, room_id = await one.room()
        ben = await two.join("ben", room_id)
        assert ben.wire.closed is None
        await one.rooms.close()
        here = two.rooms.here(room_id)
        assert here is not None
        async with asyncio.timeout(20):
            while len(here.replica.roster.here) != 1:
                await asyncio.sleep(0)
        assert [member.name for member in here.replica.roster.here] == ["Ben"]
