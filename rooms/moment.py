"""The instant at which something is decided."""

from __future__ import annotations

from dataclasses import dataclass

from rooms.lead import Delays
from rooms.people import Roster
from rooms.state import Room

NONE_MEASURED = Delays()


@dataclass(frozen=True, slots=True)
class Moment:
    """What a decision rests on: the room, who is in it, the time (µs of room time), and the delays measured lately."""

    room: Room
    roster: Roster
    now: int
    delays: Delays = NONE_MEASURED

    def in_seconds(self, seconds: float) -> int:
        """An instant ahead of now."""
        return self.now + round(seconds * 1e6)
