"""Who is in a room: roles, members, and the roster that the membership topic adds up to.

Membership has a topic of its own, apart from the room's log: a thousand people who come at once never make a host's
command lose its guard. A **member** is one session in one room (a person with two tabs is two members); a lost socket
makes a member *away*, and only leaving, or being away for too long, ends the membership.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from domain.errors import Rejected
from gateways.topics.contracts import NewEntry

LONGEST_NAME = 32
MOST_MARKS = 4
MOST_SHOWN = 50
"""Above so many members viewers get counts, and the roster by page."""

GUEST, BY_TICKET = "guest:", "public"
"""Whose subject begins so has no login. BY_TICKET: in place of an invite, of who came into a public room."""

AWAY_SECONDS = 600
"""How long a member may be away before the membership ends."""

SEAT_SECONDS = 60
"""How long a seat is kept for somebody who is away. Whoever comes and drops again and again fills no room for longer;
who comes back later gets in all the same."""


class Role(IntEnum):
    """What somebody may do; each role may do what the ones below it may."""

    NOBODY = 0  # not, or no longer, in the room
    GUEST = 1  # came by an invite, without a login
    MEMBER = 2
    COHOST = 3
    HOST = 4


@dataclass(frozen=True, slots=True)
class Member:
    """`subject`: whose session it is (`twitch:123`; of a guest: see `guest_of`), which a ban names.
    `role` is the one of the credential: GUEST, MEMBER or COHOST; the host is named by the room. `since` and
    `away_since` in room time (µs), 0 for here. `process` holds the socket."""

    id: str
    name: str
    subject: str
    role: Role
    since: int
    process: str = ""
    away_since: int = 0
    is_vip: bool = False

    @property
    def is_here(self) -> bool:
        """Whether there is a socket."""
        return self.away_since == 0


def guest_of(source: str, own: str) -> str:
    """The subject of somebody without a login: `guest:<source>.<own>`. `source`: the nonce of the invite by which he
    came, or `BY_TICKET`; `own`: his alone, so that a mute of one is of nobody else. Neither has a point in it."""
    return f"{GUEST}{source}.{own}"


def source_of(subject: str) -> str:
    """By what a guest came; "" for who is none."""
    return subject.removeprefix(GUEST).partition(".")[0] if subject.startswith(GUEST) else ""


class Roster:
    """All members of a room by id, as far as the membership topic is known: `take` each of its entries in order.
    `present`: how many of them have a socket."""

    def __init__(self, members: Iterable[Member] = ()) -> None:
        self._members = {one.id: one for one in members}
        self.present = sum(one.is_here for one in self)

    def get(self, member_id: str) -> Member | None:
        """The member with this id, if there is one."""
        return self._members.get(member_id)

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Member]:
        return iter(self._members.values())

    @property
    def here(self) -> list[Member]:
        """Those with a socket, the longest-present first, ties by id."""
        return sorted((one for one in self if one.is_here), key=lambda one: (one.since, one.id))

    def seated(self, now: int) -> int:
        """How many seats are taken at `now` (µs of room time)."""
        kept = now - SEAT_SECONDS * 1_000_000
        return sum(one.is_here or one.away_since > kept for one in self)

    def take(self, kind: str, body: Mapping[str, Any]) -> None:
        """Count an entry in. One that changes nothing is fine; so is an unknown kind, which a later release wrote."""
        held = self._members.get(str(body.get("member", "")))
        was_here = held is not None and held.is_here
        if kind == "member.joined":
            self._members[body["member"]] = Member(
                id=body["member"],
                name=body["name"],
                subject=body["subject"],
                role=Role(body["role"]),
                since=body["since"],
                process=body["process"],
                is_vip=body["vip"],
            )
        elif kind == "member.left" and held is not None:
            del self._members[held.id]
        elif kind == "member.away" and held is not None and held.is_here:
            self._members[held.id] = replace(held, away_since=body["t"])
        elif kind == "member.back" and held is not None:
            self._members[held.id] = replace(held, away_since=0, process=body["process"])
        elif kind == "process.gone":
            for one in list(self):
                if one.process == body["process"] and one.is_here:
                    self._members[one.id] = replace(one, away_since=body["t"])
                    self.present -= 1
            return
        now = None if "member" not in body else self._members.get(body["member"])
        self.present += (now is not None and now.is_here) - was_here


def joined(member: Member) -> NewEntry:
    """Somebody has come."""
    body = {
        "member": member.id,
        "name": member.name,
        "subject": member.subject,
        "role": int(member.role),
        "since": member.since,
        "process": member.process,
        "vip": member.is_vip,
    }
    return NewEntry("member.joined", body)


def went_away(member_id: str, *, now: int) -> NewEntry:
    """The socket is lost, and was not resumed at once."""
    return NewEntry("member.away", {"member": member_id, "t": now})


def came_back(member_id: str, *, process: str) -> NewEntry:
    """A member who was told to be away has a socket again, perhaps at another process."""
    return NewEntry("member.back", {"member": member_id, "process": process})


def left(member_id: str) -> NewEntry:
    """The membership has ended."""
    return NewEntry("member.left", {"member": member_id})


def process_gone(process: str, *, now: int) -> NewEntry:
    """A process died: all whose sockets it held are away. Any survivor may say so, as often as it likes."""
    return NewEntry("process.gone", {"process": process, "t": now})


def clean_name(text: object) -> str:
    """A display name as it is shown: one line, without control and direction characters, at most 32 characters.

    Raises `Rejected` (`party.bad_field`) when nothing is left.
    """
    if not isinstance(text, str):
        raise Rejected("A name has to be text.", code="party.bad_field", advice="Send userName as text.")
    name = " ".join(clean_text(text).split())[:LONGEST_NAME].strip()
    if not any(unicodedata.category(letter)[0] in "LNSP" for letter in name):
        raise Rejected(
            "The name is empty.", code="party.bad_field", advice="Send a userName that can be read."
        )
    return name


def clean_text(text: str) -> str:
    """Text without characters that have no face of their own: controls (line breaks become spaces), lone surrogates,
    and the format characters that turn the direction of what follows (Unicode TR 36). Emoji keep their joiners, and
    letters no more marks than any script has, so that nothing towers over the lines around it."""
    kept: list[str] = []
    marks = 0
    for letter in unicodedata.normalize("NFC", text.encode("utf-8", "ignore").decode("utf-8")):
        category = unicodedata.category(letter)
        marks = marks + 1 if category in ("Mn", "Me") else marks if category == "Cf" else 0
        if marks > MOST_MARKS:
            continue
        if letter in "\n\r\t":
            kept.append(" ")
        elif category in ("Cc", "Cs", "Co", "Cn") or (category == "Cf" and letter not in "\u200d\u200c"):
            continue
        else:
            kept.append(letter)
    return "".join(kept)
