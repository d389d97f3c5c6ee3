"""Workers of several processes on one store: leases that are kept, lost and handed on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.inbox import RowState
from handlers.work import Work
from handlers.worker import HANDLING_SECONDS
from storage.lanes import LANES, Lease
from tests.handlers.fleet import SKEW_MS, Fleet, open_fleet


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    async with open_fleet(tmp_path) as opened:
        yield opened


class Gate:
    """A handler that is in the middle of something until the test lets it go on."""

    def __init__(self) -> None:
        self.reached, self.open, self.passed = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.raised: list[str] = []

    async def __call__(self, work: Work) -> str:
        work.hold()
        self.reached.set()
        await self.open.wait()
        for attempt in (work.hold, work.ensure_held):
            try:
                attempt()
            except Exception as error:
                self.raised.append(type(error).__name__)
        try:
            await work.note("late", {})
        except Exception as error:
            self.raised.append(type(error).__name__)
        self.passed.set()
        return "late"


@pytest.mark.parametrize("skew_ms", [-SKEW_MS, 0, SKEW_MS])
async def test_who_was_stopped_for_longer_than_its_lease_changes_nothing(fleet: Fleet, skew_ms: int) -> None:
    first, gate = await fleet.process(), Gate()
    await fleet.looked(first)
    fleet.scripts["a"] = gate
    await fleet.put(first, "a")
    first.worker.poke("lane")
    await gate.reached.wait()
    del fleet.scripts["a"]
    second = await fleet.process(skew_ms=skew_ms)
    started = second.clock.now()
    await fleet.done("a", move={1: 0.5})
    taken_after = (second.clock.now() - started) / 1000
    assert taken_after <= 9 + 2 + 1.5, "lease, clocks apart, poll"
    first.clock.jump(taken_after)
    gate.open.set()
    await gate.passed.wait()
    assert gate.raised == ["Fenced", "Fenced", "Fenced"]

    async def noticed() -> bool:
        return fleet.overtaken == ["a"] and not first.worker.busy

    await fleet.until(noticed)
    row = await fleet.row("a")
    assert (row.result, row.steps, row.attempts) == ("done", {}, 2)
    assert second.handled == ["a"]
    assert fleet.metrics.value("lane_leases_lost_total") == 1
    await fleet.put(first, "b")
    first.worker.poke("lane")
    await fleet.done("b", move={0: 0.5, 1: 0.5})


async def test_who_had_not_called_out_leaves_nothing_to_look_after(fleet: Fleet) -> None:
    first, reached, go_on = await fleet.process(), asyncio.Event(), asyncio.Event()

    async def quiet(work: Work) -> str:
        reached.set()
        await go_on.wait()
        return "late"

    fleet.scripts["a"] = quiet
    await fleet.put(first, "a")
    first.worker.poke("lane")
    await reached.wait()
    del fleet.scripts["a"]
    await fleet.process()
    await fleet.done("a", move={1: 0.5})
    go_on.set()

    async def noticed() -> bool:
        return fleet.metrics.value("lane_leases_lost_total") == 1

    await fleet.until(noticed)
    assert fleet.overtaken == []
    assert (await fleet.row("a")).result == "done"


@pytest.mark.parametrize("skew_ms", [-SKEW_MS, SKEW_MS])
async def test_a_handler_may_take_longer_than_the_lease(fleet: Fleet, skew_ms: int) -> None:
    """The keeper renews meanwhile; the other process, whose clock is wrong, finds nothing to take."""
    first, second = await fleet.process(), await fleet.process(skew_ms=skew_ms)
    held: list[bool] = []

    async def slow(work: Work) -> str:
        document = await (await fleet.store.collection(LANES)).get("lane")
        assert document is not None
        until = document["lease_until"]
        for _ in range(round(HANDLING_SECONDS) - 1):
            for process in fleet.processes:
                await process.clock.advance(1.0)

            async def renewed() -> bool:
                document = await (await fleet.store.collection(LANES)).get("lane")
                assert document is not None
                return bool(document["lease_until"] - first.clock.now() > 5000)

            await fleet.until(renewed)
            work.hold()
            held.append(True)
        document = await (await fleet.store.collection(LANES)).get("lane")
        assert document is not None
        assert document["lease_until"] > until
        return "slow"

    fleet.scripts["a"] = slow
    await fleet.looked(second)  # whose first round would find the row, by right
    await fleet.put(first, "a")
    first.worker.poke("lane")
    await fleet.done("a", move={0: 0.01})  # it is the handler that makes time pass
    assert (await fleet.row("a")).result == "slow"
    assert len(held) == 19
    assert second.handled == []


async def test_rows_of_a_process_that_was_killed_are_found_soon(fleet: Fleet) -> None:
    """It took the row in and claimed the lane; nobody releases the lease."""
    first = await fleet.process(works=False)
    await fleet.put(first, "a")
    lease = await first.lanes.arrive("lane")
    assert lease is not None
    second = await fleet.process(skew_ms=-SKEW_MS)
    started = second.clock.monotonic()
    await fleet.done("a", move={1: 0.25})
    assert second.clock.monotonic() - started <= 9 + 2 + 1.5


# From process to process


async def test_a_process_without_workers_has_its_rows_handled_at_once(fleet: Fleet) -> None:
    front, back = await fleet.process(works=False), await fleet.process()
    await fleet.looked(back)
    await fleet.put(front, "a")
    front.elsewhere.poke("lane")
    await fleet.done("a")  # no time passes
    assert back.handled == ["a"]
    assert ("lanes", "lane") in fleet.wires.sent


async def test_a_signal_that_is_lost_costs_a_second(fleet: Fleet) -> None:
    front, back = await fleet.process(works=False), await fleet.process()
    await fleet.looked(back)
    fleet.wires.cut = True
    await fleet.put(front, "a")
    front.elsewhere.poke("lane")
    started = back.clock.monotonic()
    await fleet.done("a", move={1: 0.1})
    assert back.clock.monotonic() - started <= 1.5


async def test_what_is_more_than_the_hands_is_given_to_others(fleet: Fleet) -> None:
    busy, gate = await fleet.process(size=1), Gate()
    await fleet.looked(busy)
    fleet.scripts["a"] = gate
    await fleet.put(busy, "a", "lane:a")
    busy.worker.poke("lane:a")
    await gate.reached.wait()
    idle = await fleet.process(size=4)
    await fleet.looked(idle)
    for number in range(6):
        await fleet.put(busy, f"b{number}", f"lane:b{number}")
        busy.worker.poke(f"lane:b{number}")
    assert busy.worker.backlog == 1, "one waits for the own hand"
    await fleet.done(*(f"b{number}" for number in range(1, 6)), move={1: 0.01})
    assert sorted(idle.handled) == [f"b{number}" for number in range(1, 6)]
    gate.open.set()
    await fleet.done("a", "b0")
    assert busy.handled == ["a", "b0"]


async def test_the_surplus_comes_back_where_nobody_helps(fleet: Fleet) -> None:
    alone = await fleet.process(size=2)
    await fleet.looked(alone)
    names = [f"a{number:02}" for number in range(20)]

    async def write(work: Work) -> str:
        for number in range(3):
            await work.note(f"step {number}", {})
        return "done"

    for name in names:
        fleet.scripts[name] = write
        await fleet.put(alone, name, f"lane:{name}")
        alone.worker.poke(f"lane:{name}")
    await fleet.done(*names, move={0: 0.01})
    assert sorted(alone.handled) == names
    assert alone.clock.monotonic() - 1000.0 < 5, "not one look each second"


async def test_who_has_no_hand_free_claims_nothing(fleet: Fleet) -> None:
    busy, gate = await fleet.process(size=1), Gate()
    await fleet.looked(busy)
    fleet.scripts["a"] = gate
    await fleet.put(busy, "a", "lane:a")
    busy.worker.poke("lane:a")
    await gate.reached.wait()
    await fleet.put(busy, "b", "lane:b")
    await busy.lanes.mark_due("lane:b")
    for _ in range(3):
        await busy.clock.advance(1.0)
        await fleet.until(lambda: _done(busy.clock.asleep["worker.due"] == 1))
    idle = await fleet.process()
    await fleet.done("b")
    assert idle.handled == ["b"]
    gate.open.set()
    await fleet.done("a")


# The stop


async def test_what_was_not_begun_is_handed_back_at_the_stop(fleet: Fleet) -> None:
    """One lane is in hand, one was only poked."""
    first, second, gate = await fleet.process(size=1), await fleet.process(), Gate()
    await fleet.looked(first)
    await fleet.looked(second)
    fleet.scripts["a"] = gate
    await fleet.put(first, "a", "lane:a")
    first.worker.poke("lane:a")
    await gate.reached.wait()
    await fleet.put(first, "b", "lane:b")
    first.worker.poke("lane:b")
    first.worker.stop()
    assert first.worker.busy == 1
    await fleet.done("b")  # no time passes: not the end of a lease, not a sweep
    assert second.handled == ["b"]
    gate.open.set()
    async with asyncio.timeout(30):
        await first.worker.ended.wait()
    assert (await fleet.row("a")).state is RowState.DONE


async def test_a_lease_that_nobody_has_begun_is_released_at_the_stop(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stop comes between the claim and the hand."""
    first = await fleet.process(size=1)
    await fleet.looked(first)
    await fleet.put(first, "a", "lane:a")
    await first.lanes.mark_due("lane:a")
    claim_due = first.lanes.claim_due

    async def claim_and_stop() -> Lease | None:
        lease = await claim_due()
        first.worker.stop()
        return lease

    monkeypatch.setattr(first.lanes, "claim_due", claim_and_stop)
    first.worker.look()
    async with asyncio.timeout(30):
        await first.worker.ended.wait()
    monkeypatch.undo()
    assert first.handled == []
    lease = await first.lanes.claim_due()
    assert lease is not None
    assert (lease.lane, lease.taken_over_at) == ("lane:a", None), "given back, not taken over"
    await first.lanes.release(lease, due_at=None)


async def test_a_poke_during_the_stop_is_handed_back_as_well(fleet: Fleet) -> None:
    first, gate = await fleet.process(size=1), Gate()
    await fleet.looked(first)
    fleet.scripts["a"] = gate
    await fleet.put(first, "a", "lane:a")
    first.worker.poke("lane:a")
    await gate.reached.wait()
    first.worker.stop()
    await fleet.until(lambda: _done(first.worker.backlog == 0))
    await fleet.put(first, "b", "lane:b")
    first.worker.poke("lane:b")
    gate.open.set()
    async with asyncio.timeout(30):
        await first.worker.ended.wait()
    lease = await first.lanes.claim_due()
    assert lease is not None
    assert lease.lane == "lane:b"
    await first.lanes.release(lease, due_at=None)


async def _done(value: bool) -> bool:
    return value
