"""The conversation on a real socket: delayed both ways, cut, and whole again."""

from __future__ import annotations

import asyncio
import time
from random import Random

from simulators.players.conversation import Conversation, Heard
from simulators.players.network import DelayLine, Path
from simulators.players.socket import PartySocket
from tests.simulators.players.peer import Room, open_room

AT_ONCE = Path(0.0)


class Visitor:
    """What a client heard, and how to wait for more."""

    def __init__(self, room: Room, *, up: Path = AT_ONCE, down: Path = AT_ONCE, url: str = "") -> None:
        self.heard: list[Heard] = []
        self.times: dict[str, float] = {}
        self.raw: dict[str, float] = {}
        self.moved = asyncio.Event()
        self.talk = Conversation(
            hello={"token": "t"}, begin="party:join", with_data={"roomId": "r"}, chance=lambda: 0.01
        )
        self.socket = PartySocket(
            url=url or room.url,
            conversation=self.talk,
            hear=self.hear,
            up=DelayLine(up, Random(1)),
            down=DelayLine(down, Random(2)),
            overhear=self.raw.setdefault,
        )

    def hear(self, heard: Heard, now: float) -> None:
        self.heard.append(heard)
        self.times[heard.type] = now
        self.moved.set()

    def chat(self) -> list[str]:
        return [one.data["message"] for one in self.heard if one.type == "party:chat"]

    async def until(self, *types: str) -> None:
        async with asyncio.timeout(30):
            while not {one.type for one in self.heard}.issuperset(types):
                self.moved.clear()
                await self.moved.wait()

    async def until_chat(self, *texts: str) -> None:
        async with asyncio.timeout(30):
            while self.chat() != list(texts):
                self.moved.clear()
                await self.moved.wait()


async def test_it_comes_in_and_hears() -> None:
    async with open_room() as room, asyncio.TaskGroup() as group:
        visitor = Visitor(room)
        running = group.create_task(visitor.socket.run())
        await visitor.until("party:join")
        await room.chat("one")
        await visitor.until_chat("one")
        running.cancel()


async def test_each_direction_has_its_own_delay() -> None:
    async with open_room() as room, asyncio.TaskGroup() as group:
        visitor = Visitor(room, up=Path(150.0), down=Path(50.0))
        began = time.monotonic()
        running = group.create_task(visitor.socket.run())
        await visitor.until("party:hello")
        assert visitor.times["party:hello"] - began >= 0.200
        (raw,) = visitor.raw.values()
        assert visitor.times["party:hello"] - raw >= 0.050
        running.cancel()


async def test_who_is_cut_comes_back_and_has_missed_nothing() -> None:
    async with open_room() as room, asyncio.TaskGroup() as group:
        visitor = Visitor(room)
        running = group.create_task(visitor.socket.run())
        await visitor.until("party:join")
        await room.chat("one")
        await visitor.until_chat("one")
        await visitor.socket.cut()
        await room.until(lambda: not room.lines)
        await room.chat("two")
        await room.until(lambda: room.lines)
        await room.chat("three")
        await visitor.until_chat("one", "two", "three")
        assert visitor.talk.tally.resumes == 1
        assert visitor.talk.tally.holes == visitor.talk.tally.resets == 0
        running.cancel()


async def test_a_hole_is_found_and_filled() -> None:
    async with open_room() as room, asyncio.TaskGroup() as group:
        visitor = Visitor(room)
        running = group.create_task(visitor.socket.run())
        await visitor.until("party:join")
        await room.chat("one")
        room.skip_once = True
        await room.chat("two")
        await room.chat("three")
        await visitor.until_chat("one", "two", "three")
        assert (visitor.talk.tally.holes, visitor.talk.tally.resumes) == (1, 1)
        running.cancel()


async def test_a_command_that_got_lost_with_the_line_is_said_again() -> None:
    async with open_room() as room, asyncio.TaskGroup() as group:
        visitor = Visitor(room)
        running = group.create_task(visitor.socket.run())
        await visitor.until("party:join")
        await visitor.socket.cut()
        name = visitor.talk.command("party:chat", {"message": "hi"})
        visitor.socket.flush()
        await room.until(lambda: any(said.get("id") == name for _, said in room.said))
        running.cancel()


async def test_a_server_that_is_not_there_is_tried_until_it_is() -> None:
    async with open_room() as room:
        gone = room.url
    visitor = Visitor(room, url=gone)
    running = asyncio.ensure_future(visitor.socket.run())
    async with asyncio.timeout(30):
        while visitor.talk.tally.closes[1006] < 3:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_it_stays_away_when_it_is_told_to() -> None:
    async with open_room() as room, asyncio.TaskGroup() as group:
        visitor = Visitor(room)
        running = group.create_task(visitor.socket.run())
        await visitor.until("party:join")
        (line,) = room.lines
        await line.close(4510, "sent out")
        async with asyncio.timeout(30):
            await running
        assert visitor.talk.tally.closes == {4510: 1}
