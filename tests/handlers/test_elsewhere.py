"""What others shall handle: marked in the store, told once, never in the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from daemon.metrics import PrometheusMetrics
from daemon.wiring_handlers import Desk, join_handlers, open_repositories
from domain.errors import Broken
from handlers.elsewhere import MOST_LANES, Elsewhere
from storage.contracts import StorageBroken
from storage.lanes import LANES, Lanes
from storage.open import open_store, sqlite_url
from tests.handlers.fleet import Wires
from tests.support.clock import ManualClock
from tests.support.scene import Scene
from tests.support.unreliable import UnreliableStore


class Marking:
    def __init__(self, store: UnreliableStore, lanes: Lanes, clock: ManualClock) -> None:
        self.store, self.lanes, self.wires, self.metrics = store, lanes, Wires(), PrometheusMetrics()
        self.elsewhere = Elsewhere(lanes=lanes, signals=self.wires.end(), clock=clock, metrics=self.metrics)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Marking]:
    clock = ManualClock()
    store = UnreliableStore(await open_store(sqlite_url(tmp_path), clock=clock))
    yield Marking(store, Lanes(await store.collection(LANES), clock=clock), clock)
    await store.close()


async def due(desk: Marking) -> list[str]:
    found = []
    while (lease := await desk.lanes.claim_due()) is not None:
        found.append(lease.lane)
    return sorted(found)


async def test_a_poke_waits_for_nothing_and_each_lane_is_marked_once(desk: Marking) -> None:
    for lane in ("a", "b", "a", "c", "a"):
        desk.elsewhere.poke(lane)
    assert desk.elsewhere.waiting == 3
    assert desk.wires.sent == []
    await desk.elsewhere.flush()
    assert sorted(desk.wires.sent) == [("lanes", "a"), ("lanes", "b"), ("lanes", "c")]
    assert await due(desk) == ["a", "b", "c"]


async def test_the_task_marks_what_comes(desk: Marking) -> None:
    running = asyncio.create_task(desk.elsewhere.run())
    for lane in ("a", "b"):
        desk.elsewhere.poke(lane)
        async with asyncio.timeout(30):
            while ("lanes", lane) not in desk.wires.sent:
                await asyncio.sleep(0.002)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await due(desk) == ["a", "b"]


@pytest.mark.parametrize("broken", [False, True])
async def test_what_cannot_be_marked_is_left_to_the_sweep(desk: Marking, broken: bool) -> None:
    if broken:
        desk.store.orders.fail("lanes", "change", error=lambda: StorageBroken("damaged"))
    else:
        desk.store.orders.fail("lanes", "change")
    desk.elsewhere.poke("a")
    desk.elsewhere.poke("b")
    await desk.elsewhere.flush()
    assert desk.wires.sent == [("lanes", "b")]
    assert await due(desk) == ["b"]
    assert (desk.metrics.value("errors_total", where="lanes.mark") or 0) == broken


async def test_its_memory_is_bounded(desk: Marking) -> None:
    for number in range(MOST_LANES + 5):
        desk.elsewhere.poke(str(number))
    assert desk.elsewhere.waiting == MOST_LANES


# Joined: a process that takes in and does not work


async def test_a_redemption_that_came_in_at_the_front_is_granted_at_the_back(scene: Scene) -> None:
    wires = Wires()
    wires.end().listen("lanes", lambda lane: scene.desk.worker.look())
    front = await joined(scene, signals=wires.end(), works=False)
    assert front.elsewhere is not None
    marking = asyncio.create_task(front.elsewhere.run())
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.quiet()
    back, scene.desk = scene.desk, front
    redemption_id = await scene.redeem(channel, ann)
    scene.desk = back
    async with asyncio.timeout(30):
        while not scene.holds_vip(channel, ann):  # no time passes
            await asyncio.sleep(0.002)
    assert (await scene.settled(redemption_id)).outcome == "granted"
    assert front.worker.backlog == 0
    marking.cancel()
    await asyncio.gather(marking, return_exceptions=True)


async def test_a_process_alone_has_to_work(scene: Scene) -> None:
    assert (await joined(scene)).elsewhere is None
    with pytest.raises(Broken, match="others"):
        await joined(scene, works=False)


async def joined(scene: Scene, **more: Any) -> Desk:
    return join_handlers(
        await open_repositories(scene.store, clock=scene.clock),
        topics=scene.topics,
        helix=scene.helix,
        clock=scene.clock,
        metrics=scene.metrics,
        random=Random(5),
        **more,
    )
