"""Leases in our hands are renewed long before their end, and a lost one is known as lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from daemon.metrics import PrometheusMetrics
from handlers.keeper import Keeper
from storage.contracts import Collection, StorageBroken
from storage.lanes import LANES, Lanes, Lease
from storage.open import open_store, sqlite_url
from tests.support.clock import ManualClock
from tests.support.unreliable import UnreliableStore


class Desk:
    def __init__(self, store: UnreliableStore, documents: Collection) -> None:
        self.clock, self.metrics, self.store = ManualClock(), PrometheusMetrics(), store
        self.lanes = Lanes(documents, clock=self.clock)
        self.keeper = Keeper(lanes=self.lanes, clock=self.clock, metrics=self.metrics)
        self.documents = documents

    async def lease(self, lane: str = "a") -> Lease:
        lease = await self.lanes.arrive(lane)
        assert lease is not None
        self.keeper.keep(lease)
        return lease

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.002)

    def left(self, lease: Lease) -> float:
        return lease.deadline - self.clock.monotonic()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    store = UnreliableStore(await open_store(sqlite_url(tmp_path), clock=ManualClock()))
    desk = Desk(store, await store.collection(LANES))
    running = asyncio.create_task(desk.keeper.run())
    yield desk
    desk.keeper.close()
    async with asyncio.timeout(30):
        await running
    await store.close()


async def test_a_lease_of_nine_seconds_is_renewed_each_three(desk: Desk) -> None:
    lease = await desk.lease()
    for _ in range(8):
        await desk.clock.advance(2.0)
        assert desk.left(lease) >= 6.0, "not yet"
        before = lease.deadline
        await desk.clock.advance(1.0)
        await desk.until(lambda before=before: lease.deadline > before)  # type: ignore[misc]
        assert desk.left(lease) > 8.0
    assert await desk.lanes.claim("a") is None


async def test_what_was_let_go_runs_out(desk: Desk) -> None:
    lease = await desk.lease()
    desk.keeper.let_go(lease)
    await desk.clock.advance(9.5)
    assert desk.left(lease) < 0
    assert await desk.lanes.claim("a") is not None
    await desk.lease("b")
    desk.keeper.let_go(lease)  # twice does no harm


async def test_who_was_taken_over_learns_it(desk: Desk) -> None:
    lease, other = await desk.lease(), await desk.lease("b")
    await desk.documents.change("a", lambda held: {**held, "lease_owner": "another"})
    await desk.clock.advance(3.0)
    await desk.until(lambda: lease.lost)
    assert not other.lost
    assert not await desk.keeper.freshen(lease)
    assert await desk.keeper.freshen(other)


async def test_a_lease_that_is_fresh_needs_no_write(desk: Desk) -> None:
    lease = await desk.lease()
    before = await desk.documents.get("a")
    assert await desk.keeper.freshen(lease)
    assert await desk.documents.get("a") == before
    desk.keeper.let_go(lease)
    await desk.clock.advance(4.0)
    assert await desk.keeper.freshen(lease)
    assert desk.left(lease) == 9.0


@pytest.mark.parametrize("broken", [False, True])
async def test_a_store_that_does_not_answer_is_asked_again(desk: Desk, broken: bool) -> None:
    lease = await desk.lease()
    if broken:
        desk.store.orders.fail("lanes", "change", error=lambda: StorageBroken("damaged"))
    else:
        desk.store.orders.fail("lanes", "change")
    before = lease.deadline
    await desk.clock.advance(3.0)
    assert lease.deadline == before
    await desk.clock.advance(1.0)
    await desk.until(lambda: lease.deadline > before)
    assert (desk.metrics.value("errors_total", where="worker.keeper") or 0) == broken


async def test_closing_ends_it_at_once_with_and_without_leases(tmp_path: Path) -> None:
    clock = ManualClock()
    store = await open_store(sqlite_url(tmp_path), clock=clock)
    for holding in (False, True):
        lanes = Lanes(await store.collection(LANES), clock=clock)
        keeper = Keeper(lanes=lanes, clock=clock, metrics=PrometheusMetrics())
        if holding:
            lease = await lanes.arrive("a")
            assert lease is not None
            keeper.keep(lease)
        running = asyncio.create_task(keeper.run())
        await clock.advance(1.0)
        keeper.close()
        async with asyncio.timeout(30):
            await running
    await store.close()
