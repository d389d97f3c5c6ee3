"""Which processes live, and what becomes of the members of one that does not."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from rooms.fleet.pulse import MOST_MISSED, Pulse, Silence
from tests.rooms.house import House, Seat


@given(st.lists(st.sampled_from(["own", "p2", "p3"]), max_size=60))
def test_who_is_told_to_be_dead_was_silent_for_three_whole_beats(heard: list[str]) -> None:
    silence, since = Silence("own"), {"p2": 0, "p3": 0}
    for process in heard:
        if process == "own":
            since = {one: count + 1 for one, count in since.items()}
            dead = silence.heard_own({"own", "p2", "p3"})
            assert dead == [one for one, count in sorted(since.items()) if count > MOST_MISSED]
        else:
            silence.heard(process)
            since[process] = 0


def test_a_process_that_nobody_is_with_is_forgotten() -> None:
    silence = Silence("own")
    silence.heard("p2")
    assert not any(silence.heard_own({"own"}) for _ in range(10))
    assert silence.heard_own({"own", "p2"}) == [], "it is new again"


async def test_the_members_of_a_killed_process_are_away_and_the_room_has_a_host(house: House) -> None:
    seats, ann = await house.open("p1", "p2", "p3")
    one, two, three = seats
    for seat in seats:
        with_pulse(house, seat)
    bea = await two.join("bea")
    await three.join("cid")
    await house.agreed()
    await one.kill()
    await beats(house, 3)
    assert two.replica.roster.get(ann.id) is not None
    assert not any(kind == "process.gone" for kind in two.heard_people), "nine seconds are not over"
    await beats(house, 2)
    await house.until(lambda: all("process.gone" in seat.heard_people for seat in (two, three)))
    await house.until(lambda: [member.id for member in two.replica.roster.here] == ["bea", "cid"])
    await beats(house, 7)
    await house.until(lambda: two.replica.room.host == bea.id)
    agreed = await house.agreed()
    assert agreed.replica.room.host_epoch == 2


async def test_who_lives_is_not_told_to_be_dead(house: House) -> None:
    seats, _ = await house.open("p1", "p2")
    for seat in seats:
        with_pulse(house, seat)
    await seats[1].join("bea")
    await beats(house, 8)
    assert all("process.gone" not in seat.heard_people for seat in seats)
    assert len((await house.agreed()).replica.roster.here) == 2


def with_pulse(house: House, seat: Seat) -> None:
    """The heart beats by the time of the test."""
    pulse = Pulse(topics=seat.topics, clock=house.clock, process=seat.name, tables=lambda: [seat.table])
    seat.tasks.append(asyncio.ensure_future(pulse.run()))


async def beats(house: House, count: int) -> None:
    """So many beats of every process, each heard by all."""
    for _ in range(count):
        heads = [(await seat.topics.head("rooms:pulse")).position.seq for seat in house.seats]
        await house.clock.advance(3.0)
        for seat in house.seats:
            async with asyncio.timeout(30):
                while (await seat.topics.head("rooms:pulse")).position.seq < max(heads) + len(house.seats):
                    await asyncio.sleep(0)
