"""A proxy before MongoDB that breaks a connection at the worst moment: the server has done it, nobody is told."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

Meanwhile = Callable[[], Awaitable[object]]


async def nothing() -> None:
    """Nothing happens meanwhile."""


@dataclass
class Cut:
    """Breaks `times` connections, each as it carries a request with the command `command`, of which it lets pass
    `every - 1` in between. `done`: the server gets the request and answers, and `meanwhile` happens; else the request
    is lost."""

    command: str
    times: int = 1
    every: int = 1
    done: bool = True
    meanwhile: Meanwhile = nothing
    made: int = field(default=0, init=False)
    seen: int = field(default=0, init=False)

    def applies(self, message: bytes) -> bool:
        """Whether this message of a client is meant. An OP_MSG has its command's name at byte 26."""
        kind = struct.unpack_from("<i", message, 12)[0]
        name = message[26 : message.find(b"\0", 26)].decode("ascii", "replace") if kind == 2013 else ""
        if name != self.command or self.made == self.times:
            return False
        self.seen += 1
        return self.seen % self.every == 0


class Proxy:
    """Passes whole messages on, both ways, until `cut` says otherwise."""

    def __init__(self, url: str) -> None:
        self._upstream = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.cut: Cut | None = None

    @property
    def url(self) -> str:
        """The way to the same database through this proxy."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return urlunsplit(self._upstream._replace(netloc=f"127.0.0.1:{port}"))

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            async with self._to_server() as (from_server, to_server):
                with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                    # The driver asks one thing at a time on each connection.
                    while await self._pass_on(reader, writer, from_server, to_server):
                        pass
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        from_server: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
    ) -> bool:
        request = await _message(reader)
        cut = self.cut if self.cut and self.cut.applies(request) else None
        if cut is not None:
            cut.made += 1
            if not cut.done:
                return False
        to_server.write(request)
        answer = await _message(from_server)
        if cut is not None:
            await cut.meanwhile()
            return False
        writer.write(answer)
        await writer.drain()
        return True

    @contextlib.asynccontextmanager
    async def _to_server(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection(self._upstream.hostname, self._upstream.port)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


async def _message(reader: asyncio.StreamReader) -> bytes:
    length = await reader.readexactly(4)
    return length + await reader.readexactly(struct.unpack("<i", length)[0] - 4)
