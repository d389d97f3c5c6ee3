"""What a process knows of one room, without I/O: the room by its log, and the people by theirs. `follow.py` brings them
entries, snapshots and the news that data are lost.

A view remembers the keys of the latest entries. By them a repeated command is known, and so is what a log that begins
anew lacks: whatever comes after the latest entry of ours that the new beginning knows.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from domain.ports import Clock
from gateways.topics.contracts import Entry, NewEntry, Position
from rooms import snapshot
from rooms.apply import UnknownEntry, apply
from rooms.entries import Draft
from rooms.fleet.clock import RoomTime
from rooms.people import Member, Role, Roster
from rooms.state import Room

KNOWN = 2000
"""As many keys as the log itself remembers."""

TOLD = 500
"""As many of them go into a snapshot."""

TAIL = 200
"""So many entries are kept, should the log lose them."""

Body = dict[str, Any]


class Listener(Protocol):
    """Who wants to know what happens in a room. Called in order, in the middle of the work: be quick, do not raise."""

    def counted(self, entry: Entry) -> None:
        """An entry of the room's log had its effect; `Room` holds it already. Void ones are not told."""
        ...

    def people(self, entry: Entry) -> None:
        """An entry of the membership."""
        ...

    def reset(self) -> None:
        """The room, or the roster, is another one than that before and the entries since: begin from it."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """Where an entry stands in the log, and whether it counted there."""

    position: Position
    is_void: bool


def keyed(draft: Draft) -> NewEntry:
    """The entry with its key inside, so that every replica learns it."""
    return replace(draft.entry, body={**draft.entry.body, "key": draft.key})


class RoomView:
    """The room at a place of its log. `room.epoch` is "" before anything is known."""

    def __init__(
        self, room_id: str, *, time: RoomTime, clock: Clock, tell: Callable[[], Sequence[Listener]]
    ) -> None:
        self.topic = f"room:{room_id}"
        self.room = Room(room_id)
        self._time, self._clock, self._tell = time, clock, tell
        self._known: OrderedDict[str, Answer] = OrderedDict()
        self._tail: deque[tuple[Entry, bool]] = deque(maxlen=TAIL)

    @property
    def position(self) -> Position:
        return Position(self.room.epoch, self.room.seq)

    @property
    def is_worth_keeping(self) -> bool:
        """Whether a log that was lost should begin from this."""
        return self.room.opened_at > 0

    def answer(self, key: str) -> Answer | None:
        """What became of the entry with this key, if it is remembered."""
        return self._known.get(key)

    def take(self, entries: Sequence[Entry]) -> None:
        """The next entries of the log; those that are known already are passed over. Raises `UnknownEntry`."""
        for one in entries:
            if one.position.epoch != self.room.epoch or one.position.seq <= self.room.seq:
                continue
            done = apply(self.room, one)
            self.room = done.room
            self._tail.append((one, done.is_void))
            self._remember(str(one.body.get("key", "")), Answer(one.position, done.is_void))
            if not done.is_void:
                for listener in self._tell():
                    listener.counted(one)

    def begin(self, position: Position) -> None:
        """A log that never had anything in it."""
        self.room = Room(self.room.id, epoch=position.epoch, seq=position.seq, kept=position.seq)

    def body(self) -> Body:
        """What a log, or another replica, begins from."""
        told = list(self._known.items())[-TOLD:]
        return {
            "room": snapshot.body_of(self.room, now=self._time.now(), wall_ms=self._clock.now()),
            "known": [[key, one.position.epoch, one.position.seq, one.is_void] for key, one in told],
        }

    def load(self, body: Mapping[str, Any], *, at: Position | None = None) -> None:
        """Begin from such a body, at its own place or as the beginning `at` of a new log. Raises `UnknownEntry`
        for one of a later release."""
        try:
            room = snapshot.room_of(body["room"])
        except ValueError as error:
            raise UnknownEntry("snapshot") from error
        if at is not None:
            room = replace(room, epoch=at.epoch, seq=at.seq, rev=0, kept=at.seq)
        self.room = room
        self._known.clear()  # what the new log lacks comes again, under its key
        for key, epoch, seq, is_void in body["known"]:
            self._remember(key, Answer(Position(epoch, seq), is_void))

    def lacking(self, body: Mapping[str, Any]) -> list[Entry]:
        """What we have and a log that begins from `body` does not: all that counted after the latest entry that both
        know. Nothing if there is none: such a log has gone on without us for long."""
        known = {key for key, *_ in body["known"]}
        after: list[Entry] = []
        for one, is_void in reversed(self._tail):
            if one.body.get("key") in known:
                return after[::-1]
            if not is_void:
                after.append(one)
        return []

    def _remember(self, key: str, answer: Answer) -> None:
        if key:
            self._known[key] = answer
            self._known.move_to_end(key)
            while len(self._known) > KNOWN:
                self._known.popitem(last=False)


class PeopleView:
    """The roster at a place of the membership's log."""

    def __init__(self, room_id: str, *, tell: Callable[[], Sequence[Listener]]) -> None:
        self.topic = f"room:{room_id}:people"
        self.roster = Roster()
        self.position = Position("", 0)
        self._tell = tell

    @property
    def is_worth_keeping(self) -> bool:
        return len(self.roster) > 0

    def take(self, entries: Sequence[Entry]) -> None:
        """The next entries; those that are known already are passed over."""
        for one in entries:
            if one.position.epoch != self.position.epoch or one.position.seq <= self.position.seq:
                continue
            self.roster.take(one.kind, one.body)
            self.position = one.position
            for listener in self._tell():
                listener.people(one)

    def begin(self, position: Position) -> None:
        self.roster, self.position = Roster(), position

    def body(self) -> Body:
        members = [
            [one.id, one.name, one.subject, int(one.role), one.since, one.process, one.away_since, one.is_vip]
            for one in self.roster
        ]
        return {"epoch": self.position.epoch, "seq": self.position.seq, "members": members}

    def load(self, body: Mapping[str, Any], *, at: Position | None = None) -> None:
        self.roster = Roster(
            Member(member, name, subject, Role(role), since, process, away, is_vip)
            for member, name, subject, role, since, process, away, is_vip in body["members"]
        )
        self.position = at or Position(body["epoch"], body["seq"])

    def lacking(self, body: Mapping[str, Any]) -> list[Entry]:
        """Nothing: each process knows who is with it, and says so again (`Table.mend`)."""
        return []
