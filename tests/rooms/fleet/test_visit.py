"""A visit to a room by a process that does not serve it, on the ring and on Redis: what it writes, everybody has, and
it is kept before the visit ends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from domain.errors import Rejected, Unavailable
from gateways.topics.contracts import Topics
from gateways.topics.memory import MemoryTopics
from rooms import errand
from rooms.entries import Draft
from rooms.fleet.clock import OwnTime
from rooms.fleet.views import RoomView
from rooms.fleet.visit import Visit, Visits
from rooms.moment import Moment
from rooms.queue import Item
from rooms.settings import Settings
from rooms.state import Room
from tests.rooms.house import House, Seat
from tests.support.clock import ManualClock

ITEM = Item(id="tw-1", kind="video", url="https://films.example/a.mp4", by_name="Ann")


class Shelf:
    """Implements `Keep` in memory."""

    def __init__(self, kept: Mapping[str, Any] | None = None) -> None:
        self.bodies: dict[str, Mapping[str, Any]] = {} if kept is None else {"r": kept}
        self.writes = 0

    async def load(self, room_id: str) -> Mapping[str, Any] | None:
        return self.bodies.get(room_id)

    async def kept(self, view: RoomView) -> None:
        self.writes += 1
        self.bodies[view.room.id] = view.body()


def visits_of(seat: Seat, house: House, keep: Shelf) -> Visits:
    return Visits(topics=seat.topics, clock=seat.table._clock, time=house.time, keep=keep)


def adding(key: str = "k") -> Any:
    def decide(moment: Moment) -> Draft:
        return errand.added(ITEM, subject="twitch:1", is_vip=False, now=moment.now, key=key)

    return decide


async def test_what_a_visit_writes_everybody_has(house: House) -> None:
    (one, two), _ = await house.open("p1", "p2")
    keep = Shelf()
    visits = visits_of(one, house, keep)

    async def do(visit: Visit) -> bool:
        assert visit.moment.room.opened_at, "it stands in the room"
        assert len(visit.moment.roster) == 1
        return await visit.write(adding())

    assert await visits.visit("r", do)
    await house.until(lambda: all(seat.replica.room.queue == (ITEM,) for seat in (one, two)))
    assert [body["id"] for body in keep.bodies["r"]["room"]["queue"]] == [ITEM.id]

    async def look(visit: Visit) -> tuple[bool, bool]:
        return visit.done("k"), visit.done("other")

    assert await visits.visit("r", look) == (True, False)
    assert keep.writes == 1, "looking keeps nothing"


async def test_a_guarded_entry_is_decided_again_after_a_race(house: House) -> None:
    (one,), ann = await house.open("p1")
    await one.ask(ann, "party:media", item={"url": "https://films.example/b.mp4", "duration": 60.0})
    decided: list[int] = []

    async def do(visit: Visit) -> bool:
        moments = [visit.moment]  # the first decision rests on an old state

        def decide(moment: Moment) -> Draft:
            moment = moments.pop() if moments else moment
            decided.append(moment.room.rev)
            return Draft(errand.opened(Settings(), owner="twitch:9", now=moment.now, key="o").entry, "o")

        await one.ask(ann, "party:play")
        return await visit.write(decide)

    assert not await visits_of(one, house, Shelf()).visit("r", do), "void: it is open already"
    assert decided


async def test_errors_come_out_as_they_are_and_nothing_goes_on(house: House) -> None:
    (one,), _ = await house.open("p1")
    before = {task for task in asyncio.all_tasks() if task.get_name().startswith("rooms:")}

    async def do(visit: Visit) -> None:
        raise Rejected("No.", code="test.no")

    with pytest.raises(Rejected):
        await visits_of(one, house, Shelf()).visit("r", do)
    after = {task for task in asyncio.all_tasks() if task.get_name().startswith("rooms:")}
    assert after <= before


async def test_a_room_that_nobody_follows_begins_from_what_was_kept() -> None:
    clock = ManualClock()
    keep = Shelf()

    def on(topics: Topics, name: str) -> Visits:
        return Visits(topics=topics, clock=clock, time=OwnTime(clock=clock, name=name), keep=keep)

    async def opens(visit: Visit) -> bool:
        def decide(moment: Moment) -> Draft:
            return errand.opened(Settings(title="Friday"), owner="twitch:9", now=moment.now, key="o")

        return await visit.write(decide)

    first, second = MemoryTopics(clock=clock), MemoryTopics(clock=clock)
    assert await on(first, "k1").visit("r", opens)
    await first.close()

    async def adds(visit: Visit) -> Room:
        assert visit.done("o")
        assert await visit.write(adding())
        return visit.moment.room

    room = await on(second, "k2").visit("r", adds)
    await second.close()
    assert (room.settings.title, room.queue) == ("Friday", (ITEM,))


async def test_topics_that_are_closed_are_said_to_be() -> None:
    clock = ManualClock()
    topics = MemoryTopics(clock=clock)
    await topics.close()
    visits = Visits(topics=topics, clock=clock, time=OwnTime(clock=clock, name="k"), keep=Shelf())

    async def do(visit: Visit) -> None:
        raise AssertionError("nobody gets in")

    going = asyncio.create_task(visits.visit("r", do))
    async with asyncio.timeout(20):
        while not going.done():
            await clock.advance(1.0)
            await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await going
