"""What is particular to the leases in memory."""

from __future__ import annotations

from gateways.leases.memory import MemoryLeases
from tests.support.clock import ManualClock


async def test_fences_rise_although_the_wall_clock_goes_back() -> None:
    clock = ManualClock()
    leases = MemoryLeases(clock=clock)
    fences = []
    for _ in range(5):
        held = await leases.acquire(["x"], owner="a", ttl_seconds=9)
        fences.append(held["x"].fence)
        await leases.release(["x"], owner="a")
        clock.step_wall(-60_000)
    assert fences == sorted(set(fences))


async def test_the_wall_clock_ends_no_lease() -> None:
    clock = ManualClock()
    leases = MemoryLeases(clock=clock)
    await leases.acquire(["x"], owner="a", ttl_seconds=9)
    clock.step_wall(3_600_000)
    assert await leases.acquire(["x"], owner="b", ttl_seconds=9) == {}
    await clock.advance(9)
    assert "x" in await leases.acquire(["x"], owner="b", ttl_seconds=9), "to the moment"
