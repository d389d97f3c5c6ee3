"""One time for all: the filter against true clocks that the test knows, and the question asked of a real server."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daemon.clock import SystemClock
from gateways.redis.link import RedisDown, RedisLink
from gateways.redis.time import SAMPLES, SLEW, Offset, RedisTime
from tests.servers.redis import start_redis

REDIS_AT_ZERO = 1_772_359_200_000.0  # UTC ms when our monotonic clock was at 0

# Seconds until the question, on the way there, on the way back.
QUESTIONS = st.lists(st.tuples(st.floats(0, 60), st.floats(0, 2), st.floats(0, 2)), min_size=1, max_size=40)


def truth(monotonic: float, *, ahead_ms: float = 0.0, rate: float = 1.0) -> float:
    return REDIS_AT_ZERO + ahead_ms + monotonic * 1000 * rate


def ask(
    offset: Offset, at: float, there: float, back: float, *, ahead_ms: float = 0.0, rate: float = 1.0
) -> float:
    """One sample; returns the moment at which its answer came."""
    offset.add(at, truth(at + there, ahead_ms=ahead_ms, rate=rate), at + there + back)
    return at + there + back


def test_before_the_first_sample_nothing_is_known() -> None:
    assert Offset().now_ms(5.0) is None
    assert Offset().bound_ms(5.0) is None


@given(QUESTIONS, st.floats(-0.0001, 0.0001))
@example([(0.0, 0.0, 1.625)], 9.848e-05)  # they drift apart while the answer is on its way
def test_the_time_is_true_within_its_bound(
    questions: Iterable[tuple[float, float, float]], drift: float
) -> None:
    """Whatever the ways take, and with clocks that drift apart by 100 ppm."""
    offset, now = Offset(), 1000.0
    ahead = 0.0  # of what was told: it may be slewing down from an earlier bound
    for pause, there, back in questions:
        now = ask(offset, now + pause, there, back, rate=1 + drift)
        told, bound = offset.now_ms(now), offset.bound_ms(now)
        assert told is not None
        assert bound is not None
        true = truth(now, rate=1 + drift)
        assert told >= true - bound - 1.1
        assert told <= true + max(bound, ahead) + 1.1
        ahead = max(ahead, bound)


@given(
    QUESTIONS,
    st.lists(st.floats(-5000, 5000), min_size=1, max_size=40),
    st.lists(st.floats(0, 3), max_size=5),
)
def test_it_never_goes_back(
    questions: list[tuple[float, float, float]], jumps: list[float], looks: list[float]
) -> None:
    """Also when the clock of Redis is set, forward and back, again and again."""
    offset, now, told = Offset(), 1000.0, list[int]()
    for number, (pause, there, back) in enumerate(questions):
        now = ask(offset, now + pause, there, back, ahead_ms=jumps[number % len(jumps)])
        for look in (0.0, *looks):
            now += look
            told.append(offset.now_ms(now) or 0)
    assert told == sorted(told)


def test_the_shortest_round_trip_is_believed() -> None:
    offset = Offset()
    now = ask(offset, 1000.0, 0.4, 0.0)
    now = ask(offset, now, 0.001, 0.001)
    now = ask(offset, now, 0.0, 0.4)
    bound = offset.bound_ms(now)
    assert bound is not None
    assert 1.0 <= bound < 1.2
    assert offset.now_ms(now + 1) == pytest.approx(truth(now + 1), abs=1.2)


def test_an_old_sample_is_believed_less() -> None:
    offset = Offset()
    now = ask(offset, 1000.0, 0.001, 0.001)
    for _ in range(3):
        now = ask(offset, now + 60, 0.003, 0.003, rate=1.0)
    bound = offset.bound_ms(now)
    assert bound is not None
    assert bound < 4, "the newest: three milliseconds; the first would be off by 36"


def test_only_the_last_samples_count() -> None:
    offset = Offset()
    now = ask(offset, 1000.0, 0.0, 0.0)
    for _ in range(SAMPLES):
        now = ask(offset, now, 0.5, 0.5)
    bound = offset.bound_ms(now)
    assert bound is not None
    assert bound >= 500


def test_a_clock_that_was_set_forward_is_followed_at_once() -> None:
    offset = Offset()
    now = ask(offset, 1000.0, 0.001, 0.001)
    offset.now_ms(now)
    now = ask(offset, now, 0.05, 0.05, ahead_ms=5000)
    assert offset.now_ms(now) == pytest.approx(truth(now, ahead_ms=5000), abs=51)


def test_a_clock_that_was_set_back_is_met_at_half_speed() -> None:
    offset = Offset()
    now = ask(offset, 1000.0, 0.0, 0.0)
    first = offset.now_ms(now) or 0
    now = ask(offset, now, 0.0, 0.0, ahead_ms=-3000)
    assert offset.now_ms(now) == first
    assert offset.now_ms(now + 2) == pytest.approx(first + 2000 * SLEW, abs=1.1)
    assert offset.now_ms(now + 1) == pytest.approx(first + 2000 * SLEW, abs=1.1), "asked out of order"
    caught_up = now + 3 / SLEW
    assert offset.now_ms(caught_up) == pytest.approx(truth(caught_up, ahead_ms=-3000), abs=1.1)
    assert offset.now_ms(caught_up + 5) == pytest.approx(truth(caught_up + 5, ahead_ms=-3000), abs=1.1)


@pytest.mark.server
async def test_redis_is_asked_between_two_looks_at_our_clock() -> None:
    async with start_redis() as server:
        link, clock = RedisLink(server.url), SystemClock()
        asked = RedisTime(link=link, clock=clock)
        offset = Offset()
        for _ in range(3):
            before = clock.monotonic()
            sample = await asked.sample()
            assert before <= sample.sent <= sample.received <= clock.monotonic()
            offset.add(*sample)
        # Redis runs on this machine: what it calls now is what the machine does.
        bound = offset.bound_ms(clock.monotonic())
        assert bound is not None
        earlier = clock.now()
        told = offset.now_ms(clock.monotonic())
        assert told is not None
        assert earlier - bound - 2 <= told <= clock.now() + bound + 2
        await server.kill()
        with pytest.raises(RedisDown):
            await asked.sample()
        await link.close()
