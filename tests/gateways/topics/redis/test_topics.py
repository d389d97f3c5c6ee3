"""Topics on Redis while Redis misbehaves: two processes of a fleet, each with its own connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from daemon.clock import SystemClock
from domain.errors import Unavailable
from gateways.redis.link import RedisDown
from gateways.topics.contracts import GuardFailed, Position, PositionLost
from gateways.topics.redis import RedisTopics
from tests.gateways.topics.engines import open_topics
from tests.gateways.topics.redis.silence import silence
from tests.gateways.topics.redis.watching import append_surely, judge, news, watching
from tests.servers.redis import RedisServer, start_redis

pytestmark = pytest.mark.server

FAST = {"probe_seconds": 0.5, "check_seconds": 0.3}
Pair = tuple[RedisTopics, RedisTopics]


@pytest.fixture
async def redis() -> AsyncIterator[RedisServer]:
    async with start_redis() as server:
        yield server


@pytest.fixture
async def pair(redis: RedisServer) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        one, other = [
            await stack.enter_async_context(open_topics(redis.url, SystemClock(), **FAST)) for _ in range(2)
        ]
        yield one, other


async def test_what_one_process_appends_the_other_follows(pair: Pair) -> None:
    one, other = pair
    acknowledged: dict[Position, str] = {}
    async with watching(one, other) as watchers:
        for n in range(300):
            last = await append_surely(one if n % 2 else other, f"{n}", acknowledged)
        for watcher in watchers:
            await watcher.sees(last)
            assert len(watcher.entries) == 300
            assert watcher.losses == 0
    judge(watchers, acknowledged)


async def test_of_two_processes_exactly_one_wins_each_rev(pair: Pair) -> None:
    rounds = 60

    async def compete(topics: RedisTopics, name: str) -> list[int]:
        won = []
        while (rev := (await topics.head("a")).rev) < rounds:
            try:
                await topics.append("a", news(f"{name} {rev}", state=True), guard=rev)
                won.append(rev)
            except GuardFailed:
                continue
            await topics.append("a", news("chat"))
        return won

    async with watching(pair[1]) as (watcher,):
        first, second = await asyncio.gather(compete(pair[0], "one"), compete(pair[1], "other"))
        await watcher.sees((await pair[0].head("a")).position)
    assert sorted(first + second) == list(range(rounds))
    revs = [entry.body["t"].split()[1] for entry in watcher.entries if entry.state]
    assert revs == [str(rev) for rev in range(rounds)]


async def test_killed_subscriptions_lose_nothing(redis: RedisServer, pair: Pair) -> None:
    acknowledged: dict[Position, str] = {}
    async with watching(*pair) as watchers:
        for n in range(200):
            last = await append_surely(pair[0], f"{n}", acknowledged)
            if n % 50 == 25:
                for watcher in watchers:
                    await watcher.sees(last)
                assert await redis.command("CLIENT", "KILL", "TYPE", "pubsub") == 2
        for watcher in watchers:
            await watcher.sees(last)
            assert (len(watcher.entries), watcher.losses) == (200, 0)
    judge(watchers, acknowledged)


async def test_a_message_over_the_output_limit_is_a_gap_that_is_filled(
    redis: RedisServer, pair: Pair
) -> None:
    acknowledged: dict[Position, str] = {}
    await redis.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 20kb 20kb 1")
    async with watching(*pair) as watchers:
        await pair[0].append("a", news("x" * 60_000))
        last = await append_surely(pair[0], "last", acknowledged)
        for watcher in watchers:
            await watcher.sees(last)
            assert ([entry.position.seq for entry in watcher.entries], watcher.losses) == ([1, 2], 0)
    assert "output buffer limits" in redis.log()


async def test_a_batch_that_is_too_long_for_a_message_is_read(redis: RedisServer, pair: Pair) -> None:
    await redis.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 200kb 200kb 1")
    async with watching(*pair) as watchers:
        texts = [f"{n}" + "x" * 30_000 for n in range(10)]
        positions = await asyncio.gather(*(pair[0].append("a", news(text)) for text in texts))
        for watcher in watchers:
            await watcher.sees(positions[-1])
            assert [entry.body["t"] for entry in watcher.entries] == texts
    assert "output buffer limits" not in redis.log()


async def test_flushed_data_are_told_to_idle_followers(redis: RedisServer, pair: Pair) -> None:
    acknowledged: dict[Position, str] = {}
    async with watching(*pair) as watchers:
        before = await append_surely(pair[0], "before", acknowledged)
        for watcher in watchers:
            await watcher.sees(before)
        await redis.command("FLUSHALL")
        for watcher in watchers:
            await watcher.enters(2)  # nobody wrote: the check of the head found it
        after = await append_surely(pair[0], "after", acknowledged)
        assert (after.epoch != before.epoch, after.seq) == (True, 1)
        for watcher in watchers:
            await watcher.sees(after)
    judge(watchers, acknowledged)
    with pytest.raises(PositionLost):
        await pair[1].read("a", before)


@pytest.mark.parametrize("durable", [False, True])
async def test_a_restart_is_a_new_epoch_and_no_follower_is_left_behind(durable: bool) -> None:
    acknowledged: dict[Position, str] = {}
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(start_redis(durable=durable))
        pair = [
            await stack.enter_async_context(open_topics(redis.url, SystemClock(), **FAST)) for _ in range(2)
        ]
        watchers = await stack.enter_async_context(watching(*pair))
        before = await append_surely(pair[0], "before", acknowledged)
        for watcher in watchers:
            await watcher.sees(before)
        await redis.restart()
        after = await append_surely(pair[1], "after", acknowledged)
        assert after.epoch != before.epoch
        for watcher in watchers:
            await watcher.sees(after)
            assert watcher.losses == 1
    judge(watchers, acknowledged)


async def test_data_that_were_put_back_are_a_new_epoch(redis: RedisServer, pair: Pair) -> None:
    acknowledged: dict[Position, str] = {}
    async with watching(pair[0]) as (watcher,):
        for n in range(5):
            await append_surely(pair[0], f"{n}", acknowledged)
        keys = await redis.command("KEYS", "*")
        dumps = {key: await redis.command("DUMP", key) for key in keys}
        assert len(dumps) == 3
        last = await append_surely(pair[0], "forgotten", acknowledged)
        await watcher.sees(last)
        for key, dump in dumps.items():
            await redis.command("RESTORE", key, 0, dump, "REPLACE")
        await watcher.enters(2)
        after = await append_surely(pair[1], "after", acknowledged)
        assert after.epoch != last.epoch
        await watcher.sees(after)
    judge([watcher], acknowledged)


async def test_a_failover_is_a_new_epoch_and_everybody_moves_to_the_new_primary(redis: RedisServer) -> None:
    """The old one becomes a replica and closes no connection: it refuses what is written, and that is enough."""
    acknowledged: dict[Position, str] = {}
    async with (
        start_redis() as replica,
        silence(redis.port) as way,
        open_topics(way.url, SystemClock(), **FAST) as topics,
        watching(topics) as (watcher,),
    ):
        await replica.command("REPLICAOF", "127.0.0.1", redis.port)
        before = await append_surely(topics, "before", acknowledged)
        await replica.command("REPLICAOF", "NO", "ONE")
        way.port = replica.port
        await redis.command("REPLICAOF", "127.0.0.1", replica.port)
        after = await append_surely(topics, "after", acknowledged)
        assert after.epoch != before.epoch
        await watcher.sees(after)
        assert await replica.command("EXISTS", "cuelight:topic:{a}:log") == 1
    judge([watcher], acknowledged)


@pytest.mark.parametrize("part", ["log", "keys", "meta"])
async def test_an_evicted_key_is_a_new_epoch(redis: RedisServer, pair: Pair, part: str) -> None:
    before = await pair[0].append("a", news("before"), key="k")
    assert await redis.command("DEL", f"cuelight:topic:{{a}}:{part}") == 1
    assert (await pair[1].head("a")).position.epoch != before.epoch
    assert (await pair[0].append("a", news("after"), key="k")).seq == 1


async def test_scripts_that_redis_forgot_are_sent_again(redis: RedisServer, pair: Pair) -> None:
    first = await pair[0].append("a", news("1"))
    for n in range(2, 5):
        await redis.command("SCRIPT", "FLUSH")
        position, other, entries = await asyncio.gather(
            pair[0].append("a", news(f"{n}")), pair[0].append("b", news("b")), pair[0].read("a", first)
        )
        assert (position.seq, other.seq) == (n, n - 1)
        assert [entry.position.seq for entry in entries] == list(range(2, len(entries) + 2))


async def test_a_stopped_redis_fails_appends_soon_and_heals(redis: RedisServer, pair: Pair) -> None:
    acknowledged: dict[Position, str] = {}
    async with watching(*pair) as watchers:
        await append_surely(pair[0], "before", acknowledged)
        async with redis.paused(), asyncio.timeout(3.5):
            with pytest.raises(RedisDown):
                await pair[0].append("a", news("not known"), key="not known")
            with pytest.raises(RedisDown):  # at once: nobody waits for what is known to be down
                pair[0].append("a", news("refused"), key="refused").send(None)
            assert not pair[0].connected
            await asyncio.sleep(1.0)  # the length of the fault
        last = await append_surely(pair[0], "not known", acknowledged)
        for watcher in watchers:
            await watcher.sees(last)
            assert [entry.body["t"] for entry in watcher.entries] == ["before", "not known"]
            assert watcher.losses == 0
    judge(watchers, acknowledged)


async def test_the_subscription_notices_silence_by_itself(redis: RedisServer) -> None:
    """Checks are off: only its own message, which does not come back, tells that the connection is dead."""
    async with (
        silence(redis.port) as way,
        open_topics(way.url, SystemClock(), probe_seconds=0.2, check_seconds=1e9) as topics,
        watching(topics) as (watcher,),
    ):
        await watcher.sees(await append_surely(topics, "before", {}))
        way.fall()
        last = await append_surely(topics, "not heard", {})
        await watcher.sees(last)
        assert (way.subscriptions, watcher.losses) == (2, 0)


async def test_a_deaf_subscription_costs_time_and_nothing_else(redis: RedisServer) -> None:
    """Probes are off: only the check of the heads, now and then, tells that something was missed."""
    async with (
        silence(redis.port) as way,
        open_topics(way.url, SystemClock(), probe_seconds=1e9, check_seconds=0.2) as topics,
        watching(topics) as (watcher,),
    ):
        way.fall()
        for n in range(3):
            await watcher.sees(await append_surely(topics, f"{n}", {}))
        assert [entry.body["t"] for entry in watcher.entries] == ["0", "1", "2"]
        assert (way.subscriptions, watcher.losses) == (1, 0)


async def test_entering_without_redis_is_refused_and_following_waits(redis: RedisServer) -> None:
    async with open_topics(redis.url, SystemClock(), **FAST) as topics:
        first = await topics.append("a", news("1"))
        async with topics.follow("a", first) as follower:
            await redis.kill()
            with pytest.raises(RedisDown):
                async with topics.follow("b"):
                    raise AssertionError("not reached")
            assert await follower.next(timeout_seconds=0.1) == []
            await redis.start()
            with pytest.raises(PositionLost):
                await follower.next(timeout_seconds=15)


async def test_followers_from_far_back_read_the_log_once(redis: RedisServer) -> None:
    async with (
        open_topics(redis.url, SystemClock(), **FAST) as writer,
        open_topics(redis.url, SystemClock(), **FAST) as reader,
    ):
        start = (await writer.head("a")).position
        await asyncio.gather(*(writer.append("a", news(f"{n}")) for n in range(700)))
        async with AsyncExitStack() as stack:
            followers = [await stack.enter_async_context(reader.follow("a", start)) for _ in range(20)]
            await redis.command("CONFIG", "RESETSTAT")
            for follower in followers:
                seen: list[int] = []
                while len(seen) < 700:
                    seen += [entry.position.seq for entry in await follower.next(timeout_seconds=5)]
                assert seen == list(range(1, 701))
            stats = await redis.command("INFO", "commandstats")
            assert stats["cmdstat_xrange"]["calls"] <= 4
            assert 0 < reader.total_bytes < 1 << 20


async def test_a_topic_is_bounded_in_bytes_and_keys(redis: RedisServer) -> None:
    async with open_topics(redis.url, SystemClock(), max_bytes=50_000, max_keys=3) as topics:
        start = (await topics.head("a")).position
        for n in range(200):
            last = await topics.append("a", news(f"{n}" + "x" * 1000), key=f"{n}")
        assert await redis.command("MEMORY", "USAGE", "cuelight:topic:{a}:log") < 80_000
        assert await redis.command("ZCARD", "cuelight:topic:{a}:keys") == 3
        kept = await topics.read("a", Position(last.epoch, last.seq - 30))
        assert [entry.body["t"].rstrip("x") for entry in kept] == [f"{n}" for n in range(170, 200)]
        with pytest.raises(PositionLost):
            await topics.read("a", start)
        assert await topics.append("a", news("again"), key="199") == last
        assert (await topics.append("a", news("forgotten"), key="0")).seq == 201
        await topics.append("b", news("x" * 55_000))
        await topics.append("b", news("y" * 55_000))
        assert len(await topics.read("b", Position((await topics.head("b")).position.epoch, 1))) == 1


async def test_idle_topics_expire_with_all_their_keys(redis: RedisServer) -> None:
    async with open_topics(redis.url, SystemClock()) as topics:
        epoch = (await topics.head("a")).position.epoch
        await topics.reseed("a", {"n": 1}, epoch)
        await topics.append("a", news("1"))
        await topics.append("a", news("2"), key="k")
        keys = await redis.command("KEYS", "*")
        assert len(keys) == 4
        for key in keys:
            assert 6.9 * 86_400 < await redis.command("TTL", key) <= 7 * 86_400, key


async def test_closing_wakes_followers_in_whatever_state(redis: RedisServer) -> None:
    async with open_topics(redis.url, SystemClock(), **FAST) as topics, topics.follow("a") as follower:
        waiting = asyncio.ensure_future(follower.next())
        redis.pause()
        under_way = asyncio.ensure_future(topics.append("a", news("1")))
        await asyncio.sleep(0)
        async with asyncio.timeout(30):
            await topics.close()
            for task in (waiting, under_way):
                with pytest.raises(Unavailable):
                    await task
        redis.resume()
