"""Virtual clocks and delay lines: wrong in the ways that were ordered, and nothing overtakes."""

from __future__ import annotations

from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.players.network import PROFILES, DelayLine, Path, VirtualClock, any_clock


def test_a_clock_is_off_runs_fast_and_is_coarse() -> None:
    assert VirtualClock(offset=2.0, skew=1e-4).at(1000.0) == pytest.approx(1002.1)
    assert VirtualClock(resolution=0.001).at(0.0127) == pytest.approx(0.012)


@given(st.integers(), st.lists(st.floats(0, 1e5), min_size=2, max_size=2))
def test_any_clock_goes_forward_and_is_not_far_off(seed: int, times: list[float]) -> None:
    clock, (early, late) = any_clock(Random(seed)), sorted(times)
    assert clock.at(early) <= clock.at(late)
    assert abs(clock.at(early) - early) <= 5.0 + 100e-6 * early + 0.0011


@given(st.sampled_from(sorted(PROFILES)), st.integers(), st.lists(st.floats(0, 2), max_size=50))
def test_nothing_overtakes_and_nothing_is_faster_than_light(
    name: str, seed: int, pauses: list[float]
) -> None:
    for path in (PROFILES[name].up, PROFILES[name].down):
        line, now, last = DelayLine(path, Random(seed)), 0.0, 0.0
        for pause in pauses:
            now += pause
            arrives = line.arrives(now)
            assert arrives >= max(last, now + path.base_ms / 1000)
            last = arrives


def test_the_same_seed_is_the_same_evening() -> None:
    path = PROFILES["mobile"].up
    one, other = DelayLine(path, Random(3)), DelayLine(path, Random(3))
    assert [one.arrives(at) for at in range(50)] == [other.arrives(at) for at in range(50)]


def test_a_lost_packet_holds_up_what_follows() -> None:
    line = DelayLine(Path(10, lost=1.0, resend_ms=200), Random(1))
    held = line.arrives(0.0)
    assert held == pytest.approx(0.210)
    line = DelayLine(Path(10), Random(1))
    line._last = held
    assert line.arrives(0.050) == held


def test_a_busy_line_takes_longer() -> None:
    def typical(path: Path) -> float:
        line = DelayLine(path, Random(1))
        return median(line.arrives(at) - at for at in range(200))

    assert typical(Path(10)) == pytest.approx(0.010)
    assert typical(Path(10, jitter_ms=5)) == pytest.approx(0.015, abs=0.002)
    assert typical(Path(10, busy=1.0, busy_ms=100)) == pytest.approx(0.060, abs=0.02)


def test_the_loaded_uplink_is_the_one_whose_ways_differ() -> None:
    apart = {name: profile.up.base_ms - profile.down.base_ms for name, profile in PROFILES.items()}
    assert apart["loaded uplink"] == max(apart.values()) == 40
    assert apart["fibre"] == apart["wifi"] == 0
