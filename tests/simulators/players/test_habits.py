"""What viewers do besides watching: they vote for what is there, and one keeps the queue filled and the film going."""

from __future__ import annotations

from random import Random
from typing import Any

from simulators.players.conversation import Heard
from simulators.players.habits import AGAIN_SECONDS, FELT, Feelings, Habit, Programme, Queue, Votes

ITEMS = [{"kind": "video", "url": f"/{name}.mp4"} for name in "ab"]


def state(media: str = "", **changed: Any) -> dict[str, Any]:
    return {"mediaId": media, "playing": False, "pos": 0.0, "dur": 24.0} | changed


def welcome(*waiting: str, **changed: Any) -> Heard:
    data = {"queue": [{"itemId": one} for one in waiting], "state": state(**changed)}
    return Heard("party:join", data, is_welcome=True)


def told(type: str, **data: Any) -> Heard:
    return Heard(type, data)


def added(name: str) -> Heard:
    return told("party:queue:add", item={"itemId": name})


def said(habit: Habit, now: float) -> list[tuple[str, Any]]:
    return [(what, dict(data)) for what, data in habit.due(now)]


def test_the_queue_is_what_the_messages_say() -> None:
    queue = Queue()
    queue.take(welcome("a", "b"))
    queue.take(added("c"))
    queue.take(told("party:queue:remove", itemId="a"))
    assert list(queue.items) == ["b", "c"]
    queue.take(told("party:media", state=state("b")))
    assert list(queue.items) == ["c"]
    queue.take(Heard("party:resume", {"state": state("b")}, is_welcome=True))  # what changed follows
    assert list(queue.items) == ["c"]
    queue.take(welcome())
    assert not queue.items


def test_nothing_is_voted_for_twice() -> None:
    votes = Votes(Random(1), each=1.0, now=0.0)
    assert said(votes, 0.0) == []
    votes.heard(welcome("a", "b"))
    found = [one for second in range(10, 1000, 10) for one in said(votes, float(second))]
    assert sorted(data["itemId"] for _, data in found) == ["a", "b"]
    assert {what for what, _ in found} == {"party:queue:vote"}


def test_feelings_are_those_that_a_room_knows() -> None:
    feelings = Feelings(Random(1), each=1.0, now=0.0)
    feelings.heard(welcome())
    found = [one for second in range(10, 300, 10) for one in said(feelings, float(second))]
    assert {data["emoji"] for _, data in found} <= set(FELT)
    assert len(found) == 29


def test_the_programme_begins_fills_the_queue_and_plays() -> None:
    programme = Programme(ITEMS, ahead=1)
    assert said(programme, 0.0) == []  # not in yet
    programme.heard(welcome())
    assert said(programme, 1.0) == [("party:media", {"item": ITEMS[0]})]
    assert said(programme, 1.1) == []  # until it is seen, or the answer was lost
    programme.heard(told("party:media", state=state("m")))
    assert said(programme, 1.2) == [("party:queue:add", {"item": ITEMS[1]})]
    programme.heard(added("n"))
    assert said(programme, 1.3) == [("party:play", {})]
    assert said(programme, 1.4) == []
    assert said(programme, 1.3 + AGAIN_SECONDS) == [("party:play", {})]
    programme.heard(told("party:play", state=state("m", playing=True)))
    assert said(programme, 10.0) == []
    programme.heard(told("party:media", state=state("n")))
    assert said(programme, 11.0) == [("party:queue:add", {"item": ITEMS[0]})]


def test_a_pause_is_respected_and_an_end_is_not() -> None:
    programme = Programme(ITEMS, ahead=0)
    programme.heard(welcome(media="m", playing=True))
    assert said(programme, 1.0) == []
    programme.heard(told("party:pause", state=state("m", pos=5.0)))
    assert said(programme, 60.0) == []
    programme.heard(told("party:pause", state=state("m", pos=24.0)))
    assert said(programme, 61.0) == [("party:queue:next", {})]
