"""What one process subscribes to, keeps of it and gives back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from daemon.clock import SystemClock
from gateways.redis.link import RedisDown
from gateways.topics.contracts import PositionLost
from gateways.topics.redis import RedisTopics
from gateways.topics.redis.subscriber import LINGER_SECONDS
from tests.gateways.topics.engines import open_topics
from tests.gateways.topics.redis.watching import append_surely, news, watching
from tests.servers.redis import RedisServer, start_redis

pytestmark = pytest.mark.server


class AheadClock(SystemClock):
    """The clock of the machine, but for what a test adds to its monotonic time."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


@pytest.fixture
async def redis() -> AsyncIterator[RedisServer]:
    async with start_redis() as server:
        yield server


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(15):
        while not await holds():
            await asyncio.sleep(0.02)


async def subscriptions(redis: RedisServer) -> int:
    return len(await redis.command("PUBSUB", "CHANNELS", "*news"))


async def test_hundreds_of_topics_are_followed_over_one_connection_and_again_after_a_loss(
    redis: RedisServer,
) -> None:
    names = [f"t{n}" for n in range(600)]
    async with AsyncExitStack() as stack:
        topics = await stack.enter_async_context(
            open_topics(redis.url, SystemClock(), probe_seconds=1.0, check_seconds=1.0)
        )
        followers = [
            follower
            for some in range(0, 600, 100)
            for follower in await asyncio.gather(
                *(stack.enter_async_context(topics.follow(name)) for name in names[some : some + 100])
            )
        ]
        assert await subscriptions(redis) == 600
        assert await redis.command("CLIENT", "KILL", "TYPE", "pubsub") == 1
        await asyncio.gather(*(append_surely(topics, name, {}, topic=name) for name in names))
        for name, follower in zip(names, followers, strict=True):
            (entry,) = await follower.next(timeout_seconds=15)
            assert entry.body["t"] == name


async def test_a_topic_that_nobody_follows_is_kept_a_while_and_then_given_back(redis: RedisServer) -> None:
    clock = AheadClock()
    async with (
        open_topics(redis.url, clock, probe_seconds=1e9, check_seconds=0.05) as topics,
        topics.follow("b") as staying,
    ):
        async with topics.follow("a"):
            first = await topics.append("a", news("1"))
        async with topics.follow("a"):
            assert await subscriptions(redis) == 2
        assert topics.total_bytes > 0
        clock.ahead += LINGER_SECONDS + 1
        await until(lambda: _equals(subscriptions(redis), 1))
        assert topics.total_bytes == 0
        async with topics.follow("a", first) as again:
            await topics.append("a", news("2"))
            assert [entry.body["t"] for entry in await again.next(timeout_seconds=5)] == ["2"]
        await topics.append("b", news("3"))
        assert [entry.body["t"] for entry in await staying.next(timeout_seconds=5)] == ["3"]


async def _equals(found: Awaitable[int], wanted: int) -> bool:
    return await found == wanted


async def test_what_others_publish_on_our_channels_does_no_harm(redis: RedisServer) -> None:
    async with (
        open_topics(redis.url, SystemClock(), check_seconds=0.2) as topics,
        watching(topics) as (watcher,),
    ):
        for noise in (b"", b"\xff", b"[]", b'["other",5,[]]', b'["other",1,[[1,"k",0,1,{}]]]'):
            await redis.command("PUBLISH", "cuelight:topic:{a}:news", noise)
            await watcher.sees(await append_surely(topics, repr(noise), {}))
        assert (watcher.losses, len(watcher.entries)) == (0, 5)


async def test_all_rings_together_are_bounded_and_nothing_is_lost_by_it(redis: RedisServer) -> None:
    async with AsyncExitStack() as stack:
        topics = await stack.enter_async_context(
            open_topics(redis.url, SystemClock(), max_total_bytes=50_000)
        )
        followers = {name: await stack.enter_async_context(topics.follow(name)) for name in "abc"}
        for n in range(30):
            await asyncio.gather(*(topics.append(name, news(f"{n}" + "x" * 1000)) for name in "abc"))
            assert topics.total_bytes < 60_000
        for follower in followers.values():
            seen: list[str] = []
            while len(seen) < 30:
                seen += [entry.body["t"].rstrip("x") for entry in await follower.next(timeout_seconds=5)]
            assert seen == [f"{n}" for n in range(30)]


async def test_it_says_how_it_is_while_redis_is_away_for_long(redis: RedisServer) -> None:
    async with open_topics(redis.url, SystemClock(), probe_seconds=0.5, check_seconds=0.5) as topics:
        assert topics.connected
        async with topics.follow("a") as follower:
            assert (topics.connected, topics.detail) == (True, "connected")
            await redis.kill()
            await until(lambda: _is_down(topics))
            assert "does not answer" in topics.detail
            with pytest.raises(RedisDown):
                await topics.append("a", news("1"))
            await redis.start()
            await until(lambda: _is_up(topics))
            with pytest.raises(PositionLost):
                await follower.next(timeout_seconds=10)
            assert (await topics.append("a", news("2"))).seq == 1


async def _is_down(topics: RedisTopics) -> bool:
    return not topics.connected


async def _is_up(topics: RedisTopics) -> bool:
    return topics.connected
