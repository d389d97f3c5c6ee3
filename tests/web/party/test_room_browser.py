"""The picture of a room that `party.js` folds out of what it hears: each message of docs/protocol.md counts once."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.web.browser import BROWSER, new_page
from tests.web.party.script import T0, chat, state, welcome
from tests.web.party.stand import library

pytestmark = BROWSER
PROTOCOL = Path(__file__).parents[3] / "docs" / "protocol.md"
# Down, and not about the room as it is folded.
BESIDE = {"party:hello", "party:leave", "party:roster", "party:invite", "party:ok", "party:error", "party:bye",
          "party:ping", "party:pong", "party:report", "party:ready", "party:buffering"}  # fmt: skip

FOLD = """async ([first, messages]) => {
  const { RoomModel } = await import("/static/party/room.js");
  const room = new RoomModel();
  room.welcome(first);
  const came = messages.map((message) => room.take(message));
  return [came, JSON.parse(JSON.stringify({ ...room, joined: room.joined }))];
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(chromium: Browser) -> AsyncIterator[Page]:
    async with library() as origin:
        seen = await new_page(chromium)
        await seen.page.goto(origin)
        yield seen.page
        await seen.context.close()
        assert seen.wrong == []


async def folded(page: Page, *messages: dict[str, Any], **first: Any) -> tuple[list[str], Any]:
    came, room = await page.evaluate(FOLD, [welcome(**first), list(messages)])
    return came, room


def kept(type: str, seq: int, **data: Any) -> dict[str, Any]:
    return {"type": type, "seq": seq, "after": seq - 1, "data": {"isHost": False, **data}}


def latest(type: str, **data: Any) -> dict[str, Any]:
    return {"type": type, "data": {"isHost": False, **data}}


def person(id: str, role: str = "member") -> dict[str, Any]:
    return {"memberId": id, "userName": id, "role": role, "isVip": False, "isHere": True}


def item(id: str, votes: int = 0) -> dict[str, Any]:
    return {
        "itemId": id,
        "kind": "video",
        "url": "/x",
        "title": id,
        "duration": None,
        "by": "m1",
        "votes": votes,
    }


async def test_the_chain_of_what_must_be_kept(page: Page) -> None:
    came, room = await folded(
        page, chat(11, 10), chat(11, 10), chat(12, 11), latest("party:react", reactions={}), chat(15, 14)
    )
    assert came == ["changed", "passed", "changed", "changed", "gap"]
    assert room["kept"] == 12  # a missing one is no reason to forget where we were
    assert [one["chatId"] for one in room["history"]] == ["k3x9-11", "k3x9-12"]


async def test_of_two_states_the_newer_counts_whatever_overtook_what(page: Page) -> None:
    _, room = await folded(
        page,
        latest("party:play", state=state(7, pos=70.0, playing=True)),
        kept("party:media", 11, state=state(6, mediaId="i2")),
        latest("party:seek", state=state(5, pos=50.0)),
        queue=[item("i2"), item("i3")],
        skips={"votes": 2, "needed": 3, "mine": True},
    )
    assert (room["state"]["rev"], room["state"]["pos"]) == (7, 70.0)
    assert [one["itemId"] for one in room["queue"]] == ["i3"]  # but what was put on is out of the queue
    assert room["skips"] == {"votes": 0, "needed": 3, "mine": False}


async def test_the_queue(page: Page) -> None:
    _, room = await folded(
        page,
        kept("party:queue:add", 11, item=item("b"), by="m1"),
        kept("party:queue:add", 12, item=item("c"), by="m1"),
        kept("party:queue:vote", 13, itemId="c", votes=1, place=0, by="m7"),
        kept("party:queue:vote", 14, itemId="b", votes=1, place=1, by="m2"),
        kept("party:queue:move", 15, itemId="a", place=0, by="m1"),
        kept("party:queue:remove", 16, itemId="b", by="m1"),
        kept("party:queue:skip", 17, votes=1, needed=2, by="m7", wants=True),
        kept("party:queue:vote", 18, itemId="gone", votes=0, place=None, by="m2"),
        queue=[item("a")],
    )
    assert [(one["itemId"], one["votes"], one.get("mine")) for one in room["queue"]] == [
        ("a", 0, None),
        ("c", 1, True),
    ]
    assert room["skips"] == {"votes": 1, "needed": 2, "mine": True}


async def test_the_chat_and_what_is_taken_back(page: Page) -> None:
    _, room = await folded(
        page,
        chat(11, 10, "one"),
        kept("party:chat:delete", 12, chatId="old", by="m1"),
        latest("party:chat:report", chatId="k3x9-11", reports=2),
        kept("party:ban", 13, memberId="m3", userName="x", until=0, by="m1"),
        history=[
            {
                "chatId": "old",
                "from": "m2",
                "userName": "a",
                "message": "no",
                "sentAt": T0,
                "isDeleted": False,
            },
            {
                "chatId": "bad",
                "from": "m3",
                "userName": "b",
                "message": "no",
                "sentAt": T0,
                "isDeleted": False,
            },
        ],
        roster=[person("m3"), person("m7")],
    )
    assert [(one["message"], one["isDeleted"]) for one in room["history"]] == [
        ("", True),
        ("", True),
        ("one", False),
    ]
    assert room["history"][2]["reports"] == 2
    assert [one["memberId"] for one in room["roster"]] == ["m7"]


async def test_the_people(page: Page) -> None:
    _, room = await folded(
        page,
        kept("party:role", 11, memberId="m2", role="cohost", by="m1"),
        kept("party:mute", 12, memberId="m7", userName="x", until=T0, by="m1"),
        kept("party:kick", 13, memberId="m3", userName="x", until=0, by="m1"),
        {**kept("party:host", 14, memberId="m7", why="given", hostEpoch=2, state=state(2, host="m7"))}
        | {"data": {"memberId": "m7", "why": "given", "hostEpoch": 2, "state": state(2), "isHost": True}},
        {"type": "party:stats", "data": {"players": 2, "p50": 3, "isHost": True}},
        kept("party:settings", 15, settings={"title": "New"}),
        roster=[person("m1", "host"), person("m2"), person("m3"), person("m7")],
    )
    roles = {one["memberId"]: one["role"] for one in room["roster"]}
    assert roles == {"m1": "cohost", "m2": "cohost", "m7": "host"}
    assert (room["isMuted"], room["mutedUntil"]) == (True, T0)
    assert room["settings"] == {"title": "New"}
    assert (room["isHost"], room["stats"]) == (False, None)  # the last message said so: no host any more


async def test_whom_the_room_waits_for(page: Page) -> None:
    barrier = {"barrierId": "b1", "reason": "seek", "until": T0}
    waits = latest("party:waiting", count=2, names=["Ana", "Bo"])
    began = latest("party:barrier", **barrier, state=state(2, barrier=barrier))
    _, room = await folded(page, began, waits)
    assert room["waiting"] == {"count": 2, "names": ["Ana", "Bo"]}
    _, room = await folded(page, began, waits, latest("party:play", state=state(3, playing=True)))
    assert room["waiting"] is None


async def test_presence_and_the_end(page: Page) -> None:
    _, room = await folded(
        page, latest("party:presence", members=60, here=55, roster=None), kept("party:closed", 11)
    )
    assert (room["members"], room["here"], room["roster"], room["isClosed"]) == (60, 55, None, True)


async def test_a_later_servers_message_moves_the_chain_and_harms_nothing(page: Page) -> None:
    came, room = await folded(page, kept("party:confetti", 11), kept("constructor", 12), chat(13, 12))
    assert came == ["passed", "passed", "changed"]
    assert room["kept"] == 13


async def test_every_message_of_the_protocol_is_known(page: Page) -> None:
    text = PROTOCOL.read_text()
    named = set(re.findall(r"party:[a-z]+(?::[a-z]+)*", text)) - BESIDE
    named -= {"party:create", "party:join", "party:resume", "party:sync"}  # welcomes
    named -= {"party:host:take", "party:queue:next", "party:close"}  # up only
    named |= {"party:queue:move", "party:queue:remove", "party:queue:skip"}
    came, _ = await folded(
        page, *[latest(name, itemId="x", item=item("x"), state=state(0)) for name in sorted(named)]
    )
    assert dict(zip(sorted(named), came, strict=True)) == dict.fromkeys(named, "changed")
