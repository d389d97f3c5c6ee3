"""Whether Redis is known to be down."""

from __future__ import annotations

from random import Random

from gateways.topics.redis.breaker import PAUSE_SECONDS, PROBE_SECONDS, Breaker
from tests.support.clock import ManualClock


async def test_after_a_failure_one_probe_at_a_time_goes_through() -> None:
    clock = ManualClock()
    breaker = Breaker(clock=clock, random=Random(1))
    assert breaker.closed
    assert breaker.admits()
    breaker.failed()
    assert not breaker.closed
    assert not breaker.admits()
    await clock.advance(PAUSE_SECONDS)
    assert [breaker.admits() for _ in range(3)] == [True, False, False]
    breaker.failed()
    assert not breaker.admits()
    await clock.advance(PAUSE_SECONDS)
    assert breaker.admits()
    breaker.succeeded()
    assert breaker.closed
    assert [breaker.admits() for _ in range(3)] == [True, True, True]


async def test_a_probe_that_never_left_does_not_block_for_ever() -> None:
    clock = ManualClock()
    breaker = Breaker(clock=clock, random=Random(1))
    breaker.failed()
    await clock.advance(PAUSE_SECONDS)
    assert breaker.admits()
    await clock.advance(PROBE_SECONDS - 0.1)
    assert not breaker.admits()
    await clock.advance(0.2)
    assert breaker.admits()


def test_pauses_are_spread() -> None:
    clock = ManualClock()
    ends = set()
    for seed in range(20):
        breaker = Breaker(clock=clock, random=Random(seed))
        breaker.failed()
        ends.add(breaker._refuses_until)
    assert len(ends) == 20
    assert all(0.5 * PAUSE_SECONDS <= end - clock.monotonic() <= PAUSE_SECONDS for end in ends if end)
