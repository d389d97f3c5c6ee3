"""A room on a real socket, as small as a client can live with: what `docs/protocol.md` says, for one film and its chat.

It keeps its log, so that who comes back with `party:resume` gets what was missed; it can cut every line.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

ZERO = 1_790_000_000_000_000


@dataclass
class Room:
    """`url` to connect to; `said` is every message that came up, with the number of its connection."""

    url: str = ""
    said: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)
    lines: set[ServerConnection] = field(default_factory=set)
    connections: int = 0
    rev: int = 0
    skip_once: bool = False
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    film: dict[str, Any] = field(
        default_factory=lambda: {"pos": 0.0, "playing": False, "rate": 1.0, "ts": ZERO}
    )

    def now(self) -> int:
        return ZERO + round(time.monotonic() * 1e6)

    def state(self) -> dict[str, Any]:
        return {**self.film, "rev": self.rev, "mediaId": "m", "dur": 7200.0, "barrier": None, "item": None}

    def welcome(self, type: str, number: int) -> dict[str, Any]:
        data = {
            "roomId": "mint-owl-42", "self": f"m{number}", "epoch": "e1", "kept": len(self.log),
            "clockId": "k1", "resumeToken": f"r1.{number}", "state": self.state(), "isHost": number == 1,
        }  # fmt: skip
        return {"type": type, "data": data}

    async def play(self, *, ahead: float = 0.3) -> None:
        self.rev += 1
        self.film = {"pos": 100.0, "playing": True, "rate": 1.0, "ts": self.now() + round(ahead * 1e6)}
        await self.tell(
            {"type": "party:play", "rev": self.rev, "data": {"isHost": False, "state": self.state()}}
        )

    async def chat(self, text: str) -> None:
        seq = len(self.log) + 1
        message = {
            "type": "party:chat",
            "seq": seq,
            "after": seq - 1,
            "data": {"message": text, "isHost": False},
        }
        self.log.append(message)
        if self.skip_once:
            self.skip_once = False
            return
        await self.tell(message)

    async def tell(self, message: dict[str, Any]) -> None:
        for line in list(self.lines):
            await line.send(json.dumps(message))

    async def until(self, reached: Any) -> None:
        """Wait until something is so, looking after each message and each connection."""
        async with asyncio.timeout(30):
            while not reached():
                self.moved.clear()
                await self.moved.wait()

    def types(self, number: int) -> list[str]:
        return [message["type"] for one, message in self.said if one == number]

    async def serve(self, line: ServerConnection) -> None:
        self.connections += 1
        number = self.connections
        try:
            async for text in line:
                received = self.now()
                message = json.loads(text)
                self.said.append((number, message))
                for answer in self.answers(message, number, received):
                    await line.send(json.dumps({"re": message.get("id", ""), **answer}))
                if message["type"] in ("party:join", "party:create", "party:resume"):
                    self.lines.add(line)
                self.moved.set()
        except ConnectionClosed:
            pass
        finally:
            self.lines.discard(line)
            self.moved.set()

    def answers(self, message: dict[str, Any], number: int, received: int) -> list[dict[str, Any]]:
        data = message.get("data") or {}
        match message["type"]:
            case "party:hello":
                return [{"type": "party:hello", "data": {"subject": "s", "isHost": False}}]
            case "clock:ping":
                stamps = {"t1": data["t1"], "t2": received, "t3": self.now(), "clockId": "k1"}
                return [{"type": "clock:pong", "data": stamps}]
            case "party:join" | "party:create" as entered:
                return [self.welcome(entered, number)]
            case "party:resume":
                return [self.welcome("party:resume", number), *self.log[data["lastSeq"] :]]
            case "party:pong" | "party:report":
                return []
        return [{"type": "party:ok", "data": {"isHost": False}}]


@asynccontextmanager
async def open_room() -> AsyncIterator[Room]:
    room = Room()
    async with serve(room.serve, "127.0.0.1", 0, ping_interval=None, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        room.url = f"ws://127.0.0.1:{port}/ws/connect"
        yield room
