"""The doors of watch parties on a real store, with a clock that tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateways.leases.memory import MemoryLeases
from handlers.party.credentials import Credentials
from handlers.party.doors import PartyDoors
from handlers.party.entrance import Entrance
from handlers.party.invites import Invites
from handlers.party.issuer_keys import IssuerKey
from handlers.party.issuers import Fetch, Issuers
from handlers.party.keep import PartyKeep
from handlers.party.passwords import Passwords
from handlers.party.registry import Registry
from handlers.party.standing import Standing
from handlers.party.tickets import Tickets
from rooms.fleet.clock import OwnTime
from rooms.fleet.ports import Person
from rooms.settings import Settings, changed
from rooms.state import Room
from storage.channels import CHANNELS, Channels
from storage.contracts import Store
from storage.open import open_store, sqlite_url
from storage.parties import PARTIES, PARTY_INVITES, PARTY_STATES, InviteUses, Parties, PartyStates
from storage.sessions import SESSIONS, Sessions
from storage.team import TEAM, Team
from storage.viewers import VIEWERS, Viewers
from tests.support.clock import ManualClock

SECRET = "a secret of this installation, 32 bytes"


@dataclass
class Doorway:
    """Everything of one process. Several may stand on one store."""

    clock: ManualClock
    store: Store
    leases: MemoryLeases
    registry: Registry
    states: PartyStates
    uses: InviteUses
    invites: Invites
    tickets: Tickets
    doors: PartyDoors
    entrance: Entrance
    keep: PartyKeep
    channels: Channels
    team: Team
    sessions: Sessions
    viewers: Viewers

    async def open(
        self, room_id: str = "mint-owl-42", *, owner: str = "twitch:1", channel: str = "", **settings: Any
    ) -> Room:
        """A room that somebody has opened."""
        room = Room(room_id, opened_at=1, settings=changed(Settings(), settings), host_subject=owner)
        await self.doors.opened(room, Person(owner, "Owner"), channel)
        return room

    async def join(self, person: Person, room: Room, **more: Any) -> Any:
        """Through the door."""
        given = {"password": "", "invite": "", "address": "192.0.2.1", "members": 1, **more}
        return await self.doors.may_join(person, room, **given)


async def doorway(
    store: Store,
    clock: ManualClock,
    *,
    leases: MemoryLeases | None = None,
    rows: tuple[IssuerKey, ...] = (),
    fetch: Fetch | None = None,
    at_once: bool = True,
) -> Doorway:
    """One process on a store."""
    states = PartyStates(await store.collection(PARTY_STATES))
    uses = InviteUses(await store.collection(PARTY_INVITES))
    parties = Parties(await store.collection(PARTIES))
    registry = Registry(parties=parties, states=states, uses=uses, clock=clock)
    leases = leases or MemoryLeases(clock=clock)
    tickets = Tickets(secret=SECRET, leases=leases, clock=clock)
    invites = Invites(secret=SECRET, registry=registry, uses=uses, clock=clock)
    channels, team = Channels(await store.collection(CHANNELS)), Team(await store.collection(TEAM))
    sessions = Sessions(await store.collection(SESSIONS))
    viewers = Viewers(await store.collection(VIEWERS))
    doors = PartyDoors(
        credentials=Credentials(
            issuers=Issuers(rows, clock=clock, fetch=fetch), tickets=tickets, invites=invites
        ),
        invites=invites,
        registry=registry,
        standing=Standing(channels=channels, team=team, sessions=sessions, viewers=viewers),
        passwords=Passwords(),
        time=OwnTime(clock=clock, name="k1"),
    )
    entrance = Entrance(tickets=tickets, registry=registry, invites=invites)
    keep = PartyKeep(states=states, registry=registry, clock=clock, at_once=at_once)
    return Doorway(
        clock, store, leases, registry, states, uses, invites, tickets, doors, entrance, keep, channels, team,
        sessions, viewers,
    )  # fmt: skip


@asynccontextmanager
async def open_doorway(path: Path) -> AsyncIterator[Doorway]:
    """One process on SQLite."""
    clock = ManualClock()
    store = await open_store(sqlite_url(path), clock=clock)
    try:
        yield await doorway(store, clock)
    finally:
        await store.close()
