"""A real server with watch parties, and clients at real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from rooms.talk.limits import Gates
from tests.rooms.party import PartyHouse
from tests.web.logins import MemoryLogins
from tests.web.world import World, running
from web.auth_sessions import Sessions
from web.party_socket import PartySocket, SocketLimits
from web.routes import Api

LIMIT_SECONDS = 30.0
OWN_ORIGIN = "http://127.0.0.1"
Data = dict[str, Any]


@dataclass
class Parties:
    """Time is moved by the test: a little whenever nothing comes."""

    world: World
    house: PartyHouse
    sockets: PartySocket
    open: list[ClientConnection] = field(default_factory=list)
    ids: int = 0

    @property
    def address(self) -> str:
        return f"ws://127.0.0.1:{self.world.port}/ws/connect"

    async def connect(self, token: str = "ann", **more: Any) -> ClientConnection:
        """A socket, with a token in the address."""
        return await self.dial(f"{self.address}?token={token}" if token else self.address, **more)

    async def dial(self, address: str, **more: Any) -> ClientConnection:
        socket = await connect(address, compression=None, ping_interval=None, proxy=None, **more)
        self.open.append(socket)
        return socket

    async def heard(self, socket: ClientConnection, found: Callable[[Data], bool]) -> Data:
        """The next message that is so."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while True:
                receiving = asyncio.ensure_future(socket.recv())
                while not receiving.done():
                    await asyncio.wait({receiving}, timeout=0.01)
                    await self.pass_seconds(0.02)
                one = json.loads(receiving.result())
                if found(one):
                    return dict(one)

    async def told(self, socket: ClientConnection, type: str) -> Data:
        return await self.heard(socket, lambda one: one["type"] == type)

    async def ask(self, socket: ClientConnection, type: str, data: Data | None = None) -> Data:
        self.ids += 1
        name = f"q-{self.ids}"
        await socket.send(json.dumps({"type": type, "id": name, "data": data or {}}))
        return await self.heard(socket, lambda one: one.get("re") == name)

    async def refused(self, socket: ClientConnection, type: str, data: Data | None = None) -> str:
        answer = await self.ask(socket, type, data)
        assert answer["type"] == "party:error", answer
        return str(answer["data"]["code"])

    async def closed(self, socket: ClientConnection) -> tuple[int, Data]:
        """The code with which a socket is closed, and the last message before."""
        last: Data = {}
        try:
            while True:
                last = await self.heard(socket, lambda one: True)
        except ConnectionClosed as end:
            return (end.rcvd.code if end.rcvd is not None else 1006), last

    async def room(self, host: str = "ann") -> tuple[ClientConnection, str]:
        socket = await self.connect(host)
        welcome = await self.ask(socket, "party:create", {"userName": host.title()})
        return socket, welcome["data"]["roomId"]

    async def pass_seconds(self, seconds: float) -> None:
        """Time goes on, and who looks after the sockets looks."""
        await self.house.clock.advance(seconds)
        self.sockets.sweep()


@asynccontextmanager
async def serving(
    *, limits: SocketLimits | None = None, origins: tuple[str, ...] = (), gates: Gates | None = None
) -> AsyncIterator[Parties]:
    house = PartyHouse(gates=gates)
    logins = MemoryLogins(house.clock)
    sockets = PartySocket(
        desk=house.desk,
        sessions=Sessions(logins=logins, secure=False),
        own_origin=OWN_ORIGIN,
        origins=origins,
        metrics=house.metrics,
        random=Random(1),
        limits=limits or SocketLimits(accepts_per_second=10_000),
    )
    async with running(
        ports={"api": Api(party_socket=sockets), "clock": house.clock, "logins": logins}
    ) as world:
        parties = Parties(world, house, sockets)
        try:
            yield parties
        finally:
            for socket in parties.open:
                await socket.close()
            await house.close()
