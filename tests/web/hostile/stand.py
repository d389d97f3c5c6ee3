"""A whole daemon with watch parties, viewers at real sockets, and a clock that leaps where a test would have to wait.
At the end nothing may have been logged as an error: what a client sends is never a fault of ours."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from daemon.clock import SystemClock
from rooms.talk.conversation import Desk
from simulators.twitch import SimulatorSettings, TwitchSimulator
from tests.daemon.running import Running, joining
from web.party_socket import PartySocket

SECONDS = 30.0
SECRET = "0123456789abcdef0123456789abcdef"
ISSUERS = f"school HS256 secret:{SECRET}"
FILM = {"url": "https://films.example/a.mp4", "duration": 600}
UPGRADE = (
    "GET /ws/connect{query} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
Data = dict[str, Any]


def token(subject: str, **more: Any) -> str:
    """A credential of the issuer that the daemon knows."""
    claims = {"iss": "school", "sub": subject, "name": subject.title(), "exp": 4_000_000_000, **more}
    return jwt.encode(claims, SECRET, algorithm="HS256")


class Leaping(SystemClock):
    """The machine's clock, and what the test adds to it."""

    def __init__(self) -> None:
        self._leapt = 0.0
        self._moved = asyncio.Event()

    def now(self) -> int:
        return super().now() + round(self._leapt * 1000)

    def monotonic(self) -> float:
        return super().monotonic() + self._leapt

    async def sleep(self, seconds: float) -> None:
        until = self.monotonic() + seconds
        await asyncio.sleep(0)
        while (left := until - self.monotonic()) > 0:
            await super().wait(self._moved, left)

    def leap(self, seconds: float) -> None:
        self._leapt += seconds
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


class Guest:
    """A client as it should be, who may yet say what it should not."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.told: list[Data] = []
        self.self = self.room = ""
        self._ids = 0

    async def say(self, text: str | bytes) -> None:
        await self.socket.send(text, text=True)

    async def send(self, type: str, *, id: str = "", **data: Any) -> str:
        self._ids += 1
        name = id or f"c-{self._ids}"
        await self.say(json.dumps({"type": type, "id": name, "data": data}))
        return name

    async def ask(self, type: str, **data: Any) -> Data:
        """Send it and wait for the answer."""
        name = await self.send(type, **data)
        return await self.until(lambda one: one.get("re") == name)

    async def refused(self, type: str, **data: Any) -> str:
        answer = await self.ask(type, **data)
        assert answer["type"] == "party:error", answer
        return str(answer["data"]["code"])

    async def until(self, wanted: Callable[[Data], bool]) -> Data:
        """The first message that is wanted and was not looked for before."""
        async with asyncio.timeout(SECONDS):
            while True:
                for one in self.told:
                    if wanted(one):
                        self.told.remove(one)
                        return one
                self.told.append(json.loads(await self.socket.recv()))

    async def heard(self, type: str) -> Data:
        return await self.until(lambda one: one["type"] == type and "re" not in one)

    async def ended(self) -> int:
        """The code with which the server closes."""
        async with asyncio.timeout(SECONDS):
            try:
                while True:
                    self.told.append(json.loads(await self.socket.recv()))
            except ConnectionClosed as end:
                return end.rcvd.code if end.rcvd is not None else 1006

    async def is_read(self) -> None:
        """Wait until the server has read all that was said, or has closed."""
        with suppress(ConnectionClosed):
            pong = await self.socket.ping()
            async with asyncio.timeout(SECONDS):
                while not pong.done():
                    with suppress(TimeoutError):
                        self.told.append(json.loads(await asyncio.wait_for(self.socket.recv(), 0.01)))
            await pong

    async def is_well(self) -> bool:
        """Whether what it says is still answered."""
        return (await self.ask("clock:ping", t1=1))["type"] == "clock:pong"


class Raw(asyncio.Protocol):
    """Bytes, and nothing else."""

    def __init__(self) -> None:
        self.got = b""
        self.is_over = False
        self._news = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.got += data
        self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_over = True
        self._news.set()

    def write(self, data: bytes) -> None:
        """After the end: nothing."""
        if not self.transport.is_closing():
            self.transport.write(data)

    def frame(self, opcode: int, payload: bytes = b"", *, fin: bool = True) -> None:
        self.write(Frame(Opcode(opcode), payload, fin=fin).serialize(mask=True))

    def say(self, type: str, *, id: str = "", **data: Any) -> None:
        self.frame(Opcode.TEXT, json.dumps({"type": type, "id": id or "x", "data": data}).encode())

    async def more(self) -> None:
        """Wait for something to come. Raises `EOFError` when nothing will any more."""
        async with asyncio.timeout(SECONDS):
            if self.is_over:
                raise EOFError
            await self._news.wait()
            self._news.clear()

    async def head(self) -> bytes:
        """The answer to a request, up to the empty line."""
        while b"\r\n\r\n" not in self.got:
            await self.more()
        head, _, self.got = self.got.partition(b"\r\n\r\n")
        return head

    async def read(self) -> tuple[int, bytes]:
        """One frame of the server: opcode and payload."""
        while True:
            if len(self.got) >= 2:
                size, start = self.got[1], 2
                if size > 125:
                    start = 4 if size == 126 else 10
                    size = int.from_bytes(self.got[2:start], "big")
                if len(self.got) >= start + size:
                    first, payload = self.got[0], self.got[start : start + size]
                    self.got = self.got[start + size :]
                    return first & 0x0F, payload
            await self.more()

    async def ended(self) -> int:
        """The code of the server's Close; 1006 if it hung up without one."""
        try:
            while True:
                op, payload = await self.read()
                if op == Opcode.CLOSE:
                    return int.from_bytes(payload[:2], "big") if payload else 1005
        except EOFError:
            return 1006

    async def answered(self, id: str) -> Data:
        while True:
            op, payload = await self.read()
            if op == Opcode.TEXT and (one := json.loads(payload)).get("re") == id:
                return dict(one)

    async def hung_up(self) -> None:
        """Wait until the server has."""
        while not self.is_over:
            await self.more()


@dataclass
class Stand:
    run: Running
    clock: Leaping
    stack: AsyncExitStack
    faults: list[Any] = field(default_factory=list)
    _addresses: int = 0

    @property
    def parties(self) -> PartySocket:
        found = self.run.daemon._servers[0]._web.parties
        assert found is not None
        return found

    @property
    def desk(self) -> Desk:
        return self.parties._desk

    def address(self) -> str:
        """One that nobody has come from yet."""
        self._addresses += 1
        return f"127.1.{self._addresses // 250}.{self._addresses % 250 + 1}"

    async def dial(self, query: str = "", *, address: str = "", **more: Any) -> Guest:
        where = f"ws://127.0.0.1:{self.run.daemon.port}/ws/connect{query}"
        come = connect(
            where, compression=None, ping_interval=None, proxy=None, open_timeout=SECONDS,
            close_timeout=1.0, local_addr=(address or self.address(), 0), **more,
        )  # fmt: skip
        return Guest(await self.stack.enter_async_context(come))

    async def come(self, name: str, **more: Any) -> Guest:
        """Somebody with a good credential."""
        return await self.dial(f"?token={token(name)}", **more)

    async def room(self, host: str = "ann", **settings: Any) -> tuple[Guest, str]:
        guest = await self.come(host)
        return guest, await self._in(guest, "party:create", userName=host, settings=settings)

    async def join(self, name: str, room: str, **data: Any) -> Guest:
        guest = await self.come(name)
        await self._in(guest, "party:join", roomId=room, **data)
        return guest

    async def _in(self, guest: Guest, type: str, **data: Any) -> str:
        welcome = await guest.ask(type, **data)
        assert welcome["type"] == type, welcome
        guest.told.insert(0, welcome)
        guest.self, guest.room = welcome["data"]["self"], welcome["data"]["roomId"]
        return guest.room

    async def wire(self, head: str | None = None, *, name: str = "") -> Raw:
        """Bytes: after the upgrade, as somebody, or with a head that is none. What is not read fills little memory."""
        loop = asyncio.get_running_loop()
        own = socket.socket()
        own.setblocking(False)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        own.bind((self.address(), 0))
        await loop.sock_connect(own, ("127.0.0.1", self.run.daemon.port))
        _, raw = await loop.create_connection(Raw, sock=own)
        self.stack.callback(raw.transport.abort)
        if head is not None:
            raw.write(head.encode())
            return raw
        raw.write(UPGRADE.format(query=f"?token={token(name)}" if name else "").encode())
        assert b" 101 " in await raw.head()
        return raw

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not reached():
                await asyncio.sleep(0.005)


class _Faults(logging.Handler):
    def __init__(self, found: list[Any]) -> None:
        super().__init__(logging.ERROR)
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        self._found.append((record.name, record.getMessage(), record.exc_info))


@asynccontextmanager
async def standing(tmp_path: Path, **environ: str) -> AsyncIterator[Stand]:
    """Everything started; stopped at the end, when nothing may have gone wrong inside."""
    faults: list[Any] = []

    def look(_logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
        if method in ("error", "critical", "exception") or event.get("exc_info"):
            faults.append(event)
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[look])
    handler = _Faults(faults)
    logging.getLogger().addHandler(handler)
    clock = Leaping()
    try:
        async with AsyncExitStack() as stack:
            sim = await stack.enter_async_context(
                TwitchSimulator(settings=SimulatorSettings(accounting_lag_s=0))
            )
            environ = {"JWT_ISSUER_KEYS": ISSUERS, **environ}
            run = await stack.enter_async_context(joining(sim, tmp_path / "data", clock=clock, **environ))
            stand = Stand(run, clock, await stack.enter_async_context(AsyncExitStack()), faults)
            yield stand
            assert not run.daemon._tasks.died.is_set()
            await stand.stack.aclose()
        assert not faults
    finally:
        structlog.configure(**before)
        logging.getLogger().removeHandler(handler)


def resident_kib() -> int:
    """Memory of this process."""
    pages = int(Path(f"/proc/{os.getpid()}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
