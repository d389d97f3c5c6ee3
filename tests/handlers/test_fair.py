"""Channels take turns, whatever waits in each; and the real worker serves the small one beside the big one."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.inbox import RowState
from handlers.fair import FairQueue, channel_of
from handlers.work import Work
from tests.support.house import House

LANES = st.builds(lambda channel, viewer: f"vip:{channel}:{viewer}", st.integers(1, 4), st.integers(1, 50))


def test_the_channel_of_a_lane() -> None:
    assert channel_of("vip:100:7") == channel_of("stream:100") == channel_of("channel:100") == "100"
    assert channel_of("chat") != channel_of("cron")
    assert channel_of("member:abc:1") == "member:abc:1"


def test_a_small_channel_comes_second_behind_a_big_one() -> None:
    queue = FairQueue()
    for viewer in range(10_000):
        queue.append(f"vip:1:{viewer}")
    queue.append("vip:2:5")
    assert [queue.popleft() for _ in range(3)] == ["vip:1:0", "vip:2:5", "vip:1:1"]
    assert len(queue) == 9998
    queue.clear()
    assert not queue
    with pytest.raises(IndexError):
        queue.popleft()


@given(st.lists(st.one_of(LANES, st.none()), max_size=80))
def test_nothing_is_lost_and_nobody_overtakes_in_his_channel(steps: list[str | None]) -> None:
    queue, held = FairQueue(), list[str]()
    for lane in steps:
        if lane is not None:
            queue.append(lane)
            held.append(lane)
        elif held:
            taken = queue.popleft()
            assert taken == next(one for one in held if channel_of(one) == channel_of(taken))
            held.remove(taken)
        assert len(queue) == len(held)
        assert sorted(queue) == sorted(held)


@given(st.lists(LANES, min_size=1, max_size=80))
def test_between_two_turns_of_a_channel_each_other_that_waits_has_one(lanes: list[str]) -> None:
    queue = FairQueue()
    for lane in lanes:
        queue.append(lane)
    left = len({channel_of(lane) for lane in lanes})
    first = {channel_of(queue.popleft()) for _ in range(left)}
    assert len(first) == left


async def test_the_worker_serves_the_small_channel_in_between(house: House) -> None:
    gate, began = asyncio.Event(), asyncio.Event()

    async def hold(work: Work) -> str:
        began.set()
        await gate.wait()
        return "done"

    async def looked_round() -> bool:
        return house.clock.asleep["worker.due"] == 1

    worker = house.worker(size=1)
    await house.until(looked_round)  # else its first round may find the first one a second time
    house.scripts["first"] = hold
    await house.put("first", "vip:1:0")
    await began.wait()
    for viewer in range(1, 60):
        await house.put(f"big{viewer}", f"vip:1:{viewer}")
    await house.put("small", "vip:2:1")
    assert worker.backlog == 60
    gate.set()
    await house.becomes("small", RowState.DONE)
    assert house.handled.index("small") <= 3, "behind one of the big channel, not behind all"
