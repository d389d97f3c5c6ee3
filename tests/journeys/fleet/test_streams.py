"""The oracle of the streams has teeth."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.journeys.fleet.streams import Event, Page, Parser, differences

EMPTY: dict[str, Any] = {"vips": [], "activity": []}


def vip(id: str, status: str = "active") -> dict[str, Any]:
    return {"id": id, "status": status, "expires_at": 5, "ended_because": ""}


def page(*events: tuple[str, str]) -> Page:
    made = Page("page")
    for name, at in events:
        made.take(Event(at, name, EMPTY if name == "reset" else vip(at)))
    return made


def test_each_once_and_in_order_is_without_fault() -> None:
    seen = page(("reset", "e-4"), ("vip", "e-5"), ("vip", "e-6"), ("reset", "f-0"), ("vip", "f-1"))
    assert seen.faults == []
    assert (seen.resets, seen.entries, seen.position) == (2, 3, "f-1")


@pytest.mark.parametrize(
    ("events", "fault"),
    [
        ([("vip", "e-1")], "before any picture"),
        ([("reset", "e-1"), ("vip", "e-3")], "a gap"),
        ([("reset", "e-1"), ("vip", "e-2"), ("vip", "e-2")], "again"),
        ([("reset", "e-5"), ("vip", "e-4")], "again or out of order"),
        ([("reset", "e-1"), ("vip", "f-2")], "new epoch"),
        ([("reset", "e-5"), ("reset", "e-4")], "went back"),
        ([("reset", "e-5"), ("surprise", "e-6")], "nobody knows"),
    ],
)
def test_each_breach_is_told(events: list[tuple[str, str]], fault: str) -> None:
    assert [fault in told for told in page(*events).faults] == [True]


def test_a_page_that_shows_something_else_is_told() -> None:
    good, fresh = page(("reset", "e-1")), Page("fresh")
    fresh.vips = {"v": vip("v")}
    good.vips = {"v": vip("v")}
    assert differences(good, fresh) == []
    good.vips = {"v": vip("v", "ended")}
    assert "status" in differences(good, fresh)[0]
    good.vips = {"v": vip("v"), "old": vip("old")}
    assert "is over" in differences(good, fresh)[0]
    good.vips = {}
    assert differences(good, fresh)


STREAM = (
    b": welcome\nretry: 3000\n\n"
    b'id: e-1\nevent: reset\ndata: {"vips": []}\n\n'
    b": beat\n\n"
    b'id: e-2\nevent: vip\ndata: {"name": "\xc3\xa4: x"}\n\n'
)


@given(st.lists(st.integers(1, 40)))
def test_events_are_the_same_however_they_are_divided(sizes: list[int]) -> None:
    parser, at = Parser(), 0
    events: list[Event] = []
    for size in [*sizes, len(STREAM)]:
        events += parser.feed(STREAM[at : at + size])
        at += size
    assert [(event.id, event.name, event.retry_ms) for event in events] == [
        ("", "", 3000),
        ("e-1", "reset", None),
        ("e-2", "vip", None),
    ]
    assert events[2].data == {"name": "ä: x"}
    assert not parser.torn
