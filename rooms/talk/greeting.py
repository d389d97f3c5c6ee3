"""Coming in and going: hello, create, join, resume, leave.

Between the welcome and what happens after it in the room nothing is lost or told twice: the welcome is made in the turn
of the loop in which the hub begins to tell.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import replace
from typing import Any

from domain.errors import CuelightError, Denied, Rejected, Unavailable
from rooms import names
from rooms.commands import mapping, word
from rooms.delivery.viewer import Viewer
from rooms.fleet.ports import Doors, Person
from rooms.people import Member, Roster, clean_name
from rooms.settings import Settings, changed
from rooms.state import Room
from rooms.talk.conversation import BYE_REPLACED, Conversation, Inside, Said
from rooms.talk.resume import GOOD_SECONDS, Membership, claim, invalid, void
from rooms.talk.rooms_here import RoomHere

LONGEST_TOKEN = 8192
LONGEST_PASSWORD = 128
_SURROGATE = re.compile("[\ud800-\udfff]")
"""JSON can name halves of characters, which no store and no hash takes."""


def text(data: Mapping[str, Any], name: str, longest: int) -> str:
    """A field of text that may be left out. Raises `Rejected` (`party.bad_field`)."""
    value = data.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > longest or _SURROGATE.search(value):
        raise Rejected(
            f"{name} has to be text of at most {longest} characters.",
            code="party.bad_field",
            advice=f"Send {name} as text.",
        )
    return value


async def hashed(doors: Doors, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as a client sends them, with the hash of the password in its place. Raises `Rejected`."""
    given = {name: value for name, value in wanted.items() if name != "password"}
    if "passwordHash" in given:
        raise Rejected(
            "There is no setting 'passwordHash'.", code="party.bad_field", advice="Send password as text."
        )
    if wanted.get("password") is not None:
        password = text(wanted, "password", LONGEST_PASSWORD)
        given["passwordHash"] = await doors.hash_password(password) if password else ""
    return given


async def identify(talk: Conversation, said: Said) -> None:
    """Find out who is there by `token`, `ticket`, or `invite` with `roomId`. Raises what `Doors.identify` raises."""
    credentials = {name: text(said.data, name, LONGEST_TOKEN) for name in ("token", "ticket", "invite")}
    if not any(credentials.values()):
        raise Denied(
            "There is no credential.",
            code="party.unauthorized",
            advice="Send token, ticket, or invite and roomId.",
        )
    talk.person = await talk.desk.doors.identify(**credentials, room_id=text(said.data, "roomId", 64))
    talk.is_counted = not credentials["ticket"]


async def hello(talk: Conversation, said: Said) -> None:
    """Say who one is. Twice is fine; somebody else cannot be said any more."""
    if talk.person is None:
        await identify(talk, said)
    person = talk.known()
    talk.answer(
        said,
        {
            "subject": person.subject,
            "name": person.name,
            "role": person.role.name.lower(),
            "clockId": talk.desk.rooms.time.clock_id,
        },
    )


async def create(talk: Conversation, said: Said) -> None:
    """Open a room and be its host."""
    person, desk = talk.known(), talk.desk
    _outside(talk)
    desk.gates.take("create", talk.address, desk.clock.monotonic())
    name = _name(said, person)
    wanted = await hashed(desk.doors, mapping("settings", said.data.get("settings") or {}))
    settings = changed(Settings(), wanted)
    channel = text(said.data, "channel", 64)
    await desk.doors.may_create(person, settings=settings, channel=channel)
    here = await desk.rooms.room(names.room_id(), create=True)
    member = _member(talk, person, name)
    try:
        await here.table.open(member, settings)
        await desk.keep.kept(here.replica.view)
        await desk.doors.opened(here.replica.room, person, channel)
    except Exception:
        await _step_out(here, member.id)
        raise
    await _welcome_new(talk, said, here, member)


async def join(talk: Conversation, said: Said) -> None:
    """Come into a room. Once more into the same one changes nothing."""
    person, desk = talk.known(), talk.desk
    room_id = word("roomId", said.data.get("roomId"))
    if talk.inside is not None and talk.inside.here.replica.room.id == room_id:
        welcome_again(talk, said)
        return
    _outside(talk)
    name = _name(said, person)
    password = text(said.data, "password", LONGEST_PASSWORD)
    invite = text(said.data, "invite", LONGEST_TOKEN) or person.invite
    if talk.is_counted:
        desk.gates.take("join", talk.address, desk.clock.monotonic())
    here = await desk.rooms.room(room_id)
    _require_open(here.replica.room, person.subject, desk.rooms.time.now())
    async with _guess(talk, room_id) if password else nullcontext():
        admission = await desk.doors.may_join(
            person,
            here.replica.room,
            password=password,
            invite=invite,
            address=talk.address,
            members=_seated_now(here.replica.roster, here.replica.room, desk.rooms.time.now()),
        )
    member = replace(_member(talk, person, name), role=admission.role, is_vip=admission.is_vip)
    try:
        await here.table.join(member)
    except Unavailable:
        await _step_out(here, member.id)
        raise
    await _welcome_new(talk, said, here, member)


def _seated_now(roster: Roster, room: Room, now: int) -> int:
    """How many seats are taken. Counted one by one only where it matters, as thousands may come at once."""
    return len(roster) if len(roster) < room.settings.most_members * 0.8 else roster.seated(now)


@asynccontextmanager
async def _guess(talk: Conversation, room_id: str) -> AsyncIterator[None]:
    """A password is tried. In turn for each address and room: many at the same time would all be tried before the first
    of them counts as wrong. Raises `Unavailable` (`party.rate_limited`)."""
    gates, clock, who = talk.desk.gates, talk.desk.clock, (talk.address, room_id)
    async with gates.turns.of(who):
        gates.require("password", who, clock.monotonic())
        try:
            yield
        except Denied as error:
            if error.code == "party.bad_password":
                gates.take("password", who, clock.monotonic())
            raise


async def resume(talk: Conversation, said: Said) -> None:
    """Come back as the member that one was, and hear what was missed."""
    desk = talk.desk
    _outside(talk)
    held = desk.keys.read(text(said.data, "resumeToken", LONGEST_TOKEN), now=desk.utc())
    epoch, last = said.data.get("epoch"), said.data.get("lastSeq")
    here = await desk.rooms.room(held.room_id)
    room = here.replica.room
    if held.member_id in room.removed:
        raise invalid()
    _require_open(room, held.subject, desk.rooms.time.now())
    following = await claim(desk.leases, held)
    if following is None:
        raise invalid()
    known = here.replica.roster.get(held.member_id)
    process = desk.rooms.process
    try:
        if known is not None and known.process:
            member = replace(known, process=process, away_since=0)
            await here.table.back(member)
        else:  # the roster was lost, or the membership is over: it begins again, as the same one
            member = held.member(process)
            await here.table.join(member)
    except Unavailable:
        await _step_out(here, held.member_id)
        raise
    if following.generation == held.generation + 1 and await _is_taken_over(talk, held):
        await _step_out(here, held.member_id)
        talk.end(BYE_REPLACED, "replaced")
        return
    held = replace(held, name=member.name)
    talk.person = talk.person or Person(held.subject, held.name, held.role, held.is_vip)
    for made_by in ("party:create", "party:join"):
        talk.remember(made_by, held.made_by, None)
    inside = await _inside(talk, here, member, replace(following, name=member.name))
    if inside is None:
        return
    inside.is_settled = False
    if isinstance(epoch, str) and isinstance(last, int) and not isinstance(last, bool):
        is_resumed = here.hub.resume(
            inside.viewer,
            reply_of=lambda: _welcome(talk, inside, said.type, said.id),
            epoch=epoch,
            last_seq=last,
        )
    else:
        is_resumed = False
    if not is_resumed:
        gap = _welcome(talk, inside, "party:sync", said.id, why="resume_gap")
        here.hub.enter(inside.viewer, reply=gap)
    _seated(talk, inside)
    talk.remember(said.type, said.id, None)
    here.hub.ask(inside.viewer)  # whoever answers has the welcome: `requests.pong`


async def leave(talk: Conversation, said: Said) -> None:
    """Leave the room for good; the socket stays."""
    held = talk.joined()
    await held.here.table.leave(held.member.id)
    talk.inside = None
    held.here.hub.leave(held.viewer)
    held.viewer.detach()
    held.here.unseat(held.member.id, talk)
    with suppress(Unavailable):
        await void(talk.desk.leases, held.membership)  # its token brings nobody back
    done = {"roomId": held.here.replica.room.id}
    talk.remember(said.type, said.id, done)
    talk.answer(said, done)


def welcome_again(talk: Conversation, said: Said) -> None:
    """The answer to a message that brought somebody in, asked for once more: the room as it is by now."""
    held = talk.joined()
    talk.send(_welcome(talk, held, said.type, said.id))


async def _welcome_new(talk: Conversation, said: Said, here: RoomHere, member: Member) -> None:
    membership = Membership(
        here.replica.room.id, member.id, member.name, member.subject, member.role, member.since, member.is_vip,
        made_by=said.id,
    )  # fmt: skip
    inside = await _inside(talk, here, member, membership)
    if inside is not None:
        here.hub.enter(inside.viewer, reply=_welcome(talk, inside, said.type, said.id))
        _seated(talk, inside)
        talk.remember(said.type, said.id, None)


async def _inside(
    talk: Conversation, here: RoomHere, member: Member, membership: Membership
) -> Inside | None:
    """None: the socket was lost while we were asking."""
    if talk.is_over:
        await _step_out(here, member.id)
        return None
    desk = talk.desk
    lives = talk.ends_at - desk.clock.monotonic()
    ends = desk.utc() + round(lives) + GOOD_SECONDS
    membership = replace(membership, expires_at=max(membership.expires_at, ends))
    inside = Inside(here, member, membership, Viewer(talk.line, member=member, budget=desk.budget))
    inside.viewer.sync = lambda why: _welcome(talk, inside, "party:sync", "", why=why)
    return inside


def _seated(talk: Conversation, inside: Inside) -> None:
    talk.inside = inside
    inside.here.seat(inside.member.id, talk)


def _welcome(talk: Conversation, inside: Inside, type: str, id: str, *, why: str = "") -> bytes:
    lives = max(0, round(talk.ends_at - talk.desk.clock.monotonic()))
    return inside.here.hub.welcome(
        inside.member,
        type=type,
        re=id,
        resume_token=talk.desk.keys.sign(inside.membership),
        lives=lives,
        why=why,
    )


async def _is_taken_over(talk: Conversation, held: Membership) -> bool:
    """Whether the same token came by another connection while we were at it: this one was given up."""
    with suppress(CuelightError):
        return bool(await talk.desk.leases.holders([held.settled]))
    return False


async def _step_out(here: RoomHere, member_id: str) -> None:
    """Nobody came in after all, at least not by this connection."""
    if member_id not in here.seats:
        with suppress(CuelightError):
            await here.table.away(member_id)


def _member(talk: Conversation, person: Person, name: str) -> Member:
    rooms = talk.desk.rooms
    return Member(
        names.member_id(), name, person.subject, person.role, rooms.time.now(), rooms.process,
        is_vip=person.is_vip,
    )  # fmt: skip


def _name(said: Said, person: Person) -> str:
    return clean_name(said.data["userName"] if said.data.get("userName") is not None else person.name)


def _outside(talk: Conversation) -> None:
    if talk.inside is not None:
        raise Rejected(
            "You are in a room already.", code="party.already_joined", advice="Send party:leave first."
        )


def _require_open(room: Room, subject: str, now: int) -> None:
    if room.closed_at:
        raise Rejected("This room is closed.", code="party.room_closed", advice="Open another one.")
    if room.is_banned(subject, now):
        raise Denied("You are banned from this room.", code="party.banned", advice="Ask its host.")
