"""Random faults, one after the other, while two processes append and four watchers follow; then the oracle judges."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from random import Random

import pytest

from daemon.clock import SystemClock
from domain.errors import Unavailable
from gateways.topics.contracts import GuardFailed, Position
from gateways.topics.redis import RedisTopics
from tests.gateways.topics.engines import open_topics
from tests.gateways.topics.redis.watching import Watcher, append_surely, judge, news, watching
from tests.servers.redis import RedisServer, start_redis

pytestmark = pytest.mark.server

LOG = "cuelight:topic:{a}:log"


async def flush(redis: RedisServer) -> None:
    await redis.command("FLUSHALL")


async def forget_scripts(redis: RedisServer) -> None:
    await redis.command("SCRIPT", "FLUSH")


async def kill_subscribers(redis: RedisServer) -> None:
    await redis.command("CLIENT", "KILL", "TYPE", "pubsub")


async def kill_all(redis: RedisServer) -> None:
    await redis.command("CLIENT", "KILL", "TYPE", "normal")


async def evict(redis: RedisServer) -> None:
    await redis.command("DEL", LOG)


async def trim(redis: RedisServer) -> None:
    await redis.command("XTRIM", LOG, "MAXLEN", 3)


async def pause(redis: RedisServer) -> None:
    async with redis.paused():
        await asyncio.sleep(0.2)


async def restart(redis: RedisServer) -> None:
    await redis.restart()


# fault → whether it takes data away
FAULTS: dict[Callable[[RedisServer], Awaitable[None]], bool] = {
    flush: True,
    evict: True,
    trim: True,
    restart: True,
    forget_scripts: False,
    kill_subscribers: False,
    kill_all: False,
    pause: False,
}


async def _append(
    topics: RedisTopics, name: str, random: Random, acknowledged: dict[Position, str], over: asyncio.Event
) -> None:
    n = 0
    while not over.is_set():
        n += 1
        burst = [f"{name} {n} {m}" for m in range(random.choice([1, 1, 3, 20]))]
        await asyncio.gather(*(append_surely(topics, text, acknowledged) for text in burst))
        await asyncio.sleep(random.uniform(0, 0.01))


async def _compete(
    topics: RedisTopics, name: str, won: dict[tuple[str, int], str], over: asyncio.Event
) -> None:
    """Append state entries under a guard; of each rev of an epoch, one writer may be told that it won."""
    while not over.is_set():
        try:
            head = await topics.head("a")
            position = await topics.append("a", news(f"state {name}", state=True), guard=head.rev)
        except GuardFailed:
            continue
        except Unavailable:
            await asyncio.sleep(0.05)
            continue
        if position.epoch == head.position.epoch:
            assert won.setdefault((position.epoch, head.rev), name) == name, "two won the same rev"
        await asyncio.sleep(0.005)


def _judge_revs(watchers: list[Watcher], won: dict[tuple[str, int], str]) -> None:
    assert won
    names = set(won.values())
    assert names == {"one", "other"}, "one of the two never won: nothing was proved"
    assert all(entry.state for watcher in watchers for entry in watcher.entries if "state" in entry.body["t"])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("harmless", [True, False])
async def test_every_entry_once_and_in_order_or_told(seed: int, harmless: bool) -> None:
    random = Random(seed)
    acknowledged: dict[Position, str] = {}
    won: dict[tuple[str, int], str] = {}
    faults = [fault for fault, destroys in FAULTS.items() if not (harmless and destroys)]
    over = asyncio.Event()
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(start_redis())
        one, other = [
            await stack.enter_async_context(
                open_topics(redis.url, SystemClock(), probe_seconds=0.4, check_seconds=0.3, max_entries=5000)
            )
            for _ in range(2)
        ]
        watchers = await stack.enter_async_context(watching(one, one, other, other))
        async with asyncio.TaskGroup() as group:
            for topics, name in ((one, "one"), (other, "other")):
                group.create_task(_append(topics, name, random, acknowledged, over))
                group.create_task(_compete(topics, name, won, over))
            for _ in range(6):
                await random.choice(faults)(redis)
                await asyncio.sleep(random.uniform(0.0, 0.25))
                await append_surely(one, f"after {random.random()}", acknowledged)
            over.set()
        last = await append_surely(other, "last", acknowledged)
        for watcher in watchers:
            await watcher.sees(last)
        if harmless:
            assert [watcher.losses for watcher in watchers] == [0, 0, 0, 0]
            seen = [{entry.position: entry.body["t"] for entry in watcher.entries} for watcher in watchers]
            assert all(acknowledged.items() <= one.items() for one in seen)
    judge(watchers, acknowledged)
    _judge_revs(watchers, won)
