"""What commands mean for the film, and for whom it waits: a vector that everybody can compute, or a barrier until the
players are ready."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from domain.errors import Rejected
from gateways.topics.contracts import NewEntry
from rooms import barrier, playback, queue
from rooms.entries import entry, item_body, vector_body
from rooms.lead import pause_lead, play_lead
from rooms.moment import Moment
from rooms.people import Member
from rooms.playback import Vector
from rooms.state import Room

Data = Mapping[str, Any]


def play(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    room = with_film(moment.room, data["currentTime"])
    if room.barrier is not None and room.barrier.resumes:
        # Played again while everybody waits: the host insists.
        return [_begin(moment, sender, why="insisted", position=data["currentTime"])]
    wanted = data["currentTime"]
    if room.vector.playing:
        if wanted is None or abs(room.vector.at(moment.now) - wanted) < 1.0:
            return []  # a player that says again what it does, with its own idea of the position
        return seek(moment, sender, data)
    return [
        _film(moment, sender, "party:play", playback.played(room.vector, at=_start(moment), position=wanted))
    ]


def pause(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    room = with_film(moment.room)
    if room.barrier is not None and room.barrier.resumes:
        return [_end(moment, sender, why="paused", vector=room.vector)]
    if not room.vector.playing:
        return []
    at = moment.in_seconds(pause_lead(moment.delays))
    return [_film(moment, sender, "party:pause", playback.paused(room.vector, at=at))]


def seek(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    room = with_film(moment.room, data["currentTime"])
    position = data["currentTime"]
    waiting = room.barrier is not None and room.barrier.resumes
    if not room.vector.playing and not waiting:
        if abs(room.vector.pos - room.vector.within(position)) < playback.SAME_POSITION:
            return []
        return [
            _film(
                moment, sender, "party:seek", playback.sought(room.vector, at=moment.now, position=position)
            )
        ]
    if not _waits(moment):
        return [
            _film(
                moment,
                sender,
                "party:seek",
                playback.played(room.vector, at=_start(moment), position=position),
            )
        ]
    stands = replace(room.vector, pos=room.vector.within(position), playing=False, ts=moment.now)
    return [_wait(moment, sender, reason="seek", vector=stands, limit=barrier.REBUFFER_US)]


def rate(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    room = with_film(moment.room)
    if room.vector.rate == data["rate"]:
        return []
    at = (
        max(moment.in_seconds(pause_lead(moment.delays)), room.vector.ts)
        if room.vector.playing
        else moment.now
    )
    return [_film(moment, sender, "party:rate", playback.paced(room.vector, at=at, rate=data["rate"]))]


def media(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    item = queue.read_item(data["item"], id=item_id(moment, sender), by=sender.id)
    return [load(moment, sender, item)]


def load(moment: Moment, sender: Member | None, item: queue.Item) -> NewEntry:
    """The entry that puts an item on. It waits at its beginning, and plays once the players have it, if the room was
    playing."""
    room = moment.room
    was_playing = room.vector.playing or (room.barrier is not None and room.barrier.resumes)
    vector = playback.loaded(item.id, at=moment.now, duration=item.duration)
    body: dict[str, Any] = {"item": item_body(item), "barrier": None}
    if was_playing and _waits(moment):
        body["barrier"] = _barrier(moment, "load", barrier.LOAD_US)
    elif was_playing:
        vector = playback.played(vector, at=_start(moment))
    return entry("film.loaded", body | {"vector": vector_body(vector)}, by=sender, now=moment.now)


def with_film(room: Room, position: float | None = None) -> Room:
    """The room, if there is something to play in it. Raises `Rejected` (`party.nothing_loaded`). Who names a position
    has a film of his own, as everybody in the room, and needs none from us: from then on the room has a time line."""
    if not room.vector.media and not room.vector.ts and position is None:
        raise Rejected(
            "Nothing is loaded.", code="party.nothing_loaded", advice="Load something with party:media first."
        )
    return room


def _start(moment: Moment) -> int:
    return moment.in_seconds(play_lead(moment.delays))


def _film(moment: Moment, sender: Member | None, why: str, vector: Vector) -> NewEntry:
    return entry("film.changed", {"why": why, "vector": vector_body(vector)}, by=sender, now=moment.now)


# Waiting for players.


def _waits(moment: Moment) -> bool:
    return barrier.waits(moment.room.settings, len(moment.roster)) and bool(
        barrier.counted(moment.room, moment.roster)
    )


def _barrier(moment: Moment, reason: str, limit: int) -> dict[str, Any]:
    return {
        "id": f"b{moment.room.seq + 1}",
        "reason": reason,
        "until": moment.now + limit,
        "resumes": True,
    }


def _wait(moment: Moment, sender: Member | None, *, reason: str, vector: Vector, limit: int) -> NewEntry:
    body = {"barrier": _barrier(moment, reason, limit), "vector": vector_body(vector)}
    return entry("barrier.began", body, by=sender, now=moment.now)


def _end(moment: Moment, sender: Member | None, *, why: str, vector: Vector) -> NewEntry:
    held = moment.room.barrier
    body = {"id": "" if held is None else held.id, "why": why, "vector": vector_body(vector)}
    return entry("barrier.ended", body, by=sender, now=moment.now)


def _begin(moment: Moment, sender: Member | None, *, why: str, position: float | None = None) -> NewEntry:
    vector = playback.played(moment.room.vector, at=_start(moment), position=position)
    return _end(moment, sender, why=why, vector=vector)


def wait_for_players(moment: Moment) -> NewEntry:
    """The entry by which a playing room stops for those who have to load."""
    at = moment.in_seconds(pause_lead(moment.delays))
    vector = playback.paused(moment.room.vector, at=at)
    return _wait(moment, None, reason="rebuffer", vector=vector, limit=barrier.REBUFFER_US)


def go_on(moment: Moment, why: str) -> NewEntry:
    """The entry by which a waiting room goes on."""
    return _begin(moment, None, why=why)


def ready(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    player = moment.room.players.get(sender.id)
    known = player is not None and player.is_ready and not player.is_late
    if known or not barrier.waits(moment.room.settings, len(moment.roster)):
        return []
    return [entry("player.ready", {}, by=sender, now=moment.now)]


def buffering(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    player = moment.room.players.get(sender.id)
    if player is None or not player.is_ready:
        return []  # who has not begun to play, or said so already, changes nothing
    if not barrier.waits(moment.room.settings, len(moment.roster)):
        return []
    return [entry("player.stalled", {}, by=sender, now=moment.now)]


def item_id(moment: Moment, sender: Member) -> str:
    """An id for what a member hands in. One member decides one thing at a time, and room time moves on: unique
    without chance."""
    return f"{sender.id[:24]}-{moment.now}"
