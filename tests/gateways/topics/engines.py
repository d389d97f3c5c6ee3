"""The engines that the contract suite is asked of, each with the bounds and the time that it lives by."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from random import Random

from daemon.metrics import PrometheusMetrics
from daemon.supervisor import Supervisor
from domain.ports import Clock
from gateways.redis.link import RedisLink
from gateways.topics.contracts import Topics
from gateways.topics.memory import MemoryTopics
from gateways.topics.redis import RedisTopics
from tests.servers.redis import start_redis
from tests.support.clock import ManualClock

MAX_ENTRIES = 20
MAX_BODY_BYTES = 4096
NEVER_SECONDS = 1e9  # a manual clock would let every probe be missed


@dataclass(frozen=True)
class Engine:
    """`topics` keeps at least `MAX_ENTRIES` entries and refuses bodies over `MAX_BODY_BYTES`. `now`: its time, ms."""

    topics: Topics
    now: Callable[[], Awaitable[int]]


@asynccontextmanager
async def memory(clock: ManualClock) -> AsyncIterator[Engine]:
    async def now() -> int:
        return clock.now()

    topics = MemoryTopics(clock=clock, max_entries=MAX_ENTRIES, max_body_bytes=MAX_BODY_BYTES)
    yield Engine(topics, now)
    await topics.close()


@asynccontextmanager
async def redis(clock: ManualClock) -> AsyncIterator[Engine]:
    async with start_redis() as server:

        async def now() -> int:
            seconds, microseconds = await server.command("TIME")
            return int(seconds) * 1000 + int(microseconds) // 1000

        async with open_topics(
            server.url, clock, max_entries=MAX_ENTRIES, max_body_bytes=MAX_BODY_BYTES,
            probe_seconds=NEVER_SECONDS, check_seconds=NEVER_SECONDS,
        ) as topics:  # fmt: skip
            yield Engine(topics, now)


ENGINES: dict[str, Callable[[ManualClock], AbstractAsyncContextManager[Engine]]] = {
    "memory": memory,
    "redis": redis,
}


@asynccontextmanager
async def open_topics(
    url: str, clock: Clock, *, random: Random | None = None, **options: float
) -> AsyncIterator[RedisTopics]:
    """The topics of one process of a fleet. All that it made is gone afterwards, without an error on the way."""
    random = random or Random(1)
    metrics = PrometheusMetrics()
    tasks = Supervisor(clock=clock, metrics=metrics, random=random)
    link = RedisLink(url)
    topics = RedisTopics(
        link=link, clock=clock, metrics=metrics, tasks=tasks, random=random,
        **options,  # type: ignore[arg-type]
    )  # fmt: skip
    try:
        yield topics
    finally:
        await topics.close()
        await link.close()
        assert not tasks.names(), "tasks are left"
        assert not metrics.value("errors_total", where="topics"), (
            "a session broke in a way that nobody foresaw"
        )
