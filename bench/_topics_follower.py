"""The process of the bench `topics` that follows: `python -m bench._topics_follower URL log|bare`.

It takes one order a line (`{"name": …, "messages": …}`), says `ready` when it is attached, and when all messages have
come, `{"at": …, "latencies_ms": […]}` (`at`: when the last one came). Times are of the clock that all processes of
the machine share. The bare follower looks at nothing but the time in a message: it decodes no JSON and checks no order.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from random import Random
from typing import Any

from redis.asyncio import Redis

from daemon.clock import SystemClock
from daemon.supervisor import Supervisor
from domain.ports import NullMetrics
from gateways.redis.link import RedisLink
from gateways.topics.redis import RedisTopics

LIMIT_SECONDS = 120.0


async def follow_log(topics: RedisTopics, name: str, messages: int) -> list[float]:
    """Follow a topic; every entry comes once and in order, or this raises."""
    latencies: list[float] = []
    async with topics.follow(name) as follower:
        print("ready", flush=True)
        while len(latencies) < messages:
            entries = await follower.next(timeout_seconds=LIMIT_SECONDS)
            if not entries:
                raise RuntimeError("Nothing comes any more.")
            now = time.monotonic_ns()
            latencies += [(now - entry.body["at"]) / 1e6 for entry in entries]
    return latencies


async def follow_bare(redis: Redis, name: str, messages: int) -> list[float]:
    """Subscribe with redis-py and take what comes."""
    latencies: list[float] = []
    async with redis.pubsub() as pubsub:
        await pubsub.subscribe(name)
        await pubsub.get_message(timeout=LIMIT_SECONDS)
        print("ready", flush=True)
        while len(latencies) < messages:
            message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=LIMIT_SECONDS)
            if message is None:
                raise RuntimeError("Nothing comes any more.")
            latencies.append((time.monotonic_ns() - int(message["data"][:20])) / 1e6)
    return latencies


async def main(url: str, kind: str) -> None:
    clock = SystemClock()
    tasks = Supervisor(clock=clock, metrics=NullMetrics())
    link = RedisLink(url)
    redis = Redis.from_url(url)
    topics = RedisTopics(
        link=link, clock=clock, metrics=NullMetrics(), tasks=tasks, random=Random(), max_entries=10_000,
        max_bytes=64 << 20, max_total_bytes=256 << 20,
    )  # fmt: skip
    try:
        while line := await asyncio.to_thread(sys.stdin.readline):
            order: dict[str, Any] = json.loads(line)
            if kind == "log":
                latencies = await follow_log(topics, order["name"], order["messages"])
            else:
                latencies = await follow_bare(redis, order["name"], order["messages"])
            print(json.dumps({"at": time.monotonic_ns(), "latencies_ms": latencies}), flush=True)
    finally:
        await topics.close()
        await link.close()
        await redis.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
