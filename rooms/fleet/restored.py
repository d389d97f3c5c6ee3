"""A room that was kept, as it would be by now: nobody stopped its film while the process was away.

Who was in it is not kept, but for the host, who counts as just gone: whoever was the host has the usual grace to come
back in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rooms import snapshot
from rooms.people import Role

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Restored:
    """What the two logs of a room begin from, as their views load it (`views.py`)."""

    room: Body
    people: Body


def restored(kept: Mapping[str, Any], *, now: int, wall_ms: int) -> Restored:
    """`kept` is a `RoomView.body()` of another run; `now` (µs of room time) and `wall_ms` are the same instant. Raises
    `ValueError` for one of a later release."""
    room = snapshot.room_of(kept["room"])
    then, then_wall_ms = kept["room"]["now"], kept["room"]["wall"]
    room = snapshot.moved(room, by=now - then - (wall_ms - then_wall_ms) * 1000)
    host = [room.host, "Host", room.host_subject, int(Role.MEMBER), room.host_at, "", now, False]
    return Restored(
        room={"room": snapshot.body_of(room, now=now, wall_ms=wall_ms), "known": list(kept["known"])},
        people={"epoch": "", "seq": 0, "members": [host] if room.host else []},
    )
