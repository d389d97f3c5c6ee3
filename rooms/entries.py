"""The entries of a room's log: how each is written. How each is read is `apply.py`.

Every entry says who caused it (`by`: the member; `who`: the subject; `as`: the role of the credential, so that the
replicas can judge it without a roster) and when (`t`, µs of room time). Entries of the room itself (timers) have an
empty `by`. Those marked *state* are guarded: two processes that decided on the same `rev` cannot both write one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateways.topics.contracts import NewEntry
from rooms.people import Member
from rooms.playback import Vector
from rooms.queue import Item

VERSION = 1

STATE = frozenset(
    {"room.opened", "film.changed", "film.loaded", "barrier.began", "barrier.ended", "host.changed"}
)
"""The kinds that a guard protects: whatever two people could decide against each other."""

KEPT = frozenset(
    {
        "room.set", "room.closed", "film.loaded", "host.changed",
        "queue.added", "queue.voted", "queue.skip", "queue.moved", "queue.removed",
        "chat.said", "chat.deleted",
        "member.muted", "member.unmuted", "member.kicked", "member.banned", "member.role",
    }
)  # fmt: skip
"""The kinds that no viewer may miss: each message of them names the one before, so that a client sees that it did. Of
the others the newest says all (the film, what the room waits for), or they are not for everybody."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry that somebody decided to write. `key`: the log takes an entry with the same key only once."""

    entry: NewEntry
    key: str

    @property
    def is_guarded(self) -> bool:
        """Whether it may be written only at the `rev` that it was decided on."""
        return self.entry.state


def entry(kind: str, body: Mapping[str, Any], *, by: Member | None, now: int) -> NewEntry:
    """An entry of the room's log, said by a member, or by the room itself (None)."""
    said = (
        {"by": "", "who": "", "as": 0} if by is None else {"by": by.id, "who": by.subject, "as": int(by.role)}
    )
    return NewEntry(kind, {**said, "t": now, **body}, state=kind in STATE, version=VERSION)


def vector_body(vector: Vector) -> dict[str, Any]:
    """A vector as JSON."""
    return {
        "media": vector.media,
        "pos": vector.pos,
        "rate": vector.rate,
        "playing": vector.playing,
        "ts": vector.ts,
        "dur": vector.duration,
    }


def vector_of(body: Mapping[str, Any]) -> Vector:
    """The other way."""
    return Vector(
        media=body["media"],
        pos=body["pos"],
        rate=body["rate"],
        playing=body["playing"],
        ts=body["ts"],
        duration=body["dur"],
    )


def item_body(item: Item) -> dict[str, Any]:
    """An item of the queue as JSON."""
    named = {"name": item.by_name, "who": item.by_subject} if item.by_name else {}
    return {
        "id": item.id,
        "kind": item.kind,
        "url": item.url,
        "title": item.title,
        "dur": item.duration,
        "by": item.by,
        "votes": sorted(item.votes),
        **named,
    }


def item_of(body: Mapping[str, Any]) -> Item:
    """The other way."""
    return Item(
        id=body["id"],
        kind=body["kind"],
        url=body["url"],
        title=body["title"],
        duration=body["dur"],
        by=body["by"],
        votes=frozenset(body["votes"]),
        by_name=body.get("name", ""),
        by_subject=body.get("who", ""),
    )
