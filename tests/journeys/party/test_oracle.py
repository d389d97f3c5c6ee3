"""The oracle of viewers, on stories that are wrong in one way each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.journeys.party.oracle import Record, judge


def line(text: str) -> dict[str, Any]:
    return {"message": text, "isDeleted": False}


def welcome(
    type: str = "party:join", *, epoch: str = "e", kept: int = 1, history: Sequence[str] = ()
) -> dict[str, Any]:
    return {
        "type": type,
        "data": {
            "resumeToken": "r1", "epoch": epoch, "kept": kept, "state": {"rev": 1},
            "history": [line(text) for text in history],
        },
    }  # fmt: skip


def chat(seq: int, after: int, text: str) -> dict[str, Any]:
    return {"type": "party:chat", "seq": seq, "after": after, "data": {"message": text}}


def ok(id: str, seq: int) -> dict[str, Any]:
    return {"type": "party:ok", "re": id, "seq": seq, "data": {}}


def film(rev: int) -> dict[str, Any]:
    return {"type": "party:seek", "seq": 9, "rev": rev, "data": {"state": {"rev": rev}}}


def ping(kept: int, epoch: str = "e") -> dict[str, Any]:
    return {"type": "party:ping", "data": {"epoch": epoch, "kept": kept}}


def heard(who: str, *messages: dict[str, Any], said: Sequence[tuple[str, str]] = ()) -> Record:
    record = Record(who)
    for name, text in said:
        record.said(name, text)
    for at, message in enumerate(messages):
        record.hear(json.dumps(message), float(at))
    return record


GOOD = (welcome(), chat(2, 1, "x:1"), chat(4, 2, "x:2"), chat(5, 4, "y:1"))
TRUTH = ["x:1", "x:2", "y:1"]
SAID = [("i1", "x:1"), ("i2", "x:2")]


def test_a_story_as_it_should_be() -> None:
    sender = heard("x", *GOOD, ok("i1", 2), ok("i2", 4), ping(5), film(2), said=SAID)
    resumed = heard("r", *GOOD[:2], welcome("party:resume", kept=2), *GOOD[2:])
    gap = heard("g", *GOOD[:2], welcome("party:sync", kept=4, history=TRUTH[:2]), GOOD[3])
    later = heard("l", welcome(kept=5, history=TRUTH))
    assert judge([sender, resumed, gap, later], [TRUTH, TRUTH]) == []
    assert (resumed.resumes, gap.resets, len(sender.acknowledged)) == (1, ["party:sync"], 2)


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ((welcome(), GOOD[2]), "comes after 2"),  # a hole
        ((*GOOD[:2], GOOD[1]), "comes after 1"),  # a double
        ((*GOOD, ping(6)), "a ping says"),
        ((*GOOD, ping(5, "other")), "a ping says"),
        ((*GOOD, film(3), film(2)), "went back"),
        ((*GOOD[:2], welcome("party:resume", kept=4)), "resumed at"),
        ((*GOOD[:2], welcome("party:resume", kept=2, epoch="f")), "resumed at"),
    ],
)
def test_what_one_socket_must_not_say(messages: Sequence[dict[str, Any]], why: str) -> None:
    (fault,) = heard("v", *messages).faults
    assert why in fault


@pytest.mark.parametrize(
    ("story", "why"),
    [
        # told with an honest chain of its own, and without what others got
        ([welcome(), chat(2, 1, "x:1"), chat(5, 2, "y:1")], "for others"),
        ([welcome(), chat(2, 1, "x:1")], "was never told"),
        ([welcome(), chat(2, 1, "x:1"), chat(4, 2, "x:1"), chat(5, 4, "y:1")], "sees twice"),
        ([welcome(), chat(2, 1, "x:2"), chat(4, 2, "x:1"), chat(5, 4, "y:1")], "the room has"),
        ([welcome("party:sync", kept=5, history=["x:1"])], "the room has"),
    ],
)
def test_what_one_lacks_of_what_others_have(story: Sequence[dict[str, Any]], why: str) -> None:
    sender = heard("x", *GOOD, ok("i1", 2), ok("i2", 4), said=SAID)
    wrong = judge([sender, heard("v", *story)], [TRUTH])
    assert any(why in one for one in wrong), wrong


def test_what_was_acknowledged_is_in_the_room() -> None:
    sender = heard("x", welcome(), ok("i1", 2), said=SAID)
    assert any("not in the room" in one for one in judge([sender], [[]]))


def test_the_processes_agree() -> None:
    assert any("different" in one for one in judge([heard("v", *GOOD)], [TRUTH, TRUTH[:2]]))


def test_a_skipped_stretch_is_found_by_what_others_heard() -> None:
    other = heard("o", *GOOD)
    holed = heard("v", welcome(), chat(2, 1, "x:1"), chat(5, 4, "y:1"))
    assert any("never heard [4]" in one for one in judge([other, holed], [TRUTH]))
