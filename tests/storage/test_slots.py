from __future__ import annotations

import asyncio

import pytest

from domain import slots as moves
from domain.slots import Limits, Slots, Wait
from storage.contracts import Store
from storage.slots import SLOTS, SlotsOf

CAP = Limits(cap=3)


@pytest.fixture
async def slots(store: Store) -> SlotsOf:
    return SlotsOf(await store.collection(SLOTS))


def wait(number: int) -> Wait:
    return Wait(f"r{number}", f"v{number}", "ann", "Ann", "rw", "VIP", redeemed_at=number, since=number)


async def test_all_are_free_where_nothing_is_stored(slots: SlotsOf) -> None:
    assert await slots.get("1") == Slots("1")


async def test_of_many_at_once_only_so_many_get_a_slot_as_there_are(slots: SlotsOf) -> None:
    async def reserve(viewer: str) -> None:
        await slots.change(
            "1",
            lambda held: moves.reserve(held, viewer_id=viewer, session_id=viewer, limits=CAP, now=5),
        )

    await asyncio.gather(*(reserve(f"v{number}") for number in range(12)))
    assert len((await slots.get("1")).held) == 3
    assert await slots.get("2") == Slots("2")


async def test_before_and_after_are_told_and_nothing_is_written_for_nothing(slots: SlotsOf) -> None:
    before, after = await slots.change("1", lambda held: moves.join(held, wait(1)))
    assert (before.waiting, after.waiting) == ((), (wait(1),))
    assert after.rev == 1
    same, again = await slots.change("1", lambda held: moves.join(held, wait(1)))
    assert same == again == after == await slots.get("1")


async def test_channels_in_which_somebody_waits_are_found(slots: SlotsOf) -> None:
    await slots.change("1", lambda held: moves.join(held, wait(1)))
    await slots.change(
        "2", lambda held: moves.reserve(held, viewer_id="v", session_id="s", limits=CAP, now=5)
    )
    assert [held.id for held in await slots.restless()] == ["1"]
    await slots.change("1", lambda held: moves.leave(held, "r1"))
    assert await slots.restless() == []


async def test_a_channel_is_forgotten(slots: SlotsOf) -> None:
    await slots.change("1", lambda held: moves.join(held, wait(1)))
    assert await slots.forget("1")
    assert await slots.get("1") == Slots("1")


async def test_what_another_process_changed_is_seen_at_once(store: Store) -> None:
    """Each process remembers what it has read; two of them stand on one store here."""
    collection = await store.collection(SLOTS)
    ours, theirs = SlotsOf(collection), SlotsOf(collection)
    for number in range(1, 5):
        writes, reads = (ours, theirs) if number % 2 else (theirs, ours)
        _, after = await writes.change("1", lambda held, number=number: moves.join(held, wait(number)))  # type: ignore[misc]
        assert await reads.get("1") == after
        assert len(after.waiting) == number
    assert await theirs.forget("1")
    assert await ours.get("1") == Slots("1")
    await theirs.change("1", lambda held: moves.join(held, wait(9)))
    assert (await ours.get("1")).waiting == (wait(9),)
