"""The page about the protocol tells the truth: what it names the server knows, what the server says it names, and every
example has the shape of what really comes over a socket."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from rooms.commands import FIELDS
from rooms.delivery.messages import CODES
from rooms.talk import connection
from tests.docs import protocol_page as page
from tests.web.parties import Parties, serving

FILM = {"kind": "video", "url": "https://films.example/a.mp4", "title": "A film", "duration": 1400.0}
ALSO = {"party:ready": {"startLatencyMs"}, "party:settings": {"password"}}
"""Fields that are read before the room's machine sees the command."""

IDS = itertools.count()
Data = dict[str, Any]


class Guest:
    """Somebody at a socket who writes down all that comes."""

    def __init__(self, parties: Parties, socket: ClientConnection, came: dict[str, list[Data]]) -> None:
        self._parties, self._socket, self._came = parties, socket, came
        self._unread: list[Data] = []  # what came while an answer was waited for

    async def heard(self, type: str, **wanted: Any) -> Data:
        """The next message of a type whose data are so."""

        def found(one: Data) -> bool:
            return one["type"] == type and wanted.items() <= one["data"].items()

        while self._unread:
            if found(one := self._unread.pop(0)):
                return one
        return await self._parties.heard(self._socket, lambda one: self._note(one) and found(one))

    async def ask(self, type: str, **data: Any) -> Data:
        """The answer, whatever it is."""
        # Never one twice: a member who came back is asked for the same answer again by the same id.
        return await self.say({"type": type, "id": f"q-{next(IDS)}", "data": data})

    async def say(self, message: Data) -> Data:
        await self._socket.send(json.dumps(message))

        def found(one: Data) -> bool:
            self._note(one)
            if one.get("re") != message["id"]:
                self._unread.append(one)
            return one.get("re") == message["id"]

        return await self._parties.heard(self._socket, found)

    async def do(self, type: str, **data: Any) -> Data:
        answer = await self.ask(type, **data)
        assert answer["type"] != "party:error", (type, answer)
        return answer

    async def tell(self, type: str, **data: Any) -> None:
        """Without an id, and so without an answer."""
        await self._socket.send(json.dumps({"type": type, "data": data}))

    async def gone(self) -> int:
        code, last = await self._parties.closed(self._socket)
        self._note(last)
        return code

    async def cut(self) -> None:
        self._socket.transport.abort()

    def _note(self, one: Data) -> bool:
        self._came[one["type"]].append(one)
        return True


class Party:
    """A server, and all that anybody heard, by type."""

    def __init__(self, parties: Parties) -> None:
        self.parties = parties
        self.came: dict[str, list[Data]] = defaultdict(list)

    async def guest(self) -> Guest:
        return Guest(self.parties, await self.parties.connect(""), self.came)

    async def member(self, name: str, room_id: str) -> tuple[Guest, Data]:
        guest = await self.guest()
        await guest.do("party:hello", token=name)
        return guest, (await guest.do("party:join", roomId=room_id, userName=name.title()))["data"]

    async def pass_seconds(self, seconds: float) -> None:
        await self.parties.pass_seconds(seconds)


@asynccontextmanager
async def party() -> AsyncIterator[Party]:
    async with serving() as parties:
        yield Party(parties)


async def film(host: Guest, other: Guest) -> None:
    """Whatever moves the film, and what waits for whom."""
    await host.do("party:media", item=FILM)
    await other.heard("party:media")
    await host.do("party:ready", startLatencyMs=120)
    await other.do("party:ready", startLatencyMs=130)
    for what, data in (
        ("party:play", {"currentTime": 10.0}), ("party:rate", {"rate": 1.5}), ("party:pause", {}),
        ("party:seek", {"currentTime": 100.0}), ("party:play", {}),
    ):  # fmt: skip
        await host.do(what, **data)
        await other.heard(what)
    await host.do("party:seek", currentTime=600.0)  # everybody waits until everybody is there
    await other.heard("party:barrier")
    await other.heard("party:waiting")
    await other.do("party:ready")
    await host.do("party:ready")
    await other.heard("party:play")
    await other.do("party:buffering")
    await other.heard("party:barrier")
    await other.do("party:ready")
    await other.heard("party:play")


async def queue(host: Guest, other: Guest) -> None:
    added = []
    for _ in range(3):
        await other.do("party:queue:add", item=FILM)
        added.append((await host.heard("party:queue:add"))["data"]["item"]["itemId"])
    await other.do("party:queue:vote", itemId=added[1])
    await host.heard("party:queue:vote")
    await host.do("party:queue:move", itemId=added[2], place=0)
    await host.heard("party:queue:move")
    await host.do("party:queue:remove", itemId=added[2])
    await host.heard("party:queue:remove")
    await other.do("party:queue:skip")
    await host.heard("party:queue:skip")
    await host.do("party:queue:next")
    await host.heard("party:media")


async def talk(host: Guest, other: Guest, other_id: str) -> None:
    await other.do("party:chat", message="hi")
    said = (await host.heard("party:chat"))["data"]["chatId"]
    await host.do("party:chat:report", chatId=said)
    await host.heard("party:chat:report")
    await host.do("party:chat:delete", chatId=said)
    await host.heard("party:chat:delete")
    for what, data in (("party:mute", {"seconds": 60}), ("party:unmute", {})):
        await host.do(what, memberId=other_id, **data)
        await other.heard(what)
    await other.tell("party:react", emoji="❤")
    await host.heard("party:react")


async def measure(host: Guest, other: Guest) -> None:
    measured = {"driftMs": 4.0, "clockErrMs": 2.0, "rttMs": 20.0, "stalls": 0, "seeks": 0, "offRateMs": 0}
    await other.tell("party:report", **measured, oneWayMs=10.0)
    await host.heard("party:stats")
    pong = await other.ask("clock:ping", t1=1.5)
    assert pong["data"]["t1"] == 1.5
    await other.heard("party:ping")
    await other.tell("party:pong")


async def people(
    house: Party, host: Guest, other: Guest, *, host_id: str, other_id: str, room_id: str
) -> Guest:
    """Roles, the host's place, those who have to go; who is the host afterwards."""
    await host.do("party:role", memberId=other_id, role="cohost")
    await other.heard("party:role")
    await host.do("party:settings", settings={"title": "Tonight", "words": ["darn"]})
    await other.heard("party:settings")
    await host.heard("party:settings")
    assert (await host.do("party:invite", role="guest"))["type"] == "party:invite"
    assert (await host.do("party:roster", limit=1))["type"] == "party:roster"
    await host.do("party:host", memberId=other_id)
    await host.heard("party:host", why="given")
    await other.do("party:host", memberId=host_id)
    await host.heard("party:host", why="given")
    for what in ("party:kick", "party:ban"):
        rude, welcome = await house.member("rude", room_id)
        await host.do(what, memberId=welcome["self"])
        await rude.heard(what)
        await rude.gone()
    await host.do("party:unban", subject="twitch:rude")
    await host.heard("party:unban")
    await host.cut()
    await other.heard("party:presence", here=1)
    await other.do("party:host:take")
    await other.heard("party:host", why="taken")
    return other


async def come_back(house: Party, room_id: str) -> None:
    """A way back that is open, and one that is not."""
    guest, welcome = await house.member("ben", room_id)
    for last_seq, wanted in ((welcome["kept"], "party:resume"), (10**6, "party:sync")):
        await guest.cut()
        guest = await house.guest()
        answer = await guest.ask(
            "party:resume", resumeToken=welcome["resumeToken"], epoch=welcome["epoch"], lastSeq=last_seq
        )
        assert answer["type"] == wanted
        welcome = answer["data"]
    await guest.do("party:leave")


@pytest.fixture
async def came() -> dict[str, list[Data]]:
    """All that was heard in an evening in which everything happens."""
    async with party() as house:
        host = await house.guest()
        await host.do("party:hello", token="ann")
        welcome = (await host.do("party:create", userName="Ann", settings={"waiting": "all"}))["data"]
        room_id = welcome["roomId"]
        other, joined = await house.member("bob", room_id)
        await host.heard("party:presence")
        await film(host, other)
        await queue(host, other)
        await talk(host, other, joined["self"])
        await measure(host, other)
        refused = await host.ask("party:seek", currentTime=5.0, expectedRev=0)
        assert refused["data"]["code"] == "rev_conflict"
        await come_back(house, room_id)
        host = await people(
            house, host, other, host_id=welcome["self"], other_id=joined["self"], room_id=room_id
        )
        await host.tell("party:close")
        await host.heard("party:closed")
        assert await host.gone() == 4504
        return dict(house.came)


async def test_the_page_and_an_evening_agree(came: dict[str, list[Data]]) -> None:
    """One evening is enough for all of it: it takes a second."""
    problems = [*_names(came), *_rows(came), *_examples(came)]
    assert not problems, "\n".join(problems)


def _names(came: dict[str, list[Data]]) -> list[str]:
    told, known = page.names(page.text()), connection._NOW.keys() | connection._IN_TURN.keys() | came.keys()
    return [f"the page does not name {one}" for one in sorted(known - told)] + [
        f"nobody knows {one}, which the page names" for one in sorted(told - known)
    ]


def _rows(came: dict[str, list[Data]]) -> list[str]:
    """Each type that comes down has the fields of its row and no others."""
    problems = []
    for row in page.commands(page.text()):
        if not row.down or not row.down_fields:
            continue
        seen: set[str] = set()
        for name in row.down:
            for one in came.get(name, []):
                if "seq" in one or name in ("party:react", "party:waiting", "party:presence", "party:stats"):
                    seen |= one["data"].keys() - {"isHost"}
        if seen != row.down_fields:
            problems.append(f"{row.down}: the page has {sorted(row.down_fields)}, there came {sorted(seen)}")
    return problems


def _examples(came: dict[str, list[Data]]) -> list[str]:
    """Examples of what comes down; those of what goes up are sent by the test below."""
    problems = []
    for example in page.examples(page.text()):
        if "type" not in example:
            states = [one["data"]["state"] for name in ("party:play", "party:barrier") for one in came[name]]
            for state in states:
                problems += page.differs(example, state, "state")
            assert any(state["barrier"] for state in states)
            assert any(state["item"] for state in states)
        elif "re" in example:
            alike = [
                one for one in came[example["type"]]
                if one.get("re") and ("seq" in one or "seq" not in example)
                and one["data"].get("code") == example["data"].get("code")
            ]  # fmt: skip
            assert alike, example
            problems += [wrong for one in alike for wrong in page.differs(example, one, example["type"])]
    return problems


async def test_every_example_that_goes_up_is_understood() -> None:
    """The credentials of the page are nobody's; whoever reads one says so, and not that the message is wrong."""
    ups = [one for one in page.examples(page.text()) if "type" in one and "re" not in one]
    assert len(ups) >= 3
    async with party() as house:
        for example in ups:
            answer = await (await house.guest()).say(example)
            code = answer["data"].get("code")
            assert answer["type"] == example["type"] or code == "unauthorized", (example, answer)


def test_what_goes_up_is_what_the_table_says() -> None:
    rows = [row for row in page.commands(page.text()) if row.up]
    listed = [name for row in rows for name in row.up]
    own = connection._NOW.keys() | connection._IN_TURN.keys()
    beside = {"clock:ping", "party:hello", "party:pong", *page.entering(page.text())}
    assert set(listed) | beside == own
    assert not FIELDS.keys() - set(listed)
    for row in rows:
        if row.up[0] not in FIELDS:
            continue
        fields = {field for name in row.up for field in {*FIELDS[name], *ALSO.get(name, ())}}
        assert row.up_fields == fields, row.up


def test_the_codes_are_those_of_the_server() -> None:
    assert page.codes(page.text()) == set(CODES)


def test_the_close_codes_are_those_of_the_server() -> None:
    from rooms.delivery import hub, viewer
    from rooms.talk import conversation
    from web import party_socket

    used = {
        value
        for module in (connection, conversation, hub, viewer, party_socket)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, int) and 4000 <= value < 5000
    }
    assert page.close_codes(page.text()) == used


@pytest.mark.parametrize(
    ("example", "real", "differs"),
    [
        ({"a": 1, "…": "…"}, {"a": 2.5, "b": 3}, False),
        ({"a": 1}, {"a": 1, "b": 3}, True),
        ({"a": 1}, {}, True),
        ({"a": 1}, {"a": True}, True),
        ({"a": "x"}, {"a": None}, True),
        ({"a": {"b": 1}}, {"a": None}, False),
        ({"a": [{"b": 1}]}, {"a": [{"b": "x"}]}, True),
        ({"a": [{"b": 1}]}, {"a": []}, False),
        ({"a": None}, {"a": [1]}, False),
    ],
)
def test_shapes_are_compared(example: Data, real: Data, differs: bool) -> None:
    assert bool(page.differs(example, real)) is differs
