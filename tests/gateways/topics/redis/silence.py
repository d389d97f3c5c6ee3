"""A way to Redis on which subscriptions can be silenced (their connections stay open, and nothing comes any more), and
which can lead to another server from some moment on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Silence:
    """`url` leads to the Redis at `port`, which may be changed for connections to come. `fall()` silences the
    subscriptions that are there now, not later ones. `subscriptions`: how many there were."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._serving: set[asyncio.Task[None]] = set()
        self._subscribed: set[asyncio.StreamWriter] = set()
        self._silenced: set[asyncio.StreamWriter] = set()
        self.url = ""
        self.subscriptions = 0

    def fall(self) -> None:
        self._silenced |= self._subscribed

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.port)
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

    async def ended(self) -> None:
        """Wait until everybody hung up."""
        if self._serving:
            await asyncio.wait(set(self._serving), timeout=5)

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
        await made.ended()
