"""Watch parties as they outlive a restart: which rooms there are, what each of them holds, and how often their invites
were used. What happens in a room while somebody is in it lies in its log (`rooms/`); here is what it begins from again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from domain.errors import Denied
from storage.codec import from_document, to_document
from storage.contracts import Collection, Document, Duplicate, Range, Scalar, Schema, Where, every

PARTIES = Schema(
    name="parties",
    fields={
        "state": str,
        "is_public": bool,
        "channel_id": str,
        "owner": str,
        "visited_at": int,
        "closed_at": int,
        "here": int,
    },
    indexes=(
        ("state", "is_public", "here"),
        ("state", "visited_at"),
        ("state", "owner"),
        ("state", "closed_at"),
        ("channel_id",),
        ("owner",),
    ),
)
PARTY_STATES = Schema(name="party_states")
PARTY_INVITES = Schema(
    name="party_invites",
    fields={"room_id": str, "expires_at": int},
    indexes=(("room_id",), ("expires_at",)),
)

OPEN, CLOSED = "open", "closed"


@dataclass(frozen=True, slots=True)
class Party:
    """A room as the list of rooms knows it. `owner` is the subject who opened it, `channel_id` "" for a room of no
    channel. `visited_at`: when somebody was last seen there; `here` and `members` are of then. `key_version` is part of
    the key of its invites: turning it makes all of them void. Times in UTC ms."""

    id: str
    channel_id: str
    owner: str
    opened_at: int
    visited_at: int
    state: str = OPEN
    closed_at: int = 0
    title: str = ""
    film: str = ""
    is_public: bool = False
    vip_only: bool = False
    has_password: bool = False
    members: int = 0
    here: int = 0
    key_version: int = 1
    v: int = 1


class Parties:
    """All rooms, open or closed lately."""

    def __init__(self, parties: Collection) -> None:
        self._parties = parties

    async def get(self, room_id: str) -> Party | None:
        document = await self._parties.get(room_id)
        return None if document is None else from_document(Party, document)

    async def add(self, party: Party) -> bool:
        """A room was opened. False when there is one of this id; one that was closed makes room for it, with a key of
        its own."""
        try:
            await self._parties.insert(to_document(party))
        except Duplicate:
            return await self._add_again(party)
        return True

    async def _add_again(self, party: Party) -> bool:
        added: list[bool] = []

        def again(document: Document) -> Document | None:
            added.clear()
            held = from_document(Party, document)
            if held.state == OPEN:
                return None
            added.append(True)
            return to_document(replace(party, key_version=held.key_version + 1))

        await self._parties.change(party.id, again)
        return bool(added)

    async def change(self, room_id: str, fn: Callable[[Party], Party | None]) -> Party | None:
        """Change a room that is open; `None` from `fn` leaves it. Returns it as it is then, `None` where there is
        none that is open."""

        def apply(document: Document) -> Document | None:
            held = from_document(Party, document)
            after = fn(held) if held.state == OPEN else None
            return None if after is None else to_document(after)

        document = await self._parties.change(room_id, apply)
        found = None if document is None else from_document(Party, document)
        return found if found is not None and found.state == OPEN else None

    async def close(self, room_id: str, *, now: int, unless_visited_since: int | None = None) -> bool:
        """The room is closed, and forgets whose it was. False when it is not open, or was visited meanwhile."""
        closed: list[bool] = []

        def apply(document: Document) -> Document | None:
            closed.clear()
            held = from_document(Party, document)
            if held.state != OPEN:
                return None
            if unless_visited_since is not None and held.visited_at >= unless_visited_since:
                return None
            closed.append(True)
            return to_document(
                replace(held, state=CLOSED, closed_at=now, owner="", title="", film="", here=0)
            )

        await self._parties.change(room_id, apply)
        return bool(closed)

    async def public(self, *, limit: int, after: str | None) -> tuple[list[Party], str | None]:
        """A page of the open public rooms, those with most people first. Raises `Rejected` for a bad cursor."""
        where: Where = {"state": OPEN, "is_public": True}
        page = await self._parties.find(where, sort=[("here", -1)], limit=limit, after=after)
        return [from_document(Party, document) for document in page.documents], page.cursor

    async def left_before(self, before: int) -> list[Party]:
        """The open rooms in which nobody was seen since a time (UTC ms)."""
        where: Where = {"state": OPEN, "visited_at": Range(None, before)}
        return [from_document(Party, document) async for document in every(self._parties, where)]

    async def open_of(self, owner: str) -> int:
        """How many open rooms somebody has."""
        return await self._parties.count({"state": OPEN, "owner": owner})

    async def open_in(self, channel_id: str) -> list[Party]:
        """The open rooms of a channel."""
        where: Where = {"channel_id": channel_id}
        found = [from_document(Party, document) async for document in every(self._parties, where)]
        return [party for party in found if party.state == OPEN]

    async def open_in_all(self) -> int:
        """How many rooms are open."""
        return await self._parties.count({"state": OPEN})


class PartyStates:
    """The last snapshot of each open room (`rooms/fleet/views.py`, `RoomView.body`)."""

    def __init__(self, states: Collection) -> None:
        self._states = states

    async def get(self, room_id: str) -> Mapping[str, Any] | None:
        document = await self._states.get(room_id)
        return None if document is None else document["body"]

    async def put(self, room_id: str, body: Mapping[str, Any]) -> None:
        """Keep a snapshot, unless a later one is kept: of the same log by its place, else by the wall time."""
        room = body["room"]
        document: Document = {
            "_id": room_id,
            "epoch": room["epoch"],
            "seq": room["seq"],
            "wall": room["wall"],
            "body": dict(body),
        }

        def apply(held: Document) -> Document | None:
            is_later = (
                held["seq"] <= document["seq"]
                if held["epoch"] == document["epoch"]
                else held["wall"] <= document["wall"]
            )
            return dict(document) if is_later else None

        await self._states.change(room_id, apply, initial=document)

    async def remove(self, room_id: str) -> bool:
        return await self._states.delete(room_id)

    async def older_than(self, wall_ms: int) -> list[str]:
        """The rooms whose snapshot was made before a time (UTC ms)."""
        return [held["_id"] async for held in every(self._states, {}) if held["wall"] < wall_ms]


class InviteUses:
    """How often each invite was used, under its nonce."""

    def __init__(self, invites: Collection) -> None:
        self._invites = invites

    async def use(self, room_id: str, nonce: str, *, most: int, expires_at: int) -> int:
        """One use more; returns how many there were with it. Raises `Denied` (`party.invite_used`) after `most`, by
        however many processes. `expires_at` in UTC ms: afterwards nobody asks."""
        name = f"{room_id}:{nonce}"

        def apply(document: Document) -> Document:
            if document["used"] >= most:
                raise used_up()
            return {**document, "used": document["used"] + 1}

        initial: Document = {"_id": name, "room_id": room_id, "used": 0, "expires_at": expires_at}
        document = await self._invites.change(name, apply, initial=initial)
        return 0 if document is None else int(document["used"])

    async def used(self, room_id: str, nonce: str) -> int:
        """How often it was used."""
        document = await self._invites.get(f"{room_id}:{nonce}")
        return 0 if document is None else int(document["used"])

    async def forget(self, room_id: str) -> None:
        """The room is closed: none of its invites is good any more."""
        where: Mapping[str, Scalar] = {"room_id": room_id}
        async for document in every(self._invites, where):
            await self._invites.delete(document["_id"])


def used_up() -> Denied:
    """As many came by an invite as it was for."""
    return Denied("This invite is used up.", code="party.invite_used", advice="Ask for a new one.")


def subject_of(user_id: str) -> str:
    """Somebody of Twitch, as rooms name him."""
    return f"twitch:{user_id}"


def names_subject(body: Mapping[str, Any], subject: str) -> bool:
    """Whether a snapshot names somebody: as host, among those who were sent out or muted, as who paid for an item."""
    room = body["room"]
    paid = {one.get("who", "") for one in (*room.get("queue", ()), room.get("item") or {})} - {""}
    return subject in {room["host"][1], room["former"][0], *room["banned"], *room["muted"], *paid}


def without_subject(body: Mapping[str, Any], subject: str) -> dict[str, Any]:
    """The same snapshot without somebody's subject, and without the name of who paid for an item."""
    room = dict(body["room"])
    host, former = list(room["host"]), list(room["former"])
    host[1] = "" if host[1] == subject else host[1]
    former[0] = "" if former[0] == subject else former[0]
    lists = {
        name: {one: at for one, at in room[name].items() if one != subject} for name in ("banned", "muted")
    }

    def unpaid(item: Mapping[str, Any]) -> dict[str, Any]:
        is_of_him = item.get("who") == subject
        return {name: value for name, value in item.items() if not is_of_him or name not in ("name", "who")}

    items: dict[str, Any] = {"queue": [unpaid(one) for one in room.get("queue", ())]}
    if room.get("item") is not None:
        items["item"] = unpaid(room["item"])
    return {**body, "room": {**room, "host": host, "former": former, **lists, **items}}
