"""What is particular to the pace in Redis: many processes, a clock that goes back, and no answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import structlog

from gateways.pace import MemoryPace
from gateways.redis.link import RedisLink
from gateways.redis.pace import AWAY_SECONDS, RedisPace
from tests.gateways.redis.aging import age
from tests.servers.redis import RedisServer, start_redis
from tests.support.clock import ManualClock

pytestmark = pytest.mark.server

WINDOW = 1000.0


@pytest.fixture
async def server() -> AsyncIterator[RedisServer]:
    async with start_redis() as server:
        yield server


@pytest.fixture
async def link(server: RedisServer) -> AsyncIterator[RedisLink]:
    link = RedisLink(server.url)
    yield link
    await link.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def pace(link: RedisLink, clock: ManualClock) -> RedisPace:
    return RedisPace(link=link, fallback=MemoryPace(clock=clock))


async def take(pace: RedisPace, key: str = "k") -> float:
    return await pace.take(key, limit=3, window_seconds=WINDOW)


async def test_processes_share_one_window(server: RedisServer) -> None:
    links = [RedisLink(server.url) for _ in range(3)]
    paces = [RedisPace(link=link, fallback=MemoryPace(clock=ManualClock())) for link in links]
    answers = await asyncio.gather(*(take(pace) for pace in paces for _ in range(10)))
    assert sum(answer == 0 for answer in answers) == 3
    await paces[0].give_back("k")
    assert await take(paces[1]) == 0
    assert await take(paces[2]) > 0
    for link in links:
        await link.close()


async def test_a_restarted_process_knows_what_was_taken(link: RedisLink, pace: RedisPace) -> None:
    for _ in range(3):
        await take(pace)
    assert await take(RedisPace(link=link, fallback=MemoryPace(clock=ManualClock()))) > 0


async def test_a_key_that_nobody_uses_goes(link: RedisLink, pace: RedisPace) -> None:
    await take(pace)
    assert await link.command("KEYS", "*") == [link.key("pace", "k").encode()]
    await age(link, WINDOW + 2)
    assert await link.command("KEYS", "*") == []


async def test_a_clock_that_went_back_costs_one_window_at_most(link: RedisLink, pace: RedisPace) -> None:
    for _ in range(2):
        await take(pace)
        await age(link, 400)
    await take(pace)
    await age(link, -3_600_000)  # what was taken lies an hour ahead
    wait = await take(pace)
    assert WINDOW - 900 < wait <= 200.1, "and they are as far apart as they were"
    await age(link, wait + 0.001)
    assert await take(pace) == 0


async def test_without_redis_this_process_goes_by_its_own(
    server: RedisServer, pace: RedisPace, clock: ManualClock
) -> None:
    assert [await take(pace) for _ in range(2)] == [0, 0]
    await server.kill()
    with structlog.testing.capture_logs() as logs:
        assert await take(pace) == 0
        assert WINDOW - 1 < await take(pace) <= WINDOW, "what was let through before counts"
        await pace.give_back("k")
        assert await take(pace) == 0
        await clock.advance(AWAY_SECONDS)
        assert await take(pace) > 0, "asked again, in vain"
    assert [line["event"] for line in logs] == ["pace.alone"], "told once"
    await server.start()
    with structlog.testing.capture_logs() as logs:
        assert await take(pace) > 0, "not asked yet"
        await clock.advance(AWAY_SECONDS)
        assert [await take(pace) for _ in range(4)][:3] == [0, 0, 0], "Redis was emptied, and decides"
        assert await take(pace) > 0
    assert [line["event"] for line in logs] == ["pace.shared_again"]


async def test_a_redis_that_hangs_holds_nobody_up(
    server: RedisServer, link: RedisLink, clock: ManualClock
) -> None:
    pace = RedisPace(link=link, fallback=MemoryPace(clock=clock), patience_seconds=0.05)
    async with server.paused():
        with structlog.testing.capture_logs() as logs:
            assert [await take(pace) for _ in range(3)] == [0, 0, 0]
            await clock.advance(AWAY_SECONDS)
            await pace.give_back("k")
    assert [line["code"] for line in logs] == ["redis.slow"], "the link itself would have waited for longer"
