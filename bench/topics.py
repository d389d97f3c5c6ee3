"""Appends to a topic on Redis per second, and their way to a follower in another process, beside bare redis-py PUBLISH.

Two processes on one redis-server that appends to its file and syncs it every second. This one appends (or publishes),
the other one follows. Ours: a hundred callers at a time, which the engine joins into script calls (`batched`), and one
caller who waits for each (`one by one`); each entry is numbered, kept in the log and delivered once and in order. Bare:
`PUBLISH` in pipelines of a hundred, and awaited one by one; nothing is kept, encoded, decoded or checked. Messages are
about equally long. At full rate the way to the follower is mostly waiting in line, so both are also measured at a pace.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from random import Random
from typing import Any

from redis.asyncio import Redis

from bench._topics_redis import redis_server
from bench.report import Result, aim, in_turns, middle, percentile, ratio, spread
from daemon.clock import SystemClock
from daemon.supervisor import Supervisor
from domain.ports import NullMetrics
from gateways.redis.link import RedisLink
from gateways.topics.contracts import NewEntry
from gateways.topics.redis import RedisTopics

NAME = "topics"

AIM_RATIO = 0.5
BATCH = 100
FOLLOWER_SECONDS = 120.0
FILLING = "0123456789abcdef" * 6  # with the rest, an entry of about 200 bytes

Send = Callable[[str, int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Sample:
    """One run. `delivered_per_second` counts until the follower had the last one."""

    per_second: float
    delivered_per_second: float
    p50_ms: float
    p99_ms: float

    def __str__(self) -> str:
        return f"{self.per_second:,.0f}/s, p50 {self.p50_ms:.2f} ms, p99 {self.p99_ms:.2f} ms"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--messages", type=int, default=50_000, help="of each batched run (default 50000)")
    parser.add_argument("--singles", type=int, default=5_000, help="of each run one by one (default 5000)")
    parser.add_argument("--pace", type=int, default=1_000, help="a second, of the paced runs (default 1000)")
    parser.add_argument("--paced", type=int, default=2_000, help="messages of each paced run (default 2000)")
    parser.add_argument("--runs", type=int, default=5, help="of each variant (default 5)")


async def run(options: argparse.Namespace) -> Result:
    """Measure. Raises `RuntimeError` if there is no redis-server or something was not delivered."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(redis_server(clock))
        topics = await stack.enter_async_context(_topics(url, clock))
        redis = await stack.enter_async_context(Redis.from_url(url))
        log = await stack.enter_async_context(_follower(url, "log"))
        bare = await stack.enter_async_context(_follower(url, "bare"))
        names = (f"run{number}" for number in itertools.count())
        senders: dict[str, tuple[Send, asyncio.subprocess.Process, int]] = {
            "bare, pipelined": (partial(_publish_pipelined, redis), bare, options.messages),
            "topics, batched": (partial(_append_batched, topics), log, options.messages),
            "bare, one by one": (partial(_publish, redis), bare, options.singles),
            "topics, one by one": (partial(_append, topics), log, options.singles),
            "bare, paced": (partial(_publish_paced, redis, clock, options.pace), bare, options.paced),
            "topics, paced": (partial(_append_paced, topics, clock, options.pace), log, options.paced),
        }
        variants: dict[str, Callable[[], Awaitable[Sample]]] = {
            name: partial(_measure, send, follower, count, names)
            for name, (send, follower, count) in senders.items()
        }
        for send, follower, count in senders.values():  # warm: connections, scripts, caches
            await _measure(send, follower, min(count, 200), names)
        samples = await in_turns(variants, options.runs, told=lambda line: print(line, file=sys.stderr))
    return _result(samples)


async def _measure(
    send: Send, follower: asyncio.subprocess.Process, messages: int, names: Iterator[str]
) -> Sample:
    assert follower.stdin is not None
    assert follower.stdout is not None
    name = next(names)
    follower.stdin.write(json.dumps({"name": name, "messages": messages}).encode() + b"\n")
    async with asyncio.timeout(FOLLOWER_SECONDS):
        if await follower.stdout.readline() != b"ready\n":
            raise RuntimeError("The follower ended.")
        began = time.monotonic_ns()
        await send(name, messages)
        sent = time.monotonic_ns()
        line = await follower.stdout.readline()
    if not line:
        raise RuntimeError("The follower ended.")
    told: dict[str, Any] = json.loads(line)
    return Sample(
        per_second=messages / (sent - began) * 1e9,
        delivered_per_second=messages / (told["at"] - began) * 1e9,
        p50_ms=percentile(told["latencies_ms"], 50),
        p99_ms=percentile(told["latencies_ms"], 99),
    )


# -- ours ---------------------------------------------------------------------------------------------------------


def _entry() -> NewEntry:
    return NewEntry("bench", {"at": time.monotonic_ns(), "filling": FILLING})


async def _append(topics: RedisTopics, name: str, messages: int) -> None:
    for _ in range(messages):
        await topics.append(name, _entry())


async def _append_batched(topics: RedisTopics, name: str, messages: int) -> None:
    left = itertools.repeat(None, messages)

    async def caller() -> None:
        for _ in left:
            await topics.append(name, _entry())

    async with asyncio.TaskGroup() as group:
        for _ in range(BATCH):
            group.create_task(caller())


async def _append_paced(topics: RedisTopics, clock: SystemClock, pace: int, name: str, messages: int) -> None:
    async with asyncio.TaskGroup() as group:
        async for _ in _beats(clock, pace, messages):
            group.create_task(_append(topics, name, 1))


# -- the alternative ----------------------------------------------------------------------------------------------


def _message() -> bytes:
    return b"%020d%s" % (time.monotonic_ns(), FILLING.encode() + b" " * 70)


async def _publish(redis: Redis, name: str, messages: int) -> None:
    for _ in range(messages):
        await redis.publish(name, _message())


async def _publish_pipelined(redis: Redis, name: str, messages: int) -> None:
    for sent in range(0, messages, BATCH):
        async with redis.pipeline(transaction=False) as pipeline:
            for _ in range(min(BATCH, messages - sent)):
                pipeline.publish(name, _message())
            await pipeline.execute()


async def _publish_paced(redis: Redis, clock: SystemClock, pace: int, name: str, messages: int) -> None:
    async with asyncio.TaskGroup() as group:
        async for _ in _beats(clock, pace, messages):
            group.create_task(_publish(redis, name, 1))


async def _beats(clock: SystemClock, pace: int, count: int) -> AsyncIterator[int]:
    began = clock.monotonic()
    for number in range(count):
        await clock.sleep(began + number / pace - clock.monotonic())
        yield number


# -- processes ----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _topics(url: str, clock: SystemClock) -> AsyncIterator[RedisTopics]:
    link = RedisLink(url)
    tasks = Supervisor(clock=clock, metrics=NullMetrics())
    topics = RedisTopics(link=link, clock=clock, metrics=NullMetrics(), tasks=tasks, random=Random())
    try:
        yield topics
    finally:
        await topics.close()
        await link.close()


@asynccontextmanager
async def _follower(url: str, kind: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench._topics_follower", url, kind,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=64 << 20,
    )  # fmt: skip
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _result(samples: dict[str, list[Sample]]) -> Result:
    rates = {name: middle(found, lambda sample: sample.per_second) for name, found in samples.items()}
    ratios = {
        "batched to pipelined": ratio(rates["topics, batched"], rates["bare, pipelined"]),
        "one by one": ratio(rates["topics, one by one"], rates["bare, one by one"]),
    }
    return Result(
        aims=[
            aim(
                "batched appends per second, of bare pipelined PUBLISH",
                "at least",
                AIM_RATIO,
                ratios["batched to pipelined"],
                reason="the server runs a script, writes the log and its file; the follower decodes and orders",
                next="several plain entries in one entry of the stream",
            )
        ],
        header=("what", "per second", "from … to", "delivered/s", "p50 ms", "p99 ms"),
        rows=[
            (
                name,
                rates[name],
                spread(found, lambda sample: sample.per_second),
                middle(found, lambda sample: sample.delivered_per_second),
                middle(found, lambda sample: sample.p50_ms),
                middle(found, lambda sample: sample.p99_ms),
            )
            for name, found in samples.items()
        ],
        details={
            "ratios": {name: round(value, 4) for name, value in ratios.items()},
            "runs": {name: [asdict(sample) for sample in found] for name, found in samples.items()},
        },
        notes=(
            "The server, the sender and the follower share the processors of the machine.",
            "The server writes each append to its file and syncs once a second; PUBLISH leaves nothing to write.",
            "At full rate the follower falls behind, and its p50 and p99 are its queue; see the paced rows.",
        ),
    )
