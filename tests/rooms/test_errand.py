from __future__ import annotations

from dataclasses import replace

import pytest

from gateways.topics.contracts import Entry, Position
from rooms import errand, queue
from rooms.apply import apply
from rooms.entries import Draft, item_body, item_of
from rooms.queue import Item
from rooms.settings import Settings
from rooms.state import FOREVER, Room

FILM = "https://films.example/a.mp4"
ITEM = Item(id="tw-1", kind="video", url=FILM, by_name="Ann")
OPEN = Room("r", epoch="e", seq=1, opened_at=1)


def after(room: Room, draft: Draft) -> tuple[Room, bool]:
    """The room after a draft came next in its log, and whether it counted."""
    new = draft.entry
    at = Position(room.epoch, room.seq + 1)
    done = apply(room, Entry(at, 0, new.kind, new.body, new.state, new.version))
    return done.room, not done.is_void


@pytest.mark.parametrize(
    ("text", "kind", "url"),
    [
        (FILM, "video", FILM),
        (f"please play ({FILM}), thanks", "video", FILM),
        ("HTTPS://films.example/live.M3U8?x=1", "hls", "HTTPS://films.example/live.M3U8?x=1"),
        (
            "https://www.youtube.com/watch?v=aqz-KE-bpKQ",
            "youtube",
            "https://www.youtube.com/watch?v=aqz-KE-bpKQ",
        ),
        ("https://youtu.be/aqz-KE-bpKQ.", "youtube", "https://youtu.be/aqz-KE-bpKQ"),
        ("http://youtube.com.evil.example/x", "video", "http://youtube.com.evil.example/x"),
    ],
)
def test_the_first_address_of_a_text_is_what_is_wanted(text: str, kind: str, url: str) -> None:
    assert errand.wanted(text) == {"kind": kind, "url": url}


@pytest.mark.parametrize(
    "text",
    ["", "the one with the cat", "ftp://films.example/a", "javascript:alert(1)", "http://[", "https://"],
)
def test_a_text_without_an_address_wants_nothing(text: str) -> None:
    assert errand.wanted(text) is None


@pytest.mark.parametrize(
    ("room", "is_vip", "why"),
    [
        (OPEN, False, ""),
        (Room("r"), False, "closed"),
        (replace(OPEN, closed_at=5), True, "closed"),
        (replace(OPEN, banned={"twitch:1": FOREVER}), True, "banned"),
        (replace(OPEN, banned={"twitch:1": 9}), False, ""),
        (replace(OPEN, muted={"twitch:1": 11}), True, "muted"),
        (replace(OPEN, settings=Settings(vip_only=True)), False, "vip_only"),
        (replace(OPEN, settings=Settings(vip_only=True)), True, ""),
        (replace(OPEN, queue=(ITEM,) * queue.MOST_ITEMS), True, "full"),
    ],
)
def test_why_nothing_can_be_added(room: Room, is_vip: bool, why: str) -> None:
    assert errand.refusal(room, "twitch:1", is_vip=is_vip, now=10) == why
    draft = errand.added(ITEM, subject="twitch:1", is_vip=is_vip, now=10, key="k")
    room, counted = after(room, draft)
    assert counted is (why == ""), "judged again at its place in the log"
    assert (ITEM in room.queue) is (counted or why == "full")


def test_a_room_is_opened_without_a_host_for_its_owner() -> None:
    settings = Settings(title="Friday", is_public=True)
    empty = Room("r", epoch="e")
    room, counted = after(empty, errand.opened(settings, owner="twitch:9", now=7, key="k"))
    assert counted
    assert (room.opened_at, room.host, room.host_subject, room.settings) == (7, "", "twitch:9", settings)
    assert not after(room, errand.opened(settings, owner="twitch:9", now=8, key="k2"))[1]


def test_the_room_itself_changes_settings_takes_back_and_closes() -> None:
    room = replace(OPEN, queue=(ITEM,))
    room, _ = after(room, errand.settled({"vipOnly": True}, now=2, key="a"))
    assert room.settings.vip_only
    room, _ = after(room, errand.taken_back(ITEM.id, now=3, key="b"))
    assert room.queue == ()
    room, _ = after(room, errand.closed(now=4, key="c"))
    assert room.closed_at == 4


def test_who_added_without_being_there_is_known_by_name() -> None:
    assert item_of(item_body(ITEM)) == ITEM
    assert item_body(ITEM)["name"] == "Ann"
    assert "name" not in item_body(replace(ITEM, by_name=""))
