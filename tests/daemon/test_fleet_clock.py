"""All processes of a fleet tell the same time, however wrong their own clocks are."""

from __future__ import annotations

import asyncio

import pytest

from daemon.clock import SystemClock
from daemon.fleet_clock import FleetClock
from gateways.redis.link import RedisLink
from gateways.redis.time import RedisTime
from tests.servers.redis import start_redis


class WrongClock(SystemClock):
    """The clock of a machine that is wrong by so many milliseconds."""

    def __init__(self, wrong_ms: int) -> None:
        self._wrong_ms = wrong_ms

    def now(self) -> int:
        return super().now() + self._wrong_ms


def fleet_clock(link: RedisLink, wrong_ms: int) -> FleetClock:
    machine = WrongClock(wrong_ms)
    return FleetClock(machine, redis=RedisTime(link=link, clock=machine))


@pytest.mark.server
async def test_two_machines_that_disagree_by_minutes_tell_one_time() -> None:
    async with start_redis() as redis:
        link = RedisLink(redis.url)
        clocks = [fleet_clock(link, wrong) for wrong in (-120_000, 120_000)]
        assert clocks[1].now() - clocks[0].now() > 200_000, "nobody was asked yet"
        for clock in clocks:
            await clock.set()
        seconds, microseconds = await redis.command("TIME")
        told = [clock.now() for clock in clocks]
        assert abs(told[0] - told[1]) < 1000
        assert abs(told[0] - (int(seconds) * 1000 + int(microseconds) // 1000)) < 1000
        assert 119_000 < clocks[1].difference_ms() < 121_000
        assert clocks[0].difference_ms() < -119_000
        await link.close()


@pytest.mark.server
async def test_it_goes_on_by_itself_while_redis_is_away() -> None:
    async with start_redis() as redis:
        link = RedisLink(redis.url)
        clock = fleet_clock(link, 3_600_000)
        await clock.set()
        await redis.kill()
        before = clock.now()
        await clock.set()
        assert clock.difference_ms() > 3_590_000
        assert before <= clock.now() < before + 60_000
        await link.close()


async def test_without_any_answer_it_is_the_clock_of_the_machine() -> None:
    link = RedisLink("redis://127.0.0.1:1")
    clock = fleet_clock(link, 3_600_000)
    await clock.set()
    assert abs(clock.difference_ms()) < 1000
    assert await clock.wait(asyncio.Event(), 0.001) is False
    await link.close()
