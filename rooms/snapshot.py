"""A room as JSON, and back: what a new log begins from, what outlives a restart, and what a replica resets to.

`room_of(body_of(room)) == room` for every room; a test says so. Alone (no Redis) room time is the process's own clock,
so a snapshot holds the wall time too, and a room that comes back stands where it would be by now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rooms.chat import Line
from rooms.entries import item_body, item_of, vector_body, vector_of
from rooms.people import Role
from rooms.settings import Settings, changed, to_wire
from rooms.state import FOREVER, Barrier, Player, Room

VERSION = 1


def body_of(room: Room, *, now: int, wall_ms: int) -> dict[str, Any]:
    """A room as JSON. `now` (µs of room time) and `wall_ms` (UTC) are the same instant."""
    held = room.barrier
    return {
        "v": VERSION,
        "now": now,
        "wall": wall_ms,
        "id": room.id,
        "epoch": room.epoch,
        "seq": room.seq,
        "rev": room.rev,
        "kept": room.kept,
        "opened": room.opened_at,
        "closed": room.closed_at,
        "settings": to_wire(room.settings),
        "vector": vector_body(room.vector),
        "item": None if room.item is None else item_body(room.item),
        "queue": [item_body(one) for one in room.queue],
        "skips": sorted(room.skips),
        "host": [room.host, room.host_subject, room.host_epoch, room.host_at],
        "former": [room.former_subject, room.former_until],
        "roles": {member: int(role) for member, role in room.roles.items()},
        "removed": list(room.removed),
        "banned": dict(room.banned),
        "muted": dict(room.muted),
        "chat": [
            [one.id, one.sender, one.name, one.text, one.at, one.is_deleted, one.reports] for one in room.chat
        ],
        "spoke": dict(room.spoke),
        "players": {
            member: [one.is_ready, one.is_late, one.is_ignored, list(one.stalls)]
            for member, one in room.players.items()
        },
        "barrier": None if held is None else [held.id, held.reason, held.until, held.resumes],
    }


def room_of(body: Mapping[str, Any]) -> Room:
    """The other way. Raises `ValueError` for the snapshot of a later release."""
    if body["v"] > VERSION:
        raise ValueError(f"A snapshot of version {body['v']} is of a later release.")
    host, host_subject, host_epoch, host_at = body["host"]
    former_subject, former_until = body["former"]
    return Room(
        id=body["id"],
        epoch=body["epoch"],
        seq=body["seq"],
        rev=body["rev"],
        kept=body["kept"],
        opened_at=body["opened"],
        closed_at=body["closed"],
        settings=changed(Settings(), body["settings"]),
        vector=vector_of(body["vector"]),
        item=None if body["item"] is None else item_of(body["item"]),
        queue=tuple(item_of(one) for one in body["queue"]),
        skips=frozenset(body["skips"]),
        host=host,
        host_subject=host_subject,
        host_epoch=host_epoch,
        host_at=host_at,
        former_subject=former_subject,
        former_until=former_until,
        roles={member: Role(role) for member, role in body["roles"].items()},
        removed=tuple(body["removed"]),
        banned=dict(body["banned"]),
        muted=dict(body["muted"]),
        chat=tuple(Line(*one) for one in body["chat"]),
        spoke=dict(body["spoke"]),
        players={
            member: Player(is_ready, is_late, is_ignored, tuple(stalls))
            for member, (is_ready, is_late, is_ignored, stalls) in body["players"].items()
        },
        barrier=None if body["barrier"] is None else Barrier(*body["barrier"]),
    )


def moved(room: Room, *, by: int) -> Room:
    """The same room on a clock that shows `by` microseconds more (a process that began anew has another clock)."""
    held = room.barrier

    def later(instant: int) -> int:
        return instant + by if 0 < instant < FOREVER else instant

    return replace(
        room,
        opened_at=later(room.opened_at),
        closed_at=later(room.closed_at),
        vector=replace(room.vector, ts=room.vector.ts + by),
        host_at=later(room.host_at),
        former_until=later(room.former_until),
        banned={one: later(until) for one, until in room.banned.items()},
        muted={one: later(until) for one, until in room.muted.items()},
        chat=tuple(replace(one, at=one.at + by) for one in room.chat),
        spoke={one: at + by for one, at in room.spoke.items()},
        players={
            one: replace(player, stalls=tuple(at + by for at in player.stalls))
            for one, player in room.players.items()
        },
        barrier=None if held is None else replace(held, until=held.until + by),
    )
