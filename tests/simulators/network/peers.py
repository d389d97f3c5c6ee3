"""What stands behind and before the proxy in these tests: a server that remembers and echoes, and clients of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from simulators.network.network import Network
from simulators.network.route import Route

LIMIT_SECONDS = 30.0


@dataclass(eq=False)
class Echo:
    """Answers each read with the same bytes. `ends`: how each connection ended, "eof" or "reset"."""

    port: int = 0
    heard: bytearray = field(default_factory=bytearray)
    ends: list[str] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        end = "eof"
        try:
            while data := await reader.read(65536):
                self.heard += data
                await self._tell()
                writer.write(data)
                await writer.drain()
        except OSError:
            end = "reset"
        finally:
            self.ends.append(end)
            await self._tell()
            writer.close()

    async def until_heard(self, data: bytes) -> None:
        async with asyncio.timeout(LIMIT_SECONDS), self.changed:
            await self.changed.wait_for(lambda: bytes(self.heard) == data)

    async def until_ended(self, *ends: str) -> None:
        async with asyncio.timeout(LIMIT_SECONDS), self.changed:
            await self.changed.wait_for(lambda: self.ends == list(ends))

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()


@dataclass(eq=False)
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def hear(self, size: int) -> bytes:
        async with asyncio.timeout(LIMIT_SECONDS):
            return await self.reader.readexactly(size)

    async def end(self) -> tuple[bytes, str]:
        """What still comes, and how it ends: "eof" or "reset"."""
        heard = bytearray()
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                while data := await self.reader.read(65536):
                    heard += data
        except OSError:
            return bytes(heard), "reset"
        return bytes(heard), "eof"


@dataclass(eq=False)
class Bench:
    """An echo server, a route to it, and clients through the route."""

    echo: Echo
    network: Network
    route: Route
    clients: list[Client] = field(default_factory=list)

    async def client(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.route.port))
        self.clients.append(client)
        return client

    async def talking(self) -> Client:
        """A client that has had an answer: the connection stands from end to end."""
        client = await self.client()
        await client.send(b"hello")
        assert await client.hear(5) == b"hello"
        self.echo.heard.clear()
        return client


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    echo.port = server.sockets[0].getsockname()[1]
    async with Network() as network:
        route = await network.add("echo", f"127.0.0.1:{echo.port}")
        made = Bench(echo, network, route)
        try:
            yield made
        finally:
            for client in made.clients:
                client.writer.transport.abort()
            server.close()
            await network.stop()
            async with asyncio.timeout(LIMIT_SECONDS):
                await server.wait_closed()
