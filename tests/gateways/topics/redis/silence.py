"""A way to Redis on which subscriptions can be silenced: their connections stay open, and nothing comes any more."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Silence:
    """`url` leads to Redis. `fall()` silences the subscriptions that are there now, not later ones. `subscriptions`:
    how many there were."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._subscribed: set[asyncio.StreamWriter] = set()
        self._silenced: set[asyncio.StreamWriter] = set()
        self.url = ""
        self.subscriptions = 0

    def fall(self) -> None:
        self._silenced |= self._subscribed

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
        async with asyncio.TaskGroup() as group:
            answers = group.create_task(self._answers(up_reader, writer))
            while data := await reader.read(65536):
                if b"SUBSCRIBE" in data and writer not in self._subscribed:
                    self._subscribed.add(writer)
                    self.subscriptions += 1
                up_writer.write(data)
            answers.cancel()
        for end in (writer, up_writer):
            end.close()
            with contextlib.suppress(OSError):
                await end.wait_closed()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if writer not in self._silenced:
                writer.write(data)


@contextlib.asynccontextmanager
async def silence(port: int) -> AsyncIterator[Silence]:
    """A way on port 0 to a Redis on this machine."""
    made = Silence(port)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()
