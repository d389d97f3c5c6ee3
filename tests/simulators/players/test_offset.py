"""The room's clock as a viewer tells it: never wrong by more than it says, whatever the network does."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.players.offset import PPM, SLEW, Probe, Probing, RoomClock, fit, quickest

EPOCH = 1_790_000_000_000_000
DELAYS = st.floats(0.0, 0.6)
PROBES = st.lists(st.tuples(st.floats(0.01, 30.0), DELAYS, DELAYS), min_size=1, max_size=70)


@dataclass
class Truth:
    """A true clock and ours beside it."""

    skew: float = 0.0
    offset: float = 1234.5

    def local(self, true: float) -> float:
        return true * (1 + self.skew) + self.offset

    def probe(self, clock: RoomClock, at: float, up: float, down: float, clock_id: str = "k1") -> bool:
        """Sent at a true instant; the two ways take so long."""
        arrived = EPOCH + round((at + up) * 1e6)
        return clock.add(
            sent=self.local(at),
            arrived=arrived,
            answered=arrived + 50,
            received=self.local(at + up + 0.000050 + down),
            clock_id=clock_id,
        )

    def error(self, clock: RoomClock, true: float) -> float:
        """How far what the clock tells is from the truth (s)."""
        return abs(clock.room(self.local(true)) - EPOCH - true * 1e6) / 1e6


@given(PROBES, st.floats(-PPM, PPM), st.floats(-5000, 5000), st.floats(0, 300))
def test_it_is_never_wrong_by_more_than_its_bound(
    probes: list[tuple[float, float, float]], skew: float, offset: float, later: float
) -> None:
    truth, clock, now = Truth(skew, offset), RoomClock(), 0.0
    for pause, up, down in probes:
        before = now + pause  # the answer of the last one is in: nothing overtakes
        if clock.ready:
            assert truth.error(clock, before) <= clock.bound(truth.local(before)) + 1e-5
        assert truth.probe(clock, before, up, down)
        now = before + up + down + 0.0001
        assert truth.error(clock, now) <= clock.bound(truth.local(now)) + 1e-5
        least, most = clock.speeds
        assert least - 1e-7 <= 1 / (1 + skew) - 1 <= most + 1e-7
        # The estimate itself keeps to what the best probe alone allows.
        local = truth.local(now)
        true_offset = (EPOCH + now * 1e6 - clock.room(local)) / 1e6 + clock.offset(local)
        assert abs(clock.estimate(local) - true_offset) <= clock.bound(local) + 1e-5
    now += later
    assert truth.error(clock, now) <= clock.bound(truth.local(now)) + 1e-5


@given(st.lists(st.tuples(DELAYS, DELAYS), min_size=9, max_size=40), st.floats(-PPM, PPM))
def test_after_the_first_moments_it_slews(ways: list[tuple[float, float]], skew: float) -> None:
    truth, clock = Truth(skew), RoomClock()
    for number, (up, down) in enumerate(ways):
        at = number * 10.0
        received = truth.local(at + up + 0.000050 + down)
        before = clock.offset(received) if number >= 8 else None
        truth.probe(clock, at, up, down)
        if before is not None:
            after = clock.offset(received)
            assert abs(after - before) < 1e-9 or abs(after - before) > 0.100
            assert abs(clock.offset(received + 1.0) - after) <= SLEW + 2 * 200e-6


def test_a_small_correction_takes_its_time() -> None:
    truth, clock = Truth(), RoomClock()
    for number in range(8):
        truth.probe(clock, number * 0.2, 0.060, 0.010)  # 25 ms wrong, and cannot know
    truth.probe(clock, 10.0, 0.001, 0.001)
    assert truth.error(clock, 10.01) == pytest.approx(0.025, abs=0.001)
    assert truth.error(clock, 13.0) == pytest.approx(0.010, abs=0.001)
    assert truth.error(clock, 16.0) < 0.001


def test_a_large_one_is_a_step() -> None:
    truth, clock = Truth(), RoomClock()
    for number in range(8):
        truth.probe(clock, number * 0.2, 0.500, 0.010)
    assert truth.error(clock, 5.0) > 0.2
    truth.probe(clock, 10.0, 0.001, 0.001)
    assert truth.error(clock, 10.01) < 0.001


def test_a_line_learns_how_fast_our_clock_runs() -> None:
    truth, clock = Truth(skew=80e-6), RoomClock()
    for number in range(31):
        truth.probe(clock, number * 10.0, 0.010, 0.010 + 0.0001 * (number % 3))
    assert truth.error(clock, 300.1 + 60) < 0.0005  # 80 ppm of a minute are 4.8 ms
    assert clock.bound(truth.local(300.1 + 60)) == pytest.approx(0.010 + 60 * PPM, rel=0.02)


@pytest.mark.parametrize("ways", [(0.010, 0.002), (0.002, 0.010)])
def test_the_ways_may_lie_about_the_speed_but_not_beyond_what_they_took(ways: tuple[float, float]) -> None:
    truth, clock = Truth(), RoomClock()
    for number in range(40):  # 8 ms in 200 s look like a clock that is 40 ppm fast or slow
        up, down = ways if number < 20 else ways[::-1]
        truth.probe(clock, number * 10.0, up, down)
    least, most = clock.speeds
    assert -PPM < least <= 0.0 <= most < PPM
    assert truth.error(clock, 450.0) <= clock.bound(truth.local(450.0))


def test_the_bound_grows_with_age_and_with_the_coarseness_of_our_clock() -> None:
    truth = Truth()
    fine, coarse = RoomClock(), RoomClock(resolution=0.001)
    assert fine.bound(0.0) == math.inf
    for clock in (fine, coarse):
        truth.probe(clock, 0.0, 0.010, 0.010)
    now = truth.local(100.0)
    assert fine.bound(now) == pytest.approx(0.010 + 100 * PPM, abs=1e-6)
    assert coarse.bound(now) == pytest.approx(fine.bound(now) + 0.001)


def test_an_answer_that_cannot_be_is_not_counted() -> None:
    clock = RoomClock()
    arrived = EPOCH
    assert not clock.add(sent=2.0, arrived=arrived, answered=arrived, received=1.0, clock_id="k1")
    assert not clock.add(sent=1.0, arrived=arrived, answered=arrived - 1, received=2.0, clock_id="k1")
    assert not clock.add(sent=1.0, arrived=arrived, answered=arrived + 3_000_000, received=2.0, clock_id="k1")
    assert not clock.ready
    with pytest.raises(ValueError, match="asked"):
        clock.room(1.0)


def test_no_probe_counts_that_slept_on_the_way() -> None:
    truth, clock = Truth(), RoomClock()
    clock.beat(truth.local(0.0))
    assert truth.probe(clock, 0.0, 0.01, 0.01)
    clock.beat(truth.local(0.25))
    # Sent, then the lid was closed for a minute; the answer is read before the loop has looked.
    assert not truth.probe(clock, 0.25, 0.01, 60.0)
    assert clock.beat(truth.local(60.5))
    assert not truth.probe(clock, 0.25, 0.01, 61.0)  # and after it has
    assert truth.probe(clock, 61.5, 0.01, 0.01)
    assert not clock.beat(truth.local(62.0))


def test_a_clock_that_stood_still_in_its_sleep_is_found_out() -> None:
    truth, clock = Truth(), RoomClock()
    for number in range(20):
        truth.probe(clock, number * 1.0, 0.005, 0.005)
    truth.offset -= 3600.0  # the machine slept for an hour, and its monotonic clock with it
    truth.probe(clock, 3700.0, 0.200, 0.200)  # far slower than the old ones: still the only true one
    assert truth.error(clock, 3701.0) < 0.001


def test_another_clock_of_the_room_begins_anew() -> None:
    truth, clock = Truth(), RoomClock()
    for number in range(10):
        truth.probe(clock, number * 1.0, 0.005, 0.005)
    arrived = 77_000_000
    clock.add(
        sent=truth.local(20), arrived=arrived, answered=arrived, received=truth.local(20.1), clock_id="k2"
    )
    assert clock.clock_id == "k2"
    assert clock.room(truth.local(20.1)) == pytest.approx(77_050_000, abs=10)
    assert clock.local(77_050_000, truth.local(20.1)) == pytest.approx(truth.local(20.1), abs=1e-4)


def test_a_line_needs_enough_quick_probes_over_a_minute() -> None:
    probes = [Probe(at, at, 1.0 + 1e-3 * at, 0.01) for at in range(0, 50, 10)]
    assert fit(probes) is None
    assert fit([*probes, Probe(55, 55, 1.0, 0.01)]) is None
    found = fit([*probes, Probe(70, 70, 1.07, 0.01)])
    assert found is not None
    assert found[2] == 200e-6  # steeper than a clock can be
    slow = [Probe(at, at, 9.0, 0.5) for at in range(30)]
    assert {probe.delay for probe in quickest([*probes, *slow])[:5]} == {0.01}


def test_eight_probes_at_once_then_now_and_then_and_soon_after_a_change() -> None:
    probing, asked = Probing(lambda: 0.5, now=0.0), []
    while len(asked) < 10:
        asked.append(probing.due)
        probing.asked(probing.due)
    gaps = [late - early for early, late in itertools.pairwise(asked)]
    assert gaps == pytest.approx([0.175] * 7 + [10.0, 10.0])
    probing.hurry(asked[-1])
    assert probing.due == pytest.approx(asked[-1] + 1.0)
    first = probing.due
    for _ in range(3):
        probing.asked(probing.due)
    assert probing.due - first < 1.0
    probing.asked(probing.due)
    assert probing.due - first > 8.0
