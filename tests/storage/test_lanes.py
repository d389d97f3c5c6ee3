from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.contracts import Store
from storage.lanes import LANES, Lanes
from storage.open import open_store, sqlite_url
from tests.support.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def lanes(store: Store, clock: ManualClock) -> Lanes:
    return Lanes(await store.collection(LANES), clock=clock, lease_ms=30_000)


async def test_the_first_arrival_claims_and_the_second_is_left_to_the_holder(lanes: Lanes) -> None:
    lease = await lanes.arrive("vip:1:2")
    assert lease is not None
    assert await lanes.arrive("vip:1:2") is None
    assert await lanes.claim("vip:1:2") is None
    due = await lanes.release(lease, due_at=None)
    assert due is not None, "something arrived while it was held"


async def test_a_lane_without_news_is_idle_after_its_release(lanes: Lanes) -> None:
    lease = await lanes.arrive("vip:1:2")
    assert lease is not None
    assert not await lanes.is_idle("vip:1:2")
    assert await lanes.release(lease, due_at=None) is None
    assert await lanes.is_idle("vip:1:2")
    assert await lanes.is_idle("never:heard:of")
    assert await lanes.claim_due() is None
    assert await lanes.next_due() is None


async def test_a_lane_that_is_due_later_is_claimed_then(lanes: Lanes, clock: ManualClock) -> None:
    lease = await lanes.arrive("vip:1:2")
    assert lease is not None
    due = clock.now() + 5000
    assert await lanes.release(lease, due_at=due) == due
    assert await lanes.next_due() == due
    assert await lanes.claim_due() is None
    await clock.advance(5)
    again = await lanes.claim_due()
    assert again is not None
    assert again.fence > lease.fence


async def test_a_lease_that_ran_out_is_taken_over_and_its_holder_learns_it(
    lanes: Lanes, clock: ManualClock
) -> None:
    old = await lanes.arrive("vip:1:2")
    assert old is not None
    await clock.advance(31)
    new = await lanes.claim_due()
    assert new is not None
    assert new.fence > old.fence
    assert await lanes.renew(old) is None
    assert await lanes.release(old, due_at=None) is None
    renewed = await lanes.renew(new)
    assert renewed is not None
    assert renewed.fence == new.fence


async def test_a_renewal_moves_the_deadline(lanes: Lanes, clock: ManualClock) -> None:
    lease = await lanes.arrive("vip:1:2")
    assert lease is not None
    await clock.advance(20)
    renewed = await lanes.renew(lease)
    assert renewed is not None
    assert renewed.deadline > lease.deadline
    await clock.advance(20)
    assert await lanes.claim_due() is None


async def test_leases_of_a_process_that_is_no_more_are_voided(lanes: Lanes) -> None:
    assert await lanes.arrive("vip:1:2") is not None
    assert await lanes.void_leases() == 1
    assert await lanes.claim_due() is not None


async def test_of_many_arrivals_one_claims(lanes: Lanes) -> None:
    leases = await asyncio.gather(*(lanes.arrive("vip:1:2") for _ in range(16)))
    assert sum(lease is not None for lease in leases) == 1


async def test_a_lane_that_is_made_again_never_falls_below_its_old_fence(
    store: Store, clock: ManualClock
) -> None:
    documents = await store.collection(LANES)
    lanes = Lanes(documents, clock=clock)
    old = await lanes.arrive("vip:1:2")
    assert old is not None
    await clock.advance(1)
    await documents.delete("vip:1:2")
    new = await lanes.arrive("vip:1:2")
    assert new is not None
    assert new.fence > old.fence


@given(st.lists(st.sampled_from(["arrive", "release", "later", "lapse"]), max_size=25))
@settings(max_examples=25)
def test_no_arrival_is_ever_forgotten(tmp_path_factory: pytest.TempPathFactory, acts: list[str]) -> None:
    """Whatever happens: a lane with an arrival that nobody has looked at since is due or held."""

    async def play() -> None:
        clock = ManualClock()
        store = await open_store(sqlite_url(tmp_path_factory.mktemp("lanes")), clock=clock)
        try:
            lanes = Lanes(await store.collection(LANES), clock=clock, lease_ms=10_000)
            held, unseen = None, False
            for act in acts:
                if act == "arrive":
                    taken = await lanes.arrive("a")
                    held, unseen = (taken, False) if taken else (held, True)
                elif act == "release" and held is not None:
                    await lanes.release(held, due_at=None)
                    held = None
                elif act == "later" and held is None:
                    held = await lanes.claim_due()
                    unseen = unseen and held is None
                elif act == "lapse":
                    await clock.advance(11)
                if unseen:
                    assert not await lanes.is_idle("a")
        finally:
            await store.close()

    asyncio.run(play())
