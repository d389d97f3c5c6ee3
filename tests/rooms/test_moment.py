"""The instant of a decision."""

from __future__ import annotations

from rooms.moment import Moment
from rooms.people import Roster
from rooms.state import Room


def test_instants_ahead_are_in_microseconds() -> None:
    assert Moment(Room("r"), Roster(), now=1_000_000).in_seconds(0.25) == 1_250_000
