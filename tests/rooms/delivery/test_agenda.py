"""What is due when."""

from __future__ import annotations

import asyncio

from rooms.delivery.agenda import Agenda
from tests.support.clock import ManualClock


async def test_each_thing_once_in_order_and_at_the_sooner_of_two_times() -> None:
    clock = ManualClock()
    agenda = Agenda(clock)
    done: list[str] = []

    def one(now: float) -> None:
        done.append("one")

    def two(now: float) -> None:
        done.append("two")
        if done.count("two") < 2:
            agenda.plan(two, 1.0)

    async def work() -> None:
        while True:
            agenda.do()
            await agenda.nap()

    task = asyncio.ensure_future(work())
    agenda.plan(one, 5.0)
    agenda.plan(two, 0.3)
    await clock.advance(0.1)
    agenda.plan(one, 0.1)  # sooner
    agenda.plan(one, 9.0)  # later: as it was
    await clock.advance(0.15)
    assert done == ["one"]
    await clock.advance(0.1)
    assert done == ["one", "two"]
    await clock.advance(20)
    assert done == ["one", "two", "two"]
    assert len(agenda) == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
