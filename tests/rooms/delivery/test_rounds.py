"""Everybody once in 15 s, evenly."""

from __future__ import annotations

from collections import Counter

from domain.ports import NullMetrics
from rooms.delivery.budget import Budget
from rooms.delivery.rounds import EVERY_SECONDS, SLOTS, Rounds
from rooms.delivery.viewer import Viewer
from rooms.people import Member, Role
from tests.rooms.lines import MemoryLine
from tests.support.clock import ManualClock


def viewer(name: str) -> Viewer:
    budget = Budget(clock=ManualClock(), metrics=NullMetrics())
    return Viewer(MemoryLine(), member=Member(name, name, name, Role.MEMBER, 0), budget=budget)


def test_each_has_its_turn_once_a_round() -> None:
    rounds = Rounds()
    assert rounds.next_at() is None
    people = [viewer(f"v{place}") for place in range(3 * SLOTS)]
    for one in people:
        rounds.add(one, now=1000.1)
    seen: Counter[Viewer] = Counter()
    now = 1000.1
    while (at := rounds.next_at()) is not None and at <= 1000.1 + EVERY_SECONDS:
        now = at
        due = rounds.due(now)
        assert len(due) == 3
        seen.update(due)
    assert set(seen.values()) == {1}
    assert len(seen) == len(people)


def test_one_alone_is_asked_as_late_as_can_be_and_a_late_look_skips_nobody() -> None:
    rounds, one, other = Rounds(), viewer("a"), viewer("b")
    rounds.add(one, now=1000.0)
    rounds.add(other, now=1000.0)
    first = rounds.next_at()
    assert first is not None
    assert 14.0 < first - 1000.0 < EVERY_SECONDS
    assert set(rounds.due(1040.0)) == {one, other}  # the process was held up
    assert rounds.due(1040.0) == []
    rounds.remove(one)
    rounds.remove(one)
    assert rounds.due(1056.0) == [other]
    rounds.remove(other)
    assert rounds.next_at() is None
