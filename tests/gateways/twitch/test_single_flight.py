"""Many ask, one goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from domain.errors import Broken, Unavailable
from gateways.twitch.single_flight import SingleFlight
from tests.gateways.twitch.scripted import Crew


@pytest.fixture
async def crew() -> AsyncIterator[Crew]:
    crew = Crew()
    yield crew
    await crew.home()


class Work:
    def __init__(self) -> None:
        self.begun = 0
        self.release = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        await self.release.wait()
        if self.error is not None:
            raise self.error
        return number


async def test_fifty_callers_share_one_run(crew: Crew) -> None:
    flights: SingleFlight[int] = SingleFlight(tasks=crew, name="x")
    work = Work()
    work.release.set()
    assert await asyncio.gather(*(flights.run("a", work) for _ in range(50))) == [1] * 50
    assert await flights.run("a", work) == 2, "what is over is not remembered"


async def test_keys_fly_apart(crew: Crew) -> None:
    flights: SingleFlight[int] = SingleFlight(tasks=crew, name="x")
    work = Work()
    work.release.set()
    assert sorted(await asyncio.gather(flights.run("a", work), flights.run("b", work))) == [1, 2]


async def test_everybody_hears_of_the_failure(crew: Crew) -> None:
    flights: SingleFlight[int] = SingleFlight(tasks=crew, name="x")
    work = Work()
    work.error = Broken("no")
    work.release.set()
    results = await asyncio.gather(*(flights.run("a", work) for _ in range(5)), return_exceptions=True)
    assert results == [work.error] * 5


async def test_a_caller_who_gives_up_does_not_stop_the_others(crew: Crew) -> None:
    flights: SingleFlight[int] = SingleFlight(tasks=crew, name="x")
    work = Work()
    first = asyncio.ensure_future(flights.run("a", work))
    second = asyncio.ensure_future(flights.run("a", work))
    while not work.begun:
        await asyncio.sleep(0)
    first.cancel()
    work.release.set()
    assert await second == 1
    with pytest.raises(asyncio.CancelledError):
        await first


@pytest.mark.parametrize("how", ["cancelled", "foreign"])
async def test_work_that_is_cut_off_leaves_nobody_waiting(crew: Crew, how: str) -> None:
    flights: SingleFlight[int] = SingleFlight(tasks=crew, name="x")
    work = Work()
    caller = asyncio.ensure_future(flights.run("a", work))
    while not work.begun:
        await asyncio.sleep(0)
    if how == "cancelled":
        crew.tasks[0].cancel()
    else:
        work.error = RuntimeError("a bug")
        work.release.set()
    with pytest.raises(Unavailable):
        await caller
    work.error = None
    work.release.set()
    assert await flights.run("a", work) == 2
