"""Two processes with one store: one refresh for both, and each sees what the other did."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest

from daemon.clock import SystemClock
from domain.errors import Unavailable
from gateways.http import HttpClient
from gateways.leases.contracts import Leases
from gateways.leases.memory import MemoryLeases
from gateways.leases.redis import RedisLeases
from gateways.pace import MemoryPace
from gateways.redis.link import RedisLink
from gateways.twitch.contracts import LoginNeeded, Waiting
from gateways.twitch.helix import TwitchHelix
from gateways.twitch.oauth import Grant, TwitchOAuth
from gateways.twitch.refreshing import TURN_SECONDS
from gateways.twitch.tokens import BELIEVE_SECONDS, TokenKeeper
from simulators.twitch.server import TwitchSimulator
from simulators.twitch.settings import SimulatorSettings
from tests.gateways.twitch.scripted import (
    CHANNEL,
    FIRST_TOKEN,
    Counts,
    Crew,
    Rig,
    Says,
    Store,
    a_token,
    rigged,
)
from tests.gateways.twitch.test_tokens import SECOND_TOKEN, no, pair, refreshes
from tests.servers.redis import RedisServer, start_redis

# -- two clients of the simulated Twitch ---------------------------------------------------------------------------


@dataclass
class Process:
    """What one process has of its own."""

    keeper: TokenKeeper
    helix: TwitchHelix


@dataclass
class Fleet:
    """Processes that share a store, leases, and a Twitch that gives a new refresh token each time."""

    sim: TwitchSimulator
    http: HttpClient
    store: Store
    processes: list[Process]
    channel: str
    redis: RedisServer | None = None

    async def order(self, path: str, **body: Any) -> Any:
        answer = await self.http.request("POST", f"{self.sim.control_url}{path}", json_body=body)
        assert answer.status < 300, answer.body
        return answer.json() if answer.body else None

    async def slow_tokens(self) -> None:
        """From now on Twitch takes a moment to refresh, and counts how often it was asked to."""
        await self.order("/faults", match={"path": "/oauth2/token"}, delay_ms=150, times=1000)

    async def refreshes(self) -> int:
        answer = await self.http.request("GET", f"{self.sim.control_url}/faults")
        return sum(fault["hits"] for fault in answer.json()["faults"])


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.server)])
async def fleet(request: pytest.FixtureRequest) -> AsyncIterator[Fleet]:
    clock, crew, store, counts = SystemClock(), Crew(), Store(), Counts()
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(
            TwitchSimulator(settings=SimulatorSettings(rotate_refresh_tokens=True))
        )
        http = await stack.enter_async_context(HttpClient())
        redis = await stack.enter_async_context(start_redis()) if request.param == "redis" else None
        memory = MemoryLeases(clock=clock)

        def leases() -> Leases:
            if redis is None:
                return memory
            link = RedisLink(redis.url)
            stack.push_async_callback(link.close)
            return RedisLeases(link=link, clock=clock)

        def process(number: int) -> Process:
            oauth = TwitchOAuth(
                http=http,
                id_url=sim.id_url,
                client_id=sim.client_id,
                client_secret=sim.client_secret,
                clock=clock,
                metrics=counts,
            )
            keeper = TokenKeeper(
                store=store,
                oauth=oauth,
                clock=clock,
                tasks=crew,
                leases=leases(),
                owner=f"process {number}",
                random=random.Random(number),
            )
            helix = TwitchHelix(
                http=http,
                api_url=sim.api_url,
                client_id=sim.client_id,
                tokens=keeper,
                pace=MemoryPace(clock=clock),
                clock=clock,
                metrics=counts,
                random=random.Random(number),
            )
            return Process(keeper, helix)

        fleet = Fleet(sim, http, store, [process(number) for number in range(3)], "", redis)
        made = await fleet.order("/channels", login="chan", name="Chan")
        fleet.channel = str(made["id"])
        grant = Grant(made["access_token"], made["refresh_token"], ("channel:manage:vips",), 14_000)
        await fleet.processes[0].keeper.put(fleet.channel, "chan", grant)
        try:
            yield fleet
        finally:
            await crew.home()


async def test_a_401_in_all_processes_at_once_is_one_refresh(fleet: Fleet) -> None:
    for _ in range(2):
        before = {await process.keeper.access_token(fleet.channel) for process in fleet.processes}
        assert len(before) == 1
        await fleet.order("/tokens/expire", user_id=fleet.channel)
        await fleet.slow_tokens()
        asked = await fleet.refreshes()
        calls = [process.helix.is_vip(fleet.channel, "999") for process in fleet.processes for _ in range(5)]
        assert await asyncio.gather(*calls) == [False] * 15
        assert await fleet.refreshes() - asked == 1
        after = {await process.keeper.access_token(fleet.channel) for process in fleet.processes}
        assert len(after) == 1
        assert after != before


async def test_a_grant_that_is_gone_is_asked_for_once(fleet: Fleet) -> None:
    for process in fleet.processes:
        await process.keeper.access_token(fleet.channel)
    await fleet.order("/tokens/revoke", user_id=fleet.channel)
    await fleet.slow_tokens()
    calls = [process.helix.is_vip(fleet.channel, "999") for process in fleet.processes]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(answer) for answer in answers} == {LoginNeeded}
    assert await fleet.refreshes() == 1
    assert fleet.store.tokens[fleet.channel].dead


@pytest.mark.server
@pytest.mark.parametrize("fleet", ["redis"], indirect=True)
async def test_without_redis_a_refresh_is_not_held_up(fleet: Fleet) -> None:
    assert fleet.redis is not None
    await fleet.redis.kill()
    await fleet.order("/tokens/expire", user_id=fleet.channel)
    for process in fleet.processes:
        assert not await process.helix.is_vip(fleet.channel, "999")
    tokens = {await process.keeper.access_token(fleet.channel) for process in fleet.processes}
    assert tokens == {fleet.store.tokens[fleet.channel].access_token}


# -- two keepers on a Twitch that says what a test wrote down, in time moved by hand ---------------------------------


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        yield rig


@pytest.fixture
def another(rig: Rig) -> Callable[[str], TokenKeeper]:
    """Keepers that share leases."""
    leases = MemoryLeases(clock=rig.clock)
    return lambda owner: rig.another_keeper(leases=leases, owner=owner, random=random.Random(owner))


Another = Callable[[str], TokenKeeper]


async def until_asleep(rig: Rig) -> None:
    async with asyncio.timeout(30):
        while rig.clock.sleepers == 0:
            await asyncio.sleep(0)


async def test_who_waits_takes_the_new_pair_as_soon_as_it_is_stored(rig: Rig, another: Another) -> None:
    """The first was killed after it stored the pair, and before it gave its turn back."""
    first, second = another("a"), another("b")
    hold = asyncio.Event()
    rig.twitch.on("POST", "/token", replace(pair(2), hold=hold))
    dying = asyncio.ensure_future(first.refresh(CHANNEL, FIRST_TOKEN))
    await rig.twitch.until("POST", "/token")
    waiting = asyncio.ensure_future(second.refresh(CHANNEL, FIRST_TOKEN))
    await until_asleep(rig)
    rig.store.tokens[CHANNEL] = a_token(access_token=SECOND_TOKEN, revision=2)
    await rig.clock.advance(0.2)
    assert await waiting == SECOND_TOKEN
    assert refreshes(rig) == 1
    hold.set()
    await dying


async def test_a_process_that_died_with_the_turn_holds_nobody_up_for_ever(rig: Rig, another: Another) -> None:
    rig.twitch.on("POST", "/token", replace(pair(2), hold=asyncio.Event()), pair(3))
    dying = asyncio.ensure_future(another("a").refresh(CHANNEL, FIRST_TOKEN))
    await rig.twitch.until("POST", "/token")
    second = another("b")
    waiting = asyncio.ensure_future(second.refresh(CHANNEL, FIRST_TOKEN))
    await until_asleep(rig)
    while not waiting.done():
        await rig.clock.advance(0.5)
    with pytest.raises(Waiting):
        await waiting
    assert refreshes(rig) == 1
    await rig.clock.advance(TURN_SECONDS)
    assert (await second.refresh(CHANNEL, FIRST_TOKEN)).endswith("3")
    dying.cancel()


async def test_what_another_process_stored_is_seen_after_a_while_and_at_once_when_told(
    rig: Rig, another: Another
) -> None:
    keeper = another("b")
    assert await keeper.scopes(CHANNEL) == ("channel:manage:vips",)
    rig.store.tokens[CHANNEL] = a_token(access_token=SECOND_TOKEN, scopes=("bits:read",), revision=2)
    await rig.clock.advance(BELIEVE_SECONDS)
    assert await keeper.access_token(CHANNEL) == SECOND_TOKEN
    assert await keeper.scopes(CHANNEL) == ("bits:read",)
    rig.store.tokens[CHANNEL] = a_token(access_token="third", revision=3)
    for about in ("999", CHANNEL):
        assert await keeper.access_token(CHANNEL) == SECOND_TOKEN, "believed"
        keeper.forget(about)
    assert await keeper.access_token(CHANNEL) == "third"
    rig.store.tokens[CHANNEL] = a_token(access_token="fourth", revision=4)
    keeper.forget("")
    assert await keeper.access_token(CHANNEL) == "fourth"


async def test_a_dead_mark_and_a_revived_login_are_seen_although_one_was_cached(
    rig: Rig, another: Another
) -> None:
    first, second = another("a"), another("b")
    await second.access_token(CHANNEL)
    await first.condemn(CHANNEL, FIRST_TOKEN, "refused")
    await rig.clock.advance(BELIEVE_SECONDS)
    with pytest.raises(LoginNeeded, match="refused"):
        await second.access_token(CHANNEL)
    await first.put(CHANNEL, "chan", Grant("from login", "r", ("bits:read",), 60))
    assert await second.access_token(CHANNEL) == "from login", "a dead one is never believed"
    assert await second.refresh(CHANNEL, FIRST_TOKEN) == "from login"
    assert refreshes(rig) == 0


async def test_while_the_store_is_away_the_last_known_pair_serves(
    rig: Rig, another: Another, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = another("a")
    await keeper.access_token(CHANNEL)

    async def away(user_id: str) -> None:
        raise Unavailable("the store is away")

    monkeypatch.setattr(rig.store, "load", away)
    await rig.clock.advance(BELIEVE_SECONDS)
    assert await keeper.access_token(CHANNEL) == FIRST_TOKEN
    with pytest.raises(Unavailable, match="the store is away"):
        await another("b").access_token(CHANNEL)
    with pytest.raises(Unavailable, match="the store is away"):
        await keeper.refresh(CHANNEL, FIRST_TOKEN)


async def test_a_pair_that_is_not_stored_yet_is_not_spoilt_by_another(rig: Rig, another: Another) -> None:
    first, second = another("a"), another("b")
    rig.twitch.on("POST", "/token", pair(2), no(400, "Invalid refresh token"))
    rig.store.fail_next = Unavailable("disk full", code="storage.full")
    with pytest.raises(Unavailable, match="disk full"):
        await first.refresh(CHANNEL, FIRST_TOKEN)
    waiting = asyncio.ensure_future(second.refresh(CHANNEL, FIRST_TOKEN))
    await until_asleep(rig)
    assert await first.refresh(CHANNEL, FIRST_TOKEN) == SECOND_TOKEN
    await rig.clock.advance(0.2)
    assert await waiting == SECOND_TOKEN
    assert refreshes(rig) == 1
    assert rig.dead == []


async def test_the_new_pair_wins_over_a_dead_mark_of_who_came_second(rig: Rig) -> None:
    """Without Redis both asked, and Twitch gave a new refresh token: the second was told that the old one is dead."""
    rig.store.raced = a_token(dead="Invalid refresh token", revision=2)
    rig.twitch.on("POST", "/token", pair(2))
    assert await rig.keeper.refresh(CHANNEL, FIRST_TOKEN) == SECOND_TOKEN
    stored = rig.store.tokens[CHANNEL]
    assert (stored.access_token, stored.dead, stored.revision) == (SECOND_TOKEN, "", 3)
    assert rig.alive == [CHANNEL], "whoever parked its work is told"


async def test_a_failure_gives_the_turn_back(rig: Rig, another: Another) -> None:
    rig.twitch.on("POST", "/token", Says(503), pair(2))
    with pytest.raises(Unavailable):
        await another("a").refresh(CHANNEL, FIRST_TOKEN)
    assert await another("b").refresh(CHANNEL, FIRST_TOKEN) == SECOND_TOKEN
