"""What a command means in a room: the entries that it asks the log to write, or the reason why not.

Pure: a replica, a member, a command and the time in; drafts out. Decided synchronously; the shell writes the drafts in
order, each guarded one at the `rev` that was decided on. Who loses that race catches up and decides again. No draft at
all means that the command is granted and changes nothing (it plays already).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from domain.errors import Conflict, Denied, NotFound, Rejected, Unavailable
from gateways.topics.contracts import NewEntry
from rooms import chat, election, film, queue
from rooms.commands import Command
from rooms.entries import Draft, entry, item_body
from rooms.moment import Moment
from rooms.people import Member, Role
from rooms.permissions import require
from rooms.settings import changed, to_wire
from rooms.state import FOREVER

Data = Mapping[str, Any]
Decide = Callable[[Moment, Member, Data], list[NewEntry]]


def step(moment: Moment, sender: Member, command: Command) -> Sequence[Draft]:
    """The entries that a command asks for.

    Raises `Denied` (`party.forbidden`, `party.muted`, `party.not_in_room`), `Conflict` (`party.rev_conflict`),
    `NotFound` and `Rejected` (`party.bad_field`, `party.room_closed`, `party.nothing_loaded` and those of the
    parts), `Unavailable` (`party.slow_mode`, with the seconds).
    """
    room = moment.room
    if room.closed_at:
        raise Rejected("This room is closed.", code="party.room_closed", advice="Open another one.")
    is_out = room.is_out(sender.subject, moment.now)
    require(Role.NOBODY if is_out else room.role_of(sender), command.type, room.settings)
    expected = command.data.get("expectedRev")
    if expected is not None and expected != room.rev:
        raise Conflict(
            "The room has changed meanwhile.",
            code="party.rev_conflict",
            advice="Look at its state and try again.",
        )
    entries = _STEPS[command.type](moment, sender, command.data)
    return [
        Draft(each, f"{sender.id}:{command.id}:{place}" if place else f"{sender.id}:{command.id}")
        for place, each in enumerate(entries)
    ]


# The queue.


def _add(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    item = queue.read_item(data["item"], id=film.item_id(moment, sender), by=sender.id)
    queue.added(moment.room.queue, item)
    return [entry("queue.added", {"item": item_body(item)}, by=sender, now=moment.now)]


def _queued(moment: Moment, item_id: str) -> None:
    if moment.room.queued(item_id) is None:
        raise NotFound(
            "The queue does not hold that.", code="party.not_queued", advice="Look at the queue again."
        )


def _vote(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    _queued(moment, data["itemId"])
    body = {"item": data["itemId"], "wants": data["wants"] is not False}
    return [entry("queue.voted", body, by=sender, now=moment.now)]


def _skip(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    film.with_film(moment.room)
    wants = data["wants"] is not False
    if wants == (sender.id in moment.room.skips):
        return []
    body = {"media": moment.room.vector.media, "wants": wants}
    return [entry("queue.skip", body, by=sender, now=moment.now)]


def _move(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    _queued(moment, data["itemId"])
    return [entry("queue.moved", {"item": data["itemId"], "place": data["place"]}, by=sender, now=moment.now)]


def _remove(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    _queued(moment, data["itemId"])
    return [entry("queue.removed", {"item": data["itemId"]}, by=sender, now=moment.now)]


def _next(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    if not moment.room.queue:
        raise NotFound(
            "The queue is empty.", code="party.queue_empty", advice="Add something with party:queue:add."
        )
    return [film.load(moment, sender, moment.room.queue[0])]


# The chat.


def _chat(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    room = moment.room
    if room.is_muted(sender.subject, moment.now):
        raise Denied("You are muted in this room.", code="party.muted", advice="Ask a co-host.")
    role = room.role_of(sender)
    if role < Role.COHOST:
        chat.refuse_words(data["message"], room.settings)
    seconds = chat.wait_seconds(room.spoke, sender.id, role, room.settings, moment.now)
    if seconds > 0:
        raise Unavailable(
            f"Slow mode: one message in {room.settings.slow_seconds} seconds.",
            code="party.slow_mode",
            advice="Wait a moment.",
            retry_after_seconds=seconds,
        )
    return [entry("chat.said", {"name": sender.name, "text": data["message"]}, by=sender, now=moment.now)]


def _delete(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    line = _line(moment, data["chatId"])
    if not chat.may_delete(line, sender.id, moment.room.role_of(sender)):
        raise Denied("That is somebody else's.", code="party.forbidden", advice="Report it instead.")
    return [entry("chat.deleted", {"line": line.id}, by=sender, now=moment.now)]


def _report(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    return [entry("chat.reported", {"line": _line(moment, data["chatId"]).id}, by=sender, now=moment.now)]


def _line(moment: Moment, line_id: str) -> chat.Line:
    line = moment.room.line(line_id)
    if line is None or line.is_deleted:
        raise NotFound("That message is gone.", code="party.no_message", advice="Nothing has to be done.")
    return line


# The people.


_OF_ALL_TABS = frozenset({"member.muted", "member.banned"})


def _on_member(kind: str) -> Decide:
    def decide(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
        target = election.require_target(moment.room, sender, moment.roster.get(data["memberId"]))
        if kind in _OF_ALL_TABS:
            for one in moment.roster:  # nobody reaches the host, or himself, by another tab
                if one.subject == target.subject:
                    election.require_target(moment.room, sender, one)
        seconds = data.get("seconds")
        until = FOREVER if not seconds else moment.now + seconds * 1_000_000
        body = {"member": target.id, "subject": target.subject, "name": target.name, "until": until}
        return [entry(kind, body, by=sender, now=moment.now)]

    return decide


def _unban(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    if data["subject"] not in moment.room.banned:
        return []
    return [entry("member.unbanned", {"subject": data["subject"]}, by=sender, now=moment.now)]


def _role(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    target = election.require_target(moment.room, sender, moment.roster.get(data["memberId"]))
    if moment.room.role_of(target) == data["role"]:
        return []
    return [entry("member.role", {"member": target.id, "role": int(data["role"])}, by=sender, now=moment.now)]


def _host(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    target = election.require_target(moment.room, sender, moment.roster.get(data["memberId"]))
    return [name_host(moment, sender, target.id, why="given")]


def _take(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    if sender.id == moment.room.host:
        return []
    election.require_take(moment.room, moment.roster)
    return [name_host(moment, sender, sender.id, why="taken")]


def name_host(moment: Moment, sender: Member | None, member_id: str, *, why: str) -> NewEntry:
    """The entry that makes somebody the host ("" when nobody is left)."""
    member = moment.roster.get(member_id)
    body = {
        "member": member_id,
        "subject": "" if member is None else member.subject,
        "epoch": moment.room.host_epoch + 1,
        "why": why,
    }
    return entry("host.changed", body, by=sender, now=moment.now)


# The room.


def _settings(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    settings = changed(moment.room.settings, data["settings"])
    if settings == moment.room.settings:
        return []
    return [entry("room.set", {"settings": to_wire(settings)}, by=sender, now=moment.now)]


def _close(moment: Moment, sender: Member, data: Data) -> list[NewEntry]:
    return [entry("room.closed", {}, by=sender, now=moment.now)]


_STEPS: Mapping[str, Decide] = {
    "party:play": film.play,
    "party:pause": film.pause,
    "party:seek": film.seek,
    "party:rate": film.rate,
    "party:media": film.media,
    "party:queue:add": _add,
    "party:queue:vote": _vote,
    "party:queue:skip": _skip,
    "party:queue:move": _move,
    "party:queue:remove": _remove,
    "party:queue:next": _next,
    "party:chat": _chat,
    "party:chat:delete": _delete,
    "party:chat:report": _report,
    "party:mute": _on_member("member.muted"),
    "party:unmute": _on_member("member.unmuted"),
    "party:kick": _on_member("member.kicked"),
    "party:ban": _on_member("member.banned"),
    "party:unban": _unban,
    "party:role": _role,
    "party:host": _host,
    "party:host:take": _take,
    "party:settings": _settings,
    "party:close": _close,
    "party:ready": film.ready,
    "party:buffering": film.buffering,
}
COMMANDS = frozenset(_STEPS)
