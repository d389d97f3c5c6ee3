"""What is said of the watch party of a demo, in the end. (How it goes: tests/journeys/test_demo.py.)"""

from __future__ import annotations

from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.demo_party import DemoParty, Guests, faults_of, films
from rooms.queue import read_item

GOOD: dict[str, Any] = {
    "members": 12, "here": 12, "refused": [], "holes": 0, "doubles": 0, "resets": 0, "samples": 900, "p50_ms": 6.0,
}  # fmt: skip


def test_a_good_one_has_no_fault() -> None:
    assert faults_of(GOOD, guests=12, kills=0) == []


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("members", 11), ("here", 0), ("refused", ["banned"]), ("holes", 1), ("doubles", 1), ("resets", 1),
        ("samples", 0), ("p50_ms", 2_000.0),
    ],
)  # fmt: skip
def test_each_thing_that_may_be_wrong_is_a_fault(what: str, value: Any) -> None:
    assert len(faults_of(GOOD | {what: value}, guests=12, kills=0)) == 1


def test_what_somebody_did_is_none() -> None:
    assert faults_of(GOOD | {"resets": 12}, guests=12, kills=1) == []
    alone = GOOD | {"members": 11, "here": 0, "refused": ["banned"], "samples": 0}
    assert faults_of(alone, guests=0, kills=0) == []


def test_nobody_at_all_is_a_fault_too(tmp_path: Any) -> None:
    party = DemoParty(Guests(), folder=tmp_path, clock=SystemClock())
    told, wrong = party.verdict(kills=0, seen=True)
    assert (told["members"], len(wrong)) == (0, 1)
    assert not party.is_whole


def test_a_room_takes_the_films() -> None:
    assert len({read_item(one, id="i", by="m").title for one in films()}) == 6
