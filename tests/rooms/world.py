"""A small world without I/O: one log and one membership topic per room, and replicas that follow them, each at its own
pace. `tell` decides on a replica and lets the log arbitrate, as the shells do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.errors import CuelightError
from gateways.topics.contracts import Entry, GuardFailed, NewEntry, Position
from rooms import people
from rooms.apply import Applied, apply
from rooms.commands import read
from rooms.due import due
from rooms.entries import Draft, entry
from rooms.moment import Moment
from rooms.people import Member, Role, Roster
from rooms.settings import Settings, changed, to_wire
from rooms.state import Room
from rooms.step import step

EPOCH = "e1"
SECOND = 1_000_000


@dataclass
class Log:
    """A topic in memory: sequence, guard on `rev`, keys."""

    entries: list[Entry] = field(default_factory=list)
    keys: dict[str, Position] = field(default_factory=dict)
    rev: int = 0

    def append(self, new: NewEntry, *, guard: int | None = None, key: str | None = None) -> Position:
        if key is not None and key in self.keys:
            return self.keys[key]
        if guard is not None and guard != self.rev:
            raise GuardFailed("somebody else was first")
        position = Position(EPOCH, len(self.entries) + 1)
        self.entries.append(Entry(position, 0, new.kind, new.body, new.state, new.version))
        self.rev += new.state
        if key is not None:
            self.keys[key] = position
        return position


class Replica:
    """A process's view of one room."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.room = Room("r", epoch=EPOCH)
        self.roster = Roster()
        self.seen_people = 0
        self.applied: list[Applied] = []

    def catch_up(self, most: int | None = None) -> None:
        """Apply what the log holds, perhaps only so many entries of it."""
        for one in self.world.people[self.seen_people :]:
            self.roster.take(one.kind, one.body)
        self.seen_people = len(self.world.people)
        for one in self.world.log.entries[self.room.seq :][:most]:
            done = apply(self.room, one)
            self.applied.append(done)
            self.room = done.room

    @property
    def moment(self) -> Moment:
        return Moment(self.room, self.roster, self.world.now)

    def tell(self, member: Member, type: str, *, id: str = "", **data: Any) -> Sequence[Entry]:
        """Decide a command here and write it; who loses the race decides again. Returns what was written."""
        before = len(self.world.log.entries)
        name = id or self.world.new_id()
        for _ in range(20):
            try:
                for draft in step(self.moment, member, read(type, data, id=name)):
                    self.write(draft)
                return self.world.log.entries[before:]
            except GuardFailed:
                self.catch_up()
        raise AssertionError("a command lost twenty races")

    def refused(self, member: Member, type: str, **data: Any) -> str:
        """The code with which a command is refused, "" when it is not."""
        before = len(self.world.log.entries)
        try:
            self.tell(member, type, **data)
        except CuelightError as error:
            assert len(self.world.log.entries) == before, "a refused command wrote something"
            return error.code
        return ""

    def write(self, draft: Draft) -> None:
        self.world.log.append(draft.entry, guard=self.room.rev if draft.is_guarded else None, key=draft.key)
        self.catch_up()

    def look(self) -> int:
        """Do what is due, until nothing is. Returns how many entries that were."""
        count = 0
        for _ in range(50):
            self.catch_up()
            drafts = due(self.moment)
            if not drafts:
                return count
            try:
                self.write(drafts[0])
                count += 1
            except GuardFailed:
                continue
        raise AssertionError("a room is never done")


class World:
    """One room, opened by `ann`, as many replicas as asked for, and a clock in µs."""

    def __init__(self, *names: str, settings: Settings | None = None, **wanted: Any) -> None:
        self.now = 1_000 * SECOND
        self.log = Log()
        self.people: list[NewEntry] = []
        self._ids = 0
        self.replicas = [Replica(self, name) for name in names or ("p1",)]
        self.ann = self.join("ann")
        opened = {"settings": to_wire(changed(settings or Settings(), wanted))}
        self.log.append(entry("room.opened", opened, by=self.ann, now=self.now), guard=0)
        self.settle()

    @property
    def one(self) -> Replica:
        return self.replicas[0]

    @property
    def room(self) -> Room:
        return self.one.room

    def new_id(self) -> str:
        self._ids += 1
        return f"c{self._ids}"

    def join(self, name: str, role: Role = Role.MEMBER, *, process: str = "p1", **more: Any) -> Member:
        member = Member(
            id=name,
            name=name.title(),
            role=role,
            since=self.now,
            process=process,
            **{"subject": f"twitch:{name}", **more},
        )
        self.people.append(people.joined(member))
        self.now += 1
        self.settle(look=False)
        return member

    def away(self, member: Member) -> None:
        self.people.append(people.went_away(member.id, now=self.now))
        self.settle(look=False)

    def back(self, member: Member, process: str = "p1") -> None:
        self.people.append(people.came_back(member.id, process=process))
        self.settle(look=False)

    def leave(self, member: Member) -> None:
        self.people.append(people.left(member.id))
        self.settle(look=False)
        if member.id in self.room.players:
            self.log.append(entry("player.gone", {"member": member.id}, by=None, now=self.now))

    def pass_seconds(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)
        self.settle()

    def settle(self, *, look: bool = True) -> None:
        for replica in self.replicas:
            replica.catch_up()
        if look:
            for replica in self.replicas:
                replica.look()
            for replica in self.replicas:
                replica.catch_up()

    def film(self, seconds: float = 600.0) -> None:
        """Something is loaded, and stands at its beginning."""
        self.one.tell(
            self.ann, "party:media", item={"url": "https://films.example/a.mp4", "duration": seconds}
        )
        self.settle()

    def position(self) -> float:
        return self.room.vector.at(self.now)
