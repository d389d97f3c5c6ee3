"""Coming back: at the same process, at another one, after a restart, and who may not."""

from __future__ import annotations

from typing import Any

import pytest

from rooms.connection import AWAY_AFTER_SECONDS
from tests.rooms.party import Client, PartyHouse, open_party


@pytest.fixture
async def house():
    async with open_party() as house:
        yield house


async def back(
    house: PartyHouse, welcome: dict[str, Any], *, last: int | None = None
) -> tuple[Client, dict[str, Any]]:
    data = welcome["data"]
    client = house.connect()
    answer = await client.ask(
        "party:resume",
        {
            "resumeToken": data["resumeToken"],
            "epoch": data["epoch"],
            "lastSeq": data["kept"] if last is None else last,
        },
    )
    return client, answer


async def in_room(house: PartyHouse, name: str, room_id: str) -> tuple[Client, dict[str, Any]]:
    client = house.connect(name)
    return client, await client.ask("party:join", {"roomId": room_id})


async def test_what_was_missed_comes_in_order_and_nobody_was_away(house: PartyHouse) -> None:
    ann, room_id = await house.room()
    ben, welcome = await in_room(house, "ben", room_id)
    ben.lose()
    for number in range(3):
        await ann.ask("party:chat", {"message": str(number)})
    again, answer = await back(house, welcome)
    assert (answer["type"], answer["data"]["self"]) == ("party:resume", welcome["data"]["self"])
    said = [(await again.told("party:chat"))["data"]["message"] for _ in range(3)]
    assert said == ["0", "1", "2"]
    await house.clock.advance(AWAY_AFTER_SECONDS * 2)
    here = house.rooms.here(room_id)
    assert here is not None
    assert here.replica.people.position.seq == 2, "two joined, and nobody was away"
    assert house.rooms.viewers == 2


async def test_who_stays_away_is_told_to_be_away(house: PartyHouse) -> None:
    _, room_id = await house.room()
    ben, welcome = await in_room(house, "ben", room_id)
    ben.lose()
    await house.clock.advance(AWAY_AFTER_SECONDS + 1)
    here = house.rooms.here(room_id)
    assert here is not None
    held = here.replica.roster.get(welcome["data"]["self"])
    assert held is not None
    assert not held.is_here
    _, answer = await back(house, welcome)
    assert answer["type"] == "party:resume"
    assert here.replica.roster.get(welcome["data"]["self"]).is_here  # type: ignore[union-attr]


async def test_a_token_is_good_once_and_each_welcome_brings_the_next(house: PartyHouse) -> None:
    _, room_id = await house.room()
    ben, welcome = await in_room(house, "ben", room_id)
    ben.lose()
    second, answer = await back(house, welcome)
    second.lose()
    thief, refused = await back(house, welcome)
    assert refused["data"]["code"] == "resume_invalid"
    assert thief.wire.closed is None
    _, third = await back(house, answer)
    assert third["type"] == "party:resume"


async def test_a_place_that_is_not_known_any_more_is_answered_by_the_whole_room(house: PartyHouse) -> None:
    _, room_id = await house.room()
    ben, welcome = await in_room(house, "ben", room_id)
    ben.lose()
    welcome["data"]["epoch"] = "another"
    _, answer = await back(house, welcome)
    assert (answer["type"], answer["data"]["gap"], answer["data"]["why"]) == (
        "party:sync",
        True,
        "resume_gap",
    )
    assert answer["data"]["self"] == welcome["data"]["self"]


async def test_a_new_socket_takes_the_place_of_the_old(house: PartyHouse) -> None:
    ann, room_id = await house.room()
    ben, welcome = await in_room(house, "ben", room_id)
    again, answer = await back(house, welcome)
    assert answer["type"] == "party:resume"
    assert (await ben.ended())[0] == 4509
    ben.lose()
    await house.clock.advance(AWAY_AFTER_SECONDS + 1)
    await ann.ask("party:chat", {"message": "both here?"})
    assert (await again.told("party:chat"))["data"]["message"] == "both here?"
    here = house.rooms.here(room_id)
    assert here is not None
    assert here.replica.roster.get(welcome["data"]["self"]).is_here  # type: ignore[union-attr]


async def test_a_new_socket_at_another_process_takes_the_place_of_the_old() -> None:
    async with open_party() as one, open_party(name="p2", sibling=one) as two:
        ann, room_id = await one.room()
        ben, welcome = await in_room(one, "ben", room_id)
        again, answer = await back(two, welcome)
        assert answer["type"] == "party:resume"
        assert (await ben.ended())[0] == 4509
        ben.lose()
        await one.clock.advance(AWAY_AFTER_SECONDS + 1)
        assert (one.rooms.viewers, two.rooms.viewers) == (1, 1)
        await ann.ask("party:chat", {"message": "across"})
        assert (await again.told("party:chat"))["data"]["message"] == "across"
        _, refused = await back(one, welcome)
        assert refused["data"]["code"] == "resume_invalid"  # also here


async def test_who_left_was_sent_out_or_banned_does_not_come_back(house: PartyHouse) -> None:
    ann, room_id = await house.room()
    codes = []
    for name, do in (("ben", "party:leave"), ("cat", "party:kick"), ("dan", "party:ban")):
        client, welcome = await in_room(house, name, room_id)
        if do == "party:leave":
            assert (await client.ask(do))["data"] == {"roomId": room_id, "isHost": False}
            client.lose()
        else:
            await ann.ask(do, {"memberId": welcome["data"]["self"]})
            assert (await client.ended())[0] in (4510, 4511)
            client.lose()
            await house.clock.advance(0.1)
        _, refused = await back(house, welcome)
        codes.append(refused["data"]["code"])
    assert codes == ["resume_invalid"] * 3
    here = house.rooms.here(room_id)
    assert here is not None
    assert len(here.replica.roster) == 1
    banned = house.connect("dan")
    assert await banned.refused("party:join", roomId=room_id) == "banned"


async def test_a_token_of_nobody(house: PartyHouse) -> None:
    nobody = house.connect()
    for token in ("", "r1.x.y", "r1." + "A" * 5000, "é"):
        assert await nobody.refused("party:resume", resumeToken=token) == "resume_invalid"
    assert await nobody.refused("party:resume", resumeToken=5) == "bad_field"


async def test_a_room_outlives_a_restart_and_its_host_stays_host() -> None:
    async with open_party() as before:
        ann = before.connect("ann")
        welcome = await ann.ask("party:create", {"userName": "Ann", "settings": {"title": "Night"}})
        await ann.ask("party:media", {"item": {"url": "https://films.example/a.mp4", "duration": 600.0}})
        await ann.ask("party:chat", {"message": "kept"})
        await ann.ask("party:play", {"currentTime": 100})
    async with open_party() as after:
        after.keep, after.doors.rooms = before.keep, before.doors.rooms
        after.rooms._keep = before.keep
        after.clock.step_wall(60_000)  # a minute later
        _, answer = await back(after, welcome)
        assert answer["type"] == "party:sync"
        data = answer["data"]
        assert (data["self"], data["isHost"]) == (welcome["data"]["self"], True)
        assert data["settings"]["title"] == "Night"
        assert [one["message"] for one in data["history"]] == ["kept"]
        here = after.rooms.here(data["roomId"])
        assert here is not None
        assert here.replica.roster.get(data["self"]).name == "Ann"  # type: ignore[union-attr]


async def test_a_closed_room_is_no_place_to_come_back_to(house: PartyHouse) -> None:
    ann, room_id = await house.room()
    ben, welcome = await in_room(house, "ben", room_id)
    await ann.ask("party:close")
    assert (await ben.ended())[0] == 4504
    _, refused = await back(house, welcome)
    assert refused["data"]["code"] == "room_closed"
