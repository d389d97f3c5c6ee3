"""The contract of `Pace`: every engine is held to the same tests; a new one adds a row to `ENGINES`.

The window is long, and time passes in large steps: the moments that a test really takes do not matter.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.pace import MemoryPace, Pace
from gateways.redis.link import RedisLink
from gateways.redis.pace import RedisPace
from tests.gateways.redis.aging import age
from tests.servers.redis import start_redis
from tests.support.clock import ManualClock

WINDOW = 1000.0
ABOUT = 60.0  # what a slow machine may need for a test


@dataclass(frozen=True)
class Engine:
    """A pace, its processes' clock, and how time passes for both."""

    pace: Pace
    clock: ManualClock
    advance: Callable[[float], Awaitable[None]]


@asynccontextmanager
async def memory() -> AsyncIterator[Engine]:
    clock = ManualClock()
    yield Engine(MemoryPace(clock=clock), clock, clock.advance)


@asynccontextmanager
async def redis() -> AsyncIterator[Engine]:
    clock = ManualClock()
    async with start_redis() as server:
        link = RedisLink(server.url)

        async def advance(seconds: float) -> None:
            await clock.advance(seconds)
            await age(link, seconds)

        yield Engine(RedisPace(link=link, fallback=MemoryPace(clock=clock)), clock, advance)
        await link.close()


ENGINES = {"memory": memory, "redis": redis}


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.server)])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    async with ENGINES[request.param]() as engine:
        yield engine


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def take(engine: Engine, key: str = "vip.add:1") -> float:
    return await engine.pace.take(key, limit=3, window_seconds=WINDOW)


async def test_lets_the_limit_pass_at_once_and_no_more(engine: Engine) -> None:
    assert [await take(engine) for _ in range(3)] == [0, 0, 0]
    assert await take(engine) > 0


async def test_says_when_the_oldest_leaves_the_window(engine: Engine) -> None:
    await take(engine)
    await engine.advance(400)
    await take(engine)
    await take(engine)
    assert 600 - ABOUT <= await take(engine) <= 600.1


async def test_the_window_slides(engine: Engine) -> None:
    for seconds in (0, 400, 400):
        await engine.advance(seconds)
        assert await take(engine) == 0
    await engine.advance(200.1)
    assert await take(engine) == 0, "the first left"
    assert 400 - ABOUT <= await take(engine) <= 400, "the second has not"


async def test_who_waits_as_told_may_go(engine: Engine) -> None:
    for _ in range(3):
        await take(engine)
        await engine.advance(110)
    wait = await take(engine)
    assert 670 - ABOUT <= wait <= 670.1
    await engine.advance(wait + 0.001)
    assert await take(engine) == 0


async def test_a_refusal_is_not_counted(engine: Engine) -> None:
    for _ in range(10):
        await take(engine)
    await engine.advance(WINDOW)
    assert [await take(engine) for _ in range(3)] == [0, 0, 0]


async def test_what_is_given_back_does_not_count(engine: Engine) -> None:
    await engine.pace.give_back("vip.add:1")
    for _ in range(3):
        await take(engine)
    await engine.pace.give_back("vip.add:1")
    await engine.pace.give_back("vip.add:2")
    assert await take(engine) == 0
    assert await take(engine) > 0


async def test_the_newest_is_given_back(engine: Engine) -> None:
    await take(engine)
    await engine.advance(600)
    await take(engine)
    await take(engine)
    await engine.pace.give_back("vip.add:1")
    await engine.advance(500)
    assert [await take(engine) for _ in range(2)] == [0, 0], "the first left by itself"
    assert 500 - ABOUT <= await take(engine) <= 500


async def test_keys_do_not_know_each_other(engine: Engine) -> None:
    for _ in range(4):
        await take(engine, "vip.add:1")
    assert await take(engine, "vip.remove:1") == 0
    assert await take(engine, "vip.add:2") == 0


async def test_concurrent_takers_share_the_limit(engine: Engine) -> None:
    answers = await asyncio.gather(*(take(engine) for _ in range(50)))
    assert sum(answer == 0 for answer in answers) == 3


async def test_the_wall_clock_does_not_matter(engine: Engine) -> None:
    for _ in range(3):
        await take(engine)
    engine.clock.step_wall(3_600_000)
    assert WINDOW - ABOUT <= await take(engine) <= WINDOW


@given(st.lists(st.floats(min_value=0, max_value=5), max_size=60))
def test_no_window_ever_holds_more_than_the_limit(gaps: list[float]) -> None:
    async def run() -> list[float]:
        clock = ManualClock()
        pace, granted = MemoryPace(clock=clock), list[float]()
        for gap in gaps:
            await clock.advance(gap)
            if await pace.take("x", limit=3, window_seconds=10.0) == 0:
                granted.append(clock.monotonic())
        return granted

    granted = asyncio.run(run())
    assert all(later - earlier >= 10 - 1e-5 for earlier, later in zip(granted, granted[3:], strict=False))


async def test_memory_forgets_keys_that_nobody_uses(clock: ManualClock) -> None:
    pace = MemoryPace(clock=clock)
    for number in range(1000):
        await pace.take(str(number), limit=3, window_seconds=10.0)
    await clock.advance(11)
    for _ in range(1100):
        await pace.take("alive", limit=3, window_seconds=10.0)
    assert pace.keys == 1
