"""One after the other, the film first."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from daemon.metrics import PrometheusMetrics
from daemon.supervisor import Supervisor
from domain.errors import Unavailable
from rooms.talk.lanes import MOST, Lanes
from tests.support.clock import ManualClock


class Work:
    def __init__(self) -> None:
        clock = ManualClock()
        self.tasks = Supervisor(clock=clock, metrics=PrometheusMetrics(), random=Random(1))
        self.lanes = Lanes(self.tasks)
        self.done: list[str] = []
        self.go = asyncio.Event()

    def put(self, name: str, *, film: bool = False) -> None:
        self.lanes.put(self.deed(name), film=film)

    def deed(self, name: str):  # type: ignore[no-untyped-def]
        async def do() -> None:
            await self.go.wait()
            self.done.append(name)

        return do

    async def settle(self) -> None:
        self.go.set()
        async with asyncio.timeout(20):
            while self.tasks.names():
                await asyncio.sleep(0)


async def test_the_film_overtakes_what_waits_and_nothing_else() -> None:
    work = Work()
    work.put("a")
    await asyncio.sleep(0)  # "a" is being done
    work.put("b")
    work.put("play", film=True)
    work.put("c")
    work.put("pause", film=True)
    await work.settle()
    assert work.done == ["a", "play", "pause", "b", "c"]


async def test_it_is_bounded_and_has_no_task_when_nothing_waits() -> None:
    work = Work()
    for number in range(MOST):
        work.put(str(number))
    with pytest.raises(Unavailable) as caught:
        work.put("more", film=True)
    assert caught.value.code == "party.busy"
    await work.settle()
    assert len(work.done) == MOST
    assert len(work.lanes) == 0
    work.put("again")
    await work.settle()
    assert work.done[-1] == "again"


async def test_finish_forgets_what_waits() -> None:
    work = Work()
    work.put("a")
    await asyncio.sleep(0)
    work.put("b")
    work.put("play", film=True)
    work.lanes.finish(work.deed("last"))
    await work.settle()
    assert work.done == ["a", "last"]
