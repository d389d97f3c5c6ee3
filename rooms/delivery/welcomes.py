"""Welcomes: a room as it stands, for one who comes. When a thousand come at once, the long parts are made once."""

from __future__ import annotations

import json
from typing import Any

from rooms.delivery import frames, shown
from rooms.people import Member, Role, Roster
from rooms.state import Room

_ROOM, _LONG = "state", "long"


class Welcomes:
    """Remembers the parts of the latest room that all have in common."""

    def __init__(self) -> None:
        self._room: Room | None = None
        self._parts: dict[str, bytes] = {}

    def make(
        self,
        room: Room,
        roster: Roster,
        member: Member,
        *,
        type: str,
        re: str,
        clock_id: str,
        now: int,
        resume_token: str,
        lives: int,
        why: str,
        kept: int,
    ) -> bytes:
        """A frame. `type`: `party:create`, `party:join`, `party:resume` (without queue and history), or `party:sync`,
        with `why`. `kept`: the place of the last kept message that the client has with it; the next names that. `now`
        in µs of room time, `lives` in seconds."""
        role = room.role_of(member)
        envelope: dict[str, Any] = {"type": type, **({"re": re} if re else {})}
        data = {
            "roomId": room.id,
            "self": member.id,
            "role": shown.role_name(role),
            "isMuted": room.is_muted(member.subject, now),
            "epoch": room.epoch,
            "kept": kept,
            "clockId": clock_id,
            "resumeToken": resume_token,
            "lives": lives,
            **shown.people_of(room, roster),
            "settings": shown.settings_of(room.settings, for_host=role is Role.HOST),
            "skips": {**shown.skips_of(room, roster), "mine": member.id in room.skips},
            **({"gap": True, "why": why} if type == "party:sync" else {}),
            "isHost": role is Role.HOST,
        }
        long = b"" if type == "party:resume" else b"," + self._part(room, _LONG)
        return frames.text(
            b'%s,"data":{%s,%s%s}}' % (_open(envelope), _open(data)[1:], self._part(room, _ROOM), long)
        )

    def _part(self, room: Room, name: str) -> bytes:
        if room is not self._room:
            self._room = room
            self._parts.clear()
        found = self._parts.get(name)
        if found is None:
            found = self._parts[name] = _open(_PARTS[name](room))[1:]
        return found


def _state(room: Room) -> dict[str, Any]:
    return {"state": shown.state_of(room)}


def _long(room: Room) -> dict[str, Any]:
    return {
        "queue": [shown.item_of(one) for one in room.queue],
        "history": [shown.line_of(one) for one in room.chat],
    }


_PARTS = {_ROOM: _state, _LONG: _long}


def _open(data: dict[str, Any]) -> bytes:
    """JSON without its last brace, so that more can follow."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "replace")[:-1]
