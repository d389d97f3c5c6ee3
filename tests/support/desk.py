"""Joins the handlers to everything that is real: SQLite, topics, Helix over sockets to the Twitch simulator; worker and
scheduler under way. Only time is moved by hand, unless a test hands in another clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import aiohttp

from daemon.metrics import PrometheusMetrics
from daemon.supervisor import Supervisor
from daemon.wiring_accounts import open_accounts
from daemon.wiring_handlers import join_handlers, open_repositories
from daemon.wiring_messages import MessageParts
from domain.ports import Clock
from gateways.discord import Discord
from gateways.http import HttpClient
from gateways.pace import MemoryPace
from gateways.signals.memory import MemorySignals
from gateways.topics.memory import MemoryTopics
from gateways.twitch.helix import TwitchHelix
from gateways.twitch.oauth import TwitchOAuth
from gateways.twitch.tokens import TokenKeeper
from handlers.party.from_twitch import FromTwitch
from handlers.party.keep import PartyKeep
from handlers.party.registry import Registry
from handlers.vip.channels import Enrolment
from handlers.vip.discord_writer import opener
from handlers.vip.grants import Grants
from handlers.vip.quotas import USUAL, Quota
from rooms.fleet.clock import OwnTime
from rooms.fleet.visit import Visits
from simulators.twitch import TwitchSimulator
from simulators.twitch.settings import SimulatorSettings
from storage.open import open_store, sqlite_url
from storage.parties import PARTIES, PARTY_INVITES, PARTY_STATES, InviteUses, Parties, PartyStates
from storage.sealing import Sealer, generate_key
from storage.tokens import TOKENS
from tests.support.scene import SCHEDULER, SECONDS, Scene
from tests.support.story import Checkpoints, NoWatch, StoryClock
from tests.support.unreliable import UnreliableStore

PUBLIC_URL = "http://cuelight.test"


@asynccontextmanager
async def open_scene(
    directory: Path,
    *,
    clock: Clock | None = None,
    settings: SimulatorSettings | None = None,
    workers: int = 8,
    scheduler: bool = True,
    chat_sender_id: str = "",
    accounts: bool = False,
    allowed_channels: Sequence[str] = (),
    quota: Quota = USUAL,
    call_seconds: float = SECONDS,
    parties: bool = True,
) -> AsyncIterator[Scene]:
    """A running desk on a store in `directory`. `scheduler` false leaves ends to the test. `accounts`: with logins,
    teams, and a way to leave (`Scene.accounts`). `parties`: with watch parties (`Scene.visits`). `quota`: of each
    channel (`join_handlers`). `call_seconds`: how long a call may take; if that is short, a busy machine cuts calls
    off, and the story is another one."""
    clock = clock or StoryClock()
    metrics, checkpoints, watch = PrometheusMetrics(), Checkpoints(), NoWatch()
    sim = TwitchSimulator(settings=settings or SimulatorSettings().unthrottled())
    store = UnreliableStore(await open_store(sqlite_url(directory / "data"), clock=clock, metrics=metrics))
    tasks = Supervisor(clock=clock, metrics=metrics, random=Random(1))
    topics = MemoryTopics(clock=clock)
    revoked: list[tuple[str, str]] = []

    async def on_revoked(channel_id: str, status: str) -> None:
        revoked.append((channel_id, status))

    async with sim, HttpClient() as http, aiohttp.ClientSession() as control:
        repositories = await open_repositories(store, clock=clock)
        grants = Grants(tokens=await store.collection(TOKENS), sealer=Sealer([generate_key()]))
        oauth = TwitchOAuth(
            http=http,
            id_url=sim.id_url,
            client_id=sim.client_id,
            client_secret=sim.client_secret,
            clock=clock,
            metrics=metrics,
        )
        late: list[Enrolment] = []

        async def on_dead(user_id: str, why: str) -> None:
            for one in late:
                await one.died(user_id, why)

        async def on_alive(user_id: str) -> None:
            for one in late:
                await one.revived(user_id)

        tokens = TokenKeeper(
            store=grants, oauth=oauth, clock=clock, tasks=tasks, on_dead=on_dead, on_alive=on_alive
        )
        helix = TwitchHelix(
            http=http,
            api_url=sim.api_url,
            client_id=sim.client_id,
            tokens=tokens,
            pace=MemoryPace(clock=clock),
            clock=clock,
            metrics=metrics,
            random=Random(2),
            call_seconds=call_seconds,
            quick_retry_seconds=0.0,
        )
        joined = None
        if accounts:
            joined = await open_accounts(
                store,
                channels=repositories.channels,
                sealer=grants.sealer,
                tokens=tokens,
                oauth=oauth,
                helix=helix,
                signals=MemorySignals(),
                clock=clock,
                public_url=lambda: PUBLIC_URL,
                allowed=allowed_channels,
                shared_bot_id=chat_sender_id,
                topics=topics,
                metrics=metrics,
            )
            joined.parts.watch.watch = watch
        states = PartyStates(await store.collection(PARTY_STATES))
        registry = Registry(
            parties=Parties(await store.collection(PARTIES)),
            states=states,
            uses=InviteUses(await store.collection(PARTY_INVITES)),
            clock=clock,
        )
        visits = Visits(
            topics=topics,
            clock=clock,
            time=OwnTime(clock=clock, name="k1"),
            keep=PartyKeep(states=states, registry=registry, clock=clock, at_once=True),
        )
        party = FromTwitch(visits=visits, registry=registry) if parties else None
        desk = join_handlers(
            repositories,
            topics=topics,
            helix=helix,
            clock=clock,
            metrics=metrics,
            random=Random(3),
            checkpoint=checkpoints,
            revoked=on_revoked,
            chat_sender_id=chat_sender_id,
            workers=workers,
            quota=quota,
            accounts=joined.parts if joined else None,
            party=party,
            messages=MessageParts(
                discord=Discord(http=http, origin=sim.discord_url),
                opened=opener(grants.sealer),
                pace=MemoryPace(clock=clock),
            ),
        )
        if joined is not None:
            joined.parts.book.book = desk.book
        enrolment = Enrolment(
            channels=repositories.channels,
            tokens=tokens,
            oauth=oauth,
            helix=helix,
            watch=watch,
            live=desk.live,
            book=desk.book,
            inbox=repositories.inbox,
            poke=desk.worker.poke,
            clock=clock,
        )
        late.append(enrolment)
        scene = Scene(
            clock, metrics, store, repositories, topics, sim, http, oauth, tokens, grants, helix, desk, enrolment,
            watch, checkpoints, control, revoked, joined, party, visits,
        )  # fmt: skip
        working = asyncio.create_task(desk.worker.run(), name="worker")
        ending = asyncio.create_task(desk.expiries.run(), name=SCHEDULER) if scheduler else None
        scene.sleepers = ("worker.due", SCHEDULER) if scheduler else ("worker.due",)
        try:
            yield scene
        finally:
            if ending is not None:
                ending.cancel()
                await asyncio.gather(ending, return_exceptions=True)
            desk.worker.stop()
            try:
                await _end_of(working, clock)  # raises what ended the worker
            finally:
                await tasks.stop(1.0)
                await topics.close()
                await store.close()


async def _end_of(working: asyncio.Task[None], clock: Clock) -> None:
    async with asyncio.timeout(SECONDS):
        while not working.done():
            if isinstance(clock, StoryClock) and clock.hands_asleep:
                await clock.advance(1.0)
            await asyncio.wait({working}, timeout=0.01)
        await working
