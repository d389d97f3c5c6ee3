"""What viewers are told, field by field as `docs/protocol.md` has it, and nothing else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.errors import Broken, Conflict, Denied, Rejected, Unavailable
from rooms.apply import _KINDS as APPLIED
from rooms.delivery import messages
from rooms.entries import KEPT, STATE
from rooms.people import came_back
from rooms.state import Room
from tests.rooms.hall import Hall, open_hall
from tests.rooms.house import FILM
from tests.rooms.lines import payloads

FILM_2 = {"url": "https://films.example/b.mp4", "duration": 60.0, "title": "B"}
DOWN = {
    "party:play": {"currentTime", "at", "by", "state"},
    "party:pause": {"currentTime", "at", "by", "state"},
    "party:seek": {"currentTime", "at", "by", "state"},
    "party:rate": {"rate", "at", "by", "state"},
    "party:media": {"at", "by", "state"},
    "party:queue:add": {"item", "by"},
    "party:queue:vote": {"itemId", "votes", "place", "by"},
    "party:queue:skip": {"votes", "needed", "by", "wants"},
    "party:queue:move": {"itemId", "place", "by"},
    "party:queue:remove": {"itemId", "by"},
    "party:chat": {"chatId", "from", "userName", "message", "sentAt"},
    "party:chat:delete": {"chatId", "by"},
    "party:chat:report": {"chatId", "reports"},
    "party:mute": {"memberId", "userName", "until", "by"},
    "party:unmute": {"memberId", "userName", "until", "by"},
    "party:kick": {"memberId", "userName", "until", "by"},
    "party:ban": {"memberId", "userName", "until", "by"},
    "party:unban": {"subject"},
    "party:role": {"memberId", "role", "by"},
    "party:host": {"memberId", "why", "hostEpoch", "state"},
    "party:settings": {"settings"},
    "party:closed": set(),
    "party:barrier": {"barrierId", "reason", "until", "state"},
}


def read(frame: bytes) -> dict[str, Any]:
    (payload,) = payloads(frame)
    found = json.loads(payload)
    assert isinstance(found, dict)
    return found


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    async with open_hall() as hall:
        yield hall


def test_every_kind_of_entry_is_told_or_is_not_for_viewers() -> None:
    assert APPLIED.keys() - messages._KINDS.keys() == {
        "room.opened", "player.ready", "player.stalled", "player.gone",
    }  # fmt: skip
    assert KEPT <= messages._KINDS.keys() <= APPLIED.keys()
    assert messages._KINDS.keys() - KEPT == {
        "film.changed", "barrier.began", "barrier.ended", "chat.reported", "member.unbanned",
    }  # fmt: skip


async def test_a_whole_evening_by_the_book(hall: Hall) -> None:
    (ann,) = await hall.open("p1", waiting="all")
    bea, cid, dan = [await hall.join(ann.seat, name) for name in ("bea", "cid", "dan")]
    watcher = await hall.join(ann.seat, "eve")
    await ann.ask("party:media", item=FILM)
    await ann.ask("party:ready")
    await ann.ask("party:play")
    await hall.clock.advance(2)
    await ann.ask("party:rate", rate=1.5)
    await ann.ask("party:seek", currentTime=50.0)
    await ann.ask("party:ready")
    await hall.clock.advance(2)
    await ann.ask("party:pause")
    await ann.ask("party:seek", currentTime=5.0)
    await bea.ask("party:queue:add", item=FILM_2)
    item = ann.seat.replica.room.queue[0].id
    await cid.ask("party:queue:vote", itemId=item)
    await cid.ask("party:queue:skip")
    await ann.ask("party:queue:move", itemId=item, place=0)
    await ann.ask("party:queue:remove", itemId=item)
    await bea.say("hello")
    await bea.say("oops")
    line = ann.seat.replica.room.chat[0].id
    await cid.ask("party:chat:report", chatId=line)
    await bea.ask("party:chat:delete", chatId=line)
    await ann.ask("party:mute", memberId="bea", seconds=60)
    await ann.ask("party:unmute", memberId="bea")
    await ann.ask("party:role", memberId="bea", role="cohost")
    await ann.ask("party:kick", memberId="cid")
    await ann.ask("party:ban", memberId="dan")
    await ann.ask("party:unban", subject="twitch:dan")
    await ann.ask("party:settings", settings={"title": "Night"})
    await ann.ask("party:host", memberId="bea")
    await bea.ask("party:close")
    await hall.quiet()
    told = ann.line.messages()
    seen = {one["type"]: one for one in told}
    assert DOWN.keys() - seen.keys() == set()
    for name, fields in DOWN.items():
        one = seen[name]
        assert one["data"].keys() - {"isHost"} == fields, name
        assert isinstance(one["data"]["isHost"], bool)
        assert one.keys() - {"after", "rev"} == {"type", "seq", "data"}
        assert ("rev" in one) == ("state" in fields)
        if "state" in fields:
            assert one["rev"] == one["data"]["state"]["rev"]
    latest_wins = {"party:play", "party:pause", "party:seek", "party:rate", "party:barrier"}
    assert {name for name in DOWN if "after" not in seen[name]} == latest_wins | {
        "party:chat:report",
        "party:unban",
    }
    assert ann.chain() == watcher.chain()
    assert "key" not in json.dumps(told)  # of the log's own bookkeeping nothing gets out
    assert "twitch:" not in json.dumps(watcher.line.messages())
    assert {"party:unban", "party:chat:report"} & set(watcher.line.types()) == set()
    assert [one["why"] for one in ann.line.of("party:host")] == ["given"]
    assert seen["party:mute"]["data"]["until"] > 0
    assert seen["party:ban"]["data"]["until"] == 0
    assert dan.line.closed is not None


async def test_a_roster_entry_is_no_message(hall: Hall) -> None:
    (ann,) = await hall.open("p1")
    ann.line.forget()
    await ann.seat.topics.append(ann.seat.replica.people.topic, came_back("ann", process="p1"))
    await hall.quiet()
    assert ann.line.types() == ["party:presence"]


def test_answers() -> None:
    assert read(messages.ok("c-1", 5, is_host=True)) == {
        "type": "party:ok", "re": "c-1", "seq": 5, "data": {"isHost": True},
    }  # fmt: skip
    assert read(messages.ok("c-1", None, is_host=False)) == {
        "type": "party:ok", "re": "c-1", "data": {"isHost": False},
    }  # fmt: skip
    assert read(messages.reply("party:leave", "", {"roomId": "r"}, is_host=False)) == {
        "type": "party:leave", "data": {"roomId": "r", "isHost": False},
    }  # fmt: skip
    assert read(messages.bye(4008, "slow", 1000))["data"]["retryAfterMs"] == 1000


ERRORS = [
    (Denied("No.", code="party.forbidden", advice="Ask."), "forbidden", "No.", False, 0),
    (Conflict("Changed.", code="party.rev_conflict"), "rev_conflict", "Changed.", True, 0),
    (Unavailable("Slow.", code="party.slow_mode", retry_after_seconds=2.5), "slow_mode", "Slow.", True, 2500),
    (Unavailable("Redis is away.", code="topic.unavailable"), "unavailable", None, True, 1000),
    (Rejected("A secret of ours.", code="topic.position"), "internal", None, False, 0),
    (Broken("A secret of ours.", code="party.something_new"), "internal", None, False, 0),
]


@pytest.mark.parametrize(("problem", "code", "detail", "retryable", "after"), ERRORS)
def test_errors(problem: Any, code: str, detail: str | None, retryable: bool, after: int) -> None:
    room = Room("r", rev=7)
    found = read(messages.error(problem, re="c-9", is_host=False, room=room))
    data = found["data"]
    assert (found["type"], found["re"], data["code"]) == ("party:error", "c-9", code)
    assert code in messages.CODES
    assert (data["retryable"], data["retryAfterMs"]) == (retryable, after)
    assert data["detail"] == (detail or "That did not work.")
    assert "secret" not in json.dumps(found)
    assert ("state" in data) == (code == "rev_conflict")


def test_what_changes_the_state_tells_it() -> None:
    assert STATE - {"room.opened"} <= messages._KINDS.keys()
