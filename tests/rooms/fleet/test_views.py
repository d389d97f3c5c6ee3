"""What a replica knows, without I/O: entries and snapshots go in; what it remembers comes out."""

from __future__ import annotations

import json

import pytest

from gateways.topics.contracts import Entry, Position
from rooms.apply import UnknownEntry
from rooms.entries import entry
from rooms.fleet.clock import OwnTime
from rooms.fleet.views import TAIL, Listener, PeopleView, RoomView
from rooms.people import Member, Role, joined
from rooms.settings import Settings, to_wire
from tests.support.clock import ManualClock

ANN = Member("ann", "Ann", "twitch:ann", Role.MEMBER, since=5, process="p1")


class Ear:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def counted(self, entry: Entry) -> None:
        self.heard.append(entry.kind)

    def people(self, entry: Entry) -> None:
        self.heard.append(entry.kind)

    def reset(self) -> None:
        self.heard.append("reset")


def room_view(*listeners: Listener) -> RoomView:
    clock = ManualClock()
    view = RoomView("r", time=OwnTime(clock=clock, name="k"), clock=clock, tell=lambda: listeners)
    view.begin(Position("e1", 0))
    return view


def said(seq: int, text: str = "hi", *, epoch: str = "e1", by: Member = ANN) -> Entry:
    new = entry("chat.said", {"name": by.name, "text": text, "key": f"ann:c{seq}"}, by=by, now=seq)
    return Entry(Position(epoch, seq), 0, new.kind, new.body, new.state, new.version)


def opened(seq: int = 1) -> Entry:
    new = entry("room.opened", {"settings": to_wire(Settings()), "key": "open:ann"}, by=ANN, now=1)
    return Entry(Position("e1", seq), 0, new.kind, new.body, new.state, new.version)


def test_entries_are_taken_once_however_often_they_come() -> None:
    ear = Ear()
    view = room_view(ear)
    view.take([opened(), said(2)])
    view.take([said(2), said(3), said(1, epoch="e0")])
    assert view.position == Position("e1", 3)
    assert ear.heard == ["room.opened", "chat.said", "chat.said"]


def test_a_key_says_what_became_of_its_entry() -> None:
    ear = Ear()
    view = room_view(ear)
    guest = Member("x", "X", "guest:1", Role.NOBODY, since=1)
    view.take([opened(), said(2), said(3, by=guest)])
    assert ear.heard == ["room.opened", "chat.said"]
    known = view.answer("ann:c2")
    assert known is not None
    assert (known.position, known.is_void) == (Position("e1", 2), False)
    void = view.answer("ann:c3")
    assert void is not None
    assert void.is_void
    assert view.answer("ann:c4") is None


def test_a_body_is_the_whole_view() -> None:
    view = room_view()
    view.take([opened(), said(2)])
    body = json.loads(json.dumps(view.body()))
    other = room_view()
    other.load(body)
    assert other.room == view.room
    assert other.answer("ann:c2") == view.answer("ann:c2")
    other.take([said(3)])
    assert other.position == Position("e1", 3)


def test_as_the_beginning_of_a_new_log_it_counts_anew() -> None:
    view, other = room_view(), room_view()
    view.take([opened(), said(2)])
    other.take([opened(), said(2), said(3)])
    other.load(view.body(), at=Position("e2", 0))
    assert (other.room.epoch, other.room.seq, other.room.rev) == ("e2", 0, 0)
    assert [line.text for line in other.room.chat] == ["hi"]
    assert other.answer("ann:c2") is not None
    assert other.answer("ann:c3") is None, "the new log does not have it"


def test_a_snapshot_of_a_later_release_is_not_understood() -> None:
    view = room_view()
    body = view.body()
    body["room"]["v"] = 99
    with pytest.raises(UnknownEntry):
        view.load(body)


def test_what_a_new_log_lacks_is_what_comes_after_the_last_that_both_know() -> None:
    less, more = room_view(), room_view()
    guest = Member("x", "X", "guest:1", Role.NOBODY, since=1)
    less.take([opened(), said(2)])
    more.take([opened(), said(2), said(3), said(4, by=guest), said(5)])
    lacking = more.lacking(less.body())
    assert [one.position.seq for one in lacking] == [3, 5], "what was void is not missed"
    assert less.lacking(more.body()) == []


def test_a_log_that_went_on_for_long_lacks_nothing_of_ours() -> None:
    old, new = room_view(), room_view()
    old.take([opened(), said(2)])
    new.take([opened(), *(said(seq) for seq in range(2, 1000))])
    body = new.body()
    assert old.lacking(body) == []
    stranger = room_view()
    stranger.take([said(seq) for seq in range(1, TAIL * 2)])
    assert stranger.lacking({"known": []}) == []


def test_the_roster_is_kept_with_all_it_says() -> None:
    ear = Ear()
    view = PeopleView("r", tell=lambda: [ear])
    assert not view.is_worth_keeping
    view.begin(Position("e1", 0))
    new = joined(ANN)
    one = Entry(Position("e1", 1), 0, new.kind, new.body, new.state, new.version)
    view.take([one, one])
    assert ear.heard == ["member.joined"]
    body = json.loads(json.dumps(view.body()))
    other = PeopleView("r", tell=list)
    other.load(body)
    assert (list(other.roster), other.position) == ([ANN], Position("e1", 1))
    other.load(body, at=Position("e2", 0))
    assert other.position == Position("e2", 0)
    assert other.lacking(body) == []
