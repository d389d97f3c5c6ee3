"""The topic that tells from outside how well the players of a room keep together."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from daemon.metrics import PrometheusMetrics
from daemon.supervisor import Supervisor
from domain.errors import Unavailable
from gateways.topics.contracts import Position
from gateways.topics.memory import MemoryTopics
from rooms.delivery.quality import EACH_SECONDS, STALE_SECONDS, Quality, latest, topic_of
from rooms.delivery.reports import EDGES, Histogram
from tests.support.clock import ManualClock

ROUND_US = round(EACH_SECONDS * 1_000_000)
ONE = Histogram((1, *(0,) * len(EDGES)), 2, 3.0)


async def written(topics: MemoryTopics) -> list[int]:
    """The players of each entry."""
    head = (await topics.head(topic_of("r"))).position
    return [
        one.body["players"] for one in await topics.read(topic_of("r"), Position(head.epoch, 0), limit=100)
    ]


async def test_one_entry_in_each_round_whichever_process_is_first() -> None:
    clock, metrics = ManualClock(), PrometheusMetrics()
    topics, tasks = MemoryTopics(clock=clock), Supervisor(clock=clock, metrics=metrics, random=Random(1))
    here, there = (Quality("r", topics=topics, clock=clock, tasks=tasks) for _ in range(2))
    for now in (7, 8, ROUND_US - 1, ROUND_US, 3 * ROUND_US):
        for one in (here, there):
            one.tell(ONE + ONE if one is there else ONE, now=now)
            await clock.advance(0)
    assert await written(topics) == [1, 1, 1], "of the rounds 0, 1 and 3, the first one's"
    assert await latest(topics, "r", now=clock.now()) == {**ONE.shown(), "at": clock.now()}
    await tasks.stop(1.0)


class Lame(MemoryTopics):
    """Takes nothing while the test says so."""

    fails = True

    async def append(self, *given: Any, **more: Any) -> Any:
        await asyncio.sleep(0)
        if self.fails:
            raise Unavailable("Redis is away.", code="topic.unavailable")
        return await super().append(*given, **more)


async def test_what_is_lost_is_told_again_with_the_next_round() -> None:
    clock, metrics = ManualClock(), PrometheusMetrics()
    topics, tasks = Lame(clock=clock), Supervisor(clock=clock, metrics=metrics, random=Random(1))
    quality = Quality("r", topics=topics, clock=clock, tasks=tasks)
    quality.tell(ONE, now=0)
    quality.tell(ONE, now=ROUND_US)  # the first one is still on its way
    await clock.advance(0)
    topics.fails = False
    quality.tell(ONE + ONE, now=ROUND_US)
    await clock.advance(0)
    assert await written(topics) == [2]
    assert tasks.names() == []
    await tasks.stop(1.0)


async def test_what_is_old_says_nothing_of_now() -> None:
    clock, metrics = ManualClock(), PrometheusMetrics()
    topics, tasks = MemoryTopics(clock=clock), Supervisor(clock=clock, metrics=metrics, random=Random(1))
    assert (await latest(topics, "r", now=clock.now()))["players"] == 0
    Quality("r", topics=topics, clock=clock, tasks=tasks).tell(ONE, now=0)
    await clock.advance(STALE_SECONDS)
    assert (await latest(topics, "r", now=clock.now()))["players"] == 1
    await clock.advance(1)
    assert await latest(topics, "r", now=clock.now()) == {**Histogram().shown(), "at": clock.now()}
    await tasks.stop(1.0)
