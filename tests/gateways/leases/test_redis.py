"""What is particular to the leases in Redis: late requests, slow answers, and no answer at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateways.leases.redis import RedisLeases
from gateways.redis.link import RedisDown, RedisLink
from tests.gateways.redis.aging import age
from tests.gateways.redis.relay import relay
from tests.servers.redis import RedisServer, start_redis
from tests.support.clock import ManualClock

pytestmark = pytest.mark.server


@pytest.fixture
async def server() -> AsyncIterator[RedisServer]:
    async with start_redis() as server:
        yield server


@pytest.fixture
async def link(server: RedisServer) -> AsyncIterator[RedisLink]:
    link = RedisLink(server.url)
    yield link
    await link.close()


async def test_a_release_that_comes_late_takes_nothing_back(server: RedisServer, link: RedisLink) -> None:
    async with relay(server.port) as way:
        far = RedisLink(way.url, connections=1)
        leases = RedisLeases(link=far, clock=ManualClock())
        await leases.acquire(["x"], owner="a", ttl_seconds=900)
        await leases.release(["warm"], owner="a")  # the script is known: the next call is one request
        way.hold("EVALSHA")
        release = asyncio.ensure_future(leases.release(["x"], owner="a"))
        await asyncio.wait_for(way.caught.wait(), 10)
        release.cancel()
        await asyncio.gather(release, return_exceptions=True)
        assert "x" in await leases.acquire(["x"], owner="a", ttl_seconds=900)
        way.let_go()
        await asyncio.wait_for(way.delivered.wait(), 10)
        near = RedisLeases(link=link, clock=ManualClock())
        assert await near.holders(["x"]) == {"x": "a"}
        await leases.release(["x"], owner="a")
        assert await near.holders(["x"]) == {}
        await far.close()


async def test_the_holder_counts_from_before_it_asked(server: RedisServer) -> None:
    clock = ManualClock()
    async with relay(server.port) as way:
        far = RedisLink(way.url, connections=1)
        leases = RedisLeases(link=far, clock=clock)
        await leases.acquire(["warm"], owner="a", ttl_seconds=9)
        began = clock.monotonic()
        way.hold("EVALSHA")
        asking = asyncio.ensure_future(leases.acquire(["x"], owner="a", ttl_seconds=9))
        await asyncio.wait_for(way.caught.wait(), 10)
        await clock.advance(1.5)
        way.let_go()
        assert (await asking)["x"].deadline == began + 9
        await far.close()


async def test_a_serial_of_many_names_is_that_of_the_newest_request(link: RedisLink) -> None:
    leases = RedisLeases(link=link, clock=ManualClock())
    for _ in range(9):  # the release is the tenth request: serials are numbers, not texts
        await leases.acquire(["x"], owner="a", ttl_seconds=900)
    await leases.release(["x"], owner="a")
    assert await leases.holders(["x"]) == {}


async def test_what_ran_out_leaves_nothing_behind(link: RedisLink) -> None:
    leases = RedisLeases(link=link, clock=ManualClock())
    await leases.acquire([f"socket:{number}" for number in range(50)], owner="a", ttl_seconds=900)
    await leases.muster("eventsub", owner="a", ttl_seconds=900)
    await age(link, 1000)
    assert await link.command("KEYS", "*") == [link.key("{leases}", "fence").encode()]


async def test_the_fence_is_exact_and_not_behind_the_time_of_redis(link: RedisLink) -> None:
    leases = RedisLeases(link=link, clock=ManualClock())
    seconds, _ = await link.command("TIME")
    held = await leases.acquire(["x", "y"], owner="a", ttl_seconds=9)
    assert held["x"].fence >= int(seconds) * 1_000_000
    assert held["y"].fence == held["x"].fence + 1
    assert int(await link.command("GET", link.key("{leases}", "fence"))) == held["y"].fence


async def test_fences_rise_although_the_clock_of_redis_went_back(link: RedisLink) -> None:
    leases = RedisLeases(link=link, clock=ManualClock())
    ahead = 9_007_199_254_000_000  # as if the last one was given far in the future
    await link.command("SET", link.key("{leases}", "fence"), ahead)
    held = await leases.acquire(["x"], owner="a", ttl_seconds=9)
    assert held["x"].fence == ahead + 1


async def test_without_redis_every_call_says_so(server: RedisServer, link: RedisLink) -> None:
    leases = RedisLeases(link=link, clock=ManualClock())
    await leases.acquire(["x"], owner="a", ttl_seconds=9)
    await server.kill()
    for call in (
        leases.acquire(["x"], owner="a", ttl_seconds=9),
        leases.renew(["x"], owner="a", ttl_seconds=9),
        leases.release(["x"], owner="a"),
        leases.holders(["x"]),
        leases.muster("g", owner="a", ttl_seconds=9),
        leases.leave("g", owner="a"),
    ):
        with pytest.raises(RedisDown):
            await call
    await server.start()
    assert "x" in await leases.acquire(["x"], owner="b", ttl_seconds=9), (
        "it forgot, and the scripts are sent again"
    )
