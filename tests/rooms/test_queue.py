"""The queue: items that can be played, in an order that votes decide."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Rejected
from rooms import queue
from rooms.queue import Item, read_item


def item(name: str, *votes: str) -> Item:
    return Item(name, "video", f"https://films.example/{name}.mp4", votes=frozenset(votes))


def names(items: tuple[Item, ...]) -> list[str]:
    return [one.id for one in items]


def test_an_item_is_read_with_what_was_said_of_it() -> None:
    data = {"kind": "hls", "url": "https://films.example/a.m3u8", "title": " A \n film ", "duration": 90}
    assert read_item(data, id="i1", by="ann") == Item("i1", "hls", data["url"], "A film", 90.0, "ann")


@pytest.mark.parametrize("url", ["https://films.example/a.mp4", "http://films.example:8080/a", "/clip.mp4"])
def test_a_plain_address_is_a_video(url: str) -> None:
    assert read_item({"url": url}, id="i", by="ann").kind == "video"


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"url": ""},
        {"url": "javascript:alert(1)"},
        {"url": "//films.example/a"},
        {"url": "https://user:secret@films.example/a"},
        {"url": "https://[bad/a"},
        {"url": "https://films.example/\u202ea"},
        {"url": "https://films.example/" + "a" * 2000},
        {"url": "file.mkv", "kind": "disk"},
        {"url": "https://films.example/a", "duration": 0},
        {"url": "https://films.example/a", "duration": float("nan")},
        {"url": "https://films.example/a", "duration": True},
        {"url": "https://films.example/a", "title": 7},
    ],
)
def test_what_cannot_be_played_is_refused(data: Any) -> None:
    with pytest.raises(Rejected) as refused:
        read_item(data, id="i", by="ann")
    assert refused.value.code == "party.bad_field"


def test_a_file_is_named_as_it_is() -> None:
    assert read_item({"kind": "file", "url": "Film (1959).mkv"}, id="i", by="a").url == "Film (1959).mkv"


def test_an_item_is_added_once_and_a_full_queue_says_so() -> None:
    full = tuple(item(str(number)) for number in range(queue.MOST_ITEMS))
    assert queue.added((item("a"),), item("a")) == (item("a"),)
    with pytest.raises(Rejected) as refused:
        queue.added(full, item("x"))
    assert refused.value.code == "party.queue_full"


def test_votes_decide_the_order_and_equals_keep_theirs() -> None:
    held = (item("a"), item("b"), item("c"))
    held = queue.voted(held, "c", "ann", wants=True)
    assert names(held) == ["c", "a", "b"]
    assert names(queue.voted(queue.voted(held, "b", "ann", wants=True), "b", "bea", wants=True)) == [
        "b",
        "c",
        "a",
    ]
    assert queue.voted(held, "c", "ann", wants=True) == held, "one voice each"


def test_a_vote_can_be_taken_back() -> None:
    held = queue.voted((item("a", "ann"), item("b", "bea")), "a", "ann", wants=False)
    assert names(held) == ["b", "a"]


@given(st.permutations("abcd"), st.sampled_from("abcdx"), st.integers(0, 9))
def test_moving_and_removing_lose_nothing_else(order: list[str], name: str, place: int) -> None:
    held = tuple(item(one) for one in order)
    moved = queue.moved(held, name, place)
    assert sorted(names(moved)) == sorted(order)
    if name in order:
        assert names(moved).index(name) == min(place, 3)
    assert names(queue.removed(held, name)) == [one for one in order if one != name]


@pytest.mark.parametrize(("present", "needed"), [(0, 1), (1, 1), (2, 1), (3, 2), (10, 5), (11, 6)])
def test_half_of_those_present_skip(present: int, needed: int) -> None:
    assert queue.skips_needed(present) == needed
