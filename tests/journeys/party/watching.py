"""A viewer on a real socket: our Python client's conversation, an oracle that reads along, and eyes that may close."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from simulators.players.conversation import Conversation, Heard
from tests.journeys.party.oracle import Record

OPEN_SECONDS = 20.0
_NUMBERS = itertools.count(1)

SMALL_BUFFER = 4096
"""What the kernel keeps for a viewer who does not read, so that it soon shows at the server."""


class Viewer:
    """`urls`: of the processes, in the order in which they are tried. With `is_small` little fits into its socket."""

    def __init__(
        self,
        name: str,
        urls: Sequence[str],
        *,
        token: str,
        room_id: str = "",
        settings: Mapping[str, Any] | None = None,
        is_small: bool = False,
    ) -> None:
        self.name = name
        self.record = Record(name)
        self.answers: dict[str, Heard] = {}
        self.closes: Counter[int] = Counter()
        self.reads = asyncio.Event()
        self.reads.set()
        self.stays = True
        self._urls, self._at, self._is_small = list(urls), 0, is_small
        with_data = {"userName": name} | (
            {"roomId": room_id} if room_id else {"settings": dict(settings or {})}
        )
        self.talk = Conversation(
            hello={"token": token},
            begin="party:join" if room_id else "party:create",
            with_data=with_data,
            chance=Random(name).random,
            name=name,
        )
        self._socket: ClientConnection | None = None
        self._numbers = itertools.count(1)

    # -- what a person does -------------------------------------------------------------------------------------

    async def ask(self, type: str, **data: Any) -> str:
        """Ask for something; its id, under which `answers` has what was said to it."""
        name = self.talk.command(type, data)
        await self._send()
        return name

    async def say(self, padding: str = "") -> str:
        """Say something that nobody has said before."""
        text = f"{self.name}:{next(self._numbers)} {padding}".strip()
        name = self.talk.command("party:chat", {"message": text})
        self.record.said(name, text)
        await self._send()
        return name

    async def cut(self) -> None:
        """Lose the connection without a word, and come back."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def go(self) -> None:
        """Lose the connection, and never come back."""
        self.stays = False
        self.reads.set()
        await self.cut()

    def move(self) -> None:
        """The next connection is to the next process."""
        self._at += 1

    def token(self) -> Mapping[str, Any]:
        """What would bring this member back, as of now."""
        return {"resumeToken": self.talk._resume_token, "epoch": self.talk.epoch, "lastSeq": self.talk._kept}

    # -- its socket ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Connected, as far as it goes, until told to stay away."""
        while self.stays:
            code = await self._once()
            self.closes[code] += 1
            if code == 1006:
                self.move()  # as a balancer would, once a process does not answer
            wait = self.talk.closed(code)
            if wait is None:
                return
            await asyncio.sleep(wait)

    async def _once(self) -> int:
        url = self._urls[self._at % len(self._urls)]
        line = socket.socket()
        line.setblocking(False)
        if self._is_small:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        try:
            found = urlsplit(url)
            await asyncio.get_running_loop().sock_connect(line, (found.hostname, found.port))
            self._socket = await connect(
                url,
                sock=line,
                open_timeout=OPEN_SECONDS,
                close_timeout=1.0,
                ping_interval=None,
                compression=None,
                max_queue=2 if self._is_small else 16,
                proxy=None,
            )
        except (OSError, InvalidHandshake, InvalidMessage, TimeoutError):
            line.close()
            return 1006
        try:
            for text in self.talk.opened():
                await self._socket.send(text)
            await self._read(self._socket)
        except ConnectionClosed:
            pass
        finally:
            await self._socket.close()
        return self._socket.close_code or 1006

    async def _read(self, socket: ClientConnection) -> None:
        async for text in socket:
            await self.reads.wait()
            assert isinstance(text, str)
            self.record.hear(text, time.monotonic())
            heard = self.talk.receive(text)
            if heard is not None and heard.re:
                self.answers[heard.re] = heard
            await self._send()
            if self.talk.is_lost:
                return

    async def _send(self) -> None:
        for text in self.talk.said():
            try:
                if self._socket is not None:
                    await self._socket.send(text)
            except ConnectionClosed:
                return  # what has an id is said again


class Bare:
    """One socket, and nothing that is done by itself."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    @classmethod
    async def open(cls, url: str) -> Bare:
        return cls(await connect(url, open_timeout=OPEN_SECONDS, ping_interval=None, proxy=None))

    async def send(self, type: str, **data: Any) -> str:
        """Say something; the id that it went under."""
        name = f"bare-{next(_NUMBERS)}"
        await self._socket.send(json.dumps({"type": type, "id": name, "data": data}))
        return name

    async def ask(self, type: str, **data: Any) -> dict[str, Any]:
        """The answer to a message."""
        name = await self.send(type, **data)
        async with asyncio.timeout(OPEN_SECONDS):
            while (message := await self._next()).get("re") != name:
                pass
        return message

    async def until(self, type: str) -> dict[str, Any]:
        """The next message of this type."""
        async with asyncio.timeout(OPEN_SECONDS):
            while (message := await self._next())["type"] != type:
                pass
        return message

    async def _next(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self._socket.recv())
        return found

    async def close(self) -> None:
        await self._socket.close()
