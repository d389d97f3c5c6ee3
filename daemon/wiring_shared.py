"""What the processes of a fleet share through Redis, or what stands in for it where one daemon is alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from daemon.fleet_clock import FleetClock
from domain.errors import Unavailable
from domain.ports import Clock, Metrics, Tasks
from gateways.leases.contracts import Leases
from gateways.leases.memory import MemoryLeases
from gateways.leases.redis import RedisLeases
from gateways.pace import MemoryPace, Pace
from gateways.redis.link import RedisLink
from gateways.redis.pace import RedisPace
from gateways.redis.time import RedisTime
from gateways.signals.contracts import Signals
from gateways.signals.memory import MemorySignals
from gateways.signals.redis import RedisSignals
from gateways.topics.contracts import Topics
from gateways.topics.memory import MemoryTopics
from gateways.topics.redis import RedisTopics
from web.ports import Check

Run = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    """There is nothing to close."""


@dataclass(frozen=True, slots=True)
class Shared:
    """`tasks`: what has to run for it, by name. `checks`: lines of `/readyz` and `/api/health`."""

    clock: Clock
    topics: Topics
    leases: Leases
    signals: Signals
    pace: Pace
    tasks: Mapping[str, Run] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    close: Run = _nothing
    redis_time: RedisTime | None = None  # of a fleet: the clock that all its rooms share


def alone(*, clock: Clock) -> Shared:
    """Everything in the memory of one process."""
    topics = MemoryTopics(clock=clock)
    return Shared(
        clock=clock,
        topics=topics,
        leases=MemoryLeases(clock=clock),
        signals=MemorySignals(),
        pace=MemoryPace(clock=clock),
        close=topics.close,
    )


async def in_fleet(
    address: str, *, owner: str, machine: Clock, tasks: Tasks, metrics: Metrics, random: Random
) -> Shared:
    """Everything through the Redis at `address`. It may be away: then what is said of each port holds."""
    link = RedisLink(address)
    clock = FleetClock(machine, redis=RedisTime(link=link, clock=machine))
    await clock.set()
    topics = RedisTopics(link=link, clock=clock, metrics=metrics, tasks=tasks, random=random)
    signals = RedisSignals(link=link, owner=owner, clock=clock, random=random)

    async def close() -> None:
        await topics.close()
        await signals.close()
        await link.close()

    return Shared(
        clock=clock,
        topics=topics,
        leases=RedisLeases(link=link, clock=clock),
        signals=signals,
        pace=RedisPace(link=link, fallback=MemoryPace(clock=clock)),
        tasks={"clock": clock.run, "signals": signals.run},
        checks=(RedisCheck(link=link, topics=topics),),
        close=close,
        redis_time=RedisTime(link=link, clock=clock),
    )


class RedisCheck:
    """Is the accelerator there? Without it everything is slower, and nothing is lost."""

    name = "redis"
    critical = False

    def __init__(self, *, link: RedisLink, topics: RedisTopics) -> None:
        self._link, self._topics = link, topics

    async def check(self) -> str:
        await self._link.command("PING")
        if not self._topics.connected:
            raise Unavailable(f"The topics are not up to date: {self._topics.detail}.", code="redis.topics")
        return "answers"
