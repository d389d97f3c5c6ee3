"""What one process does for all is done by one at a time, and always by somebody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from domain.errors import Broken, Unavailable
from gateways.leases.contracts import Held
from gateways.leases.memory import MemoryLeases
from gateways.leases.sole import LEASE_SECONDS, Sole
from tests.support.clock import ManualClock


class CutOff(MemoryLeases):
    cut: Unavailable | Broken | None = None

    async def acquire(self, names: Sequence[str], *, owner: str, ttl_seconds: float) -> dict[str, Held]:
        if self.cut is not None:
            raise self.cut
        return await super().acquire(names, owner=owner, ttl_seconds=ttl_seconds)

    async def release(self, names: Sequence[str], *, owner: str) -> None:
        if self.cut is not None:
            raise self.cut
        await super().release(names, owner=owner)


class Office:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.leases = CutOff(clock=self.clock)
        self.at_work: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.fails: set[str] = set()

    async def _work(self, name: str) -> None:
        self.at_work.append(name)
        try:
            if name in self.fails:
                raise RuntimeError("This work is broken.")
            await asyncio.Event().wait()
        finally:
            self.at_work.remove(name)

    async def come(self, name: str) -> None:
        sole = Sole("rounds", lambda: self._work(name), leases=self.leases, owner=name, clock=self.clock)
        self.tasks[name] = asyncio.ensure_future(sole.run())
        await self.clock.advance(0.1)

    async def leave(self, name: str) -> None:
        self.tasks[name].cancel()
        await asyncio.gather(self.tasks[name], return_exceptions=True)


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    here = Office()
    yield here
    for name in here.tasks:
        await here.leave(name)
    assert here.at_work == []


async def test_one_at_a_time_and_the_next_when_it_leaves(office: Office) -> None:
    await office.come("a")
    await office.come("b")
    await office.clock.advance(60)
    assert office.at_work == ["a"]
    await office.leave("a")
    await office.clock.advance(4)
    assert office.at_work == ["b"]


async def test_one_whose_lease_was_taken_stops_and_the_work_goes_on(office: Office) -> None:
    await office.come("a")
    await office.leases.release(["task:rounds"], owner="a")  # as if it had been stopped for too long
    await office.leases.acquire(["task:rounds"], owner="b", ttl_seconds=LEASE_SECONDS)
    await office.clock.advance(4)
    assert office.at_work == []
    await office.clock.advance(LEASE_SECONDS + 4)
    assert office.at_work == ["a"]


@pytest.mark.parametrize("error", [Unavailable("The network is cut."), Broken("The password was changed.")])
async def test_the_work_goes_on_while_nobody_answers_and_is_not_begun(
    office: Office, error: Unavailable | Broken
) -> None:
    await office.come("a")
    office.leases.cut = error
    await office.come("b")
    await office.clock.advance(60)
    assert office.at_work == ["a"]
    await office.leave("a")
    await office.clock.advance(30)
    assert office.at_work == []
    office.leases.cut = None
    await office.clock.advance(4)
    assert office.at_work == ["b"]


async def test_a_failure_of_the_work_is_not_swallowed_and_frees_the_place(office: Office) -> None:
    office.fails.add("a")
    await office.come("a")
    with pytest.raises(RuntimeError, match="broken"):
        await office.tasks["a"]
    await office.come("b")
    assert office.at_work == ["b"]
