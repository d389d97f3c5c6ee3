"""A conversation on a real WebSocket, behind a delay line in each direction.

The lines are the client's own, so that a dozen viewers on different networks can sit on one machine: what is read is
handed on as late as the network would have been, what is said is written so much later. Nothing overtakes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from simulators.players.conversation import Conversation, Heard
from simulators.players.network import DelayLine

OPEN_SECONDS = 10.0
SILENT_SECONDS = 40.0
"""The server speaks each 15 s; who hears nothing for so long is alone."""

NOT_REACHED = 1006
MOST_WAITING = 4096


class PartySocket:
    """`hear(message, now)` is called as a message arrives behind the line, `overhear` as it comes off the socket; `now`
    is the true clock (s)."""

    def __init__(
        self,
        *,
        url: str,
        conversation: Conversation,
        hear: Callable[[Heard, float], None],
        up: DelayLine,
        down: DelayLine,
        overhear: Callable[[str, float], None] = lambda text, now: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.talk = conversation
        self._url, self._hear, self._overhear, self._now = url, hear, overhear, now
        self._up, self._down = up, down
        self._out: asyncio.Queue[tuple[float, str]] = asyncio.Queue(MOST_WAITING)
        self._socket: ClientConnection | None = None

    def flush(self) -> None:
        """Send what the conversation has to say."""
        for text in self.talk.said():
            self._out.put_nowait((self._up.arrives(self._now()), text))

    async def cut(self) -> None:
        """The connection breaks without a word, as when somebody walks out of the Wi-Fi."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def run(self) -> None:
        """Connected, as far as it goes, until the server says to stay away."""
        while True:
            code = await self._once()
            wait = self.talk.closed(code)
            if wait is None:
                return
            await asyncio.sleep(wait)

    async def _once(self) -> int:
        """One connection, from its start to its close code."""
        try:
            socket = await connect(
                self._url, open_timeout=OPEN_SECONDS, close_timeout=1.0, ping_interval=None, compression=None
            )
        except (OSError, InvalidHandshake, TimeoutError):
            return NOT_REACHED
        self._socket, self._out = socket, asyncio.Queue(MOST_WAITING)
        for text in self.talk.opened():
            self._out.put_nowait((self._up.arrives(self._now()), text))
        arriving: asyncio.Queue[tuple[float, str] | None] = asyncio.Queue()
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(self._write(socket))
                deliverer = group.create_task(self._deliver(socket, arriving))
                try:
                    await self._read(socket, arriving)
                finally:
                    arriving.put_nowait(None)
                    writer.cancel()
                await deliverer
        finally:
            self._socket = None
            await socket.close()
        return socket.close_code or NOT_REACHED

    async def _read(
        self, socket: ClientConnection, arriving: asyncio.Queue[tuple[float, str] | None]
    ) -> None:
        try:
            while True:
                async with asyncio.timeout(SILENT_SECONDS):
                    text = await socket.recv()
                now = self._now()
                assert isinstance(text, str)
                self._overhear(text, now)
                arriving.put_nowait((self._down.arrives(now), text))
        except (ConnectionClosed, TimeoutError):
            return

    async def _deliver(
        self, socket: ClientConnection, arriving: asyncio.Queue[tuple[float, str] | None]
    ) -> None:
        while (one := await arriving.get()) is not None:
            at, text = one
            await self._until(at)
            heard = self.talk.receive(text)
            if heard is not None:
                self._hear(heard, self._now())
            self.flush()
            if self.talk.is_lost:
                await socket.close()
                return

    async def _write(self, socket: ClientConnection) -> None:
        try:
            while True:
                at, text = await self._out.get()
                await self._until(at)
                await socket.send(text)
        except ConnectionClosed:
            return

    async def _until(self, at: float) -> None:
        wait = at - self._now()
        if wait > 0:
            await asyncio.sleep(wait)
