"""Lost data, with a real server that loses them: one replica begins the log anew, the others add what it lacks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateways.topics.contracts import NewEntry
from tests.rooms.house import FILM, House, Seat, once_and_in_order, open_house

pytestmark = pytest.mark.server


@pytest.fixture
async def fleet() -> AsyncIterator[House]:
    async with open_house("redis", base_every=20) as house:
        yield house


async def lose_everything(house: House) -> None:
    assert house.server is not None
    await house.server.command("FLUSHALL")


def epochs(house: House) -> set[str]:
    return {seat.replica.room.epoch for seat in house.seats}


async def recovered(house: House, old: set[str]) -> Seat:
    """Every replica follows another log than before, and all the same one."""
    await house.until(lambda: not epochs(house) & old)
    return await house.agreed()


async def test_a_room_goes_on_when_redis_was_emptied(fleet: House) -> None:
    (one, other), ann = await fleet.open("p1", "p2")
    bea = await other.join("bea")
    await one.ask(ann, "party:media", item=FILM)
    await one.ask(ann, "party:play")
    await other.ask(bea, "party:chat", id="c7", message="before")
    await fleet.agreed()
    vector, old = one.replica.room.vector, epochs(fleet)
    await lose_everything(fleet)
    await recovered(fleet, old)
    assert one.replica.room.vector == vector
    assert one.said == ["before"]
    assert one.replica.room.host == "ann"
    assert {member.id for member in other.replica.roster.here} == {"ann", "bea"}
    assert await other.ask(bea, "party:chat", id="c7", message="before"), (
        "the answer to a repeated id survives"
    )
    await one.ask(ann, "party:pause")
    await other.ask(bea, "party:chat", message="after")
    agreed = await fleet.agreed()
    assert agreed.said == ["before", "after"]
    assert None in one.heard
    for seat in fleet.seats:
        once_and_in_order(seat)


async def test_the_first_to_notice_may_be_the_one_that_knows_least(fleet: House) -> None:
    (one, other), ann = await fleet.open("p1", "p2")
    bea = await other.join("bea")
    await one.ask(ann, "party:media", item=FILM)
    await fleet.agreed()
    await one.stall()
    await other.ask(ann, "party:chat", message="m1")
    await other.ask(ann, "party:play")
    await other.ask(bea, "party:chat", message="m2")
    await other.ask(bea, "party:chat", message="m3")
    cid = await other.join("cid")
    await other.stall()
    old = epochs(fleet)
    await lose_everything(fleet)
    one.follow()
    await fleet.until(lambda: one.replica.room.epoch not in old and one.replica.is_following)
    assert one.said == []
    other.follow()
    await recovered(fleet, old)
    await fleet.until(lambda: one.said == ["m1", "m2", "m3"] and one.replica.roster.get(cid.id) is not None)
    agreed = await fleet.agreed()
    assert agreed.said == ["m1", "m2", "m3"]
    assert agreed.replica.room.vector.playing, "nobody decided otherwise since"


async def test_what_was_decided_since_stands(fleet: House) -> None:
    (one, other), ann = await fleet.open("p1", "p2")
    await one.ask(ann, "party:media", item=FILM)
    await fleet.agreed()
    await one.stall()
    await other.ask(ann, "party:seek", currentTime=100.0)
    await other.ask(ann, "party:chat", message="m1")
    await other.stall()
    old = epochs(fleet)
    await lose_everything(fleet)
    one.follow()
    await fleet.until(lambda: one.replica.room.epoch not in old and one.replica.is_following)
    await one.ask(ann, "party:seek", currentTime=200.0)
    other.follow()
    await recovered(fleet, old)
    await fleet.until(lambda: one.said == ["m1"])
    assert (await fleet.agreed()).replica.room.vector.pos == 200.0


async def test_what_was_written_before_the_log_had_a_beginning_is_kept(fleet: House) -> None:
    (one, other), ann = await fleet.open("p1", "p2")
    await fleet.agreed()
    old = epochs(fleet)
    for seat in (one, other):
        await seat.stall()
    await lose_everything(fleet)
    body = {"by": "ann", "who": "twitch:ann", "as": 2, "t": fleet.time.now(), "name": "Ann", "text": "early"}
    await one.topics.append("room:r", NewEntry("chat.said", body | {"key": "ann:c9"}), key="ann:c9")
    one.follow()
    other.follow()
    await recovered(fleet, old)
    await fleet.until(lambda: one.said == ["early"])
    assert await one.ask(ann, "party:chat", id="c9", message="early")
    assert (await fleet.agreed()).said == ["early"]


async def test_a_timer_of_the_old_log_does_not_stand_in_the_way_of_the_new_one(fleet: House) -> None:
    """The numbers of entries begin anew, and so do the names that are made of them."""
    (one, other), ann = await fleet.open("p1", "p2", waiting="all")
    bea = await other.join("bea")
    await one.ask(ann, "party:media", item=FILM)
    for _ in range(3):  # the second and the third are alike, number by number
        await fleet.clock.advance(61.0)  # who stalls too often in a minute is waited for no more
        await other.ask(bea, "party:ready")
        await one.ask(ann, "party:play")
        await fleet.clock.advance(1.0)
        await other.ask(bea, "party:buffering")
        await fleet.until(lambda: one.replica.room.barrier is not None)
        await fleet.clock.advance(3.1)
        await fleet.until(lambda: one.replica.room.barrier is None)
        await fleet.agreed()
        old = epochs(fleet)
        await lose_everything(fleet)
        await recovered(fleet, old)


async def test_a_restart_of_redis_in_the_middle_of_everything(fleet: House) -> None:
    (one, _), ann = await fleet.open("p1", "p2")
    for number in range(30):
        await one.ask(ann, "party:chat", message=f"m{number}")
    await fleet.agreed()
    old = epochs(fleet)
    assert fleet.server is not None
    await fleet.server.restart()
    await recovered(fleet, old)
    late = await fleet.seat("p3")
    await fleet.agreed()
    assert late.said == [f"m{number}" for number in range(30)]


async def test_a_process_without_the_room_does_not_begin_it(fleet: House) -> None:
    late = await fleet.seat("p1")
    await fleet.until(lambda: late.replica.is_following)
    old = epochs(fleet)
    await lose_everything(fleet)
    await fleet.until(lambda: late.replica.is_following and not epochs(fleet) & old)
    assert await late.topics.snapshot("room:r") is None
