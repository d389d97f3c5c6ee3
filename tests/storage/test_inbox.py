from __future__ import annotations

import pytest

from domain.errors import Broken, NotFound
from domain.inbox import Delivery, RowError, RowState, attempted, died, finished, waited
from storage.contracts import Store
from storage.inbox import INBOX, Inbox
from tests.support.clock import ManualClock


@pytest.fixture
async def inbox(store: Store) -> Inbox:
    return Inbox(await store.collection(INBOX), clock=ManualClock())


def delivery(message_id: str = "m", body: bytes = b"{}", lane: str = "vip:1:2") -> Delivery:
    return Delivery("twitch", message_id, "redemption.add", lane, body, channel_id="1")


async def test_the_same_delivery_is_stored_once(inbox: Inbox) -> None:
    first, row = await inbox.insert(delivery())
    again, same = await inbox.insert(delivery())
    assert (first, again) == ("new", "duplicate")
    assert same == row


async def test_another_body_under_the_same_id_is_kept_beside_the_first(inbox: Inbox) -> None:
    await inbox.insert(delivery())
    for _ in range(2):
        result, row = await inbox.insert(delivery(body=b'{"other": 1}'))
        assert (result, row.raw) == ("conflict", "{}")
    assert await inbox.counts() == {"open": 1, "parked": 1}


async def test_rows_of_a_lane_come_in_the_order_of_their_arrival(inbox: Inbox) -> None:
    for number in (3, 1, 2):
        await inbox.insert(delivery(f"m{number}"))
    await inbox.insert(delivery("elsewhere", lane="vip:1:3"))
    waiting = await inbox.waiting("vip:1:2", limit=10)
    assert [row.message_id for row in waiting] == ["m3", "m1", "m2"]
    assert await inbox.open_lanes() == {"vip:1:2": 3, "vip:1:3": 1}


async def test_rows_of_two_processes_come_in_the_order_of_their_arrival(store: Store) -> None:
    """The second was started an hour after the first, and both take rows in."""
    rows, clock = await store.collection(INBOX), ManualClock()
    first = Inbox(rows, clock=clock)
    await first.insert(delivery("f"))
    await clock.advance(3600)
    second = Inbox(rows, clock=clock)
    for name, inbox in zip("edcba", (second, first, second, second, first), strict=True):
        await clock.advance(0.001)
        await inbox.insert(delivery(name))
    assert "".join(row.message_id for row in await first.waiting("vip:1:2", limit=10)) == "fedcba"


async def test_the_order_rises_although_the_clock_goes_back(store: Store) -> None:
    clock = ManualClock()
    inbox = Inbox(await store.collection(INBOX), clock=clock)
    for number in range(3):
        await inbox.insert(delivery(f"m{number}"))
        clock.step_wall(-5000)
    orders = [row.order for row in await inbox.waiting("vip:1:2", limit=10)]
    assert orders == sorted(set(orders))


async def test_what_waits_for_something_outside_from_the_start_is_no_backlog(inbox: Inbox) -> None:
    late = Delivery("live", "m", "live.show", "live:1", b"{}", channel_id="1", waiting_for="topics")
    _, row = await inbox.insert(late)
    assert row.waiting_for == "topics"
    assert await inbox.oldest_open() is None
    assert [held.id for held in await inbox.waiting("live:1", limit=10)] == [row.id]


async def test_the_last_rows_that_are_done(inbox: Inbox) -> None:
    for number in range(4):
        await inbox.insert(delivery(f"m{number}"))
    for number in (0, 2, 1):
        await inbox.change(f"twitch:m{number}", lambda held: finished(held, fence=1, result="ok", now=10))
    assert [row.message_id for row in await inbox.finished("vip:1:2", limit=2)] == ["m2", "m1"]


async def test_a_parked_delivery_is_not_waiting(inbox: Inbox) -> None:
    parked = Delivery("twitch", "m", "eventsub.unknown", "eventsub.parked", b"{}", parked_because="unknown")
    await inbox.insert(parked)
    assert await inbox.waiting("eventsub.parked", limit=10) == []
    assert await inbox.oldest_open() is None


async def test_redriving_goes_to_the_end_of_the_lane(inbox: Inbox) -> None:
    _, row = await inbox.insert(delivery("m1"))
    error = RowError("x", "y", 1)
    await inbox.change(row.id, lambda held: died(held, fence=1, error=error, now=1))
    await inbox.insert(delivery("m2"))
    assert [document["_id"] for document in await inbox.documents(RowState.DEAD)] == [row.id]
    await inbox.redrive(row.id)
    assert [row.message_id for row in await inbox.waiting("vip:1:2", limit=10)] == ["m2", "m1"]
    with pytest.raises(Broken):
        await inbox.redrive(row.id)


async def test_rows_that_wait_for_a_login_are_found_and_are_not_late(inbox: Inbox) -> None:
    _, row = await inbox.insert(delivery())
    assert await inbox.oldest_open() == row.received_at
    await inbox.change(row.id, lambda held: waited(held, fence=1, until=held.due_at + 5, why="login"))
    assert [held.id for held in await inbox.waiting_for("1", "login")] == [row.id]
    assert await inbox.oldest_open() is None


async def test_purging_takes_only_what_is_done(inbox: Inbox) -> None:
    for number in range(4):
        await inbox.insert(delivery(f"m{number}"))
    for number in range(2):
        await inbox.change(f"twitch:m{number}", lambda held: finished(held, fence=1, result="ok", now=10))
    error = RowError("x", "y", 1)
    await inbox.change("twitch:m2", lambda held: died(held, fence=1, error=error, now=10))
    assert await inbox.purge(finished_before=11, dry_run=True) == 2
    assert await inbox.purge(finished_before=11, dry_run=False) == 2
    assert await inbox.counts() == {"dead": 1, "open": 1}


async def test_what_is_not_there_is_told(inbox: Inbox) -> None:
    with pytest.raises(NotFound):
        await inbox.get("no:such")
    with pytest.raises(NotFound):
        await inbox.change("no:such", lambda row: row)
    assert await inbox.document("no:such") is None


async def test_pages_show_the_newest_first(inbox: Inbox) -> None:
    for number in range(3):
        await inbox.insert(delivery(f"m{number}"))
    page = await inbox.page({"state": "open"}, limit=2)
    assert len(page.documents) == 2
    rest = await inbox.page({"state": "open"}, limit=2, after=page.cursor)
    assert len(rest.documents) == 1


async def test_a_change_of_a_row_is_told_to_who_watches_it(inbox: Inbox) -> None:
    _, row = await inbox.insert(delivery())
    with inbox.watched(row.id) as mine, inbox.watched(row.id) as other, inbox.watched("x") as elsewhere:
        assert not mine.is_set()
        await inbox.change(row.id, lambda held: finished(held, fence=1, result="done", now=1))
        assert (mine.is_set(), other.is_set(), elsewhere.is_set()) == (True, True, False)
    assert inbox._watched == {}


async def test_the_rows_of_one_channel_are_counted(inbox: Inbox) -> None:
    _, first = await inbox.insert(delivery())
    await inbox.insert(delivery("n"))
    other = Delivery("twitch", "o", "redemption.add", "vip:2:2", b"{}", channel_id="2")
    await inbox.insert(other)
    assert await inbox.counts("1") == {"open": 2}
    assert await inbox.oldest_of("1") == first.received_at
    assert await inbox.oldest_of("3") is None


async def test_lines_that_wait_for_their_turn_are_no_backlog(inbox: Inbox) -> None:
    for number in range(3):
        line = Delivery("chat", f"m{number}", "chat.say", "chat:1", b"{}", channel_id="1", waiting_for="chat")
        _, row = await inbox.insert(line)
        await inbox.change(row.id, lambda held: attempted(held, fence=1))
    assert await inbox.oldest_open() is None, "nor while they are in hand"
    _, row = await inbox.insert(delivery())
    assert await inbox.oldest_open() == row.received_at
