"""What is remembered of rate limit headers."""

from __future__ import annotations

import pytest

from gateways.twitch.bucket import DEFAULT_WAIT_SECONDS, LONGEST_WAIT_SECONDS, Buckets, header_number
from tests.support.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def buckets(clock: ManualClock) -> Buckets:
    return Buckets(clock=clock)


def headers(clock: ManualClock, remaining: int, reset_in: int) -> dict[str, str]:
    return {"Ratelimit-Remaining": str(remaining), "Ratelimit-Reset": str(clock.now() // 1000 + reset_in)}


async def test_empty_until_the_reset(buckets: Buckets, clock: ManualClock) -> None:
    assert buckets.wait_seconds("1") == 0
    buckets.learn("1", headers(clock, 0, 30))
    assert buckets.wait_seconds("1") == pytest.approx(30)
    assert buckets.wait_seconds("2") == 0
    await clock.advance(30)
    assert buckets.wait_seconds("1") == 0


async def test_an_answer_that_was_overtaken_does_not_fill_it(buckets: Buckets, clock: ManualClock) -> None:
    buckets.learn("1", headers(clock, 0, 30))
    buckets.learn("1", headers(clock, 3, 30))
    assert buckets.wait_seconds("1") > 0
    buckets.learn("1", headers(clock, 800, 60))
    assert buckets.wait_seconds("1") == 0


async def test_a_new_filling_counts_after_the_old_reset(buckets: Buckets, clock: ManualClock) -> None:
    buckets.learn("1", headers(clock, 0, 1))
    late = headers(clock, 5, 1)
    await clock.advance(2)
    buckets.learn("1", late)
    assert buckets.wait_seconds("1") == 0


def test_nonsense_does_not_park_a_channel_for_years(buckets: Buckets, clock: ManualClock) -> None:
    buckets.learn("1", headers(clock, 0, 10**9))
    assert buckets.wait_seconds("1") == LONGEST_WAIT_SECONDS
    assert buckets.until_reset(headers(clock, 0, 10**9)) == LONGEST_WAIT_SECONDS
    buckets.learn("2", {"Ratelimit-Remaining": "0"})
    assert buckets.wait_seconds("2") == 0


def test_until_reset(buckets: Buckets, clock: ManualClock) -> None:
    assert buckets.until_reset(headers(clock, 0, 20)) == pytest.approx(20)
    assert buckets.until_reset(headers(clock, 0, -50)) == 1
    assert buckets.until_reset({}) == DEFAULT_WAIT_SECONDS


@pytest.mark.parametrize("text", ["", "-1", "1.5", "٣", "x", "9" * 5000, "²"])
def test_header_numbers_that_are_none(text: str) -> None:
    assert header_number({"A": text}, "A") is None


def test_header_number() -> None:
    assert header_number({"A": " 15 "}, "A") == 15
    assert header_number({}, "A") is None
