"""Where the store holds what belongs to one viewer of a channel, or to a channel, and what is left of each document
when that is erased. Whoever exports and whoever erases read the same tables: neither knows of more than the other.

Some documents stay without what they said, since their ids keep something from happening twice: a delivery that comes
again finds its row, a redemption its record.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from domain.audit import Action
from domain.audit_chain import names_person
from domain.inbox import RowState
from domain.slots import Slots
from storage.analytics import ANALYTICS
from storage.audit import AUDIT
from storage.channels import CHANNELS
from storage.codec import from_document, to_document
from storage.connections import CONNECTIONS
from storage.contracts import Document, Scalar, Schema, Store, every
from storage.inbox import INBOX
from storage.left import LEFT
from storage.logins import CONSENTS, LOGINS
from storage.parties import PARTIES, PARTY_STATES, names_subject, subject_of
from storage.pulses import CHATS, PULSES
from storage.redemptions import REDEMPTIONS
from storage.sessions import SESSIONS
from storage.slots import SLOTS
from storage.streams import STREAMS
from storage.team import BOTS, TEAM
from storage.tokens import TOKENS
from storage.viewers import VIEWERS

ERASED = "erased"
SAID_IN = ("chat", "discord")
"""Rows of these sources name a viewer by his name alone."""

BY_CHANNEL: tuple[Schema, ...] = (CHANNELS, LEFT, SLOTS, BOTS, STREAMS, CONNECTIONS, PULSES, CHATS)
"""Collections with one document per channel, under its id."""

OF_CHANNEL: tuple[Schema, ...] = (INBOX, AUDIT, ANALYTICS, REDEMPTIONS, SESSIONS, TEAM, VIEWERS, PARTIES)
"""Collections whose documents name their channel. In the order in which they go: names are needed until the end, to
find what is said of them."""

Found = tuple[Schema, Document]
Left = Callable[[Document], Document | None]
"""What is left of a document, `None` for nothing."""


@dataclass(frozen=True, slots=True)
class Person:
    """A viewer as a channel knows him: his id, and the names that he had (lower case)."""

    id: str
    names: frozenset[str] = frozenset()


class PersonalData:
    """Finds; changes nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def _every(self, schema: Schema, where: Mapping[str, Scalar]) -> AsyncIterator[Document]:
        async for document in every(await self._store.collection(schema), where):
            yield document

    async def channels_of(self, viewer_id: str) -> list[str]:
        """The channels, his own apart, that may hold something of a viewer; "" stands for what belongs to none."""
        found: set[Scalar] = set()
        for schema in (SESSIONS, REDEMPTIONS, AUDIT, VIEWERS):
            collection = await self._store.collection(schema)
            found |= set(await collection.tally("channel_id", {"viewer_id": viewer_id}))
        team, audit = await self._store.collection(TEAM), await self._store.collection(AUDIT)
        found |= set(await team.tally("channel_id", {"user_id": viewer_id}))
        found |= set(await audit.tally("channel_id", {"actor_id": viewer_id}))
        for schema in (INBOX, PARTIES):
            found |= set(await (await self._store.collection(schema)).tally("channel_id", {}))
        return sorted(str(each) for each in found if each is not None and each != viewer_id)

    async def person(self, channel_id: str, viewer_id: str) -> Person:
        """A viewer with the names that a channel holds of him."""
        names: set[str] = set()
        for schema in (VIEWERS, SESSIONS, REDEMPTIONS):
            async for held in self._every(schema, {"channel_id": channel_id, "viewer_id": viewer_id}):
                names |= {
                    str(held.get(name, "")) for name in ("login", "name", "viewer_login", "viewer_name")
                }
        async for held in self._every(AUDIT, {"channel_id": channel_id, "viewer_id": viewer_id}):
            viewer = held.get("viewer") or {}
            names |= {str(viewer.get("login", "")), str(viewer.get("name", ""))}
        return Person(viewer_id, frozenset(name.lower() for name in names if name))

    async def of_viewer(self, channel_id: str, viewer_id: str) -> AsyncIterator[Found]:
        """What a channel holds of a viewer. With an empty `channel_id`, what belongs to no channel. Of a streamer in
        his own channel there is nothing: that is the channel's (`of_channel`)."""
        if viewer_id == channel_id:
            return
        person = await self.person(channel_id, viewer_id)
        here: dict[str, Scalar] = {"channel_id": channel_id}
        async for row in self._every(INBOX, here):
            if row["lane"] != ERASED and concerns(row, person) and not _in_hand(row):
                yield INBOX, row
        async for each in self._parties_of(here, subject_of(viewer_id)):
            yield each
        if not channel_id:
            return
        async for record in self._records_of(here, person):
            yield AUDIT, record
        async for day in self._every(ANALYTICS, here):
            if any(row["id"] == viewer_id for row in _figures(day)):
                yield ANALYTICS, day
        async for slots in self._of_id(SLOTS, channel_id):
            if viewer_id in {each["viewer_id"] for each in (*slots["held"], *slots["waiting"])}:
                yield SLOTS, slots
        for schema in (TEAM, REDEMPTIONS, SESSIONS, VIEWERS):
            name = "user_id" if schema is TEAM else "viewer_id"
            async for document in self._every(schema, {**here, name: viewer_id}):
                yield schema, document

    async def _parties_of(self, here: Mapping[str, Scalar], subject: str) -> AsyncIterator[Found]:
        async for party in self._every(PARTIES, here):
            async for state in self._of_id(PARTY_STATES, party["_id"]):
                if names_subject(state["body"], subject):
                    yield PARTY_STATES, state
            if party["owner"] == subject:
                yield PARTIES, party

    async def _records_of(self, here: Mapping[str, Scalar], person: Person) -> AsyncIterator[Document]:
        async for record in self._every(AUDIT, {**here, "erased": None}):
            if _about(record, person):
                yield record
        async for record in self._every(AUDIT, {**here, "erased": True}):
            if names_person(record["_id"], person.id):  # whose erasure was cut off
                yield record

    async def of_channel(self, channel_id: str) -> AsyncIterator[Found]:
        """What is held of a channel. Rows that are still to be handled are left out, and what was erased before."""
        for schema in OF_CHANNEL:
            async for document in self._every(schema, {"channel_id": channel_id}):
                if schema is INBOX and (document["lane"] == ERASED or document["state"] == RowState.OPEN):
                    continue
                if schema is AUDIT and (document.get("erased") or document["action"] == Action.ERASURE):
                    continue
                if schema is PARTIES:
                    async for state in self._of_id(PARTY_STATES, document["_id"]):
                        yield PARTY_STATES, state
                yield schema, document
        for schema in BY_CHANNEL:
            async for document in self._of_id(schema, channel_id):
                yield schema, document

    async def of_account(self, user_id: str) -> AsyncIterator[Found]:
        """Where somebody is signed in, or about to be."""
        async for document in self._every(LOGINS, {"subject": user_id}):
            yield LOGINS, document
        async for document in self._every(CONSENTS, {}):
            if user_id in {document.get("subject"), document.get("by")}:
                yield CONSENTS, document

    async def grant_of(self, user_id: str) -> AsyncIterator[Found]:
        """The grant of a streamer, if his account speaks in no channel."""
        bots = await self._store.collection(BOTS)
        if not await bots.count({"bot_id": user_id}):
            async for document in self._of_id(TOKENS, user_id):
                yield TOKENS, document

    async def _of_id(self, schema: Schema, document_id: str) -> AsyncIterator[Document]:
        document = await (await self._store.collection(schema)).get(document_id)
        if document is not None:
            yield document


def emptied_row(row: Document) -> Document:
    """A row of the inbox by which a delivery that comes again is recognised, and nothing else. What nobody has handled
    is handled by that."""
    return {
        **row,
        "lane": ERASED,
        "raw": "{}",
        "headers": {},
        "steps": {},
        "error": None,
        "waiting_for": "",
        "state": RowState.DONE.value,
        "result": ERASED,
        "finished_at": row.get("finished_at") or row["received_at"],
    }


def emptied_redemption(redemption: Document) -> Document:
    """A redemption without its viewer."""
    return {**redemption, "viewer_id": "", "viewer_login": "", "viewer_name": "", "user_input": ""}


def without_viewer(slots: Document, viewer_id: str) -> Document:
    """The slots of a channel without those of a viewer."""
    held = from_document(Slots, slots)
    going = {hold.session_id for hold in held.held if hold.viewer_id == viewer_id}
    new = replace(
        held,
        held=tuple(hold for hold in held.held if hold.viewer_id != viewer_id),
        waiting=tuple(wait for wait in held.waiting if wait.viewer_id != viewer_id),
        leaving=tuple(each for each in held.leaving if each.session_id not in going),
    )
    return {**slots, **to_document(new), "restless": new.restless}


def without_figures(day: Document, viewer_id: str) -> Document:
    """A day of the figures without the row of a viewer; its sums stay."""
    rows = [row for row in _figures(day) if row["id"] != viewer_id]
    return {**day, "figures": {**day["figures"], "viewers": rows}}


def without_owner(party: Document) -> Document:
    """A watch party that nobody opened."""
    return {**party, "owner": ""}


def concerns(row: Document, person: Person) -> bool:
    """Whether a row of the inbox has to do with a viewer."""
    if names_person(row["_id"], person.id) or names_person(row["lane"], person.id):
        return True
    text = f"{row['raw']} {json.dumps(row['steps'])}"
    if person.id in text and person.id in set(_texts(row["raw"], row["steps"])):
        return True
    if row["source"] not in SAID_IN or not person.names:
        return False
    said = " ".join(_texts(row["raw"], row["steps"])).lower()
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", said) for name in person.names)


def _in_hand(row: Document) -> bool:
    """Whether somebody has to handle a row. What is only said or shown need not be."""
    return row["state"] == RowState.OPEN and row["source"] not in (*SAID_IN, "live")


def _about(record: Document, person: Person) -> bool:
    if record["action"] == Action.ERASURE:
        return False
    people = {str((record.get(part) or {}).get("id", "")) for part in ("viewer", "actor")}
    return person.id in people or person.id in set(_strings(record.get("detail")))


def _figures(day: Document) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (day.get("figures") or {}).get("viewers") or []
    return found


def _texts(raw: str, steps: Any) -> Iterator[str]:
    """Every text in a row. A body that is no JSON is one text, cut into words."""
    try:
        yield from _strings(json.loads(raw))
    except (ValueError, RecursionError):
        yield from re.split(r"\W+", raw)
    yield from _strings(steps)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
