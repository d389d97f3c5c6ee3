"""Who is the host. Exactly one while anybody is in the room, named by an entry with a fencing epoch: what a former
host sent late is judged by his role at its place in the log, and changes nothing.

The film never depends on the host's player, so nobody has to hurry: a lost socket is waited for, an explicit leave is
not.
"""

from __future__ import annotations

from domain.errors import Denied
from rooms.people import Member, Role, Roster
from rooms.state import Room

RETURN_US = 120_000_000
"""Within this time a former host may get the room back, where the settings say so."""


def successor(room: Room, roster: Roster, *, but: str = "") -> str:
    """Who would be host: co-hosts first, then members, then guests; among equals the longest-present; "" for nobody.
    Only those with a socket count, of the role that `settings.hosting` asks for, and `but` not."""
    candidates = [
        one
        for one in roster.here
        if one.id not in (room.host, but) and room.role_of(one) >= room.settings.hosting
    ]
    if not candidates:
        return ""
    return min(candidates, key=lambda one: (-room.role_of(one), one.since, one.id)).id


def vacant_at(room: Room, roster: Roster) -> int | None:
    """When the room may have another host: None while its host is here. A host whom the roster does not know was just
    named, by a log that ran ahead of it, or is gone for good: either way the grace is counted from the naming."""
    grace = room.settings.grace_seconds * 1_000_000
    if not room.host:
        return 0
    host = roster.get(room.host)
    if host is None:
        return room.host_at + grace
    return None if host.is_here else host.away_since + grace


def returning(room: Room, roster: Roster, now: int) -> str:
    """The former host who came back in time and gets the room again, or ""."""
    if not room.settings.host_returns or not room.former_subject or now >= room.former_until:
        return ""
    for one in roster.here:
        if one.subject == room.former_subject and one.id != room.host and room.role_of(one) > Role.NOBODY:
            return one.id
    return ""


def require_take(room: Room, roster: Roster) -> None:
    """Raises `Denied` (`party.forbidden`) while the host is here: a co-host takes over only from one who is away."""
    host = roster.get(room.host)
    if host is not None and host.is_here:
        raise Denied(
            f"{host.name} is here and the host.",
            code="party.forbidden",
            advice="Ask for the room to be handed over.",
        )


def require_target(room: Room, sender: Member, target: Member | None) -> Member:
    """The member whom something is done to: of a lower role than the sender's. Raises `Denied`: `party.not_in_room`,
    `party.forbidden`."""
    if target is None:
        raise Denied("Nobody here has that id.", code="party.not_in_room", advice="Look at the roster again.")
    if room.role_of(target) >= room.role_of(sender):
        raise Denied(
            f"{target.name} has the same role as you, or a higher one.",
            code="party.forbidden",
            advice="Only the host may do that to a co-host, and nobody to the host.",
        )
    return target
