"""What is answered is durable, and no more is written than has to be."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from domain.errors import Unavailable
from handlers.party.keep import ROUND_SECONDS, PartyKeep
from rooms.fleet.clock import OwnTime
from rooms.fleet.views import RoomView
from rooms.state import Room
from storage.contracts import StorageUnavailable
from storage.parties import PARTY_STATES, PartyStates
from tests.handlers.party.house import Doorway, doorway


class SlowStates(PartyStates):
    """The real ones, which wait until they are told to go on."""

    def __init__(self, states: Any) -> None:
        super().__init__(states)
        self.go = asyncio.Event()
        self.begun = asyncio.Event()
        self.written: list[int] = []
        self.error: Exception | None = None

    async def put(self, room_id: str, body: Mapping[str, Any]) -> None:
        self.begun.set()
        await self.go.wait()
        if self.error is not None:
            raise self.error
        await super().put(room_id, body)
        self.written.append(body["room"]["seq"])


def view(door: Doorway, room: Room) -> RoomView:
    made = RoomView(room.id, time=OwnTime(clock=door.clock, name="k"), clock=door.clock, tell=list)
    made.room = replace(room, epoch="e1", seq=1)
    return made


async def slow(door: Doorway, *, at_once: bool = True) -> tuple[PartyKeep, SlowStates]:
    states = SlowStates(await door.store.collection(PARTY_STATES))
    return PartyKeep(states=states, registry=door.registry, clock=door.clock, at_once=at_once), states


async def test_alone_it_is_there_before_the_answer(door: Doorway) -> None:
    room = await door.open(title="Film")
    shown = view(door, room)
    assert await door.keep.load(room.id) is None
    await door.keep.kept(shown)
    other = await doorway(door.store, door.clock)
    found = await other.keep.load(room.id)
    assert found is not None
    assert found["room"]["settings"]["title"] == "Film"
    assert found == shown.body()


async def test_writes_are_joined_and_each_waits_for_one_that_began_after_it(door: Doorway) -> None:
    room = await door.open()
    keep, states = await slow(door)
    shown = view(door, room)
    first = asyncio.ensure_future(keep.kept(shown))
    await states.begun.wait()
    waiting = []
    for seq in range(2, 12):
        shown.room = replace(shown.room, seq=seq)
        waiting.append(asyncio.ensure_future(keep.kept(shown)))
    await asyncio.sleep(0)
    assert not any(one.done() for one in (first, *waiting))
    states.go.set()
    await asyncio.gather(first, *waiting)
    assert states.written == [1, 11], "two writes for eleven answers"


async def test_a_write_that_failed_is_no_answer(door: Doorway) -> None:
    room = await door.open()
    keep, states = await slow(door)
    states.go.set()
    states.error = StorageUnavailable("Away.")
    with pytest.raises(Unavailable):
        await keep.kept(view(door, room))
    states.error = None
    await keep.kept(view(door, room))
    assert states.written == [1]


async def test_who_stops_waiting_holds_nobody_up(door: Doorway) -> None:
    room = await door.open()
    keep, states = await slow(door)
    shown = view(door, room)
    first = asyncio.ensure_future(keep.kept(shown))
    await states.begun.wait()
    shown.room = replace(shown.room, seq=2)
    second = asyncio.ensure_future(keep.kept(shown))
    await asyncio.sleep(0)
    first.cancel()
    states.go.set()
    await second
    assert states.written == [2]


async def test_in_a_fleet_it_is_written_a_little_later(door: Doorway) -> None:
    room = await door.open()
    keep, states = await slow(door, at_once=False)
    states.go.set()
    shown = view(door, room)
    running = asyncio.ensure_future(keep.run())
    for seq in range(1, 6):
        shown.room = replace(shown.room, seq=seq)
        await keep.kept(shown)
    assert states.written == []
    await door.clock.advance(0)
    await door.clock.advance(ROUND_SECONDS)
    async with asyncio.timeout(30):
        while not states.written:
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert states.written == [5]


async def test_what_the_store_did_not_take_is_written_later(door: Doorway) -> None:
    room = await door.open()
    keep, states = await slow(door, at_once=False)
    states.go.set()
    states.error = StorageUnavailable("Away.")
    await keep.kept(view(door, room))
    await keep.flush()
    states.error = None
    await keep.flush()
    await keep.flush()
    assert states.written == [1]


async def test_an_older_snapshot_replaces_none(door: Doorway) -> None:
    """Of two processes the slower one may write last."""
    room = await door.open()
    shown = view(door, room)
    shown.room = replace(shown.room, seq=9)
    await door.keep.kept(shown)
    late = view(door, room)
    await (await doorway(door.store, door.clock)).keep.kept(late)
    found = await door.keep.load(room.id)
    assert found is not None
    assert found["room"]["seq"] == 9
    await door.clock.advance(1)
    late.room = replace(late.room, epoch="e2", seq=1)
    await door.keep.kept(late)
    found = await door.keep.load(room.id)
    assert found is not None
    assert found["room"]["epoch"] == "e2", "a new log is later than an old one"


async def test_of_a_closed_room_nothing_is_kept(door: Doorway) -> None:
    room = await door.open()
    shown = view(door, room)
    await door.keep.kept(shown)
    shown.room = replace(shown.room, seq=2, closed_at=7)
    await door.keep.kept(shown)
    assert await door.keep.load(room.id) is None
    assert await door.states.get(room.id) is None
    assert not await door.doors.find(room.id)
