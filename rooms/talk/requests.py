"""What a viewer asks for, once in: the commands of the room, the roster by page, invites; and what is answered or
counted at once: the clock, reports, reactions.
"""

from __future__ import annotations

import functools
import heapq
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from domain.errors import CuelightError, Denied, Rejected, Unavailable
from rooms.commands import number, read, role, whole, word
from rooms.delivery import messages, shown
from rooms.delivery.outbox import Kind
from rooms.invites import LONGEST_SECONDS, MOST_USES
from rooms.people import Role
from rooms.permissions import require
from rooms.talk.conversation import Conversation, Inside, Said
from rooms.talk.greeting import hashed
from rooms.talk.resume import settle

ROSTER_PAGE = 100
DAY_SECONDS = 24 * 3600
_LATENCY = number(0.0, 60_000.0)
_LARGEST_T1 = 1e30
"""Infinity, which a number like 1e999 becomes, could not be said back."""


async def ask(talk: Conversation, said: Said) -> None:
    """A command of the room (`commands.FIELDS`): decided, in the log, kept, and then answered."""
    held = talk.joined()
    data: Mapping[str, Any] = said.data
    if said.type == "party:settings" and isinstance(data.get("settings"), dict):
        room = held.here.replica.room
        require(
            room.role_of(held.member), said.type, room.settings
        )  # a hash is work that nobody else may ask for
        data = {**data, "settings": await hashed(talk.desk.doors, data["settings"])}
    command = read(said.type, data, id=said.id or _own_id(talk))
    if said.type == "party:ready" and data.get("startLatencyMs") is not None:
        held.here.hub.started(held.member.id, _LATENCY("startLatencyMs", data["startLatencyMs"]))
    places = await held.here.table.ask(held.member, command, delays=held.here.hub.delays)
    if places:
        await talk.desk.keep.kept(held.here.replica.view)
    if said.id:
        talk.send(messages.ok(said.id, places[-1].seq if places else None, is_host=talk.is_host))


def _own_id(talk: Conversation) -> str:
    """For a command without an id. A client's own cannot have a space."""
    held = talk.joined()
    talk.ids += 1
    return f"{held.membership.generation} {talk.ids}"


async def roster(talk: Conversation, said: Said) -> None:
    """A page of the roster, in the order of the ids."""
    held = talk.joined()
    room, people = held.here.replica.room, held.here.replica.roster
    given = said.data.get("after")
    after = "" if given is None else word("after", given)
    given = said.data.get("limit")
    limit = ROSTER_PAGE if given is None else whole(1, ROSTER_PAGE)("limit", given)
    found = heapq.nsmallest(limit + 1, (one for one in people if one.id > after), key=lambda one: one.id)
    page = found[:limit]
    talk.answer(
        said,
        {
            "members": [shown.member_of(one, room) for one in page],
            "next": page[-1].id if len(found) > limit else None,
        },
    )


async def invite(talk: Conversation, said: Said) -> None:
    """An invite for others, with a lower role than one's own."""
    held, desk = talk.joined(), talk.desk
    room = held.here.replica.room
    own = room.role_of(held.member)
    require(own, "party:invite", room.settings)

    def field(name: str, usual: int, most: int) -> int:
        value = said.data.get(name)
        return usual if value is None else int(whole(1, most)(name, value))

    wanted = said.data.get("role")
    given = Role.GUEST if wanted is None else role("role", wanted)
    if given >= own:
        raise Denied(
            "An invite gives a lower role than your own.",
            code="party.forbidden",
            advice="Choose a lower one.",
        )
    token, expires_at = await desk.doors.invite(
        room,
        role=given,
        uses=field("uses", 1, MOST_USES),
        seconds=field("seconds", DAY_SECONDS, LONGEST_SECONDS),
        by=held.member.subject,
    )
    done = {"invite": token, "url": desk.invite_url(room.id, token), "expiresAt": expires_at}
    talk.remember(said.type, said.id, done)
    talk.answer(said, done)


# at once


def clock(talk: Conversation, said: Said, received_us: int) -> None:
    """What the room's time was when the message was read, and what it is now."""
    t1 = said.data.get("t1")
    if isinstance(t1, bool) or not isinstance(t1, int | float) or not -_LARGEST_T1 <= t1 <= _LARGEST_T1:
        raise Rejected("t1 has to be a number.", code="party.bad_field", advice="Send t1 as a number.")
    time = talk.desk.rooms.time
    data: dict[str, Any] = {"t1": t1, "t2": received_us, "t3": 0, "clockId": time.clock_id}
    message: dict[str, Any] = {"type": "clock:pong", **({"re": said.id} if said.id else {}), "data": data}
    data["t3"] = time.now()
    talk.send(messages.encode(message), Kind.DROP)  # late it would be worth nothing


def report(talk: Conversation, said: Said, received_us: int) -> None:
    """What a player measured."""
    held = talk.joined()
    held.here.hub.report(held.member.id, said.data)


def react(talk: Conversation, said: Said, received_us: int) -> None:
    """A face for the room."""
    held = talk.joined()
    held.here.hub.react(held.member.id, said.data.get("emoji"))


def pong(talk: Conversation, said: Said, received_us: int) -> None:
    """Still there; and after a resume, that its welcome has come."""
    held = talk.inside
    if held is not None and not held.is_settled:
        with suppress(Unavailable):  # else the next one says it
            talk.lanes.put(functools.partial(_settle, talk, held))


async def _settle(talk: Conversation, held: Inside) -> None:
    if held.is_settled:
        return
    with suppress(CuelightError):
        await settle(talk.desk.leases, held.membership)
        held.is_settled = True
