"""The contract of `Pace`: every engine is held to the same tests; a new one adds a fixture parameter."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.pace import MemoryPace, Pace
from tests.support.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["memory"])
def pace(request: pytest.FixtureRequest, clock: ManualClock) -> Pace:
    return {"memory": MemoryPace}[request.param](clock=clock)


async def take(pace: Pace, key: str = "vip.add:1") -> float:
    return await pace.take(key, limit=3, window_seconds=10.0)


async def test_lets_the_limit_pass_at_once_and_no_more(pace: Pace) -> None:
    assert [await take(pace) for _ in range(3)] == [0, 0, 0]
    assert await take(pace) > 0


async def test_says_when_the_oldest_leaves_the_window(pace: Pace, clock: ManualClock) -> None:
    await take(pace)
    await clock.advance(4)
    await take(pace)
    await take(pace)
    assert await take(pace) == pytest.approx(6)


async def test_the_window_slides(pace: Pace, clock: ManualClock) -> None:
    for seconds in (0, 4, 4):
        await clock.advance(seconds)
        assert await take(pace) == 0
    await clock.advance(2)
    assert await take(pace) == 0, "the first left"
    assert await take(pace) == pytest.approx(4), "the second has not"


async def test_who_waits_as_told_may_go(pace: Pace, clock: ManualClock) -> None:
    for _ in range(3):
        await take(pace)
        await clock.advance(1.1)
    await clock.advance(await take(pace))
    assert await take(pace) == 0


async def test_a_refusal_is_not_counted(pace: Pace, clock: ManualClock) -> None:
    for _ in range(10):
        await take(pace)
    await clock.advance(10)
    assert [await take(pace) for _ in range(3)] == [0, 0, 0]


async def test_keys_do_not_know_each_other(pace: Pace) -> None:
    for _ in range(4):
        await take(pace, "vip.add:1")
    assert await take(pace, "vip.remove:1") == 0
    assert await take(pace, "vip.add:2") == 0


async def test_concurrent_takers_share_the_limit(pace: Pace) -> None:
    answers = await asyncio.gather(*(take(pace) for _ in range(50)))
    assert sum(answer == 0 for answer in answers) == 3


async def test_the_wall_clock_does_not_matter(pace: Pace, clock: ManualClock) -> None:
    for _ in range(3):
        await take(pace)
    clock.step_wall(3_600_000)
    assert await take(pace) == pytest.approx(10)


@given(st.lists(st.floats(min_value=0, max_value=5), max_size=60))
def test_no_window_ever_holds_more_than_the_limit(gaps: list[float]) -> None:
    async def run() -> list[float]:
        clock = ManualClock()
        pace, granted = MemoryPace(clock=clock), list[float]()
        for gap in gaps:
            await clock.advance(gap)
            if await take(pace) == 0:
                granted.append(clock.monotonic())
        return granted

    granted = asyncio.run(run())
    assert all(later - earlier >= 10 - 1e-5 for earlier, later in zip(granted, granted[3:], strict=False))


async def test_memory_forgets_keys_that_nobody_uses(clock: ManualClock) -> None:
    pace = MemoryPace(clock=clock)
    for number in range(1000):
        await take(pace, str(number))
    await clock.advance(11)
    for _ in range(1100):
        await take(pace, "alive")
    assert pace.keys == 1
