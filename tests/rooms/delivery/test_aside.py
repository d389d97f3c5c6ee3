"""What goes through the membership's topic: one at a time, and lost without harm."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from daemon.metrics import PrometheusMetrics
from daemon.supervisor import Supervisor
from domain.errors import Unavailable
from gateways.topics.contracts import NewEntry
from gateways.topics.memory import MemoryTopics
from rooms.delivery.aside import MEASURED, REACTED, Aside
from tests.support.clock import ManualClock


class Slow(MemoryTopics):
    """Takes an entry when the test says so, or refuses it."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.gate = asyncio.Event()
        self.fails = False
        self.taken: list[NewEntry] = []

    async def append(self, topic: str, entry: NewEntry, **given: Any) -> Any:
        await self.gate.wait()
        if self.fails:
            raise Unavailable("Redis is away.", code="topic.unavailable")
        self.taken.append(entry)
        return await super().append(topic, entry, **given)


async def test_what_comes_meanwhile_is_told_together_afterwards() -> None:
    clock, metrics = ManualClock(), PrometheusMetrics()
    topics = Slow(clock=clock)
    tasks = Supervisor(clock=clock, metrics=metrics, random=Random(1))
    aside = Aside("room:r:people", topics=topics, clock=clock, tasks=tasks, metrics=metrics, process="p1")
    assert aside.tell_reactions()  # nothing to tell
    assert aside.tell_measured()
    aside.react("❤")
    assert aside.tell_reactions()
    aside.react("❤")
    aside.react("🔥")
    aside.report("ann", {"driftMs": 1})
    assert not aside.tell_reactions()
    assert not aside.tell_measured()
    topics.gate.set()
    await clock.advance(0)
    assert aside.tell_reactions()
    await clock.advance(0)
    assert [one.body for one in topics.taken] == [{"reactions": {"❤": 1}}, {"reactions": {"❤": 1, "🔥": 1}}]

    topics.fails = True
    assert aside.tell_measured()
    await clock.advance(0)
    topics.fails = False
    assert aside.tell_measured()  # lost; the next report tells again
    aside.report("ann", {"driftMs": 1})
    assert aside.tell_measured()
    await clock.advance(0)
    assert topics.taken[-1].kind == MEASURED
    aside.take(MEASURED, topics.taken[-1].body)
    assert aside.quality().players == 1
    aside.take(REACTED, {"reactions": {"❤": 2, "unknown": 5}})
    assert aside.reactions() == {"❤": 2}
    assert aside.reactions() == {}
    assert tasks.names() == []
