"""Buckets: what they let through, on the long run and at once."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Unavailable
from rooms.commands import FIELDS
from rooms.talk.limits import ALL, CLASSES, LIMITS, PER_ADDRESS, Allowances, Gates, Limit, Turns


def test_every_class_has_a_limit_and_every_film_command_a_class() -> None:
    assert set(CLASSES.values()) <= set(LIMITS)
    assert all(CLASSES.get(f"party:{name}") == "film" for name in ("play", "pause", "seek", "rate", "media"))
    assert set(CLASSES) - set(FIELDS) == {
        "party:react", "party:report", "party:roster", "party:create", "party:join", "clock:ping",
    }  # fmt: skip


@given(
    name=st.sampled_from(sorted(LIMITS)),
    gaps=st.lists(st.floats(0, 3, allow_nan=False), min_size=1, max_size=200),
)
def test_no_interval_sees_more_than_burst_and_rate(name: str, gaps: list[float]) -> None:
    held, now, let = Allowances(), 1000.0, []
    for gap in gaps:
        now += gap
        if not held.take(name, now):
            let.append(now)
    limit = LIMITS[name]
    for first in range(len(let)):
        for last in range(first, len(let)):
            assert last - first + 1 <= limit.burst + limit.rate * (let[last] - let[first]) + 1e-6


def test_who_is_refused_is_let_through_after_the_time_that_was_told() -> None:
    held = Allowances()
    assert [held.take("chat", 5.0) for _ in range(5)] == [0.0] * 5
    wait = held.take("chat", 5.0)
    assert wait == pytest.approx(0.5)
    assert held.take("chat", 5.0 + wait / 2) > 0
    assert held.take("chat", 5.0 + wait) == 0.0


def test_a_flood_is_one_that_lasts() -> None:
    held, floods = Allowances(), []
    for step in range(700):
        _, is_flood = held.take_any(100.0 + step * 0.01)
        floods.append(is_flood)
    first = floods.index(True) * 0.01
    assert 5.0 < first < 6.0
    calm = Allowances()
    for start in (0.0, 4.0, 8.0, 12.0):
        for _ in range(LIMITS[ALL].burst + 5):
            assert not calm.take_any(100.0 + start)[1]


def test_addresses_have_their_own_buckets_and_the_oldest_is_forgotten() -> None:
    gates = Gates({"join": Limit(1.0, 2)}, most_keys=2)
    gates.take("join", "a", 0.0)
    gates.take("join", "a", 0.0)
    gates.require("join", "b", 0.0)
    with pytest.raises(Unavailable) as caught:
        gates.take("join", "a", 0.0)
    assert (caught.value.code, caught.value.retry_after_seconds) == ("party.rate_limited", 1.0)
    with pytest.raises(Unavailable):
        gates.require("join", "a", 0.5)
    gates.take("join", "b", 0.0)
    gates.take("join", "c", 0.0)
    assert len(gates) == 2
    gates.take("join", "a", 0.0)  # forgotten, so let through


def test_five_wrong_passwords_a_minute() -> None:
    assert PER_ADDRESS["password"].burst == 5
    gates = Gates()
    for _ in range(5):
        gates.take("password", ("192.0.2.1", "r"), 0.0)
    with pytest.raises(Unavailable):
        gates.require("password", ("192.0.2.1", "r"), 1.0)
    gates.require("password", ("192.0.2.1", "other"), 1.0)
    gates.require("password", ("192.0.2.1", "r"), 12.1)


async def test_turns_are_one_at_a_time_for_each_key_and_leave_nothing_behind() -> None:
    turns, order = Turns(), []

    async def take(who: str, name: str) -> None:
        async with turns.of(who):
            order.append(f"{name} begins")
            await asyncio.sleep(0)
            order.append(f"{name} ends")

    await asyncio.gather(take("a", "1"), take("a", "2"), take("b", "3"))
    assert order == ["1 begins", "3 begins", "1 ends", "3 ends", "2 begins", "2 ends"]
    async with turns.of("a"):
        assert len(turns) == 1
    assert len(turns) == 0
