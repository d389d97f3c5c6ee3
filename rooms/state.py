"""What a room is at one place of its log. Every process that serves the room holds such a replica, and the same entries
make the same replica everywhere (`apply.py`), or from a snapshot (`snapshot.py`).

Times are microseconds of room time. Ids of members are theirs in the roster (`people.py`), whose topic has no order
relative to this log: so nothing here depends on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rooms.chat import Line
from rooms.people import Member, Role
from rooms.playback import Vector
from rooms.queue import Item
from rooms.settings import Settings

FOREVER = 2**62
"""An instant that never comes: of a mute or a ban without an end."""


@dataclass(frozen=True, slots=True)
class Player:
    """How one viewer's player does, kept in rooms that wait for players. `stalls`: when it asked to wait lately.
    `is_late`: the room went on without it, and waits no more until it is ready. `is_ignored`: it asked too often."""

    is_ready: bool = False
    is_late: bool = False
    is_ignored: bool = False
    stalls: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Barrier:
    """The room waits: for `reason` (load, seek, rebuffer), until `until` at the latest; then it plays if `resumes`."""

    id: str
    reason: str
    until: int
    resumes: bool


@dataclass(frozen=True, slots=True)
class Room:
    """`seq` and `rev` are those of the log at this place, `kept` the place of the last entry that viewers have to hear
    of (`entries.KEPT`). `roles` names only members whose role differs from that of their credential. `removed` are
    members who were sent out; `banned` and `muted` subjects, each with its end. `spoke`: the last message of each
    member within the slow mode. `skips`: who wants the next item."""

    id: str
    epoch: str = ""
    seq: int = 0
    rev: int = 0
    kept: int = 0
    opened_at: int = 0
    closed_at: int = 0
    settings: Settings = field(default_factory=Settings)
    vector: Vector = field(default_factory=Vector)
    item: Item | None = None
    queue: tuple[Item, ...] = ()
    skips: frozenset[str] = frozenset()
    host: str = ""
    host_epoch: int = 0
    host_at: int = 0
    host_subject: str = ""
    former_subject: str = ""
    former_until: int = 0
    roles: Mapping[str, Role] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    banned: Mapping[str, int] = field(default_factory=dict)
    muted: Mapping[str, int] = field(default_factory=dict)
    chat: tuple[Line, ...] = ()
    spoke: Mapping[str, int] = field(default_factory=dict)
    players: Mapping[str, Player] = field(default_factory=dict)
    barrier: Barrier | None = None

    def role(self, member_id: str, credential: Role) -> Role:
        """What somebody may do here, whose credential says `credential`."""
        if member_id in self.removed or not member_id:
            return Role.NOBODY
        if member_id == self.host:
            return Role.HOST
        return self.roles.get(member_id, min(credential, Role.COHOST))

    def role_of(self, member: Member | None) -> Role:
        """What a member of the roster may do here; NOBODY for one who is not in it."""
        return Role.NOBODY if member is None else self.role(member.id, member.role)

    def is_muted(self, subject: str, now: int) -> bool:
        """Whether somebody may not speak now."""
        return now < self.muted.get(subject, 0)

    def is_banned(self, subject: str, now: int) -> bool:
        """Whether somebody may not come in now."""
        return now < self.banned.get(subject, 0)

    def is_out(self, subject: str, now: int) -> bool:
        """Whether somebody who is inside has nothing to say any more: a ban is of all his tabs."""
        return self.is_banned(subject, now)

    def line(self, line_id: str) -> Line | None:
        """A message that the history still holds."""
        return next((one for one in self.chat if one.id == line_id), None)

    def queued(self, item_id: str) -> Item | None:
        """An item of the queue."""
        return next((one for one in self.queue if one.id == item_id), None)
