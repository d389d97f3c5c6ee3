"""A way to a server on which a test can hold up what is sent: it arrives later, even when the sender is gone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Relay:
    """`url` leads to the server at `upstream`, a port. `caught`: a request waits here. `delivered`: the server
    answered it, or more. `failed`: somebody came while there was no server."""

    def __init__(self, port: int) -> None:
        self.upstream = port
        self._text = b""
        self._go = asyncio.Event()
        self._released = False
        self.caught = asyncio.Event()
        self.delivered = asyncio.Event()
        self.failed = asyncio.Event()
        self.url = ""

    def hold(self, text: str) -> None:
        """From now on, the first request with this text waits, and those after it on the same connection."""
        self._text = text.encode()
        self._go.clear()

    def let_go(self) -> None:
        self._go.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError:
            writer.close()
            self.failed.set()
            return
        answering = asyncio.ensure_future(self._answers(up_reader, writer))
        try:
            while data := await reader.read(65536):
                late = bool(self._text) and self._text in data
                if late:
                    self._text = b""
                    self.caught.set()
                    await self._go.wait()
                    self._released = True
                up_writer.write(data)
                if late:
                    await self.delivered.wait()
        except OSError:
            pass
        finally:
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)
            for end in (writer, up_writer):
                end.close()
                with contextlib.suppress(OSError):
                    await end.wait_closed()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self._released:
                self.delivered.set()
            with contextlib.suppress(OSError):  # who asked may be gone
                writer.write(data)


@contextlib.asynccontextmanager
async def relay(port: int) -> AsyncIterator[Relay]:
    """A relay on port 0 to `port`, both on this machine."""
    made = Relay(port)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        made.let_go()
        server.close()
        await server.wait_closed()
