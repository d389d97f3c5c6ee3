"""What there is to know about one connection, and how it is answered. What is said and done in it: `greeting.py`,
`requests.py`; who reads and decides which: `connection.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from domain.errors import Broken, CuelightError, Denied
from domain.ports import Clock, Metrics, Tasks
from gateways.leases.contracts import Leases
from rooms.delivery import messages
from rooms.delivery.budget import Budget
from rooms.delivery.line import Line
from rooms.delivery.outbox import Kind
from rooms.delivery.viewer import Viewer
from rooms.fleet.ports import Doors, Keep, Person
from rooms.people import Member, Role
from rooms.talk.lanes import Lanes
from rooms.talk.limits import Allowances, Gates
from rooms.talk.resume import Membership, ResumeKeys
from rooms.talk.rooms_here import RoomHere, RoomsHere

BYE_SLOW, BYE_REPLACED = 4008, 4509
MOST_UNSENT = 64 * 1024
"""Bytes that who is in no room may leave unread."""

REMEMBERED = 32
"""Answers that no log remembers, by type and the client's id."""

log = structlog.get_logger("rooms")

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What all connections of a process share. `invite_url`: the address of a page for a room id and an invite."""

    rooms: RoomsHere
    doors: Doors
    keep: Keep
    leases: Leases
    keys: ResumeKeys
    gates: Gates
    budget: Budget
    clock: Clock
    tasks: Tasks
    metrics: Metrics
    invite_url: Callable[[str, str], str]

    def utc(self) -> int:
        """UTC seconds."""
        return self.clock.now() // 1000


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a client. `id` is "" for one without."""

    type: str
    data: Data
    id: str


@dataclass(slots=True)
class Inside:
    """In a room. `is_settled`: whether the client has shown that it has its welcome, where that is asked."""

    here: RoomHere
    member: Member
    membership: Membership
    viewer: Viewer
    is_settled: bool = True


@dataclass(slots=True, eq=False, kw_only=True)
class Conversation:
    """`address`: of the client, as it is counted. `is_counted`: whether its joins are, by address. `person`: known once
    a credential was good. `ends_at`, `opened_at`: monotonic seconds."""

    line: Line
    address: str
    desk: Desk
    opened_at: float
    ends_at: float
    person: Person | None = None
    is_counted: bool = True
    inside: Inside | None = None
    is_over: bool = False  # closed by us, or lost
    allowances: Allowances = field(default_factory=Allowances)
    lanes: Lanes = field(init=False)
    ids: int = 0
    told_often_at: float = float("-inf")  # that there are too many messages
    answered: dict[tuple[str, str], Data | None] | None = None

    def __post_init__(self) -> None:
        self.lanes = Lanes(self.desk.tasks)

    # who and where

    def known(self) -> Person:
        """Who is there. Raises `Denied` (`party.unauthorized`)."""
        if self.person is None:
            raise Denied(
                "Say who you are first.",
                code="party.unauthorized",
                advice="Send party:hello with a credential.",
            )
        return self.person

    def joined(self) -> Inside:
        """The room. Raises `Denied`: `party.not_joined`, `party.unauthorized`."""
        if self.inside is None:
            self.known()
            raise Denied(
                "You are in no room.",
                code="party.not_joined",
                advice="Send party:join or party:create first.",
            )
        return self.inside

    @property
    def is_host(self) -> bool:
        """Whether this is the host of the room as it stands."""
        held = self.inside
        return held is not None and held.here.replica.room.role_of(held.member) is Role.HOST

    # answering

    def send(self, frame: bytes, kind: Kind = Kind.KEEP) -> None:
        """Tell this viewer alone; in order with what the room tells."""
        if self.is_over:
            return
        if self.inside is not None:
            self.inside.viewer.send(frame, kind)
        elif self.line.unsent > MOST_UNSENT:  # outside of rooms nothing else bounds it
            self.end(BYE_SLOW, "slow", 1000)
        else:
            self.line.write(frame)

    def answer(self, said: Said, data: Data, *, type: str = "") -> None:
        """Answer a message."""
        self.send(messages.reply(type or said.type, said.id, dict(data), is_host=self.is_host))

    def remember(self, type: str, id: str, data: Data | None) -> None:
        """That a message with this id was answered, with these data (None: with the welcome)."""
        if not id:
            return
        if self.answered is None:
            self.answered = {}
        self.answered[type, id] = data
        while len(self.answered) > REMEMBERED:
            del self.answered[next(iter(self.answered))]

    def refuse(self, error: CuelightError, id: str) -> None:
        """Say that and why something was not done."""
        code = error.code.removeprefix("party.")
        self.desk.metrics.count("party_errors_total", code=code if code in messages.CODES else "other")
        held = self.inside
        room = None if held is None else held.here.replica.room
        self.send(messages.error(error, re=id, is_host=self.is_host, room=room))

    def broke(self, error: Exception, said: str, id: str) -> None:
        """A fault of ours: logged once, and the connection goes on."""
        self.desk.metrics.count("errors_total", where="party")
        log.error("party.failed", message_type=said[:40], exc_info=error)
        self.refuse(Broken("Something went wrong on our side.", code="party.internal"), id)

    def replaced(self) -> None:
        """See `rooms_here.Seat`."""
        self.end(BYE_REPLACED, "replaced")

    def end(self, code: int, reason: str, retry_ms: int = 0) -> None:
        """Say `party:bye` and close."""
        if self.is_over:
            return
        held = self.inside
        if held is not None and not held.viewer.is_closed:
            held.viewer.close(code, reason, retry_ms)
        elif held is None:
            self.line.write(messages.bye(code, reason, retry_ms))
            self.line.close(code, reason)
        self.is_over = True
