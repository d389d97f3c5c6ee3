"""Too much of what may be said: each limit answers, five seconds of it end the connection, and the room goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from rooms.talk.limits import CLASSES, LIMITS
from tests.web.hostile.stand import FILM, Guest, Stand

pytestmark = pytest.mark.server

DATA: Mapping[str, Any] = {
    "party:seek": {"currentTime": 5},
    "party:rate": {"rate": 1},
    "party:media": {"item": FILM},
    "party:chat": {"message": "x"},
    "party:chat:report": {"chatId": "x"},
    "party:react": {"emoji": "❤"},
    "party:report": {"driftMs": 1},
    "party:queue:add": {"item": FILM},
    "party:queue:vote": {"itemId": "x"},
    "party:settings": {"settings": {"title": "x"}},
    "party:join": {"roomId": "nowhere-owl-1"},
    "party:create": {"settings": {"title": 5}},
    "clock:ping": {"t1": 1},
}


async def test_every_class_has_its_limit_and_leaves_the_others_alone(stand: Stand) -> None:
    _, room = await stand.room(waiting="off")
    for group, limit in LIMITS.items():
        # What is opened is counted by address besides.
        names = [one for one, held in CLASSES.items() if held == group and one != "party:create"]
        for name in names[:2]:
            guest = await (stand.come("out") if group == "join" else stand.join("in", room))
            asked = [
                await guest.send(name, id=f"{name}-{n}", **DATA.get(name, {})) for n in range(limit.burst + 3)
            ]
            other = "party:leave" if group == "roster" else "party:roster"
            asked.append(await guest.send(other, id="other"))
            limited = await _limited(guest)
            # What fills again while they come is let through too.
            assert 1 <= len(limited) <= 3, (name, limited)
            assert limited <= set(asked[limit.burst :]), name
            await guest.socket.close()


async def _limited(guest: Guest) -> set[str]:
    """Which were refused for being too many, up to the answer to the one of another class."""
    found = set()
    while (one := await guest.until(lambda one: "re" in one))["re"] != "other":
        if one["type"] == "party:error" and one["data"]["code"] == "rate_limited":
            assert one["data"]["retryAfterMs"] > 0
            found.add(one["re"])
    assert one["type"] in ("party:roster", "party:leave", "party:error")
    assert one["data"].get("code") in (None, "not_joined")
    return found


async def test_five_seconds_of_too_much_end_the_connection_and_hurt_nobody(stand: Stand) -> None:
    ann, room = await stand.room(waiting="off")
    ben = await stand.join("ben", room)
    evil = await stand.join("evil", room)
    kinds = [
        ("party:fly", {}),
        ("party:play", {"currentTime": 1}),
        ("party:roster", {}),
        ("clock:ping", {"t1": 1}),
        ("party:pong", {}),
    ]
    for second in range(7):
        for number in range(100):
            name, data = kinds[number % len(kinds)]
            await evil.say(json.dumps({"type": name, "data": data}))
        await evil.say("not even JSON")
        await evil.is_read()
        stand.clock.leap(1.0)
        assert (await ann.ask("party:chat", message=str(second)))["type"] == "party:ok"
        heard = await ben.heard("party:chat")
        assert heard["data"]["message"] == str(second)
        if evil.socket.state.name != "OPEN":
            break
    assert await evil.ended() == 4029
    bye = next(one for one in evil.told if one["type"] == "party:bye")
    assert bye["data"] == {"code": 4029, "reason": "too many messages", "retryAfterMs": 5000}
    limited = [one for one in evil.told if one["data"].get("code") == "rate_limited"]
    assert 1 <= len(limited) < 100, "a flood is not answered by a flood"
    back = await stand.join("evil", room)  # and may come back
    assert await back.is_well()


async def test_malformed_messages_count_too(stand: Stand) -> None:
    evil = await stand.come("evil")
    assert (await evil.ask("party:hello"))["type"] == "party:hello"
    for _ in range(300):
        await evil.say("{}")
    await evil.is_read()
    stand.clock.leap(10.0)
    assert await evil.is_well()
    assert sum(one["type"] == "party:error" for one in evil.told) < 75


async def test_who_does_not_read_is_let_go_in_a_room_and_outside(stand: Stand) -> None:
    """Answers that nobody takes wait for five seconds, in no more than a bounded buffer."""
    ann, room = await stand.room(waiting="off")
    long = "\U0001f600" * 499
    inside, outside = await stand.wire(name="deaf"), await stand.wire(name="deaf")
    inside.say("party:join", id="j", roomId=room)
    await inside.answered("j")
    for raw in (inside, outside):
        raw.transport.pause_reading()
    await stand.until(lambda: stand.parties.count == 3)
    for _ in range(400):
        for _ in range(7):
            inside.say("party:roster", id="a" * 64)
            outside.say("x" * 40, id="a" * 64)
        inside.say("party:chat", message=long)
        assert await ann.is_well()
        stand.clock.leap(0.4)
        assert stand.desk.budget.held <= 256 * 1024
        lines = list(stand.parties._lines)
        assert all(line.unsent <= 192 * 1024 for line in lines)
        if len(lines) == 1:
            break
    assert stand.parties.count == 1
    assert stand.desk.budget.held == 0
    for reason in ("slow",):
        assert stand.run.daemon._metrics.value("party_sent_away_total", reason=reason)


async def test_a_hash_is_work_that_only_the_host_may_ask_for(stand: Stand) -> None:
    _, room = await stand.room()
    ben = await stand.join("ben", room)
    asked: list[str] = []
    hash_password = stand.desk.doors.hash_password

    async def counted(password: str) -> str:
        asked.append(password)
        return await hash_password(password)

    stand.desk.doors.hash_password = counted  # type: ignore[method-assign]
    for _ in range(3):
        assert await ben.refused("party:settings", settings={"password": "x"}) == "forbidden"
    assert asked == []
