"""The pipeline: what shares a call, what a failure means for each, and that nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest

from daemon.clock import SystemClock
from daemon.supervisor import Supervisor
from domain.errors import Unavailable
from domain.ports import NullMetrics
from gateways.redis.link import RedisBroken, RedisDown, RedisLink
from gateways.topics.contracts import GuardFailed, Position
from gateways.topics.redis.breaker import Breaker
from gateways.topics.redis.scripts import Bounds, options, payload
from gateways.topics.redis.writer import MOST_QUEUED_BYTES, Writer
from gateways.topics.rules import random_epoch
from tests.servers.redis import RedisServer, start_redis

pytestmark = pytest.mark.server


@pytest.fixture
async def redis() -> AsyncIterator[RedisServer]:
    async with start_redis() as server:
        yield server


@asynccontextmanager
async def open_writer(
    redis: RedisServer, *, follow_runs: bool = True, new_epoch: Callable[[], str] = random_epoch
) -> AsyncIterator[Writer]:
    clock, random = SystemClock(), Random(1)
    tasks = Supervisor(clock=clock, metrics=NullMetrics(), random=random)
    writer = Writer(
        link=RedisLink(redis.url), clock=clock, metrics=NullMetrics(), tasks=tasks,
        breaker=Breaker(clock=clock, random=random), bounds=Bounds(1000, 1 << 20, 100),
        new_epoch=new_epoch, follow_runs=follow_runs,
    )  # fmt: skip
    try:
        yield writer
    finally:
        await writer.close()
        assert not tasks.names()


async def put(
    writer: Writer, text: str, *, topic: str = "a", guard: int | None = None, key: str | None = None
) -> Position:
    made = options(guard is not None, guard, key)
    return await writer.append(
        topic, payload("n", guard is not None, 1, f'{{"t":"{text}"}}'), options=made, guard=guard
    )


async def calls(redis: RedisServer) -> int:
    stats = await redis.command("INFO", "commandstats")
    return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("eval", "evalsha"))


async def test_what_comes_in_one_turn_shares_one_call_per_topic(redis: RedisServer) -> None:
    async with open_writer(redis) as writer:
        await put(writer, "warm")
        await redis.command("CONFIG", "RESETSTAT")
        positions = await asyncio.gather(
            *(put(writer, f"{n}", topic="ab"[n % 2]) for n in range(100)), writer.stand("a")
        )
        assert await calls(redis) == 2
        assert [one.seq for one in positions[0:100:2]] == list(range(2, 52))
        assert [one.seq for one in positions[1:100:2]] == list(range(1, 51))
        assert (positions[100].head.position.seq, positions[100].base) == (51, 0)


async def test_guards_keys_and_plain_entries_of_one_call_keep_their_answers_apart(redis: RedisServer) -> None:
    async with open_writer(redis) as writer:
        first, dead, again, second, plain, late, stand = await asyncio.gather(
            put(writer, "1", guard=0, key="k"),
            put(writer, "2", guard=0),
            put(writer, "3", guard=7, key="k"),
            put(writer, "4", guard=1),
            put(writer, "5"),
            put(writer, "6", guard=-1),
            writer.stand("a"),
            return_exceptions=True,
        )
        assert [one.seq for one in (first, again, second, plain)] == [1, 1, 2, 3]
        assert isinstance(dead, GuardFailed)
        assert "rev 1, not 0" in str(dead)
        assert isinstance(late, GuardFailed)
        assert (stand.head.position.seq, stand.head.rev) == (3, 2)
        page = await writer.read("a", 0, 10)
        assert [entry.body["t"] for entry in page.entries] == ["1", "4", "5"]


async def test_what_somebody_else_put_into_our_keys_fails_that_topic_alone(redis: RedisServer) -> None:
    await redis.command("SET", "cuelight:topic:{bad}:meta", "x")
    async with open_writer(redis) as writer:
        bad, good = await asyncio.gather(
            put(writer, "1", topic="bad"), put(writer, "1", topic="good"), return_exceptions=True
        )
        assert isinstance(bad, RedisBroken)
        assert good.seq == 1
        await redis.command("XADD", "cuelight:topic:{good}:log", "7-0", "e", "not JSON")
        with pytest.raises(RedisBroken):
            await writer.read("good", 1, 10)
        assert (await writer.stand("good")).head.position.epoch != good.epoch  # one more than meta knows


async def test_a_cancelled_caller_takes_nobody_along(redis: RedisServer) -> None:
    async with open_writer(redis) as writer:
        await put(writer, "warm")
        tasks = [asyncio.ensure_future(put(writer, f"{n}")) for n in range(5)]
        await asyncio.sleep(0)
        tasks[2].cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(outcomes[2], asyncio.CancelledError)
        assert [one.seq for one in outcomes if isinstance(one, Position)] == [2, 3, 4, 5]


async def test_when_redis_goes_away_everybody_is_told(redis: RedisServer) -> None:
    async with open_writer(redis) as writer:
        await put(writer, "warm")
        redis.pause()
        under_way = asyncio.ensure_future(put(writer, "1"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        queued = [asyncio.ensure_future(put(writer, f"{n}")) for n in range(3)]
        async with asyncio.timeout(3.8):  # a second try of those that waited would take four
            for task in (under_way, *queued):
                with pytest.raises(RedisDown):
                    await task
        redis.resume()


async def test_a_full_memory_is_redis_down_and_heals(redis: RedisServer) -> None:
    async with open_writer(redis) as writer:
        before = await put(writer, "1")
        await redis.command("CONFIG", "SET", "maxmemory", 1)
        with pytest.raises(RedisDown):
            await put(writer, "2")
        await redis.command("CONFIG", "SET", "maxmemory", 0)
        assert await put(writer, "3") == Position(before.epoch, 2)


async def test_the_queue_is_bounded_in_bytes(redis: RedisServer) -> None:
    async with open_writer(redis) as writer:
        text = "x" * 1_000_000
        tasks = [asyncio.ensure_future(put(writer, text)) for _ in range(MOST_QUEUED_BYTES // 1_000_000 + 2)]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        refused = [one for one in outcomes if isinstance(one, Unavailable)]
        assert {one.code for one in refused} == {"topic.busy"}
        assert len(refused) < len(outcomes)
        assert (await put(writer, "small")).seq == len(outcomes) - len(refused) + 1


@pytest.mark.parametrize("follow_runs", [True, False])
async def test_whether_another_run_of_the_server_ends_the_epoch(follow_runs: bool) -> None:
    async with start_redis(durable=True) as redis, open_writer(redis, follow_runs=follow_runs) as writer:
        before = await put(writer, "1", key="k")
        await redis.restart()
        with pytest.raises(RedisDown):
            await put(writer, "2")
        async with asyncio.timeout(30):
            while True:
                try:
                    after = (await writer.stand("a")).head.position
                    break
                except RedisDown:
                    await asyncio.sleep(0.05)
        assert (after.epoch == before.epoch) == (not follow_runs)
        assert after.seq == (0 if follow_runs else 1)


async def test_a_place_that_was_seen_ends_an_epoch_that_fell_behind_it(redis: RedisServer) -> None:
    async with open_writer(redis) as writer, open_writer(redis) as other:
        here = await put(writer, "1")
        other.saw("a", Position("unknown", 99))
        assert (await other.stand("a")).head.position == here
        other.saw("a", Position(here.epoch, 2))
        assert (await other.stand("a")).head.position.epoch != here.epoch


async def test_two_reseeds_of_one_epoch_agree(redis: RedisServer) -> None:
    async with open_writer(redis) as writer, open_writer(redis) as other:
        old = (await put(writer, "1")).epoch
        one, two = await asyncio.gather(
            writer.reseed("a", '{"by":1}', old), other.reseed("a", '{"by":2}', old)
        )
        assert one == two
        assert await writer.snapshot("a") in ((one.epoch, b'{"by":1}'), (one.epoch, b'{"by":2}'))
        assert await writer.snapshot("never") is None


async def test_after_the_end_nothing_is_taken(redis: RedisServer) -> None:
    async with open_writer(redis) as writer:
        await writer.close()
        with pytest.raises(Unavailable):
            await put(writer, "1")
        await writer.close()
