"""What a process holds of what is shared out. (With channels: `tests/handlers/vip/test_shares.py`.)"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection

import pytest

from domain.errors import Unavailable
from domain.ports import NullMetrics
from gateways.leases.memory import MemoryLeases
from handlers.holding import LEASE_SECONDS, ROUND_SECONDS, Holding, Kind
from tests.support.clock import ManualClock

KIND = Kind("things", lambda thing: f"thing:{thing}", held="held", lost="lost")


class Process:
    def __init__(self, fleet: Fleet, name: str) -> None:
        self.open: set[str] = set()
        self.surplus = 0
        self._fleet = fleet
        self.holding = Holding(
            KIND,
            things=self._things,
            take=self.open.add,
            drop=self._drop,
            surplus=self._surplus,
            leases=fleet.leases,
            owner=name,
            clock=fleet.clock,
            metrics=NullMetrics(),
        )
        self.running = asyncio.create_task(self.holding.run())

    async def _things(self) -> Collection[str]:
        if self._fleet.away:
            raise Unavailable("The store is away.")
        return self._fleet.things

    async def _drop(self, thing: str) -> None:
        self.open.discard(thing)

    def _surplus(self) -> None:
        self.surplus += 1


class Fleet:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.leases = MemoryLeases(clock=self.clock)
        self.things: list[str] = []
        self.away = False
        self.processes: list[Process] = []

    def start(self, name: str) -> Process:
        process = Process(self, name)
        self.processes.append(process)
        return process

    async def until(self, *open: set[str], seconds: float = 30.0) -> None:
        end = self.clock.monotonic() + seconds
        while [process.open for process in self.processes] != list(open):
            assert self.clock.monotonic() < end, [process.open for process in self.processes]
            await self.clock.advance(0.25)  # and all that can happen at that time: nothing here waits for I/O


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    one = Fleet()
    yield one
    for process in one.processes:
        process.running.cancel()
    await asyncio.gather(*(process.running for process in one.processes), return_exceptions=True)


async def test_what_there_is_is_held_and_what_is_gone_given_back(fleet: Fleet) -> None:
    fleet.things = ["0", "1"]
    process = fleet.start("a")
    await fleet.until({"0", "1"})
    fleet.things = ["0"]
    await fleet.until({"0"}, seconds=ROUND_SECONDS + 1)
    assert process.surplus == 1
    assert await fleet.leases.holders(["thing:1"]) == {}


async def test_a_look_is_at_once(fleet: Fleet) -> None:
    process = fleet.start("a")
    await fleet.clock.advance(1.0)
    fleet.things = ["0"]
    process.holding.look()
    await fleet.until({"0"}, seconds=0.6)


async def test_who_is_sure_is_so_by_his_own_time(fleet: Fleet) -> None:
    """Between the end of what we believe and the end of the lease nobody may act for a thing."""
    fleet.things = ["0"]
    process = fleet.start("a")
    await fleet.until({"0"})
    assert process.holding.sure("0")
    assert not process.holding.sure("1")
    process.running.cancel()  # the process is frozen
    await asyncio.gather(process.running, return_exceptions=True)
    await fleet.clock.advance(LEASE_SECONDS + 0.1)
    assert process.holding.held == {"0"}
    assert not process.holding.sure("0")


async def test_renewed_as_long_as_it_goes_round(fleet: Fleet) -> None:
    fleet.things = ["0"]
    process = fleet.start("a")
    await fleet.until({"0"})
    for _ in range(20):
        await fleet.clock.advance(2.0)
        assert process.holding.sure("0")


async def test_while_the_list_is_away_what_is_held_is_kept(fleet: Fleet) -> None:
    fleet.things = ["0"]
    process = fleet.start("a")
    await fleet.until({"0"})
    fleet.away = True
    for _ in range(10):
        await fleet.clock.advance(2.0)
    assert process.open == {"0"}
    assert process.holding.sure("0")  # the leases answer
    fleet.away = False
    fleet.things = ["0", "1"]
    await fleet.until({"0", "1"})


async def test_two_share_and_what_is_without_a_thing_lets_it_go(fleet: Fleet) -> None:
    fleet.things = ["0", "1", "2", "3"]
    first, second = fleet.start("a"), fleet.start("b")
    await fleet.clock.advance(LEASE_SECONDS * 2)
    assert first.open | second.open == set(fleet.things)
    assert len(first.open) == len(second.open) == 2
    assert not first.open & second.open
    gone = next(iter(first.open))
    fleet.things.remove(gone)
    await first.holding.without(gone)
    assert gone not in first.open
    await first.holding.without(gone)  # twice does no harm


async def test_after_the_stop_nothing_is_taken_again(fleet: Fleet) -> None:
    fleet.things = ["0"]
    process = fleet.start("a")
    await fleet.until({"0"})
    await process.holding.stop()
    await fleet.clock.advance(LEASE_SECONDS * 2)
    assert process.holding.held == frozenset()
    assert await fleet.leases.holders(["thing:0"]) == {}
