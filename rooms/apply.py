"""What an entry does to a room, at its place in the log.

The same entries make the same room on every process, from the beginning or from any snapshot. `apply` judges again
what `step` decided: an entry whose sender is muted, was sent out or lost the role in the meantime is **void**: it moves
`seq` (and `rev`, if it was guarded) and nothing else. A kind that this release does not know raises `UnknownEntry`,
which tells the shell to begin again from a snapshot that it understands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateways.topics.contracts import Entry
from rooms import barrier, chat, errand, queue
from rooms.election import RETURN_US
from rooms.entries import KEPT, VERSION, item_of, vector_of
from rooms.people import Role
from rooms.permissions import may
from rooms.settings import changed
from rooms.state import Barrier, Player, Room

MOST_REMOVED = 1000
"""Ids of members who were sent out: those of long ago have no socket any more."""


class UnknownEntry(Exception):
    """An entry of a later release: the room cannot be followed from here on."""


@dataclass(frozen=True, slots=True)
class Applied:
    """The room afterwards, and whether the entry counted."""

    room: Room
    is_void: bool


Body = Mapping[str, Any]


def apply(room: Room, entry: Entry) -> Applied:
    """The room after the next entry of its log. Raises `UnknownEntry`, and `ValueError` for an entry out of turn."""
    if entry.position.epoch != room.epoch or entry.position.seq != room.seq + 1:
        raise ValueError(f"{entry.position} does not follow {room.epoch}-{room.seq}")
    row = _KINDS.get(entry.kind)
    if row is None or entry.version > VERSION:
        raise UnknownEntry(entry.kind)
    moved = replace(room, seq=entry.position.seq, rev=room.rev + entry.state)
    commands, change = row
    body = entry.body
    if room.closed_at or not _may(room, commands, body):
        return Applied(moved, is_void=True)
    after = change(moved, body)
    if after is None:
        return Applied(moved, is_void=True)
    return Applied(replace(after, kept=after.seq) if entry.kind in KEPT else after, is_void=False)


def _may(room: Room, commands: Sequence[str], body: Body) -> bool:
    if not body["by"]:
        return True  # the room itself: a timer, written by whichever process came first
    role = room.role(body["by"], Role(body["as"]))
    return (
        role > Role.NOBODY
        and not room.is_out(body["who"], body["t"])
        and (not commands or any(may(role, command, room.settings) for command in commands))
    )


# Each returns the room afterwards, or None when the entry is void.


def _opened(room: Room, body: Body) -> Room | None:
    if room.opened_at:
        return None
    return replace(
        room,
        opened_at=body["t"],
        settings=changed(room.settings, body["settings"]),
        host=body["by"],
        host_subject=body["who"],
        host_epoch=1,
        host_at=body["t"],
    )


def _film(room: Room, body: Body) -> Room | None:
    return replace(room, vector=vector_of(body["vector"]), barrier=None)


def _loaded(room: Room, body: Body) -> Room | None:
    item = item_of(body["item"])
    waiting = body["barrier"]
    return replace(
        room,
        vector=vector_of(body["vector"]),
        item=item,
        queue=queue.removed(room.queue, item.id),
        skips=frozenset(),
        barrier=None if waiting is None else _barrier_of(waiting),
        players=dict(barrier.reset(room)),
    )


def _barrier_of(body: Body) -> Barrier:
    return Barrier(body["id"], body["reason"], body["until"], body["resumes"])


def _began(room: Room, body: Body) -> Room | None:
    held = _barrier_of(body["barrier"])
    players = dict(room.players) if held.reason == "rebuffer" else dict(barrier.reset(room))
    return replace(room, vector=vector_of(body["vector"]), barrier=held, players=players)


def _ended(room: Room, body: Body) -> Room | None:
    if room.barrier is None or room.barrier.id != body["id"]:
        return None
    return replace(
        room,
        vector=vector_of(body["vector"]),
        barrier=None,
        players=dict(barrier.given_up(room)),
    )


def _ready(room: Room, body: Body) -> Room | None:
    player = barrier.ready(room.players.get(body["by"], Player()))
    return replace(room, players={**room.players, body["by"]: player})


def _stalled(room: Room, body: Body) -> Room | None:
    player = room.players.get(body["by"])
    if player is None:
        return None
    return replace(room, players={**room.players, body["by"]: barrier.stalled(player, now=body["t"])})


def _gone(room: Room, body: Body) -> Room | None:
    gone = body["member"]
    if gone not in room.players and gone not in room.skips:
        return None
    return replace(room, players=_without(room.players, gone), skips=room.skips - {gone})


def _host(room: Room, body: Body) -> Room | None:
    if body["epoch"] != room.host_epoch + 1 or body["member"] in room.removed:
        return None
    needed = {"given": Role.HOST, "taken": Role.COHOST}.get(body["why"])
    if body["by"] and (needed is None or room.role(body["by"], Role(body["as"])) < needed):
        return None
    roles = _without(room.roles, body["member"])
    if body["why"] == "given" and room.host:
        roles[room.host] = Role.COHOST  # who hands a room over goes on helping
    former = body["why"] in ("grace", "left", "taken") and room.host_subject != body["subject"]
    return replace(
        room,
        host=body["member"],
        host_subject=body["subject"],
        host_epoch=body["epoch"],
        host_at=body["t"],
        roles=roles,
        former_subject=room.host_subject if former else "",
        former_until=body["t"] + RETURN_US if former else 0,
    )


def _added(room: Room, body: Body) -> Room | None:
    if len(room.queue) >= queue.MOST_ITEMS:
        return None
    if not body["by"] and errand.refusal(room, body["who"], is_vip=body.get("vip", False), now=body["t"]):
        return None
    return replace(room, queue=queue.added(room.queue, item_of(body["item"])))


def _voted(room: Room, body: Body) -> Room | None:
    if room.queued(body["item"]) is None:
        return None
    return replace(room, queue=queue.voted(room.queue, body["item"], body["by"], wants=body["wants"]))


def _skip(room: Room, body: Body) -> Room | None:
    if body["media"] != room.vector.media:
        return None
    return replace(room, skips=room.skips | {body["by"]} if body["wants"] else room.skips - {body["by"]})


def _moved(room: Room, body: Body) -> Room | None:
    return replace(room, queue=queue.moved(room.queue, body["item"], body["place"]))


def _removed(room: Room, body: Body) -> Room | None:
    return replace(room, queue=queue.removed(room.queue, body["item"]))


def _said(room: Room, body: Body) -> Room | None:
    if room.is_muted(body["who"], body["t"]):
        return None
    line = chat.Line(
        id=f"{room.epoch}-{room.seq}", sender=body["by"], name=body["name"], text=body["text"], at=body["t"]
    )
    horizon = body["t"] - room.settings.slow_seconds * 1_000_000
    spoke = {member: at for member, at in room.spoke.items() if at > horizon}
    if room.settings.slow_seconds:
        spoke[body["by"]] = body["t"]
    return replace(room, chat=chat.with_line(room.chat, line), spoke=spoke)


def _deleted(room: Room, body: Body) -> Room | None:
    line = room.line(body["line"])
    role = room.role(body["by"], Role(body["as"]))
    if line is None or not chat.may_delete(line, body["by"], role):
        return None
    return replace(room, chat=chat.without_line(room.chat, line.id))


def _reported(room: Room, body: Body) -> Room | None:
    line = room.line(body["line"])
    if line is None or sum(one.reports > 0 for one in room.chat) >= chat.MOST_REPORTS:
        return None
    found = tuple(replace(one, reports=one.reports + 1) if one is line else one for one in room.chat)
    return replace(room, chat=found)


def _beneath(room: Room, body: Body) -> bool:
    """Whether the target still has a lower role than the sender, as far as the log knows."""
    target = body["member"]
    sender = room.role(body["by"], Role(body["as"]))
    return target != room.host and room.roles.get(target, Role.GUEST) < sender


def _muted(room: Room, body: Body) -> Room | None:
    if not _beneath(room, body):
        return None
    muted = {one: until for one, until in room.muted.items() if until > body["t"]}
    return replace(room, muted={**muted, body["subject"]: body["until"]})


def _unmuted(room: Room, body: Body) -> Room | None:
    return replace(room, muted=_without(room.muted, body["subject"]))


def _kicked(room: Room, body: Body) -> Room | None:
    if not _beneath(room, body):
        return None
    gone = body["member"]
    return replace(
        room,
        removed=(*(one for one in room.removed if one != gone), gone)[-MOST_REMOVED:],
        roles=_without(room.roles, gone),
        players=_without(room.players, gone),
        skips=room.skips - {gone},
    )


def _banned(room: Room, body: Body) -> Room | None:
    after = _kicked(room, body)
    if after is None or body["subject"] == room.host_subject:
        return None
    banned = {one: until for one, until in room.banned.items() if until > body["t"]}
    return replace(
        after,
        banned={**banned, body["subject"]: body["until"]},
        chat=chat.without_member(room.chat, body["member"]),
    )


def _unbanned(room: Room, body: Body) -> Room | None:
    return replace(room, banned=_without(room.banned, body["subject"]))


def _role(room: Room, body: Body) -> Room | None:
    if not _beneath(room, body) or body["member"] in room.removed:
        return None
    return replace(room, roles={**room.roles, body["member"]: Role(body["role"])})


def _set(room: Room, body: Body) -> Room | None:
    return replace(room, settings=changed(room.settings, body["settings"]))


def _closed(room: Room, body: Body) -> Room | None:
    stands = replace(room.vector, pos=room.vector.at(body["t"]), playing=False, ts=body["t"])
    return replace(room, closed_at=body["t"], vector=stands, barrier=None)


def _without(held: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {one: value for one, value in held.items() if one != key}


_KINDS: Mapping[str, tuple[Sequence[str], Callable[[Room, Body], Room | None]]] = {
    # kind: the commands of which the sender may send one (none: whoever is in the room), and what it does
    "room.opened": ((), _opened),
    "room.set": (("party:settings",), _set),
    "room.closed": (("party:close",), _closed),
    "film.changed": (("party:play", "party:pause", "party:seek", "party:rate"), _film),
    "film.loaded": (("party:media", "party:queue:next"), _loaded),
    "barrier.began": (("party:seek", "party:play"), _began),
    "barrier.ended": (("party:play",), _ended),
    "player.ready": (("party:ready",), _ready),
    "player.stalled": (("party:buffering",), _stalled),
    "player.gone": ((), _gone),
    "host.changed": ((), _host),
    "queue.added": (("party:queue:add",), _added),
    "queue.voted": (("party:queue:vote",), _voted),
    "queue.skip": (("party:queue:skip",), _skip),
    "queue.moved": (("party:queue:move",), _moved),
    "queue.removed": (("party:queue:remove",), _removed),
    "chat.said": (("party:chat",), _said),
    "chat.deleted": (("party:chat:delete",), _deleted),
    "chat.reported": (("party:chat:report",), _reported),
    "member.muted": (("party:mute",), _muted),
    "member.unmuted": (("party:unmute",), _unmuted),
    "member.kicked": (("party:kick",), _kicked),
    "member.banned": (("party:ban",), _banned),
    "member.unbanned": (("party:unban",), _unbanned),
    "member.role": (("party:role",), _role),
}
