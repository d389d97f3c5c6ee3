"""A server that plays scripted conversations: the test is the server, and sees each connection and each message."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

LIMIT_SECONDS = 20.0
T0 = 1_790_000_000_000_000


def state(rev: int = 1, **changes: Any) -> dict[str, Any]:
    item = {"itemId": "i1", "kind": "video", "url": "/static/watch/clip.mp4", "title": "", "duration": None}
    return {
        "mediaId": "i1",
        "pos": 0.0,
        "rate": 1.0,
        "playing": False,
        "ts": T0,
        "dur": None,
        "rev": rev,
        "host": "m1",
        "hostEpoch": 1,
        "item": item | {"by": "m1", "votes": 0},
        "barrier": None,
    } | changes


def welcome(**changes: Any) -> dict[str, Any]:
    return {
        "roomId": "mint-owl-42",
        "self": "m7",
        "role": "member",
        "isMuted": False,
        "epoch": "k3x9",
        "kept": 10,
        "clockId": "k3",
        "resumeToken": "r1.one",
        "lives": 2400,
        "members": 2,
        "here": 2,
        "roster": [],
        "settings": {"title": "Owls"},
        "state": state(),
        "queue": [],
        "skips": {"votes": 0, "needed": 1, "mine": False},
        "history": [],
        "isHost": False,
    } | changes


def chat(seq: int, after: int, words: str = "hi", **more: Any) -> dict[str, Any]:
    data = {"chatId": f"k3x9-{seq}", "from": "m2", "userName": "Ana", "message": words, "sentAt": T0}
    return {"type": "party:chat", "seq": seq, "after": after, "data": data | {"isHost": False}, **more}


@dataclass
class Line:
    """One connection of the page."""

    socket: ServerConnection
    heard: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)

    async def next(self, *, type: str = "") -> dict[str, Any]:
        """The next message, or the next of a type; probes of the clock are answered and passed over."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while True:
                message = await self.heard.get()
                if message["type"] == "clock:ping" and type != "clock:ping":
                    stamps = {"t1": message["data"]["t1"], "t2": T0, "t3": T0, "clockId": "k3"}
                    await self.say({"type": "clock:pong", "data": stamps})
                elif type in ("", message["type"]):
                    return message

    async def say(self, *messages: dict[str, Any]) -> None:
        for message in messages:
            await self.socket.send(json.dumps(message))

    async def greet(self) -> dict[str, Any]:
        """Answer the hello; gives what it said."""
        message = await self.next()
        assert message["type"] == "party:hello"
        told = {"subject": "s7", "name": "Ben", "role": "member", "clockId": "k3", "isHost": False}
        await self.say({"type": "party:hello", "re": message["id"], "data": told})
        return dict(message["data"])

    async def admit(self, *, member: str = "m7", **changes: Any) -> dict[str, Any]:
        """Answer hello and join as a member; gives the join."""
        await self.greet()
        message = await self.next(type="party:join")
        await self.say(
            {"type": "party:join", "re": message["id"], "data": welcome(**changes) | {"self": member}}
        )
        return message

    async def resume(self, **changes: Any) -> dict[str, Any]:
        """Answer the resume; gives what it asked for."""
        message = await self.next()
        assert message["type"] == "party:resume"
        told = welcome(resumeToken="r1.two", **changes)
        del told["queue"], told["history"]
        await self.say({"type": "party:resume", "re": message["id"], "data": told})
        return dict(message["data"])

    async def bye(self, code: int, *, reason: str = "", retry_ms: int = 0) -> None:
        data = {"code": code, "reason": reason, "retryAfterMs": retry_ms}
        await self.say({"type": "party:bye", "data": data})
        await self.socket.close(code, reason)

    async def ended(self) -> int | None:
        """Wait until the page has given this connection up; the code."""
        async with asyncio.timeout(LIMIT_SECONDS):
            await self.socket.wait_closed()
        return self.socket.close_code


@dataclass
class Script:
    url: str = ""
    arrived: asyncio.Queue[Line] = field(default_factory=asyncio.Queue)
    lines: list[Line] = field(default_factory=list)
    most_at_once: int = 0

    async def line(self) -> Line:
        """The page's next connection."""
        async with asyncio.timeout(LIMIT_SECONDS):
            return await self.arrived.get()

    async def take(self, socket: ServerConnection) -> None:
        line = Line(socket)
        self.lines.append(line)
        open_now = sum(each.socket.state.name == "OPEN" for each in self.lines)
        self.most_at_once = max(self.most_at_once, open_now)
        self.arrived.put_nowait(line)
        try:
            async for text in socket:
                line.heard.put_nowait(json.loads(text))
        except ConnectionClosed:
            return  # as scripted, or the page's own wish


@asynccontextmanager
async def scripted() -> AsyncIterator[Script]:
    script = Script()
    async with serve(script.take, "127.0.0.1", 0, compression=None) as server:
        script.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/ws/connect"
        yield script
