"""Room time, against a true clock that the test knows, and against a real server that is restarted."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from daemon.clock import SystemClock
from gateways.redis.link import RedisLink
from gateways.redis.time import DRIFT, RedisTime
from rooms.fleet.clock import SLEW, STEP_US, Estimator, FleetTime, OwnTime
from tests.servers.redis import start_redis
from tests.support.clock import ManualClock

AT_ZERO = 1_772_359_200_000_000  # what the other clock shows when ours stands at 0

# Seconds until the question, on the way there, on the way back.
Questions = Sequence[tuple[float, float, float]]
QUESTIONS: st.SearchStrategy[Questions] = st.lists(
    st.tuples(st.floats(0, 60), st.floats(0, 2), st.floats(0, 2)), min_size=1, max_size=30
)
DRIFTS = st.floats(-0.0001, 0.0001)


def truth(monotonic: float, drift: float = 0.0, ahead: int = 0) -> int:
    return AT_ZERO + ahead + round(monotonic * 1e6 * (1 + drift))


def ask(
    estimator: Estimator, at: float, there: float, back: float, drift: float = 0.0, ahead: int = 0
) -> float:
    """One sample; returns when its answer came."""
    estimator.add(at, truth(at + there, drift, ahead), at + there + back)
    return at + there + back


@given(QUESTIONS, DRIFTS, st.floats(0, 100))
def test_the_error_is_within_half_of_the_best_round_trip_and_the_drift_since(
    questions: Questions, drift: float, later: float
) -> None:
    """Asked for the first time after all samples: nothing is left to be made good."""
    estimator, now, bounds = Estimator(), 1000.0, []
    for pause, there, back in questions:
        now = ask(estimator, now + pause, there, back, drift)
        bounds.append((now, (there + back) / 2 * 1e6))
    now += later
    best = min(half * (1 + 2 * DRIFT) + DRIFT * 1e6 * (now - at) for at, half in bounds[-16:])
    assert abs(estimator.now(now) - truth(now, drift)) <= best + 5
    assert estimator.bound(now) <= best + 5


@given(QUESTIONS, DRIFTS, st.lists(st.floats(0, 5), min_size=1, max_size=3))
def test_what_is_told_is_true_within_its_bound_all_the_time(
    questions: Questions, drift: float, pauses: Sequence[float]
) -> None:
    estimator, now = Estimator(), 1000.0
    for pause, there, back in questions:
        now = ask(estimator, now + pause, there, back, drift)
        for more in pauses:
            now += more
            told = estimator.now(now)
            assert abs(told - truth(now, drift)) <= estimator.bound(now) + 5


@given(QUESTIONS, DRIFTS, st.lists(st.floats(0, 3), min_size=1, max_size=4), st.integers(-50_000, 50_000))
def test_time_never_goes_back_nor_faster_than_it_may_within_one_clock(
    questions: Questions, drift: float, pauses: Sequence[float], jump: int
) -> None:
    estimator, now = Estimator(), 1000.0
    last: tuple[int, float, int] | None = None
    for number, (pause, there, back) in enumerate(questions):
        now = ask(estimator, now + pause, there, back, drift, ahead=jump if number > 2 else 0)
        for more in pauses:
            now += more
            told = estimator.now(now)
            if last is not None and last[0] == estimator.steps:
                passed = (now - last[1]) * 1e6
                assert told >= last[2]
                assert passed * (1 - SLEW) - 2 <= told - last[2] <= passed * (1 + SLEW) + 2
            last = (estimator.steps, now, told)


def test_a_small_error_is_made_good_slowly() -> None:
    estimator = Estimator()
    now = ask(estimator, 1000.0, 0.0, 0.010)  # all of it was the way back: believed to be 5 ms less
    assert estimator.now(now) == truth(now) - 5_000
    now = ask(estimator, now + 1, 0.0001, 0.0001)
    before = estimator.now(now)
    assert truth(now) - before > 4_000
    assert estimator.bound(now) >= truth(now) - before
    assert estimator.now(now + 5) - before == 5_000_000 + 2_500
    assert abs(estimator.now(now + 30) - truth(now + 30)) <= 2
    assert estimator.steps == 0


def test_a_step_is_another_clock() -> None:
    estimator = Estimator()
    now = ask(estimator, 1000.0, 0.001, 0.001)
    assert estimator.now(now) == truth(now)
    now = ask(estimator, now + 1, 0.001, 0.001, ahead=-3_600_000_000)  # somebody set the other clock
    assert estimator.steps == 1
    assert abs(estimator.now(now) - truth(now, ahead=-3_600_000_000)) <= 2


def test_less_than_a_step_is_the_same_clock() -> None:
    estimator = Estimator()
    now = ask(estimator, 1000.0, 0.001, 0.001)
    estimator.now(now)
    ask(estimator, now + 1, 0.001, 0.001, ahead=STEP_US - 1000)
    assert estimator.steps == 0


def test_time_goes_on_when_our_own_clock_is_read_twice_at_once() -> None:
    estimator = Estimator()
    now = ask(estimator, 1000.0, 0.001, 0.001)
    assert [estimator.now(now) for _ in range(3)] == [truth(now)] * 3
    for step in range(10_000):  # read often, it moves as fast as when it is read seldom
        estimator.now(now + step / 10_000)
    assert abs(estimator.now(now + 1) - truth(now + 1)) <= 1


async def test_alone_it_is_the_clock_of_the_process() -> None:
    clock = ManualClock()
    time = OwnTime(clock=clock, name="p1")
    first = time.now()
    assert first == clock.now() * 1000
    clock.step_wall(-3_600_000)
    await clock.advance(1.5)
    assert time.now() == first + 1_500_000
    assert (time.clock_id, time.bound()) == ("p1", 0.0)


async def test_two_processes_have_one_time_and_a_restart_of_redis_is_another_clock() -> None:
    async with start_redis() as server:
        clock, link = SystemClock(), RedisLink(server.url)
        one, other = (
            FleetTime(clock=clock, redis=RedisTime(link=link, clock=clock), name=name)
            for name in ("p1", "p2")
        )
        try:
            await one.start()
            await other.start()
            first, second, third = one.now(), other.now(), one.now()
            assert first - one.bound() - other.bound() <= second <= third + one.bound() + other.bound()
            seconds, micros = await server.command("TIME")
            assert one.now() + one.bound() >= seconds * 1_000_000 + micros
            assert one.clock_id == "p1.0"
            await one.sample()
            assert one.clock_id == "p1.0"
            await link.close()
            await server.restart()
            await one.sample()
            assert one.clock_id == "p1.1"
        finally:
            await link.close()


async def test_until_redis_has_told_its_time_ours_stands_in() -> None:
    async with start_redis() as server:
        clock, link = SystemClock(), RedisLink(server.url)
        time = FleetTime(clock=clock, redis=RedisTime(link=link, clock=clock), name="p1")
        try:
            assert not time.is_ready
            assert abs(time.now() - clock.now() * 1000) < 60_000_000
            assert (time.clock_id, time.bound()) == ("p1.own", float("inf"))
            await time.start()
            assert time.is_ready
            assert time.clock_id == "p1.0", "what was measured before is worth nothing"
        finally:
            await link.close()
