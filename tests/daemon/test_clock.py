"""The real clock: sane numbers, and waits that end."""

from __future__ import annotations

import asyncio
import time

from daemon.clock import SystemClock


async def test_now_is_wall_time_in_milliseconds() -> None:
    before = time.time() * 1000
    now = SystemClock().now()
    assert before - 1 <= now <= time.time() * 1000 + 1


async def test_monotonic_goes_forward() -> None:
    clock = SystemClock()
    first = clock.monotonic()
    assert clock.monotonic() >= first


async def test_sleep_of_zero_or_less_lets_others_run() -> None:
    ran: list[int] = []
    asyncio.get_running_loop().call_soon(ran.append, 1)
    await SystemClock().sleep(-5)
    assert ran == [1]


async def test_sleep_sleeps() -> None:
    clock = SystemClock()
    began = clock.monotonic()
    await clock.sleep(0.02)
    assert clock.monotonic() - began >= 0.019


async def test_wait_tells_whether_the_event_was_set_and_leaves_it_set() -> None:
    clock, event = SystemClock(), asyncio.Event()
    assert await clock.wait(event, 0.01) is False
    assert await clock.wait(event, 0) is False
    asyncio.get_running_loop().call_later(0.01, event.set)
    assert await clock.wait(event, 10) is True
    assert event.is_set()
    assert await clock.wait(event, 0) is True


async def test_wait_of_zero_sees_what_was_about_to_happen() -> None:
    event = asyncio.Event()
    asyncio.get_running_loop().call_soon(event.set)
    assert await SystemClock().wait(event, 0) is True
