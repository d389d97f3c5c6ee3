from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from domain.errors import Rejected, Unavailable
from domain.events import Arrival
from gateways.twitch.delivery import Delivery
from gateways.twitch.frames import Notification, Revocation, parse
from tests.gateways.twitch import eventsub_frames as frames
from tests.gateways.twitch.eventsub_server import Bell, Counts, Records
from tests.support.clock import ManualClock

FULL = Unavailable("The disk is full.", retry_after_seconds=1.0)


class Bench:
    def __init__(self, **options: Any) -> None:
        self.clock = ManualClock()
        self.records = Records(Bell())
        self.counts = Counts()
        self.delivery = Delivery(
            channel_id="100",
            sink=self.records,
            on_revocation=self.records.on_revocation,
            on_gap=self.records.on_gap,
            clock=self.clock,
            random=random.Random(3),
            metrics=self.counts,
            **options,
        )

    def put(self, *message_ids: str, **more: Any) -> None:
        for message_id in message_ids:
            frame = parse(frames.notification(message_id, **more))
            assert isinstance(frame, Notification)
            self.delivery.put(frame)

    async def run(self, what: Any, seconds: float = 0.0) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(what)
            await self.clock.advance(seconds)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_everything_is_handed_on_in_order(bench: Bench) -> None:
    revocation = parse(frames.revocation())
    assert isinstance(revocation, Revocation)
    bench.put("a")
    bench.delivery.revoked(revocation.subscription)
    bench.put("b")
    await bench.run(bench.delivery.deliver())
    assert bench.records.notified == ["a", "b"]
    assert bench.records.revoked == [revocation.subscription]
    assert not bench.delivery.pending


def event(user: str, channel: str = "100") -> dict[str, str]:
    return {"broadcaster_user_id": channel, "user_id": user}


async def test_side_by_side_but_each_viewer_in_order() -> None:
    """A sink that is slow for one viewer: others go on, what concerns him stays in order."""
    bench = Bench(at_once=4, transport="conduit")
    release = asyncio.Event()
    seen: list[str] = []

    async def notification(came: Arrival) -> str:
        assert came.transport == "conduit"
        if came.message_id == "a1":
            await release.wait()
        seen.append(came.message_id)
        return "new"

    bench.records.notification = notification  # type: ignore[method-assign, assignment]
    for message_id, user in (("a1", "a"), ("b1", "b"), ("c1", "c"), ("a2", "a"), ("d1", "d")):
        bench.put(message_id, event=event(user))
    delivering = asyncio.create_task(bench.delivery.deliver())
    async with asyncio.timeout(30):
        while len(seen) < 2:
            await asyncio.sleep(0)
    assert sorted(seen) == ["b1", "c1"]
    release.set()
    await delivering
    assert seen[2] == "a1"
    assert sorted(seen[3:]) == ["a2", "d1"]
    assert not bench.delivery.pending


async def test_side_by_side_a_refusal_is_of_one_alone() -> None:
    bench = Bench(at_once=8)
    bench.records.sink_errors = [FULL, Rejected("No.")]
    for number in range(5):
        bench.put(f"m{number}", event=event(str(number)))
    bench.put("odd", event={})
    await bench.run(bench.delivery.deliver(), 60.0)
    assert len(bench.records.notified) == 5  # one was refused for good
    assert bench.counts.seen["errors_total", "eventsub.refused"] == 1
    assert bench.delivery.gap_pending


async def test_not_now_is_tried_again_with_the_same_message(bench: Bench) -> None:
    bench.records.sink_errors = [FULL] * 5
    bench.put("a", "b")
    await bench.run(bench.delivery.deliver(), 200.0)
    assert bench.records.notified == ["a", "b"]
    assert bench.records.attempts == 7
    assert bench.counts.seen["errors_total", "eventsub.sink"] == 5
    assert not bench.delivery.gap_pending


async def test_beyond_the_bound_is_dropped_and_that_is_a_gap() -> None:
    size = len(frames.notification("n-00"))
    bench = Bench(pending_bytes=3 * size)
    bench.put(*(f"n-{number:02}" for number in range(10)))
    assert bench.delivery.gap_pending
    assert bench.counts.seen["errors_total", "eventsub.dropped"] == 7
    await bench.run(bench.delivery.deliver())
    assert bench.records.notified == ["n-00", "n-01", "n-02"]
    bench.put("n-99")
    await bench.run(bench.delivery.deliver())
    assert bench.records.notified[-1] == "n-99"


async def test_one_message_larger_than_the_bound_still_passes_alone() -> None:
    bench = Bench(pending_bytes=10)
    bench.put("a", "b")
    await bench.run(bench.delivery.deliver())
    assert bench.records.notified == ["a"]
    assert bench.delivery.gap_pending


async def test_what_the_sink_refuses_for_good_does_not_block_the_rest(bench: Bench) -> None:
    bench.records.sink_errors = [
        Rejected("No."),
        ZeroDivisionError(),
        ZeroDivisionError(),
        ZeroDivisionError(),
    ]
    bench.put("a", "b", "c")
    await bench.run(bench.delivery.deliver(), 60.0)
    assert bench.records.notified == ["c"]
    assert bench.counts.seen["errors_total", "eventsub.refused"] == 2
    assert bench.delivery.gap_pending


async def test_a_moment_of_confusion_is_forgiven(bench: Bench) -> None:
    bench.records.sink_errors = [ZeroDivisionError()]
    bench.put("a")
    await bench.run(bench.delivery.deliver(), 5.0)
    assert bench.records.notified == ["a"]


async def test_gaps_are_reconciled_once_and_until_it_worked(bench: Bench) -> None:
    bench.records.gap_errors = [FULL, ZeroDivisionError()]
    bench.delivery.gap()
    bench.delivery.gap()
    await bench.run(bench.delivery.reconcile(), 60.0)
    assert bench.records.gaps == ["100"]
    assert not bench.delivery.gap_pending


async def test_gaps_in_a_row_do_not_become_calls_in_a_row(bench: Bench) -> None:
    bench.delivery.gap()
    await bench.run(bench.delivery.reconcile())
    bench.delivery.gap()
    async with asyncio.TaskGroup() as group:
        group.create_task(bench.delivery.reconcile())
        await bench.clock.advance(1.9)
        assert len(bench.records.gaps) == 1
        await bench.clock.advance(0.2)
    assert len(bench.records.gaps) == 2


async def test_a_gap_of_a_new_session_does_not_wait(bench: Bench) -> None:
    bench.delivery.gap()
    await bench.run(bench.delivery.reconcile())
    bench.delivery.gap(urgent=True)
    await bench.run(bench.delivery.reconcile())
    assert len(bench.records.gaps) == 2
