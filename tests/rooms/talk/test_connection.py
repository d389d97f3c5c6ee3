"""One viewer's conversation."""

from __future__ import annotations

import json

import pytest

from rooms.people import SEAT_SECONDS
from rooms.talk.connection import AWAY_AFTER_SECONDS
from tests.rooms.party import PartyHouse, open_party

FILM = {"url": "https://films.example/a.mp4", "duration": 600.0}


@pytest.fixture
async def house():
    async with open_party() as house:
        yield house


async def test_the_example_client_creates_joins_plays_and_chats_without_ids(house: PartyHouse) -> None:
    """The four messages of the first draft, and nothing else."""
    ann, ben = house.connect("ann"), house.connect("ben")
    ann.raw('{"type": "party:create", "data": {"userName": "Ann"}}')
    created = await ann.told("party:create")
    room_id = created["data"]["roomId"]
    assert created["data"]["isHost"] is True
    ben.raw(json.dumps({"type": "party:join", "data": {"roomId": room_id, "userName": "Ben"}}))
    joined = await ben.told("party:join")
    assert joined["data"]["isHost"] is False
    await ann.ask("party:media", {"item": FILM})
    ann.raw('{"type": "party:play", "data": {"currentTime": 12.5}}')
    played = await ben.told("party:play")
    assert (played["data"]["currentTime"], played["data"]["isHost"]) == (12.5, False)
    assert (await ann.told("party:play"))["data"]["isHost"] is True
    ben.raw('{"type": "party:chat", "data": {"message": "hi"}}')
    said = await ann.told("party:chat")
    assert (said["data"]["message"], said["data"]["userName"]) == ("hi", "Ben")
    assert "party:ok" not in ben.types()  # nobody is answered who did not ask for it


async def test_the_same_id_again_is_one_effect_and_the_same_answer(house: PartyHouse) -> None:
    ann, _ = await house.room()
    first = await ann.ask("party:chat", {"message": "once"}, id="say-1")
    again = await ann.ask("party:chat", {"message": "once"}, id="say-1")
    assert first == again
    assert first["type"] == "party:ok"
    await ann.ask("party:chat", {"message": "twice"}, id="say-2")
    await ann.until(lambda one: one["type"] == "party:chat" and one["data"]["message"] == "twice")
    assert [one["data"]["message"] for one in ann.wire.heard if one["type"] == "party:chat"] == [
        "once",
        "twice",
    ]
    assert len(house.doors.rooms) == 1


async def test_create_asked_twice_opens_one_room(house: PartyHouse) -> None:
    ann = house.connect("ann")
    first = await ann.ask("party:create", {"userName": "Ann"}, id="c")
    again = await ann.ask("party:create", {"userName": "Ann"}, id="c")
    assert (first["data"]["roomId"], first["data"]["self"]) == (
        again["data"]["roomId"],
        again["data"]["self"],
    )
    assert len(house.doors.rooms) == 1
    assert await ann.refused("party:create") == "already_joined"


async def test_join_again_changes_nothing_and_another_room_is_refused(house: PartyHouse) -> None:
    _, room_id = await house.room()
    ben = await house.join("ben", room_id)
    again = await ben.ask("party:join", {"roomId": room_id})
    assert again["data"]["members"] == 2
    _, other = await house.room("cat")
    assert await ben.refused("party:join", roomId=other) == "already_joined"


async def test_an_id_is_the_same_after_a_resume(house: PartyHouse) -> None:
    ann, _ = await house.room()
    welcome = await ann.ask("party:create", id="c-1")
    first = await ann.ask("party:chat", {"message": "once"}, id="say")
    ann.lose()
    back = house.connect()
    data = welcome["data"]
    resumed = await back.ask(
        "party:resume", {"resumeToken": data["resumeToken"], "epoch": data["epoch"], "lastSeq": first["seq"]}
    )
    assert (resumed["type"], resumed["data"]["self"]) == ("party:resume", data["self"])
    assert (await back.ask("party:chat", {"message": "once"}, id="say"))["seq"] == first["seq"]
    again = await back.ask("party:create", id="c-1")
    assert again["data"]["roomId"] == data["roomId"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nonsense", "bad_json"),
        ("[1]", "bad_json"),
        ('{"type": "party:seek", "data": {"currentTime": NaN}}', "bad_json"),
        ('{"type": "party:seek", "data": {"currentTime": Infinity}}', "bad_json"),
        ('{"type": "party:seek", "data": {"currentTime": 1e999}}', "bad_field"),
        ('{"type": "party:seek", "data": {"currentTime": -1}}', "bad_field"),
        ('{"type": "party:seek", "data": {"currentTime": true}}', "bad_field"),
        ('{"type": "party:seek", "data": {"currentTime": "5"}}', "bad_field"),
        ("[" * 15_000, "bad_json"),
        ('{"type": "party:seek", "data": {"currentTime": ' + "9" * 5000 + "}}", "bad_json"),
        ('{"data": {}}', "bad_type"),
        ('{"type": 5}', "bad_type"),
        ('{"type": "party:fly"}', "bad_type"),
        ('{"type": "party:chat", "data": 5}', "bad_field"),
        ('{"type": "party:chat", "id": 5, "data": {"message": "x"}}', "bad_field"),
        ('{"type": "party:chat", "id": "a b", "data": {"message": "x"}}', "bad_field"),
        ('{"type": "party:chat", "data": {"message": "\\u202e\\u0007"}}', "bad_field"),
        ('{"type": "party:report", "data": {"driftMs": "x"}}', "bad_field"),
        ('{"type": "party:react", "data": {"emoji": "x"}}', "bad_field"),
        ('{"type": "party:roster", "data": {"limit": 101}}', "bad_field"),
        ('{"type": "party:invite", "data": {"role": "host"}}', "bad_field"),
        ('{"type": "party:settings", "data": {"settings": {"passwordHash": "x"}}}', "bad_field"),
        ('{"type": "clock:ping", "data": {"t1": "x"}}', "bad_field"),
        ('{"type": "clock:ping"}', "bad_field"),
    ],
)
async def test_what_is_unsound_is_refused_and_the_connection_goes_on(
    house: PartyHouse, text: str, code: str
) -> None:
    ann, _ = await house.room()
    await ann.ask("party:media", {"item": FILM})
    before = house.rooms.here(next(iter(house.doors.rooms))).replica.room  # type: ignore[union-attr]
    ann.raw(text)
    assert (await ann.told("party:error"))["data"]["code"] == code
    assert (await ann.ask("party:chat", {"message": "still here"}))["type"] == "party:ok"
    after = house.rooms.here(before.id)
    assert after is not None
    assert after.replica.room.vector == before.vector


async def test_the_clock_is_told_when_it_was_read_and_when_it_was_written(house: PartyHouse) -> None:
    anybody = house.connect()
    anybody.connection.receive('{"type": "clock:ping", "id": "p", "data": {"t1": 7.25}}', received_us=1)
    pong = await anybody.told("clock:pong")
    assert pong == {
        "type": "clock:pong",
        "re": "p",
        "data": {"t1": 7.25, "t2": 1, "t3": house.time.now(), "clockId": "k1"},
    }


async def test_a_clock_ping_does_not_wait_for_what_is_being_done(house: PartyHouse) -> None:
    ann, _ = await house.room()
    for number in range(4):
        ann.send("party:chat", message=str(number))
    ann.send("clock:ping", t1=1)
    assert ann.types()[-1] == "clock:pong"  # in the same turn


async def test_the_film_goes_before_the_chat(house: PartyHouse) -> None:
    ann, _ = await house.room()
    await ann.ask("party:media", {"item": FILM})
    for number in range(4):
        ann.send("party:chat", message=str(number), id=f"chat-{number}")
    ann.send("party:play", currentTime=1, id="play")
    order = []
    while len(order) < 5:
        order.append((await ann.told("party:ok"))["re"])
    assert order.index("play") <= 1


async def test_a_flood_is_limited_and_then_sent_away(house: PartyHouse) -> None:
    ann, _ = await house.room()
    for number in range(61):
        ann.send("party:pong", id=f"x-{number}")
    refused = await ann.told("party:error")
    assert refused["data"]["code"] == "rate_limited"
    assert refused["data"]["retryable"]
    assert refused["data"]["retryAfterMs"] > 0
    for _ in range(60):  # 100 messages a second, for six seconds
        for _ in range(10):
            ann.send("party:pong", id="")
        await house.clock.advance(0.1)
    assert await ann.ended() == (4029, "too many messages")
    assert ann.types()[-1] == "party:bye"
    assert ann.types().count("party:error") < 40


async def test_who_says_much_and_then_little_stays(house: PartyHouse) -> None:
    ann, _ = await house.room()
    for _ in range(4):
        for _ in range(70):
            ann.send("party:pong", id="")
        await house.clock.advance(4.0)
    assert (await ann.ask("party:chat", {"message": "hi"}))["type"] == "party:ok"


async def test_chat_is_limited_by_itself(house: PartyHouse) -> None:
    ann, _ = await house.room()
    for number in range(5):
        ann.send("party:chat", message=str(number), id="")
    assert await ann.refused("party:chat", message="6") == "rate_limited"
    await ann.ask("party:media", {"item": FILM})
    await house.clock.advance(0.5)
    assert (await ann.ask("party:chat", {"message": "7"}))["type"] == "party:ok"


async def test_a_foreign_error_is_internal_and_the_connection_goes_on(
    house: PartyHouse, caplog: pytest.LogCaptureFixture
) -> None:
    _, room_id = await house.room()
    ben = house.connect("ben")
    await ben.ask("party:hello", {})
    house.doors.broken = ZeroDivisionError("secret")
    answer = await ben.ask("party:join", {"roomId": room_id})
    assert answer["data"]["code"] == "internal"
    assert "secret" not in json.dumps(answer)
    house.doors.broken = None
    assert (await ben.ask("party:join", {"roomId": room_id}))["type"] == "party:join"


async def test_nothing_is_said_before_hello(house: PartyHouse) -> None:
    nobody = house.connect()
    for name in ("party:create", "party:join", "party:chat", "party:report", "party:roster", "party:leave"):
        assert await nobody.refused(name, roomId="mint-owl-1") == "unauthorized", name
    assert nobody.wire.closed is None


async def test_who_never_says_hello_is_closed(house: PartyHouse) -> None:
    nobody, ann = house.connect(), house.connect("ann")
    await ann.ask("party:hello", {})
    start = house.clock.monotonic()
    assert nobody.connection.look(start + 9.0, start) == pytest.approx(start + 10.0, abs=0.1)
    nobody.connection.look(start + 10.1, start)
    assert nobody.wire.closed == (4501, "no credential")
    ann.connection.look(start + 10.1, start)
    assert ann.wire.closed is None


async def test_silence_and_a_long_life_end_with_come_back(house: PartyHouse) -> None:
    ann, room_id = await house.room()
    ben = await house.join("ben", room_id)
    now = house.clock.monotonic()
    assert ann.connection.look(now, now) == now + 40.0
    ann.connection.look(now + 39.9, now)
    assert ann.wire.closed is None
    ann.connection.look(now + 40.0, now)
    assert ann.wire.closed == (4040, "nothing was heard")
    ben.connection.look(now + 3000.0, now + 2999.0)
    assert ben.wire.closed == (4002, "lifetime")


async def test_an_answer_is_given_only_when_it_is_kept(house: PartyHouse) -> None:
    ann, room_id = await house.room()
    house.keep.is_away = True
    answer = await ann.ask("party:chat", {"message": "precious"}, id="p")
    assert (answer["type"], answer["data"]["code"]) == ("party:error", "unavailable")
    assert answer["data"]["retryable"]
    house.keep.is_away = False
    assert (await ann.ask("party:chat", {"message": "precious"}, id="p"))["type"] == "party:ok"
    assert [one[3] for one in house.keep.bodies[room_id]["room"]["chat"]] == ["precious"]


async def test_the_lanes_are_bounded(house: PartyHouse) -> None:
    ann, _ = await house.room()
    for _ in range(59):
        ann.send("party:unban", {"subject": "nobody"}, id="")
    await house.clock.advance(0.5)  # nothing waits
    assert "party:error" not in ann.types()


async def test_names_are_cleaned_and_fall_back_to_the_persons(house: PartyHouse) -> None:
    _, room_id = await house.room()
    evil = await house.join("ben", room_id, userName="\u202eB\u0000e\nn" + "x" * 90)
    here = house.rooms.here(room_id)
    assert here is not None
    await house.join("cat", room_id)
    names = {one.name for one in here.replica.roster}
    assert names == {"Ann", "Cat", ("Be n" + "x" * 90)[:32]}
    dan = house.connect("dan")
    assert await dan.refused("party:join", roomId=room_id, userName="\u202e\u200b") == "bad_field"
    assert evil.wire.closed is None


async def test_invites_give_less_than_ones_own_role_and_the_same_once_more(house: PartyHouse) -> None:
    ann, room_id = await house.room()
    first = await ann.ask("party:invite", {"role": "cohost", "uses": 2, "seconds": 60}, id="i")
    assert first["data"]["url"].startswith(f"https://x.example/party/{room_id}?invite=")
    assert await ann.ask("party:invite", {"role": "cohost"}, id="i") == first
    assert len(house.doors.invites) == 1
    ben = await house.join("ben", room_id, invite=first["data"]["invite"])
    assert await ben.refused("party:invite", role="cohost") == "forbidden"
    guest = house.connect()
    said = await guest.ask("party:hello", {"invite": first["data"]["invite"], "roomId": room_id})
    assert said["data"]["role"] == "guest"


async def test_the_roster_comes_by_page(house: PartyHouse) -> None:
    ann, room_id = await house.room()
    for name in ("ben", "cat", "dan"):
        await house.join(name, room_id)
    first = (await ann.ask("party:roster", {"limit": 3}))["data"]
    rest = (await ann.ask("party:roster", {"limit": 3, "after": first["next"]}))["data"]
    assert rest["next"] is None
    names = [one["userName"] for one in (*first["members"], *rest["members"])]
    assert sorted(names) == ["Ann", "Ben", "Cat", "Dan"]


async def test_who_comes_and_drops_again_fills_no_room(house: PartyHouse) -> None:
    _, room_id = await house.room(mostMembers=3)
    for name in ("ben", "cat"):
        (await house.join(name, room_id)).lose()
    dan = house.connect("dan")
    assert await dan.refused("party:join", roomId=room_id) == "room_full"  # they may be back in a moment
    here = house.rooms.here(room_id)
    assert here is not None
    await house.clock.advance(AWAY_AFTER_SECONDS * 2)
    assert here.replica.roster.present == 1
    await house.clock.advance(SEAT_SECONDS + 1.0)
    assert (await dan.ask("party:join", {"roomId": room_id}))["data"]["members"] == 4


async def test_wrong_passwords_are_limited_by_address_and_room(house: PartyHouse) -> None:
    _, room_id = await house.room(password="open")
    ben = house.connect("ben")
    codes = [await ben.refused("party:join", roomId=room_id, password=str(number)) for number in range(6)]
    assert codes == ["bad_password"] * 5 + ["rate_limited"]
    other = house.connect("cat", address="192.0.2.9")
    welcome = await other.ask("party:join", {"roomId": room_id, "password": "open"})
    assert welcome["data"]["settings"]["hasPassword"] is True
    assert "open" not in str(welcome)


async def test_a_muted_sender_is_refused(house: PartyHouse) -> None:
    ann, room_id = await house.room()
    ben = await house.join("ben", room_id)
    member = ben.wire.heard[-1]["data"]["self"]
    await ann.ask("party:mute", {"memberId": member})
    assert await ben.refused("party:chat", message="hm") == "muted"


async def test_of_a_class_that_came_by_one_invite_each_is_somebody(house: PartyHouse) -> None:
    ann, room_id = await house.room(slowSeconds=30)
    given = (await ann.ask("party:invite", {"uses": 30}))["data"]["invite"]
    pupils = [house.connect() for _ in range(4)]
    ids = []
    for one in pupils:
        await one.ask("party:hello", {"invite": given, "roomId": room_id})
        ids.append((await one.ask("party:join", {"roomId": room_id, "invite": given}))["data"]["self"])
    muted, other, kicked, banned = pupils
    await ann.ask("party:mute", {"memberId": ids[0]})
    await ann.ask("party:kick", {"memberId": ids[2]})
    await ann.ask("party:ban", {"memberId": ids[3]})
    assert [(await one.ended())[0] for one in (kicked, banned)] == [4510, 4511]
    assert await muted.refused("party:chat", message="hm") == "muted"
    assert (await other.ask("party:chat", {"message": "I was good"}))["type"] == "party:ok"
    assert await other.refused("party:chat", message="twice") == "slow_mode"
    # It is the same person after a resume.
    data = next(one["data"] for one in muted.wire.heard if one["type"] == "party:join")
    muted.lose()
    again = house.connect()
    back = await again.ask(
        "party:resume",
        {"resumeToken": data["resumeToken"], "epoch": data["epoch"], "lastSeq": data["kept"]},
    )
    assert (back["type"], back["data"]["isMuted"]) == ("party:resume", True)
    assert await again.refused("party:chat", message="hm") == "muted"
