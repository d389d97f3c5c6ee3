"""Messages that are frames and text, and yet nonsense: each is refused with its reason, and nothing happens."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest

from tests.web.hostile.stand import FILM, Stand

pytestmark = pytest.mark.server

HUGE = "9" * 400  # a whole number that no float holds


def said(type: str, **data: Any) -> str:
    return json.dumps({"type": type, "data": data})


def seek(value: str) -> str:
    return f'{{"type": "party:seek", "data": {{"currentTime": {value}}}}}'


JSON = {
    "nothing": "",
    "white": " \n ",
    "a list": "[1]",
    "a number": "5",
    "null": "null",
    "text": '"party:play"',
    "two objects": "{}{}",
    "a tail": '{"type": "party:pong"} x',
    "brackets": "[" * 16_384,
    "braces": '{"a":' * 3000,
    "nested data": '{"type": "party:chat", "data": {"message": ' + "[" * 8000 + "]" * 8000 + "}}",
    "NUL": '{"type": "party:\x00chat"}',
    "NaN": seek("NaN"),
    "Infinity": seek("Infinity"),
    "minus Infinity": seek("-Infinity"),
    "endless digits": seek("9" * 5000),
}
TYPES = {
    "none": "{}",
    "null": '{"type": null}',
    "a list": '{"type": ["party:play"]}',
    "unknown": said("party:fly"),
    "a surrogate": '{"type": "\\ud800"}',
    "long": said("x" * 16_000),
    "of the server": said("party:bye"),
    "with NUL": '{"type": "party:chat\\u0000"}',
    "twice, the last counts": '{"type": "party:play", "type": "party:fly"}',
}
FIELDS = {
    "data is a list": '{"type": "party:chat", "data": []}',
    "data is text": '{"type": "party:chat", "data": "x"}',
    "id is a number": '{"type": "party:chat", "id": 5, "data": {"message": "x"}}',
    "id is long": json.dumps({"type": "party:chat", "id": "x" * 65, "data": {"message": "x"}}),
    "id with NUL": '{"type": "party:chat", "id": "a\\u0000", "data": {"message": "x"}}',
    "id with a surrogate": '{"type": "party:chat", "id": "\\ud800", "data": {"message": "x"}}',
    "negative": seek("-1"),
    "negative a little": seek("-0.0000001"),
    "infinite": seek("1e999"),
    "minus infinite": seek("-1e999"),
    "beyond a week": seek("604801"),
    "huge": seek(HUGE),
    "huge, negative": seek("-" + HUGE),
    "true": seek("true"),
    "text": seek('"1"'),
    "an object": seek("{}"),
    "rate 0": said("party:rate", rate=0),
    "rate huge": f'{{"type": "party:rate", "data": {{"rate": {HUGE}}}}}',
    "rev negative": said("party:play", expectedRev=-1),
    "rev huge": f'{{"type": "party:play", "data": {{"expectedRev": {HUGE}}}}}',
    "rev a float": said("party:play", expectedRev=1.5),
    "time infinite": '{"type": "clock:ping", "data": {"t1": 1e999}}',
    "time huge": f'{{"type": "clock:ping", "data": {{"t1": {HUGE}}}}}',
    "time true": said("clock:ping", t1=True),
    "drift infinite": '{"type": "party:report", "data": {"driftMs": 1e999}}',
    "drift huge": f'{{"type": "party:report", "data": {{"driftMs": {HUGE}}}}}',
    "latency": said("party:ready", startLatencyMs="x"),
    "emoji": said("party:react", emoji="x" * 10_000),
    "emoji a list": said("party:react", emoji=["❤"]),
    "a message of nothing": said("party:chat", message="\u202e\u2066\u0000\u200b"),
    "a message of surrogates": '{"type": "party:chat", "data": {"message": "\\ud800\\udfff\\udfff"}}',
    "place huge": f'{{"type": "party:queue:move", "data": {{"itemId": "x", "place": {HUGE}}}}}',
    "mute huge": f'{{"type": "party:mute", "data": {{"memberId": "x", "seconds": {HUGE}}}}}',
    "an item of nothing": said("party:media", item={}),
    "an item of script": said("party:media", item={"url": "javascript:alert(1)"}),
    "an item of data": said("party:media", item={"url": "data:text/html,x"}),
    "an item with a name": said("party:media", item={"url": "https://a:b@c.example/"}),
    "an item half in brackets": said("party:media", item={"url": "https://[::1"}),
    "an item that turns": said("party:media", item={"url": "https://a.example/\u202egpj"}),
    "an item too long": said("party:media", item={"url": "https://a.example/" + "x" * 2000}),
    "an item for ever": f'{{"type": "party:media", "data": {{"item": {{"url": "https://a.b/", "duration": {HUGE}}}}}}}',
    "an item for NaN": '{"type": "party:media", "data": {"item": {"url": "https://a.b/", "duration": 1e999}}}',
    "uses": said("party:invite", uses=10_001),
    "seconds": said("party:invite", seconds=30 * 86400 + 1),
    "role": said("party:invite", role="nobody"),
    "page": said("party:roster", after="\x00"),
}
SETTINGS = {
    "unknown": {"admin": True},
    "a long name": {"x" * 8000: 1},
    "a surrogate": {"\ud800": 1},
    "a title": {"title": "x" * 81},
    "words": {"words": ["x"] * 101},
    "a word": {"words": ["x" * 41]},
    "quorum": {"quorum": 10**400},
    "slow": {"slowSeconds": -1},
    "members": {"mostMembers": 10**12},
    "waiting": {"waiting": ["auto"]},
    "a hash": {"passwordHash": "s1.x.y"},
    "a password": {"password": "x" * 129},
    "half a password": {"password": "\udc00"},
    "a number for a password": {"password": 5},
}


async def test_what_makes_no_sense_is_refused_and_changes_nothing(stand: Stand) -> None:
    ann, room = await stand.room(waiting="off")
    assert (await ann.ask("party:media", item=FILM))["type"] == "party:ok"
    here = stand.desk.rooms.here(room)
    assert here is not None
    before = here.replica.room
    tables = (
        (JSON, "bad_json"),
        (TYPES, "bad_type"),
        (FIELDS, "bad_field"),
        ({why: said("party:settings", settings=one) for why, one in SETTINGS.items()}, "bad_field"),
    )
    for table, code in tables:
        for why, text in table.items():
            stand.clock.leap(2.0)  # it is not about how often
            await ann.say(text)
            error = await ann.until(lambda one: one["type"] == "party:error")
            assert error["data"]["code"] == code, (why, error)
            assert len(json.dumps(error)) < 1000, why
    assert await ann.is_well()
    after = here.replica.room
    assert (after.vector, after.settings, after.queue, after.chat, after.players) == (
        before.vector, before.settings, before.queue, before.chat, before.players,
    )  # fmt: skip


NAMES = {
    "direction": ("\u202eevil\u2066\u200f", "evil"),
    "lines": ("a\nb\r\n\tc", "a b c"),
    "controls": ("a\x00\x07\x1b[31mb", "a[31mb"),
    "ten kilobytes": ("x" * 10_240, "x" * 32),
    "markup": ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    "invisible between": ("a\u200b\ufeff\u2060b", "ab"),
    "surrogates": ("a\ud83db", "ab"),
    "for oneself": ("\ue000\U000f0000a", "a"),
    "spaces": ("   a \u3000\u00a0  b ", "a b"),
}


async def test_names_are_one_line_of_at_most_32_characters_that_can_be_read(stand: Stand) -> None:
    ann, room = await stand.room()
    for number, (why, (name, shown)) in enumerate(NAMES.items()):
        guest = await stand.join(f"u{number}", room, userName=name)
        member = here_(stand, room, guest.self)
        assert member.name == shown, why
        await guest.socket.close()
    guest = await stand.join("zalgo", room, userName="Z" + "\u0315\u035c" * 1000 + "oe\u0301")
    name = here_(stand, room, guest.self).name
    marks = [unicodedata.category(letter) == "Mn" for letter in name]
    assert (name[0], name[-2:], sum(marks)) == ("Z", "oé", 4)
    await guest.ask("party:chat", message="h" + "\u0489\u034f" * 240)
    assert (
        sum(unicodedata.category(one)[0] == "M" for one in (await ann.heard("party:chat"))["data"]["message"])
        == 4
    )
    nobody = await stand.come("nobody")
    for empty in ("\u202e\u200b", "\x00", " ", "\u0301\u0301", "", 5, ["x"], {"a": 1}):
        assert await nobody.refused("party:join", roomId=room, userName=empty) == "bad_field"
        stand.clock.leap(6.0)


def here_(stand: Stand, room: str, member_id: str) -> Any:
    here = stand.desk.rooms.here(room)
    assert here is not None
    member = here.replica.roster.get(member_id)
    assert member is not None
    return member
