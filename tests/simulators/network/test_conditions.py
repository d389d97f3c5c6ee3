"""Conditions are values; the timetable keeps the order whatever they are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.network.conditions import Conditions, Timetable, pieces
from simulators.network.errors import Refused

SOME = st.builds(
    Conditions,
    delay_ms=st.floats(0, 5000),
    jitter_ms=st.floats(0, 5000),
    bytes_per_second=st.sampled_from([0.0, 3.0, 1000.0, 1e6]),
    chunk_bytes=st.integers(0, 50),
)


def test_what_is_not_named_stays() -> None:
    slow = Conditions().changed({"delay_ms": 200, "paused": True})
    assert slow == Conditions(delay_ms=200.0, paused=True)
    assert slow.changed({"paused": False}) == Conditions(delay_ms=200.0)


@pytest.mark.parametrize(
    "order",
    [
        {"speed": 1},
        {"delay_ms": -1},
        {"delay_ms": "1"},
        {"delay_ms": True},
        {"paused": 1},
        {"jitter_ms": float("nan")},
    ],
)
def test_a_bad_order_is_refused(order: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        Conditions().changed(order)


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(1, 5000), SOME, st.floats(0, 1))))
def test_nothing_overtakes_and_nothing_goes_out_before_it_came(
    steps: list[tuple[float, int, Conditions, float]],
) -> None:
    timetable, now, last = Timetable(), 100.0, 0.0
    for wait, size, conditions, chance in steps:
        now += wait
        due = timetable.due(now, size, conditions, chance)
        assert due >= max(last, now + conditions.delay_ms / 1000)
        last = due


def test_delay_does_not_add_up() -> None:
    """Latency is not a queue: what comes together goes out together."""
    timetable, slow = Timetable(), Conditions(delay_ms=200)
    assert [timetable.due(1.0, 100, slow, 0.5) for _ in range(3)] == [1.2, 1.2, 1.2]


def test_a_rate_adds_up() -> None:
    timetable, slow = Timetable(), Conditions(bytes_per_second=1000)
    assert [timetable.due(1.0, 100, slow, 0.5) for _ in range(3)] == pytest.approx([1.1, 1.2, 1.3])
    assert timetable.due(9.0, 100, slow, 0.5) == pytest.approx(9.1)


@given(st.binary(max_size=300), SOME)
def test_pieces_are_the_whole(data: bytes, conditions: Conditions) -> None:
    cut = pieces(data, conditions)
    assert b"".join(cut) == data
    assert not conditions.chunk_bytes or all(len(piece) <= conditions.chunk_bytes for piece in cut)
