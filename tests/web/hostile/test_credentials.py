"""Who has no business here: credentials that are none, of others, of yesterday, or used up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.web.hostile.stand import SECRET, Stand, standing, token

pytestmark = pytest.mark.server


async def test_who_says_nothing_of_himself_may_do_nothing_and_is_sent_away(stand: Stand) -> None:
    _, room = await stand.room()
    nobody = await stand.dial()
    for name, data in (
        ("party:join", {"roomId": room}),
        ("party:create", {"userName": "x"}),
        ("party:play", {"currentTime": 1}),
        ("party:chat", {"message": "x"}),
        ("party:roster", {}),
        ("party:report", {}),
        ("party:react", {"emoji": "❤"}),
        ("party:pong", {}),
    ):
        assert await nobody.refused(name, **data) == "unauthorized", name
    for _ in range(3):  # asking for the time keeps nobody in
        stand.clock.leap(4.0)
        await nobody.send("clock:ping", t1=1)
    assert await nobody.ended() == 4501


NOT_GOOD = {
    "expired": token("ann", exp=1),
    "not yet": token("ann", nbf=3_900_000_000),
    "another signature": token("ann") + "x",
    "as if it were ours": token("ann", iss="cuelight"),
    "not signed": "eyJhbGciOiJub25lIn0.eyJpc3MiOiJzY2hvb2wiLCJzdWIiOiJhbm4iLCJleHAiOjQwMDAwMDAwMDB9.",
    "the key itself": SECRET,
    "three letters": "a.b.c",
    "nothing": "..",
}


async def test_tokens_that_are_not_good(stand: Stand) -> None:
    for why, bad in NOT_GOOD.items():
        by_address = await stand.dial(f"?token={bad}")
        assert await by_address.ended() == 4501, why
        assert by_address.told[0]["data"]["code"] == "unauthorized", why
        by_message = await stand.dial()
        assert await by_message.refused("party:hello", token=bad) == "unauthorized", why
        assert await by_message.ended() == 4501, why


async def test_a_ticket_for_one_room_opens_no_other_and_is_good_once(stand: Stand) -> None:
    (_, one), (_, other) = [await stand.room(name, isPublic=True) for name in ("ann", "ben")]
    async with stand.run.http.post("/api/v1/party/tickets", json={"roomId": one}) as answer:
        ticket = (await answer.json())["ticket"]
    guests = [await stand.dial() for _ in range(5)]
    answers = await asyncio.gather(*(guest.ask("party:hello", ticket=ticket) for guest in guests))
    let_in = [guest for guest, answer in zip(guests, answers, strict=True) if answer["type"] == "party:hello"]
    assert len(let_in) == 1
    assert await let_in[0].refused("party:join", roomId=other) == "unauthorized"
    assert await let_in[0].refused("party:create") == "forbidden"
    assert (await let_in[0].ask("party:join", roomId=one))["type"] == "party:join"
    old = await _ticket(stand, one)
    stand.clock.leap(61.0)
    assert await (await stand.dial()).refused("party:hello", ticket=old) == "unauthorized"


async def _ticket(stand: Stand, room: str) -> str:
    async with stand.run.http.post("/api/v1/party/tickets", json={"roomId": room}) as answer:
        return str((await answer.json())["ticket"])


async def test_an_invite_lets_in_as_many_as_it_says_however_they_come(stand: Stand) -> None:
    (ann, room), (_, other) = await stand.room("ann"), await stand.room("ben")
    invite = (await ann.ask("party:invite", uses=3))["data"]["invite"]
    guests = [await stand.come(f"u{number}") for number in range(8)]
    answers = await asyncio.gather(*(one.ask("party:join", roomId=room, invite=invite) for one in guests))
    assert sum(one["type"] == "party:join" for one in answers) == 3
    assert {one["data"]["code"] for one in answers if one["type"] == "party:error"} == {"invite_used"}
    cat = await stand.come("cat")
    assert await cat.refused("party:join", roomId=other, invite=invite) == "invite_invalid"
    assert await cat.refused("party:join", roomId=room, invite=invite[:-2] + "AA") == "invite_invalid"
    nobody = await stand.dial()
    assert await nobody.refused("party:hello", roomId="a\ud800", invite=invite) == "bad_field"
    assert await nobody.refused("party:hello", roomId=other, invite=invite) == "invite_invalid"


async def test_passwords_cannot_be_guessed_in_parallel(stand: Stand) -> None:
    """Twenty sockets of one address try at the same time: five guesses are looked at."""
    _, room = await stand.room(password="open sesame")
    passwords, looked_at = stand.desk.doors._passwords, []  # type: ignore[attr-defined]
    is_it = passwords.is_it

    async def counted(password: str, kept: str) -> bool:
        looked_at.append(password)
        return bool(await is_it(password, kept))

    passwords.is_it = counted
    address = stand.address()
    thieves = [await stand.come(f"t{number}", address=address) for number in range(20)]
    answers = await asyncio.gather(
        *(one.ask("party:join", roomId=room, password=f"guess {n}") for n, one in enumerate(thieves))
    )
    codes = [one["data"]["code"] for one in answers]
    assert sorted(codes) == ["bad_password"] * 5 + ["rate_limited"] * 15
    assert len(looked_at) == 5
    right = await thieves[0].refused("party:join", roomId=room, password="open sesame")
    assert right == "rate_limited", "whoever guesses does not learn when he is right"
    elsewhere = await stand.come("dan")
    joined = await elsewhere.ask("party:join", roomId=room, password="open sesame")
    assert joined["type"] == "party:join"
    assert len(stand.desk.gates.turns) == 0


async def test_resume_tokens_are_good_once_and_not_for_who_was_sent_out(stand: Stand) -> None:
    ann, room = await stand.room()
    ben = await stand.join("ben", room)
    first = (await ben.ask("party:join", roomId=room))["data"]["resumeToken"]
    await ben.socket.close()
    again = await stand.dial()
    second = (await again.ask("party:resume", resumeToken=first))["data"]["resumeToken"]
    await again.heard("party:ping")
    await again.send("party:pong")  # it has its welcome
    await again.ask("party:roster")
    thief = await stand.dial()
    assert await thief.refused("party:resume", resumeToken=first) == "resume_invalid"
    head, _, mac = second.rpartition(".")
    for forged in (f"{head}.{mac[:-1]}", f"{head[:-4]}AAAA.{mac}", f".{mac}", "r1..", second + "\n"):
        assert await thief.refused("party:resume", resumeToken=forged) == "resume_invalid"
    assert (await ann.ask("party:kick", memberId=ben.self))["type"] == "party:ok"
    assert await again.ended() == 4510
    assert await thief.refused("party:resume", resumeToken=second) == "resume_invalid"
    # What is over is over for good: the clock, too.
    cat = await stand.join("cat", room)
    late = (await cat.ask("party:join", roomId=room))["data"]["resumeToken"]
    stand.clock.leap(3300 + 601)
    assert await (await stand.dial()).refused("party:resume", resumeToken=late) == "resume_invalid"


async def test_a_ban_is_of_all_tabs_and_nobody_reaches_the_host_by_one_of_his(stand: Stand) -> None:
    ann, room = await stand.room()
    tabs = [await stand.join("ben", room) for _ in range(3)]
    cat = await stand.join("cat", room)
    assert (await ann.ask("party:role", memberId=cat.self, role="cohost"))["type"] == "party:ok"
    second = await stand.join("ann", room)
    for command in ("party:ban", "party:mute"):
        assert await cat.refused(command, memberId=second.self) == "forbidden"
        assert await ann.refused(command, memberId=second.self) == "forbidden"
    resume = (await tabs[2].ask("party:join", roomId=room))["data"]["resumeToken"]
    assert (await cat.ask("party:ban", memberId=tabs[0].self))["type"] == "party:ok"
    assert [await tab.ended() for tab in tabs] == [4511] * 3
    back = await stand.come("ben")
    assert await back.refused("party:join", roomId=room) == "banned"
    assert await back.refused("party:resume", resumeToken=resume) == "banned"
    assert await ann.is_well()


async def test_ids_of_members_are_no_keys(stand: Stand) -> None:
    ann, room = await stand.room()
    ben = await stand.join("ben", room)
    for guessed in (ann.self, ben.self, "m1", "x" * 64):
        for command in ("party:kick", "party:ban", "party:mute", "party:host"):
            assert await ben.refused(command, memberId=guessed) == "forbidden"
        assert await ann.refused("party:mute", memberId="x" * 64) == "not_in_room"
    forged = dict.fromkeys(("from", "memberId", "by", "who", "as", "isHost"), ann.self)
    assert await ben.refused("party:play", currentTime=1, **forged) == "forbidden"
    welcome = await ben.ask("party:join", roomId=room, memberId=ann.self, role="host", isHost=True)
    assert (welcome["data"]["self"], welcome["data"]["isHost"]) == (ben.self, False)
    before = stand.desk.rooms.here(room)
    assert before is not None
    assert before.replica.room.host == ann.self


async def test_a_cookie_brings_nobody_in_from_another_page(tmp_path: Path) -> None:
    async with standing(tmp_path, CUELIGHT_DEMO="1") as stand:
        http = stand.run.http
        await http.post("/api/auth/dev", headers={"Sec-Fetch-Site": "same-origin"})
        cookie = {"Cookie": "; ".join(f"{one.key}={one.value}" for one in http.cookie_jar)}
        evil = await stand.dial(origin="https://evil.example", additional_headers=cookie)  # type: ignore[arg-type]
        await evil.send("party:create", userName="Me")  # nobody listens
        stand.clock.leap(3.0)
        assert await evil.ended() == 4503
        assert [one["type"] for one in evil.told] == ["party:bye"]
        own = f"http://127.0.0.1:{stand.run.daemon.port}"
        mine = await stand.dial(origin=own, additional_headers=cookie)  # type: ignore[arg-type]
        # Halves of characters reach no store.
        assert await mine.refused("party:create", userName="Me", channel="\ud800") == "bad_field"
        assert await mine.refused("party:create", userName="Me", channel="a\x00b") == "forbidden"


async def test_who_names_an_address_of_his_own_is_counted_by_his_real_one(tmp_path: Path) -> None:
    async with standing(tmp_path, PARTY_JOINS_PER_ADDRESS="4") as stand:
        _, room = await stand.room()
        address = stand.address()
        answers = []
        for number in range(6):
            forged = {"X-Forwarded-For": f"203.0.113.{number}", "Forwarded": f"for=203.0.113.{number}"}
            guest = await stand.come(f"u{number}", address=address, additional_headers=forged)
            answers.append(await guest.ask("party:join", roomId=room))
        assert [one["type"] for one in answers] == ["party:join"] * 4 + ["party:error"] * 2
        assert answers[-1]["data"]["code"] == "rate_limited"
