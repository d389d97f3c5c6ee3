"""What the server says: the envelope, and how an entry of the room's log is told. `docs/protocol.md` is the truth.

Pure. What is sent is a ready frame, since what is told to many is made once. Entries hold more than what viewers are
told (subjects, keys): each kind names its fields here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import CuelightError, Unavailable
from gateways.topics.contracts import Entry
from rooms.delivery import frames, shown
from rooms.delivery.outbox import Kind
from rooms.entries import KEPT
from rooms.people import Role, Roster
from rooms.state import Room

Data = dict[str, Any]

STATE_KEY = "state"
"""All that tells the film is one thing, of which the newest counts."""

CODES = frozenset(
    {
        "bad_json", "bad_type", "bad_field", "too_large", "not_joined", "already_joined", "unauthorized",
        "room_not_found", "room_exists", "room_full", "room_closed", "vip_only", "bad_password", "banned",
        "invite_invalid", "invite_expired", "invite_used", "forbidden", "muted", "slow_mode", "message_too_long",
        "message_refused", "rev_conflict", "too_late", "not_in_room", "not_queued", "queue_empty", "queue_full",
        "no_message", "nothing_loaded", "rate_limited", "resume_invalid", "busy", "unavailable", "internal",
    }
)  # fmt: skip
_RETRYABLE = frozenset({"rev_conflict", "too_late", "rate_limited", "slow_mode", "busy", "unavailable"})


def encode(message: Data) -> bytes:
    """A message as a frame."""
    payload = json.dumps(message, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return frames.text(payload.encode("utf-8", "replace"))


def bye(code: int, reason: str, retry_ms: int) -> bytes:
    """What is said before the connection is closed."""
    return encode({"type": "party:bye", "data": {"code": code, "reason": reason, "retryAfterMs": retry_ms}})


def ok(re: str, seq: int | None, *, is_host: bool) -> bytes:
    """A command was carried out, at `seq` of the log; None: nothing had to be changed."""
    place = {} if seq is None else {"seq": seq}
    return encode({"type": "party:ok", "re": re, **place, "data": {"isHost": is_host}})


def reply(type: str, re: str, data: Data, *, is_host: bool) -> bytes:
    """An answer to one viewer. `re` is "" for a message that had no id."""
    return encode({"type": type, **({"re": re} if re else {}), "data": {**data, "isHost": is_host}})


def error(problem: CuelightError, *, re: str, is_host: bool, room: Room | None = None) -> bytes:
    """Why something was not done. With `room`, a `rev_conflict` shows how it stands. What is not in the list of the
    protocol is `unavailable` if it will pass, and `internal` if not, without its words."""
    code = problem.code.removeprefix("party.")
    told = problem.code.startswith("party.") and code in CODES
    if not told:
        code = "unavailable" if isinstance(problem, Unavailable) else "internal"
    seconds = problem.retry_after_seconds if isinstance(problem, Unavailable) else 0.0
    data: Data = {
        "code": code,
        "detail": problem.message if told else "That did not work.",
        "advice": problem.advice if told else "Try again in a moment.",
        "retryable": code in _RETRYABLE,
        "retryAfterMs": round(seconds * 1000),
    }
    if room is not None and code == "rev_conflict":
        data["state"] = shown.state_of(room)
    return reply("party:error", re, data, is_host=is_host)


def ping(room: Room) -> bytes:
    """What a client compares with what it has. `room` as it was told last."""
    data = {"epoch": room.epoch, "kept": room.kept, "rev": room.rev, "hash": shown.state_hash(room)}
    return encode({"type": "party:ping", "data": data})


def restated(room: Room) -> tuple[bytes, bytes]:
    """The state once more, for members and for the host: a guarded entry was void, so `rev` is another one and nothing
    was told."""
    name, data = _ended(room, {"by": ""}, Roster())
    envelope: Data = {"type": name, "seq": room.seq, "rev": room.rev}
    member, host = (encode({**envelope, "data": {**data, "isHost": one}}) for one in (False, True))
    return member, host


@dataclass(frozen=True, slots=True)
class Message:
    """What one entry says to viewers. `member` and `host` are frames; viewers below `audience` do not get it. `key`: of
    which thing it is the state. `is_urgent`: it does not wait for the tick."""

    kind: Kind
    type: str
    seq: int
    after: int | None
    member: bytes
    host: bytes
    audience: Role = Role.GUEST
    key: str = ""
    is_urgent: bool = False


def told(room: Room, entry: Entry, *, after: int, roster: Roster) -> Message | None:
    """What an entry says that counted; None: nothing. `room` is the one after it, `after` the `kept` before it."""
    row = _KINDS.get(entry.kind)
    if row is None:
        return None
    name, data = row(room, entry.body, roster)
    keeps = entry.kind in KEPT
    with_state = "state" in data
    envelope: Data = {"type": name, "seq": entry.position.seq}
    if keeps:
        envelope["after"] = after
    if with_state:
        envelope["rev"] = room.rev
    own = {"settings": shown.settings_of(room.settings, for_host=True)} if entry.kind == "room.set" else {}
    key = "" if keeps else _OWN_KEYS.get(entry.kind, STATE_KEY)
    return Message(
        kind=Kind.KEEP if keeps else Kind.STATE,
        type=name,
        seq=entry.position.seq,
        after=after if keeps else None,
        member=encode({**envelope, "data": {**data, "isHost": False}}),
        host=encode({**envelope, "data": {**data, **own, "isHost": True}}),
        audience=Role.COHOST if entry.kind in _OWN_KEYS else Role.GUEST,
        key=f"{key}{entry.position.seq}" if key and key != STATE_KEY else key,
        is_urgent=with_state or entry.kind in _AT_ONCE,
    )


Body = Mapping[str, Any]
Tell = Callable[[Room, Body, Roster], tuple[str, Data]]


def _film(room: Room, body: Body, roster: Roster) -> tuple[str, Data]:
    value = {"rate": room.vector.rate} if body["why"] == "party:rate" else {"currentTime": room.vector.pos}
    return body["why"], {**value, **_state(room, body)}


def _loaded(room: Room, body: Body, roster: Roster) -> tuple[str, Data]:
    return "party:media", _state(room, body)


def _began(room: Room, body: Body, roster: Roster) -> tuple[str, Data]:
    state = shown.state_of(room)
    return "party:barrier", {**(state["barrier"] or {}), "state": state}


def _ended(room: Room, body: Body, roster: Roster) -> tuple[str, Data]:
    name = "party:play" if room.vector.playing else "party:pause"
    return name, {"currentTime": room.vector.pos, **_state(room, body)}


def _state(room: Room, body: Body) -> Data:
    return {"at": room.vector.ts, "by": body["by"], "state": shown.state_of(room)}


def _host(room: Room, body: Body, roster: Roster) -> tuple[str, Data]:
    data = {"memberId": room.host, "why": body["why"], "hostEpoch": room.host_epoch}
    return "party:host", {**data, "state": shown.state_of(room)}


def _added(room: Room, body: Body, roster: Roster) -> tuple[str, Data]:
    item = room.queued(body["item"]["id"])
    found = None if item is None else shown.item_of(item)
    return "party:queue:add", {"item": found, "by": body["by"]}


def _placed(room: Room, item_id: str) -> Data:
    place = next((at for at, one in enumerate(room.queue) if one.id == item_id), None)
    return {"itemId": item_id, "place": place}


def _voted(room: Room, body: Body, roster: Roster) -> tuple[str, Data]:
    item = room.queued(body["item"])
    votes = 0 if item is None else len(item.votes)
    return "party:queue:vote", {**_placed(room, body["item"]), "votes": votes, "by": body["by"]}


def _skip(room: Room, body: Body, roster: Roster) -> tuple[str, Data]:
    return "party:queue:skip", {**shown.skips_of(room, roster), "by": body["by"], "wants": body["wants"]}


def _moved(room: Room, body: Body, roster: Roster) -> tuple[str, Data]:
    return "party:queue:move", {**_placed(room, body["item"]), "by": body["by"]}


def _removed(room: Room, body: Body, roster: Roster) -> tuple[str, Data]:
    return "party:queue:remove", {"itemId": body["item"], "by": body["by"]}


def _said(room: Room, body: Body, roster: Roster) -> tuple[str, Data]:
    data = {"from": body["by"], "userName": body["name"], "message": body["text"], "sentAt": body["t"]}
    return "party:chat", {"chatId": f"{room.epoch}-{room.seq}", **data}


def _deleted(room: Room, body: Body, roster: Roster) -> tuple[str, Data]:
    return "party:chat:delete", {"chatId": body["line"], "by": body["by"]}


def _reported(room: Room, body: Body, roster: Roster) -> tuple[str, Data]:
    line = room.line(body["line"])
    return "party:chat:report", {"chatId": body["line"], "reports": 0 if line is None else line.reports}


def _on_member(type: str) -> Tell:
    def tell(room: Room, body: Body, roster: Roster) -> tuple[str, Data]:
        whom = {"memberId": body["member"], "userName": body["name"]}
        return type, {**whom, "until": shown.until_of(body["until"]), "by": body["by"]}

    return tell


def _unbanned(room: Room, body: Body, roster: Roster) -> tuple[str, Data]:
    return "party:unban", {"subject": body["subject"]}


def _role(room: Room, body: Body, roster: Roster) -> tuple[str, Data]:
    data = {"memberId": body["member"], "role": shown.role_name(Role(body["role"])), "by": body["by"]}
    return "party:role", data


def _set(room: Room, body: Body, roster: Roster) -> tuple[str, Data]:
    return "party:settings", {"settings": shown.settings_of(room.settings, for_host=False)}


def _closed(room: Room, body: Body, roster: Roster) -> tuple[str, Data]:
    return "party:closed", {}


_KINDS: Mapping[str, Tell] = {
    # players are told of as `party:waiting`, and who opens a room gets a welcome
    "film.changed": _film,
    "film.loaded": _loaded,
    "barrier.began": _began,
    "barrier.ended": _ended,
    "host.changed": _host,
    "queue.added": _added,
    "queue.voted": _voted,
    "queue.skip": _skip,
    "queue.moved": _moved,
    "queue.removed": _removed,
    "chat.said": _said,
    "chat.deleted": _deleted,
    "chat.reported": _reported,
    "member.muted": _on_member("party:mute"),
    "member.unmuted": _on_member("party:unmute"),
    "member.kicked": _on_member("party:kick"),
    "member.banned": _on_member("party:ban"),
    "member.unbanned": _unbanned,
    "member.role": _role,
    "room.set": _set,
    "room.closed": _closed,
}
_AT_ONCE = frozenset({"room.closed", "member.kicked", "member.banned"})
_OWN_KEYS = {"chat.reported": "report:", "member.unbanned": "unban:"}
"""For host and co-hosts, and each of them a thing of its own."""
