"""When a room waits for its players, and when it goes on.

Waiting has an end, whatever happens: the share that is asked for is ready, the time is up, the host insists, or those
who were waited for have left. Who has not tapped to join yet is not a player and never waited for; nor is one who made
the room wait too often, or whom it went on without, until that player is ready again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rooms.people import MOST_SHOWN, Roster
from rooms.settings import Settings, Waiting
from rooms.state import Player, Room

LOAD_US = 8_000_000
REBUFFER_US = 3_000_000
SETTLE_US = 500_000
"""In its first moments a film stutters for everybody."""

STALLS_ALLOWED, STALLS_WITHIN_US = 2, 60_000_000
"""A player that makes the room wait a third time within a minute is waited for no more."""


def waits(settings: Settings, members: int) -> bool:
    """Whether a room with so many members waits at all."""
    if settings.waiting is Waiting.AUTO:
        return members <= MOST_SHOWN
    return settings.waiting is not Waiting.OFF


def counted(room: Room, roster: Roster) -> dict[str, Player]:
    """The players that are waited for: of members who are here, neither ignored nor given up."""
    found = {}
    for member_id, player in room.players.items():
        member = roster.get(member_id)
        if member is not None and member.is_here and not player.is_ignored and not player.is_late:
            found[member_id] = player
    return found


def missing(room: Room, roster: Roster) -> list[str]:
    """The members for whom the room would wait now."""
    return sorted(member for member, player in counted(room, roster).items() if not player.is_ready)


def suffices(room: Room, roster: Roster) -> bool:
    """Whether enough players are ready to go on."""
    players = counted(room, roster)
    ready = sum(player.is_ready for player in players.values())
    share = 1.0 if room.settings.waiting is Waiting.ALL else room.settings.quorum
    return ready >= share * len(players)


def stalled(player: Player, *, now: int) -> Player:
    """A player that has to load again. A minute without stalls makes up for those before."""
    before = tuple(one for one in player.stalls if now - one < STALLS_WITHIN_US)
    recent = (*before, now)[-(STALLS_ALLOWED + 1) :]
    ignored = (player.is_ignored and bool(before)) or len(recent) > STALLS_ALLOWED
    return replace(player, is_ready=False, stalls=recent, is_ignored=ignored)


def ready(player: Player) -> Player:
    """A player that can go on."""
    return replace(player, is_ready=True, is_late=False)


def reset(room: Room) -> Iterator[tuple[str, Player]]:
    """Every player has to load: another film, or another place in it."""
    for member_id, player in room.players.items():
        yield member_id, replace(player, is_ready=False, is_late=False)


def given_up(room: Room) -> Iterator[tuple[str, Player]]:
    """The room goes on without those who are not ready."""
    for member_id, player in room.players.items():
        yield member_id, replace(player, is_late=not player.is_ready)
