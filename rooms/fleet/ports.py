"""What the rooms of a process need from outside: who somebody is and may come in (`Doors`), and what outlives a restart
(`Keep`). `handlers/party/` has both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from rooms.fleet.views import RoomView
from rooms.people import Role
from rooms.settings import Settings
from rooms.state import Room


@dataclass(frozen=True, slots=True)
class Person:
    """Who is at the other end of a socket. `subject` as in `Member`; `name` is shown where no other is chosen; `role`
    is the most that the credential gives: GUEST or MEMBER. `channels`: those whose owner or moderator this is. A guest
    came by an `invite`, which is good for one room, and is handed to `may_join` once more."""

    subject: str
    name: str
    role: Role = Role.MEMBER
    is_vip: bool = False
    channels: frozenset[str] = frozenset()
    invite: str = ""


@dataclass(frozen=True, slots=True)
class Admission:
    """Let in, with this role at most (GUEST, MEMBER or COHOST)."""

    role: Role
    is_vip: bool = False


class Doors(Protocol):
    """Who may come in. Refusals are `Denied`, `NotFound`, `Conflict` with codes of `docs/protocol.md` behind `party.`;
    each method may raise `Unavailable` too. Nothing is said about why a credential is not good."""

    async def identify(
        self, *, token: str = "", ticket: str = "", invite: str = "", room_id: str = ""
    ) -> Person:
        """Whose credential this is; one of the three is given, and `room_id` beside an invite. A ticket is used up.
        Raises `Denied`: `party.unauthorized`, `party.invite_invalid`, `party.invite_expired`, `party.invite_used`."""
        ...

    async def may_create(self, person: Person, *, settings: Settings, channel: str) -> None:
        """Raises `Denied` (`party.forbidden`) for who may not open a room, or not for this channel ("" for none)."""
        ...

    async def opened(self, room: Room, person: Person, channel: str) -> None:
        """A room is open: it can be found from now on, here and by every process."""
        ...

    async def may_join(
        self, person: Person, room: Room, *, password: str, invite: str, address: str, members: int
    ) -> Admission:
        """Let somebody into a room that has `members` now, or refuse: `party.banned`, `party.room_closed`,
        `party.room_full`, `party.vip_only`, `party.bad_password`, `party.invite_…`. An invite is counted. How often
        somebody may try is not judged here."""
        ...

    async def invite(self, room: Room, *, role: Role, uses: int, seconds: int, by: str) -> tuple[str, int]:
        """An invite and its end (UTC seconds). `by`: the subject who gives it out."""
        ...

    async def hash_password(self, password: str) -> str:
        """What is kept of a password."""
        ...

    async def find(self, room_id: str) -> bool:
        """Whether there is such a room, and it is open."""
        ...


class Keep(Protocol):
    """What rooms outlive a restart with."""

    async def load(self, room_id: str) -> Mapping[str, Any] | None:
        """What was kept of a room last: the shape of `RoomView.body()`, with the times of the clock of that run."""
        ...

    async def kept(self, view: RoomView) -> None:
        """Keep what the view holds. Alone it returns when that is durable; in a fleet at once, and it is kept within a
        few seconds. Raises `Unavailable`: then the answer must not be given."""
        ...
