"""A room as viewers see it: the parts that welcomes and messages have in common, as JSON. Subjects, keys and hashes are
not in it, and words that are not said only for the host."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from rooms import queue
from rooms.chat import Line
from rooms.people import MOST_SHOWN, Member, Role, Roster
from rooms.queue import Item
from rooms.settings import Settings, shown
from rooms.state import FOREVER, Room

Data = dict[str, Any]


def state_of(room: Room) -> Data:
    """The film and who is host: whole, wherever it is sent."""
    vector, held = room.vector, room.barrier
    return {
        "mediaId": vector.media,
        "pos": vector.pos,
        "rate": vector.rate,
        "playing": vector.playing,
        "ts": vector.ts,
        "dur": vector.duration,
        "rev": room.rev,
        "host": room.host,
        "hostEpoch": room.host_epoch,
        "item": None if room.item is None else item_of(room.item),
        "barrier": None
        if held is None
        else {"barrierId": held.id, "reason": held.reason, "until": held.until},
    }


def state_hash(room: Room) -> str:
    """16 hexadecimal digits over the state, the same on every process."""
    canonical = json.dumps(state_of(room), separators=(",", ":"), sort_keys=True)
    return hashlib.blake2b(canonical.encode(), digest_size=8).hexdigest()


def item_of(item: Item) -> Data:
    """Something to play."""
    return {
        "itemId": item.id,
        "kind": item.kind,
        "url": item.url,
        "title": item.title,
        "duration": item.duration,
        "by": item.by,
        "votes": len(item.votes),
        **({"byName": item.by_name} if item.by_name else {}),
    }


def line_of(line: Line) -> Data:
    """A message of the chat."""
    return {
        "chatId": line.id,
        "from": line.sender,
        "userName": line.name,
        "message": line.text,
        "sentAt": line.at,
        "isDeleted": line.is_deleted,
    }


def member_of(member: Member, room: Room) -> Data:
    """A member of the roster, with the role in this room."""
    return {
        "memberId": member.id,
        "userName": member.name,
        "role": role_name(room.role_of(member)),
        "isVip": member.is_vip,
        "isHere": member.is_here,
    }


def role_name(role: Role) -> str:
    """A role on the wire."""
    return role.name.lower()


def settings_of(settings: Settings, *, for_host: bool) -> Data:
    """The settings; the words that are not said here are for who may change them."""
    return {**shown(settings), "words": list(settings.words)} if for_host else shown(settings)


def until_of(instant: int) -> int:
    """The end of a mute or a ban: 0 for one that has none."""
    return 0 if instant >= FOREVER else instant


def people_of(room: Room, roster: Roster) -> Data:
    """How many there are; up to 50 also who."""
    listed = [member_of(one, room) for one in roster] if len(roster) <= MOST_SHOWN else None
    return {"members": len(roster), "here": roster.present, "roster": listed}


def skips_of(room: Room, roster: Roster) -> Data:
    """The votes to skip, and how many it takes."""
    return {"votes": len(room.skips), "needed": queue.skips_needed(roster.present)}
