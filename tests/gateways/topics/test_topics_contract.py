"""What `gateways/topics/contracts.py` promises, asked of every implementation."""

from __future__ import annotations

import asyncio

import pytest

from domain.errors import Rejected, Unavailable
from gateways.topics.contracts import GuardFailed, NewEntry, Position, PositionLost, Topics
from tests.gateways.topics.engines import MAX_BODY_BYTES, MAX_ENTRIES, Engine
from tests.support.clock import ManualClock


def note(number: int) -> NewEntry:
    return NewEntry("note", {"number": number})


def numbers(entries: list) -> list[int]:
    return [entry.body["number"] for entry in entries]


# the place of an entry


async def test_an_empty_topic_begins_at_zero(topics: Topics) -> None:
    head = await topics.head("a")
    assert (head.position.seq, head.rev) == (0, 0)
    assert await topics.read("a", head.position) == []


async def test_the_head_of_an_empty_topic_stays(topics: Topics) -> None:
    assert await topics.head("a") == await topics.head("a")


async def test_entries_are_numbered_without_holes(topics: Topics) -> None:
    positions = [await topics.append("a", note(n)) for n in range(5)]
    assert [position.seq for position in positions] == [1, 2, 3, 4, 5]
    assert len({position.epoch for position in positions}) == 1
    assert (await topics.head("a")).position == positions[-1]


async def test_the_first_entry_follows_the_head_of_the_empty_topic(topics: Topics) -> None:
    before = await topics.head("a")
    await topics.append("a", note(1))
    assert numbers(await topics.read("a", before.position)) == [1]


async def test_topics_do_not_touch_each_other(topics: Topics) -> None:
    await topics.append("a", note(1), key="k")
    assert (await topics.append("b", note(2), key="k")).seq == 1
    assert (await topics.head("a")).position.seq == 1


async def test_an_entry_comes_back_as_it_was_written(topics: Topics, engine: Engine) -> None:
    began = await engine.now()
    start = await topics.head("a")
    body = {"text": "ä\n\u2028 \U0001f600", "list": [1, None, True, 2.5], "deep": {"a": {}}}
    position = await topics.append("a", NewEntry("kind", body, state=True, version=3))
    (entry,) = await topics.read("a", start.position)
    assert (entry.position, entry.kind, entry.body) == (position, "kind", body)
    assert (entry.state, entry.version) == (True, 3)
    assert began <= entry.at <= await engine.now()


async def test_half_a_surrogate_pair_and_a_nul_come_back(topics: Topics) -> None:
    start = await topics.head("a\ud800")
    await topics.append("a\ud800", NewEntry("kind\ud800", {"\udc00": "\ud800 ä \x00"}), key="k\ud800\x00\n")
    (entry,) = await topics.read("a\ud800", start.position)
    assert (entry.kind, entry.body) == ("kind\ud800", {"\udc00": "\ud800 ä \x00"})
    assert (await topics.append("a\ud800", note(1), key="k\ud800\x00\n")).seq == 1


async def test_changing_the_writers_body_later_changes_nothing_stored(topics: Topics) -> None:
    start = await topics.head("a")
    body = {"list": [1]}
    await topics.append("a", NewEntry("kind", body))
    body["list"].append(2)
    (entry,) = await topics.read("a", start.position)
    assert entry.body == {"list": [1]}


@pytest.mark.parametrize("bad", [{"x": "y" * MAX_BODY_BYTES}, {"x": object()}, {"x": float("nan")}])
async def test_a_body_that_cannot_be_kept_is_rejected_and_leaves_no_trace(topics: Topics, bad: dict) -> None:
    with pytest.raises(Rejected):
        await topics.append("a", NewEntry("note", bad), key="k")
    assert (await topics.append("a", note(1), key="k")).seq == 1


# reading


async def test_read_gives_what_is_after_a_position_oldest_first(topics: Topics) -> None:
    positions = [await topics.append("a", note(n)) for n in range(6)]
    assert numbers(await topics.read("a", positions[2])) == [3, 4, 5]
    assert await topics.read("a", positions[-1]) == []


async def test_read_obeys_its_limit(topics: Topics) -> None:
    start = (await topics.head("a")).position
    for n in range(6):
        await topics.append("a", note(n))
    page = await topics.read("a", start, limit=4)
    assert numbers(page) == [0, 1, 2, 3]
    assert numbers(await topics.read("a", page[-1].position, limit=4)) == [4, 5]


async def test_a_position_ahead_of_the_log_is_lost(topics: Topics) -> None:
    position = await topics.append("a", note(1))
    with pytest.raises(PositionLost):
        await topics.read("a", Position(position.epoch, 2))
    with pytest.raises(PositionLost):
        async with topics.follow("a", Position(position.epoch, 2)):
            raise AssertionError("not reached")


async def test_a_position_of_another_epoch_is_lost(topics: Topics) -> None:
    await topics.append("a", note(1))
    with pytest.raises(PositionLost):
        await topics.read("a", Position("elsewhere", 0))
    with pytest.raises(PositionLost):
        async with topics.follow("a", Position("elsewhere", 1)):
            raise AssertionError("not reached")


async def test_a_topic_that_nobody_knows_has_no_positions(topics: Topics) -> None:
    with pytest.raises(PositionLost):
        await topics.read("never", Position("abc", 0))


async def test_a_position_that_was_trimmed_is_lost(topics: Topics) -> None:
    start = (await topics.head("a")).position
    for n in range(50 * MAX_ENTRIES):
        last = await topics.append("a", note(n))
    with pytest.raises(PositionLost):
        await topics.read("a", start)
    recent = Position(last.epoch, last.seq - MAX_ENTRIES)
    assert len(await topics.read("a", recent)) == MAX_ENTRIES


# guard and key


async def test_only_state_entries_move_rev(topics: Topics) -> None:
    await topics.append("a", NewEntry("chat"))
    await topics.append("a", NewEntry("move", state=True))
    await topics.append("a", NewEntry("chat"))
    head = await topics.head("a")
    assert (head.position.seq, head.rev) == (3, 1)


async def test_a_guard_that_holds_lets_through(topics: Topics) -> None:
    await topics.append("a", NewEntry("move", state=True), guard=0)
    await topics.append("a", NewEntry("move", state=True), guard=1)
    assert (await topics.head("a")).rev == 2


async def test_a_guard_that_fails_appends_nothing(topics: Topics) -> None:
    await topics.append("a", NewEntry("move", state=True))
    with pytest.raises(GuardFailed):
        await topics.append("a", NewEntry("move", state=True), guard=0)
    head = await topics.head("a")
    assert (head.position.seq, head.rev) == (1, 1)


async def test_chat_does_not_make_a_guard_fail(topics: Topics) -> None:
    await topics.append("a", NewEntry("chat"))
    assert (await topics.append("a", NewEntry("move", state=True), guard=0)).seq == 2


async def test_of_racing_appends_exactly_one_wins(topics: Topics) -> None:
    async def race() -> bool:
        try:
            await topics.append("a", NewEntry("move", state=True), guard=0)
        except GuardFailed:
            return False
        return True

    assert (await asyncio.gather(*(race() for _ in range(16)))).count(True) == 1
    assert (await topics.head("a")).position.seq == 1


async def test_a_known_key_makes_the_append_a_no_op(topics: Topics) -> None:
    first = await topics.append("a", note(1), key="row-1")
    await topics.append("a", note(2))
    assert await topics.append("a", note(3), key="row-1") == first
    assert (await topics.head("a")).position.seq == 2


async def test_a_key_wins_over_the_guard(topics: Topics) -> None:
    first = await topics.append("a", NewEntry("move", state=True), guard=0, key="k")
    assert await topics.append("a", NewEntry("move", state=True), guard=0, key="k") == first


async def test_a_key_of_a_failed_guard_is_not_remembered(topics: Topics) -> None:
    await topics.append("a", NewEntry("move", state=True))
    with pytest.raises(GuardFailed):
        await topics.append("a", NewEntry("move", state=True), guard=0, key="k")
    assert (await topics.append("a", NewEntry("move", state=True), guard=1, key="k")).seq == 2


async def test_racing_appends_with_one_key_make_one_entry(topics: Topics) -> None:
    positions = await asyncio.gather(*(topics.append("a", note(n), key="k") for n in range(16)))
    assert len(set(positions)) == 1
    assert (await topics.head("a")).position.seq == 1


@pytest.mark.parametrize("key", ["", "k" * 1000])
async def test_a_key_without_measure_is_rejected(topics: Topics, key: str) -> None:
    with pytest.raises(Rejected):
        await topics.append("a", note(1), key=key)


# following


async def test_a_follower_from_now_on_sees_only_what_comes(topics: Topics) -> None:
    before = await topics.append("a", note(1))
    async with topics.follow("a") as follower:
        assert follower.position == before
        after = await topics.append("a", note(2))
        assert numbers(await follower.next(timeout_seconds=5)) == [2]
        assert follower.position == after


async def test_a_follower_from_a_position_catches_up_first(topics: Topics) -> None:
    first = await topics.append("a", note(1))
    await topics.append("a", note(2))
    async with topics.follow("a", first) as follower:
        await topics.append("a", note(3))
        seen: list[int] = []
        while len(seen) < 2:
            seen += numbers(await follower.next(timeout_seconds=5))
        assert seen == [2, 3]


async def test_a_waiting_follower_wakes(topics: Topics) -> None:
    async with topics.follow("a") as follower:
        waiting = asyncio.ensure_future(follower.next())
        await asyncio.sleep(0)
        assert not waiting.done()
        await topics.append("a", note(7))
        assert numbers(await asyncio.wait_for(waiting, 30)) == [7]


async def test_the_wait_ends_with_nothing_when_the_time_is_up(topics: Topics, clock: ManualClock) -> None:
    async with topics.follow("a") as follower:
        waiting = asyncio.ensure_future(follower.next(timeout_seconds=15))
        await clock.advance(14.9)
        assert not waiting.done()
        await clock.advance(0.2)
        assert await asyncio.wait_for(waiting, 30) == []
        await topics.append("a", note(1))
        assert numbers(await follower.next(timeout_seconds=5)) == [1]


async def test_a_cancelled_wait_loses_nothing(topics: Topics) -> None:
    async with topics.follow("a") as follower:
        waiting = asyncio.ensure_future(follower.next())
        await asyncio.sleep(0)
        await topics.append("a", note(1))
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        seen = [] if not waiting.cancelled() else numbers(await follower.next(timeout_seconds=5))
        assert waiting.done()
        assert seen in ([1], [])
        assert follower.position.seq == 1


async def test_all_followers_see_the_same(topics: Topics) -> None:
    async def collect() -> list[int]:
        seen: list[int] = []
        async with topics.follow("a", start) as follower:
            while len(seen) < MAX_ENTRIES:
                seen += numbers(await follower.next(timeout_seconds=5))
        return seen

    start = (await topics.head("a")).position
    tasks = [asyncio.ensure_future(collect()) for _ in range(5)]
    for n in range(MAX_ENTRIES):
        await topics.append("a", note(n))
        await asyncio.sleep(0)
    for seen in await asyncio.wait_for(asyncio.gather(*tasks), 10):
        assert seen == list(range(MAX_ENTRIES))


async def test_a_follower_that_fell_behind_is_told(topics: Topics) -> None:
    async with topics.follow("a") as follower:
        for n in range(50 * MAX_ENTRIES):
            await topics.append("a", note(n))
        with pytest.raises(PositionLost):
            await follower.next(timeout_seconds=5)
        with pytest.raises(PositionLost):  # and stays told
            await follower.next(timeout_seconds=5)


# a new epoch


async def test_reseed_begins_an_epoch_with_a_snapshot(topics: Topics) -> None:
    old = await topics.append("a", NewEntry("move", state=True))
    new = await topics.reseed("a", {"score": 4}, old.epoch)
    assert new.epoch != old.epoch
    assert (new.seq, (await topics.head("a")).rev) == (0, 0)
    assert await topics.snapshot("a") == (new, {"score": 4})
    with pytest.raises(PositionLost):
        await topics.read("a", old)


async def test_only_the_first_reseed_of_an_epoch_counts(topics: Topics) -> None:
    old = (await topics.head("a")).position.epoch
    new = await topics.reseed("a", {"by": 1}, old)
    assert await topics.reseed("a", {"by": 2}, old) == new
    assert await topics.snapshot("a") == (new, {"by": 1})


async def test_a_late_reseed_returns_the_present_head(topics: Topics) -> None:
    old = (await topics.head("a")).position.epoch
    await topics.reseed("a", {}, old)
    head = await topics.append("a", note(1))
    assert await topics.reseed("a", {}, old) == head


async def test_reseed_tells_waiting_followers(topics: Topics) -> None:
    old = await topics.append("a", note(1))
    async with topics.follow("a") as follower:
        waiting = asyncio.ensure_future(follower.next())
        await asyncio.sleep(0)
        await topics.reseed("a", {}, old.epoch)
        with pytest.raises(PositionLost):
            await asyncio.wait_for(waiting, 30)


async def test_a_topic_that_was_never_seeded_has_no_snapshot(topics: Topics) -> None:
    assert await topics.snapshot("a") is None
    await topics.append("a", note(1))
    assert await topics.snapshot("a") is None


# the end


async def test_close_wakes_followers_with_unavailable(topics: Topics) -> None:
    async with topics.follow("a") as follower:
        waiting = asyncio.ensure_future(follower.next())
        await asyncio.sleep(0)
        await topics.close()
        with pytest.raises(Unavailable):
            await asyncio.wait_for(waiting, 30)


async def test_calls_after_close_are_unavailable_and_closing_twice_is_fine(topics: Topics) -> None:
    await topics.close()
    await topics.close()
    with pytest.raises(Unavailable):
        await topics.append("a", note(1))
    with pytest.raises(Unavailable):
        await topics.head("a")
    with pytest.raises(Unavailable):
        async with topics.follow("a"):
            raise AssertionError("not reached")


# the text form of a position
