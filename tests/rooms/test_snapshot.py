"""A room as JSON, and back."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from rooms import snapshot
from rooms.chat import Line
from rooms.people import Role
from rooms.playback import Vector
from rooms.queue import Item
from rooms.settings import Settings, Waiting
from rooms.state import FOREVER, Barrier, Player, Room

FULL = Room(
    "room-1",
    epoch="e7",
    seq=40,
    rev=9,
    kept=38,
    opened_at=5,
    closed_at=6,
    settings=Settings(title="Film night", waiting=Waiting.ALL, words=("x",)),
    vector=Vector("i1", 12.5, 1.5, True, 99, 600.0),
    item=Item("i1", "hls", "u", "T", 600.0, "ann"),
    queue=(Item("i2", "video", "https://a.example/x", votes=frozenset({"ann"})),),
    skips=frozenset({"bea"}),
    host="ann",
    host_epoch=3,
    host_at=7,
    host_subject="twitch:1",
    former_subject="twitch:2",
    former_until=8,
    roles={"bea": Role.COHOST},
    removed=("zoe",),
    banned={"twitch:9": FOREVER, "twitch:8": 12},
    muted={"twitch:7": 13},
    chat=(Line("e7-1", "ann", "Ann", "hi", 3, False, 2),),
    spoke={"ann": 3},
    players={"ann": Player(True, False, True, (1, 2))},
    barrier=Barrier("b1", "seek", 14, True),
)


@pytest.mark.parametrize("room", [Room("r"), FULL])
def test_there_and_back(room: Room) -> None:
    body = json.loads(json.dumps(snapshot.body_of(room, now=1, wall_ms=2)))
    assert snapshot.room_of(body) == room


def test_no_field_was_forgotten() -> None:
    """Each field of the full room differs from its default, so that the test above would notice."""
    empty = Room("")
    assert all(getattr(FULL, one.name) != getattr(empty, one.name) for one in fields(Room))


def test_a_snapshot_of_a_later_release_is_refused() -> None:
    body = snapshot.body_of(FULL, now=1, wall_ms=2) | {"v": snapshot.VERSION + 1}
    with pytest.raises(ValueError, match="later release"):
        snapshot.room_of(body)


def test_on_another_clock_it_is_the_same_room() -> None:
    later = snapshot.moved(FULL, by=1000)
    assert later.vector.at(5_000_000 + 1000) == FULL.vector.at(5_000_000)
    assert later.banned == {"twitch:9": FOREVER, "twitch:8": 1012}
    assert snapshot.moved(later, by=-1000) == FULL
