"""Coming back: at the same process, at another one, after a restart, and who may not."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from gateways.leases.memory import MemoryLeases
from gateways.topics.contracts import NewEntry
from gateways.topics.memory import MemoryTopics
from rooms.fleet.clock import OwnTime
from rooms.talk.connection import AWAY_AFTER_SECONDS
from tests.rooms.party import Client, OpenDoors, PartyHouse, Shelf, open_party
from tests.support.clock import ManualClock


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
    await second.told("party:ping")
    second.send("party:pong")
    await second.ask("party:roster")
    second.lose()
    thief, refused = await back(house, welcome)
    assert refused["data"]["code"] == "resume_invalid"
    assert thief.wire.closed is None
    _, third = await back(house, answer)
    assert third["type"] == "party:resume"


async def test_whose_answer_was_lost_asks_again_and_stays_the_same(house: PartyHouse) -> None:
    ann = house.connect("ann")
    welcome = await ann.ask("party:create", {"userName": "Ann"})
    ann.lose()
    unheard, _ = await back(house, welcome)
    # What could have been written before the answer was read shows nothing.
    await unheard.ask("clock:ping", {"t1": 1})
    await unheard.ask("party:chat", {"message": "blind"})
    again, answer = await back(house, welcome)
    assert (answer["type"], answer["data"]["self"], answer["data"]["isHost"]) == (
        "party:resume",
        welcome["data"]["self"],
        True,
    )
    assert (await again.told("party:chat"))["data"]["message"] == "blind"
    assert (await unheard.ended())[0] == 4509
    _, refused = await back(house, welcome)
    assert refused["data"]["code"] == "resume_invalid", "once more, and not twice more"
    again.lose()
    _, later = await back(house, answer)
    assert later["type"] == "party:resume"


async def test_whose_answer_was_lost_asks_again_at_another_process() -> None:
    async with open_party() as one, open_party(name="p2", sibling=one) as two:
        _, room_id = await one.room()
        ben, welcome = await in_room(one, "ben", room_id)
        ben.lose()
        unheard, lost = await back(one, welcome)
        again, answer = await back(two, welcome)
        assert (answer["type"], answer["data"]["self"]) == ("party:resume", welcome["data"]["self"])
        assert (await unheard.ended())[0] == 4509
        for token in (welcome, lost):
            _, refused = await back(one, token)
            assert refused["data"]["code"] == "resume_invalid"
        # An answer to a ping shows that this one was heard, whoever asks afterwards, and where.
        await again.told("party:ping")
        third, _ = await back(one, answer)
        third.send("party:pong")
        await third.ask("party:roster")
        _, refused = await back(two, answer)
        assert refused["data"]["code"] == "resume_invalid"


class Held(MemoryTopics):
    """The first who says that he is back does not get through until the test says so."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.gate, self.is_held = asyncio.Event(), False

    async def append(self, topic: str, entry: NewEntry, **given: Any) -> Any:
        if entry.kind == "member.back" and not self.is_held:
            self.is_held = True
            await self.gate.wait()
        return await super().append(topic, entry, **given)


@pytest.mark.parametrize("is_lost", [False, True])
async def test_who_was_given_up_while_he_came_back_takes_nobodys_place(is_lost: bool) -> None:
    clock = ManualClock()
    topics = Held(clock=clock)
    fleet: Any = SimpleNamespace(
        clock=clock, topics=topics, leases=MemoryLeases(clock=clock), doors=OpenDoors(), keep=Shelf(),
        time=OwnTime(clock=clock, name="k1"),
    )  # fmt: skip
    async with open_party(sibling=fleet) as house:
        _, room_id = await house.room()
        ben, welcome = await in_room(house, "ben", room_id)
        ben.lose()
        await clock.advance(AWAY_AFTER_SECONDS + 1)
        stuck, data = house.connect(), welcome["data"]
        stuck.send("party:resume", resumeToken=data["resumeToken"], epoch=data["epoch"], lastSeq=data["kept"])
        while not topics.is_held:
            await clock.advance(0.01)
        again, answer = await back(house, welcome)
        assert answer["type"] == "party:resume"
        if is_lost:
            stuck.lose()
        topics.gate.set()
        if not is_lost:
            assert (await stuck.ended())[0] == 4509
        await clock.advance(AWAY_AFTER_SECONDS + 1)
        await again.ask("party:chat", {"message": "still here"})
        assert again.wire.closed is None
        here = house.rooms.here(room_id)
        assert here is not None
        assert here.replica.roster.get(data["self"]).is_here  # type: ignore[union-attr]
        assert house.rooms.viewers == 2


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
        again.send("party:pong")
        await again.ask("party:roster")
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
