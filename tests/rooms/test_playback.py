"""The vector: continuous, bounded, and the same for everybody who computes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rooms.playback import Vector, loaded, paced, paused, played, same, sought

SECOND = 1_000_000
INSTANTS = st.integers(0, 3_600 * SECOND)
VECTORS = st.builds(
    Vector,
    media=st.just("film"),
    pos=st.floats(0, 500),
    rate=st.sampled_from([0.25, 0.5, 1.0, 1.25, 2.0]),
    playing=st.booleans(),
    ts=INSTANTS,
    duration=st.none() | st.floats(500, 7200),
)


@given(VECTORS, INSTANTS, INSTANTS)
def test_the_position_is_within_the_film_and_never_goes_back(vector: Vector, one: int, other: int) -> None:
    early, late = sorted((one, other))
    assert 0 <= vector.at(early) <= vector.at(late) <= (vector.duration or 7 * 24 * 3600)


@given(VECTORS, INSTANTS)
def test_before_its_start_a_scheduled_film_stands(vector: Vector, now: int) -> None:
    assert vector.at(min(now, vector.ts)) == vector.pos


@given(VECTORS, INSTANTS)
def test_pause_and_play_at_the_same_instant_lose_nothing(vector: Vector, at: int) -> None:
    again = played(paused(vector, at=at), at=at)
    assert again.at(at) == vector.at(at)
    assert again.playing


@given(VECTORS, INSTANTS, st.sampled_from([0.5, 1.0, 2.0]))
def test_another_rate_leaves_the_position(vector: Vector, at: int, rate: float) -> None:
    assert paced(vector, at=at, rate=rate).at(at) == vector.at(at)


@given(VECTORS)
def test_the_end_is_when_the_position_is_the_duration(vector: Vector) -> None:
    ends = vector.ends_at()
    if ends is None:
        assert not vector.playing or vector.duration is None
    else:
        assert vector.at(ends) == pytest.approx(vector.duration, abs=1e-5)
        assert vector.pos == vector.duration or vector.at(ends - 10) < (vector.duration or 0)


def test_a_minute_at_one_and_a_half() -> None:
    vector = played(Vector("film", pos=10.0, rate=1.5), at=5 * SECOND)
    assert vector.at(5 * SECOND) == 10.0
    assert vector.at(65 * SECOND) == 100.0


def test_a_seek_beyond_the_end_is_the_end() -> None:
    vector = loaded("film", at=0, duration=60.0)
    assert sought(vector, at=SECOND, position=90.0).at(SECOND) == 60.0
    assert sought(vector, at=SECOND, position=30.0).playing is False


@pytest.mark.parametrize(
    ("one", "other", "now", "equal"),
    [
        (Vector("a", 5.0), Vector("a", 5.0, ts=9), 10, True),
        (Vector("a", 5.0), Vector("b", 5.0), 10, False),
        (
            Vector("a", 5.0, playing=True, ts=0),
            Vector("a", 5.0 + 2, playing=True, ts=2 * SECOND),
            3 * SECOND,
            True,
        ),
        (Vector("a", 5.0, playing=True, ts=0), Vector("a", 6.0, playing=True, ts=2 * SECOND), SECOND, False),
        (Vector("a", 5.0, playing=True), Vector("a", 5.0, playing=True, rate=2.0), 0, False),
    ],
)
def test_two_vectors_are_the_same_when_they_show_the_same(
    one: Vector, other: Vector, now: int, equal: bool
) -> None:
    assert same(one, other, now=now) is equal
