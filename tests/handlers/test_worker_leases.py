"""Leases, left-overs of a crash, start and stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

import pytest

from domain.errors import Rejected, Unavailable
from domain.inbox import RowState, finished
from gateways.twitch.contracts import Waiting
from handlers.work import Work
from storage.contracts import StorageUnavailable
from tests.support.house import SECONDS, House, raises

# Leases


async def test_a_long_lane_renews_its_lease(house: House) -> None:
    async def slow(work: Work) -> str:
        await house.clock.advance(6.0)
        return "done"

    house.worker(size=1)
    names = [f"a{number}" for number in range(8)]
    for name in names:
        house.scripts[name] = slow
        await house.put(name, poke=False)
    house.workers[0].poke("lane")
    await house.all_done()
    assert house.handled == names
    assert house.counted("lane_leases_lost_total") == 0


async def test_a_lane_that_was_taken_over_between_two_rows_is_left_alone(house: House) -> None:
    async def slow(work: Work) -> str:
        later = house.clock.now() + 21_000
        lease = await house.lanes_documents.change(
            "lane", lambda held: {**held, "lease_owner": "another", "lease_until": later}
        )
        assert lease is not None
        await house.clock.advance(12.0)
        return "done"

    house.worker(size=1)
    house.scripts["a"] = slow
    await house.put("a", poke=False)
    await house.put("b", poke=False)
    house.workers[0].poke("lane")
    await house.becomes("a", RowState.DONE)

    async def lost() -> bool:
        return house.counted("lane_leases_lost_total") == 1

    await house.until(lost)
    assert (await house.row("b")).attempts == 0
    await house.becomes("b", RowState.DONE, move=1.0)


async def test_a_row_that_somebody_finished_is_not_handled_again(house: House) -> None:
    async def meddle(work: Work) -> str:
        await house.inbox.change("s:b", lambda row: finished(row, fence=row.fence, result="x", now=1))
        return "done"

    house.worker()
    house.scripts["a"] = meddle
    await house.put("a", poke=False)
    await house.put("b", poke=False)
    house.workers[0].poke("lane")
    await house.all_done()
    assert house.handled == ["a"]


# Left-overs, start and stop


async def test_what_a_crash_left_behind_is_found_at_the_start(house: House) -> None:
    for name in ("a", "b"):
        await house.put(name, name, poke=False)
    held = await house.lanes.arrive("a")
    assert held is not None
    assert await house.lanes.void_leases() == 1
    house.worker()
    await house.all_done(move=0.1)
    assert sorted(house.handled) == ["a", "b"]


async def test_a_lane_whose_wake_up_was_lost_is_found_by_the_sweep(house: House) -> None:
    house.worker()

    async def swept() -> bool:
        return house.clock.asleep["worker.due"] == 1

    await house.until(swept)
    await house.put("a", poke=False)
    started = house.clock.now()
    await house.becomes("a", RowState.DONE, move=0.5)
    assert 2000 <= house.clock.now() - started <= 20_000


async def test_a_lease_of_a_process_that_is_gone_runs_out(house: House) -> None:
    await house.put("a", poke=False)
    assert await house.lanes.arrive("lane") is not None
    house.worker()
    started = house.clock.now()
    await house.becomes("a", RowState.DONE, move=1.0)
    assert 29_000 <= house.clock.now() - started <= 60_000  # the clock moves on while the disk is at work


async def test_pokes_are_joined(house: House) -> None:
    house.worker(size=1)
    for _ in range(100):
        house.workers[0].poke("lane")
    assert house.workers[0].backlog == 1
    await house.put("a")
    await house.becomes("a", RowState.DONE)
    assert house.handled == ["a"]


async def test_stopping_finishes_what_is_in_hand_and_hands_back_the_rest(house: House) -> None:
    started, gate = asyncio.Event(), asyncio.Event()

    async def wait(work: Work) -> str:
        started.set()
        await gate.wait()
        return "done"

    worker = house.worker(size=1)
    house.scripts["a"] = wait
    await house.put("a")
    await house.put("b")
    await started.wait()
    worker.stop()
    assert worker.busy == 1
    gate.set()
    async with asyncio.timeout(SECONDS):
        await worker.ended.wait()
    assert (await house.row("a")).state == RowState.DONE
    assert (await house.row("b")).attempts == 0
    assert await house.lanes.next_due() is not None, "somebody else may take it at once"
    assert await house.lanes.claim("lane") is not None


async def test_a_redriven_row_goes_round_at_the_end_of_its_lane(house: House) -> None:
    house.worker()
    house.scripts["a"] = raises(Rejected("no"))
    await house.put("a")
    await house.becomes("a", RowState.DEAD)
    row = await house.inbox.redrive("s:a")
    assert (row.state, row.attempts) == (RowState.OPEN, 0)
    house.workers[0].poke(row.lane)
    row = await house.becomes("a", RowState.DONE)
    assert row.error is None


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_goes_wrong_every_row_ends_done_or_dead_and_in_order(house: House, seed: int) -> None:
    random = Random(seed)
    house.worker(size=3)
    errors: list[Callable[[], Exception]] = [
        lambda: Unavailable("x"),
        lambda: Waiting("x", retry_after_seconds=0.5),
        lambda: KeyError("x"),
        lambda: Rejected("x"),
        TimeoutError,
    ]
    order: dict[str, list[str]] = {}
    for number in range(30):
        lane = random.choice("abc")
        name = f"{lane}{number:02}"
        order.setdefault(lane, []).append(name)
        house.scripts[name] = raises(
            *(random.choice(errors)() for _ in range(random.choice([0, 0, 1, 2, 5])))
        )
        if random.random() < 0.3:
            house.store.orders.fail(
                random.choice(["inbox", "lanes"]), "change", after_effect=random.random() < 0.5
            )
        try:
            await house.put(name, lane)
        except StorageUnavailable:
            house.workers[0].poke(lane)
    await house.all_done(move=0.5)
    counts = await house.inbox.counts()
    assert counts.get("done", 0) + counts.get("dead", 0) == 30
    for lane, expected in order.items():
        seen = [name for name in dict.fromkeys(house.handled) if name.startswith(lane)]
        assert seen == expected
