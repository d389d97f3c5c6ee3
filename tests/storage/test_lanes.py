from __future__ import annotations

import asyncio
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.work import HOLD_MARGIN_SECONDS
from storage.contracts import Store
from storage.lanes import LANES, Lanes, Lease
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
    assert not old.lost
    assert not await lanes.renew(old)
    assert old.lost
    assert await lanes.release(old, due_at=None) is None
    assert await lanes.renew(new)
    assert not new.lost


async def test_a_renewal_moves_the_deadline(lanes: Lanes, clock: ManualClock) -> None:
    lease = await lanes.arrive("vip:1:2")
    assert lease is not None
    before, fence = lease.deadline, lease.fence
    await clock.advance(20)
    assert await lanes.renew(lease)
    assert (lease.deadline, lease.fence) == (before + 20.0, fence)
    await clock.advance(20)
    assert await lanes.claim_due() is None


async def test_a_row_that_came_before_a_renewal_is_not_forgotten(lanes: Lanes) -> None:
    """The holder read the rows before; the renewal must not make it believe that it has seen this one."""
    lease = await lanes.arrive("vip:1:2")
    assert lease is not None
    await lanes.mark_due("vip:1:2")
    assert await lanes.renew(lease)
    assert await lanes.release(lease, due_at=None) is not None


async def test_a_lane_that_is_marked_is_due_and_free(lanes: Lanes, clock: ManualClock) -> None:
    await lanes.mark_due("vip:1:2")
    assert not await lanes.is_idle("vip:1:2")
    assert await lanes.next_due() == clock.now()
    lease = await lanes.claim_due()
    assert lease is not None
    assert (lease.lane, lease.taken_over_at) == ("vip:1:2", None)
    assert await lanes.release(lease, due_at=None) is None


# Takeover


async def taken_over(lanes: Lanes, clock: ManualClock) -> Lease:
    assert await lanes.arrive("vip:1:2") is not None
    await clock.advance(31)
    lease = await lanes.claim_due()
    assert lease is not None
    return lease


async def test_who_takes_over_from_a_holder_that_gave_nothing_back_knows_it(
    lanes: Lanes, clock: ManualClock
) -> None:
    lease = await taken_over(lanes, clock)
    assert lease.taken_over_at == clock.now()


@pytest.mark.parametrize("claim", ["arrive", "claim", "claim_due"])
async def test_the_next_ones_know_it_too_until_it_is_settled(
    lanes: Lanes, clock: ManualClock, claim: str
) -> None:
    async def again() -> Lease:
        lease = await (lanes.claim_due() if claim == "claim_due" else getattr(lanes, claim)("vip:1:2"))
        assert lease is not None
        return cast("Lease", lease)

    lease, at = await taken_over(lanes, clock), clock.now()
    await lanes.release(lease, due_at=at)
    await clock.advance(5)
    lease = await again()
    assert lease.taken_over_at == at
    lease.taken_over_at = None
    await lanes.release(lease, due_at=at)
    lease = await again()
    assert lease.taken_over_at is None


async def test_who_takes_over_from_one_that_took_over_knows_it(lanes: Lanes, clock: ManualClock) -> None:
    """Nothing was written down by the first, nothing had to be."""
    first = await taken_over(lanes, clock)
    first.taken_over_at = None
    await clock.advance(31)
    second = await lanes.claim_due()
    assert second is not None
    assert second.taken_over_at == clock.now()


async def test_a_lane_from_before_the_mark_counts_as_given_back(store: Store, clock: ManualClock) -> None:
    documents = await store.collection(LANES)
    await documents.insert(
        {"_id": "vip:1:2", "due_at": 5, "lease_owner": None, "lease_until": None, "fence": 7, "wake": 1}
    )
    lease = await Lanes(documents, clock=clock).claim_due()
    assert lease is not None
    assert (lease.fence, lease.taken_over_at) == (8, None)


async def test_a_lane_whose_holder_is_gone_and_that_is_not_due_is_idle(
    lanes: Lanes, clock: ManualClock
) -> None:
    lease = await lanes.arrive("vip:1:2")
    assert lease is not None
    await lanes.release(lease, due_at=None)
    assert await lanes.claim("vip:1:2") is not None
    assert not await lanes.is_idle("vip:1:2")
    await clock.advance(31)
    assert await lanes.is_idle("vip:1:2"), "the sweep may find it"


async def test_two_processes_whose_clocks_differ_never_hold_a_lane_both(
    store: Store, clock: ManualClock
) -> None:
    """The second is 2 s ahead: it sees the end of a lease that much earlier, and the first stops in time."""
    documents, ahead = await store.collection(LANES), ManualClock(clock.now() + 2000)
    first, second = Lanes(documents, clock=clock), Lanes(documents, clock=ahead)
    lease = await first.arrive("vip:1:2")
    assert lease is not None
    for _ in range(90):
        await clock.advance(0.1)
        await ahead.advance(0.1)
        if (await second.claim("vip:1:2")) is not None:
            break
    left = lease.deadline - clock.monotonic()
    assert 1.9 <= left <= 2.1
    assert left < HOLD_MARGIN_SECONDS, "by then the first calls nobody any more"


async def test_leases_of_a_process_that_is_no_more_are_voided(lanes: Lanes) -> None:
    assert await lanes.arrive("vip:1:2") is not None
    assert await lanes.void_leases() == 1
    lease = await lanes.claim_due()
    assert lease is not None
    assert lease.taken_over_at is None, "it is dead, not stopped"


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
