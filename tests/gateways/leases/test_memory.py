"""What is particular to the leases in memory."""

from __future__ import annotations

from typing import Any

from gateways.leases.memory import SPARE, MemoryLeases
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


class Counted(dict[str, Any]):
    """How often all leases were gone through."""

    rounds = 0

    def items(self) -> Any:
        self.rounds += 1
        return super().items()


async def test_leases_of_a_thousand_viewers_are_not_gone_through_each_time() -> None:
    clock = ManualClock()
    leases = MemoryLeases(clock=clock)
    leases._leases = looked = Counted()
    for viewer in range(2000):
        assert await leases.acquire(
            [f"resume:{viewer}", f"settled:{viewer}"], owner=str(viewer), ttl_seconds=3600
        )
        await leases.holders([f"resume:{viewer}"])
        await leases.renew(["resume:0"], owner="0", ttl_seconds=3600)
    assert looked.rounds == 0
    await clock.advance(3600)
    assert await leases.holders(["resume:0", "resume:1999"]) == {}
    assert (len(leases._leases), len(leases._ends)) == (0, 0), "nothing of them is left"


async def test_what_is_taken_and_given_back_without_end_leaves_nothing() -> None:
    clock = ManualClock()
    leases = MemoryLeases(clock=clock)
    await leases.acquire(["kept"], owner="a", ttl_seconds=50)
    for _ in range(10 * SPARE):
        await leases.acquire(["x"], owner="a", ttl_seconds=3600)
        await leases.release(["x"], owner="a")
    assert len(leases._ends) <= 2 + SPARE
    await clock.advance(49)
    assert await leases.holders(["kept", "x"]) == {"kept": "a"}
    await leases.renew(["kept"], owner="a", ttl_seconds=50)
    await clock.advance(49)
    assert await leases.holders(["kept"]) == {"kept": "a"}
    await clock.advance(1)
    assert await leases.holders(["kept"]) == {}
