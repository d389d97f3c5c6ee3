"""Entries as JSON, and which of them a guard protects."""

from __future__ import annotations

import json

from rooms.apply import _KINDS
from rooms.entries import STATE, Draft, entry, item_body, item_of, vector_body, vector_of
from rooms.people import Member, Role
from rooms.playback import Vector
from rooms.queue import Item

ANN = Member("ann", "Ann", "twitch:1", Role.COHOST, since=1)


def test_an_entry_says_who_when_and_by_which_credential() -> None:
    said = entry("chat.said", {"text": "hi"}, by=ANN, now=7)
    assert said.body == {"by": "ann", "who": "twitch:1", "as": 3, "t": 7, "text": "hi"}
    assert not Draft(said, "k").is_guarded
    assert entry("film.changed", {}, by=None, now=7).body == {"by": "", "who": "", "as": 0, "t": 7}


def test_what_two_people_could_decide_against_each_other_is_guarded() -> None:
    assert set(_KINDS) >= STATE
    assert all(entry(kind, {}, by=ANN, now=1).state for kind in STATE)


def test_vectors_and_items_come_back_as_they_were() -> None:
    for vector in (Vector(), Vector("film", 12.5, 1.25, True, 99, 3600.0)):
        assert vector_of(json.loads(json.dumps(vector_body(vector)))) == vector
    for item in (
        Item("i", "video", "https://a.example/x"),
        Item("i", "hls", "u", "T", 9.5, "ann", frozenset({"b", "a"})),
    ):
        assert item_of(json.loads(json.dumps(item_body(item)))) == item
