"""A viewer of ours in a room on a real socket: it follows the film by a clock that is wrong, and takes part."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from simulators.players.network import Path, Profile
from simulators.players.viewer import Viewer, timeline_of
from tests.simulators.players.peer import Room, open_room

LINE = Profile(Path(5.0), Path(5.0))


def viewer(room: Room, **changed: Any) -> Viewer:
    wanted: dict[str, Any] = {
        "url": room.url, "hello": None, "begin": "party:join", "with_data": {"roomId": "r"}, "profile": LINE,
        "seed": "7/3",
    }  # fmt: skip
    return Viewer(**(wanted | changed))


async def until(reached: Any) -> None:
    async with asyncio.timeout(40):
        while not reached():
            await asyncio.sleep(0.02)


def off(one: Viewer, room: Room) -> float:
    """Seconds between the player and the film, by true time."""
    now = time.monotonic()
    one.player.advance(now)
    return one.player.position - timeline_of(room.state()).at(room.now())


async def test_it_gets_to_where_the_film_is() -> None:
    async with open_room() as room, asyncio.TaskGroup() as group:
        one = viewer(room)
        running = group.create_task(one.run())
        await until(lambda: one.client.clock.ready)
        assert one.clock.at(0.0) != 0.0
        await room.play()
        # Stalls come at any time; it is together again after each.
        await until(lambda: one.player.state == "playing" and abs(off(one, room)) < 0.05)
        running.cancel()


async def test_a_late_joiner_goes_there_too() -> None:
    async with open_room() as room, asyncio.TaskGroup() as group:
        await room.play(ahead=-60.0)
        one = viewer(room)
        running = group.create_task(one.run())
        await until(lambda: one.player.state == "playing" and abs(off(one, room)) < 0.05)
        assert one.player.position > 150.0
        running.cancel()


async def test_it_says_that_it_is_ready_and_chats() -> None:
    async with open_room() as room, asyncio.TaskGroup() as group:
        one = viewer(room, chats_each=0.05)
        running = group.create_task(one.run())
        await until(lambda: {"party:ready", "party:chat", "clock:ping"} <= set(room.types(1)))
        (ready,) = [said for _, said in room.said if said["type"] == "party:ready"][:1]
        assert ready["data"]["startLatencyMs"] > 0
        await room.chat("hello")
        await until(lambda: one.heard_chat == 1)
        running.cancel()


async def test_it_is_waited_for_again_at_a_barrier() -> None:
    async with open_room() as room, asyncio.TaskGroup() as group:
        one = viewer(room)
        running = group.create_task(one.run())
        await until(lambda: room.types(1).count("party:ready") == 1)
        room.rev += 1
        barrier = {"barrierId": "b1", "reason": "seek", "until": room.now()}
        state = {**room.state(), "pos": 50.0, "barrier": barrier}
        await room.tell({"type": "party:barrier", "rev": room.rev, "data": {"state": state, "isHost": False}})
        await until(lambda: room.types(1).count("party:ready") == 2)
        assert one.timeline is not None
        assert one.timeline.pos == 50.0
        running.cancel()


async def test_an_older_state_changes_nothing() -> None:
    async with open_room() as room, asyncio.TaskGroup() as group:
        one = viewer(room)
        running = group.create_task(one.run())
        await until(one.entered.is_set)
        room.rev = 5
        await room.play(ahead=0.1)
        await until(lambda: one.timeline is not None and one.timeline.playing)
        old = {**room.state(), "rev": 2, "playing": False}
        await room.tell({"type": "party:pause", "rev": 2, "data": {"state": old, "isHost": False}})
        await room.chat("after it")
        await until(lambda: one.heard_chat == 1)
        assert one.timeline.playing
        running.cancel()
