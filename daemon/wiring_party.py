"""Joins what watch parties are made of. `open_party` is for every process, since a redemption may open a room or add to
its queue; `serve_party` is for those with the role `web`, which hold viewers."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from daemon.settings import Settings
from daemon.wiring_accounts import Accounts
from daemon.wiring_shared import Shared
from daemon.wiring_store import Kept
from domain.errors import Broken, Unavailable
from domain.ports import Clock, Metrics, Tasks
from gateways.http import HttpClient
from handlers.party.credentials import Credentials
from handlers.party.doors import PartyDoors
from handlers.party.entrance import Entrance
from handlers.party.from_twitch import FromTwitch
from handlers.party.invites import Invites, no_room
from handlers.party.issuer_keys import parse
from handlers.party.issuers import Fetch, Issuers
from handlers.party.keep import PartyKeep
from handlers.party.passwords import Passwords
from handlers.party.registry import Registry
from handlers.party.standing import Standing
from handlers.party.tickets import Tickets, derived
from rooms.delivery.budget import Budget
from rooms.delivery.hub import Hub
from rooms.delivery.pump import Pump
from rooms.fleet.clock import FleetTime, OwnTime, RoomTime
from rooms.fleet.replica import Replica
from rooms.fleet.visit import Visits
from rooms.people import Roster
from rooms.state import Room
from rooms.talk.conversation import Desk
from rooms.talk.limits import PER_ADDRESS, Gates, Limit
from rooms.talk.resume import ResumeKeys
from rooms.talk.rooms_here import RoomsHere
from storage.parties import PARTIES, PARTY_INVITES, PARTY_STATES, InviteUses, Parties, PartyStates
from storage.team import TEAM, Team
from web.api.party import PartyApi
from web.auth import origin_of
from web.auth_sessions import Sessions
from web.party_quality import Owners, PartyQuality
from web.party_socket import PartySocket, SocketLimits

Run = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Party:
    """What every process has. `tasks` have to run in each, by name; `sole` in one of the fleet."""

    settings: Settings
    shared: Shared
    secret: str = field(repr=False)
    time: RoomTime
    registry: Registry
    keep: PartyKeep
    invites: Invites
    tickets: Tickets
    doors: PartyDoors
    from_twitch: FromTwitch
    tasks: Mapping[str, Run]
    sole: Mapping[str, Run]


@dataclass(frozen=True, slots=True)
class Served:
    """What a process has that holds viewers."""

    party: Party
    public_url: Callable[[], str]
    socket: PartySocket
    api: PartyApi
    quality: PartyQuality
    rooms: RoomsHere
    tasks: Mapping[str, Run]


async def open_party(settings: Settings, kept: Kept, shared: Shared, *, http: HttpClient) -> Party | None:
    """Open the collections; `None` where watch parties are switched off. Raises what the store raises, and `Rejected`
    for a key file of JWT_ISSUER_KEYS that holds none."""
    if "party" not in settings.products:
        return None
    store, clock, secret = kept.store, shared.clock, kept.session_secret
    states = PartyStates(await store.collection(PARTY_STATES))
    uses = InviteUses(await store.collection(PARTY_INVITES))
    registry = Registry(
        parties=Parties(await store.collection(PARTIES)), states=states, uses=uses, clock=clock
    )
    keep = PartyKeep(states=states, registry=registry, clock=clock, at_once=shared.redis_time is None)
    time, keeps_time = room_time(shared)
    invites = Invites(secret=secret, registry=registry, uses=uses, clock=clock)
    tickets = Tickets(secret=secret, leases=shared.leases, clock=clock)
    rows = parse(",".join(row.get_secret_value() for row in settings.jwt_issuer_keys))
    issuers = Issuers(rows, clock=clock, fetch=fetching(http), audience=settings.jwt_audience or "")
    doors = PartyDoors(
        credentials=Credentials(issuers=issuers, tickets=tickets, invites=invites),
        invites=invites,
        registry=registry,
        standing=Standing(
            channels=kept.repositories.channels,
            team=Team(await store.collection(TEAM)),
            sessions=kept.repositories.sessions,
            viewers=kept.repositories.viewers,
            development=settings.development_login,
        ),
        passwords=Passwords(),
        time=time,
    )
    visits = Visits(topics=shared.topics, clock=clock, time=time, keep=keep)
    return Party(
        settings=settings,
        shared=shared,
        secret=secret,
        time=time,
        registry=registry,
        keep=keep,
        invites=invites,
        tickets=tickets,
        doors=doors,
        from_twitch=FromTwitch(visits=visits, registry=registry),
        tasks=keeps_time if shared.redis_time is None else {**keeps_time, "party_keep": keep.run},
        sole={"party_sweep": registry.run_sweeps},
    )


def serve_party(
    party: Party,
    *,
    accounts: Accounts,
    owner: str,
    public_url: Callable[[], str],
    tasks: Tasks,
    metrics: Metrics,
    random: Random,
) -> Served:
    """Join what holds viewers. `owner` names this process in the fleet."""
    settings, shared, clock = party.settings, party.shared, party.shared.clock
    budget = Budget(clock=clock, metrics=metrics, most_bytes=settings.party_buffer_bytes)
    pump = Pump(budget=budget, clock=clock, metrics=metrics)

    def hub(replica: Replica) -> Hub:
        return Hub(replica, topics=shared.topics, clock=clock, tasks=tasks, metrics=metrics, process=owner)

    rooms = RoomsHere(
        topics=shared.topics,
        clock=clock,
        time=party.time,
        tasks=tasks,
        metrics=metrics,
        process=owner,
        keep=party.keep,
        doors=party.doors,
        hub=hub,
    )
    joins = settings.party_joins_per_address
    desk = Desk(
        rooms=rooms,
        doors=party.doors,
        keep=party.keep,
        leases=shared.leases,
        keys=ResumeKeys([derived(party.secret, "resume")]),
        gates=Gates({**PER_ADDRESS, "join": Limit(joins / 60, joins)}),
        budget=budget,
        clock=clock,
        tasks=tasks,
        metrics=metrics,
        # Behind the #, so that it is in nobody's log.
        invite_url=lambda room_id, invite: f"{public_url()}/party/{room_id}#invite={invite}",
    )
    sessions = Sessions(logins=accounts.parts.logins, secure=settings.base_url.startswith("https:"))
    socket = PartySocket(
        desk=desk,
        sessions=sessions,
        own_origin=origin_of(settings.base_url),
        origins=settings.party_origins,
        metrics=metrics,
        random=random,
        limits=SocketLimits(
            accepts_per_second=settings.party_accepts_per_second, most_sockets=settings.party_max_viewers
        ),
    )

    def here() -> Iterable[tuple[Room, Roster]]:
        return [(replica.room, replica.roster) for replica in rooms.replicas if replica.is_following]

    async def count() -> None:
        await party.registry.run(here)

    async def owners(room_id: str) -> Owners:
        room = (await rooms.room(room_id)).replica.room
        if room.closed_at:
            raise no_room()
        return Owners(room.host_subject, await party.registry.channel_of(room_id))

    entrance = Entrance(tickets=party.tickets, registry=party.registry, invites=party.invites)
    return Served(
        party=party,
        public_url=public_url,
        socket=socket,
        api=PartyApi(desk=entrance, sessions=sessions),
        quality=PartyQuality(owners=owners, topics=shared.topics, logins=accounts.parts.logins, clock=clock),
        rooms=rooms,
        tasks={
            "party_rooms": rooms.run,
            "party_pump": pump.run,
            "party_sockets": socket.run,
            "party_counts": count,
        },
    )


def room_time(shared: Shared) -> tuple[RoomTime, Mapping[str, Run]]:
    """The clock of all rooms, and what keeps it right."""
    name = f"k{secrets.token_hex(3)}"
    if shared.redis_time is None:
        return OwnTime(clock=shared.clock, name=name), {}
    clock: Clock = shared.clock
    time = FleetTime(clock=clock, redis=shared.redis_time, name=name)

    async def keep_right() -> None:
        while not time.is_ready:
            try:
                await time.start()
            except (Unavailable, Broken):
                await clock.sleep(1.0)
        await time.run()

    return time, {"party_time": keep_right}


def fetching(http: HttpClient) -> Fetch:
    """Reads key sets. The operator named their addresses, which are trusted."""

    async def fetch(url: str) -> Any:
        answer = await http.request("GET", url, guard="trusted")
        try:
            found = answer.json()
        except ValueError:
            found = None
        if answer.status != 200 or not isinstance(found, dict):
            raise Unavailable(f"The key set could not be read ({answer.status}).", code="party.issuer_keys")
        return found

    return fetch
